//! PReLU: y = x where x > 0, else α·x, with α learned (He, Zhang, Ren, Sun 2015).
//!
//! α starts at 0.25 and is of [`Group::Slope`]: optimisers do not decay it unless asked, because decay pulls it towards 0.

use crate::error::{expect, setting};
use crate::{Layer, Module, Result};
use tape::{Float, Group, Param, Rectifier, Shape, Tape, Tensor, Var};

/// A rectifier that learns its slope below 0.
///
/// ```
/// use nn::prelude::*;
/// let act = PRelu::per_feature(3);
/// let y = act.forward(Tape::inference().input(Tensor::from([[-4.0, 0.0, 2.0]])));
/// assert_eq!(y.to_vec(), [-1.0, 0.0, 2.0]);
/// ```
#[derive(Clone, Debug, Module)]
pub struct PRelu<T: Float = f32> {
    alpha: Param<T>,
}

/// The slope He et al. start with.
const START: f32 = 0.25;

impl PRelu {
    /// One slope for everything.
    pub fn shared() -> PRelu {
        PRelu::with_shape([1])
    }

    /// One slope for each feature: each index of the last axis.
    pub fn per_feature(features: usize) -> PRelu {
        PRelu::with_shape([features])
    }

    /// One slope for each element of an example: `shape` is the input's without the batch axis.
    pub fn per_element(shape: impl Into<Shape>) -> PRelu {
        PRelu::with_shape(shape)
    }

    /// Slopes in any shape that broadcasts to the input's: `[H, 1, 1]` for one a row of an image.
    pub fn with_shape(shape: impl Into<Shape>) -> PRelu {
        expect(PRelu::with_alpha(Tensor::full(shape, START)))
    }

    /// With these slopes.
    ///
    /// # Errors
    /// If one of them is NaN or infinite.
    pub fn with_alpha(alpha: Tensor) -> Result<PRelu> {
        match alpha.to_vec().iter().position(|alpha| !alpha.is_finite()) {
            Some(at) => setting("PRelu", format!("α is {} at element {at}; slopes must be finite", alpha.to_vec()[at])),
            None => Ok(PRelu { alpha: Param::new(alpha, Group::Slope) }),
        }
    }

    /// All slopes start here instead of at 0.25.
    ///
    /// # Panics
    /// If the slope is NaN or infinite; [`PRelu::with_alpha`] returns the error.
    #[must_use]
    #[track_caller]
    pub fn starting_at(self, alpha: f32) -> PRelu {
        expect(PRelu::with_alpha(Tensor::full(*self.alpha.value().shape(), alpha)))
    }
}

impl<T: Float> PRelu<T> {
    /// α.
    pub fn alpha(&self) -> &Param<T> {
        &self.alpha
    }

    /// α, to be changed.
    pub fn alpha_mut(&mut self) -> &mut Param<T> {
        &mut self.alpha
    }
}

impl<T: Float> Layer<T> for PRelu<T> {
    /// # Panics
    /// If α does not broadcast to x.
    #[track_caller]
    fn forward(&self, x: Var<T>) -> Var<T> {
        let alpha = x.tape().param(&self.alpha);
        x.prelu(alpha)
    }

    fn rectifier(&self, tape: &Tape<T>) -> Option<Rectifier<T>> {
        Some(Rectifier::PRelu(tape.param(&self.alpha)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sharing_starts_at_a_quarter() {
        for (act, shape) in [
            (PRelu::shared(), &[1][..]),
            (PRelu::per_feature(3), &[3]),
            (PRelu::per_element([2, 3]), &[2, 3]),
            (PRelu::with_shape([2, 1]), &[2, 1]),
        ] {
            assert_eq!(act.alpha().value().shape(), shape);
            assert_eq!(act.alpha().group(), Group::Slope);
            let y = act.forward(Tape::inference().input(Tensor::full([5, 2, 3], -2.0)));
            assert!(y.to_vec().iter().all(|&y| y == -0.5));
        }
    }

    #[test]
    fn a_slope_that_is_not_finite_is_refused() {
        let error = PRelu::with_alpha(Tensor::from([0.25, f32::NAN])).unwrap_err();
        assert_eq!(error.to_string(), "PRelu: α is NaN at element 1; slopes must be finite");
    }

    #[test]
    #[should_panic(expected = "prelu: shapes [5, 64] and [32] do not fit")]
    fn sizes_that_do_not_fit_are_named() {
        PRelu::per_feature(32).forward(Tape::inference().input(Tensor::zeros([5, 64])));
    }
}
