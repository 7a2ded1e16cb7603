//! Stochastic gradient descent.
//!
//! g' = g + weight_decay·p; velocity = momentum·velocity + (1 − dampening)·g', or g' at a parameter's first step; p = p − lr·velocity,
//! or with `nesterov` p − lr·(g' + momentum·velocity); without momentum p − lr·g'.

use super::memory::remembers;
use super::sequence::Sequence;
use super::state::{Due, States};
use super::{Optimizer, check_size};
use crate::error::setting;
use crate::{Module, Result};
use kernels::SgdUpdate;
use tape::{Float, Gradients, Group};

/// Gradient descent, plain unless said otherwise.
///
/// ```
/// use nn::prelude::*;
/// let sgd: Sgd = Sgd::new(0.1).momentum(0.9).nesterov(true).weight_decay(1e-4);
/// assert_eq!(sgd.learning_rate(), 0.1);
/// ```
#[derive(Clone, Debug)]
pub struct Sgd<T: Float = f32> {
    lr: f64,
    momentum: f64,
    dampening: f64,
    nesterov: bool,
    weight_decay: f64,
    decay_slopes: bool,
    states: States<T>,
    updates: Sequence<SgdUpdate<'static, T>>,
}

impl<T: Float> Sgd<T> {
    /// With this learning rate, no momentum, no weight decay.
    pub fn new(learning_rate: f64) -> Sgd<T> {
        Sgd {
            lr: learning_rate,
            momentum: 0.0,
            dampening: 0.0,
            nesterov: false,
            weight_decay: 0.0,
            decay_slopes: false,
            states: States::new(),
            updates: Sequence::new(),
        }
    }

    /// Another learning rate from the next step on: for schedules.
    pub fn set_learning_rate(&mut self, learning_rate: f64) {
        self.lr = learning_rate;
    }

    /// The share of the velocity that stays.
    #[must_use]
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }

    /// The share of the gradient that the velocity leaves out.
    #[must_use]
    pub fn dampening(mut self, dampening: f64) -> Self {
        self.dampening = dampening;
        self
    }

    /// Whether to look ahead along the velocity; needs momentum and no dampening.
    #[must_use]
    pub fn nesterov(mut self, nesterov: bool) -> Self {
        self.nesterov = nesterov;
        self
    }

    /// The penalty on the size of parameters, slopes of rectifiers excepted.
    #[must_use]
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = weight_decay;
        self
    }

    /// Whether slopes of rectifiers decay too.
    #[must_use]
    pub fn decay_slopes(mut self, decay_slopes: bool) -> Self {
        self.decay_slopes = decay_slopes;
        self
    }

    fn check(&self) -> Result<()> {
        check_size::<T>("Sgd", "the learning rate", self.lr)?;
        check_size::<T>("Sgd", "momentum", self.momentum)?;
        check_size::<T>("Sgd", "weight decay", self.weight_decay)?;
        if !self.dampening.is_finite() {
            return setting("Sgd", format!("dampening is {}; it must be finite", self.dampening));
        }
        if self.nesterov && (self.momentum == 0.0 || self.dampening != 0.0) {
            return setting("Sgd", "nesterov needs momentum above 0 and dampening 0");
        }
        Ok(())
    }
}

remembers!(Sgd, lr);

impl<T: Float> Optimizer<T> for Sgd<T> {
    fn step(&mut self, net: &mut impl Module<T>, mut grads: Gradients<T>) -> Result<()> {
        self.check()?;
        let Sgd { lr, momentum, dampening, nesterov, weight_decay, decay_slopes, .. } = *self;
        let memories = usize::from(momentum != 0.0);
        let mut updates = Sequence::recycled(&mut self.updates);
        self.states.each_due("Sgd", net, &mut grads, memories, &mut |due| {
            let decays = due.group != Group::Slope || decay_slopes;
            updates.push(due, |Due { p, g, memory: [velocity, _], step, .. }| SgdUpdate {
                p,
                g,
                velocity: (momentum != 0.0).then_some(velocity),
                lr,
                momentum,
                dampening,
                nesterov,
                weight_decay: if decays { weight_decay } else { 0.0 },
                first: step == 1,
            });
        })?;
        kernels::sgd(updates.joined());
        self.updates = Sequence::recycled(&mut updates);
        self.states.keep_bounds(net);
        Ok(())
    }

    fn learning_rate(&self) -> f64 {
        self.lr
    }

    fn set_learning_rate(&mut self, rate: f64) {
        self.lr = rate;
    }
}
