//! A language model of characters: a small transformer under a causal mask (Radford et al. 2018) learns Proverbs and Ecclesiastes, and writes some lines of its own.
//! The measure is bits per character: log2 of how many characters the model in effect chooses from. The last tenth of the text is held out.
//!
//! `cargo run --release --example chars -- [--seed N] [--quick]` prints the loss on both parts and a sample, and writes `out/chars.png`.

mod support;

use nn::prelude::*;
use std::error::Error;
use std::f64::consts::LN_2;
use support::{Options, Picture, options};

const TEXT: &str = include_str!("support/proverbs.txt");
/// Characters the model sees at once, features, sequences in a batch.
const CONTEXT: usize = 96;
const WIDTH: usize = 96;
const BATCH: usize = 16;

/// Characters as rows of a table, blocks, and a score for each character that may come next.
#[derive(Module)]
struct Model {
    characters: Embedding,
    positions: LearnedPositions,
    blocks: TransformerEncoder,
    head: Linear,
}

impl Model {
    fn new(characters: usize, rng: &mut Rng) -> Model {
        let mut block =
            || TransformerEncoderLayer::new(WIDTH, 4, 4 * WIDTH, rng).norm_first().activation(Activation::Gelu);
        let blocks = TransformerEncoder::new(vec![block(), block(), block()]).with_norm(LayerNorm::new(WIDTH));
        let mut characters = Embedding::new(characters, WIDTH, rng);
        *characters.weight_mut().value_mut() = characters.weight().value() * 0.02;
        let head = Linear::new(WIDTH, characters.weight().value().shape()[0], rng);
        Model { characters, positions: LearnedPositions::new(CONTEXT, WIDTH, rng), blocks, head }
    }

    /// Scores `[N, T, characters]` for what follows each place of ids `[N, T]`.
    fn forward(&self, tape: &Tape, ids: &Tensor<i64>) -> Var {
        let x = self.positions.forward(self.characters.forward(tape, ids));
        self.head.forward(self.blocks.forward_masked(x, &AttentionMask::causal()))
    }

    /// Mean bits per character of windows that begin at these places.
    fn bits(&self, tape: &Tape, text: &[usize], starts: &[usize]) -> Var {
        let ids = |shift: usize| -> Vec<usize> {
            starts.iter().flat_map(|start| text[start + shift..][..CONTEXT].iter().copied()).collect()
        };
        let scores = self.forward(tape, &Tensor::from(ids(0)).reshape([starts.len(), CONTEXT]));
        let classes = scores.shape()[2];
        scores.reshape([starts.len() * CONTEXT, classes]).cross_entropy(&Tensor::from(ids(1))) / LN_2
    }

    /// Goes on from some characters, each drawn from the model's distribution.
    fn sample(&self, mut text: Vec<usize>, count: usize, rng: &mut Rng) -> Vec<usize> {
        for _ in 0..count {
            let seen = &text[text.len().saturating_sub(CONTEXT)..];
            let scores = self.forward(&Tape::inference(), &Tensor::from(seen.to_vec()).reshape([1, seen.len()]));
            let chances = scores.slice((0, seen.len() - 1)).softmax(-1).to_vec();
            let mut rest = rng.uniform() as f32;
            let drawn = chances.iter().position(|chance| {
                rest -= chance;
                rest < 0.0
            });
            text.push(drawn.unwrap_or(0));
        }
        text
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let Options { seed, quick } = options(1)?;
    let (steps, every) = if quick { (6, 3) } else { (1500, 150) };
    let mut characters: Vec<char> = TEXT.chars().collect();
    characters.sort_unstable();
    characters.dedup();
    let id = |c: char| characters.binary_search(&c).expect("it is in the text");
    let text: Vec<usize> = TEXT.chars().map(id).collect();
    let (train, held_out) = text.split_at(text.len() / 10 * 9);
    let mut rng = Rng::seed(seed);
    let mut model = Model::new(characters.len(), &mut rng);
    println!(
        "{} characters to learn from, {} held out, {} kinds; {} parameters",
        train.len(),
        held_out.len(),
        characters.len(),
        model.num_parameters()
    );
    let schedule = Schedule::cosine(2e-3, 0.0, steps)?.after_warm_up(steps / 20 + 1, 0.0)?;
    let mut adam = AdamW::new(2e-3);
    let (mut learned, mut tested, mut sum) = (Vec::new(), Vec::new(), 0.0);
    println!("{:>6}  {:>8}  {:>8}   bits per character", "step", "training", "held out");
    for step in 1..=steps {
        schedule.apply(step, &mut adam);
        let starts: Vec<usize> = (0..BATCH).map(|_| rng.below(train.len() - CONTEXT)).collect();
        let loss = model.bits(&Tape::training(rng.next_u64()), train, &starts);
        sum += f64::from(loss.item());
        let mut grads = loss.backward();
        grads.clip_norm(1.0)?;
        adam.step(&mut model, grads)?;
        if step % every == 0 {
            let starts: Vec<usize> = (0..held_out.len() - CONTEXT).step_by(CONTEXT).collect();
            let bits = f64::from(model.bits(&Tape::inference(), held_out, &starts).item());
            println!("{step:6}  {:8.3}  {bits:8.3}", sum / every as f64);
            learned.push((step as f64, sum / every as f64));
            tested.push((step as f64, bits));
            sum = 0.0;
        }
    }
    let start: Vec<usize> = "A wise man ".chars().map(id).collect();
    let written: String =
        model.sample(start, if quick { 40 } else { 500 }, &mut rng).iter().map(|&id| characters[id]).collect();
    println!("\n{written}\n");
    let picture = Picture::new("Characters of Proverbs and Ecclesiastes", "step", "bits per character");
    picture.curve("training", learned).curve("held out", tested).write("chars")
}
