//! Times products, ours and the `gemm` crate's in turn: `cargo run --release -p rectify-kernels --example matmul [tiny | seconds [row]]`.
#![expect(unsafe_code, reason = "the `gemm` crate takes pointers and strides")]
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

fn theirs(a: &[f32], b: &[f32], c: &mut [f32], (m, k, n): (usize, usize, usize), at: bool, bt: bool) {
    let (ar, ac) = if at { (1, m as isize) } else { (k as isize, 1) };
    let (br, bc) = if bt { (1, k as isize) } else { (n as isize, 1) };
    let p = if kernels::threads() > 1 { gemm::Parallelism::Rayon(0) } else { gemm::Parallelism::None };
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            c.as_mut_ptr(),
            1,
            n as isize,
            false,
            a.as_ptr(),
            ac,
            ar,
            b.as_ptr(),
            bc,
            br,
            1.0,
            1.0,
            false,
            false,
            false,
            p,
        );
    }
}

fn main() {
    let arg = std::env::args().nth(1);
    if arg.as_deref() == Some("tiny") {
        return tiny();
    }
    let seconds: f64 = arg.and_then(|a| a.parse().ok()).unwrap_or(0.3);
    let only: Option<usize> = std::env::args().nth(2).and_then(|a| a.parse().ok());
    kernels::threads();
    let shapes = [
        (64, 784, 512, false, false),
        (256, 512, 512, false, false),
        (1024, 1024, 1024, false, false),
        (2048, 2048, 2048, false, false),
        (65536, 144, 16, false, false),
        (16, 144, 65536, false, false),
        (16384, 144, 16, false, false),
        (144, 65536, 16, true, false),
        (784, 64, 512, true, false),
        (64, 512, 784, false, true),
        (64, 512, 512, false, true),
        (512, 64, 512, true, false),
        (256, 512, 512, false, true),
        (64, 512, 10, false, false),
        (2048, 256, 768, false, false),
        (1024, 1024, 1024, false, true),
        (1024, 1024, 1024, true, false),
        (32, 32, 32, false, false),
        (64, 64, 64, false, false),
        (128, 128, 128, false, false),
        (48, 40, 56, false, true),
        (1, 784, 512, false, false),
        (1, 512, 784, false, true),
        (8, 784, 512, false, false),
    ];
    for (index, (m, k, n, at, bt)) in shapes.into_iter().enumerate() {
        if only.is_some_and(|o| o != index) {
            continue;
        }
        let (a, b, mut c, mut d) = (noise(m * k), noise(k * n), vec![0.0; m * n], vec![0.0; m * n]);
        let repeats = (5e6 / (m * k * n) as f64).ceil() as usize;
        let mut times = [vec![], vec![]];
        let start = Instant::now();
        while start.elapsed().as_secs_f64() < seconds {
            let t = Instant::now();
            for _ in 0..repeats {
                ours(&a, &b, &mut c, (m, k, n), at, bt);
            }
            times[0].push(t.elapsed().as_secs_f64());
            let t = Instant::now();
            for _ in 0..repeats {
                theirs(&a, &b, &mut d, (m, k, n), at, bt);
            }
            times[1].push(t.elapsed().as_secs_f64());
        }
        let worst = c.iter().zip(&d).map(|(c, d)| (c - d).abs()).fold(0.0, f32::max);
        let [o, t] = times.map(|mut t| {
            t.sort_by(f64::total_cmp);
            (t[0], t[t.len() / 2])
        });
        let g = |s: f64| 2.0 * (m * k * n * repeats) as f64 / s * 1e-9;
        println!(
            "{index:2} {m}x{k}x{n} {}{}: ours {:.0} (best {:.0}), gemm {:.0} (best {:.0}), ratio {:.2}, us {:.1}  diff {worst:.1e}",
            if at { "T" } else { "N" },
            if bt { "T" } else { "N" },
            g(o.1),
            g(o.0),
            g(t.1),
            g(t.0),
            t.1 / o.1,
            o.1 * 1e6 / repeats as f64
        );
    }
}
