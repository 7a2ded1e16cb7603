//! The board by burn: its flex backend with `x86-v4` matrix products. Protocol, inputs and rows: `../README.md`.
//!
//! burn starts a backward pass from a scalar only, so the timed rows take y.sum() as their loss (dy = 1: less work than the
//! other engines do), and `--check` takes (y·dy).sum().

#![recursion_limit = "256"]

mod elementwise;
mod harness;
mod images;
mod inputs;
mod products;
mod training;

fn main() {
    let mut rows = elementwise::rows();
    rows.extend(training::rows());
    rows.extend(products::rows());
    rows.extend(images::rows());
    harness::main(&rows);
}
