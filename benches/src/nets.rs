//! The nets of training rows, written as the front page writes them, with the parameters of `benches/peers/README.md`.

use crate::inputs::{scaled, slopes};
use nn::prelude::*;

/// One hidden layer: XOR, and the digits of the front page.
#[derive(Module)]
pub struct Hidden1 {
    hidden: Linear,
    act: PRelu,
    out: Linear,
}

impl Hidden1 {
    /// `inputs`-`hidden`-`outputs`.
    pub fn of_the_board(inputs: usize, hidden: usize, outputs: usize) -> Hidden1 {
        Hidden1 { hidden: linear(1, inputs, hidden), act: act(1, hidden), out: linear(2, hidden, outputs) }
    }
}

impl Layer for Hidden1 {
    fn forward(&self, x: Var) -> Var {
        self.out.forward(self.act.forward(self.hidden.forward(x)))
    }
}

/// Two hidden layers.
#[derive(Module)]
pub struct Hidden2 {
    first: Linear,
    first_act: PRelu,
    second: Linear,
    second_act: PRelu,
    out: Linear,
}

impl Hidden2 {
    /// `inputs`-`hidden`-`hidden`-`outputs`.
    pub fn of_the_board(inputs: usize, hidden: usize, outputs: usize) -> Hidden2 {
        Hidden2 {
            first: linear(1, inputs, hidden),
            first_act: act(1, hidden),
            second: linear(2, hidden, hidden),
            second_act: act(2, hidden),
            out: linear(3, hidden, outputs),
        }
    }
}

impl Layer for Hidden2 {
    fn forward(&self, x: Var) -> Var {
        let hidden = self.first_act.forward(self.first.forward(x));
        self.out.forward(self.second_act.forward(self.second.forward(hidden)))
    }
}

/// A language model: characters and their places as vectors, blocks under a causal mask, norms first, and a score for each character.
#[derive(Module)]
pub struct Gpt {
    characters: Embedding,
    positions: LearnedPositions,
    blocks: TransformerEncoder,
    head: Linear,
}

impl Gpt {
    /// Four blocks of width 256 with four heads; the k-th parameter, counted from 0, is tensor 100 + k.
    pub fn of_the_board(characters: usize, length: usize) -> Gpt {
        const WIDTH: usize = 256;
        let rng = &mut Rng::seed(0);
        let mut block = || {
            let block = TransformerEncoderLayer::new(WIDTH, 4, 4 * WIDTH, rng);
            block.norm_first().activation(Activation::Gelu).dropout(0.0)
        };
        let blocks = TransformerEncoder::new(vec![block(), block(), block(), block()]);
        let blocks = blocks.with_norm(LayerNorm::new(WIDTH));
        let mut gpt = Gpt {
            characters: Embedding::new(characters, WIDTH, rng),
            positions: LearnedPositions::new(length, WIDTH, rng),
            blocks,
            head: Linear::new(WIDTH, characters, rng),
        };
        for (k, (name, param)) in gpt.named_parameters_mut().into_iter().enumerate() {
            let shape = *param.value().shape();
            let is_norm = name.contains("norm") && name.ends_with("weight");
            *param.value_mut() = match shape.rank() {
                1 => scaled(100 + k as u64, shape, 0.1, f64::from(u8::from(is_norm))),
                _ => scaled(100 + k as u64, shape, (shape[0] as f64).powf(-0.5), 0.0),
            };
        }
        gpt
    }

    /// Scores `[N, T, characters]` for what follows each place of ids `[N, T]`.
    pub fn forward(&self, tape: &Tape, ids: &Tensor<i64>) -> Var {
        let x = self.positions.forward(self.characters.forward(tape, ids));
        self.head.forward(self.blocks.forward_masked(x, &AttentionMask::causal()))
    }
}

/// A training step of a classifier.
///
/// # Panics
/// If a gradient is not finite.
pub fn step(net: &mut impl Layer, adam: &mut Adam, x: &Tensor, classes: &Tensor<i64>) {
    let tape = Tape::training(0);
    let loss = net.forward(tape.input(x.clone())).cross_entropy(classes);
    adam.step(net, loss.backward()).expect("finite gradients");
}

/// Layer `l`, counted from 1, of a net of the page.
fn linear(layer: u64, inputs: usize, outputs: usize) -> Linear {
    let mut linear = Linear::new(inputs, outputs, &mut Rng::seed(0));
    let scale = (inputs as f64).powf(-0.5);
    *linear.weight_mut().value_mut() = scaled(7 + 3 * layer, [inputs, outputs], scale, 0.0);
    *linear.bias_mut().expect("a new layer has a bias").value_mut() = scaled(8 + 3 * layer, [outputs], scale, 0.0);
    linear
}

/// The rectifier after layer `l`.
fn act(layer: u64, features: usize) -> PRelu {
    PRelu::with_alpha(slopes(9 + 3 * layer, features)).expect("finite slopes")
}
