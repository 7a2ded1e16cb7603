//! A rectifier with a threshold and a ceiling, as Keras has it: for models that come from there.

use super::stateless::without_parameters;
use crate::Result;
use crate::error::{expect, setting};
use crate::module::Path;
use crate::onnx::{Graph, Value};
use crate::regions::Piecewise;
use tape::{Float, Rectifier, Var};

/// Keras's `ReLU(max_value, negative_slope, threshold)`, with threshold θ, ceiling m and slope a:
///
/// ```text
/// f(x) = m             x ≥ m
///        x             θ ≤ x < m
///        a·(x − θ)     x < θ
/// ```
///
/// (Keras 3, `keras.layers.ReLU`.) With θ = 0 and no ceiling this is a leaky rectifier; with θ > 0, a = 0 and no ceiling it is the thresholded rectifier of
/// Konda, Memisevic, Krueger, "Zero-bias autoencoders and the benefits of co-adapting features" (2015). Where θ ≠ 0 it jumps at θ, from 0 to θ.
///
/// Derivative: 0 from m on, 1 between θ and m, a below. At θ it is 1, as the value there is x; where θ = 0 both sides have the value 0, and the slope is the
/// negative side's as in every rectifier here. NaN stays NaN.
///
/// Keras refuses settings below 0; here θ, m and a may have any sign. With θ = 0 and m, a ≥ 0 it is two ops, else five.
///
/// ```
/// use nn::prelude::*;
/// use nn::ThresholdRelu;
/// let act = ThresholdRelu::new(Some(6.0), 0.5, 1.0);
/// let y = act.forward(Tape::inference().input(Tensor::from([-1.0, 0.5, 1.0, 7.0])));
/// assert_eq!(y.to_vec(), [-1.0, -0.25, 1.0, 6.0]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ThresholdRelu {
    ceiling: Option<f64>,
    slope: f64,
    threshold: f64,
}

const WHAT: &str = "ThresholdRelu";

impl ThresholdRelu {
    /// With this ceiling, slope below the threshold, and threshold: Keras's order. Keras's defaults are `None`, 0 and 0, as [`ThresholdRelu::default`] has
    /// them: ReLU.
    ///
    /// # Panics
    /// If a number is NaN or infinite, or if the ceiling is below the threshold; [`ThresholdRelu::try_new`] returns the error.
    #[track_caller]
    pub fn new(max_value: Option<f64>, negative_slope: f64, threshold: f64) -> ThresholdRelu {
        expect(ThresholdRelu::try_new(max_value, negative_slope, threshold))
    }

    /// As [`ThresholdRelu::new`].
    ///
    /// # Errors
    /// If a number is NaN or infinite, or if the ceiling is below the threshold.
    pub fn try_new(max_value: Option<f64>, negative_slope: f64, threshold: f64) -> Result<ThresholdRelu> {
        let ceiling = max_value.unwrap_or(threshold);
        for (name, value) in [("threshold", threshold), ("negative slope", negative_slope), ("ceiling", ceiling)] {
            if !value.is_finite() {
                return setting(WHAT, format!("the {name} is {value}; it must be finite"));
            }
        }
        if ceiling < threshold {
            let problem = format!("the ceiling {ceiling} is below the threshold {threshold}; no x would pass");
            return setting(WHAT, problem);
        }
        Ok(ThresholdRelu { ceiling: max_value, slope: negative_slope, threshold })
    }

    /// x up to the ceiling.
    #[track_caller]
    fn below_ceiling<T: Float>(self, x: Var<T>) -> Var<T> {
        match self.ceiling {
            Some(ceiling) => x.clamp(f64::NEG_INFINITY, ceiling),
            None => x,
        }
    }

    /// Whether it is a leaky rectifier and then a clamp, which leaves what is below 0 alone.
    fn is_clamped_leaky(self) -> bool {
        self.threshold == 0.0 && self.slope >= 0.0
    }

    /// Without threshold and ceiling.
    fn rectifier<T: Float>(self) -> Rectifier<T> {
        if self.slope == 0.0 { Rectifier::Relu } else { Rectifier::LeakyRelu(self.slope) }
    }

    #[track_caller]
    fn apply<T: Float>(self, x: Var<T>) -> Var<T> {
        let ThresholdRelu { ceiling, slope, threshold } = self;
        if self.is_clamped_leaky() {
            return self.below_ceiling(self.rectifier().apply(x));
        }
        let is_kink = threshold == 0.0 && ceiling != Some(0.0);
        let passes = if is_kink { x.value().gt(0) } else { x.value().ge(threshold) };
        // 0·(−∞) would be NaN.
        let below = |x: Var<T>| if slope == 0.0 { x.clamp(0, 0) } else { (x - threshold) * slope };
        x.select(&passes, |x| self.below_ceiling(x), below)
    }

    /// The error where a jump is in the way.
    fn check_continuous(self, what: &'static str, hint: &str) -> Result<()> {
        match self.threshold == 0.0 {
            true => Ok(()),
            false => setting(what, format!("{WHAT} jumps at its threshold {}{hint}", self.threshold)),
        }
    }

    fn steepest<T: Float>(self) -> Result<f64> {
        self.check_continuous("lipschitz", ", so that no bound holds; only with the threshold 0 there is one")?;
        Ok(T::from_f64(self.slope).to_f64().abs().max(1.0))
    }

    fn bend<T: Float>(self, chain: &mut Piecewise) -> Result<()> {
        self.check_continuous("piecewise", "; only continuous functions have their regions found")?;
        let slope = T::from_f64(self.slope).to_f64();
        match self.ceiling.map(|ceiling| T::from_f64(ceiling).to_f64()) {
            None => chain.bend(&[0.0], &[slope, 1.0], 0.0),
            Some(ceiling) if ceiling > 0.0 => chain.bend(&[0.0, ceiling], &[slope, 1.0, 0.0], 0.0),
            Some(_) => chain.bend(&[0.0], &[slope, 0.0], 0.0),
        }
    }

    fn write(self, at: &Path, graph: &mut Graph, x: Value) -> Result<Value> {
        if !self.is_clamped_leaky() {
            let problem = "a threshold other than 0, or a negative slope below 0, has no node";
            return setting("onnx", format!("`{}`: {WHAT}: {problem}; take LeakyRelu and Hardtanh", at.as_str()));
        }
        let x = graph.rectifier::<f64>(at, x, &self.rectifier())?;
        Ok(match self.ceiling {
            Some(ceiling) => graph.clip(at, x, f64::NEG_INFINITY, ceiling),
            None => x,
        })
    }
}

without_parameters! {
    ThresholdRelu => |this, x| this.apply(x), lipschitz |this| this.steepest::<T>(), piecewise |this, chain| this.bend::<T>(chain),
        onnx |this, at, graph, y| this.write(at, graph, y)?;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Layer as _;
    use crate::lipschitz::Certificate;
    use tape::{Rng, Tape, Tensor, gradcheck};

    fn values_and_slopes(act: ThresholdRelu, x: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let tape = Tape::probing();
        let x = tape.var(Tensor::from(x));
        let y = act.forward(x.clone());
        (y.to_vec(), y.sum().backward()[&x].to_vec())
    }

    /// Keras 48646: a threshold below 0 was applied to x that had been cut at 0, and [1, 0.5, 0, −0.5] came out.
    #[test]
    fn peer_bug_r43() {
        let (values, slopes) = values_and_slopes(ThresholdRelu::new(Some(1.0), 1.0, -1.0), &[1.5, 0.5, -0.5, -1.5]);
        assert_eq!(values, [1.0, 0.5, -0.5, -0.5]);
        assert_eq!(slopes, [0.0, 1.0, 1.0, 1.0]);
    }

    /// Ceiling, slope, threshold, of every sign and kind.
    const SETTINGS: [(Option<f64>, f64, f64); 13] = [
        (None, 0.0, 0.0),
        (None, 0.25, 0.0),
        (Some(2.0), 0.5, 0.0),
        (Some(0.0), 0.5, 0.0),
        (Some(2.0), -0.5, 0.0),
        (Some(0.0), -0.5, 0.0),
        (None, 0.0, 1.0),
        (Some(2.0), 0.25, 1.0),
        (Some(1.0), -0.5, 1.0),
        (Some(1.0), 1.0, -1.0),
        (None, 0.0, -1.0),
        // Below the threshold values may be above the ceiling.
        (Some(-1.0), 0.5, -2.0),
        (Some(-2.0), -1.0, -2.0),
    ];

    fn definition((ceiling, slope, threshold): (Option<f64>, f64, f64), x: f64) -> (f64, f64) {
        let ceiling = ceiling.unwrap_or(f64::INFINITY);
        if x >= ceiling {
            (ceiling, 0.0)
        } else if x < threshold {
            (slope * (x - threshold), slope)
        } else {
            (x, if x == 0.0 && threshold == 0.0 { slope } else { 1.0 })
        }
    }

    #[test]
    fn values_and_slopes_are_the_definitions() {
        let x: Vec<f32> = (-16..=16).map(|i| i as f32 / 4.0).chain([1e30, -1e30]).collect();
        for (max_value, slope, threshold) in SETTINGS {
            let act = ThresholdRelu::new(max_value, slope, threshold);
            let (values, slopes) = values_and_slopes(act, &x);
            for (i, &x) in x.iter().enumerate() {
                let (value, of) = definition((max_value, slope, threshold), x.into());
                assert_eq!((values[i], slopes[i]), (value as f32, of as f32), "{act:?} at {x}");
            }
        }
    }

    #[test]
    fn far_out_and_nan() {
        let inf = f32::INFINITY;
        for (max_value, slope, threshold) in SETTINGS {
            let (values, slopes) = values_and_slopes(ThresholdRelu::new(max_value, slope, threshold), &[inf, -inf]);
            let below = if slope == 0.0 { 0.0 } else { -inf * slope as f32 };
            assert_eq!(values, [max_value.map_or(inf, |ceiling| ceiling as f32), below]);
            // The clamp's slope at its lower bound, −∞, is 0 as at any bound.
            let at_bound = max_value.is_some() && threshold == 0.0 && slope >= 0.0;
            let of_below = if at_bound { 0.0 } else { slope as f32 };
            assert_eq!(slopes, [f32::from(max_value.is_none()), of_below]);
            let (values, _) = values_and_slopes(ThresholdRelu::new(max_value, slope, threshold), &[f32::NAN, 3.0]);
            assert!(values[0].is_nan() && !values[1].is_nan());
        }
        let zero = values_and_slopes(ThresholdRelu::default(), &[-0.0]).0[0];
        assert!(zero == 0.0 && zero.is_sign_positive());
    }

    #[test]
    fn gradients() {
        let x = Tensor::randn([4, 7], &mut Rng::seed(3)).cast::<f64>() * 3.0;
        for (max_value, slope, threshold) in SETTINGS {
            let act = ThresholdRelu::new(max_value, slope, threshold);
            gradcheck(|[x]| (act.forward(x.clone()) * x).sum(), [&x])
                .unwrap_or_else(|error| panic!("{act:?}: {error}"));
        }
    }

    #[test]
    fn empty_and_single_numbers_pass() {
        for (max_value, slope, threshold) in SETTINGS {
            for shape in [&[][..], &[0], &[2, 0], &[1]] {
                let y = ThresholdRelu::new(max_value, slope, threshold)
                    .forward(Tape::inference().input(Tensor::zeros(shape)));
                assert_eq!(y.shape(), shape);
            }
        }
    }

    #[test]
    fn what_jumps_has_no_regions_and_no_bound() {
        let act = ThresholdRelu::new(None, 0.5, 1.0);
        let text = Piecewise::of::<f32>(&act, 2).err().unwrap().to_string();
        assert!(text.contains("jumps at its threshold 1; only continuous functions"), "{text}");
        let text = Certificate::of::<f32>(&act).err().unwrap().to_string();
        assert!(text.contains("jumps at its threshold 1, so that no bound holds"), "{text}");
    }

    #[test]
    fn bad_settings_are_errors() {
        let text =
            |max_value, slope, threshold| ThresholdRelu::try_new(max_value, slope, threshold).unwrap_err().to_string();
        assert_eq!(text(None, 0.0, f64::NAN), "ThresholdRelu: the threshold is NaN; it must be finite");
        assert_eq!(text(None, f64::INFINITY, 0.0), "ThresholdRelu: the negative slope is inf; it must be finite");
        assert_eq!(text(Some(f64::INFINITY), 0.0, 0.0), "ThresholdRelu: the ceiling is inf; it must be finite");
        let below = "ThresholdRelu: the ceiling -1 is below the threshold 0; no x would pass";
        assert_eq!(text(Some(-1.0), 0.0, 0.0), below);
    }
}
