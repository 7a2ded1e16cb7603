//! How a minimisation ended.

/// What [`super::Lbfgs`] and [`super::LevenbergMarquardt`] report.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// The loss at the end; of a least-squares problem, the sum of the squared residuals.
    pub value: f64,
    /// The largest element of its gradient, without its sign.
    pub gradient: f64,
    /// Steps taken.
    pub iterations: usize,
    /// How often the loss was computed.
    pub evaluations: usize,
    /// Why it ended.
    pub stop: Stop,
}

impl Outcome {
    /// Whether it ended at what the tolerances say is a minimum.
    pub fn has_converged(&self) -> bool {
        matches!(self.stop, Stop::Gradient | Stop::Change)
    }
}

/// Why a minimisation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The gradient is as small as was asked for.
    Gradient,
    /// Loss or parameters change no more than was asked for.
    Change,
    /// The iterations were used up.
    Iterations,
    /// No step lowers the loss: rounding is in the way, or the gradients are not those of the loss.
    Stuck,
}
