//! Runs reduction kernels on tensors.

use super::elementwise::slice;
use crate::{Float, Shape, Tensor};

/// Σ over a set of axes (placeholder until the kernel lands).
pub(crate) fn sum<T: Float>(x: Tensor<T>, axes: u32, keep: bool) -> Tensor<T> {
    let shape = *x.shape();
    let out = shape.reduced(axes, true);
    let x = x.contiguous();
    let mut sums = vec![0.0f64; out.elements()];
    let strides = out.strides();
    for (i, v) in slice(&x).iter().enumerate() {
        let (mut i, mut at) = (i, 0);
        for axis in (0..shape.rank()).rev() {
            if out[axis] != 1 {
                at += (i % shape[axis]) * strides[axis] as usize;
            }
            i /= shape[axis];
        }
        sums[at] += v.to_f64();
    }
    let to: Shape = shape.reduced(axes, keep);
    Tensor::fill_with(to, |y| y.iter_mut().zip(&sums).for_each(|(y, s)| *y = T::from_f64(*s)))
}
