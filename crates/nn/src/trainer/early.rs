//! Stopping once a metric no longer improves (Prechelt 1998).

use super::Metric;
use crate::schedule::Goal;
use crate::state::{Recall, Record, State};

/// Ends a run when a metric has not improved for some epochs.
///
/// ```
/// use nn::trainer::EarlyStopping;
/// let mut early = EarlyStopping::highest("accuracy").patience(1);
/// let stops = [0.5, 0.7, 0.6, 0.7].map(|accuracy| early.observe(&[("accuracy", accuracy)]));
/// assert_eq!(stops, [false, false, false, true]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct EarlyStopping {
    metric: &'static str,
    goal: Goal,
    patience: u64,
    least: f64,
    best: f64,
    waited: u64,
}

impl EarlyStopping {
    fn new(metric: &'static str, goal: Goal, worst: f64) -> EarlyStopping {
        EarlyStopping { metric, goal, patience: 10, least: 0.0, best: worst, waited: 0 }
    }

    /// Of a metric that should go down.
    pub fn lowest(metric: &'static str) -> EarlyStopping {
        EarlyStopping::new(metric, Goal::Lowest, f64::INFINITY)
    }

    /// Of a metric that should go up.
    pub fn highest(metric: &'static str) -> EarlyStopping {
        EarlyStopping::new(metric, Goal::Highest, f64::NEG_INFINITY)
    }

    /// How many epochs in a row may bring nothing: 10 unless said otherwise.
    #[must_use]
    pub fn patience(mut self, epochs: u64) -> Self {
        self.patience = epochs;
        self
    }

    /// By more than how much a value must be better than the best to count: 0 unless said otherwise.
    #[must_use]
    pub fn least_change(mut self, least: f64) -> Self {
        self.least = least;
        self
    }

    /// Takes in an epoch's metrics, and says whether to stop. NaN is no improvement.
    ///
    /// # Panics
    /// If the metric is not among them.
    #[track_caller]
    pub fn observe(&mut self, metrics: &[Metric]) -> bool {
        let Some(&(_, value)) = metrics.iter().find(|(name, _)| *name == self.metric) else {
            let names: Vec<&str> = metrics.iter().map(|(name, _)| *name).collect();
            panic!("EarlyStopping: there is no metric `{}` among {}", self.metric, names.join(", "));
        };
        let is_better = match self.goal {
            Goal::Lowest => value < self.best - self.least,
            Goal::Highest => value > self.best + self.least,
        };
        if is_better {
            (self.best, self.waited) = (value, 0);
        } else {
            self.waited += 1;
        }
        self.waited > self.patience
    }
}

impl State for EarlyStopping {
    fn record(&self, to: &mut Record) {
        to.field("best", &self.best);
        to.field("waited", &self.waited);
    }
    fn recall(&mut self, from: &mut Recall<'_>) {
        from.field("best", &mut self.best);
        from.field("waited", &mut self.waited);
    }
}
