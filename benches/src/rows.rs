//! The rows, by kind.

mod elementwise;
mod tiny;

use crate::harness::Rows;

/// All rows, in the order of the page.
pub fn all() -> Rows {
    let mut rows = elementwise::rows();
    rows.extend(tiny::rows());
    rows
}
