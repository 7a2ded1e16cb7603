//! Normalisation: statistics per feature over rows (batch norm), per sample and group (group and instance norm), per row (layer and RMS
//! norm), and the affine map behind it, with a residual sum and a rectifier in the same pass.
//!
//! Batch norm, x `[rows, features]`: μ and σ² over all rows, s = √(σ² + ε), z = f((x − μ)·γ/s + β + r) with f none or a rectifier. The
//! statistics come from chunks of rows that stay in the cache: each chunk's mean, then squares about it; chunks are combined by Chan's
//! formula (Chan, Golub, LeVeque 1983), so nothing cancels and memory is read once.
//!
//! Backward, with g = dz, g' = g·f′, v = (x − μ)/s·γ: dβ = Σ g', dγ = Σ g'·v / γ, dr = g', dx = γ/s·(g' − dβ/m − v·dγ/(γ·m)) for m rows.
//! Where slopes are positive the input is not needed (Rota Bulò, Porzi, Kontschieder 2018): the value before the rectifier is
//! z > 0 ? z : z/α, and v is that less β and r. [`norm_output_is_enough`] says when that keeps its digits. 12 bytes per element forward,
//! 20 backward, in place.

mod backward;
mod columns;
mod forward;
mod group;
mod layer;
#[cfg(test)]
mod tests;

pub use backward::{BatchNormBackward, NormSeen, batch_norm_backward};
pub use forward::{batch_norm, moments};
pub(crate) use forward::{combine, keep, part_of};
pub use group::{GroupNorm, GroupNormBackward, group_norm, group_norm_backward};
pub use layer::{LayerNorm, LayerNormBackward, layer_norm, layer_norm_backward};

use crate::gemm::Rectifier;
use crate::pool::Buffer;
use crate::{Float, In1};

/// Which rectifier, for loops that are compiled for each.
const NONE: usize = 0;
const RELU: usize = 1;
const SLOPES: usize = 2;

fn kind<T>(rectifier: &Rectifier<'_, T>) -> usize {
    match rectifier {
        Rectifier::None => NONE,
        Rectifier::Relu => RELU,
        Rectifier::Leaky(_) | Rectifier::PRelu(_) => SLOPES,
    }
}

/// One slope for each feature.
#[track_caller]
fn slopes<T: Float>(rectifier: &Rectifier<'_, T>, features: usize) -> Buffer<T> {
    let mut slopes = Buffer::new(features);
    match *rectifier {
        Rectifier::None => slopes.fill(T::ONE),
        Rectifier::Relu => slopes.fill(T::ZERO),
        Rectifier::Leaky(slope) => slopes.fill(slope),
        Rectifier::PRelu([slope]) => slopes.fill(*slope),
        Rectifier::PRelu(alpha) => {
            assert_eq!(alpha.len(), features, "one slope, or one for each feature");
            slopes.copy_from_slice(alpha);
        }
    }
    slopes
}

/// Whether backward can do with the output of a norm with this affine map and this rectifier: every |γ| ≥ 2⁻⁸, |β| ≤ 2⁸·|γ|, slopes of at
/// least 2⁻¹⁰ ([`crate::output_is_enough`]); ReLU's is not. A residual must be at most 2⁸·|γ| too, which the forward pass tells.
pub fn norm_output_is_enough<T: Float>(weight: &[T], bias: &[T], rectifier: Rectifier<'_, T>) -> bool {
    let limit = 1.0 / 256.0;
    let affine = weight.iter().zip(bias).all(|(&weight, &bias)| {
        let (weight, bias) = (weight.to_f64().abs(), bias.to_f64().abs());
        weight >= limit && bias * limit <= weight
    });
    affine
        && match rectifier {
            Rectifier::None => true,
            Rectifier::Relu => false,
            Rectifier::Leaky(slope) => crate::output_is_enough(&[slope]),
            Rectifier::PRelu(alpha) => crate::output_is_enough(alpha),
        }
}

/// Numbers that are read and the place where results go: over them, or elsewhere.
struct Io<'a, T> {
    from: Option<&'a [T]>,
    to: &'a mut [T],
}

impl<'a, T> Io<'a, T> {
    fn new(io: In1<'a, T>) -> Self {
        match io {
            In1::From { x, y } => Io { from: Some(x), to: y },
            In1::Over { x } => Io { from: None, to: x },
        }
    }

    #[inline(always)]
    fn numbers(&self) -> &[T] {
        self.from.unwrap_or(self.to)
    }
}

impl<T: Send + Sync> crate::parallel::Split for Io<'_, T> {
    fn len(&self) -> usize {
        self.to.len()
    }
    fn split_at(self, at: usize) -> (Self, Self) {
        let (from, to) = (self.from.map(|from| from.split_at(at)), self.to.split_at_mut(at));
        (Io { from: from.map(|from| from.0), to: to.0 }, Io { from: from.map(|from| from.1), to: to.1 })
    }
}

/// What may not be there, beside rows of `width` numbers.
struct Maybe<'a, T>(Option<&'a mut [T]>, usize);

impl<T: Send> crate::parallel::Split for Maybe<'_, T> {
    fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |numbers| numbers.len() / self.1)
    }
    fn split_at(self, at: usize) -> (Self, Self) {
        let parts = self.0.map(|numbers| numbers.split_at_mut(at * self.1));
        let (head, tail) = parts.map_or((None, None), |(head, tail)| (Some(head), Some(tail)));
        (Maybe(head, self.1), Maybe(tail, self.1))
    }
}
