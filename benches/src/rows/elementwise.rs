//! Rectifiers on large tensors.

use crate::harness::{Row, Rows};
use crate::inputs::{checksums, slopes, values};
use tape::{Tape, Tensor};

const SLOPE: f64 = 0.01;

pub fn rows() -> Rows {
    let sizes = |pairs: &[(&'static str, usize)]| pairs.to_vec();
    let mut rows: Rows = Vec::new();
    for (name, bits) in sizes(&[("1k", 10), ("16k", 14), ("256k", 18), ("4m", 22), ("32m", 25)]) {
        rows.push((format!("leaky_fwd_{name}"), Box::new(move || leaky_fwd(1 << bits))));
    }
    for (name, bits) in sizes(&[("16k", 14), ("256k", 18), ("4m", 22), ("32m", 25)]) {
        rows.push((format!("leaky_fwdbwd_{name}"), Box::new(move || leaky_fwdbwd(1 << bits))));
    }
    let prelus: [(&str, &[usize], usize); 5] = [
        ("shared", &[32, 56, 56, 64], 1),
        ("feature", &[32, 56, 56, 64], 64),
        ("element", &[1024, 4096], 4096),
        ("feature_small", &[64, 16, 16, 32], 32),
        ("feature_large", &[128, 56, 56, 64], 64),
    ];
    for (name, shape, alphas) in prelus {
        rows.push((format!("prelu_{name}_fwdbwd"), Box::new(move || prelu(shape, alphas))));
    }
    rows
}

fn leaky_fwd(n: usize) -> Row {
    let x = values(1, [n]);
    let forward = move || Tape::inference().input(x.clone()).leaky_relu(SLOPE).into_value();
    let check = forward.clone();
    Row {
        run: Box::new(move || drop(forward())),
        check: Box::new(move || checksums("y", &check())),
        what: format!("leaky ReLU of {n} numbers"),
    }
}

fn leaky_fwdbwd(n: usize) -> Row {
    let (x, dy) = (values(1, [n]), values(2, [n]));
    let step = move || {
        let tape = Tape::probing();
        let x = tape.var(x.clone());
        let y = x.clone().leaky_relu(SLOPE);
        let value = y.value().clone();
        (value, y.backward_with(dy.clone()), x)
    };
    let check = step.clone();
    Row {
        run: Box::new(move || drop(step())),
        check: Box::new(move || {
            let (y, grads, x) = check();
            format!("{} {}", checksums("y", &y), checksums("dx", &grads[&x]))
        }),
        what: format!("leaky ReLU of {n} numbers and its gradient"),
    }
}

fn prelu(shape: &[usize], alphas: usize) -> Row {
    let (x, dy, alpha): (Tensor, Tensor, Tensor) = (values(1, shape), values(2, shape), slopes(3, alphas));
    let what = format!("PReLU of {shape:?} with {alphas} slopes, dx and dα");
    let step = move || {
        let tape = Tape::probing();
        let (x, alpha) = (tape.var(x.clone()), tape.var(alpha.clone()));
        let y = x.clone().prelu(&alpha);
        let value = y.value().clone();
        (value, y.backward_with(dy.clone()), x, alpha)
    };
    let check = step.clone();
    Row {
        run: Box::new(move || drop(step())),
        check: Box::new(move || {
            let (y, grads, x, alpha) = check();
            let sums = [checksums("y", &y), checksums("dx", &grads[&x]), checksums("dalpha", &grads[&alpha])];
            sums.join(" ")
        }),
        what,
    }
}
