//! Optimiser updates, every parameter of a model in one pass and one parallel region.
//!
//! Formulas as PyTorch's `torch.optim.SGD`, `Adam` and `AdamW`; hyperparameters are f64 and the factors made of them are rounded once.
//! [`adam`] reads p, g, m, v and writes p, m, v: 28 bytes per parameter in f32. [`sgd`] with momentum 20, without 12. Nothing is
//! allocated; a parameter's new value depends on its own numbers alone, so neither the split nor the number of threads shows. NaN in a
//! gradient ends in the parameter: ask [`is_finite_all`] first.

mod span;
#[cfg(test)]
mod tests;

use crate::Float;
use crate::lanes::{Lanes, Mask as _};
use crate::level::{self, Kernel};
use crate::parallel::{self, Grain};
use span::{Divide, Span};

/// One parameter's step of stochastic gradient descent.
///
/// g' = g + weight_decay·p; velocity = momentum·velocity + (1 − dampening)·g', or g' on the first step; the direction d is the velocity, or
/// g' + momentum·velocity with `nesterov`, or g' without momentum; p = p − lr·d.
#[derive(Debug)]
pub struct SgdUpdate<'a, T> {
    /// The parameter.
    pub p: &'a mut [T],
    /// Its gradient.
    pub g: &'a [T],
    /// What momentum carries from step to step; untouched while `momentum` is 0.
    pub velocity: Option<&'a mut [T]>,
    /// Learning rate.
    pub lr: f64,
    /// The share of the velocity that stays.
    pub momentum: f64,
    /// The share of the gradient that the velocity leaves out.
    pub dampening: f64,
    /// Whether to look ahead along the velocity.
    pub nesterov: bool,
    /// L2 penalty, added to the gradient.
    pub weight_decay: f64,
    /// Whether this is the parameter's first step, in which the velocity starts.
    pub first: bool,
}

/// One parameter's step of Adam.
///
/// g' = g + weight_decay·p, or when `decoupled` (AdamW) g' = g and p = p − lr·weight_decay·p; m = β₁·m + (1 − β₁)·g';
/// v = β₂·v + (1 − β₂)·g'²; p = p − lr/(1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε).
#[derive(Debug)]
pub struct AdamUpdate<'a, T> {
    /// The parameter.
    pub p: &'a mut [T],
    /// Its gradient.
    pub g: &'a [T],
    /// The running mean of gradients; zeros before the first step.
    pub m: &'a mut [T],
    /// The running mean of their squares; zeros before the first step.
    pub v: &'a mut [T],
    /// Learning rate.
    pub lr: f64,
    /// β₁: what remains of `m`.
    pub beta1: f64,
    /// β₂: what remains of `v`.
    pub beta2: f64,
    /// ε, outside the root.
    pub eps: f64,
    /// Penalty on the parameter's size.
    pub weight_decay: f64,
    /// Whether the penalty acts on the parameter itself (AdamW) instead of on the gradient.
    pub decoupled: bool,
    /// t: the number of this parameter's step, from 1.
    pub step: u64,
}

/// Steps every parameter by stochastic gradient descent.
///
/// ```
/// let (mut p, g) = ([1.0, 2.0], [0.5, -1.0]);
/// kernels::sgd(&mut [kernels::SgdUpdate {
///     p: &mut p, g: &g, velocity: None, lr: 0.1, momentum: 0.0, dampening: 0.0, nesterov: false, weight_decay: 0.0, first: true,
/// }]);
/// assert_eq!(p, [0.95, 2.1]);
/// ```
///
/// # Panics
/// If a parameter's slices differ in length, or if there is momentum without a velocity.
#[track_caller]
pub fn sgd<T: Float>(updates: &mut [SgdUpdate<'_, T>]) {
    for update in &*updates {
        check("gradient", update.g.len(), update.p.len());
        if let Some(velocity) = &update.velocity {
            check("velocity", velocity.len(), update.p.len());
        }
        assert!(update.momentum == 0.0 || update.velocity.is_some(), "sgd: momentum needs a velocity");
    }
    parallel::for_each(Span::new(updates), Grain::elements(2), |_, span| level::run(Apply(span)));
}

/// Steps every parameter by Adam or AdamW.
///
/// ```
/// let (mut p, g, mut m, mut v) = ([1.0], [0.5], [0.0], [0.0]);
/// kernels::adam(&mut [kernels::AdamUpdate {
///     p: &mut p, g: &g, m: &mut m, v: &mut v,
///     lr: 0.1, beta1: 0.9, beta2: 0.999, eps: 0.0, weight_decay: 0.0, decoupled: false, step: 1,
/// }]);
/// assert!((p[0] - 0.9f64).abs() < 1e-12); // the first step has the length lr
/// ```
///
/// # Panics
/// If a parameter's slices differ in length, or if its step is 0.
#[track_caller]
pub fn adam<T: Float>(updates: &mut [AdamUpdate<'_, T>]) {
    for update in &*updates {
        check("gradient", update.g.len(), update.p.len());
        check("first moment", update.m.len(), update.p.len());
        check("second moment", update.v.len(), update.p.len());
        assert!(update.step > 0, "adam: steps count from 1");
    }
    parallel::for_each(Span::new(updates), Grain::elements(4), |_, span| level::run(Apply(span)));
}

#[track_caller]
fn check(name: &str, length: usize, parameter: usize) {
    assert_eq!(length, parameter, "the {name} holds {length} numbers, its parameter {parameter}");
}

/// Steps a part of the model's parameters.
struct Apply<'s, U: Divide>(Span<'s, U>);

impl<T: Float, U: Update<T>> Kernel<T> for Apply<'_, U> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        for part in self.0.parts() {
            U::apply::<L>(part);
        }
    }
}

trait Update<T: Float>: Divide {
    fn apply<'p, L: Lanes<Elem = T>>(part: Self::Part<'p>)
    where
        Self: 'p;
}

impl<T: Float> Divide for SgdUpdate<'_, T> {
    type Part<'p>
        = SgdUpdate<'p, T>
    where
        Self: 'p;

    fn len(&self) -> usize {
        self.p.len()
    }
    fn part(&mut self) -> SgdUpdate<'_, T> {
        SgdUpdate { p: self.p, g: self.g, velocity: self.velocity.as_deref_mut(), ..*self }
    }
    fn part_len<'p>(part: &SgdUpdate<'p, T>) -> usize
    where
        Self: 'p,
    {
        part.p.len()
    }
    fn halve<'p>(part: SgdUpdate<'p, T>, at: usize) -> (SgdUpdate<'p, T>, SgdUpdate<'p, T>)
    where
        Self: 'p,
    {
        let (p, p_rest) = part.p.split_at_mut(at);
        let (g, g_rest) = part.g.split_at(at);
        let (velocity, velocity_rest) = part.velocity.map(|velocity| velocity.split_at_mut(at)).unzip();
        (SgdUpdate { p, g, velocity, ..part }, SgdUpdate { p: p_rest, g: g_rest, velocity: velocity_rest, ..part })
    }
}

impl<T: Float> Divide for AdamUpdate<'_, T> {
    type Part<'p>
        = AdamUpdate<'p, T>
    where
        Self: 'p;

    fn len(&self) -> usize {
        self.p.len()
    }
    fn part(&mut self) -> AdamUpdate<'_, T> {
        AdamUpdate { p: self.p, g: self.g, m: self.m, v: self.v, ..*self }
    }
    fn part_len<'p>(part: &AdamUpdate<'p, T>) -> usize
    where
        Self: 'p,
    {
        part.p.len()
    }
    fn halve<'p>(part: AdamUpdate<'p, T>, at: usize) -> (AdamUpdate<'p, T>, AdamUpdate<'p, T>)
    where
        Self: 'p,
    {
        let (p, p_rest) = part.p.split_at_mut(at);
        let (g, g_rest) = part.g.split_at(at);
        let (m, m_rest) = part.m.split_at_mut(at);
        let (v, v_rest) = part.v.split_at_mut(at);
        (AdamUpdate { p, g, m, v, ..part }, AdamUpdate { p: p_rest, g: g_rest, m: m_rest, v: v_rest, ..part })
    }
}

impl<T: Float> Update<T> for SgdUpdate<'_, T> {
    #[inline(always)]
    fn apply<'p, L: Lanes<Elem = T>>(part: Self::Part<'p>)
    where
        Self: 'p,
    {
        let step = SgdStep {
            rate: splat::<L>(-part.lr),
            decay: splat::<L>(part.weight_decay),
            keep: splat::<L>(if part.first { 0.0 } else { part.momentum }),
            take: splat::<L>(if part.first { 1.0 } else { 1.0 - part.dampening }),
            ahead: splat::<L>(part.momentum),
        };
        let decays = part.weight_decay != 0.0;
        match part.velocity {
            Some(velocity) if part.momentum != 0.0 => match (decays, part.nesterov, part.first) {
                // The first step must not read what the velocity held.
                (_, _, true) => step.with_velocity::<false>(part.p, part.g, velocity, decays, part.nesterov),
                (_, _, false) => step.with_velocity::<true>(part.p, part.g, velocity, decays, part.nesterov),
            },
            _ => step.plain(part.p, part.g, decays),
        }
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

/// The factors of an [`SgdUpdate`].
#[derive(Clone, Copy)]
struct SgdStep<L> {
    rate: L,
    decay: L,
    keep: L,
    take: L,
    ahead: L,
}

impl<L: Lanes> SgdStep<L> {
    #[inline(always)]
    fn plain(self, p: &mut [L::Elem], g: &[L::Elem], decays: bool) {
        let mut p = p.chunks_exact_mut(L::N);
        let mut g = g.chunks_exact(L::N);
        for (p, g) in (&mut p).zip(&mut g) {
            let old = L::load(p);
            self.decayed(old, L::load(g), decays).mul_add(self.rate, old).store(p);
        }
        let (p, g) = (p.into_remainder(), g.remainder());
        if !p.is_empty() {
            let (old, g) = (padded::<L>(p), padded::<L>(g));
            self.decayed(old, g, decays).mul_add(self.rate, old).store_prefix(p);
        }
    }

    #[inline(always)]
    fn decayed(self, p: L, g: L, decays: bool) -> L {
        if decays { p.mul_add(self.decay, g) } else { g }
    }

    #[inline(always)]
    fn with_velocity<const CARRIES: bool>(
        self,
        p: &mut [L::Elem],
        g: &[L::Elem],
        velocity: &mut [L::Elem],
        decays: bool,
        nesterov: bool,
    ) {
        let mut p = p.chunks_exact_mut(L::N);
        let mut g = g.chunks_exact(L::N);
        let mut velocity = velocity.chunks_exact_mut(L::N);
        for ((p, g), velocity) in (&mut p).zip(&mut g).zip(&mut velocity) {
            let g = self.decayed(L::load(p), L::load(g), decays);
            let (new_p, new_velocity) = self.step::<CARRIES>(L::load(p), g, L::load(velocity), nesterov);
            new_p.store(p);
            new_velocity.store(velocity);
        }
        let (p, g, velocity) = (p.into_remainder(), g.remainder(), velocity.into_remainder());
        if !p.is_empty() {
            let (old, g, old_velocity) = (padded::<L>(p), padded::<L>(g), padded::<L>(velocity));
            let g = self.decayed(old, g, decays);
            let (new_p, new_velocity) = self.step::<CARRIES>(old, g, old_velocity, nesterov);
            new_p.store_prefix(p);
            new_velocity.store_prefix(velocity);
        }
    }

    /// The parameter and the velocity after the step.
    #[inline(always)]
    fn step<const CARRIES: bool>(self, p: L, g: L, velocity: L, nesterov: bool) -> (L, L) {
        let velocity = if CARRIES { velocity.mul_add(self.keep, g * self.take) } else { g };
        let direction = if nesterov { velocity.mul_add(self.ahead, g) } else { velocity };
        (direction.mul_add(self.rate, p), velocity)
    }
}

impl<T: Float> Update<T> for AdamUpdate<'_, T> {
    #[inline(always)]
    fn apply<'p, L: Lanes<Elem = T>>(part: Self::Part<'p>)
    where
        Self: 'p,
    {
        let t = i32::try_from(part.step).unwrap_or(i32::MAX);
        let (correction1, correction2) = (1.0 - part.beta1.powi(t), 1.0 - part.beta2.powi(t));
        let step = AdamStep {
            rate: splat::<L>(-part.lr / correction1),
            shrink: splat::<L>(if part.decoupled { 1.0 - part.lr * part.weight_decay } else { 1.0 }),
            decay: splat::<L>(part.weight_decay),
            take1: splat::<L>(1.0 - part.beta1),
            keep2: splat::<L>(part.beta2),
            take2: splat::<L>(1.0 - part.beta2),
            root: splat::<L>(1.0 / correction2.sqrt()),
            eps: splat::<L>(part.eps),
        };
        if part.decoupled || part.weight_decay == 0.0 {
            step.over::<false>(part.p, part.g, part.m, part.v);
        } else {
            step.over::<true>(part.p, part.g, part.m, part.v);
        }
    }
}

/// The factors of an [`AdamUpdate`].
#[derive(Clone, Copy)]
struct AdamStep<L> {
    rate: L,
    shrink: L,
    decay: L,
    take1: L,
    keep2: L,
    take2: L,
    root: L,
    eps: L,
}

impl<L: Lanes> AdamStep<L> {
    #[inline(always)]
    fn over<const DECAYS: bool>(self, p: &mut [L::Elem], g: &[L::Elem], m: &mut [L::Elem], v: &mut [L::Elem]) {
        let mut p = p.chunks_exact_mut(L::N);
        let mut g = g.chunks_exact(L::N);
        let mut m = m.chunks_exact_mut(L::N);
        let mut v = v.chunks_exact_mut(L::N);
        for (((p, g), m), v) in (&mut p).zip(&mut g).zip(&mut m).zip(&mut v) {
            let (new_p, new_m, new_v) = self.step::<DECAYS>(L::load(p), L::load(g), L::load(m), L::load(v));
            new_p.store(p);
            new_m.store(m);
            new_v.store(v);
        }
        let (p, g, m, v) = (p.into_remainder(), g.remainder(), m.into_remainder(), v.into_remainder());
        if !p.is_empty() {
            let (old_p, g, old_m, old_v) = (padded::<L>(p), padded::<L>(g), padded::<L>(m), padded::<L>(v));
            let (new_p, new_m, new_v) = self.step::<DECAYS>(old_p, g, old_m, old_v);
            new_p.store_prefix(p);
            new_m.store_prefix(m);
            new_v.store_prefix(v);
        }
    }

    /// The parameter and its moments after the step.
    #[inline(always)]
    fn step<const DECAYS: bool>(self, p: L, g: L, m: L, v: L) -> (L, L, L) {
        let g = if DECAYS { p.mul_add(self.decay, g) } else { g };
        let m = (g - m).mul_add(self.take1, m);
        let v = v.mul_add(self.keep2, g * g * self.take2);
        let scale = v.sqrt().mul_add(self.root, self.eps);
        ((m / scale).mul_add(self.rate, p * self.shrink), m, v)
    }
}

/// The first number that is NaN or infinite, as (tensor, element); None if all are finite.
///
/// ```
/// assert_eq!(kernels::is_finite_all(&[&[1.0f32, 2.0][..], &[3.0, f32::NAN][..]]), Some((1, 1)));
/// ```
pub fn is_finite_all<T: Float>(tensors: &[&[T]]) -> Option<(usize, usize)> {
    tensors.iter().enumerate().find_map(|(tensor, numbers)| {
        let all = parallel::fold(*numbers, Grain::elements(1), |_, part| level::run(Finite(part)), |a, b| a && b);
        if all {
            return None;
        }
        numbers.iter().position(|number| !number.is_finite()).map(|element| (tensor, element))
    })
}

/// Whether all numbers are finite.
struct Finite<'a, T>(&'a [T]);

impl<T: Float> Kernel<T> for Finite<'_, T> {
    type Output = bool;

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) -> bool {
        // 0·x is 0 for finite numbers and NaN for others, and NaN stays in the sum.
        let mut sum = L::zero();
        let mut chunks = self.0.chunks_exact(L::N);
        for x in &mut chunks {
            let x = L::load(x);
            sum = sum + x * L::zero();
        }
        let rest = L::load_padded(chunks.remainder(), T::ZERO);
        (sum + rest * L::zero()).eq(L::zero()).all()
    }
}
