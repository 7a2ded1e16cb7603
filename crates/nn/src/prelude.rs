//! What a training loop needs, in one line: `use nn::prelude::*;`.

pub use crate::data::Dataset;
pub use crate::{
    Adam, AdamW, Buffer, Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d, Dropout, Flatten,
    Layer, LeakyRelu, Linear, Module, Optimizer, PRelu, Relu, Sequential, Sgd,
};
pub use tape::{ConvAlgorithm, Float, Gradients, Group, Padding, Param, Rng, Shape, Tape, Tensor, Var};
