//! Nodes of embeddings, positions and attention.

use super::{Attribute, Graph, Layout, Value};
use crate::module::Path;
use crate::{AttentionMask, Result};
use tape::{Float, Tensor};

/// Which keys a query sees in a model file: by an [`AttentionMask`], the same for every example, and by an input that says where sequences are padded.
///
/// ```
/// use nn::{onnx::{Export, Input, Mask}, prelude::*};
/// let encoder = TransformerEncoder::new(vec![TransformerEncoderLayer::new(8, 2, 32, &mut Rng::seed(1))]);
/// let inputs = [Input::new("x", &[5, 8]), Input::new("padding", &[5])];
/// Export::new().inputs_to_bytes(inputs, |at, graph, [x, padding]| {
///     encoder.onnx_masked(at, graph, x, Mask::from(&AttentionMask::causal()).padding(padding))
/// })?;
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Mask<'a, T: Float = f32> {
    pub(crate) fixed: &'a AttentionMask<T>,
    pub(crate) padding: Option<Value>,
}

impl<'a, T: Float> From<&'a AttentionMask<T>> for Mask<'a, T> {
    fn from(fixed: &'a AttentionMask<T>) -> Self {
        Mask { fixed, padding: None }
    }
}

impl<T: Float> Mask<'_, T> {
    /// Covers keys where this input `[N, S]` is 1; it is 0 elsewhere. As in [`AttentionMask::padding`], a query whose keys are all covered looks at nothing.
    #[must_use]
    pub fn padding(mut self, padding: Value) -> Self {
        self.padding = Some(padding);
        self
    }
}

/// What attention does beside its linear maps.
pub(crate) struct Heads<'a, T: Float> {
    pub(crate) count: usize,
    /// Added to the scores.
    pub(crate) mask: Option<Tensor<T>>,
    /// 1 where keys are covered.
    pub(crate) padding: Option<&'a Value>,
}

/// Added to scores, it leaves nothing of them in f32, and they stay numbers: rows of such scores alone have a softmax.
const COVERED: f64 = -3e38;

impl Graph {
    /// Rows of a table for the ids that the model takes.
    pub(crate) fn embedding<T: Float>(&mut self, at: &Path, ids: Value, table: &Tensor<T>) -> Result<Value> {
        if !self.is_ids(&ids.name) {
            let problem =
                "an `Embedding` reads an input of ids; export with `Export::save_ids`, or give an `Input::ids`";
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

    /// Equal parts of the features of x `[N, T, COUNT·D]`.
    pub(crate) fn parts<const COUNT: usize>(&mut self, at: &Path, x: &Value) -> [Value; COUNT] {
        if COUNT == 1 {
            return std::array::from_fn(|_| x.clone());
        }
        let own = x.features() / COUNT;
        let axis = self.ints(at, "axis", [x.sizes.len() as i64]);
        let sizes = [&x.sizes[..x.sizes.len() - 1], &[own]].concat();
        std::array::from_fn(|part| {
            let [start, end] =
                [("start", part), ("end", part + 1)].map(|(name, part)| self.ints(at, name, [(part * own) as i64]));
            let name = self.node(at, "Slice", &[&x.name, &start, &end, &axis], Vec::new());
            Value { name, sizes: sizes.clone(), layout: Layout::FeaturesLast }
        })
    }

    /// softmax(Q·Kᵀ/√d + mask)·V of Q `[N, T, D]`, K and V `[N, S, D]` in each head, the heads side by side.
    pub(crate) fn attention<T: Float>(
        &mut self,
        at: &Path,
        [q, k, v]: [&Value; 3],
        heads: &Heads<'_, T>,
    ) -> Result<Value> {
        let (steps, keys, features) = (q.sizes[0], k.sizes[0], q.features());
        let own = features / heads.count;
        let mut apart = |x: &Value, order| {
            let sizes = [0, x.sizes[0] as i64, heads.count as i64, own as i64];
            let sizes = self.ints(at, "heads", sizes);
            let name = self.node(at, "Reshape", &[&x.name, &sizes], Vec::new());
            self.node(at, "Transpose", &[&name], vec![("perm", Attribute::ints(order))])
        };
        let (q, k, v) = (apart(q, [0, 2, 1, 3]), apart(k, [0, 2, 3, 1]), apart(v, [0, 2, 1, 3]));
        let scale = self.number(at, "scale", 1.0 / (own as f64).sqrt());
        let q = self.node(at, "Mul", &[&q, &scale], Vec::new());
        let mut scores = self.node(at, "MatMul", &[&q, &k], Vec::new());
        if let Some(mask) = &heads.mask {
            let mask = self.fixed(at, "mask", mask);
            scores = self.node(at, "Add", &[&scores, &mask], Vec::new());
        }
        let padding = match heads.padding {
            None => None,
            Some(padding) if padding.sizes == [keys] => {
                let sizes = self.ints(at, "keys", [0, 1, 1, keys as i64]);
                Some(self.node(at, "Reshape", &[&padding.name, &sizes], Vec::new()))
            }
            Some(padding) => {
                let problem = format!("the padding of an example has shape {:?}; it is [{keys}]", padding.sizes);
                return self.refuse(at, &problem);
            }
        };
        if let Some(padding) = &padding {
            let covered = self.number(at, "covered", COVERED);
            let covers = self.node(at, "Mul", &[padding, &covered], Vec::new());
            scores = self.node(at, "Add", &[&scores, &covers], Vec::new());
        }
        let mut weights = self.node(at, "Softmax", &[&scores], vec![("axis", Attribute::Int(-1))]);
        if let Some(padding) = &padding {
            // A query whose keys are all covered has found them alike.
            let one = self.number(at, "one", 1.0);
            let open = self.node(at, "Sub", &[&one, padding], Vec::new());
            weights = self.node(at, "Mul", &[&weights, &open], Vec::new());
        }
        let name = self.node(at, "MatMul", &[&weights, &v], Vec::new());
        let name = self.node(at, "Transpose", &[&name], vec![("perm", Attribute::ints([0, 2, 1, 3]))]);
        let together = self.ints(at, "features", [0, steps as i64, features as i64]);
        let name = self.node(at, "Reshape", &[&name, &together], Vec::new());
        Ok(Value { name, sizes: vec![steps, features], layout: Layout::FeaturesLast })
    }
}
