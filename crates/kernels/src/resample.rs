//! Weighted sums along spatial axes: average pooling, upsampling, padding that copies, and the transposes of all of them.
//!
//! Along one axis y[o] = Σ w·x[i] over the few pairs (i, w) that [`Taps`] list for o; over several axes the weights multiply. Arrays
//! are [N, axes…, channels]. The gradient is the same sum over [`Taps::transposed`], so every output is gathered, in an order that
//! depends on the taps alone. An output without a tap is 0. Taps of weight 0 are left out: 0·∞ never enters.
//!
//! One row of outputs (all of the last axis) at a time: rows of x are summed into a row of scratch memory, which stays in L1 or L2, and
//! that along the last axis. So x is read once and y written once for windows that do not overlap.

#[cfg(test)]
mod tests;

use crate::Float;
use crate::lanes::Lanes;
use crate::level::{self, Kernel};
use crate::parallel::{self, Grain, Rows};
use crate::pool::Buffer;

/// Which elements of an axis each result is the weighted sum of.
#[derive(Clone, Debug, PartialEq)]
pub struct Taps {
    inputs: usize,
    /// Where each output's taps begin, and the end of the last.
    starts: Vec<usize>,
    taps: Vec<(usize, f64)>,
}

impl Taps {
    /// For each output its pairs of place and weight.
    ///
    /// # Panics
    /// If a place is not below `inputs`.
    #[track_caller]
    pub fn new<I: IntoIterator<Item = (usize, f64)>>(inputs: usize, outputs: impl IntoIterator<Item = I>) -> Taps {
        let (mut starts, mut taps) = (vec![0], Vec::new());
        for output in outputs {
            taps.extend(output.into_iter().filter(|&(_, weight)| weight != 0.0));
            starts.push(taps.len());
        }
        assert!(taps.iter().all(|&(i, _)| i < inputs), "a tap is outside the axis of {inputs}");
        Taps { inputs, starts, taps }
    }

    /// The axis's size in the argument.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// The axis's size in the result.
    pub fn outputs(&self) -> usize {
        self.starts.len() - 1
    }

    /// The taps of the gradient.
    #[must_use]
    pub fn transposed(&self) -> Taps {
        let mut rows = vec![Vec::new(); self.inputs];
        for o in 0..self.outputs() {
            self.of(o).iter().for_each(|&(i, weight)| rows[i].push((o, weight)));
        }
        Taps::new(self.outputs(), rows)
    }

    #[inline(always)]
    fn of(&self, output: usize) -> &[(usize, f64)] {
        &self.taps[self.starts[output]..self.starts[output + 1]]
    }
}

/// The weighted sums over all axes, from x `[N, inputs…, channels]` to y `[N, outputs…, channels]`.
///
/// ```
/// let halves = kernels::Taps::new(4, [[(0, 0.5), (1, 0.5)], [(2, 0.5), (3, 0.5)]]);
/// let mut y = [0.0f32; 2];
/// kernels::resample(&[1.0, 3.0, 5.0, 9.0], &mut y, &[halves], 1);
/// assert_eq!(y, [2.0, 7.0]);
/// ```
///
/// # Panics
/// If there is no axis, or if lengths do not fit.
#[track_caller]
pub fn resample<T: Float>(x: &[T], y: &mut [T], axes: &[Taps], channels: usize) {
    let (last, leading) = axes.split_last().expect("resample: at least one axis is needed");
    let (from, to) =
        (axes.iter().map(Taps::inputs).product::<usize>(), axes.iter().map(Taps::outputs).product::<usize>());
    if y.is_empty() {
        return;
    }
    let images = y.len() / (to * channels);
    assert_eq!(y.len(), images * to * channels, "the result is no whole number of images");
    assert_eq!(x.len(), images * from * channels, "the argument has another number of images than the result");
    let weights = |taps: &Taps| taps.taps.iter().map(|&(_, weight)| T::from_f64(weight)).collect::<Vec<T>>();
    let weights = weights(last);
    let width = last.outputs() * channels;
    let cost = 1 + axes.iter().map(|taps| taps.taps.len().div_ceil(taps.outputs())).sum::<usize>();
    parallel::for_each(Rows(y, width), Grain::rows(width, cost), |first, y| {
        level::run(Resample { x, y: y.0, first, leading, last, weights: &weights, channels });
    });
}

struct Resample<'a, T> {
    x: &'a [T],
    y: &'a mut [T],
    /// The number of the first row of y.
    first: usize,
    leading: &'a [Taps],
    last: &'a Taps,
    /// The weights of `last`.
    weights: &'a [T],
    channels: usize,
}

impl<T: Float> Kernel<T> for Resample<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        let width = self.last.inputs * self.channels;
        let mut scratch = Buffer::<T>::new(width);
        let mut sources = Vec::new();
        for (i, y) in self.y.chunks_exact_mut(self.last.outputs() * self.channels).enumerate() {
            rows_of(self.first + i, self.leading, &mut sources);
            let row: &[T] = match sources[..] {
                [(row, weight)] if weight == T::ONE => &self.x[row * width..][..width],
                _ => {
                    sum_rows::<L>(self.x, width, &sources, &mut scratch);
                    &scratch
                }
            };
            along::<L>(row, y, self.last, self.weights, self.channels);
        }
    }
}

/// The rows of x that go into a row of y, with their weights.
#[inline(always)]
fn rows_of<T: Float>(row: usize, leading: &[Taps], sources: &mut Vec<(usize, T)>) {
    let outputs: usize = leading.iter().map(Taps::outputs).product();
    sources.clear();
    sources.push((row / outputs, T::ONE));
    let (mut rest, mut below) = (row % outputs, outputs);
    for axis in leading {
        below /= axis.outputs();
        let taps = axis.of(rest / below);
        rest %= below;
        let count = sources.len();
        for at in 0..count {
            let (row, weight) = sources[at];
            sources.extend(taps.iter().map(|&(i, w)| (row * axis.inputs + i, weight * T::from_f64(w))));
        }
        sources.drain(..count);
    }
}

#[inline(always)]
fn sum_rows<L: Lanes>(x: &[L::Elem], width: usize, sources: &[(usize, L::Elem)], to: &mut [L::Elem]) {
    let Some((&(first, first_weight), others)) = sources.split_first() else {
        to.fill(L::Elem::ZERO);
        return;
    };
    let mut at = 0;
    while at + L::N <= width {
        let mut sum = L::load(&x[first * width + at..]) * L::splat(first_weight);
        for &(row, weight) in others {
            sum = L::load(&x[row * width + at..]).mul_add(L::splat(weight), sum);
        }
        sum.store(&mut to[at..]);
        at += L::N;
    }
    for (i, to) in to[..width].iter_mut().enumerate().skip(at) {
        *to = x[first * width + i] * first_weight;
        others.iter().for_each(|&(row, weight)| *to += x[row * width + i] * weight);
    }
}

#[inline(always)]
fn along<L: Lanes>(row: &[L::Elem], y: &mut [L::Elem], taps: &Taps, weights: &[L::Elem], channels: usize) {
    for (o, y) in y.chunks_exact_mut(channels).enumerate() {
        let weights = &weights[taps.starts[o]..taps.starts[o + 1]];
        let Some((&(first, _), others)) = taps.of(o).split_first() else {
            y.fill(L::Elem::ZERO);
            continue;
        };
        let mut at = 0;
        while at + L::N <= channels {
            let mut sum = L::load(&row[first * channels + at..]) * L::splat(weights[0]);
            for (&(i, _), &weight) in others.iter().zip(&weights[1..]) {
                sum = L::load(&row[i * channels + at..]).mul_add(L::splat(weight), sum);
            }
            sum.store(&mut y[at..]);
            at += L::N;
        }
        for (c, y) in y.iter_mut().enumerate().skip(at) {
            *y = row[first * channels + c] * weights[0];
            for (&(i, _), &weight) in others.iter().zip(&weights[1..]) {
                *y += row[i * channels + c] * weight;
            }
        }
    }
}
