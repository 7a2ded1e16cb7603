//! Where the extremum stands: the first NaN if there is one, else the first extremum.

use super::Reduce;
use crate::Float;
use crate::lanes::{Lanes, Mask as _};
use crate::level::{self, Kernel};
use crate::parallel::{self, Grain, Rows};
use crate::pool::Buffer;

/// Columns that one task compares row by row.
const COLUMNS: usize = 512;
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
            for (row, y) in x.0.chunks_exact(rows).zip(y) {
                *y = in_row::<T, LEAST>(row) as i64;
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
    #[expect(clippy::eq_op, reason = "NaN alone differs from itself; through f64 the loop would not be vectorised")]
    let is_first_nan = new != new && old == old;
    beyond | is_first_nan
}

fn in_row<T: Float, const LEAST: bool>(row: &[T]) -> usize {
    if row.len() < 32 {
        return (1..row.len()).fold(0, |best, i| if is_better::<T, LEAST>(row[i], row[best]) { i } else { best });
    }
    let leaf = |offset: usize, x: &[T]| {
        let at = level::run(Span::<T, LEAST> { x });
        (x[at], offset + at)
    };
    parallel::fold(row, Grain::elements(1), leaf, |a, b| if is_better::<T, LEAST>(b.0, a.0) { b } else { a }).1
}

/// A chunk of a row: its extremum first, then the place, while the chunk is in the cache.
struct Span<'a, T, const LEAST: bool> {
    x: &'a [T],
}

impl<T: Float, const LEAST: bool> Kernel<T> for Span<'_, T, LEAST> {
    type Output = usize;

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) -> usize {
        let x = self.x;
        // NaN is looked for by itself: these drop it.
        let start = L::splat(if LEAST { T::INFINITY } else { -T::INFINITY });
        let keep = |best: L, x: L| if LEAST { x.min(best) } else { x.max(best) };
        let mut best = [start; 4];
        let mut sum = [L::zero(); 4];
        let mut parts = x.chunks_exact(4 * L::N);
        for part in &mut parts {
            for i in 0..4 {
                let x = L::load(&part[i * L::N..]);
                best[i] = keep(best[i], x);
                sum[i] = sum[i] + (x - x);
            }
        }
        let rest = parts.remainder();
        let has_nan = sum.iter().any(|sum| sum.is_nan().any()) || rest.iter().any(|x| !x.is_finite());
        // ∞ − ∞ is NaN too: then the first NaN may not exist.
        if has_nan && let Some(at) = x.iter().position(|x| x.is_nan()) {
            return at;
        }
        let best = keep(keep(best[0], best[1]), keep(best[2], best[3])).to_array();
        let is_beyond = |a: T, b: T| if LEAST { a < b } else { a > b };
        let best = best[..L::N].iter().chain(rest).fold(x[0], |a, &b| if is_beyond(b, a) { b } else { a });
        first_equal::<L>(x, best)
    }
}

#[inline(always)]
fn first_equal<L: Lanes>(x: &[L::Elem], value: L::Elem) -> usize {
    let wanted = L::splat(value);
    let mut at = 0;
    while at + L::N <= x.len() && !L::load(&x[at..at + L::N]).eq(wanted).any() {
        at += L::N;
    }
    at + x[at..].iter().position(|&x| x == value).expect("the extremum is one of the numbers")
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
