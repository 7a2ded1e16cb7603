//! The front page's network, for tests that train it.

use nn::prelude::*;

/// A hidden layer of learned rectifiers.
#[derive(Module)]
pub struct Net<T: Float = f32> {
    hidden: Linear<T>,
    act: PRelu<T>,
    out: Linear<T>,
}

impl Net {
    pub fn new(inputs: usize, hidden: usize, outputs: usize, rng: &mut Rng) -> Self {
        Self {
            hidden: Linear::new(inputs, hidden, rng),
            act: PRelu::per_feature(hidden),
            out: Linear::new(hidden, outputs, rng),
        }
    }
}

impl<T: Float> Net<T> {
    pub fn forward(&self, x: Var<T>) -> Var<T> {
        self.out.forward(self.act.forward(self.hidden.forward(x)))
    }
}
