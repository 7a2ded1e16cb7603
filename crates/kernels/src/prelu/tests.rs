//! Values and gradients against plain f64 loops, at every level, pattern and length.

use super::*;
use crate::testing::{EDGES, at_every_level};
use crate::with_threads;
use proptest::prelude::*;

/// The definition, in f64: dx and dα.
fn oracle(x: &[f64], dy: &[f64], alpha: &[f64], run: usize) -> (Vec<f64>, Vec<f64>) {
    let mut d_alpha = vec![0.0; alpha.len()];
    let dx = (0..x.len())
        .map(|i| {
            let which = i / run % alpha.len();
            if x[i] < 0.0 || x[i].is_nan() {
                d_alpha[which] += dy[i] * x[i];
            }
            if x[i] > 0.0 { dy[i] } else { alpha[which] * dy[i] }
        })
        .collect();
    (dx, d_alpha)
}

fn backward<T: Float>(seen: Seen<'_, T>, dy: &[T], alpha: Broadcast<'_, T>, in_place: bool) -> (Vec<T>, Vec<T>) {
    let (mut dx, mut d_alpha) = (dy.to_vec(), vec![T::NAN; alpha.values.len()]);
    if in_place {
        prelu_backward(PreluBackward { seen, dy: In1::Over { x: &mut dx }, alpha, d_alpha: &mut d_alpha });
    } else {
        dx.fill(T::NAN);
        prelu_backward(PreluBackward { seen, dy: In1::From { x: dy, y: &mut dx }, alpha, d_alpha: &mut d_alpha });
    }
    (dx, d_alpha)
}

/// Every pattern: (number of α, run, repetitions).
const PATTERNS: [(usize, usize, usize); 22] = [
    (1, 1, 1),
    (1, 1, 5),
    (1, 1, 1000),
    (1, 1, 70_001),
    (10, 1, 1),
    (10, 1, 333),
    (16, 1, 5),
    (64, 1, 300),
    (64, 1, 2000),
    (33, 1, 17),
    (100, 1, 40),
    (1000, 1, 90),
    (4096, 1, 70),
    (63, 1, 3000),
    (2, 1, 50_000),
    (7, 5, 1),
    (7, 5, 11),
    (3, 100, 4),
    (300, 300, 1),
    (2, 70_000, 1),
    (5, 1000, 20),
    (17, 16, 3),
];

#[test]
fn gradients_are_the_definitions_for_every_pattern() {
    at_every_level(|level| {
        for (n, run, times) in PATTERNS {
            let length = n * run * times;
            let x: Vec<f64> = (0..length).map(|i| f64::from((i as f32 * 0.731).sin())).collect();
            let dy: Vec<f64> = (0..length).map(|i| f64::from((i as f32 * 1.37).cos())).collect();
            let values: Vec<f64> = (0..n).map(|i| f64::from(0.05f32 + 0.01 * (i % 90) as f32)).collect();
            let alpha = Broadcast { values: &values, run };
            let (dx, d_alpha) = oracle(&x, &dy, &values, run);
            let y: Vec<f64> =
                x.iter().enumerate().map(|(i, x)| if *x > 0.0 { *x } else { x * values[i / run % n] }).collect();
            for (seen, in_place) in [(Seen::Input(&x[..]), true), (Seen::Input(&x), false), (Seen::Output(&y), true)] {
                let got = backward(seen, &dy, alpha, in_place);
                assert_eq!(got.0, dx, "dx of {n} α in runs of {run}, {times} times, at {level}");
                for (got, expected) in got.1.iter().zip(&d_alpha) {
                    let bound = 1e-13 * length as f64;
                    assert!(
                        (got - expected).abs() <= bound,
                        "dα {got}, not {expected}, of {n} α in runs of {run} at {level}"
                    );
                }
            }
            let single = |v: &[f64]| v.iter().map(|&v| v as f32).collect::<Vec<_>>();
            let (x, dy, values) = (single(&x), single(&dy), single(&values));
            let (dx32, d_alpha32) = backward(Seen::Input(&x), &dy, Broadcast { values: &values, run }, false);
            for i in 0..length {
                let (got, expected) = (f64::from(dx32[i]), dx[i]);
                assert!((got - expected).abs() <= 1e-7, "dx[{i}] = {got}, not {expected}, in f32 at {level}");
            }
            for (got, expected) in d_alpha32.iter().zip(&d_alpha) {
                let terms = (length / n) as f64;
                let bound = 1e-6 * terms.max(1.0).sqrt() * 4.0;
                assert!((f64::from(*got) - expected).abs() <= bound, "dα {got}, not {expected}, in f32 at {level}");
            }
        }
    });
}

#[test]
fn edge_values_enter_where_they_should() {
    at_every_level(|level| {
        for (n, run) in [(1, 1), (14, 1), (196, 1), (2, 98), (14, 14)] {
            let x: Vec<f64> = (0..196).map(|i| EDGES[i % 14]).collect();
            let dy: Vec<f64> = (0..196).map(|i| EDGES[i / 14]).collect();
            let values: Vec<f64> = (0..n).map(|i| [0.25, -2.0, 0.0, 1.5][i % 4]).collect();
            let (dx, d_alpha) = oracle(&x, &dy, &values, run);
            let got = backward(Seen::Input(&x), &dy, Broadcast { values: &values, run }, true);
            let same = |a: f64, b: f64| a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= 1e-14 * b.abs();
            for i in 0..196 {
                assert!(same(got.0[i], dx[i]), "dx = {} at x = {}, dy = {}, {level}", got.0[i], x[i], dy[i]);
            }
            #[expect(clippy::needless_range_loop, reason = "the index is the feature, used for several arrays")]
            for i in 0..n {
                assert!(same(got.1[i], d_alpha[i]), "dα[{i}] = {}, not {}, of {n} at {level}", got.1[i], d_alpha[i]);
            }
        }
    });
}

/// Peer bug R25: 0 · ∞ entered dα.
#[test]
fn peer_bug_r25() {
    let (dx, d_alpha) = backward(Seen::Input(&[f32::INFINITY, -1.0]), &[1.0, 1.0], Broadcast::scalar(&0.25), true);
    assert_eq!((dx, d_alpha), (vec![1.0, 0.25], vec![-1.0]));
    let (_, d_alpha) = backward(Seen::Input(&[0.0f32, -1.0]), &[f32::INFINITY, 1.0], Broadcast::scalar(&0.25), true);
    assert_eq!(d_alpha, [-1.0]);
}

/// Peer bug R05: the mask came from the output although α < 0.
#[test]
fn peer_bug_r05() {
    assert!(!output_is_enough(&[-0.3f32]) && !output_is_enough(&[0.5, 0.0]) && !output_is_enough(&[f32::NAN]));
    assert!(output_is_enough(&[0.25f32, 1.0 / 1024.0]) && !output_is_enough(&[f32::INFINITY]));
    let (_, d_alpha) = backward(Seen::Input(&[-1.0f32]), &[1.0], Broadcast::scalar(&-0.3), true);
    assert_eq!(d_alpha, [-1.0]);
}

#[test]
fn long_sums_do_not_drift() {
    let n = 1 << 25;
    let (x, dy) = (vec![-1.0f32; n], vec![1.0f32; n]);
    for (features, expected) in [(1, -(n as f32)), (64, -(n as f32) / 64.0)] {
        let values = vec![0.5f32; features];
        let (_, d_alpha) = backward(Seen::Input(&x), &dy, Broadcast { values: &values, run: 1 }, true);
        assert!(d_alpha.iter().all(|&d| d == expected), "{d_alpha:?}");
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let _guard = crate::testing::level_stays();
    for (n, run, times) in PATTERNS {
        let length = n * run * times;
        let x: Vec<f32> = (0..length).map(|i| (i as f32 * 0.731).sin()).collect();
        let values: Vec<f32> = (0..n).map(|i| 0.05 + 0.01 * i as f32).collect();
        let with = |threads| {
            with_threads(threads, || backward(Seen::Input(&x), &x, Broadcast { values: &values, run }, false))
        };
        let one = with(1);
        for threads in [2, 3, 8] {
            assert_eq!(with(threads), one, "{n} α in runs of {run}, {times} times, {threads} threads");
        }
    }
}

proptest! {
    #[test]
    fn a_row_alone_is_the_row_in_its_batch(rows in 1usize..40, features in 1usize..80, seed in 0u32..1000) {
        let _guard = crate::testing::level_stays();
        let x: Vec<f32> = (0..rows * features).map(|i| (i as f32 + seed as f32 * 0.1).sin()).collect();
        let values: Vec<f32> = (0..features).map(|i| 0.3 + 0.01 * i as f32).collect();
        let alpha = Broadcast { values: &values, run: 1 };
        let mut y = x.clone();
        prelu(In2::OverA { a: &mut y, b: alpha });
        let mut row = x[..features].to_vec();
        prelu(In2::OverA { a: &mut row, b: alpha });
        prop_assert_eq!(&y[..features], &row[..]);
    }
}
