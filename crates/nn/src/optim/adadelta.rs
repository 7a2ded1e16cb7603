//! Adadelta (Zeiler 2012).
//!
//! g' = g + weight_decay·p; v = ρ·v + (1 − ρ)·g'²; d = √(u + ε)/√(v + ε)·g'; u = ρ·u + (1 − ρ)·d²; p = p − lr·d.

use super::{Descent, Method, check_share, check_size};
use crate::Result;
use kernels::optim as rules;
use tape::Float;

/// Steps in the unit of the parameter: the root of the mean square of late steps over that of late gradients.
///
/// ```
/// use nn::prelude::*;
/// let adadelta: Adadelta = Adadelta::new(1.0).rho(0.95);
/// assert_eq!(adadelta.learning_rate(), 1.0);
/// ```
pub type Adadelta<T = f32> = Descent<rules::Adadelta, T>;

impl Method for rules::Adadelta {
    type Rule = Self;
    const NAME: &'static str = "Adadelta";

    fn rule(&self) -> Self {
        *self
    }

    fn check<T: Float>(&self) -> Result<()> {
        check_share("Adadelta", "ρ", self.rho)?;
        check_size::<T>("Adadelta", "ε", self.eps)
    }
}

impl<T: Float> Adadelta<T> {
    /// With this learning rate (PyTorch's default, and the paper's: 1), ρ = 0.9, ε = 1e-6, no weight decay.
    pub fn new(learning_rate: f64) -> Self {
        Descent::by(rules::Adadelta { rho: 0.9, eps: 1e-6 }, learning_rate)
    }

    /// What remains of the running means.
    #[must_use]
    pub fn rho(self, rho: f64) -> Self {
        self.with(|adadelta| adadelta.rho = rho)
    }

    /// ε, which gets the first steps going: they have the length √(ε/(1 − ρ)).
    #[must_use]
    pub fn eps(self, eps: f64) -> Self {
        self.with(|adadelta| adadelta.eps = eps)
    }
}
