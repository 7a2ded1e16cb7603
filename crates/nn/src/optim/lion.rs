//! Lion (Chen et al. 2023, *Symbolic discovery of optimization algorithms*, algorithm 2).
//!
//! p = p − lr·(sign(β₁·m + (1 − β₁)·g) + weight_decay·p), with sign(0) = 0; then m = β₂·m + (1 − β₂)·g.

use super::{Descent, Method, check_share};
use crate::Result;
use kernels::optim as rules;
use tape::Float;

/// Every number moves by the learning rate, up or down. The paper uses a tenth to a third of Adam's learning rate, and three to ten
/// times its weight decay.
///
/// ```
/// use nn::prelude::*;
/// let lion: Lion = Lion::new(1e-4).weight_decay(0.1);
/// assert_eq!(lion.learning_rate(), 1e-4);
/// ```
pub type Lion<T = f32> = Descent<rules::Lion, T>;

impl Method for rules::Lion {
    type Rule = Self;
    const NAME: &'static str = "Lion";

    fn rule(&self) -> Self {
        *self
    }

    fn momentum_mut(&mut self) -> Option<&mut f64> {
        Some(&mut self.beta1)
    }

    fn check<T: Float>(&self) -> Result<()> {
        check_share("Lion", "β₁", self.beta1)?;
        check_share("Lion", "β₂", self.beta2)
    }
}

impl<T: Float> Lion<T> {
    /// With this learning rate (its authors' default: 1e-4), β = (0.9, 0.99), no weight decay, which is decoupled.
    pub fn new(learning_rate: f64) -> Self {
        Descent::by(rules::Lion { beta1: 0.9, beta2: 0.99 }, learning_rate).decoupled(true)
    }

    /// The share of the running mean in the direction, and what remains of the mean: β₁ and β₂.
    #[must_use]
    pub fn betas(self, beta1: f64, beta2: f64) -> Self {
        self.with(|lion| (lion.beta1, lion.beta2) = (beta1, beta2))
    }
}
