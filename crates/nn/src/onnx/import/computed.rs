//! Whole numbers that a file computes from shapes, as PyTorch's exporters do: sizes for `Reshape`, and zeros of such sizes for the first states of recurrent layers.
//!
//! They are followed as numbers, the batch's size as a mark. Nothing of that size is made.

use super::builder::Builder;
use super::file::{Node, Result, Setting, damaged, unsupported};
use super::tensor::Numbers;
use tape::Float;

/// More numbers than this no shape has.
const MOST_NUMBERS: usize = 32;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Whole {
    Is(i64),
    /// The size of the batch, whatever it is.
    Batch,
    /// A size that the file does not fix.
    Unknown,
}

/// What a name stands for that is neither a value nor a constant.
#[derive(Clone)]
pub(super) enum Computed {
    /// A number, or several on one axis.
    Wholes(Vec<Whole>),
    /// A tensor of zeros, of sizes that do not matter.
    Zeros,
}

impl Whole {
    pub(super) fn of_size(size: Option<usize>) -> Whole {
        size.map_or(Whole::Unknown, |size| Whole::Is(size as i64))
    }
}

/// What a node makes of whole numbers or zeros; None if it reads none of them.
pub(super) fn computed<'f, T: Float>(builder: &mut Builder<'f, T>, node: &Node<'f>) -> Result<Option<Computed>> {
    let reads = |builder: &Builder<'f, T>, i: usize| node.input(i).and_then(|name| builder.computed.get(name)).cloned();
    if node.op == "Shape" {
        return shape(builder, node).map(|sizes| Some(Computed::Wholes(sizes)));
    }
    match (node.op, reads(builder, 0), reads(builder, 1)) {
        ("Slice" | "Identity" | "Cast", Some(Computed::Zeros), _) => Ok(Some(Computed::Zeros)),
        ("ConstantOfShape", Some(Computed::Wholes(_)), _) => match node.setting("value") {
            None => Ok(Some(Computed::Zeros)),
            Some(Setting::Tensor(Numbers::Floats(tensor))) if tensor.iter().all(|number| number == 0.0) => {
                Ok(Some(Computed::Zeros))
            }
            Some(_) => unsupported("numbers other than 0 in a shape that is computed"),
        },
        ("Expand", None, Some(Computed::Wholes(_))) if builder.is_constant(node, 0) => {
            match builder.floats(node, 0)?.0.iter().all(|number| number == T::ZERO) {
                true => Ok(Some(Computed::Zeros)),
                false => unsupported("numbers other than 0 in a shape that is computed"),
            }
        }
        ("Identity" | "Cast" | "Squeeze" | "Unsqueeze", Some(wholes), _) => Ok(Some(wholes)),
        ("Reshape", Some(Computed::Wholes(wholes)), _) => match builder.ints(node, 1)?[..] {
            [-1] => Ok(Some(Computed::Wholes(wholes))),
            _ => unsupported("sizes that are computed, on other axes than one"),
        },
        ("Gather" | "Slice", Some(Computed::Wholes(wholes)), _) => picked(builder, node, &wholes).map(Some),
        ("Concat", ..) if (0..node.inputs.len()).any(|i| reads(builder, i).is_some()) => {
            let parts: Vec<Vec<Whole>> =
                (0..node.inputs.len()).map(|i| builder.wholes(node, i)).collect::<Result<_>>()?;
            bounded(parts.concat()).map(Some)
        }
        ("Add" | "Sub" | "Mul" | "Div", a, b) if a.is_some() || b.is_some() => {
            let (a, b) = (builder.wholes(node, 0)?, builder.wholes(node, 1)?);
            arithmetic(node, &a, &b).map(Some)
        }
        _ => Ok(None),
    }
}

fn bounded(wholes: Vec<Whole>) -> Result<Computed> {
    match wholes.len() <= MOST_NUMBERS {
        true => Ok(Computed::Wholes(wholes)),
        false => {
            unsupported(format!("{} sizes that are computed; no shape has more than {MOST_NUMBERS}", wholes.len()))
        }
    }
}

/// The sizes of a value, or some of them one after the other.
fn shape<'f, T: Float>(builder: &Builder<'f, T>, node: &Node<'f>) -> Result<Vec<Whole>> {
    let sizes = match node.input(0).and_then(|name| builder.folded.get(name)) {
        Some(folded) => folded.sizes(),
        None => {
            let ids = builder.ids.as_ref().and_then(|ids| ids.sizes_of(node.input(0)?));
            let sizes = match ids {
                Some(sizes) => sizes.to_vec(),
                None => builder.value(node, 0)?.sizes,
            };
            let behind = sizes[1..].iter().map(|&size| Whole::of_size(size));
            [Whole::Batch].into_iter().chain(behind).collect()
        }
    };
    let (start, end) = (node.int("start", 0)?, node.int("end", i64::MAX)?);
    Ok(part(&sizes, start, end).to_vec())
}

/// Those from one place to before another; negative ones count from the end.
fn part(wholes: &[Whole], start: i64, end: i64) -> &[Whole] {
    let count = wholes.len() as i64;
    let place = |at: i64| (if at < 0 { at.saturating_add(count) } else { at }).clamp(0, count) as usize;
    let (start, end) = (place(start), place(end));
    &wholes[start..end.max(start)]
}

/// By places, or from one to another.
fn picked<'f, T: Float>(builder: &mut Builder<'f, T>, node: &Node<'f>, wholes: &[Whole]) -> Result<Computed> {
    if node.op == "Gather" {
        let count = wholes.len() as i64;
        let places = builder.ints(node, 1)?;
        let at =
            |&place: &i64| wholes.get(usize::try_from(if place < 0 { place.checked_add(count)? } else { place }).ok()?);
        let found: Option<Vec<Whole>> = places.iter().take(MOST_NUMBERS + 1).map(|place| at(place).copied()).collect();
        let Some(found) = found else { return damaged(format!("places {places:?} of {count} sizes")) };
        return bounded(found);
    }
    let (starts, ends) = (builder.ints(node, 1)?, builder.ints(node, 2)?);
    let steps = if node.input(4).is_some() { builder.ints(node, 4)? } else { vec![1] };
    match (&starts[..], &ends[..], &steps[..]) {
        (&[start], &[end], [1]) => bounded(part(wholes, start, end).to_vec()),
        _ => unsupported(format!("sizes from {starts:?} to {ends:?} by {steps:?}; ranges of every one are known")),
    }
}

/// Of pairs, or of each with a single one.
fn arithmetic(node: &Node<'_>, a: &[Whole], b: &[Whole]) -> Result<Computed> {
    let count = if a.len() == 1 { b.len() } else { a.len() };
    if ![a.len(), b.len()].iter().all(|&own| own == count || own == 1) {
        return damaged(format!("{} sizes and {}", a.len(), b.len()));
    }
    let one = |i: usize| {
        let (a, b) = (a[if a.len() == 1 { 0 } else { i }], b[if b.len() == 1 { 0 } else { i }]);
        let (Whole::Is(a), Whole::Is(b)) = (a, b) else { return Whole::Unknown };
        let made = match node.op {
            "Add" => a.checked_add(b),
            "Sub" => a.checked_sub(b),
            "Mul" => a.checked_mul(b),
            _ => a.checked_div(b),
        };
        made.map_or(Whole::Unknown, Whole::Is)
    };
    Ok(Computed::Wholes((0..count).map(one).collect()))
}

impl<'f, T: Float> Builder<'f, T> {
    /// Whole numbers that a node reads, constant or computed.
    pub(super) fn wholes(&mut self, node: &Node<'f>, i: usize) -> Result<Vec<Whole>> {
        match node.input(i).and_then(|name| self.computed.get(name)) {
            Some(Computed::Wholes(wholes)) => Ok(wholes.clone()),
            Some(Computed::Zeros) => damaged(format!("input {i} does not hold whole numbers")),
            None => Ok(self.ints(node, i)?.into_iter().map(Whole::Is).collect()),
        }
    }

    /// The shape that a node reads, with 0 for the batch's size in front.
    pub(super) fn shape(&mut self, node: &Node<'f>, i: usize) -> Result<Vec<i64>> {
        let wholes = self.wholes(node, i)?;
        let number = |(at, whole): (usize, &Whole)| match whole {
            Whole::Is(number) => Ok(*number),
            Whole::Batch if at == 0 => Ok(0),
            _ => unsupported(format!(
                "the shape {wholes:?}, in which a size is not fixed or the batch's is not the first"
            )),
        };
        wholes.iter().enumerate().map(number).collect()
    }
}
