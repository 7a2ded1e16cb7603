//! A steady training step: what it may ask the system for, and that nothing piles up. One test, because allocations are counted for
//! the whole process.

use nn::prelude::*;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Counts what the program asks for.
struct Counting;

static SMALL: AtomicUsize = AtomicUsize::new(0);
static LARGE: AtomicUsize = AtomicUsize::new(0);
/// From this many bytes on an allocation is large.
const LIMIT: usize = 512;

#[expect(unsafe_code, reason = "an allocator is unsafe to implement")]
// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let counter = if layout.size() >= LIMIT { &LARGE } else { &SMALL };
        counter.fetch_add(1, Relaxed);
        // SAFETY: the caller keeps the system allocator's contract, which is this one's.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[derive(Module)]
struct Net {
    hidden: Linear,
    act: PRelu,
    out: Linear,
}

impl Net {
    fn forward(&self, x: Var) -> Var {
        self.out.forward(self.act.forward(self.hidden.forward(x)))
    }
}

#[test]
fn a_steady_step_asks_for_nothing() {
    let mut rng = Rng::seed(7);
    let (train, _) = nn::data::digits().unwrap();
    let (hidden, out) = (Linear::new(64, 128, &mut rng), Linear::new(128, 10, &mut rng));
    let mut net = Net { hidden, act: PRelu::per_feature(128), out };
    let mut adam = Adam::new(1e-3);
    let mut live_bytes = Vec::new();
    for step in 0..40 {
        let (images, labels) = train.batches(64).nth(step % 20).unwrap();
        let before = (SMALL.load(Relaxed), LARGE.load(Relaxed), kernels::pool::stats().system_allocations);
        let tape = Tape::training(step as u64);
        let loss = net.forward(tape.input(images)).cross_entropy(&labels);
        let records = tape.len();
        adam.step(&mut net, loss.backward()).unwrap();
        drop((tape, labels));
        let after = (SMALL.load(Relaxed), LARGE.load(Relaxed), kernels::pool::stats().system_allocations);
        if step < 3 {
            continue;
        }
        assert_eq!(after.1 - before.1, 0, "step {step} made {} allocations of {LIMIT} bytes or more", after.1 - before.1);
        // One box for each recorded op, one for the tape.
        let small = after.0 - before.0;
        assert!(small <= records + 4, "step {step} made {small} small allocations for {records} values");
        assert_eq!(after.2, before.2, "step {step} asked the system for tensor memory");
        live_bytes.push(kernels::pool::stats().live_bytes);
    }
    assert!(live_bytes.iter().all(|&bytes| bytes == live_bytes[0]), "{live_bytes:?}");
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
