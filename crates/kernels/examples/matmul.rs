//! Times products: `cargo run --release -p rectify-kernels --example matmul [tiny]`.
use kernels::{Epilogue, Matmul, Rectifier, matmul};
use std::time::Instant;

fn noise(n: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 2654435761) % 1000) as f32 / 500.0 - 1.0).collect()
}

fn ours(a: &[f32], b: &[f32], c: &mut [f32], (m, k, n): (usize, usize, usize), at: bool, bt: bool) {
    let (a_transposed, b_transposed) = (at, bt);
    matmul(Matmul { a, b, c, m, k, n, a_transposed, b_transposed, accumulate: false, epilogue: Epilogue::NONE });
}

fn tiny() {
    for (m, k, n, at, bt) in [
        (4, 2, 16, false, false),
        (4, 16, 1, false, false),
        (16, 4, 1, true, false),
        (4, 1, 16, false, true),
        (2, 4, 16, true, false),
        (4, 16, 2, false, true),
        (4, 16, 16, false, false),
    ] {
        let (a, b, mut c, bias) = (noise(m * k), noise(k * n), vec![0.0; m * n], noise(n));
        for epilogue in [Epilogue::NONE, Epilogue { bias: Some(&bias), rectifier: Rectifier::PRelu(&bias) }] {
            let mut best = f64::MAX;
            for _ in 0..50 {
                let start = Instant::now();
                for _ in 0..1000 {
                    let (a, b) = std::hint::black_box((&a, &b));
                    matmul(Matmul {
                        a,
                        b,
                        c: &mut c,
                        m,
                        k,
                        n,
                        a_transposed: at,
                        b_transposed: bt,
                        accumulate: false,
                        epilogue,
                    });
                }
                best = best.min(start.elapsed().as_secs_f64() / 1000.0);
            }
            print!("{m}x{k}x{n} {at} {bt}: {:.1} ns   ", best * 1e9);
        }
        println!();
    }
}

fn main() {
    if std::env::args().nth(1).as_deref() == Some("tiny") {
        return tiny();
    }
    let _ = ours;
}
