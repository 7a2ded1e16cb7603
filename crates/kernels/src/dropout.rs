//! Dropout: y = x/(1 − p) with probability 1 − p, else exactly 0, NaN and ±∞ included.
//!
//! The bits are a function of (seed, element) and nothing else: element i is kept where a 32-bit hash of its number,
//! keyed by the seed (spread by splitmix64), reaches p · 2³². So the mask is never stored: backward calls the same kernel on dy with the same
//! seed; and neither chunks nor threads nor the type of the numbers change it. The hash is two rounds of
//! xor-shift-multiply (the constants of Wellons' lowbias32) with half of the key before each; it is plain integer
//! arithmetic, which the compiler vectorises at every level. p is met to 2⁻³³. Srivastava et al. 2014.

use crate::level::{self, Kernel};
use crate::parallel::{self, Grain};
use crate::{Float, In1, lanes::Lanes};

/// A power of two, so that chunks never straddle a multiple of 2³².
const COST: usize = 2;

#[derive(Clone, Copy)]
struct Mask<T> {
    seed: u64,
    key: [u32; 2],
    /// Hashes from here on keep their element.
    threshold: u32,
    scale: T,
}

impl<T: Float> Mask<T> {
    /// The mask of a chunk that starts at element `offset`.
    fn at(self, offset: usize) -> Mask<T> {
        let key = mix(self.seed.wrapping_add((offset as u64 >> 32).wrapping_mul(GOLDEN)));
        let first = (key as u32).wrapping_add((offset as u32).wrapping_mul(STRIDE));
        Mask { key: [first, (key >> 32) as u32], ..self }
    }

    #[inline(always)]
    fn apply(self, i: usize, x: T) -> T {
        let scaled = x * self.scale;
        if hash(self.key, i as u32) >= self.threshold { scaled } else { T::ZERO }
    }
}

/// The step of splitmix64.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The finaliser of splitmix64: seeds that differ in one bit give unrelated keys.
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(GOLDEN);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// 2³² over the golden ratio: neighbours land far apart.
const STRIDE: u32 = 0x9E37_79B9;

#[inline(always)]
fn hash([first, second]: [u32; 2], i: u32) -> u32 {
    let mut h = i.wrapping_mul(STRIDE).wrapping_add(first);
    h = (h ^ (h >> 16)).wrapping_mul(0x7FEB_352D) ^ second;
    h = (h ^ (h >> 15)).wrapping_mul(0x846C_A68B);
    h ^ (h >> 16)
}

/// Drops every element with probability `p`, scales the others by 1/(1 − p).
///
/// ```
/// let mut y = [0.0f32; 4];
/// kernels::dropout(7, 1.0, kernels::In1::From { x: &[1.0, 2.0, f32::NAN, 4.0], y: &mut y });
/// assert_eq!(y, [0.0; 4]);
/// ```
///
/// # Panics
/// If `p` is not in [0, 1], or if argument and result differ in length.
#[track_caller]
pub fn dropout<T: Float>(seed: u64, p: f64, io: In1<'_, T>) {
    assert!((0.0..=1.0).contains(&p), "dropout: p must be in [0, 1], got {p}");
    let steps = (p * 4_294_967_296.0).round();
    if steps >= 4_294_967_296.0 {
        match io {
            In1::From { x, y } => {
                assert_eq!(x.len(), y.len(), "argument and result differ in length");
                y.fill(T::ZERO);
            }
            In1::Over { x } => x.fill(T::ZERO),
        }
        return;
    }
    let mask = Mask { seed, key: [0; 2], threshold: steps as u32, scale: T::from_f64(1.0 / (1.0 - p)) };
    let grain = Grain::elements(COST);
    match io {
        In1::From { x, y } => {
            assert_eq!(x.len(), y.len(), "argument and result differ in length");
            parallel::for_each((x, y), grain, |offset, (x, y)| level::run(From { mask: mask.at(offset), x, y }));
        }
        In1::Over { x } => {
            parallel::for_each(x, grain, |offset, x| level::run(Over { mask: mask.at(offset), x }));
        }
    }
}

struct From<'a, T> {
    mask: Mask<T>,
    x: &'a [T],
    y: &'a mut [T],
}

impl<T: Float> Kernel<T> for From<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        for (i, (x, y)) in self.x.iter().zip(self.y).enumerate() {
            *y = self.mask.apply(i, *x);
        }
    }
}

struct Over<'a, T> {
    mask: Mask<T>,
    x: &'a mut [T],
}

impl<T: Float> Kernel<T> for Over<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        for (i, x) in self.x.iter_mut().enumerate() {
            *x = self.mask.apply(i, *x);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{LENGTHS, at_every_level};

    fn dropped<T: Float>(seed: u64, p: f64, length: usize) -> Vec<T> {
        let mut x = vec![T::ONE; length];
        dropout(seed, p, In1::Over { x: &mut x });
        x
    }

    #[test]
    fn bits_depend_on_seed_and_element_only() {
        let whole = dropped::<f32>(9, 0.5, 100_000);
        at_every_level(|level| {
            for length in LENGTHS {
                assert_eq!(dropped::<f32>(9, 0.5, length), whole[..length], "{length} at {level}");
            }
            for threads in [1, 2, 3] {
                let y = crate::with_threads(threads, || dropped::<f32>(9, 0.5, 100_000));
                assert!(y == whole, "{threads} threads at {level}");
            }
        });
        let wide: Vec<f32> = dropped::<f64>(9, 0.5, 100_000).iter().map(|&y| y as f32).collect();
        assert!(wide == whole, "both types share the mask");
        let mut y = vec![7.0f32; 100_000];
        dropout(9, 0.5, In1::From { x: &vec![1.0; 100_000], y: &mut y });
        assert!(y == whole, "in place and out of place");
    }

    #[test]
    fn the_share_and_the_scale_are_right() {
        let length = 1 << 20;
        for p in [0.0, 0.1, 0.5, 0.9, 1.0] {
            let y = dropped::<f64>(3, p, length);
            let zeros = y.iter().filter(|&&y| y == 0.0).count() as f64;
            // Five standard deviations of a binomial count.
            let room = 5.0 * (length as f64 * p * (1.0 - p)).sqrt();
            assert!((zeros - p * length as f64).abs() <= room, "{zeros} zeros for p = {p}");
            assert!(y.iter().all(|&y| y == 0.0 || y == 1.0 / (1.0 - p)), "p = {p}");
        }
    }

    #[test]
    fn neighbours_and_seeds_are_independent() {
        let length = 1 << 18;
        let agree = |a: &[f32], b: &[f32]| a.iter().zip(b).filter(|(a, b)| a == b).count() as f64 / length as f64;
        let y = dropped::<f32>(1, 0.5, length + 64);
        for shift in [1, 2, 3, 16, 64] {
            assert!((agree(&y[..length], &y[shift..]) - 0.5).abs() < 0.005, "shift {shift}");
        }
        for seed in [0, 2, 3, 1 << 32, u64::MAX, 1 | 1 << 63] {
            assert!((agree(&y[..length], &dropped::<f32>(seed, 0.5, length)) - 0.5).abs() < 0.005, "seed {seed}");
        }
    }

    #[test]
    fn dropped_elements_are_zero_whatever_they_held() {
        for x in [f32::NAN, f32::INFINITY, -1.0] {
            let mut y = [x; 300];
            dropout(5, 0.5, In1::Over { x: &mut y });
            let zeros = y.iter().filter(|y| y.to_bits() == 0).count();
            assert!((100..200).contains(&zeros), "{zeros} of 300 for {x}");
        }
    }
}
