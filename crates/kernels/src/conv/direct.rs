//! The direct sum, forward and backward to data: one pass over the result, nothing of the source copied.
//!
//! Places of a run read at a fixed distance from one another, so a register tile takes R of them along the axis on which the run is
//! longer, and W registers of result channels. Its sums run over all taps and channels before they are stored, in an order that the
//! place's taps alone decide: an image has the same bits in any batch. Weights are copied once per call into panels as wide as a tile.

use super::plan::{Block, Patch, Plan};
use super::{Moments, by_parts, depthwise};
use crate::Float;
use crate::gemm::{Epilogue, Matrix, pack};
use crate::lanes::Lanes;
use crate::lanes::sums::{Factor, go_on};
use crate::lanes::tile::{by_tile, cover, height, registers};
use crate::level::{self, Kernel};
use crate::parallel::{Grain, Rows};
use crate::pool::Buffer;

/// Which way the weights `[taps, C / groups, F]` are read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Weights {
    /// Sums run over taps and channels.
    Forward,
    /// Sums run over taps, from the last, and filters.
    Backward,
}

/// result = source ∗ weights, then the epilogue; and the result's moments if they are wanted.
pub(super) fn compute<T: Float>(
    plan: &Plan,
    way: Weights,
    (source, weights): (&[T], &[T]),
    result: &mut [T],
    epilogue: Epilogue<'_, T>,
    moments: Option<Moments<'_, T>>,
) {
    if result.is_empty() {
        return;
    }
    if plan.is_depthwise() {
        depthwise::compute(plan, way, (source, weights), result, epilogue);
        if let Some(Moments { mean, variance }) = moments {
            crate::moments(result, mean, variance);
        }
        return;
    }
    let panels = level::run(PackedLength { plan, number: std::marker::PhantomData::<T> });
    let mut packed = Buffer::<T>::new(panels);
    level::run(Pack { plan, way, weights, packed: &mut packed });
    let packed = &packed[..];
    let rows = Rows(result, plan.result_row());
    by_parts(rows, grain(plan), plan.result_channels, moments, |first, Rows(result, _)| {
        level::run(Band { plan, source, packed, result: &mut *result, first, epilogue });
        result
    });
}

/// Multiplications for which it pays to wake another thread.
const LARGE: usize = 1 << 21;

/// Rows of the result: bands of eight rows and more, that fit the image.
pub(super) fn grain(plan: &Plan) -> Grain {
    let rows = plan.result[1].max(1);
    let band = (8.min(rows)..=rows).find(|band| rows.is_multiple_of(*band)).unwrap_or(rows);
    let cost = (plan.result_row() * plan.terms()).max(1);
    let chunk = if band * cost >= LARGE / 4 { band } else { rows * (LARGE / 4).div_ceil(rows * cost) };
    Grain { chunk, serial: (LARGE / cost).max(2 * chunk) }
}

struct PackedLength<'a, T> {
    plan: &'a Plan,
    number: std::marker::PhantomData<T>,
}

impl<T: Float> Kernel<T> for PackedLength<'_, T> {
    type Output = usize;

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) -> usize {
        self.plan.groups * panels_of::<L>(self.plan)
    }
}

/// Numbers in the panels of a group.
#[inline(always)]
fn panels_of<L: Lanes>(plan: &Plan) -> usize {
    plan.terms() * plan.channels().1.next_multiple_of(L::N)
}

/// Copies the weights: for each group and panel of result channels a row for each term, in the order of the sums.
struct Pack<'a, T> {
    plan: &'a Plan,
    way: Weights,
    weights: &'a [T],
    packed: &'a mut [T],
}

impl<T: Float> Kernel<T> for Pack<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        let Pack { plan, way, weights, packed } = self;
        let (terms, lines) = plan.channels();
        if terms == 0 {
            return;
        }
        // The weights' last axis: all groups' filters.
        let filters = match way {
            Weights::Forward => plan.result_channels,
            Weights::Backward => plan.source_channels,
        };
        let panel = registers::<L>(lines) * L::N;
        let of_tap = weights.len() / plan.taps;
        let groups = packed.chunks_exact_mut(panels_of::<L>(plan));
        for (group, packed) in groups.enumerate() {
            let mut rest = packed;
            for first in (0..lines).step_by(panel) {
                let count = (lines - first).min(panel);
                let width = count.next_multiple_of(L::N);
                let (to, others) = rest.split_at_mut(plan.terms() * width);
                rest = others;
                for (at, to) in to.chunks_exact_mut(terms * width).enumerate() {
                    let from = match way {
                        Weights::Forward => {
                            let values = &weights[at * of_tap + group * lines + first..];
                            Matrix { values, row: 1, column: filters }
                        }
                        Weights::Backward => {
                            let tap = plan.taps - 1 - at;
                            let values = &weights[tap * of_tap + first * filters + group * terms..];
                            Matrix { values, row: filters, column: 1 }
                        }
                    };
                    pack::<L>(from, count, terms, to, width);
                }
            }
        }
    }
}

/// Some rows of the result, counted over images and depths.
struct Band<'a, T> {
    plan: &'a Plan,
    source: &'a [T],
    packed: &'a [T],
    result: &'a mut [T],
    first: usize,
    epilogue: Epilogue<'a, T>,
}

/// Places of the result that one tile after another takes: `count` of them, each `source_step` further in the source and `result_step`
/// in the result.
#[derive(Clone, Copy)]
pub(super) struct Line {
    pub(super) source: usize,
    pub(super) source_step: usize,
    pub(super) result: usize,
    pub(super) result_step: usize,
    pub(super) count: usize,
}

/// The lines of a patch, along its longer axis.
pub(super) struct Lines {
    first: Line,
    across: (usize, usize),
    pub(super) count: usize,
}

impl Lines {
    /// For channels of the source and of the result from the given ones on.
    #[inline(always)]
    pub(super) fn of(plan: &Plan, patch: &Patch<'_>, source: usize, result: usize) -> Lines {
        let source = patch.source + source;
        let result = patch.row * plan.result_row() + patch.column * plan.result_channels + result;
        let down = (patch.down.source, patch.down.step * plan.result_row());
        let right = (patch.right.source, patch.right.step * plan.result_channels);
        let (lines, along, across, count) = match patch.right.count >= patch.down.count {
            true => (patch.down.count, right, down, patch.right.count),
            false => (patch.right.count, down, right, patch.down.count),
        };
        let first = Line { source, source_step: along.0, result, result_step: along.1, count };
        Lines { first, across, count: lines }
    }

    #[inline(always)]
    pub(super) fn line(&self, number: usize) -> Line {
        let (source, result) = (number * self.across.0, number * self.across.1);
        Line { source: self.first.source + source, result: self.first.result + result, ..self.first }
    }
}

impl Line {
    /// With as many places more at its start.
    #[inline(always)]
    fn back(self, places: usize) -> Line {
        Line {
            source: self.source - places * self.source_step,
            result: self.result - places * self.result_step,
            count: self.count + places,
            ..self
        }
    }

    /// Without the first places.
    #[inline(always)]
    pub(super) fn without(self, places: usize) -> Line {
        Line {
            source: self.source + places * self.source_step,
            result: self.result + places * self.result_step,
            count: self.count - places,
            ..self
        }
    }
}

impl<T: Float> Kernel<T> for Band<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(mut self) {
        let width = self.plan.result_row();
        let mut rest = std::mem::take(&mut self.result);
        for (plane, rows) in self.plan.pieces(self.first, rest.len() / width) {
            (self.result, rest) = rest.split_at_mut((rows.1 - rows.0) * width);
            self.piece::<L>(plane, rows);
        }
    }
}

impl<T: Float> Band<'_, T> {
    /// The rows `from..to` of one plane.
    #[inline(always)]
    fn piece<L: Lanes<Elem = T>>(&mut self, plane: usize, rows: (usize, usize)) {
        let plan = self.plan;
        let (terms, lines) = plan.channels();
        let panel = registers::<L>(lines) * L::N;
        // Zeros in one run, rather than place by place among those that read something.
        let is_filled = self.epilogue.is_none() && plan.leaves_gaps();
        if is_filled {
            self.result.fill(T::ZERO);
        }
        for group in 0..plan.groups {
            let panels = &self.packed[group * panels_of::<L>(plan)..];
            for first in (0..lines).step_by(panel) {
                let count = (lines - first).min(panel);
                let packed = &panels[plan.terms() * first..][..plan.terms() * count.next_multiple_of(L::N)];
                let channel = group * lines + first;
                for index in 0..plan.patches() {
                    let Some(patch) = plan.patch(index, plane, rows) else { continue };
                    if is_filled && patch.blocks.is_empty() {
                        continue;
                    }
                    let lines = Lines::of(plan, &patch, group * terms, channel);
                    for number in 0..lines.count {
                        self.line::<L>(lines.line(number), patch.blocks, packed, (channel, count));
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn line<L: Lanes<Elem = T>>(&mut self, mut line: Line, blocks: &[Block], packed: &[T], channels: (usize, usize)) {
        let registers = channels.1.div_ceil(L::N);
        let height = height::<L>(registers);
        let mut done = 0;
        while line.count > 0 {
            let (places, again) = cover(line.count, done, height);
            line = line.back(again);
            by_tile!(L, places, registers, |R, W| self.tile::<L, R, W>(line, blocks, packed, channels));
            line = line.without(places);
            done += places - again;
        }
    }

    #[inline(always)]
    fn tile<L: Lanes<Elem = T>, const R: usize, const W: usize>(
        &mut self,
        line: Line,
        blocks: &[Block],
        packed: &[T],
        (channel, channels): (usize, usize),
    ) {
        let mut sums = [[L::zero(); W]; R];
        let width = W * L::N;
        for block in blocks {
            let values = &self.source[line.source + block.source..];
            let a = Factor { values, line: line.source_step, step: 1, row: block.source_row };
            let values = &packed[block.weights * width..];
            let b = Factor { values, line: 1, step: width, row: block.weights_row * width };
            sums = go_on(sums, a, b, block.steps, block.rows);
        }
        store(&sums, line, self.result, (channel, channels), &self.epilogue);
    }
}

/// The sums of a line's first places go to their channels, at most as many as there are, and through the epilogue.
#[inline(always)]
pub(super) fn store<L: Lanes, const R: usize, const W: usize>(
    sums: &[[L; W]; R],
    line: Line,
    result: &mut [L::Elem],
    (channel, channels): (usize, usize),
    epilogue: &Epilogue<'_, L::Elem>,
) {
    let epilogue = epilogue.columns_from(channel);
    for (r, sums) in sums.iter().enumerate() {
        let to = &mut result[line.result + r * line.result_step..][..channels];
        if channels == W * L::N {
            for (w, sum) in sums.iter().enumerate() {
                sum.store(&mut to[w * L::N..]);
            }
        } else {
            for (w, sum) in sums.iter().enumerate() {
                sum.store_prefix(&mut to[(w * L::N).min(channels)..((w + 1) * L::N).min(channels)]);
            }
        }
        if !epilogue.is_none() {
            epilogue.over_row::<L>(to);
        }
    }
}
