//! [`Tape::with_dropout`] gives the same kind of tape, whatever kind that is.

use std::panic::catch_unwind;
use tape::{Tape, Tensor};

#[test]
fn an_observing_tape_still_observes_and_drops() {
    let tape = Tape::observing(true).with_dropout(1);
    assert!(tape.is_observing() && tape.is_training() && tape.is_recording());
    let y = tape.var(Tensor::from([1.0, 2.0, 3.0, 4.0])).exp().dropout(1.0);
    let ops = tape.observed();
    assert_eq!(ops.iter().map(|op| op.op).collect::<Vec<_>>(), ["exp", "dropout"]);
    assert_eq!(y.to_vec(), [0.0; 4]);
    assert_eq!(ops[0].gradient(&y.sum().backward()).expect("it is kept").to_vec(), [0.0; 4]);
}

#[test]
fn a_tape_that_finds_anomalies_still_finds_them() {
    let run = || Tape::probing().detect_anomalies().with_dropout(1).var(Tensor::from([0.0])).ln();
    assert!(catch_unwind(|| drop(run())).is_err(), "ln(0) is infinite");
}

#[test]
fn other_tapes_stay_as_they_are() {
    for (tape, records) in [(Tape::<f32>::inference(), false), (Tape::probing(), true), (Tape::training(3), true)] {
        let is_training = tape.is_training();
        let tape = tape.with_dropout(1);
        assert_eq!((tape.is_recording(), tape.is_training(), tape.is_observing()), (records, is_training, false));
        assert!(tape.next_dropout_seed().is_some());
    }
}
