//! Max pooling, features last, over one to three spatial axes: the largest number of each window, and which it was as one byte.
//!
//! The first of equal numbers is taken; NaN counts as the largest, the first NaN of a window is taken. Places outside x are absent. The sizes
//! are a [`ConvGeometry`] with as many groups as channels and filters. Which number was taken is kept as its tap, 8 to a word
//! ([`max_pool_words`]): 1 byte per output instead of the 8 of an index. Backward adds dy to the numbers that were taken, by taps in their
//! order, each image by one thread.

use crate::Float;
use crate::conv::plan::{Block, Patch, Plan};
use crate::conv::{ConvGeometry, row_grain};
use crate::lanes::{Lanes, MAX_LANES, Mask as _};
use crate::level::{self, Kernel};
use crate::parallel::{self, Grain, Rows};

/// Words for the taps of so many outputs.
pub fn max_pool_words(outputs: usize) -> usize {
    outputs.div_ceil(8)
}

/// The most taps of a window.
pub const MOST_TAPS: usize = 256;

#[track_caller]
fn plan(geometry: &ConvGeometry, words: usize) -> Plan {
    let ConvGeometry { channels, filters, groups, .. } = *geometry;
    let taps: usize = geometry.kernel.iter().product();
    assert!(channels == filters && groups == channels.max(1), "max_pool: one filter for each channel");
    assert!((1..=MOST_TAPS).contains(&taps), "max_pool: a window of {taps} places; 1 to {MOST_TAPS} are possible");
    assert_eq!(words, max_pool_words(geometry.output_len()), "max_pool: words of taps");
    Plan::forward(geometry)
}

/// y, and which tap of its window each number is.
///
/// ```
/// use kernels::{ConvAlgorithm, ConvGeometry, max_pool};
/// let geometry = ConvGeometry {
///     batch: 1, channels: 1, filters: 1, groups: 1, input: [1, 1, 4], kernel: [1, 1, 2], output: [1, 1, 2],
///     stride: [1, 1, 2], dilation: [1; 3], padding: [0; 3], algorithm: ConvAlgorithm::Auto,
/// };
/// let (mut y, mut taps) = ([0.0f32; 2], [0; 1]);
/// max_pool(&geometry, &[1.0, 3.0, 2.0, 2.0], &mut y, &mut taps);
/// assert_eq!(y, [3.0, 2.0]);
/// ```
///
/// # Panics
/// If lengths are not those of the geometry, or if a window has more than 256 taps.
#[track_caller]
pub fn max_pool<T: Float>(geometry: &ConvGeometry, x: &[T], y: &mut [T], taps: &mut [i64]) {
    let plan = plan(geometry, taps.len());
    assert!(x.len() == geometry.input_len() && y.len() == geometry.output_len(), "max_pool: lengths of x and y");
    if y.is_empty() {
        return;
    }
    let taps = &mut bytemuck::cast_slice_mut::<i64, u8>(taps)[..y.len()];
    let row = plan.result_row();
    parallel::for_each((Rows(y, row), Rows(taps, row)), row_grain(&plan), |first, (Rows(y, _), Rows(taps, _))| {
        level::run(Pass { plan: &plan, first, what: Take { x, y, taps } });
    });
}

/// dx: dy added to the numbers that were taken, 0 elsewhere.
///
/// # Panics
/// As [`max_pool`].
#[track_caller]
pub fn max_pool_backward<T: Float>(geometry: &ConvGeometry, dy: &[T], taps: &[i64], dx: &mut [T]) {
    let plan = plan(geometry, taps.len());
    assert!(dx.len() == geometry.input_len() && dy.len() == geometry.output_len(), "max_pool: lengths of dx and dy");
    dx.fill(T::ZERO);
    if dy.is_empty() || dx.is_empty() {
        return;
    }
    let taps = &bytemuck::cast_slice::<i64, u8>(taps)[..dy.len()];
    let (image, result) = (dx.len() / geometry.batch, dy.len() / geometry.batch);
    let rows = plan.result[0] * plan.result[1];
    parallel::for_each(Rows(dx, image), Grain::rows(image, 2), |first, Rows(dx, _)| {
        for (i, dx) in dx.chunks_exact_mut(image).enumerate() {
            let n = first + i;
            let part = n * result..(n + 1) * result;
            let what = Give { dy: &dy[part.clone()], taps: &taps[part], dx, offset: n * image };
            level::run(Pass { plan: &plan, first: n * rows, what });
        }
    });
}

/// The numbers of x that were taken: the gradient of [`max_pool_backward`].
///
/// # Panics
/// As [`max_pool`].
#[track_caller]
pub fn max_pool_gather<T: Float>(geometry: &ConvGeometry, x: &[T], taps: &[i64], y: &mut [T]) {
    let plan = plan(geometry, taps.len());
    assert!(x.len() == geometry.input_len() && y.len() == geometry.output_len(), "max_pool: lengths of x and y");
    if y.is_empty() {
        return;
    }
    let taps = &bytemuck::cast_slice::<i64, u8>(taps)[..y.len()];
    let row = plan.result_row();
    parallel::for_each((Rows(y, row), Rows(taps, row)), row_grain(&plan), |first, (Rows(y, _), Rows(taps, _))| {
        level::run(Pass { plan: &plan, first, what: Fetch { x, y, taps } });
    });
}

/// The rows and steps of a block; of more than one channel the steps are one.
#[inline(always)]
fn steps(block: &Block) -> impl Iterator<Item = (usize, usize)> {
    let (rows, steps) = (block.rows, block.steps);
    (0..rows * steps).map(move |at| (at / steps, at % steps))
}

/// What is done at each place, for some channels.
trait AtPlace<L: Lanes> {
    /// Numbers of the result.
    fn length(&self) -> usize;
    /// `width` channels: `source` is where blocks are counted from, `result` the first of the numbers.
    fn visit(&mut self, patch: &Patch<'_>, source: usize, result: usize, width: usize);
}

/// All places of some rows.
struct Pass<'a, W> {
    plan: &'a Plan,
    /// The first row, counted over images and depths.
    first: usize,
    what: W,
}

macro_rules! kernel {
    ($what:ident) => {
        impl<T: Float> Kernel<T> for Pass<'_, $what<'_, T>> {
            type Output = ();

            #[inline(always)]
            fn run<L: Lanes<Elem = T>>(mut self) {
                let plan = self.plan;
                let (height, row, channels) = (plan.result[1], plan.result_row(), plan.result_channels);
                let rows = AtPlace::<L>::length(&self.what) / row;
                let mut done = 0;
                while done < rows {
                    let (plane, h) = ((self.first + done) / height, (self.first + done) % height);
                    let count = (height - h).min(rows - done);
                    for index in 0..plan.patches() {
                        let Some(patch) = plan.patch(index, plane, (h, h + count)) else { continue };
                        for down in 0..patch.down.count {
                            for right in 0..patch.right.count {
                                let source = patch.source + down * patch.down.source + right * patch.right.source;
                                let line = done + patch.row + down * patch.down.step;
                                let result = line * row + (patch.column + right * patch.right.step) * channels;
                                let mut at = 0;
                                while at < channels {
                                    let width = (channels - at).min(L::N);
                                    AtPlace::<L>::visit(&mut self.what, &patch, source + at, result + at, width);
                                    at += width;
                                }
                            }
                        }
                    }
                    done += count;
                }
            }
        }
    };
}
kernel!(Take);
kernel!(Give);
kernel!(Fetch);

/// [`max_pool`].
struct Take<'a, T> {
    x: &'a [T],
    y: &'a mut [T],
    taps: &'a mut [u8],
}

impl<L: Lanes> AtPlace<L> for Take<'_, L::Elem> {
    #[inline(always)]
    fn length(&self) -> usize {
        self.y.len()
    }
    #[inline(always)]
    fn visit(&mut self, patch: &Patch<'_>, source: usize, result: usize, width: usize) {
        let (mut best, mut taken, mut is_first) = (L::splat(-L::Elem::INFINITY), L::zero(), true);
        for block in patch.blocks {
            for (i, step) in steps(block) {
                let x: L = read(self.x, source + block.source + i * block.source_row + step, width);
                let tap = L::splat(L::Elem::from_f64((block.weights + i * block.weights_row + step) as f64));
                if is_first {
                    (best, taken, is_first) = (x, tap, false);
                    continue;
                }
                let wins = x.gt(best) | (x.is_nan() & !best.is_nan());
                (best, taken) = (L::select(wins, x, best), L::select(wins, tap, taken));
            }
        }
        best.store_prefix(&mut self.y[result..result + width]);
        for (to, tap) in self.taps[result..result + width].iter_mut().zip(taken.to_array()) {
            *to = tap.to_f64() as u8;
        }
    }
}

/// [`max_pool_backward`] of one image.
struct Give<'a, T> {
    dy: &'a [T],
    taps: &'a [u8],
    dx: &'a mut [T],
    /// Where the image starts.
    offset: usize,
}

impl<L: Lanes> AtPlace<L> for Give<'_, L::Elem> {
    #[inline(always)]
    fn length(&self) -> usize {
        self.dy.len()
    }
    #[inline(always)]
    fn visit(&mut self, patch: &Patch<'_>, source: usize, result: usize, width: usize) {
        let dy: L = read(self.dy, result, width);
        let taken = read_taps::<L>(&self.taps[result..result + width]);
        for block in patch.blocks {
            for (i, step) in steps(block) {
                let tap = L::splat(L::Elem::from_f64((block.weights + i * block.weights_row + step) as f64));
                let at = source + block.source + i * block.source_row + step - self.offset;
                let dx = &mut self.dx[at..at + width];
                let hit = taken.eq(tap);
                if hit.any() {
                    let own: L = read(dx, 0, width);
                    L::select(hit, own + dy, own).store_prefix(dx);
                }
            }
        }
    }
}

/// [`max_pool_gather`].
struct Fetch<'a, T> {
    x: &'a [T],
    y: &'a mut [T],
    taps: &'a [u8],
}

impl<L: Lanes> AtPlace<L> for Fetch<'_, L::Elem> {
    #[inline(always)]
    fn length(&self) -> usize {
        self.y.len()
    }
    #[inline(always)]
    fn visit(&mut self, patch: &Patch<'_>, source: usize, result: usize, width: usize) {
        let taken = read_taps::<L>(&self.taps[result..result + width]);
        let mut y = L::zero();
        for block in patch.blocks {
            for (i, step) in steps(block) {
                let x: L = read(self.x, source + block.source + i * block.source_row + step, width);
                let tap = L::splat(L::Elem::from_f64((block.weights + i * block.weights_row + step) as f64));
                y = L::select(taken.eq(tap), x, y);
            }
        }
        y.store_prefix(&mut self.y[result..result + width]);
    }
}

#[inline(always)]
fn read<L: Lanes>(from: &[L::Elem], at: usize, width: usize) -> L {
    match width == L::N {
        true => L::load(&from[at..at + L::N]),
        false => L::load_padded(&from[at..at + width], L::Elem::ZERO),
    }
}

/// Taps as numbers.
#[inline(always)]
fn read_taps<L: Lanes>(taps: &[u8]) -> L {
    let mut numbers = [L::Elem::ZERO; MAX_LANES];
    for (number, &tap) in numbers.iter_mut().zip(taps) {
        *number = L::Elem::from_f64(f64::from(tap));
    }
    L::load(&numbers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ConvAlgorithm;
    use crate::testing::at_every_level;

    /// Sizes of [N, H, W, C] and windows: kernel, stride, padding, dilation on both axes.
    fn geometry([batch, height, width, channels]: [usize; 4], window: [usize; 4]) -> ConvGeometry {
        let [kernel, stride, padding, dilation] = window;
        let output = |size: usize| (size + 2 * padding - (kernel - 1) * dilation - 1) / stride + 1;
        ConvGeometry {
            batch,
            channels,
            filters: channels,
            groups: channels,
            input: [1, height, width],
            kernel: [1, kernel, kernel],
            output: [1, output(height), output(width)],
            stride: [1, stride, stride],
            dilation: [1, dilation, dilation],
            padding: [0, padding, padding],
            algorithm: ConvAlgorithm::Auto,
        }
    }

    /// For each output the numbers it may be, in the order of taps.
    fn windows(g: &ConvGeometry) -> Vec<Vec<usize>> {
        let mut windows = Vec::new();
        for n in 0..g.batch {
            for (h, w) in (0..g.output[1]).flat_map(|h| (0..g.output[2]).map(move |w| (h, w))) {
                for c in 0..g.channels {
                    let mut places = Vec::new();
                    for (i, j) in (0..g.kernel[1]).flat_map(|i| (0..g.kernel[2]).map(move |j| (i, j))) {
                        let row = (h * g.stride[1] + i * g.dilation[1]).wrapping_sub(g.padding[1]);
                        let column = (w * g.stride[2] + j * g.dilation[2]).wrapping_sub(g.padding[2]);
                        if row < g.input[1] && column < g.input[2] {
                            places.push(((n * g.input[1] + row) * g.input[2] + column) * g.channels + c);
                        }
                    }
                    windows.push(places);
                }
            }
        }
        windows
    }

    fn check<T: Float>(g: &ConvGeometry) {
        // Few different values, so that ties are common; some NaN and −∞.
        let x: Vec<T> = (0..g.input_len())
            .map(|i| match i * 7919 % 101 {
                3 => T::NAN,
                5 => -T::INFINITY,
                k => T::from_f64((k % 7) as f64 - 3.0),
            })
            .collect();
        let outputs = g.output_len();
        let (mut y, mut taps) = (vec![T::ZERO; outputs], vec![0; max_pool_words(outputs)]);
        max_pool(g, &x, &mut y, &mut taps);
        let dy: Vec<T> = (0..outputs).map(|i| T::from_f64((i % 13) as f64 + 1.0)).collect();
        let mut expected = vec![T::ZERO; x.len()];
        let mut taken = Vec::new();
        for (i, places) in windows(g).iter().enumerate() {
            let better = |a: T, b: T| a.to_f64() > b.to_f64() || (a.is_nan() && !b.is_nan());
            let best = places[1..].iter().fold(places[0], |best, &at| if better(x[at], x[best]) { at } else { best });
            assert!(y[i].to_f64() == x[best].to_f64() || (y[i].is_nan() && x[best].is_nan()), "y[{i}] of {g:?}");
            expected[best] += dy[i];
            taken.push(best);
        }
        let mut dx = vec![T::NAN; x.len()];
        max_pool_backward(g, &dy, &taps, &mut dx);
        assert_eq!(dx, expected, "{g:?}");
        let numbers: Vec<T> = (0..x.len()).map(|i| T::from_f64(i as f64)).collect();
        let mut fetched = vec![T::NAN; outputs];
        max_pool_gather(g, &numbers, &taps, &mut fetched);
        assert!(fetched.iter().zip(&taken).all(|(found, &at)| found.to_f64() == at as f64), "{g:?}");
    }

    #[test]
    fn windows_ties_and_nan_are_the_definition() {
        at_every_level(|_| {
            for (sizes, window) in [
                ([2, 6, 7, 16], [2, 2, 0, 1]),
                ([1, 7, 5, 17], [3, 2, 1, 1]),
                ([2, 9, 9, 3], [3, 1, 1, 1]),
                ([1, 8, 8, 1], [2, 3, 1, 2]),
                ([2, 7, 9, 1], [3, 2, 1, 1]),
                ([3, 40, 33, 20], [5, 2, 2, 1]),
                ([1, 16, 17, 2], [16, 1, 8, 1]),
                ([0, 4, 4, 4], [2, 2, 0, 1]),
            ] {
                check::<f32>(&geometry(sizes, window));
                check::<f64>(&geometry(sizes, window));
            }
        });
    }

    #[test]
    #[should_panic(expected = "a window of 289 places; 1 to 256 are possible")]
    fn a_window_beyond_a_byte_is_refused() {
        max_pool::<f32>(&geometry([1, 20, 20, 1], [17, 1, 0, 1]), &[0.0; 400], &mut [0.0; 16], &mut [0; 2]);
    }
}
