//! What a training loop needs, in one line: `use nn::prelude::*;`.

pub use crate::data::Dataset;
pub use crate::{
    Adam, AdamW, Buffer, Dropout, Flatten, Layer, LeakyRelu, Linear, Module, Optimizer, PRelu, Relu, Sequential, Sgd,
};
pub use tape::{Float, Gradients, Group, Param, Rng, Shape, Tape, Tensor, Var};
pub use crate::modules::LossStandIn as _;
