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
    #[module(pytorch(name = "weight", vector))]
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

    /// candle 1406, 1407: one slope a channel went to the wrong axis. Features are last; channels in front say `[C, 1, 1]`.
    #[test]
    fn peer_bug_r31() {
        let tape = Tape::inference();
        let slopes = Tensor::from([1.0, 2.0, 3.0]);
        let last = PRelu::with_alpha(slopes.clone()).unwrap().forward(tape.input(Tensor::full([2, 4, 5, 3], -1.0)));
        assert_eq!(last.to_vec(), [-1.0, -2.0, -3.0].repeat(40));
        let front = PRelu::with_alpha(slopes.reshape([3, 1, 1])).unwrap();
        let front = front.forward(tape.input(Tensor::full([2, 3, 4, 5], -1.0)));
        assert_eq!(front.to_vec(), [vec![-1.0; 20], vec![-2.0; 20], vec![-3.0; 20]].concat().repeat(2));
        let wrong = std::panic::catch_unwind(|| {
            PRelu::with_alpha(Tensor::from([1.0, 2.0, 3.0]))
                .unwrap()
                .forward(Tape::inference().input(Tensor::zeros([2, 3, 4, 5])))
        });
        let text = wrong.map(|_| ()).unwrap_err().downcast::<String>().unwrap();
        assert!(text.starts_with("prelu: shapes [2, 3, 4, 5] and [3] do not fit"), "{text}");
    }

    /// Keras 4851: slopes shared over both axes of an image, one for each of F features.
    #[test]
    fn peer_bug_r41() {
        let act = PRelu::per_feature(6);
        assert_eq!(act.num_parameters(), 6);
        let tape = Tape::training(0);
        let grads = act.forward(tape.input(Tensor::full([2, 3, 4, 6], -1.0))).sum().backward();
        assert_eq!((&grads[act.alpha()].shape()[..], grads[act.alpha()].to_vec()), (&[6][..], vec![-24.0; 6]));
        assert_eq!(PRelu::per_element([3, 4, 6]).num_parameters(), 72);
    }

    /// TensorFlow 47017: a slope that is missing or NaN made every output NaN.
    #[test]
    fn peer_bug_r45() {
        for slope in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let text = PRelu::with_alpha(Tensor::from([slope])).unwrap_err().to_string();
            assert!(text.starts_with("PRelu: α is ") && text.ends_with("slopes must be finite"), "{text}");
            let text = crate::LeakyRelu::try_new(slope.into()).unwrap_err().to_string();
            assert!(text.starts_with("LeakyRelu: the slope is ") && text.ends_with("it must be finite"), "{text}");
        }
        assert!(std::panic::catch_unwind(|| crate::LeakyRelu::new(f64::NAN)).is_err());
        assert!(std::panic::catch_unwind(|| PRelu::shared().starting_at(f32::NAN)).is_err());
    }
}
