//! How much a network can stretch a distance: an upper bound of its Lipschitz constant, layer by layer.
//!
//! |f(x) − f(y)| ≤ L·|x − y| for all x and y, lengths being Euclidean over all of an example's elements. L is the product over the layers: a linear layer's spectral
//! norm ([`spectral_norm_above`]), a convolution's bound ([`conv_norm_above`]), max(1, |α|) for a rectifier (Szegedy et al. 2014, section 4.3; Gouk et al. 2021), the steepest slope of a
//! smooth one, √(windows a position is in) for max pooling.
//! Every factor is rounded up, so the product is a certificate of the function that the stored numbers define, in exact arithmetic and as in evaluation: dropout
//! keeps everything, batch norm uses its running statistics. What a forward pass rounds comes on top: points closer than that are no counterexample.
//!
//! ```
//! use nn::{lipschitz::Certificate, prelude::*};
//! let mut rng = Rng::seed(1);
//! let net = (Linear::new(64, 32, &mut rng), PRelu::per_feature(32), Linear::new(32, 10, &mut rng));
//! let certificate = Certificate::of(&net)?;
//! println!("{certificate}");
//! let x = Tensor::randn([2, 64], &mut rng);
//! let y = net.forward(Tape::inference().input(x.clone())).into_value();
//! let distance = |t: &Tensor| f64::from((t.narrow(0, 0, 1) - t.narrow(0, 1, 1)).norm().item());
//! assert!(distance(&y) <= certificate.bound() * distance(&x));
//! # Ok::<(), nn::Error>(())
//! ```

mod spectral;
pub(crate) mod steepest;

pub use spectral::{conv_norm_above, spectral_norm_above};

use crate::error::setting;
use crate::module::Path;
use crate::{Layer, Result};
use spectral::check_finite;
pub(crate) use spectral::up;
use std::fmt::{Display, Formatter};
use tape::{Float, Rectifier, Tensor};

/// What one layer stretches distances by at most.
#[derive(Clone, Debug, PartialEq)]
pub struct Factor {
    /// Where the layer is: its dotted name.
    pub name: String,
    /// What it is.
    pub layer: &'static str,
    /// At least its Lipschitz constant.
    pub bound: f64,
}

/// An upper bound of a network's Lipschitz constant, and the factors it is the product of. Prints as a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Certificate {
    factors: Vec<Factor>,
}

impl Certificate {
    /// Of no layers: the identity, whose constant is 1.
    pub fn new() -> Certificate {
        Certificate::default()
    }

    /// Of a layer, or of a tuple, vector or [`crate::Sequential`] of layers.
    ///
    /// # Errors
    /// If no bound is known for a layer (the error names it), or if a parameter is NaN or infinite.
    pub fn of<T: Float>(net: &(impl Layer<T> + ?Sized)) -> Result<Certificate> {
        let mut certificate = Certificate::new();
        net.lipschitz(&mut Path::default(), &mut certificate)?;
        Ok(certificate)
    }

    /// With one more layer behind: for networks whose forward is written by hand.
    ///
    /// # Errors
    /// As [`Certificate::of`].
    pub fn then<T: Float>(mut self, name: &str, layer: &(impl Layer<T> + ?Sized)) -> Result<Certificate> {
        Path::default().enter(name, |at| layer.lipschitz(at, &mut self))?;
        Ok(self)
    }

    /// With a layer whose bound is known to the caller behind.
    ///
    /// # Errors
    /// If the bound is NaN or negative.
    pub fn then_at_most(mut self, name: &str, layer: &'static str, bound: f64) -> Result<Certificate> {
        Path::default().enter(name, |at| self.push(at, layer, Ok(bound)))?;
        Ok(self)
    }

    /// At least the Lipschitz constant of the whole: the product of the factors, rounded up; 1 if there are none. Infinite where it is beyond f64.
    pub fn bound(&self) -> f64 {
        // A factor of 0 makes a constant, whatever the others are.
        match self.factors.iter().any(|factor| factor.bound == 0.0) {
            true => 0.0,
            false => self.factors.iter().fold(1.0, |product, factor| up(product * factor.bound).next_up()),
        }
    }

    /// The factors, from the input on.
    pub fn factors(&self) -> &[Factor] {
        &self.factors
    }

    /// One more factor: what [`Layer::lipschitz`] writes. An error is passed on with the layer's name.
    ///
    /// # Errors
    /// If the bound is one, or NaN or negative.
    pub fn push(&mut self, at: &Path, layer: &'static str, bound: Result<f64>) -> Result<()> {
        let name = at.as_str().to_owned();
        match bound {
            Ok(bound) if bound >= 0.0 => {
                self.factors.push(Factor { name, layer, bound });
                Ok(())
            }
            Ok(bound) => setting("Certificate", format!("`{name}` ({layer}): {bound} is no bound")),
            Err(error) => setting("Certificate", format!("`{name}` ({layer}): {error}")),
        }
    }

    /// A rectifier: max(1, |α|), as every secant's slope is between 1 and α.
    ///
    /// # Errors
    /// If a slope is NaN or infinite.
    pub fn rectifier<T: Float>(&mut self, at: &Path, rectifier: &Rectifier<T>) -> Result<()> {
        let (layer, slopes) = match rectifier {
            Rectifier::Relu => ("Relu", Tensor::f64([0.0])),
            Rectifier::LeakyRelu(slope) => ("LeakyRelu", Tensor::f64([T::from_f64(*slope).to_f64()])),
            Rectifier::PRelu(alpha) => ("PRelu", alpha.value().cast()),
        };
        let largest =
            check_finite("α", &slopes).map(|()| slopes.iter().fold(1.0, |max: f64, alpha| max.max(alpha.abs())));
        self.push(at, layer, largest)
    }

    /// x + f(x): 1 and the bound of f.
    ///
    /// # Errors
    /// Those of f's.
    pub fn residual(
        &mut self,
        at: &mut Path,
        inner: impl FnOnce(&mut Path, &mut Certificate) -> Result<()>,
    ) -> Result<()> {
        let mut branch = Certificate::new();
        at.enter_index(0, |at| inner(at, &mut branch))?;
        self.push(at, "Residual", Ok(up(1.0 + branch.bound())))
    }

    /// The error for a layer without a known bound.
    pub(crate) fn unknown(&self, at: &Path, layer: &'static str) -> Result<()> {
        let problem = format!(
            "no bound is known for `{}`, a {layer}; write `Layer::lipschitz` for it, or put the certificate together by \
             `Certificate::then` and `Certificate::then_at_most`",
            at.as_str()
        );
        setting("Certificate", problem)
    }
}

/// Of a normalisation by given statistics: the largest |γ|/√(variance + ε).
pub(crate) fn norm_above(weight: &Tensor<f64>, variance: &Tensor<f64>, epsilon: f64) -> Result<f64> {
    check_finite("γ", weight)?;
    check_finite("variance", variance)?;
    let mut largest = 0.0f64;
    for (gamma, variance) in weight.iter().zip(variance.iter()) {
        // NaN for a variance below −ε.
        largest = largest.max(up(gamma.abs() / (variance + epsilon).sqrt()));
        if variance + epsilon <= 0.0 {
            return setting("variance", format!("{variance} + ε is not above 0"));
        }
    }
    Ok(largest)
}

impl Display for Certificate {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let width =
            self.factors.iter().map(|factor| factor.name.chars().count()).max().unwrap_or(0).max("product".len());
        writeln!(f, "{:<width$}  {:<14}  at most", "layer", "is")?;
        for Factor { name, layer, bound } in &self.factors {
            writeln!(f, "{name:<width$}  {layer:<14}  {bound:.6}")?;
        }
        write!(f, "{:<width$}  {:<14}  {:.6}", "product", "", self.bound())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Activation, BatchNorm, Conv2d, Dropout, Flatten, LayerNorm, LeakyRelu, Linear, Module as _};
    use crate::{AvgPool2d, CRelu, GlobalAvgPool, MaxPool1d, MaxPool2d, PRelu, Relu, Residual, Sequential};
    use proptest::prelude::*;
    use tape::{Rng, Shape, Tape};

    fn linear(weight: Tensor) -> Linear {
        let mut linear = Linear::new(weight.shape()[0], weight.shape()[1], &mut Rng::seed(1));
        *linear.weight_mut().value_mut() = weight;
        linear
    }

    fn near(found: f64, expected: f64) {
        assert!(found >= expected && found <= expected * (1.0 + 1e-6), "{found} for {expected}");
    }

    #[test]
    fn the_factors_are_the_layers() {
        let net = Sequential::new()
            .then(linear(Tensor::from([[3.0, 0.0], [0.0, 2.0]])))
            .then(PRelu::with_alpha(Tensor::from([-4.0, 0.5])).unwrap())
            .then(Residual((linear(Tensor::eye(2) * 0.5), Relu)))
            .then((Dropout::new(0.5), Flatten, LeakyRelu::new(-2.5)))
            .then(BatchNorm::new(2).with(3.0, 0.1).unwrap());
        let certificate = Certificate::of(&net).unwrap();
        let found: Vec<_> = certificate.factors().iter().map(|f| (f.name.as_str(), f.layer)).collect();
        let expected = [
            ("0", "Linear"),
            ("1", "PRelu"),
            ("2", "Residual"),
            ("3.0", "Dropout"),
            ("3.1", "Flatten"),
            ("3.2", "LeakyRelu"),
            ("4", "BatchNorm"),
        ];
        assert_eq!(found, expected);
        let factors = [3.0, 4.0, 1.5, 1.0, 1.0, 2.5, 0.5];
        certificate.factors().iter().zip(factors).for_each(|(found, expected)| near(found.bound, expected));
        near(certificate.bound(), factors.iter().product());
        let text = certificate.to_string();
        let lines: Vec<_> = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
        assert_eq!(
            (&lines[0][..], &lines[2][..]),
            (&["layer", "is", "at", "most"][..], &["1", "PRelu", "4.000000"][..])
        );
        assert_eq!(lines[8], ["product", "22.500000"]);
    }

    #[test]
    fn networks_of_ones_own_are_put_together() {
        let mut rng = Rng::seed(2);
        let (hidden, act, out) = (Linear::new(4, 8, &mut rng), Activation::PRelu.layer(8), Linear::new(8, 1, &mut rng));
        let whole = Certificate::of(&(hidden.clone(), act.clone(), out.clone())).unwrap();
        let parts = Certificate::new().then("hidden", &hidden).unwrap().then("act", &act).unwrap();
        let parts = parts.then("out", &out).unwrap().then_at_most("pool", "mean", 0.5).unwrap();
        assert_eq!(parts.factors()[1].name, "act");
        near(parts.bound(), whole.bound() / 2.0 * (1.0 - 1e-9));
        assert_eq!(Certificate::new().bound(), 1.0);
        assert!(Certificate::new().then_at_most("x", "y", f64::NAN).is_err());
        let zero =
            Certificate::new().then_at_most("x", "y", f64::INFINITY).unwrap().then_at_most("z", "y", 0.0).unwrap();
        assert_eq!(zero.bound(), 0.0, "a constant");
    }

    #[test]
    fn what_has_no_bound_is_named() {
        let text = |result: Result<Certificate>| result.unwrap_err().to_string();
        let normed = text(Certificate::of(&Sequential::<f32>::new().then(Relu).then(LayerNorm::new(2))));
        assert!(normed.starts_with("Certificate: no bound is known for `1`, a LayerNorm; "), "{normed}");
        let broken = linear(Tensor::from([[1.0, f32::NAN]]));
        let text = text(Certificate::of(&(broken, Relu)));
        let expected = "spectral_norm_above: element 1 is NaN; a bound needs finite numbers";
        assert_eq!(text, format!("Certificate: `0` (Linear): {expected}"));
        let mut act = PRelu::shared();
        *act.alpha_mut().value_mut() = Tensor::from([f32::INFINITY]);
        assert!(Certificate::of(&act).is_err());
        assert!(norm_above(&Tensor::f64([1.0]), &Tensor::f64([-1.0]), 0.5).is_err());
    }

    /// Of a layer on inputs of this shape, and whether some pair of points comes near: neighbours, spikes, constants.
    fn check_tight(layer: &impl Layer<f64>, shape: &[usize], expected: f64) {
        let bound = Certificate::of(layer).unwrap().bound();
        near(bound, expected);
        let mut rng = Rng::seed(5);
        let n: usize = shape.iter().product();
        let forward = |x: &Tensor<f64>| layer.forward(Tape::inference().input(x.unsqueeze(0))).into_value();
        let zero = Tensor::<f64>::zeros_like(&Tensor::f64([0.0]).expand(Shape::from(shape)));
        let mut most = 0.0f64;
        let mut try_pair = |x: Tensor<f64>, y: Tensor<f64>| {
            let ratio = (forward(&x) - forward(&y)).norm().item() / (x - y).norm().item();
            assert!(ratio <= bound * (1.0 + 1e-12), "{ratio} above {bound}");
            most = most.max(ratio);
        };
        for place in 0..n {
            let spike = Tensor::<f64>::fill_with(shape, |x| {
                x.fill(0.0);
                x[place] = 1.0;
            });
            try_pair(spike, zero.clone());
        }
        try_pair(zero.full_like(1.0), zero.clone());
        for _ in 0..200 {
            let [x, y] = [0, 1].map(|_| Tensor::randn(shape, &mut rng).cast::<f64>());
            try_pair(x.clone(), &x + y.clone() * 1e-3);
            try_pair(x, y);
        }
        assert!(most >= bound * (1.0 - 1e-3), "at most {most} of {bound}");
    }

    #[test]
    fn pools_and_concatenated_relu_are_as_bounded_and_reach_it() {
        check_tight(&CRelu, &[3], 1.0);
        check_tight(&MaxPool2d::new(2), &[4, 4, 2], 1.0);
        check_tight(&MaxPool2d::new(3).stride(2), &[7, 7, 1], 2.0);
        check_tight(&MaxPool2d::new(3).stride(1).padding(1), &[5, 5, 1], 3.0);
        check_tight(&MaxPool1d::new(5).stride(2).ceil(), &[13, 2], 3f64.sqrt());
        check_tight(&AvgPool2d::new(2), &[4, 4, 2], 0.5);
        check_tight(&GlobalAvgPool, &[1, 1, 3], 1.0);
        // A window of one position at the end of an axis.
        check_tight(&AvgPool2d::new(2).ceil(), &[3, 3, 1], 1.0);
    }

    proptest! {
        /// Two points, and the two ends of the steepest direction at a point.
        #[test]
        fn no_pair_violates_it(seed in any::<u64>(), slope in -3.0f32..3.0, step in 1e-3..10.0f64) {
            let mut rng = Rng::seed(seed);
            let net = (
                Conv2d::new(2, 3, 3, &mut rng).padding(1).stride(2),
                PRelu::shared().starting_at(slope),
                Residual(Conv2d::new(3, 3, [1, 2], &mut rng).padding(tape::Padding::Same)),
                Flatten,
                Linear::new(18, 5, &mut rng),
            );
            let bound = Certificate::of(&net).unwrap().bound();
            let net = net.cast::<f64>();
            let forward = |x: &Tensor<f64>| net.forward(Tape::inference().input(x.clone())).into_value();
            let x = Tensor::randn([1, 4, 5, 2], &mut rng).cast::<f64>();
            let tape = Tape::probing();
            let at = tape.var(x.clone());
            let [slopes] = net.forward(at.clone()).square().sum().grad([&at]);
            for towards in [x.randn_like(&mut rng), slopes.into_value()] {
                let y = &x + towards * step;
                let ratio = (forward(&x) - forward(&y)).norm().item() / (x.clone() - y).norm().item();
                prop_assert!(ratio <= bound * (1.0 + 1e-9), "{ratio} above {bound}");
            }
        }
    }
}
