//! The logistic function σ(x) = 1/(1 + e⁻ˣ), and what is made of it: silu x σ(x) (swish) and softplus ln(1 + eˣ), its
//! integral.
//!
//! All three start from e^(−|x|), which neither overflows nor loses what is left of σ far below 0.
//! σ(−∞) = 0, σ(∞) = 1; silu(−∞) = −0, silu(±0) = ±0, silu(∞) = ∞; softplus(−∞) = 0, softplus(∞) = ∞.
//! σ' = y (1 − y) from the output; softplus' = σ(x); silu' = σ (1 + x (1 − σ)): 0 at −∞, 1 at ∞.
//! [`bce_with_logits`] is softplus minus x t without the cancellation.
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
binary! {
    /// The binary cross-entropy of a logit x and a target t in 0..=1: max(x, 0) − x t + ln(1 + e^(−|x|)).
    ///
    /// As |x| (1 − t) above 0, |x| t below, plus the logarithm: there ∞ meets 0 only where the infinite logit is right, and
    /// costs nothing. NaN in either shows.
    ///
    /// ```
    /// use kernels::{Broadcast, In2};
    /// let (mut x, t) = ([0.0f32, f32::INFINITY, -1e4], [0.5, 1.0, 1.0]);
    /// kernels::bce_with_logits(In2::OverA { a: &mut x, b: Broadcast::full(&t) });
    /// assert_eq!(x, [std::f32::consts::LN_2, 0.0, 1e4]);
    /// ```
    bce_with_logits, BceWithLogits, cost 12, |x, target| logistic_loss(x, target)
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

#[inline(always)]
fn logistic_loss<L: Lanes>(x: L, target: L) -> L {
    let e = Power::of(-x.abs()).scaled();
    let share = L::select(x.gt(L::zero()), L::one() - target, target);
    let linear = L::select(share.eq(L::zero()), L::zero(), x.abs() * share);
    // An infinity that is right comes to 0; the comparison with itself brings a NaN of x back.
    L::select(x.eq(x), linear + ln_one_plus(e), x)
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

#[cfg(test)]
mod tests {
    use super::bce_with_logits;
    use crate::testing::{EDGES, at_every_level};
    use crate::{Broadcast, In2};

    #[test]
    fn logistic_losses_are_the_oracles() {
        let targets = [0.0, 1.0, 0.5, 0.125, 0.999, f64::NAN];
        let logits = EDGES.into_iter().chain([0.3, -0.7, 17.0, -88.0, 104.0, 1e-3]);
        let (x, t): (Vec<f32>, Vec<f32>) = logits.flat_map(|x| targets.map(|t| (x as f32, t as f32))).unzip();
        let oracle = |x: f32, t: f32| {
            let (x, t) = (f64::from(x), f64::from(t));
            let share = if x > 0.0 { 1.0 - t } else { t };
            (if share == 0.0 && !x.is_nan() { 0.0 } else { x.abs() * share }) + (-x.abs()).exp().ln_1p()
        };
        at_every_level(|level| {
            let mut y = vec![0.0f32; x.len()];
            bce_with_logits(In2::From { a: Broadcast::full(&x), b: Broadcast::full(&t), y: &mut y });
            for i in 0..x.len() {
                let exact = oracle(x[i], t[i]);
                let close = (f64::from(y[i]) - exact).abs() <= 2.5e-7 * exact.abs() + 1e-44;
                let same = f64::from(y[i]) == f64::from(exact as f32) || y[i].is_nan() && exact.is_nan();
                assert!(close || same, "bce({}, {}) = {:e}, not {exact:e}, at {level}", x[i], t[i], y[i]);
            }
        });
    }
}
