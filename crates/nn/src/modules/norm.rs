//! Normalisation layers: batch norm (and with its rectifier, [`NormAct`]), layer, RMS, group and instance norm. Features last: one type serves images, sequences and rows.

mod per_sample;

pub use per_sample::{GroupNorm, InstanceNorm, LayerNorm, RmsNorm};

use super::{Act, Activation};
use crate::error::setting;
use crate::onnx::{Graph, Value};
use crate::regions::Piecewise;
use crate::{Buffer, Layer, Module, Result};
use tape::{Float, Group, Moments, Param, Rectifier, Tape, Tensor, Var};

/// PyTorch's ε, and the share of a batch in running statistics.
const EPSILON: f64 = 1e-5;
const MOMENTUM: f64 = 0.1;

/// Normalises each feature over all rows of the batch, then γ·x̂ + β; at inference by running statistics (Ioffe, Szegedy 2015).
///
/// A training tape uses the batch's statistics and notes the running ones, new = 0.9·old + 0.1·batch with the unbiased variance; the optimiser's step writes them. Other tapes use the running ones, as [`BatchNorm::frozen`] always does.
///
/// ```
/// use nn::prelude::*;
/// let norm = BatchNorm::new(2);
/// let x = Tensor::from([[1.0, 10.0], [3.0, 30.0]]);
/// let y = norm.forward(Tape::training(1).input(x.clone()));
/// assert!(y.value().allclose(&Tensor::from([[-1.0, -1.0], [1.0, 1.0]]), 1e-4, 0.0));
/// let y = norm.forward(Tape::inference().input(x.clone())); // running statistics are still 0 and 1
/// assert!(y.value().allclose(&x, 1e-4, 0.0));
/// ```
#[derive(Clone, Debug, Module)]
pub struct BatchNorm<T: Float = f32> {
    weight: Param<T>,
    bias: Param<T>,
    running_mean: Buffer<T>,
    running_var: Buffer<T>,
    epsilon: f64,
    momentum: f64,
    is_frozen: bool,
}

impl BatchNorm {
    /// For so many features.
    ///
    /// # Panics
    /// If there are none.
    #[track_caller]
    pub fn new(features: usize) -> BatchNorm {
        assert!(features > 0, "BatchNorm: 0 features; 1 is the least");
        BatchNorm {
            weight: Param::new(Tensor::ones([features]), Group::Bias),
            bias: Param::new(Tensor::zeros([features]), Group::Bias),
            running_mean: Buffer::new(Tensor::zeros([features])),
            running_var: Buffer::new(Tensor::ones([features])),
            epsilon: EPSILON,
            momentum: MOMENTUM,
            is_frozen: false,
        }
    }

    /// With another ε under the root, and another share of a batch in the running statistics.
    ///
    /// # Errors
    /// If ε is not above 0 and finite, or if the share is not in [0, 1].
    pub fn with(mut self, epsilon: f64, momentum: f64) -> Result<BatchNorm> {
        check_epsilon("BatchNorm", epsilon)?;
        if !(0.0..=1.0).contains(&momentum) {
            return setting("BatchNorm", format!("momentum is {momentum}; the share of a batch is in [0, 1]"));
        }
        (self.epsilon, self.momentum) = (epsilon, momentum);
        Ok(self)
    }
}

fn check_epsilon(layer: &'static str, epsilon: f64) -> Result<()> {
    match epsilon > 0.0 && epsilon.is_finite() {
        true => Ok(()),
        false => setting(layer, format!("ε is {epsilon}; it must be above 0 and finite")),
    }
}

impl<T: Float> BatchNorm<T> {
    /// Takes γ, β, running mean and variance for its own.
    pub(crate) fn set(&mut self, [weight, bias, mean, variance]: [Tensor<T>; 4]) {
        (*self.weight.value_mut(), *self.bias.value_mut()) = (weight, bias);
        (*self.running_mean.value_mut(), *self.running_var.value_mut()) = (mean, variance);
    }

    /// Uses the running statistics on every tape, and leaves them as they are.
    #[must_use]
    pub fn frozen(mut self) -> Self {
        self.is_frozen = true;
        self
    }

    /// γ.
    pub fn weight(&self) -> &Param<T> {
        &self.weight
    }

    /// γ, to be changed.
    pub fn weight_mut(&mut self) -> &mut Param<T> {
        &mut self.weight
    }

    /// β.
    pub fn bias(&self) -> &Param<T> {
        &self.bias
    }

    /// β, to be changed.
    pub fn bias_mut(&mut self) -> &mut Param<T> {
        &mut self.bias
    }

    /// The running mean.
    pub fn running_mean(&self) -> &Buffer<T> {
        &self.running_mean
    }

    /// The running variance, unbiased.
    pub fn running_var(&self) -> &Buffer<T> {
        &self.running_var
    }

    /// ε under the root.
    pub fn epsilon(&self) -> f64 {
        self.epsilon
    }

    /// In evaluation it is x ↦ scale·x + shift: γ/√(variance + ε) and β − mean·scale, in f64.
    ///
    /// # Errors
    /// If variance + ε is not above 0.
    pub fn as_affine(&self) -> Result<[Tensor<f64>; 2]> {
        let variance = self.running_var.value().cast::<f64>() + self.epsilon;
        if let Some(at) = variance.iter().position(|v| v.is_nan() || v <= 0.0) {
            let problem = format!("variance + ε is {} at feature {at}; it must be above 0", variance.to_vec()[at]);
            return setting("BatchNorm", problem);
        }
        let scale = self.weight.value().cast::<f64>() / variance.sqrt();
        let shift = self.bias.value().cast::<f64>() - self.running_mean.value().cast::<f64>() * &scale;
        Ok([scale, shift])
    }

    /// f(norm(x) + residual) in one op.
    ///
    /// # Panics
    /// If shapes do not fit; on a training tape if there is one value for each feature, which has no variance.
    #[track_caller]
    pub fn forward_with(&self, x: Var<T>, residual: Option<&Var<T>>, act: Option<Rectifier<T>>) -> Var<T> {
        self.forward_known((x, None), residual, act)
    }

    /// As [`BatchNorm::forward_with`], of an x whose moments may be known.
    #[track_caller]
    fn forward_known(
        &self,
        (x, known): (Var<T>, Option<Moments<T>>),
        residual: Option<&Var<T>>,
        act: Option<Rectifier<T>>,
    ) -> Var<T> {
        let tape = x.tape().clone();
        let (weight, bias) = (tape.param(&self.weight), tape.param(&self.bias));
        if !tape.is_training() || self.is_frozen {
            let (mean, variance) = (tape.buffer(&self.running_mean), tape.buffer(&self.running_var));
            let moments = Moments { mean, variance, count: 0 };
            return x.normalise(&moments, &weight, &bias, self.epsilon, residual, act);
        }
        let (features, count) = (self.weight.value().len(), x.len() / self.weight.value().len());
        assert!(
            count > 1,
            "BatchNorm: x has shape {:?}, {count} value for each of {features} features; training needs 2, or `frozen()`",
            x.shape()
        );
        let moments = known.unwrap_or_else(|| x.value().moments());
        let z = x.batch_norm_act_given(&moments, &weight, &bias, self.epsilon, residual, act);
        let unbiased = count as f64 / (count - 1) as f64;
        tape.update_running(&self.running_mean, moments.mean, self.momentum);
        tape.update_running(&self.running_var, moments.variance * unbiased, self.momentum);
        z
    }
}

impl<T: Float> Layer<T> for BatchNorm<T> {
    /// In evaluation: the largest |γ|/√(variance + ε).
    fn lipschitz(&self, at: &mut crate::module::Path, bounds: &mut crate::lipschitz::Certificate) -> Result<()> {
        let (weight, variance) = (self.weight.value().cast::<f64>(), self.running_var.value().cast::<f64>());
        bounds.push(at, "BatchNorm", crate::lipschitz::norm_above(&weight, &variance, self.epsilon))
    }

    /// # Panics
    /// As [`BatchNorm::forward_with`].
    #[track_caller]
    fn forward(&self, x: Var<T>) -> Var<T> {
        self.forward_with(x, None, None)
    }

    #[track_caller]
    fn forward_rectified(&self, x: Var<T>, act: Rectifier<T>) -> Var<T> {
        self.forward_with(x, None, Some(act))
    }

    #[track_caller]
    fn piecewise(&self, chain: &mut Piecewise) -> Result<()> {
        let [scale, shift] = self.as_affine()?;
        chain.affine("BatchNorm", scale, Some(&shift), |x, scale| x * scale)
    }

    fn onnx(&self, at: &mut crate::module::Path, graph: &mut Graph, x: Value) -> Result<Value> {
        let (mean, variance) = (self.running_mean.value(), self.running_var.value());
        graph.batch_norm(at, x, [self.weight.value(), self.bias.value(), mean, variance], self.epsilon)
    }
}

/// Batch norm and the rectifier behind it, with an optional residual between the two, as one op.
///
/// ```
/// use nn::prelude::*;
/// let block = NormAct::new(16, Activation::PRelu);
/// let tape = Tape::training(1);
/// let x = tape.input(Tensor::randn([4, 8, 8, 16], &mut Rng::seed(1)));
/// let y = block.forward_residual(x.clone(), &x);
/// assert_eq!(y.shape(), x.shape());
/// ```
#[derive(Clone, Debug, Module)]
pub struct NormAct<T: Float = f32> {
    norm: BatchNorm<T>,
    act: Act<T>,
    fuses: bool,
}

impl NormAct {
    /// For so many features.
    ///
    /// # Panics
    /// If there are none, or if a slope is not finite.
    #[track_caller]
    pub fn new(features: usize, act: Activation) -> NormAct {
        NormAct { norm: BatchNorm::new(features), act: act.layer(features), fuses: true }
    }
}

impl<T: Float> NormAct<T> {
    /// The norm.
    pub fn norm(&self) -> &BatchNorm<T> {
        &self.norm
    }

    /// The rectifier.
    pub fn act(&self) -> &Act<T> {
        &self.act
    }

    /// Norm and rectifier, to be changed.
    pub fn parts_mut(&mut self) -> (&mut BatchNorm<T>, &mut Act<T>) {
        (&mut self.norm, &mut self.act)
    }

    /// f(norm(x) + r).
    ///
    /// # Panics
    /// As [`BatchNorm::forward_with`].
    #[track_caller]
    pub fn forward_residual(&self, x: Var<T>, r: &Var<T>) -> Var<T> {
        self.forward_known((x, None), Some(r))
    }

    /// f(norm(layer(x)) + r): where fusion is on, the layer's own last pass finds the statistics.
    ///
    /// # Panics
    /// As the layer, and as [`BatchNorm::forward_with`].
    #[track_caller]
    pub fn forward_after(&self, layer: &impl Layer<T>, x: Var<T>, r: Option<&Var<T>>) -> Var<T> {
        let known = if self.takes_moments(x.tape()) { layer.forward_moments(x) } else { (layer.forward(x), None) };
        self.forward_known(known, r)
    }

    /// The nodes of f(norm(x) + r).
    pub(crate) fn onnx_residual(
        &self,
        at: &mut crate::module::Path,
        graph: &mut Graph,
        x: Value,
        r: Option<Value>,
    ) -> Result<Value> {
        let normal = at.enter("norm", |at| self.norm.onnx(at, graph, x))?;
        let sum = match r {
            Some(r) => graph.sum(at, r, normal)?,
            None => normal,
        };
        at.enter("act", |at| self.act.onnx(at, graph, sum))
    }

    #[track_caller]
    fn forward_known(&self, (x, moments): (Var<T>, Option<Moments<T>>), r: Option<&Var<T>>) -> Var<T> {
        if let Some(act) = self.act.rectifier(x.tape()).filter(|_| self.fuses) {
            return self.norm.forward_known((x, moments), r, Some(act));
        }
        let normal = self.norm.forward(x);
        self.act.forward(match r {
            Some(r) => normal + r,
            None => normal,
        })
    }
}

impl<T: Float> Layer<T> for NormAct<T> {
    fn lipschitz(&self, at: &mut crate::module::Path, bounds: &mut crate::lipschitz::Certificate) -> Result<()> {
        at.enter("norm", |at| self.norm.lipschitz(at, bounds))?;
        at.enter("act", |at| self.act.lipschitz(at, bounds))
    }

    /// # Panics
    /// As [`BatchNorm::forward_with`].
    #[track_caller]
    fn forward(&self, x: Var<T>) -> Var<T> {
        self.forward_known((x, None), None)
    }

    fn takes_moments(&self, tape: &Tape<T>) -> bool {
        self.fuses && tape.is_training() && !self.norm.is_frozen
    }

    #[track_caller]
    fn forward_given(&self, known: (Var<T>, Option<Moments<T>>)) -> Var<T> {
        self.forward_known(known, None)
    }

    fn set_fused(&mut self, fuses: bool) {
        self.fuses = fuses;
    }

    #[track_caller]
    fn piecewise(&self, chain: &mut Piecewise) -> Result<()> {
        self.norm.piecewise(chain)?;
        self.act.piecewise(chain)
    }

    fn onnx(&self, at: &mut crate::module::Path, graph: &mut Graph, x: Value) -> Result<Value> {
        self.onnx_residual(at, graph, x, None)
    }
}

#[cfg(test)]
#[path = "norm_tests.rs"]
mod tests;
