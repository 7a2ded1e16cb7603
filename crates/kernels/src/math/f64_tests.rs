//! The transcendental functions in f64 against values of mpmath, at every level: at most 2 ulp apart.
//!
//! `tests/reference/make_math.py` wrote the values.

use crate::testing::at_every_level;
use crate::{Broadcast, In1, In2};

/// What is measured stays below this; the documentation says how far.
const BOUND: u64 = 2;

fn one(name: &str) -> fn(In1<'_, f64>) {
    match name {
        "exp" => crate::exp,
        "expm1" => crate::expm1,
        "ln" => crate::ln,
        "log1p" => crate::log1p,
        "tanh" => crate::tanh,
        "sin" => crate::sin,
        "cos" => crate::cos,
        "sigmoid" => crate::sigmoid,
        "silu" => crate::silu,
        "softplus" => crate::softplus,
        "erf" => crate::erf,
        "gelu" => crate::gelu,
        _ => panic!("no function {name}"),
    }
}

/// Numbers of f64 between the two, which have the same sign.
fn steps(a: f64, b: f64) -> u64 {
    assert_eq!(a.is_sign_negative(), b.is_sign_negative(), "{a:e} and {b:e} differ in sign");
    a.to_bits().abs_diff(b.to_bits())
}

#[test]
fn f64_is_within_two_ulps_of_mpmath() {
    let rows: Vec<(&str, Vec<f64>)> = include_str!("../../tests/reference/math_f64.txt")
        .lines()
        .map(|line| {
            let (name, rest) = line.split_once(' ').expect("a name and numbers");
            let number = |word| f64::from_bits(u64::from_str_radix(word, 16).expect("hexadecimal bits"));
            (name, rest.split(' ').map(number).collect())
        })
        .collect();
    at_every_level(|level| {
        for of_function in rows.chunk_by(|a, b| a.0 == b.0) {
            let name = of_function[0].0;
            let column = |k: usize| of_function.iter().map(|(_, numbers)| numbers[k]).collect::<Vec<f64>>();
            let (x, mut y) = (column(0), vec![0.0; of_function.len()]);
            let expected = if name == "pow" {
                let exponents = column(1);
                crate::pow(In2::From { a: Broadcast::full(&x), b: Broadcast::full(&exponents), y: &mut y });
                column(2)
            } else {
                one(name)(In1::From { x: &x, y: &mut y });
                column(1)
            };
            let distances = y.iter().zip(&expected).map(|(&y, &expected)| steps(y, expected));
            let (i, worst) = distances.enumerate().max_by_key(|&(_, steps)| steps).expect("a function has values");
            println!("{name} at {level}: {worst} ulp at {:e}", x[i]);
            assert!(worst <= BOUND, "{name}({:e}) = {:e}, not {:e}: {worst} ulp at {level}", x[i], y[i], expected[i]);
        }
    });
}
