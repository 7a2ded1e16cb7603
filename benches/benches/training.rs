//! What a training step costs where numbers are few: one op, XOR, digits; and the board's MLP.

mod quick;

use nn::prelude::*;
use rectify_benches::inputs::{labels, values};
use rectify_benches::nets::{Hidden1, Hidden2, step};

fn main() {
    let mut criterion = quick::criterion();
    let small = values(1, [16]);
    criterion.bench_function("training/tiny_op", |b| {
        b.iter(|| {
            let x = Tape::probing().var(small.clone());
            x.leaky_relu(0.1).sum().backward()
        });
    });
    let (x, target) = (values(1, [4, 2]), values(2, [4, 1]));
    let (mut net, mut sgd) = (Hidden1::of_the_board(2, 16, 1), Sgd::new(0.1));
    criterion.bench_function("training/xor_step", |b| {
        b.iter(|| {
            let tape = Tape::training(0);
            let loss = net.forward(tape.input(x.clone())).mse(&target);
            sgd.step(&mut net, loss.backward())
        });
    });
    let (x, classes) = (values(1, [64, 64]), labels(64, 10));
    let (mut net, mut adam) = (Hidden1::of_the_board(64, 128, 10), Adam::new(1e-3));
    criterion.bench_function("training/digits_step", |b| b.iter(|| step(&mut net, &mut adam, &x, &classes)));
    let (x, classes) = (values(1, [64, 784]), labels(64, 10));
    let (mut net, mut adam) = (Hidden2::of_the_board(784, 512, 10), Adam::new(1e-3));
    criterion.bench_function("training/mlp_64", |b| b.iter(|| step(&mut net, &mut adam, &x, &classes)));
    criterion.final_summary();
}
