//! Adamax: Adam with the maximum norm (Kingma, Ba 2015, section 7).
//!
//! g' = g + weight_decay·p; m = β₁·m + (1 − β₁)·g'; u = max(β₂·u, |g'| + ε); p = p − lr/(1 − β₁ᵗ) · m/u.

use super::{Descent, Method, check_moments};
use crate::Result;
use kernels::optim as rules;
use tape::Float;

/// Adam scaled by the largest gradient of late.
///
/// ```
/// use nn::prelude::*;
/// let adamax: Adamax = Adamax::new(2e-3).betas(0.9, 0.99);
/// assert_eq!(adamax.learning_rate(), 2e-3);
/// ```
pub type Adamax<T = f32> = Descent<rules::Adamax, T>;

impl Method for rules::Adamax {
    type Rule = Self;
    const NAME: &'static str = "Adamax";

    fn rule(&self) -> Self {
        *self
    }

    fn momentum_mut(&mut self) -> Option<&mut f64> {
        Some(&mut self.beta1)
    }

    fn check<T: Float>(&self) -> Result<()> {
        check_moments::<T>("Adamax", self.beta1, self.beta2, self.eps)
    }
}

impl<T: Float> Adamax<T> {
    /// With this learning rate (PyTorch's default: 2e-3), β = (0.9, 0.999), ε = 1e-8, no weight decay.
    pub fn new(learning_rate: f64) -> Self {
        Descent::by(rules::Adamax { beta1: 0.9, beta2: 0.999, eps: 1e-8 }, learning_rate)
    }

    /// What remains of the running mean of gradients and of their maximum: β₁ and β₂.
    #[must_use]
    pub fn betas(self, beta1: f64, beta2: f64) -> Self {
        self.with(|adamax| (adamax.beta1, adamax.beta2) = (beta1, beta2))
    }

    /// ε, added to every gradient's magnitude.
    #[must_use]
    pub fn eps(self, eps: f64) -> Self {
        self.with(|adamax| adamax.eps = eps)
    }
}
