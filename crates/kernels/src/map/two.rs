//! Functions of two numbers over arrays, either of them broadcast.

use super::cursor::{Cursor, Kind, Part, SCRATCH, SMALL};
use crate::lanes::{Lanes, MAX_LANES};
use crate::level::{self, Kernel};
use crate::parallel::{self, Grain};
use crate::{Broadcast, Float, In2, cache};
use std::iter::Repeat;
use std::slice::ChunksExact;

/// A function of two numbers, over registers.
pub trait Map2<T: Float>: Copy + Send + Sync {
    /// The price of an element relative to a load, an add and a store.
    const COST: usize = 1;
    fn map<L: Lanes<Elem = T>>(self, a: L, b: L) -> L;
}

/// Applies `function` to every pair of elements, in parallel chunks.
///
/// # Panics
/// If an argument does not tile the result.
#[track_caller]
#[inline]
pub(crate) fn map2<T: Float, F: Map2<T>>(function: F, io: In2<'_, T>) {
    match io {
        In2::From { a, b, y } if is_direct(&b, y.len()) && a.is_full(y.len()) => {
            level::run(Direct { function, a: a.values, b: b.values, y });
        }
        In2::OverA { a, b } if is_direct(&b, a.len()) => {
            level::run(DirectOver::<T, F, true> { function, other: b.values, y: a });
        }
        In2::OverB { a, b } if is_direct(&a, b.len()) => {
            level::run(DirectOver::<T, F, false> { function, other: a.values, y: b });
        }
        io => in_chunks(function, io),
    }
}

/// Up to this length cursors, chunks and the division that checks a pattern would cost more than the work itself.
const DIRECT: usize = 512;

/// Whether the operand of a short array is walked without a cursor: a number for each element, or one for all.
#[inline(always)]
fn is_direct<T>(operand: &Broadcast<'_, T>, length: usize) -> bool {
    length <= DIRECT && length > 0 && (operand.is_full(length) || operand.values.len() == 1)
}

/// `y = f(a, b)` over a short array; `b` may be one number.
struct Direct<'a, T, F> {
    function: F,
    a: &'a [T],
    b: &'a [T],
    y: &'a mut [T],
}

impl<T: Float, F: Map2<T>> Kernel<T> for Direct<'_, T, F> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        match *self.b {
            [b] if self.y.len() > 1 => from::<L, F, _, _, false>(self.function, self.a, One(b), self.y),
            _ => from::<L, F, _, _, false>(self.function, self.a, self.b, self.y),
        }
    }
}

/// `y = f(y, other)` if `FIRST`, else `y = f(other, y)`, over a short array; `other` may be one number.
struct DirectOver<'a, T, F, const FIRST: bool> {
    function: F,
    other: &'a [T],
    y: &'a mut [T],
}

impl<T: Float, F: Map2<T>, const FIRST: bool> Kernel<T> for DirectOver<'_, T, F, FIRST> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        match *self.other {
            [other] if self.y.len() > 1 => in_place::<L, F, _, FIRST>(self.function, One(other), self.y),
            _ => in_place::<L, F, _, FIRST>(self.function, self.other, self.y),
        }
    }
}

#[track_caller]
#[inline(never)]
fn in_chunks<T: Float, F: Map2<T>>(function: F, io: In2<'_, T>) {
    let grain = Grain::elements(F::COST);
    match io {
        In2::From { a, b, y } => {
            a.check(y.len());
            b.check(y.len());
            let kinds = (Kind::of(&a, y.len()), Kind::of(&b, y.len()));
            let streams = cache::is_beyond(size_of_val(y), 2);
            parallel::for_each(y, grain, |offset, y| level::run(From2 { function, a, b, kinds, offset, y, streams }));
        }
        In2::OverA { a, b } => {
            b.check(a.len());
            over::<T, F, true>(function, b, a, grain);
        }
        In2::OverB { a, b } => {
            a.check(b.len());
            over::<T, F, false>(function, a, b, grain);
        }
    }
}

fn over<T: Float, F: Map2<T>, const FIRST: bool>(function: F, other: Broadcast<'_, T>, y: &mut [T], grain: Grain) {
    let kind = Kind::of(&other, y.len());
    parallel::for_each(y, grain, |offset, y| level::run(Over2::<T, F, FIRST> { function, other, kind, offset, y }));
}

/// Scratch for `$operands` cursors over `$length` positions: none, a small or a large array, only zeroed if it is used.
macro_rules! scratch {
    ($scratch:ident, $operands:literal, $length:expr, $needed:expr) => {
        let (mut small, mut large);
        let $scratch: &mut [T] = if !$needed {
            &mut []
        } else if $length <= SMALL {
            small = [T::ZERO; $operands * (SMALL + MAX_LANES)];
            &mut small
        } else {
            large = [T::ZERO; $operands * SCRATCH];
            &mut large
        };
    };
}
pub(super) use scratch;

/// `y = f(a, b)` over one chunk.
struct From2<'a, T, F> {
    function: F,
    a: Broadcast<'a, T>,
    b: Broadcast<'a, T>,
    kinds: (Kind, Kind),
    offset: usize,
    y: &'a mut [T],
    /// Whether the result goes past the cache.
    streams: bool,
}

impl<T: Float, F: Map2<T>> Kernel<T> for From2<'_, T, F> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        let From2 { function, a, b, kinds, offset, y, streams } = self;
        let length = y.len();
        scratch!(scratch, 2, length, kinds.0.needs_scratch() || kinds.1.needs_scratch());
        let (scratch_a, scratch_b) = scratch.split_at_mut(scratch.len() / 2);
        let mut a = Cursor::new(a, kinds.0, offset, length, scratch_a);
        let mut b = Cursor::new(b, kinds.1, offset, length, scratch_b);
        let mut at = 0;
        while at < length {
            let n = a.reach(at, L::N).min(b.reach(at, L::N)).min(length - at);
            let y = &mut y[at..at + n];
            match (a.part(at, n), b.part(at, n)) {
                (Part::Slice(a), Part::Slice(b)) if streams => from::<L, F, _, _, true>(function, a, b, y),
                (Part::Slice(a), Part::One(b)) if streams => from::<L, F, _, _, true>(function, a, One(b), y),
                (Part::Slice(a), Part::Slice(b)) => from::<L, F, _, _, false>(function, a, b, y),
                (Part::Slice(a), Part::One(b)) => from::<L, F, _, _, false>(function, a, One(b), y),
                (Part::One(a), Part::Slice(b)) => from::<L, F, _, _, false>(function, One(a), b, y),
                (Part::One(a), Part::One(b)) => from::<L, F, _, _, false>(function, One(a), One(b), y),
            }
            at += n;
        }
        if streams {
            L::fence();
        }
    }
}

/// `y = f(y, other)` if `FIRST`, else `y = f(other, y)`, over one chunk.
struct Over2<'a, T, F, const FIRST: bool> {
    function: F,
    other: Broadcast<'a, T>,
    kind: Kind,
    offset: usize,
    y: &'a mut [T],
}

impl<T: Float, F: Map2<T>, const FIRST: bool> Kernel<T> for Over2<'_, T, F, FIRST> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        let Over2 { function, other, kind, offset, y } = self;
        let length = y.len();
        scratch!(scratch, 1, length, kind.needs_scratch());
        let mut other = Cursor::new(other, kind, offset, length, scratch);
        let mut at = 0;
        while at < length {
            let n = other.reach(at, L::N).min(length - at);
            let y = &mut y[at..at + n];
            match other.part(at, n) {
                Part::Slice(other) => in_place::<L, F, _, FIRST>(function, other, y),
                Part::One(other) => in_place::<L, F, _, FIRST>(function, One(other), y),
            }
            at += n;
        }
    }
}

/// An operand over one part, register by register.
trait Source<T> {
    /// What a register is made of.
    type Item;
    /// The registers that are full of numbers.
    type Full: Iterator<Item = Self::Item>;
    fn full(&self, lanes: usize) -> Self::Full;
    fn register<L: Lanes<Elem = T>>(item: Self::Item) -> L;
    /// The numbers behind the full registers.
    fn tail<L: Lanes<Elem = T>>(&self) -> L;
}

impl<'a, T: Float> Source<T> for &'a [T] {
    type Item = &'a [T];
    type Full = ChunksExact<'a, T>;

    #[inline(always)]
    fn full(&self, lanes: usize) -> Self::Full {
        self.chunks_exact(lanes)
    }
    #[inline(always)]
    fn register<L: Lanes<Elem = T>>(item: Self::Item) -> L {
        L::load(item)
    }
    #[inline(always)]
    fn tail<L: Lanes<Elem = T>>(&self) -> L {
        L::load_padded(self.chunks_exact(L::N).remainder(), T::ONE)
    }
}

/// The same number at every position.
struct One<T>(T);

impl<T: Float> Source<T> for One<T> {
    type Item = T;
    type Full = Repeat<T>;

    #[inline(always)]
    fn full(&self, _lanes: usize) -> Self::Full {
        std::iter::repeat(self.0)
    }
    #[inline(always)]
    fn register<L: Lanes<Elem = T>>(item: T) -> L {
        L::splat(item)
    }
    #[inline(always)]
    fn tail<L: Lanes<Elem = T>>(&self) -> L {
        L::splat(self.0)
    }
}

#[inline(always)]
fn from<L, F, A, B, const STREAMS: bool>(function: F, a: A, b: B, y: &mut [L::Elem])
where
    L: Lanes,
    F: Map2<L::Elem>,
    A: Source<L::Elem>,
    B: Source<L::Elem>,
{
    let mut full = y.chunks_exact_mut(L::N);
    for ((y, a), b) in (&mut full).zip(a.full(L::N)).zip(b.full(L::N)) {
        let value = function.map::<L>(A::register(a), B::register(b));
        if STREAMS {
            value.stream(y);
        } else {
            value.store(y);
        };
    }
    let y = full.into_remainder();
    if !y.is_empty() {
        function.map::<L>(a.tail(), b.tail()).store_prefix(y);
    }
}

#[inline(always)]
fn in_place<L, F, B, const FIRST: bool>(function: F, other: B, y: &mut [L::Elem])
where
    L: Lanes,
    F: Map2<L::Elem>,
    B: Source<L::Elem>,
{
    let mut full = y.chunks_exact_mut(L::N);
    for (y, other) in (&mut full).zip(other.full(L::N)) {
        ordered::<L, F, FIRST>(function, L::load(y), B::register(other)).store(y);
    }
    let y = full.into_remainder();
    if !y.is_empty() {
        ordered::<L, F, FIRST>(function, L::load_padded(y, L::Elem::ONE), other.tail()).store_prefix(y);
    }
}

#[inline(always)]
fn ordered<L: Lanes, F: Map2<L::Elem>, const FIRST: bool>(function: F, own: L, other: L) -> L {
    if FIRST { function.map(own, other) } else { function.map(other, own) }
}
