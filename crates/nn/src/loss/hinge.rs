//! Hinge losses: what is right by a margin costs nothing.

use super::Reduction;
use super::checks::{Rows, at_least_0, signs};
use crate::Result;
use crate::error::{misfit, setting};
use tape::{Float, Tensor, Var};

/// max(0, m − y·x) of scores x and labels y of −1 or 1, of any shape: support vector machines (Cortes, Vapnik 1995). The derivative at the kink is 0.
///
/// ```
/// use nn::loss::{Hinge, Reduction};
/// use tape::{Tape, Tensor};
/// let scores = Tape::inference().input(Tensor::from([2.0, 0.5, 0.5]));
/// let each = Hinge::new().reduction(Reduction::None).forward(scores, &Tensor::from([1i64, 1, -1]))?;
/// assert_eq!(each.to_vec(), [0.0, 0.5, 1.5]);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Hinge {
    margin: f64,
    is_squared: bool,
    reduction: Reduction,
}

impl Default for Hinge {
    fn default() -> Hinge {
        Hinge { margin: 1.0, is_squared: false, reduction: Reduction::Mean }
    }
}

impl Hinge {
    /// The mean over the elements, with margin 1.
    pub fn new() -> Hinge {
        Hinge::default()
    }

    /// Another margin.
    #[must_use]
    pub fn margin(mut self, margin: f64) -> Hinge {
        self.margin = margin;
        self
    }

    /// The square of each loss: smooth at the margin.
    #[must_use]
    pub fn squared(mut self) -> Hinge {
        self.is_squared = true;
        self
    }

    /// Mean, sum, or one loss for each element.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> Hinge {
        self.reduction = reduction;
        self
    }

    /// The loss of scores against labels of the same shape.
    ///
    /// # Errors
    /// If the shapes differ, if a label is neither −1 nor 1, or if the margin is below 0 or not finite.
    #[track_caller]
    pub fn forward<T: Float>(&self, scores: Var<T>, labels: &Tensor<i64>) -> Result<Var<T>> {
        at_least_0("Hinge", "the margin", self.margin)?;
        if scores.shape() != labels.shape() {
            return misfit("Hinge", scores.shape(), labels.shape(), "scores and labels have the same shape");
        }
        let each = (self.margin - scores * signs("Hinge", labels)?).relu();
        Ok(self.reduction.of(if self.is_squared { each.square() } else { each }))
    }
}

/// The hinge of many classes: of a row Σ w(label)·max(0, m − x(label) + x(i)) over the other classes i, divided by the number of classes, as
/// PyTorch's `MultiMarginLoss` (Weston, Watkins 1999). Weights do not enter what the mean divides by, as there.
///
/// ```
/// use nn::loss::MultiMargin;
/// use tape::{Tape, Tensor};
/// let scores = Tape::inference().input(Tensor::from([[3.0, 1.0, 2.5]]));
/// assert_eq!(MultiMargin::new().forward(scores, &Tensor::from([0]))?.item(), 0.5 / 3.0);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct MultiMargin {
    margin: f64,
    is_squared: bool,
    weights: Option<Tensor<f64>>,
    reduction: Reduction,
}

impl Default for MultiMargin {
    fn default() -> MultiMargin {
        MultiMargin { margin: 1.0, is_squared: false, weights: None, reduction: Reduction::Mean }
    }
}

impl MultiMargin {
    /// The mean over the rows, with margin 1.
    pub fn new() -> MultiMargin {
        MultiMargin::default()
    }

    /// Another margin.
    #[must_use]
    pub fn margin(mut self, margin: f64) -> MultiMargin {
        self.margin = margin;
        self
    }

    /// The square of each class's part: PyTorch's `p=2`.
    #[must_use]
    pub fn squared(mut self) -> MultiMargin {
        self.is_squared = true;
        self
    }

    /// A weight for each class, `[classes]`.
    #[must_use]
    pub fn weights<W: Float>(mut self, weights: &Tensor<W>) -> MultiMargin {
        self.weights = Some(weights.cast());
        self
    }

    /// Mean, sum, or one loss for each row.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> MultiMargin {
        self.reduction = reduction;
        self
    }

    /// The loss of scores `[.., classes]` against labels `[..]`.
    ///
    /// # Errors
    /// If the shapes do not fit, if a label is no class, if there are no classes, or if a setting makes no sense.
    #[track_caller]
    pub fn forward<T: Float>(&self, scores: Var<T>, labels: &Tensor<i64>) -> Result<Var<T>> {
        const NAME: &str = "MultiMargin";
        at_least_0(NAME, "the margin", self.margin)?;
        let rows = Rows::<T>::new(NAME, scores.shape(), labels, None, self.weights.as_ref())?;
        let classes = scores.shape()[scores.rank() - 1];
        if classes == 0 {
            return setting(NAME, "there are no classes; one is the least");
        }
        let right = rows.at_labels(scores.clone()).unsqueeze(-1);
        let parts = (scores - right + self.margin).masked_fill(&rows.one_hot(classes), 0).relu();
        let parts = if self.is_squared { parts.square() } else { parts };
        Ok(self.reduction.of(parts.sum_axes(-1) * rows.weights / classes))
    }
}
