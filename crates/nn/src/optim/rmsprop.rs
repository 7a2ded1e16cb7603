//! RMSprop (Tieleman, Hinton 2012, lecture 6e of *Neural networks for machine learning*), centred (Graves 2013), with momentum.
//!
//! g' = g + weight_decay·p; v = α·v + (1 − α)·g'²; d = g'/(√v + ε), or centred with a = α·a + (1 − α)·g' and v − a² in place of v;
//! p = p − lr·d, or with momentum b = momentum·b + d and p = p − lr·b.
//!
//! Where rounding makes v − a² negative it counts as 0; PyTorch's parameter turns NaN there.

use super::{Descent, Method, check_share, check_size};
use crate::Result;
use kernels::optim as rules;
use tape::Float;

/// Gradients over the root of their mean square.
///
/// ```
/// use nn::prelude::*;
/// let rmsprop: RmsProp = RmsProp::new(0.01).alpha(0.95).momentum(0.9).centred(true);
/// assert_eq!(rmsprop.learning_rate(), 0.01);
/// ```
pub type RmsProp<T = f32> = Descent<rules::RmsProp, T>;

impl Method for rules::RmsProp {
    type Rule = Self;
    const NAME: &'static str = "RmsProp";

    fn rule(&self) -> Self {
        *self
    }

    fn momentum_mut(&mut self) -> Option<&mut f64> {
        Some(&mut self.momentum)
    }

    fn check<T: Float>(&self) -> Result<()> {
        check_share("RmsProp", "α", self.alpha)?;
        check_size::<T>("RmsProp", "ε", self.eps)?;
        check_size::<T>("RmsProp", "momentum", self.momentum)
    }
}

impl<T: Float> RmsProp<T> {
    /// With this learning rate (PyTorch's default: 0.01), α = 0.99, ε = 1e-8, no momentum, not centred, no weight decay.
    pub fn new(learning_rate: f64) -> Self {
        Descent::by(rules::RmsProp { alpha: 0.99, eps: 1e-8, momentum: 0.0, centred: false }, learning_rate)
    }

    /// What remains of the running means.
    #[must_use]
    pub fn alpha(self, alpha: f64) -> Self {
        self.with(|rmsprop| rmsprop.alpha = alpha)
    }

    /// ε, which bounds the step where gradients are tiny.
    #[must_use]
    pub fn eps(self, eps: f64) -> Self {
        self.with(|rmsprop| rmsprop.eps = eps)
    }

    /// The share of the last step that is repeated.
    #[must_use]
    pub fn momentum(self, momentum: f64) -> Self {
        self.with(|rmsprop| rmsprop.momentum = momentum)
    }

    /// Whether gradients are divided by their deviation instead of by their size.
    #[must_use]
    pub fn centred(self, centred: bool) -> Self {
        self.with(|rmsprop| rmsprop.centred = centred)
    }
}
