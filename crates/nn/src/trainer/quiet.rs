//! Without the feature `trainer`: no progress bar, and Ctrl-C ends the program as it does elsewhere.

use super::Metric;

pub(super) struct Terminal;

impl Terminal {
    pub(super) fn new(_progress: bool, _first: u64, _total: u64) -> Terminal {
        Terminal
    }
    pub(super) fn is_interrupted(&self) -> bool {
        false
    }
    pub(super) fn step(&self, _step: u64, _loss: f64) {}
    pub(super) fn epoch(&self, _epoch: u64, _metrics: &[Metric]) {}
    pub(super) fn finish(self) {}
}
