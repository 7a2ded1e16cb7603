//! Modules, losses, optimisers, data: what a training loop is written with.
//!
//! ```standalone_crate
//! use nn::prelude::*;
//!
//! #[derive(Module)]
//! struct Net { hidden: Linear, act: PRelu, out: Linear }
//!
//! impl Net {
//!     fn new(rng: &mut Rng) -> Self {
//!         Self { hidden: Linear::new(64, 128, rng), act: PRelu::per_feature(128), out: Linear::new(128, 10, rng) }
//!     }
//!     fn forward(&self, x: Var) -> Var { self.out.forward(self.act.forward(self.hidden.forward(x))) }
//! }
//!
//! fn main() -> nn::Result<()> {
//! #    std::env::set_current_dir(std::env::temp_dir()).expect("a place for the model");
//!     let (train, test) = nn::data::digits()?;
//!     let mut rng = Rng::seed(7);
//!     let mut net = Net::new(&mut rng);
//!     let mut adam = Adam::new(1e-3);
//!     for _epoch in 0..30 {
//!         for (images, labels) in train.batches(64).shuffled(rng.next_u64()) {
//!             let tape = Tape::training(rng.next_u64());
//!             let loss = net.forward(tape.input(images)).cross_entropy(&labels);
//!             adam.step(&mut net, loss.backward())?;
//!         }
//!     }
//!     println!("test accuracy: {:.2}%", 100.0 * nn::metrics::accuracy(|x| net.forward(x), &test));
//!     net.save("digits.safetensors")
//! }
//! ```
#![forbid(unsafe_code)]

// The derive writes `::nn::…`, here too.
extern crate self as nn;

pub mod average;
#[cfg(doctest)]
mod book;
mod buffer;
pub mod checkpoint;
pub mod data;
pub mod diagnose;
pub mod equivalence;
mod error;
mod files;
mod gradcheck;
pub mod init;
pub mod lipschitz;
pub mod log;
pub mod loss;
pub mod metrics;
pub mod models;
pub mod module;
pub mod modules;
pub mod onnx;
pub mod optim;
pub mod prelude;
mod protobuf;
pub mod regions;
pub mod schedule;
#[cfg(all(shared_kernels, debug_assertions, not(test)))]
#[doc(hidden)]
pub mod shared;
pub mod state;
pub mod theory;
pub mod trainer;

pub use average::Average;
pub use buffer::Buffer;
pub use checkpoint::Checkpoint;
pub use diagnose::diagnose;
pub use error::{Differences, Error, Result};
pub use gradcheck::gradcheck_module;
pub use module::Module;
pub use modules::{
    Act, Activation, AdaptiveAvgPool, AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveAvgPool3d, AdaptiveMaxPool,
    AdaptiveMaxPool1d, AdaptiveMaxPool2d, AdaptiveMaxPool3d, AttentionMask, AvgPool, AvgPool1d, AvgPool2d, AvgPool3d,
    BatchNorm, CRelu, Celu, ConstrainedPRelu, Constraint, Conv1d, Conv2d, Conv3d, ConvNd, ConvTranspose1d,
    ConvTranspose2d, ConvTranspose3d, ConvTransposeNd, Dropout, Elu, Embedding, Enforcement, Flatten, Gelu, GeluTanh,
    GlobalAvgPool, GroupNorm, Gru, Hardsigmoid, Hardswish, Hardtanh, InstanceNorm, InvertibleLeaky, Layer, LayerNorm,
    LeakyRelu, LearnedPositions, Linear, Lstm, MaxPool, MaxPool1d, MaxPool2d, MaxPool3d, Mish, MultiHeadAttention,
    Nonlinearity, NormAct, PRelu, Pad, Pad1d, Pad2d, Pad3d, RRelu, Recurrence, Relu, Relu6, Residual, RmsNorm, Rnn,
    Selu, Sequential, Silu, SinusoidalEncoding, Softplus, ThresholdRelu, TransformerDecoder, TransformerDecoderLayer,
    TransformerEncoder, TransformerEncoderLayer, Upsample, Upsample1d, Upsample2d, Upsample3d,
};
pub use optim::{
    Accumulator, Adadelta, Adagrad, Adam, AdamW, Adamax, Lbfgs, LevenbergMarquardt, Lion, NAdam, Optimizer, ParamGroup,
    RAdam, RmsProp, Sgd,
};
pub use rectify_derive::Module;
pub use schedule::{Plateau, Schedule};
pub use state::State;
pub use trainer::Trainer;
