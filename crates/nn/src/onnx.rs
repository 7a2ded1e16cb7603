//! ONNX models, in f32: a network written, as it is in evaluation, for `onnxruntime` and whatever else reads the format ([`export()`]), and one read from a file ([`load`]).
//!
//! # Export
//!
//! ```
//! use nn::prelude::*;
//! let mut rng = Rng::seed(1);
//! let net = (Conv2d::new(1, 4, 3, &mut rng), PRelu::per_feature(4), Flatten, Linear::new(4 * 6 * 6, 10, &mut rng));
//! let path = std::env::temp_dir().join("digits.onnx");
//! nn::onnx::export(&net, &[8, 8, 1], &path)?; // takes `input` [N, 1, 8, 8], makes `output` [N, 10]
//! # std::fs::remove_file(path).unwrap();
//! # Ok::<(), nn::Error>(())
//! ```
//!
//! The batch axis is dynamic (`N`), all others are those given. Here features are last, in ONNX channels come after the batch axis: the model takes and returns
//! `[N, C, H, W]` unless [`Export::layout`] says otherwise, and what lies between runs so without transposes, except where a layer needs features last ([`crate::Flatten`], whose
//! order of numbers the weights behind it were trained with; layer norm; a linear layer of more than two axes). Operator set 20, IR version 9.
//!
//! | module | ONNX |
//! |---|---|
//! | `Linear` | `Gemm`; of more than two axes `MatMul`, `Add` |
//! | `Conv1d` to `Conv3d`, `ConvTranspose1d` to `3d` | `Conv`, `ConvTranspose`, padding in numbers |
//! | `BatchNorm`, `NormAct` | `BatchNormalization`, and the rectifier |
//! | `LayerNorm` | `LayerNormalization` |
//! | `RmsNorm` | `Mul`, `ReduceMean`, `Add`, `Sqrt`, `Div`, `Mul` |
//! | `GroupNorm`, `InstanceNorm` | `Reshape`, `InstanceNormalization`, `Reshape`, `Mul`, `Add` |
//! | `Relu`, `LeakyRelu`, `InvertibleLeaky`, `RRelu` (its middle slope) | `Relu`, `LeakyRelu` |
//! | `PRelu`, `ConstrainedPRelu` (its α) | `PRelu`; α `[C]` becomes `[C, 1, 1]` |
//! | `CRelu` | `Relu`, `Neg`, `Relu`, `Concat` |
//! | `Elu`, `Selu`, `Celu`, `Gelu`, `GeluTanh`, `Mish`, `Hardswish`, `Hardsigmoid` | the operators of these names |
//! | `Silu` | `Sigmoid`, `Mul` |
//! | `Softplus` | `Softplus`, with `Mul` and `Div` for β, and `Greater`, `Where` for a threshold below 20 |
//! | `Relu6`, `Hardtanh` | `Clip` |
//! | `ThresholdRelu`, of threshold 0 and slope ≥ 0 | `Relu` or `LeakyRelu`, and `Clip` |
//! | `Dropout` | nothing |
//! | `MaxPool`, `AvgPool` | `MaxPool`, `AveragePool` (behind a `Pad` where windows that leave the padding count it) |
//! | `AdaptiveMaxPool`, `AdaptiveAvgPool` | the same, where bins are of one size; else an error |
//! | `GlobalAvgPool` | `ReduceMean` |
//! | `Upsample` | `Resize` |
//! | `Pad` | `Pad` |
//! | `Flatten` | `Flatten` |
//! | `Residual` | `Add` |
//! | `Embedding` | `Gather` |
//! | `LearnedPositions`, `SinusoidalEncoding` | `Add` |
//! | `MultiHeadAttention` | `MatMul`, `Add`, then `Slice`, `Reshape`, `Transpose` for Q, K and V, `Mul`, `MatMul`, `Add` of the mask, `Softmax`, `MatMul`; `Mul`, `Add` before the softmax and `Sub`, `Mul` behind it for padding |
//! | `TransformerEncoderLayer`, `TransformerDecoderLayer`, `TransformerEncoder`, `TransformerDecoder` | what they consist of |
//! | `Rnn` (tanh, ReLU, leaky ReLU, ELU), `Lstm` (without a projection), `Gru` | `RNN`, `LSTM`, `GRU`, one for each layer, between `Transpose`s |
//! | `Sequential`, tuples, `Vec`, `Option`, `Box`, `Act`, [`crate::models::ResNetCifar`] | what they consist of |
//!
//! A layer of your own writes [`crate::Layer::onnx`], most often by the parts' own methods, else by [`Graph::node`].
//!
//! # Sequences
//!
//! Sequences are `[N, T, D]` with [`Layout::FeaturesLast`]; T is that of the example, the same for every input of the model. The states of recurrent layers begin at 0, and the model
//! returns the results of every step. A causal mask is a setting of the layer ([`crate::MultiHeadAttention::causal`], [`crate::TransformerEncoder::causal`]); a layer of your own that
//! calls `forward_masked` writes `onnx_masked` with the same mask. Padding, which is of one batch, is an input of its own ([`Mask::padding`]), and so is the memory of a decoder:
//! [`Export::save_inputs`] writes networks of several inputs, [`Import::load_inputs`] reads them.
//!
//! A network that takes indices begins with an [`crate::Embedding`], which is no [`crate::Layer`]: [`Export::save_ids`] writes it, [`Import::load_ids`] reads it.
//!
//! ```
//! use nn::{onnx::{Export, Import}, prelude::*};
//! let mut rng = Rng::seed(1);
//! let (words, positions) = (Embedding::new(50, 8, &mut rng), SinusoidalEncoding::new(16, 8));
//! let block = TransformerEncoderLayer::new(8, 2, 32, &mut rng).norm_first().causal();
//! let path = std::env::temp_dir().join("words.onnx");
//! Export::new().save_ids(&[16], &path, |at, graph, ids| {
//!     let x = at.enter("words", |at| words.onnx(at, graph, ids))?;
//!     let x = positions.onnx(at, graph, x)?;
//!     at.enter("block", |at| block.onnx(at, graph, x))
//! })?; // takes `input` [N, 16] of i64, makes `output` [N, 16, 8]
//! let again = Import::new().load_ids(&path)?;
//! let y = again.forward(&Tape::inference(), &Tensor::from([[7; 16], [49; 16]]));
//! assert_eq!(y.shape(), &[2, 16, 8]);
//! # std::fs::remove_file(path).unwrap();
//! # Ok::<(), nn::Error>(())
//! ```
//!
//! # Import
//!
//! [`load`] makes a [`Model`] of a file with one input and one output: a [`crate::Layer`] with parameters that runs, trains, is diagnosed and exported again; [`Import::load_ids`] and
//! [`Import::load_inputs`] read networks of indices and of several inputs.
//!
//! ```
//! use nn::prelude::*;
//! let bytes = nn::onnx::Export::new().to_bytes(&Linear::new(3, 2, &mut Rng::seed(1)), &[3])?;
//! let mut model = nn::onnx::Import::new().from_bytes(&bytes)?;
//! let loss = model.forward(Tape::training(1).input(Tensor::ones([4, 3]))).square().mean();
//! Adam::new(1e-3).step(&mut model, loss.backward())?;
//! # Ok::<(), nn::Error>(())
//! ```
//!
//! Known are the operators above and `Abs`, `Constant`, `Dropout`, `Erf`, `Exp`, `GlobalAveragePool`, `GlobalMaxPool`, `Identity`, `Log`, `LogSoftmax`, `Split`, `Squeeze`, `Sub`,
//! `Tanh`, `Unsqueeze`, and what computes sizes for `Reshape` from a `Shape`; of versions 13 to 24, which PyTorch's `torch.onnx.export` writes. `Gemm`, convolutions and norms take
//! constants as weights, and so does `MatMul` unless it multiplies the matrices of each example of two values; `Gather` takes rows of a constant for ids, or one place of a value's axis;
//! `Where` takes `Greater` or a constant as its condition. `RNN`, `LSTM` and `GRU` begin at states of 0; of their outputs the results of every step are read.
//!
//! Where the file has channels behind the batch axis, the model here has them last, in between as well as in input and output ([`Import::layout`]); the order of numbers that a `Flatten`
//! or `Reshape` sees is the file's, so that weights behind it stay as they are. The batch axis is not computed with; where the file moves it or joins it with others, as PyTorch's attention
//! does, it has to be the first again before anything but linear maps and recurrent layers. A tensor of one or more axes that a value is added to or multiplied with is a parameter; a
//! number, a `Constant`, or what is not finite, as masks are, is a setting.
//!
//! Everything else is an [`crate::Error::Unsupported`] that names operator and node: values joined by control flow, sizes that are computed, other types than f32, tensors in other
//! files. A damaged file is an [`crate::Error::Damaged`] that names the byte. All sizes that the file fixes are checked when it is read.

mod export;
mod graph;
mod import;
mod layers;
mod model;
mod network;
mod proto;
mod recurrent;
mod sequence;
mod steps;
mod windows;

pub use export::{Export, Input, Layout, export};
pub use graph::{Attribute, Graph, Value};
pub use import::{Import, load};
pub use model::{IdsModel, InputsModel, Model};
pub(crate) use recurrent::{RecurrentNodes, RecurrentWeights};
pub(crate) use sequence::Heads;
pub use sequence::Mask;
pub(crate) use windows::Takes;
