//! The dying neuron: one neuron whose sums are negative for every example. Under ReLU its gradients are exactly 0 and it never moves; the leak brings it back.
//! Then the same in a network for the digits that starts with biases of −3 and a rate that is too large: units that fire for no training image, epoch by epoch.
//!
//! `cargo run --release --example dying_neuron -- [--seed N] [--quick]` prints both, the verdict, and writes `out/dying_neuron.png`.

mod support;

use nn::prelude::*;
use std::error::Error;
use support::{Options, Picture, options};

const STEPS: usize = 1000;
const ACTIVATIONS: [(&str, Activation); 4] = [
    ("ReLU", Activation::Relu),
    ("leaky 0.01", Activation::LeakyRelu(0.01)),
    ("leaky 0.2", Activation::LeakyRelu(0.2)),
    ("PReLU", Activation::PRelu),
];

fn main() -> Result<(), Box<dyn Error>> {
    let Options { seed, quick } = options(1)?;
    let (relu, relu_moved) = one_neuron(0.0);
    let (leaky, leaky_moved) = one_neuron(0.2);
    println!("one neuron, {STEPS} steps from sums that are all negative");
    println!("{:>12}  first loss  last loss  w and b", "");
    for (name, losses, moved) in [("ReLU", &relu, relu_moved), ("leaky 0.2", &leaky, leaky_moved)] {
        let moved = if moved { "moved" } else { "bit-equal" };
        println!("{name:>12}  {:10.6}  {:9.6}  {moved}", losses[0], losses[STEPS]);
    }
    let curve =
        |losses: Vec<f64>| losses.into_iter().enumerate().map(|(step, loss)| (step as f64, loss.max(1e-12).log10()));
    let (fits, stays) = (leaky[STEPS] < 1e-3 * leaky[0], relu[STEPS] == relu[0] && !relu_moved);
    Picture::new("One neuron that starts dead", "step", "log10 of the loss")
        .curve("ReLU", curve(relu))
        .curve("leaky 0.2", curve(leaky))
        .write("dying_neuron")?;
    let epochs = if quick { 2 } else { 8 };
    println!("units of 64 that fire for no training image, before training and after each epoch (test accuracy)");
    let mut left = Vec::new();
    for (name, act) in ACTIVATIONS {
        let (dead, accuracy) = dead_units(act, epochs, seed)?;
        let shown: Vec<String> = dead.iter().map(|dead| format!("{dead:3}")).collect();
        println!("{name:>12}  {}  ({:.2}%)", shown.join(" "), 100.0 * accuracy);
        left.push(dead[epochs]);
    }
    let revives = left[0] > left[2];
    match (stays && fits, revives || quick) {
        (true, true) => println!("verdict: the claim holds: ReLU's neuron never moves, the leak revives it"),
        _ => println!("verdict: the claim fails: stays {stays}, fits {fits}, fewer dead units with the leak {revives}"),
    }
    Ok(())
}

/// Losses of a neuron f(w·x + b) that is to learn three points, and whether w or b moved.
fn one_neuron(slope: f64) -> (Vec<f64>, bool) {
    let x = Tensor::from([[0.5], [1.0], [1.5]]);
    let y = Tensor::from([[0.5], [1.0], [1.5]]);
    let start = [Tensor::from([[-1.0]]), Tensor::from([-0.5])];
    let [mut w, mut b] = start.clone();
    let mut losses = Vec::new();
    for step in 0..=STEPS {
        let tape = Tape::training(0);
        let (weight, bias) = (tape.var(w.clone()), tape.var(b.clone()));
        let sums = tape.input(x.clone()).matmul(&weight) + &bias;
        let loss = (sums.leaky_relu(slope) - &y).square().mean();
        losses.push(f64::from(loss.item()));
        let gradients = loss.backward();
        if step < STEPS {
            let moved = |value: &Tensor, var: &Var| value - &(gradients.get(var).expect("it is reached") * 0.1);
            (w, b) = (moved(&w, &weight), moved(&b, &bias));
        }
    }
    let bits = |tensor: &Tensor| tensor.to_vec().into_iter().map(f32::to_bits).collect::<Vec<_>>();
    (losses, bits(&w) != bits(&start[0]) || bits(&b) != bits(&start[1]))
}

/// Units of the hidden layer that are negative for every training image, and the accuracy after the last epoch.
fn dead_units(act: Activation, epochs: usize, seed: u64) -> Result<(Vec<usize>, f64), Box<dyn Error>> {
    let (train, test) = nn::data::digits()?;
    let mut rng = Rng::seed(seed);
    let mut hidden = Linear::new(64, 64, &mut rng);
    *hidden.bias_mut().expect("it has one").value_mut() = Tensor::full([64], -3.0);
    let mut net = (hidden, act.layer(64), Linear::new(64, 10, &mut rng));
    let mut sgd = Sgd::new(0.5);
    let mut dead = vec![dead_of(&net.0, &train)];
    for _ in 0..epochs {
        for (images, labels) in train.batches(32).shuffled(rng.next_u64()) {
            let loss = net.forward(Tape::training(0).input(images)).cross_entropy(&labels);
            sgd.step(&mut net, loss.backward())?;
        }
        dead.push(dead_of(&net.0, &train));
    }
    Ok((dead, nn::metrics::accuracy(|x| net.forward(x), &test)))
}

fn dead_of(hidden: &Linear, data: &Dataset) -> usize {
    let sums = hidden.forward(Tape::inference().input(data.images().clone())).into_value();
    sums.max_axes(0).to_vec().into_iter().filter(|&largest| largest <= 0.0).count()
}
