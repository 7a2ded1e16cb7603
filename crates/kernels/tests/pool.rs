//! The pool's counters and caps: global, so in a process of their own, and one after the other.

use kernels::pool::{Buffer, reset_peak, set_cap, set_pooled_cap, stats, trim};
use std::panic::catch_unwind;

#[test]
fn counters_and_caps() {
    a_steady_loop_asks_the_system_for_nothing();
    the_peak_is_what_was_live_at_once();
    blocks_come_back_from_other_threads();
    a_cap_panics_with_the_numbers_and_everything_works_afterwards();
    nothing_is_kept_above_the_pooled_cap();
    trim_gives_everything_back();
}

fn a_steady_loop_asks_the_system_for_nothing() {
    let step = || (Buffer::<f32>::new(10), Buffer::<f32>::new(3000), Buffer::<f32>::new(3 << 20));
    drop(step());
    let before = stats();
    for _ in 0..1000 {
        drop(step());
    }
    assert_eq!(stats(), before);
}

fn the_peak_is_what_was_live_at_once() {
    reset_peak();
    let start = stats();
    assert_eq!(start.peak_bytes, start.live_bytes);
    let one = Buffer::<u8>::new(1 << 20);
    let size = stats().live_bytes - start.live_bytes;
    assert!(((1 << 20)..(1 << 20) * 9 / 8 + 200).contains(&size), "{size}");
    drop(one);
    drop(Buffer::<u8>::new(1 << 20));
    assert_eq!(stats().peak_bytes, start.live_bytes + size);
    assert_eq!(stats().live_bytes, start.live_bytes);
}

fn blocks_come_back_from_other_threads() {
    let before = stats().live_bytes;
    for _ in 0..50 {
        let big = Buffer::<f32>::new(1 << 20);
        let small = Buffer::<f32>::new(10);
        std::thread::spawn(move || drop((big, small))).join().expect("the thread drops two buffers");
    }
    let allocations = stats().system_allocations;
    drop(Buffer::<f32>::new(1 << 20));
    assert_eq!(stats().system_allocations, allocations, "a large block freed elsewhere serves everybody");
    assert_eq!(stats().live_bytes, before);
}

fn a_cap_panics_with_the_numbers_and_everything_works_afterwards() {
    let live = stats().live_bytes;
    set_cap(Some(live + (1 << 20)));
    let fits = Buffer::<u8>::new(1000);
    for bytes in [2 << 20, 1 << 20] {
        let panic = catch_unwind(|| Buffer::<u8>::new(bytes)).err().expect("above the cap");
        let message = panic.downcast_ref::<String>().expect("a message");
        assert!(message.contains("live, the cap is"), "{message}");
    }
    assert_eq!(fits.len(), 1000);
    drop(fits);
    set_cap(None);
    assert_eq!(Buffer::<u8>::new(2 << 20).len(), 2 << 20);
    assert_eq!(stats().live_bytes, live);
}

fn nothing_is_kept_above_the_pooled_cap() {
    trim();
    set_pooled_cap(4 << 20);
    drop((Buffer::<u8>::new(3 << 20), Buffer::<u8>::new(3 << 20)));
    let pooled = stats().pooled_bytes;
    assert!(((3 << 20)..(4 << 20)).contains(&pooled), "{pooled}");
    set_pooled_cap(1 << 30);
}

fn trim_gives_everything_back() {
    drop((Buffer::<u8>::new(3 << 20), Buffer::<u8>::new(30)));
    trim();
    assert_eq!(stats().pooled_bytes, 0);
    let allocations = stats().system_allocations;
    drop(Buffer::<u8>::new(30));
    assert_eq!(stats().system_allocations, allocations + 1);
}
