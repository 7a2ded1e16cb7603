//! Adagrad (Duchi, Hazan, Singer 2011).
//!
//! s = s + g²; p = p − lr/(1 + (t − 1)·lr_decay) · g/(√s + ε).

use super::{MEMORIES, Rule, Update, splat};
use crate::lanes::Lanes;

/// Adagrad. It remembers s.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adagrad {
    /// How fast the learning rate falls with the steps.
    pub lr_decay: f64,
    /// s before the first step.
    pub initial_accumulator: f64,
    /// ε, outside the root.
    pub eps: f64,
}

impl Rule for Adagrad {
    fn start(&self) -> [Option<f64>; MEMORIES] {
        [Some(self.initial_accumulator), None, None]
    }

    #[inline(always)]
    fn apply<L: Lanes>(part: Update<'_, L::Elem, Adagrad>) {
        let Adagrad { lr_decay, eps, .. } = part.rule;
        let rate = splat::<L>(-part.lr / (1.0 + (part.step - 1) as f64 * lr_decay));
        let eps = splat::<L>(eps);
        part.each(
            [0],
            #[inline(always)]
            |p: L, g, [s]| {
                let s = g.mul_add(g, s);
                ((g / (s.sqrt() + eps)).mul_add(rate, p), [s])
            },
        );
    }
}
