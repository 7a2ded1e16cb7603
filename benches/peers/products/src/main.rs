//! Our products against the `gemm` crate's, alternately in one process: medians in GFLOP/s, and as a share of the peak, which the first
//! argument gives (GFLOP/s of both threads; 337 on the machine of docs/DECISIONS.md). Further arguments name shapes: `1024x1024x1024`,
//! with `at` or `bt` behind for a transposed factor; without any the list below is run.
//!
//! `cargo run --release --manifest-path benches/peers/products/Cargo.toml 337` on a quiet machine.

use gemm::Parallelism;
use kernels::pool::Buffer;
use kernels::{Epilogue, Matmul, matmul};
use std::time::Instant;

/// m, k, n, and which factor is stored transposed.
#[derive(Clone, Copy)]
struct Shape {
    m: usize,
    k: usize,
    n: usize,
    a_transposed: bool,
    b_transposed: bool,
}

impl Shape {
    fn flops(self) -> f64 {
        2.0 * self.m as f64 * self.k as f64 * self.n as f64
    }
}

fn parse(text: &str) -> Shape {
    let sizes = text.trim_end_matches("at").trim_end_matches("bt");
    let sizes: Vec<usize> = sizes.split('x').map(|size| size.parse().expect("a shape as 64x784x512bt")).collect();
    let &[m, k, n] = &sizes[..] else { panic!("{text}: three sizes make a shape") };
    Shape { m, k, n, a_transposed: text.ends_with("at"), b_transposed: text.ends_with("bt") }
}

/// The board's rows, tall and wide ones, then forward, dy·wᵀ and xᵀ·dy of the layers 784-512-512-10 at batches 64 and 256.
const SHAPES: &str = "64x784x512 256x512x512 1024x1024x1024 2048x2048x2048 65536x144x16 16x144x65536 \
    64x512x784bt 784x64x512at 64x512x512 64x512x512bt 512x64x512at 64x512x10 64x10x512bt 512x64x10at \
    256x784x512 256x512x784bt 784x256x512at 256x512x512bt 512x256x512at 256x512x10 256x10x512bt 512x256x10at";

fn product<'a>(s: Shape, a: &'a [f32], b: &'a [f32], c: &'a mut [f32]) -> Matmul<'a, f32> {
    let Shape { m, k, n, a_transposed, b_transposed } = s;
    Matmul { a, b, c, m, k, n, a_transposed, b_transposed, accumulate: false, epilogue: Epilogue::NONE }
}

/// As [`matmul`], by the `gemm` crate.
fn matmul_by_crate(product: Matmul<'_, f32>) {
    let Matmul { a, b, c, m, k, n, a_transposed, b_transposed, .. } = product;
    assert!(a.len() == m * k && b.len() == k * n && c.len() == m * n, "sizes and shapes differ");
    // How far apart rows and columns are.
    let strides = |transposed, rows: usize, columns: usize| match transposed {
        true => (1, rows.cast_signed()),
        false => (columns.cast_signed(), 1),
    };
    let ((a_row, a_column), (b_row, b_column)) = (strides(a_transposed, m, k), strides(b_transposed, k, n));
    let parallelism = if kernels::threads() > 1 { Parallelism::Rayon(0) } else { Parallelism::None };
    // SAFETY: each factor has all numbers that its sizes and strides name, and so has the product, whose rows are n apart, and which
    // nothing else refers to.
    unsafe {
        let (to, a, b) = (c.as_mut_ptr(), a.as_ptr(), b.as_ptr());
        let (row, column) = (n.cast_signed(), 1);
        gemm::gemm(
            m, n, k, to, column, row, false, a, a_column, a_row, b, b_column, b_row, 1.0, 1.0, false, false, false, parallelism,
        );
    }
}

/// Median and best of the seconds one call took, ours and theirs.
fn measure(s: Shape, budget_s: f64) -> [(f64, f64); 2] {
    // Tensors' memory: in huge pages, where the system has them.
    let noise = |length: usize| {
        let mut numbers = Buffer::<f32>::new(length);
        for (i, number) in numbers.iter_mut().enumerate() {
            *number = (i * 37 % 101) as f32 / 101.0 - 0.5;
        }
        numbers
    };
    let (a, b) = (noise(s.m * s.k), noise(s.k * s.n));
    let mut c = [Buffer::<f32>::zeroed(s.m * s.n), Buffer::zeroed(s.m * s.n)];
    let repeats = (2e8 / s.flops()).clamp(1.0, 1e5) as usize;
    let mut times = [Vec::new(), Vec::new()];
    let start = Instant::now();
    while times[0].len() < 5 || start.elapsed().as_secs_f64() < budget_s {
        for (index, times) in times.iter_mut().enumerate() {
            let by = if index == 0 { matmul::<f32> } else { matmul_by_crate };
            by(product(s, &a, &b, &mut c[index]));
            let start = Instant::now();
            for _ in 0..repeats {
                by(product(s, &a, &b, &mut c[index]));
            }
            times.push(start.elapsed().as_secs_f64() / repeats as f64);
        }
    }
    let error = c[0].iter().zip(&*c[1]).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max);
    assert!(error < 1e-5 * s.k as f32, "the products differ by {error}");
    times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        (times[times.len() / 2], times[0])
    })
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let peak: f64 = arguments.next().map_or(337.0, |peak| peak.parse().expect("the peak in GFLOP/s"));
    let named: Vec<String> = arguments.collect();
    let named = if named.is_empty() { SHAPES.split_whitespace().map(str::to_owned).collect() } else { named };
    println!("{} threads, medians in GFLOP/s (best), share of {peak}", kernels::threads());
    println!("{:18} {:>16} {:>16} {:>6} {:>6}", "m × k × n", "ours", "gemm", "ratio", "peak");
    for name in named {
        let s = parse(&name);
        let [ours, theirs] = measure(s, 1.5);
        let rate = |seconds: f64| s.flops() / seconds / 1e9;
        println!(
            "{name:18} {:7.1} ({:6.1}) {:7.1} ({:6.1}) {:6.2} {:5.0}%",
            rate(ours.0),
            rate(ours.1),
            rate(theirs.0),
            rate(theirs.1),
            theirs.0 / ours.0,
            100.0 * rate(ours.0) / peak
        );
    }
}
