//! What nodes read that is no value: tensors of the file.

use super::super::file::{Node, Result, damaged, is_standard, unsupported};
use super::super::known::{axis_of, in_order, order_of};
use super::super::pieces::piece_sizes;
use super::super::tensor::Numbers;
use super::{Builder, Held};
use tape::{Float, Tensor};

impl<'f, T: Float> Builder<'f, T> {
    /// What a node makes of a constant, for each output, without a copy; None if it is of values, or no such node.
    pub(super) fn of_constants(&mut self, node: &Node<'f>) -> Result<Option<Vec<Held<'f>>>> {
        let Some(held) = node.input(0).and_then(|name| self.constants.get(name)).cloned() else { return Ok(None) };
        let with = |tensor: Tensor| Held { numbers: Numbers::Floats(tensor), ..held.clone() };
        match (node.op, &held.numbers) {
            _ if !is_standard(node.domain) => Ok(None),
            ("Identity", _) => Ok(Some(vec![held])),
            ("Transpose", Numbers::Floats(tensor)) => {
                let order = order_of(node, tensor.rank())?;
                Ok(Some(vec![with(in_order(tensor, &order)?)]))
            }
            ("Split", Numbers::Floats(tensor)) => {
                let axis = axis_of(node.int("axis", 0)?, tensor.rank())?;
                let mut start = 0;
                let pieces = piece_sizes(self, node, tensor.shape()[axis])?.into_iter().map(|size| {
                    start += size;
                    with(tensor.narrow(axis as isize, start - size, size))
                });
                Ok(Some(pieces.collect()))
            }
            _ => Ok(None),
        }
    }

    /// The constant that a node reads, and whether it belongs to what the model learned.
    fn constant(&mut self, node: &Node<'f>, i: usize) -> Result<(Numbers, bool)> {
        let Some(name) = node.input(i) else { return damaged(format!("input {i} is missing")) };
        match self.constants.get(name) {
            Some(Held { numbers, is_weight, origin }) => {
                let count = match numbers {
                    Numbers::Floats(tensor) | Numbers::Truths(tensor) => tensor.len(),
                    Numbers::Ints(ints) => ints.len(),
                    Numbers::Whole(_) => 1,
                };
                if !self.used.insert(*origin) {
                    let room = self.room.checked_sub(count);
                    self.room = match room {
                        Some(room) => room,
                        None => {
                            return unsupported(format!("`{name}` is one of the tensors that too many nodes share"));
                        }
                    };
                }
                Ok((numbers.clone(), *is_weight))
            }
            None if self.values.contains_key(name) => unsupported(format!(
                "input {i}, `{name}`, is made of the model's input; only a constant is known here. Export with `torch.nn.Flatten` instead of sizes that are \
                 computed"
            )),
            None if self.computed.contains_key(name) => {
                unsupported(format!("input {i}, `{name}`, is computed from shapes; only a constant is known here"))
            }
            None => damaged(format!("input {i}, `{name}`, is what nothing before it makes")),
        }
    }

    /// Whether an input is a constant.
    pub(in super::super) fn is_constant(&self, node: &Node<'f>, i: usize) -> bool {
        node.input(i).is_some_and(|name| self.constants.contains_key(name))
    }

    /// A constant of numbers, and whether it is learned.
    pub(in super::super) fn floats(&mut self, node: &Node<'f>, i: usize) -> Result<(Tensor<T>, bool)> {
        match self.constant(node, i)? {
            (Numbers::Floats(tensor), is_weight) => Ok((tensor.cast(), is_weight)),
            (Numbers::Ints(_) | Numbers::Whole(_), _) => damaged(format!("input {i} holds whole numbers")),
            (Numbers::Truths(_), _) => damaged(format!("input {i} holds truths")),
        }
    }

    /// A constant of one whole number without an axis, if it is one.
    pub(in super::super) fn whole(&mut self, node: &Node<'f>, i: usize) -> Result<Option<i64>> {
        match self.constant(node, i)?.0 {
            Numbers::Whole(number) => Ok(Some(number)),
            _ => Ok(None),
        }
    }

    /// A constant of truths, if it is one.
    pub(in super::super) fn truths_of(&mut self, node: &Node<'f>, i: usize) -> Result<Option<Tensor<T>>> {
        match self.constant(node, i)?.0 {
            Numbers::Truths(tensor) => Ok(Some(tensor.cast())),
            _ => Ok(None),
        }
    }

    /// A constant of numbers, all of whose sizes are above 0.
    pub(in super::super) fn weight(&mut self, node: &Node<'f>, i: usize) -> Result<Tensor<T>> {
        let (tensor, _) = self.floats(node, i)?;
        match tensor.is_empty() {
            true => damaged(format!("input {i} has shape {:?}: no numbers", tensor.shape())),
            false => Ok(tensor),
        }
    }

    /// A constant of so many numbers on one axis.
    pub(in super::super) fn vector(&mut self, node: &Node<'f>, i: usize, count: usize) -> Result<Tensor<T>> {
        let tensor = self.weight(node, i)?;
        match tensor.shape()[..] == [count] {
            true => Ok(tensor),
            false => damaged(format!("input {i} has shape {:?}, where {count} numbers belong", tensor.shape())),
        }
    }

    /// A constant of one number, if it is given.
    pub(in super::super) fn number(&mut self, node: &Node<'f>, i: usize) -> Result<Option<f32>> {
        if node.input(i).is_none() {
            return Ok(None);
        }
        let (tensor, _) = self.floats(node, i)?;
        match tensor.len() {
            1 => Ok(Some(tensor.to_vec()[0].to_f64() as f32)),
            _ => damaged(format!("input {i} has shape {:?}, where one number belongs", tensor.shape())),
        }
    }

    /// A constant of whole numbers.
    pub(in super::super) fn ints(&mut self, node: &Node<'f>, i: usize) -> Result<Vec<i64>> {
        match self.constant(node, i)?.0 {
            Numbers::Ints(ints) => Ok(ints),
            Numbers::Whole(number) => Ok(vec![number]),
            _ => damaged(format!("input {i} does not hold whole numbers")),
        }
    }
}
