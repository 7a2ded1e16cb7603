//! Softmax cross-entropy with settings.

use super::Reduction;
use super::checks::{Rows, target, weigh};
use crate::Result;
use crate::error::setting;
use tape::{CrossEntropyOptions, Float, Operand, Tensor, Var};

/// Softmax cross-entropy of logits `[.., classes]`: of a row −ln p(label), or −Σ t·ln p for a soft target t; p is the softmax.
///
/// With class weights w and label smoothing ε (Szegedy et al. 2016) a row's loss is −(1 − ε)·w(label)·ln p(label) − ε/C · Σ w·ln p, and the
/// mean divides by Σ w(label) over the rows that count, as PyTorch's. Where that is 0 the mean is 0 with zero gradients.
///
/// ```
/// use nn::loss::{CrossEntropy, Reduction};
/// use tape::{Tape, Tensor};
/// let logits = Tape::inference().input(Tensor::from([[0.0, 0.0], [1000.0, 0.0]]));
/// let each = CrossEntropy::new().reduction(Reduction::None);
/// assert_eq!(each.forward(logits.clone(), &Tensor::from([0, 1]))?.to_vec(), [2f32.ln(), 1000.0]);
/// assert_eq!(each.forward_soft(logits, Tensor::from([[0.5, 0.5], [0.75, 0.25]]))?.to_vec(), [2f32.ln(), 250.0]);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct CrossEntropy {
    weights: Option<Tensor<f64>>,
    smoothing: f64,
    ignore: Option<i64>,
    reduction: Reduction,
}

const NAME: &str = "CrossEntropy";

impl CrossEntropy {
    /// The mean over the rows, without weights, smoothing or ignored labels.
    pub fn new() -> CrossEntropy {
        CrossEntropy::default()
    }

    /// A weight for each class, `[classes]`: a row counts as its label's.
    #[must_use]
    pub fn weights<W: Float>(mut self, weights: &Tensor<W>) -> CrossEntropy {
        self.weights = Some(weights.cast());
        self
    }

    /// The part of the target that is spread over all classes, from 0 to 1.
    #[must_use]
    pub fn label_smoothing(mut self, epsilon: f64) -> CrossEntropy {
        self.smoothing = epsilon;
        self
    }

    /// Rows with this label do not count, whatever their logits.
    #[must_use]
    pub fn ignore_index(mut self, label: i64) -> CrossEntropy {
        self.ignore = Some(label);
        self
    }

    /// Mean, sum, or one loss for each row.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> CrossEntropy {
        self.reduction = reduction;
        self
    }

    /// The loss of logits `[.., classes]` against labels `[..]`.
    ///
    /// # Errors
    /// If the shapes do not fit, if a label is no class (the error names label, index and classes), or if a setting makes no sense.
    #[track_caller]
    pub fn forward<T: Float>(&self, logits: Var<T>, labels: &Tensor<i64>) -> Result<Var<T>> {
        self.check_smoothing()?;
        let rows = Rows::<T>::new(NAME, logits.shape(), labels, self.ignore, self.weights.as_ref())?;
        if self.weights.is_none() && self.reduction != Reduction::None {
            let options = CrossEntropyOptions { ignore_index: self.ignore, label_smoothing: self.smoothing };
            let mean = logits.cross_entropy_with(labels, options);
            return Ok(if self.reduction == Reduction::Sum { mean * rows.total } else { mean });
        }
        let each = self.each(&rows, logits);
        Ok(match self.reduction {
            Reduction::Mean => each.sum() * if rows.total > 0.0 { 1.0 / rows.total } else { 0.0 },
            Reduction::Sum => each.sum(),
            Reduction::None => each,
        })
    }

    /// The loss of each row; 0 where it does not count.
    #[track_caller]
    fn each<T: Float>(&self, rows: &Rows<T>, logits: Var<T>) -> Var<T> {
        let classes = logits.shape()[logits.rank() - 1];
        let tape = logits.tape().clone();
        let logs = rows.without_ignored(logits).log_softmax(-1);
        let weights = tape.input(rows.weights.clone() * (self.smoothing - 1.0));
        let hard = weigh(&weights, rows.at_labels(logs.clone()));
        if self.smoothing == 0.0 {
            return hard;
        }
        let all = match &rows.of_classes {
            Some(weights) => weigh(&tape.input(weights.clone()), logs),
            None => logs,
        };
        hard - all.sum_axes(-1) * rows.counted() * (self.smoothing / classes as f64)
    }

    /// The loss of logits against a distribution for each row, both `[.., classes]`; the target may be a variable. Its smoothing is
    /// (1 − ε)·t + ε/C, and the mean divides by the number of rows, as PyTorch's. Where t is 0, logits of −∞ cost nothing.
    ///
    /// # Errors
    /// If the shapes differ, if there is an ignored label (a distribution has none), or if a setting makes no sense.
    #[track_caller]
    pub fn forward_soft<T: Float>(&self, logits: Var<T>, target: impl Operand<T>) -> Result<Var<T>> {
        self.check_smoothing()?;
        let mut target = self::target(NAME, &logits, target)?;
        let Some(&classes) = logits.shape().last() else {
            return setting(NAME, "a single number has no classes: logits are [.., classes]");
        };
        if let Some(label) = self.ignore {
            return setting(NAME, format!("{label} is to be ignored, and soft targets have no labels"));
        }
        if self.smoothing > 0.0 {
            target = target * (1.0 - self.smoothing) + self.smoothing / classes as f64;
        }
        if let Some(weights) = &self.weights {
            // No rows: only the weights are looked at.
            let none = Tensor::from(Vec::<i64>::new());
            let checked = Rows::<T>::new(NAME, &[0, classes].into(), &none, None, Some(weights))?;
            target = target * checked.of_classes.expect("weights were given");
        }
        let rows = logits.len() / classes.max(1);
        let each = -weigh(&target, logits.log_softmax(-1)).sum_axes(-1);
        Ok(match self.reduction {
            Reduction::Mean => each.sum() / rows.max(1),
            other => other.of(each),
        })
    }

    fn check_smoothing(&self) -> Result<()> {
        if (0.0..=1.0).contains(&self.smoothing) {
            return Ok(());
        }
        setting(NAME, format!("label_smoothing is {}; it goes from 0 to 1", self.smoothing))
    }
}
