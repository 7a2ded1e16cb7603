//! Backward to data of few channels (a stem's gradient to its image, a transposed convolution to colours): the direct sum has channels in
//! its lanes and would leave most of them empty.
//!
//! Here the lanes are all taps and channels of one row of the window. For a row of dx, the product of the rows of dy that it meets by the
//! window's rows, `[places, rows·F]·[rows·F, taps·C]`, goes to a scratch, and a place of dx is the sum of the channels that its taps find
//! there. Rows of dx are summed by themselves, in one order: the same bits in any batch, for any number of threads.
//!
//! (Adding each product to dx in place, overlapping as it does there, took as long as the direct sum: a load waits for the stores that it
//! overlaps.)

use super::ConvGeometry;
use crate::Float;
use crate::gemm::{Epilogue, Matrix, pack};
use crate::lanes::sums::{Factor, go_on};
use crate::lanes::tile::{by_tile, height, next, registers};
use crate::lanes::{Lanes, MAX_LANES};
use crate::level::{self, Kernel};
use crate::parallel::{self, Grain, Rows};
use crate::pool::Buffer;
use crate::scratch::Scratch;

/// The most channels for which it pays.
const CHANNELS: usize = 4;

/// Whether it is faster: shape alone decides.
pub(super) fn serves(g: &ConvGeometry) -> bool {
    g.channels <= CHANNELS && g.filters > 0 && g.groups == 1 && g.kernel[2] > 1 && g.dilation[2] == 1
}

/// dx of dy and w.
pub(super) fn backward_data<T: Float>(g: &ConvGeometry, dy: &[T], w: &[T], dx: &mut [T], epilogue: Epilogue<'_, T>) {
    let width = g.input[2] * g.channels;
    if dx.is_empty() {
        return;
    }
    // For the widest registers: narrower ones leave some of it.
    let packed = g.kernel[0] * g.kernel[1] * line(g).next_multiple_of(MAX_LANES) * g.filters;
    let mut packed = Buffer::<T>::new(packed);
    level::run(Pack { g, weights: w, packed: &mut packed });
    let packed = &packed[..];
    let cost = g.output[2] * g.filters * g.kernel.iter().product::<usize>() * g.channels;
    let chunk = ((1 << 19) / cost.max(1)).clamp(1, 8);
    parallel::for_each(Rows(dx, width), Grain { chunk, serial: 4 * chunk }, |first, Rows(dx, _)| {
        level::run(Band { g, dy, packed, dx, first, epilogue });
    });
}

/// Taps and channels of a row of the window.
fn line(g: &ConvGeometry) -> usize {
    g.kernel[2] * g.channels
}

/// Numbers of the packed weights of a row of the window.
#[inline(always)]
fn packed_line<L: Lanes>(g: &ConvGeometry) -> usize {
    line(g).next_multiple_of(L::N) * g.filters
}

/// Copies the weights `[taps, C, F]`: for each row of the window and each filter the taps and channels, in whole registers.
struct Pack<'a, T> {
    g: &'a ConvGeometry,
    weights: &'a [T],
    packed: &'a mut [T],
}

impl<T: Float> Kernel<T> for Pack<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        let Pack { g, weights, packed } = self;
        let (line, filters) = (line(g), g.filters);
        if weights.is_empty() {
            return;
        }
        for (from, to) in weights.chunks_exact(line * filters).zip(packed.chunks_exact_mut(packed_line::<L>(g))) {
            pack::<L>(Matrix { values: from, row: filters, column: 1 }, line, filters, to, line.next_multiple_of(L::N));
        }
    }
}

/// Some rows of dx, counted over images and depths.
struct Band<'a, T> {
    g: &'a ConvGeometry,
    dy: &'a [T],
    packed: &'a [T],
    dx: &'a mut [T],
    first: usize,
    epilogue: Epilogue<'a, T>,
}

/// Which place of dy's axis tap `k` takes place `i` of dx's axis from.
#[inline(always)]
fn met(g: &ConvGeometry, axis: usize, i: usize, k: usize) -> Option<usize> {
    let at = (i + g.padding[axis]).checked_sub(k * g.dilation[axis])?;
    (at.is_multiple_of(g.stride[axis]) && at / g.stride[axis] < g.output[axis]).then(|| at / g.stride[axis])
}

impl<T: Float> Kernel<T> for Band<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        let Band { g, dy, packed, dx, first, epilogue } = self;
        let (of_dx, of_dy) = (g.input[2] * g.channels, g.output[2] * g.filters);
        let width = line(g).next_multiple_of(L::N);
        // A register is read from each tap's channels on.
        let mut products = Scratch::<T>::new(g.output[2] * width + L::N);
        products.fill(T::ZERO);
        // Of the rows that meet: where dy's starts, and the window's packed one.
        let mut meetings = Vec::with_capacity(g.kernel[0] * g.kernel[1]);
        for (row, dx) in dx.chunks_exact_mut(of_dx).enumerate() {
            let row = first + row;
            let (n, d, h) = (row / g.input[1] / g.input[0], row / g.input[1] % g.input[0], row % g.input[1]);
            meetings.clear();
            for tap in 0..g.kernel[0] * g.kernel[1] {
                if let Some(d) = met(g, 0, d, tap / g.kernel[1])
                    && let Some(h) = met(g, 1, h, tap % g.kernel[1])
                {
                    let of_row = (n * g.output[0] + d) * g.output[1] + h;
                    meetings.push((of_row * of_dy, tap * packed_line::<L>(g)));
                }
            }
            multiply::<L>(g, dy, packed, &meetings, &mut products);
            gather::<L>(g, &products, width, dx);
            if !epilogue.is_none() {
                for place in dx.chunks_exact_mut(g.channels) {
                    epilogue.over_row::<L>(place);
                }
            }
        }
    }
}

/// The rows of dy that a row of dx meets by the window's rows.
#[inline(always)]
fn multiply<L: Lanes>(
    g: &ConvGeometry,
    dy: &[L::Elem],
    packed: &[L::Elem],
    meetings: &[(usize, usize)],
    to: &mut [L::Elem],
) {
    let (filters, width) = (g.filters, line(g).next_multiple_of(L::N));
    let panel = registers::<L>(width).min(2) * L::N;
    for first in (0..width).step_by(panel) {
        let registers = (width - first).min(panel) / L::N;
        let mut place = 0;
        while place < g.output[2] {
            let lines = next(g.output[2] - place, height::<L>(registers));
            by_tile!(L, lines, registers, |R, W| {
                let mut sums = [[L::zero(); W]; R];
                for &(of_dy, of_packed) in meetings {
                    let values = &dy[of_dy + place * filters..];
                    let a = Factor { values, line: filters, step: 1, row: 0 };
                    let b = Factor { values: &packed[of_packed + first..], line: 1, step: width, row: 0 };
                    sums = go_on(sums, a, b, filters, 1);
                }
                for (r, sums) in sums.iter().enumerate() {
                    let to = &mut to[(place + r) * width + first..][..W * L::N];
                    for (w, sum) in sums.iter().enumerate() {
                        sum.store(&mut to[w * L::N..]);
                    }
                }
            });
            place += lines;
        }
    }
}

/// A row of dx of the products.
#[inline(always)]
fn gather<L: Lanes>(g: &ConvGeometry, products: &[L::Elem], width: usize, dx: &mut [L::Elem]) {
    for (i, dx) in dx.chunks_exact_mut(g.channels).enumerate() {
        let at = i + g.padding[2];
        let mut sum = L::zero();
        let (mut tap, mut place) = (at % g.stride[2], at / g.stride[2]);
        // The next tap meets the place before.
        while tap < g.kernel[2] {
            if place < g.output[2] {
                let from = place * width + tap * g.channels;
                sum = sum + L::load(&products[from..from + L::N]);
            }
            let Some(before) = place.checked_sub(1) else { break };
            (tap, place) = (tap + g.stride[2], before);
        }
        sum.store_prefix(dx);
    }
}
