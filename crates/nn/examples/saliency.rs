//! Saliency maps (Simonyan, Vedaldi, Zisserman 2014): the gradient of the winning score to the pixels. A ReLU unit below 0 hides everything behind it: how many pairs of a unit and an
//! image, and how many pairs of a pixel and an image, have a gradient of exactly 0, under ReLU and with a leak? In a wide network, and in a narrow one.
//!
//! `cargo run --release --example saliency -- [--seed N] [--quick]` prints the shares, the verdict, and writes `out/saliency.png`.

#[path = "support/images.rs"]
mod images;
#[allow(dead_code, reason = "this picture is of another kind")]
mod support;
#[path = "support/training.rs"]
mod training;

use images::{Images, Scale};
use nn::prelude::*;
use std::error::Error;
use support::{Options, options};

const WIDE: &[usize] = &[64, 64];
const NARROW: &[usize] = &[4, 4, 4, 4];
const ACTIVATIONS: [(&str, Activation); 2] = [("ReLU", Activation::Relu), ("leaky 0.2", Activation::LeakyRelu(0.2))];
/// Images in the picture.
const SHOWN: usize = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let Options { seed, quick } = options(1)?;
    let (train, test) = nn::data::digits()?;
    let picked: Vec<i64> =
        (0..10).filter_map(|digit| test.labels().iter().position(|label| label == digit)).map(|at| at as i64).collect();
    let shown = |x: &Tensor| -> Vec<Vec<f32>> {
        x.index_select(0, &Tensor::from(picked[..SHOWN].to_vec())).rows().map(|row| row.to_vec()).collect()
    };
    let mut picture = Images::new("Gradient of the winning score to the pixels; exactly 0 is grey").row(
        "image",
        Scale::Ink,
        shown(test.images()),
    );
    println!("share of gradients of the winning score that are exactly 0, over {} test images", test.len());
    println!(
        "{:>8} {:>10}  {:>8}  {:>12}  {:>13}  {:>13}",
        "hidden", "", "accuracy", "hidden units", "input pixels", "whole images"
    );
    let mut shares = Vec::new();
    for (size, widths, epochs) in [("wide", WIDE, 15), ("narrow", NARROW, 60)] {
        for (name, act) in ACTIVATIONS {
            let mut rng = Rng::seed(seed);
            let mut net = training::network(widths, 10, act, &mut rng)?;
            training::train(&mut net, &train, if quick { epochs / 5 } else { epochs }, &mut rng)?;
            let accuracy = 100.0 * nn::metrics::accuracy(|x| net.forward(x), &test);
            let (units, pixels) = gradients(&net, test.images());
            let images = zero_share(&pixels.abs().max_axes(1));
            let found = [units, zero_share(&pixels), images];
            println!(
                "{size:>8} {name:>10}  {accuracy:7.2}%  {:11.2}%  {:12.2}%  {:12.2}%",
                100.0 * found[0],
                100.0 * found[1],
                100.0 * found[2]
            );
            picture = picture.row(&format!("{size}, {name}"), Scale::Signed, shown(&pixels));
            shares.push(found);
        }
    }
    picture.write("saliency")?;
    let least = |of: [usize; 2]| of.map(|i| 100.0 * shares[i][0]).into_iter().fold(f64::INFINITY, f64::min);
    let leaky_is_never_0 = [1, 3].iter().all(|&i| shares[i] == [0.0; 3]);
    let holds = least([0, 2]) > 10.0 && shares[0][1] == 0.0 && leaky_is_never_0;
    println!(
        "verdict: the claim {}: ReLU masks at least {:.0}% of hidden units, which hides {:.1}% of pixels in the wide network and {:.1}% in the narrow one; the leak none",
        if holds { "holds" } else { "fails" },
        least([0, 2]),
        100.0 * shares[0][1],
        100.0 * shares[2][1]
    );
    Ok(())
}

/// Of the winning scores: the share of exact zeros in the gradients to the sums of hidden units, and the gradients to the pixels.
fn gradients(net: &training::Network, images: &Tensor) -> (f64, Tensor) {
    let tape = Tape::probing();
    let x = tape.var(images.clone());
    let (mut h, mut sums) = (x.clone(), Vec::new());
    for (linear, act) in &net.0 {
        let sum = linear.forward(h);
        sums.push(sum.clone());
        h = act.forward(sum);
    }
    let scores = net.1.forward(h);
    let grads = {
        sums.iter().for_each(Var::watch);
        scores.max_axes(1).sum().backward()
    };
    let of_units: Vec<_> = sums.iter().map(|sum| grads[sum].clone()).collect();
    (zero_share(&Tensor::concat(&of_units, 1)), grads[&x].clone())
}

fn zero_share(x: &Tensor) -> f64 {
    x.iter().filter(|&x| x == 0.0).count() as f64 / x.len() as f64
}
