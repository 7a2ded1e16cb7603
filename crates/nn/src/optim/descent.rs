//! What all optimisers share.

use super::groups::ParamGroup;
use super::sequence::Sequence;
use super::state::{Due, States};
use super::{Optimizer, check_size};
use crate::{Module, Result};
use kernels::optim::{Rule, Update};
use std::fmt::Debug;
use std::sync::Arc;
use tape::{Float, Gradients, Group};

/// What distinguishes one optimiser from another: its rule, which steps every number by itself, and the settings of the rule.
pub trait Method: Clone + Debug {
    /// The rule.
    type Rule: Rule;

    /// The optimiser's name, for messages.
    const NAME: &'static str;

    /// The rule with its settings.
    fn rule(&self) -> Self::Rule;

    /// Makes the rule that of a parameter's step, counted from 1. `scalar` belongs to the parameter: 1 before its first step, and
    /// remembered.
    fn advance(rule: &mut Self::Rule, step: u64, scalar: &mut f64) {
        let _ = (rule, step, scalar);
    }

    /// Its momentum, or what remains of its first running mean, to be changed; None if it has none.
    fn momentum_mut(&mut self) -> Option<&mut f64> {
        None
    }

    /// # Errors
    /// If a setting makes no sense.
    fn check<T: Float>(&self) -> Result<()>;
}

/// An optimiser that steps every number by itself: [`Sgd`](super::Sgd), [`Adam`](super::Adam), …
///
/// What it remembers is as large as its parameters, once to three times.
#[derive(Clone, Debug)]
pub struct Descent<M: Method, T: Float = f32> {
    pub(super) method: M,
    lr: f64,
    weight_decay: f64,
    /// Whether weight decay acts on the parameter itself instead of on the gradient.
    decoupled: bool,
    decay_slopes: bool,
    pub(crate) states: States<T>,
    updates: Sequence<Update<'static, T, M::Rule>>,
}

impl<M: Method, T: Float> Descent<M, T> {
    /// Without weight decay.
    pub(super) fn by(method: M, learning_rate: f64) -> Self {
        Descent {
            method,
            lr: learning_rate,
            weight_decay: 0.0,
            decoupled: false,
            decay_slopes: false,
            states: States::new(),
            updates: Sequence::new(),
        }
    }

    /// Whether weight decay shrinks the parameter itself, p − learning rate·decay·p, instead of being added to the gradient.
    pub(super) fn decoupled(mut self, decoupled: bool) -> Self {
        self.decoupled = decoupled;
        self
    }

    /// With other settings of the rule.
    pub(super) fn with(mut self, change: impl FnOnce(&mut M)) -> Self {
        change(&mut self.method);
        self
    }

    /// Another learning rate from the next step on: for schedules.
    pub fn set_learning_rate(&mut self, learning_rate: f64) {
        self.lr = learning_rate;
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

    /// Treats the parameters whose names `holds` in their own way. A parameter is in the first group that holds it; every name is
    /// asked about once.
    ///
    /// ```
    /// use nn::prelude::*;
    /// let mut net = (Linear::new(2, 8, &mut Rng::seed(1)), PRelu::per_feature(8), Linear::new(8, 1, &mut Rng::seed(2)));
    /// let mut adam = AdamW::new(1e-3)
    ///     .group(|name| name.ends_with("alpha"), |group| group.learning_rate(1e-4))
    ///     .group(|name| name.ends_with("bias"), |group| group.weight_decay(0.0))
    ///     .group(|name| name.starts_with("0."), |group| group.frozen(true));
    /// let tape = Tape::training(1);
    /// let loss = net.forward(tape.input(Tensor::ones([4, 2]))).square().sum();
    /// let first = net.0.weight().value().clone();
    /// adam.step(&mut net, loss.backward())?;
    /// assert_eq!(net.0.weight().value(), &first);
    /// adam.set_learning_rate(5e-4); // and 5e-5 for α
    /// # Ok::<(), nn::Error>(())
    /// ```
    #[must_use]
    pub fn group(
        mut self,
        holds: impl Fn(&str) -> bool + Send + Sync + 'static,
        settings: impl FnOnce(ParamGroup) -> ParamGroup,
    ) -> Self {
        self.states.add_group(Arc::new(holds), settings(ParamGroup::like_all(self.lr)));
        self
    }

    fn check(&self) -> Result<()> {
        check_size::<T>(M::NAME, "the learning rate", self.lr)?;
        self.method.check::<T>()?;
        check_size::<T>(M::NAME, "weight decay", self.weight_decay)?;
        self.states.groups().check::<T>(M::NAME, self.lr)
    }
}

impl<M: Method, T: Float> Optimizer<T> for Descent<M, T> {
    fn step(&mut self, net: &mut impl Module<T>, mut grads: Gradients<T>) -> Result<()> {
        self.check()?;
        let Descent { lr, weight_decay, decoupled, decay_slopes, .. } = *self;
        let of_all = self.method.rule();
        let mut updates = Sequence::recycled(&mut self.updates);
        self.states.each_due(M::NAME, net, &mut grads, of_all.start(), &mut |due| {
            let Due { p, g, memory, scalar, kind, own, step } = due;
            let mut rule = of_all;
            M::advance(&mut rule, step, scalar);
            let weight_decay = own.decay(weight_decay, decay_slopes, kind == Group::Slope);
            updates.push(Update { p, g, memory, lr: own.rate(lr), weight_decay, decoupled, step, rule });
        })?;
        kernels::optim::update(updates.joined());
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

    fn set_momentum(&mut self, momentum: f64) -> bool {
        self.method.momentum_mut().map(|own| *own = momentum).is_some()
    }
}
