//! What is wrong, where, how bad, and what to do.

use std::fmt::{Display, Formatter, Result};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// It costs something.
    Warning,
    /// The network cannot learn well like this.
    Severe,
}

/// What kind of thing is wrong, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Symptom {
    /// Numbers are NaN or infinite.
    NotFinite,
    /// A layer makes the signal much larger or smaller.
    SignalScale,
    /// Gradients vanish or explode on their way to the first layer.
    GradientScale,
    /// Units never fire, and no gradient reaches them.
    DeadUnits,
    /// Units always are on the same side of their kink.
    LinearUnits,
    /// Slopes are below 0, or were.
    NotMonotone,
    /// Slopes are larger than 1, or were.
    NotLipschitz,
    /// Slopes are 1.
    Identity,
    /// Slopes repeat what the norm before them says.
    RedundantSlope,
    /// Slopes see no negative number.
    IdleSlope,
    /// The output does not depend on the input, or does so as one affine map.
    Trivial,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What kind of thing it is.
    pub symptom: Symptom,
    /// The layer, named after the nearest parameter upstream of its rectifier.
    pub layer: String,
    /// The training step from which on it is so; None where one batch was looked at ([`crate::diagnose()`]).
    pub step: Option<u64>,
    /// What is wrong, with numbers.
    pub what: String,
    /// What to do about it.
    pub advice: String,
}

impl Severity {
    pub(super) fn name(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Severe => "severe",
        }
    }
}

impl Symptom {
    /// `dead units`.
    pub fn name(self) -> &'static str {
        match self {
            Symptom::NotFinite => "not finite",
            Symptom::SignalScale => "signal scale",
            Symptom::GradientScale => "gradient scale",
            Symptom::DeadUnits => "dead units",
            Symptom::LinearUnits => "linear units",
            Symptom::NotMonotone => "not monotone",
            Symptom::NotLipschitz => "not Lipschitz",
            Symptom::Identity => "identity",
            Symptom::RedundantSlope => "redundant slope",
            Symptom::IdleSlope => "idle slope",
            Symptom::Trivial => "trivial",
        }
    }
}

impl Display for Finding {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Finding { severity, layer, step, what, advice, .. } = self;
        match step {
            Some(step) => write!(f, "{}: {layer}, from step {step} on: {what}. {advice}", severity.name()),
            None => write!(f, "{}: {layer}: {what}. {advice}", severity.name()),
        }
    }
}
