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
//! | `Sequential`, tuples, `Vec`, `Option`, `Box`, `Act`, [`crate::models::ResNetCifar`] | what they consist of |
//!
//! A layer of your own writes [`crate::Layer::onnx`], most often by the parts' own methods, else by [`Graph::node`].
//!
//! # Import
//!
//! [`load`] makes a [`Model`] of a file with one input and one output: a [`crate::Layer`] with parameters that runs, trains, is diagnosed and exported again.
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
//! Known are the operators above and `Abs`, `Constant`, `Dropout`, `Erf`, `Exp`, `GlobalAveragePool`, `GlobalMaxPool`, `Identity`, `Log`, `LogSoftmax`, `Softmax`, `Squeeze`,
//! `Sub`, `Tanh`, `Unsqueeze`, and `Shape` where a `Reshape` takes it whole; of versions 13 to 24, which PyTorch's `torch.onnx.export` writes. `MatMul`, `Gemm`, convolutions and norms take
//! constants as weights. Where the file has channels behind the batch axis, the model here has them last, in between as well as in input and output ([`Import::layout`]); the order
//! of numbers that a `Flatten` or `Reshape` sees is the file's, so that weights behind it stay as they are. The batch axis stays the first and is not computed with. A tensor of one or more
//! axes that a value is added to or multiplied with is a parameter, a number is a setting.
//!
//! Everything else is an [`crate::Error::Unsupported`] that names operator and node: values joined by control flow, sizes that are computed, other types than f32, tensors in other
//! files. A damaged file is an [`crate::Error::Damaged`] that names the byte. All sizes that the file fixes are checked when it is read.

mod export;
mod graph;
mod import;
mod layers;
mod model;
mod proto;
mod steps;
mod windows;

pub use export::{Export, Layout, export};
pub use graph::{Attribute, Graph, Value};
pub use import::{Import, load};
pub use model::Model;
pub(crate) use windows::Takes;
