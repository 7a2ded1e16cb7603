//! Reductions of a row-major array over any set of its axes.
//!
//! | | of an empty set | NaN | |
//! |---|---|---|---|
//! | [`sum`] Σx, [`norm1`] Σ\|x\|, [`sum_of_squares`] Σx² | 0 | NaN | |
//! | [`prod`] Πx | 1 | NaN | |
//! | [`mean`] Σx / n | NaN | NaN | |
//! | [`max`], [`min`] | panic | NaN wins | |
//! | [`argmax`], [`argmin`] | panic | the first NaN wins | else the first extremum |
//! | [`variance`] Σ(x − mean)² / (n − correction) | NaN | NaN | two passes; NaN where n ≤ correction |
//! | [`logsumexp`] ln Σ exp x | −∞ | NaN | shifted by the maximum; −∞ of all −∞, +∞ of any +∞ |
//! | [`norm2`] √Σx² | 0 | NaN | scaled where squares would leave the range |
//!
//! Neighbouring axes of the same kind are merged; then the innermost reduced group is folded as rows (`[.., R]`) or as
//! columns (`[.., R, K]`), and further groups fold what that leaves. Chunks depend on the shape alone. Sums run in
//! registers of T over short chains (about 40 additions from a number to its chunk's sum: an error of at most
//! 20 ε · Σ|x|; the tests hold it to 8) and in f64 from there on, pairwise. One pass over memory; two for variance, logsumexp
//! and the rare scaled norm, unless the reduced blocks fit the cache.

mod arg;
mod columns;
mod fold;
mod layout;
mod rows;
mod share;
#[cfg(test)]
mod tests;

pub use arg::{argmax, argmin};
pub use share::{ExtremumShare, extremum_share};

use crate::Float;
use crate::parallel::{self, Grain, Rows};
use crate::pool::Buffer;
use fold::{Add, Deviation, Itself, Magnitude, Max, Min, Monoid as _, Mul, ScaledSquare, ShiftedExp, Square};
use fold::{SquaredDeviation, Term};
use layout::Layout;

/// A set of axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axes(u32);

impl Axes {
    /// Every axis.
    pub const ALL: Axes = Axes(u32::MAX);
    /// No axis.
    pub const NONE: Axes = Axes(0);

    /// The set of one axis.
    ///
    /// # Panics
    /// If `axis` is 32 or more.
    #[track_caller]
    pub const fn one(axis: usize) -> Axes {
        assert!(axis < 32, "an axis number is below 32");
        Axes(1 << axis)
    }

    /// The set of these axes.
    ///
    /// # Panics
    /// If one of them is 32 or more.
    #[track_caller]
    pub fn of(axes: &[usize]) -> Axes {
        axes.iter().fold(Axes::NONE, |set, &axis| Axes(set.0 | Axes::one(axis).0))
    }

    /// Bit `i` says whether axis `i` belongs to the set.
    pub const fn from_bits(bits: u32) -> Axes {
        Axes(bits)
    }

    /// Whether the axis belongs to the set.
    pub const fn contains(self, axis: usize) -> bool {
        axis < 32 && self.0 >> axis & 1 == 1
    }
}

/// The arguments of a reduction.
#[derive(Debug)]
pub struct Reduce<'a, T, U = T> {
    /// The numbers, row-major.
    pub x: &'a [T],
    /// Their shape.
    pub shape: &'a [usize],
    /// The axes that are reduced.
    pub axes: Axes,
    /// The results, row-major over the axes that are kept.
    pub y: &'a mut [U],
}

impl<T, U> Reduce<'_, T, U> {
    #[track_caller]
    fn layout(&self) -> Layout {
        let layout = Layout::new(self.shape, self.axes);
        let Reduce { x, shape, y, .. } = self;
        assert_eq!(x.len(), shape.iter().product(), "an array of shape {shape:?} has another number of elements");
        assert_eq!(y.len(), layout.results(), "reducing {shape:?} gives another number of results");
        layout
    }

    #[track_caller]
    fn layout_of_some(&self, what: &str) -> Layout {
        let layout = self.layout();
        assert!(layout.count() > 0 || self.y.is_empty(), "{what} of no numbers: shape {:?}", self.shape);
        layout
    }
}

/// Folds all that belongs to each result; `given` holds one number for each result.
fn partials<T: Float, F: Term<T>>(term: F, x: &[T], layout: &Layout, given: Option<&[T]>) -> Buffer<f64> {
    if x.is_empty() {
        let mut empty = Buffer::new(layout.results());
        empty.fill(F::Monoid::START);
        return empty;
    }
    let (sizes, left) = layout.innermost();
    if !left.reduces() {
        return innermost(term, x, sizes, given);
    }
    let spread = given.map(|given| {
        let mut spread = Buffer::new(sizes[0] * sizes[2]);
        spread.iter_mut().enumerate().for_each(|(i, to): (usize, &mut T)| *to = given[left.result_of(i)]);
        spread
    });
    let inner = innermost(term, x, sizes, spread.as_deref());
    partials(Itself(F::Monoid::default()), &inner, &left, None)
}

fn innermost<T: Float, F: Term<T>>(
    term: F,
    x: &[T],
    [blocks, rows, width]: [usize; 3],
    given: Option<&[T]>,
) -> Buffer<f64> {
    let mut out = Buffer::new(blocks * width);
    if width == 1 {
        rows::rows(term, x, rows, given, &mut out);
    } else {
        columns::columns(term, x, rows, width, given, &mut out);
    }
    out
}

/// Writes `f(number of the result, its partial result)`.
fn finish<T: Float>(partials: &[f64], y: &mut [T], f: impl Fn(usize, f64) -> f64 + Sync) {
    parallel::for_each((partials, y), Grain::elements(4), |first, (partials, y)| {
        for (i, (y, &partial)) in y.iter_mut().zip(partials).enumerate() {
            *y = T::from_f64(f(first + i, partial));
        }
    });
}

/// Cuts the work at the outermost kept axis where that leaves blocks small enough for the cache, so that a second pass
/// finds them there.
fn in_cache<T: Float>(x: &[T], layout: Layout, y: &mut [T], body: impl Fn(&[T], Layout, &mut [T]) + Sync) {
    const FITS: usize = 32 << 10;
    let Some(blocks) = layout.outer().filter(|_| !x.is_empty()) else { return body(x, layout, y) };
    let (size, results) = (x.len() / blocks, y.len() / blocks);
    if size > FITS {
        return body(x, layout, y);
    }
    parallel::for_each((Rows(x, size), Rows(y, results)), Grain::rows(size, 2), |_, (x, y)| {
        body(x.0, layout.with_outer(x.0.len() / size), y.0);
    });
}

/// Σx
///
/// ```
/// use kernels::{Axes, Reduce, sum};
/// let mut y = [0.0; 2];
/// sum(Reduce { x: &[1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0], shape: &[3, 2], axes: Axes::one(0), y: &mut y });
/// assert_eq!(y, [9.0, 12.0]);
/// ```
///
/// # Panics
/// If the lengths do not fit the shape.
#[track_caller]
pub fn sum<T: Float>(args: Reduce<'_, T>) {
    let layout = args.layout();
    finish(&partials(Itself(Add), args.x, &layout, None), args.y, |_, sum| sum);
}

/// Σx / n; NaN of no numbers.
///
/// # Panics
/// If the lengths do not fit the shape.
#[track_caller]
pub fn mean<T: Float>(args: Reduce<'_, T>) {
    let layout = args.layout();
    let count = layout.count() as f64;
    finish(&partials(Itself(Add), args.x, &layout, None), args.y, |_, sum| sum / count);
}

/// Πx
///
/// # Panics
/// If the lengths do not fit the shape.
#[track_caller]
pub fn prod<T: Float>(args: Reduce<'_, T>) {
    let layout = args.layout();
    finish(&partials(Itself(Mul), args.x, &layout, None), args.y, |_, product| product);
}

/// The largest; NaN where there is any.
///
/// # Panics
/// If the lengths do not fit the shape, or if a result is made of no numbers.
#[track_caller]
pub fn max<T: Float>(args: Reduce<'_, T>) {
    let layout = args.layout_of_some("the maximum");
    finish(&partials(Itself(Max), args.x, &layout, None), args.y, |_, max| max);
}

/// The smallest; NaN where there is any.
///
/// # Panics
/// If the lengths do not fit the shape, or if a result is made of no numbers.
#[track_caller]
pub fn min<T: Float>(args: Reduce<'_, T>) {
    let layout = args.layout_of_some("the minimum");
    finish(&partials(Itself(Min), args.x, &layout, None), args.y, |_, min| min);
}

/// Σ|x|
///
/// # Panics
/// If the lengths do not fit the shape.
#[track_caller]
pub fn norm1<T: Float>(args: Reduce<'_, T>) {
    let layout = args.layout();
    finish(&partials(Magnitude(Add), args.x, &layout, None), args.y, |_, sum| sum);
}

/// Σx²; overflows where the square of a number does.
///
/// # Panics
/// If the lengths do not fit the shape.
#[track_caller]
pub fn sum_of_squares<T: Float>(args: Reduce<'_, T>) {
    let layout = args.layout();
    finish(&partials(Square, args.x, &layout, None), args.y, |_, sum| sum);
}

/// √Σx², without overflow or underflow on the way.
///
/// ```
/// use kernels::{Axes, Reduce, norm2};
/// let mut y = [0.0f32];
/// norm2(Reduce { x: &[3e30, 4e30], shape: &[2], axes: Axes::ALL, y: &mut y });
/// assert_eq!(y, [5e30]);
/// ```
///
/// # Panics
/// If the lengths do not fit the shape.
#[track_caller]
pub fn norm2<T: Float>(args: Reduce<'_, T>) {
    let layout = args.layout();
    let squares = partials(Square, args.x, &layout, None);
    // Below, squares of single numbers were subnormal and lost digits; above, one has overflowed.
    let (least, reach) = if size_of::<T>() == 4 { (1e-30, 126) } else { (1e-280, 1022) };
    if squares.iter().all(|&sum| sum.is_nan() || (sum >= least && sum < f64::INFINITY)) {
        return finish(&squares, args.y, |_, sum| sum.sqrt());
    }
    let largest = partials(Magnitude(Max), args.x, &layout, None);
    let mut scales = Buffer::<T>::new(largest.len());
    finish(&largest, &mut scales, |_, largest| {
        if largest > 0.0 && largest < f64::INFINITY {
            2f64.powi(-(largest.log2().floor() as i32).clamp(-reach, reach))
        } else {
            1.0
        }
    });
    finish(&partials(ScaledSquare, args.x, &layout, Some(&scales)), args.y, |i, sum| sum.sqrt() / scales[i].to_f64());
}

/// Σ(x − mean)² / (n − correction): correction 1 is the unbiased estimate, 0 the variance of the numbers themselves.
/// NaN where n ≤ correction. Exactly 0 where all numbers are the same. Two passes: off by a few ulps of the result plus the
/// square of the mean's rounding (ε·mean)², which shows only where numbers differ in their last digits.
///
/// ```
/// use kernels::{Axes, Reduce, variance};
/// let mut y = [0.0f32];
/// variance(Reduce { x: &[1.0, 3.0], shape: &[2], axes: Axes::ALL, y: &mut y }, 1.0);
/// assert_eq!(y, [2.0]);
/// ```
///
/// # Panics
/// If the lengths do not fit the shape.
#[track_caller]
pub fn variance<T: Float>(args: Reduce<'_, T>, correction: f64) {
    let layout = args.layout();
    let count = layout.count() as f64;
    let freedom = count - correction;
    if freedom <= 0.0 || args.x.is_empty() {
        return args.y.fill(T::NAN);
    }
    in_cache(args.x, layout, args.y, |x, layout, y| {
        // The first number of each set stands in for the mean at first: the mean of equal numbers is then exact.
        let firsts = firsts(x, &layout);
        let sums = partials(Deviation, x, &layout, Some(&firsts));
        let mut means = Buffer::<T>::new(sums.len());
        finish(&sums, &mut means, |i, sum| firsts[i].to_f64() + sum / count);
        finish(&partials(SquaredDeviation, x, &layout, Some(&means)), y, |_, sum| sum / freedom);
    });
}

/// The first number of each result's set.
fn firsts<T: Float>(x: &[T], layout: &Layout) -> Buffer<T> {
    let mut firsts = Buffer::new(layout.results());
    firsts.iter_mut().enumerate().for_each(|(result, to): (usize, &mut T)| *to = x[layout.first_of(result)]);
    firsts
}

/// ln Σ exp x, shifted by the maximum: −∞ of nothing or of −∞ alone, +∞ where there is any, NaN where there is any.
///
/// # Panics
/// If the lengths do not fit the shape.
#[track_caller]
pub fn logsumexp<T: Float>(args: Reduce<'_, T>) {
    let layout = args.layout();
    in_cache(args.x, layout, args.y, |x, layout, y| {
        let largest = partials(Itself(Max), x, &layout, None);
        let mut shifts = Buffer::<T>::new(largest.len());
        finish(&largest, &mut shifts, |_, largest| if largest.is_finite() { largest } else { 0.0 });
        finish(&partials(ShiftedExp, x, &layout, Some(&shifts)), y, |i, sum| {
            if largest[i].is_finite() { largest[i] + sum.ln() } else { largest[i] }
        });
    });
}
