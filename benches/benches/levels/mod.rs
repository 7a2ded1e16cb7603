//! Kernels at every level.

use criterion::{Bencher, BenchmarkGroup, BenchmarkId, Throughput, measurement::WallTime};
use kernels::Level;

/// One benchmark for each level this CPU has, of a kernel that handles so many elements a call.
pub fn at_every_level(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    elements: usize,
    mut bench: impl FnMut(&mut Bencher<'_>),
) {
    group.throughput(Throughput::Elements(elements as u64));
    let before = Level::current();
    for level in Level::ALL.into_iter().filter(|level| level.is_available()) {
        level.set_current();
        group.bench_function(BenchmarkId::new(format!("{name}/{level}"), elements), &mut bench);
    }
    before.set_current();
}
