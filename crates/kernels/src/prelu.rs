//! PReLU: y = x where x > 0, else α·x, with α learned: one for all, one per feature (last axis), per row, per element, or
//! any other [`Broadcast`] pattern.
//!
//! dx = dy where x > 0, else α·dy (α at 0 and at NaN). dα = Σ dy·x over !(x ≥ 0), that is over x < 0 and NaN, which must
//! show; x = 0 or +∞ never enters, whatever dy holds there. Where α > 0 the output has the sign of the input and
//! dα = (1/α)·Σ dy·y over !(y ≥ 0): backward may read the output, so forward may overwrite its input.
//!
//! Backward is one pass: 12 bytes per element in f32 over dy, 16 (12 past the cache) out of place. The sum runs in
//! registers of T within a chunk of at most 16 Ki elements, in f64 across chunks, pairwise: it neither drifts nor depends on
//! the number of threads. He, Zhang, Ren, Sun 2015.

mod by_feature;
mod by_run;
#[cfg(test)]
mod tests;

use crate::lanes::Lanes;
use crate::map::{Map2, map2};
use crate::{Broadcast, Float, In1, In2, cache};

#[derive(Clone, Copy)]
struct Forward;

impl<T: Float> Map2<T> for Forward {
    #[inline(always)]
    fn map<L: Lanes<Elem = T>>(self, x: L, alpha: L) -> L {
        L::select(x.gt(L::zero()), x, x * alpha)
    }
}

/// PReLU of every element: first argument x, second α.
///
/// ```
/// use kernels::{Broadcast, In2};
/// let mut x = [-2.0f32, 1.0, -2.0, -4.0];
/// kernels::prelu(In2::OverA { a: &mut x, b: Broadcast { values: &[0.5, 0.25], run: 1 } });
/// assert_eq!(x, [-1.0, 1.0, -1.0, -1.0]);
/// ```
///
/// # Panics
/// If α does not tile x.
#[track_caller]
pub fn prelu<T: Float>(io: In2<'_, T>) {
    map2(Forward, io);
}

/// What backward reads.
#[derive(Clone, Copy, Debug)]
pub enum Seen<'a, T> {
    /// x.
    Input(&'a [T]),
    /// y, where every α is large enough: see [`output_is_enough`].
    Output(&'a [T]),
}

impl<'a, T> Seen<'a, T> {
    fn numbers(&self) -> &'a [T] {
        match self {
            Seen::Input(numbers) | Seen::Output(numbers) => numbers,
        }
    }
}

/// The arguments of [`prelu_backward`].
#[derive(Debug)]
pub struct PreluBackward<'a, T> {
    /// What forward saw.
    pub seen: Seen<'a, T>,
    /// From dy to dx.
    pub dy: In1<'a, T>,
    /// α, as in forward.
    pub alpha: Broadcast<'a, T>,
    /// dα, one for each α; overwritten.
    pub d_alpha: &'a mut [T],
}

/// Whether backward may read the output instead of the input: if all α ≥ 2⁻¹⁰, so that nothing underflows and 1/α
/// costs no precision worth the name.
pub fn output_is_enough<T: Float>(alpha: &[T]) -> bool {
    let least = T::from_f64(1.0 / 1024.0);
    alpha.iter().all(|&alpha| alpha >= least && alpha.is_finite())
}

/// dx and dα of [`prelu`], in one pass.
///
/// ```
/// use kernels::{Broadcast, In1, PreluBackward, Seen, prelu_backward};
/// let (x, mut dy, mut d_alpha) = ([-2.0f32, 1.0, 3.0, -4.0], [1.0; 4], [0.0; 2]);
/// prelu_backward(PreluBackward {
///     seen: Seen::Input(&x),
///     dy: In1::Over { x: &mut dy },
///     alpha: Broadcast { values: &[0.5, 0.25], run: 1 },
///     d_alpha: &mut d_alpha,
/// });
/// assert_eq!((dy, d_alpha), ([0.5, 1.0, 1.0, 0.25], [-2.0, -4.0]));
/// ```
///
/// # Panics
/// If lengths do not fit each other.
#[track_caller]
pub fn prelu_backward<T: Float>(args: PreluBackward<'_, T>) {
    let PreluBackward { seen, dy, alpha, d_alpha } = args;
    let length = dy.len();
    dy.check();
    alpha.check(length);
    assert_eq!(seen.numbers().len(), length, "x (or y) and dy differ in length");
    assert_eq!(alpha.values.len(), d_alpha.len(), "α and dα differ in length");
    if length == 0 || alpha.values.is_empty() {
        d_alpha.fill(T::ZERO);
        return;
    }
    let streams = matches!(dy, In1::From { .. }) && cache::is_beyond(length * size_of::<T>(), 2);
    let pass = Pass { seen: seen.numbers(), dy, streams };
    let values = alpha.values;
    match (values.len(), alpha.run) {
        (1, _) => d_alpha[0] = T::from_f64(by_run::one(pass, values[0])),
        (n, 1) if n > 1 && n < length => by_feature::sums(pass, values, d_alpha),
        (_, run) => by_run::sums(pass, values, run, d_alpha),
    }
    if matches!(seen, Seen::Output(_)) {
        for (d, &alpha) in d_alpha.iter_mut().zip(values) {
            *d /= alpha;
        }
    }
}

/// Elements of a backward pass that can be cut in two.
struct Pass<'a, T> {
    seen: &'a [T],
    dy: In1<'a, T>,
    /// Whether dx goes past the cache.
    streams: bool,
}

impl<T: Float> crate::parallel::Split for Pass<'_, T> {
    fn len(&self) -> usize {
        self.seen.len()
    }
    fn split_at(self, at: usize) -> (Self, Self) {
        let (seen, seen_rest) = self.seen.split_at(at);
        let (dy, dy_rest) = self.dy.split_at(at);
        let streams = self.streams;
        (Pass { seen, dy, streams }, Pass { seen: seen_rest, dy: dy_rest, streams })
    }
}

/// dx, and what the element adds to dα.
#[inline(always)]
fn rule<L: Lanes>(seen: L, dy: L, alpha: L) -> (L, L) {
    let zero = L::zero();
    let dx = L::select(seen.gt(zero), dy, dy * alpha);
    (dx, L::select(seen.ge(zero), zero, dy * seen))
}

impl<T: Float> Pass<'_, T> {
    /// The register of dx at `at`, and what its elements add to dα.
    #[inline(always)]
    fn step<L: Lanes<Elem = T>, const STREAMS: bool>(&mut self, at: usize, alpha: L) -> L {
        let seen = L::load(&self.seen[at..at + L::N]);
        match &mut self.dy {
            In1::Over { x } => {
                let dy = &mut x[at..at + L::N];
                let (dx, share) = rule(seen, L::load(dy), alpha);
                dx.store(dy);
                share
            }
            In1::From { x, y } => {
                let (dx, share) = rule(seen, L::load(&x[at..at + L::N]), alpha);
                let y = &mut y[at..at + L::N];
                if STREAMS {
                    dx.stream(y);
                } else {
                    dx.store(y);
                };
                share
            }
        }
    }

    /// As [`Pass::step`] for the `count` elements from `at`, fewer than a register; the other lanes add nothing.
    #[inline(always)]
    fn step_rest<L: Lanes<Elem = T>>(&mut self, at: usize, count: usize, alpha: L) -> L {
        let seen = L::load_padded(&self.seen[at..at + count], T::ONE);
        match &mut self.dy {
            In1::Over { x } => {
                let dy = &mut x[at..at + count];
                let (dx, share) = rule(seen, L::load_padded(dy, T::ZERO), alpha);
                dx.store_prefix(dy);
                share
            }
            In1::From { x, y } => {
                let (dx, share) = rule(seen, L::load_padded(&x[at..at + count], T::ZERO), alpha);
                dx.store_prefix(&mut y[at..at + count]);
                share
            }
        }
    }
}
