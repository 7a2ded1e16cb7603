//! Reduction over the last axis: `[rows, width]` to `[rows]`.
//!
//! A row's result depends on the row and its width, never on how many rows there are or where it stands.

use super::fold::{Monoid as _, Term};
use crate::Float;
use crate::lanes::{Lanes, MAX_LANES};
use crate::level::{self, Kernel};
use crate::parallel::{self, Grain, Rows};
use crate::tail::first_lanes;

/// Rows shorter than this are taken a register of rows at a time, column by column: a register per row would be mostly
/// padding, and folding its lanes would cost more than reading the row.
const TINY: usize = 16;
/// Rows up to this width are one chunk: as long as what [`Grain::elements`] gives.
const CHUNK: usize = 16 << 10;
/// Registers summed up in four accumulators before those are added to the total: chains of 16 additions, not of 256.
const BLOCK: usize = 128;

/// Folds each of the rows; `given` holds one number for each.
pub(super) fn rows<T: Float, F: Term<T>>(term: F, x: &[T], width: usize, given: Option<&[T]>, out: &mut [f64]) {
    let cost = if given.is_some() { 2 } else { 1 };
    if width <= CHUNK {
        parallel::for_each((Rows(x, width), out), Grain::rows(width, cost), |first, (x, out)| {
            let given = given.map(|given| &given[first..][..out.len()]);
            level::run(Short { term, x: x.0, width, given, out });
        });
        return;
    }
    parallel::for_each((Rows(x, width), out), Grain::rows(width, cost), |first, (x, out)| {
        for (i, (row, out)) in x.0.chunks_exact(width).zip(out).enumerate() {
            let given = given.map(|given| &given[first + i..][..1]);
            let leaf = |_, x: &[T]| {
                let mut sum = [0.0];
                level::run(Short { term, x, width: x.len(), given, out: &mut sum });
                sum[0]
            };
            *out = parallel::fold(row, Grain { chunk: CHUNK, serial: 64 << 10 }, leaf, F::Monoid::merge_numbers);
        }
    });
}

/// Whole rows of one chunk.
struct Short<'a, T, F> {
    term: F,
    x: &'a [T],
    width: usize,
    given: Option<&'a [T]>,
    out: &'a mut [f64],
}

impl<T: Float, F: Term<T>> Kernel<T> for Short<'_, T, F> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        let Short { term, x, width, given, out } = self;
        if width < TINY {
            return Tiny { term, x, width, given, out }.run::<L>();
        }
        for (i, (row, out)) in x.chunks_exact(width).zip(out).enumerate() {
            *out = span::<L, F>(term, row, given_at(given, i));
        }
    }
}

/// One row, or a chunk of it.
#[inline(always)]
fn span<L: Lanes, F: Term<L::Elem>>(term: F, x: &[L::Elem], given: L) -> f64 {
    let merge = F::Monoid::merge::<L>;
    let start = L::splat(L::Elem::from_f64(F::Monoid::START));
    let mut total = start;
    for block in x.chunks(BLOCK * L::N) {
        let mut sums = [start; 4];
        let mut pairs = block.chunks_exact(8 * L::N);
        for part in &mut pairs {
            for (sum, pair) in sums.iter_mut().zip(part.chunks_exact(2 * L::N)) {
                let a = term.map(L::load(pair), given);
                let b = term.map(L::load(&pair[L::N..]), given);
                *sum = merge(*sum, merge(a, b));
            }
        }
        let mut singles = pairs.remainder().chunks_exact(L::N);
        for part in &mut singles {
            sums[0] = merge(sums[0], term.map(L::load(part), given));
        }
        let rest = singles.remainder();
        if !rest.is_empty() {
            let mapped = term.map(L::load_padded(rest, L::Elem::ONE), given);
            sums[1] = L::select(first_lanes::<L>(rest.len()), merge(sums[1], mapped), sums[1]);
        }
        let [a, b, c, d] = sums;
        total = merge(total, merge(merge(a, b), merge(c, d)));
    }
    F::Monoid::merge_lanes(total).to_f64()
}

/// What is given for the row at `i`.
#[inline(always)]
fn given_at<L: Lanes>(given: Option<&[L::Elem]>, i: usize) -> L {
    match given {
        Some(given) => L::splat(given[i]),
        None => L::zero(),
    }
}

/// Rows of fewer than [`TINY`] numbers.
struct Tiny<'a, T, F> {
    term: F,
    x: &'a [T],
    width: usize,
    given: Option<&'a [T]>,
    out: &'a mut [f64],
}

impl<T: Float, F: Term<T>> Tiny<'_, T, F> {
    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        let Tiny { term, x, width, given, out } = self;
        for (i, out) in out.chunks_mut(L::N).enumerate() {
            let x = &x[i * L::N * width..][..out.len() * width];
            let given = match given {
                Some(given) => L::load_padded(&given[i * L::N..][..out.len()], T::ZERO),
                None => L::zero(),
            };
            let mut sum = L::splat(T::from_f64(F::Monoid::START));
            for j in 0..width {
                let mut column = [T::ONE; MAX_LANES];
                for (to, row) in column[..L::N].iter_mut().zip(x.chunks_exact(width)) {
                    *to = row[j];
                }
                sum = F::Monoid::merge(sum, term.map(L::load(&column), given));
            }
            for (out, lane) in out.iter_mut().zip(sum.to_array()) {
                *out = lane.to_f64();
            }
        }
    }
}
