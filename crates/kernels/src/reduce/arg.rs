//! Where the extremum stands: the first NaN if there is one, else the first extremum.

use super::Reduce;
use super::fold::{Max, Min, Monoid as _, is_nan};
use crate::Float;
use crate::lanes::{Lanes, Mask as _};
use crate::level::{self, Kernel};
use crate::parallel::{self, Grain, Rows};
use crate::pool::Buffer;

/// Columns that one task compares row by row.
const COLUMNS: usize = 512;
/// Rows up to this length are taken whole.
const CHUNK: usize = 16 << 10;
/// Work from here on is shared between threads.
const SHARED: usize = 64 << 10;

/// The index of the largest along the one reduced axis; of the flat array if all axes are reduced.
///
/// ```
/// use kernels::{Axes, Reduce, argmax};
/// let mut y = [0; 2];
/// argmax(Reduce { x: &[1.0f32, 5.0, 5.0, 2.0, f32::NAN, 9.0], shape: &[2, 3], axes: Axes::one(1), y: &mut y });
/// assert_eq!(y, [1, 1]);
/// ```
///
/// # Panics
/// If the lengths do not fit the shape, if a result is made of no numbers, or if several axes are reduced but not all.
#[track_caller]
pub fn argmax<T: Float>(args: Reduce<'_, T, i64>) {
    arg::<T, false>(args, "the argmax");
}

/// As [`argmax`], of the smallest.
///
/// # Panics
/// As [`argmax`].
#[track_caller]
pub fn argmin<T: Float>(args: Reduce<'_, T, i64>) {
    arg::<T, true>(args, "the argmin");
}

#[track_caller]
fn arg<T: Float, const LEAST: bool>(args: Reduce<'_, T, i64>, what: &str) {
    let layout = args.layout_of_some(what);
    let Reduce { x, shape, y, .. } = args;
    if y.is_empty() {
        return;
    }
    let ([_, rows, width], left) = layout.innermost();
    let longer = (0..shape.len()).filter(|&axis| args.axes.contains(axis) && shape[axis] != 1).count();
    assert!(longer <= 1 || layout.results() == 1 && !left.reduces(), "{what} goes along one axis or along all of them");
    if width == 1 {
        parallel::for_each((Rows(x, rows), y), Grain::rows(rows, 1), |_, (x, y)| {
            if rows <= CHUNK {
                return level::run(WholeRows::<T, LEAST> { x: x.0, width: rows, y });
            }
            for (row, y) in x.0.chunks_exact(rows).zip(y) {
                *y = in_long_row::<T, LEAST>(row);
            }
        });
        return;
    }
    let size = rows * width;
    if size < SHARED {
        parallel::for_each((Rows(x, size), Rows(y, width)), Grain::rows(size, 2), |_, (x, y)| {
            for (x, y) in x.0.chunks_exact(size).zip(y.0.chunks_exact_mut(width)) {
                for (i, y) in y.chunks_mut(COLUMNS).enumerate() {
                    level::run(Columns::<T, LEAST> { x, stride: width, column: i * COLUMNS, y });
                }
            }
        });
        return;
    }
    for (x, y) in x.chunks_exact(size).zip(y.chunks_exact_mut(width)) {
        parallel::for_each(y, Grain { chunk: COLUMNS, serial: 0 }, |column, y| {
            level::run(Columns::<T, LEAST> { x, stride: width, column, y });
        });
    }
}

/// Whether `new` takes the place of `old`, which stands before it.
#[inline(always)]
fn is_better<T: Float, const LEAST: bool>(new: T, old: T) -> bool {
    let beyond = if LEAST { new < old } else { new > old };
    beyond | (is_nan(new) & !is_nan(old))
}

fn in_long_row<T: Float, const LEAST: bool>(row: &[T]) -> i64 {
    let leaf = |offset: usize, x: &[T]| {
        let mut at = [0];
        level::run(WholeRows::<T, LEAST> { x, width: x.len(), y: &mut at });
        (x[at[0] as usize], offset as i64 + at[0])
    };
    let grain = Grain { chunk: CHUNK, serial: SHARED };
    parallel::fold(row, grain, leaf, |a, b| if is_better::<T, LEAST>(b.0, a.0) { b } else { a }).1
}

/// Rows of up to a chunk.
struct WholeRows<'a, T, const LEAST: bool> {
    x: &'a [T],
    width: usize,
    y: &'a mut [i64],
}

impl<T: Float, const LEAST: bool> Kernel<T> for WholeRows<'_, T, LEAST> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        let WholeRows { x, width, y } = self;
        for (row, y) in x.chunks_exact(width).zip(y) {
            *y = if width < 32 { in_short_row::<T, LEAST>(row) } else { in_row::<L, LEAST>(row) } as i64;
        }
    }
}

#[inline(always)]
fn in_short_row<T: Float, const LEAST: bool>(row: &[T]) -> usize {
    let mut best = 0;
    for (i, &x) in row.iter().enumerate().skip(1) {
        if is_better::<T, LEAST>(x, row[best]) {
            best = i;
        }
    }
    best
}

/// The extremum first, then its place, while the row is in the cache.
#[inline(always)]
fn in_row<L: Lanes, const LEAST: bool>(x: &[L::Elem]) -> usize {
    let infinity = L::Elem::INFINITY;
    let mut best = [L::splat(if LEAST { infinity } else { -infinity }); 4];
    let mut fours = x.chunks_exact(4 * L::N);
    for four in &mut fours {
        for (best, x) in best.iter_mut().zip(four.chunks_exact(L::N)) {
            *best = beyond::<L, LEAST>(*best, L::load(x));
        }
    }
    let mut ones = fours.remainder().chunks_exact(L::N);
    for one in &mut ones {
        best[0] = beyond::<L, LEAST>(best[0], L::load(one));
    }
    if !ones.remainder().is_empty() {
        best[1] = beyond::<L, LEAST>(best[1], L::load_padded(ones.remainder(), x[0]));
    }
    let best = beyond::<L, LEAST>(beyond::<L, LEAST>(best[0], best[1]), beyond::<L, LEAST>(best[2], best[3]));
    let best = if LEAST { Min::merge_lanes(best) } else { Max::merge_lanes(best) };
    first_equal::<L>(x, best)
}

/// The extremum of both; NaN wins.
#[inline(always)]
fn beyond<L: Lanes, const LEAST: bool>(a: L, b: L) -> L {
    if LEAST { Min::merge(a, b) } else { Max::merge(a, b) }
}

/// Where `value` stands first.
#[inline(always)]
fn first_equal<L: Lanes>(x: &[L::Elem], value: L::Elem) -> usize {
    let is_nan = value.is_nan();
    let wanted = L::splat(value);
    let mut at = 0;
    while at + L::N <= x.len() {
        let x = L::load(&x[at..]);
        if (if is_nan { x.is_nan() } else { x.eq(wanted) }).any() {
            break;
        }
        at += L::N;
    }
    let rest = x[at..].iter().position(|&x| if is_nan { x.is_nan() } else { x == value });
    at + rest.expect("the extremum is one of the numbers")
}

/// Neighbouring columns, row by row.
struct Columns<'a, T, const LEAST: bool> {
    x: &'a [T],
    stride: usize,
    column: usize,
    y: &'a mut [i64],
}

impl<T: Float, const LEAST: bool> Kernel<T> for Columns<'_, T, LEAST> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        let Columns { x, stride, column, y } = self;
        let mut best = Buffer::<T>::new(y.len());
        best.copy_from_slice(&x[column..][..y.len()]);
        let best = &mut best[..];
        y.fill(0);
        for (row, x) in x.chunks_exact(stride).enumerate().skip(1) {
            let x = &x[column..][..y.len()];
            for ((best, y), &x) in best.iter_mut().zip(&mut *y).zip(x) {
                let is_better = is_better::<T, LEAST>(x, *best);
                *best = if is_better { x } else { *best };
                *y = if is_better { row as i64 } else { *y };
            }
        }
    }
}
