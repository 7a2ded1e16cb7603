//! NAdam: Adam that looks ahead as Nesterov does (Dozat 2016).
//!
//! m and v as in Adam; μₜ = β₁·(1 − ½·0.96^(t·momentum_decay)) and Π = μ₁·…·μₜ;
//! p = p − lr·((1 − μₜ)/(1 − Π)·g + μₜ₊₁/(1 − Π·μₜ₊₁)·m) / (√v / √(1 − β₂ᵗ) + ε).

use super::moments::Moments;
use super::{MEMORIES, Rule, Update, splat};
use crate::lanes::Lanes;

/// NAdam. It remembers m and v.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NAdam {
    /// β₁: what remains of m.
    pub beta1: f64,
    /// β₂: what remains of v.
    pub beta2: f64,
    /// ε, outside the root.
    pub eps: f64,
    /// How fast μ grows from β₁/2 to β₁.
    pub momentum_decay: f64,
    /// Π: the product of this parameter's [`NAdam::mu`] of all steps, this one's included.
    pub product: f64,
}

impl NAdam {
    /// μ of a step, counted from 1.
    pub fn mu(&self, step: u64) -> f64 {
        self.beta1 * (1.0 - 0.5 * 0.96f64.powf(step as f64 * self.momentum_decay))
    }
}

impl Rule for NAdam {
    fn start(&self) -> [Option<f64>; MEMORIES] {
        [Some(0.0), Some(0.0), None]
    }

    #[inline(always)]
    fn apply<L: Lanes>(part: Update<'_, L::Elem, NAdam>) {
        let NAdam { beta1, beta2, eps, product, .. } = part.rule;
        let moments = Moments::<L>::new(beta1, beta2);
        let (mu, next) = (part.rule.mu(part.step), part.rule.mu(part.step + 1));
        let of_g = splat::<L>(-part.lr * (1.0 - mu) / (1.0 - product));
        let of_m = splat::<L>(-part.lr * next / (1.0 - product * next));
        let (root, eps) = (splat::<L>(1.0 / part.seen(beta2).sqrt()), splat::<L>(eps));
        part.each(
            [0, 1],
            #[inline(always)]
            |p: L, g, [m, v]| {
                let (m, v) = (moments.mean(m, g), moments.square(v, g));
                (p + g.mul_add(of_g, m * of_m) / v.sqrt().mul_add(root, eps), [m, v])
            },
        );
    }
}
