//! Recurrent units with and without a leak on the adding problem (Hochreiter, Schmidhuber 1997): 200 steps, each with a number and a mark, two marks in all; the answer is the sum
//! of the two marked numbers. First how much gradient reaches each step back in time before training, in f64; then the error after training.
//! ReLU cuts half of the sums off; the leak cuts off none. How much arrives in all depends on the draw of the weights more than on the leak: over seeds 1 to 10 the norm of the leak's
//! gradient is 0.079 to 810 times ReLU's, with a median of 32. The law for independent layers, a factor of 1 + α² in mean squares at each step, says 50; here weights are the same
//! at each step, and a single draw is far from it.
//! The same weights serve both rectifiers: Gaussian of variance 1/n, and the identity (Le, Jaitly, Hinton 2015).
//!
//! `cargo run --release --example leaky_rnn -- [--seed N] [--quick]` prints both, the verdict, and writes `out/leaky_rnn.png`.

#[path = "support/recurrent.rs"]
mod recurrent;
mod support;

use nn::prelude::*;
use plotters::prelude::SeriesLabelPosition;
use recurrent::{Net, STEPS, UNITS, problem};
use std::error::Error;
use support::{Options, Picture, options};

const LEAK: f64 = 0.2;
/// The mean squared error of always answering 1.
const NAIVE: f64 = 1.0 / 6.0;

fn main() -> Result<(), Box<dyn Error>> {
    let Options { seed, quick } = options(1)?;
    let updates = if quick { 20 } else { 500 };
    println!(
        "{STEPS} steps, {UNITS} units; gradient of the loss to the sums at the first step over that at the last; share of its numbers that are exactly 0"
    );
    println!("{:>10} {:>10}  {:>12}  {:>10}  {:>11}", "weights", "", "first/last", "exactly 0", "test error");
    let mut picture = Picture::new(
        "Gradient reaching back in time, before training",
        "steps back",
        "log10 of its norm over the last step's",
    );
    let mut found = Vec::new();
    for (weights, identity) in [("Gaussian", false), ("identity", true)] {
        for (name, slope) in [("ReLU", 0.0), ("leaky", LEAK)] {
            let mut rng = Rng::seed(seed);
            let net = Net::new(identity, slope, &mut rng);
            let (norms, zeros) = gradients(&net.cast(), &mut rng);
            let ratio = norms[0] / norms[STEPS - 1];
            let error = train(net, updates, &mut rng)?;
            println!("{weights:>10} {name:>10}  {ratio:12.3e}  {:9.1}%  {error:11.4}", 100.0 * zeros);
            let curve = norms.iter().rev().enumerate();
            picture = picture.curve(
                &format!("{weights}, {name}"),
                curve.map(|(back, norm)| (back as f64, (norm / norms[STEPS - 1]).log10())),
            );
            found.push((ratio, zeros));
        }
    }
    picture.legend(SeriesLabelPosition::LowerLeft).write("leaky_rnn")?;
    println!("always answering 1 has the error {NAIVE:.4}");
    let gain = found[1].0 / found[0].0;
    let masked = found[0].1.min(found[2].1);
    let none = found[1].1 == 0.0 && found[3].1 == 0.0;
    println!(
        "verdict: the claim {}: ReLU sends exactly 0 to at least {:.0}% of the first step's sums, the leak to {}; with Gaussian weights {gain:.1e} times as much arrives with the leak",
        if masked > 0.25 && none { "holds" } else { "fails" },
        100.0 * masked,
        if none { "none" } else { "some" }
    );
    Ok(())
}

/// Norm of the loss's gradient to the sums at each step, and the share of zeros in it at the first.
fn gradients(net: &Net<f64>, rng: &mut Rng) -> (Vec<f64>, f64) {
    let (x, y) = problem(64, rng);
    let tape = Tape::training(0);
    let (answer, sums) = net.forward(&tape.input(x.cast()));
    let grads = answer.mse(y.cast::<f64>()).backward();
    let zeros = grads[&sums[0]].iter().filter(|&x| x == 0.0).count();
    (sums.iter().map(|sum| grads[sum].norm().item()).collect(), zeros as f64 / grads[&sums[0]].len() as f64)
}

/// The test error after so many updates by Adam, gradients clipped to norm 1, those that overflow left out.
fn train(mut net: Net, updates: usize, rng: &mut Rng) -> nn::Result<f64> {
    let mut adam = Adam::new(1e-4);
    for _ in 0..updates {
        let (x, y) = problem(32, rng);
        let mut grads = net.forward(&Tape::training(0).input(x)).0.mse(&y).backward();
        let square: f32 = grads.params().map(|(_, grad)| grad.norm().item().powi(2)).sum();
        // 200 steps can overflow: such a batch says nothing.
        if !square.is_finite() {
            continue;
        }
        for param in net.parameters() {
            let grad = grads.of_mut(param).expect("it is reached");
            *grad = &*grad / square.sqrt().max(1.0);
        }
        adam.step(&mut net, grads)?;
    }
    let (x, y) = problem(1000, rng);
    Ok(f64::from(net.forward(&Tape::inference().input(x)).0.mse(&y).item()))
}
