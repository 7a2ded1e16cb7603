//! The direct sum backward to weights: for each tap and channel the products of x and dy, summed over all places.
//!
//! Neighbouring channels (and taps, where they are neighbours in x) are the lines of a register tile, filters its lanes, places its
//! steps: x and dy are read where they are. The rows of all images are cut into a few slices; each has sums of its own, and those are
//! added in order. Within a slice the tiles go over a band that stays in the cache, rows of an image or whole images (of small ones, a tile would have
//! a step or two before its sums go back to memory), so a sum is a chain over a band, then over bands, then over slices.

use super::plan::{Block, Plan, Way};
use super::{ConvGeometry, depthwise};
use crate::lanes::Lanes;
use crate::lanes::sums::{Factor, go_on};
use crate::lanes::tile::{by_tile, height, next, registers};
use crate::level::{self, Kernel};
use crate::parallel::{self, Grain, PerChunk, Rows};
use crate::pool::Buffer;
use crate::scratch::Scratch;
use crate::{Broadcast, Float, In2};

/// dw, of a forward plan.
pub(super) fn compute<T: Float>(plan: &Plan, x: &[T], dy: &[T], dw: &mut [T]) {
    if dw.is_empty() {
        return;
    }
    let rows = dy.len().checked_div(plan.result_row()).unwrap_or(0);
    if rows == 0 {
        return dw.fill(T::ZERO);
    }
    let grain = grain((rows, plan.result[1]), plan.result_row() * plan.terms(), dw.len());
    let slices = grain.chunks(rows);
    if slices == 1 {
        return level::run(Slice { plan, x, dy, dw, first: 0 });
    }
    let length = dw.len();
    let mut room = Buffer::<T>::new(slices * length);
    let parts = (Rows(dy, plan.result_row()), PerChunk::new(&mut room, length, grain));
    let total = parallel::fold(parts, grain, |first, (Rows(dy, _), sums)| slice_of(plan, (x, dy), first, sums), added);
    dw.copy_from_slice(total);
}

fn slice_of<'a, T: Float>(plan: &Plan, (x, dy): (&[T], &[T]), first: usize, sums: PerChunk<'a, T>) -> &'a mut [T] {
    let dw = sums.into_room();
    level::run(Slice { plan, x, dy, dw: &mut *dw, first });
    dw
}

/// The sums of two slices.
fn added<'a, T: Float>(a: &'a mut [T], b: &mut [T]) -> &'a mut [T] {
    crate::add(In2::OverA { a: &mut *a, b: Broadcast::full(b) });
    a
}

/// Most slices, and the most numbers that their sums may take.
const SLICES: usize = 8;
const ROOM: usize = 4 << 20;

/// How many slices sums of so many numbers are cut into, at most.
pub(super) fn most_slices(numbers: usize) -> usize {
    (ROOM / numbers).clamp(2, SLICES)
}

/// Multiplications for which it pays to wake another thread.
const LARGE: usize = 1 << 21;
/// Bytes of x and dy that a band may have: what stays in L2.
const BAND: usize = 256 << 10;

/// From so many channels on a tile has the lines to hide how far it is from one image to the next.
const HIGH: usize = 8;

/// Of so many rows, of planes of this height, that cost so many multiplications each.
fn grain((rows, height): (usize, usize), cost: usize, weights: usize) -> Grain {
    let cost = cost.max(1);
    let slices = most_slices(weights).min((rows * cost).div_ceil(LARGE / 2));
    let planes = rows / height;
    let chunk = match planes >= slices {
        true => height * planes.div_ceil(slices),
        false => rows.div_ceil(slices),
    };
    Grain { chunk, serial: (LARGE / cost).max(2) }
}

/// How many places of one image are summed one after the other: the more, the more the direct sum rounds. (Images of a batch are not cut finer.)
pub(super) fn chain(g: &ConvGeometry) -> usize {
    let [_, height, width] = g.output;
    let taps: usize = g.kernel.iter().product();
    let cost = width * g.filters * taps * (g.channels / g.groups);
    grain((height, height), cost, g.weights_len()).chunk * width
}

/// The sums over some rows, counted over images and depths.
struct Slice<'a, T> {
    plan: &'a Plan,
    x: &'a [T],
    dy: &'a [T],
    dw: &'a mut [T],
    first: usize,
}

/// Some filters of a band, and where dy's numbers for them are: in place, or copied where the lanes of a tile would reach beyond them.
struct Filters<'a, T> {
    dy: &'a [T],
    /// From one place to the next, and from one row to the next.
    strides: (usize, usize),
    /// The first, and how many.
    filter: usize,
    count: usize,
}

/// What is summed at a time: some rows of a plane, or all rows of some images.
#[derive(Clone, Copy)]
struct Band {
    /// Counted over images and depths.
    plane: usize,
    from: usize,
    to: usize,
    images: usize,
}

impl Band {
    fn rows(self) -> usize {
        (self.to - self.from) * self.images
    }

    /// So many rows from `first` on (counted over images and depths), cut into bands of at most `most` rows.
    fn all(plan: &Plan, first: usize, rows: usize, most: usize) -> impl Iterator<Item = Band> + use<> {
        let (height, end, mut row) = (plan.result[1], first + rows, first);
        let most_images = if plan.result[0] == 1 && !plan.is_depthwise() { most / height } else { 0 };
        std::iter::from_fn(move || {
            let (plane, from) = (row / height, row % height);
            let images = if from == 0 { most_images.min((end - row) / height) } else { 0 };
            let to = if images > 0 { height } else { height.min(from + (end - row).min(most)) };
            let band = Band { plane, from, to, images: images.max(1) };
            row += band.rows();
            (band.rows() > 0).then_some(band)
        })
    }
}

/// One axis of the places that a tile sums over: how many, and how far apart they are in x and dy.
#[derive(Clone, Copy)]
pub(super) struct Steps {
    pub(super) count: usize,
    pub(super) x: usize,
    pub(super) dy: usize,
}

impl Steps {
    /// Of a way, where dy's rows or columns are `stride` apart.
    #[inline(always)]
    pub(super) fn new(way: Way, stride: usize) -> Steps {
        Steps { count: way.count, x: way.source, dy: way.step * stride }
    }
}

impl<T: Float> Kernel<T> for Slice<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(mut self) {
        self.dw.fill(T::ZERO);
        let plan = self.plan;
        let of_row = plan.source[2] * plan.source_channels + plan.result_row();
        let band = (BAND / size_of::<T>() / of_row.max(1)).max(4);
        let rows = self.dy.len() / plan.result_row();
        let mut copy = Scratch::new(self.copy_length::<L>(band.min(rows)));
        let mut rest = self.dy;
        for band in Band::all(plan, self.first, rows, band) {
            let (dy, others) = rest.split_at(band.rows() * plan.result_row());
            rest = others;
            match plan.is_depthwise() {
                true => depthwise::sum::<L>(plan, (band.plane, (band.from, band.to)), (self.x, dy), self.dw),
                false => self.band::<L>(band, dy, &mut copy),
            }
        }
    }
}

impl<T: Float> Slice<'_, T> {
    /// Numbers of the copy of the last filters of a band: none where they fill registers.
    #[inline(always)]
    fn copy_length<L: Lanes<Elem = T>>(&self, rows: usize) -> usize {
        let (_, filters) = self.plan.channels();
        match filters.is_multiple_of(L::N) {
            true => 0,
            false => rows * self.plan.result[2] * registers::<L>(filters) * L::N,
        }
    }

    /// A band, whose rows `dy` holds.
    #[inline(always)]
    fn band<L: Lanes<Elem = T>>(&mut self, band: Band, dy: &[T], copy: &mut [T]) {
        let Band { plane, from, to, images } = band;
        let plan = self.plan;
        let (_, filters) = plan.channels();
        let panel = registers::<L>(filters) * L::N;
        for group in 0..plan.groups {
            for first in (0..filters).step_by(panel) {
                let count = (filters - first).min(panel);
                let filter = group * filters + first;
                let width = count.next_multiple_of(L::N);
                let filters = if width == count {
                    let strides = (plan.result_channels, plan.result_row());
                    Filters { dy: &dy[filter..], strides, filter, count }
                } else {
                    for (to, from) in copy.chunks_exact_mut(width).zip(dy.chunks_exact(plan.result_channels)) {
                        let (to, beyond) = to.split_at_mut(count);
                        to.copy_from_slice(&from[filter..][..count]);
                        beyond.fill(T::ZERO);
                    }
                    Filters { dy: copy, strides: (width, plan.result[2] * width), filter, count }
                };
                for index in 0..plan.patches() {
                    let Some(patch) = plan.patch(index, plane, (from, to)) else { continue };
                    let dy = &filters.dy[patch.row * filters.strides.1 + patch.column * filters.strides.0..];
                    let down = Steps::new(patch.down, filters.strides.1);
                    let right = Steps::new(patch.right, filters.strides.0);
                    let images =
                        Steps { count: images, x: plan.source_image(), dy: plan.result[1] * filters.strides.1 };
                    let mut steps = [right, down, images];
                    let sorted = if plan.channels().0 >= HIGH { 3 } else { 2 };
                    steps[..sorted].sort_by_key(|axis| std::cmp::Reverse(axis.count));
                    let x = patch.source + group * plan.channels().0;
                    for block in patch.blocks {
                        self.block::<L>(block, x, dy, steps, &filters);
                    }
                }
            }
        }
    }

    /// All lines of a block, over the steps of the three axes, the innermost first.
    #[inline(always)]
    fn block<L: Lanes<Elem = T>>(
        &mut self,
        block: &Block,
        x: usize,
        dy: &[T],
        steps: [Steps; 3],
        filters: &Filters<'_, T>,
    ) {
        let registers = filters.count.div_ceil(L::N);
        let height = height::<L>(registers);
        for row in 0..block.rows {
            let (x, weights) = (x + block.source + row * block.source_row, block.weights + row * block.weights_row);
            let mut line = 0;
            while line < block.steps {
                let lines = next(block.steps - line, height);
                let (at, weights) = (x + line, weights + line);
                by_tile!(L, lines, registers, |R, W| self.tile::<L, R, W>(at, weights, dy, steps, filters));
                line += lines;
            }
        }
    }

    #[inline(always)]
    fn tile<L: Lanes<Elem = T>, const R: usize, const W: usize>(
        &mut self,
        x: usize,
        weights: usize,
        dy: &[T],
        [inner, outer, outermost]: [Steps; 3],
        filters: &Filters<'_, T>,
    ) {
        let mut sums = [[L::zero(); W]; R];
        for i in 0..outermost.count {
            let a = Factor { values: &self.x[x + i * outermost.x..], line: 1, step: inner.x, row: outer.x };
            let b = Factor { values: &dy[i * outermost.dy..], line: 1, step: inner.dy, row: outer.dy };
            sums = go_on(sums, a, b, inner.count, outer.count);
        }
        let count = filters.count;
        for (r, sums) in sums.iter().enumerate() {
            let to = &mut self.dw[(weights + r) * self.plan.result_channels + filters.filter..][..count];
            for (w, &sum) in sums.iter().enumerate() {
                let to = &mut to[(w * L::N).min(count)..((w + 1) * L::N).min(count)];
                if to.len() == L::N {
                    (L::load(to) + sum).store(to);
                } else {
                    (L::load_padded(to, T::ZERO) + sum).store_prefix(to);
                }
            }
        }
    }
}
