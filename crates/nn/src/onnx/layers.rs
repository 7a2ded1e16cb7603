//! Nodes of linear layers, normalisations and activations.

use super::{Attribute, Graph, Layout, Value};
use crate::Result;
use crate::module::Path;
use tape::{Float, Rectifier, Tensor};

/// Of a `Softplus`: from here on ln(1 + eˣ) is x, in f32.
const STRAIGHT: f64 = 20.0;

impl Graph {
    pub(crate) fn linear<T: Float>(
        &mut self,
        at: &Path,
        x: Value,
        weight: &Tensor<T>,
        bias: Option<&Tensor<T>>,
    ) -> Result<Value> {
        let (inputs, outputs) = (weight.shape()[0], weight.shape()[1]);
        if x.sizes.last() != Some(&inputs) {
            let problem = format!("an example of shape {:?} does not end in {inputs} features", x.sizes);
            return self.refuse(at, &problem);
        }
        let mut x = self.features_last(at, x);
        let weight = self.constant(at, "weight", weight);
        let bias = bias.map(|bias| self.constant(at, "bias", bias));
        if x.rank() == 2 {
            let mut names = vec![x.name.as_str(), &weight];
            names.extend(bias.as_deref());
            x.name = self.node(at, "Gemm", &names, Vec::new());
        } else {
            x.name = self.node(at, "MatMul", &[&x.name, &weight], Vec::new());
            if let Some(bias) = bias {
                x.name = self.node(at, "Add", &[&x.name, &bias], Vec::new());
            }
        }
        x.sizes.pop();
        x.sizes.push(outputs);
        Ok(x)
    }

    pub(crate) fn rectifier<T: Float>(&mut self, at: &Path, x: Value, rectifier: &Rectifier<T>) -> Result<Value> {
        match rectifier {
            Rectifier::Relu => Ok(self.map(at, "Relu", &x, Vec::new())),
            Rectifier::LeakyRelu(slope) => Ok(self.leaky(at, x, *slope)),
            Rectifier::PRelu(alpha) => self.prelu(at, x, alpha.value()),
        }
    }

    pub(crate) fn leaky(&mut self, at: &Path, x: Value, slope: f64) -> Value {
        self.with_alpha(at, "LeakyRelu", x, slope)
    }

    pub(crate) fn with_alpha(&mut self, at: &Path, op: &'static str, x: Value, alpha: f64) -> Value {
        self.map(at, op, &x, vec![("alpha", Attribute::Float(alpha as f32))])
    }

    fn prelu<T: Float>(&mut self, at: &Path, x: Value, alpha: &Tensor<T>) -> Result<Value> {
        let mut sizes = alpha.shape().to_vec();
        // A slope may have the batch axis, of size 1.
        if sizes.len() == x.rank() && sizes.first() == Some(&1) && sizes.len() > 1 {
            sizes.remove(0);
        }
        if sizes.len() >= x.rank() && alpha.len() > 1 {
            let problem = format!("slopes of shape {:?} go over the batch axis, which is dynamic", alpha.shape());
            return self.refuse(at, &problem);
        }
        if alpha.len() == 1 {
            sizes = vec![1];
        } else if x.layout == Layout::FeaturesFirst && x.rank() > 2 {
            sizes.splice(0..0, vec![1; x.rank() - 1 - sizes.len()]);
            let turned = turned_slopes(alpha, &sizes);
            let name = self.constant(at, "slope", &turned);
            let name = self.node(at, "PRelu", &[&x.name, &name], Vec::new());
            return Ok(x.named(name));
        }
        let slope = self.constant(at, "slope", &alpha.reshape(&sizes[..]));
        let name = self.node(at, "PRelu", &[&x.name, &slope], Vec::new());
        Ok(x.named(name))
    }

    /// γ, β, running mean and variance, in this order.
    pub(crate) fn batch_norm<T: Float>(
        &mut self,
        at: &Path,
        x: Value,
        parts: [&Tensor<T>; 4],
        epsilon: f64,
    ) -> Result<Value> {
        if x.sizes.last() != Some(&parts[0].len()) {
            let problem = format!("{} features for an example of shape {:?}", parts[0].len(), x.sizes);
            return self.refuse(at, &problem);
        }
        let x = self.features_first(at, x);
        let names = ["weight", "bias", "running_mean", "running_var"];
        let [weight, bias, mean, variance] = std::array::from_fn(|i| self.constant(at, names[i], parts[i]));
        let inputs = [x.name.as_str(), &weight, &bias, &mean, &variance];
        let name = self.node(at, "BatchNormalization", &inputs, vec![("epsilon", Attribute::Float(epsilon as f32))]);
        Ok(x.named(name))
    }

    pub(crate) fn layer_norm<T: Float>(
        &mut self,
        at: &Path,
        x: Value,
        (weight, bias): (&Tensor<T>, Option<&Tensor<T>>),
        epsilon: f64,
    ) -> Result<Value> {
        let x = self.features_last(at, x);
        let weight = self.constant(at, "weight", weight);
        let bias = bias.map(|bias| self.constant(at, "bias", bias));
        let mut inputs = vec![x.name.as_str(), &weight];
        inputs.extend(bias.as_deref());
        let attributes = vec![("axis", Attribute::Int(-1)), ("epsilon", Attribute::Float(epsilon as f32))];
        let name = self.node(at, "LayerNormalization", &inputs, attributes);
        Ok(x.named(name))
    }

    pub(crate) fn rms_norm<T: Float>(
        &mut self,
        at: &Path,
        x: Value,
        weight: &Tensor<T>,
        epsilon: f64,
    ) -> Result<Value> {
        let x = self.features_last(at, x);
        let (weight, epsilon) = (self.constant(at, "weight", weight), self.number(at, "epsilon", epsilon));
        let axes = self.ints(at, "axes", [-1]);
        let squares = self.node(at, "Mul", &[&x.name, &x.name], Vec::new());
        let mean = self.node(at, "ReduceMean", &[&squares, &axes], vec![("keepdims", Attribute::Int(1))]);
        let sum = self.node(at, "Add", &[&mean, &epsilon], Vec::new());
        let root = self.node(at, "Sqrt", &[&sum], Vec::new());
        let normal = self.node(at, "Div", &[&x.name, &root], Vec::new());
        let name = self.node(at, "Mul", &[&normal, &weight], Vec::new());
        Ok(x.named(name))
    }

    /// Group norm by instance norm of groups as channels: `GroupNormalization` means something else before operator set 21.
    pub(crate) fn group_norm<T: Float>(
        &mut self,
        at: &Path,
        x: Value,
        groups: usize,
        (weight, bias): (&Tensor<T>, &Tensor<T>),
        epsilon: f64,
    ) -> Result<Value> {
        let x = self.features_first(at, x);
        let apart = self.ints(at, "groups", [0, groups as i64, -1]);
        let together = self.ints(at, "sizes", [0].into_iter().chain(x.axes().into_iter().map(|size| size as i64)));
        let [ones, zeros] = [1.0, 0.0].map(|number| Tensor::full([groups], number));
        let (ones, zeros) = (self.constant(at, "ones", &ones), self.constant(at, "zeros", &zeros));
        let name = self.node(at, "Reshape", &[&x.name, &apart], Vec::new());
        let attributes = vec![("epsilon", Attribute::Float(epsilon as f32))];
        let name = self.node(at, "InstanceNormalization", &[&name, &ones, &zeros], attributes);
        let name = self.node(at, "Reshape", &[&name, &together], Vec::new());
        let column: Vec<usize> = [weight.len()].into_iter().chain(vec![1; x.rank() - 2]).collect();
        let weight = self.constant(at, "weight", &weight.reshape(&column[..]));
        let bias = self.constant(at, "bias", &bias.reshape(&column[..]));
        let name = self.node(at, "Mul", &[&name, &weight], Vec::new());
        let name = self.node(at, "Add", &[&name, &bias], Vec::new());
        Ok(x.named(name))
    }

    /// relu(x) beside relu(−x).
    pub(crate) fn concatenated_relu(&mut self, at: &Path, mut x: Value) -> Value {
        let negative = self.node(at, "Neg", &[&x.name], Vec::new());
        let [above, below] = [x.name.clone(), negative].map(|name| self.node(at, "Relu", &[&name], Vec::new()));
        let axis = x.feature_axis();
        x.name = self.node(at, "Concat", &[&above, &below], vec![("axis", Attribute::Int(axis))]);
        if let Some(features) = x.sizes.last_mut() {
            *features *= 2;
        }
        x
    }

    /// x·σ(x).
    pub(crate) fn silu(&mut self, at: &Path, x: Value) -> Value {
        let gate = self.node(at, "Sigmoid", &[&x.name], Vec::new());
        let name = self.node(at, "Mul", &[&x.name, &gate], Vec::new());
        x.named(name)
    }

    pub(crate) fn hardsigmoid(&mut self, at: &Path, x: Value) -> Value {
        let attributes = vec![("alpha", Attribute::Float(1.0 / 6.0)), ("beta", Attribute::Float(0.5))];
        self.map(at, "HardSigmoid", &x, attributes)
    }

    pub(crate) fn softplus(&mut self, at: &Path, x: Value, beta: f64, threshold: f64) -> Value {
        let factor = self.number(at, "beta", beta);
        let scaled = match beta == 1.0 {
            true => x.name.clone(),
            false => self.node(at, "Mul", &[&x.name, &factor], Vec::new()),
        };
        let mut name = self.node(at, "Softplus", &[&scaled], Vec::new());
        if beta != 1.0 {
            name = self.node(at, "Div", &[&name, &factor], Vec::new());
        }
        if threshold < STRAIGHT {
            let threshold = self.number(at, "threshold", threshold);
            let beyond = self.node(at, "Greater", &[&scaled, &threshold], Vec::new());
            name = self.node(at, "Where", &[&beyond, &x.name, &name], Vec::new());
        }
        x.named(name)
    }

    /// Between two bounds, which may be infinite.
    pub(crate) fn clip(&mut self, at: &Path, x: Value, low: f64, high: f64) -> Value {
        let mut bound = |name, bound: f64| if bound.is_finite() { self.number(at, name, bound) } else { String::new() };
        let (low, high) = (bound("low", low), bound("high", high));
        let mut inputs = vec![x.name.as_str(), &low, &high];
        while inputs.last() == Some(&"") {
            inputs.pop();
        }
        let name = self.node(at, "Clip", &inputs, Vec::new());
        x.named(name)
    }

    /// All axes but the first as one, in the order of features last.
    pub(crate) fn flatten(&mut self, at: &Path, x: Value) -> Value {
        let features = x.sizes.iter().product();
        // With one place for each feature either order is the other.
        let places: usize = x.sizes.iter().rev().skip(1).product();
        let x = if places == 1 { x } else { self.features_last(at, x) };
        let name = self.node(at, "Flatten", &[&x.name], vec![("axis", Attribute::Int(1))]);
        Value { name, sizes: vec![features], layout: x.layout }
    }

    /// x + f(x), of shapes that agree.
    pub(crate) fn sum(&mut self, at: &Path, x: Value, y: Value) -> Result<Value> {
        if x.sizes != y.sizes {
            return self.refuse(at, &format!("{:?} and {:?} are added; shapes must agree", x.sizes, y.sizes));
        }
        let x = self.turned(at, x, y.layout);
        let name = self.node(at, "Add", &[&y.name, &x.name], Vec::new());
        Ok(y.named(name))
    }

    /// The mean over all axes between the first and the features.
    pub(crate) fn mean_of_places(&mut self, at: &Path, x: Value) -> Value {
        if x.rank() < 3 {
            return x;
        }
        let first = if x.layout == Layout::FeaturesFirst { 2 } else { 1 };
        let axes = self.ints(at, "axes", first..first + x.rank() as i64 - 2);
        let name = self.node(at, "ReduceMean", &[&x.name, &axes], vec![("keepdims", Attribute::Int(0))]);
        Value { name, sizes: vec![x.features()], layout: x.layout }
    }

    pub(super) fn number(&mut self, at: &Path, name: &str, number: f64) -> String {
        self.constant(at, name, &Tensor::scalar(number))
    }
}

/// Slopes for axes of these sizes, features last, with the features in front.
pub(super) fn turned_slopes<T: Float>(alpha: &Tensor<T>, sizes: &[usize]) -> Tensor<T> {
    let features = sizes[sizes.len() - 1];
    let flat = alpha.reshape([alpha.len() / features.max(1), features]);
    let mut turned = sizes.to_vec();
    turned.rotate_right(1);
    flat.transpose().contiguous().reshape(&turned[..])
}

#[cfg(test)]
mod tests {
    use crate::onnx::graph::Graph;
    use crate::onnx::proto::{Node, Numbers};
    use crate::onnx::{Attribute, Input, Layout};
    use crate::{Activation, Layer, LeakyRelu, NormAct, PRelu, Relu, Sequential};
    use tape::Tensor;

    /// The graph of a network on examples of these sizes.
    fn written(net: &impl Layer, sizes: &[usize]) -> Graph {
        let mut graph = Graph::default();
        let x = graph.input(&Input::new("input", sizes), Layout::FeaturesFirst).unwrap();
        net.onnx(&mut crate::module::Path::default(), &mut graph, x).unwrap();
        graph
    }

    /// PyTorch 70570: a slope of shape [1] for examples that are one number was exported with more axes than they have.
    #[test]
    fn peer_bug_r47() {
        let deep = PRelu::with_alpha(Tensor::from([[0.25]])).unwrap();
        for act in [PRelu::shared(), deep] {
            let graph = written(&act, &[]);
            let [slope] = &graph.constants[..] else { panic!("one constant") };
            assert_eq!(slope.sizes, [1]);
            assert!(matches!(&slope.numbers, Numbers::Floats(numbers) if numbers == &[0.25]));
            assert_eq!((graph.nodes[0].op, &graph.nodes[0].inputs[1]), ("PRelu", &slope.name));
        }
    }

    /// keras-onnx 584: the slope below 0 was lost on the way, and the node was a `Relu`.
    #[test]
    fn peer_bug_r49() {
        let leaky = |graph: &Graph, slope: f32| {
            let is_leaky =
                |node: &&Node| node.op == "LeakyRelu" && node.attributes == [("alpha", Attribute::Float(slope))];
            assert_eq!(graph.nodes.iter().filter(is_leaky).count(), 1);
            assert!(graph.nodes.iter().all(|node| node.op != "Relu"));
        };
        for slope in [0.1f32, -0.3, 0.0, 1e-30] {
            let exact = f64::from(slope);
            leaky(&written(&LeakyRelu::new(exact), &[3]), slope);
            leaky(&written(&Sequential::new().then(LeakyRelu::new(exact)), &[4, 4, 3]), slope);
            leaky(&written(&Activation::LeakyRelu(exact).layer(3), &[3]), slope);
            leaky(&written(&NormAct::new(3, Activation::LeakyRelu(exact)), &[4, 4, 3]), slope);
        }
        assert_eq!(written(&Relu, &[3]).nodes[0].op, "Relu");
    }
}
