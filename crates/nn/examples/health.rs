//! What `nn::diagnose` says of a sick network and of a healthy one: the digits, learned at a rate that kills ReLU units, and by learned slopes at a rate that is fit for them.
//!
//! `cargo run --release --example health -- [--seed N] [--quick]` prints both reports and the verdict, and writes `out/health_sick.html` and `out/health_healthy.html`.

use nn::diagnose::Report;
use nn::prelude::*;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let (seed, quick) = options()?;
    let epochs = if quick { 2 } else { 10 };
    let sick = report("ReLU at a rate of 5", &mut sick(seed), Sgd::new(5.0), seed, epochs)?;
    let healthy = report("PReLU at a rate of 0.05", &mut healthy(seed), Sgd::new(0.05).momentum(0.9), seed, epochs)?;
    std::fs::create_dir_all("out")?;
    for (name, report) in [("sick", &sick), ("healthy", &healthy)] {
        let path = format!("out/health_{name}.html");
        report.write_html(&path)?;
        println!("wrote {path}");
    }
    let (dead, units) = sick.units.dead();
    match sick.findings().iter().any(|finding| finding.what.contains("never fire")) && healthy.findings().is_empty() {
        true => println!(
            "verdict: the claim holds: {dead} of {units} units found dead in the sick network, nothing in the healthy one"
        ),
        false => println!(
            "verdict: the claim fails: the sick one has {dead} dead units of {units}, the healthy one {} findings",
            healthy.findings().len()
        ),
    }
    Ok(())
}

fn sick(seed: u64) -> Sequential {
    let mut rng = Rng::seed(seed);
    Sequential::new()
        .then(Linear::new(64, 128, &mut rng))
        .then(Relu)
        .then(Linear::new(128, 128, &mut rng))
        .then(Relu)
        .then(Linear::new(128, 10, &mut rng))
}

fn healthy(seed: u64) -> Sequential {
    let mut rng = Rng::seed(seed);
    Sequential::new()
        .then(Linear::new(64, 128, &mut rng))
        .then(PRelu::per_feature(128))
        .then(Linear::new(128, 128, &mut rng))
        .then(PRelu::per_feature(128))
        .then(Linear::new(128, 10, &mut rng))
}

/// Trains, then looks at what the test set makes of it.
fn report(name: &str, net: &mut Sequential, mut sgd: Sgd, seed: u64, epochs: usize) -> Result<Report, Box<dyn Error>> {
    let (train, test) = nn::data::digits()?;
    let mut rng = Rng::seed(seed);
    for _ in 0..epochs {
        for (images, labels) in train.batches(64).shuffled(rng.next_u64()) {
            let tape = Tape::training(rng.next_u64());
            let loss = net.forward(tape.input(images)).cross_entropy(&labels);
            sgd.step(net, loss.backward())?;
        }
    }
    let accuracy = 100.0 * nn::metrics::accuracy(|x| net.forward(x), &test);
    println!("{name}: {epochs} epochs, test accuracy {accuracy:.1}%\n");
    let (images, labels) = test.batches(test.len()).next().ok_or("there are no digits")?;
    let report = nn::diagnose(net, |x| net.forward(x).cross_entropy(&labels), &images)?;
    println!("{report}");
    Ok(report)
}

/// `--seed N` and `--quick`.
fn options() -> Result<(u64, bool), Box<dyn Error>> {
    let (mut seed, mut quick, mut arguments) = (1, false, std::env::args().skip(1));
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => quick = true,
            "--seed" => seed = arguments.next().ok_or("--seed: which?")?.parse()?,
            other => return Err(format!("usage: health [--seed N] [--quick]; got {other}").into()),
        }
    }
    Ok((seed, quick))
}
