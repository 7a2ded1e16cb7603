//! Negative log-likelihood of a normal law whose variance is predicted too.

use super::Reduction;
use super::checks::{above_0, target};
use crate::Result;
use crate::error::{misfit, setting};
use tape::{Float, Operand, Var};

/// Negative log-likelihood of targets t under normal laws with predicted means μ and variances v: (ln v + (μ − t)²/v)/2, and ln(2π)/2 more if full
/// (Nix, Weigend 1994).
///
/// As PyTorch's, variances below ε count as ε, and their derivative is the one at ε, so that it leads out of there.
///
/// ```
/// use nn::loss::GaussianNll;
/// use tape::{Tape, Tensor};
/// let tape = Tape::inference();
/// let (mean, variance) = (tape.input(Tensor::from([1.0, 1.0])), tape.input(Tensor::from([1.0, 4.0])));
/// let loss = GaussianNll::new().forward(mean, variance, Tensor::from([3.0, 3.0]))?;
/// assert_eq!(loss.item(), (2.0 + (4f32.ln() + 1.0) / 2.0) / 2.0);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct GaussianNll {
    is_full: bool,
    epsilon: f64,
    reduction: Reduction,
}

impl Default for GaussianNll {
    fn default() -> GaussianNll {
        GaussianNll { is_full: false, epsilon: 1e-6, reduction: Reduction::Mean }
    }
}

const NAME: &str = "GaussianNll";

impl GaussianNll {
    /// The mean over the elements, with ε = 1e-6 and without the constant.
    pub fn new() -> GaussianNll {
        GaussianNll::default()
    }

    /// With the constant ln(2π)/2.
    #[must_use]
    pub fn full(mut self) -> GaussianNll {
        self.is_full = true;
        self
    }

    /// The least variance.
    #[must_use]
    pub fn epsilon(mut self, epsilon: f64) -> GaussianNll {
        self.epsilon = epsilon;
        self
    }

    /// Mean, sum, or one loss for each element.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> GaussianNll {
        self.reduction = reduction;
        self
    }

    /// The loss of means and variances against targets. The variance has the mean's shape, or size 1 along the last axis.
    ///
    /// # Errors
    /// If the shapes do not fit, if a variance is negative (its element is named), or if ε is not above 0 and finite.
    #[track_caller]
    pub fn forward<T: Float>(&self, mean: Var<T>, variance: Var<T>, target: impl Operand<T>) -> Result<Var<T>> {
        above_0(NAME, "ε", self.epsilon)?;
        let target = self::target(NAME, &mean, target)?;
        let (of_mean, of_variance) = (mean.shape(), variance.shape());
        let fits = of_mean == of_variance
            || of_variance
                .split_last()
                .is_some_and(|(last, rows)| *last == 1 && of_mean.split_last().is_some_and(|(_, means)| means == rows));
        if !fits {
            let hint = "the variance has the mean's shape, or size 1 along the last axis";
            return misfit(NAME, of_mean, of_variance, hint);
        }
        if let Some(at) = variance.value().iter().position(|v| v < T::ZERO) {
            let v = variance.to_vec()[at];
            return setting(NAME, format!("the variance at element {at} is {v}; softplus or exp keep it above 0"));
        }
        let variance = held_above(variance, self.epsilon);
        let each = (variance.clone().ln() + (mean - target).square() / variance) * 0.5;
        let constant = if self.is_full { (2.0 * std::f64::consts::PI).ln() / 2.0 } else { 0.0 };
        Ok(self.reduction.of(each + constant))
    }
}

/// The variance, ε where it is less, with the derivative 1 everywhere.
fn held_above<T: Float>(variance: Var<T>, epsilon: f64) -> Var<T> {
    let is_less = variance.value().lt(epsilon);
    if is_less.iter().all(|less| less == T::ZERO) {
        return variance;
    }
    // 0 · v has v's place on the tape; v itself where it is large enough.
    let lifted = (&variance - variance.clone().detach()) + epsilon;
    lifted.where_else(&is_less, variance)
}
