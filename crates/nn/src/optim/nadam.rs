//! NAdam: Adam that looks ahead as Nesterov's momentum does (Dozat 2016).
//!
//! g' = g + weight_decay·p (decoupled: g, and p shrinks by lr·weight_decay·p); m and v as in Adam;
//! μₜ = β₁·(1 − ½·0.96^(t·momentum_decay)) and Π = μ₁·…·μₜ, for each parameter;
//! p = p − lr·((1 − μₜ)/(1 − Π)·g' + μₜ₊₁/(1 − Π·μₜ₊₁)·m) / (√v / √(1 − β₂ᵗ) + ε).

use super::{Descent, Method, check_moments, check_size};
use crate::Result;
use kernels::optim as rules;
use tape::Float;

/// Adam with Nesterov's momentum.
///
/// ```
/// use nn::prelude::*;
/// let nadam: NAdam = NAdam::new(2e-3).weight_decay(0.01).decoupled_weight_decay(true);
/// assert_eq!(nadam.learning_rate(), 2e-3);
/// ```
pub type NAdam<T = f32> = Descent<rules::NAdam, T>;

impl Method for rules::NAdam {
    type Rule = Self;
    const NAME: &'static str = "NAdam";

    fn rule(&self) -> Self {
        *self
    }

    fn advance(rule: &mut Self, step: u64, scalar: &mut f64) {
        *scalar *= rule.mu(step);
        rule.product = *scalar;
    }

    fn momentum_mut(&mut self) -> Option<&mut f64> {
        Some(&mut self.beta1)
    }

    fn check<T: Float>(&self) -> Result<()> {
        check_moments::<T>("NAdam", self.beta1, self.beta2, self.eps)?;
        check_size::<T>("NAdam", "momentum decay", self.momentum_decay)
    }
}

impl<T: Float> NAdam<T> {
    /// With this learning rate (PyTorch's default: 2e-3), β = (0.9, 0.999), ε = 1e-8, momentum decay 4e-3, no weight decay.
    pub fn new(learning_rate: f64) -> Self {
        let (beta1, beta2, eps, momentum_decay) = (0.9, 0.999, 1e-8, 4e-3);
        Descent::by(rules::NAdam { beta1, beta2, eps, momentum_decay, product: 1.0 }, learning_rate)
    }

    /// What remains of the running means of gradients and of their squares: β₁ and β₂.
    #[must_use]
    pub fn betas(self, beta1: f64, beta2: f64) -> Self {
        self.with(|nadam| (nadam.beta1, nadam.beta2) = (beta1, beta2))
    }

    /// ε, which bounds the step where gradients are tiny.
    #[must_use]
    pub fn eps(self, eps: f64) -> Self {
        self.with(|nadam| nadam.eps = eps)
    }

    /// How fast the momentum grows from β₁/2 to β₁.
    #[must_use]
    pub fn momentum_decay(self, momentum_decay: f64) -> Self {
        self.with(|nadam| nadam.momentum_decay = momentum_decay)
    }

    /// Whether weight decay acts on the parameter itself, as in AdamW.
    #[must_use]
    pub fn decoupled_weight_decay(self, decoupled: bool) -> Self {
        self.decoupled(decoupled)
    }
}
