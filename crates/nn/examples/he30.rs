//! The 30-layer experiment of He, Zhang, Ren, Sun 2015 (figure 3) on the digits: a plain network of width 64 without normalisation,
//! leaky rectifiers of slope 0.25, SGD with momentum. Weights drawn by Xavier's law let signals vanish, and training stalls; Kaiming's law
//! with the leak keeps their size, and the same network learns. (Xavier's is late rather than lost: its biases come to carry a signal
//! through the first layers, and from some 18 epochs on its loss begins to fall too.)
//!
//! `cargo run --release --example he30 -- [--seed N] [--quick]` prints both losses and the verdict, and writes `out/he30.png`.

mod support;

use nn::init::{Init, Kaiming, Xavier};
use nn::prelude::*;
use plotters::prelude::SeriesLabelPosition;
use std::io::{IsTerminal as _, Write as _};
use support::{Options, Picture, options};

const LAYERS: usize = 30;
const WIDTH: usize = 64;
const SLOPE: f64 = 0.25;
const RATE: f64 = 0.003;
const BATCH: usize = 64;

/// A loss after each epoch, from before the first on, and the test accuracy at the end.
struct Run {
    losses: Vec<f64>,
    accuracy: f64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Options { seed, quick } = options(7)?;
    let epochs = if quick { 2 } else { 25 };
    let kaiming = run("Kaiming with leak", &Kaiming::default().leak(SLOPE), epochs, seed)?;
    let xavier = run("Xavier", &Xavier::default(), epochs, seed)?;
    let curve = |run: &Run| run.losses.clone().into_iter().enumerate().map(|(epoch, loss)| (epoch as f64, loss));
    Picture::new("Training loss (cross-entropy), 30 layers", "epoch", "loss")
        .curve("Kaiming with leak", curve(&kaiming))
        .curve("Xavier", curve(&xavier))
        .legend(SeriesLabelPosition::LowerLeft)
        .write("he30")?;
    println!("{:>18}  first loss  last loss  test accuracy", "");
    for (name, run) in [("Kaiming with leak", &kaiming), ("Xavier", &xavier)] {
        let (first, last) = (run.losses[0], run.losses[run.losses.len() - 1]);
        println!("{name:>18}  {first:10.4}  {last:9.4}  {:12.2}%", 100.0 * run.accuracy);
    }
    let learns = |run: &Run| run.losses[run.losses.len() - 1] < 0.5 * run.losses[0];
    match (quick, learns(&kaiming), learns(&xavier)) {
        (true, ..) => println!("verdict: none after {epochs} epochs; run without --quick"),
        (_, true, false) => println!("verdict: the claim holds: Kaiming-with-leak learns, Xavier stalls"),
        (_, kaiming, xavier) => {
            println!("verdict: the claim fails: Kaiming learns: {kaiming}, Xavier learns: {xavier}");
        }
    }
    Ok(())
}

fn run(name: &str, init: &impl Init, epochs: usize, seed: u64) -> nn::Result<Run> {
    let (train, test) = nn::data::digits()?;
    let mut rng = Rng::seed(seed);
    let mut net = Sequential::new();
    for layer in 0..LAYERS {
        let outputs = if layer + 1 < LAYERS { WIDTH } else { 10 };
        net = net.then(Linear::with_init(WIDTH, outputs, init, &mut rng)?);
        if layer + 1 < LAYERS {
            net = net.then(LeakyRelu::new(SLOPE));
        }
    }
    let mut sgd = Sgd::new(RATE).momentum(0.9);
    let mut losses = vec![mean_loss(&net, &train)];
    for epoch in 1..=epochs {
        for (images, labels) in train.batches(BATCH).shuffled(rng.next_u64()) {
            let loss = net.forward(Tape::training(rng.next_u64()).input(images)).cross_entropy(&labels);
            sgd.step(&mut net, loss.backward())?;
        }
        losses.push(mean_loss(&net, &train));
        if std::io::stderr().is_terminal() {
            let _ = write!(std::io::stderr(), "\r{name}: epoch {epoch}/{epochs}, loss {:.4}  ", losses[epoch]);
        }
    }
    if std::io::stderr().is_terminal() {
        let _ = writeln!(std::io::stderr());
    }
    Ok(Run { losses, accuracy: nn::metrics::accuracy(|x| net.forward(x), &test) })
}

fn mean_loss(net: &Sequential, data: &Dataset) -> f64 {
    let tape = Tape::inference();
    f64::from(net.forward(tape.input(data.images().clone())).cross_entropy(data.labels()).item())
}
