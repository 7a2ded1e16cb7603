//! Transcendental functions, vectorised, and their gradients.
//!
//! Each is written once over the lanes, for both types and every level; what differs between the types is in `constants`.
//! The portable level has no fused multiply-add: what must be exact goes through the error-free transformations of `pair`.
//! A value depends on its argument and the level alone, never on its place in the array. Special values are in the files.
//!
//! The largest errors found, in ulps. f32 by `examples/ulps.rs`; "all" means all 2³² arguments, "1/17" every 17th of
//! them (2.5·10⁸, every binade), pow 1.6·10⁷ pairs. f64 by `tests/math_f64.rs`, whole ulps from the correctly rounded value
//! of mpmath on 365 to 512 arguments a function.
//!
//! | function | bound | f32 portable | AVX2 | AVX-512 | arguments | f64 |
//! |---|---|---|---|---|---|---|
//! | exp | 1 | 0.832 | 0.794 | 0.794 | all | 1 |
//! | expm1 | 1 | 0.707 | 0.707 | 0.707 | 1/17 | 1 |
//! | ln | 1 | 0.844 | 0.844 | 0.844 | 1/17 | 1 |
//! | log1p | 1 | 0.922 | 0.868 | 0.868 | 1/17 | 1 |
//! | tanh | 1 | 0.818 | 0.787 | 0.787 | all | 1 |
//! | sin | 1 | 0.911 | 0.892 | 0.892 | 1/17 | 1 |
//! | cos | 1 | 0.909 | 0.885 | 0.885 | 1/17 | 1 |
//! | sigmoid | 2 | 1.458 | 1.458 | 1.458 | 1/17 | 1 |
//! | silu | 2 | 0.772 | 0.750 | 0.750 | 1/17 | 1 |
//! | softplus | 2 | 1.125 | 1.125 | 1.125 | 1/17 | 1 |
//! | erf | 2 | 1.464 | 1.137 | 1.137 | 1/17 | 2 |
//! | gelu | 2 | 1.709 | 1.627 | 1.627 | 1/17 | 1 |
//! | pow | 2 | 0.813 | 0.794 | 0.794 | pairs | 1 |
//! | tanh_backward | 2 | 1.500 | 1.500 | 1.500 | 1/17 | |
//! | sigmoid_backward | 2 | 1.498 | 1.498 | 1.498 | 1/17 | |
//! | softplus_backward | 2 | 1.458 | 1.458 | 1.458 | 1/17 | |
//! | silu_backward | 2 | 1.008 | 1.005 | 1.005 | 1/17 | |
//! | erf_backward | 2 | 0.782 | 0.765 | 0.765 | 1/17 | |
//! | gelu_backward | 2 | 1.402 | 1.316 | 1.316 | 1/17 | |
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
mod oracle;
#[cfg(test)]
mod tests;
