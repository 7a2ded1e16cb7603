//! Anomaly detection: the first op that makes NaN or infinity out of finite numbers.

use crate::{Float, Tensor};
use std::panic::Location;

/// # Panics
/// If the result is not finite although all operands are.
#[cold]
#[track_caller]
pub(crate) fn check_forward<T: Float>(op: &str, operands: &[Tensor<T>], y: &Tensor<T>) {
    let Some((at, value)) = first_anomaly(y) else { return };
    if operands.iter().all(|x| first_anomaly(x).is_none()) {
        panic!("anomaly: `{op}` made {value} at element {at} of shape {:?} out of finite numbers", y.shape());
    }
}

/// # Panics
/// If a cotangent is not finite.
#[cold]
pub(crate) fn check_backward<T: Float>(op: &str, of: &Location<'_>, cotangent: &Tensor<T>) {
    if let Some((at, value)) = first_anomaly(cotangent) {
        panic!(
            "anomaly: the rule of `{op}` made the gradient {value} at element {at} of shape {:?}, for the value made at {of}",
            cotangent.shape()
        );
    }
}

fn first_anomaly<T: Float>(x: &Tensor<T>) -> Option<(usize, T)> {
    x.to_vec().into_iter().enumerate().find(|(_, value)| !value.is_finite())
}
