//! The vector vocabulary every kernel is written in.
//!
//! A kernel body is written once, generic over [`Lanes`]: a register of `N` numbers with the usual arithmetic. Three
//! sets of types implement it: `wide` (the portable level), AVX2 with FMA, and AVX-512F. Nothing but
//! [`crate::level::Level`] names those types, so a value of an AVX type exists only below a check that the CPU has it:
//! that is the argument on which every `unsafe` block in this folder rests.
//!
//! Loads and stores take slices and check lengths; on `chunks_exact` the check disappears.

#[cfg(target_arch = "x86_64")]
pub mod avx2;
#[cfg(target_arch = "x86_64")]
pub mod avx512;
mod opaque;
pub mod planes;
pub mod portable;
pub mod square;
pub mod sums;
pub mod tile;
pub mod window;

use crate::Float;
use std::ops::{Add, BitAnd, BitOr, Div, Mul, Neg, Not, Sub};

/// A register of `N` numbers.
///
/// Comparisons are false on NaN. `min` and `max` return `other` when either side is NaN, as the x86 instructions do:
/// `x.max(floor)` drops NaN, `floor.max(x)` keeps it.
pub trait Lanes:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> + Neg<Output = Self>
{
    /// One number.
    type Elem: Float;
    /// One truth value per lane.
    type Mask: Mask;
    /// Numbers in a register.
    const N: usize;
    /// Whether [`Lanes::mul_add`] rounds once.
    const FUSED: bool;
    /// How many registers the instruction set has: what bounds a tile of sums.
    const REGISTERS: usize = 16;

    /// Every lane `value`.
    fn splat(value: Self::Elem) -> Self;
    /// The first `N` numbers of `from`.
    ///
    /// # Panics
    /// If `from` is shorter than `N`.
    fn load(from: &[Self::Elem]) -> Self;
    /// Writes the lanes over the first `N` numbers of `to`.
    ///
    /// # Panics
    /// If `to` is shorter than `N`.
    fn store(self, to: &mut [Self::Elem]);
    /// As [`Lanes::store`], past the caches where `to` is aligned to the register; a plain store elsewhere.
    /// The writer must call [`Lanes::fence`] before anyone else reads.
    fn stream(self, to: &mut [Self::Elem]) {
        self.store(to);
    }
    /// Makes streamed stores visible to other threads.
    fn fence() {}

    /// `self * factor + addend`, rounded once where [`Lanes::FUSED`].
    fn mul_add(self, factor: Self, addend: Self) -> Self;
    /// The smaller; `other` when either is NaN.
    fn min(self, other: Self) -> Self;
    /// The larger; `other` when either is NaN.
    fn max(self, other: Self) -> Self;
    /// Without the sign bit.
    fn abs(self) -> Self;
    /// Correctly rounded square root.
    fn sqrt(self) -> Self;
    /// The nearest integer, ties to even.
    fn round(self) -> Self;
    /// The largest integer that is not above.
    fn floor(self) -> Self;

    /// `self < other`.
    fn lt(self, other: Self) -> Self::Mask;
    /// `self <= other`.
    fn le(self, other: Self) -> Self::Mask;
    /// `self == other`.
    fn eq(self, other: Self) -> Self::Mask;
    /// `self > other`.
    #[inline(always)]
    fn gt(self, other: Self) -> Self::Mask {
        other.lt(self)
    }
    /// `self >= other`.
    #[inline(always)]
    fn ge(self, other: Self) -> Self::Mask {
        other.le(self)
    }
    /// Which lanes are NaN.
    #[inline(always)]
    fn is_nan(self) -> Self::Mask {
        !self.eq(self)
    }
    /// `mask ? a : b`, lane by lane.
    fn select(mask: Self::Mask, a: Self, b: Self) -> Self;

    /// Bitwise and.
    fn bit_and(self, other: Self) -> Self;
    /// Bitwise or.
    fn bit_or(self, other: Self) -> Self;
    /// Bitwise exclusive or.
    fn bit_xor(self, other: Self) -> Self;
    /// `2^n` for integral lanes `n` of a normal power (f32: −126..=127, f64: −1022..=1023).
    fn pow2(n: Self) -> Self;
    /// `self * 2^n` for integral lanes `n`, rounded once: for normal lanes, and `n` of at most twice the range of
    /// [`Lanes::pow2`].
    #[inline(always)]
    fn scale(self, n: Self) -> Self {
        // The first product is exact, so that a result below the normal numbers is rounded once.
        let half = (n * Self::splat(Self::Elem::from_f64(0.5))).round();
        self * Self::pow2(half) * Self::pow2(n - half)
    }
    /// The exponent of positive normal lanes: `e` with `2^e <= x < 2^(e+1)`, as a number.
    fn exponent(self) -> Self;
    /// The lanes with their exponent replaced by 0, sign kept: in ±[1, 2). For normal lanes.
    fn mantissa(self) -> Self;

    /// The lanes of both in turn, `self` first: the first and the second half of the 2·`N` numbers.
    #[inline(always)]
    fn zip(self, other: Self) -> (Self, Self) {
        let (a, b) = (self.to_array(), other.to_array());
        let mut both = [Self::Elem::ZERO; 2 * MAX_LANES];
        for i in 0..Self::N {
            (both[2 * i], both[2 * i + 1]) = (a[i], b[i]);
        }
        (Self::load(&both), Self::load(&both[Self::N..]))
    }

    /// The sum of the lanes, halves added to halves.
    fn reduce_add(self) -> Self::Elem;

    /// The lanes as numbers; only the first `N` of the result are used.
    #[inline(always)]
    fn to_array(self) -> [Self::Elem; MAX_LANES] {
        let mut lanes = [Self::Elem::ZERO; MAX_LANES];
        self.store(&mut lanes);
        lanes
    }
    /// A scalar function lane by lane: for the rare path only.
    #[inline(always)]
    fn map_lanes(self, f: impl Fn(Self::Elem) -> Self::Elem) -> Self {
        let mut lanes = self.to_array();
        for lane in &mut lanes[..Self::N] {
            *lane = f(*lane);
        }
        Self::load(&lanes)
    }
    /// All of `from` (at most `N` numbers), the other lanes `fill`.
    ///
    /// # Panics
    /// If `from` is longer than `N`.
    #[inline(always)]
    fn load_padded(from: &[Self::Elem], fill: Self::Elem) -> Self {
        let mut lanes = [fill; MAX_LANES];
        lanes[..from.len()].copy_from_slice(from);
        Self::load(&lanes)
    }
    /// Fills `to` (at most `N` numbers) with the first lanes.
    ///
    /// # Panics
    /// If `to` is longer than `N`.
    #[inline(always)]
    fn store_prefix(self, to: &mut [Self::Elem]) {
        to.copy_from_slice(&self.to_array()[..to.len()]);
    }
    /// The sign of `sign` on the magnitude of `self`.
    #[inline(always)]
    fn copysign(self, sign: Self) -> Self {
        let minus = Self::splat(-Self::Elem::ZERO);
        self.abs().bit_or(sign.bit_and(minus))
    }
    /// Zero in every lane.
    #[inline(always)]
    fn zero() -> Self {
        Self::splat(Self::Elem::ZERO)
    }
    /// One in every lane.
    #[inline(always)]
    fn one() -> Self {
        Self::splat(Self::Elem::ONE)
    }
}

/// The most lanes any level has.
pub const MAX_LANES: usize = 16;

/// One truth value per lane.
pub trait Mask: Copy + BitAnd<Output = Self> + BitOr<Output = Self> + Not<Output = Self> {
    /// Whether any lane is true.
    fn any(self) -> bool;
    /// Whether all lanes are true.
    fn all(self) -> bool;
    /// Lane `i` as bit `i`, the bits after the last lane 0.
    fn to_bits(self) -> u64;
    /// Bit `i` as lane `i`; bits after the last lane are not looked at.
    fn from_bits(bits: u64) -> Self;
}

/// Checks the length once, so that the access behind it is in bounds.
#[inline(always)]
pub fn check_length(length: usize, lanes: usize) {
    assert!(length >= lanes, "a register of {lanes} numbers needs as many, got {length}");
}

/// Transposes the first `N` registers: lane `j` of register `i` becomes lane `i` of register `j`.
#[inline(always)]
pub fn transpose<L: Lanes>(rows: [L; MAX_LANES]) -> [L; MAX_LANES] {
    // One zip of row r with row r + N/2 moves the top bit of each number's place (row, lane) to the bottom; as many of them as a row
    // number has bits make the row the lane.
    let mut from = rows;
    let mut done = 1;
    while done < L::N {
        let mut to = from;
        for r in 0..L::N / 2 {
            (to[2 * r], to[2 * r + 1]) = from[r].zip(from[r + L::N / 2]);
        }
        from = to;
        done *= 2;
    }
    from
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::{self, Kernel};
    use crate::testing::at_every_level;

    struct Transpose;

    impl<T: Float> Kernel<T> for Transpose {
        type Output = ();
        fn run<L: Lanes<Elem = T>>(self) {
            let number = |i: usize, j: usize| T::from_f64((100 * i + j) as f64);
            let mut rows = [L::zero(); MAX_LANES];
            for (i, row) in rows[..L::N].iter_mut().enumerate() {
                let numbers: Vec<T> = (0..L::N).map(|j| number(i, j)).collect();
                *row = L::load(&numbers);
            }
            for (i, row) in transpose(rows)[..L::N].iter().enumerate() {
                for (j, &lane) in row.to_array()[..L::N].iter().enumerate() {
                    assert_eq!(lane, number(j, i), "lane {j} of register {i}");
                }
            }
        }
    }

    struct Prefix;

    impl<T: Float> Kernel<T> for Prefix {
        type Output = ();
        fn run<L: Lanes<Elem = T>>(self) {
            let numbers: Vec<T> = (1..=L::N).map(|i| T::from_f64(i as f64)).collect();
            for count in 0..=L::N {
                let lanes = L::load_padded(&numbers[..count], T::from_f64(-7.0));
                let mut to = vec![T::ZERO; count];
                lanes.store_prefix(&mut to);
                assert_eq!(to, numbers[..count]);
                assert!(lanes.to_array()[count..L::N].iter().all(|lane| lane.to_f64() == -7.0));
            }
        }
    }

    #[test]
    fn transposing_swaps_lanes_and_registers() {
        at_every_level(|_| {
            level::run::<f32, _>(Transpose);
            level::run::<f64, _>(Transpose);
        });
    }

    #[test]
    fn prefixes_are_read_and_written_and_nothing_else() {
        at_every_level(|_| {
            level::run::<f32, _>(Prefix);
            level::run::<f64, _>(Prefix);
        });
    }
}
