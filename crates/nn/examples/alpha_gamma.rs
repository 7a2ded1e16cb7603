//! What a PReLU's α says beside γ and β of the batch norm before it, on networks trained on the digits.
//! The exact symmetry (γ, β, α) → (−αγ, −αβ, 1/α) makes a trained model's twin: other numbers, the same predictions. The redundancy ρ = 1 − R² of ∂y/∂α on ∂y/∂γ and ∂y/∂β,
//! channel by channel: 0 where every input is negative, although each pair of columns has another direction; where none is, α is idle; far from 0 in a healthy network.
//! It is relative to α's own column: a twin's is ρ·α²·Σ min(z, 0)²/Σ max(z, 0)², which for slopes below 1 is smaller.
//! And what freezing α costs.
//!
//! `cargo run --release --example alpha_gamma -- [--seed N] [--quick]` prints all three, the verdict, and writes `out/alpha_gamma.png`.

#[path = "support/norm_and_slope.rs"]
mod norm_and_slope;
mod support;

use nn::equivalence::twin;
use nn::prelude::*;
use norm_and_slope::{Net, WIDTH, compare, cosines, fresh, scores, shifted, trained};
use plotters::prelude::SeriesLabelPosition;
use std::error::Error;
use support::{Options, Picture, options};

/// In units of |γ|. No normalised number of N is beyond √(N − 1) (Samuelson 1968), which is 19 for the test set's 360.
const SHIFT: f64 = 20.0;

fn main() -> Result<(), Box<dyn Error>> {
    let Options { seed, quick } = options(1)?;
    let (epochs, runs) = if quick { (3, 2) } else { (20, 8) };
    let (train, test) = nn::data::digits()?;
    let before = fresh(seed);
    let after = trained(&before, &train, epochs, seed)?;
    let mut other = after.clone();
    twin(&mut other.1, &mut other.2, &mut other.3)?;
    let accuracy = 100.0 * nn::metrics::accuracy(|x| after.forward(x), &test);
    println!("{epochs} epochs on the digits, {WIDTH} units: test accuracy {accuracy:.1}%");
    let (off, same) = compare(&after, &other, &test);
    println!("its twin: logits off by {off:.1e} of the largest, classes the same: {same}");
    let later = compare(&trained(&after, &train, 1, seed)?, &trained(&other, &train, 1, seed)?, &test).0;
    println!("after one more epoch of each on the same batches: off by {later:.1e}\n");

    println!("{:>16}   ρ: least     decile     median  9th decile  redundant  idle", "");
    let (lowest, highest) = (shifted(&after, -SHIFT), shifted(&after, SHIFT));
    let mut picture = Picture::new("Independence of alpha from gamma and beta", "channel, by rank", "log10 of rho");
    let (mut found, mut drawn) = (Vec::new(), 0);
    let names = ["before training", "after", "its twin", "all negative", "none negative"];
    for (name, net) in names.into_iter().zip([&before, &after, &other, &lowest, &highest]) {
        let pair = nn::diagnose(net, |x| net.forward(x), test.images())?.redundancy.pairs.remove(0);
        let mut rhos: Vec<f64> = pair.independence.iter().flatten().copied().collect();
        rhos.sort_by(f64::total_cmp);
        let at = |share: f64| {
            rhos.get((share * rhos.len() as f64) as usize).map_or("–".into(), |rho| format!("{rho:.2e}"))
        };
        let (redundant, idle) = (pair.redundant(), pair.idle());
        println!(
            "{name:>16}  {:>9}  {:>9}  {:>9}  {:>10}  {redundant:9}  {idle:4}",
            at(0.0),
            at(0.1),
            at(0.5),
            at(0.9)
        );
        if drawn < 3 {
            picture = picture.curve(name, rhos.iter().enumerate().map(|(rank, rho)| (rank as f64, rho.log10())));
        }
        (drawn, found) = (drawn + 1, [found, vec![(rhos, redundant, idle)]].concat());
    }
    picture.legend(SeriesLabelPosition::LowerRight).write("alpha_gamma")?;
    let (cosine, away) = cosines(&lowest, test.images());
    println!("all negative: cosine of ∂y/∂α and ∂y/∂γ {cosine:.4}, within {away:.0e} of |γ|/√(γ² + β²)\n");

    println!("α frozen at 0.25 against learned, {runs} seeds, {epochs} epochs; {WIDTH} numbers fewer to train");
    let mut differences = [Vec::new(), Vec::new()];
    for seed in seed..seed + runs {
        let mut frozen = fresh(seed);
        frozen.2.freeze();
        let scores = |net: Net| trained(&net, &train, epochs, seed).map(|net| scores(&net, &test));
        let (learned, frozen) = (scores(fresh(seed))?, scores(frozen)?);
        differences.iter_mut().zip(frozen).zip(learned).for_each(|((of, frozen), learned)| of.push(frozen - learned));
    }
    for (name, of) in ["test accuracy, %", "test loss"].iter().zip(&differences) {
        let mean = of.iter().sum::<f64>() / runs as f64;
        let error = (of.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / (runs * (runs - 1)) as f64).sqrt();
        println!("{name:>16}: {mean:+.4} ± {error:.4}");
    }
    let zero = found[3].1 == WIDTH && found[3].0.iter().all(|&rho| rho < 1e-12) && away < 1e-3;
    let (twins, idle, healthy) = (same && off < 1e-4, found[4].2 == WIDTH, 10 * (found[1].1 + found[1].2) < WIDTH);
    match twins && zero && idle && healthy {
        true => println!(
            "verdict: the claim holds: a twin predicts the same, ρ is 0 where every input is negative and not in a healthy network"
        ),
        false => println!("verdict: the claim fails: twin {twins}, ρ = 0 {zero}, idle {idle}, healthy {healthy}"),
    }
    Ok(())
}
