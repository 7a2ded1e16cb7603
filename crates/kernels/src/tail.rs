//! The last register of a row, where the row is no whole number of registers.

use crate::Float as _;
use crate::lanes::{Lanes, MAX_LANES};

/// Which lanes come before lane number `count`.
#[inline(always)]
pub(crate) fn first_lanes<L: Lanes>(count: usize) -> L::Mask {
    let numbers: [L::Elem; MAX_LANES] = std::array::from_fn(|i| L::Elem::from_f64(i as f64));
    L::load(&numbers).lt(L::splat(L::Elem::from_f64(count as f64)))
}
