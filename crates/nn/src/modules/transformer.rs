//! Transformer blocks: attention and a two-layer network, each with a residual and a layer norm (Vaswani et al. 2017).
//!
//! Names and settings are those of PyTorch's `nn.TransformerEncoderLayer` and its kin: `self_attn.in_proj_weight`, `linear1.weight`, `norm1.bias`,
//! `layers.0.…`, `norm.…`. Blocks start with ReLU, dropout 0.1 and the norm behind each residual, as there.

use super::attention_mask::AttentionMask;
use super::{Act, Activation, Dropout, LayerNorm, Linear, MultiHeadAttention};
use crate::error::expect;
use crate::module::Path;
use crate::onnx::{Graph, Mask, Value};
use crate::{Layer, Module, Result};
use tape::{Float, Rng, Var};

/// One block over x `[N, T, D]`: self-attention, then a network of one hidden layer, at each place.
///
/// x ← norm1(x + attention(x)), x ← norm2(x + network(x)); with [`TransformerEncoderLayer::norm_first`] x ← x + attention(norm1(x)),
/// x ← x + network(norm2(x)) (Xiong et al. 2020). Under a causal mask it is the block of a language model.
///
/// ```
/// use nn::prelude::*;
/// let block = TransformerEncoderLayer::new(8, 2, 32, &mut Rng::seed(1)).norm_first().activation(Activation::Gelu);
/// let y = block.forward_masked(Tape::inference().input(Tensor::ones([2, 5, 8])), &AttentionMask::causal());
/// assert_eq!(y.shape(), &[2, 5, 8]);
/// ```
#[derive(Clone, Debug, Module)]
pub struct TransformerEncoderLayer<T: Float = f32> {
    self_attn: MultiHeadAttention<T>,
    linear1: Linear<T>,
    linear2: Linear<T>,
    norm1: LayerNorm<T>,
    norm2: LayerNorm<T>,
    activation: Act<T>,
    dropout: f64,
    norm_first: bool,
}

/// Blocks one after the other, and a norm behind them if wanted, as blocks with `norm_first` need.
///
/// ```
/// use nn::prelude::*;
/// let mut rng = Rng::seed(1);
/// let blocks = (0..2).map(|_| TransformerEncoderLayer::new(8, 2, 32, &mut rng).norm_first()).collect();
/// let encoder = TransformerEncoder::new(blocks).with_norm(LayerNorm::new(8));
/// assert_eq!(encoder.forward(Tape::inference().input(Tensor::ones([2, 5, 8]))).shape(), &[2, 5, 8]);
/// ```
#[derive(Clone, Debug, Module)]
pub struct TransformerEncoder<T: Float = f32> {
    layers: Vec<TransformerEncoderLayer<T>>,
    norm: Option<LayerNorm<T>>,
}

/// PyTorch's.
const DROPOUT: f64 = 0.1;

impl TransformerEncoderLayer {
    /// For so many features, in so many heads, with so many hidden units.
    ///
    /// # Panics
    /// If a number is 0, or if the heads do not divide the features; [`TransformerEncoderLayer::try_new`] returns the error.
    #[track_caller]
    pub fn new(features: usize, heads: usize, hidden: usize, rng: &mut Rng) -> TransformerEncoderLayer {
        expect(TransformerEncoderLayer::try_new(features, heads, hidden, rng))
    }

    /// As [`TransformerEncoderLayer::new`].
    ///
    /// # Errors
    /// If a number is 0, or if the heads do not divide the features.
    pub fn try_new(features: usize, heads: usize, hidden: usize, rng: &mut Rng) -> Result<TransformerEncoderLayer> {
        let self_attn = MultiHeadAttention::with_widths(features, features, features, heads, rng)?.dropout(DROPOUT);
        let (linear1, linear2) = network(features, hidden, rng)?;
        let [norm1, norm2] = [(); 2].map(|()| LayerNorm::new(features));
        let activation = Activation::Relu.layer(hidden);
        let (dropout, norm_first) = (DROPOUT, false);
        Ok(TransformerEncoderLayer { self_attn, linear1, linear2, norm1, norm2, activation, dropout, norm_first })
    }
}

impl TransformerEncoderLayer {
    /// Place i sees places 0 to i, whatever the mask: [`Layer::forward`] is then the block of a language model.
    #[must_use]
    pub fn causal(mut self) -> TransformerEncoderLayer {
        self.self_attn = self.self_attn.causal();
        self
    }
}

/// The two linear maps of a block.
fn network(features: usize, hidden: usize, rng: &mut Rng) -> Result<(Linear, Linear)> {
    let law = crate::init::Xavier::default().uniform();
    Ok((Linear::with_init(features, hidden, &law, rng)?, Linear::with_init(hidden, features, &law, rng)?))
}

macro_rules! block {
    ($Block:ident, $($attention:ident),+) => {
        impl $Block {
            /// With this function behind the hidden layer.
            ///
            /// # Panics
            /// If a slope is not finite.
            #[must_use]
            #[track_caller]
            pub fn activation(mut self, activation: Activation) -> $Block {
                self.activation = activation.layer(self.linear1.weight().value().shape()[1]);
                self
            }

            /// Drops attention weights, hidden units and what is added to x with this probability, on tapes that drop.
            ///
            /// # Panics
            /// If it is not in [0, 1].
            #[must_use]
            #[track_caller]
            pub fn dropout(mut self, p: f64) -> $Block {
                expect(Dropout::try_new(p));
                $(self.$attention = self.$attention.dropout(p);)+
                self.dropout = p;
                self
            }

            /// Norms before attention and network instead of behind the residuals.
            #[must_use]
            pub fn norm_first(mut self) -> $Block {
                self.norm_first = true;
                self
            }
        }

        impl<T: Float> $Block<T> {
            /// x with a residual around `f`, the norm before or behind.
            #[track_caller]
            fn around(&self, x: Var<T>, norm: &LayerNorm<T>, f: impl FnOnce(Var<T>) -> Var<T>) -> Var<T> {
                match self.norm_first {
                    true => x.clone() + self.dropped(f(norm.forward(x))),
                    false => norm.forward(x.clone() + self.dropped(f(x))),
                }
            }

            #[track_caller]
            fn network(&self, x: Var<T>) -> Var<T> {
                let hidden = match self.activation.rectifier(x.tape()) {
                    Some(rectifier) => self.linear1.forward_rectified(x, rectifier),
                    None => self.activation.forward(self.linear1.forward(x)),
                };
                self.linear2.forward(self.dropped(hidden))
            }

            fn dropped(&self, x: Var<T>) -> Var<T> {
                if self.dropout > 0.0 { x.dropout(self.dropout) } else { x }
            }

            /// Writes [`Self::around`].
            #[track_caller]
            fn onnx_around(
                &self,
                at: &mut Path,
                graph: &mut Graph,
                x: Value,
                (name, norm): (&str, &LayerNorm<T>),
                f: impl FnOnce(&mut Path, &mut Graph, Value) -> Result<Value>,
            ) -> Result<Value> {
                let inner = match self.norm_first {
                    true => at.enter(name, |at| norm.onnx(at, graph, x.clone()))?,
                    false => x.clone(),
                };
                let y = f(at, graph, inner)?;
                let sum = graph.sum(at, x, y)?;
                if self.norm_first { Ok(sum) } else { at.enter(name, |at| norm.onnx(at, graph, sum)) }
            }

            /// Writes [`Self::network`].
            #[track_caller]
            fn onnx_network(&self, at: &mut Path, graph: &mut Graph, x: Value) -> Result<Value> {
                let x = at.enter("linear1", |at| self.linear1.onnx(at, graph, x))?;
                let x = at.enter("activation", |at| self.activation.onnx(at, graph, x))?;
                at.enter("linear2", |at| self.linear2.onnx(at, graph, x))
            }
        }
    };
}
block!(TransformerEncoderLayer, self_attn);

impl<T: Float> TransformerEncoderLayer<T> {
    /// The result for x `[N, T, D]` under a mask.
    ///
    /// # Panics
    /// If shapes do not fit.
    #[track_caller]
    pub fn forward_masked(&self, x: Var<T>, mask: &AttentionMask<T>) -> Var<T> {
        let x = self.around(x, &self.norm1, |x| self.self_attn.attend(x, mask));
        self.around(x, &self.norm2, |x| self.network(x))
    }

    /// Writes what [`TransformerEncoderLayer::forward_masked`] does, as [`MultiHeadAttention::onnx_masked`].
    ///
    /// # Errors
    /// As there, and if the activation has no ONNX form.
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
        let x = graph.features_last(at, x);
        let x = self.onnx_around(at, graph, x, ("norm1", &self.norm1), |at, graph, x| {
            at.enter("self_attn", |at| self.self_attn.onnx_masked(at, graph, x, mask))
        })?;
        self.onnx_around(at, graph, x, ("norm2", &self.norm2), |at, graph, x| self.onnx_network(at, graph, x))
    }
}

macro_rules! stack {
    ($Stack:ident of $Block:ident) => {
        impl<T: Float> $Stack<T> {
            /// These blocks, in this order.
            pub fn new(layers: Vec<$Block<T>>) -> Self {
                $Stack { layers, norm: None }
            }

            /// With a norm behind the last block.
            #[must_use]
            pub fn with_norm(mut self, norm: LayerNorm<T>) -> Self {
                self.norm = Some(norm);
                self
            }

            /// The blocks.
            pub fn layers(&self) -> &[$Block<T>] {
                &self.layers
            }
        }
    };
}
stack!(TransformerEncoder of TransformerEncoderLayer);

// Behind the macros, so that it sees them.
mod decoder;
pub use decoder::{TransformerDecoder, TransformerDecoderLayer};

impl<T: Float> TransformerEncoder<T> {
    /// The result for x `[N, T, D]` under a mask, the same in every block.
    ///
    /// # Panics
    /// If shapes do not fit.
    #[track_caller]
    pub fn forward_masked(&self, x: Var<T>, mask: &AttentionMask<T>) -> Var<T> {
        let x = self.layers.iter().fold(x, |x, layer| layer.forward_masked(x, mask));
        self.norm.forward(x)
    }

    /// Writes what [`TransformerEncoder::forward_masked`] does, as [`MultiHeadAttention::onnx_masked`].
    ///
    /// # Errors
    /// As there, and if an activation has no ONNX form.
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
        let mask = mask.into();
        let x = at.enter("layers", |at| {
            let mut layers = self.layers.iter().enumerate();
            layers.try_fold(x, |x, (i, layer)| at.enter_index(i, |at| layer.onnx_masked(at, graph, x, mask.clone())))
        })?;
        at.enter("norm", |at| self.norm.onnx(at, graph, x))
    }
}

impl TransformerEncoder {
    /// Every block as [`TransformerEncoderLayer::causal`].
    #[must_use]
    pub fn causal(mut self) -> TransformerEncoder {
        self.layers = self.layers.into_iter().map(TransformerEncoderLayer::causal).collect();
        self
    }
}

impl<T: Float> Layer<T> for TransformerEncoderLayer<T> {
    /// Without a mask, or [`TransformerEncoderLayer::causal`].
    ///
    /// # Panics
    /// If x is not `[N, T, D]`.
    #[track_caller]
    fn forward(&self, x: Var<T>) -> Var<T> {
        self.forward_masked(x, &AttentionMask::none())
    }

    fn onnx(&self, at: &mut Path, graph: &mut Graph, x: Value) -> Result<Value> {
        self.onnx_masked(at, graph, x, &AttentionMask::none())
    }
}

impl<T: Float> Layer<T> for TransformerEncoder<T> {
    /// Without a mask, or [`TransformerEncoder::causal`].
    ///
    /// # Panics
    /// If x is not `[N, T, D]`.
    #[track_caller]
    fn forward(&self, x: Var<T>) -> Var<T> {
        self.forward_masked(x, &AttentionMask::none())
    }

    fn onnx(&self, at: &mut Path, graph: &mut Graph, x: Value) -> Result<Value> {
        self.onnx_masked(at, graph, x, &AttentionMask::none())
    }
}
