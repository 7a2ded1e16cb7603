//! Stochastic gradient descent with momentum (Polyak 1964; Nesterov 1983, in the form of Sutskever et al. 2013).
//!
//! velocity = momentum·velocity + (1 − dampening)·g, or g on the first step; the direction d is the velocity, or g + momentum·velocity
//! with `nesterov`, or g without momentum; p = p − lr·d.

use super::{MEMORIES, Rule, Update, splat};
use crate::lanes::Lanes;

/// Gradient descent. It remembers the velocity if there is momentum, and does not read it on the first step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    /// The share of the velocity that stays.
    pub momentum: f64,
    /// The share of the gradient that the velocity leaves out.
    pub dampening: f64,
    /// Whether to look ahead along the velocity.
    pub nesterov: bool,
}

impl Rule for Sgd {
    const COST: usize = 2;

    fn start(&self) -> [Option<f64>; MEMORIES] {
        [(self.momentum != 0.0).then_some(0.0), None, None]
    }

    #[inline(always)]
    fn apply<L: Lanes>(part: Update<'_, L::Elem, Sgd>) {
        let Sgd { momentum, dampening, nesterov } = part.rule;
        let rate = splat::<L>(-part.lr);
        if momentum == 0.0 {
            part.each(
                [],
                #[inline(always)]
                |p: L, g, []| (g.mul_add(rate, p), []),
            );
            return;
        }
        let (first, keep, take) = (part.step == 1, splat::<L>(momentum), splat::<L>(1.0 - dampening));
        part.each(
            [0],
            #[inline(always)]
            |p: L, g, [velocity]| {
                let velocity = if first { g } else { velocity.mul_add(keep, g * take) };
                let direction = if nesterov { velocity.mul_add(keep, g) } else { velocity };
                (direction.mul_add(rate, p), [velocity])
            },
        );
    }
}
