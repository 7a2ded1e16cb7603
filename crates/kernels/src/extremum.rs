//! Gradients of the elementwise maximum and minimum.
//!
//! da = dy where a wins, dy/2 at a tie (and where either is NaN, so that the two halves add up to dy), else exactly 0,
//! whatever dy holds. db is the same with a and b exchanged.

use crate::map::{Map3, map3};
use crate::{Float, In3, lanes::Lanes};

#[derive(Clone, Copy)]
struct Maximum;
#[derive(Clone, Copy)]
struct Minimum;

impl<T: Float> Map3<T> for Maximum {
    #[inline(always)]
    fn map<L: Lanes<Elem = T>>(self, a: L, b: L, dy: L) -> L {
        share(a.gt(b), a.lt(b), dy)
    }
}

impl<T: Float> Map3<T> for Minimum {
    #[inline(always)]
    fn map<L: Lanes<Elem = T>>(self, a: L, b: L, dy: L) -> L {
        share(a.lt(b), a.gt(b), dy)
    }
}

#[inline(always)]
fn share<L: Lanes>(wins: L::Mask, loses: L::Mask, dy: L) -> L {
    let half = dy * L::splat(L::Elem::from_f64(0.5));
    L::select(wins, dy, L::select(loses, L::zero(), half))
}

/// What of dy belongs to a in [`crate::maximum`], of a, b and dy.
///
/// # Panics
/// If an argument does not tile the result.
#[track_caller]
pub fn maximum_backward<T: Float>(io: In3<'_, T>) {
    map3(Maximum, io);
}

/// What of dy belongs to a in [`crate::minimum`], of a, b and dy.
///
/// # Panics
/// If an argument does not tile the result.
#[track_caller]
pub fn minimum_backward<T: Float>(io: In3<'_, T>) {
    map3(Minimum, io);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Broadcast;
    use crate::testing::at_every_level;

    #[test]
    fn winners_take_all_ties_share() {
        let a = [1.0f32, 2.0, 3.0, f32::NAN, 1.0, 0.0, f32::INFINITY];
        let b = [2.0, 1.0, 3.0, 1.0, f32::NAN, -0.0, f32::INFINITY];
        let dy = [f32::INFINITY, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0];
        let full = Broadcast::full;
        at_every_level(|level| {
            let mut da = [7.0f32; 7];
            maximum_backward(In3::From { a: full(&a), b: full(&b), c: full(&dy), y: &mut da });
            assert_eq!(da, [0.0, 4.0, 2.0, 2.0, 2.0, 2.0, 2.0], "{level}");
            minimum_backward(In3::From { a: full(&a), b: full(&b), c: full(&dy), y: &mut da });
            assert_eq!(da, [f32::INFINITY, 0.0, 2.0, 2.0, 2.0, 2.0, 2.0], "{level}");
        });
    }
}
