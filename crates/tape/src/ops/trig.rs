//! sin x and cos x. Derivatives: cos x and −sin x. Of ±∞: NaN.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::probing();
//! let x = tape.var(Tensor::from([0.0]));
//! assert_eq!(x.clone().sin().sum().backward()[&x].to_vec(), [1.0]);
//! ```

use super::elementwise::unary_op;
use crate::{Float, Op, Tensor, Var};

unary_op!(Sin, "sin", kernels::sin, from x |x, dy| dy * x.cos());
unary_op!(Cos, "cos", kernels::cos, from x |x, dy| -(dy * x.sin()));

impl<T: Float> Var<T> {
    /// The sine of an angle in radians. Derivative: cos x.
    #[track_caller]
    pub fn sin(self) -> Var<T> {
        Sin.apply([self])
    }

    /// The cosine of an angle in radians. Derivative: −sin x.
    #[track_caller]
    pub fn cos(self) -> Var<T> {
        Cos.apply([self])
    }
}

impl<T: Float> Tensor<T> {
    /// The sine of an angle in radians.
    pub fn sin(&self) -> Tensor<T> {
        Sin.eval([self.clone()])
    }

    /// The cosine of an angle in radians.
    pub fn cos(&self) -> Tensor<T> {
        Cos.eval([self.clone()])
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::{UNARY, entry};
    vec![
        entry!("sin", UNARY, &[(-4.0, 4.0)], |x| x[0].clone().sin(), elementwise | x | x[0].sin()),
        entry!("cos", UNARY, &[(-4.0, 4.0)], |x| x[0].clone().cos(), elementwise | x | x[0].cos()),
    ]
}
