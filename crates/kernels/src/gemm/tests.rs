mod epilogue;

use super::*;
use crate::testing::at_every_level;
use crate::with_threads;
use proptest::prelude::*;

/// The specification, in f64.
fn naive(a: &[f64], b: &[f64], c: &mut [f64], (m, k, n): (usize, usize, usize), flags: (bool, bool, bool)) {
    let (a_transposed, b_transposed, accumulate) = flags;
    for i in 0..m {
        for j in 0..n {
            let mut sum = if accumulate { c[i * n + j] } else { 0.0 };
            for p in 0..k {
                let a = if a_transposed { a[p * m + i] } else { a[i * k + p] };
                let b = if b_transposed { b[j * k + p] } else { b[p * n + j] };
                sum += a * b;
            }
            c[i * n + j] = sum;
        }
    }
}

/// Numbers in [-1, 1) without a pattern, exact in f32.
fn noise(length: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        f64::from((state >> 40) as u32) / f64::from(1 << 23) - 1.0
    };
    (0..length).map(|_| next()).collect()
}

fn cast<T: Float>(values: &[f64]) -> Vec<T> {
    values.iter().map(|&v| T::from_f64(v)).collect()
}

fn product_matches<T: Float>((m, k, n): (usize, usize, usize), flags: (bool, bool, bool)) {
    let (a, b, mut expected) = (noise(m * k, 1), noise(k * n, 2), noise(m * n, 3));
    // What is not accumulated on must not be read.
    let mut c: Vec<T> = if flags.2 { cast(&expected) } else { vec![T::NAN; m * n] };
    let (a_transposed, b_transposed, accumulate) = flags;
    matmul(Matmul {
        a: &cast(&a),
        b: &cast(&b),
        c: &mut c,
        m,
        k,
        n,
        a_transposed,
        b_transposed,
        accumulate,
        epilogue: Epilogue::NONE,
    });
    naive(&a, &b, &mut expected, (m, k, n), flags);
    let bound = T::EPSILON.to_f64() * (k + 2) as f64;
    for (index, (c, e)) in c.iter().zip(&expected).enumerate() {
        let error = (c.to_f64() - e).abs();
        assert!(error <= bound, "{} {m}x{k}x{n} {flags:?} at {index}: {c} for {e}", T::NAME);
    }
}

const FLAGS: [(bool, bool, bool); 8] = [
    (false, false, false),
    (false, false, true),
    (false, true, false),
    (false, true, true),
    (true, false, false),
    (true, false, true),
    (true, true, false),
    (true, true, true),
];

#[test]
fn every_shape_and_transposition_matches_the_naive_loop() {
    let shapes = [
        (1, 1, 1),
        (0, 3, 2),
        (3, 2, 0),
        (3, 0, 2),
        (4, 2, 16),
        (4, 16, 1),
        (16, 4, 1),
        (2, 4, 16),
        (4, 1, 16),
        (7, 13, 37),
        (5, 33, 3),
        (1, 300, 70),
        (70, 300, 1),
        (1, 40, 1),
        (33, 65, 129),
        (64, 10, 130),
        (2, 1030, 5),
    ];
    at_every_level(|_| {
        for shape in shapes {
            for flags in FLAGS {
                product_matches::<f32>(shape, flags);
                product_matches::<f64>(shape, flags);
            }
        }
    });
}

#[test]
fn products_with_large_vectors_match_when_split_over_threads() {
    let _guard = crate::testing::level_stays();
    for (m, n) in [(1, 517), (517, 1)] {
        for flags in FLAGS {
            with_threads(3, || product_matches::<f32>((m, 300, n), flags));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn small_products_match(m in 0usize..20, k in 0usize..20, n in 0usize..40, flags in 0usize..8) {
        product_matches::<f32>((m, k, n), FLAGS[flags]);
        product_matches::<f64>((m, k, n), FLAGS[flags]);
    }
}

#[test]
fn nan_and_infinity_reach_the_sums_they_enter_and_no_others() {
    for (m, k, n) in [(3, 5, 9), (1, 200, 40), (40, 200, 1), (40, 64, 70)] {
        for special in [f32::NAN, f32::INFINITY] {
            let mut a = vec![1.0f32; m * k];
            a[(m - 1) * k + k / 2] = special;
            let (b, mut c) = (vec![0.0f32; k * n], vec![5.0; m * n]);
            matmul(Matmul {
                a: &a,
                b: &b,
                c: &mut c,
                m,
                k,
                n,
                a_transposed: false,
                b_transposed: false,
                accumulate: false,
                epilogue: Epilogue::NONE,
            });
            assert!(c[..(m - 1) * n].iter().all(|&c| c == 0.0), "{m}x{k}x{n} {special}");
            assert!(c[(m - 1) * n..].iter().all(|c| c.is_nan()), "{m}x{k}x{n} {special}: 0·∞ and NaN give NaN");
        }
    }
}

#[test]
fn batches_share_factors_as_the_runs_say() {
    let shapes = [(3, 5, 4), (1, 7, 5), (5, 2, 1), (3, 0, 2), (17, 20, 33)];
    for (m, k, n) in shapes {
        // (products, first factors, run, second factors, run): none shared, one for all, [B, 1] × [1, H], [1, H] × [B, 1]
        for (count, a_count, a_run, b_count, b_run) in
            [(6, 6, 1, 6, 1), (6, 6, 1, 1, 1), (6, 1, 1, 6, 1), (6, 2, 3, 3, 1), (6, 3, 1, 2, 3), (0, 0, 1, 0, 1)]
        {
            for (a_transposed, b_transposed, accumulate) in FLAGS {
                let (a, b) = (noise(a_count * m * k, 1), noise(b_count * k * n, 2));
                let mut c = noise(count * m * n, 3);
                let mut expected = c.clone();
                matmul_batched(BatchMatmul {
                    a: &a,
                    b: &b,
                    c: &mut c,
                    count,
                    a_run,
                    b_run,
                    m,
                    k,
                    n,
                    a_transposed,
                    b_transposed,
                    accumulate,
                    epilogue: Epilogue::NONE,
                });
                for (i, expected) in expected.chunks_exact_mut(m * n).enumerate() {
                    let a = &a[i / a_run % a_count * m * k..][..m * k];
                    let b = &b[i / b_run % b_count * k * n..][..k * n];
                    naive(a, b, expected, (m, k, n), (a_transposed, b_transposed, accumulate));
                }
                let error = c.iter().zip(&expected).map(|(c, e)| (c - e).abs()).fold(0.0, f64::max);
                assert!(error < 1e-13, "{m}x{k}x{n}, {count} of {a_count}/{a_run} and {b_count}/{b_run}: {error}");
            }
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let _guard = crate::testing::level_stays();
    let shapes = [
        (64, 784, 512),
        (784, 64, 512),
        (2000, 144, 16),
        (16, 700, 3000),
        (130, 1300, 70),
        (410, 300, 530),
        (1, 700, 900),
        (900, 700, 1),
    ];
    for (m, k, n) in shapes {
        for (a_transposed, b_transposed, _) in [FLAGS[0], FLAGS[2], FLAGS[4]] {
            let (a, b): (Vec<f32>, Vec<f32>) = (cast(&noise(m * k, 1)), cast(&noise(k * n, 2)));
            let product = |threads| {
                let mut c = vec![0.0f32; m * n];
                let args = Matmul {
                    a: &a,
                    b: &b,
                    c: &mut c,
                    m,
                    k,
                    n,
                    a_transposed,
                    b_transposed,
                    accumulate: false,
                    epilogue: Epilogue::NONE,
                };
                with_threads(threads, || matmul(args));
                c.iter().map(|c| c.to_bits()).collect::<Vec<_>>()
            };
            let one = product(1);
            for threads in [2, 3, 8] {
                assert!(product(threads) == one, "{m}x{k}x{n}, {threads} threads");
            }
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_bit_of_a_batch() {
    let _guard = crate::testing::level_stays();
    let (count, m, k, n) = (48, 33, 40, 65);
    let (a, b): (Vec<f32>, Vec<f32>) = (cast(&noise(count * m * k, 1)), cast(&noise(count * k * n, 2)));
    let products = |threads| {
        let mut c = vec![0.0f32; count * m * n];
        let (a_run, b_run, a_transposed, b_transposed, accumulate) = (1, 1, false, false, false);
        let args = BatchMatmul {
            a: &a,
            b: &b,
            c: &mut c,
            count,
            a_run,
            b_run,
            m,
            k,
            n,
            a_transposed,
            b_transposed,
            accumulate,
            epilogue: Epilogue::NONE,
        };
        with_threads(threads, || matmul_batched(args));
        c
    };
    let one = products(1);
    assert!([2, 3, 8].map(products).iter().all(|c| *c == one));
}

#[test]
#[should_panic(expected = "b holds 5 numbers, its shape says 2 × 3")]
fn a_factor_of_the_wrong_length_is_named() {
    let (a, b, mut c) = ([0.0f32; 2], [0.0; 5], [0.0; 3]);
    matmul(Matmul {
        a: &a,
        b: &b,
        c: &mut c,
        m: 1,
        k: 2,
        n: 3,
        a_transposed: false,
        b_transposed: false,
        accumulate: false,
        epilogue: Epilogue::NONE,
    });
}

#[test]
#[should_panic(expected = "a holds 8 numbers, not matrices of 2 × 2 that tile 3 products")]
fn a_batch_that_does_not_tile_is_named() {
    let (a, b, mut c) = ([0.0f32; 8], [0.0; 4], [0.0; 12]);
    let (m, k, n, a_transposed, b_transposed, accumulate) = (2, 2, 2, false, false, false);
    matmul_batched(BatchMatmul {
        a: &a,
        b: &b,
        c: &mut c,
        count: 3,
        a_run: 1,
        b_run: 1,
        m,
        k,
        n,
        a_transposed,
        b_transposed,
        accumulate,
        epilogue: Epilogue::NONE,
    });
}

/// As `product_matches`, by [`blocked`] whatever the shape.
fn blocked_matches<T: Float>((m, k, n): (usize, usize, usize), flags: (bool, bool, bool), parallel: bool) {
    let (a, b, mut expected) = (noise(m * k, 1), noise(k * n, 2), noise(m * n, 3));
    let mut c: Vec<T> = if flags.2 { cast(&expected) } else { vec![T::NAN; m * n] };
    let (a_cast, b_cast): (Vec<T>, Vec<T>) = (cast(&a), cast(&b));
    let (a_matrix, b_matrix) = (Matrix::new(&a_cast, m, k, flags.0), Matrix::new(&b_cast, k, n, flags.1));
    let (accumulate, epilogue) = (flags.2, Epilogue::NONE);
    blocked::compute(Product { a: a_matrix, b: b_matrix, c: &mut c, m, k, n, accumulate, epilogue }, parallel);
    naive(&a, &b, &mut expected, (m, k, n), flags);
    let bound = T::EPSILON.to_f64() * (k + 2) as f64;
    for (index, (c, e)) in c.iter().zip(&expected).enumerate() {
        let error = (c.to_f64() - e).abs();
        assert!(error <= bound, "{} {m}x{k}x{n} {flags:?} at {index}: {c} for {e}", T::NAME);
    }
}

#[test]
fn blocks_match_around_every_edge() {
    let shapes = [
        (1, 1, 2),
        (11, 15, 31),
        (12, 16, 32),
        (13, 17, 33),
        (5, 255, 63),
        (7, 257, 9),
        (26, 3, 65),
        (25, 513, 8),
        (13, 19, 513),
        (385, 5, 17),
        (3, 4, 800),
        // Copied strips and groups; rows far apart; factors whose next lines are asked for.
        (410, 20, 420),
        (13, 130, 4200),
        (4200, 130, 13),
        // Strips of a transposed factor for several groups of panels: copies that stay, over two blocks, and such as are made anew.
        (26, 520, 1100),
        (4200, 130, 100),
        // Lines that collide in the first level; as many rows as the highest tile has, and `b` from afar.
        (17, 1024, 140),
        (16, 130, 4100),
        // Rows of `b` that stream by, as many as go at a time and then fewer.
        (3, 17, 32_801),
    ];
    at_every_level(|_| {
        for shape in shapes {
            for flags in FLAGS {
                blocked_matches::<f32>(shape, flags, false);
                blocked_matches::<f64>(shape, flags, false);
            }
        }
    });
    let _guard = crate::testing::level_stays();
    for shape in [(13, 260, 530), (100, 20, 700), (130, 9, 20), (430, 270, 600), (4200, 130, 13)] {
        for flags in FLAGS {
            with_threads(3, || blocked_matches::<f32>(shape, flags, true));
        }
    }
}

/// The product of the factors, laid out as the flags say, on top of halves.
fn own(a: &[f32], b: &[f32], (m, k, n): (usize, usize, usize), (a_transposed, b_transposed): (bool, bool)) -> Vec<f32> {
    let transpose = |x: &[f32], rows: usize, columns: usize| -> Vec<f32> {
        (0..rows * columns).map(|i| x[i % rows * columns + i / rows]).collect()
    };
    let a = if a_transposed { transpose(a, m, k) } else { a.to_vec() };
    let b = if b_transposed { transpose(b, k, n) } else { b.to_vec() };
    let mut c = vec![0.5f32; m * n];
    let (accumulate, epilogue) = (true, Epilogue::NONE);
    matmul(Matmul { a: &a, b: &b, c: &mut c, m, k, n, a_transposed, b_transposed, accumulate, epilogue });
    c
}

#[test]
fn rows_alone_and_transposed_factors_change_no_bit() {
    let shapes = [
        (37, 700, 10),
        (300, 784, 32),
        (14, 30, 31),
        (50, 300, 1),
        (9, 1030, 70),
        (101, 33, 129),
        (3, 17, 5),
        (410, 270, 40),
        (26, 1024, 140),
        (16, 130, 4100),
        // Rows of `b` that stream by, over two blocks.
        (7, 270, 32_801),
    ];
    at_every_level(|_| {
        for (m, k, n) in shapes {
            let (a, b): (Vec<f32>, Vec<f32>) = (cast(&noise(m * k, 1)), cast(&noise(k * n, 2)));
            let all = own(&a, &b, (m, k, n), (false, false));
            for flags in [(false, true), (true, false), (true, true)] {
                assert!(own(&a, &b, (m, k, n), flags) == all, "{m}x{k}x{n} {flags:?}");
            }
            for (i, row) in all.chunks_exact(n).enumerate() {
                for b_transposed in [false, true] {
                    let alone = own(&a[i * k..][..k], &b, (1, k, n), (false, b_transposed));
                    assert!(alone == row, "{m}x{k}x{n}, row {i}, {b_transposed}");
                }
            }
        }
    });
}
