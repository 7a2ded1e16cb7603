//! Against the definition in f64, at every level, in every form.

use super::*;
use crate::testing::{at_every_level, level_stays};
use crate::with_threads;

/// The losses of all rows, and the gradient of their sum.
fn oracle(x: &[f64], classes: usize, labels: &[i64], ignore: Option<i64>, smoothing: f64) -> (Vec<f64>, Vec<f64>) {
    let mut gradient = Vec::new();
    let each = x.chunks(classes.max(1)).zip(labels).map(|(x, &label)| {
        if Some(label) == ignore {
            gradient.extend(x.iter().map(|_| 0.0));
            return 0.0;
        }
        let max = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = x.iter().map(|x| (x - max).exp()).sum();
        let mut loss = 0.0;
        for (j, x) in x.iter().enumerate() {
            let target = smoothing / classes as f64 + if j == label as usize { 1.0 - smoothing } else { 0.0 };
            loss += if target == 0.0 { 0.0 } else { target * (sum.ln() + (max - x)) };
            gradient.push((x - max).exp() / sum - target);
        }
        loss
    });
    (each.collect(), gradient)
}

struct Case {
    classes: usize,
    labels: Vec<i64>,
    smoothing: f64,
    reduction: Reduction,
}

/// The loss, the losses and the gradient, which must be the same in every form.
fn run<T: Float>(x: &[T], case: &Case) -> (f64, Vec<T>, Vec<T>) {
    let mut losses = vec![T::NAN; case.labels.len()];
    let mut apart = vec![T::NAN; x.len()];
    let mut over = x.to_vec();
    let mut results = Vec::new();
    for logits in [
        Logits::Read(x),
        Logits::Gradient(In1::From { x, y: &mut apart }),
        Logits::Gradient(In1::Over { x: &mut over }),
    ] {
        results.push(cross_entropy(CrossEntropy {
            logits,
            classes: case.classes,
            labels: &case.labels,
            ignore: Some(-100),
            smoothing: case.smoothing,
            reduction: case.reduction,
            losses: Some(&mut losses),
        }));
    }
    assert!(results.windows(2).all(|pair| pair[0] == pair[1] || pair[0].is_nan()), "{results:?}");
    let bits = |x: &[T]| x.iter().map(|x| x.to_f64().to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&apart), bits(&over));
    (results[0], losses, apart)
}

fn logits(length: usize, height: f64) -> Vec<f64> {
    (0..length)
        .map(|i| f64::from(((i as f64 * 0.731).sin() * height + (i as f64 * 0.001).sin() * height) as f32))
        .collect()
}

fn check<T: Float>(tolerance: f64) {
    for classes in [1, 2, 10, 16, 17, 33, 100, 2049, 5000] {
        for rows in [1, 3, 16, 35] {
            for (smoothing, height) in [(0.0, 2.0), (0.1, 2.0), (0.0, 200.0), (0.3, 200.0)] {
                let x = logits(rows * classes, height);
                let narrow: Vec<T> = x.iter().map(|&x| T::from_f64(x)).collect();
                let label = |row: usize| if row % 5 == 2 { -100 } else { (row * 7919 % classes) as i64 };
                let labels: Vec<i64> = (0..rows).map(label).collect();
                let counted = labels.iter().filter(|&&label| label != -100).count() as f64;
                let (losses, gradient) = oracle(&x, classes, &labels, Some(-100), smoothing);
                for reduction in [Reduction::Sum, Reduction::Mean] {
                    let scale = if reduction == Reduction::Mean { 1.0 / counted } else { 1.0 };
                    let case = Case { classes, labels: labels.clone(), smoothing, reduction };
                    let got = run(&narrow, &case);
                    let expected = losses.iter().sum::<f64>() * scale;
                    let bound = tolerance * (1.0 + expected);
                    assert!((got.0 - expected).abs() <= bound, "{}, not {expected}, of {classes} classes", got.0);
                    for (got, expected) in got.1.iter().zip(&losses) {
                        assert!(
                            (got.to_f64() - expected).abs() <= tolerance * (1.0 + expected),
                            "{got}, not {expected}"
                        );
                    }
                    for (got, expected) in got.2.iter().zip(&gradient) {
                        let expected = expected * scale;
                        assert!((got.to_f64() - expected).abs() <= 4.0 * tolerance * scale, "{got}, not {expected}");
                    }
                }
            }
        }
    }
}

#[test]
fn losses_and_gradients_are_the_definitions() {
    at_every_level(|_| {
        check::<f32>(2e-6);
        check::<f64>(1e-13);
    });
}

/// Peer bug N17: the mean of no rows was NaN.
#[test]
fn peer_bug_n17() {
    for classes in [3, 40] {
        let case = Case { classes, labels: vec![-100; 5], smoothing: 0.0, reduction: Reduction::Mean };
        let (loss, losses, gradient) = run(&vec![1.5f32; 5 * classes], &case);
        assert!(loss == 0.0 && losses.iter().chain(&gradient).all(|&x| x == 0.0));
    }
}

#[test]
fn spoilt_rows_are_nan_alone() {
    at_every_level(|_| {
        for classes in [3, 40, 5000] {
            for value in [f32::NAN, f32::INFINITY] {
                for label in [0, classes as i64 - 1] {
                    let mut x = vec![0.5; 3 * classes];
                    x[classes + 1] = value;
                    let case = Case { classes, labels: vec![label; 3], smoothing: 0.0, reduction: Reduction::Mean };
                    let (loss, losses, gradient) = run(&x, &case);
                    assert!(loss.is_nan() && losses[1].is_nan() && losses[0].is_finite() && losses[2].is_finite());
                    assert!(gradient[classes..2 * classes].iter().all(|x| x.is_nan()));
                    assert!(gradient[..classes].iter().chain(&gradient[2 * classes..]).all(|x| x.is_finite()));
                }
            }
        }
    });
}

/// The label far below the maximum, in a block of −∞ before it, or hopeless: finite gradients all the same.
#[test]
fn labels_without_hope() {
    at_every_level(|_| {
        for (low, loss_is) in [(-200.0f32, 200.0), (-1000.0, 1000.0), (f32::NEG_INFINITY, f64::INFINITY)] {
            for classes in [8, 64, 9000] {
                let mut x = vec![low; classes];
                x[classes - 1] = 0.0;
                let case = Case { classes, labels: vec![1], smoothing: 0.0, reduction: Reduction::Sum };
                let (loss, _, gradient) = run(&x, &case);
                assert_eq!(loss, loss_is);
                assert!(gradient[1] == -1.0 && gradient[classes - 1] == 1.0 && gradient[0] == 0.0, "{gradient:?}");
            }
        }
    });
}

#[test]
fn the_number_of_threads_changes_no_bit_and_nor_does_the_way_past_the_cache() {
    let _guard = level_stays();
    for (rows, classes) in [(20_000, 10), (300, 1000), (5, 40_000)] {
        let x: Vec<f32> = logits(rows * classes, 3.0).iter().map(|&x| x as f32).collect();
        let labels = (0..rows).map(|row| (row % classes) as i64).collect();
        let case = Case { classes, labels, smoothing: 0.1, reduction: Reduction::Mean };
        let one = with_threads(1, || run(&x, &case));
        assert!([2, 3, 8].into_iter().all(|threads| with_threads(threads, || run(&x, &case)) == one));
    }
    let x: Vec<f32> = logits(5 * 5000 + 3, 3.0)[3..].iter().map(|&x| x as f32).collect();
    let target = Target { classes: 5000, ignore: None, smoothing: 0.1, scale: 0.2 };
    let [kept, streamed] = [false, true].map(|streams| {
        let (mut y, mut losses) = (vec![0.0; 25_000], [0.0; 5]);
        let logits = Logits::Gradient(In1::From { x: &x, y: &mut y });
        level::run(Chunk { logits, labels: &[0, 1, 4999, 2500, 7], losses: &mut losses, target, streams });
        (y, losses)
    });
    assert_eq!(kept, streamed);
}

#[test]
#[should_panic(expected = "the label of row 1 is 3, which is none of the 3 classes")]
fn a_label_out_of_range_panics() {
    run(&[0.0f32; 6], &Case { classes: 3, labels: vec![2, 3], smoothing: 0.0, reduction: Reduction::Sum });
}

#[test]
fn nothing_is_fine() {
    let case = Case { classes: 3, labels: vec![], smoothing: 0.0, reduction: Reduction::Mean };
    assert_eq!(run::<f32>(&[], &case).0, 0.0);
}
