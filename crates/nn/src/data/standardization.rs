//! [`Standardization`]: features with mean 0 and standard deviation 1.

use crate::error::setting;
use crate::{Buffer, Module, Result};
use tape::{Float, Tensor};

/// z = (x − mean) / deviation for each feature (the last axis), with the mean and the population standard deviation of the data it was
/// fitted on; a feature that is constant there has deviation 1.
///
/// Fit it on the training part and apply it to all: what is fitted on the test part too is a result that looks better than it is. It is a
/// module without parameters, so it is saved and loaded with the network behind it.
///
/// ```
/// use nn::data::Standardization;
/// use tape::Tensor;
/// let train = Tensor::from([[1.0, 5.0], [3.0, 5.0]]);
/// let scale = Standardization::fit(&train)?;
/// assert_eq!(scale.apply(&train)?.to_vec(), [-1.0, 0.0, 1.0, 0.0]);
/// assert_eq!(scale.apply(&Tensor::from([[4.0, 6.0]]))?.to_vec(), [2.0, 1.0]);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct Standardization<T: Float = f32> {
    mean: Buffer<T>,
    deviation: Buffer<T>,
}

impl<T: Float> Standardization<T> {
    /// One that changes nothing, for a file to be loaded into.
    pub fn identity(features: usize) -> Standardization<T> {
        let full = |value| Buffer::new(Tensor::full_of([features], value));
        Standardization { mean: full(T::ZERO), deviation: full(T::ONE) }
    }

    /// Of examples `[…, F]`: two passes in f64.
    ///
    /// # Errors
    /// If there are no examples, or if a number is not finite: where it stands.
    pub fn fit(data: &Tensor<T>) -> Result<Standardization<T>> {
        let shape = data.shape();
        let Some(&features) = shape.last().filter(|_| !data.is_empty()) else {
            return setting("Standardization::fit", format!("shape {shape:?} holds no examples […, F]"));
        };
        let numbers = data.to_vec();
        if let Some(at) = numbers.iter().position(|x| !x.to_f64().is_finite()) {
            let (example, feature) = (at / features, at % features);
            let problem = format!("{} in feature {feature} of row {example}; fill it in first", numbers[at]);
            return setting("Standardization::fit", problem);
        }
        let examples = (numbers.len() / features) as f64;
        let (mut mean, mut deviation) = (Vec::new(), Vec::new());
        for feature in 0..features {
            let column = || numbers[feature..].iter().step_by(features).map(|x| x.to_f64());
            // Numbers near the largest have a sum beyond it; their mean is not.
            let center = column().map(|x| x / examples).sum::<f64>();
            let variance = column().map(|x| (x - center).powi(2) / examples).sum::<f64>();
            // Rounding gives equal numbers a variance that is not quite 0.
            let is_constant = column().all(|x| x == numbers[feature].to_f64());
            mean.push(T::from_f64(if is_constant { numbers[feature].to_f64() } else { center }));
            let spread = T::from_f64(variance.sqrt());
            deviation.push(if is_constant || spread == T::ZERO { T::ONE } else { spread });
        }
        let buffer = |numbers: &[T]| Buffer::new(Tensor::new(numbers, [features]));
        Ok(Standardization { mean: buffer(&mean), deviation: buffer(&deviation) })
    }

    /// The mean of each feature `[F]`.
    pub fn mean(&self) -> &Tensor<T> {
        self.mean.value()
    }

    /// What each feature is divided by `[F]`.
    pub fn deviation(&self) -> &Tensor<T> {
        self.deviation.value()
    }

    /// The standardised examples `[…, F]`.
    ///
    /// # Errors
    /// If the last axis is another.
    pub fn apply(&self, data: &Tensor<T>) -> Result<Tensor<T>> {
        self.each("Standardization::apply", data, |x, mean, deviation| (x - mean) / deviation)
    }

    /// The examples `[…, F]` as they were: x = z · deviation + mean.
    ///
    /// # Errors
    /// If the last axis is another.
    pub fn invert(&self, data: &Tensor<T>) -> Result<Tensor<T>> {
        self.each("Standardization::invert", data, |z, mean, deviation| z * deviation + mean)
    }

    fn each(&self, what: &'static str, data: &Tensor<T>, f: impl Fn(T, T, T) -> T) -> Result<Tensor<T>> {
        let (mean, deviation) = (self.mean().to_vec(), self.deviation().to_vec());
        let shape = data.shape();
        if shape.last() != Some(&mean.len()) {
            return setting(what, format!("shape {shape:?}, fitted on {} features on the last axis", mean.len()));
        }
        Ok(Tensor::fill_with(*shape, |to| {
            data.copy_to(to);
            for row in to.chunks_exact_mut(mean.len().max(1)) {
                for (x, (&mean, &deviation)) in row.iter_mut().zip(mean.iter().zip(&deviation)) {
                    *x = f(*x, mean, deviation);
                }
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tape::Rng;

    #[test]
    fn features_get_mean_0_and_deviation_1_and_come_back() {
        let mut rng = Rng::seed(3);
        let data = Tensor::randn([40, 5, 3], &mut rng).cast::<f64>() * 7.0 + 1000.0;
        let scale = Standardization::fit(&data).unwrap();
        let scaled = scale.apply(&data).unwrap();
        for feature in 0..3 {
            let column: Vec<f64> = scaled.to_vec().into_iter().skip(feature).step_by(3).collect();
            let mean = column.iter().sum::<f64>() / 200.0;
            let variance = column.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 200.0;
            assert!(mean.abs() < 1e-12 && (variance - 1.0).abs() < 1e-12, "{mean} {variance}");
        }
        assert!(scale.invert(&scaled).unwrap().allclose(&data, 1e-14, 0.0));
    }

    #[test]
    fn constant_features_are_only_shifted() {
        // Ten times 0.1 is not 1: the mean of equal numbers must still be the number.
        let data = Tensor::full_of([10, 1], 0.1f64);
        let scale = Standardization::fit(&data).unwrap();
        assert_eq!((scale.mean().to_vec(), scale.deviation().to_vec()), (vec![0.1], vec![1.0]));
        let one = Standardization::fit(&Tensor::from([[f32::MAX, -3.0]])).unwrap();
        assert_eq!(one.apply(&Tensor::from([[f32::MAX, -1.0]])).unwrap().to_vec(), [0.0, 2.0]);
    }

    #[test]
    fn what_cannot_be_fitted_is_refused() {
        let text = |result: Result<Standardization>| result.unwrap_err().to_string();
        let data = Tensor::from([[1.0, 2.0], [3.0, f32::NAN]]);
        assert_eq!(
            text(Standardization::fit(&data)),
            "Standardization::fit: NaN in feature 1 of row 1; fill it in first"
        );
        assert!(text(Standardization::fit(&Tensor::zeros([0, 3]))).contains("[0, 3] holds no examples"));
        assert!(text(Standardization::fit(&Tensor::scalar(1.0f32))).contains("holds no examples"));
        let other = Standardization::identity(2).apply(&Tensor::zeros([2, 3])).unwrap_err().to_string();
        assert_eq!(other, "Standardization::apply: shape [2, 3], fitted on 2 features on the last axis");
    }

    #[test]
    fn it_is_saved_and_loaded() {
        let scale = Standardization::fit(&Tensor::from([[1.0, 5.0], [3.0, 9.0]])).unwrap();
        let mut back = Standardization::identity(2);
        back.load_bytes(&scale.to_bytes().unwrap()).unwrap();
        assert_eq!((back.mean(), back.deviation()), (scale.mean(), scale.deviation()));
    }
}
