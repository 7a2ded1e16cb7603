//! Layers: modules with one input and one output.

mod activation;
mod attention;
mod attention_mask;
mod constrained_prelu;
mod constraint;
mod conv;
mod crelu;
mod embedding;
mod gru;
mod invertible;
mod linear;
mod lstm;
mod norm;
mod pooling;
mod positional;
mod prelu;
mod recurrent;
mod residual;
mod rnn;
mod rrelu;
mod sequential;
mod smooth;
mod stateless;
mod threshold_relu;
mod transformer;

pub use activation::{Act, Activation};
pub use attention::MultiHeadAttention;
pub use attention_mask::AttentionMask;
pub use constrained_prelu::ConstrainedPRelu;
pub use constraint::{Constraint, Enforcement};
pub use conv::{Conv1d, Conv2d, Conv3d, ConvNd, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d, ConvTransposeNd};
pub use crelu::CRelu;
pub use embedding::Embedding;
pub use gru::Gru;
pub use invertible::InvertibleLeaky;
pub use linear::Linear;
pub use lstm::Lstm;
pub use norm::{BatchNorm, GroupNorm, InstanceNorm, LayerNorm, NormAct, RmsNorm};
pub use pooling::{
    AdaptiveAvgPool, AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveAvgPool3d, AdaptiveMaxPool, AdaptiveMaxPool1d,
    AdaptiveMaxPool2d, AdaptiveMaxPool3d, AvgPool, AvgPool1d, AvgPool2d, AvgPool3d, GlobalAvgPool, MaxPool, MaxPool1d,
    MaxPool2d, MaxPool3d, Pad, Pad1d, Pad2d, Pad3d, Upsample, Upsample1d, Upsample2d, Upsample3d,
};
pub use positional::{LearnedPositions, SinusoidalEncoding};
pub use prelu::PRelu;
pub use recurrent::Recurrence;
pub use residual::Residual;
pub use rnn::{Nonlinearity, Rnn};
pub use rrelu::RRelu;
pub(crate) use sequential::AnyLayer;
pub use sequential::Sequential;
pub use smooth::{Celu, Elu, Gelu, GeluTanh, Hardsigmoid, Hardswish, Hardtanh, Mish, Relu6, Selu, Silu, Softplus};
pub use stateless::{Dropout, Flatten, LeakyRelu, Relu};
pub use threshold_relu::ThresholdRelu;
pub use transformer::{TransformerDecoder, TransformerDecoderLayer, TransformerEncoder, TransformerEncoderLayer};

use crate::error::setting;
use crate::onnx;
use crate::regions::Piecewise;
use crate::{Module, Result};
use tape::{Float, Moments, Rectifier, Tape, Tensor, Var};

/// A module with one input and one output.
///
/// A tuple of layers is a layer: `(Linear::new(2, 16, rng), Relu, Linear::new(16, 1, rng))` runs them one after the other.
pub trait Layer<T: Float = f32>: Module<T> {
    /// The output for an input, recorded on the input's tape.
    fn forward(&self, x: Var<T>) -> Var<T>;

    /// The rectifier this layer is, if it is one, so that a linear layer before it can apply it on its way out: [`Sequential`] joins
    /// the two. Its [`Rectifier::apply`] must be this layer's forward.
    fn rectifier(&self, _tape: &Tape<T>) -> Option<Rectifier<T>> {
        None
    }

    /// The output with a rectifier behind it: one op for layers that can, else two.
    fn forward_rectified(&self, x: Var<T>, act: Rectifier<T>) -> Var<T> {
        act.apply(self.forward(x))
    }

    /// The output, and its moments where the layer finds them in passing: a [`crate::NormAct`] behind it asks for them.
    fn forward_moments(&self, x: Var<T>) -> (Var<T>, Option<Moments<T>>) {
        (self.forward(x), None)
    }

    /// Writes what the layer, as it is in evaluation, stretches distances by at most: for [`crate::lipschitz::Certificate`]. A layer that is a rectifier
    /// ([`Layer::rectifier`]) need not say more.
    ///
    /// # Errors
    /// If no bound is known, or if a parameter is NaN or infinite.
    fn lipschitz(&self, at: &mut crate::module::Path, bounds: &mut crate::lipschitz::Certificate) -> crate::Result<()> {
        match self.rectifier(&Tape::inference()) {
            Some(rectifier) => bounds.rectifier(at, &rectifier),
            None => bounds.unknown(at, short(std::any::type_name::<Self>())),
        }
    }

    /// Whether [`Layer::forward_given`] makes use of its input's moments on this tape.
    fn takes_moments(&self, _tape: &Tape<T>) -> bool {
        false
    }

    /// As [`Layer::forward`], of an input whose moments may be known.
    fn forward_given(&self, (x, _): (Var<T>, Option<Moments<T>>)) -> Var<T> {
        self.forward(x)
    }

    /// Whether layers below may run with their neighbours as one op; they do unless this says otherwise. The numbers are the same, to
    /// rounding.
    fn set_fused(&mut self, _fuses: bool) {}

    /// Appends this layer, as it is in evaluation, to a network of affine maps and activations with kinks: for [`crate::regions`]. A layer that is a
    /// rectifier ([`Layer::rectifier`]) need not say more.
    ///
    /// # Errors
    /// If the layer is no such thing or does not say so, or if a parameter is not finite.
    ///
    /// # Panics
    /// If shapes do not fit, as [`Layer::forward`].
    #[track_caller]
    fn piecewise(&self, chain: &mut Piecewise) -> Result<()> {
        let slope = match self.rectifier(&Tape::inference()) {
            Some(Rectifier::Relu) => Tensor::f64([0.0]),
            // As rounded as the layer has it.
            Some(Rectifier::LeakyRelu(slope)) => Tensor::f64([T::from_f64(slope).to_f64()]),
            Some(Rectifier::PRelu(alpha)) => alpha.value().cast(),
            None => {
                let problem = format!(
                    "{} is not piecewise linear, or does not say how; write `Layer::piecewise` for it, or put the network together without it: `Piecewise::then`",
                    short(std::any::type_name::<Self>())
                );
                return setting("piecewise", problem);
            }
        };
        chain.rectify(&slope)
    }

    /// Writes the layer, as it is in evaluation, as ONNX nodes from x on, and returns what they make: for [`crate::onnx`]. A layer that is a rectifier
    /// ([`Layer::rectifier`]) need not say more.
    ///
    /// # Errors
    /// If the layer has no ONNX form or does not say so.
    ///
    /// # Panics
    /// If shapes do not fit, as [`Layer::forward`].
    #[track_caller]
    fn onnx(&self, at: &mut crate::module::Path, graph: &mut onnx::Graph, x: onnx::Value) -> Result<onnx::Value> {
        match self.rectifier(&Tape::inference()) {
            Some(rectifier) => graph.rectifier(at, x, &rectifier),
            None => graph.unknown(at, std::any::type_name::<Self>()),
        }
    }
}

impl<T: Float, L: Layer<T> + ?Sized> Layer<T> for Box<L> {
    fn forward(&self, x: Var<T>) -> Var<T> {
        (**self).forward(x)
    }
    fn rectifier(&self, tape: &Tape<T>) -> Option<Rectifier<T>> {
        (**self).rectifier(tape)
    }
    fn lipschitz(&self, at: &mut crate::module::Path, bounds: &mut crate::lipschitz::Certificate) -> crate::Result<()> {
        (**self).lipschitz(at, bounds)
    }
    fn forward_rectified(&self, x: Var<T>, act: Rectifier<T>) -> Var<T> {
        (**self).forward_rectified(x, act)
    }
    fn forward_moments(&self, x: Var<T>) -> (Var<T>, Option<Moments<T>>) {
        (**self).forward_moments(x)
    }
    fn takes_moments(&self, tape: &Tape<T>) -> bool {
        (**self).takes_moments(tape)
    }
    fn forward_given(&self, known: (Var<T>, Option<Moments<T>>)) -> Var<T> {
        (**self).forward_given(known)
    }
    fn set_fused(&mut self, fuses: bool) {
        (**self).set_fused(fuses);
    }
    #[track_caller]
    fn piecewise(&self, chain: &mut Piecewise) -> Result<()> {
        (**self).piecewise(chain)
    }
    #[track_caller]
    fn onnx(&self, at: &mut crate::module::Path, graph: &mut onnx::Graph, x: onnx::Value) -> Result<onnx::Value> {
        (**self).onnx(at, graph, x)
    }
}

impl<T: Float, L: Layer<T>> Layer<T> for Vec<L> {
    fn forward(&self, x: Var<T>) -> Var<T> {
        self.iter().fold(x, |x, layer| layer.forward(x))
    }
    fn lipschitz(&self, at: &mut crate::module::Path, bounds: &mut crate::lipschitz::Certificate) -> crate::Result<()> {
        self.iter().enumerate().try_for_each(|(i, layer)| at.enter_index(i, |at| layer.lipschitz(at, bounds)))
    }
    fn set_fused(&mut self, fuses: bool) {
        self.iter_mut().for_each(|layer| layer.set_fused(fuses));
    }
    #[track_caller]
    fn piecewise(&self, chain: &mut Piecewise) -> Result<()> {
        self.iter().try_for_each(|layer| layer.piecewise(chain))
    }
    #[track_caller]
    fn onnx(&self, at: &mut crate::module::Path, graph: &mut onnx::Graph, x: onnx::Value) -> Result<onnx::Value> {
        self.iter().enumerate().try_fold(x, |x, (i, layer)| at.enter_index(i, |at| layer.onnx(at, graph, x)))
    }
}

impl<T: Float, L: Layer<T>> Layer<T> for Option<L> {
    fn forward(&self, x: Var<T>) -> Var<T> {
        match self {
            Some(layer) => layer.forward(x),
            None => x,
        }
    }
    fn lipschitz(&self, at: &mut crate::module::Path, bounds: &mut crate::lipschitz::Certificate) -> crate::Result<()> {
        self.iter().try_for_each(|layer| layer.lipschitz(at, bounds))
    }
    fn set_fused(&mut self, fuses: bool) {
        if let Some(layer) = self {
            layer.set_fused(fuses);
        }
    }
    #[track_caller]
    fn piecewise(&self, chain: &mut Piecewise) -> Result<()> {
        self.iter().try_for_each(|layer| layer.piecewise(chain))
    }
    #[track_caller]
    fn onnx(&self, at: &mut crate::module::Path, graph: &mut onnx::Graph, x: onnx::Value) -> Result<onnx::Value> {
        self.iter().try_fold(x, |x, layer| layer.onnx(at, graph, x))
    }
}

/// A type's name as users write it: without its path and parameters.
pub(crate) fn short(type_name: &str) -> &str {
    if type_name.starts_with('(') {
        return type_name;
    }
    let name = type_name.split('<').next().unwrap_or(type_name);
    name.rsplit("::").next().unwrap_or(name)
}
