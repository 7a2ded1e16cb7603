//! Networks that are dead before training begins (Lu, Shin, Su, Karniadakis 2019): a deep, narrow ReLU network of one input is constant more often than not, a leaky
//! one never. Sampled and, where a formula is known, computed.
//!
//! `cargo run --release --example born_dead -- [--seed N] [--quick]` prints both, the verdict, and writes `out/born_dead.png`.

mod support;

use nn::theory::{Estimate, born_dead_on_a_line, estimate_born_dead_on_a_line};
use plotters::prelude::SeriesLabelPosition;
use std::error::Error;
use support::{Options, Picture, options};
use tape::Rng;

const WIDTHS: [usize; 4] = [1, 2, 3, 5];
const DEPTHS: [usize; 7] = [1, 2, 3, 5, 10, 20, 40];

fn main() -> Result<(), Box<dyn Error>> {
    let Options { seed, quick } = options(1)?;
    let samples = if quick { 2_000 } else { 40_000 };
    let mut rng = Rng::seed(seed);
    println!("share of ReLU networks of one input that are constant, of {samples} each (formula)");
    print!("{:>6}", "depth");
    WIDTHS.iter().for_each(|width| print!("{:>22}", format!("width {width}")));
    println!();
    let mut curves = vec![Vec::new(); WIDTHS.len()];
    let mut all_agree = true;
    for depth in DEPTHS {
        print!("{depth:>6}");
        for (width, curve) in WIDTHS.into_iter().zip(&mut curves) {
            let estimate = estimate_born_dead_on_a_line(width, depth, samples, &mut rng)?;
            let formula = born_dead_on_a_line(width, depth).ok();
            all_agree &= formula.is_none_or(|p| agrees(estimate, p));
            let shown = formula.map_or(String::new(), |p| format!(" ({p:.4})"));
            print!("{:>22}", format!("{:.4}{shown}", estimate.share));
            curve.push((depth as f64, estimate.share));
        }
        println!();
    }
    let title = "Share of ReLU networks that are born dead (one input)";
    let mut picture = Picture::new(title, "hidden layers", "share");
    for (width, curve) in WIDTHS.into_iter().zip(curves) {
        picture = picture.curve(&format!("width {width}"), curve);
    }
    picture.legend(SeriesLabelPosition::LowerRight).write("born_dead")?;
    // A leaky network is 0 for one sign of its input only if a product of Gaussian numbers is: never.
    match all_agree {
        true => println!("verdict: the claim holds: sampled shares are the formulas' within four standard errors"),
        false => println!("verdict: the claim fails: a sampled share is not the formula's"),
    }
    Ok(())
}

fn agrees(estimate: Estimate, p: f64) -> bool {
    (estimate.share - p).abs() < 4.0 * estimate.standard_error()
}
