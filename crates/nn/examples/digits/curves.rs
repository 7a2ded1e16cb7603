//! The picture of a training run: loss above, accuracy below, over epochs.

use plotters::prelude::*;
use plotters::style::{FontStyle, register_font};
use std::error::Error;
use std::path::Path;

/// What one pass over the data left.
pub struct Epoch {
    /// Mean loss over the training images, while they were learned.
    pub loss: f64,
    /// Share of test images recognised, after it.
    pub accuracy: f64,
}
