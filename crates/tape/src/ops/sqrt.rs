//! √x and 1/x. Derivatives: 1/(2y) and −y², read from the result; sqrt'(0) = ∞, and both are NaN where 0 meets ∞.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::probing();
//! let x = tape.var(Tensor::from([4.0, 0.0]));
//! assert_eq!(x.clone().sqrt().sum().backward()[&x].to_vec(), [0.25, f32::INFINITY]);
//! assert_eq!(x.clone().recip().sum().backward()[&x].to_vec(), [-0.0625, f32::NEG_INFINITY]);
//! ```

use super::elementwise::unary_op;
use crate::{Float, Op, Tensor, Var};

unary_op!(Sqrt, "sqrt", kernels::sqrt, from y |y, dy| dy / (y * 2));
unary_op!(Recip, "recip", kernels::recip, from y |y, dy| -(dy * y.square()));

impl<T: Float> Var<T> {
    /// The square root, NaN below 0. Derivative: 1/(2√x), ∞ at 0.
    #[track_caller]
    pub fn sqrt(self) -> Var<T> {
        Sqrt.apply([self])
    }

    /// 1/x. Derivative: −1/x².
    #[track_caller]
    pub fn recip(self) -> Var<T> {
        Recip.apply([self])
    }
}

impl<T: Float> Tensor<T> {
    /// The square root, NaN below 0.
    pub fn sqrt(&self) -> Tensor<T> {
        Sqrt.eval([self.clone()])
    }

    /// 1/x.
    pub fn recip(&self) -> Tensor<T> {
        Recip.eval([self.clone()])
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::{UNARY, entry};
    vec![
        entry!("sqrt", UNARY, &[(0.5, 3.0)], |x| x[0].clone().sqrt(), elementwise | x | x[0].sqrt()),
        entry!("recip", UNARY, &[(0.5, 3.0)], |x| x[0].clone().recip(), elementwise | x | 1.0 / x[0]),
    ]
}
