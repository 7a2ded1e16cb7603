//! Whether gradients can be stepped on.

use crate::Float;
use crate::lanes::{Lanes, Mask as _};
use crate::level::{self, Kernel};
use crate::parallel::{self, Grain};

/// The first number that is NaN or infinite, as (tensor, element); None if all are finite.
///
/// ```
/// assert_eq!(kernels::is_finite_all(&[&[1.0f32, 2.0][..], &[3.0, f32::NAN][..]]), Some((1, 1)));
/// ```
pub fn is_finite_all<T: Float>(tensors: &[&[T]]) -> Option<(usize, usize)> {
    tensors.iter().enumerate().find_map(|(tensor, numbers)| {
        let all = parallel::fold(*numbers, Grain::elements(1), |_, part| level::run(Finite(part)), |a, b| a && b);
        if all {
            return None;
        }
        numbers.iter().position(|number| !number.is_finite()).map(|element| (tensor, element))
    })
}

/// Whether all numbers are finite.
struct Finite<'a, T>(&'a [T]);

impl<T: Float> Kernel<T> for Finite<'_, T> {
    type Output = bool;

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) -> bool {
        // 0·x is 0 for finite numbers and NaN for others, and NaN stays in the sum.
        let mut sum = L::zero();
        let mut chunks = self.0.chunks_exact(L::N);
        for x in &mut chunks {
            let x = L::load(x);
            sum = sum + x * L::zero();
        }
        let rest = L::load_padded(chunks.remainder(), T::ZERO);
        (sum + rest * L::zero()).eq(L::zero()).all()
    }
}
