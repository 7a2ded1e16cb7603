//! How good a network is.
//!
//! | metric | of |
//! |---|---|
//! | [`accuracy`] | a network and a data set |
//! | [`top_k`] | scores `[.., classes]`, labels `[..]` |
//! | [`Confusion`]: counts, precision, recall, F1 | predicted labels or scores, labels; batch by batch |
//! | [`roc_auc`] | scores and labels 0 or 1, of one shape |
//! | [`r2`] | predictions and targets `[N]` or `[N, features]` |
//!
//! All are f64 numbers. Where 0/0 would come out: the precision of a class that is never predicted, the recall of one that never occurs and the
//! F1 of one that does neither are 0, as in scikit-learn; a share or a mean of no examples is NaN; the area under the curve of a single class is NaN.

mod confusion;
mod r2;
mod roc_auc;
mod top_k;

pub use confusion::{Average, Confusion};
pub use r2::r2;
pub use roc_auc::roc_auc;
pub use top_k::top_k;

use crate::Result;
use crate::data::Dataset;
use crate::error::{check_labels, misfit};
use tape::{Float, Shape, Tape, Var};

/// How many examples go through the network at once.
const BATCH: usize = 256;

/// The share of examples whose highest score is their label's, in 0..=1; NaN if there are no examples.
///
/// Runs on [`Tape::inference`], in batches. `forward` turns images `[N, …]` into scores `[N, classes]`. Of equal scores the first
/// counts; a row with a NaN counts as wrong.
///
/// # Panics
/// If `forward` returns another shape than `[N, classes]`.
#[track_caller]
pub fn accuracy(forward: impl Fn(Var) -> Var, data: &Dataset) -> f64 {
    let tape = Tape::inference();
    let mut right = 0;
    for (images, labels) in data.batches(BATCH) {
        let scores = forward(tape.input(images)).into_value().contiguous();
        assert!(
            scores.rank() == 2 && scores.shape()[0] == labels.len(),
            "accuracy: the network returned shape {:?} for {} examples; it must be [{}, classes]",
            scores.shape(),
            labels.len(),
            labels.len()
        );
        let classes = scores.shape()[1];
        let (scores, labels) = (scores.as_slice().expect("contiguous"), labels.as_slice().expect("contiguous"));
        let is_right = |(row, &label): (&[f32], &i64)| best(row).is_some_and(|best| best as i64 == label);
        right += scores.chunks_exact(classes.max(1)).zip(labels).filter(|&pair| is_right(pair)).count();
    }
    right as f64 / data.len() as f64
}

/// Where the largest number is, the first of equals; None where there is a NaN.
fn best<T: Float>(row: &[T]) -> Option<usize> {
    let mut best = 0;
    for (i, &score) in row.iter().enumerate() {
        if score.is_nan() {
            return None;
        }
        if score > row[best] {
            best = i;
        }
    }
    (!row.is_empty()).then_some(best)
}

/// # Errors
/// If there is not one label for each row of the scores, or if a label is no class.
fn check_rows(what: &'static str, scores: &Shape, labels: (&Shape, &[i64])) -> Result<()> {
    let Some((&classes, _)) = scores.split_last().filter(|(_, rows)| **rows == labels.0[..]) else {
        return misfit(what, scores, labels.0, "scores [.., classes] want labels [..], one for each row");
    };
    check_labels(labels.1, classes, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tape::Tensor;

    #[test]
    fn counts_the_first_of_equal_scores_and_no_nan() {
        let images = Tensor::from([[0.0, 0.0], [1.0, 2.0], [f32::NAN, 1.0], [2.0, 1.0]]);
        let data = Dataset::new(images, Tensor::from([0i64, 1, 1, 1])).unwrap();
        assert_eq!(accuracy(|x| x, &data), 0.5);
    }
}
