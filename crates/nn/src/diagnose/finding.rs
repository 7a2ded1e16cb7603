//! What is wrong, where, how bad, and what to do.

use std::fmt::{Display, Formatter, Result};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// It costs something.
    Warning,
    /// The network cannot learn well like this.
    Severe,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The layer, named after the nearest parameter upstream of its rectifier.
    pub layer: String,
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

impl Display for Finding {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Finding { severity, layer, what, advice } = self;
        write!(f, "{}: {layer}: {what}. {advice}", severity.name())
    }
}
