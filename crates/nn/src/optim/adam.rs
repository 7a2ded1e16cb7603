//! Adam (Kingma, Ba 2015), AdamW (Loshchilov, Hutter 2019), AMSGrad (Reddi, Kale, Kumar 2018).
//!
//! g' = g + weight_decay·p (AdamW: g, and p shrinks by lr·weight_decay·p); m = β₁·m + (1 − β₁)·g'; v = β₂·v + (1 − β₂)·g'²;
//! p = p − lr/(1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε), with t counted for each parameter. AMSGrad: the largest v so far in place of v.

use super::{Descent, Method, check_moments};
use crate::Result;
use kernels::optim as rules;
use tape::Float;

/// Adam; weight decay, if any, is added to the gradient.
///
/// ```
/// use nn::prelude::*;
/// let mut net = Linear::new(2, 1, &mut Rng::seed(1));
/// let mut adam = Adam::new(1e-3).betas(0.9, 0.99).eps(1e-7);
/// let tape = Tape::training(1);
/// let loss = net.forward(tape.input(Tensor::ones([4, 2]))).square().sum();
/// adam.step(&mut net, loss.backward())?;
/// # Ok::<(), nn::Error>(())
/// ```
pub type Adam<T = f32> = Descent<AdamSettings<false>, T>;

/// Adam with weight decay on the parameter itself: 0.01 unless said otherwise.
pub type AdamW<T = f32> = Descent<AdamSettings<true>, T>;

/// The settings of [`Adam`], or of [`AdamW`], whose weight decay is decoupled.
#[derive(Clone, Copy, Debug)]
pub struct AdamSettings<const DECOUPLED: bool>(rules::Adam);

impl<const DECOUPLED: bool> AdamSettings<DECOUPLED> {
    const DEFAULT: Self = AdamSettings(rules::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8, amsgrad: false });
}

impl<const DECOUPLED: bool> Method for AdamSettings<DECOUPLED> {
    type Rule = rules::Adam;
    const NAME: &'static str = if DECOUPLED { "AdamW" } else { "Adam" };

    fn rule(&self) -> rules::Adam {
        self.0
    }

    fn momentum_mut(&mut self) -> Option<&mut f64> {
        Some(&mut self.0.beta1)
    }

    fn check<T: Float>(&self) -> Result<()> {
        check_moments::<T>(Self::NAME, self.0.beta1, self.0.beta2, self.0.eps)
    }
}

impl<T: Float> Adam<T> {
    /// With this learning rate, β = (0.9, 0.999), ε = 1e-8, no weight decay.
    pub fn new(learning_rate: f64) -> Self {
        Descent::by(AdamSettings::DEFAULT, learning_rate)
    }
}

impl<T: Float> AdamW<T> {
    /// With this learning rate, β = (0.9, 0.999), ε = 1e-8, weight decay 0.01.
    pub fn new(learning_rate: f64) -> Self {
        Descent::by(AdamSettings::DEFAULT, learning_rate).decoupled(true).weight_decay(0.01)
    }
}

impl<const DECOUPLED: bool, T: Float> Descent<AdamSettings<DECOUPLED>, T> {
    /// What remains of the running means of gradients and of their squares: β₁ and β₂.
    #[must_use]
    pub fn betas(self, beta1: f64, beta2: f64) -> Self {
        self.with(|adam| (adam.0.beta1, adam.0.beta2) = (beta1, beta2))
    }

    /// ε, which bounds the step where gradients are tiny.
    #[must_use]
    pub fn eps(self, eps: f64) -> Self {
        self.with(|adam| adam.0.eps = eps)
    }

    /// Whether steps are scaled by the largest running mean of squares so far, as AMSGrad does.
    #[must_use]
    pub fn amsgrad(self, amsgrad: bool) -> Self {
        self.with(|adam| adam.0.amsgrad = amsgrad)
    }
}
