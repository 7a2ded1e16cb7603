//! Losses. The plain ones are methods of [`tape::Var`], so that a training step reads from left to right:
//!
//! | loss | method | of |
//! |---|---|---|
//! | cross-entropy | `logits.cross_entropy(&labels)` | scores `[N, classes]`, labels `[N]` |
//! | mean squared error | `y.mse(&target)` | any shape |
//! | mean absolute error | `y.l1(&target)` | any shape |
//! | Huber | `y.huber(&target, delta)` | any shape |
//! | binary cross-entropy | `logits.bce_with_logits(&target)` | any shape, targets in [0, 1] |
//!
//! All are means over the examples (over the elements where there is no class axis). What has settings is a value of this module,
//! made once and used in every step; it gives errors for labels that are no class and for shapes that do not fit:
//!
//! | loss | one for each | PyTorch |
//! |---|---|---|
//! | [`CrossEntropy`]: class weights, label smoothing, ignored labels, soft targets | row of `[.., classes]` | `CrossEntropyLoss` |
//! | [`Nll`], of log-probabilities | row of `[.., classes]` | `NLLLoss` |
//! | [`MultiMargin`], the hinge of many classes | row of `[.., classes]` | `MultiMarginLoss` |
//! | [`Focal`] | element, or row of `[.., classes]` | (torchvision's `sigmoid_focal_loss`) |
//! | [`Bce`], of probabilities; [`BceWithLogits`] | element | `BCELoss`, `BCEWithLogitsLoss` |
//! | [`Hinge`] | element | |
//! | [`Mse`], [`L1`], [`SmoothL1`], [`Huber`] | element | `MSELoss`, `L1Loss`, `SmoothL1Loss`, `HuberLoss` |
//! | [`GaussianNll`] | element | `GaussianNLLLoss` |
//! | [`KlDiv`] | row of `[.., classes]` | `KLDivLoss(reduction="batchmean")` |
//! | [`CosineEmbedding`], [`TripletMargin`] | row of `[.., features]` | `CosineEmbeddingLoss`, `TripletMarginLoss` |
//! | [`InfoNce`] | row of `[N, features]` | |
//!
//! [`Reduction`] says what happens to them: the mean (of nothing NaN), the sum, or each by itself. Where the rows are labelled, those
//! whose label is ignored do not count, and the mean of no rows is 0 with zero gradients. NaN in, NaN out.
//!
//! ```
//! use nn::loss::CrossEntropy;
//! use tape::{Tape, Tensor};
//! let loss = CrossEntropy::new().weights(&Tensor::from([1.0, 3.0])).ignore_index(-100);
//! let tape = Tape::probing();
//! let logits = tape.var(Tensor::from([[0.0, 0.0], [0.0, 0.0], [9.0, 9.0]]));
//! let cost = loss.forward(logits.clone(), &Tensor::from([0, 1, -100]))?;
//! assert_eq!(cost.item(), 2f32.ln());
//! assert_eq!(cost.backward()[&logits].to_vec(), [-0.125, 0.125, 0.375, -0.375, 0.0, 0.0]);
//! let error = loss.forward(logits, &Tensor::from([0, 2, 1])).unwrap_err();
//! assert_eq!(error.to_string(), "label 2 of example 1 is not in 0..2");
//! # Ok::<(), nn::Error>(())
//! ```

mod bce;
mod checks;
mod cross_entropy;
mod embedding;
mod focal;
mod gaussian;
mod hinge;
mod info_nce;
mod kl;
mod nll;
mod regression;

pub use bce::{Bce, BceWithLogits};
pub use cross_entropy::CrossEntropy;
pub use embedding::{CosineEmbedding, TripletMargin};
pub use focal::Focal;
pub use gaussian::GaussianNll;
pub use hinge::{Hinge, MultiMargin};
pub use info_nce::InfoNce;
pub use kl::KlDiv;
pub use nll::Nll;
pub use regression::{Huber, L1, Mse, SmoothL1};

use tape::{Float, Var};

/// What becomes of the losses of the elements or rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reduction {
    /// Their mean; of nothing NaN.
    #[default]
    Mean,
    /// Their sum.
    Sum,
    /// Nothing: each is a result.
    None,
}

impl Reduction {
    /// Reduces the losses of all elements or rows: for losses of your own.
    #[track_caller]
    pub fn of<T: Float>(self, each: Var<T>) -> Var<T> {
        match self {
            Reduction::Mean => each.mean(),
            Reduction::Sum => each.sum(),
            Reduction::None => each,
        }
    }
}
