//! Against the definition in f64, at every level, for short, long and very long rows.

use super::*;
use crate::testing::{at_every_level, level_stays};
use crate::with_threads;

const CLASSES: [usize; 13] = [1, 2, 3, 10, 15, 16, 17, 31, 64, 100, 2048, 2049, 5000];

fn softmax_of(x: &[f64]) -> Vec<f64> {
    let max = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let exps: Vec<f64> = x.iter().map(|x| (x - max).exp()).collect();
    let sum: f64 = exps.iter().sum();
    exps.iter().map(|exp| exp / sum).collect()
}

fn log_softmax_of(x: &[f64]) -> Vec<f64> {
    let max = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let log = x.iter().map(|x| (x - max).exp()).sum::<f64>().ln();
    x.iter().map(|x| (x - max) - log).collect()
}

/// Logits that rise and fall over the row, so that its blocks have different maxima.
fn logits(length: usize, height: f64) -> Vec<f64> {
    (0..length)
        .map(|i| f64::from(((i as f64 * 0.731).sin() * height + (i as f64 * 0.001).sin() * height) as f32))
        .collect()
}

fn narrow<T: Float>(x: &[f64]) -> Vec<T> {
    x.iter().map(|&x| T::from_f64(x)).collect()
}

type Definition = fn(&[f64]) -> Vec<f64>;
type Function<T> = fn(In1<'_, T>, usize);

/// Both forms of a kernel.
fn both<T: Float>(x: &[T], kernel: impl Fn(In1<'_, T>)) -> Vec<T> {
    let (mut y, mut over) = (vec![T::NAN; x.len()], x.to_vec());
    kernel(In1::From { x, y: &mut y });
    kernel(In1::Over { x: &mut over });
    assert_eq!(y, over);
    y
}

fn check<T: Float>(tolerance: f64) {
    for classes in CLASSES {
        for rows in [1, 2, 16, 19] {
            for height in [0.0, 3.0, 300.0] {
                let x = logits(rows * classes, height);
                let one = narrow::<T>(&x);
                let dy = logits(rows * classes, 1.0);
                let functions: [(Function<T>, Definition); 2] = [(softmax, softmax_of), (log_softmax, log_softmax_of)];
                for (is_log, (kernel, definition)) in functions.into_iter().enumerate() {
                    let y = both(&one, |io| kernel(io, classes));
                    let is_log = is_log == 1;
                    let dx = both(&narrow::<T>(&dy), |io| match is_log {
                        true => log_softmax_backward(&y, io, classes),
                        false => softmax_backward(&y, io, classes),
                    });
                    for row in 0..rows {
                        let at = row * classes..(row + 1) * classes;
                        let expected = definition(&x[at.clone()]);
                        let dy = &dy[at.clone()];
                        let sum: f64 = match is_log {
                            true => dy.iter().sum(),
                            false => dy.iter().zip(&expected).map(|(dy, y)| dy * y).sum(),
                        };
                        let size: f64 = if is_log { dy.iter().map(|dy| dy.abs()).sum() } else { 2.0 };
                        for (j, i) in at.enumerate() {
                            let (got, wanted) = (y[i].to_f64(), expected[j]);
                            let scale = if is_log { 1.0 + wanted.abs() } else { wanted + 1e-30 };
                            let bound = tolerance * scale * (1.0 + height / 10.0 * f64::from(u8::from(!is_log)));
                            assert!((got - wanted).abs() <= bound, "{got}, not {wanted}, of {classes} classes");
                            let wanted = match is_log {
                                true => dy[j] - expected[j].exp() * sum,
                                false => expected[j] * (dy[j] - sum),
                            };
                            let bound = tolerance * (1.0 + size) * (1.0 + height);
                            assert!((dx[i].to_f64() - wanted).abs() <= bound, "dx {}, not {wanted}", dx[i]);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn values_and_gradients_are_the_definitions() {
    at_every_level(|_| {
        check::<f32>(2e-6);
        check::<f64>(2e-14);
    });
}

#[test]
fn exponentials_are_right_to_two_ulps() {
    fn worst<T: Float>() -> f64 {
        struct Exp<'a, T>(&'a [T], &'a mut [T]);
        impl<T: Float> Kernel<T> for Exp<'_, T> {
            type Output = ();
            fn run<L: Lanes<Elem = T>>(self) {
                for (x, y) in self.0.chunks(L::N).zip(self.1.chunks_mut(L::N)) {
                    exp_lanes(L::load_padded(x, T::ZERO)).store_prefix(y);
                }
            }
        }
        let reach = if size_of::<T>() == 4 { 87.0 } else { 707.0 };
        let x: Vec<T> = (0..200_001).map(|i| T::from_f64(reach * (f64::from(i) / 1e5 - 1.0))).collect();
        let mut y = x.clone();
        level::run(Exp(&x, &mut y));
        let edges = [T::ZERO, -T::INFINITY, T::INFINITY, T::NAN, T::from_f64(-1e30), T::from_f64(1e30)];
        let mut of_edges = edges;
        level::run(Exp(&edges, &mut of_edges));
        assert_eq!(of_edges[..3], [T::ONE, T::ZERO, T::INFINITY]);
        assert!(of_edges[3].is_nan() && of_edges[4..] == [T::ZERO, T::INFINITY]);
        let error = |x: &T, y: &T| (y.to_f64() / x.to_f64().exp() - 1.0).abs() / T::EPSILON.to_f64();
        x.iter().zip(&y).map(|(x, y)| error(x, y)).fold(0.0, f64::max)
    }
    at_every_level(|level| {
        let (single, double) = (worst::<f32>(), worst::<f64>());
        assert!(single < 2.0 && double < 2.5, "{single} and {double} ε at {level}");
    });
}

fn same(a: &[f32], b: &[f32]) -> bool {
    a.iter().zip(b).all(|(a, b)| a == b || a.is_nan() && b.is_nan())
}

/// Peer bugs N13 and N15: a row of −∞, a row with NaN; and +∞. Only that row becomes NaN.
#[test]
fn peer_bug_n13() {
    at_every_level(|_| {
        for classes in CLASSES.into_iter().filter(|&classes| classes > 1) {
            let x: Vec<f32> = logits(5 * classes, 2.0).iter().map(|&x| x as f32).collect();
            for at in [0, classes / 2, classes - 1] {
                for (value, fill) in [(f32::NEG_INFINITY, true), (f32::NAN, false), (f32::INFINITY, false)] {
                    let mut spoilt = x.clone();
                    if fill {
                        spoilt[2 * classes..3 * classes].fill(value);
                    } else {
                        spoilt[2 * classes + at] = value;
                    }
                    for kernel in [softmax as Function<f32>, log_softmax] {
                        let (clean, got) = (both(&x, |io| kernel(io, classes)), {
                            let mut y = vec![0.0; x.len()];
                            kernel(In1::From { x: &spoilt, y: &mut y }, classes);
                            y
                        });
                        let row = 2 * classes..3 * classes;
                        assert!(got[row.clone()].iter().all(|y| y.is_nan()), "{value} at {at} of {classes}");
                        assert!(
                            same(&got[..row.start], &clean[..row.start]) && same(&got[row.end..], &clean[row.end..])
                        );
                    }
                }
            }
        }
    });
}

/// Peer bug N15: a maximum that drops NaN gave `[1, 0]`.
#[test]
fn peer_bug_n15() {
    at_every_level(|_| {
        for x in [[3.0f32, f32::NAN], [f32::NAN, 3.0]] {
            let mut y = [0.0; 2];
            softmax(In1::From { x: &x, y: &mut y }, 2);
            assert!(y.iter().all(|y| y.is_nan()), "{y:?}");
        }
    });
}

#[test]
fn masked_classes_get_zero() {
    at_every_level(|_| {
        for classes in [4, 40, 6000] {
            let mut x: Vec<f32> = vec![f32::NEG_INFINITY; classes];
            x[classes - 1] = 5.0;
            x[classes - 2] = 5.0;
            softmax(In1::Over { x: &mut x }, classes);
            assert!(x[..classes - 2].iter().all(|&x| x == 0.0) && x[classes - 2..] == [0.5, 0.5]);
        }
    });
}

#[test]
fn the_number_of_threads_changes_no_bit_and_nor_does_the_way_past_the_cache() {
    let _guard = level_stays();
    for (rows, classes) in [(30_000, 10), (300, 1000), (5, 40_000)] {
        let x: Vec<f32> = logits(rows * classes, 3.0).iter().map(|&x| x as f32).collect();
        let with = |threads| {
            with_threads(threads, || {
                let y = both(&x, |io| softmax(io, classes));
                let dx = both(&x, |io| softmax_backward(&y, io, classes));
                (y, dx)
            })
        };
        let one = with(1);
        assert!([2, 3, 8].into_iter().all(|threads| with(threads) == one));
    }
    for log in [false, true] {
        let x: Vec<f32> = logits(5 * 5000 + 3, 3.0)[3..].iter().map(|&x| x as f32).collect();
        let (mut kept, mut streamed) = (vec![0.0; 25_000], vec![0.0; 25_000]);
        for (y, streams) in [(&mut kept, false), (&mut streamed, true)] {
            let rows = In1::From { x: &x, y };
            match log {
                true => level::run(Forward::<f32, true> { rows, classes: 5000, streams }),
                false => level::run(Forward::<f32, false> { rows, classes: 5000, streams }),
            }
        }
        assert_eq!(kept, streamed);
    }
}

#[test]
fn nothing_is_fine() {
    softmax(In1::Over { x: &mut [0f32; 0] }, 5);
    softmax(In1::Over { x: &mut [0f32; 0] }, 0);
    softmax_backward(&[0f32; 0], In1::Over { x: &mut [] }, 0);
}

#[test]
#[should_panic(expected = "7 numbers are no whole number of rows of 2 classes")]
fn half_a_row_panics() {
    softmax(In1::Over { x: &mut [0f32; 7] }, 2);
}
