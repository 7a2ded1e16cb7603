//! Transcendental functions, vectorised, and their gradients.
//!
//! Each is written once over the lanes, for both types and every level; what differs between the types is in `constants`.
//! The portable level has no fused multiply-add: what must be exact goes through the error-free transformations of `pair`.
//! A value depends on its argument and the level alone, never on its place in the array. Special values are in the files.
//!
//! The largest errors found, in ulps. f32 by `examples/ulps.rs` over all 2³² arguments (2026-11-25), pow on 2.7·10⁸ pairs. f64 by `f64_tests.rs`, whole ulps from the correctly rounded value
//! of mpmath on 365 to 512 arguments a function.
//!
//! | function | bound | f32 portable | AVX2 | AVX-512 | arguments | f64 |
//! |---|---|---|---|---|---|---|
//! | exp | 1 | 0.832 | 0.794 | 0.794 | all | 1 |
//! | expm1 | 1 | 0.707 | 0.707 | 0.707 | all | 1 |
//! | ln | 1 | 0.888 | 0.858 | 0.858 | all | 1 |
//! | log1p | 1 | 0.937 | 0.912 | 0.912 | all | 1 |
//! | tanh | 1 | 0.818 | 0.787 | 0.787 | all | 1 |
//! | sin | 1 | 0.931 | 0.897 | 0.897 | all | 1 |
//! | cos | 1 | 0.926 | 0.897 | 0.897 | all | 1 |
//! | sigmoid | 2 | 1.480 | 1.480 | 1.480 | all | 1 |
//! | silu | 2 | 0.856 | 0.821 | 0.821 | all | 1 |
//! | softplus | 2 | 1.135 | 1.141 | 1.141 | all | 1 |
//! | erf | 2 | 1.501 | 1.175 | 1.175 | all | 2 |
//! | gelu | 2 | 1.377 | 1.281 | | every third (2026-12-01; on a CPU without AVX-512) | 1 |
//! | pow | 2 | 0.819 | 0.795 | 0.795 | pairs | 1 |
//! | tanh_backward | 2 | 1.500 | 1.500 | 1.500 | all | |
//! | sigmoid_backward | 2 | 1.500 | 1.500 | 1.500 | all | |
//! | softplus_backward | 2 | 1.480 | 1.480 | 1.480 | all | |
//! | silu_backward | 2 | 1.009 | 1.008 | 1.008 | all | |
//! | erf_backward | 2 | 0.785 | 0.771 | 0.771 | all | |
//! | gelu_backward | 2 | 1.408 | 1.326 | 1.326 | all | |
//!
//! Gradients are measured at dy = 1; those of silu and gelu in ulps of the larger of the two terms they sum.

mod constants;
mod erf;
mod exp;
mod gelu;
mod ln;
mod pair;
mod pow;
mod reduction;
mod sigmoid;
mod tanh;
mod trig;

pub(crate) use constants::Constants;
pub use erf::{erf, erf_backward};
pub(crate) use exp::exp_lanes;
pub use exp::{exp, expm1};
pub use gelu::{gelu, gelu_backward};
pub use ln::{ln, log1p};
pub use pow::pow;
pub use sigmoid::{bce_with_logits, sigmoid, sigmoid_backward, silu, silu_backward, softplus, softplus_backward};
pub use tanh::{tanh, tanh_backward};
pub use trig::{cos, sin};

/// A public function of one number.
macro_rules! unary {
    ($(#[$doc:meta])* $name:ident, $Function:ident, cost $cost:literal, |$x:ident| $value:expr) => {
        #[derive(Clone, Copy)]
        struct $Function;
        impl<T: crate::Float> crate::map::Map1<T> for $Function {
            const COST: usize = $cost;

            #[inline(always)]
            fn map<L: Lanes<Elem = T>>(self, $x: L) -> L {
                $value
            }
        }
        $(#[$doc])*
        ///
        /// # Panics
        /// If argument and result differ in length.
        #[track_caller]
        pub fn $name<T: crate::Float>(io: crate::In1<'_, T>) {
            crate::map::map1($Function, io);
        }
    };
}
use unary;

/// A public function of two numbers.
macro_rules! binary {
    ($(#[$doc:meta])* $name:ident, $Function:ident, cost $cost:literal, |$a:ident, $b:ident| $value:expr) => {
        #[derive(Clone, Copy)]
        struct $Function;
        impl<T: crate::Float> crate::map::Map2<T> for $Function {
            const COST: usize = $cost;

            #[inline(always)]
            fn map<L: Lanes<Elem = T>>(self, $a: L, $b: L) -> L {
                $value
            }
        }
        $(#[$doc])*
        ///
        /// # Panics
        /// If an argument does not tile the result.
        #[track_caller]
        pub fn $name<T: crate::Float>(io: crate::In2<'_, T>) {
            crate::map::map2($Function, io);
        }
    };
}
use binary;

#[cfg(test)]
mod f64_tests;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;
