//! Depthwise convolution: each channel by itself, so registers run along channels on both sides of a product.
//!
//! The weights `[taps, C]` are read where they are; backward, as a copy from the last tap to the first. What is bound by memory: two
//! tensors for nine multiply-adds each.

use super::direct::{Line, Lines, Weights, grain, store};
use super::plan::{Block, Plan};
use super::weights::Steps;
use crate::Float;
use crate::gemm::Epilogue;
use crate::lanes::Lanes;
use crate::lanes::sums::{Factor, go_on_by_lanes};
use crate::lanes::tile::{by_tile, height, next};
use crate::level::{self, Kernel};
use crate::parallel::{self, Rows};
use crate::pool::Buffer;

/// As [`super::direct::compute`].
pub(super) fn compute<T: Float>(
    plan: &Plan,
    way: Weights,
    (source, weights): (&[T], &[T]),
    result: &mut [T],
    epilogue: Epilogue<'_, T>,
) {
    let channels = plan.groups;
    let mut turned = Buffer::<T>::new(if way == Weights::Backward { weights.len() } else { 0 });
    for (to, from) in turned.chunks_exact_mut(channels).zip(weights.rchunks_exact(channels)) {
        to.copy_from_slice(from);
    }
    let weights = if way == Weights::Backward { &turned } else { weights };
    parallel::for_each(Rows(result, plan.result_row()), grain(plan), |first, Rows(result, _)| {
        level::run(Band { plan, source, weights, result, first, epilogue });
    });
}

/// Registers of channels in a tile, where so many channels are left.
#[inline(always)]
fn registers<L: Lanes>(channels: usize) -> usize {
    match channels / L::N {
        4.. if L::REGISTERS >= 32 => 4,
        2.. if L::FUSED => 2,
        _ => 1,
    }
}

/// Some rows of the result, counted over images and depths.
struct Band<'a, T> {
    plan: &'a Plan,
    source: &'a [T],
    weights: &'a [T],
    result: &'a mut [T],
    first: usize,
    epilogue: Epilogue<'a, T>,
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
        for index in 0..plan.patches() {
            let Some(patch) = plan.patch(index, plane, rows) else { continue };
            let lines = Lines::of(plan, &patch, 0, 0);
            for number in 0..lines.count {
                let mut channel = 0;
                while channel < plan.groups {
                    channel += self.line::<L>(lines.line(number), patch.blocks, channel);
                }
            }
        }
    }

    /// All places of a line, for some channels from the given one on; how many.
    #[inline(always)]
    fn line<L: Lanes<Elem = T>>(&mut self, line: Line, blocks: &[Block], channel: usize) -> usize {
        let left = self.plan.groups - channel;
        let registers = registers::<L>(left);
        let channels = left.min(registers * L::N);
        let mut line = Line { source: line.source + channel, result: line.result + channel, ..line };
        while line.count > 0 {
            let places = if left < L::N { 1 } else { next(line.count, height::<L>(registers)) };
            match left < L::N {
                true => self.last::<L>(line, blocks, channel),
                false => by_tile!(L, places, registers, |R, W| self.tile::<L, R, W>(line, blocks, channel)),
            }
            line = line.without(places);
        }
        channels
    }

    #[inline(always)]
    fn tile<L: Lanes<Elem = T>, const R: usize, const W: usize>(
        &mut self,
        line: Line,
        blocks: &[Block],
        channel: usize,
    ) {
        let channels = self.plan.groups;
        let mut sums = [[L::zero(); W]; R];
        for block in blocks {
            let values = &self.source[line.source + block.source..];
            let a = Factor { values, line: line.source_step, step: block.source_row, row: 0 };
            let values = &self.weights[block.weights * channels + channel..];
            let b = Factor { values, line: 1, step: block.weights_row * channels, row: 0 };
            sums = go_on_by_lanes(sums, a, b, block.rows, 1);
        }
        store(&sums, line, self.result, (channel, W * L::N), &self.epilogue);
    }

    /// One place, for the last channels: fewer than a register.
    #[inline(always)]
    fn last<L: Lanes<Elem = T>>(&mut self, line: Line, blocks: &[Block], channel: usize) {
        let channels = self.plan.groups;
        let left = channels - channel;
        let mut sum = L::zero();
        for block in blocks {
            for tap in 0..block.rows {
                let x = &self.source[line.source + block.source + tap * block.source_row..][..left];
                let w = &self.weights[(block.weights + tap * block.weights_row) * channels + channel..][..left];
                sum = L::load_padded(w, T::ZERO).mul_add(L::load_padded(x, T::ZERO), sum);
            }
        }
        store(&[[sum]], line, self.result, (channel, left), &self.epilogue);
    }
}

/// Adds to dw what the rows of one plane give, which `dy` holds.
#[inline(always)]
pub(super) fn sum<L: Lanes>(
    plan: &Plan,
    (plane, rows): (usize, (usize, usize)),
    (x, dy): (&[L::Elem], &[L::Elem]),
    dw: &mut [L::Elem],
) {
    let channels = plan.groups;
    for index in 0..plan.patches() {
        let Some(patch) = plan.patch(index, plane, rows) else { continue };
        let dy = &dy[patch.row * plan.result_row() + patch.column * channels..];
        let (down, right) = (Steps::new(patch.down, plan.result_row()), Steps::new(patch.right, channels));
        let steps = if right.count >= down.count { (right, down) } else { (down, right) };
        let mut channel = 0;
        while channel < channels {
            let left = channels - channel;
            let registers = registers::<L>(left);
            for block in patch.blocks {
                let mut tap = 0;
                while tap < block.rows {
                    let lines = if left < L::N { 1 } else { (block.rows - tap).min(3) };
                    let at = patch.source + block.source + tap * block.source_row + channel;
                    let (x, dy) = (&x[at..], &dy[channel..]);
                    let to = (block.weights + tap * block.weights_row) * channels + channel;
                    let distances = (block.source_row, block.weights_row * channels);
                    let dw = &mut dw[to..];
                    match (lines, registers) {
                        _ if left < L::N => add_last::<L>((x, dy), steps, &mut dw[..left]),
                        (3, 4) => add::<L, 3, 4>((x, dy), steps, distances, dw),
                        (3, 2) => add::<L, 3, 2>((x, dy), steps, distances, dw),
                        (3, _) => add::<L, 3, 1>((x, dy), steps, distances, dw),
                        (2, 4) => add::<L, 2, 4>((x, dy), steps, distances, dw),
                        (2, 2) => add::<L, 2, 2>((x, dy), steps, distances, dw),
                        (2, _) => add::<L, 2, 1>((x, dy), steps, distances, dw),
                        (_, 4) => add::<L, 1, 4>((x, dy), steps, distances, dw),
                        (_, 2) => add::<L, 1, 2>((x, dy), steps, distances, dw),
                        _ => add::<L, 1, 1>((x, dy), steps, distances, dw),
                    }
                    tap += lines;
                }
            }
            channel += left.min(registers * L::N);
        }
    }
}

/// R taps, which are `distances` apart in x and dw, over all places, for W registers of channels.
#[inline(always)]
fn add<L: Lanes, const R: usize, const W: usize>(
    (x, dy): (&[L::Elem], &[L::Elem]),
    (inner, outer): (Steps, Steps),
    distances: (usize, usize),
    dw: &mut [L::Elem],
) {
    let a = Factor { values: x, line: distances.0, step: inner.x, row: outer.x };
    let b = Factor { values: dy, line: 1, step: inner.dy, row: outer.dy };
    let sums = go_on_by_lanes([[L::zero(); W]; R], a, b, inner.count, outer.count);
    for (r, sums) in sums.into_iter().enumerate() {
        for (w, sum) in sums.into_iter().enumerate() {
            let to = &mut dw[r * distances.1 + w * L::N..];
            (L::load(to) + sum).store(to);
        }
    }
}

/// One tap for the last channels: fewer than a register.
#[inline(always)]
fn add_last<L: Lanes>((x, dy): (&[L::Elem], &[L::Elem]), (inner, outer): (Steps, Steps), dw: &mut [L::Elem]) {
    let left = dw.len();
    let mut sum = L::zero();
    for row in 0..outer.count {
        for step in 0..inner.count {
            let x = &x[row * outer.x + step * inner.x..][..left];
            let dy = &dy[row * outer.dy + step * inner.dy..][..left];
            sum = L::load_padded(x, L::Elem::ZERO).mul_add(L::load_padded(dy, L::Elem::ZERO), sum);
        }
    }
    (L::load_padded(dw, L::Elem::ZERO) + sum).store_prefix(dw);
}
