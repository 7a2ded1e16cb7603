//! Top-k accuracy.

use super::check_rows;
use crate::Result;
use crate::error::setting;
use tape::{Float, Tensor};

/// The share of rows `[.., classes]` whose label is among the k highest scores; NaN if there are no rows. Of equal scores the first count; a row
/// with a NaN counts as wrong.
///
/// ```
/// use nn::metrics::top_k;
/// use tape::Tensor;
/// let scores = Tensor::from([[0.1, 0.5, 0.4], [0.6, 0.3, 0.1]]);
/// let labels = Tensor::from([2i64, 2]);
/// assert_eq!((top_k(&scores, &labels, 1)?, top_k(&scores, &labels, 2)?), (0.0, 0.5));
/// # Ok::<(), nn::Error>(())
/// ```
///
/// # Errors
/// If the shapes do not fit, if a label is no class, or if k is 0.
pub fn top_k<T: Float>(scores: &Tensor<T>, labels: &Tensor<i64>, k: usize) -> Result<f64> {
    if k == 0 {
        return setting("top_k", "k is 0; 1 is the least");
    }
    let numbers = labels.to_vec();
    check_rows("top_k", scores.shape(), (labels.shape(), &numbers))?;
    let classes = scores.shape()[scores.rank() - 1];
    let is_hit = |row: &[T], label: usize| {
        let before = |&(class, &score): &(usize, &T)| score > row[label] || score == row[label] && class < label;
        row.iter().all(|score| !score.is_nan()) && row.iter().enumerate().filter(before).count() < k
    };
    let all = scores.to_vec();
    let rows = all.chunks_exact(classes.max(1)).zip(&numbers);
    let hits = rows.filter(|&(row, &label)| is_hit(row, label as usize)).count();
    Ok(hits as f64 / numbers.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tape::Rng;

    #[test]
    fn is_what_sorting_says() {
        let mut rng = Rng::seed(2);
        // Of few values, so that there are ties.
        let scores = Tensor::randn([40, 6], &mut rng).map(|x| (2.0 * x).round());
        let labels = Tensor::from((0..40).map(|_| rng.below(6)).collect::<Vec<usize>>());
        for k in 1..=7 {
            let hits = (0..40).filter(|&i| {
                let row = scores.slice((i, ..)).to_vec();
                let mut order: Vec<usize> = (0..6).collect();
                order.sort_by(|&a, &b| row[b].partial_cmp(&row[a]).unwrap());
                order[..k.min(6)].contains(&(labels.at([i]) as usize))
            });
            assert_eq!(top_k(&scores, &labels, k).unwrap(), hits.count() as f64 / 40.0);
        }
    }

    #[test]
    fn edges() {
        let nan = Tensor::from([[f32::NAN, 1.0], [f32::NEG_INFINITY, f32::INFINITY]]);
        assert_eq!(top_k(&nan, &Tensor::from([1i64, 1]), 2).unwrap(), 0.5);
        assert!(top_k(&Tensor::zeros([0, 3]), &Tensor::from(0..0usize), 1).unwrap().is_nan());
        let text = |labels: &[i64], k| top_k(&Tensor::zeros([2, 3]), &Tensor::from(labels), k).unwrap_err().to_string();
        assert_eq!(text(&[0, 3], 1), "label 3 of example 1 is not in 0..3");
        assert_eq!(text(&[0, 1], 0), "top_k: k is 0; 1 is the least");
        assert!(text(&[0], 1).starts_with("top_k: shapes [2, 3] and [1] do not fit: scores [.., classes] want"));
    }
}
