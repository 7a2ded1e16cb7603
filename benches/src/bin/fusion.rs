//! Whether `linear_act` pays: a training step of the MLP 784-512-512-10 with and without fusion, in turn.
//!
//! `fusion [batch] [rounds]` prints the medians in microseconds and their ratio.

use nn::prelude::*;
use std::time::Instant;

fn network(act: &str, fuses: bool) -> Sequential {
    let mut rng = Rng::seed(1);
    let then_act = |net: Sequential| match act {
        "relu" => net.then(Relu),
        "leaky" => net.then(LeakyRelu::new(0.1)),
        _ => net.then(PRelu::per_feature(512)),
    };
    let net = then_act(Sequential::new().then(Linear::new(784, 512, &mut rng)));
    let net = then_act(net.then(Linear::new(512, 512, &mut rng)));
    net.then(Linear::new(512, 10, &mut rng)).fused(fuses)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<usize>().expect("a number"));
    let (batch, rounds) = (arguments.next().unwrap_or(64), arguments.next().unwrap_or(400));
    let x = Tensor::randn([batch, 784], &mut Rng::seed(2));
    let labels = Tensor::from((0..batch).map(|i| i % 10).collect::<Vec<_>>());
    for act in ["relu", "leaky", "prelu"] {
        let mut nets = [true, false].map(|fuses| (network(act, fuses), Vec::new(), Vec::new()));
        for round in 0..rounds {
            for (net, forward, step) in &mut nets {
                let start = Instant::now();
                drop(net.forward(Tape::inference().input(x.clone())));
                let between = Instant::now();
                let tape = Tape::training(1);
                let grads = net.forward(tape.input(x.clone())).cross_entropy(&labels).backward();
                let end = Instant::now();
                drop(grads);
                if round >= rounds / 10 {
                    forward.push((between - start).as_secs_f64() * 1e6);
                    step.push((end - between).as_secs_f64() * 1e6);
                }
            }
        }
        let [(_, fused_forward, fused_step), (_, forward, step)] = nets;
        let [a, b, c, d] = [fused_forward, forward, fused_step, step].map(median);
        println!(
            "{act}\tforward {a:.0} fused, {b:.0} apart: {:.3}\tstep {c:.0} fused, {d:.0} apart: {:.3}",
            a / b,
            c / d
        );
    }
}
