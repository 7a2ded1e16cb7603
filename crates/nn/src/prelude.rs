//! What a training loop needs, in one line: `use nn::prelude::*;`.

pub use crate::data::Dataset;
pub use crate::schedule::{Plateau, Schedule};
pub use crate::{
    Accumulator, Activation, Adadelta, Adagrad, Adam, AdamW, Adamax, AdaptiveAvgPool2d, AttentionMask, Average,
    AvgPool2d, BatchNorm, Buffer, CRelu, Checkpoint, ConstrainedPRelu, Constraint, Conv1d, Conv2d, Conv3d,
    ConvTranspose1d, ConvTranspose2d, ConvTranspose3d, Dropout, Elu, Embedding, Enforcement, Flatten, Gelu,
    GlobalAvgPool, GroupNorm, Gru, InstanceNorm, Layer, LayerNorm, LeakyRelu, LearnedPositions, Linear, Lion, Lstm,
    MaxPool2d, Mish, Module, MultiHeadAttention, NAdam, Nonlinearity, NormAct, Optimizer, PRelu, Pad2d, ParamGroup,
    RAdam, RRelu, Recurrence, Relu, Residual, RmsNorm, RmsProp, Rnn, Selu, Sequential, Sgd, Silu, SinusoidalEncoding,
    Softplus, State, Trainer, TransformerDecoder, TransformerDecoderLayer, TransformerEncoder, TransformerEncoderLayer,
    Upsample2d,
};
pub use tape::{ConvAlgorithm, Float, Gradients, Group, Padding, Param, Rng, Shape, Tape, Tensor, Var};
