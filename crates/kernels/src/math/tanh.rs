//! tanh x = (e − 1)/(e + 1) with e = e^(2|x|), numerator, denominator and quotient to more digits than the type has.
//!
//! The same path for every x: near 0 the numerator keeps all its digits. tanh(±∞) = ±1, tanh(±0) = ±0, odd.
//! tanh' = 1 − y² from the output.

use super::exp::Power;
use super::pair::number;
use super::{binary, unary};
use crate::lanes::Lanes;

unary! {
    /// The hyperbolic tangent.
    ///
    /// ```
    /// let mut x = [0.0f32, 0.5, f32::INFINITY];
    /// kernels::tanh(kernels::In1::Over { x: &mut x });
    /// assert_eq!(x, [0.0, 0.46211717, 1.0]);
    /// ```
    tanh, Tanh, cost 6, |x| hyperbolic_tangent(x)
}
binary! {
    /// The gradient of [`tanh`] from its output: dy · (1 − y²), of y and dy.
    tanh_backward, TanhBackward, cost 1, |y, dy| dy * ((L::one() - y) * (L::one() + y))
}

#[inline(always)]
fn hyperbolic_tangent<L: Lanes>(x: L) -> L {
    // At 2|x| = 40 the result has been 1 for long.
    let power = Power::within(number::<L>(40.0).min(x.abs() + x.abs()), L::zero());
    let scale = L::pow2(power.n);
    let (numerator, denominator) = (power.plus(scale, -L::one()), power.plus(scale, L::one()));
    numerator.normal().over(denominator.normal()).value().copysign(x)
}
