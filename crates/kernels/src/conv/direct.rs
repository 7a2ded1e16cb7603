//! The direct sum, forward and backward to data: one pass over the result, nothing of the source copied.
//!
//! Places of a run read at a fixed distance from one another, so a register tile takes R of them along the axis on which the run is
//! longer, and W registers of result channels. Its sums run over all taps and channels before they are stored, in an order that the
//! place's taps alone decide: an image has the same bits in any batch. Weights are copied once per call into panels as wide as a tile.

use super::plan::{Block, Plan};
use crate::Float;
use crate::gemm::{Epilogue, Matrix, pack};
use crate::lanes::Lanes;
use crate::lanes::sums::{Factor, go_on};
use crate::level::{self, Kernel};
use crate::parallel::{self, Grain, Rows};
use crate::pool::Buffer;

/// Which way the weights `[taps, C / groups, F]` are read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Weights {
    /// Sums run over taps and channels.
    Forward,
    /// Sums run over taps, from the last, and filters.
    Backward,
}

/// result = source ∗ weights, then the epilogue.
pub(super) fn compute<T: Float>(
    plan: &Plan,
    way: Weights,
    (source, weights): (&[T], &[T]),
    result: &mut [T],
    epilogue: Epilogue<'_, T>,
) {
    if result.is_empty() {
        return;
    }
    let panels = level::run(PackedLength { plan, number: std::marker::PhantomData::<T> });
    let mut packed = Buffer::<T>::new(panels);
    level::run(Pack { plan, way, weights, packed: &mut packed });
    let packed = &packed[..];
    parallel::for_each(Rows(result, plan.result_row()), grain(plan), |first, Rows(result, _)| {
        level::run(Band { plan, source, packed, result, first, epilogue });
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

/// Registers in a row of the tile, for so many result channels in a group.
#[inline(always)]
pub(super) fn registers<L: Lanes>(channels: usize) -> usize {
    match (L::REGISTERS, L::FUSED) {
        (32.., _) if channels.is_multiple_of(4 * L::N) => 4,
        (_, true) if channels > L::N => 2,
        _ => 1,
    }
}

/// The most places in a tile.
#[inline(always)]
pub(super) fn height<L: Lanes>(registers: usize) -> usize {
    match (L::REGISTERS, L::FUSED, registers) {
        (32.., _, 4) => 6,
        (32.., ..) => 12,
        (_, true, _) => 6,
        (_, false, _) => 4,
    }
}

/// How many of `count` places the next tile takes.
#[inline(always)]
pub(super) fn next(count: usize, height: usize) -> usize {
    let even = match count {
        20.. => 12,
        18 | 19 => 12,
        14..=17 => 8,
        12 | 13 => 12,
        8..=11 => 8,
        6 | 7 => 6,
        4 | 5 => 4,
        2 | 3 => 2,
        _ => 1,
    };
    match height {
        12 => even,
        6 if count == 8 || count == 9 => 4,
        height => match count.min(height) {
            6.. => 6,
            4 | 5 => 4,
            2 | 3 => 2,
            _ => 1,
        },
    }
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
struct Line {
    source: usize,
    source_step: usize,
    result: usize,
    result_step: usize,
    count: usize,
}

impl<T: Float> Kernel<T> for Band<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(mut self) {
        let [depth, height, _] = self.plan.result;
        let width = self.plan.result_row();
        let (mut row, end) = (self.first, self.first + self.result.len() / width);
        let whole = std::mem::take(&mut self.result);
        let mut rest = whole;
        while row < end {
            let (plane, h) = (row / height, row % height);
            let count = (height - h).min(end - row);
            let (piece, others) = rest.split_at_mut(count * width);
            (self.result, rest) = (piece, others);
            self.piece::<L>((plane / depth, plane % depth), (h, h + count));
            row += count;
        }
    }
}

impl<T: Float> Band<'_, T> {
    /// The rows `from..to` of one depth of one image.
    #[inline(always)]
    fn piece<L: Lanes<Elem = T>>(&mut self, (image, depth): (usize, usize), (from, to): (usize, usize)) {
        let plan = self.plan;
        let (_, lines) = plan.channels();
        let panel = registers::<L>(lines) * L::N;
        for group in 0..plan.groups {
            let panels = &self.packed[group * panels_of::<L>(plan)..];
            for first in (0..lines).step_by(panel) {
                let count = (lines - first).min(panel);
                let packed = &panels[plan.terms() * first..][..plan.terms() * count.next_multiple_of(L::N)];
                for (index, run) in plan.runs[0].iter().enumerate() {
                    let (number, is_here) = run.within(depth, depth + 1);
                    if is_here == 1 {
                        let at = (image, index, number * run.source_step);
                        self.panel::<L>(at, (from, to), group, packed, (group * lines + first, count));
                    }
                }
            }
        }
    }

    /// As [`Band::piece`], of the result's channels from the first on, as many as there are.
    #[inline(always)]
    fn panel<L: Lanes<Elem = T>>(
        &mut self,
        (image, d, depth): (usize, usize, usize),
        (from, to): (usize, usize),
        group: usize,
        packed: &[T],
        (channel, channels): (usize, usize),
    ) {
        let plan = self.plan;
        let of_row = plan.source[2] * plan.source_channels;
        let base = image * plan.source_image() + depth * plan.source[1] * of_row + group * plan.channels().0;
        for (h, vertical) in plan.runs[1].iter().enumerate() {
            let (number, rows) = vertical.within(from, to);
            if rows == 0 {
                continue;
            }
            let source = base + number * vertical.source_step * of_row;
            let top = vertical.first + number * vertical.step - from;
            for (w, horizontal) in plan.runs[2].iter().enumerate() {
                let blocks = plan.blocks(d, h, w);
                let columns = horizontal.count;
                let result = top * plan.result_row() + horizontal.first * plan.result_channels + channel;
                let (down, right) = (
                    (vertical.source_step * of_row, vertical.step * plan.result_row()),
                    (horizontal.source_step * plan.source_channels, horizontal.step * plan.result_channels),
                );
                let (lines, along, across, count) =
                    if columns >= rows { (rows, right, down, columns) } else { (columns, down, right, rows) };
                for line in 0..lines {
                    let (source, result) = (source + line * across.0, result + line * across.1);
                    let line = Line { source, source_step: along.0, result, result_step: along.1, count };
                    self.line::<L>(line, blocks, packed, (channel, channels));
                }
            }
        }
    }

    #[inline(always)]
    fn line<L: Lanes<Elem = T>>(&mut self, mut line: Line, blocks: &[Block], packed: &[T], channels: (usize, usize)) {
        let registers = channels.1.div_ceil(L::N);
        let height = height::<L>(registers);
        while line.count > 0 {
            let places = next(line.count, height);
            macro_rules! tiles {
                ($($r:literal $w:literal),+) => {
                    match (places, registers) {
                        $(($r, $w) => self.tile::<L, $r, $w>(line, blocks, packed, channels),)+
                        _ => unreachable!("no tile of {places} × {registers}"),
                    }
                };
            }
            if L::REGISTERS >= 32 {
                tiles!(12 1, 12 2, 8 1, 8 2, 6 1, 6 2, 6 4, 4 1, 4 2, 4 4, 2 1, 2 2, 2 4, 1 1, 1 2, 1 4);
            } else {
                tiles!(6 1, 6 2, 4 1, 4 2, 2 1, 2 2, 1 1, 1 2);
            }
            line.source += places * line.source_step;
            line.result += places * line.result_step;
            line.count -= places;
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
        let epilogue = self.epilogue.columns_from(channel);
        for (r, sums) in sums.iter().enumerate() {
            let to = &mut self.result[line.result + r * line.result_step..][..channels];
            if channels == width {
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
}
