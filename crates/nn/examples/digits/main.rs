//! Trains the front page's network on handwritten digits, in a fraction of a second.
//!
//! `cargo run --release --example digits -- --seed 7`: a progress bar, then the test accuracy and the time. Writes the model and a
//! picture of the curves to `out/`.

mod curves;

use indicatif::{ProgressBar, ProgressStyle};
use nn::prelude::*;
use std::time::Instant;

#[derive(Module)]
struct Net {
    hidden: Linear,
    act: PRelu,
    out: Linear,
}

impl Net {
    fn new(rng: &mut Rng) -> Self {
        Self { hidden: Linear::new(64, 128, rng), act: PRelu::per_feature(128), out: Linear::new(128, 10, rng) }
    }
    fn forward(&self, x: Var) -> Var {
        self.out.forward(self.act.forward(self.hidden.forward(x)))
    }
}

const EPOCHS: usize = 30;
const BATCH: usize = 64;
const OUT: &str = "out";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seed = seed()?;
    let (train, test) = nn::data::digits()?;
    let mut rng = Rng::seed(seed);
    let mut net = Net::new(&mut rng);
    let mut adam = Adam::new(1e-3);
    let mut history = Vec::with_capacity(EPOCHS);
    // Quiet where nobody watches: indicatif draws nothing unless standard error is a terminal.
    let bar = ProgressBar::new(EPOCHS as u64).with_style(ProgressStyle::with_template("{bar:30} epoch {pos}/{len}  {msg}")?);

    let start = Instant::now();
    for _epoch in 0..EPOCHS {
        let mut sum = 0.0;
        for (images, labels) in train.batches(BATCH).shuffled(rng.next_u64()) {
            let count = labels.len() as f64;
            let tape = Tape::training(rng.next_u64());
            let loss = net.forward(tape.input(images)).cross_entropy(&labels);
            sum += count * f64::from(loss.item());
            adam.step(&mut net, loss.backward())?;
        }
        let loss = sum / train.len() as f64;
        let accuracy = nn::metrics::accuracy(|x| net.forward(x), &test);
        history.push(curves::Epoch { loss, accuracy });
        bar.set_message(format!("loss {loss:.4}  test accuracy {:.2}%", 100.0 * accuracy));
        bar.inc(1);
    }
    let elapsed_s = start.elapsed().as_secs_f64();
    bar.finish();

    std::fs::create_dir_all(OUT)?;
    net.save(format!("{OUT}/digits.safetensors"))?;
    curves::draw(&history, format!("{OUT}/digits.png").as_ref())?;
    println!("{} parameters, {} steps of {BATCH}, seed {seed}", net.num_parameters(), EPOCHS * train.batches(BATCH).len());
    println!("wrote {OUT}/digits.safetensors and {OUT}/digits.png");
    println!("test accuracy: {:.2}%", 100.0 * nn::metrics::accuracy(|x| net.forward(x), &test));
    println!("training time: {elapsed_s:.3} s");
    Ok(())
}

/// What follows `--seed`; 7 if nothing does.
fn seed() -> Result<u64, Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Ok(7),
        ["--seed", seed] => seed.parse().map_err(|error| format!("--seed {seed}: {error}").into()),
        _ => Err(format!("usage: digits [--seed N]; got {}", arguments.join(" ")).into()),
    }
}
