//! Operators on each number by itself, and arithmetic.

use super::super::steps::{Arith, Constant, Joint, Plain, SoftmaxOver, WithConstant};
use super::builder::{Builder, Importer};
use super::file::{Node, Problem, Result, damaged, unsupported};
use super::known::{Known, named_after, of_node};
use crate::modules::{
    Celu, Dropout, Elu, Gelu, GeluTanh, Hardsigmoid, Hardswish, Hardtanh, LeakyRelu, Mish, PRelu, Relu, Selu, Softplus,
};
use crate::{Layer, Module as _};
use tape::{Float, Tensor};

pub(super) fn importers<T: Float>() -> &'static [(&'static str, Importer<T>)] {
    &[
        ("Abs", plain),
        ("Add", arithmetic),
        ("Celu", |builder, i| alpha(builder, i, 1.0, Celu::try_new)),
        ("Clip", clip),
        ("Div", arithmetic),
        ("Dropout", dropout),
        ("Elu", |builder, i| alpha(builder, i, 1.0, Elu::try_new)),
        ("Erf", plain),
        ("Exp", plain),
        ("Gelu", gelu),
        ("HardSigmoid", hardsigmoid),
        ("HardSwish", |builder, i| unary(builder, i, Hardswish)),
        ("Identity", |builder, i| builder.value(&builder.file.nodes[i], 0)),
        ("LeakyRelu", |builder, i| alpha(builder, i, 0.01, LeakyRelu::try_new)),
        ("Log", plain),
        ("LogSoftmax", softmax),
        ("Mish", |builder, i| unary(builder, i, Mish)),
        ("Mul", arithmetic),
        ("Neg", plain),
        ("PRelu", prelu),
        ("Relu", |builder, i| unary(builder, i, Relu)),
        ("Selu", selu),
        ("Sigmoid", plain),
        ("Softmax", softmax),
        ("Softplus", |builder, i| unary(builder, i, Softplus::default())),
        ("Sqrt", plain),
        ("Sub", arithmetic),
        ("Tanh", plain),
        ("Where", choice),
    ]
}

fn plain_ops<T: Float>() -> [Plain<T>; 8] {
    [
        Plain { op: "Abs", apply: |x| x.abs() },
        Plain { op: "Erf", apply: |x| x.erf() },
        Plain { op: "Exp", apply: |x| x.exp() },
        Plain { op: "Log", apply: |x| x.ln() },
        Plain { op: "Neg", apply: |x| -x },
        Plain { op: "Sigmoid", apply: |x| x.sigmoid() },
        Plain { op: "Sqrt", apply: |x| x.sqrt() },
        Plain { op: "Tanh", apply: |x| x.tanh() },
    ]
}

/// A layer that keeps shapes.
fn unary<T: Float>(
    builder: &mut Builder<'_, T>,
    i: usize,
    layer: impl Layer<T> + Clone + Send + Sync + 'static,
) -> Result<Known> {
    let node = &builder.file.nodes[i];
    let x = builder.value(node, 0)?;
    Ok(builder.layer(&of_node(node), layer, &x, x.clone()))
}

fn plain<T: Float>(builder: &mut Builder<'_, T>, i: usize) -> Result<Known> {
    let op = builder.file.nodes[i].op;
    let layer = plain_ops().into_iter().find(|plain| plain.op == op);
    unary(builder, i, layer.expect("the two tables name the same operators"))
}

/// A layer with one setting.
fn alpha<T: Float, L: Layer<T> + Clone + Send + Sync + 'static>(
    builder: &mut Builder<'_, T>,
    i: usize,
    usual: f32,
    layer: fn(f64) -> crate::Result<L>,
) -> Result<Known> {
    let alpha = builder.file.nodes[i].float("alpha", usual)?;
    let layer = layer(alpha.into()).map_err(|error| Problem::Damaged(error.to_string()))?;
    unary(builder, i, layer)
}

fn selu<T: Float>(builder: &mut Builder<'_, T>, i: usize) -> Result<Known> {
    let node = &builder.file.nodes[i];
    let (alpha, gamma) = (1.673_263_2_f32, 1.050_701_f32);
    let is_usual =
        (node.float("alpha", alpha)? - alpha).abs() < 1e-5 && (node.float("gamma", gamma)? - gamma).abs() < 1e-5;
    if is_usual { unary(builder, i, Selu) } else { unsupported("other numbers than those of Klambauer et al.") }
}

fn hardsigmoid<T: Float>(builder: &mut Builder<'_, T>, i: usize) -> Result<Known> {
    let node = &builder.file.nodes[i];
    let is_ours = (node.float("alpha", 0.2)? - 1.0 / 6.0).abs() < 1e-6 && node.float("beta", 0.5)? == 0.5;
    if is_ours { unary(builder, i, Hardsigmoid) } else { unsupported("other numbers than 1/6 and 0.5") }
}

fn gelu<T: Float>(builder: &mut Builder<'_, T>, i: usize) -> Result<Known> {
    match builder.file.nodes[i].text("approximate", "none")? {
        "none" => unary(builder, i, Gelu),
        "tanh" => unary(builder, i, GeluTanh),
        other => damaged(format!("`approximate` is {other:?}; \"none\" and \"tanh\" are known")),
    }
}

fn clip<T: Float>(builder: &mut Builder<'_, T>, i: usize) -> Result<Known> {
    let node = &builder.file.nodes[i];
    let (low, high) = (builder.number(node, 1)?, builder.number(node, 2)?);
    let (low, high) = (low.map_or(f64::NEG_INFINITY, f64::from), high.map_or(f64::INFINITY, f64::from));
    let layer = Hardtanh::try_new(low, high).map_err(|error| Problem::Damaged(error.to_string()))?;
    unary(builder, i, layer)
}

/// Nothing in evaluation; a dropout of the same share in training.
fn dropout<T: Float>(builder: &mut Builder<'_, T>, i: usize) -> Result<Known> {
    let node = &builder.file.nodes[i];
    let share = match builder.is_constant(node, 1) {
        true => builder.number(node, 1)?.unwrap_or(0.5),
        false => 0.5,
    };
    let layer = Dropout::try_new(share.into()).map_err(|error| Problem::Damaged(error.to_string()))?;
    unary(builder, i, layer)
}

fn softmax<T: Float>(builder: &mut Builder<'_, T>, i: usize) -> Result<Known> {
    let node = &builder.file.nodes[i];
    let x = builder.value(node, 0)?;
    let axis = x.inner_axis(node.int("axis", -1)?)?;
    unary(builder, i, SoftmaxOver { axis: x.place(axis), log: node.op == "LogSoftmax" })
}

/// A tensor that broadcasts to a value of the file, with its axes in the order of the value here and as few as will do.
pub(super) fn beside<T: Float>(x: &Known, tensor: &Tensor<T>) -> Result<(Tensor<T>, Vec<Option<usize>>)> {
    let (rank, given) = (x.rank(), tensor.shape().to_vec());
    let is_given = given.len() <= rank && !given.contains(&0);
    let missing = rank.saturating_sub(given.len());
    let sizes = [vec![1; missing], given].concat();
    if !is_given || sizes[0] != 1 {
        return unsupported(format!(
            "a tensor of shape {:?} beside a value of {rank} axes; it may have as many, with 1 for the batch",
            tensor.shape()
        ));
    }
    let mut together = x.sizes.clone();
    for (axis, (size, &given)) in together.iter_mut().zip(&sizes).enumerate() {
        match *size {
            Some(1) => *size = Some(given),
            Some(size) if given != 1 && given != size => {
                return damaged(format!(
                    "a tensor of shape {sizes:?} does not broadcast to axis {axis} of size {size}"
                ));
            }
            None if given != 1 => *size = Some(given),
            _ => {}
        }
    }
    let own: Vec<usize> = x.axes.iter().map(|&axis| sizes[axis]).collect();
    let order: Vec<isize> = x.axes.iter().map(|&axis| axis as isize).collect();
    let tensor = tensor.reshape(&sizes[..]);
    let tensor = match order[..] {
        [_, a, b] => tensor.permute([0, a, b]),
        [_, a, b, c] => tensor.permute([0, a, b, c]),
        [_, a, b, c, d] => tensor.permute([0, a, b, c, d]),
        [_, a, b, c, d, e] => tensor.permute([0, a, b, c, d, e]),
        _ => tensor,
    };
    let leading = own.iter().take_while(|&&size| size == 1).count();
    Ok((tensor.contiguous().reshape(&own[leading..]), together))
}

fn prelu<T: Float>(builder: &mut Builder<'_, T>, i: usize) -> Result<Known> {
    let node = &builder.file.nodes[i];
    let x = builder.value(node, 0)?;
    let slope = builder.weight(node, 1)?;
    let (slope, sizes) = beside(&x, &slope)?;
    if sizes.iter().zip(&x.sizes).any(|(wide, own)| own.is_some() && wide != own) {
        return damaged("slopes of more places than the value has");
    }
    let slope = if slope.len() == 1 { slope.reshape([1]) } else { slope };
    let layer = PRelu::with_alpha(slope.cast()).map_err(|error| Problem::Damaged(error.to_string()))?.cast::<T>();
    Ok(builder.layer(&named_after(node, 1), layer, &x, x.clone()))
}

fn arithmetic<T: Float>(builder: &mut Builder<'_, T>, i: usize) -> Result<Known> {
    let node = &builder.file.nodes[i];
    let Some(op) = Arith::named(node.op) else { return unsupported("no arithmetic") };
    let is_left = builder.is_constant(node, 0);
    if !is_left && !builder.is_constant(node, 1) {
        let (known, slots) = alike(builder, node, &[0, 1])?;
        let slot = builder.joint(node, Joint::Arith(op), slots);
        return Ok(Known { slot, ..known });
    }
    let (at, of_constant) = if is_left { (1, 0) } else { (0, 1) };
    let x = builder.value(node, at)?;
    let (tensor, is_weight) = builder.floats(node, of_constant)?;
    // What is not finite covers: a mask.
    let is_learned = is_weight && tensor.rank() > 0 && tensor.iter().all(T::is_finite);
    let (tensor, sizes) = beside(&x, &tensor)?;
    let name = if is_learned { node.input(of_constant).unwrap_or_default().to_owned() } else { of_node(node) };
    let layer = WithConstant { op, constant: Constant::new(tensor, is_learned), is_left };
    Ok(builder.layer(&name, layer, &x, Known { sizes, ..x.clone() }))
}

/// Values that a node reads, with axes in the order of the first, and what is known of them broadcast to each other.
fn alike<'f, T: Float>(builder: &mut Builder<'f, T>, node: &Node<'f>, inputs: &[usize]) -> Result<(Known, Vec<usize>)> {
    let values: Vec<Known> = inputs.iter().map(|&i| builder.value(node, i)).collect::<Result<_>>()?;
    together(builder, &values)
}

fn together<T: Float>(builder: &mut Builder<'_, T>, values: &[Known]) -> Result<(Known, Vec<usize>)> {
    let mut known = values[0].clone();
    let mut slots = Vec::new();
    for value in values {
        if value.rank() != known.rank() {
            return unsupported(format!("values of {} and {} axes", known.rank(), value.rank()));
        }
        for (axis, (size, &other)) in known.sizes.iter_mut().zip(&value.sizes).enumerate() {
            *size = match (*size, other) {
                (Some(1), other) if axis > 0 => other,
                (size, Some(1)) => size,
                (Some(a), Some(b)) if a != b => return damaged(format!("axis {axis} has sizes of {a} and {b}")),
                (a, b) => a.or(b),
            };
        }
        slots.push(builder.arranged(value, &values[0].axes).slot);
    }
    Ok((known, slots))
}

/// `x > number`, which only `Where` reads.
pub(super) fn above<'f, T: Float>(builder: &mut Builder<'f, T>, node: &Node<'f>) -> Result<(Known, f32)> {
    let x = builder.value(node, 0)?;
    match builder.number(node, 1)? {
        Some(number) => Ok((x, number)),
        None => damaged("input 1 is missing"),
    }
}

fn choice<T: Float>(builder: &mut Builder<'_, T>, i: usize) -> Result<Known> {
    let node = &builder.file.nodes[i];
    if builder.is_constant(node, 0) {
        return super::pieces::masked(builder, node);
    }
    let condition = node.input(0).unwrap_or_default();
    let Some((x, threshold)) = builder.above.get(condition).cloned() else {
        return unsupported(format!("the condition `{condition}` is not made by `Greater`"));
    };
    let values = [x, builder.value(node, 1)?, builder.value(node, 2)?];
    let (known, slots) = together(builder, &values)?;
    let slot = builder.joint(node, Joint::Above(threshold), slots);
    Ok(Known { slot, ..known })
}
