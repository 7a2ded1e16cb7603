//! RAdam: Adam that waits until it can trust its second moment (Liu et al. 2020).
//!
//! m and v as in Adam; ρ∞ = 2/(1 − β₂) − 1 and ρ = ρ∞ − 2t·β₂ᵗ/(1 − β₂ᵗ). While ρ ≤ 5, p = p − lr/(1 − β₁ᵗ)·m; afterwards
//! p = p − lr/(1 − β₁ᵗ)·r·m·√(1 − β₂ᵗ)/(√v + ε) with r² = (ρ − 4)(ρ − 2)ρ∞ / ((ρ∞ − 4)(ρ∞ − 2)ρ).

use super::moments::Moments;
use super::{MEMORIES, Rule, Update, splat};
use crate::lanes::Lanes;

/// RAdam. It remembers m and v.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RAdam {
    /// β₁: what remains of m.
    pub beta1: f64,
    /// β₂: what remains of v.
    pub beta2: f64,
    /// ε, outside the root.
    pub eps: f64,
}

impl RAdam {
    /// r, once there is one; `seen` is 1 − β₂ᵗ.
    fn rectification(&self, step: u64, seen: f64) -> Option<f64> {
        let limit = 2.0 / (1.0 - self.beta2) - 1.0;
        // For t beyond 2⁵³ steps the second term is 0 anyway.
        let length = limit - 2.0 * step as f64 * (1.0 - seen) / seen;
        let squared = (length - 4.0) * (length - 2.0) * limit / ((limit - 4.0) * (limit - 2.0) * length);
        (length > 5.0).then(|| squared.sqrt())
    }
}

impl Rule for RAdam {
    fn start(&self) -> [Option<f64>; MEMORIES] {
        [Some(0.0), Some(0.0), None]
    }

    #[inline(always)]
    fn apply<L: Lanes>(part: Update<'_, L::Elem, RAdam>) {
        let RAdam { beta1, beta2, eps } = part.rule;
        let moments = Moments::<L>::new(beta1, beta2);
        let (seen, lr) = (part.seen(beta2), part.lr / part.seen(beta1));
        let rectification = part.rule.rectification(part.step, seen);
        let rate = splat::<L>(-lr * rectification.map_or(1.0, |r| r * seen.sqrt()));
        let (adapts, eps) = (rectification.is_some(), splat::<L>(eps));
        part.each(
            [0, 1],
            #[inline(always)]
            |p: L, g, [m, v]| {
                let (m, v) = (moments.mean(m, g), moments.square(v, g));
                let direction = if adapts { m / (v.sqrt() + eps) } else { m };
                (direction.mul_add(rate, p), [m, v])
            },
        );
    }
}
