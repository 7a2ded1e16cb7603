//! The board: our rows, measured as `benches/peers/README.md` says for every engine.

pub mod harness;
pub mod inputs;
pub mod rows;
