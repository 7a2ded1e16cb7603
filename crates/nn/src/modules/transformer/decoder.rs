//! Decoders: blocks that look at a memory too.

use super::super::attention_mask::AttentionMask;
use super::super::{Act, Activation, Dropout, LayerNorm, Linear, MultiHeadAttention};
use super::{DROPOUT, network};
use crate::error::expect;
use crate::module::Path;
use crate::onnx::{Graph, Mask, Value};
use crate::{Layer as _, Module, Result};
use tape::{Float, Rng, Var};

/// As [`crate::TransformerEncoderLayer`], with attention to a memory between the two.
///
/// ```
/// use nn::prelude::*;
/// let block = TransformerDecoderLayer::new(8, 2, 32, &mut Rng::seed(1));
/// let tape = Tape::inference();
/// let (x, memory) = (tape.input(Tensor::ones([2, 5, 8])), tape.input(Tensor::ones([2, 9, 8])));
/// let y = block.forward(x, &memory, &AttentionMask::causal(), &AttentionMask::none());
/// assert_eq!(y.shape(), &[2, 5, 8]);
/// ```
#[derive(Clone, Debug, Module)]
pub struct TransformerDecoderLayer<T: Float = f32> {
    self_attn: MultiHeadAttention<T>,
    multihead_attn: MultiHeadAttention<T>,
    linear1: Linear<T>,
    linear2: Linear<T>,
    norm1: LayerNorm<T>,
    norm2: LayerNorm<T>,
    norm3: LayerNorm<T>,
    activation: Act<T>,
    dropout: f64,
    norm_first: bool,
}

/// As [`crate::TransformerEncoder`], of blocks that look at a memory.
#[derive(Clone, Debug, Module)]
pub struct TransformerDecoder<T: Float = f32> {
    layers: Vec<TransformerDecoderLayer<T>>,
    norm: Option<LayerNorm<T>>,
}

impl TransformerDecoderLayer {
    /// For so many features, in so many heads, with so many hidden units.
    ///
    /// # Panics
    /// If a number is 0, or if the heads do not divide the features; [`TransformerDecoderLayer::try_new`] returns the error.
    #[track_caller]
    pub fn new(features: usize, heads: usize, hidden: usize, rng: &mut Rng) -> TransformerDecoderLayer {
        expect(TransformerDecoderLayer::try_new(features, heads, hidden, rng))
    }

    /// As [`TransformerDecoderLayer::new`].
    ///
    /// # Errors
    /// If a number is 0, or if the heads do not divide the features.
    pub fn try_new(features: usize, heads: usize, hidden: usize, rng: &mut Rng) -> Result<TransformerDecoderLayer> {
        let mut attention = || MultiHeadAttention::with_widths(features, features, features, heads, rng);
        let (self_attn, multihead_attn) = (attention()?.dropout(DROPOUT), attention()?.dropout(DROPOUT));
        let (linear1, linear2) = network(features, hidden, rng)?;
        let [norm1, norm2, norm3] = [(); 3].map(|()| LayerNorm::new(features));
        Ok(TransformerDecoderLayer {
            self_attn,
            multihead_attn,
            linear1,
            linear2,
            norm1,
            norm2,
            norm3,
            activation: Activation::Relu.layer(hidden),
            dropout: DROPOUT,
            norm_first: false,
        })
    }
}

block!(TransformerDecoderLayer, self_attn, multihead_attn);

impl<T: Float> TransformerDecoderLayer<T> {
    /// The result for x `[N, T, D]` and a memory `[N, S, D]`, under a mask for each attention.
    ///
    /// # Panics
    /// If shapes do not fit.
    #[track_caller]
    pub fn forward(
        &self,
        x: Var<T>,
        memory: &Var<T>,
        mask: &AttentionMask<T>,
        memory_mask: &AttentionMask<T>,
    ) -> Var<T> {
        let x = self.around(x, &self.norm1, |x| self.self_attn.attend(x, mask));
        let x = self.around(x, &self.norm2, |x| self.multihead_attn.attend_to(x, memory, memory_mask));
        self.around(x, &self.norm3, |x| self.network(x))
    }

    /// Writes what [`TransformerDecoderLayer::forward`] does, as [`MultiHeadAttention::onnx_to`]; the memory is an input of its own
    /// ([`crate::onnx::Export::save_inputs`]), or what an encoder makes of another one.
    ///
    /// # Errors
    /// As there, and if the activation has no ONNX form.
    ///
    /// # Panics
    /// If a mask does not fit.
    #[track_caller]
    pub fn onnx<'a>(
        &self,
        at: &mut Path,
        graph: &mut Graph,
        x: Value,
        memory: &Value,
        mask: impl Into<Mask<'a, T>>,
        memory_mask: impl Into<Mask<'a, T>>,
    ) -> Result<Value> {
        let x = graph.features_last(at, x);
        let x = self.onnx_around(at, graph, x, ("norm1", &self.norm1), |at, graph, x| {
            at.enter("self_attn", |at| self.self_attn.onnx_masked(at, graph, x, mask))
        })?;
        let x = self.onnx_around(at, graph, x, ("norm2", &self.norm2), |at, graph, x| {
            at.enter("multihead_attn", |at| self.multihead_attn.onnx_to(at, graph, x, memory, memory_mask))
        })?;
        self.onnx_around(at, graph, x, ("norm3", &self.norm3), |at, graph, x| self.onnx_network(at, graph, x))
    }
}

stack!(TransformerDecoder of TransformerDecoderLayer);

impl<T: Float> TransformerDecoder<T> {
    /// The result for x `[N, T, D]` and a memory `[N, S, D]`, under a mask for each attention, the same in every block.
    ///
    /// # Panics
    /// If shapes do not fit.
    #[track_caller]
    pub fn forward(
        &self,
        x: Var<T>,
        memory: &Var<T>,
        mask: &AttentionMask<T>,
        memory_mask: &AttentionMask<T>,
    ) -> Var<T> {
        let x = self.layers.iter().fold(x, |x, layer| layer.forward(x, memory, mask, memory_mask));
        self.norm.forward(x)
    }

    /// Writes what [`TransformerDecoder::forward`] does, as [`TransformerDecoderLayer::onnx`].
    ///
    /// # Errors
    /// As there.
    ///
    /// # Panics
    /// If a mask does not fit.
    #[track_caller]
    pub fn onnx<'a>(
        &self,
        at: &mut Path,
        graph: &mut Graph,
        x: Value,
        memory: &Value,
        mask: impl Into<Mask<'a, T>>,
        memory_mask: impl Into<Mask<'a, T>>,
    ) -> Result<Value> {
        let (mask, memory_mask) = (mask.into(), memory_mask.into());
        let x = at.enter("layers", |at| {
            let mut layers = self.layers.iter().enumerate();
            layers.try_fold(x, |x, (i, layer)| {
                at.enter_index(i, |at| layer.onnx(at, graph, x, memory, mask.clone(), memory_mask.clone()))
            })
        })?;
        at.enter("norm", |at| self.norm.onnx(at, graph, x))
    }
}
