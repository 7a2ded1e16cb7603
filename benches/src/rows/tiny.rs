//! What an op costs beyond its numbers.

use crate::harness::{Row, Rows};
use crate::inputs::{checksums, values};
use tape::Tape;

pub fn rows() -> Rows {
    vec![("tiny_chain_1000".to_string(), Box::new(tiny_chain))]
}

fn tiny_chain() -> Row {
    let (w, x) = (values(1, [16]), values(2, [16]));
    let step = move || {
        let tape = Tape::probing();
        let (w, x) = (tape.var(w.clone()), tape.input(x.clone()));
        let mut z = x.clone();
        for _ in 0..250 {
            z = (z * &w + &x).leaky_relu(0.1) * 0.5;
        }
        let value = z.value().clone();
        (value, z.sum().backward(), w)
    };
    let check = step.clone();
    Row {
        run: Box::new(move || drop(step())),
        check: Box::new(move || {
            let (z, grads, w) = check();
            format!("{} {}", checksums("z", &z), checksums("dw", &grads[&w]))
        }),
        what: "250 × (mul, add, leaky, scale) on 16 numbers, gradient to w".to_string(),
    }
}
