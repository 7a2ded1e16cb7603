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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Broadcast;
    use crate::testing::{LENGTHS, at_every_level};

    #[test]
    fn what_is_not_selected_does_not_enter() {
        at_every_level(|level| {
            for length in LENGTHS {
                let c: Vec<f32> = (0..length).map(|i| (i % 3) as f32).collect();
                let mut y = vec![7.0; length];
                let (a, b) = (Broadcast::scalar(&f32::NAN), Broadcast::scalar(&2.0));
                select(In3::From { a: Broadcast { values: &c, run: 1 }, b: a, c: b, y: &mut y });
                for (i, y) in y.iter().enumerate() {
                    assert!(if i % 3 == 0 { *y == 2.0 } else { y.is_nan() }, "element {i} of {length} at {level}");
                }
            }
        });
    }
}
