//! Kullback-Leibler divergence.

use super::Reduction;
use super::checks::{target, weigh};
use crate::Result;
use crate::error::setting;
use tape::{Float, Operand, Var};

/// Kullback-Leibler divergence from target distributions t to predicted log-probabilities x, both `[.., classes]`: of a row Σ t·(ln t − x)
/// (Kullback, Leibler 1951). Where t is 0 nothing enters.
///
/// One number for each row, so the mean is PyTorch's `batchmean`; its `mean` divides by the number of elements, which is no divergence.
///
/// ```
/// use nn::loss::KlDiv;
/// use tape::{Tape, Tensor};
/// let logs = Tape::inference().input(Tensor::from([[0.5f32, 0.5]])).ln();
/// assert_eq!(KlDiv::new().forward(logs, Tensor::from([[1.0, 0.0]]))?.item(), 2f32.ln());
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct KlDiv {
    is_log: bool,
    reduction: Reduction,
}

impl KlDiv {
    /// The mean over the rows, of targets that are probabilities.
    pub fn new() -> KlDiv {
        KlDiv::default()
    }

    /// The targets are log-probabilities too.
    #[must_use]
    pub fn log_target(mut self) -> KlDiv {
        self.is_log = true;
        self
    }

    /// Mean, sum, or one number for each row.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> KlDiv {
        self.reduction = reduction;
        self
    }

    /// The divergence of log-probabilities (as `log_softmax` gives them) from the target.
    ///
    /// # Errors
    /// If the shapes differ, or if there is no axis of classes.
    #[track_caller]
    pub fn forward<T: Float>(&self, logs: Var<T>, target: impl Operand<T>) -> Result<Var<T>> {
        let target = self::target("KlDiv", &logs, target)?;
        if logs.rank() == 0 {
            return setting("KlDiv", "a single number has no classes: log-probabilities are [.., classes]");
        }
        let (target, entropy) = if self.is_log {
            let target_of = target.clone().exp();
            let entropy = weigh(&target_of, target);
            (target_of, entropy)
        } else {
            let is_0 = target.value().eq_elements(0);
            // Zeros see neither the logarithm nor its slope; t · 0 keeps their place on the tape.
            let entropy = target.clone().select(&is_0, |t| t * 0.0, |t| t.clone().ln() * t);
            (target, entropy)
        };
        Ok(self.reduction.of((entropy - weigh(&target, logs)).sum_axes(-1)))
    }
}
