//! Every reduction against its definition in plain f64 loops, over random shapes and sets of axes, at every level.

use super::*;
use crate::testing::{EDGES, at_every_level, level_stays};
use crate::with_threads;
use proptest::prelude::*;

/// For each result, the numbers it is made of, in order.
fn sets(x: &[f64], shape: &[usize], axes: Axes) -> Vec<Vec<f64>> {
    let results = shape.iter().enumerate().filter(|(i, _)| !axes.contains(*i)).map(|(_, n)| n).product();
    let mut sets = vec![Vec::new(); results];
    for (i, &x) in x.iter().enumerate() {
        let (mut rest, mut result, mut stride) = (i, 0, 1);
        for (axis, &length) in shape.iter().enumerate().rev() {
            if !axes.contains(axis) {
                result += rest % length * stride;
                stride *= length;
            }
            rest /= length;
        }
        sets[result].push(x);
    }
    sets
}

type Function<T> = fn(Reduce<'_, T>);
type Definition = fn(&[f64]) -> f64;

fn sum_of(x: &[f64]) -> f64 {
    x.iter().sum()
}
fn max_of(x: &[f64]) -> f64 {
    x.iter().fold(f64::NEG_INFINITY, |a, &b| if a.is_nan() || a > b { a } else { b })
}
fn min_of(x: &[f64]) -> f64 {
    -max_of(&x.iter().map(|x| -x).collect::<Vec<_>>())
}
fn norm2_of(x: &[f64]) -> f64 {
    let largest = max_of(&x.iter().map(|x| x.abs()).collect::<Vec<_>>());
    if largest <= 0.0 || !largest.is_finite() {
        return if x.is_empty() { 0.0 } else { largest };
    }
    largest * x.iter().map(|x| (x / largest).powi(2)).sum::<f64>().sqrt()
}
fn variance_of(x: &[f64]) -> f64 {
    let mean = sum_of(x) / x.len() as f64;
    x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (x.len() as f64 - 1.0)
}
/// The scale of a variance's error: itself, and the square of the mean's rounding, which counts where all numbers are nearly
/// the same. Of the mean's rounding ε·m, ε times ε·m² remains after the test has multiplied with ε; in f64 the test is lenient.
fn spread_of(x: &[f64]) -> f64 {
    variance_of(x) + f64::from(f32::EPSILON) * (sum_of(x) / x.len() as f64).powi(2)
}
fn logsumexp_of(x: &[f64]) -> f64 {
    let max = max_of(x);
    if max.is_finite() { max + x.iter().map(|x| (x - max).exp()).sum::<f64>().ln() } else { max }
}

/// The product with its exponent kept apart: on the way it may be below the normal numbers, where digits are lost, and at the end less so. The random
/// shapes below found 5776 factors that end at 4e-316.
fn product_of(x: &[f64]) -> f64 {
    let (mut product, mut exponent) = (1.0, 0);
    for &x in x {
        let (factor, of_factor) = apart(x);
        let (next, of_product) = apart(product * factor);
        (product, exponent) = (next, exponent + of_factor + of_product);
    }
    let half = exponent.clamp(-2000, 2000) / 2;
    product * 2f64.powi(half) * 2f64.powi(exponent.clamp(-2000, 2000) - half)
}
/// A normal number as one in 1..2, with its sign, and the exponent of 2 that it lacks; others as they are.
fn apart(x: f64) -> (f64, i32) {
    let exponent = (x.to_bits() >> 52 & 0x7ff) as i32;
    if exponent == 0 || exponent == 0x7ff {
        return (x, 0);
    }
    (f64::from_bits(x.to_bits() & !(0x7ff << 52) | 1023 << 52), exponent - 1023)
}
/// The least normal number too: below it rounding is that of it.
fn size_of_product(x: &[f64]) -> f64 {
    4.0 * product_of(x).abs() * (x.len() as f64).sqrt() + f64::MIN_POSITIVE
}

/// Name, kernel, definition, and the scale on which its error is measured.
fn functions<T: Float>() -> Vec<(&'static str, Function<T>, Definition, Definition)> {
    let size: Definition = |x| x.iter().map(|x| x.abs()).sum();
    vec![
        ("sum", sum, sum_of, size),
        ("mean", mean, |x| sum_of(x) / x.len() as f64, |x| x.iter().map(|x| x.abs()).sum::<f64>() / x.len() as f64),
        ("prod", prod, product_of, size_of_product),
        ("norm1", norm1, |x| x.iter().map(|x| x.abs()).sum(), size),
        ("sum_of_squares", sum_of_squares, |x| x.iter().map(|x| x * x).sum(), |x| x.iter().map(|x| x * x).sum()),
        ("variance", |r| variance(r, 1.0), |x| if x.len() < 2 { f64::NAN } else { variance_of(x) }, spread_of),
        ("logsumexp", logsumexp, logsumexp_of, |x| 1.0 + logsumexp_of(x).abs()),
        ("norm2", norm2, norm2_of, norm2_of),
        ("max", max, max_of, |_| 0.0),
        ("min", min, min_of, |_| 0.0),
    ]
}

fn check<T: Float>(x: &[f64], shape: &[usize], axes: Axes) {
    let narrow: Vec<T> = x.iter().map(|&x| T::from_f64(x)).collect();
    let x: Vec<f64> = narrow.iter().map(|x| x.to_f64()).collect();
    let sets = sets(&x, shape, axes);
    let is_of_nothing = sets.iter().any(Vec::is_empty);
    for (name, kernel, definition, scale) in functions::<T>() {
        if is_of_nothing && ["max", "min"].contains(&name) {
            continue;
        }
        let mut y = vec![T::from_f64(7.0); sets.len()];
        kernel(Reduce { x: &narrow, shape, axes, y: &mut y });
        for (y, set) in y.iter().zip(&sets) {
            let (y, expected) = (y.to_f64(), definition(set));
            // The definition's own sum, one after the other in f64, is off by up to n ulps.
            let of_oracle = set.len() as f64 * f64::EPSILON;
            let bound = (8.0 * T::EPSILON.to_f64() + of_oracle) * scale(set).abs();
            let is_right =
                (y - expected).abs() <= bound || y == T::from_f64(expected).to_f64() || y.is_nan() && expected.is_nan();
            assert!(is_right, "{name} of {shape:?} over {axes:?}: {y}, not {expected} ± {bound}");
        }
    }
}

fn check_places(x: &[f64], shape: &[usize], axis: Option<usize>) {
    let axes = axis.map_or(Axes::ALL, Axes::one);
    let sets = sets(x, shape, axes);
    if sets.iter().any(Vec::is_empty) {
        return;
    }
    let narrow: Vec<f32> = x.iter().map(|&x| x as f32).collect();
    let (mut most, mut least) = (vec![-1; sets.len()], vec![-1; sets.len()]);
    argmax(Reduce { x: &narrow, shape, axes, y: &mut most });
    argmin(Reduce { x, shape, axes, y: &mut least });
    let find =
        |set: &[f64], value: f64| set.iter().position(|&x| x == value || x.is_nan() && value.is_nan()).unwrap() as i64;
    for (i, set) in sets.iter().enumerate() {
        let single: Vec<f64> = set.iter().map(|&x| f64::from(x as f32)).collect();
        assert_eq!(most[i], find(&single, max_of(&single)), "argmax of {shape:?} along {axis:?}");
        assert_eq!(least[i], find(set, min_of(set)), "argmin of {shape:?} along {axis:?}");
    }
}

fn wave(length: usize, seed: f64) -> Vec<f64> {
    (0..length).map(|i| ((i as f64 + seed) * 0.731).sin() * 1.9 + 0.3).collect()
}

/// Shapes that take every path: tiny, short and long rows, few and many columns, long and wide blocks, nested groups.
const SHAPES: [&[usize]; 16] = [
    &[],
    &[1],
    &[7, 3],
    &[70, 16],
    &[33, 17],
    &[3, 20_000],
    &[2, 40_000],
    &[20_000, 3],
    &[3000, 64],
    &[5, 300, 33],
    &[9, 9000],
    &[40, 300],
    &[700, 200],
    &[6, 5, 4, 3],
    &[3, 50, 2, 40],
    &[2, 3, 4, 5, 6],
];

#[test]
fn every_path_follows_the_definition() {
    at_every_level(|_| {
        for shape in SHAPES {
            let x = wave(shape.iter().product(), 0.0);
            for bits in 0..1 << shape.len() {
                check::<f32>(&x, shape, Axes::from_bits(bits));
                check::<f64>(&x, shape, Axes::from_bits(bits));
            }
            check_places(&x, shape, None);
            for axis in 0..shape.len() {
                check_places(&x, shape, Some(axis));
            }
        }
    });
}

/// Pairs that differ in the last digits: found by the random shapes below.
#[test]
fn variance_of_numbers_that_are_nearly_the_same() {
    check::<f32>(&wave(2 * 19 * 19, 0.0), &[1, 2, 19, 19], Axes::from_bits(2));
}

#[test]
fn edge_values_show() {
    at_every_level(|_| {
        for (shape, x) in [
            (&[14, 14, 3][..], (0..588).map(|i| EDGES[i / 3 % 14]).collect::<Vec<_>>()),
            (&[40, 40], (0..1600).map(|i| if i % 41 == 7 { EDGES[i / 41 % 14] } else { 1.0 }).collect()),
            (&[5, 8], (0..40).map(|i| [0.0, -0.0, 1e-300, -1e300, 1e200][i % 5]).collect()),
        ] {
            for bits in 0..1 << shape.len() {
                // Sums of ∞ and huge numbers have no scale: only where the definition is finite or an extremum.
                let axes = Axes::from_bits(bits);
                let sets = sets(&x, shape, axes);
                for (name, kernel, definition, _) in functions::<f64>() {
                    let mut y = vec![7.0; sets.len()];
                    kernel(Reduce { x: &x, shape, axes, y: &mut y });
                    for (y, set) in y.iter().zip(&sets) {
                        let expected = definition(set);
                        let is_right = if ["max", "min", "logsumexp", "norm2"].contains(&name) && !expected.is_nan() {
                            *y == expected || (y - expected).abs() <= 1e-14 * expected.abs()
                        } else {
                            y.is_nan() || !expected.is_nan()
                        };
                        assert!(is_right, "{name} of {set:?}: {y}, not {expected}");
                    }
                }
            }
            check_places(&x, shape, None);
            for axis in 0..shape.len() {
                check_places(&x, shape, Some(axis));
            }
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn random_shapes_follow_the_definition(
        shape in prop::collection::vec(prop::sample::select(vec![0usize, 1, 2, 3, 5, 7, 9, 16, 19]), 0..5), bits in 0u32..32,
        seed in 0.0..100.0
    ) {
        let _guard = level_stays();
        let x = wave(shape.iter().product(), seed);
        check::<f32>(&x, &shape, Axes::from_bits(bits));
        check::<f64>(&x, &shape, Axes::from_bits(bits));
        for axis in 0..shape.len() {
            check_places(&x, &shape, Some(axis));
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let _guard = level_stays();
    for shape in SHAPES.into_iter().chain([&[300_001][..], &[40, 9000], &[5000, 40], &[300, 3, 200]]) {
        let x: Vec<f32> = wave(shape.iter().product(), 0.0).iter().map(|&x| x as f32).collect();
        for bits in 0..1 << shape.len() {
            let axes = Axes::from_bits(bits);
            let results = Layout::new(shape, axes).results();
            for (name, kernel, ..) in functions::<f32>() {
                let with = |threads| {
                    let mut y = vec![0.0; results];
                    with_threads(threads, || kernel(Reduce { x: &x, shape, axes, y: &mut y }));
                    y.iter().map(|y| y.to_bits()).collect::<Vec<_>>()
                };
                let one = with(1);
                for threads in [2, 3, 8] {
                    assert_eq!(with(threads), one, "{name} of {shape:?} over {axes:?} with {threads} threads");
                }
            }
        }
    }
}

#[test]
fn of_nothing() {
    let reduce = |kernel: Function<f32>| {
        let mut y = [7.0; 2];
        kernel(Reduce { x: &[], shape: &[2, 0], axes: Axes::one(1), y: &mut y });
        assert_eq!(y[0].to_bits(), y[1].to_bits());
        y[0]
    };
    assert_eq!((reduce(sum), reduce(prod), reduce(norm1), reduce(norm2)), (0.0, 1.0, 0.0, 0.0));
    assert_eq!(reduce(logsumexp), f32::NEG_INFINITY);
    assert!(reduce(mean).is_nan() && reduce(|r| variance(r, 0.0)).is_nan());
    max(Reduce { x: &[0f32; 0], shape: &[0, 3], axes: Axes::one(1), y: &mut [] });
}

#[test]
#[should_panic(expected = "the maximum of no numbers")]
fn the_maximum_of_nothing_panics() {
    max(Reduce { x: &[0f32; 0], shape: &[2, 0], axes: Axes::one(1), y: &mut [0.0; 2] });
}

#[test]
#[should_panic(expected = "one axis or along all")]
fn places_along_two_of_three_axes_panic() {
    argmax(Reduce { x: &[0f32; 8], shape: &[2, 2, 2], axes: Axes::of(&[0, 1]), y: &mut [0; 2] });
}

#[test]
fn a_row_alone_is_the_row_in_its_batch() {
    let _guard = level_stays();
    for width in [1, 3, 15, 16, 17, 100, 20_000] {
        let x: Vec<f32> = wave(5 * width, 0.0).iter().map(|&x| x as f32).collect();
        for (name, kernel, ..) in functions::<f32>() {
            let (mut all, mut alone) = ([0.0; 5], [0.0]);
            kernel(Reduce { x: &x, shape: &[5, width], axes: Axes::one(1), y: &mut all });
            kernel(Reduce { x: &x[3 * width..4 * width], shape: &[1, width], axes: Axes::one(1), y: &mut alone });
            assert!(all[3].to_bits() == alone[0].to_bits() || all[3].is_nan(), "{name} of {width}");
        }
    }
}

#[test]
fn variance_of_equal_and_of_far_numbers() {
    at_every_level(|_| {
        let mut y = [7.0f32];
        variance(Reduce { x: &[0.1; 1000], shape: &[1000], axes: Axes::ALL, y: &mut y }, 0.0);
        assert_eq!(y, [0.0]);
        let x = [40_000.0f32, 40_001.0, 40_002.0, 40_003.0];
        variance(Reduce { x: &x, shape: &[4], axes: Axes::ALL, y: &mut y }, 0.0);
        assert_eq!(y, [1.25]);
        variance(Reduce { x: &x, shape: &[4], axes: Axes::ALL, y: &mut y }, 4.0);
        assert!(y[0].is_nan());
    });
}

#[test]
fn norms_stay_in_range() {
    at_every_level(|_| {
        for scale in [1e30f32, 1e-30, 1e-40, 1.0, 1e38] {
            let mut y = [7.0];
            norm2(Reduce { x: &[0.6 * scale, -0.8 * scale], shape: &[2], axes: Axes::ALL, y: &mut y });
            assert!((y[0] / scale - 1.0).abs() < 2e-5, "{} for {scale}", y[0]);
        }
        for scale in [1e300f64, 1e-300, 1e-310, 1e308] {
            let mut y = [7.0];
            norm2(Reduce { x: &[0.6 * scale, -0.8 * scale], shape: &[2], axes: Axes::ALL, y: &mut y });
            assert!((y[0] / scale - 1.0).abs() < 1e-12, "{} for {scale}", y[0]);
        }
    });
}

#[test]
fn shares_of_an_extremum_sum_to_one() {
    at_every_level(|_| {
        for shape in SHAPES {
            let x: Vec<f64> = wave(shape.iter().product(), 0.0).iter().map(|x| (x * 4.0).round()).collect();
            for bits in 0..1 << shape.len() {
                let axes = Axes::from_bits(bits);
                let results = Layout::new(shape, axes).results();
                let (mut y, mut share, mut total) = (vec![0.0; results], vec![7.0; x.len()], vec![0.0; results]);
                max(Reduce { x: &x, shape, axes, y: &mut y });
                extremum_share(ExtremumShare { x: &x, shape, axes, y: &y, share: &mut share });
                sum(Reduce { x: &share, shape, axes, y: &mut total });
                assert!(total.iter().all(|total| (total - 1.0).abs() < 1e-12), "{shape:?} over {axes:?}");
                let layout = Layout::new(shape, axes);
                for (i, &share) in share.iter().enumerate() {
                    assert_eq!(share > 0.0, x[i] == y[layout.result_of(i)]);
                }
            }
        }
    });
}

/// Peer bug O05: log-sum-exp without a shift.
#[test]
fn peer_bug_o05() {
    let mut y = [0.0f64; 2];
    let x = [-1000.0, -999.0, -1001.0, 1000.0, 999.0, 1001.0];
    logsumexp(Reduce { x: &x, shape: &[2, 3], axes: Axes::one(1), y: &mut y });
    assert!((y[0] + 998.5924).abs() < 1e-4 && (y[1] - 1001.4076).abs() < 1e-4, "{y:?}");
}

/// Peer bug O17: every tie got the whole gradient.
#[test]
fn peer_bug_o17() {
    let mut share = [7.0f32; 4];
    let x = [1.0, 5.0, 5.0, 3.0];
    extremum_share(ExtremumShare { x: &x, shape: &[4], axes: Axes::ALL, y: &[5.0], share: &mut share });
    assert_eq!(share, [0.0, 0.5, 0.5, 0.0]);
    let x = [1.0, f32::NAN, 5.0, f32::NAN];
    extremum_share(ExtremumShare { x: &x, shape: &[4], axes: Axes::ALL, y: &[f32::NAN], share: &mut share });
    assert_eq!(share, [0.0, 0.5, 0.0, 0.5]);
}

/// Peer bug O19: NaN was skipped, or counted depending on its place.
#[test]
fn peer_bug_o19() {
    at_every_level(|_| {
        for length in [4, 40, 70_000] {
            for at in [0, 1, 3, length / 2, length - 1] {
                let mut x = vec![1.0f32; length];
                (x[0], x[2], x[3]) = (1.0, 3.0, 2.0);
                x[at] = f32::NAN;
                let (mut y, mut place) = ([0.0], [-1]);
                for (kernel, arg) in [(max as Function<f32>, argmax as fn(Reduce<'_, f32, i64>)), (min, argmin)] {
                    kernel(Reduce { x: &x, shape: &[length], axes: Axes::ALL, y: &mut y });
                    arg(Reduce { x: &x, shape: &[length], axes: Axes::ALL, y: &mut place });
                    assert!(y[0].is_nan() && place == [at as i64], "{y:?} {place:?} for NaN at {at} of {length}");
                }
            }
        }
    });
}

/// Peer bug O37: one f32 accumulator.
#[test]
fn peer_bug_o37() {
    let n = 1 << 25;
    let mut y = [0.0f32];
    sum(Reduce { x: &vec![1.0; n], shape: &[n], axes: Axes::ALL, y: &mut y });
    assert_eq!(y, [33_554_432.0]);
    let rows = 5_000_000;
    let x: Vec<f32> = (0..3 * rows).map(|i| [0.479, 0.481, 0.123_456_7][i % 3]).collect();
    let mut y = [0.0; 3];
    mean(Reduce { x: &x, shape: &[rows, 3], axes: Axes::one(0), y: &mut y });
    for (y, x) in y.iter().zip(&x) {
        assert!((y / x - 1.0).abs() < 1e-6, "{y}, not {x}");
    }
}

/// Peer bug O39: the L2 norm of many ones reached a plateau.
#[test]
fn peer_bug_o39() {
    let n = 1 << 24;
    let mut y = [0.0f32];
    norm2(Reduce { x: &vec![1.0; n], shape: &[n], axes: Axes::ALL, y: &mut y });
    assert_eq!(y, [4096.0]);
}
