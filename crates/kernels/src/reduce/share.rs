//! The gradient of a maximum or minimum: ties share it equally, so that it sums to dy.

use super::fold::{Add, Term};
use super::{Axes, Layout, Reduce, partials};
use crate::Float;
use crate::lanes::Lanes;
use crate::level::{self, Kernel};
use crate::parallel::{self, Grain, Rows};
use crate::pool::Buffer;

/// The arguments of [`extremum_share`].
#[derive(Debug)]
pub struct ExtremumShare<'a, T> {
    /// What was reduced.
    pub x: &'a [T],
    /// Its shape.
    pub shape: &'a [usize],
    /// The axes that were reduced.
    pub axes: Axes,
    /// The maxima or minima.
    pub y: &'a [T],
    /// For each element of x its share of dy: 1/ties where it is the extremum (or both are NaN), else 0.
    pub share: &'a mut [T],
}

/// Which share of dy each element gets.
///
/// ```
/// use kernels::{Axes, ExtremumShare, extremum_share};
/// let mut share = [0.0f32; 4];
/// extremum_share(ExtremumShare { x: &[1.0, 5.0, 5.0, 3.0], shape: &[4], axes: Axes::ALL, y: &[5.0], share: &mut share });
/// assert_eq!(share, [0.0, 0.5, 0.5, 0.0]);
/// ```
///
/// # Panics
/// If the lengths do not fit the shape.
#[track_caller]
pub fn extremum_share<T: Float>(args: ExtremumShare<'_, T>) {
    let ExtremumShare { x, shape, axes, y, share } = args;
    assert_eq!(x.len(), share.len(), "x and its shares differ in length");
    let mut weights = Buffer::<T>::new(y.len());
    let layout = Reduce { x, shape, axes, y: &mut weights[..] }.layout();
    if x.is_empty() {
        return;
    }
    super::finish(&partials(IsEqual, x, &layout, Some(y)), &mut weights, |_, ties| 1.0 / ties);
    let ([_, rows, width], _) = layout.innermost();
    let run = if width == 1 { rows } else { width };
    let weights = &weights[..];
    parallel::for_each((Rows(x, run), Rows(share, run)), Grain::rows(run, 2), |first, (x, share)| {
        level::run(Spread { x: x.0, y, weights, share: share.0, first, run, is_row: width == 1, layout: &layout });
    });
}

/// 1 where x is what is given, NaN included.
#[derive(Clone, Copy)]
struct IsEqual;

impl<T: Float> Term<T> for IsEqual {
    type Monoid = Add;
    #[inline(always)]
    fn map<L: Lanes<Elem = T>>(self, x: L, given: L) -> L {
        weighted(x, given, L::one())
    }
}

#[inline(always)]
fn weighted<L: Lanes>(x: L, y: L, weight: L) -> L {
    L::select(x.eq(y) | (x.is_nan() & y.is_nan()), weight, L::zero())
}

/// Runs of elements that go to one result (`is_row`) or to neighbouring ones.
struct Spread<'a, T> {
    x: &'a [T],
    y: &'a [T],
    weights: &'a [T],
    share: &'a mut [T],
    first: usize,
    run: usize,
    is_row: bool,
    layout: &'a Layout,
}

impl<T: Float> Kernel<T> for Spread<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        let Spread { x, y, weights, share, first, run, is_row, layout } = self;
        for (i, (x, share)) in x.chunks_exact(run).zip(share.chunks_exact_mut(run)).enumerate() {
            let result = layout.result_of((first + i) * run);
            let mut at = 0;
            while at < run {
                let count = L::N.min(run - at);
                let from = if is_row { result } else { result + at };
                let (y, weight) = (of_run::<L>(y, from, count, is_row), of_run::<L>(weights, from, count, is_row));
                let to = &mut share[at..at + count];
                if count == L::N {
                    weighted(L::load(&x[at..]), y, weight).store(to);
                } else {
                    weighted(L::load_padded(&x[at..], T::ZERO), y, weight).store_prefix(to);
                }
                at += count;
            }
        }
    }
}

/// One number for all lanes, or `count` neighbours.
#[inline(always)]
fn of_run<L: Lanes>(numbers: &[L::Elem], from: usize, count: usize, is_row: bool) -> L {
    if is_row {
        L::splat(numbers[from])
    } else if count == L::N {
        L::load(&numbers[from..])
    } else {
        L::load_padded(&numbers[from..][..count], L::Elem::ZERO)
    }
}
