//! Against the definition in f64, where a query reads nothing but what it sees, at every level.

use super::*;
use crate::testing::{at_every_level, level_stays};
use crate::with_threads;

/// Sequences, steps, heads, features.
const SHAPES: [[usize; 4]; 8] = [
    [1, 1, 1, 1],
    [2, 3, 2, 1],
    [1, 7, 3, 5],
    [2, 16, 1, 8],
    [3, 19, 2, 17],
    [1, 50, 2, 33],
    [2, 130, 2, 64],
    [1, 101, 1, 100],
];

fn numbers(length: usize, seed: f64, height: f64) -> Vec<f64> {
    (0..length).map(|i| f64::from(((i as f64 * 0.731 + seed).sin() * height) as f32)).collect()
}

fn narrow<T: Float>(x: &[f64]) -> Vec<T> {
    x.iter().map(|&x| T::from_f64(x)).collect()
}

/// y, ℓ and the gradient of qkv.
struct Results<T> {
    y: Vec<T>,
    log_sums: Vec<T>,
    d_qkv: Vec<T>,
}

fn definition(qkv: &[f64], dy: &[f64], [n, steps, heads, features]: [usize; 4], causal: bool) -> Results<f64> {
    let (mut y, mut d_qkv) = (vec![0.0; dy.len()], vec![0.0; qkv.len()]);
    let mut log_sums = vec![0.0; n * heads * steps];
    let scale = 1.0 / (features as f64).sqrt();
    for (s, h, i) in (0..n).flat_map(|s| (0..heads).flat_map(move |h| (0..steps).map(move |i| (s, h, i)))) {
        let seen = if causal { i + 1 } else { steps };
        let at = |which: usize, step: usize| (((s * steps + step) * 3 + which) * heads + h) * features;
        let out = ((s * steps + i) * heads + h) * features;
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let (q, dy) = (&qkv[at(0, i)..][..features], &dy[out..][..features]);
        let scores: Vec<f64> = (0..seen).map(|j| dot(q, &qkv[at(1, j)..][..features]) * scale).collect();
        let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = scores.iter().map(|score| (score - max).exp()).sum();
        log_sums[(s * heads + h) * steps + i] = max + sum.ln();
        let weights: Vec<f64> = scores.iter().map(|score| (score - max).exp() / sum).collect();
        let slopes: Vec<f64> = (0..seen).map(|j| dot(dy, &qkv[at(2, j)..][..features])).collect();
        let delta = dot(&weights, &slopes);
        for j in 0..seen {
            let slope = weights[j] * (slopes[j] - delta) * scale;
            for d in 0..features {
                y[out + d] += weights[j] * qkv[at(2, j) + d];
                d_qkv[at(0, i) + d] += slope * qkv[at(1, j) + d];
                d_qkv[at(1, j) + d] += slope * q[d];
                d_qkv[at(2, j) + d] += weights[j] * dy[d];
            }
        }
    }
    Results { y, log_sums, d_qkv }
}

fn computed<T: Float>(qkv: &[f64], dy: &[f64], [n, steps, heads, features]: [usize; 4], causal: bool) -> Results<T> {
    let (qkv, dy) = (narrow::<T>(qkv), narrow::<T>(dy));
    let attention = Attention { qkv: &qkv, steps, heads, features, causal };
    let (mut y, mut log_sums) = (vec![T::NAN; dy.len()], vec![T::NAN; n * heads * steps]);
    super::attention(attention, &mut y, &mut log_sums);
    let mut d_qkv = vec![T::NAN; qkv.len()];
    attention_backward(AttentionBackward { attention, y: &y, log_sums: &log_sums, dy: &dy, d_qkv: &mut d_qkv });
    Results { y, log_sums, d_qkv }
}

/// Within `tolerance` of the largest, and NaN where the definition has NaN.
fn assert_near<T: Float>(name: &str, ours: &[T], definition: &[f64], tolerance: f64) {
    let largest = definition.iter().filter(|x| x.is_finite()).fold(1e-3_f64, |most, x| most.max(x.abs()));
    for (i, (&ours, &theirs)) in ours.iter().zip(definition).enumerate() {
        let ours = ours.to_f64();
        let same = if theirs.is_finite() { (ours - theirs).abs() <= tolerance * largest } else { ours.is_nan() };
        assert!(same, "{name} [{i}]: {ours}, the definition says {theirs}");
    }
}

fn check<T: Float>(tolerance: f64) {
    for shape in SHAPES {
        let [n, steps, heads, features] = shape;
        let length = n * steps * heads * features;
        for (causal, height) in [(false, 1.0), (true, 1.0), (true, 4.0)] {
            let (qkv, dy) = (numbers(3 * length, 0.3, height), numbers(length, 0.9, 1.0));
            let (ours, theirs) = (computed::<T>(&qkv, &dy, shape, causal), definition(&qkv, &dy, shape, causal));
            // A weight is as far off, by its own size, as its score, which grows with the square of what is multiplied.
            let tolerance = tolerance * height * height;
            assert_near("y", &ours.y, &theirs.y, tolerance);
            assert_near("log_sums", &ours.log_sums, &theirs.log_sums, tolerance);
            assert_near("d_qkv", &ours.d_qkv, &theirs.d_qkv, 8.0 * tolerance);
        }
    }
}

#[test]
fn values_and_gradients_are_those_of_the_definition() {
    at_every_level(|_| {
        check::<f64>(1e-13);
        check::<f32>(4e-6);
    });
}

#[test]
fn what_is_not_finite_reaches_those_alone_who_see_it() {
    at_every_level(|_| {
        let shape = [1, 60, 2, 4];
        let length = 60 * 2 * 4;
        for strange in [f64::NAN, f64::INFINITY] {
            // A query, a key and a value of step 30 and 51.
            for at in [30 * 24 + 1, 30 * 24 + 8 + 5, 51 * 24 + 16 + 2] {
                let (mut qkv, dy) = (numbers(3 * length, 0.3, 1.0), numbers(length, 0.9, 1.0));
                qkv[at] = strange;
                let (ours, theirs) = (computed::<f64>(&qkv, &dy, shape, true), definition(&qkv, &dy, shape, true));
                let reached = |numbers: &[f64]| numbers.iter().map(|x| x.is_finite()).collect::<Vec<bool>>();
                assert!(reached(&theirs.y).contains(&false) && reached(&theirs.y).contains(&true));
                assert_eq!(reached(&ours.y), reached(&theirs.y), "y, {strange} at {at}");
                assert_eq!(reached(&ours.d_qkv), reached(&theirs.d_qkv), "gradient, {strange} at {at}");
            }
        }
    });
}

#[test]
fn large_scores_do_not_overflow() {
    let qkv = numbers(3 * 20 * 4, 0.1, 100.0);
    let dy = numbers(20 * 4, 0.2, 1.0);
    let (ours, theirs) = (computed::<f32>(&qkv, &dy, [1, 20, 1, 4], true), definition(&qkv, &dy, [1, 20, 1, 4], true));
    // Scores of some 10⁴ have an ulp of 10⁻³: so far are weights off.
    assert_near("y", &ours.y, &theirs.y, 1e-2);
    assert_near("log_sums", &ours.log_sums, &theirs.log_sums, 1e-6);
}

#[test]
fn bits_do_not_depend_on_threads() {
    let _guard = level_stays();
    let shape = [3, 70, 5, 24];
    let length: usize = shape.iter().product();
    let (qkv, dy) = (numbers(3 * length, 0.3, 1.0), numbers(length, 0.9, 1.0));
    let run = || computed::<f32>(&qkv, &dy, shape, true);
    let one = with_threads(1, run);
    for threads in [2, 3, 8] {
        let more = with_threads(threads, run);
        assert_eq!((&more.y, &more.log_sums, &more.d_qkv), (&one.y, &one.log_sums, &one.d_qkv), "{threads} threads");
    }
}

#[test]
fn nothing_is_written_for_no_sequences_and_no_features() {
    for (steps, heads, features, log_sums) in [(3, 2, 4, 0), (0, 2, 4, 0), (3, 2, 0, 0), (3, 0, 4, 0)] {
        let attention = Attention { qkv: &[0.0_f32; 0], steps, heads, features, causal: true };
        super::attention(attention, &mut [], &mut vec![0.0; log_sums]);
        let d_qkv = &mut [];
        attention_backward(AttentionBackward { attention, y: &[], log_sums: &[], dy: &[], d_qkv });
    }
}

#[test]
#[should_panic(expected = "attention: qkv holds 13 numbers, no whole number of [2, 3, 1, 2]")]
fn a_part_of_a_sequence_is_refused() {
    let args = Attention { qkv: &[0.0_f32; 13], steps: 2, heads: 1, features: 2, causal: false };
    super::attention(args, &mut [0.0; 4], &mut [0.0; 2]);
}

#[test]
#[should_panic(expected = "attention: y holds 5 numbers, its shape is [1, 2, 1, 2]")]
fn a_result_of_another_length_is_refused() {
    let args = Attention { qkv: &[0.0_f32; 12], steps: 2, heads: 1, features: 2, causal: false };
    super::attention(args, &mut [0.0; 5], &mut [0.0; 2]);
}
