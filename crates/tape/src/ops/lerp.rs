//! (1 − w)·a + w·b: from a at w = 0 to b at w = 1, exact at both ends. Derivatives: 1 − w, w and b − a.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let x = Tape::inference().input(Tensor::from([0.0, 10.0]));
//! assert_eq!(x.lerp(Tensor::from([1.0, 20.0]), 0.25).to_vec(), [0.25, 12.5]);
//! ```

use crate::{Float, Operand, Tape, Tensor, TensorOperand, Var};

impl<T: Float> Var<T> {
    /// The value a part `weight` of the way from this one to `end`.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn lerp(self, end: impl Operand<T>, weight: impl Operand<T>) -> Var<T> {
        let (end, weight) = (end.on(self.tape()), weight.on(self.tape()));
        self * (1 - &weight) + end * weight
    }
}

impl<T: Float> Tensor<T> {
    /// The tensor a part `weight` of the way from this one to `end`.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn lerp(&self, end: impl TensorOperand<T>, weight: impl TensorOperand<T>) -> Tensor<T> {
        Tape::inference().input(self.clone()).lerp(end.into_tensor(), weight.into_tensor()).into_value()
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::entry;
    vec![entry!(
        "lerp",
        &[&[&[2, 3], &[2, 3], &[3]], &[&[3], &[2, 1], &[]], &[&[0], &[1], &[]]],
        &[(-2.0, 2.0)],
        |x| x[0].clone().lerp(&x[1], &x[2]),
        elementwise | x | x[0] * (1.0 - x[2]) + x[1] * x[2]
    )]
}
