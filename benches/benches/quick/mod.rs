//! Criterion, quick: these benches compare before and after; the board compares engines.

use criterion::Criterion;
use std::time::Duration;

/// A tenth of a second to warm up, three tenths to measure.
pub fn criterion() -> Criterion {
    let quick = Criterion::default().sample_size(20).warm_up_time(Duration::from_millis(100));
    quick.measurement_time(Duration::from_millis(300)).without_plots().configure_from_args()
}
