//! AVX-512F: 16 × f32, 8 × f64, comparisons into mask registers.
//!
//! SAFETY, for the whole file: these types are named by [`crate::level::Level`] alone, which runs code over them only
//! after the CPU said that it has AVX-512F. Loads and stores are unaligned and check their lengths first; streaming
//! stores check the alignment too.
#![expect(unsafe_code, reason = "intrinsics")]
#![expect(
    clippy::undocumented_unsafe_blocks,
    reason = "one argument, stated at the head of the file, serves every block"
)]

use super::avx2::operator;
use super::{Lanes, Mask, check_length};
use std::arch::x86_64::*;
use std::ops::{Add, BitAnd, BitOr, Div, Mul, Neg, Not, Sub};

/// A mask of the first `count` of at most 16 lanes.
#[inline(always)]
fn first(count: usize, lanes: usize) -> u32 {
    assert!(count <= lanes, "a register of {lanes} numbers cannot hold {count}");
    (1 << count) - 1
}

macro_rules! avx512 {
    (
        $lanes:ident, $mask:ident, $kmask:ident, $vector:ident, $elem:ident, $bits:ident, $n:literal, $mantissa_bits:literal, $bias:literal,
        set1 $set1:ident, load $load:ident, store $store:ident, stream $stream:ident, add $add:ident, sub $sub:ident, mul $mul:ident,
        div $div:ident, fma $fma:ident, min $min:ident, max $max:ident, sqrt $sqrt:ident, round $round:ident, cmp $cmp:ident,
        blend $blend:ident, to_int $to_int:ident, from_int $from_int:ident, shift_left $shl:ident, shift_right $shr:ident,
        reduce_add $reduce_add:ident, load_masked $load_masked:ident, store_masked $store_masked:ident, scale $scale:ident,
        permute $permute:ident
    ) => {
        /// One AVX-512 register.
        #[derive(Clone, Copy)]
        pub struct $lanes($vector);

        /// One bit per lane.
        #[derive(Clone, Copy)]
        pub struct $mask($kmask);

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
                Self(!self.0)
            }
        }
        impl Mask for $mask {
            #[inline(always)]
            fn any(self) -> bool {
                self.0 != 0
            }
            #[inline(always)]
            fn all(self) -> bool {
                self.0 == $kmask::MAX
            }
            #[inline(always)]
            fn to_bits(self) -> u64 {
                self.0.into()
            }
            #[inline(always)]
            fn from_bits(bits: u64) -> Self {
                Self(bits as $kmask)
            }
        }

        operator!($lanes, Add, add, $add);
        operator!($lanes, Sub, sub, $sub);
        operator!($lanes, Mul, mul, $mul);
        operator!($lanes, Div, div, $div);
        impl Neg for $lanes {
            type Output = Self;
            #[inline(always)]
            fn neg(self) -> Self {
                self.bit_xor(Self::splat(-0.0))
            }
        }

        impl Lanes for $lanes {
            type Elem = $elem;
            type Mask = $mask;
            const N: usize = $n;
            const FUSED: bool = true;
            const REGISTERS: usize = 32;

            #[inline(always)]
            fn splat(value: $elem) -> Self {
                Self(unsafe { $set1(value) })
            }
            #[inline(always)]
            fn load(from: &[$elem]) -> Self {
                check_length(from.len(), $n);
                Self(unsafe { $load(from.as_ptr()) })
            }
            #[inline(always)]
            fn store(self, to: &mut [$elem]) {
                check_length(to.len(), $n);
                unsafe { $store(to.as_mut_ptr(), self.0) }
            }
            #[inline(always)]
            fn stream(self, to: &mut [$elem]) {
                check_length(to.len(), $n);
                if to.as_ptr().addr() % size_of::<$vector>() == 0 {
                    unsafe { $stream(to.as_mut_ptr(), self.0) }
                } else {
                    self.store(to);
                }
            }
            #[inline(always)]
            fn fence() {
                unsafe { _mm_sfence() }
            }
            #[inline(always)]
            fn mul_add(self, factor: Self, addend: Self) -> Self {
                Self(unsafe { $fma(self.0, factor.0, addend.0) })
            }
            #[inline(always)]
            fn min(self, other: Self) -> Self {
                Self(unsafe { $min(self.0, other.0) })
            }
            #[inline(always)]
            fn max(self, other: Self) -> Self {
                Self(unsafe { $max(self.0, other.0) })
            }
            #[inline(always)]
            fn abs(self) -> Self {
                self.bit_and(Self::splat($elem::from_bits($bits::MAX >> 1)))
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                Self(unsafe { $sqrt(self.0) })
            }
            #[inline(always)]
            fn round(self) -> Self {
                Self(unsafe { $round::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self.0) })
            }
            #[inline(always)]
            fn floor(self) -> Self {
                Self(unsafe { $round::<{ _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC }>(self.0) })
            }
            #[inline(always)]
            fn lt(self, other: Self) -> $mask {
                $mask(unsafe { $cmp::<_CMP_LT_OQ>(self.0, other.0) })
            }
            #[inline(always)]
            fn le(self, other: Self) -> $mask {
                $mask(unsafe { $cmp::<_CMP_LE_OQ>(self.0, other.0) })
            }
            #[inline(always)]
            fn eq(self, other: Self) -> $mask {
                $mask(unsafe { $cmp::<_CMP_EQ_OQ>(self.0, other.0) })
            }
            #[inline(always)]
            fn select(mask: $mask, a: Self, b: Self) -> Self {
                Self(unsafe { $blend(mask.0, b.0, a.0) })
            }
            #[inline(always)]
            fn bit_and(self, other: Self) -> Self {
                Self(unsafe { $from_int(_mm512_and_si512($to_int(self.0), $to_int(other.0))) })
            }
            #[inline(always)]
            fn bit_or(self, other: Self) -> Self {
                Self(unsafe { $from_int(_mm512_or_si512($to_int(self.0), $to_int(other.0))) })
            }
            #[inline(always)]
            fn bit_xor(self, other: Self) -> Self {
                Self(unsafe { $from_int(_mm512_xor_si512($to_int(self.0), $to_int(other.0))) })
            }
            #[inline(always)]
            fn pow2(n: Self) -> Self {
                // The biased exponent lands in the low mantissa bits of 2^mantissa_bits + bias + n; a shift puts it in its place.
                let shifted = n + Self::splat(((1u64 << $mantissa_bits) + $bias) as $elem);
                Self(unsafe { $from_int($shl::<$mantissa_bits>($to_int(shifted.0))) })
            }
            #[inline(always)]
            fn scale(self, n: Self) -> Self {
                Self(unsafe { $scale(self.0, n.0) })
            }
            #[inline(always)]
            fn exponent(self) -> Self {
                let magic = Self::splat((1u64 << $mantissa_bits) as $elem);
                let biased = Self(unsafe { $from_int($shr::<$mantissa_bits>($to_int(self.abs().0))) }).bit_or(magic);
                biased - Self::splat(((1u64 << $mantissa_bits) + $bias) as $elem)
            }
            #[inline(always)]
            fn mantissa(self) -> Self {
                let kept = $bits::MAX >> ($bits::BITS - $mantissa_bits) | 1 << ($bits::BITS - 1);
                self.bit_and(Self::splat($elem::from_bits(kept))).bit_or(Self::one())
            }
            #[inline(always)]
            fn zip(self, other: Self) -> (Self, Self) {
                const fn places(from: usize) -> [$bits; $n] {
                    let mut places = [0; $n];
                    let mut i = 0;
                    while i < $n {
                        places[i] = (from + i / 2 + i % 2 * $n) as $bits;
                        i += 1;
                    }
                    places
                }
                const FIRST: [$bits; $n] = places(0);
                const SECOND: [$bits; $n] = places($n / 2);
                let half = |places: &[$bits; $n]| unsafe {
                    Self($permute(self.0, _mm512_loadu_si512(places.as_ptr().cast()), other.0))
                };
                (half(&FIRST), half(&SECOND))
            }
            #[inline(always)]
            fn reduce_add(self) -> $elem {
                unsafe { $reduce_add(self.0) }
            }
            #[inline(always)]
            fn load_padded(from: &[$elem], fill: $elem) -> Self {
                let mask = first(from.len(), $n) as $kmask;
                // Lanes out of the mask are not read.
                Self(unsafe { $load_masked($set1(fill), mask, from.as_ptr()) })
            }
            #[inline(always)]
            fn store_prefix(self, to: &mut [$elem]) {
                let mask = first(to.len(), $n) as $kmask;
                // Lanes out of the mask are not written.
                unsafe { $store_masked(to.as_mut_ptr(), mask, self.0) }
            }
        }
    };
}

avx512!(
    F32, MaskF32, __mmask16, __m512, f32, u32, 16, 23, 127,
    set1 _mm512_set1_ps, load _mm512_loadu_ps, store _mm512_storeu_ps, stream _mm512_stream_ps, add _mm512_add_ps, sub _mm512_sub_ps, mul _mm512_mul_ps,
    div _mm512_div_ps, fma _mm512_fmadd_ps, min _mm512_min_ps, max _mm512_max_ps, sqrt _mm512_sqrt_ps, round _mm512_roundscale_ps, cmp _mm512_cmp_ps_mask,
    blend _mm512_mask_blend_ps, to_int _mm512_castps_si512, from_int _mm512_castsi512_ps, shift_left _mm512_slli_epi32, shift_right _mm512_srli_epi32,
    reduce_add _mm512_reduce_add_ps, load_masked _mm512_mask_loadu_ps, store_masked _mm512_mask_storeu_ps, scale _mm512_scalef_ps,
    permute _mm512_permutex2var_ps
);
avx512!(
    F64, MaskF64, __mmask8, __m512d, f64, u64, 8, 52, 1023,
    set1 _mm512_set1_pd, load _mm512_loadu_pd, store _mm512_storeu_pd, stream _mm512_stream_pd, add _mm512_add_pd, sub _mm512_sub_pd, mul _mm512_mul_pd,
    div _mm512_div_pd, fma _mm512_fmadd_pd, min _mm512_min_pd, max _mm512_max_pd, sqrt _mm512_sqrt_pd, round _mm512_roundscale_pd, cmp _mm512_cmp_pd_mask,
    blend _mm512_mask_blend_pd, to_int _mm512_castpd_si512, from_int _mm512_castsi512_pd, shift_left _mm512_slli_epi64, shift_right _mm512_srli_epi64,
    reduce_add _mm512_reduce_add_pd, load_masked _mm512_mask_loadu_pd, store_masked _mm512_mask_storeu_pd, scale _mm512_scalef_pd,
    permute _mm512_permutex2var_pd
);
