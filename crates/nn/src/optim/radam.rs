//! RAdam: Adam that does not trust its second moment at first (Liu et al. 2020).
//!
//! g' = g + weight_decay·p (decoupled: g, and p shrinks by lr·weight_decay·p); m and v as in Adam; ρ∞ = 2/(1 − β₂) − 1 and
//! ρ = ρ∞ − 2t·β₂ᵗ/(1 − β₂ᵗ). While ρ ≤ 5, p = p − lr/(1 − β₁ᵗ)·m; afterwards p = p − lr/(1 − β₁ᵗ)·r·m·√(1 − β₂ᵗ)/(√v + ε) with
//! r² = (ρ − 4)(ρ − 2)ρ∞ / ((ρ∞ − 4)(ρ∞ − 2)ρ). With the usual β₂ = 0.999 the first five steps are plain momentum.

use super::{Descent, Method, check_moments};
use crate::Result;
use kernels::optim as rules;
use tape::Float;

/// Rectified Adam: warm-up built in.
///
/// ```
/// use nn::prelude::*;
/// let radam: RAdam = RAdam::new(1e-3).betas(0.9, 0.99);
/// assert_eq!(radam.learning_rate(), 1e-3);
/// ```
pub type RAdam<T = f32> = Descent<rules::RAdam, T>;

impl Method for rules::RAdam {
    type Rule = Self;
    const NAME: &'static str = "RAdam";

    fn rule(&self) -> Self {
        *self
    }

    fn momentum_mut(&mut self) -> Option<&mut f64> {
        Some(&mut self.beta1)
    }

    fn check<T: Float>(&self) -> Result<()> {
        check_moments::<T>("RAdam", self.beta1, self.beta2, self.eps)
    }
}

impl<T: Float> RAdam<T> {
    /// With this learning rate (PyTorch's default: 1e-3), β = (0.9, 0.999), ε = 1e-8, no weight decay.
    pub fn new(learning_rate: f64) -> Self {
        Descent::by(rules::RAdam { beta1: 0.9, beta2: 0.999, eps: 1e-8 }, learning_rate)
    }

    /// What remains of the running means of gradients and of their squares: β₁ and β₂.
    #[must_use]
    pub fn betas(self, beta1: f64, beta2: f64) -> Self {
        self.with(|radam| (radam.beta1, radam.beta2) = (beta1, beta2))
    }

    /// ε, which bounds the step where gradients are tiny.
    #[must_use]
    pub fn eps(self, eps: f64) -> Self {
        self.with(|radam| radam.eps = eps)
    }

    /// Whether weight decay acts on the parameter itself, as in AdamW.
    #[must_use]
    pub fn decoupled_weight_decay(self, decoupled: bool) -> Self {
        self.decoupled(decoupled)
    }
}
