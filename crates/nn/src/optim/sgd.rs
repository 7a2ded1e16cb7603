//! Stochastic gradient descent (Robbins, Monro 1951), with momentum (Polyak 1964; Nesterov 1983 as in Sutskever et al. 2013).
//!
//! g' = g + weight_decay·p; velocity = momentum·velocity + (1 − dampening)·g', or g' at a parameter's first step; p = p − lr·velocity,
//! or with `nesterov` p − lr·(g' + momentum·velocity); without momentum p − lr·g'.

use super::{Descent, Method, check_size};
use crate::Result;
use crate::error::setting;
use kernels::optim as rules;
use tape::Float;

/// Gradient descent, plain unless said otherwise.
///
/// ```
/// use nn::prelude::*;
/// let sgd: Sgd = Sgd::new(0.1).momentum(0.9).nesterov(true).weight_decay(1e-4);
/// assert_eq!(sgd.learning_rate(), 0.1);
/// ```
pub type Sgd<T = f32> = Descent<rules::Sgd, T>;

impl Method for rules::Sgd {
    type Rule = Self;
    const NAME: &'static str = "Sgd";

    fn rule(&self) -> Self {
        *self
    }

    fn momentum_mut(&mut self) -> Option<&mut f64> {
        Some(&mut self.momentum)
    }

    fn check<T: Float>(&self) -> Result<()> {
        let rules::Sgd { momentum, dampening, nesterov } = *self;
        check_size::<T>("Sgd", "momentum", momentum)?;
        if !dampening.is_finite() {
            return setting("Sgd", format!("dampening is {dampening}; it must be finite"));
        }
        if nesterov && (momentum == 0.0 || dampening != 0.0) {
            return setting("Sgd", "nesterov needs momentum above 0 and dampening 0");
        }
        Ok(())
    }
}

impl<T: Float> Sgd<T> {
    /// With this learning rate, no momentum, no weight decay.
    pub fn new(learning_rate: f64) -> Self {
        Descent::by(rules::Sgd { momentum: 0.0, dampening: 0.0, nesterov: false }, learning_rate)
    }

    /// The share of the velocity that stays.
    #[must_use]
    pub fn momentum(self, momentum: f64) -> Self {
        self.with(|sgd| sgd.momentum = momentum)
    }

    /// The share of the gradient that the velocity leaves out.
    #[must_use]
    pub fn dampening(self, dampening: f64) -> Self {
        self.with(|sgd| sgd.dampening = dampening)
    }

    /// Whether to look ahead along the velocity; needs momentum and no dampening.
    #[must_use]
    pub fn nesterov(self, nesterov: bool) -> Self {
        self.with(|sgd| sgd.nesterov = nesterov)
    }
}
