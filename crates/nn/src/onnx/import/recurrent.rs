//! `RNN`, `LSTM`, `GRU`, and the values around them, whose first axis is that of the steps.
//!
//! Elsewhere the first axis is the batch's. What `Transpose`, `Squeeze` and `Reshape` make of such values is followed here by what their axes mean, and no number moves:
//! when they are [N, T, features] again, they are values as others.

use super::builder::Builder;
use super::computed::{Computed, Whole};
use super::file::{Node, Result, Setting, damaged, is_standard, unsupported};
use super::known::{Known, as_in_file, named_after};
use super::shapes::axes_of;
use crate::onnx::RecurrentWeights;
use crate::{Activation, Elu, Gru, LeakyRelu, Lstm, Nonlinearity, Rnn};

/// What an axis means.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Axis {
    Batch,
    Steps,
    Direction,
    Features,
}

/// A value `[N, T, features]` whose axes lie otherwise in the file.
#[derive(Clone)]
pub(super) struct Turned {
    known: Known,
    axes: Vec<Axis>,
    /// How many directions the features are of, where those have an axis.
    directions: usize,
}

const PLAIN: [Axis; 3] = [Axis::Batch, Axis::Steps, Axis::Features];
const STEPS_FIRST: [Axis; 3] = [Axis::Steps, Axis::Batch, Axis::Features];

impl Turned {
    /// The value, if its axes are those of others.
    pub(super) fn plain(&self) -> Option<&Known> {
        (self.axes == PLAIN).then_some(&self.known)
    }

    /// As the file has them.
    pub(super) fn sizes(&self) -> Vec<Whole> {
        let size = |axis: &Axis| match axis {
            Axis::Batch => Whole::Batch,
            Axis::Steps => Whole::of_size(self.known.sizes[1]),
            Axis::Direction => Whole::Is(self.directions as i64),
            Axis::Features => Whole::of_size(self.known.sizes[2].map(|size| size / self.directions)),
        };
        self.axes.iter().map(size).collect()
    }
}

/// What a node makes of a value with the steps first, or with the steps first of another one; None if it does neither.
pub(super) fn turned<'f>(builder: &mut Builder<'f>, node: &Node<'f>) -> Result<Option<Turned>> {
    if !is_standard(node.domain) {
        return Ok(None);
    }
    let from = node.input(0).and_then(|name| builder.turned.get(name)).cloned();
    Ok(match (node.op, from) {
        ("RNN" | "LSTM" | "GRU", from) => Some(layer(builder, node, from)?),
        ("Transpose", Some(from)) => Some(transposed(node, from)?),
        ("Transpose", None) if node.ints("perm")? == Some(&[1, 0, 2]) => {
            let known = builder.value(node, 0)?;
            if known.rank() != 3 {
                return damaged(format!("`perm` is [1, 0, 2] for {} axes", known.rank()));
            }
            Some(Turned { known, axes: STEPS_FIRST.to_vec(), directions: 1 })
        }
        ("Squeeze", Some(from)) => Some(squeezed(builder, node, from)?),
        ("Reshape", Some(from)) => Some(reshaped(builder, node, from)?),
        _ => None,
    })
}

fn transposed(node: &Node<'_>, from: Turned) -> Result<Turned> {
    let rank = from.axes.len();
    let order = node.ints("perm")?.map_or_else(|| (0..rank as i64).rev().collect(), <[i64]>::to_vec);
    let mut sorted = order.clone();
    sorted.sort_unstable();
    if sorted != (0..rank as i64).collect::<Vec<_>>() {
        return damaged(format!("`perm` is {order:?} for {rank} axes"));
    }
    let axes = order.iter().map(|&axis| from.axes[axis as usize]).collect();
    Ok(Turned { axes, ..from })
}

fn squeezed<'f>(builder: &mut Builder<'f>, node: &Node<'f>, mut from: Turned) -> Result<Turned> {
    let given = axes_of(builder, node)?;
    let rank = from.axes.len() as i64;
    let place = from.axes.iter().position(|&axis| axis == Axis::Direction);
    match (place, &given[..]) {
        (Some(place), [axis]) if axis.rem_euclid(rank) == place as i64 && from.directions == 1 => {
            from.axes.remove(place);
            Ok(from)
        }
        _ => unsupported(format!("axes {given:?} of the results of a recurrent layer; its one direction may go")),
    }
}

/// Directions and features as one axis.
fn reshaped<'f>(builder: &mut Builder<'f>, node: &Node<'f>, from: Turned) -> Result<Turned> {
    let shape = builder.wholes(node, 1)?;
    let stays = |axis: &Axis, size: &Whole| match (axis, *size) {
        (Axis::Batch, Whole::Batch) => true,
        (Axis::Batch, Whole::Is(size)) => size == 0 || builder.batch().is_some_and(|batch| batch as i64 == size),
        (_, size) => size == Whole::Is(0) || size != Whole::Unknown && size == Whole::of_size(from.known.sizes[1]),
    };
    let is_known = match (&from.axes[..], &shape[..]) {
        (&[a, b, Axis::Direction, Axis::Features], [first, second, last]) => {
            let joins = *last == Whole::Is(-1) || *last == Whole::of_size(from.known.sizes[2]);
            node.int("allowzero", 0)? == 0 && joins && stays(&a, first) && stays(&b, second)
        }
        _ => false,
    };
    if !is_known {
        return unsupported(format!("the shape {shape:?} for results of a recurrent layer; known is [0, 0, -1]"));
    }
    let axes = vec![from.axes[0], from.axes[1], Axis::Features];
    Ok(Turned { axes, directions: 1, ..from })
}

fn layer<'f>(builder: &mut Builder<'f>, node: &Node<'f>, from: Option<Turned>) -> Result<Turned> {
    let is_batch_first = node.int("layout", 0)? != 0;
    let x = match from {
        Some(from) if !is_batch_first && from.axes == STEPS_FIRST => from.known,
        None if is_batch_first => builder.value(node, 0)?,
        _ => {
            return unsupported(
                "an input that is not [T, N, features], by `layout`; a `Transpose` before it makes it so",
            );
        }
    };
    let (name, weights) = (named_after(node, 1), weights(builder, node, &x)?);
    let (directions, hidden) = (weights.of_inputs.shape()[0], weights.of_states.shape()[2]);
    let usual = |names: &[&str]| is_usual(node, names, directions);
    let x = builder.arranged(&x, &as_in_file(3));
    let mut known = x.clone();
    known.sizes[2] = Some(directions * hidden);
    let known = match node.op {
        "LSTM" if usual(&["Sigmoid", "Tanh", "Tanh"])? && node.int("input_forget", 0)? == 0 => {
            builder.layer(&name, Lstm::of_weights(&weights), &x, known)
        }
        "GRU" if usual(&["Sigmoid", "Tanh"])? && node.int("linear_before_reset", 0)? != 0 => {
            builder.layer(&name, Gru::of_weights(&weights), &x, known)
        }
        "RNN" => builder.layer(&name, Rnn::of_weights(nonlinearity(node, directions)?, &weights), &x, known),
        _ => {
            return unsupported(
                "other functions than those of PyTorch's LSTM and GRU, `input_forget`, or a GRU without `linear_before_reset`",
            );
        }
    };
    let axes = match is_batch_first {
        true => vec![Axis::Batch, Axis::Steps, Axis::Direction, Axis::Features],
        false => vec![Axis::Steps, Axis::Direction, Axis::Batch, Axis::Features],
    };
    Ok(Turned { known, axes, directions })
}

/// The weights, which agree with each other and with x, and nothing that is not known here beside them.
fn weights<'f>(builder: &mut Builder<'f>, node: &Node<'f>, x: &Known) -> Result<RecurrentWeights<f32>> {
    if node.outputs.iter().skip(1).any(|name| builder.is_read(name)) {
        return unsupported("the states behind the last step are read; the results of every step, `Y`, are known");
    }
    if node.input(4).is_some() || node.input(7).is_some() || node.setting("clip").is_some() {
        return unsupported("lengths of sequences, peepholes or `clip`");
    }
    for state in [5, 6] {
        let is_zeros =
            node.input(state).is_some_and(|name| matches!(builder.computed.get(name), Some(Computed::Zeros)));
        if node.input(state).is_some()
            && !is_zeros
            && !builder.floats(node, state)?.0.iter().all(|number| number == 0.0)
        {
            return unsupported("first states other than 0");
        }
    }
    let directions = match node.text("direction", "forward")? {
        "forward" => 1,
        "bidirectional" => 2,
        other => return unsupported(format!("the direction {other}")),
    };
    let (of_inputs, of_states) = (builder.weight(node, 1)?, builder.weight(node, 2)?);
    let gates =
        [("RNN", 1), ("GRU", 3), ("LSTM", 4)].iter().find(|(op, _)| *op == node.op).map_or(1, |(_, gates)| *gates);
    let fits = match (&of_inputs.shape()[..], &of_states.shape()[..]) {
        (&[a, rows, inputs], &[b, same, hidden]) => {
            let agree = a == directions && b == directions && rows == same && hidden.checked_mul(gates) == Some(rows);
            agree
                && x.sizes[2].is_none_or(|size| size == inputs)
                && node.int("hidden_size", hidden as i64)? == hidden as i64
        }
        _ => false,
    };
    let (inputs, states) = (of_inputs.shape(), of_states.shape());
    if !fits {
        return damaged(format!(
            "weights of shapes {inputs:?} and {states:?} for a value of {:?} features",
            x.sizes[2]
        ));
    }
    let biases = match node.input(3) {
        None => None,
        Some(_) => {
            let biases = builder.weight(node, 3)?;
            if biases.shape()[..] != [directions, 2 * inputs[1]] {
                return damaged(format!(
                    "biases of shape {:?} for {directions} directions of {}",
                    biases.shape(),
                    inputs[1]
                ));
            }
            Some(biases)
        }
    };
    Ok(RecurrentWeights { of_inputs, of_states, biases })
}

/// Whether the functions of every direction are these, as they are where none are named.
fn is_usual(node: &Node<'_>, names: &[&str], directions: usize) -> Result<bool> {
    Ok(node.texts("activations")?.is_none_or(|given| given == names.repeat(directions)))
}

fn nonlinearity(node: &Node<'_>, directions: usize) -> Result<Nonlinearity> {
    let given = node.texts("activations")?.map_or_else(|| vec!["Tanh"; directions], <[&str]>::to_vec);
    let alphas = match node.setting("activation_alpha") {
        None => Vec::new(),
        Some(Setting::Floats(numbers)) => numbers.clone(),
        Some(_) => return damaged("the attribute `activation_alpha` is not a list of numbers"),
    };
    let is_one = given.len() == directions && given.iter().all(|name| *name == given[0]);
    if !is_one || alphas.iter().any(|alpha| *alpha != alphas[0]) {
        return unsupported(format!("the functions {given:?} with {alphas:?}; each direction has the same one here"));
    }
    let alpha = |usual: f32| f64::from(alphas.first().copied().unwrap_or(usual));
    let refused = |error: crate::Error| super::file::Problem::Damaged(error.to_string());
    Ok(match given[0] {
        "Tanh" => Nonlinearity::Tanh,
        "Relu" => Nonlinearity::Act(Activation::Relu),
        "LeakyRelu" => {
            LeakyRelu::try_new(alpha(0.01)).map_err(refused)?;
            Nonlinearity::Act(Activation::LeakyRelu(alpha(0.01)))
        }
        "Elu" => {
            Elu::try_new(alpha(1.0)).map_err(refused)?;
            Nonlinearity::Act(Activation::Elu(alpha(1.0)))
        }
        other => return unsupported(format!("the function {other}; known are Tanh, Relu, LeakyRelu, Elu")),
    })
}
