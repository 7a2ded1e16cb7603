//! The two number types kernels compute in.

use crate::lanes::{self, Lanes};
use crate::math::Constants;
use crate::pool::Element;
use std::fmt::{Debug, Display, LowerExp};
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

/// f32 or f64.
pub trait Float:
    Element
    + Vectorised
    + Constants
    + PartialOrd
    + PartialEq
    + Debug
    + Display
    + LowerExp
    + Default
    + Neg<Output = Self>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + Sum
{
    /// 0
    const ZERO: Self;
    /// 1
    const ONE: Self;
    /// +∞
    const INFINITY: Self;
    /// Not a number.
    const NAN: Self;
    /// The distance from 1 to the next number.
    const EPSILON: Self;
    /// The name of the type: `"f32"` or `"f64"`.
    const NAME: &'static str;

    /// The nearest number of this type.
    fn from_f64(value: f64) -> Self;
    /// The same number in f64, exactly.
    fn to_f64(self) -> f64;
    /// Whether the number is NaN.
    #[inline(always)]
    fn is_nan(self) -> bool {
        self.to_f64().is_nan()
    }
    /// Whether the number is neither NaN nor infinite.
    #[inline(always)]
    fn is_finite(self) -> bool {
        self.to_f64().is_finite()
    }
}

/// The registers of each level. Out of reach from outside, so nobody else can implement [`Float`].
pub trait Vectorised: Copy + Sized {
    type Portable: Lanes<Elem = Self>;
    #[cfg(target_arch = "x86_64")]
    type Avx2: Lanes<Elem = Self>;
    #[cfg(target_arch = "x86_64")]
    type Avx512: Lanes<Elem = Self>;
}

macro_rules! float {
    ($type:ident, $lanes:ident) => {
        impl Vectorised for $type {
            type Portable = lanes::portable::$lanes;
            #[cfg(target_arch = "x86_64")]
            type Avx2 = lanes::avx2::$lanes;
            #[cfg(target_arch = "x86_64")]
            type Avx512 = lanes::avx512::$lanes;
        }

        impl Float for $type {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const INFINITY: Self = $type::INFINITY;
            const NAN: Self = $type::NAN;
            const EPSILON: Self = $type::EPSILON;
            const NAME: &'static str = stringify!($type);

            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                value as $type
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
        }
    };
}

float!(f32, F32);
float!(f64, F64);
