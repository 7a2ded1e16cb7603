//! L-BFGS: quasi-Newton steps from the last few changes of the gradient (Nocedal 1980; Nocedal, Wright 2006, algorithm 7.4), with a
//! strong Wolfe line search.

use super::flat::{self, along, dot, norm};
use super::line_search::{self, Start, Trial};
use super::outcome::{Outcome, Stop};
use crate::error::setting;
use crate::{Error, Module, Result};
use std::collections::VecDeque;
use tape::{Float, Gradients, Updates, Var};

/// Minimises a loss that is the same at every call: full batches, penalties, no dropout.
///
/// Vectors of the method are f64, whatever the parameters are.
///
/// ```
/// use nn::prelude::*;
/// use nn::optim::Lbfgs;
/// let x = Tensor::f64([[1.0], [2.0], [3.0]]);
/// let y = Tensor::f64([[1.0], [3.0], [5.0]]);
/// let mut net = Linear::new(1, 1, &mut Rng::seed(1)).cast::<f64>();
/// let outcome = Lbfgs::new().minimize(&mut net, |net| {
///     let tape = Tape::training(0);
///     net.forward(tape.input(x.clone())).mse(&y)
/// })?;
/// assert!(outcome.has_converged() && outcome.value < 1e-12);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Lbfgs {
    memory: usize,
    iterations: usize,
    gradient_tolerance: f64,
    change_tolerance: f64,
    /// What the last steps taught, the oldest first.
    pairs: VecDeque<Pair>,
}

/// How the gradient changed along a step.
#[derive(Clone, Debug)]
struct Pair {
    /// The step.
    s: Vec<f64>,
    /// The change of the gradient.
    y: Vec<f64>,
    /// 1 / s·y
    rho: f64,
}

/// A loss and its gradients: made of the loss as a [`Var`], or of both, where they are added up over parts of the data.
#[derive(Debug)]
pub struct Evaluated<T: Float = f32> {
    loss: f64,
    grads: Gradients<T>,
}

impl<T: Float> From<Var<T>> for Evaluated<T> {
    /// Runs the backward pass.
    #[track_caller]
    fn from(loss: Var<T>) -> Self {
        Evaluated { loss: loss.item().to_f64(), grads: loss.backward() }
    }
}

impl<T: Float> From<(f64, Gradients<T>)> for Evaluated<T> {
    fn from((loss, grads): (f64, Gradients<T>)) -> Self {
        Evaluated { loss, grads }
    }
}

/// A place, and the loss there.
struct Point<T: Float> {
    x: Vec<f64>,
    loss: f64,
    gradient: Vec<f64>,
    updates: Updates<T>,
}

const WHAT: &str = "Lbfgs";
/// So many iterations in a row that change next to nothing are the end.
const PATIENCE: usize = 3;

impl Default for Lbfgs {
    fn default() -> Self {
        Lbfgs::new()
    }
}

impl Lbfgs {
    /// With a memory of 10 steps, at most 1000 iterations, until no gradient is above 1e-7 or the loss stops changing.
    pub fn new() -> Lbfgs {
        Lbfgs {
            memory: 10,
            iterations: 1000,
            gradient_tolerance: 1e-7,
            change_tolerance: f64::EPSILON,
            pairs: VecDeque::new(),
        }
    }

    /// How many steps are remembered.
    #[must_use]
    pub fn memory(mut self, steps: usize) -> Self {
        self.memory = steps;
        self
    }

    /// How many iterations a call makes at most. What was learned stays: calls of one iteration each go the same way as one call.
    #[must_use]
    pub fn iterations(mut self, iterations: usize) -> Self {
        self.iterations = iterations;
        self
    }

    /// The end: no element of the gradient is above this.
    #[must_use]
    pub fn gradient_tolerance(mut self, tolerance: f64) -> Self {
        self.gradient_tolerance = tolerance;
        self
    }

    /// The end: three iterations in a row lowered the loss by no more than this share of it. It is never less than the parameters'
    /// float type can tell.
    #[must_use]
    pub fn change_tolerance(mut self, tolerance: f64) -> Self {
        self.change_tolerance = tolerance;
        self
    }

    /// Forgets what the last steps taught: for another loss.
    pub fn reset(&mut self) {
        self.pairs.clear();
    }

    /// What was learned, for checkpoints: steps and the changes of the gradient along them, the oldest first. Every vector holds the
    /// trainable parameters' numbers in the module's order.
    pub fn learned(&self) -> impl ExactSizeIterator<Item = (&[f64], &[f64])> {
        self.pairs.iter().map(|pair| (&pair.s[..], &pair.y[..]))
    }

    /// Takes in a step and the change of the gradient along it, as the newest: what [`Lbfgs::learned`] gave, in its order.
    ///
    /// # Errors
    /// If the vectors differ in length, also from those that are there, or if the curvature along the step is not positive.
    pub fn learn_from(&mut self, step: &[f64], change: &[f64]) -> Result<()> {
        let length = self.pairs.front().map_or(step.len(), |pair| pair.s.len());
        if step.len() != length || change.len() != length {
            let (step, change) = (step.len(), change.len());
            return setting(WHAT, format!("a step of {step} and a change of {change} numbers do not fit {length}"));
        }
        if !self.learn(step.to_vec(), change.to_vec()) {
            return setting(WHAT, "the curvature along the step is not positive");
        }
        Ok(())
    }

    fn check(&self) -> Result<()> {
        if self.memory == 0 {
            return setting(WHAT, "the memory is 0 steps; it must be at least 1");
        }
        for (name, value) in [("gradient", self.gradient_tolerance), ("change", self.change_tolerance)] {
            if !(value.is_finite() && value >= 0.0) {
                return setting(WHAT, format!("the {name} tolerance is {value}; it must be finite and not negative"));
            }
        }
        Ok(())
    }

    /// Lowers `loss` until it has converged. The closure runs a forward pass of the module it is handed and returns the loss, or
    /// the loss as f64 with its gradients.
    ///
    /// Frozen parameters stay. Buffers get the updates of every step that was taken.
    ///
    /// # Errors
    /// If a setting makes no sense, if a trainable parameter has bounds, or if the loss or a gradient is not finite at the start. The
    /// parameters are as they were then.
    ///
    /// # Panics
    /// If the loss is not one number, or depends on no trainable parameter.
    #[track_caller]
    pub fn minimize<T: Float, M: Module<T>, E: Into<Evaluated<T>>>(
        &mut self,
        net: &mut M,
        mut loss: impl FnMut(&M) -> E,
    ) -> Result<Outcome> {
        self.check()?;
        let length = flat::length(WHAT, net)?;
        if self.pairs.front().is_some_and(|pair| pair.s.len() != length) {
            self.reset();
        }
        let mut evaluations = 0;
        let mut evaluate = |net: &mut M, x: Option<&[f64]>| {
            evaluations += 1;
            if let Some(x) = x {
                flat::set_numbers(net, x);
            }
            point(net, loss(net).into())
        };
        let mut now = evaluate(net, None)?;
        let (mut iterations, mut idle) = (0, 0);
        let stop = loop {
            if flat::largest(&now.gradient) <= self.gradient_tolerance {
                break Stop::Gradient;
            }
            if idle >= PATIENCE {
                break Stop::Change;
            }
            if iterations == self.iterations {
                break Stop::Iterations;
            }
            let Some(next) = self.step::<T>(&now, |x| evaluate(net, Some(x)).ok()) else { break Stop::Stuck };
            iterations += 1;
            let least = self.change_tolerance.max(T::EPSILON.to_f64()) * now.loss.abs();
            idle = if now.loss - next.loss <= least { idle + 1 } else { 0 };
            net.apply_updates(&next.updates);
            self.learn(along(&next.x, -1.0, &now.x), along(&next.gradient, -1.0, &now.gradient));
            now = next;
        };
        // The last look along a line may have been elsewhere.
        flat::set_numbers(net, &now.x);
        Ok(Outcome { value: now.loss, gradient: flat::largest(&now.gradient), iterations, evaluations, stop })
    }

    /// The next point; None if no step lowers the loss, not even straight down.
    fn step<T: Float>(
        &mut self,
        now: &Point<T>,
        mut evaluate: impl FnMut(&[f64]) -> Option<Point<T>>,
    ) -> Option<Point<T>> {
        // Sums of many terms of the loss's size: what rounding may do to it.
        let noise = 64.0 * T::EPSILON.to_f64() * now.loss.abs();
        loop {
            let direction = self.direction(&now.gradient);
            let slope = dot(&direction, &now.gradient);
            if slope < 0.0 && slope.is_finite() {
                let sum: f64 = now.gradient.iter().map(|g| g.abs()).sum();
                let first = if self.pairs.is_empty() { (1.0 / sum).min(1.0) } else { 1.0 };
                let found = line_search::search(Start { loss: now.loss, slope, noise }, first, |step| {
                    let point = evaluate(&along(&now.x, step, &direction))?;
                    let slope = dot(&direction, &point.gradient);
                    slope.is_finite().then_some(Trial { step, loss: point.loss, slope, point })
                });
                // A step so short that rounding undid it is none.
                if let Some(trial) = found
                    && trial.point.x != now.x
                {
                    return Some(trial.point);
                }
            }
            if self.pairs.is_empty() {
                return None;
            }
            self.reset();
        }
    }

    /// −H·g by the two loops, where H approximates the inverse of the Hessian; straight down where nothing is known of it.
    fn direction(&self, gradient: &[f64]) -> Vec<f64> {
        let mut q: Vec<f64> = gradient.iter().map(|g| -g).collect();
        let mut alphas = Vec::with_capacity(self.pairs.len());
        for Pair { s, y, rho } in self.pairs.iter().rev() {
            let alpha = rho * dot(s, &q);
            q.iter_mut().zip(y).for_each(|(q, y)| *q -= alpha * y);
            alphas.push(alpha);
        }
        if let Some(Pair { y, rho, .. }) = self.pairs.back() {
            let scale = 1.0 / (rho * dot(y, y));
            q.iter_mut().for_each(|q| *q *= scale);
        }
        for (Pair { s, y, rho }, alpha) in self.pairs.iter().zip(alphas.into_iter().rev()) {
            let beta = rho * dot(y, &q);
            q.iter_mut().zip(s).for_each(|(q, s)| *q += (alpha - beta) * s);
        }
        q
    }

    /// Remembers how the gradient changed by y along a step s, unless the curvature there is not positive or drowns in rounding.
    fn learn(&mut self, s: Vec<f64>, y: Vec<f64>) -> bool {
        let curvature = dot(&s, &y);
        if !(curvature > f64::EPSILON * norm(&s) * norm(&y) && (1.0 / curvature).is_finite()) {
            return false;
        }
        if self.pairs.len() >= self.memory {
            self.pairs.pop_front();
        }
        self.pairs.push_back(Pair { s, y, rho: 1.0 / curvature });
        true
    }
}

/// The module's numbers with a loss and its gradients there.
fn point<T: Float>(net: &impl Module<T>, Evaluated { loss, grads }: Evaluated<T>) -> Result<Point<T>> {
    if !loss.is_finite() {
        return Err(Error::LossNotFinite { what: WHAT, name: "the loss", value: loss });
    }
    let gradient = flat::gradient(net, &grads)?;
    Ok(Point { x: flat::numbers(net), loss, gradient, updates: grads.updates().clone() })
}
