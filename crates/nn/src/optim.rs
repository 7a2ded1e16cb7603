//! Optimisers: [`Sgd`], [`Adam`], [`AdamW`], with PyTorch's formulas.
//!
//! A step updates every parameter of a module in one pass and one parallel region, in place. It either does all of it or, where a
//! setting or a gradient is not finite, returns the error and changes nothing. What an optimiser remembers belongs to a parameter's
//! name; steps are counted for each parameter. A parameter without a gradient (frozen, or out of the loss's reach) is skipped.
//!
//! A parameter with bounds ([`tape::Param::within`]) is brought back between them at the end of the step.
//!
//! [`Lbfgs`] and [`LevenbergMarquardt`] are handed a function instead of gradients and run until they have converged: for small networks,
//! full batches, curve fitting.
//!
//! Weight decay spares [`tape::Group::Slope`]: decay would pull a rectifier's learned slope to 0 (He et al. 2015).
//! `decay_slopes(true)` asks for it.

mod accumulator;
mod adam;
mod flat;
mod lbfgs;
mod levenberg;
mod line_search;
mod memory;
mod outcome;
mod sequence;
mod sgd;
mod state;
mod trust;

pub use accumulator::Accumulator;
pub use adam::{Adam, AdamW};
pub use lbfgs::{Evaluated, Lbfgs};
pub use levenberg::LevenbergMarquardt;
pub use outcome::{Outcome, Stop};
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
}

/// That a setting is finite, in the parameters' float type too, and not negative.
fn check_size<T: Float>(what: &'static str, name: &str, value: f64) -> Result<()> {
    if !value.is_finite() || value < 0.0 {
        return setting(what, format!("{name} is {value}; it must be finite and not negative"));
    }
    if !T::from_f64(value).to_f64().is_finite() {
        return setting(what, format!("{name} is {value:e}, which is infinite in the parameters' float type"));
    }
    Ok(())
}

/// That a setting is a share that stays: in [0, 1).
fn check_share(what: &'static str, name: &str, value: f64) -> Result<()> {
    if (0.0..1.0).contains(&value) {
        return Ok(());
    }
    setting(what, format!("{name} is {value}; it must be in [0, 1)"))
}
