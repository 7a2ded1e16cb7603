//! Contrastive learning (InfoNCE: van den Oord, Li, Vinyals 2018; Chen, Kornblith, Norouzi, Hinton 2020) on digits without labels: two shifted and noisy views of an image are to be
//! nearer to each other than to the views of other images. The encoder ends in a rectifier: a dimension of the embedding that a ReLU never lets through is lost, with a leak it is not.
//!
//! `cargo run --release --example contrastive -- [--seed N] [--quick]` prints lost dimensions, accuracies, the verdict, and writes `out/contrastive.png`.

mod support;
#[allow(dead_code, reason = "here training is without labels")]
#[path = "support/training.rs"]
mod training;

use nn::prelude::*;
use std::error::Error;
use support::{Options, Picture, options};

const DIMENSIONS: usize = 64;
const BATCH: usize = 128;
const TEMPERATURE: f64 = 0.2;
const RATE: f64 = 3e-3;
const ACTIVATIONS: [(&str, Activation); 2] = [("ReLU", Activation::Relu), ("leaky 0.2", Activation::LeakyRelu(0.2))];

type Encoder = (training::Network, nn::Act);

fn main() -> Result<(), Box<dyn Error>> {
    let Options { seed, quick } = options(1)?;
    let epochs = if quick { 5 } else { 60 };
    let (train, test) = nn::data::digits()?;
    println!(
        "{:>10}  {:>7}  {:>15}  {:>14}  {:>17}",
        "", "loss", "lost dimensions", "never positive", "nearest neighbour"
    );
    let mut picture =
        Picture::new("Dimensions of the embedding that are the same for every test image", "epoch", "of 64");
    let mut ends = Vec::new();
    for (name, act) in ACTIVATIONS {
        let mut rng = Rng::seed(seed);
        let mut net: Encoder = (training::network(&[128], DIMENSIONS, act, &mut rng)?, act.layer(DIMENSIONS));
        let mut adam = Adam::new(RATE);
        let mut curve = vec![lost(&embed(&net, test.images())).0];
        let mut loss = 0.0;
        for _ in 0..epochs {
            for (images, _) in train.batches(BATCH).shuffled(rng.next_u64()).drop_last() {
                let views = Tensor::concat(&[view(&images, &mut rng), view(&images, &mut rng)], 0);
                let cost = info_nce(net.forward(Tape::training(0).input(views)));
                loss = cost.item();
                adam.step(&mut net, cost.backward())?;
            }
            curve.push(lost(&embed(&net, test.images())).0);
        }
        let (constant, negative) = lost(&embed(&net, test.images()));
        let accuracy = nearest(&net, &train, &test);
        println!("{name:>10}  {loss:7.4}  {constant:15}  {negative:14}  {:16.2}%", 100.0 * accuracy);
        picture = picture.curve(name, curve.into_iter().enumerate().map(|(epoch, lost)| (epoch as f64, lost as f64)));
        ends.push((constant, negative, accuracy));
    }
    picture.write("contrastive")?;
    let [(relu, _, relu_accuracy), (leaky, _, leaky_accuracy)] = ends[..] else { unreachable!("two activations") };
    let found = format!(
        "ReLU loses {relu} of {DIMENSIONS} dimensions, the leak {leaky}; nearest neighbours are right for {:.2}% and {:.2}%",
        100.0 * relu_accuracy,
        100.0 * leaky_accuracy
    );
    let holds = relu > 0 && leaky == 0;
    println!("verdict: the claim {}: {found}", if holds { "holds" } else { "fails" });
    Ok(())
}

/// The images `[N, 64]`, each moved by up to a pixel along both axes, lighter or darker, with noise.
fn view(images: &Tensor, rng: &mut Rng) -> Tensor {
    let pixels = images.to_vec();
    Tensor::fill_with(*images.shape(), |to| {
        for (to, from) in to.chunks_exact_mut(64).zip(pixels.chunks_exact(64)) {
            let (down, right, light) = (rng.below(3), rng.below(3), 0.8 + 0.4 * rng.uniform());
            for (at, to) in to.iter_mut().enumerate() {
                let (row, column) = (at / 8 + down, at % 8 + right);
                let inside = (1..9).contains(&row) && (1..9).contains(&column);
                let moved = if inside { from[8 * (row - 1) + column - 1] } else { 0.0 };
                *to = (light * f64::from(moved) + 0.1 * rng.normal()) as f32;
            }
        }
    })
}

/// Views `[2N, D]`, of which i and i + N belong together: the cross-entropy of finding the other among 2N − 1, by cosines over the temperature.
fn info_nce(h: Var) -> Var {
    let count = h.shape()[0];
    let lengths = (h.clone().square().sum_axes(1).unsqueeze(1) + 1e-8).sqrt();
    let z = h / lengths;
    let cosines = z.clone().matmul(z.transpose()) / TEMPERATURE;
    let others = Tensor::from((0..count).map(|i| (i + count / 2) % count).collect::<Vec<_>>().as_slice());
    cosines.masked_fill(&Tensor::eye(count), f64::NEG_INFINITY).cross_entropy(&others)
}

fn embed(net: &Encoder, images: &Tensor) -> Tensor {
    net.forward(Tape::inference().input(images.clone())).into_value()
}

/// Dimensions that are the same for every image, and those that are positive for none.
fn lost(embeddings: &Tensor) -> (usize, usize) {
    let (most, least) = (embeddings.max_axes(0).to_vec(), embeddings.min_axes(0).to_vec());
    let constant = most.iter().zip(&least).filter(|(most, least)| most == least).count();
    (constant, most.iter().filter(|&&most| most <= 0.0).count())
}

/// The share of test images whose nearest training image, by cosine, has their label.
fn nearest(net: &Encoder, train: &Dataset, test: &Dataset) -> f64 {
    let unit = |h: Tensor| &h / h.norm_axes(1).unsqueeze(1).maximum(1e-12);
    let [among, of] = [train, test].map(|data| unit(embed(net, data.images())));
    let found = train.labels().index_select(0, &of.matmul(&among.transpose()).argmax(1));
    found.iter().zip(test.labels().iter()).filter(|(found, label)| found == label).count() as f64 / test.len() as f64
}
