//! Adam (Kingma, Ba 2015) and AdamW (Loshchilov, Hutter 2019).
//!
//! g' = g + weight_decay·p (AdamW: g, and p shrinks by lr·weight_decay·p); m = β₁·m + (1 − β₁)·g'; v = β₂·v + (1 − β₂)·g'²;
//! p = p − lr/(1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε), with t counted for each parameter.

use super::memory::remembers;
use super::sequence::Sequence;
use super::state::{Due, States};
use super::{Optimizer, check_share, check_size};
use crate::state::{Recall, Record, State};
use crate::{Module, Result};
use kernels::AdamUpdate;
use tape::{Float, Gradients, Group};

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
#[derive(Clone, Debug)]
pub struct Adam<T: Float = f32> {
    rule: Rule,
    states: States<T>,
    updates: Sequence<AdamUpdate<'static, T>>,
}

/// Adam with weight decay on the parameter itself: 0.01 unless said otherwise.
#[derive(Clone, Debug)]
pub struct AdamW<T: Float = f32>(Adam<T>);

#[derive(Clone, Copy, Debug)]
struct Rule {
    name: &'static str,
    lr: f64,
    betas: (f64, f64),
    eps: f64,
    weight_decay: f64,
    decay_slopes: bool,
    decoupled: bool,
}

impl Rule {
    fn check<T: Float>(&self) -> Result<()> {
        check_size::<T>(self.name, "the learning rate", self.lr)?;
        check_share(self.name, "β₁", self.betas.0)?;
        check_share(self.name, "β₂", self.betas.1)?;
        check_size::<T>(self.name, "ε", self.eps)?;
        check_size::<T>(self.name, "weight decay", self.weight_decay)
    }
}

impl<T: Float> Adam<T> {
    /// With this learning rate, β = (0.9, 0.999), ε = 1e-8, no weight decay.
    pub fn new(learning_rate: f64) -> Adam<T> {
        Adam::with("Adam", learning_rate, 0.0, false)
    }

    fn with(name: &'static str, lr: f64, weight_decay: f64, decoupled: bool) -> Adam<T> {
        let rule = Rule { name, lr, betas: (0.9, 0.999), eps: 1e-8, weight_decay, decay_slopes: false, decoupled };
        Adam { rule, states: States::new(), updates: Sequence::new() }
    }
}

macro_rules! settings {
    ($adam:ident, $($path:tt)+) => {
        impl<T: Float> $adam<T> {
            /// Another learning rate from the next step on: for schedules.
            pub fn set_learning_rate(&mut self, learning_rate: f64) {
                self.$($path)+.lr = learning_rate;
            }

            /// What remains of the running means of gradients and of their squares: β₁ and β₂.
            #[must_use]
            pub fn betas(mut self, beta1: f64, beta2: f64) -> Self {
                self.$($path)+.betas = (beta1, beta2);
                self
            }

            /// ε, which bounds the step where gradients are tiny.
            #[must_use]
            pub fn eps(mut self, eps: f64) -> Self {
                self.$($path)+.eps = eps;
                self
            }

            /// The penalty on the size of parameters, slopes of rectifiers excepted.
            #[must_use]
            pub fn weight_decay(mut self, weight_decay: f64) -> Self {
                self.$($path)+.weight_decay = weight_decay;
                self
            }

            /// Whether slopes of rectifiers decay too.
            #[must_use]
            pub fn decay_slopes(mut self, decay_slopes: bool) -> Self {
                self.$($path)+.decay_slopes = decay_slopes;
                self
            }
        }
    };
}
settings!(Adam, rule);
settings!(AdamW, 0.rule);

impl<T: Float> AdamW<T> {
    /// With this learning rate, β = (0.9, 0.999), ε = 1e-8, weight decay 0.01.
    pub fn new(learning_rate: f64) -> AdamW<T> {
        AdamW(Adam::with("AdamW", learning_rate, 0.01, true))
    }
}

remembers!(Adam, rule.lr);

impl<T: Float> State for AdamW<T> {
    fn record(&self, to: &mut Record) {
        self.0.record(to);
    }
    fn recall(&mut self, from: &mut Recall<'_>) {
        self.0.recall(from);
    }
}

impl<T: Float> Optimizer<T> for Adam<T> {
    fn step(&mut self, net: &mut impl Module<T>, mut grads: Gradients<T>) -> Result<()> {
        let rule = self.rule;
        rule.check::<T>()?;
        let mut updates = Sequence::recycled(&mut self.updates);
        self.states.each_due(rule.name, net, &mut grads, 2, &mut |due| {
            let decays = due.group != Group::Slope || rule.decay_slopes;
            updates.push(due, |Due { p, g, memory: [m, v], step, .. }| AdamUpdate {
                p,
                g,
                m,
                v,
                lr: rule.lr,
                beta1: rule.betas.0,
                beta2: rule.betas.1,
                eps: rule.eps,
                weight_decay: if decays { rule.weight_decay } else { 0.0 },
                decoupled: rule.decoupled,
                step,
            });
        })?;
        kernels::adam(updates.joined());
        self.updates = Sequence::recycled(&mut updates);
        self.states.keep_bounds(net);
        Ok(())
    }

    fn learning_rate(&self) -> f64 {
        self.rule.lr
    }

    fn set_learning_rate(&mut self, rate: f64) {
        self.rule.lr = rate;
    }
}

impl<T: Float> Optimizer<T> for AdamW<T> {
    fn step(&mut self, net: &mut impl Module<T>, grads: Gradients<T>) -> Result<()> {
        self.0.step(net, grads)
    }

    fn learning_rate(&self) -> f64 {
        self.0.learning_rate()
    }

    fn set_learning_rate(&mut self, rate: f64) {
        self.0.set_learning_rate(rate);
    }
}
