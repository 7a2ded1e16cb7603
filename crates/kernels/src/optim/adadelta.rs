//! Adadelta (Zeiler 2012).
//!
//! v = ρ·v + (1 − ρ)·g²; d = √(u + ε)/√(v + ε)·g; u = ρ·u + (1 − ρ)·d²; p = p − lr·d.

use super::moments::Moments;
use super::{MEMORIES, Rule, Update, splat};
use crate::lanes::Lanes;

/// Adadelta. It remembers v and u.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adadelta {
    /// ρ: what remains of the running means.
    pub rho: f64,
    /// ε, inside the roots: without it nothing would ever move.
    pub eps: f64,
}

impl Rule for Adadelta {
    fn start(&self) -> [Option<f64>; MEMORIES] {
        [Some(0.0), Some(0.0), None]
    }

    #[inline(always)]
    fn apply<L: Lanes>(part: Update<'_, L::Elem, Adadelta>) {
        let Adadelta { rho, eps } = part.rule;
        let means = Moments::<L>::new(rho, rho);
        let (rate, eps) = (splat::<L>(-part.lr), splat::<L>(eps));
        part.each(
            [0, 1],
            #[inline(always)]
            |p: L, g, [v, u]| {
                let v = means.square(v, g);
                let d = (u + eps).sqrt() / (v + eps).sqrt() * g;
                (d.mul_add(rate, p), [v, means.square(u, d)])
            },
        );
    }
}
