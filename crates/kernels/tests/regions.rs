//! Parallel regions entered by the program's own thread. One test: the first thread that enters a region joins the pool.

use kernels::{Broadcast, In2};
use std::time::Duration;

#[test]
fn regions_work_however_long_the_caller_was_alone() {
    let x: Vec<f32> = (0..1 << 18).map(|i| i as f32).collect();
    let mut sum = vec![0.0; x.len()];
    for pause_us in [0, 0, 10, 100, 900, 1100, 3000, 0, 1000, 5000, 0] {
        std::thread::sleep(Duration::from_micros(pause_us));
        for _ in 0..3 {
            kernels::add(In2::From { a: Broadcast::full(&x), b: Broadcast::full(&x), y: &mut sum });
            assert!(sum.iter().zip(&x).all(|(sum, x)| *sum == x + x), "after {pause_us} µs");
            sum.fill(0.0);
        }
        assert!(kernels::rendezvous(), "the threads did not meet after {pause_us} µs");
    }
    // From a thread that is no member, and within a pool of its own.
    std::thread::spawn(|| kernels::with_threads(2, || assert!(kernels::rendezvous()))).join().unwrap();
}
