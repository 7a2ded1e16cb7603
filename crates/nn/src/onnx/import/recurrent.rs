//! `RNN`, `LSTM`, `GRU`.

use super::builder::Builder;
use super::computed::Computed;
use super::file::{Node, Result, Setting, damaged, unsupported};
use super::folded::Folded;
use super::known::{Known, as_in_file, named_after};
use crate::onnx::RecurrentWeights;
use crate::{Activation, Elu, Gru, LeakyRelu, Lstm, Nonlinearity, Rnn};
use tape::Float;

/// The results of every step of a recurrent layer, `[T, directions, N, H]`, or `[N, T, directions, H]` by `layout`; None if the node is none.
pub(super) fn results<'f, T: Float>(builder: &mut Builder<'f, T>, node: &Node<'f>) -> Result<Option<Folded>> {
    if !matches!(node.op, "RNN" | "LSTM" | "GRU") {
        return Ok(None);
    }
    let is_batch_first = node.int("layout", 0)? != 0;
    let from = node.input(0).and_then(|name| builder.folded.get(name)).cloned();
    let from = match from.map(Folded::batch_before_steps) {
        Some(Some(from)) if !is_batch_first => Some(from),
        None if is_batch_first => None,
        _ => {
            return unsupported(
                "an input that is not [T, N, features], by `layout`; a `Transpose` before it makes it so",
            );
        }
    };
    let x = match from {
        Some(from) => from.plain(builder)?,
        None => builder.value(node, 0)?,
    };
    if x.rank() != 3 {
        return damaged(format!("an input of {} axes", x.rank()));
    }
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
    let results = Folded::of_results(builder, &known, directions)?;
    Ok(Some(if is_batch_first { results.transposed(&[2, 0, 1, 3]) } else { results }))
}

/// The weights, which agree with each other and with x, and nothing that is not known here beside them.
fn weights<'f, T: Float>(builder: &mut Builder<'f, T>, node: &Node<'f>, x: &Known) -> Result<RecurrentWeights<T>> {
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
            && !builder.floats(node, state)?.0.iter().all(|number| number == T::ZERO)
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
