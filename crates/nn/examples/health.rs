//! What `nn::diagnose` says of a sick network and of a healthy one: the digits, learned at a rate that kills ReLU units, and by learned slopes at a rate that is fit for them.
//!
//! A `Monitor` watches both runs and says at which step it began.
//!
//! `cargo run --release --example health -- [--seed N] [--quick]` prints the reports and the verdict, and writes `out/health_sick.html`, `out/health_healthy.html` and the pages of the runs.

use nn::diagnose::{Monitor, Report, Symptom};
use nn::prelude::*;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let (seed, quick) = options()?;
    let epochs = if quick { 2 } else { 10 };
    let (sick, sick_run) = run("ReLU at a rate of 5", &mut sick(seed), Sgd::new(5.0), seed, epochs)?;
    let sgd = Sgd::new(0.05).momentum(0.9);
    let (healthy, healthy_run) = run("PReLU at a rate of 0.05", &mut healthy(seed), sgd, seed, epochs)?;
    std::fs::create_dir_all("out")?;
    for (name, report, run) in [("sick", &sick, &sick_run), ("healthy", &healthy, &healthy_run)] {
        let (page, run_page) = (format!("out/health_{name}.html"), format!("out/health_{name}_run.html"));
        report.write_html(&page)?;
        run.write_html(&run_page)?;
        println!("wrote {page} and {run_page}");
    }
    let (dead, units) = sick.units.dead();
    let is_named = sick.findings().iter().any(|finding| finding.symptom == Symptom::DeadUnits);
    let began = sick_run
        .findings()
        .iter()
        .filter(|finding| finding.symptom == Symptom::DeadUnits)
        .find_map(|finding| finding.step);
    let false_alarms = healthy.findings().len() + healthy_run.findings().len();
    match (is_named, began) {
        (true, Some(step)) if false_alarms == 0 => println!(
            "verdict: the claim holds: {dead} of {units} units found dead in the sick network, first seen at step {step}; nothing in the healthy one"
        ),
        _ => println!(
            "verdict: the claim fails: the sick one has {dead} dead units of {units}, seen at {began:?}, the healthy one {false_alarms} findings"
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

/// Trains under a monitor, then looks at what the test set makes of it.
fn run(
    name: &str,
    net: &mut Sequential,
    mut sgd: Sgd,
    seed: u64,
    epochs: usize,
) -> Result<(Report, Monitor), Box<dyn Error>> {
    let (train, test) = nn::data::digits()?;
    let (mut rng, mut monitor) = (Rng::seed(seed), Monitor::new().every(20));
    for _ in 0..epochs {
        for (images, labels) in train.batches(64).shuffled(rng.next_u64()) {
            let tape = Tape::training(rng.next_u64());
            let loss = net.forward(tape.input(images.clone())).cross_entropy(&labels);
            monitor.step(net, &loss);
            if monitor.is_due() {
                monitor.look(nn::diagnose(net, |x| net.forward(x).cross_entropy(&labels), &images)?);
            }
            sgd.step(net, loss.backward())?;
        }
    }
    let accuracy = 100.0 * nn::metrics::accuracy(|x| net.forward(x), &test);
    println!("{name}: {epochs} epochs, test accuracy {accuracy:.1}%\n");
    let (images, labels) = test.batches(test.len()).next().ok_or("there are no digits")?;
    let report = nn::diagnose(net, |x| net.forward(x).cross_entropy(&labels), &images)?;
    println!("{report}\nthe run: {monitor}");
    Ok((report, monitor))
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
