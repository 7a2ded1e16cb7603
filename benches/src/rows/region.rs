//! What it takes to enter a parallel region and to leave it. No peer has this row.

use crate::harness::{Row, Rows};
use std::time::{Duration, Instant};

/// Between regions the calling thread is alone for so long: other threads may have gone to sleep.
const PAUSES_US: [u64; 3] = [10, 100, 1000];

pub fn rows() -> Rows {
    let mut rows: Rows = vec![("parallel_region".to_string(), Box::new(back_to_back))];
    for pause in PAUSES_US {
        rows.push((format!("parallel_region_after_{pause}us"), Box::new(move || after(pause))));
    }
    rows
}

fn back_to_back() -> Row {
    row(|| {}, "a region in which all threads meet".to_string())
}

fn after(pause_us: u64) -> Row {
    let pause = move || {
        let start = Instant::now();
        while start.elapsed() < Duration::from_micros(pause_us) {
            std::hint::spin_loop();
        }
    };
    row(pause, format!("{pause_us} µs of work by the caller alone, then a region in which all threads meet"))
}

fn row(alone: impl Fn() + 'static, what: String) -> Row {
    Row {
        run: Box::new(move || {
            alone();
            assert!(kernels::rendezvous(), "the threads of a region did not meet");
        }),
        check: Box::new(|| format!("met.sum={}", u8::from(kernels::rendezvous()))),
        what,
    }
}
