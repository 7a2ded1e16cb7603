//! Losses over many classes.

use crate::harness::{Row, Rows};
use crate::inputs::{checksums, labels, scaled};
use tape::Tape;

/// Logits are four times as large as other inputs, so that the softmax is not flat.
const SCALE: f64 = 4.0;

pub fn rows() -> Rows {
    [(64, 10), (1024, 32000)]
        .map(|(rows, classes)| (format!("softmax_ce_{rows}x{classes}"), make(rows, classes)))
        .into()
}

fn make(rows: usize, classes: usize) -> Box<dyn Fn() -> Row> {
    Box::new(move || {
        let (logits, labels) = (scaled(1, [rows, classes], SCALE, 0.0), labels(rows, classes));
        let step = move || {
            let tape = Tape::probing();
            let logits = tape.var(logits.clone());
            let loss = logits.clone().cross_entropy(&labels);
            let value = loss.value().clone();
            (value, loss.backward(), logits)
        };
        let check = step.clone();
        Row {
            run: Box::new(move || drop(step())),
            check: Box::new(move || {
                let (loss, grads, logits) = check();
                format!("{} {}", checksums("loss", &loss), checksums("dlogits", &grads[&logits]))
            }),
            what: format!("cross-entropy of {rows} rows of {classes} logits and its gradient"),
        }
    })
}
