//! Recurrent weights as ONNX has them: directions stacked, gates in another order.

use super::{Cell, Cells, Recurrence};
use crate::onnx::{Attribute, Graph, RecurrentNodes, RecurrentWeights, Value};
use crate::{Result, module::Path};
use tape::{Float, Group, Param, Tensor};

impl<T: Float> Cells<T> {
    /// The nodes of operator `op`; gate i there is gate `gates[i]` here.
    pub(in crate::modules) fn onnx(
        &self,
        at: &mut Path,
        graph: &mut Graph,
        x: Value,
        (op, gates): (&'static str, &[usize]),
        attributes: Vec<(&'static str, Attribute)>,
    ) -> Result<Value> {
        if self.settings.projection > 0 {
            let problem = format!(
                "ONNX's {op} has no projection of results; train it without `Recurrence::projection`, with a `Linear` behind it where fewer features are wanted"
            );
            return graph.refuse(at, &problem);
        }
        let layers = self.cells.chunks(self.settings.directions()).map(|cells| self.weights(cells, gates)).collect();
        let (inputs, hidden, directions) = (self.inputs, self.hidden, self.settings.directions());
        graph.recurrent(at, x, &RecurrentNodes { op, attributes, inputs, hidden, directions, layers })
    }

    /// Those of the directions of one layer.
    fn weights(&self, cells: &[Cell<T>], gates: &[usize]) -> RecurrentWeights<T> {
        let stacked = |of: fn(&Cell<T>) -> &Param<T>| {
            let all = cells.iter().flat_map(|cell| self.turned(of(cell).value(), gates));
            let shape = [cells.len(), gates.len() * self.hidden, of(&cells[0]).value().shape()[0]];
            Tensor::new(&all.collect::<Vec<T>>(), shape)
        };
        let biases = |cell: &Cell<T>| {
            let all = [cell.bias_ih.as_ref()?, cell.bias_hh.as_ref()?];
            let all =
                all.into_iter().flat_map(|bias| self.turned(&bias.value().reshape([1, bias.value().len()]), gates));
            Some(all.collect::<Vec<T>>())
        };
        let biases: Option<Vec<Vec<T>>> = cells.iter().map(biases).collect();
        RecurrentWeights {
            of_inputs: stacked(|cell| &cell.weight_ih),
            of_states: stacked(|cell| &cell.weight_hh),
            biases: biases.map(|all| Tensor::new(&all.concat(), [cells.len(), 2 * gates.len() * self.hidden])),
        }
    }

    /// A matrix `[in, gates·H]` as `[gates·H, in]`, the gates in this order.
    fn turned(&self, matrix: &Tensor<T>, gates: &[usize]) -> Vec<T> {
        let gate = |&gate: &usize| matrix.narrow(1, gate * self.hidden, self.hidden).transpose().to_vec();
        gates.iter().flat_map(gate).collect()
    }

    /// One layer of weights as ONNX has them; gate i there is gate `gates[i]` here.
    pub(in crate::modules) fn of_weights(
        name: &'static str,
        weights: &RecurrentWeights<T>,
        gates: &[usize],
    ) -> Cells<T> {
        let RecurrentWeights { of_inputs, of_states, biases } = weights;
        let (directions, inputs, hidden) = (of_inputs.shape()[0], of_inputs.shape()[2], of_states.shape()[2]);
        // Rows of a gate stand where the gate is named.
        let place = |gate: usize| gates.iter().position(|&other| other == gate).unwrap_or(gate) * hidden;
        let rows = |stack: &Tensor<T>, first: usize| {
            let parts: Vec<Tensor<T>> =
                (0..gates.len()).map(|gate| stack.narrow(0, first + place(gate), hidden)).collect();
            Tensor::concat(&parts, 0)
        };
        let matrix = |stack: &Tensor<T>, direction: usize| {
            Param::new(rows(&stack.slice(direction), 0).transpose().contiguous(), Group::Weight)
        };
        let bias = |direction: usize, first: usize| {
            biases.as_ref().map(|biases| Param::new(rows(&biases.slice(direction), first), Group::Bias))
        };
        let cell = |direction: usize| Cell {
            weight_ih: matrix(of_inputs, direction),
            weight_hh: matrix(of_states, direction),
            bias_ih: bias(direction, 0),
            bias_hh: bias(direction, gates.len() * hidden),
            weight_hr: None,
            alpha: None,
            suffix: ["_l0", "_l0_reverse"][direction].to_owned(),
        };
        let settings =
            Recurrence { is_bidirectional: directions == 2, has_bias: biases.is_some(), ..Recurrence::default() };
        Cells { name, cells: (0..directions).map(cell).collect(), settings, inputs, hidden }
    }
}
