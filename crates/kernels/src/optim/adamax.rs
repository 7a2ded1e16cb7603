//! Adamax: Adam with the maximum norm (Kingma, Ba 2015, section 7).
//!
//! m = β₁·m + (1 − β₁)·g; u = max(β₂·u, |g| + ε); p = p − lr/(1 − β₁ᵗ) · m/u.

use super::moments::Moments;
use super::{MEMORIES, Rule, Update, splat};
use crate::lanes::Lanes;

/// Adamax. It remembers m and u.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adamax {
    /// β₁: what remains of m.
    pub beta1: f64,
    /// β₂: what remains of u.
    pub beta2: f64,
    /// ε, added to the gradient's magnitude.
    pub eps: f64,
}

impl Rule for Adamax {
    fn start(&self) -> [Option<f64>; MEMORIES] {
        [Some(0.0), Some(0.0), None]
    }

    #[inline(always)]
    fn apply<L: Lanes>(part: Update<'_, L::Elem, Adamax>) {
        let Adamax { beta1, beta2, eps } = part.rule;
        let moments = Moments::<L>::new(beta1, beta2);
        let rate = splat::<L>(-part.lr / part.seen(beta1));
        let (keep, eps) = (splat::<L>(beta2), splat::<L>(eps));
        part.each(
            [0, 1],
            #[inline(always)]
            |p: L, g, [m, u]| {
                let (m, u) = (moments.mean(m, g), (u * keep).max(g.abs() + eps));
                ((m / u).mul_add(rate, p), [m, u])
            },
        );
    }
}
