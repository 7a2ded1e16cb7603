//! A steady training step touches no page that it has not touched before: its tensors lie where those of the step before lay.
//! One test, because faults are counted for the whole process.

mod net;

use net::Net;
use nn::prelude::*;

const BATCH: usize = 64;
const STEPS: u64 = 50;
const PAGE: u64 = 4096;

/// Page faults of this process so far, none of which needed a disk; None where `/proc` does not tell.
fn faults() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in brackets; this is the tenth.
    stat.rsplit_once(')')?.1.split_whitespace().nth(7)?.parse().ok()
}

#[test]
fn a_steady_step_touches_no_new_page() {
    let mut rng = Rng::seed(7);
    let mut net = Net::new(784, 512, 10, &mut rng);
    let mut adam = Adam::new(1e-3);
    let x = Tensor::randn([BATCH, 784], &mut rng);
    let labels = Tensor::from((0..BATCH as i64).map(|i| i % 10).collect::<Vec<_>>());
    let mut step = |seed| {
        let tape = Tape::training(seed);
        let loss = net.forward(tape.input(x.clone())).cross_entropy(&labels);
        adam.step(&mut net, loss.backward()).unwrap();
    };
    (0..20).for_each(&mut step);
    let Some(before) = faults() else { return };
    (0..STEPS).for_each(&mut step);
    let faults = faults().expect("it was there a moment ago") - before;
    // The gradient of the hidden weight alone is 392 pages, the smallest large tensor (the hidden layer's output) 32, both fresh in
    // every step if they are not recycled. Code, stacks and lists that still grow stay under one page a step.
    let smallest = (BATCH * 512 * size_of::<f32>()) as u64 / PAGE;
    assert!(
        faults < STEPS,
        "{faults} page faults in {STEPS} steps; fresh memory for one tensor would take {}",
        STEPS * smallest
    );
}
