//! What imported models consist of beside the layers of [`crate::modules`]: operators on one value, as layers without parameters.
//!
//! Axes are those of values here, features last where the file has them behind the batch axis.

mod constant;
mod joint;
mod places;

pub(super) use constant::{Constant, WithConstant};
pub(super) use joint::{Arith, Joint};
pub(super) use places::{PadAxes, Range, SliceAxes};

use super::Layout;
use super::graph::{Attribute, Graph, Value};
use crate::module::{Module, Path, Visitor, VisitorMut};
use crate::{Layer, Result};
use tape::{Float, Var, keep};

/// More axes than this no imported value has.
pub(super) const MOST_AXES: usize = 6;

/// A module without parameters.
macro_rules! bare {
    ($($layer:ty)+) => {$(
        impl<T: tape::Float> crate::Module<T> for $layer {
            fn visit<'a>(&'a self, _: &mut crate::module::Path, _: &mut dyn crate::module::Visitor<'a, T>) {}
            fn visit_mut<'a>(&'a mut self, _: &mut crate::module::Path, _: &mut dyn crate::module::VisitorMut<'a, T>) {}
        }
    )+};
}
use bare;

bare!(Arrange ReshapeTo SoftmaxOver MeanOver);

/// Axes in another order; the first one stays.
#[derive(Clone, Debug)]
pub(super) struct Arrange(pub(super) Vec<usize>);

impl<T: Float> Layer<T> for Arrange {
    #[track_caller]
    fn forward(&self, x: Var<T>) -> Var<T> {
        assert_eq!(x.rank(), self.0.len(), "onnx: a value of shape {:?} for {} axes", x.shape(), self.0.len());
        let order = |axis: usize| self.0[axis] as isize;
        match self.0.len() {
            3 => x.permute::<3>(std::array::from_fn(order)),
            4 => x.permute::<4>(std::array::from_fn(order)),
            5 => x.permute::<5>(std::array::from_fn(order)),
            MOST_AXES => x.permute::<MOST_AXES>(std::array::from_fn(order)),
            _ => x,
        }
    }

    fn onnx(&self, at: &mut Path, graph: &mut Graph, x: Value) -> Result<Value> {
        let sizes = self.0[1..].iter().map(|&axis| x.sizes[axis - 1]).collect();
        let last = self.0.len() - 1;
        let (to_first, to_last) = (std::iter::once(last).chain(1..last), (2..=last).chain([1]));
        // What lies in the model is in this order already where the layout is the order.
        let (layout, order) = match x.layout {
            Layout::FeaturesFirst => (Layout::FeaturesLast, to_first.collect::<Vec<usize>>()),
            Layout::FeaturesLast => (Layout::FeaturesFirst, to_last.collect()),
        };
        if self.0[1..] == order[..] {
            return Ok(Value { name: x.name, sizes, layout });
        }
        let x = graph.features_last(at, x);
        let order = vec![("perm", Attribute::ints(self.0.iter().copied()))];
        let name = graph.node(at, "Transpose", &[&x.name], order);
        Ok(Value { name, sizes, layout: Layout::FeaturesLast })
    }
}

/// One size of a new shape, behind the batch axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Size {
    Is(usize),
    /// That of an axis.
    Of(usize),
    /// What is left over.
    Rest,
}

/// The same numbers in another shape; the batch axis stays.
#[derive(Clone, Debug)]
pub(super) struct ReshapeTo(pub(super) Vec<Size>);

impl ReshapeTo {
    /// The shape for an input's.
    #[track_caller]
    fn sizes(&self, x: &[usize]) -> Vec<usize> {
        let known = |size: &Size| match *size {
            Size::Is(size) => size,
            Size::Of(axis) => x[axis],
            Size::Rest => 1,
        };
        let (all, taken): (usize, usize) = (x[1..].iter().product(), self.0.iter().map(known).product());
        let rest = all.checked_div(taken).unwrap_or(0);
        self.0.iter().map(|size| if *size == Size::Rest { rest } else { known(size) }).collect()
    }
}

impl<T: Float> Layer<T> for ReshapeTo {
    #[track_caller]
    fn forward(&self, x: Var<T>) -> Var<T> {
        let sizes = self.sizes(x.shape());
        let batch = x.shape()[0];
        x.reshape(&[&[batch], &sizes[..]].concat()[..])
    }

    fn onnx(&self, at: &mut Path, graph: &mut Graph, x: Value) -> Result<Value> {
        let sizes = self.sizes(&[&[1], &x.sizes[..]].concat());
        let x = graph.features_last(at, x);
        let shape = graph.ints(at, "shape", [0].into_iter().chain(sizes.iter().map(|&size| size as i64)));
        let name = graph.node(at, "Reshape", &[&x.name, &shape], Vec::new());
        Ok(Value { name, sizes, layout: Layout::FeaturesLast })
    }
}

/// An operator on each number by itself that has no settings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plain<T: Float> {
    pub(super) op: &'static str,
    pub(super) apply: fn(Var<T>) -> Var<T>,
}

impl<T: Float> Module<T> for Plain<T> {
    fn visit<'a>(&'a self, _: &mut Path, _: &mut dyn Visitor<'a, T>) {}
    fn visit_mut<'a>(&'a mut self, _: &mut Path, _: &mut dyn VisitorMut<'a, T>) {}
}

impl<T: Float> Layer<T> for Plain<T> {
    fn forward(&self, x: Var<T>) -> Var<T> {
        (self.apply)(x)
    }

    fn onnx(&self, at: &mut Path, graph: &mut Graph, x: Value) -> Result<Value> {
        Ok(graph.map(at, self.op, &x, Vec::new()))
    }
}

/// Softmax, or its logarithm, along an axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct SoftmaxOver {
    pub(super) axis: usize,
    pub(super) log: bool,
}

impl<T: Float> Layer<T> for SoftmaxOver {
    #[track_caller]
    fn forward(&self, x: Var<T>) -> Var<T> {
        let axis = self.axis as isize;
        if self.log { x.log_softmax(axis) } else { x.softmax(axis) }
    }

    fn onnx(&self, at: &mut Path, graph: &mut Graph, x: Value) -> Result<Value> {
        let op = if self.log { "LogSoftmax" } else { "Softmax" };
        let axis = x.axis_in_model(self.axis) as i64;
        Ok(graph.map(at, op, &x, vec![("axis", Attribute::Int(axis))]))
    }
}

/// Means over axes, which stay with size 1 or go.
#[derive(Clone, Debug)]
pub(super) struct MeanOver {
    pub(super) axes: Vec<usize>,
    pub(super) keep: bool,
}

impl<T: Float> Layer<T> for MeanOver {
    #[track_caller]
    fn forward(&self, x: Var<T>) -> Var<T> {
        let axes: Vec<isize> = self.axes.iter().map(|&axis| axis as isize).collect();
        if self.keep { x.mean_axes(keep(&axes[..])) } else { x.mean_axes(&axes[..]) }
    }

    fn onnx(&self, at: &mut Path, graph: &mut Graph, x: Value) -> Result<Value> {
        // With axes gone, the others keep their order only as they are here.
        let x = if self.keep { x } else { graph.features_last(at, x) };
        let axes = graph.ints(at, "axes", self.axes.iter().map(|&axis| x.axis_in_model(axis) as i64));
        let keeps = vec![("keepdims", Attribute::Int(self.keep.into()))];
        let name = graph.node(at, "ReduceMean", &[&x.name, &axes], keeps);
        let sizes = x.sizes.iter().zip(1..).filter_map(|(&size, axis)| match self.axes.contains(&axis) {
            true => self.keep.then_some(1),
            false => Some(size),
        });
        Ok(Value { name, sizes: sizes.collect(), layout: x.layout })
    }
}

impl Value {
    /// Where an axis, the batch's being 0, is in the model.
    pub(super) fn axis_in_model(&self, axis: usize) -> usize {
        match axis {
            0 => 0,
            _ if self.layout == Layout::FeaturesLast || self.rank() < 3 => axis,
            _ if axis == self.rank() - 1 => 1,
            _ => axis + 1,
        }
    }
}
