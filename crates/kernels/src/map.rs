//! Elementwise loops, written once: functions of one number ([`Map1`]) here, of two ([`Map2`]) and of three ([`Map3`])
//! in files of their own, with operands that may be broadcast.

mod cursor;
mod three;
mod two;

pub(crate) use three::{Map3, map3};
pub(crate) use two::{Map2, map2};

use crate::level::{self, Kernel};
use crate::parallel::{self, Grain};
use crate::{Float, In1, cache, lanes::Lanes};

/// A function of one number, over registers.
pub trait Map1<T: Float>: Copy + Send + Sync {
    /// The price of an element relative to a load, an add and a store.
    const COST: usize = 1;
    fn map<L: Lanes<Elem = T>>(self, x: L) -> L;
}

/// Applies `function` to every element, in parallel chunks.
///
/// # Panics
/// If argument and result differ in length.
#[track_caller]
#[inline]
pub(crate) fn map1<T: Float, F: Map1<T>>(function: F, io: In1<'_, T>) {
    let grain = Grain::elements(F::COST);
    match io {
        In1::From { x, y } => {
            assert_eq!(x.len(), y.len(), "argument and result differ in length");
            let streams = cache::is_beyond(size_of_val(y), 1);
            parallel::for_each((x, y), grain, |_, (x, y)| level::run(From1 { function, x, y, streams }));
        }
        In1::Over { x } => parallel::for_each(x, grain, |_, x| level::run(Over1 { function, x })),
    }
}

struct From1<'a, T, F> {
    function: F,
    x: &'a [T],
    y: &'a mut [T],
    /// Whether the result goes past the cache.
    streams: bool,
}

impl<T: Float, F: Map1<T>> Kernel<T> for From1<'_, T, F> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        let mut x = self.x.chunks_exact(L::N);
        let mut y = self.y.chunks_exact_mut(L::N);
        if self.streams {
            for (x, y) in (&mut x).zip(&mut y) {
                self.function.map(L::load(x)).stream(y);
            }
            L::fence();
        }
        for (x, y) in (&mut x).zip(&mut y) {
            self.function.map(L::load(x)).store(y);
        }
        let (x, y) = (x.remainder(), y.into_remainder());
        if !x.is_empty() {
            self.function.map(L::load_padded(x, T::ONE)).store_prefix(y);
        }
    }
}

struct Over1<'a, T, F> {
    function: F,
    x: &'a mut [T],
}

impl<T: Float, F: Map1<T>> Kernel<T> for Over1<'_, T, F> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        let mut x = self.x.chunks_exact_mut(L::N);
        for x in &mut x {
            self.function.map(L::load(x)).store(x);
        }
        let x = x.into_remainder();
        if !x.is_empty() {
            self.function.map(L::load_padded(x, T::ONE)).store_prefix(x);
        }
    }
}
