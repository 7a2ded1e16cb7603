//! Transcendental functions, vectorised.
//!
//! Each is written once over the lanes, for both types and every level.

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
pub use exp::{exp, expm1};
pub use gelu::{gelu, gelu_backward};
pub use ln::{ln, log1p};
pub use pow::pow;
pub use sigmoid::{sigmoid, sigmoid_backward, silu, silu_backward, softplus, softplus_backward};
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
