//! Every function against plain arithmetic in the same precision, at every level, length and form.

use super::*;
use crate::Broadcast;
use crate::testing::{EDGES, LENGTHS, at_every_level};

fn same(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

/// Edge values against edge values, then something regular.
fn operand(length: usize, stride: usize) -> Vec<f32> {
    (0..length).map(|i| EDGES[i / stride % EDGES.len()] as f32 * (1.0 + (i / 196) as f32)).collect()
}

fn check_two(name: &str, kernel: fn(In2<'_, f32>), oracle: fn(f32, f32) -> f32) {
    at_every_level(|level| {
        for length in LENGTHS {
            let (a, b) = (operand(length, 1), operand(length, 14));
            let expected: Vec<f32> = a.iter().zip(&b).map(|(&a, &b)| oracle(a, b)).collect();
            let (mut y, mut over_a, mut over_b) = (vec![9.0; length], a.clone(), b.clone());
            let (whole_a, whole_b) = (Broadcast::full(&a), Broadcast::full(&b));
            if length > 0 {
                kernel(In2::From { a: whole_a, b: whole_b, y: &mut y });
                kernel(In2::OverA { a: &mut over_a, b: whole_b });
                kernel(In2::OverB { a: whole_a, b: &mut over_b });
            }
            for got in [&y, &over_a, &over_b] {
                for i in 0..length {
                    let (got, expected) = (got[i], expected.get(i).copied().unwrap_or_default());
                    assert!(same(got, expected), "{name}({}, {}) = {got}, not {expected}, at {level}", a[i], b[i]);
                }
            }
        }
    });
}

fn check_one(name: &str, kernel: fn(In1<'_, f32>), oracle: fn(f32) -> f32) {
    at_every_level(|level| {
        for length in LENGTHS {
            let x = operand(length, 1);
            let (mut y, mut over) = (vec![9.0; length], x.clone());
            kernel(In1::From { x: &x, y: &mut y });
            kernel(In1::Over { x: &mut over });
            for i in 0..length {
                let expected = oracle(x[i]);
                assert!(same(y[i], expected), "{name}({}) = {}, not {expected}, at {level}", x[i], y[i]);
                assert!(same(over[i], expected), "{name}({}) in place = {}, not {expected}", x[i], over[i]);
            }
        }
    });
}

#[test]
fn operators_are_ieee() {
    check_two("add", add, |a, b| a + b);
    check_two("sub", sub, |a, b| a - b);
    check_two("mul", mul, |a, b| a * b);
    check_two("div", div, |a, b| a / b);
    check_one("neg", neg, |x| -x);
    check_one("abs", abs, f32::abs);
    check_one("square", square, |x| x * x);
    check_one("sqrt", sqrt, f32::sqrt);
    check_one("recip", recip, f32::recip);
}

#[test]
fn comparisons_are_zero_or_one() {
    check_two("equal", equal, |a, b| f32::from(u8::from(a == b)));
    check_two("not_equal", not_equal, |a, b| f32::from(u8::from(a != b)));
    check_two("less", less, |a, b| f32::from(u8::from(a < b)));
    check_two("less_equal", less_equal, |a, b| f32::from(u8::from(a <= b)));
    check_two("greater", greater, |a, b| f32::from(u8::from(a > b)));
    check_two("greater_equal", greater_equal, |a, b| f32::from(u8::from(a >= b)));
}

#[test]
fn extrema_spread_nan_and_share_ties() {
    at_every_level(|_| {
        let (a, b) = ([1.0f32, 2.0, f32::NAN, 0.0, 3.0], [2.0, 1.0, 0.0, f32::NAN, 3.0]);
        let run = |kernel: fn(In2<'_, f32>)| {
            let mut y = [0.0; 5];
            kernel(In2::From { a: Broadcast::full(&a), b: Broadcast::full(&b), y: &mut y });
            y
        };
        let (high, low) = (run(maximum), run(minimum));
        assert_eq!((high[0], high[1], high[4]), (2.0, 2.0, 3.0));
        assert_eq!((low[0], low[1], low[4]), (1.0, 1.0, 3.0));
        assert!(high[2].is_nan() && high[3].is_nan() && low[2].is_nan() && low[3].is_nan());
        assert_eq!(run(maximum_share), [0.0, 1.0, 0.5, 0.5, 0.5]);
        assert_eq!(run(minimum_share), [1.0, 0.0, 0.5, 0.5, 0.5]);
    });
}

#[test]
fn rounding_and_signs() {
    check_one("round", round, f32::round_ties_even);
    check_one("floor", floor, f32::floor);
    check_one("ceil", ceil, f32::ceil);
    check_one("sign", sign, |x| if x == 0.0 || x.is_nan() { x.abs() } else { x.signum() });
}

#[test]
fn bounds_hold_and_nan_passes() {
    check_one("clamp", |io| clamp(-0.6, 1.0, io), |x| if x.is_nan() { x } else { x.clamp(-0.6, 1.0) });
    check_one("clamp_slope", |io| clamp_slope(-0.5, 1.0, io), |x| f32::from(u8::from(x > -0.5 && x < 1.0)));
}

#[test]
fn integer_powers() {
    check_one("cube", |io| powi(3, io), |x| x * (x * x));
    check_one("inverse square", |io| powi(-2, io), |x| 1.0 / (x * x));
    check_one("zeroth", |io| powi(0, io), |_| 1.0);
}

#[test]
fn broadcast_operands_repeat_as_documented() {
    at_every_level(|level| {
        for (count, run, times) in [(1, 1, 500), (10, 1, 301), (700, 1, 31), (4, 300, 17), (600, 3, 12), (33, 7, 90)] {
            let values: Vec<f32> = (0..count).map(|i| i as f32 * 0.5 - 3.0).collect();
            let length = if count == 1 { times } else { count * run * times };
            let x: Vec<f32> = (0..length).map(|i| (i % 97) as f32).collect();
            let expected: Vec<f32> = x.iter().enumerate().map(|(i, x)| x - values[i / run % count]).collect();
            let other = Broadcast { values: &values, run };
            let (mut y, mut over) = (vec![0.0; length], x.clone());
            sub(In2::From { a: Broadcast::full(&x), b: other, y: &mut y });
            sub(In2::OverA { a: &mut over, b: other });
            assert_eq!(y, expected, "{count} values in runs of {run} at {level}");
            assert_eq!(over, expected, "{count} values in runs of {run} in place at {level}");
            sub(In2::From { a: other, b: Broadcast::full(&x), y: &mut y });
            assert!(y.iter().zip(&expected).all(|(y, e)| *y == -*e), "{count} values first at {level}");
        }
    });
}
