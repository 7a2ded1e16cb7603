//! Groups of parameters with settings of their own, chosen by name.

use super::problem_with_size;
use crate::Result;
use crate::error::setting;
use std::sync::Arc;
use tape::Float;

/// What an optimiser does differently for the parameters of a group: see [`Descent::group`](super::Descent::group).
///
/// What is not set is as for all other parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ParamGroup {
    /// The optimiser's learning rate when the group was made.
    base: f64,
    /// The group's learning rate over the optimiser's.
    factor: f64,
    weight_decay: Option<f64>,
    decay_slopes: Option<bool>,
    pub(super) is_frozen: bool,
}

impl ParamGroup {
    /// As all other parameters of an optimiser with this learning rate.
    pub(super) const fn like_all(base: f64) -> ParamGroup {
        ParamGroup { base, factor: 1.0, weight_decay: None, decay_slopes: None, is_frozen: false }
    }

    /// Its own learning rate, beside the one that the optimiser has now. A schedule that halves that one halves this one too: the ratio
    /// stays.
    #[must_use]
    pub fn learning_rate(mut self, learning_rate: f64) -> Self {
        self.factor = learning_rate / self.base;
        self
    }

    /// Its learning rate, as a multiple of the optimiser's.
    #[must_use]
    pub fn learning_rate_factor(mut self, factor: f64) -> Self {
        self.factor = factor;
        self
    }

    /// Its own penalty on the size of parameters, slopes of rectifiers excepted unless they were asked for.
    #[must_use]
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = Some(weight_decay);
        self
    }

    /// Whether slopes of rectifiers in this group decay too.
    #[must_use]
    pub fn decay_slopes(mut self, decay_slopes: bool) -> Self {
        self.decay_slopes = Some(decay_slopes);
        self
    }

    /// Whether steps leave its parameters as they are, whatever their gradients. [`tape::Param::set_trainable`] does the same for a
    /// time, and spares the gradient too.
    #[must_use]
    pub fn frozen(mut self, frozen: bool) -> Self {
        self.is_frozen = frozen;
        self
    }

    /// The learning rate beside the optimiser's.
    pub(super) fn rate(&self, of_all: f64) -> f64 {
        of_all * self.factor
    }

    /// The weight decay beside this one for all, of a slope or another parameter.
    pub(super) fn decay(&self, of_all: f64, decay_slopes: bool, is_slope: bool) -> f64 {
        if is_slope && !self.decay_slopes.unwrap_or(decay_slopes) {
            return 0.0;
        }
        self.weight_decay.unwrap_or(of_all)
    }
}

/// Whether a name is in a group.
pub(super) type Predicate = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// The groups, in the order in which they are asked.
#[derive(Clone, Default)]
pub(super) struct Groups(Vec<(Predicate, ParamGroup)>);

impl Groups {
    /// Adds a group and returns its number.
    pub(super) fn add(&mut self, holds: Predicate, group: ParamGroup) -> usize {
        self.0.push((holds, group));
        self.0.len() - 1
    }

    /// The first group that holds the name.
    pub(super) fn of(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|(holds, _)| holds(name))
    }

    pub(super) fn settings(&self, group: Option<usize>) -> ParamGroup {
        group.map_or(const { ParamGroup::like_all(0.0) }, |group| self.0[group].1)
    }

    /// That every group's settings make sense beside this learning rate.
    pub(super) fn check<T: Float>(&self, what: &'static str, rate: f64) -> Result<()> {
        for (at, (_, group)) in self.0.iter().enumerate() {
            let ParamGroup { base, factor, .. } = *group;
            if !factor.is_finite() {
                let way_out = "set `learning_rate_factor`, or the optimiser's rate first and above 0";
                return setting(what, format!("group {at}: its learning rate is {factor} times {base}; {way_out}"));
            }
            let weight_decay = group.weight_decay.unwrap_or(0.0);
            for (name, value) in [("the learning rate", group.rate(rate)), ("weight decay", weight_decay)] {
                if let Some(problem) = problem_with_size::<T>(value) {
                    return setting(what, format!("group {at}: {name} {problem}"));
                }
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for Groups {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(_, group)| group)).finish()
    }
}
