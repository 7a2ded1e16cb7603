//! Training steps over sequences.

use super::training::large_steps;
use crate::harness::{Row, Rows};
use crate::inputs::labels;
use crate::nets::Gpt;
use nn::prelude::*;

/// Sequences in a batch, their length, and the kinds of characters.
const BATCH: usize = 8;
const LENGTH: usize = 128;
const CHARACTERS: usize = 96;

/// The rows of this kind.
pub fn rows() -> Rows {
    vec![("gpt_8x128".to_string(), Box::new(gpt))]
}

fn gpt() -> Row {
    let characters = labels(BATCH * LENGTH + 1, CHARACTERS);
    let (ids, next) = (characters.narrow(0, 0, BATCH * LENGTH), characters.narrow(0, 1, BATCH * LENGTH));
    let (ids, next) = (ids.reshape([BATCH, LENGTH]), next.contiguous());
    let loss = move |net: &Gpt| {
        net.forward(&Tape::training(0), &ids).reshape([BATCH * LENGTH, CHARACTERS]).cross_entropy(&next)
    };
    let what = format!("GPT of 4 layers, width 256, 4 heads, {CHARACTERS} characters, {BATCH} × {LENGTH}, AdamW");
    large_steps(Gpt::of_the_board(CHARACTERS, LENGTH), AdamW::new(1e-3), loss, ["characters", "bias"], what)
}
