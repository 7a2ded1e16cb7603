//! Kernels: slices in, slices out. No tensor, no graph.
//!
//! Every kernel is written once over [`lanes::Lanes`], compiled for each [`Level`], and split over threads in chunks that
//! depend on the length alone, so results do not depend on the number of threads.

mod float;
mod gemm;
mod lanes;
mod level;
mod map;
mod operands;
mod parallel;
pub mod pool;
mod relu;
#[cfg(test)]
mod testing;

pub use float::Float;
pub use gemm::{BatchMatmul, Matmul, matmul, matmul_batched};
pub use level::Level;
pub use operands::{Broadcast, In1, In2};
pub use parallel::{threads, with_threads};
pub use relu::relu;
