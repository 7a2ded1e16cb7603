//! eˣ and eˣ − 1. Derivatives: y and y + 1, read from the result; the second is exact to half a unit of 1.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::probing();
//! let x = tape.var(Tensor::from([0.0, 1.0]));
//! let y = x.clone().exp();
//! assert_eq!(y.to_vec(), [1.0, std::f32::consts::E]);
//! assert_eq!(y.sum().backward()[&x].to_vec(), [1.0, std::f32::consts::E]);
//! ```

use super::elementwise::unary_op;
use crate::{Float, Op, Tensor, Var};

unary_op!(Exp, "exp", kernels::exp, from y |y, dy| dy * y);
unary_op!(Expm1, "expm1", kernels::expm1, from y |y, dy| dy * (y + 1));

impl<T: Float> Var<T> {
    /// eˣ. Derivative: eˣ.
    #[track_caller]
    pub fn exp(self) -> Var<T> {
        Exp.apply([self])
    }

    /// eˣ − 1, exact near 0 too. Derivative: eˣ.
    #[track_caller]
    pub fn expm1(self) -> Var<T> {
        Expm1.apply([self])
    }
}

impl<T: Float> Tensor<T> {
    /// eˣ.
    pub fn exp(&self) -> Tensor<T> {
        Exp.eval([self.clone()])
    }

    /// eˣ − 1, exact near 0 too.
    pub fn expm1(&self) -> Tensor<T> {
        Expm1.eval([self.clone()])
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::{UNARY, entry};
    vec![
        entry!("exp", UNARY, &[(-2.0, 2.0)], |x| x[0].clone().exp(), elementwise | x | x[0].exp()),
        entry!("expm1", UNARY, &[(-2.0, 2.0)], |x| x[0].clone().expm1(), elementwise | x | x[0].exp_m1()),
    ]
}
