//! Stop anywhere, go on bit for bit: trains a network on digits, saves every few steps, and goes on from what the directory holds.
//!
//! `cargo run --release --example resume -- --dir runs/digits [--steps N]`: kill it at any moment, with any signal, and run it again. The last
//! line, `parameters: HEX`, is a checksum of every parameter's bits; it is the same however often the run was stopped.

use indicatif::{ProgressBar, ProgressStyle};
use nn::data::Loader;
use nn::prelude::*;
use std::error::Error;

const STEPS: u64 = 400;
const EVERY: u64 = 5;
const BATCH: usize = 128;
const RATE: f64 = 2e-3;

#[derive(Module)]
struct Net {
    hidden: Linear,
    act: PRelu,
    drop: Dropout,
    deep: Linear,
    deep_act: PRelu,
    out: Linear,
}

impl Net {
    fn new(rng: &mut Rng) -> Net {
        Net {
            hidden: Linear::new(64, 512, rng),
            act: PRelu::per_feature(512),
            drop: Dropout::new(0.3),
            deep: Linear::new(512, 512, rng),
            deep_act: PRelu::per_feature(512),
            out: Linear::new(512, 10, rng),
        }
    }
    fn forward(&self, x: Var) -> Var {
        let h = self.drop.forward(self.act.forward(self.hidden.forward(x)));
        self.out.forward(self.deep_act.forward(self.deep.forward(h)))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (dir, steps) = options()?;
    let (train, test) = nn::data::digits()?;
    let mut rng = Rng::seed(7);
    let net = Net::new(&mut rng);
    let schedule = Schedule::cosine(RATE, 0.0, steps)?;
    let batches = Loader::new(train, BATCH).shuffled(rng.next_u64()).workers(1);
    let mut run = (net, Adam::new(RATE), batches, rng);

    let checkpoint = Checkpoint::new(&dir).every(EVERY).keep(3);
    let first = checkpoint.restore(&mut run)?;
    eprintln!("{}: {}", dir, if first == 0 { "a new run".to_owned() } else { format!("going on from step {first}") });
    // Quiet where nobody watches: indicatif draws nothing unless standard error is a terminal.
    let bar = ProgressBar::new(steps).with_style(ProgressStyle::with_template("{bar:30} step {pos}/{len}  {msg}")?);
    bar.set_position(first);
    for step in first..steps {
        let (net, adam, batches, rng) = &mut run;
        let (images, labels) = batches.next_batch()?;
        schedule.apply(step, adam);
        let tape = Tape::training(rng.next_u64());
        let loss = net.forward(tape.input(images)).cross_entropy(&labels);
        bar.set_message(format!("loss {:.4}", loss.item()));
        adam.step(net, loss.backward())?;
        checkpoint.save_if_due(step + 1, &run)?;
        bar.inc(1);
    }
    bar.finish();
    let net = &run.0;
    println!("test accuracy: {:.2}%", 100.0 * nn::metrics::accuracy(|x| net.forward(x), &test));
    println!("parameters: {:016x}", checksum(net));
    Ok(())
}

/// Of every parameter's bits (FNV-1a).
fn checksum(net: &Net) -> u64 {
    let numbers = net.parameters().into_iter().flat_map(|param| param.value().to_vec());
    let bytes = numbers.flat_map(f32::to_le_bytes);
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn options() -> Result<(String, u64), Box<dyn Error>> {
    let (mut dir, mut steps) = (None, STEPS);
    let mut arguments = std::env::args().skip(1);
    while let Some(option) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{option}: a value is missing"))?;
        match option.as_str() {
            "--dir" => dir = Some(value),
            "--steps" => steps = value.parse().map_err(|error| format!("--steps {value}: {error}"))?,
            other => return Err(format!("usage: resume --dir DIR [--steps N]; got {other}").into()),
        }
    }
    Ok((dir.ok_or("usage: resume --dir DIR [--steps N]")?, steps))
}
