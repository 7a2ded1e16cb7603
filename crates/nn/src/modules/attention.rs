//! Multi-head attention: softmax(Q·Kᵀ/√d + mask)·V in each head (Vaswani et al. 2017).
//!
//! Names and settings are those of PyTorch's `nn.MultiheadAttention`; weights are transposed in its files, as [`Linear`]'s. Q, K and V of
//! self-attention are one product.

use super::Linear;
use super::attention_mask::AttentionMask;
use crate::error::{expect, setting};
use crate::init::{Init as _, Xavier};
use crate::module::Path;
use crate::onnx::{Graph, Heads, Mask, Value};
use crate::{Layer, Module, Result};
use tape::{Float, Group, Param, Rng, Tape, Tensor, Var};

/// Attention with several heads over x `[N, T, D]`: each head looks at D / heads features.
///
/// [`Layer::forward`] is self-attention, [`MultiHeadAttention::attend`] takes a mask; [`MultiHeadAttention::attend_to`] looks at a memory.
///
/// ```
/// use nn::prelude::*;
/// let attention = MultiHeadAttention::new(8, 2, &mut Rng::seed(1));
/// let tape = Tape::inference();
/// let y = attention.attend(tape.input(Tensor::ones([2, 5, 8])), &AttentionMask::causal());
/// assert_eq!(y.shape(), &[2, 5, 8]);
/// let memory = tape.input(Tensor::ones([2, 9, 8]));
/// assert_eq!(attention.attend_to(y, &memory, &AttentionMask::none()).shape(), &[2, 5, 8]);
/// ```
#[derive(Clone, Debug, Module)]
pub struct MultiHeadAttention<T: Float = f32> {
    #[module(pytorch(reversed))]
    in_proj_weight: Option<Param<T>>,
    // In its place where keys or values have a width of their own.
    #[module(pytorch(reversed))]
    q_proj_weight: Option<Param<T>>,
    #[module(pytorch(reversed))]
    k_proj_weight: Option<Param<T>>,
    #[module(pytorch(reversed))]
    v_proj_weight: Option<Param<T>>,
    in_proj_bias: Option<Param<T>>,
    out_proj: Linear<T>,
    heads: usize,
    dropout: f64,
    is_causal: bool,
}

/// Which of Q, K and V, as thirds of a joint projection.
const Q: usize = 0;
const K: usize = 1;
const V: usize = 2;

impl MultiHeadAttention {
    /// Over so many features, in so many heads; queries, keys and values have this width.
    ///
    /// # Panics
    /// If the heads do not divide the features, or if either is 0.
    #[track_caller]
    pub fn new(features: usize, heads: usize, rng: &mut Rng) -> MultiHeadAttention {
        expect(MultiHeadAttention::with_widths(features, features, features, heads, rng))
    }

    /// With keys and values of other widths than queries and results: PyTorch's `kdim` and `vdim`.
    ///
    /// # Errors
    /// If the heads do not divide the features, or if a number is 0.
    pub fn with_widths(
        features: usize,
        key_features: usize,
        value_features: usize,
        heads: usize,
        rng: &mut Rng,
    ) -> Result<MultiHeadAttention> {
        if heads == 0 || features == 0 || !features.is_multiple_of(heads) {
            let problem = format!("{heads} heads do not divide {features} features; choose a divisor of them");
            return setting("MultiHeadAttention", problem);
        }
        let is_joint = key_features == features && value_features == features;
        let mut draw = |wanted: bool, inputs: usize, outputs: usize| -> Result<Option<Param>> {
            let law = Xavier::default().uniform();
            let weight = wanted.then(|| law.tensor([inputs, outputs], rng)).transpose()?;
            Ok(weight.map(|weight| Param::new(weight, Group::Weight)))
        };
        let in_proj_weight = draw(is_joint, features, 3 * features)?;
        let q_proj_weight = draw(!is_joint, features, features)?;
        let k_proj_weight = draw(!is_joint, key_features, features)?;
        let v_proj_weight = draw(!is_joint, value_features, features)?;
        let in_proj_bias = Some(Param::new(Tensor::zeros([3 * features]), Group::Bias));
        let out_proj = Linear::with_init(features, features, &Xavier::default().uniform(), rng)?;
        Ok(MultiHeadAttention {
            in_proj_weight,
            q_proj_weight,
            k_proj_weight,
            v_proj_weight,
            in_proj_bias,
            out_proj,
            heads,
            dropout: 0.0,
            is_causal: false,
        })
    }

    /// In self-attention query i sees keys 0 to i, whatever the mask: [`Layer::forward`] is then that of a language model.
    #[must_use]
    pub fn causal(mut self) -> MultiHeadAttention {
        self.is_causal = true;
        self
    }

    /// Without biases.
    #[must_use]
    pub fn without_bias(mut self) -> MultiHeadAttention {
        self.in_proj_bias = None;
        self.out_proj = self.out_proj.without_bias();
        self
    }

    /// Drops weights with this probability on tapes that drop.
    ///
    /// # Panics
    /// If it is not in [0, 1].
    #[must_use]
    #[track_caller]
    pub fn dropout(mut self, p: f64) -> MultiHeadAttention {
        expect(super::Dropout::try_new(p));
        self.dropout = p;
        self
    }
}

impl<T: Float> MultiHeadAttention<T> {
    /// Self-attention of x `[N, T, D]` under a mask.
    ///
    /// # Panics
    /// If shapes do not fit.
    #[track_caller]
    pub fn attend(&self, x: Var<T>, mask: &AttentionMask<T>) -> Var<T> {
        let drops = self.dropout > 0.0 && x.tape().drops();
        match mask.and_causal(self.is_causal).is_plainly_causal() {
            Some(causal) if self.in_proj_weight.is_some() && !drops => {
                let all = self.projection_of(x, Q, 3, "x");
                self.out_proj.forward(all.self_attention(self.heads, causal))
            }
            _ => self.attend_with_weights(x, mask).0,
        }
    }

    /// As [`MultiHeadAttention::attend`], with the weights of each head, `[N, heads, T, T]`.
    ///
    /// # Panics
    /// If shapes do not fit.
    #[track_caller]
    pub fn attend_with_weights(&self, x: Var<T>, mask: &AttentionMask<T>) -> (Var<T>, Var<T>) {
        self.result(self.of_itself(x), &mask.and_causal(self.is_causal))
    }

    /// Writes what [`MultiHeadAttention::attend`] does under this mask, as [`Layer::onnx`] does without one. The mask becomes a constant, `[T, T]` if it is causal; padding is
    /// an input: [`Mask::padding`].
    ///
    /// # Errors
    /// If the mask itself has padding, which is of one batch, or covers all keys of a query; if keys or values have a width of their own.
    ///
    /// # Panics
    /// If the mask does not fit.
    #[track_caller]
    pub fn onnx_masked<'a>(
        &self,
        at: &mut Path,
        graph: &mut Graph,
        x: Value,
        mask: impl Into<Mask<'a, T>>,
    ) -> Result<Value> {
        if self.in_proj_weight.is_none() {
            let problem = "keys or values have a width of their own, so they are not of x; `onnx_to` writes attention to a memory";
            return graph.refuse(at, problem);
        }
        let [q, k, v] = self.onnx_projected(at, graph, x, (Q, "in_proj"))?;
        self.onnx_result(at, graph, [&q, &k, &v], mask.into(), self.is_causal)
    }

    /// Writes what [`MultiHeadAttention::attend_to`] does under this mask, as [`MultiHeadAttention::onnx_masked`].
    ///
    /// # Errors
    /// If the mask itself has padding, which is of one batch, or covers all keys of a query; if shapes do not fit.
    ///
    /// # Panics
    /// If the mask does not fit.
    #[track_caller]
    pub fn onnx_to<'a>(
        &self,
        at: &mut Path,
        graph: &mut Graph,
        x: Value,
        memory: &Value,
        mask: impl Into<Mask<'a, T>>,
    ) -> Result<Value> {
        let [q] = self.onnx_projected(at, graph, x, (Q, "q_proj"))?;
        let [k, v] = match self.in_proj_weight {
            Some(_) => self.onnx_projected(at, graph, memory.clone(), (K, "kv_proj"))?,
            None => {
                let [k] = self.onnx_projected(at, graph, memory.clone(), (K, "k_proj"))?;
                let [v] = self.onnx_projected(at, graph, memory.clone(), (V, "v_proj"))?;
                [k, v]
            }
        };
        self.onnx_result(at, graph, [&q, &k, &v], mask.into(), false)
    }

    /// Queries x `[N, T, D]` look at a memory `[N, S, D]`.
    ///
    /// # Panics
    /// If shapes do not fit.
    #[track_caller]
    pub fn attend_to(&self, x: Var<T>, memory: &Var<T>, mask: &AttentionMask<T>) -> Var<T> {
        if self.in_proj_weight.is_none() {
            return self.look_up(x, memory.clone(), memory.clone(), mask).0;
        }
        let [q] = self.projected(x, Q, "queries");
        let [k, v] = self.projected(memory.clone(), K, "the memory");
        self.result([q, k, v], mask).0
    }

    /// Queries `[N, T, D]`, keys and values `[N, S, …]` apart; the result `[N, T, D]` and the weights `[N, heads, T, S]`.
    ///
    /// # Panics
    /// If shapes do not fit.
    #[track_caller]
    pub fn look_up(&self, query: Var<T>, key: Var<T>, value: Var<T>, mask: &AttentionMask<T>) -> (Var<T>, Var<T>) {
        let [q] = self.projected(query, Q, "queries");
        let [k] = self.projected(key, K, "keys");
        let [v] = self.projected(value, V, "values");
        self.result([q, k, v], mask)
    }

    /// The number of heads.
    pub fn heads(&self) -> usize {
        self.heads
    }

    /// The map behind the heads.
    pub fn out_proj(&self) -> &Linear<T> {
        &self.out_proj
    }

    fn features(&self) -> usize {
        self.out_proj.weight().value().shape()[1]
    }

    #[track_caller]
    fn of_itself(&self, x: Var<T>) -> [Var<T>; 3] {
        match self.in_proj_weight {
            Some(_) => self.projected(x, Q, "x"),
            None => {
                let [q] = self.projected(x.clone(), Q, "x");
                let [k] = self.projected(x.clone(), K, "x");
                let [v] = self.projected(x, V, "x");
                [q, k, v]
            }
        }
    }

    /// Weight and bias of `count` of Q, K and V from `first` on.
    #[track_caller]
    fn projection(&self, tape: &Tape<T>, first: usize, count: usize) -> (Var<T>, Option<Var<T>>) {
        let features = self.features();
        let part = |param: &Param<T>| match count {
            3 => tape.param(param),
            _ => tape.param(param).narrow(-1, first * features, count * features),
        };
        let apart = [&self.q_proj_weight, &self.k_proj_weight, &self.v_proj_weight];
        let weight = match (&self.in_proj_weight, apart[first]) {
            (Some(joint), _) => part(joint),
            (None, Some(own)) => tape.param(own),
            (None, None) => unreachable!("weights are joint or apart"),
        };
        (weight, self.in_proj_bias.as_ref().map(part))
    }

    /// x `[N, T, …]` as `count` of Q, K and V from `first` on, side by side: `[N, T, count·D]`.
    #[track_caller]
    fn projection_of(&self, x: Var<T>, first: usize, count: usize, what: &str) -> Var<T> {
        let (weight, bias) = self.projection(x.tape(), first, count);
        let (shape, width) = (*x.shape(), weight.shape()[0]);
        let fits = shape.rank() == 3 && shape[2] == width;
        assert!(fits, "MultiHeadAttention: {what} have shape {shape:?}; it is [N, T, {width}]");
        x.linear(weight, bias.as_ref())
    }

    /// As [`Self::projection_of`], each `[N, heads, T, D / heads]`, in memory order: products then copy nothing.
    #[track_caller]
    fn projected<const COUNT: usize>(&self, x: Var<T>, first: usize, what: &str) -> [Var<T>; COUNT] {
        let (heads, own) = (self.heads, self.features() / self.heads);
        let all = self.projection_of(x, first, COUNT, what);
        let (batch, steps) = (all.shape()[0], all.shape()[1]);
        let all = all.reshape([batch, steps, COUNT, heads, own]);
        // The reshape makes the copy, once for all.
        let all = all.permute([2, 0, 3, 1, 4]).reshape([COUNT, batch * heads, steps, own]);
        std::array::from_fn(|i| all.clone().slice(i).reshape([batch, heads, steps, own]))
    }

    /// Writes [`Self::projection_of`], its parts apart.
    fn onnx_projected<const COUNT: usize>(
        &self,
        at: &mut Path,
        graph: &mut Graph,
        x: Value,
        (first, name): (usize, &str),
    ) -> Result<[Value; COUNT]> {
        if x.sizes().len() != 2 {
            return graph.refuse(at, &format!("an example of shape {:?}; attention takes [T, D]", x.sizes()));
        }
        let (weight, bias) = self.projection(&Tape::inference(), first, COUNT);
        let bias = bias.as_ref().map(Var::value);
        let all = at.enter(name, |at| graph.linear(at, x, weight.value(), bias))?;
        Ok(graph.parts(at, &all))
    }

    /// Writes [`Self::result`].
    #[track_caller]
    fn onnx_result(
        &self,
        at: &mut Path,
        graph: &mut Graph,
        [q, k, v]: [&Value; 3],
        mask: Mask<'_, T>,
        is_causal: bool,
    ) -> Result<Value> {
        let sizes = [q.sizes()[0], k.sizes()[0]];
        let fixed = match mask.fixed.and_causal(is_causal).as_constant(self.heads, sizes) {
            Ok(fixed) => fixed,
            Err(problem) => return graph.refuse(at, problem),
        };
        let heads = Heads { count: self.heads, mask: fixed, padding: mask.padding.as_ref() };
        let y = graph.attention(at, [q, k, v], &heads)?;
        at.enter("out_proj", |at| self.out_proj.onnx(at, graph, y))
    }

    #[track_caller]
    fn result(&self, [q, k, v]: [Var<T>; 3], mask: &AttentionMask<T>) -> (Var<T>, Var<T>) {
        let (queries, keys, values) = (*q.shape(), *k.shape(), *v.shape());
        let fits = keys == values && queries[0] == keys[0];
        let (n, t, of_k, of_v) = (queries[0], queries[2], [keys[0], keys[2]], [values[0], values[2]]);
        assert!(fits, "MultiHeadAttention: {n} sequences of {t} queries, keys are {of_k:?} and values {of_v:?}");
        let scale = 1.0 / (queries[3] as f64).sqrt();
        let weights = mask.softmax((q * scale).matmul(k.transpose()));
        let kept = match self.dropout > 0.0 {
            true => weights.clone().dropout(self.dropout),
            false => weights.clone(),
        };
        let y = kept.matmul(v).permute([0, 2, 1, 3]).reshape([n, t, self.features()]);
        (self.out_proj.forward(y), weights)
    }
}

impl<T: Float> Layer<T> for MultiHeadAttention<T> {
    /// Self-attention without a mask, or [`MultiHeadAttention::causal`].
    ///
    /// # Panics
    /// If x is not `[N, T, D]`.
    #[track_caller]
    fn forward(&self, x: Var<T>) -> Var<T> {
        self.attend(x, &AttentionMask::none())
    }

    fn onnx(&self, at: &mut Path, graph: &mut Graph, x: Value) -> Result<Value> {
        self.onnx_masked(at, graph, x, &AttentionMask::none())
    }
}
