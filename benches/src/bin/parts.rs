//! Where a training step of the MLP 784-512-512-10 spends its time: forward, backward and optimiser, medians in microseconds.
//!
//! `parts [batch] [rounds]`.

use nn::prelude::*;
use rectify_benches::nets::Hidden2;
use std::time::Instant;

fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<usize>().expect("a number"));
    let (batch, rounds) = (arguments.next().unwrap_or(64), arguments.next().unwrap_or(400));
    let x = Tensor::randn([batch, 784], &mut Rng::seed(2));
    let labels = Tensor::from((0..batch).map(|i| i % 10).collect::<Vec<_>>());
    let mut net = Hidden2::of_the_board(784, 512, 10);
    let mut adam = Adam::new(1e-3);
    let mut times = [const { Vec::new() }; 4];
    for _ in 0..rounds {
        let start = Instant::now();
        let tape = Tape::training(1);
        let loss = net.forward(tape.input(x.clone())).cross_entropy(&labels);
        let forward = Instant::now();
        let grads = loss.backward();
        let backward = Instant::now();
        adam.step(&mut net, grads).expect("finite gradients");
        let end = Instant::now();
        for (times, (from, to)) in
            times.iter_mut().zip([(start, forward), (forward, backward), (backward, end), (start, end)])
        {
            times.push((to - from).as_secs_f64() * 1e6);
        }
    }
    for (name, mut times) in ["forward", "backward", "optimiser", "step"].into_iter().zip(times) {
        times.sort_by(f64::total_cmp);
        println!("{name:10} {:8.1}", times[times.len() / 2]);
    }
}
