//! erf x = 2/√π ∫₀ˣ e^(−t²) dt.
//!
//! |x| < 1: x + x P(x²). Beyond: 1 − e^(−Q(|x|)), where Q = −ln(1 − erf) is smooth and nearly quadratic.
//! erf(±∞) = ±1, erf(±0) = ±0, odd. erf' = 2/√π e^(−x²), x² to twice the digits: 0 at ±∞.

use super::exp::Power;
use super::pair::{Pair, polynomial};
use super::{Constants as _, binary, unary};
use crate::lanes::Lanes;

unary! {
    /// The error function.
    erf, Erf, cost 8, |x| error_function(x)
}
binary! {
    /// The gradient of [`erf`]: dy · 2/√π e^(−x²), of x and dy.
    erf_backward, ErfBackward, cost 6, |x, dy| dy * bell(x)
}

#[inline(always)]
fn error_function<L: Lanes>(x: L) -> L {
    let magnitude = L::splat(L::Elem::ERF_ONE).min(x.abs());
    let is_near = magnitude.lt(L::one());
    let near = x.mul_add(polynomial(L::Elem::ERF_NEAR, x * x), x);
    let exponent = polynomial(L::Elem::ERF_FAR, magnitude - L::one());
    let far = L::one() - Power::within(-exponent, L::zero()).value();
    L::select(is_near, near, far.copysign(x))
}

/// 2/√π e^(−x²).
#[inline(always)]
fn bell<L: Lanes>(x: L) -> L {
    let x = L::splat(L::Elem::GAUSS_ZERO).min(x.abs());
    let square = Pair::product(x, x).negated();
    let power = Power::within(square.hi, square.lo);
    power.fraction().times(Pair::splat(L::Elem::TWO_OVER_SQRT_PI)).value().scale(power.n)
}
