//! Operators that move numbers: shapes, axes, means over axes, constants.

use super::super::steps::{Joint, MeanOver, ReshapeTo, Size};
use super::builder::{Builder, Importer};
use super::file::{Node, Result, Setting, damaged, unsupported};
use super::known::{Known, MOST, as_in_file, features_last, of_node, order_of};
use super::tensor::Numbers;
use crate::{Flatten, GlobalAvgPool};
use tape::Float;

pub(super) fn importers<T: Float>() -> &'static [(&'static str, Importer<T>)] {
    &[
        ("Concat", concat),
        ("Flatten", flatten),
        ("ReduceMean", mean),
        ("Reshape", reshape),
        ("Squeeze", squeeze),
        ("Transpose", transpose),
        ("Unsqueeze", unsqueeze),
    ]
}

/// What a `Constant` holds.
pub(super) fn constant(node: &Node<'_>) -> Result<Numbers> {
    let names = ["value", "value_float", "value_floats", "value_int", "value_ints"];
    match names.iter().find_map(|name| node.setting(name)) {
        Some(Setting::Tensor(numbers)) => Ok(numbers.clone()),
        Some(Setting::Float(number)) => Ok(Numbers::float(*number)),
        Some(Setting::Floats(numbers)) => Ok(Numbers::floats(numbers)),
        Some(Setting::Int(number)) => Ok(Numbers::Whole(*number)),
        Some(Setting::Ints(numbers)) => Ok(Numbers::Ints(numbers.clone())),
        _ => unsupported("neither numbers nor a tensor of them"),
    }
}

/// All axes but the batch's as one, in the file's order.
fn flatten<T: Float>(builder: &mut Builder<'_, T>, i: usize) -> Result<Known> {
    let node = &builder.file.nodes[i];
    let x = builder.value(node, 0)?;
    let axis = node.int("axis", 1)?;
    if axis != 1 && axis != 1 - x.rank() as i64 {
        return unsupported(format!("axis {axis}; 1 is known, which leaves the batch alone"));
    }
    let x = builder.arranged(&x, &as_in_file(x.rank()));
    let features = x.sizes[1..].iter().try_fold(1usize, |all, size| all.checked_mul((*size)?));
    let known = Known { slot: 0, axes: as_in_file(2), sizes: vec![None, features] };
    Ok(builder.layer(&of_node(node), Flatten, &x, known))
}

fn transpose<T: Float>(builder: &mut Builder<'_, T>, i: usize) -> Result<Known> {
    let node = &builder.file.nodes[i];
    let x = builder.value(node, 0)?;
    let order = order_of(node, x.rank())?;
    if order[0] != 0 {
        return unsupported(format!("`perm` is {order:?}; axis 0 is the batch's, and stays the first here"));
    }
    // No number moves: what was axis order[j] in the file is axis j now.
    let place = |axis: &usize| order.iter().position(|other| other == axis).unwrap_or(0);
    let axes = x.axes.iter().map(place).collect();
    let sizes = order.iter().map(|&axis| x.sizes[axis]).collect();
    Ok(Known { slot: x.slot, axes, sizes })
}

fn reshape<T: Float>(builder: &mut Builder<'_, T>, i: usize) -> Result<Known> {
    let node = &builder.file.nodes[i];
    let x = builder.value(node, 0)?;
    let shape = builder.shape(node, 1)?;
    if node.int("allowzero", 0)? != 0 && builder.is_constant(node, 1) && shape.contains(&0) {
        return unsupported("`allowzero`: an axis of no places");
    }
    let rest = shape.iter().filter(|&&size| size == -1).count();
    let keeps_batch = match shape.first() {
        Some(0 | -1) => true,
        Some(&size) => builder.batch().is_some_and(|batch| batch as i64 == size),
        None => false,
    };
    if !keeps_batch || rest > 1 {
        return unsupported(format!("the shape {shape:?}; it begins with 0, or -1, for the batch"));
    }
    let x = builder.arranged(&x, &as_in_file(x.rank()));
    let mut sizes = Vec::new();
    for (axis, &size) in shape.iter().enumerate().skip(1) {
        sizes.push(match size {
            -1 => Size::Rest,
            0 if axis < x.rank() => Size::Of(axis),
            1.. if size as usize <= MOST => Size::Is(size as usize),
            _ => return damaged(format!("the shape {shape:?} for {} axes", x.rank())),
        });
    }
    reshaped(builder, node, &x, sizes)
}

/// A step to another shape, whose numbers are as many where that is known.
fn reshaped<T: Float>(builder: &mut Builder<'_, T>, node: &Node<'_>, x: &Known, sizes: Vec<Size>) -> Result<Known> {
    let product = |sizes: &[Option<usize>]| sizes.iter().try_fold(1usize, |all, size| all.checked_mul((*size)?));
    let all = product(&x.sizes[1..]);
    let known = |size: &Size| match *size {
        Size::Is(size) => Some(size),
        Size::Of(axis) => x.sizes[axis],
        Size::Rest => Some(1),
    };
    let taken = product(&sizes.iter().map(known).collect::<Vec<_>>());
    let has_rest = sizes.contains(&Size::Rest);
    let fits = |all: usize, taken: usize| match has_rest {
        true => taken > 0 && all.is_multiple_of(taken),
        false => all == taken,
    };
    if let (Some(all), Some(taken)) = (all, taken)
        && !fits(all, taken)
    {
        return damaged(format!("an example of {all} numbers does not take the shape {sizes:?}"));
    }
    let size = |size: &Size| match size {
        Size::Rest => Some(all? / taken?.max(1)),
        size => known(size),
    };
    let after: Vec<Option<usize>> = [None].into_iter().chain(sizes.iter().map(size)).collect();
    let known = Known { slot: 0, axes: as_in_file(after.len()), sizes: after };
    Ok(builder.layer(&of_node(node), ReshapeTo(sizes), x, known))
}

pub(super) fn axes_of<'f, T: Float>(builder: &mut Builder<'f, T>, node: &Node<'f>) -> Result<Vec<i64>> {
    match (node.input(1), node.ints("axes")?) {
        (Some(_), _) => builder.ints(node, 1),
        (None, Some(axes)) => Ok(axes.to_vec()),
        (None, None) => unsupported("all axes, the batch's among them"),
    }
}

fn squeeze<T: Float>(builder: &mut Builder<'_, T>, i: usize) -> Result<Known> {
    let node = &builder.file.nodes[i];
    let x = builder.value(node, 0)?;
    let gone: Vec<usize> = axes_of(builder, node)?.into_iter().map(|axis| x.inner_axis(axis)).collect::<Result<_>>()?;
    if let Some(axis) = gone.iter().find(|&&axis| x.sizes[axis] != Some(1)) {
        return damaged(format!("axis {axis} is not known to be of size 1"));
    }
    let x = builder.arranged(&x, &as_in_file(x.rank()));
    let sizes = (1..x.rank()).filter(|axis| !gone.contains(axis)).map(Size::Of).collect();
    reshaped(builder, node, &x, sizes)
}

fn unsqueeze<T: Float>(builder: &mut Builder<'_, T>, i: usize) -> Result<Known> {
    let node = &builder.file.nodes[i];
    let x = builder.value(node, 0)?;
    let axes = axes_of(builder, node)?;
    let rank = x.rank() + axes.len();
    let fresh: Vec<i64> =
        axes.iter().map(|&axis| if axis < 0 { axis.saturating_add(rank as i64) } else { axis }).collect();
    if fresh.iter().any(|&axis| !(1..rank as i64).contains(&axis)) {
        return unsupported(format!("axes {axes:?} of {rank}; axis 0 is the batch's"));
    }
    let x = builder.arranged(&x, &as_in_file(x.rank()));
    let mut old = 1..x.rank();
    let mut sizes = Vec::new();
    for axis in 1..rank as i64 {
        match if fresh.contains(&axis) { Some(Size::Is(1)) } else { old.next().map(Size::Of) } {
            Some(size) => sizes.push(size),
            None => return damaged(format!("axes {axes:?} name one twice")),
        }
    }
    reshaped(builder, node, &x, sizes)
}

fn mean<T: Float>(builder: &mut Builder<'_, T>, i: usize) -> Result<Known> {
    let node = &builder.file.nodes[i];
    let x = builder.value(node, 0)?;
    let mut axes: Vec<usize> =
        axes_of(builder, node)?.into_iter().map(|axis| x.inner_axis(axis)).collect::<Result<_>>()?;
    axes.sort_unstable();
    axes.dedup();
    if axes.is_empty() {
        return unsupported("no axes");
    }
    let keep = node.int("keepdims", 1)? != 0;
    let rank = x.rank();
    let mut known = x.clone();
    if keep {
        axes.iter().for_each(|&axis| known.sizes[axis] = Some(1));
    } else {
        let left: Vec<usize> = (0..rank).filter(|axis| !axes.contains(axis)).collect();
        let place = |axis: &usize| left.iter().position(|other| other == axis);
        known.axes = x.axes.iter().filter_map(place).collect();
        known.sizes = left.iter().map(|&axis| x.sizes[axis]).collect();
    }
    let name = of_node(node);
    let is_all_places = !keep && x.axes == features_last(rank) && axes == (2..rank).collect::<Vec<_>>();
    if is_all_places {
        return Ok(builder.layer(&name, GlobalAvgPool, &x, known));
    }
    let axes = axes.iter().map(|&axis| x.place(axis)).collect();
    Ok(builder.layer(&name, MeanOver { axes, keep }, &x, known))
}

/// What the model joins along an axis.
fn concat<T: Float>(builder: &mut Builder<'_, T>, i: usize) -> Result<Known> {
    let node = &builder.file.nodes[i];
    let count = node.inputs.len();
    let values: Vec<Known> = (0..count).map(|i| builder.value(node, i)).collect::<Result<_>>()?;
    let Some(first) = values.first() else { return damaged("nothing to join") };
    let axis = first.inner_axis(node.int("axis", 0)?)?;
    let mut known = first.clone();
    known.sizes[axis] = Some(0);
    let mut slots = Vec::new();
    for value in &values {
        if value.rank() != known.rank() {
            return damaged(format!("values of {} and {} axes", known.rank(), value.rank()));
        }
        for other in 0..known.rank() {
            let (size, own) = (known.sizes[other], value.sizes[other]);
            known.sizes[other] = match (size, own) {
                (Some(a), Some(b)) if other == axis => Some(a + b),
                _ if other == axis => None,
                (Some(a), Some(b)) if a != b => return damaged(format!("axis {other} has sizes of {a} and {b}")),
                (a, b) => a.or(b),
            };
        }
        slots.push(builder.arranged(value, &first.axes).slot);
    }
    let slot = builder.joint(node, Joint::Concat(first.place(axis)), slots);
    Ok(Known { slot, ..known })
}
