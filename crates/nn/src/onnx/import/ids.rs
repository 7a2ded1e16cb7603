//! Networks of indices: a `Gather` of rows of a table reads the input, and everything else what it makes.

use super::builder::Builder;
use super::file::{Node, Result, damaged, is_standard, unsupported};
use super::known::{Known, as_in_file, check, named_after};
use crate::{Embedding, Module as _};
use tape::Float;

/// The input, and what reads it.
pub(super) struct Ids<'f, T: Float> {
    name: &'f str,
    sizes: Vec<Option<usize>>,
    /// With the name of the layer.
    pub(super) embedding: Option<(String, Embedding<T>)>,
}

impl<'f, T: Float> Ids<'f, T> {
    pub(super) fn new(name: &'f str, sizes: Vec<Option<usize>>) -> Ids<'f, T> {
        Ids { name, sizes, embedding: None }
    }

    /// The sizes of what has this name, if it is the ids.
    pub(super) fn sizes_of(&self, name: &str) -> Option<&[Option<usize>]> {
        (name == self.name).then_some(&self.sizes)
    }
}

/// The rows of a table for the model's ids, as the first of all values; None if the node is no lookup of them.
pub(super) fn looked_up<'f, T: Float>(builder: &mut Builder<'f, T>, node: &Node<'f>) -> Result<Option<Known>> {
    let Some(ids) = &builder.ids else { return Ok(None) };
    if !node.inputs.contains(&ids.name) {
        return Ok(None);
    }
    if node.op != "Gather"
        || !is_standard(node.domain)
        || node.input(1) != Some(ids.name)
        || !builder.is_constant(node, 0)
    {
        return unsupported("it reads the ids, which only a `Gather` of rows of a constant may");
    }
    if ids.embedding.is_some() {
        return unsupported("a second table for the same ids; one is known");
    }
    let mut sizes = ids.sizes.clone();
    let table = builder.weight(node, 0)?;
    let (axis, rank) = (node.int("axis", 0)?, table.rank());
    if rank != 2 || !matches!(axis, 0 | -2) {
        return unsupported(format!("parts along axis {axis} of a table of {rank} axes; rows of two are known"));
    }
    sizes.push(Some(table.shape()[1]));
    check(&sizes)?;
    let Ok(embedding) = Embedding::with_weight(table.cast()) else { return damaged("the table is empty") };
    let embedding = embedding.cast::<T>();
    let name = builder.claimed(&named_after(node, 0), &embedding);
    if let Some(ids) = &mut builder.ids {
        ids.embedding = Some((name, embedding));
    }
    Ok(Some(Known { slot: 0, axes: as_in_file(sizes.len()), sizes }))
}
