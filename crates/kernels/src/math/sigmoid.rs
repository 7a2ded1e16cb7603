//! The logistic function σ(x) = 1/(1 + e⁻ˣ), and what is made of it: silu x σ(x) (swish) and softplus ln(1 + eˣ), its
//! integral.
//!
//! All three start from e^(−|x|), which neither overflows nor loses what is left of σ far below 0.
//! σ(−∞) = 0, σ(∞) = 1; silu(−∞) = −0, silu(±0) = ±0, silu(∞) = ∞; softplus(−∞) = 0, softplus(∞) = ∞.
//! σ' = y (1 − y) from the output; softplus' = σ(x); silu' = σ (1 + x (1 − σ)): 0 at −∞, 1 at ∞.
//! Elfwing, Uchibe, Doya 2017 and Ramachandran, Zoph, Le 2017 on silu; Dugas et al. 2000 on softplus.

use super::exp::Power;
use super::ln::ln_one_plus;
use super::pair::{Pair, number};
use super::{Constants as _, binary, unary};
use crate::Float as _;
use crate::lanes::Lanes;

unary! {
    /// The logistic function 1/(1 + e⁻ˣ).
    sigmoid, Sigmoid, cost 5, |x| logistic(x)
}
binary! {
    /// The gradient of [`sigmoid`] from its output: dy · y (1 − y), of y and dy.
    sigmoid_backward, SigmoidBackward, cost 1, |y, dy| dy * (y * (L::one() - y))
}
unary! {
    /// x · σ(x), also called swish.
    silu, Silu, cost 8, |x| times_logistic(x)
}
binary! {
    /// The gradient of [`silu`]: dy · σ (1 + x (1 − σ)), of x and dy.
    silu_backward, SiluBackward, cost 8, |x, dy| dy * silu_slope(x)
}
unary! {
    /// ln(1 + eˣ), the smooth rectifier.
    softplus, Softplus, cost 12, |x| smooth_rectifier(x)
}
binary! {
    /// The gradient of [`softplus`]: dy · σ(x), of x and dy.
    softplus_backward, SoftplusBackward, cost 5, |x, dy| dy * logistic(x)
}

#[inline(always)]
fn logistic<L: Lanes>(x: L) -> L {
    let e = Power::of(-x.abs()).value();
    let numerator = Pair { hi: L::select(x.lt(L::zero()), e, L::one()), lo: L::zero() };
    numerator.over(Pair::ordered_sum(L::one(), e)).value()
}

#[inline(always)]
fn times_logistic<L: Lanes>(x: L) -> L {
    // Far enough below 0 for x eˣ to vanish, not only eˣ.
    let bound = L::splat(L::Elem::EXP_MIN) - number(8.0);
    let power = Power::within(bound.max(-x.abs()), L::zero());
    let fraction = power.fraction();
    let denominator = power.scaled().one_plus();
    let is_below = x.lt(L::zero());
    // Scaled after the quotient, which is normal then.
    let clamped = bound.max(x);
    let numerator = Pair::select(is_below, fraction.times_one(clamped), Pair { hi: x, lo: L::zero() });
    let y = numerator.over(denominator).value().scale(L::select(is_below, power.n, L::zero()));
    let is_tiny = x.abs().lt(L::splat(L::Elem::EPSILON) * number(0.25));
    let y = L::select(is_tiny, x * number(0.5), y);
    L::select(x.gt(-bound), x, y)
}

#[inline(always)]
fn silu_slope<L: Lanes>(x: L) -> L {
    let bound = L::splat(L::Elem::EXP_MIN) - number(8.0);
    let x = (-bound).min(bound.max(x));
    let power = Power::within(-x.abs(), L::zero());
    let e = power.scaled();
    let one = Pair { hi: L::one(), lo: L::zero() };
    let inverse = one.over(e.one_plus());
    // Below 0, σ without its power of two, which comes last: x · σ is normal longer than σ is.
    let is_below = x.lt(L::zero());
    let sigmoid = Pair::select(is_below, power.fraction(), one).times(inverse);
    let rest = Pair::select(is_below, one, e).times(inverse).times_one(x);
    let sum = Pair::sum(L::one(), rest.hi);
    let slope = sigmoid.times(Pair { hi: sum.hi, lo: sum.lo + rest.lo });
    slope.value().scale(L::select(is_below, power.n, L::zero()))
}

#[inline(always)]
fn smooth_rectifier<L: Lanes>(x: L) -> L {
    let e = Power::of(-x.abs()).scaled();
    // The larger of x and 0, but NaN where x is.
    L::zero().max(x) + ln_one_plus(e)
}

impl<L: Lanes> Power<L> {
    /// The power in two parts.
    #[inline(always)]
    fn scaled(self) -> Pair<L> {
        let fraction = self.fraction().normal();
        Pair { hi: fraction.hi.scale(self.n), lo: fraction.lo.scale(self.n) }
    }
}

impl<L: Lanes> Pair<L> {
    /// 1 + self, for self in 0..=1.
    #[inline(always)]
    fn one_plus(self) -> Self {
        let sum = Pair::ordered_sum(L::one(), self.hi);
        Pair { hi: sum.hi, lo: sum.lo + self.lo }
    }
}
