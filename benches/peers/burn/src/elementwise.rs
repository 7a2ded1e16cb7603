//! Rectifiers and the chain of tiny ops.

use crate::harness::{Named, Row, named};
use crate::inputs::{alphas, checksums, values};
use burn::tensor::activation::{leaky_relu, prelu};
use burn::tensor::{Device, Tensor};
use std::hint::black_box;

const LEAKY: [(&str, usize); 5] =
    [("1k", 1 << 10), ("16k", 1 << 14), ("256k", 1 << 18), ("4m", 1 << 22), ("32m", 1 << 25)];
const SLOPE: f64 = 0.01;
const IMAGES: [(&str, [usize; 4], usize); 4] = [
    ("shared", [32, 56, 56, 64], 1),
    ("feature", [32, 56, 56, 64], 64),
    ("feature_small", [64, 16, 16, 32], 32),
    ("feature_large", [128, 56, 56, 64], 64),
];

pub fn rows() -> Vec<Named> {
    let mut rows = Vec::new();
    for (name, n) in LEAKY {
        rows.push(named(format!("leaky_fwd_{name}"), move || leaky_forward(n)));
    }
    for (name, n) in &LEAKY[1..] {
        rows.push(named(format!("leaky_fwdbwd_{name}"), move || leaky_both(*n)));
    }
    for (name, shape, count) in IMAGES {
        rows.push(named(format!("prelu_{name}_fwdbwd"), move || prelu_images(shape, count)));
    }
    rows.push(named("prelu_element_fwdbwd", || {
        prelu_both(training_values(1), training_values(2), 4096, |t: Tensor<2>| t)
    }));
    rows.push(named("tiny_chain_1000", tiny_chain));
    rows
}

fn leaky_forward(n: usize) -> Row {
    let x = values(1, [n], &Device::flex());
    let y = leaky_relu(x.clone(), SLOPE);
    Row {
        run: Box::new(move || drop(black_box(leaky_relu(x.clone(), SLOPE)))),
        check: Box::new(move || checksums("y", y.clone())),
    }
}

fn leaky_both(n: usize) -> Row {
    let device = Device::flex().autodiff();
    let x = values(1, [n], &device).require_grad();
    let dy = values(2, [n], &device);
    let checked = x.clone();
    Row {
        run: Box::new(move || {
            let gradients = leaky_relu(x.clone(), SLOPE).sum().backward();
            drop(black_box(x.grad(&gradients)));
        }),
        check: Box::new(move || {
            let y = leaky_relu(checked.clone(), SLOPE);
            let gradients = (y.clone() * dy.clone()).sum().backward();
            let dx = checked.grad(&gradients).expect("x is a leaf");
            [checksums("y", y), checksums("dx", dx)].join(" ")
        }),
    }
}

fn training_values(tensor: u64) -> Tensor<2> {
    values(tensor, [1024, 4096], &Device::flex().autodiff())
}

/// Images go in as burn wants them, NCHW and contiguous.
fn prelu_images(shape: [usize; 4], count: usize) -> Row {
    let [n, h, w, c] = shape;
    let channels_first = |tensor| {
        let device = Device::flex().autodiff();
        let ours = values(tensor, shape, &device).permute([0, 3, 1, 2]);
        Tensor::<4>::from_data(ours.into_data(), &device).reshape([n, c, h, w])
    };
    prelu_both(channels_first(1), channels_first(2), count, |t| t.permute([0, 2, 3, 1]))
}

fn prelu_both<const D: usize>(x: Tensor<D>, dy: Tensor<D>, count: usize, to_ours: fn(Tensor<D>) -> Tensor<D>) -> Row {
    let x = x.require_grad();
    let alpha = alphas(3, count, &Device::flex().autodiff()).require_grad();
    let (checked_x, checked_alpha) = (x.clone(), alpha.clone());
    Row {
        run: Box::new(move || {
            let gradients = prelu(x.clone(), alpha.clone()).sum().backward();
            drop(black_box((x.grad(&gradients), alpha.grad(&gradients))));
        }),
        check: Box::new(move || {
            let y = prelu(checked_x.clone(), checked_alpha.clone());
            let gradients = (y.clone() * dy.clone()).sum().backward();
            let dx = checked_x.grad(&gradients).expect("x is a leaf");
            let dalpha = checked_alpha.grad(&gradients).expect("α is a leaf");
            [checksums("y", to_ours(y)), checksums("dx", to_ours(dx)), checksums("dalpha", dalpha)].join(" ")
        }),
    }
}

fn tiny_chain() -> Row {
    let device = Device::flex().autodiff();
    let w = values(1, [16], &device).require_grad();
    let x = values(2, [16], &device);
    let step = move || {
        let mut z = x.clone();
        for _ in 0..250 {
            z = leaky_relu(z * w.clone() + x.clone(), 0.1) * 0.5;
        }
        let gradients = z.clone().sum().backward();
        (z, w.grad(&gradients).expect("w is a leaf"))
    };
    let checked = step.clone();
    Row {
        run: Box::new(move || drop(black_box(step()))),
        check: Box::new(move || {
            let (z, dw) = checked();
            [checksums("z", z), checksums("dw", dw)].join(" ")
        }),
    }
}
