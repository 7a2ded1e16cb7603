//! Functions of three numbers over arrays, any of them broadcast.
//!
//! Operands that are one number are spread over a block too: a loop with three loads is bound by its store and by
//! memory, and one loop a form instead of eight keeps the code small.

use super::cursor::{Cursor, SCRATCH, SMALL};
use super::two::scratch;
use crate::lanes::{Lanes, MAX_LANES};
use crate::level::{self, Kernel};
use crate::parallel::{self, Grain};
use crate::{Broadcast, Float, In3};
use std::slice::ChunksExact;

/// A function of three numbers, over registers.
pub trait Map3<T: Float>: Copy + Send + Sync {
    /// The price of an element relative to a load, an add and a store.
    const COST: usize = 1;
    fn map<L: Lanes<Elem = T>>(self, a: L, b: L, c: L) -> L;
}

/// Applies `function` to every triple of elements, in parallel chunks.
///
/// # Panics
/// If an argument does not tile the result.
#[track_caller]
pub(crate) fn map3<T: Float, F: Map3<T>>(function: F, io: In3<'_, T>) {
    match io {
        In3::From { a, b, c, y } => {
            [a, b, c].iter().for_each(|operand| operand.check(y.len()));
            let grain = Grain::elements(F::COST);
            parallel::for_each(y, grain, |offset, y| level::run(From3 { function, operands: [a, b, c], offset, y }));
        }
        In3::OverA { a: y, b, c } => over::<T, F, 0>(function, [b, c], y),
        In3::OverB { a, b: y, c } => over::<T, F, 1>(function, [a, c], y),
        In3::OverC { a, b, c: y } => over::<T, F, 2>(function, [a, b], y),
    }
}

#[track_caller]
fn over<T: Float, F: Map3<T>, const OWN: usize>(function: F, others: [Broadcast<'_, T>; 2], y: &mut [T]) {
    others.iter().for_each(|operand| operand.check(y.len()));
    let grain = Grain::elements(F::COST);
    parallel::for_each(y, grain, |offset, y| level::run(Over3::<T, F, OWN> { function, others, offset, y }));
}

/// `y = f(a, b, c)` over one chunk.
struct From3<'a, T, F> {
    function: F,
    operands: [Broadcast<'a, T>; 3],
    offset: usize,
    y: &'a mut [T],
}

impl<T: Float, F: Map3<T>> Kernel<T> for From3<'_, T, F> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        let From3 { function, operands: [a, b, c], offset, y } = self;
        let length = y.len();
        let total = offset + length;
        scratch!(scratch, 3, length, [a, b, c].iter().any(|operand| operand.values.len() < total));
        let (scratch_a, rest) = scratch.split_at_mut(scratch.len() / 3);
        let (scratch_b, scratch_c) = rest.split_at_mut(rest.len() / 2);
        let mut a = Cursor::of_slices(a, offset, length, scratch_a);
        let mut b = Cursor::of_slices(b, offset, length, scratch_b);
        let mut c = Cursor::of_slices(c, offset, length, scratch_c);
        let mut at = 0;
        while at < length {
            let n = a.reach(at, L::N).min(b.reach(at, L::N)).min(c.reach(at, L::N)).min(length - at);
            from::<L, F>(function, [a.slice(at, n), b.slice(at, n), c.slice(at, n)], &mut y[at..at + n]);
            at += n;
        }
    }
}

/// As [`From3`], with `y` itself as the operand number `OWN`.
struct Over3<'a, T, F, const OWN: usize> {
    function: F,
    others: [Broadcast<'a, T>; 2],
    offset: usize,
    y: &'a mut [T],
}

impl<T: Float, F: Map3<T>, const OWN: usize> Kernel<T> for Over3<'_, T, F, OWN> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        let Over3 { function, others: [a, b], offset, y } = self;
        let length = y.len();
        let total = offset + length;
        scratch!(scratch, 2, length, [a, b].iter().any(|operand| operand.values.len() < total));
        let (scratch_a, scratch_b) = scratch.split_at_mut(scratch.len() / 2);
        let mut a = Cursor::of_slices(a, offset, length, scratch_a);
        let mut b = Cursor::of_slices(b, offset, length, scratch_b);
        let mut at = 0;
        while at < length {
            let n = a.reach(at, L::N).min(b.reach(at, L::N)).min(length - at);
            in_place::<L, F, OWN>(function, [a.slice(at, n), b.slice(at, n)], &mut y[at..at + n]);
            at += n;
        }
    }
}

#[inline(always)]
fn from<L: Lanes, F: Map3<L::Elem>>(function: F, [a, b, c]: [&[L::Elem]; 3], y: &mut [L::Elem]) {
    let mut y = y.chunks_exact_mut(L::N);
    let (mut a, mut b, mut c) = (a.chunks_exact(L::N), b.chunks_exact(L::N), c.chunks_exact(L::N));
    for (((y, a), b), c) in (&mut y).zip(&mut a).zip(&mut b).zip(&mut c) {
        function.map(L::load(a), L::load(b), L::load(c)).store(y);
    }
    let y = y.into_remainder();
    if !y.is_empty() {
        function.map(rest::<L>(&a), rest::<L>(&b), rest::<L>(&c)).store_prefix(y);
    }
}

#[inline(always)]
fn in_place<L: Lanes, F: Map3<L::Elem>, const OWN: usize>(function: F, [a, b]: [&[L::Elem]; 2], y: &mut [L::Elem]) {
    let mut y = y.chunks_exact_mut(L::N);
    let (mut a, mut b) = (a.chunks_exact(L::N), b.chunks_exact(L::N));
    for ((y, a), b) in (&mut y).zip(&mut a).zip(&mut b) {
        ordered::<L, F, OWN>(function, L::load(y), L::load(a), L::load(b)).store(y);
    }
    let y = y.into_remainder();
    if !y.is_empty() {
        ordered::<L, F, OWN>(function, L::load_padded(y, L::Elem::ONE), rest(&a), rest(&b)).store_prefix(y);
    }
}

/// The last numbers, fewer than a register.
#[inline(always)]
fn rest<L: Lanes>(numbers: &ChunksExact<'_, L::Elem>) -> L {
    L::load_padded(numbers.remainder(), L::Elem::ONE)
}

#[inline(always)]
fn ordered<L: Lanes, F: Map3<L::Elem>, const OWN: usize>(function: F, own: L, a: L, b: L) -> L {
    match OWN {
        0 => function.map(own, a, b),
        1 => function.map(a, own, b),
        _ => function.map(a, b, own),
    }
}
