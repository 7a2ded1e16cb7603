//! Random numbers from an explicit seed.

use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

/// A random generator (xoshiro256++): the same seed gives the same numbers on every machine.
///
/// ```
/// let mut rng = tape::Rng::seed(7);
/// assert_ne!(rng.next_u64(), rng.next_u64());
/// assert_eq!(tape::Rng::seed(7).next_u64(), tape::Rng::seed(7).next_u64());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Rng(Xoshiro256PlusPlus);

impl Rng {
    /// A generator from a seed.
    pub fn seed(seed: u64) -> Rng {
        Rng(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// Where the generator stands; [`Rng::from_state`] goes on from there.
    ///
    /// ```
    /// let mut rng = tape::Rng::seed(7);
    /// rng.next_u64();
    /// let mut again = tape::Rng::from_state(rng.state()).unwrap();
    /// assert_eq!(again.next_u64(), rng.next_u64());
    /// ```
    pub fn state(&self) -> [u8; 32] {
        self.0.state()
    }

    /// A generator that stands where another stood; None for zeros alone, where no generator can be.
    pub fn from_state(state: [u8; 32]) -> Option<Rng> {
        (state != [0; 32]).then(|| Rng(Xoshiro256PlusPlus::from_seed(state)))
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in [0, 1).
    pub fn uniform(&mut self) -> f64 {
        self.0.random()
    }

    /// Standard normal.
    pub fn normal(&mut self) -> f64 {
        self.0.sample(rand_distr::StandardNormal)
    }

    /// Uniform in 0..bound.
    ///
    /// # Panics
    /// If `bound` is 0.
    #[track_caller]
    pub fn below(&mut self, bound: usize) -> usize {
        assert!(bound > 0, "Rng::below: there is no number below 0");
        self.0.random_range(0..bound)
    }

    /// The elements in random order.
    pub fn shuffle<E>(&mut self, elements: &mut [E]) {
        for last in (1..elements.len()).rev() {
            elements.swap(last, self.below(last + 1));
        }
    }
}

/// A number that depends on both, well mixed (splitmix64).
pub(crate) fn mix(seed: u64, number: u64) -> u64 {
    let mut z = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
