//! Matrix products, by shape and by which factor is transposed, at the level of this CPU. Throughput is in flop.

mod quick;

use criterion::{BenchmarkId, Criterion, Throughput};
use kernels::{Epilogue, Matmul};

/// [m, k, n]: a layer of the digits, layers of the board's MLP, tall and narrow, square.
const SHAPES: [[usize; 3]; 6] =
    [[64, 64, 128], [64, 784, 512], [256, 512, 512], [65536, 144, 16], [512, 512, 512], [1024, 1024, 1024]];

fn main() {
    let mut criterion = quick::criterion();
    for shape in SHAPES {
        for transposed in [(false, false), (false, true), (true, false)] {
            product(&mut criterion, shape, transposed);
        }
    }
    criterion.final_summary();
}

fn product(criterion: &mut Criterion, [m, k, n]: [usize; 3], (a_transposed, b_transposed): (bool, bool)) {
    let name = match (a_transposed, b_transposed) {
        (false, false) => "ab",
        (false, true) => "abT",
        _ => "aTb",
    };
    let mut group = criterion.benchmark_group(format!("gemm_{name}"));
    group.throughput(Throughput::Elements(2 * (m * k * n) as u64));
    let (a, b, mut c) = (vec![0.5f32; m * k], vec![0.25f32; k * n], vec![0.0f32; m * n]);
    group.bench_function(BenchmarkId::from_parameter(format!("{m}x{k}x{n}")), |bench| {
        bench.iter(|| {
            let (a, b, c, accumulate, epilogue) = (&a[..], &b[..], &mut c[..], false, Epilogue::NONE);
            kernels::matmul(Matmul { a, b, c, m, k, n, a_transposed, b_transposed, accumulate, epilogue });
        });
    });
}
