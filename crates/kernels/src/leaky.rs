//! Leaky ReLU: y = x where x > 0, else slope·x.
//!
//! dx = dy where x > 0, else slope·dy; so slope at 0 and at NaN. With slope > 0 the output has the sign of the input, and
//! backward may read either. With slope 0 a negative x gives −0.0 and −∞ gives NaN, as the product does; `relu` does not.
//! Bytes per element in f32: forward 8 in place, backward 12 over dy. Maas, Hannun, Ng 2013.

use crate::map::{Map1, Map2, map1, map2};
use crate::{Float, In1, In2, lanes::Lanes};

#[derive(Clone, Copy)]
struct Leaky<T> {
    slope: T,
}

impl<T: Float> Map1<T> for Leaky<T> {
    #[inline(always)]
    fn map<L: Lanes<Elem = T>>(self, x: L) -> L {
        L::select(x.gt(L::zero()), x, x * L::splat(self.slope))
    }
}

impl<T: Float> Map2<T> for Leaky<T> {
    #[inline(always)]
    fn map<L: Lanes<Elem = T>>(self, x: L, dy: L) -> L {
        L::select(x.gt(L::zero()), dy, dy * L::splat(self.slope))
    }
}

/// Leaky ReLU of every element.
///
/// ```
/// let mut x = [-2.0f32, 0.0, 3.0];
/// kernels::leaky(0.5, kernels::In1::Over { x: &mut x });
/// assert_eq!(x, [-1.0, 0.0, 3.0]);
/// ```
///
/// # Panics
/// If argument and result differ in length.
#[track_caller]
#[inline]
pub fn leaky<T: Float>(slope: T, io: In1<'_, T>) {
    map1(Leaky { slope }, io);
}

/// The gradient of [`leaky`]: first argument x (or y, if slope > 0), second dy.
///
/// # Panics
/// If the arguments differ in length.
#[track_caller]
#[inline]
pub fn leaky_backward<T: Float>(slope: T, io: In2<'_, T>) {
    map2(Leaky { slope }, io);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Broadcast;
    use crate::testing::{EDGES, LENGTHS, at_every_level};

    #[test]
    fn values_and_slopes() {
        at_every_level(|level| {
            for slope in [0.0f32, 0.01, 1.0, 2.0, -2.0, f32::NAN] {
                for length in LENGTHS {
                    let x: Vec<f32> = (0..length).map(|i| EDGES[i % 14] as f32).collect();
                    let dy: Vec<f32> = (0..length).map(|i| EDGES[i / 14 % 14] as f32).collect();
                    let (mut y, mut dx, mut over) = (vec![0.0; length], vec![0.0; length], dy.clone());
                    leaky(slope, In1::From { x: &x, y: &mut y });
                    if length > 0 {
                        leaky_backward(
                            slope,
                            In2::From { a: Broadcast::full(&x), b: Broadcast::full(&dy), y: &mut dx },
                        );
                        leaky_backward(slope, In2::OverB { a: Broadcast::full(&x), b: &mut over });
                    }
                    for i in 0..length {
                        let (value, gradient) = if x[i] > 0.0 { (x[i], dy[i]) } else { (slope * x[i], slope * dy[i]) };
                        assert!(y[i] == value || y[i].is_nan() && value.is_nan(), "leaky({}) at {level}", x[i]);
                        for got in [dx[i], over[i]] {
                            assert!(
                                got == gradient || got.is_nan() && gradient.is_nan(),
                                "leaky'({}) at {level}",
                                x[i]
                            );
                        }
                    }
                }
            }
        });
    }
}
