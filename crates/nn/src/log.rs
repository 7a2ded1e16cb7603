//! Records of a training run: [`Csv`], [`JsonLines`], [`TensorBoard`], [`Html`].
//!
//! All take the same: a step, and numbers with names. Rows are on disk when the call returns, so that a run that is killed keeps its records,
//! and a run that goes on from a [`crate::Checkpoint`] opens them with the step it goes on from: rows of that step and later ones, which it
//! will write again, are cut off.
//!
//! ```
//! use nn::log::{Csv, Log};
//! # let directory = std::env::temp_dir().join(format!("rectify-log-doc-{}", std::process::id()));
//! let mut log = Csv::open(directory.join("log.csv"), 0)?;
//! for step in 0..3 {
//!     log.scalars(step, &[("loss", 1.0 / (1.0 + step as f64)), ("rate", 0.1)])?;
//! }
//! let text = std::fs::read_to_string(directory.join("log.csv")).unwrap();
//! assert_eq!(text, "step,loss,rate\n0,1,0.1\n1,0.5,0.1\n2,0.3333333333333333,0.1\n");
//! # std::fs::remove_dir_all(directory).unwrap();
//! # Ok::<(), nn::Error>(())
//! ```

mod csv;
mod html;
mod json;
mod png;
mod rows;
mod tensorboard;
#[cfg(test)]
mod tests;

pub use csv::Csv;
pub use html::Html;
pub use json::JsonLines;
pub use tensorboard::TensorBoard;

use crate::Result;

/// Something that keeps a run's numbers.
pub trait Log {
    /// Notes numbers of a step.
    ///
    /// # Errors
    /// If the file cannot be written, or cannot hold these names; it is then as it was.
    fn scalars(&mut self, step: u64, values: &[(&str, f64)]) -> Result<()>;
}

/// All of them, in order.
impl Log for [Box<dyn Log>] {
    fn scalars(&mut self, step: u64, values: &[(&str, f64)]) -> Result<()> {
        self.iter_mut().try_for_each(|log| log.scalars(step, values))
    }
}
