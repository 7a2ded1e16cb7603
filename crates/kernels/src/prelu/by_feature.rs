//! One α per feature, on the last axis: `[rows, features]`.
//!
//! A chunk of rows is walked in bands of four registers, whose sums stay in registers from the first row to the last. Few
//! features are repeated until they fill whole registers, so that 10 features cost no padded register per row.

use super::Pass;
use crate::Float;
use crate::lanes::{Lanes, MAX_LANES};
use crate::level::{self, Kernel};
use crate::parallel::{self, Grain, PerChunk, Rows};
use crate::pool::Buffer;

/// Registers side by side.
const BAND: usize = 4;
/// Up to this many features they are repeated to fill registers.
const FEW: usize = 64;

/// dα for one α per feature.
pub(super) fn sums<T: Float>(pass: Pass<'_, T>, alpha: &[T], d_alpha: &mut [T]) {
    let features = alpha.len();
    let repeats = if features < FEW { MAX_LANES / gcd(features, MAX_LANES) } else { 1 };
    let width = features * repeats;
    let mut tile = Buffer::<T>::new(width);
    for copy in tile.chunks_exact_mut(features) {
        copy.copy_from_slice(alpha);
    }
    let length = pass.seen.len();
    let grain = grain(width, length);
    let whole = length / width;
    let (body, rest) = crate::parallel::Split::split_at(pass, whole * width);
    let mut room = Buffer::<f64>::new(grain.chunks(whole) * width);
    let parts = (Rows(body, width), PerChunk::new(&mut room, width, grain));
    let total = parallel::fold(parts, grain, |_, (rows, room)| partial(rows.0, &tile, room.into_room()), combine);
    let mut rest_room = Buffer::<f64>::new(width);
    let rest = partial(rest, &tile, &mut rest_room);
    for (i, d) in d_alpha.iter_mut().enumerate() {
        for r in 1..repeats {
            total[i] += total[i + r * features];
        }
        for r in 0..repeats {
            total[i] += rest[i + r * features];
        }
        *d = T::from_f64(total[i]);
    }
}

/// Chunks of about 16 Ki elements, but at least 32 rows, so that adding up the partial sums stays a few percent.
fn grain(width: usize, length: usize) -> Grain {
    let Grain { chunk, .. } = Grain::rows(width, 1);
    let chunk = chunk.max(32);
    let serial = if length < 64 << 10 { usize::MAX } else { 2 };
    Grain { chunk, serial }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn partial<'a, T: Float>(pass: Pass<'_, T>, alpha: &[T], sums: &'a mut [f64]) -> &'a mut [f64] {
    sums.fill(0.0);
    level::run(Chunk { pass, alpha, sums });
    sums
}

fn combine<'a>(a: &'a mut [f64], b: &mut [f64]) -> &'a mut [f64] {
    for (a, b) in a.iter_mut().zip(b) {
        *a += *b;
    }
    a
}

/// Whole rows, or the beginning of one.
struct Chunk<'a, T> {
    pass: Pass<'a, T>,
    alpha: &'a [T],
    sums: &'a mut [f64],
}

impl<T: Float> Kernel<T> for Chunk<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        if self.pass.streams { self.over::<L, true>() } else { self.over::<L, false>() }
    }
}

impl<T: Float> Chunk<'_, T> {
    #[inline(always)]
    fn over<L: Lanes<Elem = T>, const STREAMS: bool>(mut self) {
        let width = self.alpha.len().min(self.pass.seen.len());
        let mut column = 0;
        while column + BAND * L::N <= width {
            self.band::<L, BAND, STREAMS>(column);
            column += BAND * L::N;
        }
        while column + L::N <= width {
            self.band::<L, 1, STREAMS>(column);
            column += L::N;
        }
        if column < width {
            self.rest::<L>(column, width - column);
        }
        if STREAMS {
            L::fence();
        }
    }

    /// `R` registers of columns, all rows.
    #[inline(always)]
    fn band<L: Lanes<Elem = T>, const R: usize, const STREAMS: bool>(&mut self, column: usize) {
        let width = self.alpha.len();
        let alpha: [L; R] = std::array::from_fn(|r| L::load(&self.alpha[column + r * L::N..][..L::N]));
        let mut sums = [L::zero(); R];
        let mut at = column;
        while at + R * L::N <= self.pass.seen.len() {
            for r in 0..R {
                sums[r] = sums[r] + self.pass.step::<L, STREAMS>(at + r * L::N, alpha[r]);
            }
            at += width;
        }
        for (r, sum) in sums.into_iter().enumerate() {
            self.keep(column + r * L::N, L::N, sum);
        }
    }

    /// The last columns, fewer than a register.
    #[inline(always)]
    fn rest<L: Lanes<Elem = T>>(&mut self, column: usize, count: usize) {
        let width = self.alpha.len();
        let alpha = L::load_padded(&self.alpha[column..column + count], T::ONE);
        let mut sum = L::zero();
        let mut at = column;
        while at + count <= self.pass.seen.len() {
            sum = sum + self.pass.step_rest(at, count, alpha);
            at += width;
        }
        self.keep(column, count, sum);
    }

    #[inline(always)]
    fn keep<L: Lanes<Elem = T>>(&mut self, column: usize, count: usize, sum: L) {
        for (to, from) in self.sums[column..column + count].iter_mut().zip(sum.to_array()) {
            *to = from.to_f64();
        }
    }
}
