//! ln x and ln(1 + x).
//!
//! x = 2ᵉ (1 + f) with 1 + f in [√½, √2]; with s = f/(2 + f), ln(1 + f) = f − (f²/2 − s (f²/2 + R(s²))), the small terms
//! first and the rounding of e ln 2 + f put back. For ln(1 + x) what 1 + x loses is carried along.
//! ln(±0) = −∞, ln(∞) = ∞, NaN below 0; ln(1 + x): ±0 → ±0, −1 → −∞, NaN below. fdlibm (Ng).

use super::pair::{Pair, number, polynomial};
use super::{Constants as _, unary};
use crate::Float as _;
use crate::lanes::{Lanes, Mask as _};

unary! {
    /// ln x: −∞ at both zeros, NaN below.
    ///
    /// ```
    /// let mut x = [1.0f64, std::f64::consts::E, 0.0];
    /// kernels::ln(kernels::In1::Over { x: &mut x });
    /// assert_eq!(x, [0.0, 1.0, f64::NEG_INFINITY]);
    /// ```
    ln, Ln, cost 6, |x| logarithm(x)
}
unary! {
    /// ln(1 + x), to the last digits near 0 too: −∞ at −1, NaN below.
    log1p, Log1P, cost 8, |x| logarithm_of_one_plus(x)
}

/// x = 2ᵉ (1 + f), for positive normal lanes.
#[derive(Clone, Copy)]
pub(super) struct Split<L> {
    pub(super) e: L,
    pub(super) f: L,
}

impl<L: Lanes> Split<L> {
    #[inline(always)]
    pub(super) fn of(x: L) -> Self {
        let (e, m) = (x.exponent(), x.mantissa());
        let is_big = m.gt(L::splat(L::Elem::SQRT_2));
        let m = L::select(is_big, m * number(0.5), m);
        Split { e: L::select(is_big, e + L::one(), e), f: m - L::one() }
    }

    /// ln(2ᵉ (1 + f + low)) for a low part of less than an ulp of 1.
    #[inline(always)]
    fn ln(self, low: L) -> L {
        let Split { e, f } = self;
        let [ln_2, ln_2_low] = L::Elem::LN_2.map(L::splat);
        let s = f / (f + number(2.0));
        let z = s * s;
        let half_square = f * f * number(0.5);
        let rest = z * z.mul_add(polynomial(L::Elem::LN, z), L::splat(L::Elem::TWO_THIRDS[0]));
        let small = s.mul_add(half_square + rest, -half_square);
        // 1/(1 + f) = (1 − s)/(1 + s), of which low needs a few bits.
        let low = low * (s + s).mul_add(s - L::one(), L::one());
        let sum = Pair::ordered_sum(e * ln_2, f);
        sum.hi + (sum.lo + (e.mul_add(ln_2_low, small) + low))
    }
}

#[inline(always)]
fn logarithm<L: Lanes>(x: L) -> L {
    let infinity = L::splat(L::Elem::INFINITY);
    let is_normal = x.ge(L::splat(L::Elem::MIN_NORMAL)) & x.lt(infinity);
    if is_normal.all() {
        return Split::of(x).ln(L::zero());
    }
    // 2⁶⁴ lifts every subnormal to the normal numbers, in f32 and in f64.
    let is_small = x.lt(L::splat(L::Elem::MIN_NORMAL));
    let mut split = Split::of(L::select(is_small, x * number(18_446_744_073_709_551_616.0), x));
    split.e = L::select(is_small, split.e - number(64.0), split.e);
    at_the_ends(x, split.ln(L::zero()))
}

/// `y`, but −∞ where the argument of the logarithm is 0, NaN where it is below or NaN, ∞ at ∞.
#[inline(always)]
fn at_the_ends<L: Lanes>(x: L, y: L) -> L {
    let infinity = L::splat(L::Elem::INFINITY);
    let y = L::select(x.gt(L::zero()), y, L::splat(L::Elem::NAN));
    let y = L::select(x.eq(L::zero()), -infinity, y);
    L::select(x.eq(infinity), infinity, y)
}

#[inline(always)]
fn logarithm_of_one_plus<L: Lanes>(x: L) -> L {
    let y = ln_one_plus(Pair { hi: x, lo: L::zero() });
    let is_inside = x.gt(-L::one()) & x.lt(L::splat(L::Elem::INFINITY));
    if is_inside.all() { y } else { L::select(is_inside, y, at_the_ends(x + L::one(), y)) }
}

/// ln(1 + x) for finite x > −1.
#[inline(always)]
pub(super) fn ln_one_plus<L: Lanes>(x: Pair<L>) -> L {
    let one_plus = Pair::sum(L::one(), x.hi);
    let split = Split::of(one_plus.hi);
    let scale = L::pow2(-split.e.min(L::splat(L::Elem::MAX_NEGATIVE_POWER)));
    let y = split.ln((one_plus.lo + x.lo) * scale);
    // There x² / 2 is lost; −0 and what is below the normal numbers stay as they are.
    let is_tiny = x.hi.abs().lt(L::splat(L::Elem::EPSILON) * number(0.5));
    L::select(is_tiny, x.hi, y)
}
