//! What a training loop needs, in one line: `use nn::prelude::*;`.

pub use crate::data::Dataset;
pub use crate::schedule::{Plateau, Schedule};
pub use crate::{
    Accumulator, Activation, Adadelta, Adagrad, Adam, AdamW, Adamax, AdaptiveAvgPool2d, Average, AvgPool2d, BatchNorm,
    Buffer, CRelu, Checkpoint, ConstrainedPRelu, Constraint, Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d,
    ConvTranspose3d, Dropout, Elu, Enforcement, Flatten, Gelu, GlobalAvgPool, GroupNorm, InstanceNorm, Layer,
    LayerNorm, LeakyRelu, Linear, Lion, MaxPool2d, Mish, Module, NAdam, NormAct, Optimizer, PRelu, Pad2d, ParamGroup,
    RAdam, RRelu, Relu, Residual, RmsNorm, RmsProp, Selu, Sequential, Sgd, Silu, Softplus, State, Trainer, Upsample2d,
};
pub use tape::{ConvAlgorithm, Float, Gradients, Group, Padding, Param, Rng, Shape, Tape, Tensor, Var};
