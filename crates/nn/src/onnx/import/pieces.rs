//! Operators of several outputs, and a choice by a constant: `Split`, `Where`.

use super::super::steps::{Arith, Range, SliceAxes};
use super::builder::Builder;
use super::file::{Node, Problem, Result, damaged, unsupported};
use super::known::{Known, of_node};
use tape::{Float, Tensor};

/// Pieces of a value along an axis, each an output.
pub(super) fn split<'f, T: Float>(builder: &mut Builder<'f, T>, node: &Node<'f>) -> Result<Vec<Known>> {
    let x = builder.value(node, 0)?;
    let axis = x.inner_axis(node.int("axis", 0)?)?;
    let Some(size) = x.sizes[axis] else {
        return unsupported(format!("pieces of axis {axis}, whose size is not fixed"));
    };
    let mut start = 0;
    let sizes = piece_sizes(builder, node, size)?;
    let piece = |length: usize| {
        let range = Range { axis: x.place(axis), start, end: start + length as i64, step: 1 };
        start += length as i64;
        let mut known = x.clone();
        known.sizes[axis] = Some(length);
        builder.layer(&of_node(node), SliceAxes(vec![range]), &x, known)
    };
    Ok(sizes.into_iter().map(piece).collect())
}

/// How long the pieces of an axis of this size are, one for each output.
pub(super) fn piece_sizes<'f, T: Float>(
    builder: &mut Builder<'f, T>,
    node: &Node<'f>,
    size: usize,
) -> Result<Vec<usize>> {
    let count = node.outputs.len();
    let sizes: Vec<i64> = match node.input(1) {
        Some(_) => builder.ints(node, 1)?,
        None => {
            let whole = size.div_ceil(count) as i64;
            (0..count as i64).map(|i| whole.min(size as i64 - i * whole)).collect()
        }
    };
    let total = sizes.iter().try_fold(0i64, |all, &size| all.checked_add(size).filter(|_| size > 0));
    if sizes.len() != count || total != Some(size as i64) {
        return damaged(format!("{count} pieces of sizes {sizes:?} for an axis of {size}"));
    }
    Ok(sizes.into_iter().map(|size| size as usize).collect())
}

/// A number where a constant condition says so, else the value, or the other way round: what a mask does.
pub(super) fn masked<'f, T: Float>(builder: &mut Builder<'f, T>, node: &Node<'f>) -> Result<Known> {
    let is_number_first = builder.is_constant(node, 1);
    let (number, value) = if is_number_first { (1, 2) } else { (2, 1) };
    let x = builder.value(node, value)?;
    let Some(number) = builder.number(node, number)? else { return damaged("an input is missing") };
    if number.is_nan() {
        return unsupported("NaN in place of what a mask covers");
    }
    let covered = builder.truths(node, 0)?;
    let of = |covers: f64, leaves: f64| {
        let number =
            |truth: T| if (truth != T::ZERO) == is_number_first { T::from_f64(covers) } else { T::from_f64(leaves) };
        let numbers: Vec<T> = covered.iter().map(number).collect();
        Tensor::new(&numbers, *covered.shape())
    };
    // What is infinite covers what is added to it; what is finite takes its place.
    let x = match number.is_finite() {
        true => builder.with_fixed(node, &x, Arith::Mul, &of(0.0, 1.0))?,
        false => x,
    };
    builder.with_fixed(node, &x, Arith::Add, &of(number.into(), 0.0))
}

impl<'f, T: Float> Builder<'f, T> {
    /// x combined with a setting.
    fn with_fixed(&mut self, node: &Node<'f>, x: &Known, op: Arith, tensor: &Tensor<T>) -> Result<Known> {
        use super::super::steps::{Constant, WithConstant};
        let (tensor, sizes) = super::elementwise::beside(x, tensor)?;
        let layer = WithConstant { op, constant: Constant::new(tensor, false), is_left: false };
        Ok(self.layer(&of_node(node), layer, x, Known { sizes, ..x.clone() }))
    }

    /// A constant of truths, 1 or 0.
    fn truths(&mut self, node: &Node<'f>, i: usize) -> Result<Tensor<T>> {
        self.truths_of(node, i)?.ok_or_else(|| Problem::Damaged(format!("input {i} does not hold truths")))
    }
}
