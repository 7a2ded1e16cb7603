//! Which rectifier a model uses: a choice, and the layer it makes.

use super::{LeakyRelu, PRelu, Relu};
use crate::module::{CastTo, Module, Path, Visitor, VisitorMut};
use crate::onnx::{Graph, Value};
use crate::regions::Piecewise;
use crate::{Layer, Result};
use tape::{Float, Rectifier, Tape, Var};

/// A rectifier by name.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Activation {
    /// max(x, 0).
    #[default]
    Relu,
    /// This slope below 0.
    LeakyRelu(f64),
    /// A learned slope for each feature, from 0.25 on.
    PRelu,
}

impl Activation {
    /// The layer, for so many features.
    ///
    /// # Panics
    /// If a slope is not finite.
    #[track_caller]
    pub fn layer(self, features: usize) -> Act {
        match self {
            Activation::Relu => Act::Relu(Relu),
            Activation::LeakyRelu(slope) => Act::LeakyRelu(LeakyRelu::new(slope)),
            Activation::PRelu => Act::PRelu(PRelu::per_feature(features)),
        }
    }

    /// The slope below 0 that starting values should count with.
    pub fn leak(self) -> f64 {
        match self {
            Activation::Relu => 0.0,
            Activation::LeakyRelu(slope) => slope,
            Activation::PRelu => 0.25,
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
}

impl<T: Float> Act<T> {
    fn inner(&self) -> &dyn Layer<T> {
        match self {
            Act::Relu(relu) => relu,
            Act::LeakyRelu(leaky) => leaky,
            Act::PRelu(prelu) => prelu,
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
    fn piecewise(&self, chain: &mut Piecewise) -> Result<()> {
        self.inner().piecewise(chain)
    }
    fn onnx(&self, at: &mut Path, graph: &mut Graph, x: Value) -> Result<Value> {
        self.inner().onnx(at, graph, x)
    }
}
