//! Which average of a run's weights is kept.

use crate::{Average, Result};
use tape::Float;

/// The average of the weights that a [`super::Trainer`] keeps, validates, and leaves in the network when all is done.
///
/// ```no_run
/// use nn::prelude::*;
/// use nn::trainer::Averaging;
/// // Stochastic weight averaging: the weights at the end of each epoch from the 21st on.
/// let swa = Trainer::new(30).average(Averaging::equal().after_epochs(20));
/// // An exponential moving average, over steps.
/// let ema = Trainer::new(30).average(Averaging::exponential(0.999));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Averaging {
    /// None: all count the same.
    decay: Option<f64>,
    pub(super) each_step: bool,
    pub(super) after_epochs: u64,
    pub(super) updates_bn: bool,
}

impl Averaging {
    /// The mean of the weights at the ends of epochs (SWA, Izmailov et al. 2018); what batch norms keep is gathered anew with
    /// [`crate::average::update_bn`].
    pub fn equal() -> Averaging {
        Averaging { decay: None, each_step: false, after_epochs: 0, updates_bn: true }
    }

    /// An exponential moving average of the weights of every step (EMA), and of what batch norms keep.
    pub fn exponential(decay: f64) -> Averaging {
        Averaging { decay: Some(decay), each_step: true, after_epochs: 0, updates_bn: false }
    }

    /// Only weights after so many epochs count.
    #[must_use]
    pub fn after_epochs(mut self, epochs: u64) -> Self {
        self.after_epochs = epochs;
        self
    }

    /// Whether what batch norms keep is gathered anew before each validation and at the end: a pass over the training data each time.
    #[must_use]
    pub fn update_bn(mut self, updates_bn: bool) -> Self {
        self.updates_bn = updates_bn;
        self
    }

    /// An average of nothing yet.
    ///
    /// # Errors
    /// If the decay is no share.
    pub(super) fn begin<T: Float>(self) -> Result<Average<T>> {
        self.decay.map_or(Ok(Average::equal()), Average::exponential)
    }
}
