//! Reduction over an axis that is not the last: `[rows, width]` to `[width]`, register beside register.
//!
//! 64 rows at a time, four by four, in registers of T; from there on in f64. Few columns are repeated until they fill whole
//! registers, so that 3 columns cost no padded register per row. Long blocks are cut into chunks of rows, wide ones into
//! chunks of columns: the shape decides.

use super::fold::{Monoid, Term};
use crate::Float;
use crate::lanes::{Lanes, MAX_LANES};
use crate::level::{self, Kernel};
use crate::parallel::{self, Grain, PerChunk, Rows};
use crate::pool::Buffer;

/// Registers side by side.
const BAND: usize = 4;
/// Rows summed up in T.
const BATCH: usize = 64;
/// Up to this width columns are repeated to fill registers, if the block is worth it.
const FEW: usize = 64;
const WORTH_REPEATING: usize = 4096;
/// Work from here on is shared between threads.
const SHARED: usize = 64 << 10;

/// Folds each `[rows, width]` block of `x` over its rows; `given` holds one number for each result.
pub(super) fn columns<T: Float, F: Term<T>>(
    term: F,
    x: &[T],
    rows: usize,
    width: usize,
    given: Option<&[T]>,
    out: &mut [f64],
) {
    let size = rows * width;
    let each = |first: usize, x: &[T], out: &mut [f64]| {
        for (i, (x, out)) in x.chunks_exact(size).zip(out.chunks_exact_mut(width)).enumerate() {
            block(term, x, given.map(|given| &given[(first + i) * width..][..width]), out);
        }
    };
    if size >= SHARED {
        each(0, x, out);
    } else {
        parallel::for_each((Rows(x, size), Rows(out, width)), Grain::rows(size, 1), |first, (x, out)| {
            each(first, x.0, out.0);
        });
    }
}

/// One block.
fn block<T: Float, F: Term<T>>(term: F, x: &[T], given: Option<&[T]>, out: &mut [f64]) {
    let width = out.len();
    let rows = x.len() / width;
    out.fill(F::Monoid::START);
    if width >= 8192 || (rows < BATCH && width >= 256) {
        let serial = if x.len() < SHARED { usize::MAX } else { 0 };
        parallel::for_each(out, Grain { chunk: 512, serial }, |column, out| {
            let given = given.map(|given| &given[column..][..out.len()]);
            level::run(Window { term, x, stride: width, column, given, out });
        });
        return;
    }
    if width >= FEW || x.len() < WORTH_REPEATING {
        return fold_rows(term, x, given, out);
    }
    let repeats = MAX_LANES / gcd(width, MAX_LANES);
    let wide = width * repeats;
    let (body, rest) = x.split_at(x.len() / wide * wide);
    let repeated = given.map(|given| {
        let mut tile = Buffer::<T>::new(wide);
        tile.chunks_exact_mut(width).for_each(|copy| copy.copy_from_slice(given));
        tile
    });
    let mut sums = Buffer::<f64>::new(wide);
    sums.fill(F::Monoid::START);
    fold_rows(term, body, repeated.as_deref(), &mut sums);
    for part in sums.chunks_exact(width) {
        merge_into::<F::Monoid>(out, part);
    }
    level::run(Window { term, x: rest, stride: width, column: 0, given, out });
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Chunks of rows, combined pairwise.
fn fold_rows<T: Float, F: Term<T>>(term: F, x: &[T], given: Option<&[T]>, out: &mut [f64]) {
    let width = out.len();
    // At least 64 rows a chunk, so that combining the partial results stays a few percent.
    let chunk = Grain::rows(width, 1).chunk.max(BATCH);
    let serial = if x.len() < SHARED { usize::MAX } else { 0 };
    if x.len() <= chunk * width {
        return level::run(Window { term, x, stride: width, column: 0, given, out });
    }
    let grain = Grain { chunk, serial };
    let mut room = Buffer::<f64>::new(grain.chunks(x.len() / width) * width);
    let parts = (Rows(x, width), PerChunk::new(&mut room, width, grain));
    let total = parallel::fold(
        parts,
        grain,
        |_, (rows, room)| part(term, rows.0, given, room.into_room()),
        combine::<F::Monoid>,
    );
    out.copy_from_slice(total);
}

/// One chunk of rows.
fn part<'a, T: Float, F: Term<T>>(term: F, x: &[T], given: Option<&[T]>, out: &'a mut [f64]) -> &'a mut [f64] {
    out.fill(F::Monoid::START);
    level::run(Window { term, x, stride: out.len(), column: 0, given, out: &mut *out });
    out
}

fn combine<'a, M: Monoid>(a: &'a mut [f64], b: &mut [f64]) -> &'a mut [f64] {
    merge_into::<M>(a, b);
    a
}

fn merge_into<M: Monoid>(to: &mut [f64], from: &[f64]) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to = M::merge_numbers(*to, from);
    }
}

/// Neighbouring columns of all rows, folded into `out`.
struct Window<'a, T, F> {
    term: F,
    x: &'a [T],
    /// From row to row.
    stride: usize,
    /// The first of the columns.
    column: usize,
    /// One number for each of the columns.
    given: Option<&'a [T]>,
    out: &'a mut [f64],
}

impl<T: Float, F: Term<T>> Kernel<T> for Window<'_, T, F> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(mut self) {
        let width = self.out.len();
        for rows in self.x.chunks(BATCH * self.stride) {
            let mut at = 0;
            while at + BAND * L::N <= width {
                self.band::<L, BAND>(rows, at);
                at += BAND * L::N;
            }
            while at + L::N <= width {
                self.band::<L, 1>(rows, at);
                at += L::N;
            }
            if at < width {
                self.rest::<L>(rows, at);
            }
        }
    }
}

impl<T: Float, F: Term<T>> Window<'_, T, F> {
    /// `R` registers of columns, counted from the first of this window.
    #[inline(always)]
    fn band<L: Lanes<Elem = T>, const R: usize>(&mut self, rows: &[T], at: usize) {
        let (term, merge) = (self.term, F::Monoid::merge::<L>);
        let mut given = [L::zero(); R];
        if let Some(numbers) = self.given {
            for (r, given) in given.iter_mut().enumerate() {
                *given = L::load(&numbers[at + r * L::N..]);
            }
        }
        let mut sums = [L::splat(T::from_f64(F::Monoid::START)); R];
        let from = self.column + at;
        let mut fours = rows.chunks_exact(4 * self.stride);
        for four in &mut fours {
            let [a, b, c, d] = std::array::from_fn(|i| &four[i * self.stride + from..][..R * L::N]);
            for r in 0..R {
                let (at, given) = (r * L::N, given[r]);
                let ab = merge(term.map(L::load(&a[at..]), given), term.map(L::load(&b[at..]), given));
                let cd = merge(term.map(L::load(&c[at..]), given), term.map(L::load(&d[at..]), given));
                sums[r] = merge(sums[r], merge(ab, cd));
            }
        }
        for row in fours.remainder().chunks_exact(self.stride) {
            let row = &row[from..][..R * L::N];
            for r in 0..R {
                sums[r] = merge(sums[r], term.map(L::load(&row[r * L::N..]), given[r]));
            }
        }
        for (r, sum) in sums.into_iter().enumerate() {
            keep::<L, F::Monoid>(sum, &mut self.out[at + r * L::N..][..L::N]);
        }
    }

    /// The last columns, fewer than a register.
    #[inline(always)]
    fn rest<L: Lanes<Elem = T>>(&mut self, rows: &[T], at: usize) {
        let count = self.out.len() - at;
        let given = match self.given {
            Some(given) => L::load_padded(&given[at..], T::ZERO),
            None => L::zero(),
        };
        let mut sum = L::splat(T::from_f64(F::Monoid::START));
        let mut from = self.column + at;
        while from < rows.len() {
            // What stands behind the columns goes into lanes that are not kept.
            let x = match rows.get(from..from + L::N) {
                Some(register) => L::load(register),
                None => L::load_padded(&rows[from..from + count], T::ONE),
            };
            sum = F::Monoid::merge(sum, self.term.map(x, given));
            from += self.stride;
        }
        keep::<L, F::Monoid>(sum, &mut self.out[at..]);
    }
}

#[inline(always)]
fn keep<L: Lanes, M: Monoid>(sum: L, out: &mut [f64]) {
    for (out, lane) in out.iter_mut().zip(sum.to_array()) {
        *out = M::merge_numbers(*out, lane.to_f64());
    }
}
