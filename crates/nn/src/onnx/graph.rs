//! The graph in the making: nodes, constants, and values that know where their features are.

use super::proto::{Constant, Node, Numbers, Port, encode};
use super::{Input, Layout};
use crate::error::setting;
use crate::module::Path;
use crate::{Layer, Result};
use tape::{Float, Shape, Tape, Tensor};

const OUTPUT: &str = "output";

/// A setting of a node.
#[derive(Clone, Debug, PartialEq)]
pub enum Attribute {
    /// A number.
    Float(f32),
    /// A whole number.
    Int(i64),
    /// A choice.
    Text(&'static str),
    /// A number for each axis.
    Ints(Vec<i64>),
    /// A setting of each of several parts.
    Floats(Vec<f32>),
    /// A choice for each of several parts.
    Texts(Vec<&'static str>),
}

impl Attribute {
    pub(super) fn ints(numbers: impl IntoIterator<Item = usize>) -> Attribute {
        Attribute::Ints(numbers.into_iter().map(|number| number as i64).collect())
    }
}

/// What flows between nodes: a name, the shape of one example, and where the features are.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    pub(super) name: String,
    pub(super) sizes: Vec<usize>,
    pub(super) layout: Layout,
}

impl Value {
    /// The name under which nodes read it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The shape of one example, features last whatever the layout.
    pub fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    /// Where the features are; of no consequence for `[N, F]`.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The number of features.
    pub(super) fn features(&self) -> usize {
        self.sizes.last().copied().unwrap_or(1)
    }

    /// Behind the batch axis, in the order in which the model has them.
    pub(super) fn axes(&self) -> Vec<usize> {
        ordered(&self.sizes, self.layout)
    }

    /// Another value of the same shape and layout.
    pub(super) fn named(&self, name: String) -> Value {
        Value { name, sizes: self.sizes.clone(), layout: self.layout }
    }

    /// How many axes there are with the batch's.
    pub(super) fn rank(&self) -> usize {
        self.sizes.len() + 1
    }

    /// Which axis has the features.
    pub(super) fn feature_axis(&self) -> i64 {
        if self.layout == Layout::FeaturesFirst { 1 } else { self.sizes.len() as i64 }
    }
}

/// Sizes of an example, which are features last, in a layout.
pub(super) fn ordered(sizes: &[usize], layout: Layout) -> Vec<usize> {
    let mut sizes = sizes.to_vec();
    if layout == Layout::FeaturesFirst && !sizes.is_empty() {
        sizes.rotate_right(1);
    }
    sizes
}

/// A model in the making: what [`Layer::onnx`] writes to.
#[derive(Default)]
pub struct Graph {
    pub(super) nodes: Vec<Node>,
    pub(super) constants: Vec<Constant>,
    inputs: Vec<Port>,
}

impl Graph {
    /// Takes one input more.
    pub(super) fn input(&mut self, input: &Input<'_>, layout: Layout) -> Result<Value> {
        Shape::new(input.sizes)?;
        let name = input.name.to_owned();
        if name.is_empty() || name == OUTPUT || self.takes(&name).is_some() {
            return setting(
                "onnx",
                format!("an input named {name:?}; names of inputs differ, and none is empty or {OUTPUT:?}"),
            );
        }
        let (sizes, is_whole) = (input.sizes.to_vec(), input.is_ids);
        // Indices have no features.
        let layout = if is_whole { Layout::FeaturesLast } else { layout };
        self.inputs.push(Port { name: name.clone(), sizes: ordered(&sizes, layout), is_whole });
        Ok(Value { name, sizes, layout })
    }

    /// The input of this name.
    fn takes(&self, name: &str) -> Option<&Port> {
        self.inputs.iter().find(|input| input.name == name)
    }

    /// Whether this is an input of indices, which only a [`crate::Embedding`] reads.
    pub(super) fn is_ids(&self, name: &str) -> bool {
        self.takes(name).is_some_and(|input| input.is_whole)
    }

    /// Adds a node and returns the name of its output. `inputs` are names of values and constants; an empty one is an input that is left out.
    pub fn node(
        &mut self,
        at: &Path,
        op: &'static str,
        inputs: &[&str],
        attributes: Vec<(&'static str, Attribute)>,
    ) -> String {
        let name = self.fresh(at, op);
        let inputs = inputs.iter().map(|&input| input.to_owned()).collect();
        self.nodes.push(Node { op, name: name.clone(), inputs, output: name.clone(), attributes });
        name
    }

    /// Adds a tensor, as it is, and returns the name under which nodes read it.
    pub fn constant<T: Float>(&mut self, at: &Path, name: &str, tensor: &Tensor<T>) -> String {
        let numbers = Numbers::Floats(tensor.iter().map(|number| number.to_f64() as f32).collect());
        self.hold(at, name, tensor.shape().to_vec(), numbers, false)
    }

    /// As [`Graph::constant`], of what is a setting and not learned: masks, waves.
    pub fn fixed<T: Float>(&mut self, at: &Path, name: &str, tensor: &Tensor<T>) -> String {
        let numbers = Numbers::Floats(tensor.iter().map(|number| number.to_f64() as f32).collect());
        self.hold(at, name, tensor.shape().to_vec(), numbers, true)
    }

    /// Adds whole numbers, of one axis: shapes, axes, pads.
    pub fn ints(&mut self, at: &Path, name: &str, numbers: impl IntoIterator<Item = i64>) -> String {
        let numbers: Vec<i64> = numbers.into_iter().collect();
        self.hold(at, name, vec![numbers.len()], Numbers::Ints(numbers), false)
    }

    fn hold(&mut self, at: &Path, name: &str, sizes: Vec<usize>, numbers: Numbers, is_fixed: bool) -> String {
        let name = self.fresh(at, name);
        self.constants.push(Constant { name: name.clone(), sizes, numbers, is_fixed });
        name
    }

    /// Adds a node that keeps shape and layout.
    pub fn map(&mut self, at: &Path, op: &'static str, x: &Value, attributes: Vec<(&'static str, Attribute)>) -> Value {
        let name = self.node(at, op, &[&x.name], attributes);
        x.named(name)
    }

    /// The value with features behind the batch axis, as convolutions take it.
    #[must_use]
    pub fn features_first(&mut self, at: &Path, x: Value) -> Value {
        self.turned(at, x, Layout::FeaturesFirst)
    }

    /// The value with features last.
    #[must_use]
    pub fn features_last(&mut self, at: &Path, x: Value) -> Value {
        self.turned(at, x, Layout::FeaturesLast)
    }

    pub(super) fn turned(&mut self, at: &Path, x: Value, layout: Layout) -> Value {
        if x.layout == layout || x.rank() < 3 {
            return Value { layout, ..x };
        }
        let last = x.rank() - 1;
        let order = match layout {
            Layout::FeaturesLast => Attribute::ints([0].into_iter().chain(2..=last).chain([1])),
            Layout::FeaturesFirst => Attribute::ints([0, last].into_iter().chain(1..last)),
        };
        let name = self.node(at, "Transpose", &[&x.name], vec![("perm", order)]);
        Value { name, layout, ..x }
    }

    /// The error for a layer without an ONNX form, ours or the user's.
    pub(crate) fn unknown(&self, at: &Path, layer: &str) -> Result<Value> {
        let ours = layer.strip_prefix(concat!(env!("CARGO_CRATE_NAME"), "::"));
        let way_out = match ours {
            Some(_) => {
                "wrap it in a layer of your own that writes its nodes in `Layer::onnx`, or export the parts around it"
            }
            None => "write `Layer::onnx` for it",
        };
        let layer = crate::modules::short(layer);
        self.refuse(at, &format!("{layer} has no ONNX form yet: {way_out}"))
    }

    pub(crate) fn refuse<V>(&self, at: &Path, problem: &str) -> Result<V> {
        setting("onnx", format!("`{}`: {problem}", at.as_str()))
    }

    /// The shape of one example behind a layer: asked of the layer itself.
    #[track_caller]
    pub(super) fn sizes_behind<T: Float>(layer: &(impl Layer<T> + ?Sized), x: &Value) -> Vec<usize> {
        let shape = [&[1], &x.sizes[..]].concat();
        let probe = Tape::<T>::inference().input(Tensor::zeros(&shape[..]).cast());
        layer.forward(probe).shape()[1..].to_vec()
    }

    /// A name that nothing has yet.
    fn fresh(&self, at: &Path, what: &str) -> String {
        let stem = if at.as_str().is_empty() { what.to_owned() } else { format!("{}.{what}", at.as_str()) };
        let taken = |name: &str| {
            name == OUTPUT
                || self.takes(name).is_some()
                || self.nodes.iter().any(|node| node.name == name)
                || self.constants.iter().any(|constant| constant.name == name)
        };
        let numbered = (2..).map(|number| format!("{stem}_{number}"));
        std::iter::once(stem.clone()).chain(numbered).find(|name| !taken(name)).expect("numbers do not end")
    }

    pub(super) fn into_bytes(mut self, y: Value, layout: Layout) -> Result<Vec<u8>> {
        let root = Path::default();
        let reads_ids = |node: &&Node| node.op != "Gather" && node.inputs.iter().any(|input| self.is_ids(input));
        if self.is_ids(&y.name) || self.nodes.iter().any(|node| reads_ids(&node)) {
            let node = self.nodes.iter().find(reads_ids).map_or("the output", |node| &node.name);
            return setting("onnx", format!("`{node}` reads ids where an `Embedding` belongs before it"));
        }
        let mut y = self.turned(&root, y, layout);
        if self.takes(&y.name).is_some() {
            y.name = self.node(&root, "Identity", &[&y.name], Vec::new());
        }
        let names = self.nodes.iter_mut().flat_map(|node| node.inputs.iter_mut().chain([&mut node.output]));
        names.filter(|name| **name == y.name).for_each(|name| *name = OUTPUT.to_owned());
        let output = Port { name: OUTPUT.to_owned(), sizes: y.axes(), is_whole: false };
        Ok(encode(&self.nodes, &self.constants, &self.inputs, &output))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is ours is named without its path, and has another way out.
    #[test]
    fn layers_without_a_form_are_named() {
        let problem = |layer| Graph::default().unknown(&Path::default(), layer).unwrap_err().to_string();
        let ours = problem("nn::modules::fancy::Fancy<f32>");
        assert!(ours.contains(": Fancy") && ours.contains("has no ONNX form yet: wrap it in a layer"), "{ours}");
        let mine = problem("mine::Fancy");
        assert!(mine.contains("Fancy has no ONNX form yet: write `Layer::onnx` for it"), "{mine}");
    }
}
