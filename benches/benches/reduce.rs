//! Reductions: of everything, of rows and of columns, by shape and level.

mod levels;
mod quick;

use criterion::Criterion;
use kernels::{Axes, Reduce};
use levels::at_every_level;

/// Small, square, and tall: as many numbers as 32 images of 56 × 56 by 20 features have.
const SHAPES: [[usize; 2]; 3] = [[64, 256], [1024, 1024], [65536, 64]];

type Reduction = fn(Reduce<'_, f32>);

const REDUCTIONS: [(&str, Reduction); 4] = [
    ("sum", kernels::sum),
    ("max", kernels::max),
    ("variance", |args| kernels::variance(args, 0.0)),
    ("logsumexp", kernels::logsumexp),
];

fn main() {
    let mut criterion = quick::criterion();
    for shape in SHAPES {
        let axes = [("all", Axes::ALL, 1), ("rows", Axes::one(1), shape[0]), ("columns", Axes::one(0), shape[1])];
        for (over, axes, results) in axes {
            reductions(&mut criterion, shape, over, axes, results);
        }
    }
    criterion.final_summary();
}

fn reductions(criterion: &mut Criterion, shape: [usize; 2], over: &str, axes: Axes, results: usize) {
    let mut group = criterion.benchmark_group(format!("reduce_{over}"));
    let count = shape[0] * shape[1];
    let x: Vec<f32> = (0..count).map(|i| (i % 1000) as f32 / 1000.0).collect();
    let mut y = vec![0.0; results];
    for (name, reduction) in REDUCTIONS {
        at_every_level(&mut group, &format!("{name}/{shape:?}"), count, |b| {
            b.iter(|| reduction(Reduce { x: &x, shape: &shape, axes, y: &mut y }));
        });
    }
}
