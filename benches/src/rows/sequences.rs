//! Training steps over sequences.

use crate::harness::{Row, Rows};
use crate::inputs::{checksums, labels};
use crate::nets::Gpt;
use nn::prelude::*;
use std::cell::RefCell;
use std::rc::Rc;

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
    let state = Rc::new(RefCell::new((Gpt::of_the_board(CHARACTERS, LENGTH), AdamW::new(1e-3))));
    let same = Rc::clone(&state);
    let step = Rc::new(move |(net, adam): &mut (Gpt, AdamW)| {
        let scores = net.forward(&Tape::training(0), &ids);
        let loss = scores.reshape([BATCH * LENGTH, CHARACTERS]).cross_entropy(&next);
        let value = loss.value().clone();
        adam.step(net, loss.backward()).expect("finite gradients");
        value
    });
    let same_step = Rc::clone(&step);
    Row {
        run: Box::new(move || drop(step(&mut state.borrow_mut()))),
        check: Box::new(move || {
            let state = &mut *same.borrow_mut();
            let losses: Vec<String> = (0..3).map(|i| checksums(&format!("loss{i}"), &same_step(state))).collect();
            let named = state.0.named_parameters();
            let of = |(_, param): &(String, &Param)| param.value().clone();
            let (first, last) = (named.first().map(of), named.last().map(of));
            let (first, last) = (first.expect("it has parameters"), last.expect("it has parameters"));
            format!("{} {} {}", losses.join(" "), checksums("characters", &first), checksums("bias", &last))
        }),
        what: format!("GPT of 4 layers, width 256, 4 heads, {CHARACTERS} characters, {BATCH} × {LENGTH}, AdamW"),
    }
}
