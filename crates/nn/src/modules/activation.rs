//! Which activation a model uses: a choice, and the layer it makes.

use super::{Elu, Gelu, GeluTanh, LeakyRelu, Mish, PRelu, Relu, Selu, Silu};
use crate::module::{CastTo, Module, Path, Visitor, VisitorMut};
use crate::onnx::{Graph, Value};
use crate::regions::Piecewise;
use crate::{Layer, Result};
use tape::{Float, Rectifier, Tape, Var};

/// A rectifier, or one of its smooth kin, by name.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Activation {
    /// max(x, 0).
    #[default]
    Relu,
    /// This slope below 0.
    LeakyRelu(f64),
    /// A learned slope for each feature, from 0.25 on.
    PRelu,
    /// This α below 0.
    Elu(f64),
    /// ELU with its scale.
    Selu,
    /// x·Φ(x).
    Gelu,
    /// GELU's approximation by tanh.
    GeluTanh,
    /// x·σ(x).
    Silu,
    /// x·tanh(softplus x).
    Mish,
}

impl Activation {
    /// The layer, for so many features.
    ///
    /// # Panics
    /// If a slope or α is not finite.
    #[track_caller]
    pub fn layer(self, features: usize) -> Act {
        match self {
            Activation::Relu => Act::Relu(Relu),
            Activation::LeakyRelu(slope) => Act::LeakyRelu(LeakyRelu::new(slope)),
            Activation::PRelu => Act::PRelu(PRelu::per_feature(features)),
            Activation::Elu(alpha) => Act::Elu(Elu::new(alpha)),
            Activation::Selu => Act::Selu(Selu),
            Activation::Gelu => Act::Gelu(Gelu),
            Activation::GeluTanh => Act::GeluTanh(GeluTanh),
            Activation::Silu => Act::Silu(Silu),
            Activation::Mish => Act::Mish(Mish),
        }
    }

    /// The slope below 0 that starting values should count with; 0 for the smooth ones.
    pub fn leak(self) -> f64 {
        match self {
            Activation::LeakyRelu(slope) => slope,
            Activation::PRelu => 0.25,
            _ => 0.0,
        }
    }
}

/// The layer that an [`Activation`] makes.
#[derive(Clone, Debug)]
pub enum Act<T: Float = f32> {
    /// [`Relu`].
    Relu(Relu),
    /// [`LeakyRelu`].
    LeakyRelu(LeakyRelu),
    /// [`PRelu`].
    PRelu(PRelu<T>),
    /// [`Elu`].
    Elu(Elu),
    /// [`Selu`].
    Selu(Selu),
    /// [`Gelu`].
    Gelu(Gelu),
    /// [`GeluTanh`].
    GeluTanh(GeluTanh),
    /// [`Silu`].
    Silu(Silu),
    /// [`Mish`].
    Mish(Mish),
}

impl<T: Float> Act<T> {
    fn inner(&self) -> &dyn Layer<T> {
        match self {
            Act::Relu(relu) => relu,
            Act::LeakyRelu(leaky) => leaky,
            Act::PRelu(prelu) => prelu,
            Act::Elu(elu) => elu,
            Act::Selu(selu) => selu,
            Act::Gelu(gelu) => gelu,
            Act::GeluTanh(gelu) => gelu,
            Act::Silu(silu) => silu,
            Act::Mish(mish) => mish,
        }
    }
}

/// Names are those of the layer itself: `weight` in PyTorch's files, `alpha` here.
impl<T: Float> Module<T> for Act<T> {
    fn visit<'a>(&'a self, path: &mut Path, visitor: &mut dyn Visitor<'a, T>) {
        if let Act::PRelu(prelu) = self {
            prelu.visit(path, visitor);
        }
    }
    fn visit_mut<'a>(&'a mut self, path: &mut Path, visitor: &mut dyn VisitorMut<'a, T>) {
        if let Act::PRelu(prelu) = self {
            prelu.visit_mut(path, visitor);
        }
    }
}

impl<T: Float, U: Float> CastTo<U> for Act<T> {
    type Output = Act<U>;
    fn cast_to(&self) -> Act<U> {
        match self {
            Act::Relu(relu) => Act::Relu(*relu),
            Act::LeakyRelu(leaky) => Act::LeakyRelu(*leaky),
            Act::PRelu(prelu) => Act::PRelu(CastTo::<U>::cast_to(prelu)),
            Act::Elu(elu) => Act::Elu(*elu),
            Act::Selu(selu) => Act::Selu(*selu),
            Act::Gelu(gelu) => Act::Gelu(*gelu),
            Act::GeluTanh(gelu) => Act::GeluTanh(*gelu),
            Act::Silu(silu) => Act::Silu(*silu),
            Act::Mish(mish) => Act::Mish(*mish),
        }
    }
}

impl<T: Float> Layer<T> for Act<T> {
    fn forward(&self, x: Var<T>) -> Var<T> {
        self.inner().forward(x)
    }
    fn rectifier(&self, tape: &Tape<T>) -> Option<Rectifier<T>> {
        self.inner().rectifier(tape)
    }
    fn lipschitz(&self, at: &mut Path, bounds: &mut crate::lipschitz::Certificate) -> Result<()> {
        self.inner().lipschitz(at, bounds)
    }
    fn piecewise(&self, chain: &mut Piecewise) -> Result<()> {
        self.inner().piecewise(chain)
    }
    fn onnx(&self, at: &mut Path, graph: &mut Graph, x: Value) -> Result<Value> {
        self.inner().onnx(at, graph, x)
    }
}
