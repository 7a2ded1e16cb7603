//! What a training loop needs, in one line: `use nn::prelude::*;`.

pub use crate::data::Dataset;
pub use crate::{
    Activation, Adam, AdamW, AdaptiveAvgPool2d, AvgPool2d, BatchNorm, Buffer, Conv1d, Conv2d, Conv3d, ConvTranspose1d,
    ConvTranspose2d, ConvTranspose3d, Dropout, Flatten, GlobalAvgPool, GroupNorm, InstanceNorm, Layer, LayerNorm,
    LeakyRelu, Linear, MaxPool2d, Module, NormAct, Optimizer, PRelu, Pad2d, Relu, Residual, RmsNorm, Sequential, Sgd,
    Upsample2d,
};
pub use tape::{ConvAlgorithm, Float, Gradients, Group, Padding, Param, Rng, Shape, Tape, Tensor, Var};
