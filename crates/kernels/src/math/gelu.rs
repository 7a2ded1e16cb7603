//! gelu x = x Φ(x), Φ the normal distribution function (the exact form, with erf).
//!
//! Below 0 the relative error counts down to the last subnormal, so nothing is subtracted there: with a = |x|,
//! Φ(−a) = e^(−a²/2) G(a), a² to twice the digits, and the scaled function G(a) = P(q)/(a + 4) with q = (a − 4)/(a + 4),
//! quotient and first steps of the polynomial in twice the digits as well. Φ(a) = 1 − Φ(−a).
//! gelu(−∞) = −0, gelu(±0) = ±0, gelu(∞) = ∞. gelu' = Φ(x) + x φ(x): 0 at −∞, 1 at ∞; its error is relative to the larger
//! term, which tells near the zero at −0.7518.
//! Hendrycks, Gimpel 2016; Schonfelder 1978 on the transformation.

use super::exp::Power;
use super::pair::{Pair, number, polynomial};
use super::{Constants as _, binary, unary};
use crate::Float as _;
use crate::lanes::Lanes;

unary! {
    /// x · Φ(x).
    ///
    /// ```
    /// let mut x = [-1.0f64, 0.0, 1.0];
    /// kernels::gelu(kernels::In1::Over { x: &mut x });
    /// assert_eq!(x, [-0.15865525393145705, 0.0, 0.8413447460685429]);
    /// ```
    gelu, Gelu, cost 12, |x| times_normal(x)
}
binary! {
    /// The gradient of [`gelu`]: dy · (Φ(x) + x φ(x)), of x and dy.
    gelu_backward, GeluBackward, cost 12, |x, dy| dy * gelu_slope(x)
}

/// The upper tail of the normal distribution from a ≥ 0 on, in factors.
struct Tail<L> {
    /// e^(−a²/2) without its power of two.
    bell: Pair<L>,
    n: L,
    /// 1/(a + 4), and the polynomial that it multiplies: e^(a²/2) Φ(−a).
    inverse: Pair<L>,
    sum: Pair<L>,
}

impl<L: Lanes> Tail<L> {
    #[inline(always)]
    fn of(a: L) -> Self {
        let half_square = Pair::product(a, a * number(-0.5));
        let power = Power::within(half_square.hi, half_square.lo);
        let inverse = Pair { hi: L::one(), lo: L::zero() }.over(Pair::sum(a, number(4.0)));
        // q = 1 − 8/(a + 4)
        let mut q = Pair::ordered_sum(L::one(), inverse.hi * number(-8.0));
        q.lo = inverse.lo.mul_add(number(-8.0), q.lo);
        let (first, rest) = L::Elem::MILLS.split_at(2);
        let [low, slope_low] = L::Elem::MILLS_LOW.map(L::splat);
        let slope = Pair { hi: L::splat(first[1]), lo: slope_low }.plus_smaller(q.times_one(polynomial(rest, q.hi)));
        let sum = Pair { hi: L::splat(first[0]), lo: low }.plus_smaller(slope.times(q));
        Tail { bell: power.fraction(), n: power.n, inverse, sum }
    }
}

/// x Φ(x): x Φ(−a) below 0, x − x Φ(−a) above. All factors but the polynomial are multiplied while it is computed: what one number waits for is the time here.
#[inline(always)]
fn times_normal<L: Lanes>(x: L) -> L {
    let bound = L::splat(L::Elem::NORMAL_ZERO);
    let Tail { bell, n, inverse, sum } = Tail::of(bound.min(x.abs()));
    let factors = inverse.times(bell).times_one((-bound).max(x));
    let lower = sum.times(factors).value().scale(n);
    let y = L::select(x.lt(L::zero()), lower, x - lower);
    let y = L::select(x.gt(bound), x, y);
    let is_tiny = x.abs().lt(L::splat(L::Elem::EPSILON) * number(0.25));
    L::select(is_tiny, x * number(0.5), y)
}

#[inline(always)]
fn gelu_slope<L: Lanes>(x: L) -> L {
    let a = L::splat(L::Elem::NORMAL_ZERO).min(x.abs());
    let Tail { bell, n, inverse, sum } = Tail::of(a);
    let density = Pair::splat(L::Elem::INV_SQRT_TAU).times_one(-a);
    let scaled = sum.times(inverse);
    let difference = Pair::sum(scaled.hi, density.hi);
    let difference = Pair { hi: difference.hi, lo: difference.lo + (scaled.lo + density.lo) };
    let lower = difference.times(bell).value().scale(n);
    L::select(x.lt(L::zero()), lower, L::one() - lower)
}
