//! Binary cross-entropy, of probabilities and of logits.

use super::Reduction;
use super::checks::{target, weigh};
use crate::Result;
use crate::error::setting;
use tape::{Float, Kept, Op, Operand, Tensor, Var};

/// Binary cross-entropy of probabilities p against targets t in [0, 1], of any shape: −t·ln p − (1 − t)·ln(1 − p).
///
/// As PyTorch's, a logarithm is −100 at least, and the derivative is (p − t)/max(p(1 − p), 1e-12): it is finite at 0 and 1, and never 0 for a
/// p that is wrong. For a network that ends in scores, [`BceWithLogits`] loses nothing to rounding.
///
/// ```
/// use nn::loss::Bce;
/// use tape::{Tape, Tensor};
/// let p = Tape::inference().input(Tensor::from([0.5, 1.0, 0.0]));
/// assert_eq!(Bce::new().forward(p, Tensor::from([1.0, 1.0, 1.0]))?.item(), (2f32.ln() + 100.0) / 3.0);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Bce {
    reduction: Reduction,
}

impl Bce {
    /// The mean over the elements.
    pub fn new() -> Bce {
        Bce::default()
    }

    /// Mean, sum, or one loss for each element.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> Bce {
        self.reduction = reduction;
        self
    }

    /// The loss of probabilities against targets of the same shape.
    ///
    /// # Errors
    /// If the shapes differ, or if a number is no probability (NaN passes, and shows).
    #[track_caller]
    pub fn forward<T: Float>(&self, p: Var<T>, target: impl Operand<T>) -> Result<Var<T>> {
        let target = self::target("Bce", &p, target)?;
        probabilities("Bce", "the prediction", p.value())?;
        probabilities("Bce", "the target", target.value())?;
        Ok(self.reduction.of(Each.apply([p, target])))
    }
}

fn probabilities<T: Float>(what: &'static str, which: &str, p: &Tensor<T>) -> Result<()> {
    match p.iter().position(|p| p < T::ZERO || p > T::ONE) {
        Some(at) => {
            let p = p.to_vec()[at];
            setting(what, format!("{which} at element {at} is {p}; it goes from 0 to 1 (for scores: BceWithLogits)"))
        }
        None => Ok(()),
    }
}

/// The smallest logarithm, and the smallest p(1 − p) that is divided by.
const LEAST_LOG: f64 = -100.0;
const LEAST_SLOPE: f64 = 1e-12;

/// The loss of each element.
struct Each;

impl<T: Float> Op<T, 2> for Each {
    fn name(&self) -> &'static str {
        "bce"
    }
    fn forward(&mut self, [p, target]: [Tensor<T>; 2]) -> Tensor<T> {
        let of_1 = p.ln().clamp(LEAST_LOG, f64::INFINITY);
        let of_0 = (-&p).log1p().clamp(LEAST_LOG, f64::INFINITY);
        (&target - 1.0) * of_0 - target * of_1
    }
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 2] {
        let (p, target) = (kept.x(0), kept.x(1));
        let dp = kept.needs(0).then(|| (&p - &target) / (&p * (1.0 - &p)).maximum(LEAST_SLOPE) * &dy);
        let d_target = kept.needs(1).then(|| {
            let of_1 = p.clone().ln().clamp(LEAST_LOG, f64::INFINITY);
            ((-p).log1p().clamp(LEAST_LOG, f64::INFINITY) - of_1) * dy
        });
        [dp, d_target]
    }
}

/// Binary cross-entropy of logits x against targets t in [0, 1], of any shape: −w·t·ln σ(x) − (1 − t)·ln(1 − σ(x)), with a weight w of the
/// positives, 1 unless given. No logit overflows; an infinite one that is right costs 0, one that is wrong ∞.
///
/// ```
/// use nn::loss::{BceWithLogits, Reduction};
/// use tape::{Tape, Tensor};
/// let x = Tape::inference().input(Tensor::from([0.0, -1000.0, -1000.0]));
/// let each = BceWithLogits::new().positive_weight(&Tensor::from([3.0])).reduction(Reduction::None);
/// assert_eq!(each.forward(x, Tensor::from([0.0, 0.0, 1.0]))?.to_vec(), [2f32.ln(), 0.0, 3000.0]);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct BceWithLogits {
    positive_weight: Option<Tensor<f64>>,
    reduction: Reduction,
}

impl BceWithLogits {
    /// The mean over the elements.
    pub fn new() -> BceWithLogits {
        BceWithLogits::default()
    }

    /// What positives count, one number or one for each feature (last axis): PyTorch's `pos_weight`.
    #[must_use]
    pub fn positive_weight<W: Float>(mut self, weight: &Tensor<W>) -> BceWithLogits {
        self.positive_weight = Some(weight.cast());
        self
    }

    /// Mean, sum, or one loss for each element.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> BceWithLogits {
        self.reduction = reduction;
        self
    }

    /// The loss of logits against targets of the same shape.
    ///
    /// # Errors
    /// If the shapes differ, or if the weight's shape fits no axis or a weight is negative or not finite.
    #[track_caller]
    pub fn forward<T: Float>(&self, logits: Var<T>, target: impl Operand<T>) -> Result<Var<T>> {
        const NAME: &str = "BceWithLogits";
        let target = self::target(NAME, &logits, target)?;
        if self.positive_weight.is_none() && self.reduction == Reduction::Mean {
            return Ok(logits.bce_with_logits(target));
        }
        let mut positive = target.clone();
        if let Some(weight) = &self.positive_weight {
            let fits = weight.len() == 1 || weight.rank() == 1 && logits.shape().last() == Some(&weight.len());
            if !fits || !weight.iter().all(|weight| weight >= 0.0 && weight.is_finite()) {
                let problem = format!(
                    "the weight of positives is {weight:?} for logits of shape {:?}; it is one number or one for each feature, at least 0 and finite",
                    logits.shape()
                );
                return setting(NAME, problem);
            }
            let weight = if weight.len() == 1 { weight.reshape([]) } else { weight.clone() };
            positive = positive * weight.cast::<T>();
        }
        // −ln σ(x) = softplus(−x), and −ln(1 − σ(x)) = softplus(x).
        let cost_of_1 = weigh(&positive, -(-&logits).softplus());
        let cost_of_0 = weigh(&(1.0 - target), -logits.softplus());
        Ok(self.reduction.of(-(cost_of_1 + cost_of_0)))
    }
}
