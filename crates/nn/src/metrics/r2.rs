//! The coefficient of determination.

use crate::Result;
use crate::error::misfit;
use tape::{Float, Tensor};

/// R² = 1 − Σ(t − y)² / Σ(t − t̄)² of predictions y and targets t `[N]`, or its mean over the features of `[N, features]`: 1 is perfect, 0 is as good as
/// always saying the mean, and there is no lower end (Wright 1921).
///
/// As in scikit-learn a target that never varies gives 1 if it is met exactly and else 0. Of fewer than two examples, or of no features, NaN.
///
/// ```
/// use nn::metrics::r2;
/// use tape::Tensor;
/// let target = Tensor::from([3.0, -0.5, 2.0, 7.0]);
/// let r = r2(&Tensor::from([2.5, 0.0, 2.0, 8.0]), &target)?;
/// assert!((r - 0.9486081370449679).abs() < 1e-15);
/// # Ok::<(), nn::Error>(())
/// ```
///
/// # Errors
/// If the shapes differ, or if there are other than one or two axes.
pub fn r2<T: Float>(predicted: &Tensor<T>, target: &Tensor<T>) -> Result<f64> {
    if predicted.shape() != target.shape() || !matches!(target.rank(), 1 | 2) {
        let hint = "predictions and targets are both [N] or both [N, features]";
        return misfit("r2", predicted.shape(), target.shape(), hint);
    }
    let (count, features) = (target.shape()[0], if target.rank() == 2 { target.shape()[1] } else { 1 });
    if count < 2 {
        return Ok(f64::NAN);
    }
    let columns = |x: &Tensor<T>| x.cast::<f64>().reshape([count, features]).transpose().to_vec();
    let (predicted, target) = (columns(predicted), columns(target));
    let pairs = predicted.chunks_exact(count).zip(target.chunks_exact(count));
    Ok(pairs.map(|(y, t)| of_feature(y, t)).sum::<f64>() / features as f64)
}

fn of_feature(y: &[f64], t: &[f64]) -> f64 {
    let mean = t.iter().sum::<f64>() / t.len() as f64;
    let missed: f64 = y.iter().zip(t).map(|(y, t)| (t - y) * (t - y)).sum();
    // The mean of equal numbers may be an ulp away from them: whether they vary is asked of themselves.
    let varies = t.iter().any(|x| *x != t[0]);
    if !varies && !missed.is_nan() {
        return if missed == 0.0 { 1.0 } else { 0.0 };
    }
    1.0 - missed / t.iter().map(|t| (t - mean) * (t - mean)).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worked_by_hand() {
        // Means 2 and 0; missed 1 + 0 + 1 = 2 of 2, and 1 + 4 + 1 = 6 of 6 + … = 14.
        let target = Tensor::f64([[1.0, -1.0], [2.0, 3.0], [3.0, -2.0]]);
        let predicted = Tensor::f64([[2.0, -2.0], [2.0, 1.0], [2.0, -1.0]]);
        assert_eq!(r2(&predicted, &target).unwrap(), (0.0 + (1.0 - 6.0 / 14.0)) / 2.0);
        assert_eq!(r2(&target, &target).unwrap(), 1.0);
        // Far from 0 nothing cancels.
        let (far, near) = (Tensor::f64([1e9, 1e9 + 1.0, 1e9 + 2.0]), Tensor::f64([1e9, 1e9 + 1.0, 1e9 + 1.0]));
        assert_eq!(r2(&near, &far).unwrap(), 0.5);
    }

    #[test]
    fn edges() {
        let constant = Tensor::f64([0.1, 0.1, 0.1]);
        assert_eq!(r2(&constant, &constant).unwrap(), 1.0);
        assert_eq!(r2(&Tensor::f64([0.1, 0.1, 0.2]), &constant).unwrap(), 0.0);
        for (y, t) in [([f64::NAN, 1.0], [1.0, 1.0]), ([1.0, 1.0], [f64::NAN, 1.0]), ([1.0, 1.0], [f64::INFINITY, 1.0])]
        {
            assert!(r2(&Tensor::f64(y), &Tensor::f64(t)).unwrap().is_nan());
        }
        assert!(r2(&Tensor::f64([1.0]), &Tensor::f64([1.0])).unwrap().is_nan());
        assert!(r2(&Tensor::zeros([0]), &Tensor::zeros([0])).unwrap().is_nan());
        assert!(r2(&Tensor::zeros([3, 0]), &Tensor::zeros([3, 0])).unwrap().is_nan());
        let error = r2(&Tensor::zeros([3]), &Tensor::zeros([3, 1])).unwrap_err().to_string();
        assert!(error.starts_with("r2: shapes [3] and [3, 1] do not fit: predictions and targets"), "{error}");
    }
}
