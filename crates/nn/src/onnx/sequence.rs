//! Nodes of embeddings, positions and attention.

use super::graph::INPUT;
use super::{Attribute, Graph, Layout, Value};
use crate::Result;
use crate::module::Path;
use tape::{Float, Tensor};

/// What attention of a value to itself consists of, save the map behind it.
pub(crate) struct SelfAttention<'a, T: Float> {
    /// Of queries, keys and values, `[D, 3·D]`.
    pub(crate) weight: &'a Tensor<T>,
    pub(crate) bias: Option<&'a Tensor<T>>,
    pub(crate) heads: usize,
    /// Added to the scores.
    pub(crate) mask: Option<Tensor<T>>,
}

impl Graph {
    /// Rows of a table for the ids that the model takes.
    pub(crate) fn embedding<T: Float>(&mut self, at: &Path, ids: Value, table: &Tensor<T>) -> Result<Value> {
        if !self.takes_ids || ids.name != INPUT {
            let problem = "an `Embedding` reads the model's input, which must be ids; export with `Export::save_ids`";
            return self.refuse(at, problem);
        }
        let weight = self.constant(at, "weight", table);
        let name = self.node(at, "Gather", &[&weight, &ids.name], vec![("axis", Attribute::Int(0))]);
        let sizes = [&ids.sizes[..], &table.shape()[1..]].concat();
        Ok(Value { name, sizes, layout: Layout::FeaturesLast })
    }

    /// Adds the first rows of a table to the places of x.
    pub(crate) fn positions<T: Float>(
        &mut self,
        at: &Path,
        x: Value,
        table: &Tensor<T>,
        is_learned: bool,
    ) -> Result<Value> {
        let (most, width) = (table.shape()[0], table.shape()[1]);
        let count = match x.sizes[..] {
            [.., places, features] if places <= most && features == width => places,
            _ => {
                let problem = format!("an example of shape {:?}; it is [T, {width}] with T at most {most}", x.sizes);
                return self.refuse(at, &problem);
            }
        };
        let x = self.features_last(at, x);
        let rows = table.narrow(0, 0, count);
        let rows = if is_learned { self.constant(at, "weight", &rows) } else { self.fixed(at, "waves", &rows) };
        let name = self.node(at, "Add", &[&x.name, &rows], Vec::new());
        Ok(x.named(name))
    }

    /// softmax(Q·Kᵀ/√d + mask)·V of x `[N, T, D]` in each head, the heads side by side.
    pub(crate) fn self_attention<T: Float>(
        &mut self,
        at: &mut Path,
        x: Value,
        parts: &SelfAttention<'_, T>,
    ) -> Result<Value> {
        let [steps, features] = x.sizes[..] else {
            return self.refuse(at, &format!("an example of shape {:?}; attention takes [T, D]", x.sizes));
        };
        let own = features / parts.heads;
        let all = at.enter("in_proj", |at| self.linear(at, x, parts.weight, parts.bias))?;
        let axis = self.ints(at, "axis", [2]);
        let apart = self.ints(at, "heads", [0, steps as i64, parts.heads as i64, own as i64]);
        let [q, k, v] = [(0, [0, 2, 1, 3]), (1, [0, 2, 3, 1]), (2, [0, 2, 1, 3])].map(|(third, order)| {
            let [start, end] = [("start", third), ("end", third + 1)]
                .map(|(name, third)| self.ints(at, name, [(third * features) as i64]));
            let name = self.node(at, "Slice", &[&all.name, &start, &end, &axis], Vec::new());
            let name = self.node(at, "Reshape", &[&name, &apart], Vec::new());
            self.node(at, "Transpose", &[&name], vec![("perm", Attribute::ints(order))])
        });
        let scale = self.number(at, "scale", 1.0 / (own as f64).sqrt());
        let q = self.node(at, "Mul", &[&q, &scale], Vec::new());
        let mut scores = self.node(at, "MatMul", &[&q, &k], Vec::new());
        if let Some(mask) = &parts.mask {
            let mask = self.fixed(at, "mask", mask);
            scores = self.node(at, "Add", &[&scores, &mask], Vec::new());
        }
        let weights = self.node(at, "Softmax", &[&scores], vec![("axis", Attribute::Int(-1))]);
        let name = self.node(at, "MatMul", &[&weights, &v], Vec::new());
        let name = self.node(at, "Transpose", &[&name], vec![("perm", Attribute::ints([0, 2, 1, 3]))]);
        let together = self.ints(at, "features", [0, steps as i64, features as i64]);
        let name = self.node(at, "Reshape", &[&name, &together], Vec::new());
        Ok(Value { name, sizes: vec![steps, features], layout: Layout::FeaturesLast })
    }
}
