//! Nodes of recurrent layers: `RNN`, `LSTM`, `GRU`.

use super::{Attribute, Graph, Layout, Value};
use crate::Result;
use crate::module::Path;
use tape::{Float, Tensor};

/// Recurrent layers, each on the results of the one before.
pub(crate) struct RecurrentNodes<T: Float> {
    pub(crate) op: &'static str,
    /// Beside the numbers of units and directions.
    pub(crate) attributes: Vec<(&'static str, Attribute)>,
    pub(crate) inputs: usize,
    pub(crate) hidden: usize,
    pub(crate) directions: usize,
    pub(crate) layers: Vec<RecurrentWeights<T>>,
}

/// The weights of one layer as ONNX has them, directions one after the other.
pub(crate) struct RecurrentWeights<T: Float> {
    /// `[directions, gates·H, in]`.
    pub(crate) of_inputs: Tensor<T>,
    /// `[directions, gates·H, H]`.
    pub(crate) of_states: Tensor<T>,
    /// Of inputs, then of states, `[directions, 2·gates·H]`.
    pub(crate) biases: Option<Tensor<T>>,
}

impl Graph {
    /// The results of recurrent layers over x `[N, T, in]`. Their nodes have the steps first: `onnxruntime` knows no other layout.
    pub(crate) fn recurrent<T: Float>(&mut self, at: &mut Path, x: Value, nodes: &RecurrentNodes<T>) -> Result<Value> {
        let steps = match x.sizes[..] {
            [steps, inputs] if inputs == nodes.inputs => steps,
            _ => {
                let problem = format!("an example of shape {:?}; it is [T, {}]", x.sizes, nodes.inputs);
                return self.refuse(at, &problem);
            }
        };
        let perm = |order: &[usize]| vec![("perm", Attribute::ints(order.iter().copied()))];
        let x = self.features_last(at, x);
        let mut name = self.node(at, "Transpose", &[&x.name], perm(&[1, 0, 2]));
        let features = nodes.directions * nodes.hidden;
        for (number, weights) in nodes.layers.iter().enumerate() {
            let is_last = number + 1 == nodes.layers.len();
            name = at.enter(&format!("l{number}"), |at| {
                let name = self.recurrent_node(at, &name, nodes, weights);
                // Y is [T, directions, N, H].
                let (order, sizes) = match is_last {
                    true => ([2, 0, 1, 3], [0, steps as i64, features as i64]),
                    false => ([0, 2, 1, 3], [0, 0, features as i64]),
                };
                let name = self.node(at, "Transpose", &[&name], perm(&order));
                let sizes = self.ints(at, "sizes", sizes);
                self.node(at, "Reshape", &[&name, &sizes], Vec::new())
            });
        }
        Ok(Value { name, sizes: vec![steps, features], layout: Layout::FeaturesLast })
    }

    fn recurrent_node<T: Float>(
        &mut self,
        at: &Path,
        x: &str,
        nodes: &RecurrentNodes<T>,
        weights: &RecurrentWeights<T>,
    ) -> String {
        let of_inputs = self.constant(at, "weight", &weights.of_inputs);
        let of_states = self.constant(at, "recurrence", &weights.of_states);
        let biases = weights.biases.as_ref().map(|biases| self.constant(at, "bias", biases));
        let mut inputs = vec![x, &of_inputs, &of_states];
        inputs.extend(biases.as_deref());
        let direction = if nodes.directions == 2 { "bidirectional" } else { "forward" };
        let mut attributes = nodes.attributes.clone();
        attributes.push(("direction", Attribute::Text(direction)));
        attributes.push(("hidden_size", Attribute::Int(nodes.hidden as i64)));
        self.node(at, nodes.op, &inputs, attributes)
    }
}
