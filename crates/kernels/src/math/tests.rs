//! f32 against the oracle at every level: edges, and bit patterns over the whole range. f64 has `f64_tests.rs`.

use super::oracle;
use crate::testing::{EDGES, LENGTHS, at_every_level};
use crate::{Broadcast, In1, In2};

/// Every so many bit patterns are tried: 200 000 of them, in every binade.
const STRIDE: usize = ((1 << 32) / 200_000) | 1;

fn arguments() -> Vec<f32> {
    let patterns = (0..=u32::MAX).step_by(STRIDE).map(f32::from_bits);
    let edges = EDGES.into_iter().map(|x| x as f32);
    let more =
        [f32::MAX, f32::MIN, f32::MIN_POSITIVE, 1e-45, -1e-45, 88.7, 89.1, -87.4, -103.9, -104.1, 9.1, 0.348_298_6];
    edges.chain(more).chain(patterns).collect()
}

#[test]
fn values_stay_within_their_bounds() {
    let x = arguments();
    for f in oracle::functions() {
        let exact: Vec<f64> = x.iter().map(|&x| (f.exact)(f64::from(x))).collect();
        at_every_level(|level| {
            let mut y = vec![0.0; x.len()];
            (f.kernel)(In1::From { x: &x, y: &mut y });
            for i in 0..x.len() {
                let ulps = oracle::distance(y[i], exact[i], exact[i]);
                let (name, exact) = (f.name, exact[i]);
                assert!(ulps <= f.ulps, "{name}({:e}) = {:e}, not {exact:e}: {ulps:.2} ulp at {level}", x[i], y[i]);
                let has_sign = exact == 0.0 && x[i] == 0.0;
                assert!(!has_sign || y[i].to_bits() == (exact as f32).to_bits(), "{name}({}) at {level}", x[i]);
            }
        });
    }
}

#[test]
fn slopes_stay_within_two_ulps_of_their_larger_term() {
    let x = arguments();
    let one = 1.0;
    for f in oracle::slopes() {
        let exact: Vec<(f64, f64)> = x.iter().map(|&x| (f.exact)(f64::from(x))).collect();
        at_every_level(|level| {
            let mut dx = vec![0.0; x.len()];
            (f.kernel)(In2::From { a: Broadcast::full(&x), b: Broadcast::scalar(&one), y: &mut dx });
            for i in 0..x.len() {
                let (exact, scale) = exact[i];
                let ulps = oracle::distance(dx[i], exact, scale);
                assert!(ulps <= 2.0, "{}({:e}) = {:e}, not {exact:e}: {ulps:.2} ulp at {level}", f.name, x[i], dx[i]);
            }
        });
    }
}

#[test]
fn powers_stay_within_two_ulps() {
    // Bases of every size, exponents that keep the result in range, whole ones among them.
    let hash = |i: u32| (i ^ 0x5bd1).wrapping_mul(0x9E37_79B9);
    let base = |i: u32| {
        if i.is_multiple_of(2) { f32::from_bits(hash(i)) } else { 1.0 + hash(i) as f32 / 2f32.powi(33 + i as i32 % 9) }
    };
    let x: Vec<f32> = (0..100_000).map(base).collect();
    let share = |i: usize| hash(i as u32 ^ 0xABCD) as f32 / 2f32.powi(31) - 1.0;
    let exponent = |(i, x): (usize, &f32)| 104.0 * share(i) / x.abs().ln();
    let y: Vec<f32> = x.iter().enumerate().map(exponent).map(|y| if y > 3.0 { y.round() } else { y }).collect();
    at_every_level(|level| {
        let mut z = vec![0.0; x.len()];
        super::pow(In2::From { a: Broadcast::full(&x), b: Broadcast::full(&y), y: &mut z });
        for i in 0..x.len() {
            let exact = f64::from(x[i]).powf(f64::from(y[i]));
            let ulps = oracle::distance(z[i], exact, exact);
            assert!(ulps <= 2.0, "pow({:e}, {:e}) = {:e}, not {exact:e}: {ulps:.2} ulp at {level}", x[i], y[i], z[i]);
        }
    });
}

#[test]
fn special_powers_are_those_of_c99() {
    let special =
        [0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5, 3.0, -3.0, 1e-40, f32::INFINITY, -f32::INFINITY, f32::NAN, 1e30];
    let x: Vec<f32> = special.iter().flat_map(|&x| [x; 15]).collect();
    let y: Vec<f32> = special.repeat(15);
    at_every_level(|level| {
        let mut z = vec![0.0; x.len()];
        super::pow(In2::From { a: Broadcast::full(&x), b: Broadcast::full(&y), y: &mut z });
        for i in 0..x.len() {
            let exact = f64::from(x[i]).powf(f64::from(y[i])) as f32;
            let same = z[i].to_bits() == exact.to_bits() || z[i].is_nan() && exact.is_nan();
            let close = exact.is_finite() && exact != 0.0 && (z[i] / exact - 1.0).abs() < 2e-7;
            assert!(same || close, "pow({}, {}) = {}, not {exact}, at {level}", x[i], y[i], z[i]);
        }
    });
}

#[test]
fn values_do_not_depend_on_position_or_form() {
    // One hard argument of sin among easy ones, at every place of a register, in body and tail.
    at_every_level(|level| {
        for f in oracle::functions() {
            for length in LENGTHS {
                let x: Vec<f32> = (0..length).map(|i| if i % 37 == 5 { 1e30 } else { i as f32 * 0.01 }).collect();
                let (mut y, mut over) = (vec![0.0; length], x.clone());
                (f.kernel)(In1::From { x: &x, y: &mut y });
                (f.kernel)(In1::Over { x: &mut over });
                for i in (0..length).step_by(1 + length / 64) {
                    let mut alone = [x[i]];
                    (f.kernel)(In1::Over { x: &mut alone });
                    assert_eq!(alone[0].to_bits(), y[i].to_bits(), "{}({}) alone at {level}", f.name, x[i]);
                    assert_eq!(alone[0].to_bits(), over[i].to_bits(), "{}({}) in place at {level}", f.name, x[i]);
                }
            }
        }
    });
}
