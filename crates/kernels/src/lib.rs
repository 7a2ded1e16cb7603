//! Kernels: slices in, slices out. No tensor, no graph.
//!
//! Every kernel is written once over `Lanes`, compiled for each [`Level`], and split over threads in chunks that
//! depend on the length alone, so results do not depend on the number of threads.

#[cfg(test)]
extern crate self as kernels; // the oracle of `math` is shared with an example

mod arithmetic;
mod attention;
mod cache;
mod conv;
mod cross_entropy;
mod dropout;
mod extremum;
mod float;
mod gate;
mod gemm;
mod lanes;
mod leaky;
mod level;
mod map;
pub mod math;
mod norm;
mod operands;
pub mod optim;
mod parallel;
pub mod pool;
mod pooling;
mod prelu;
mod reduce;
mod relu;
mod resample;
mod scan;
mod scratch;
mod select;
#[cfg(all(shared_kernels, debug_assertions, not(test)))]
#[doc(hidden)]
pub mod shared;
mod softmax;
pub mod strided;
mod tail;
#[cfg(test)]
mod testing;

pub use arithmetic::{
    abs, add, ceil, clamp, clamp_backward, clamp_slope, div, equal, floor, greater, greater_equal, less, less_equal,
    maximum, maximum_share, minimum, minimum_share, mul, neg, not_equal, powi, recip, round, sign, sqrt, square, sub,
};
pub use attention::{Attention, AttentionBackward, attention, attention_backward};
pub use cache::is_beyond as is_beyond_cache;
pub use conv::{ConvAlgorithm, ConvGeometry, conv, conv_backward_data, conv_backward_weights, conv_moments};
pub use cross_entropy::{CrossEntropy, Logits, Reduction, cross_entropy};
pub use dropout::dropout;
pub use extremum::{maximum_backward, minimum_backward};
pub use float::Float;
pub use gate::{Gate, gate, gate_backward, gate_words};
pub use gemm::{BatchMatmul, Epilogue, Matmul, Rectifier, matmul, matmul_batched};
pub use leaky::{leaky, leaky_backward};
pub use level::Level;
pub use math::{
    bce_with_logits, cos, erf, erf_backward, exp, expm1, gelu, gelu_backward, ln, log1p, pow, sigmoid,
    sigmoid_backward, silu, silu_backward, sin, softplus, softplus_backward, tanh, tanh_backward,
};
pub use norm::{
    BatchNormBackward, GroupNorm, GroupNormBackward, LayerNorm, LayerNormBackward, NormSeen, batch_norm,
    batch_norm_backward, group_norm, group_norm_backward, layer_norm, layer_norm_backward, moments,
    norm_output_is_enough,
};
pub use operands::{Broadcast, In1, In2, In3};
pub use optim::is_finite_all;
pub use parallel::{rendezvous, threads, with_threads};
pub use pooling::{Place, Windows, max_pool, max_pool_backward, max_pool_gather, window_places};
pub use prelu::{PreluBackward, Seen, output_is_enough, prelu, prelu_backward};
pub use reduce::{
    Axes, ExtremumShare, Reduce, argmax, argmin, extremum_share, logsumexp, max, mean, min, norm1, norm2, prod, sum,
    sum_of_squares, variance,
};
pub use relu::{relu, relu_backward};
pub use resample::{Taps, resample};
pub use scan::{Scan, cumprod, cumsum};
pub use select::select;
pub use softmax::{log_softmax, log_softmax_backward, softmax, softmax_backward};
