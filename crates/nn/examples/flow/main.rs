//! What an invertible leaky rectifier makes possible: a flow with exact log-likelihood. Couplings whose scale and shift are leaky networks (Dinh, Sohl-Dickstein, Bengio 2017)
//! and leaky rectifiers with learned slopes above 0 carry points to a normal distribution: log p(x) = log N(z) + Σ ln|det J|. A ReLU has no inverse: its ln|det J| is −∞
//! wherever a unit is off. Two moons, beside a Gaussian and beside the law that drew them.
//!
//! Rectifiers alone hardly leave the Gaussian's likelihood: ln|det J| jumps at a kink, and its gradient does not see what moving the kink would gain. So the couplings bend most,
//! and the rectifiers between them some.
//!
//! `cargo run --release --example flow -- [--seed N] [--quick]` prints likelihoods and the verdict, and writes `out/flow.png` and `out/flow_likelihood.png`.

mod data;
mod model;
#[path = "../support/plane.rs"]
mod plane;
#[path = "../support/mod.rs"]
mod support;

use data::{POINTS, gaussian_log_densities, mean, true_log_densities, two_moons};
use model::{Flow, Kind};
use nn::prelude::*;
use plane::Plane;
use plotters::prelude::SeriesLabelPosition;
use support::{Options, Picture, options};

const STEPS: usize = 8;
const BATCH: usize = 200;
const RATE: f64 = 0.005;
/// The density is summed over [−REACH, REACH]².
const REACH: f64 = 5.0;
const TOLERANCE: f64 = 0.005;
/// How much of the way from a Gaussian's likelihood to the true one counts as following the points.
const FOLLOWS: f64 = 0.8;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Options { seed, quick } = options(1)?;
    let epochs = if quick { 10 } else { 150 };
    let mut rng = Rng::seed(seed);
    let (train, held_out) = (two_moons(&mut rng), two_moons(&mut rng));
    let (gaussian, law) = (gaussian_log_densities(&train, &held_out), true_log_densities(&held_out));
    println!(
        "mean log-likelihood of two moons, {POINTS} points to learn and as many held out, {STEPS} steps, {epochs} epochs"
    );
    println!("{:>18}  {:>8}  {:>8}  learned slopes", "", "training", "held out");
    println!("{:>18}  {:>8}  {:8.4}", "Gaussian", "", mean(&gaussian));
    let mut picture = Picture::new("Mean log-likelihood of two moons, held out", "epoch", "log-likelihood");
    let mut flow = None;
    for (name, kind) in
        [("rectifiers alone", Kind::Rectifiers), ("couplings alone", Kind::Couplings), ("both", Kind::Both)]
    {
        let (found, curve) = fit(kind, &train, &held_out, epochs, seed)?;
        let ((least, most), training) = (found.slopes(), mean(&found.log_densities(&train)?));
        println!("{name:>18}  {training:8.4}  {:8.4}  {least:.3} to {most:.3}", curve[epochs].1);
        picture = picture.curve(name, curve);
        flow = Some(found);
    }
    println!("{:>18}  {:>8}  {:8.4}", "the law itself", "", mean(&law));
    let ends = |level: f64| [(0.0, level), (epochs as f64, level)];
    picture = picture.curve("Gaussian", ends(mean(&gaussian))).curve("the law itself", ends(mean(&law)));
    picture.legend(SeriesLabelPosition::LowerRight).write("flow_likelihood")?;

    let flow = flow.ok_or("no flow was fitted")?;
    // The density jumps along lines, so a sum over cells of side h is off by O(h): two sides show how much.
    let (mut integral, mut density) = (0.0, Vec::new());
    for cells in [200, 400] {
        let grid: Vec<f32> = Plane::middles(REACH, cells).flat_map(|(x, y)| [x as f32, y as f32]).collect();
        density = flow.log_densities(&Tensor::new(&grid, [cells * cells, 2]))?.into_iter().map(f64::exp).collect();
        integral = density.iter().sum::<f64>() * (2.0 * REACH / cells as f64).powi(2);
        println!("integral of the density over {cells}² cells: {integral:.5}");
    }
    let back = flow.way_back(&held_out)?;
    println!("points there and back: at most {back:.1e} away");
    let points: Vec<(f64, f64)> = held_out.to_vec().chunks(2).map(|p| (p[0].into(), p[1].into())).collect();
    let title = "Density of a flow with leaky rectifiers, and held-out points";
    Plane { title, reach: REACH, cells: 400, values: &density, points: &points }.write("flow")?;

    let gains: Vec<f64> = flow.log_densities(&held_out)?.iter().zip(&gaussian).map(|(flow, g)| flow - g).collect();
    let gain = mean(&gains);
    let error = (gains.iter().map(|g| (g - gain).powi(2)).sum::<f64>() / (POINTS * (POINTS - 1)) as f64).sqrt();
    let share = gain / (mean(&law) - mean(&gaussian));
    let exact = (integral - 1.0).abs() < TOLERANCE && back < 1e-3;
    let found = format!(
        "the density integrates to {integral:.4} (within {TOLERANCE} of 1), held-out points gain {gain:.3} ± {error:.3} over a Gaussian, {:.0}% of what the law itself would",
        100.0 * share
    );
    match (exact, gain > 4.0 * error && share > FOLLOWS) {
        (true, true) => println!("verdict: the claim holds: {found}"),
        (true, false) if quick => println!("verdict: none after {epochs} epochs; run without --quick"),
        _ => println!("verdict: the claim fails: {found}; there and back {back:.1e}"),
    }
    Ok(())
}

/// A flow and its likelihood of held-out points, epoch by epoch.
fn fit(kind: Kind, train: &Tensor, held_out: &Tensor, epochs: usize, seed: u64) -> nn::Result<(Flow, Vec<(f64, f64)>)> {
    let mut flow = Flow::new(STEPS, kind, &mut Rng::seed(seed));
    let (mut adam, mut curve) = (Adam::new(RATE), Vec::new());
    for epoch in 0..=epochs {
        curve.push((epoch as f64, mean(&flow.log_densities(held_out)?)));
        if epoch == epochs {
            break;
        }
        adam.set_learning_rate(RATE * (1.0 - epoch as f64 / epochs as f64));
        for batch in (0..POINTS).step_by(BATCH).map(|first| train.narrow(0, first, BATCH)) {
            let loss = flow.loss(batch)?;
            adam.step(&mut flow, loss.backward())?;
        }
    }
    Ok((flow, curve))
}
