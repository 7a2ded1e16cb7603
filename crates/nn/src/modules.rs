//! Layers: modules with one input and one output.

mod linear;
mod pooling;
mod prelu;
mod sequential;
mod stateless;

pub use linear::Linear;
pub use pooling::{
    AdaptiveAvgPool, AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveAvgPool3d, AdaptiveMaxPool, AdaptiveMaxPool1d,
    AdaptiveMaxPool2d, AdaptiveMaxPool3d, AvgPool, AvgPool1d, AvgPool2d, AvgPool3d, GlobalAvgPool, MaxPool, MaxPool1d,
    MaxPool2d, MaxPool3d, Pad, Pad1d, Pad2d, Pad3d, Upsample, Upsample1d, Upsample2d, Upsample3d,
};
pub use prelu::PRelu;
pub use sequential::Sequential;
pub use stateless::{Dropout, Flatten, LeakyRelu, Relu};

use crate::Module;
use tape::{Float, Rectifier, Tape, Var};

/// A module with one input and one output.
///
/// A tuple of layers is a layer: `(Linear::new(2, 16, rng), Relu, Linear::new(16, 1, rng))` runs them one after the other.
pub trait Layer<T: Float = f32>: Module<T> {
    /// The output for an input, recorded on the input's tape.
    fn forward(&self, x: Var<T>) -> Var<T>;

    /// The rectifier this layer is, if it is one, so that a linear layer before it can apply it on its way out: [`Sequential`] joins
    /// the two. Its [`Rectifier::apply`] must be this layer's forward.
    fn rectifier(&self, _tape: &Tape<T>) -> Option<Rectifier<T>> {
        None
    }

    /// The output with a rectifier behind it: one op for layers that can, else two.
    fn forward_rectified(&self, x: Var<T>, act: Rectifier<T>) -> Var<T> {
        act.apply(self.forward(x))
    }
}

impl<T: Float, L: Layer<T> + ?Sized> Layer<T> for Box<L> {
    fn forward(&self, x: Var<T>) -> Var<T> {
        (**self).forward(x)
    }
    fn rectifier(&self, tape: &Tape<T>) -> Option<Rectifier<T>> {
        (**self).rectifier(tape)
    }
    fn forward_rectified(&self, x: Var<T>, act: Rectifier<T>) -> Var<T> {
        (**self).forward_rectified(x, act)
    }
}

impl<T: Float, L: Layer<T>> Layer<T> for Vec<L> {
    fn forward(&self, x: Var<T>) -> Var<T> {
        self.iter().fold(x, |x, layer| layer.forward(x))
    }
}

impl<T: Float, L: Layer<T>> Layer<T> for Option<L> {
    fn forward(&self, x: Var<T>) -> Var<T> {
        match self {
            Some(layer) => layer.forward(x),
            None => x,
        }
    }
}
