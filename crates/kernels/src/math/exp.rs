//! eˣ and eˣ − 1.
//!
//! x = n ln 2 + r with |r| ≤ ln 2 / 2, the remainder in two parts; eˣ = 2ⁿ (1 + r + r² P(r)), scaled last, so that results
//! below the normal numbers are rounded once more and no more. No branches: the argument is clamped to where the result
//! is 0 or ∞ anyway. exp(−∞) = 0, exp(∞) = ∞, expm1(−∞) = −1, expm1(±0) = ±0. Tang 1989.

use super::pair::{Pair, number, polynomial};
use super::{Constants as _, unary};
use crate::Float as _;
use crate::lanes::Lanes;

unary! {
    /// eˣ.
    ///
    /// ```
    /// let mut x = [0.0f32, 1.0, f32::NEG_INFINITY];
    /// kernels::exp(kernels::In1::Over { x: &mut x });
    /// assert_eq!(x, [1.0, std::f32::consts::E, 0.0]);
    /// ```
    exp, Exp, cost 4, |x| Power::of(x).value()
}
unary! {
    /// eˣ − 1, to the last digits near 0 too.
    expm1, ExpM1, cost 6, |x| exp_minus_one(x)
}

/// eˣ over a register, for softmax and its kin.
#[inline(always)]
pub(crate) fn exp_lanes<L: Lanes>(x: L) -> L {
    Power::of(x).value()
}

/// 2ⁿ (1 + r + tail).
#[derive(Clone, Copy)]
pub(super) struct Power<L> {
    pub(super) n: L,
    pub(super) r: L,
    pub(super) tail: L,
}

impl<L: Lanes> Power<L> {
    /// eˣ; 0 or ∞ beyond the range of the type.
    #[inline(always)]
    pub(super) fn of(x: L) -> Self {
        Power::within(L::splat(L::Elem::EXP_MAX).min(L::splat(L::Elem::EXP_MIN).max(x)), L::zero())
    }

    /// e^(x + low) for a low part of at most an ulp of x, and x from where two scalings by 2ⁿ reach.
    #[inline(always)]
    pub(super) fn within(x: L, low: L) -> Self {
        let Reduced { n, r, low } = Reduced::of(x, low);
        Power { n, r, tail: (r * r).mul_add(polynomial(L::Elem::EXP, r), low) }
    }

    /// The power without its 2ⁿ: in [0.7, 1.42].
    #[inline(always)]
    pub(super) fn fraction(self) -> Pair<L> {
        let sum = Pair::ordered_sum(L::one(), self.r);
        Pair { hi: sum.hi, lo: sum.lo + self.tail }
    }

    #[inline(always)]
    pub(super) fn value(self) -> L {
        (L::one() + (self.r + self.tail)).scale(self.n)
    }

    /// power (1 + r + tail) + offset, for a power of two in place of 2ⁿ and an offset that is one or minus one too.
    #[inline(always)]
    pub(super) fn plus(self, power: L, offset: L) -> Pair<L> {
        let whole = Pair::ordered_sum(power, offset);
        let sum = Pair::ordered_sum(whole.hi, power * self.r);
        Pair { hi: sum.hi, lo: sum.lo + power.mul_add(self.tail, whole.lo) }
    }
}

/// x = n ln 2 + r + what becomes `low` when it is multiplied with 1 + r.
struct Reduced<L> {
    n: L,
    r: L,
    low: L,
}

impl<L: Lanes> Reduced<L> {
    #[inline(always)]
    fn of(x: L, low: L) -> Self {
        let [ln_2, ln_2_low] = L::Elem::LN_2.map(L::splat);
        let n = (x * L::splat(L::Elem::LOG2_E)).round();
        let exact = n.mul_add(-ln_2, x);
        let rest = n.mul_add(-ln_2_low, low);
        let r = exact + rest;
        let low = rest - (r - exact);
        Reduced { n, r, low: r.mul_add(low, low) }
    }
}

#[inline(always)]
fn exp_minus_one<L: Lanes>(x: L) -> L {
    // Below −40 nothing is left but −1.
    let bounded = L::splat(L::Elem::EXP_MAX).min(number::<L>(-40.0).max(x));
    let Reduced { n, r, low } = Reduced::of(bounded, L::zero());
    // Up to r² / 2 every digit is kept: next to ln 2 / 2 the result is shorter than what it is the sum of.
    let square = Pair::product(r, r);
    let cube = (square.hi * r).mul_add(polynomial(&L::Elem::EXP[1..], r), low);
    let tail = square.lo.mul_add(number(0.5), cube);
    // Half of the result, which keeps 2ⁿ finite where the result is.
    let power = L::pow2(n - L::one());
    let whole = Pair::ordered_sum(power, number(-0.5));
    let linear = Pair::ordered_sum(whole.hi, power * r);
    let curved = Pair::ordered_sum(linear.hi, power * (square.hi * number(0.5)));
    let half = curved.hi + (curved.lo + (linear.lo + power.mul_add(tail, whole.lo)));
    // There x² / 2 is lost; −0 and what halving would round stay as they are.
    let is_tiny = x.abs().lt(L::splat(L::Elem::EPSILON) * number(0.5));
    L::select(is_tiny, x, half + half)
}
