//! AVX2 with FMA: 8 × f32, 4 × f64.
//!
//! SAFETY, for the whole file: these types are named by [`crate::level::Level`] alone, which runs code over them only
//! after the CPU said that it has AVX2 and FMA. Loads and stores are unaligned and check their lengths first; streaming
//! stores check the alignment too.
#![expect(unsafe_code, reason = "intrinsics")]
#![expect(
    clippy::undocumented_unsafe_blocks,
    reason = "one argument, stated at the head of the file, serves every block"
)]

use super::{Lanes, Mask, check_length};
use std::arch::x86_64::*;
use std::ops::{Add, BitAnd, BitOr, Div, Mul, Neg, Not, Sub};

macro_rules! operator {
    ($type:ident, $trait:ident, $method:ident, $intrinsic:ident) => {
        impl $trait for $type {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                Self(unsafe { $intrinsic(self.0, other.0) })
            }
        }
    };
}
pub(super) use operator;

macro_rules! avx2 {
    (
        $lanes:ident, $mask:ident, $vector:ident, $elem:ident, $bits:ident, $n:literal, $mantissa_bits:literal, $bias:literal,
        set1 $set1:ident, load $load:ident, store $store:ident, stream $stream:ident, add $add:ident, sub $sub:ident, mul $mul:ident,
        div $div:ident, fma $fma:ident, min $min:ident, max $max:ident, sqrt $sqrt:ident, round $round:ident, cmp $cmp:ident,
        blend $blend:ident, and $and:ident, or $or:ident, xor $xor:ident, movemask $movemask:ident, to_int $to_int:ident,
        from_int $from_int:ident, shift_left $shl:ident, shift_right $shr:ident, load_masked $load_masked:ident, store_masked $store_masked:ident,
        unpack_low $low:ident, unpack_high $high:ident, halves $halves:ident
    ) => {
        /// One AVX2 register.
        #[derive(Clone, Copy)]
        pub struct $lanes($vector);

        /// All bits set or none, per lane.
        #[derive(Clone, Copy)]
        pub struct $mask($vector);

        operator!($mask, BitAnd, bitand, $and);
        operator!($mask, BitOr, bitor, $or);
        impl Not for $mask {
            type Output = Self;
            #[inline(always)]
            fn not(self) -> Self {
                Self(unsafe { $xor(self.0, $set1($elem::from_bits($bits::MAX))) })
            }
        }
        impl Mask for $mask {
            #[inline(always)]
            fn any(self) -> bool {
                unsafe { $movemask(self.0) != 0 }
            }
            #[inline(always)]
            fn all(self) -> bool {
                unsafe { $movemask(self.0) == (1 << $n) - 1 }
            }
            #[inline(always)]
            fn to_bits(self) -> u64 {
                unsafe { $movemask(self.0) as u64 }
            }
            #[inline(always)]
            fn from_bits(bits: u64) -> Self {
                const MASKS: [[$bits; $n]; 1 << $n] = {
                    let mut masks = [[0; $n]; 1 << $n];
                    let mut i = 0;
                    while i < $n << $n {
                        masks[i / $n][i % $n] = if i / $n >> (i % $n) & 1 == 1 { $bits::MAX } else { 0 };
                        i += 1;
                    }
                    masks
                };
                let mask = &MASKS[bits as usize % (1 << $n)];
                Self(unsafe { $load(mask.as_ptr().cast()) })
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

        impl $lanes {
            /// All bits set in the first `count` lanes, none in the others.
            #[inline(always)]
            fn first(count: usize) -> $vector {
                const WINDOW: [$bits; 2 * $n] = {
                    let mut window = [0; 2 * $n];
                    let mut i = 0;
                    while i < $n {
                        window[i] = $bits::MAX;
                        i += 1;
                    }
                    window
                };
                let window: &[$bits; $n] = WINDOW[$n - count..][..$n].try_into().expect("a register of them");
                unsafe { $load(window.as_ptr().cast()) }
            }
        }

        impl Lanes for $lanes {
            type Elem = $elem;
            type Mask = $mask;
            const N: usize = $n;
            const FUSED: bool = true;

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
                Self(unsafe { $blend(b.0, a.0, mask.0) })
            }
            #[inline(always)]
            fn bit_and(self, other: Self) -> Self {
                Self(unsafe { $and(self.0, other.0) })
            }
            #[inline(always)]
            fn bit_or(self, other: Self) -> Self {
                Self(unsafe { $or(self.0, other.0) })
            }
            #[inline(always)]
            fn bit_xor(self, other: Self) -> Self {
                Self(unsafe { $xor(self.0, other.0) })
            }
            #[inline(always)]
            fn pow2(n: Self) -> Self {
                // The biased exponent lands in the low mantissa bits of 2^mantissa_bits + bias + n; a shift puts it in its place.
                let shifted = n + Self::splat(((1u64 << $mantissa_bits) + $bias) as $elem);
                Self(unsafe { $from_int($shl::<$mantissa_bits>($to_int(shifted.0))) })
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
            fn reduce_add(self) -> $elem {
                let mut lanes = [0.0; $n];
                self.store(&mut lanes);
                let mut half = $n / 2;
                while half > 0 {
                    for i in 0..half {
                        lanes[i] += lanes[i + half];
                    }
                    half /= 2;
                }
                lanes[0]
            }
            #[inline(always)]
            fn zip(self, other: Self) -> (Self, Self) {
                // Unpacking zips within halves of the register.
                let (low, high) = unsafe { ($low(self.0, other.0), $high(self.0, other.0)) };
                unsafe { (Self($halves::<0x20>(low, high)), Self($halves::<0x31>(low, high))) }
            }
            #[inline(always)]
            fn load_padded(from: &[$elem], fill: $elem) -> Self {
                let mask = Self::first(from.len());
                // Lanes out of the mask are not read.
                Self(unsafe { $blend($set1(fill), $load_masked(from.as_ptr(), $to_int(mask)), mask) })
            }
            #[inline(always)]
            fn store_prefix(self, to: &mut [$elem]) {
                let mask = Self::first(to.len());
                // Lanes out of the mask are not written.
                unsafe { $store_masked(to.as_mut_ptr(), $to_int(mask), self.0) }
            }
        }
    };
}

avx2!(
    F32, MaskF32, __m256, f32, u32, 8, 23, 127,
    set1 _mm256_set1_ps, load _mm256_loadu_ps, store _mm256_storeu_ps, stream _mm256_stream_ps, add _mm256_add_ps, sub _mm256_sub_ps, mul _mm256_mul_ps,
    div _mm256_div_ps, fma _mm256_fmadd_ps, min _mm256_min_ps, max _mm256_max_ps, sqrt _mm256_sqrt_ps, round _mm256_round_ps, cmp _mm256_cmp_ps,
    blend _mm256_blendv_ps, and _mm256_and_ps, or _mm256_or_ps, xor _mm256_xor_ps, movemask _mm256_movemask_ps, to_int _mm256_castps_si256,
    from_int _mm256_castsi256_ps, shift_left _mm256_slli_epi32, shift_right _mm256_srli_epi32,
    load_masked _mm256_maskload_ps, store_masked _mm256_maskstore_ps,
    unpack_low _mm256_unpacklo_ps, unpack_high _mm256_unpackhi_ps, halves _mm256_permute2f128_ps
);
avx2!(
    F64, MaskF64, __m256d, f64, u64, 4, 52, 1023,
    set1 _mm256_set1_pd, load _mm256_loadu_pd, store _mm256_storeu_pd, stream _mm256_stream_pd, add _mm256_add_pd, sub _mm256_sub_pd, mul _mm256_mul_pd,
    div _mm256_div_pd, fma _mm256_fmadd_pd, min _mm256_min_pd, max _mm256_max_pd, sqrt _mm256_sqrt_pd, round _mm256_round_pd, cmp _mm256_cmp_pd,
    blend _mm256_blendv_pd, and _mm256_and_pd, or _mm256_or_pd, xor _mm256_xor_pd, movemask _mm256_movemask_pd, to_int _mm256_castpd_si256,
    from_int _mm256_castsi256_pd, shift_left _mm256_slli_epi64, shift_right _mm256_srli_epi64,
    load_masked _mm256_maskload_pd, store_masked _mm256_maskstore_pd,
    unpack_low _mm256_unpacklo_pd, unpack_high _mm256_unpackhi_pd, halves _mm256_permute2f128_pd
);
