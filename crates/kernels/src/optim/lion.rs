//! Lion (Chen et al. 2023, *Symbolic discovery of optimization algorithms*, algorithm 2).
//!
//! p = p − lr·sign(β₁·m + (1 − β₁)·g), with sign(0) = 0; then m = β₂·m + (1 − β₂)·g. The paper's weight decay is decoupled.

use super::moments::Moments;
use super::{MEMORIES, Rule, Update, splat};
use crate::lanes::Lanes;

/// Lion. It remembers m.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lion {
    /// β₁: the share of m in the direction.
    pub beta1: f64,
    /// β₂: what remains of m.
    pub beta2: f64,
}

impl Rule for Lion {
    const COST: usize = 2;

    fn start(&self) -> [Option<f64>; MEMORIES] {
        [Some(0.0), None, None]
    }

    #[inline(always)]
    fn apply<L: Lanes>(part: Update<'_, L::Elem, Lion>) {
        let Lion { beta1, beta2 } = part.rule;
        let (direction, memory) = (Moments::<L>::new(beta1, beta1), Moments::<L>::new(beta2, beta2));
        let rate = splat::<L>(-part.lr);
        part.each(
            [0],
            #[inline(always)]
            |p: L, g, [m]| {
                let direction = direction.mean(m, g);
                let sign = L::select(direction.eq(L::zero()), L::zero(), L::one().copysign(direction));
                (sign.mul_add(rate, p), [memory.mean(m, g)])
            },
        );
    }
}
