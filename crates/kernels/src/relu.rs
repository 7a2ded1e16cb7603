//! relu(x) = max(x, 0): NaN stays NaN, −0.0 becomes +0.0, −∞ becomes 0. relu'(0) = 0, relu'(NaN) = 1.

use crate::map::{Map1, map1};
use crate::{Float, In1, lanes::Lanes};

#[derive(Clone, Copy)]
struct Relu;

impl<T: Float> Map1<T> for Relu {
    #[inline(always)]
    fn map<L: Lanes<Elem = T>>(self, x: L) -> L {
        L::select(x.le(L::zero()), L::zero(), x)
    }
}

/// relu of every element.
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
