//! What a [`Monitor`] costs a training step of ResNet-20 (PReLU, 64 images of 32×32×3, SGD with momentum): counters with the gradients' norm at every step, a look at every 100th.
//!
//! `monitor [hundreds [images]]`: looks at so many images of the batch, half of it unless told otherwise: a unit of the last stage has 2048 numbers there. Two runs from the same start, with and without one, step by step in turn. Of each hundred steps, the time of both and their ratio, and at the end the medians.
//! The other run's steps warm or cool both alike; the look comes once in a hundred steps, as in use.

use nn::diagnose::Monitor;
use nn::models::ResNetCifar;
use nn::prelude::*;
use rectify_benches::inputs::{labels, values};
use rectify_benches::rows::images::page_resnet;
use std::time::Instant;

const HUNDRED: usize = 100;

struct Run {
    net: ResNetCifar,
    sgd: Sgd,
    x: Tensor,
    classes: Tensor<i64>,
    /// What looks see.
    seen: (Tensor, Tensor<i64>),
}

impl Run {
    fn new(images: usize) -> Run {
        let (net, sgd) = (page_resnet(), Sgd::new(0.01).momentum(0.9));
        let (x, classes) = (values(1, [64, 32, 32, 3]), labels(64, 10));
        let seen = (x.narrow(0, 0, images), classes.narrow(0, 0, images));
        Run { net, sgd, x, classes, seen }
    }

    /// Milliseconds of a step, and of the monitor's part of it: counters, and the look.
    fn step(&mut self, monitor: Option<&mut Monitor>) -> [f64; 3] {
        let start = Instant::now();
        let ms = |since: Instant| since.elapsed().as_secs_f64() * 1e3;
        let Run { net, sgd, x, classes, seen } = self;
        let (mut counters, mut look) = (0.0, 0.0);
        let tape = Tape::training(0);
        let loss = net.forward(tape.input(x.clone())).cross_entropy(classes);
        if let Some(monitor) = monitor {
            let before = Instant::now();
            monitor.step(net, &loss);
            counters += ms(before);
            let grads = loss.backward();
            let before = Instant::now();
            monitor.gradients(&grads);
            counters += ms(before);
            sgd.step(net, grads).expect("finite gradients");
            if monitor.is_due() {
                let before = Instant::now();
                let report = nn::diagnose(net, |x| net.forward(x).cross_entropy(&seen.1), &seen.0);
                monitor.look(report.expect("it has rectifiers"));
                look = ms(before);
            }
        } else {
            sgd.step(net, loss.backward()).expect("finite gradients");
        }
        [ms(start), counters, look]
    }
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

fn main() {
    let number = |at: usize, otherwise: usize| {
        std::env::args().nth(at).map_or(otherwise, |number| number.parse().expect("a number"))
    };
    let (hundreds, images) = (number(1, 5), number(2, 32));
    let (mut with, mut without, mut monitor) = (Run::new(images), Run::new(images), Monitor::new());
    let [mut plain, mut watched, mut counters, mut looks, mut ratios] = [const { Vec::new() }; 5];
    // The first hundred warms up: its look finds pool and caches empty.
    for hundred in 0..=hundreds {
        let mut sums = [0.0; 2];
        for _ in 0..HUNDRED {
            let [alone, ..] = without.step(None);
            let [whole, counted, look] = with.step(Some(&mut monitor));
            sums = [sums[0] + alone, sums[1] + whole];
            if hundred > 0 {
                plain.push(alone);
                watched.push(whole - look);
                counters.push(counted);
                looks.extend(Some(look).filter(|look| *look > 0.0));
            }
        }
        let ratio = sums[1] / sums[0];
        println!("100 steps: {:.0} ms, monitored {:.0} ms: {ratio:.4}", sums[0], sums[1]);
        ratios.extend((hundred > 0).then_some(ratio));
    }
    let [plain, watched, counters, look, ratio] = [plain, watched, counters, looks, ratios].map(median);
    println!(
        "medians: a step {plain:.2} ms, with a monitor but for its look {watched:.2}, counters {counters:.3}, a look {look:.1}"
    );
    println!("counters + look/100: {:.2}% of a step", 100.0 * (counters + look / 100.0) / plain);
    println!("median ratio of 100 steps with and without: {ratio:.4}");
}
