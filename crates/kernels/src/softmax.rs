//! Softmax and log-softmax over the rows of `[rows, classes]`, forward and backward.
//!
//! y = exp(x − m) / Σ exp(x − m) with m the row's maximum; backward reads y: dx = y · (dy − Σ dy·y), and for the logarithm
//! dx = dy − exp(y) · Σ dy. A row with a NaN or +∞, or of −∞ alone, becomes NaN; other rows are untouched. Where one number
//! is −∞ its y is 0.
//!
//! Long rows go block by block through L1 with a running maximum (Milakov, Gimelshein 2018; Dao et al. 2022 tile alike), so
//! that each exponential is taken once and memory is moved once: 8 bytes per logit in f32. Rows of up to 16 classes are
//! taken a register of rows at a time: no lane is padding, nothing is folded across lanes.

pub(crate) mod row;
#[cfg(test)]
mod tests;

use crate::lanes::Lanes;
use crate::level::{self, Kernel};
use crate::math::exp_lanes;
use crate::parallel::{self, Grain, Rows};
use crate::pool::Buffer;
use crate::{Float, In1, cache};
use row::{SHORT, ShortRows, Step, apply, blocks, column, exps, scaled, store_column, visit};

/// The price of a logit: an exponential and three visits.
const COST: usize = 4;

/// Softmax of every row of `classes` numbers.
///
/// ```
/// let mut x = [0.0f32, 0.0, 1000.0, 1000.0, f32::NEG_INFINITY, 0.0];
/// kernels::softmax(kernels::In1::Over { x: &mut x }, 2);
/// assert_eq!(x, [0.5, 0.5, 0.5, 0.5, 0.0, 1.0]);
/// ```
///
/// # Panics
/// If argument and result differ in length, or are no whole number of rows.
#[track_caller]
pub fn softmax<T: Float>(io: In1<'_, T>, classes: usize) {
    forward::<T, false>(io, classes);
}

/// The logarithm of the softmax of every row of `classes` numbers.
///
/// # Panics
/// If argument and result differ in length, or are no whole number of rows.
#[track_caller]
pub fn log_softmax<T: Float>(io: In1<'_, T>, classes: usize) {
    forward::<T, true>(io, classes);
}

#[track_caller]
fn forward<T: Float, const LOG: bool>(io: In1<'_, T>, classes: usize) {
    io.check();
    check_rows(io.len(), classes);
    if io.len() == 0 {
        return;
    }
    let streams = matches!(io, In1::From { .. }) && cache::is_beyond(io.len() * size_of::<T>(), 1);
    parallel::for_each(Rows(io, classes), Grain::rows(classes, COST), |_, rows| {
        level::run(Forward::<T, LOG> { rows: rows.0, classes, streams });
    });
}

/// # Panics
/// If the length is no whole number of rows.
#[track_caller]
pub(crate) fn check_rows(length: usize, classes: usize) {
    let fits = if classes == 0 { length == 0 } else { length.is_multiple_of(classes) };
    assert!(fits, "{length} numbers are no whole number of rows of {classes} classes");
}

struct Forward<'a, T, const LOG: bool> {
    rows: In1<'a, T>,
    classes: usize,
    streams: bool,
}

impl<T: Float, const LOG: bool> Kernel<T> for Forward<'_, T, LOG> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        let Forward { mut rows, classes, streams } = self;
        let length = rows.len();
        if classes <= SHORT {
            for at in (0..length).step_by(L::N * classes) {
                short::<L, LOG>(rows.part(at, (L::N * classes).min(length - at)), classes);
            }
            return;
        }
        let mut shifts = Buffer::<T>::new(blocks(classes));
        let mut scratch = Buffer::<T>::new(if streams && !LOG { classes } else { 0 });
        for at in (0..length).step_by(classes) {
            let row = rows.part(at, classes);
            match streams {
                true => long::<L, LOG, true>(row, &mut shifts, &mut scratch),
                false => long::<L, LOG, false>(row, &mut shifts, &mut scratch),
            }
        }
        if streams {
            L::fence();
        }
    }
}

#[inline(always)]
fn long<L: Lanes, const LOG: bool, const STREAMS: bool>(
    mut row: In1<'_, L::Elem>,
    shifts: &mut [L::Elem],
    scratch: &mut [L::Elem],
) {
    if LOG {
        let total = exps::<L, _>(&mut row.numbers(), shifts);
        let (max, log) = (L::splat(L::Elem::from_f64(total.max)), L::splat(L::Elem::from_f64(total.sum.ln())));
        // In two steps: max + log would lose the digits of log where max is large.
        apply::<L, _, STREAMS>(row, L::Elem::ZERO, &mut Log { max, log });
    } else if let In1::From { x, y } = &mut row
        && STREAMS
    {
        let total = exps::<L, _>(&mut In1::From { x, y: scratch }, shifts);
        scaled::<L, true>(In1::From { x: scratch, y }, shifts, total, 1.0, 0.0);
    } else {
        let total = exps::<L, _>(&mut row, shifts);
        scaled::<L, false>(In1::Over { x: row.result() }, shifts, total, 1.0, 0.0);
    }
}

#[inline(always)]
fn short<L: Lanes, const LOG: bool>(mut rows: In1<'_, L::Elem>, classes: usize) {
    let ShortRows { max, exps, sum } = ShortRows::<L>::new(rows.numbers(), classes);
    if LOG {
        let log = sum.map_lanes(|sum| L::Elem::from_f64(sum.to_f64().ln()));
        for j in 0..classes {
            let x = column::<L>(rows.numbers(), classes, j);
            store_column((x - max) - log, rows.result(), classes, j);
        }
    } else {
        let factor = L::one() / sum;
        for (j, &exp) in exps[..classes].iter().enumerate() {
            store_column(exp * factor, rows.result(), classes, j);
        }
    }
}

/// The gradient of [`softmax`], from dy to dx: `y · (dy − Σ dy·y)`.
///
/// ```
/// let mut dy = [1.0f32, 0.0];
/// kernels::softmax_backward(&[0.5, 0.5], kernels::In1::Over { x: &mut dy }, 2);
/// assert_eq!(dy, [0.25, -0.25]);
/// ```
///
/// # Panics
/// If lengths differ, or are no whole number of rows.
#[track_caller]
pub fn softmax_backward<T: Float>(y: &[T], dy: In1<'_, T>, classes: usize) {
    backward::<T, false>(y, dy, classes);
}

/// The gradient of [`log_softmax`], from dy to dx: `dy − exp(y) · Σ dy`.
///
/// # Panics
/// If lengths differ, or are no whole number of rows.
#[track_caller]
pub fn log_softmax_backward<T: Float>(y: &[T], dy: In1<'_, T>, classes: usize) {
    backward::<T, true>(y, dy, classes);
}

#[track_caller]
fn backward<T: Float, const LOG: bool>(y: &[T], dy: In1<'_, T>, classes: usize) {
    dy.check();
    assert_eq!(y.len(), dy.len(), "y and dy differ in length");
    check_rows(y.len(), classes);
    if y.is_empty() {
        return;
    }
    let streams = matches!(dy, In1::From { .. }) && cache::is_beyond(size_of_val(y), 2);
    let grain = Grain::rows(classes, if LOG { COST } else { 2 });
    parallel::for_each((Rows(y, classes), Rows(dy, classes)), grain, |_, (y, dy)| {
        level::run(Backward::<T, LOG> { y: y.0, dy: dy.0, classes, streams });
    });
}

struct Backward<'a, T, const LOG: bool> {
    y: &'a [T],
    dy: In1<'a, T>,
    classes: usize,
    streams: bool,
}

impl<T: Float, const LOG: bool> Kernel<T> for Backward<'_, T, LOG> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        let Backward { y, mut dy, classes, streams } = self;
        if classes <= SHORT {
            for (i, y) in y.chunks(L::N * classes).enumerate() {
                backward_short::<L, LOG>(y, dy.part(i * L::N * classes, y.len()), classes);
            }
            return;
        }
        for (i, y) in y.chunks_exact(classes).enumerate() {
            let dy = dy.part(i * classes, classes);
            match streams {
                true => backward_long::<L, LOG, true>(y, dy),
                false => backward_long::<L, LOG, false>(y, dy),
            }
        }
        if streams {
            L::fence();
        }
    }
}

/// Numbers whose products are summed up in T.
const BLOCK: usize = 1024;

#[inline(always)]
fn backward_long<L: Lanes, const LOG: bool, const STREAMS: bool>(y: &[L::Elem], dy: In1<'_, L::Elem>) {
    let zero = L::Elem::ZERO;
    let mut total = 0.0;
    for (y, dy) in y.chunks(BLOCK).zip(dy.numbers().chunks(BLOCK)) {
        let mut step = Total::<L, LOG> { y, at: 0, sum: L::zero() };
        visit(dy, zero, &mut step);
        total += step.sum.reduce_add().to_f64();
    }
    let total = L::splat(L::Elem::from_f64(total));
    apply::<L, _, STREAMS>(dy, zero, &mut InputGradient::<L, LOG> { y, at: 0, total });
}

/// (x − max) − log
struct Log<L> {
    max: L,
    log: L,
}

impl<L: Lanes> Step<L> for Log<L> {
    #[inline(always)]
    fn step(&mut self, x: L) -> L {
        (x - self.max) - self.log
    }
}

/// Σ dy·y, or Σ dy for the logarithm.
struct Total<'a, L: Lanes, const LOG: bool> {
    y: &'a [L::Elem],
    at: usize,
    sum: L,
}

impl<L: Lanes, const LOG: bool> Step<L> for Total<'_, L, LOG> {
    #[inline(always)]
    fn step(&mut self, dy: L) -> L {
        if LOG {
            self.sum = self.sum + dy;
        } else {
            self.sum = dy.mul_add(register(self.y, self.at), self.sum);
            self.at += L::N;
        }
        dy
    }
}

/// From dy to dx.
struct InputGradient<'a, L: Lanes, const LOG: bool> {
    y: &'a [L::Elem],
    at: usize,
    total: L,
}

impl<L: Lanes, const LOG: bool> Step<L> for InputGradient<'_, L, LOG> {
    #[inline(always)]
    fn step(&mut self, dy: L) -> L {
        let y = register(self.y, self.at);
        self.at += L::N;
        input_gradient::<L, LOG>(y, dy, self.total)
    }
}

#[inline(always)]
fn input_gradient<L: Lanes, const LOG: bool>(y: L, dy: L, total: L) -> L {
    if LOG { dy - exp_lanes(y) * total } else { y * (dy - total) }
}

/// The register at `at`, or what is left of it.
#[inline(always)]
pub(crate) fn register<L: Lanes>(x: &[L::Elem], at: usize) -> L {
    match x.get(at..at + L::N) {
        Some(x) => L::load(x),
        None => L::load_padded(&x[at..], L::Elem::ZERO),
    }
}

#[inline(always)]
fn backward_short<L: Lanes, const LOG: bool>(y: &[L::Elem], mut dy: In1<'_, L::Elem>, classes: usize) {
    let (mut ys, mut dys) = ([L::zero(); SHORT], [L::zero(); SHORT]);
    let mut total = L::zero();
    for j in 0..classes {
        (ys[j], dys[j]) = (column(y, classes, j), column(dy.numbers(), classes, j));
        total = if LOG { total + dys[j] } else { dys[j].mul_add(ys[j], total) };
    }
    for j in 0..classes {
        store_column(input_gradient::<L, LOG>(ys[j], dys[j], total), dy.result(), classes, j);
    }
}
