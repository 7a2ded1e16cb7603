//! Layers: modules with one input and one output.

mod linear;
mod prelu;
mod sequential;
mod stand_in;
mod stateless;

pub use stand_in::LossStandIn;
pub use linear::Linear;
pub use prelu::PRelu;
pub use sequential::Sequential;
pub use stateless::{Dropout, Flatten, LeakyRelu, Relu};

use crate::Module;
use tape::{Float, Var};

/// A module with one input and one output.
///
/// A tuple of layers is a layer: `(Linear::new(2, 16, rng), Relu, Linear::new(16, 1, rng))` runs them one after the other.
pub trait Layer<T: Float = f32>: Module<T> {
    /// The output for an input, recorded on the input's tape.
    fn forward(&self, x: Var<T>) -> Var<T>;
}

impl<T: Float, L: Layer<T> + ?Sized> Layer<T> for Box<L> {
    fn forward(&self, x: Var<T>) -> Var<T> {
        (**self).forward(x)
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
