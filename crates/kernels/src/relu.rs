//! ReLU: y = x where x > 0, else 0. NaN stays NaN, −0.0 becomes +0.0, −∞ becomes 0.
//!
//! dx = dy where y > 0, else 0: 0 at 0. At NaN dx = dy, so that the NaN's gradient shows. Backward reads the output.
//! Nair, Hinton 2010; on relu'(0): Bertoin et al. 2021.

use crate::map::{Map1, Map2, map1, map2};
use crate::{Float, In1, In2, lanes::Lanes};

#[derive(Clone, Copy)]
struct Relu;

impl<T: Float> Map1<T> for Relu {
    #[inline(always)]
    fn map<L: Lanes<Elem = T>>(self, x: L) -> L {
        L::select(x.le(L::zero()), L::zero(), x)
    }
}

impl<T: Float> Map2<T> for Relu {
    #[inline(always)]
    fn map<L: Lanes<Elem = T>>(self, y: L, dy: L) -> L {
        L::select(y.le(L::zero()), L::zero(), dy)
    }
}

/// ReLU of every element.
///
/// ```
/// let mut y = [0.0f32; 3];
/// kernels::relu(kernels::In1::From { x: &[-1.0, 0.5, f32::INFINITY], y: &mut y });
/// assert_eq!(y, [0.0, 0.5, f32::INFINITY]);
/// ```
///
/// # Panics
/// If argument and result differ in length.
#[track_caller]
pub fn relu<T: Float>(io: In1<'_, T>) {
    map1(Relu, io);
}

/// The gradient of [`relu`]: first argument y (or x), second dy.
///
/// # Panics
/// If the arguments differ in length.
#[track_caller]
pub fn relu_backward<T: Float>(io: In2<'_, T>) {
    map2(Relu, io);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Broadcast;
    use crate::testing::{EDGES, LENGTHS, at_every_level};

    #[test]
    fn values_and_slopes() {
        at_every_level(|level| {
            for length in LENGTHS {
                let x: Vec<f32> = (0..length).map(|i| EDGES[i % 14] as f32).collect();
                let dy: Vec<f32> = (0..length).map(|i| 1.0 + i as f32).collect();
                let (mut y, mut dx) = (vec![7.0; length], vec![7.0; length]);
                relu(In1::From { x: &x, y: &mut y });
                if length > 0 {
                    relu_backward(In2::From { a: Broadcast::full(&y), b: Broadcast::full(&dy), y: &mut dx });
                }
                for i in 0..length {
                    let (value, gradient) = match x[i] {
                        x if x > 0.0 => (x, dy[i]),
                        x if x.is_nan() => (x, dy[i]),
                        _ => (0.0, 0.0),
                    };
                    assert!(
                        y[i].to_bits() == value.to_bits() || value.is_nan() && y[i].is_nan(),
                        "relu({}) at {level}",
                        x[i]
                    );
                    assert_eq!(dx[i], gradient, "relu'({}) at {level}", x[i]);
                }
            }
        });
    }
}
