//! Arithmetic with a tensor of the model.

use super::{Arith, Graph, Layout, Module, Path, Value, Visitor, VisitorMut};
use crate::{Layer, Result};
use tape::{Float, Group, Param, Tensor, Var};

/// What a value is combined with.
#[derive(Clone, Debug)]
pub(in crate::onnx) enum Constant<T: Float> {
    /// A tensor that the model is saved with and trained by.
    Learned(Param<T>),
    /// A setting.
    Fixed(Tensor<T>),
}

impl<T: Float> Constant<T> {
    pub(in crate::onnx) fn new(tensor: Tensor<T>, is_learned: bool) -> Constant<T> {
        if is_learned { Constant::Learned(Param::new(tensor, Group::Bias)) } else { Constant::Fixed(tensor) }
    }

    fn value(&self) -> &Tensor<T> {
        match self {
            Constant::Learned(param) => param.value(),
            Constant::Fixed(tensor) => tensor,
        }
    }
}

/// x + c, x − c, c − x and so on, for c that broadcasts to x, or x to it.
#[derive(Clone, Debug)]
pub(in crate::onnx) struct WithConstant<T: Float> {
    pub(in crate::onnx) op: Arith,
    pub(in crate::onnx) constant: Constant<T>,
    /// Whether the constant is on the left.
    pub(in crate::onnx) is_left: bool,
}

impl<T: Float> Module<T> for WithConstant<T> {
    fn visit<'a>(&'a self, path: &mut Path, visitor: &mut dyn Visitor<'a, T>) {
        if let Constant::Learned(param) = &self.constant {
            visitor.param(path.as_str(), param);
        }
    }
    fn visit_mut<'a>(&'a mut self, path: &mut Path, visitor: &mut dyn VisitorMut<'a, T>) {
        if let Constant::Learned(param) = &mut self.constant {
            visitor.param(path.as_str(), param);
        }
    }
}

impl<T: Float> Layer<T> for WithConstant<T> {
    #[track_caller]
    fn forward(&self, x: Var<T>) -> Var<T> {
        let constant = match &self.constant {
            Constant::Learned(param) => x.tape().param(param),
            Constant::Fixed(tensor) => x.tape().input(tensor.clone()),
        };
        let (a, b) = if self.is_left { (constant, x) } else { (x, constant) };
        self.op.apply(a, b)
    }

    fn onnx(&self, at: &mut Path, graph: &mut Graph, x: Value) -> Result<Value> {
        let tensor = self.constant.value();
        let places = x.rank() - 1;
        // Sizes for every axis of an example.
        let mut sizes = tensor.shape().to_vec();
        if sizes.len() > places {
            sizes.remove(0);
        }
        sizes.splice(0..0, vec![1; places - sizes.len()]);
        let is_turned = x.layout == Layout::FeaturesFirst && x.rank() > 2 && tensor.len() > 1;
        let held = match is_turned {
            true => super::super::layers::turned_slopes(tensor, &sizes),
            false => tensor.clone(),
        };
        let name = match self.constant {
            Constant::Fixed(_) if tensor.rank() > 0 => graph.fixed(at, "value", &held),
            _ => graph.constant(at, "value", &held),
        };
        let inputs = if self.is_left { [name.as_str(), &x.name] } else { [x.name.as_str(), &name] };
        let output = graph.node(at, self.op.name(), &inputs, Vec::new());
        let sizes = x.sizes.iter().zip(&sizes).map(|(&a, &b)| if a == 1 { b } else { a }).collect();
        Ok(Value { name: output, sizes, layout: x.layout })
    }
}
