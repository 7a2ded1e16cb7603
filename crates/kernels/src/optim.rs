//! Optimiser updates, every parameter of a model in one pass and one parallel region.
//!
//! A [`Rule`] says what one step makes of a number, its gradient and what is remembered for it: once, over lanes, in a file of its own.
//! [`Update`] is one parameter's step; [`update`] does those of a model: chunks, last numbers, threads and weight decay are here. Formulas
//! as PyTorch's `torch.optim`, [`Lion`] excepted, which it lacks; hyperparameters are f64 and the factors made of them are rounded once.
//!
//! A step reads p, g and what is remembered, and writes p and what is remembered: for [`Adam`] 28 bytes per parameter in f32. Nothing is
//! allocated; a parameter's new value depends on its own numbers alone, so neither the split nor the number of threads shows. NaN in a
//! gradient ends in the parameter: ask [`is_finite_all`] first.

mod adadelta;
mod adagrad;
mod adam;
mod adamax;
mod finite;
mod lion;
mod moments;
mod nadam;
mod radam;
mod rmsprop;
mod sgd;
mod span;
#[cfg(test)]
mod tests;

pub use adadelta::Adadelta;
pub use adagrad::Adagrad;
pub use adam::Adam;
pub use adamax::Adamax;
pub use finite::is_finite_all;
pub use lion::Lion;
pub use nadam::NAdam;
pub use radam::RAdam;
pub use rmsprop::RmsProp;
pub use sgd::Sgd;

use crate::Float;
use crate::lanes::Lanes;
use crate::level::{self, Kernel};
use crate::parallel::{self, Grain};
use span::Span;

/// How many numbers a rule may remember for each number of a parameter.
pub const MEMORIES: usize = 3;

/// An update rule with its hyperparameters. Only this crate writes rules: their bodies are in its vector vocabulary.
pub trait Rule: Copy + Send + Sync {
    /// The price of a number, relative to a load, an add and a store.
    const COST: usize = 4;

    /// The numbers with which the memories start, before a parameter's first step; None for those that the rule does not use.
    fn start(&self) -> [Option<f64>; MEMORIES];

    /// Steps a parameter or part of one.
    #[doc(hidden)]
    fn apply<L: Lanes>(part: Update<'_, L::Elem, Self>);
}

/// One parameter's step by a rule.
#[derive(Debug)]
pub struct Update<'a, T, R> {
    /// The parameter.
    pub p: &'a mut [T],
    /// Its gradient.
    pub g: &'a [T],
    /// What is remembered from step to step; only those that [`Rule::start`] names are looked at.
    pub memory: [&'a mut [T]; MEMORIES],
    /// The learning rate.
    pub lr: f64,
    /// The penalty on the parameter's size: added to the gradient as g + weight_decay·p, before the rule sees it.
    pub weight_decay: f64,
    /// Whether the penalty acts on the parameter itself instead: p − lr·weight_decay·p (Loshchilov, Hutter 2019).
    pub decoupled: bool,
    /// The number of this parameter's step, from 1.
    pub step: u64,
    /// The rule.
    pub rule: R,
}

/// Steps every parameter by its rule.
///
/// ```
/// use kernels::optim::{Sgd, Update, update};
/// let (mut p, g) = ([1.0, 2.0], [0.5, -1.0]);
/// let rule = Sgd { momentum: 0.0, dampening: 0.0, nesterov: false };
/// let memory = Default::default();
/// update(&mut [Update { p: &mut p, g: &g, memory, lr: 0.1, weight_decay: 0.0, decoupled: false, step: 1, rule }]);
/// assert_eq!(p, [0.95, 2.1]);
/// ```
///
/// # Panics
/// If a gradient or a memory that the rule uses is not as long as its parameter, or if a step is 0.
#[track_caller]
pub fn update<T: Float, R: Rule>(updates: &mut [Update<'_, T, R>]) {
    for update in &*updates {
        let length = update.p.len();
        assert_eq!(
            update.g.len(),
            length,
            "the gradient of a parameter of {length} numbers holds another number of them"
        );
        for (at, (memory, start)) in update.memory.iter().zip(update.rule.start()).enumerate() {
            let fits = start.is_none() || memory.len() == length;
            assert!(fits, "memory {at} of a parameter of {length} numbers holds {}", memory.len());
        }
        assert!(update.step > 0, "steps count from 1");
    }
    parallel::for_each(Span::new(updates), Grain::elements(R::COST), |_, span| level::run(Apply(span)));
}

/// Steps a part of the model's parameters.
struct Apply<'s, 'a, T, R>(Span<'s, 'a, T, R>);

impl<T: Float, R: Rule> Kernel<T> for Apply<'_, '_, T, R> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        for part in self.0.parts() {
            R::apply::<L>(part);
        }
    }
}

impl<T, R: Copy> Update<'_, T, R> {
    /// The first `at` numbers and the rest.
    #[must_use]
    pub fn split_at(self, at: usize) -> (Self, Self) {
        let (p, p_rest) = self.p.split_at_mut(at);
        let (g, g_rest) = self.g.split_at(at);
        let [a, b, c] = self.memory.map(|memory| memory.split_at_mut(at.min(memory.len())));
        (
            Update { p, g, memory: [a.0, b.0, c.0], ..self },
            Update { p: p_rest, g: g_rest, memory: [a.1, b.1, c.1], ..self },
        )
    }

    /// The same, borrowed.
    fn by_ref(&mut self) -> Update<'_, T, R> {
        let memory = self.memory.each_mut().map(|memory| &mut **memory);
        Update { p: self.p, g: self.g, memory, ..*self }
    }
}

impl<T: Float, R> Update<'_, T, R> {
    /// 1 − betaᵗ: what a running mean that started at 0 has seen so far.
    #[inline(always)]
    fn seen(&self, beta: f64) -> f64 {
        1.0 - beta.powi(i32::try_from(self.step).unwrap_or(i32::MAX))
    }

    /// Calls `step` with every register of the parameter, of the gradient and of the memories at `places`, and stores what it returns:
    /// the new parameter and the new memories. Weight decay is done here.
    ///
    /// The closure must be `#[inline(always)]`: as a function of its own it would lack the level's instructions.
    #[inline(always)]
    fn each<L: Lanes<Elem = T>, const M: usize>(self, places: [usize; M], step: impl Fn(L, L, [L; M]) -> (L, [L; M])) {
        let decay = Decay::<L>::new(self.lr, self.weight_decay, self.decoupled);
        let (p, mut all) = (self.p, self.memory);
        let length = p.len();
        let g = &self.g[..length];
        let mut memory: [&mut [T]; M] = std::array::from_fn(|i| &mut std::mem::take(&mut all[places[i]])[..length]);
        let mut at = 0;
        while at + L::N <= length {
            let whole = at..at + L::N;
            let mut old = [L::zero(); M];
            for (old, memory) in old.iter_mut().zip(&memory) {
                *old = L::load(&memory[whole.clone()]);
            }
            let (old_p, g) = decay.of(L::load(&p[whole.clone()]), L::load(&g[whole.clone()]));
            let (new_p, new) = step(old_p, g, old);
            new_p.store(&mut p[whole.clone()]);
            for (new, memory) in new.iter().zip(&mut memory) {
                new.store(&mut memory[whole.clone()]);
            }
            at += L::N;
        }
        if at < length {
            let mut old = [L::zero(); M];
            for (old, memory) in old.iter_mut().zip(&memory) {
                *old = padded(&memory[at..]);
            }
            let (old_p, g) = decay.of(padded(&p[at..]), padded(&g[at..]));
            let (new_p, new) = step(old_p, g, old);
            new_p.store_prefix(&mut p[at..]);
            for (new, memory) in new.iter().zip(&mut memory) {
                new.store_prefix(&mut memory[at..]);
            }
        }
    }
}

/// Both kinds of weight decay.
#[derive(Clone, Copy)]
struct Decay<L> {
    shrink: L,
    add: L,
    adds: bool,
}

impl<L: Lanes> Decay<L> {
    #[inline(always)]
    fn new(lr: f64, weight_decay: f64, decoupled: bool) -> Self {
        let shrink = splat(if decoupled { 1.0 - lr * weight_decay } else { 1.0 });
        Decay { shrink, add: splat(weight_decay), adds: !decoupled && weight_decay != 0.0 }
    }

    /// The parameter and the gradient as the rule sees them.
    #[inline(always)]
    fn of(self, p: L, g: L) -> (L, L) {
        if self.adds { (p, p.mul_add(self.add, g)) } else { (p * self.shrink, g) }
    }
}

#[inline(always)]
fn splat<L: Lanes>(value: f64) -> L {
    L::splat(L::Elem::from_f64(value))
}

/// The last numbers, fewer than a register.
#[inline(always)]
fn padded<L: Lanes>(numbers: &[L::Elem]) -> L {
    L::load_padded(numbers, L::Elem::ZERO)
}
