//! Into how many linear regions ReLU and leaky networks with the same weights cut the plane, exactly, by depth: cells (which units are above 0) and pieces (cells with the same
//! affine map merged), beside what the best network of that size can do at least (Montúfar et al. 2014) and what none can exceed (Raghu et al. 2017, Montúfar 2017).
//!
//! `cargo run --release --example regions -- [--seed N] [--quick]` prints them, the verdict, and writes `out/regions.png` and `out/regions_depth.png`.

#[path = "support/polygons.rs"]
mod polygons;
mod support;

use nn::prelude::*;
use nn::regions::{Piecewise, Regions};
use nn::theory::{montufar, most_regions, zaslavsky};
use polygons::Panel;
use std::error::Error;
use support::{Options, Picture, options};

const WIDTH: usize = 6;
/// Far enough to hold nearly every corner of the first layer's lines.
const FAR: f64 = 1e4;
const NEAR: f64 = 2.0;
const LEAK: f64 = 0.1;

fn main() -> Result<(), Box<dyn Error>> {
    let Options { seed, quick } = options(1)?;
    let depths = if quick { 3 } else { 6 };
    let mut rng = Rng::seed(seed);
    let layers: Vec<Linear> = (0..depths).map(|i| layer(if i == 0 { 2 } else { WIDTH }, WIDTH, &mut rng)).collect();
    let out = layer(WIDTH, 1, &mut rng);
    println!("cells and pieces of the plane, {WIDTH} units a layer, the same weights (most: lower and upper bound)");
    println!(
        "{:>6}{:>12}{:>13}{:>13}{:>14}{:>16}{:>16}",
        "depth", "ReLU cells", "ReLU pieces", "leaky cells", "leaky pieces", "most, at least", "most, at most"
    );
    let mut curves: [Vec<(f64, f64)>; 4] = Default::default();
    let (mut bounded, mut first_equal, mut leak_keeps, mut merged) = (true, true, true, 0);
    for depth in 1..=depths {
        let relu = count(&chain(&layers[..depth], &Relu, &out)?, FAR)?;
        let leaky = count(&chain(&layers[..depth], &LeakyRelu::new(LEAK), &out)?, FAR)?;
        let widths = vec![WIDTH; depth];
        let (least, most) = (montufar(2, &widths)?, most_regions(2, &widths)?);
        let [cells, leaky_cells] = [relu.cells().len(), leaky.cells().len()];
        println!(
            "{depth:>6}{cells:>12}{:>13}{leaky_cells:>13}{:>14}{least:>16}{:>16}",
            relu.pieces(),
            leaky.pieces(),
            scientific(most)
        );
        bounded &= cells.max(leaky_cells) as u128 <= most;
        first_equal &= depth > 1 || cells == leaky_cells;
        leak_keeps &= leaky.pieces() == leaky_cells;
        merged += cells - relu.pieces();
        for (curve, count) in curves.iter_mut().zip([cells as f64, leaky_cells as f64, least as f64, most as f64]) {
            curve.push((depth as f64, count.log10()));
        }
    }
    println!("one layer in general position: {} (Zaslavsky)", zaslavsky(WIDTH, 2)?);
    let title = "Linear regions by depth";
    let mut picture = Picture::new(title, "hidden layers", "log10 of the number");
    for (name, curve) in ["ReLU, cells", "leaky, cells", "most, at least", "most, at most"].iter().zip(curves) {
        picture = picture.curve(name, curve);
    }
    picture.legend(plotters::prelude::SeriesLabelPosition::UpperLeft).write("regions_depth")?;
    let shown = &layers[..3];
    polygons::write(
        "regions",
        &[panel("ReLU", shown, &Relu, &out)?, panel("leaky", shown, &LeakyRelu::new(LEAK), &out)?],
    )?;
    match bounded && first_equal && leak_keeps {
        true => println!(
            "verdict: the claim holds: as many cells in the first layer, below the bound in all; ReLU merges {merged} cells, the leak none"
        ),
        false => println!(
            "verdict: the claim fails: below the bound {bounded}, equal in the first layer {first_equal}, the leak merges none {leak_keeps}"
        ),
    }
    Ok(())
}

/// Weights by Kaiming's law, and biases that are not 0, so that lines do not all meet in one point.
fn layer(inputs: usize, outputs: usize, rng: &mut Rng) -> Linear {
    let mut layer = Linear::new(inputs, outputs, rng);
    *layer.bias_mut().expect("it has one").value_mut() = Tensor::randn([outputs], rng);
    layer
}

fn chain(layers: &[Linear], act: &impl Layer, out: &Linear) -> nn::Result<Piecewise> {
    layers.iter().try_fold(Piecewise::new(2), |chain, layer| chain.then(layer)?.then(act))?.then(out)
}

fn count(chain: &Piecewise, reach: f64) -> nn::Result<Regions<2>> {
    let axes = [&Tensor::from([1.0, 0.0]), &Tensor::from([0.0, 1.0])];
    chain.on_slice(&Tensor::from([0.0, 0.0]), axes, [-reach..reach, -reach..reach])
}

fn panel(name: &str, layers: &[Linear], act: &impl Layer, out: &Linear) -> nn::Result<Panel> {
    let regions = count(&chain(layers, act, out)?, NEAR)?;
    let title =
        format!("{name}, {} layers: {} cells, {} pieces", layers.len(), regions.cells().len(), regions.pieces());
    let cells = regions.cells().iter().zip(regions.piece_of());
    let polygons = cells.map(|(cell, &piece)| (cell.corners().to_vec(), piece)).collect();
    Ok(Panel { title, reach: NEAR, polygons })
}

fn scientific(number: u128) -> String {
    if number < 1_000_000 { number.to_string() } else { format!("{:.2e}", number as f64) }
}
