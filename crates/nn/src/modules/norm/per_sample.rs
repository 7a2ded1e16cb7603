//! Norms of each sample by itself: layer, RMS, group and instance norm.

use super::{EPSILON, check_epsilon};
use crate::error::{expect, setting};
use crate::onnx::{Graph, Value};
use crate::{Layer, Module, Result};
use tape::{Float, Group, Param, Tape, Tensor, Var};

/// Normalises each row (last axis), then γ·x̂ + β (Ba, Kiros, Hinton 2016).
#[derive(Clone, Debug, Module)]
pub struct LayerNorm<T: Float = f32> {
    weight: Param<T>,
    bias: Option<Param<T>>,
    epsilon: f64,
}

/// Divides each row (last axis) by its root mean square, then times γ (Zhang, Sennrich 2019).
#[derive(Clone, Debug, Module)]
pub struct RmsNorm<T: Float = f32> {
    weight: Param<T>,
    epsilon: f64,
}

/// Normalises each sample's groups of channels over all its places, then γ·x̂ + β (Wu, He 2018).
#[derive(Clone, Debug, Module)]
pub struct GroupNorm<T: Float = f32> {
    weight: Param<T>,
    bias: Param<T>,
    groups: usize,
    epsilon: f64,
}

/// Normalises each sample's channels over all its places, then γ·x̂ + β (Ulyanov, Vedaldi, Lempitsky 2016).
#[derive(Clone, Debug, Module)]
pub struct InstanceNorm<T: Float = f32> {
    weight: Param<T>,
    bias: Param<T>,
    epsilon: f64,
}

macro_rules! affine {
    ($($layer:ident $what:literal ($($argument:ident: $type:ty),*) { $($field:ident: $value:expr),* };)+) => {$(
        impl $layer {
            #[doc = concat!("For so many ", $what, ", with ε = 1e-5.")]
            ///
            /// # Panics
            /// If a size is 0 or does not fit.
            #[track_caller]
            pub fn new($($argument: $type,)* features: usize) -> $layer {
                assert!(features > 0, concat!(stringify!($layer), ": 0 ", $what, "; 1 is the least"));
                let weight = Param::new(Tensor::ones([features]), Group::Bias);
                $layer { weight, epsilon: EPSILON, $($field: ($value)(features)),* }
            }

            /// With another ε under the root.
            ///
            /// # Errors
            /// If it is not above 0 and finite.
            pub fn with_epsilon(mut self, epsilon: f64) -> Result<$layer> {
                check_epsilon(stringify!($layer), epsilon)?;
                self.epsilon = epsilon;
                Ok(self)
            }
        }

        impl<T: Float> $layer<T> {
            /// γ.
            pub fn weight(&self) -> &Param<T> {
                &self.weight
            }

            /// γ, to be changed.
            pub fn weight_mut(&mut self) -> &mut Param<T> {
                &mut self.weight
            }
        }
    )+};
}

fn bias(features: usize) -> Param {
    Param::new(Tensor::zeros([features]), Group::Bias)
}

affine! {
    LayerNorm "features" () { bias: |features| Some(bias(features)) };
    RmsNorm "features" () {};
    GroupNorm "channels" (groups: usize) { bias: bias, groups: |channels| checked_groups(groups, channels) };
    InstanceNorm "channels" () { bias: bias };
}

#[track_caller]
fn checked_groups(groups: usize, channels: usize) -> usize {
    let fits = groups > 0 && channels.is_multiple_of(groups);
    let problem = || setting("GroupNorm", format!("{groups} groups do not divide {channels} channels"));
    expect(if fits { Ok(groups) } else { problem() })
}

impl<T: Float> InstanceNorm<T> {
    /// Takes γ and β for its own.
    pub(crate) fn set(&mut self, weight: Tensor<T>, bias: Tensor<T>) {
        (*self.weight.value_mut(), *self.bias.value_mut()) = (weight, bias);
    }
}

impl<T: Float> LayerNorm<T> {
    /// Takes γ and β for its own.
    pub(crate) fn set(&mut self, weight: Tensor<T>, bias: Option<Tensor<T>>) {
        *self.weight.value_mut() = weight;
        self.bias = bias.map(|bias| Param::new(bias, Group::Bias));
    }

    /// Without β.
    #[must_use]
    pub fn without_bias(mut self) -> Self {
        self.bias = None;
        self
    }
}

impl<T: Float> Layer<T> for LayerNorm<T> {
    #[track_caller]
    fn forward(&self, x: Var<T>) -> Var<T> {
        let (weight, bias) = (x.tape().param(&self.weight), self.bias.as_ref().map(|bias| x.tape().param(bias)));
        x.layer_norm(&weight, bias.as_ref(), self.epsilon)
    }

    fn onnx(&self, at: &mut crate::module::Path, graph: &mut Graph, x: Value) -> Result<Value> {
        graph.layer_norm(at, x, (self.weight.value(), self.bias.as_ref().map(Param::value)), self.epsilon)
    }
}

impl<T: Float> Layer<T> for RmsNorm<T> {
    #[track_caller]
    fn forward(&self, x: Var<T>) -> Var<T> {
        let weight = x.tape().param(&self.weight);
        x.rms_norm(&weight, self.epsilon)
    }

    fn onnx(&self, at: &mut crate::module::Path, graph: &mut Graph, x: Value) -> Result<Value> {
        graph.rms_norm(at, x, self.weight.value(), self.epsilon)
    }
}

/// γ and β on a tape.
#[track_caller]
fn on<T: Float>(tape: &Tape<T>, weight: &Param<T>, bias: &Param<T>) -> (Var<T>, Var<T>) {
    (tape.param(weight), tape.param(bias))
}

impl<T: Float> Layer<T> for GroupNorm<T> {
    #[track_caller]
    fn forward(&self, x: Var<T>) -> Var<T> {
        let (weight, bias) = on(x.tape(), &self.weight, &self.bias);
        x.group_norm(self.groups, &weight, &bias, self.epsilon)
    }

    fn onnx(&self, at: &mut crate::module::Path, graph: &mut Graph, x: Value) -> Result<Value> {
        graph.group_norm(at, x, self.groups, (self.weight.value(), self.bias.value()), self.epsilon)
    }
}

impl<T: Float> Layer<T> for InstanceNorm<T> {
    #[track_caller]
    fn forward(&self, x: Var<T>) -> Var<T> {
        let (weight, bias) = on(x.tape(), &self.weight, &self.bias);
        x.instance_norm(&weight, &bias, self.epsilon)
    }

    fn onnx(&self, at: &mut crate::module::Path, graph: &mut Graph, x: Value) -> Result<Value> {
        let channels = self.weight.value().len();
        graph.group_norm(at, x, channels, (self.weight.value(), self.bias.value()), self.epsilon)
    }
}
