//! RMSprop (Tieleman, Hinton 2012, lecture 6e), centred (Graves 2013), with momentum.
//!
//! v = α·v + (1 − α)·g²; d = g/(√v + ε), or centred with a = α·a + (1 − α)·g and v − a² in place of v; p = p − lr·d, or with momentum
//! b = momentum·b + d and p = p − lr·b. Where rounding makes v − a² negative it counts as 0: PyTorch's root of it is NaN.

use super::moments::Moments;
use super::{MEMORIES, Rule, Update, splat};
use crate::lanes::Lanes;

/// RMSprop. It remembers v, a if centred, and b if there is momentum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RmsProp {
    /// α: what remains of the running means.
    pub alpha: f64,
    /// ε, outside the root.
    pub eps: f64,
    /// The share of the last step that is repeated.
    pub momentum: f64,
    /// Whether gradients are scaled by their deviation instead of by their size.
    pub centred: bool,
}

impl Rule for RmsProp {
    fn start(&self) -> [Option<f64>; MEMORIES] {
        [Some(0.0), self.centred.then_some(0.0), (self.momentum != 0.0).then_some(0.0)]
    }

    #[inline(always)]
    fn apply<L: Lanes>(part: Update<'_, L::Elem, RmsProp>) {
        let RmsProp { alpha, eps, momentum, centred } = part.rule;
        let means = Moments::<L>::new(alpha, alpha);
        let (rate, eps, keep) = (splat::<L>(-part.lr), splat::<L>(eps), splat::<L>(momentum));
        match (centred, momentum != 0.0) {
            (false, false) => part.each(
                [0],
                #[inline(always)]
                |p: L, g, [v]| {
                    let v = means.square(v, g);
                    ((g / (v.sqrt() + eps)).mul_add(rate, p), [v])
                },
            ),
            (false, true) => part.each(
                [0, 2],
                #[inline(always)]
                |p: L, g, [v, b]| {
                    let v = means.square(v, g);
                    let b = b.mul_add(keep, g / (v.sqrt() + eps));
                    (b.mul_add(rate, p), [v, b])
                },
            ),
            (true, false) => part.each(
                [0, 1],
                #[inline(always)]
                |p: L, g, [v, a]| {
                    let (v, a) = (means.square(v, g), means.mean(a, g));
                    ((g / (deviation(v, a) + eps)).mul_add(rate, p), [v, a])
                },
            ),
            (true, true) => part.each(
                [0, 1, 2],
                #[inline(always)]
                |p: L, g, [v, a, b]| {
                    let (v, a) = (means.square(v, g), means.mean(a, g));
                    let b = b.mul_add(keep, g / (deviation(v, a) + eps));
                    (b.mul_add(rate, p), [v, a, b])
                },
            ),
        }
    }
}

/// √(v − a²), 0 where that is negative. NaN stays.
#[inline(always)]
fn deviation<L: Lanes>(v: L, a: L) -> L {
    L::zero().max((-a).mul_add(a, v)).sqrt()
}
