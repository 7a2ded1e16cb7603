//! The rows, by kind.

mod elementwise;
pub mod images;
mod losses;
mod pooling;
mod products;
mod region;
mod sequences;
mod tiny;
pub mod training;

use crate::harness::Rows;

/// All rows, in the order of the page.
pub fn all() -> Rows {
    let mut rows = elementwise::rows();
    rows.extend(tiny::rows());
    rows.extend(region::rows());
    rows.extend(training::rows());
    rows.extend(images::rows());
    rows.extend(sequences::rows());
    rows.extend(products::rows());
    rows.extend(losses::rows());
    rows.extend(pooling::rows());
    rows
}
