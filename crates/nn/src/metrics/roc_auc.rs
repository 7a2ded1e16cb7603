//! The area under the receiver operating characteristic.

use crate::Result;
use crate::error::{check_labels, misfit};
use tape::{Float, Tensor};

/// The area under the ROC curve: the probability that a random positive scores higher than a random negative, ties counting half (Mann, Whitney 1947;
/// Hanley, McNeil 1982). By ranks, in O(n log n); equal scores share their mean rank.
///
/// NaN if a score is NaN, or if all labels are the same.
///
/// ```
/// use nn::metrics::roc_auc;
/// use tape::Tensor;
/// let scores = Tensor::from([0.1, 0.4, 0.35, 0.8]);
/// assert_eq!(roc_auc(&scores, &Tensor::from([0i64, 0, 1, 1]))?, 0.75);
/// # Ok::<(), nn::Error>(())
/// ```
///
/// # Errors
/// If the shapes differ, or if a label is neither 0 nor 1.
pub fn roc_auc<T: Float>(scores: &Tensor<T>, labels: &Tensor<i64>) -> Result<f64> {
    if scores.shape() != labels.shape() {
        return misfit("roc_auc", scores.shape(), labels.shape(), "scores and labels have the same shape");
    }
    let labels = labels.to_vec();
    check_labels(&labels, 2, None)?;
    let mut pairs: Vec<(f64, i64)> = scores.iter().map(T::to_f64).zip(labels).collect();
    if pairs.iter().any(|(score, _)| score.is_nan()) {
        return Ok(f64::NAN);
    }
    pairs.sort_unstable_by(|(a, _), (b, _)| a.partial_cmp(b).expect("no score is NaN"));
    // Twice the pairs that are in order, and once those that tie: whole numbers.
    let (mut twice, mut negatives, mut positives) = (0u128, 0u128, 0u128);
    for equals in pairs.chunk_by(|(a, _), (b, _)| a == b) {
        let ones = equals.iter().filter(|(_, label)| *label == 1).count() as u128;
        let zeros = equals.len() as u128 - ones;
        twice += ones * (2 * negatives + zeros);
        (negatives, positives) = (negatives + zeros, positives + ones);
    }
    Ok(twice as f64 / (2 * negatives * positives) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tape::Rng;

    #[test]
    fn is_the_share_of_pairs_in_order() {
        let mut rng = Rng::seed(4);
        for count in [2, 7, 60] {
            let scores: Vec<f64> = (0..count).map(|_| (3.0 * rng.normal()).round()).collect();
            let labels: Vec<i64> = (0..count).map(|i| if i < 2 { i as i64 } else { rng.below(2) as i64 }).collect();
            let (mut sum, mut pairs) = (0.0, 0.0);
            for (p, _) in scores.iter().zip(&labels).filter(|(_, label)| **label == 1) {
                for (n, _) in scores.iter().zip(&labels).filter(|(_, label)| **label == 0) {
                    sum += if p > n {
                        1.0
                    } else if p == n {
                        0.5
                    } else {
                        0.0
                    };
                    pairs += 1.0;
                }
            }
            let auc = roc_auc(&Tensor::f64(&scores[..]), &Tensor::from(labels)).unwrap();
            assert!((auc - sum / pairs).abs() < 1e-15, "{auc} instead of {}", sum / pairs);
        }
    }

    #[test]
    fn edges() {
        let auc = |scores: [f32; 3], labels: [i64; 3]| roc_auc(&Tensor::from(scores), &Tensor::from(labels)).unwrap();
        assert_eq!(auc([f32::NEG_INFINITY, 0.0, f32::INFINITY], [0, 1, 1]), 1.0);
        assert_eq!(auc([0.0, -0.0, 0.0], [0, 1, 0]), 0.5);
        assert_eq!(auc([3.0, 2.0, 1.0], [0, 1, 1]), 0.0);
        assert!(auc([3.0, f32::NAN, 1.0], [0, 1, 1]).is_nan());
        assert!(auc([3.0, 2.0, 1.0], [1, 1, 1]).is_nan());
        assert!(roc_auc(&Tensor::zeros([0]), &Tensor::from(0..0usize)).unwrap().is_nan());
        let error = |labels: &[i64]| roc_auc(&Tensor::zeros([2]), &Tensor::from(labels)).unwrap_err().to_string();
        assert_eq!(error(&[0, 2]), "label 2 of example 1 is not in 0..2");
        assert!(error(&[0]).starts_with("roc_auc: shapes [2] and [1] do not fit: scores and labels"));
    }
}
