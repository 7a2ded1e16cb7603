//! Ops that take a part of their operand and do nothing else: backward adds the cotangent in its place.

use crate::backward::Pass;
use crate::op::{Node, record};
use crate::ops::Place;
use crate::{Float, Op, Tensor, Var};
use std::panic::Location;

/// As [`Op::apply`] of an op that takes a part. Many parts of one value then cost no more than the value, where each rule's answer would be a tensor
/// of the whole's size.
#[track_caller]
pub(crate) fn take_part<T: Float>(op: impl Op<T>, place: Place, x: Var<T>) -> Var<T> {
    record(op, [x], Location::caller(), |node| Box::new(InPlace { node, place }))
}

struct InPlace<N> {
    node: N,
    place: Place,
}

impl<T: Float, N: Node<T>> Node<T> for InPlace<N> {
    fn name(&self) -> &'static str {
        self.node.name()
    }
    fn operands(&self) -> &[u32] {
        self.node.operands()
    }
    fn pull(&mut self, pass: &mut Pass<'_, T>, dy: Tensor<T>, dy_id: u32, consume: bool) {
        match consume {
            true => pass.add_in_place(self.node.operands()[0], &self.place, dy, self.node.name()),
            false => self.node.pull(pass, dy, dy_id, consume),
        }
    }
    fn kept(&self) -> Vec<Tensor<T>> {
        self.node.kept()
    }
}
