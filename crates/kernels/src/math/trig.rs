//! sin and cos.
//!
//! x = n π/2 + r with |r| ≤ π/4, π/2 in four parts and r in two; then the polynomial that n mod 4 asks for. Beyond
//! [`Constants::TRIG_MAX`], and next to a multiple of π/2 where r would have too few digits, the lane's remainder comes from
//! [`super::reduction`], which has all digits of 2/π. sin(±∞) = cos(±∞) = NaN, sin(±0) = ±0. Cody, Waite 1980.

use super::pair::{Pair, number, polynomial};
use super::reduction::remainder;
use super::{Constants as _, unary};
use crate::Float as _;
use crate::lanes::{Lanes, MAX_LANES, Mask as _};

unary! {
    /// The sine of x in radians, for every x.
    sin, Sin, cost 8, |x| sine(x)
}
unary! {
    /// The cosine of x in radians, for every x.
    ///
    /// ```
    /// let mut x = [0.0f32, 1e30];
    /// kernels::cos(kernels::In1::Over { x: &mut x });
    /// assert_eq!(x, [1.0, 1e30f32.cos()]);
    /// ```
    cos, Cos, cost 8, |x| cosine(x)
}

/// x − n π/2.
struct Remainder<L> {
    r: Pair<L>,
    /// n mod 4: −2, −1, 0, 1 or 2.
    quadrant: L,
}

impl<L: Lanes> Remainder<L> {
    #[inline(always)]
    fn of(x: L) -> Self {
        let [a, b, c, d] = L::Elem::HALF_PI.map(L::splat);
        let n = (x * L::splat(L::Elem::TWO_OVER_PI)).round();
        let exact = n.mul_add(-b, n.mul_add(-a, x));
        let mut r = Pair::sum(exact, -(n * c));
        r.lo = n.mul_add(-d, r.lo);
        let r = r.normal();
        let is_close = r.hi.abs().lt(L::splat(L::Elem::TRIG_MIN)) & !n.eq(L::zero());
        let is_hard = !x.abs().lt(L::splat(L::Elem::TRIG_MAX)) | is_close;
        let quadrant = (n * number(0.25)).round().mul_add(number(-4.0), n);
        let fast = Remainder { r, quadrant };
        if is_hard.any() { fast.corrected(is_hard, x) } else { fast }
    }

    /// With what the slow reduction says where `is_hard`.
    #[inline(always)]
    fn corrected(self, is_hard: L::Mask, x: L) -> Self {
        // The other lanes get a number that the reduction takes.
        let (mut hi, mut lo) = (L::select(is_hard, x, L::one()).to_array(), [L::Elem::ZERO; MAX_LANES]);
        let mut quadrant = lo;
        for lane in 0..L::N {
            let ([r, rest], q) = remainder(hi[lane].to_f64());
            hi[lane] = L::Elem::from_f64(r);
            lo[lane] = L::Elem::from_f64((r - hi[lane].to_f64()) + rest);
            quadrant[lane] = L::Elem::from_f64(q);
        }
        let slow = Pair { hi: L::load(&hi), lo: L::load(&lo) };
        Remainder {
            r: Pair::select(is_hard, slow, self.r),
            quadrant: L::select(is_hard, L::load(&quadrant), self.quadrant),
        }
    }

    #[inline(always)]
    fn sin(&self) -> L {
        let z = self.r.hi * self.r.hi;
        self.r.hi + (self.r.hi * z).mul_add(polynomial(L::Elem::SIN, z), self.r.lo)
    }

    #[inline(always)]
    fn cos(&self) -> L {
        let r = self.r.hi;
        let z = r * r;
        let half = z * number(0.5);
        let start = L::one() - half;
        let lost = (L::one() - start) - half;
        start + (lost + (z * z).mul_add(polynomial(L::Elem::COS, z), -(r * self.r.lo)))
    }

    /// Whether n is odd.
    #[inline(always)]
    fn is_odd(&self) -> L::Mask {
        self.quadrant.abs().eq(L::one())
    }
}

/// sin(r + k π/2) from sin(r) or cos(r): the sign turns for k = −1 and ±2.
#[inline(always)]
fn turned<L: Lanes>(value: L, k: L) -> L {
    L::select(k.lt(L::zero()) | k.gt(number(1.5)), -value, value)
}

#[inline(always)]
fn sine<L: Lanes>(x: L) -> L {
    let reduced = Remainder::of(x);
    let y = turned(L::select(reduced.is_odd(), reduced.cos(), reduced.sin()), reduced.quadrant);
    // There x³/6 is lost; −0 stays.
    L::select(x.abs().lt(L::splat(L::Elem::EPSILON)), x, y)
}

#[inline(always)]
fn cosine<L: Lanes>(x: L) -> L {
    let reduced = Remainder::of(x);
    turned(L::select(reduced.is_odd(), reduced.sin(), reduced.cos()), -reduced.quadrant)
}
