//! Layer norm and RMS norm: statistics of each row.
//!
//! Layer norm: y = (x − μ)/√(σ² + ε)·γ + β; RMS norm (Zhang, Sennrich 2019): y = x/√(mean x² + ε)·γ + β, without the mean. With
//! h = g·γ and x̂ the normalised row: dx = (h − mean h − x̂·mean(h·x̂))/s, where RMS norm has no mean h. A row is read from the first
//! level of the cache after its first visit: 8 bytes per element forward, 12 backward.

use super::forward::above_0;
use super::{Io, columns};
use crate::lanes::Lanes;
use crate::level::{self, Kernel};
use crate::parallel::{self, Grain, PerChunk, Rows};
use crate::pool::Buffer;
use crate::{Float, In1, cache};

/// What is normalised, and the affine map behind it.
#[derive(Clone, Copy, Debug)]
pub struct LayerNorm<'a, T> {
    /// γ, as long as a row.
    pub weight: &'a [T],
    /// β, if there is one.
    pub bias: Option<&'a [T]>,
    /// ε.
    pub epsilon: f64,
    /// Whether the mean is subtracted: layer norm; else RMS norm.
    pub centred: bool,
}

impl<T: Float> LayerNorm<'_, T> {
    #[track_caller]
    fn check(&self, length: usize) -> usize {
        let width = self.weight.len();
        assert!(self.bias.is_none_or(|bias| bias.len() == width), "weight and bias differ in length");
        let fits = if width == 0 { length == 0 } else { length.is_multiple_of(width) };
        assert!(fits, "{length} numbers are no whole number of rows of {width}");
        width
    }

    /// Mean (0 if it is not subtracted) and 1/s of a row.
    #[inline(always)]
    fn statistics<L: Lanes<Elem = T>>(&self, row: &[T]) -> (T, T) {
        let count = row.len() as f64;
        if !self.centred {
            let square = sum::<L, true>(row, T::ZERO) / count;
            return (T::ZERO, T::from_f64(1.0 / (square + self.epsilon).sqrt()));
        }
        // About the first number, so that equal numbers have their mean exactly.
        let mean = T::from_f64(row[0].to_f64() + sum::<L, false>(row, row[0]) / count);
        // The rounded mean is not quite the middle.
        let rest = sum::<L, false>(row, mean) / count;
        let variance = above_0(sum::<L, true>(row, mean) / count - rest * rest);
        (mean, T::from_f64(1.0 / (variance + self.epsilon).sqrt()))
    }
}

/// Σ (x − centre), or Σ (x − centre)².
#[inline(always)]
fn sum<L: Lanes, const SQUARES: bool>(row: &[L::Elem], centre: L::Elem) -> f64 {
    let lanes = L::splat(centre);
    let mut sums = [L::zero(); 4];
    let mut at = 0;
    while at + 4 * L::N <= row.len() {
        for (w, sum) in sums.iter_mut().enumerate() {
            *sum = term::<L, SQUARES>(L::load(&row[at + w * L::N..]) - lanes, *sum);
        }
        at += 4 * L::N;
    }
    while at < row.len() {
        let width = (row.len() - at).min(L::N);
        let x = if width == L::N { L::load(&row[at..]) } else { L::load_padded(&row[at..], centre) };
        sums[0] = term::<L, SQUARES>(x - lanes, sums[0]);
        at += width;
    }
    ((sums[0] + sums[1]) + (sums[2] + sums[3])).reduce_add().to_f64()
}

#[inline(always)]
fn term<L: Lanes, const SQUARES: bool>(apart: L, sum: L) -> L {
    if SQUARES { apart.mul_add(apart, sum) } else { sum + apart }
}

/// y of every row.
///
/// ```
/// use kernels::{In1, LayerNorm, layer_norm};
/// let mut x = [1.0f32, 3.0, 5.0, 5.0];
/// let norm = LayerNorm { weight: &[1.0, 2.0], bias: Some(&[0.0, 1.0]), epsilon: 1e-30, centred: true };
/// layer_norm(norm, In1::Over { x: &mut x });
/// assert_eq!(x, [-1.0, 3.0, 0.0, 1.0]);
/// ```
///
/// # Panics
/// If lengths do not fit.
#[track_caller]
pub fn layer_norm<T: Float>(norm: LayerNorm<'_, T>, io: In1<'_, T>) {
    io.check();
    let width = norm.check(io.len());
    if io.len() == 0 {
        return;
    }
    let streams = matches!(io, In1::From { .. }) && cache::is_beyond(io.len() * size_of::<T>(), 1);
    parallel::for_each(Rows(Io::new(io), width), Grain::rows(width, 2), |_, Rows(io, _)| {
        level::run(Forward { norm, io, streams });
    });
}

struct Forward<'a, T> {
    norm: LayerNorm<'a, T>,
    io: Io<'a, T>,
    streams: bool,
}

impl<T: Float> Kernel<T> for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        let Forward { norm, io, streams } = self;
        let width = norm.weight.len();
        for first in (0..io.to.len()).step_by(width) {
            let (mean, inverse) = norm.statistics::<L>(&io.numbers()[first..first + width]);
            let (mean, inverse) = (L::splat(mean), L::splat(inverse));
            let mut at = 0;
            while at < width {
                let count = (width - at).min(L::N);
                let x: L = columns::read(io.numbers(), first + at, count);
                let normal = (x - mean) * inverse;
                let weight: L = columns::read(norm.weight, at, count);
                let y = match norm.bias {
                    Some(bias) => normal.mul_add(weight, columns::read(bias, at, count)),
                    None => normal * weight,
                };
                columns::write(y, io.to, first + at, count, streams);
                at += count;
            }
        }
        if streams {
            L::fence();
        }
    }
}

/// The arguments of [`layer_norm_backward`].
#[derive(Debug)]
pub struct LayerNormBackward<'a, T> {
    /// What was done; the bias is not looked at.
    pub norm: LayerNorm<'a, T>,
    /// The input.
    pub x: &'a [T],
    /// From the result's gradient to dx.
    pub dy: In1<'a, T>,
    /// dγ.
    pub d_weight: &'a mut [T],
    /// dβ: the sums of dy over rows.
    pub d_bias: &'a mut [T],
}

/// dx over or beside dy, dγ and dβ.
///
/// # Panics
/// If lengths do not fit.
#[track_caller]
pub fn layer_norm_backward<T: Float>(args: LayerNormBackward<'_, T>) {
    let LayerNormBackward { norm, x, dy, d_weight, d_bias } = args;
    dy.check();
    let width = norm.check(dy.len());
    assert!(x.len() == dy.len() && d_weight.len() == width && d_bias.len() == width, "lengths differ");
    if dy.len() == 0 {
        d_weight.fill(T::ZERO);
        return d_bias.fill(T::ZERO);
    }
    let rows = x.len() / width;
    let Grain { chunk, serial } = Grain::rows(width, 2);
    // At least 32 rows for a chunk, so that its sums cost little.
    let grain = Grain { chunk: chunk.max(32), serial };
    let mut room = Buffer::<T>::new(grain.chunks(rows) * 2 * width);
    let streams = matches!(dy, In1::From { .. }) && cache::is_beyond(dy.len() * size_of::<T>(), 2);
    let parts = (Rows(x, width), Rows(Io::new(dy), width), PerChunk::new(&mut room, 2 * width, grain));
    parallel::for_each(parts, grain, |_, (Rows(x, _), Rows(dy, _), room)| {
        level::run(Backward { norm, x, dy, sums: room.into_room(), streams });
    });
    for (which, sums) in [d_weight, d_bias].into_iter().enumerate() {
        for (i, sum) in sums.iter_mut().enumerate() {
            *sum = T::from_f64(room.chunks_exact(2 * width).map(|part| part[which * width + i].to_f64()).sum());
        }
    }
}

struct Backward<'a, T> {
    norm: LayerNorm<'a, T>,
    x: &'a [T],
    dy: Io<'a, T>,
    sums: &'a mut [T],
    streams: bool,
}

impl<T: Float> Kernel<T> for Backward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        let Backward { norm, x, dy, sums, streams } = self;
        let width = norm.weight.len();
        sums.fill(T::ZERO);
        let (d_weight, d_bias) = sums.split_at_mut(width);
        for first in (0..x.len()).step_by(width) {
            let (mean, inverse) = norm.statistics::<L>(&x[first..first + width]);
            let (mean, inverse) = (L::splat(mean), L::splat(inverse));
            let (mut of_h, mut of_h_normal, mut at) = (L::zero(), L::zero(), 0);
            while at < width {
                let count = (width - at).min(L::N);
                let g: L = columns::read(dy.numbers(), first + at, count);
                let normal = (columns::read::<L>(x, first + at, count) - mean) * inverse;
                let h = g * columns::read::<L>(norm.weight, at, count);
                (of_h, of_h_normal) = (of_h + h, h.mul_add(normal, of_h_normal));
                columns::write(g.mul_add(normal, columns::read(d_weight, at, count)), d_weight, at, count, false);
                columns::write(g + columns::read::<L>(d_bias, at, count), d_bias, at, count, false);
                at += count;
            }
            let share = |sum: L| T::from_f64(sum.reduce_add().to_f64() / width as f64);
            let mean_h = if norm.centred { L::splat(share(of_h)) } else { L::zero() };
            let mean_h_normal = L::splat(share(of_h_normal));
            let mut at = 0;
            while at < width {
                let count = (width - at).min(L::N);
                let g: L = columns::read(dy.numbers(), first + at, count);
                let normal = (columns::read::<L>(x, first + at, count) - mean) * inverse;
                let h = g * columns::read::<L>(norm.weight, at, count);
                let dx = ((h - mean_h) - normal * mean_h_normal) * inverse;
                columns::write(dx, dy.to, first + at, count, streams);
                at += count;
            }
        }
        if streams {
            L::fence();
        }
    }
}
