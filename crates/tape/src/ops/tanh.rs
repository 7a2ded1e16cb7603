//! tanh x. Derivative: 1 − y², read from the result.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::probing();
//! let x = tape.var(Tensor::from([0.0, 100.0]));
//! let y = x.clone().tanh();
//! assert_eq!(y.to_vec(), [0.0, 1.0]);
//! assert_eq!(y.sum().backward()[&x].to_vec(), [1.0, 0.0]);
//! ```

use super::elementwise::{slope_op, unary_op};
use crate::{Float, Op, Tensor, Var};

unary_op!(Tanh, "tanh", kernels::tanh, from y |y, dy| TanhSlope.apply([y, dy]));
slope_op!(TanhSlope, "tanh_slope", kernels::tanh_backward, |y, c| c * y * -2);

impl<T: Float> Var<T> {
    /// The hyperbolic tangent. Derivative: 1 − tanh².
    #[track_caller]
    pub fn tanh(self) -> Var<T> {
        Tanh.apply([self])
    }
}

impl<T: Float> Tensor<T> {
    /// The hyperbolic tangent.
    pub fn tanh(&self) -> Tensor<T> {
        Tanh.eval([self.clone()])
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::{UNARY, entry};
    vec![entry!("tanh", UNARY, &[(-2.0, 2.0)], |x| x[0].clone().tanh(), elementwise | x | x[0].tanh())]
}
