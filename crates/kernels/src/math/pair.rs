//! Numbers of twice the precision: hi + lo, where lo is what hi lacks.
//!
//! Error-free transformations; the ones without a fused multiply-add split factors in halves. Dekker 1971, Knuth TAOCP 2.

use crate::Float as _;
use crate::lanes::Lanes;
use crate::math::Constants as _;

/// hi + lo with |lo| at most a few ulps of hi.
#[derive(Clone, Copy)]
pub(super) struct Pair<L> {
    pub(super) hi: L,
    pub(super) lo: L,
}

impl<L: Lanes> Pair<L> {
    /// A constant in two parts.
    #[inline(always)]
    pub(super) fn splat([hi, lo]: [L::Elem; 2]) -> Self {
        Pair { hi: L::splat(hi), lo: L::splat(lo) }
    }

    /// a + b exactly.
    #[inline(always)]
    pub(super) fn sum(a: L, b: L) -> Self {
        let hi = a + b;
        let of_b = hi - a;
        Pair { hi, lo: (a - (hi - of_b)) + (b - of_b) }
    }

    /// a + b exactly where |a| ≥ |b| or a = 0.
    #[inline(always)]
    pub(super) fn ordered_sum(a: L, b: L) -> Self {
        let hi = a + b;
        Pair { hi, lo: b - (hi - a) }
    }

    /// a · b exactly, unless its last digits underflow.
    #[inline(always)]
    pub(super) fn product(a: L, b: L) -> Self {
        let hi = a * b;
        let lo = if L::FUSED {
            a.mul_add(b, -hi)
        } else {
            let ((a1, a2), (b1, b2)) = (halves(a), halves(b));
            a2 * b2 - (((hi - a1 * b1) - a2 * b1) - a1 * b2)
        };
        Pair { hi, lo }
    }

    #[inline(always)]
    pub(super) fn times(self, other: Self) -> Self {
        let product = Pair::product(self.hi, other.hi);
        Pair { hi: product.hi, lo: self.hi.mul_add(other.lo, self.lo.mul_add(other.hi, product.lo)) }
    }

    #[inline(always)]
    pub(super) fn times_one(self, other: L) -> Self {
        let product = Pair::product(self.hi, other);
        Pair { hi: product.hi, lo: self.lo.mul_add(other, product.lo) }
    }

    /// self + other where |self| ≥ |other| or self = 0.
    #[inline(always)]
    pub(super) fn plus_smaller(self, other: Self) -> Self {
        let sum = Pair::ordered_sum(self.hi, other.hi);
        Pair { hi: sum.hi, lo: sum.lo + (self.lo + other.lo) }
    }

    /// self / other: one division, by a number, then one step of refinement.
    #[inline(always)]
    pub(super) fn over(self, other: Self) -> Self {
        let inverse = L::one() / other.hi;
        let quotient = self.hi * inverse;
        let rest = if L::FUSED {
            quotient.mul_add(-other.hi, self.hi)
        } else {
            let product = Pair::product(quotient, other.hi);
            (self.hi - product.hi) - product.lo
        };
        let rest = rest + quotient.mul_add(-other.lo, self.lo);
        Pair { hi: quotient, lo: rest * inverse }
    }

    /// The same number with |lo| at most half an ulp of hi.
    #[inline(always)]
    pub(super) fn normal(self) -> Self {
        Pair::ordered_sum(self.hi, self.lo)
    }

    /// hi + lo, rounded.
    #[inline(always)]
    pub(super) fn value(self) -> L {
        self.hi + self.lo
    }

    #[inline(always)]
    pub(super) fn negated(self) -> Self {
        Pair { hi: -self.hi, lo: -self.lo }
    }

    /// `mask ? a : b`, lane by lane.
    #[inline(always)]
    pub(super) fn select(mask: L::Mask, a: Self, b: Self) -> Self {
        Pair { hi: L::select(mask, a.hi, b.hi), lo: L::select(mask, a.lo, b.lo) }
    }
}

/// x as the sum of two numbers of half the digits.
#[inline(always)]
fn halves<L: Lanes>(x: L) -> (L, L) {
    let shifted = x * L::splat(L::Elem::SPLIT);
    let high = shifted - (shifted - x);
    (high, x - high)
}

/// The polynomial with these coefficients, ascending.
#[inline(always)]
pub(super) fn polynomial<L: Lanes>(coefficients: &[L::Elem], x: L) -> L {
    let (last, others) = coefficients.split_last().expect("a polynomial has coefficients");
    // No `fold`: its closure, where it is not inlined, is compiled without the level's instructions (softmax: 4 to 10 times slower).
    let mut sum = L::splat(*last);
    for &coefficient in others.iter().rev() {
        sum = sum.mul_add(x, L::splat(coefficient));
    }
    sum
}

/// A number known when the program is written.
#[inline(always)]
pub(super) fn number<L: Lanes>(value: f64) -> L {
    L::splat(L::Elem::from_f64(value))
}
