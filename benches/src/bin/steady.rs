//! `steady`: what a step of ResNet-20 keeps for its backward pass and needs at most, and what 100 training steps ask the system for once training is under way: page faults, and what the memory pool had
//! to ask for. Both should be 0; PyTorch's step of ResNet-20 has 5,000 to 18,000 page faults.

use nn::prelude::*;
use rectify_benches::inputs::{labels, values};
use rectify_benches::nets::{Hidden1, Hidden2, step};
use rectify_benches::{faults, rows};

const WARM_UP: u32 = 20;
const STEPS: u32 = 100;

fn main() {
    println!("{:24}{:>14}{:>20}{:>14}", "per step", "page faults", "pool: allocations", "live bytes");
    let (x, classes) = (values(1, [64, 64]), labels(64, 10));
    let (mut net, mut adam) = (Hidden1::of_the_board(64, 128, 10), Adam::new(1e-3));
    report("digits, batch 64", || step(&mut net, &mut adam, &x, &classes));
    for batch in [64, 256] {
        let (x, classes) = (values(1, [batch, 784]), labels(batch, 10));
        let (mut net, mut adam) = (Hidden2::of_the_board(784, 512, 10), Adam::new(1e-3));
        report(&format!("mlp_{batch}"), || step(&mut net, &mut adam, &x, &classes));
    }
    resnet();
    for (name, make) in rows::all() {
        if name.starts_with("prelu_feature") || name.starts_with("leaky_fwdbwd") {
            report(&name, make().run);
        }
    }
}

/// ResNet-20, batch 64: PyTorch keeps 141 MB and grows by 229.
fn resnet() {
    let (x, classes) = (values(1, [64, 32, 32, 3]), labels(64, 10));
    let (mut net, mut sgd) = (rows::images::page_resnet(), Sgd::new(0.01).momentum(0.9));
    let mut step = move |looks: bool| {
        let tape = Tape::training(0);
        let loss = net.forward(tape.input(x.clone())).cross_entropy(&classes);
        let kept = if looks { tape.kept().bytes() } else { 0 };
        sgd.step(&mut net, loss.backward()).expect("finite gradients");
        kept
    };
    report("resnet20_64", || {
        step(false);
    });
    let kept = step(true);
    let live = kernels::pool::stats().live_bytes;
    kernels::pool::reset_peak();
    let _ = step(false);
    let growth = kernels::pool::stats().peak_bytes - live;
    println!("{:24}kept for backward {:.1} MB, peak growth {:.1} MB", "", kept as f64 / 1e6, growth as f64 / 1e6);
}

fn report(name: &str, mut step: impl FnMut()) {
    (0..WARM_UP).for_each(|_| step());
    let counts = || (faults::minor().unwrap_or(0), kernels::pool::stats());
    let (faults, pool) = counts();
    (0..STEPS).for_each(|_| step());
    let (faults_after, pool_after) = counts();
    let per_step = |before: u64, after: u64| (after - before) as f64 / f64::from(STEPS);
    println!(
        "{name:24}{:>14.2}{:>20.2}{:>14}",
        per_step(faults, faults_after),
        per_step(pool.system_allocations, pool_after.system_allocations),
        pool_after.live_bytes,
    );
}
