//! The running means that Adam and its kin keep.

use super::splat;
use crate::lanes::Lanes;

/// m = β₁·m + (1 − β₁)·g, written m + (1 − β₁)·(g − m), and v = β₂·v + (1 − β₂)·g².
#[derive(Clone, Copy)]
pub(super) struct Moments<L> {
    take1: L,
    keep2: L,
    take2: L,
}

impl<L: Lanes> Moments<L> {
    #[inline(always)]
    pub(super) fn new(beta1: f64, beta2: f64) -> Self {
        Moments { take1: splat(1.0 - beta1), keep2: splat(beta2), take2: splat(1.0 - beta2) }
    }

    /// The running mean of gradients.
    #[inline(always)]
    pub(super) fn mean(self, m: L, g: L) -> L {
        (g - m).mul_add(self.take1, m)
    }

    /// The running mean of their squares.
    #[inline(always)]
    pub(super) fn square(self, v: L, g: L) -> L {
        v.mul_add(self.keep2, g * g * self.take2)
    }
}
