//! Optimisers: [`Sgd`], [`Adam`], [`AdamW`], [`NAdam`], [`RAdam`], [`Adamax`], [`RmsProp`], [`Adagrad`], [`Adadelta`], with PyTorch's
//! formulas and defaults, and [`Lion`], with its paper's.
//!
//! A step updates every parameter of a module in one pass and one parallel region, in place. It either does all of it or, where a
//! setting or a gradient is not finite, returns the error and changes nothing. What an optimiser remembers belongs to a parameter's
//! name; steps are counted for each parameter. A parameter without a gradient (frozen, or out of the loss's reach) is skipped.
//!
//! [`Descent`] is what they share: learning rate, weight decay, groups of parameters with settings of their own. A [`Method`] is what
//! distinguishes them.
//!
//! A parameter with bounds ([`tape::Param::within`]) is brought back between them at the end of the step.
//!
//! [`Lbfgs`] and [`LevenbergMarquardt`] are handed a function instead of gradients and run until they have converged: for small networks,
//! full batches, curve fitting.
//!
//! Weight decay spares [`tape::Group::Slope`]: decay would pull a rectifier's learned slope to 0 (He et al. 2015).
//! `decay_slopes(true)` asks for it.

mod accumulator;
mod adadelta;
mod adagrad;
mod adam;
mod adamax;
mod descent;
mod flat;
mod groups;
mod lbfgs;
mod levenberg;
mod line_search;
mod lion;
mod memory;
mod nadam;
mod outcome;
mod radam;
mod rmsprop;
mod sequence;
mod sgd;
mod state;
mod trust;

pub use accumulator::Accumulator;
pub use adadelta::Adadelta;
pub use adagrad::Adagrad;
pub use adam::{Adam, AdamSettings, AdamW};
pub use adamax::Adamax;
pub use descent::{Descent, Method};
pub use groups::ParamGroup;
pub use lbfgs::{Evaluated, Lbfgs};
pub use levenberg::LevenbergMarquardt;
pub use lion::Lion;
pub use nadam::NAdam;
pub use outcome::{Outcome, Stop};
pub use radam::RAdam;
pub use rmsprop::RmsProp;
pub use sgd::Sgd;

use crate::error::setting;
use crate::{Module, Result};
use tape::{Float, Gradients};

/// Something that improves a module by its gradients.
pub trait Optimizer<T: Float = f32> {
    /// Updates every parameter that has a gradient, and writes the buffers' updates that came with the gradients.
    ///
    /// # Errors
    /// If a setting makes no sense, or if a gradient or a buffer's update holds a NaN or an infinity. Nothing is changed then.
    fn step(&mut self, net: &mut impl Module<T>, grads: Gradients<T>) -> Result<()>
    where
        Self: Sized;

    /// The learning rate.
    fn learning_rate(&self) -> f64;

    /// Changes the learning rate, for schedules.
    fn set_learning_rate(&mut self, rate: f64);

    /// Changes the momentum, for schedules: that of [`Sgd`] and [`RmsProp`], β₁ of [`Adam`] and its kin. False where there is none to change.
    #[must_use]
    fn set_momentum(&mut self, momentum: f64) -> bool {
        let _ = momentum;
        false
    }
}

/// That a setting is finite, in the parameters' float type too, and not negative.
fn check_size<T: Float>(what: &'static str, name: &str, value: f64) -> Result<()> {
    match problem_with_size::<T>(value) {
        None => Ok(()),
        Some(problem) => setting(what, format!("{name} {problem}")),
    }
}

fn problem_with_size<T: Float>(value: f64) -> Option<String> {
    if !value.is_finite() || value < 0.0 {
        return Some(format!("is {value}; it must be finite and not negative"));
    }
    let fits = T::from_f64(value).to_f64().is_finite();
    (!fits).then(|| format!("is {value:e}, which is infinite in the parameters' float type"))
}

/// That a setting is a share that stays: in [0, 1).
fn check_share(what: &'static str, name: &str, value: f64) -> Result<()> {
    if (0.0..1.0).contains(&value) {
        return Ok(());
    }
    setting(what, format!("{name} is {value}; it must be in [0, 1)"))
}

/// That both βs and ε of Adam or one of its kin make sense.
fn check_moments<T: Float>(what: &'static str, beta1: f64, beta2: f64, eps: f64) -> Result<()> {
    check_share(what, "β₁", beta1)?;
    check_share(what, "β₂", beta2)?;
    check_size::<T>(what, "ε", eps)
}
