//! Rectifiers, forward and backward, by size and level.

mod levels;
mod quick;

use criterion::Criterion;
use kernels::{Broadcast, In1, In2, PreluBackward, Seen};
use levels::at_every_level;

/// In the first-level cache, in the second-level cache, in the third, and in memory.
const SIZES: [usize; 4] = [1 << 10, 1 << 14, 1 << 20, 1 << 24];

fn main() {
    let mut criterion = quick::criterion();
    for n in SIZES {
        leaky(&mut criterion, n);
        for (name, alphas) in [("shared", 1), ("feature", 64), ("element", n)] {
            prelu(&mut criterion, n, name, alphas);
        }
    }
    criterion.final_summary();
}

/// Numbers of both signs.
fn numbers(n: usize) -> Vec<f32> {
    (0..n).map(|i| (i.wrapping_mul(2_654_435_761) % 2001) as f32 / 1000.0 - 1.0).collect()
}

fn leaky(criterion: &mut Criterion, n: usize) {
    let mut group = criterion.benchmark_group("leaky");
    let (x, mut y) = (numbers(n), vec![0.0f32; n]);
    let (seen, mut dx) = (numbers(n), vec![0.0f32; n]);
    at_every_level(&mut group, "forward", n, |b| b.iter(|| kernels::leaky(0.01, In1::From { x: &x, y: &mut y })));
    at_every_level(&mut group, "backward", n, |b| {
        b.iter(|| {
            let (a, b) = (Broadcast::full(&seen), Broadcast::full(&x));
            kernels::leaky_backward(0.01, In2::From { a, b, y: &mut dx });
        });
    });
}

fn prelu(criterion: &mut Criterion, n: usize, name: &str, alphas: usize) {
    let mut group = criterion.benchmark_group(format!("prelu_{name}"));
    let (x, dy, mut y, mut dx) = (numbers(n), numbers(n), vec![0.0f32; n], vec![0.0f32; n]);
    let (slopes, mut d_alpha) = (vec![0.25f32; alphas], vec![0.0f32; alphas]);
    let alpha = Broadcast { values: &slopes[..], run: 1 };
    at_every_level(&mut group, "forward", n, |b| {
        b.iter(|| kernels::prelu(In2::From { a: Broadcast::full(&x), b: alpha, y: &mut y }));
    });
    at_every_level(&mut group, "backward", n, |b| {
        b.iter(|| {
            let (seen, dy, d_alpha) = (Seen::Input(&x), In1::From { x: &dy, y: &mut dx }, &mut d_alpha[..]);
            kernels::prelu_backward(PreluBackward { seen, dy, alpha, d_alpha });
        });
    });
}
