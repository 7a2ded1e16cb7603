//! xʸ = e^(y ln x), the logarithm and the product in twice the digits.
//!
//! Special cases as C99: pow(x, ±0) = 1 and pow(1, y) = 1 for every x and y, NaN included; a negative base takes integral
//! exponents only. Zeros, infinities, NaN, subnormal bases and |y| ≥ 2⁶⁴ go lane by lane through the standard library in
//! f64.

use super::exp::Power;
use super::ln::Split;
use super::pair::{Pair, number, polynomial};
use super::{Constants as _, binary};
use crate::Float as _;
use crate::lanes::{Lanes, Mask as _};

binary! {
    /// xʸ, of x and y.
    ///
    /// ```
    /// use kernels::{Broadcast, In2, pow};
    /// let mut x = [2.0f32, -3.0, -8.0];
    /// pow(In2::OverA { a: &mut x, b: Broadcast::full(&[0.5, 3.0, 0.5]) });
    /// assert_eq!(x[..2], [std::f32::consts::SQRT_2, -27.0]);
    /// assert!(x[2].is_nan());
    /// ```
    pow, Pow, cost 16, |x, y| power(x, y)
}

/// ln x for positive normal lanes.
#[inline(always)]
fn ln_pair<L: Lanes>(x: L) -> Pair<L> {
    let Split { e, f } = Split::of(x);
    let [ln_2, ln_2_low] = L::Elem::LN_2.map(L::splat);
    let s = Pair { hi: f, lo: L::zero() }.over(Pair::ordered_sum(number(2.0), f)).normal();
    let z = s.times(s);
    // 2s + s³ (⅔ + z R(z))
    let factor = Pair::splat(L::Elem::TWO_THIRDS).plus_smaller(z.times_one(polynomial(L::Elem::LN, z.hi)));
    let cube = s.times(z).times(factor);
    let twice = Pair { hi: s.hi + s.hi, lo: s.lo + s.lo };
    let whole = Pair { hi: e * ln_2, lo: e * ln_2_low };
    whole.plus_smaller(twice).plus_smaller(cube).normal()
}

#[inline(always)]
fn power<L: Lanes>(x: L, y: L) -> L {
    let magnitude = x.abs();
    let exponent = ln_pair(magnitude).times_one(y).normal();
    let bounded = L::splat(L::Elem::EXP_MAX).min(L::splat(L::Elem::EXP_MIN).max(exponent.hi));
    let low = L::select(bounded.eq(exponent.hi), exponent.lo, L::zero());
    let value = Power::within(bounded, low).value();

    let is_negative = x.lt(L::zero());
    let half = y * number(0.5);
    let is_odd = !half.eq(half.round());
    let is_whole = y.eq(y.round());
    let signed = L::select(is_whole, L::select(is_odd, -value, value), L::splat(L::Elem::NAN));
    let value = L::select(is_negative, signed, value);

    let is_ordinary = magnitude.ge(L::splat(L::Elem::MIN_NORMAL))
        & magnitude.lt(L::splat(L::Elem::INFINITY))
        & y.abs().lt(number(18_446_744_073_709_551_616.0));
    if is_ordinary.all() { value } else { L::select(is_ordinary, value, slowly(x, y)) }
}

/// The special cases, lane by lane.
#[inline(always)]
fn slowly<L: Lanes>(x: L, y: L) -> L {
    let (mut lanes, exponents) = (x.to_array(), y.to_array());
    for (x, &y) in lanes[..L::N].iter_mut().zip(&exponents) {
        *x = x.pow_slowly(y);
    }
    L::load(&lanes)
}
