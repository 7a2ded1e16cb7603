//! Comparisons of tensors, element by element: 1 where true, 0 where false, in the tensors' own type.
//!
//! The results are conditions for [`Var::where_else`], [`Var::select`] and [`Var::masked_fill`]. Comparing is not
//! differentiable, so it is defined on tensors: write `x.value().gt(0)`. Everything is false of NaN but `ne_elements`.
//!
//! ```
//! use tape::Tensor;
//! let x = Tensor::from([-1.0, 0.0, f32::NAN]);
//! assert_eq!(x.ge(0).to_vec(), [0.0, 1.0, 0.0]);
//! assert_eq!(x.ne_elements(&x).to_vec(), [0.0, 0.0, 1.0]);
//! ```

use super::elementwise::binary_in;
#[cfg(doc)]
use crate::Var;
use crate::error::expect;
use crate::{Float, Tensor, TensorOperand};
use kernels::In2;

impl<T: Float> Tensor<T> {
    /// 1 where this > other.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn gt(&self, other: impl TensorOperand<T>) -> Tensor<T> {
        self.compare("gt", other, kernels::greater)
    }

    /// 1 where this ≥ other.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn ge(&self, other: impl TensorOperand<T>) -> Tensor<T> {
        self.compare("ge", other, kernels::greater_equal)
    }

    /// 1 where this < other.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn lt(&self, other: impl TensorOperand<T>) -> Tensor<T> {
        self.compare("lt", other, kernels::less)
    }

    /// 1 where this ≤ other.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn le(&self, other: impl TensorOperand<T>) -> Tensor<T> {
        self.compare("le", other, kernels::less_equal)
    }

    /// 1 where both are equal; for whole tensors, `==`.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn eq_elements(&self, other: impl TensorOperand<T>) -> Tensor<T> {
        self.compare("eq_elements", other, kernels::equal)
    }

    /// 1 where both differ, as NaN does from everything; for whole tensors, `!=`.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn ne_elements(&self, other: impl TensorOperand<T>) -> Tensor<T> {
        self.compare("ne_elements", other, kernels::not_equal)
    }

    #[track_caller]
    fn compare(&self, op: &'static str, other: impl TensorOperand<T>, kernel: impl FnOnce(In2<'_, T>)) -> Tensor<T> {
        let other = other.into_tensor();
        let shape = expect(self.shape().broadcast(op, other.shape()));
        binary_in(shape, self.clone(), other, kernel)
    }
}

#[cfg(test)]
mod tests {
    use crate::Tensor;

    #[test]
    fn comparisons_broadcast_and_are_false_of_nan() {
        let x = Tensor::from([[1.0, f32::NAN], [-0.0, f32::INFINITY]]);
        let y = Tensor::from([1.0, f32::INFINITY]);
        assert_eq!(x.gt(&y).to_vec(), [0.0, 0.0, 0.0, 0.0]);
        assert_eq!(x.ge(&y).to_vec(), [1.0, 0.0, 0.0, 1.0]);
        assert_eq!(x.lt(&y).to_vec(), [0.0, 0.0, 1.0, 0.0]);
        assert_eq!(x.le(y.clone()).to_vec(), [1.0, 0.0, 1.0, 1.0]);
        assert_eq!(x.eq_elements(0).to_vec(), [0.0, 0.0, 1.0, 0.0]);
        assert_eq!(x.ne_elements(0.0).to_vec(), [1.0, 1.0, 0.0, 1.0]);
        assert_eq!(x.transpose().gt(0).to_vec(), [1.0, 0.0, 0.0, 1.0]);
        assert_eq!(Tensor::f64([0.1]).eq_elements(0.1).item(), 1.0);
        assert!(Tensor::zeros([0, 3]).gt(1).is_empty());
    }

    #[test]
    #[should_panic(expected = "gt: shapes [2] and [3] do not fit")]
    fn shapes_that_do_not_broadcast_are_named() {
        Tensor::from([1.0, 2.0]).gt(Tensor::from([1.0, 2.0, 3.0]));
    }
}
