//! More places, or fewer: `Pad`, `Slice`, `Resize`.

use super::super::steps::{PadAxes, Range, SliceAxes};
use super::builder::{Builder, Importer};
use super::file::{Node, Problem, Result, damaged, unsupported};
use super::known::{Known, MOST, features_last, of_node};
use crate::Upsample;
use tape::{Float, PadMode};

pub(super) fn importers<T: Float>() -> &'static [(&'static str, Importer<T>)] {
    &[("Pad", pad), ("Resize", resize), ("Slice", slice)]
}

fn pad<T: Float>(builder: &mut Builder<'_, T>, i: usize) -> Result<Known> {
    let node = &builder.file.nodes[i];
    let x = builder.value(node, 0)?;
    let rank = x.rank();
    let given = builder.ints(node, 1)?;
    let axes: Vec<usize> = match node.input(3) {
        None => (0..rank).collect(),
        Some(_) => builder.ints(node, 3)?.into_iter().map(|axis| x.axis(axis)).collect::<Result<_>>()?,
    };
    let places: Option<Vec<usize>> =
        given.iter().map(|&places| usize::try_from(places).ok().filter(|&places| places <= MOST)).collect();
    let Some(places) = places.filter(|places| places.len() == 2 * axes.len()) else {
        return unsupported(format!("pads of {given:?} for {} axes; negative ones would cut", axes.len()));
    };
    let mut in_file = vec![(0, 0); rank];
    for (j, &axis) in axes.iter().enumerate() {
        in_file[axis] = (places[j], places[axes.len() + j]);
    }
    if in_file[0] != (0, 0) {
        return unsupported("more places on the batch axis");
    }
    let mode = match node.text("mode", "constant")? {
        "constant" => PadMode::Constant(builder.number(node, 2)?.unwrap_or(0.0).into()),
        "reflect" => PadMode::Reflect,
        "edge" => PadMode::Replicate,
        "wrap" => PadMode::Circular,
        other => return damaged(format!("`mode` is {other:?}")),
    };
    let mut known = x.clone();
    for (axis, (size, &(before, after))) in known.sizes.iter_mut().zip(&in_file).enumerate() {
        let Some(size) = size else { continue };
        let most = match mode {
            PadMode::Reflect => *size - 1,
            PadMode::Circular => *size,
            _ => MOST,
        };
        if before.max(after) > most {
            return damaged(format!("axis {axis} of {size} places cannot be padded by {before} and {after}"));
        }
        *size += before + after;
    }
    let places = x.axes.iter().map(|&axis| in_file[axis]).collect();
    Ok(builder.layer(&of_node(node), PadAxes { places, mode }, &x, known))
}

fn slice<T: Float>(builder: &mut Builder<'_, T>, i: usize) -> Result<Known> {
    let node = &builder.file.nodes[i];
    let x = builder.value(node, 0)?;
    let (starts, ends) = (builder.ints(node, 1)?, builder.ints(node, 2)?);
    let axes = match node.input(3) {
        None => (0..starts.len() as i64).collect(),
        Some(_) => builder.ints(node, 3)?,
    };
    let steps = match node.input(4) {
        None => vec![1; starts.len()],
        Some(_) => builder.ints(node, 4)?,
    };
    if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] || starts.len() > x.rank() {
        return damaged(format!("starts {starts:?}, ends {ends:?}, axes {axes:?}, steps {steps:?}"));
    }
    let (mut known, mut ranges) = (x.clone(), Vec::new());
    for (j, &axis) in axes.iter().enumerate() {
        let axis = x.inner_axis(axis)?;
        let step = usize::try_from(steps[j]).ok().filter(|&step| step > 0);
        let Some(step) = step else { return unsupported(format!("a step of {}; from 1 on are known", steps[j])) };
        let range = Range { axis: x.place(axis), start: starts[j], end: ends[j], step };
        known.sizes[axis] = known.sizes[axis].map(|size| range.of(size).2);
        ranges.push(range);
    }
    Ok(builder.layer(&of_node(node), SliceAxes(ranges), &x, known))
}

/// A whole number of times as many places.
fn resize<T: Float>(builder: &mut Builder<'_, T>, i: usize) -> Result<Known> {
    let node = &builder.file.nodes[i];
    let x = builder.value(node, 0)?;
    let axes = x.rank().saturating_sub(2);
    if !(1..=3).contains(&axes) || node.input(2).is_none() || node.setting("axes").is_some() {
        return unsupported(format!("a value of {} axes, or sizes instead of `scales`", x.rank()));
    }
    let scales = builder.floats(node, 2)?.0.cast::<f32>().to_vec();
    let factor = scales.get(2).copied().unwrap_or(0.0);
    let is_whole = factor >= 1.0 && factor.fract() == 0.0 && factor < MOST as f32;
    if scales.len() != axes + 2 || scales[..2] != [1.0; 2] || scales[2..].iter().any(|&s| s != factor) || !is_whole {
        return unsupported(format!("scales of {scales:?}; whole numbers, the same for every spatial axis, are known"));
    }
    let factor = factor as usize;
    let bilinear = bilinear(node, axes)?;
    let x = builder.arranged(&x, &features_last(axes + 2));
    let mut known = x.clone();
    for size in known.sizes[2..].iter_mut().flatten() {
        *size = size.checked_mul(factor).ok_or_else(|| Problem::Damaged(format!("{factor} times {size} places")))?;
    }
    let name = of_node(node);
    Ok(match (axes, bilinear) {
        (_, Some(align_corners)) => builder.layer(&name, Upsample::bilinear(factor, align_corners), &x, known),
        (1, None) => builder.layer(&name, Upsample::<1>::nearest(factor), &x, known),
        (2, None) => builder.layer(&name, Upsample::<2>::nearest(factor), &x, known),
        _ => builder.layer(&name, Upsample::<3>::nearest(factor), &x, known),
    })
}

/// None for the nearest place, else whether corners are aligned.
fn bilinear(node: &Node<'_>, axes: usize) -> Result<Option<bool>> {
    let (mode, places) = (node.text("mode", "nearest")?, node.text("coordinate_transformation_mode", "half_pixel")?);
    let nearest = node.text("nearest_mode", "round_prefer_floor")?;
    match (mode, places) {
        ("nearest", "asymmetric") if nearest == "floor" => Ok(None),
        ("linear", "align_corners") if axes == 2 => Ok(Some(true)),
        ("linear", "half_pixel" | "pytorch_half_pixel") if axes == 2 => Ok(Some(false)),
        _ => unsupported(format!(
            "mode {mode} with {places} and {nearest} over {axes} spatial axes; known are nearest (asymmetric, floor) and, over two, linear (half_pixel, \
             align_corners)"
        )),
    }
}
