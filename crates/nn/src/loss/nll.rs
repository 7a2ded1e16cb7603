//! Negative log-likelihood of labels.

use super::Reduction;
use super::checks::{Rows, weigh};
use crate::Result;
use tape::{Float, Tensor, Var};

/// Negative log-likelihood of log-probabilities `[.., classes]` (as `log_softmax` gives them): of a row −w(label)·x(label). The mean divides by
/// Σ w(label) over the rows that count, as PyTorch's; where that is 0 it is 0 with zero gradients.
///
/// ```
/// use nn::loss::Nll;
/// use tape::{Tape, Tensor};
/// let logs = Tape::inference().input(Tensor::from([[-1.0, -2.0], [-3.0, -4.0]]));
/// assert_eq!(Nll::new().forward(logs, &Tensor::from([1, 0]))?.item(), 2.5);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Nll {
    weights: Option<Tensor<f64>>,
    ignore: Option<i64>,
    reduction: Reduction,
}

impl Nll {
    /// The mean over the rows, without weights or ignored labels.
    pub fn new() -> Nll {
        Nll::default()
    }

    /// A weight for each class, `[classes]`.
    #[must_use]
    pub fn weights<W: Float>(mut self, weights: &Tensor<W>) -> Nll {
        self.weights = Some(weights.cast());
        self
    }

    /// Rows with this label do not count, whatever stands in them.
    #[must_use]
    pub fn ignore_index(mut self, label: i64) -> Nll {
        self.ignore = Some(label);
        self
    }

    /// Mean, sum, or one loss for each row.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> Nll {
        self.reduction = reduction;
        self
    }

    /// The loss of log-probabilities `[.., classes]` against labels `[..]`.
    ///
    /// # Errors
    /// If the shapes do not fit, if a label is no class, or if there is not one weight, finite and at least 0, for each class.
    #[track_caller]
    pub fn forward<T: Float>(&self, logs: Var<T>, labels: &Tensor<i64>) -> Result<Var<T>> {
        let rows = Rows::<T>::new("Nll", logs.shape(), labels, self.ignore, self.weights.as_ref())?;
        let weights = logs.tape().input(-rows.weights.clone());
        let each = weigh(&weights, rows.at_labels(rows.without_ignored(logs)));
        Ok(match self.reduction {
            Reduction::Mean => each.sum() * if rows.total > 0.0 { 1.0 / rows.total } else { 0.0 },
            other => other.of(each),
        })
    }
}
