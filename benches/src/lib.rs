//! The board: our rows, measured as `benches/peers/README.md` says for every engine.

pub mod faults;
pub mod harness;
pub mod inputs;
pub mod nets;
pub mod rows;
