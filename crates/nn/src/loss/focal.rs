//! Focal loss.

use super::Reduction;
use super::checks::{Rows, at_least_0, target};
use crate::Result;
use crate::error::setting;
use tape::{Float, Operand, Tensor, Var};

/// Focal loss (Lin, Goyal, Girshick, He, Dollár 2017): −α(1 − p)^γ·ln p of the probability p that the network gives to the truth. What is
/// easy counts little, so that the many easy examples do not drown the few hard ones.
///
/// γ = 2 and α = 0.25 for positives (0.75 for negatives) are the paper's. ln(1 − p) is taken from the logits, not from p: values and gradients
/// hold for any logit.
///
/// ```
/// use nn::loss::{Focal, Reduction};
/// use tape::{Tape, Tensor};
/// let logits = Tape::inference().input(Tensor::from([0.0, 1000.0, -1000.0]));
/// let each = Focal::new(2.0).alpha(0.25).reduction(Reduction::None).forward(logits, Tensor::from([1.0, 1.0, 1.0]))?;
/// assert_eq!(each.to_vec(), [0.25 * 0.25 * 2f32.ln(), 0.0, 250.0]);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Focal {
    gamma: f64,
    alpha: Option<f64>,
    ignore: Option<i64>,
    reduction: Reduction,
}

const NAME: &str = "Focal";

impl Focal {
    /// With this γ, at least 0; 0 is cross-entropy. Positives and negatives count alike.
    pub fn new(gamma: f64) -> Focal {
        Focal { gamma, alpha: None, ignore: None, reduction: Reduction::Mean }
    }

    /// What positives count, from 0 to 1; negatives count 1 − α. Only for [`Focal::forward`].
    #[must_use]
    pub fn alpha(mut self, alpha: f64) -> Focal {
        self.alpha = Some(alpha);
        self
    }

    /// Rows with this label do not count. Only for [`Focal::forward_classes`].
    #[must_use]
    pub fn ignore_index(mut self, label: i64) -> Focal {
        self.ignore = Some(label);
        self
    }

    /// Mean, sum, or one loss for each element or row.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> Focal {
        self.reduction = reduction;
        self
    }

    /// The loss of logits against targets 0 or 1 of the same shape, each element a question of its own; p is the sigmoid.
    ///
    /// # Errors
    /// If the shapes differ, if a target is neither 0 nor 1, or if a setting makes no sense.
    #[track_caller]
    pub fn forward<T: Float>(&self, logits: Var<T>, target: impl Operand<T>) -> Result<Var<T>> {
        at_least_0(NAME, "γ", self.gamma)?;
        let target = self::target(NAME, &logits, target)?.into_value();
        if let Some(at) = target.iter().position(|t| t != T::ZERO && t != T::ONE) {
            return setting(NAME, format!("the target at element {at} is {}; it must be 0 or 1", target.to_vec()[at]));
        }
        // The logit of the truth: p = σ(z), so ln p = −softplus(−z) and ln(1 − p) = −softplus(z).
        let z = logits * (&target * 2.0 - 1.0);
        let mut each = self.focus((-&z).softplus(), -z.softplus());
        if let Some(alpha) = self.alpha {
            if !(0.0..=1.0).contains(&alpha) {
                return setting(NAME, format!("α is {alpha}; it goes from 0 to 1"));
            }
            each = each * (target * (2.0 * alpha - 1.0) + (1.0 - alpha));
        }
        Ok(self.reduction.of(each))
    }

    /// The loss of logits `[.., classes]` against labels `[..]`; p is the softmax. The mean is over the rows that count, 0 if there are none.
    ///
    /// # Errors
    /// If the shapes do not fit, if there are fewer than two classes, if a label is no class, or if γ makes no sense.
    #[track_caller]
    pub fn forward_classes<T: Float>(&self, logits: Var<T>, labels: &Tensor<i64>) -> Result<Var<T>> {
        at_least_0(NAME, "γ", self.gamma)?;
        let rows = Rows::<T>::new(NAME, logits.shape(), labels, self.ignore, None)?;
        let classes = logits.shape()[logits.rank() - 1];
        if classes < 2 {
            return setting(NAME, format!("there are {classes} classes; two are the least"));
        }
        let logs = rows.without_ignored(logits).log_softmax(-1);
        let others = logs.clone().masked_fill(&rows.one_hot(classes), f64::NEG_INFINITY).logsumexp(-1);
        let each = self.focus(-rows.at_labels(logs), others) * rows.counted();
        Ok(match self.reduction {
            Reduction::Mean => each.sum() / rows.total.max(1.0),
            other => other.of(each),
        })
    }

    /// (1 − p)^γ · cost, from ln(1 − p).
    fn focus<T: Float>(&self, cost: Var<T>, log_of_rest: Var<T>) -> Var<T> {
        // p⁰ is 1 even where the logarithm is −∞.
        if self.gamma == 0.0 { cost } else { (log_of_rest * self.gamma).exp() * cost }
    }
}
