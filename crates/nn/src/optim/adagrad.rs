//! Adagrad (Duchi, Hazan, Singer 2011).
//!
//! g' = g + weight_decay·p; s = s + g'²; p = p − lr/(1 + (t − 1)·lr_decay) · g'/(√s + ε), with t counted for each parameter.

use super::{Descent, Method, check_size};
use crate::Result;
use kernels::optim as rules;
use tape::Float;

/// Gradients over the root of the sum of all their squares.
///
/// ```
/// use nn::prelude::*;
/// let adagrad: Adagrad = Adagrad::new(0.01).initial_accumulator(0.1);
/// assert_eq!(adagrad.learning_rate(), 0.01);
/// ```
pub type Adagrad<T = f32> = Descent<rules::Adagrad, T>;

impl Method for rules::Adagrad {
    type Rule = Self;
    const NAME: &'static str = "Adagrad";

    fn rule(&self) -> Self {
        *self
    }

    fn check<T: Float>(&self) -> Result<()> {
        check_size::<T>("Adagrad", "the learning rate's decay", self.lr_decay)?;
        check_size::<T>("Adagrad", "the initial accumulator", self.initial_accumulator)?;
        check_size::<T>("Adagrad", "ε", self.eps)
    }
}

impl<T: Float> Adagrad<T> {
    /// With this learning rate (PyTorch's default: 0.01) that does not decay, an accumulator that starts at 0, ε = 1e-10, no weight
    /// decay.
    pub fn new(learning_rate: f64) -> Self {
        Descent::by(rules::Adagrad { lr_decay: 0.0, initial_accumulator: 0.0, eps: 1e-10 }, learning_rate)
    }

    /// How fast the learning rate falls with the steps.
    #[must_use]
    pub fn lr_decay(self, lr_decay: f64) -> Self {
        self.with(|adagrad| adagrad.lr_decay = lr_decay)
    }

    /// The sum of squares before a parameter's first step.
    #[must_use]
    pub fn initial_accumulator(self, initial_accumulator: f64) -> Self {
        self.with(|adagrad| adagrad.initial_accumulator = initial_accumulator)
    }

    /// ε, which bounds the step where gradients are tiny.
    #[must_use]
    pub fn eps(self, eps: f64) -> Self {
        self.with(|adagrad| adagrad.eps = eps)
    }
}
