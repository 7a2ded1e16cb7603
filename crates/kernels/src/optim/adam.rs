//! Adam (Kingma, Ba 2015), and AMSGrad (Reddi, Kale, Kumar 2018).
//!
//! m = β₁·m + (1 − β₁)·g; v = β₂·v + (1 − β₂)·g²; p = p − lr/(1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε), for AMSGrad with the largest v so
//! far in place of v.

use super::moments::Moments;
use super::{MEMORIES, Rule, Update, splat};
use crate::lanes::Lanes;

/// Adam. It remembers m, v and with `amsgrad` the largest v.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// β₁: what remains of m.
    pub beta1: f64,
    /// β₂: what remains of v.
    pub beta2: f64,
    /// ε, outside the root.
    pub eps: f64,
    /// Whether steps are scaled by the largest v so far, so that they never grow again.
    pub amsgrad: bool,
}

impl Rule for Adam {
    fn start(&self) -> [Option<f64>; MEMORIES] {
        [Some(0.0), Some(0.0), self.amsgrad.then_some(0.0)]
    }

    #[inline(always)]
    fn apply<L: Lanes>(part: Update<'_, L::Elem, Adam>) {
        let Adam { beta1, beta2, eps, amsgrad } = part.rule;
        let moments = Moments::<L>::new(beta1, beta2);
        let rate = splat::<L>(-part.lr / part.seen(beta1));
        let (root, eps) = (splat::<L>(1.0 / part.seen(beta2).sqrt()), splat::<L>(eps));
        if amsgrad {
            part.each(
                [0, 1, 2],
                #[inline(always)]
                |p: L, g, [m, v, largest]| {
                    let (m, v) = (moments.mean(m, g), moments.square(v, g));
                    let largest = largest.max(v);
                    ((m / largest.sqrt().mul_add(root, eps)).mul_add(rate, p), [m, v, largest])
                },
            );
        } else {
            part.each(
                [0, 1],
                #[inline(always)]
                |p: L, g, [m, v]| {
                    let (m, v) = (moments.mean(m, g), moments.square(v, g));
                    ((m / v.sqrt().mul_add(root, eps)).mul_add(rate, p), [m, v])
                },
            );
        }
    }
}
