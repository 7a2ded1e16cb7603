//! A small adversarial game (Goodfellow et al. 2014) on a ring of eight Gaussians: what reaches the generator passes through the discriminator. Where every one of a ReLU
//! discriminator's units is below 0 on some layer, a sample's gradient is exactly 0 and the generator learns nothing from it; with a leak there is no such place.
//!
//! `cargo run --release --example gan -- [--seed N] [--quick]` prints gradients, covered Gaussians, the verdict, and writes `out/gan.png`.

mod support;

use nn::prelude::*;
use std::error::Error;
use std::f64::consts::TAU;
use support::{Options, Picture, options};

const BATCH: usize = 128;
const NOISE: usize = 4;
const MODES: usize = 8;
/// Of each Gaussian; the ring has radius 2.
const DEVIATION: f64 = 0.1;
/// Of the discriminator's three hidden layers. It takes all units of one to be below 0 at once, which is rarer the more there are.
const WIDTHS: [usize; 3] = [4, 8, 32];
const ACTIVATIONS: [(&str, Activation); 2] = [("ReLU", Activation::Relu), ("leaky 0.2", Activation::LeakyRelu(0.2))];

type Net = (Vec<(Linear, nn::Act)>, Linear);

fn net(widths: &[usize], outputs: usize, act: Activation, rng: &mut Rng) -> Net {
    let hidden = widths.windows(2).map(|of| (Linear::new(of[0], of[1], rng), act.layer(of[1]))).collect();
    (hidden, Linear::new(widths[widths.len() - 1], outputs, rng))
}

fn main() -> Result<(), Box<dyn Error>> {
    let Options { seed, quick } = options(1)?;
    let rounds = if quick { 500 } else { 5000 };
    println!(
        "{:>5} {:>10}  {:>15}  {:>17}  {:>15}  {:>5}",
        "width", "", "median gradient", "exactly 0, samples", "most in a round", "modes"
    );
    let mut picture = Picture::new("Samples that the discriminator gives no gradient, per 50 rounds", "round", "share");
    let mut ends = Vec::new();
    for width in WIDTHS {
        for (name, act) in ACTIVATIONS {
            let (norms, zeros, modes) = play(width, act, rounds, &mut Rng::seed(seed))?;
            let mut sorted = norms.clone();
            sorted.sort_by(f64::total_cmp);
            let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
            let (median, share, most) = (sorted[rounds / 2], mean(&zeros), zeros.iter().copied().fold(0.0, f64::max));
            println!(
                "{width:>5} {name:>10}  {median:15.4}  {:16.3}%  {:14.1}%  {modes:5}",
                100.0 * share,
                100.0 * most
            );
            let curve = zeros.chunks(50).enumerate().map(|(i, chunk)| (50.0 * i as f64, mean(chunk)));
            if width < 32 {
                picture = picture.curve(&format!("{width} units, {name}"), curve);
            }
            ends.push((share, most));
        }
    }
    picture.write("gan")?;
    let (relu, leaky) = (ends[0].0.max(ends[2].0), [1, 3, 5].iter().all(|&i| ends[i].0 == 0.0));
    let found = format!("at most {:.2}% of samples get no gradient from a ReLU discriminator of a width", 100.0 * relu);
    match (leaky && relu > 0.0, leaky && quick) {
        (true, _) => println!("verdict: the claim holds: {found}, none with the leak"),
        (_, true) => println!("verdict: none after {rounds} rounds; run without --quick"),
        _ => println!("verdict: the claim fails: {found}; never 0 with the leak: {leaky}"),
    }
    Ok(())
}

/// Of each round: the mean norm of the gradients that reach the samples, and the share of samples that get exactly 0; and how many Gaussians the samples cover in the end.
fn play(width: usize, act: Activation, rounds: usize, rng: &mut Rng) -> nn::Result<(Vec<f64>, Vec<f64>, usize)> {
    let mut generator = net(&[NOISE, 64, 64], 2, Activation::LeakyRelu(0.2), rng);
    let mut discriminator = net(&[2, width, width, width], 1, act, rng);
    let [mut generators, mut discriminators] = [Adam::new(1e-3), Adam::new(1e-3)].map(|adam| adam.betas(0.5, 0.999));
    let (mut norms, mut zeros) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let noise = Tensor::randn([BATCH, NOISE], rng);
        let fake = generator.forward(Tape::inference().input(noise.clone())).into_value();
        let both = Tensor::concat(&[ring(BATCH, rng), fake], 0);
        let is_real = Tensor::from_fn([2 * BATCH, 1], |[i, _]| f32::from(u8::from(i < BATCH)));
        let loss = discriminator.forward(Tape::training(0).input(both)).bce_with_logits(&is_real);
        discriminators.step(&mut discriminator, loss.backward())?;

        let samples = generator.forward(Tape::training(0).input(noise));
        samples.watch();
        // The generator is to be taken for real: −ln D, summed so that a sample's gradient does not depend on the batch.
        let judged = discriminator.forward(samples.clone()).bce_with_logits(Tensor::ones([BATCH, 1]));
        let grads = judged.backward();
        let of_samples = grads[&samples].norm_axes(1) * BATCH as f64;
        norms.push(f64::from(of_samples.mean().item()));
        zeros.push(of_samples.iter().filter(|&norm| norm == 0.0).count() as f64 / BATCH as f64);
        generators.step(&mut generator, grads)?;
    }
    let samples = generator.forward(Tape::inference().input(Tensor::randn([2000, NOISE], rng))).into_value();
    Ok((norms, zeros, covered(&samples)))
}

/// So many points of the ring.
fn ring(count: usize, rng: &mut Rng) -> Tensor {
    Tensor::fill_with([count, 2], |to| {
        for point in to.chunks_exact_mut(2) {
            let (x, y) = mode(rng.below(MODES));
            point.copy_from_slice(&[(x + DEVIATION * rng.normal()) as f32, (y + DEVIATION * rng.normal()) as f32]);
        }
    })
}

fn mode(i: usize) -> (f64, f64) {
    let angle = TAU * i as f64 / MODES as f64;
    (2.0 * angle.cos(), 2.0 * angle.sin())
}

/// Gaussians with at least a fiftieth of the samples within four deviations.
fn covered(samples: &Tensor) -> usize {
    let points = samples.to_vec();
    let near = |(x, y): (f64, f64)| {
        points.chunks_exact(2).filter(|p| (f64::from(p[0]) - x).hypot(f64::from(p[1]) - y) < 4.0 * DEVIATION).count()
    };
    (0..MODES).filter(|&i| 50 * near(mode(i)) >= points.len() / 2).count()
}
