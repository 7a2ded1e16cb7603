//! Comparing tensors.

use super::Tensor;
use crate::Float;
use kernels::pool::Element;

/// Equal shape and equal elements; NaN equals nothing.
impl<T: Element + PartialEq> PartialEq for Tensor<T> {
    fn eq(&self, other: &Tensor<T>) -> bool {
        let (a, b) = (self.clone().contiguous(), other.clone().contiguous());
        a.shape() == b.shape() && a.as_slice() == b.as_slice()
    }
}

impl<T: Float> Tensor<T> {
    /// Whether the shapes are equal and every |a − b| ≤ atol + rtol·|b|; equal infinities and NaN with NaN count as close.
    pub fn allclose(&self, other: &Tensor<T>, rtol: f64, atol: f64) -> bool {
        let close = |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= atol + rtol * b.abs();
        self.shape() == other.shape()
            && self.to_vec().iter().zip(other.to_vec()).all(|(a, b)| close(a.to_f64(), b.to_f64()))
    }
}
