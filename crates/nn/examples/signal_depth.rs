//! A thousand layers: at the golden gain 2/(1 + α²) mean squares stay in the band that theory gives for this width, forward and backward; 5% off they leave it.
//!
//! `cargo run --release --example signal_depth -- [--seed N] [--quick]` prints the ends, the verdict, and writes `out/signal_depth.png`.

mod support;

use nn::prelude::*;
use nn::theory::{FiniteWidth, golden_gain};
use plotters::prelude::SeriesLabelPosition;
use std::error::Error;
use support::{Options, Picture, options};

const WIDTH: usize = 256;
const SLOPE: f64 = 0.25;
/// Standard deviations on each side of the band.
const DEVIATIONS: f64 = 4.0;

fn main() -> Result<(), Box<dyn Error>> {
    let Options { seed, quick } = options(1)?;
    let depth = if quick { 100 } else { 1000 };
    let golden = golden_gain(SLOPE)?;
    let band = FiniteWidth::of(&vec![WIDTH; depth], SLOPE)?.band(DEVIATIONS);
    println!(
        "{depth} layers of width {WIDTH}, slope {SLOPE}; ln of mean squares, the last over the first; the band is {:.2} to {:.2}",
        band.0, band.1
    );
    println!("{:>16}  {:>8}  {:>8}  verdict", "", "forward", "backward");
    let band_at =
        |layers: usize| FiniteWidth::of(&vec![WIDTH; layers], SLOPE).map(|law| (layers as f64, law.band(DEVIATIONS)));
    let edges: Result<Vec<_>, _> = (1..=depth).step_by(9).map(band_at).collect();
    let title = format!("Mean squares of signals, slope {SLOPE}, width {WIDTH}");
    let mut picture = Picture::new(&title, "layer", "ln of the mean square").band(edges?);
    let mut as_claimed = true;
    for (name, factor) in [("golden gain", 1.0), ("5% above", 1.05), ("5% below", 0.95)] {
        let [forward, backward] = run(depth, golden * factor, &mut Rng::seed(seed));
        let ends = [forward[depth - 1], backward[depth - 1]];
        let found = ends.map(|end| match end {
            end if end < band.0 => "vanishes",
            end if end > band.1 => "explodes",
            _ => "golden",
        });
        let verdict = if found[0] == found[1] { found[0] } else { "differs" };
        println!("{name:>16}  {:8.2}  {:8.2}  {verdict}", ends[0], ends[1]);
        let expected = if factor == 1.0 {
            "golden"
        } else if factor > 1.0 {
            "explodes"
        } else {
            "vanishes"
        };
        as_claimed &= verdict == expected;
        picture = picture.curve(name, forward.into_iter().enumerate().map(|(layer, ln)| (layer as f64 + 1.0, ln)));
    }
    picture.legend(SeriesLabelPosition::UpperLeft).write("signal_depth")?;
    match (as_claimed, quick) {
        (true, _) => println!("verdict: the claim holds: in the band at the golden gain, out of it 5% off"),
        (false, true) => println!("verdict: none at {depth} layers; run without --quick"),
        (false, false) => println!("verdict: the claim fails"),
    }
    Ok(())
}

/// ln of the mean square of each layer's output over the input's, and of each gradient on the way back over the first.
fn run(depth: usize, gain: f64, rng: &mut Rng) -> [Vec<f64>; 2] {
    let scale = (gain / WIDTH as f64).sqrt() as f32;
    let ln = |tensor: &Tensor| tensor.to_vec().into_iter().map(|x| f64::from(x) * f64::from(x)).sum::<f64>().ln();
    let mut h = Tensor::randn([1, WIDTH], rng);
    let mut dh = Tensor::randn([1, WIDTH], rng);
    let (first, first_gradient) = (ln(&h), ln(&dh));
    let mut layers = Vec::new();
    let mut forward = Vec::new();
    for _ in 0..depth {
        let weight = Tensor::randn([WIDTH, WIDTH], rng) * scale;
        let sums = h.matmul(&weight);
        h = sums.leaky_relu(SLOPE);
        forward.push(ln(&h) - first);
        layers.push((weight, sums));
    }
    let mut backward = Vec::new();
    for (weight, sums) in layers.iter().rev() {
        let sums = sums.to_vec();
        let slopes = Tensor::from_fn([1, WIDTH], |[_, unit]| if sums[unit] >= 0.0 { 1.0 } else { SLOPE as f32 });
        dh = (&dh * &slopes).matmul(&weight.transpose());
        backward.push(ln(&dh) - first_gradient);
    }
    [forward, backward]
}
