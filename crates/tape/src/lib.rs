//! Reverse-mode automatic differentiation on a flat tape.
//!
//! A [`Tensor`] is plain data. A [`Var`] is a tensor recorded on a [`Tape`]; ops on variables are recorded, and
//! [`Var::backward`] replays them in reverse. Which tape you start from decides what is recorded and how layers behave.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::probing();
//! let x = tape.var(Tensor::from([-2.0, -1.0, 3.0]));
//! let alpha = tape.var(Tensor::from([0.25]));
//! let grads = x.clone().prelu(&alpha).sum().backward();
//! assert_eq!(grads[&x].to_vec(), [0.25, 0.25, 1.0]);
//! assert_eq!(grads[&alpha].to_vec(), [-3.0]);
//! ```
#![forbid(unsafe_code)]

mod anomaly;
mod backward;
mod buffer;
mod checkpoint;
mod differentiate;
mod error;
mod float;
mod gradcheck;
mod gradients;
mod graph;
mod in_place;
mod keeping;
mod observe;
mod op;
mod operand;
mod ops;
mod param;
mod rng;
mod shape;
#[cfg(feature = "proptest")]
pub mod strategy;
mod tape;
mod tensor;
mod var;

pub use buffer::{Buffer, BufferId, Updates};
pub use differentiate::{hessian, hvp, jacobian, jvp};
pub use error::{Error, Result};
pub use float::Float;
pub use gradcheck::{Gradchecked, gradcheck, gradcheck_first_order, gradcheck_many};
pub use gradients::Gradients;
pub use keeping::{Keeping, KeptByOp};
pub use kernels::ConvAlgorithm;
pub use observe::{Observed, Source};
pub use op::{Keeps, Kept, Op, OpMany};
pub use operand::{Operand, TensorOperand};
pub use ops::batch_norm::Moments;
pub use ops::conv::{Conv, ConvAxis, Padding, PerAxis};
pub use ops::cross_entropy::CrossEntropyOptions;
pub use ops::linear_act::Rectifier;
pub use ops::pooling::Pool;
pub use ops::resample::PadMode;
pub use param::{Group, Param, ParamId};
pub use rng::Rng;
pub use shape::{Axes, MAX_RANK, Shape, keep};
pub use tape::Tape;
pub use tensor::{Elements, Slice, Span, Tensor};
pub use var::Var;
