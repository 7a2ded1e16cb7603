//! Linear: y = x·W + b, with x `[…, in]`, W `[in, out]`, b `[out]`.
//!
//! W starts by Kaiming's law for rectifiers with slope 0.25 below 0 (He et al. 2015, and the slope a PReLU starts with): normal with
//! variance 2 / (1.0625·in). b starts at 0.

use crate::error::expect;
use crate::init::{Init, Kaiming};
use crate::onnx::{Graph, Value};
use crate::regions::Piecewise;
use crate::{Layer, Module, Result};
use tape::{Float, Group, Param, Rectifier, Rng, Tape, Tensor, Var};

/// A linear map of the last axis, with a bias unless built without.
///
/// ```
/// use nn::prelude::*;
/// let linear = Linear::new(3, 2, &mut Rng::seed(1));
/// let y = linear.forward(Tape::inference().input(Tensor::zeros([5, 3])));
/// assert_eq!(y.shape(), &[5, 2]);
/// ```
#[derive(Clone, Debug, Module)]
pub struct Linear<T: Float = f32> {
    #[module(pytorch(reversed))]
    weight: Param<T>,
    bias: Option<Param<T>>,
}

impl Linear {
    /// A map from `inputs` features to `outputs`, with a bias.
    ///
    /// # Panics
    /// If either is 0.
    #[track_caller]
    pub fn new(inputs: usize, outputs: usize, rng: &mut Rng) -> Linear {
        expect(Linear::with_init(inputs, outputs, &Kaiming::default().leak(0.25), rng))
    }

    /// As [`Linear::new`], the weight drawn by another law.
    ///
    /// # Errors
    /// If the law's settings make no sense.
    pub fn with_init(inputs: usize, outputs: usize, init: &impl Init, rng: &mut Rng) -> Result<Linear> {
        let weight = Param::new(init.tensor([inputs, outputs], rng)?, Group::Weight);
        Ok(Linear { weight, bias: Some(Param::new(Tensor::zeros([outputs]), Group::Bias)) })
    }

    /// Without the bias, as before a normalisation, which has its own.
    #[must_use]
    pub fn without_bias(mut self) -> Linear {
        self.bias = None;
        self
    }
}

impl<T: Float> Linear<T> {
    /// From W `[in, out]` and b `[out]`.
    pub(crate) fn of_parts(weight: Tensor<T>, bias: Option<Tensor<T>>) -> Linear<T> {
        let bias = bias.map(|bias| Param::new(bias, Group::Bias));
        Linear { weight: Param::new(weight, Group::Weight), bias }
    }

    /// W `[in, out]`.
    pub fn weight(&self) -> &Param<T> {
        &self.weight
    }

    /// W, to be changed.
    pub fn weight_mut(&mut self) -> &mut Param<T> {
        &mut self.weight
    }

    /// b `[out]`, if there is one.
    pub fn bias(&self) -> Option<&Param<T>> {
        self.bias.as_ref()
    }

    /// b, to be changed.
    pub fn bias_mut(&mut self) -> Option<&mut Param<T>> {
        self.bias.as_mut()
    }

    /// Weight and bias, to be changed; the bias may be put in or taken out.
    pub(crate) fn parts_mut(&mut self) -> (&mut Param<T>, &mut Option<Param<T>>) {
        (&mut self.weight, &mut self.bias)
    }
}

impl<T: Float> Linear<T> {
    /// Weight and bias as values on a tape.
    #[track_caller]
    fn on(&self, tape: &Tape<T>) -> (Var<T>, Option<Var<T>>) {
        (tape.param(&self.weight), self.bias.as_ref().map(|bias| tape.param(bias)))
    }
}

impl<T: Float> Layer<T> for Linear<T> {
    /// # Panics
    /// If x's last axis is not W's first.
    #[track_caller]
    fn forward(&self, x: Var<T>) -> Var<T> {
        let (weight, bias) = self.on(x.tape());
        x.linear(weight, bias.as_ref())
    }

    fn lipschitz(&self, at: &mut crate::module::Path, bounds: &mut crate::lipschitz::Certificate) -> Result<()> {
        bounds.push(at, "Linear", crate::lipschitz::spectral_norm_above(self.weight.value()))
    }

    /// As [`Var::linear_act`].
    #[track_caller]
    fn forward_rectified(&self, x: Var<T>, act: Rectifier<T>) -> Var<T> {
        let (weight, bias) = self.on(x.tape());
        x.linear_act(weight, bias.as_ref(), act)
    }

    #[track_caller]
    fn piecewise(&self, chain: &mut Piecewise) -> Result<()> {
        let bias = self.bias.as_ref().map(|bias| bias.value().cast());
        chain.affine("Linear", self.weight.value().cast(), bias.as_ref(), |x, weight| x.linear(weight, None))
    }

    fn onnx(&self, at: &mut crate::module::Path, graph: &mut Graph, x: Value) -> Result<Value> {
        graph.linear(at, x, self.weight.value(), self.bias.as_ref().map(Param::value))
    }
}
