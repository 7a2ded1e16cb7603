//! Losses of distances and angles between rows.

use super::Reduction;
use super::checks::{above_0, at_least_0, signs, target};
use crate::Result;
use crate::error::{misfit, setting};
use tape::{Float, Operand, Tensor, Var, keep};

/// Lengths below this count as this: PyTorch adds its square to the squared lengths.
const SHORTEST: f64 = 1e-6;

/// Rows `[.., features]` of length 1; shorter ones than 1e-6, which have no direction to speak of, keep their share of it.
#[track_caller]
pub(super) fn directions<T: Float>(x: Var<T>) -> Var<T> {
    let lengths = x.clone().norm_axes(keep(-1)).maximum(SHORTEST);
    x / lengths
}

/// Of pairs of rows `[.., features]`: 1 − cos(a, b) where the label is 1, max(0, cos(a, b) − m) where it is −1. Lengths neither overflow nor
/// underflow; a row of zeros has the cosine 0.
///
/// ```
/// use nn::loss::{CosineEmbedding, Reduction};
/// use tape::{Tape, Tensor};
/// let a = Tape::inference().input(Tensor::from([[1.0, 0.0], [3.0, 4.0]]));
/// let b = Tensor::from([[0.0, 2.0], [6.0, 8.0]]);
/// let each = CosineEmbedding::new().reduction(Reduction::None).forward(a, b, &Tensor::from([1i64, -1]))?;
/// assert_eq!(each.to_vec(), [1.0, 1.0]);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct CosineEmbedding {
    margin: f64,
    reduction: Reduction,
}

impl CosineEmbedding {
    /// The mean over the rows, with margin 0.
    pub fn new() -> CosineEmbedding {
        CosineEmbedding::default()
    }

    /// The cosine up to which rows that are to differ cost nothing, from −1 to 1.
    #[must_use]
    pub fn margin(mut self, margin: f64) -> CosineEmbedding {
        self.margin = margin;
        self
    }

    /// Mean, sum, or one loss for each row.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> CosineEmbedding {
        self.reduction = reduction;
        self
    }

    /// The loss of rows a and b `[.., features]` against labels `[..]` of −1 or 1.
    ///
    /// # Errors
    /// If the shapes do not fit, if a label is neither −1 nor 1, or if the margin is not from −1 to 1.
    #[track_caller]
    pub fn forward<T: Float>(&self, a: Var<T>, b: impl Operand<T>, labels: &Tensor<i64>) -> Result<Var<T>> {
        const NAME: &str = "CosineEmbedding";
        if !(-1.0..=1.0).contains(&self.margin) {
            return setting(NAME, format!("the margin is {}; a cosine goes from -1 to 1", self.margin));
        }
        let b = target(NAME, &a, b)?;
        let fits = a.rank() > 0 && a.shape()[..a.rank() - 1] == **labels.shape();
        if !fits {
            return misfit(NAME, a.shape(), labels.shape(), "rows [.., features] want labels [..], one for each pair");
        }
        let cosines = (directions(a) * directions(b)).sum_axes(-1);
        let is_pair = signs::<T>(NAME, labels)?.gt(0);
        let each = (1.0 - &cosines).where_else(&is_pair, (cosines - self.margin).relu());
        Ok(self.reduction.of(each))
    }
}

/// Of triples of rows `[.., features]`: max(0, d(anchor, positive) − d(anchor, negative) + m), d the Euclidean distance of PyTorch's
/// `pairwise_distance`, |a − b + 1e-6| (Schroff, Kalenichenko, Philbin 2015; with swap Balntas et al. 2016).
///
/// ```
/// use nn::loss::TripletMargin;
/// use tape::{Tape, Tensor};
/// let tape = Tape::inference();
/// let row = |x: f32| tape.input(Tensor::from([[x, 0.0]]));
/// let loss = TripletMargin::new().forward(row(0.0), row(3.0), row(3.5))?;
/// assert!((loss.item() - 0.5).abs() < 1e-5);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TripletMargin {
    margin: f64,
    epsilon: f64,
    swaps: bool,
    reduction: Reduction,
}

impl Default for TripletMargin {
    fn default() -> TripletMargin {
        TripletMargin { margin: 1.0, epsilon: 1e-6, swaps: false, reduction: Reduction::Mean }
    }
}

impl TripletMargin {
    /// The mean over the triples, with margin 1.
    pub fn new() -> TripletMargin {
        TripletMargin::default()
    }

    /// Another margin.
    #[must_use]
    pub fn margin(mut self, margin: f64) -> TripletMargin {
        self.margin = margin;
        self
    }

    /// What is added to each coordinate's difference, 1e-6 unless given: the distance of equal rows then has a slope.
    #[must_use]
    pub fn epsilon(mut self, epsilon: f64) -> TripletMargin {
        self.epsilon = epsilon;
        self
    }

    /// The negative's distance is that to the positive where that is smaller than the one to the anchor.
    #[must_use]
    pub fn swap(mut self) -> TripletMargin {
        self.swaps = true;
        self
    }

    /// Mean, sum, or one loss for each triple.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> TripletMargin {
        self.reduction = reduction;
        self
    }

    /// The loss of anchors, positives and negatives `[.., features]`.
    ///
    /// # Errors
    /// If the shapes differ, if there is no axis of features, or if a setting makes no sense.
    #[track_caller]
    pub fn forward<T: Float>(
        &self,
        anchor: Var<T>,
        positive: impl Operand<T>,
        negative: impl Operand<T>,
    ) -> Result<Var<T>> {
        const NAME: &str = "TripletMargin";
        above_0(NAME, "the margin", self.margin)?;
        at_least_0(NAME, "ε", self.epsilon)?;
        let (positive, negative) = (target(NAME, &anchor, positive)?, target(NAME, &anchor, negative)?);
        if anchor.rank() == 0 {
            return setting(NAME, "a single number has no features: rows are [.., features]");
        }
        let distance = |a: &Var<T>, b: &Var<T>| (a - b + self.epsilon).norm_axes(-1);
        let mut to_negative = distance(&anchor, &negative);
        if self.swaps {
            to_negative = to_negative.minimum(distance(&positive, &negative));
        }
        Ok(self.reduction.of((distance(&anchor, &positive) - to_negative + self.margin).relu()))
    }
}
