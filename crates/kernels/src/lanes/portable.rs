//! The portable level, on `wide`: SSE2 on a plain x86-64 build, NEON on aarch64, simd128 on wasm, scalars elsewhere.

use super::{Lanes, Mask, check_length};
use std::ops::{Add, BitAnd, BitOr, Div, Mul, Neg, Not, Sub};

macro_rules! portable {
    ($lanes:ident, $mask:ident, $wide:ident, $elem:ident, $bits:ident, $n:literal, $mantissa_bits:literal, $bias:literal) => {
        /// One portable register.
        #[derive(Clone, Copy)]
        pub struct $lanes(wide::$wide);

        /// All bits set or none, per lane.
        #[derive(Clone, Copy)]
        pub struct $mask(wide::$wide);

        impl BitAnd for $mask {
            type Output = Self;
            #[inline(always)]
            fn bitand(self, other: Self) -> Self {
                Self(self.0 & other.0)
            }
        }
        impl BitOr for $mask {
            type Output = Self;
            #[inline(always)]
            fn bitor(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }
        impl Not for $mask {
            type Output = Self;
            #[inline(always)]
            fn not(self) -> Self {
                Self(self.0 ^ wide::$wide::new([$elem::from_bits($bits::MAX); $n]))
            }
        }
        impl Mask for $mask {
            #[inline(always)]
            fn any(self) -> bool {
                self.0.to_bitmask() != 0
            }
            #[inline(always)]
            fn all(self) -> bool {
                self.0.to_bitmask() == (1 << $n) - 1
            }
            #[inline(always)]
            fn to_bits(self) -> u64 {
                self.0.to_bitmask().into()
            }
            #[inline(always)]
            fn from_bits(bits: u64) -> Self {
                let lane = |i: usize| $elem::from_bits(if bits >> i & 1 == 1 { $bits::MAX } else { 0 });
                Self(wide::$wide::new(std::array::from_fn(lane)))
            }
        }

        impl Add for $lanes {
            type Output = Self;
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                Self(self.0 + other.0)
            }
        }
        impl Sub for $lanes {
            type Output = Self;
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                Self(self.0 - other.0)
            }
        }
        impl Mul for $lanes {
            type Output = Self;
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                Self(self.0 * other.0)
            }
        }
        impl Div for $lanes {
            type Output = Self;
            #[inline(always)]
            fn div(self, other: Self) -> Self {
                Self(self.0 / other.0)
            }
        }
        impl Neg for $lanes {
            type Output = Self;
            #[inline(always)]
            fn neg(self) -> Self {
                self.bit_xor(Self::splat(-0.0))
            }
        }

        impl $lanes {
            #[inline(always)]
            fn map_bits(self, f: impl Fn($bits) -> $bits) -> Self {
                Self(self.0.to_array().map(|lane| $elem::from_bits(f(lane.to_bits()))).into())
            }
        }

        impl Lanes for $lanes {
            type Elem = $elem;
            type Mask = $mask;
            const N: usize = $n;
            const FUSED: bool = false;

            #[inline(always)]
            fn splat(value: $elem) -> Self {
                Self(wide::$wide::splat(value))
            }
            #[inline(always)]
            fn load(from: &[$elem]) -> Self {
                check_length(from.len(), $n);
                Self(bytemuck::pod_read_unaligned(bytemuck::cast_slice(&from[..$n])))
            }
            #[inline(always)]
            fn store(self, to: &mut [$elem]) {
                check_length(to.len(), $n);
                to[..$n].copy_from_slice(&self.0.to_array());
            }
            #[inline(always)]
            fn mul_add(self, factor: Self, addend: Self) -> Self {
                Self(self.0 * factor.0 + addend.0)
            }
            #[inline(always)]
            fn min(self, other: Self) -> Self {
                Self::select(self.lt(other), self, other)
            }
            #[inline(always)]
            fn max(self, other: Self) -> Self {
                Self::select(self.gt(other), self, other)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                self.bit_and(Self::splat($elem::from_bits($bits::MAX >> 1)))
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                Self(self.0.sqrt())
            }
            #[inline(always)]
            fn round(self) -> Self {
                // Adding and taking away 1.5·2^mantissa_bits leaves the nearest integer; numbers above 2^mantissa_bits are integers.
                let magic = Self::splat((1u64 << $mantissa_bits) as $elem);
                let magnitude = self.abs();
                let rounded = (magnitude + magic) - magic;
                Self::select(magnitude.lt(magic), rounded.copysign(self), self)
            }
            #[inline(always)]
            fn floor(self) -> Self {
                let rounded = self.round();
                Self::select(rounded.gt(self), rounded - Self::one(), rounded)
            }
            #[inline(always)]
            fn lt(self, other: Self) -> $mask {
                $mask(self.0.simd_lt(other.0))
            }
            #[inline(always)]
            fn le(self, other: Self) -> $mask {
                $mask(self.0.simd_le(other.0))
            }
            #[inline(always)]
            fn eq(self, other: Self) -> $mask {
                $mask(self.0.simd_eq(other.0))
            }
            #[inline(always)]
            fn select(mask: $mask, a: Self, b: Self) -> Self {
                Self((mask.0 & a.0) | ((!mask).0 & b.0))
            }
            #[inline(always)]
            fn bit_and(self, other: Self) -> Self {
                Self(self.0 & other.0)
            }
            #[inline(always)]
            fn bit_or(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
            #[inline(always)]
            fn bit_xor(self, other: Self) -> Self {
                Self(self.0 ^ other.0)
            }
            #[inline(always)]
            fn pow2(n: Self) -> Self {
                // The biased exponent lands in the low mantissa bits of 2^mantissa_bits + bias + n; a shift puts it in its place.
                let shifted = n + Self::splat(((1u64 << $mantissa_bits) + $bias) as $elem);
                shifted.map_bits(|bits| bits << $mantissa_bits)
            }
            #[inline(always)]
            fn exponent(self) -> Self {
                let magic = Self::splat((1u64 << $mantissa_bits) as $elem);
                let biased = self.abs().map_bits(|bits| bits >> $mantissa_bits).bit_or(magic);
                biased - Self::splat(((1u64 << $mantissa_bits) + $bias) as $elem)
            }
            #[inline(always)]
            fn mantissa(self) -> Self {
                let kept = $bits::MAX >> ($bits::BITS - $mantissa_bits) | 1 << ($bits::BITS - 1);
                self.bit_and(Self::splat($elem::from_bits(kept))).bit_or(Self::one())
            }
            #[inline(always)]
            fn reduce_add(self) -> $elem {
                let mut lanes = self.0.to_array();
                let mut half = $n / 2;
                while half > 0 {
                    for i in 0..half {
                        lanes[i] += lanes[i + half];
                    }
                    half /= 2;
                }
                lanes[0]
            }
        }
    };
}

portable!(F32, MaskF32, f32x8, f32, u32, 8, 23, 127);
portable!(F64, MaskF64, f64x4, f64, u64, 4, 52, 1023);
