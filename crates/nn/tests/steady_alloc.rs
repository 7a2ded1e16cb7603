//! A steady training step: what it may ask the system for, and that nothing piles up. One test, because allocations are counted for
//! the whole process.

#[expect(dead_code, reason = "of what was asked for bytes do not count here")]
mod allocator;
mod net;

use allocator::{LIMIT, asked};
use net::Net;
use nn::prelude::*;

/// What one step asked for.
struct Asked {
    small: usize,
    large: usize,
    from_the_pool: u64,
    /// Values on the step's tape.
    records: usize,
}

fn counts() -> (usize, usize, u64) {
    let now = asked();
    (now.small, now.large, kernels::pool::stats().system_allocations)
}

/// Runs steps and returns what each asked for from the fourth on, having checked that live bytes stay.
fn steady_steps(mut step: impl FnMut(usize) -> usize) -> Vec<Asked> {
    let mut live_bytes = Vec::with_capacity(40);
    let mut steps = Vec::with_capacity(40);
    for at in 0..40 {
        let before = counts();
        let records = step(at);
        let after = counts();
        if at >= 3 {
            let (small, large, from_the_pool) = (after.0 - before.0, after.1 - before.1, after.2 - before.2);
            steps.push(Asked { small, large, from_the_pool, records });
            live_bytes.push(kernels::pool::stats().live_bytes);
        }
    }
    assert!(live_bytes.iter().all(|&bytes| bytes == live_bytes[0]), "{live_bytes:?}");
    steps
}

#[test]
fn a_steady_step_asks_for_nothing() {
    // A thread's first work sets up its queue and its share in the queues' memory: on a busy machine a worker may be that late.
    assert!((0..100).any(|_| kernels::rendezvous()), "the workers never came");
    let mut rng = Rng::seed(7);
    let (train, _) = nn::data::digits().unwrap();
    let mut net = Net::new(64, 128, 10, &mut rng);
    let mut adam = Adam::new(1e-3);
    let digits = steady_steps(|step| {
        let (images, labels) = train.batches(64).nth(step % 20).unwrap();
        let tape = Tape::training(step as u64);
        let loss = net.forward(tape.input(images)).cross_entropy(&labels);
        let records = tape.len();
        adam.step(&mut net, loss.backward()).unwrap();
        records
    });
    // The rule that remembers most.
    let mut rmsprop = RmsProp::new(1e-3).centred(true).momentum(0.9).group(|_| true, |group| group.weight_decay(0.1));
    let mut slopes = PRelu::per_feature(2000);
    let x = Tensor::randn([8, 2000], &mut rng);
    let rectifiers = steady_steps(|step| {
        let tape = Tape::training(step as u64);
        let loss = slopes.forward(tape.input(x.clone())).square().sum();
        let records = tape.len();
        rmsprop.step(&mut slopes, loss.backward()).unwrap();
        records
    });
    for (name, steps) in [("digits", digits), ("rectifiers", rectifiers)] {
        for Asked { small, large, from_the_pool, records } in steps {
            assert_eq!(large, 0, "{name}: allocations of {LIMIT} bytes or more");
            // One box for each recorded op, and a few for the tape.
            assert!(small <= records + 4, "{name}: {small} small allocations for {records} values");
            assert_eq!(from_the_pool, 0, "{name}: the pool asked the system");
        }
    }
    stays_flat();
}

/// Live bytes after many steps are those after a few, with backward or without.
fn stays_flat() {
    let mut rng = Rng::seed(8);
    let mut net = (Linear::new(2, 8, &mut rng), PRelu::per_feature(8), Linear::new(8, 1, &mut rng));
    let mut sgd = Sgd::new(1e-3).momentum(0.9);
    let x = Tensor::randn([4, 2], &mut rng);
    let mut live = Vec::new();
    for step in 0..10_000 {
        let tape = Tape::training(step);
        let loss = net.forward(tape.input(x.clone())).square().sum();
        if step % 2 == 0 {
            sgd.step(&mut net, loss.backward()).unwrap();
        }
        drop(tape);
        if step % 1000 == 999 {
            live.push(kernels::pool::stats().live_bytes);
        }
    }
    assert!(live.iter().all(|&bytes| bytes == live[0]), "{live:?}");
}
