//! select(c, a, b): a where c ≠ 0 (NaN counts as true), else b, exactly: what is not selected does not enter, NaN or not.

use crate::map::{Map3, map3};
use crate::{Float, In3, lanes::Lanes};

#[derive(Clone, Copy)]
struct Select;

impl<T: Float> Map3<T> for Select {
    #[inline(always)]
    fn map<L: Lanes<Elem = T>>(self, c: L, a: L, b: L) -> L {
        L::select(c.eq(L::zero()), b, a)
    }
}

/// `c ≠ 0 ? a : b`, element by element; the condition is the first argument.
///
/// ```
/// use kernels::{Broadcast, In3, select};
/// let mut y = [0.0f32; 2];
/// select(In3::From { a: Broadcast::full(&[1.0, 0.0]), b: Broadcast::scalar(&f32::NAN), c: Broadcast::scalar(&7.0), y: &mut y });
/// assert!(y[0].is_nan() && y[1] == 7.0);
/// ```
///
/// # Panics
/// If an argument does not tile the result.
#[track_caller]
pub fn select<T: Float>(io: In3<'_, T>) {
    map3(Select, io);
}
