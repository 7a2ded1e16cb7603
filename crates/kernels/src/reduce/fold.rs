//! What is folded (a [`Term`] of each number) and how (a [`Monoid`]).

use crate::Float;
use crate::lanes::Lanes;
use crate::math::exp_lanes;

/// An associative operation with a neutral element.
pub(super) trait Monoid: Copy + Default + Send + Sync {
    /// The neutral element.
    const START: f64;
    fn merge<L: Lanes>(a: L, b: L) -> L;
    /// As [`Monoid::merge`], of two numbers.
    fn merge_numbers<T: Float>(a: T, b: T) -> T;
    /// The lanes merged, halves onto halves.
    #[inline(always)]
    fn merge_lanes<L: Lanes>(lanes: L) -> L::Elem {
        let mut lanes = lanes.to_array();
        let mut half = L::N / 2;
        while half > 0 {
            for i in 0..half {
                lanes[i] = Self::merge_numbers(lanes[i], lanes[i + half]);
            }
            half /= 2;
        }
        lanes[0]
    }
}

/// What a number contributes. `given` belongs to the result it goes to: a mean, a maximum, a scale.
pub(super) trait Term<T: Float>: Copy + Send + Sync {
    type Monoid: Monoid;
    fn map<L: Lanes<Elem = T>>(self, x: L, given: L) -> L;
}

/// a + b
#[derive(Clone, Copy, Default)]
pub(super) struct Add;
impl Monoid for Add {
    const START: f64 = 0.0;
    #[inline(always)]
    fn merge<L: Lanes>(a: L, b: L) -> L {
        a + b
    }
    #[inline(always)]
    fn merge_numbers<T: Float>(a: T, b: T) -> T {
        a + b
    }
    #[inline(always)]
    fn merge_lanes<L: Lanes>(lanes: L) -> L::Elem {
        lanes.reduce_add()
    }
}

/// a · b
#[derive(Clone, Copy, Default)]
pub(super) struct Mul;
impl Monoid for Mul {
    const START: f64 = 1.0;
    #[inline(always)]
    fn merge<L: Lanes>(a: L, b: L) -> L {
        a * b
    }
    #[inline(always)]
    fn merge_numbers<T: Float>(a: T, b: T) -> T {
        a * b
    }
}

/// The larger; NaN where either is NaN.
#[derive(Clone, Copy, Default)]
pub(super) struct Max;
impl Monoid for Max {
    const START: f64 = f64::NEG_INFINITY;
    #[inline(always)]
    fn merge<L: Lanes>(a: L, b: L) -> L {
        L::select(a.is_nan(), a, a.max(b))
    }
    #[inline(always)]
    fn merge_numbers<T: Float>(a: T, b: T) -> T {
        if (a > b) | is_nan(a) { a } else { b }
    }
}

/// The smaller; NaN where either is NaN.
#[derive(Clone, Copy, Default)]
pub(super) struct Min;
impl Monoid for Min {
    const START: f64 = f64::INFINITY;
    #[inline(always)]
    fn merge<L: Lanes>(a: L, b: L) -> L {
        L::select(a.is_nan(), a, a.min(b))
    }
    #[inline(always)]
    fn merge_numbers<T: Float>(a: T, b: T) -> T {
        if (a < b) | is_nan(a) { a } else { b }
    }
}

/// Without the way through f64 that [`Float::is_nan`] takes.
#[inline(always)]
pub(super) fn is_nan<T: Float>(x: T) -> bool {
    x.partial_cmp(&x).is_none()
}

/// x itself.
#[derive(Clone, Copy)]
pub(super) struct Itself<M>(pub(super) M);
impl<T: Float, M: Monoid> Term<T> for Itself<M> {
    type Monoid = M;
    #[inline(always)]
    fn map<L: Lanes<Elem = T>>(self, x: L, _given: L) -> L {
        x
    }
}

/// |x|
#[derive(Clone, Copy)]
pub(super) struct Magnitude<M>(pub(super) M);
impl<T: Float, M: Monoid> Term<T> for Magnitude<M> {
    type Monoid = M;
    #[inline(always)]
    fn map<L: Lanes<Elem = T>>(self, x: L, _given: L) -> L {
        x.abs()
    }
}

macro_rules! term_of_sum {
    ($(#[$doc:meta])* $name:ident, |$x:ident, $given:ident| $body:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(super) struct $name;
        impl<T: Float> Term<T> for $name {
            type Monoid = Add;
            #[inline(always)]
            fn map<L: Lanes<Elem = T>>(self, $x: L, $given: L) -> L {
                $body
            }
        }
    };
}

term_of_sum!(
    /// x²
    Square, |x, _given| x * x
);
term_of_sum!(
    /// x − given
    Deviation, |x, given| x - given
);
term_of_sum!(
    /// (x − given)²
    SquaredDeviation, |x, given| {
        let d = x - given;
        d * d
    }
);
term_of_sum!(
    /// (x · given)²
    ScaledSquare, |x, given| {
        let s = x * given;
        s * s
    }
);
term_of_sum!(
    /// exp(x − given)
    ShiftedExp, |x, given| exp_lanes(x - given)
);
