//! A rate that goes down once a metric stops improving.

use super::check_rate;
use crate::error::setting;
use crate::state::{Recall, Record, State};
use crate::{Optimizer, Result};
use tape::Float;

/// Which way a metric improves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Goal {
    /// Lower is better: a loss.
    #[default]
    Lowest,
    /// Higher is better: an accuracy.
    Highest,
}

/// The settings of a [`Plateau`]; PyTorch's unless changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlateauOptions {
    /// Which way the metric improves.
    pub goal: Goal,
    /// What the rate is multiplied with, below 1.
    pub factor: f64,
    /// How many observations in a row may bring nothing before the rate goes down.
    pub patience: u64,
    /// What counts as an improvement: more than this share of the best value, or this much where `relative` is false.
    pub threshold: f64,
    /// Whether the threshold is a share of the best value.
    pub relative: bool,
    /// How many observations after a decrease do not count.
    pub cooldown: u64,
    /// The rate never goes below.
    pub lowest: f64,
    /// A decrease by no more than this is left out.
    pub least_change: f64,
}

impl Default for PlateauOptions {
    fn default() -> Self {
        PlateauOptions {
            goal: Goal::Lowest,
            factor: 0.1,
            patience: 10,
            threshold: 1e-4,
            relative: true,
            cooldown: 0,
            lowest: 0.0,
            least_change: 1e-8,
        }
    }
}

/// A learning rate that goes down once a metric stops improving: PyTorch's `ReduceLROnPlateau`.
///
/// ```
/// use nn::schedule::{Plateau, PlateauOptions};
/// let mut plateau = Plateau::new(0.1, PlateauOptions { factor: 0.5, patience: 1, ..Default::default() })?;
/// let rates = [1.0, 0.8, 0.8, 0.8, 0.7].map(|loss| plateau.observe(loss));
/// assert_eq!(rates, [0.1, 0.1, 0.1, 0.05, 0.05]);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plateau {
    options: PlateauOptions,
    progress: Progress,
}

/// All that a [`Plateau`] remembers: for checkpoints.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// The rate now.
    pub rate: f64,
    /// The best value so far; the worst that there is before the first.
    pub best: f64,
    /// Observations in a row that brought nothing.
    pub waited: u64,
    /// Observations left that do not count.
    pub cooling: u64,
}

const WHAT: &str = "Plateau";

impl Plateau {
    /// Beginning at this rate.
    ///
    /// # Errors
    /// If a number is not finite or negative, or if the factor is not below 1.
    pub fn new(rate: f64, options: PlateauOptions) -> Result<Plateau> {
        check_rate(WHAT, "the rate", rate)?;
        check_rate(WHAT, "the threshold", options.threshold)?;
        check_rate(WHAT, "the lowest rate", options.lowest)?;
        check_rate(WHAT, "the least change", options.least_change)?;
        if !(0.0..1.0).contains(&options.factor) {
            return setting(WHAT, format!("the factor is {}; it must be in [0, 1)", options.factor));
        }
        let best = match options.goal {
            Goal::Lowest => f64::INFINITY,
            Goal::Highest => f64::NEG_INFINITY,
        };
        Ok(Plateau { options, progress: Progress { rate, best, waited: 0, cooling: 0 } })
    }

    /// The rate now.
    pub fn rate(&self) -> f64 {
        self.progress.rate
    }

    /// Takes in the metric's next value, after each epoch say; the rate from now on. NaN is no improvement.
    pub fn observe(&mut self, metric: f64) -> f64 {
        let PlateauOptions { factor, patience, cooldown, lowest, least_change, .. } = self.options;
        let is_better = self.is_better(metric);
        let now = &mut self.progress;
        if is_better {
            now.best = metric;
            now.waited = 0;
        } else {
            now.waited += 1;
        }
        if now.cooling > 0 {
            now.cooling -= 1;
            now.waited = 0;
        }
        if now.waited > patience {
            let lower = (now.rate * factor).max(lowest);
            if now.rate - lower > least_change {
                now.rate = lower;
            }
            now.cooling = cooldown;
            now.waited = 0;
        }
        now.rate
    }

    fn is_better(&self, metric: f64) -> bool {
        let PlateauOptions { goal, threshold, relative, .. } = self.options;
        let best = self.progress.best;
        match (goal, relative) {
            (Goal::Lowest, true) => metric < best * (1.0 - threshold),
            (Goal::Lowest, false) => metric < best - threshold,
            (Goal::Highest, true) => metric > best * (1.0 + threshold),
            (Goal::Highest, false) => metric > best + threshold,
        }
    }

    /// Gives an optimiser the rate.
    pub fn apply<T: Float>(&self, optimizer: &mut impl Optimizer<T>) {
        optimizer.set_learning_rate(self.rate());
    }

    /// What it remembers.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// Goes on from what a plateau with the same options remembered.
    ///
    /// # Errors
    /// If the rate is not finite or negative, or if the best value is NaN. Nothing is changed then.
    pub fn set_progress(&mut self, progress: Progress) -> Result<()> {
        check_rate(WHAT, "the rate", progress.rate)?;
        if progress.best.is_nan() {
            return setting(WHAT, "the best value is NaN, which no value improves on");
        }
        self.progress = progress;
        Ok(())
    }
}

impl State for Plateau {
    fn record(&self, to: &mut Record) {
        let Progress { rate, best, waited, cooling } = &self.progress;
        to.field("rate", rate);
        to.field("best", best);
        to.field("waited", waited);
        to.field("cooling", cooling);
    }
    fn recall(&mut self, from: &mut Recall<'_>) {
        let Progress { rate, best, waited, cooling } = &mut self.progress;
        from.field("rate", rate);
        from.field("best", best);
        from.field("waited", waited);
        from.field("cooling", cooling);
    }
}
