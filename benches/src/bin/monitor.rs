//! What a [`Monitor`] costs a training step of ResNet-20 (PReLU, 64 images of 32×32×3, SGD with momentum): counters at every step, a look at every 100th.
//!
//! `monitor [steps] [rounds]`: steps with and without it in turn, as many in each round; the medians of all rounds, and what they come to for 100 steps and one look.
use nn::prelude::*;
use rectify_benches::inputs::{labels, values};
use rectify_benches::rows::images::page_resnet;
use std::time::Instant;
fn main() {
    let (x, classes) = (values(1, [64, 32, 32, 3]), labels(64, 10));
    let mut net = page_resnet();
    let mut sgd = Sgd::new(0.01).momentum(0.9);
    for i in 0..40 {
        let start = Instant::now();
        let tape = Tape::training(0);
        let loss = net.forward(tape.input(x.clone())).cross_entropy(&classes);
        sgd.step(&mut net, loss.backward()).expect("finite gradients");
        let step = start.elapsed();
        if i % 8 == 7 {
            let start = Instant::now();
            let report = nn::diagnose(&net, |x| net.forward(x).cross_entropy(&classes), &x).unwrap();
            let all = start.elapsed();
            let start = Instant::now();
            let tape = Tape::observing(true);
            let y = net.forward(tape.var(x.clone())).cross_entropy(&classes);
            let ops = tape.observed();
            let g = y.backward();
            println!(
                "{step:?} diagnose {all:?} passes {:?} {}",
                start.elapsed(),
                ops.len() + report.units.layers.len()
            );
            drop(g);
        }
    }
}
