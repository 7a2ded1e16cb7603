//! Elementwise functions of one and of two numbers, by size and level.

mod levels;
mod quick;

use criterion::Criterion;
use kernels::{Broadcast, In1, In2};
use levels::at_every_level;

/// In the second-level cache, and in memory.
const SIZES: [usize; 2] = [1 << 14, 1 << 24];

type Function1 = fn(In1<'_, f32>);
type Function2 = fn(In2<'_, f32>);

const OF_ONE: [(&str, Function1); 9] = [
    ("exp", kernels::exp),
    ("ln", kernels::ln),
    ("tanh", kernels::tanh),
    ("sigmoid", kernels::sigmoid),
    ("gelu", kernels::gelu),
    ("silu", kernels::silu),
    ("sin", kernels::sin),
    ("sqrt", kernels::sqrt),
    ("relu", kernels::relu),
];
const OF_TWO: [(&str, Function2); 4] =
    [("add", kernels::add), ("mul", kernels::mul), ("div", kernels::div), ("maximum", kernels::maximum)];

fn main() {
    let mut criterion = quick::criterion();
    SIZES.into_iter().for_each(|n| of_size(&mut criterion, n));
    criterion.final_summary();
}

fn of_size(criterion: &mut Criterion, n: usize) {
    let mut group = criterion.benchmark_group("elementwise");
    let x: Vec<f32> = (0..n).map(|i| 0.5 + (i % 1000) as f32 / 500.0).collect();
    let (row, mut y) = (vec![1.5f32; 64], vec![0.0f32; n]);
    for (name, function) in OF_ONE {
        at_every_level(&mut group, name, n, |b| b.iter(|| function(In1::From { x: &x, y: &mut y })));
    }
    for (name, function) in OF_TWO {
        let (a, b) = (Broadcast::full(&x[..]), Broadcast { values: &row[..], run: 1 });
        at_every_level(&mut group, name, n, |bench| bench.iter(|| function(In2::From { a, b: a, y: &mut y })));
        let name = format!("{name}_by_feature");
        at_every_level(&mut group, &name, n, |bench| bench.iter(|| function(In2::From { a, b, y: &mut y })));
    }
}
