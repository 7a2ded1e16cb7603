//! Trains a small residual convolutional network of learned rectifiers on the handwritten digits.
//!
//! `cargo run --release --example digits_cnn -- --seed 7`: a progress bar, then the test accuracy and the time. Width, rate, epochs and
//! shifts were chosen with `--validate`, which holds out a fifth of the training rows and never looks at the test rows.

use indicatif::{ProgressBar, ProgressStyle};
use nn::prelude::*;
use std::time::Instant;

#[derive(Module)]
struct Net {
    stem: Conv2d,
    stem_act: NormAct,
    wide: Conv2d,
    wide_act: NormAct,
    half: Conv2d,
    half_act: NormAct,
    last: Conv2d,
    last_act: NormAct,
    head: Linear,
}

impl Net {
    fn new(rng: &mut Rng) -> Self {
        let mut conv =
            |inputs, outputs, stride| Conv2d::new(inputs, outputs, 3, rng).stride(stride).padding(1).without_bias();
        let act = |features| NormAct::new(features, Activation::PRelu);
        let (stem, wide, half, last) = (conv(1, 32, 1), conv(32, 32, 1), conv(32, 64, 2), conv(64, 64, 1));
        let (stem_act, wide_act, half_act, last_act) = (act(32), act(32), act(64), act(64));
        Self { stem, stem_act, wide, wide_act, half, half_act, last, last_act, head: Linear::new(64 * 16, 10, rng) }
    }

    /// Class scores of `[N, 64]`, images of 8×8 pixels.
    fn forward(&self, x: Var) -> Var {
        let images = x.shape()[0];
        self.features(x.reshape([images, 8, 8, 1]))
    }

    /// Class scores of `[N, 8, 8, 1]`.
    fn features(&self, x: Var) -> Var {
        let x = self.stem_act.forward(self.stem.forward(x));
        let x = self.wide_act.forward_residual(self.wide.forward(x.clone()), &x);
        let x = self.half_act.forward(self.half.forward(x));
        let x = self.last_act.forward_residual(self.last.forward(x.clone()), &x);
        self.head.forward(x.flatten(1).dropout(0.2))
    }
}

const EPOCHS: usize = 45;
const BATCH: usize = 64;
const RATE: f64 = 2e-3;
const OUT: &str = "out";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (seed, validate) = options()?;
    let (train, test) = nn::data::digits()?;
    let (train, test) = if validate { held_out(&train)? } else { (train, test) };
    let mut rng = Rng::seed(seed);
    let mut net = Net::new(&mut rng);
    let mut adam = AdamW::new(RATE);
    let steps = EPOCHS * train.batches(BATCH).len();
    let bar =
        ProgressBar::new(EPOCHS as u64).with_style(ProgressStyle::with_template("{bar:30} epoch {pos}/{len}  {msg}")?);

    let (start, mut step) = (Instant::now(), 0);
    for _epoch in 0..EPOCHS {
        let mut sum = 0.0;
        for (images, labels) in train.batches(BATCH).shuffled(rng.next_u64()) {
            // The rate falls to 0 along a cosine.
            let done = step as f64 / steps as f64;
            adam.set_learning_rate(RATE * 0.5 * (1.0 + (std::f64::consts::PI * done).cos()));
            let tape = Tape::training(rng.next_u64());
            let count = labels.len();
            let images = tape.input(images).reshape([count, 8, 8, 1]);
            let loss = net.features(shifted(images, &mut rng)).cross_entropy(&labels);
            sum += count as f64 * f64::from(loss.item());
            adam.step(&mut net, loss.backward())?;
            step += 1;
        }
        bar.set_message(format!("loss {:.4}", sum / train.len() as f64));
        bar.inc(1);
    }
    let elapsed_s = start.elapsed().as_secs_f64();
    bar.finish();
    std::fs::create_dir_all(OUT)?;
    net.save(format!("{OUT}/digits_cnn.safetensors"))?;
    println!("{} parameters, {steps} steps of {BATCH}, seed {seed}", net.num_parameters());
    println!("wrote {OUT}/digits_cnn.safetensors");
    let what = if validate { "validation" } else { "test" };
    println!("{what} accuracy: {:.2}%", 100.0 * nn::metrics::accuracy(|x| net.forward(x), &test));
    println!("training time: {elapsed_s:.3} s");
    Ok(())
}

/// A batch moved by up to one pixel each way, zeros coming in.
fn shifted(images: Var, rng: &mut Rng) -> Var {
    let mut by = || (rng.next_u64() % 3) as usize;
    images.pad(1, 1, 1, 0.0).narrow(1, by(), 8).pad(2, 1, 1, 0.0).narrow(2, by(), 8)
}

/// The training rows, and every fifth of them held out.
fn held_out(train: &Dataset) -> nn::Result<(Dataset, Dataset)> {
    let rows: Vec<i64> = (0..train.len() as i64).collect();
    let (held, rest): (Vec<i64>, Vec<i64>) = rows.into_iter().partition(|row| row % 5 == 3);
    let part = |rows: Vec<i64>| {
        let labels: Vec<i64> = rows.iter().map(|&row| train.labels().at([row as usize])).collect();
        Dataset::with_classes(
            train.images().index_select(0, &Tensor::from(rows)),
            Tensor::from(labels),
            train.classes(),
        )
    };
    Ok((part(rest)?, part(held)?))
}

/// What follows `--seed` (7 if nothing does), and whether there is `--validate`.
fn options() -> Result<(u64, bool), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let seed = |seed: &str| seed.parse().map_err(|error| format!("--seed {seed}: {error}"));
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Ok((7, false)),
        ["--validate"] => Ok((7, true)),
        ["--seed", number] => Ok((seed(number)?, false)),
        ["--seed", number, "--validate"] => Ok((seed(number)?, true)),
        _ => Err(format!("usage: digits_cnn [--seed N] [--validate]; got {}", arguments.join(" ")).into()),
    }
}
