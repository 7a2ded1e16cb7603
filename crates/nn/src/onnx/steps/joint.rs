//! Operators on several values.

use super::{Attribute, Graph, Layout, Path, Value};
use crate::Result;
use tape::{Float, Tensor, Var};

/// The four operations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::onnx) enum Arith {
    Add,
    Sub,
    Mul,
    Div,
}

impl Arith {
    pub(in crate::onnx) fn named(op: &str) -> Option<Arith> {
        [Arith::Add, Arith::Sub, Arith::Mul, Arith::Div].into_iter().find(|arith| arith.name() == op)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Arith::Add => "Add",
            Arith::Sub => "Sub",
            Arith::Mul => "Mul",
            Arith::Div => "Div",
        }
    }

    #[track_caller]
    pub(super) fn apply<T: Float>(self, a: Var<T>, b: Var<T>) -> Var<T> {
        match self {
            Arith::Add => a + b,
            Arith::Sub => a - b,
            Arith::Mul => a * b,
            Arith::Div => a / b,
        }
    }
}

/// What becomes of several values, all with their axes in one order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::onnx) enum Joint {
    Arith(Arith),
    /// One after the other along an axis.
    Concat(usize),
    /// The products of the matrices of the last two axes.
    MatMul,
    /// Of three: the second where the first is above a number, else the third.
    Above(f32),
}

impl Joint {
    #[track_caller]
    pub(in crate::onnx) fn apply<T: Float>(self, mut inputs: Vec<Var<T>>) -> Var<T> {
        match self {
            Joint::Arith(arith) => {
                let [a, b] = taken(&mut inputs);
                arith.apply(a, b)
            }
            Joint::Concat(axis) => Var::concat(&inputs, axis as isize),
            Joint::MatMul => {
                let [a, b] = taken(&mut inputs);
                a.matmul(b)
            }
            Joint::Above(threshold) => {
                let [x, a, b] = taken(&mut inputs);
                a.where_else(&x.value().gt(f64::from(threshold)), b)
            }
        }
    }

    pub(in crate::onnx) fn onnx(self, at: &Path, graph: &mut Graph, inputs: Vec<Value>) -> Result<Value> {
        let layout = match self {
            Joint::MatMul => Layout::FeaturesLast,
            _ => inputs.first().map_or(Layout::FeaturesLast, Value::layout),
        };
        let inputs: Vec<Value> = inputs.into_iter().map(|x| graph.turned(at, x, layout)).collect();
        let mut names: Vec<&str> = inputs.iter().map(Value::name).collect();
        let (name, sizes) = match self {
            Joint::Arith(arith) => (graph.node(at, arith.name(), &names, Vec::new()), widest(&inputs[0], &inputs[1])),
            Joint::Concat(axis) => {
                let mut sizes = inputs[0].sizes.clone();
                sizes[axis - 1] = inputs.iter().map(|x| x.sizes[axis - 1]).sum();
                let place = Attribute::Int(inputs[0].axis_in_model(axis) as i64);
                (graph.node(at, "Concat", &names, vec![("axis", place)]), sizes)
            }
            Joint::MatMul => {
                let mut sizes = inputs[0].sizes.clone();
                sizes.pop();
                sizes.extend(inputs[1].sizes.last());
                (graph.node(at, "MatMul", &names, Vec::new()), sizes)
            }
            Joint::Above(threshold) => {
                let threshold = graph.constant(at, "threshold", &Tensor::scalar(threshold));
                let above = graph.node(at, "Greater", &[names[0], &threshold], Vec::new());
                names[0] = &above;
                let name = graph.node(at, "Where", &names, Vec::new());
                (name, widest(&inputs[1], &inputs[2]))
            }
        };
        Ok(Value { name, sizes, layout })
    }
}

/// So many values; whoever made the step gave it as many.
fn taken<T: Float, const N: usize>(inputs: &mut Vec<Var<T>>) -> [Var<T>; N] {
    let given: Result<[Var<T>; N], _> = std::mem::take(inputs).try_into();
    given.unwrap_or_else(|inputs: Vec<Var<T>>| panic!("{} values for {N}", inputs.len()))
}

/// The sizes of both, broadcast to each other.
fn widest(a: &Value, b: &Value) -> Vec<usize> {
    a.sizes.iter().zip(&b.sizes).map(|(&a, &b)| if a == 1 { b } else { a }).collect()
}
