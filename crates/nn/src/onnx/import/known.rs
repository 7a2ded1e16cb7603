//! What is known of a value: its sizes, and in which order its axes are.

use super::super::steps::MOST_AXES;
use super::file::{Node, Result, damaged, unsupported};
use tape::Tensor;

/// No size is larger, so that sums and products of two stay numbers.
pub(super) const MOST: usize = 1 << 31;

/// A value, and what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Known {
    pub(super) slot: usize,
    /// Which axis of the file each axis here is.
    pub(super) axes: Vec<usize>,
    /// In the file's order; None is a size that is not fixed, such as the batch's, which is the first.
    pub(super) sizes: Vec<Option<usize>>,
}

impl Known {
    pub(super) fn rank(&self) -> usize {
        self.sizes.len()
    }

    /// Where an axis of the file is here.
    pub(super) fn place(&self, axis: usize) -> usize {
        self.axes.iter().position(|&other| other == axis).expect("every axis is somewhere")
    }

    /// The axis of the file that a number means; negative ones count from the end.
    pub(super) fn axis(&self, axis: i64) -> Result<usize> {
        axis_of(axis, self.rank())
    }

    /// As [`Known::axis`], which must not be the batch's.
    pub(super) fn inner_axis(&self, axis: i64) -> Result<usize> {
        match self.axis(axis)? {
            0 => unsupported("axis 0 is the batch's here, and examples are apart"),
            axis => Ok(axis),
        }
    }
}

/// Which of so many axes a number means; negative ones count from the end.
pub(super) fn axis_of(axis: i64, rank: usize) -> Result<usize> {
    let end = rank as i64;
    match axis {
        axis if (-end..end).contains(&axis) => Ok(axis.rem_euclid(end) as usize),
        _ => damaged(format!("axis {axis} of {rank}")),
    }
}

/// The order that a `Transpose` brings so many axes into.
pub(super) fn order_of(node: &Node<'_>, rank: usize) -> Result<Vec<usize>> {
    let order = match node.ints("perm")? {
        None => (0..rank).rev().collect(),
        Some(order) => order.iter().map(|&axis| axis_of(axis, rank)).collect::<Result<Vec<usize>>>()?,
    };
    let mut sorted = order.clone();
    sorted.sort_unstable();
    match sorted == as_in_file(rank) {
        true => Ok(order),
        false => damaged(format!("`perm` is {order:?} for {rank} axes")),
    }
}

/// A constant with its axes in this order.
pub(super) fn in_order(tensor: &Tensor, order: &[usize]) -> Result<Tensor> {
    let order: Vec<isize> = order.iter().map(|&axis| axis as isize).collect();
    Ok(match order[..] {
        [] | [_] => tensor.clone(),
        [a, b] => tensor.permute([a, b]),
        [a, b, c] => tensor.permute([a, b, c]),
        [a, b, c, d] => tensor.permute([a, b, c, d]),
        [a, b, c, d, e] => tensor.permute([a, b, c, d, e]),
        _ => return unsupported(format!("`perm` of a constant of {} axes; up to 5 are known", tensor.rank())),
    })
}

/// Axes in the file's order.
pub(super) fn as_in_file(rank: usize) -> Vec<usize> {
    (0..rank).collect()
}

/// The axis behind the batch's last.
pub(super) fn features_last(rank: usize) -> Vec<usize> {
    if rank < 3 { as_in_file(rank) } else { [0].into_iter().chain(2..rank).chain([1]).collect() }
}

/// That sizes are such as can be computed with.
pub(super) fn check(sizes: &[Option<usize>]) -> Result<()> {
    if sizes.is_empty() || sizes.len() > MOST_AXES {
        return unsupported(format!("a value of {} axes; from 1 to {MOST_AXES} are known", sizes.len()));
    }
    match sizes.iter().flatten().find(|&&size| size == 0 || size > MOST) {
        Some(size) => damaged(format!("a size of {size}; from 1 to {MOST} are possible")),
        None => Ok(()),
    }
}

/// A layer's name: its weight's without the last part, as PyTorch names them, else the node's.
pub(super) fn named_after(node: &Node<'_>, weight: usize) -> String {
    let weight = node.input(weight).unwrap_or_default();
    match weight {
        "weight" | "slope" => String::new(),
        _ => match weight.strip_suffix(".weight").or(weight.strip_suffix(".slope")) {
            Some(stem) => stem.to_owned(),
            None => of_node(node),
        },
    }
}

/// `/features/0/Conv` is `features.0.Conv`.
pub(super) fn of_node(node: &Node<'_>) -> String {
    let name = node.name.trim_matches('/').replace('/', ".");
    if name.is_empty() { node.op.to_owned() } else { name }
}
