//! Learning rates that change: [`Schedule`] says the rate of each step, [`Plateau`] watches a metric.
//!
//! A [`Schedule`] is a pure value: its rate is a function of the step alone, so a run that is resumed needs the step's number and
//! nothing else. What a step is, an update or an epoch, is whatever the loop counts. Formulas are the closed forms of PyTorch's
//! `lr_scheduler`:
//!
//! | schedule | PyTorch | rate at step t |
//! |---|---|---|
//! | [`Schedule::constant`] | `ConstantLR` | r |
//! | [`Schedule::step`] | `StepLR` | r·γ^⌊t / every⌋ |
//! | [`Schedule::multi_step`] | `MultiStepLR` | r·γ^(milestones up to t) |
//! | [`Schedule::exponential`] | `ExponentialLR` | r·γᵗ |
//! | [`Schedule::linear`] | `LinearLR` | from + (to − from)·min(t, n) / n |
//! | [`Schedule::polynomial`] | `PolynomialLR` | r·(1 − min(t, n) / n)^power |
//! | [`Schedule::cosine`] | `CosineAnnealingLR` | to + (from − to)·(1 + cos(π·t / n)) / 2 |
//! | [`Schedule::cosine_restarts`] | `CosineAnnealingWarmRestarts` | the same, from the last restart on |
//! | [`Schedule::one_cycle`] | `OneCycleLR` | up to the peak and down again; the momentum the other way round, if asked for |
//! | [`Schedule::then`], [`Schedule::after_warm_up`] | `SequentialLR` | one after the other |
//! | [`Plateau`] | `ReduceLROnPlateau` | lower once a metric stops improving |
//!
//! ```
//! use nn::prelude::*;
//! let schedule = Schedule::cosine(0.1, 0.0, 90)?.after_warm_up(10, 0.01)?;
//! let mut net = Linear::new(2, 1, &mut Rng::seed(1));
//! let mut sgd = Sgd::new(0.1);
//! for step in 0..100 {
//!     schedule.apply(step, &mut sgd);
//!     let tape = Tape::training(step);
//!     let loss = net.forward(tape.input(Tensor::ones([4, 2]))).square().mean();
//!     sgd.step(&mut net, loss.backward())?;
//! }
//! assert_eq!((schedule.rate(0), schedule.rate(10), schedule.rate(55)), (0.01, 0.1, 0.05));
//! # Ok::<(), nn::Error>(())
//! ```

mod one_cycle;
mod plateau;
mod shape;
#[cfg(test)]
mod tests;

pub use one_cycle::{Annealing, OneCycle};
pub use plateau::{Goal, Plateau, PlateauOptions, Progress};

use crate::error::{expect, setting};
use crate::state::{Recall, Record, State};
use crate::{Optimizer, Result};
use shape::Shape;
use tape::Float;

/// The name under which errors speak of schedules.
const WHAT: &str = "Schedule";

/// The learning rate of each step.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule(Kind);

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Shape(Shape),
    OneCycle(OneCycle),
    /// Schedules with the step at which each begins, the first at 0.
    Sequence(Vec<(u64, Schedule)>),
}

impl Schedule {
    /// The learning rate of a step; steps count from 0.
    pub fn rate(&self, step: u64) -> f64 {
        match &self.0 {
            Kind::Shape(shape) => shape.rate(step),
            Kind::OneCycle(cycle) => cycle.rate(step),
            Kind::Sequence(parts) => {
                let begun = parts.partition_point(|&(start, _)| start <= step);
                let (start, part) = &parts[begun - 1];
                part.rate(step - start)
            }
        }
    }

    /// The momentum of a step, where the schedule moves it too: in an [`OneCycle`] with `momentum`, and after it, where it stays as it was left. So a
    /// run that is resumed there has the momentum of one that was not stopped.
    pub fn momentum(&self, step: u64) -> Option<f64> {
        match &self.0 {
            Kind::Shape(_) => None,
            Kind::OneCycle(cycle) => cycle.momentum(step),
            Kind::Sequence(parts) => {
                let begun = parts.partition_point(|&(start, _)| start <= step);
                let mut step = step;
                parts[..begun].iter().rev().find_map(|(start, part)| {
                    let found = part.momentum(step - start);
                    // The last step of the part before.
                    step = start.saturating_sub(1);
                    found
                })
            }
        }
    }

    /// Gives an optimiser the learning rate of a step, and its momentum where the schedule moves that; before [`Optimizer::step`].
    ///
    /// # Panics
    /// If the schedule moves the momentum and the optimiser has none; [`Schedule::try_apply`] returns the error.
    #[track_caller]
    pub fn apply<T: Float>(&self, step: u64, optimizer: &mut impl Optimizer<T>) {
        expect(self.try_apply(step, optimizer));
    }

    /// As [`Schedule::apply`].
    ///
    /// # Errors
    /// If the schedule moves the momentum and the optimiser has none.
    pub fn try_apply<T: Float>(&self, step: u64, optimizer: &mut impl Optimizer<T>) -> Result<()> {
        if self.momentum(step).is_some_and(|momentum| !optimizer.set_momentum(momentum)) {
            return setting(
                WHAT,
                "it moves the momentum, and this optimiser has none; set `OneCycle::momentum` to None",
            );
        }
        optimizer.set_learning_rate(self.rate(step));
        Ok(())
    }

    /// This schedule up to step `at`, then another one, whose steps count from there.
    ///
    /// In a chain, `at` counts from the beginning of the whole.
    ///
    /// ```
    /// use nn::Schedule;
    /// let schedule = Schedule::constant(0.1)?.then(100, Schedule::linear(0.1, 0.0, 50)?)?.then(150, Schedule::constant(0.001)?)?;
    /// assert_eq!([99, 100, 125, 150].map(|step| schedule.rate(step)), [0.1, 0.1, 0.05, 0.001]);
    /// # Ok::<(), nn::Error>(())
    /// ```
    ///
    /// # Errors
    /// If `at` is not later than the last change.
    pub fn then(self, at: u64, next: Schedule) -> Result<Schedule> {
        let mut parts = match self.0 {
            Kind::Sequence(parts) => parts,
            kind => vec![(0, Schedule(kind))],
        };
        let last = parts.last().map_or(0, |&(start, _)| start);
        if at <= last {
            return setting(
                WHAT,
                format!("a part begins at step {at}, the one before it at {last}; put them in order"),
            );
        }
        parts.push((at, next));
        Ok(Schedule(Kind::Sequence(parts)))
    }

    /// This schedule after a warm-up: for `steps` steps the rate rises in a line from `from` to this schedule's first, and from then
    /// on this schedule's steps count.
    ///
    /// Goyal et al., "Accurate, Large Minibatch SGD" (2017).
    ///
    /// # Errors
    /// If `steps` is 0, or if `from` is not finite or negative.
    pub fn after_warm_up(self, steps: u64, from: f64) -> Result<Schedule> {
        Schedule::linear(from, self.rate(0), steps)?.then(steps, self)
    }
}

/// Nothing: the step says it all.
impl State for Schedule {
    fn record(&self, _: &mut Record) {}
    fn recall(&mut self, _: &mut Recall<'_>) {}
}

/// That a learning rate, or a factor of one, is finite and not negative.
fn check_rate(what: &'static str, name: &str, value: f64) -> Result<()> {
    if value.is_finite() && value >= 0.0 {
        return Ok(());
    }
    setting(what, format!("{name} is {value}; it must be finite and not negative"))
}

/// That there is at least one step.
fn check_steps(name: &str, steps: u64) -> Result<()> {
    if steps > 0 {
        return Ok(());
    }
    setting(WHAT, format!("{name} is 0; it must be at least 1"))
}
