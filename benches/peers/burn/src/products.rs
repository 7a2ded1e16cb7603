//! Matrix products and cross-entropy.

use crate::harness::{Named, Row, named};
use crate::inputs::{checksums, labels, values};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::tensor::Device;
use std::hint::black_box;

const MATMUL: [(&str, [usize; 3]); 4] = [
    ("64x784x512", [64, 784, 512]),
    ("256x512x512", [256, 512, 512]),
    ("1024", [1024, 1024, 1024]),
    ("2048", [2048, 2048, 2048]),
];
const SOFTMAX_CE: [[usize; 2]; 2] = [[64, 10], [1024, 32_000]];
/// Logits are 4·unit.
const LOGIT_SCALE: f32 = 4.0;

pub fn rows() -> Vec<Named> {
    let products = MATMUL.map(|(name, size)| named(format!("matmul_{name}"), move || matmul(size)));
    let losses =
        SOFTMAX_CE.map(|[n, classes]| named(format!("softmax_ce_{n}x{classes}"), move || softmax_ce(n, classes)));
    products.into_iter().chain(losses).collect()
}

fn matmul([m, k, n]: [usize; 3]) -> Row {
    let device = Device::flex();
    let (a, b) = (values(1, [m, k], &device), values(2, [k, n], &device));
    let y = a.clone().matmul(b.clone());
    Row {
        run: Box::new(move || drop(black_box(a.clone().matmul(b.clone())))),
        check: Box::new(move || checksums("y", y.clone())),
    }
}

fn softmax_ce(count: usize, classes: usize) -> Row {
    let device = Device::flex().autodiff();
    // Exact: a power of two.
    let logits = (values(1, [count, classes], &device) * LOGIT_SCALE).detach().require_grad();
    let labels = labels(count, classes, &device);
    let loss = CrossEntropyLossConfig::new().init(&device);
    let step = move || {
        let loss = loss.forward(logits.clone(), labels.clone());
        let gradients = loss.backward();
        (loss, logits.grad(&gradients).expect("the logits are a leaf"))
    };
    let checked = step.clone();
    Row {
        run: Box::new(move || drop(black_box(step()))),
        check: Box::new(move || {
            let (loss, dlogits) = checked();
            [checksums("loss", loss), checksums("dlogits", dlogits)].join(" ")
        }),
    }
}
