//! A certificate: how much a trained network can stretch a distance, from above by its layers, and the most that a search for a counterexample found.
//! Digits networks with ReLU, with a leak of 0.2, and with PReLU. Pairs are test images, and the ends of short steps of gradient ascent on the stretch.
//!
//! `cargo run --release --example lipschitz -- [--seed N] [--quick]` prints both, the verdict, and writes `out/lipschitz.png`.

mod support;
#[path = "support/training.rs"]
mod training;

use nn::lipschitz::Certificate;
use nn::prelude::*;
use plotters::prelude::SeriesLabelPosition;
use std::error::Error;
use support::{Options, Picture, options};

const WIDTHS: [usize; 2] = [32, 32];
const ACTIVATIONS: [(&str, Activation); 3] =
    [("ReLU", Activation::Relu), ("leaky 0.2", Activation::LeakyRelu(0.2)), ("PReLU", Activation::PRelu)];
/// Length of the step between the two ends of a pair on the ascent.
const STEP: f64 = 1e-3;

fn main() -> Result<(), Box<dyn Error>> {
    let Options { seed, quick } = options(1)?;
    let (epochs, ascents) = if quick { (5, 50) } else { (20, 300) };
    let (train, test) = nn::data::digits()?;
    println!("{:>10}  {:>9}  {:>12}  {:>13}  {:>14}", "", "accuracy", "certificate", "sampled pairs", "ascended pairs");
    let mut picture =
        Picture::new("How much a step is stretched, on the way up", "step of ascent", "share of the certificate");
    let (mut holds, mut least) = (true, f64::INFINITY);
    let mut tables = Vec::new();
    for (name, act) in ACTIVATIONS {
        let mut rng = Rng::seed(seed);
        let mut net = training::network(&WIDTHS, 10, act, &mut rng)?;
        training::train(&mut net, &train, epochs, &mut rng)?;
        let certificate = Certificate::of(&net)?;
        let accuracy = 100.0 * nn::metrics::accuracy(|x| net.forward(x), &test);
        // In f64, so that rounding does not count as stretching.
        let exact = net.cast::<f64>();
        let forward = |x: Var<f64>| exact.forward(x);
        let images = test.images().cast::<f64>();
        let sampled = sampled_pairs(&forward, &images);
        let ascended = ascended_pairs(&forward, &images, ascents);
        let best = ascended.iter().copied().fold(0.0, f64::max);
        let bound = certificate.bound();
        println!("{name:>10}  {accuracy:8.2}%  {bound:12.4}  {sampled:13.4}  {best:14.4}");
        holds &= sampled <= bound && best <= bound * (1.0 + 1e-9);
        least = least.min(bound / best.max(sampled));
        picture =
            picture.curve(name, ascended.into_iter().enumerate().map(|(step, ratio)| (step as f64, ratio / bound)));
        tables.push((name, certificate));
    }
    for (name, certificate) in tables {
        println!("{name}\n{certificate}");
    }
    picture.legend(SeriesLabelPosition::LowerRight).write("lipschitz")?;
    match holds {
        true => println!(
            "verdict: the claim holds: no pair stretches more than the certificate, the closest 1/{least:.2} of it"
        ),
        false => println!("verdict: the claim fails: a pair stretches more than the certificate"),
    }
    Ok(())
}

/// The most that the network stretches the distance of two of the images.
fn sampled_pairs(forward: &impl Fn(Var<f64>) -> Var<f64>, images: &Tensor<f64>) -> f64 {
    let scores = forward(Tape::inference().input(images.clone())).into_value();
    let distances = |x: &Tensor<f64>, by: usize| {
        (x - Tensor::concat(&[x.narrow(0, by, x.shape()[0] - by), x.narrow(0, 0, by)], 0)).norm_axes(1)
    };
    let ratios = (1..images.shape()[0]).map(|by| (distances(&scores, by) / distances(images, by)).max().item());
    ratios.fold(0.0, f64::max)
}

/// The most that it stretches a step at any of the places, which climb along the gradient of their stretch; one number for each step of the climb.
fn ascended_pairs(forward: &impl Fn(Var<f64>) -> Var<f64>, images: &Tensor<f64>, ascents: usize) -> Vec<f64> {
    let (mut x, mut step) = (images.clone(), images.randn_like(&mut Rng::seed(1)));
    let of_length = |v: Tensor<f64>, length: f64| &v * length / v.norm_axes(1).unsqueeze(1).maximum(1e-300);
    let mut ratios = Vec::new();
    for _ in 0..ascents {
        step = of_length(step, STEP);
        let tape = Tape::probing();
        let (at, by) = (tape.var(x.clone()), tape.var(step.clone()));
        let moved = (forward(&at + &by) - forward(at.clone())).norm_axes(1);
        ratios.push(moved.value().max().item() / STEP);
        let [to_x, to_step] = moved.sum().grad([&at, &by]);
        x = x + of_length(to_x.into_value(), 0.05);
        // The stretch is |J·step|: its gradient is JᵀJ·step over it, so this is power iteration at a place that moves.
        step = to_step.into_value();
    }
    ratios
}
