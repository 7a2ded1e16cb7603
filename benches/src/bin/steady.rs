//! `steady`: what 100 training steps ask the system for once training is under way: page faults, and what the memory pool had
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
    for (name, make) in rows::all() {
        if name.starts_with("prelu_feature") || name.starts_with("leaky_fwdbwd") {
            report(&name, make().run);
        }
    }
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
