//! Backward to data of few channels (a stem's gradient to its image, a transposed convolution to colours): the direct sum has channels in
//! its lanes and would leave most of them empty.
//!
//! Here the lanes are places of dx. Those a stride apart, a [`Phase`], meet the same taps, and by each tap neighbours meet neighbours of dy,
//! once its rows are copied filter by filter. In the copy rows follow each other with zeros between them, so that registers go on over
//! their ends; a tile has a line for each channel. Sums run over the window's depths and rows, filters, the window's columns, in one
//! order: the same bits in any batch, for any number of threads.
//!
//! Where dy has no place, zeros meet weights, which must be finite: [`serves`].

mod copied;
mod phase;

use super::ConvGeometry;
use crate::Float;
use crate::gemm::Epilogue;
use crate::lanes::sums::{Factor, go_on};
use crate::lanes::tile::by_tile;
use crate::lanes::{Lanes, MAX_LANES};
use crate::level::{self, Kernel};
use crate::parallel::{self, Grain, Rows};
use crate::pool::Buffer;
use crate::scratch::Scratch;
use copied::{Layout, Next};
use phase::{Phase, Span, phases};
use std::ops::Range;

/// The most channels for which it pays, and lines of a tile.
const CHANNELS: usize = 4;

/// Numbers of dy in the copy of a band, at most: half of the second level of caches.
const COPIED: usize = 1 << 17;

/// The fewest rows and columns of dx of one phase in a part.
const FEWEST_ROWS: usize = 4;
const FEWEST_COLUMNS: usize = 256;

/// Multiplications for which it pays to wake another thread.
const LARGE: usize = 1 << 20;

/// Whether it is faster, which the shape says, and zeros may meet these weights.
pub(super) fn serves<T: Float>(g: &ConvGeometry, weights: &[T]) -> bool {
    let fits = g.channels <= CHANNELS && g.filters > 0 && g.groups == 1 && g.kernel[2] > 1;
    fits && crate::is_finite_all(&[weights]).is_none()
}

/// dx of dy and w.
pub(super) fn backward_data<T: Float>(g: &ConvGeometry, dy: &[T], w: &[T], dx: &mut [T], epilogue: Epilogue<'_, T>) {
    if dx.is_empty() {
        return;
    }
    let axes = [0, 1, 2].map(|axis| phases(g, axis));
    let packed = pack(g, &axes, w);
    let plan = Plan { g, axes: &axes, weights: &packed, part: Part::of(g, &axes) };
    let cost = g.input[2] * g.filters * g.kernel.iter().product::<usize>() * g.channels / g.stride[1] / g.stride[2];
    let chunk = match plan.part.rows < g.input[1] {
        true => plan.part.rows,
        false => g.input[1] * (LARGE / 4).div_ceil(g.input[1] * cost.max(1)),
    };
    let grain = Grain { chunk, serial: (LARGE / cost.max(1)).max(2 * chunk) };
    parallel::for_each(Rows(dx, g.input[2] * g.channels), grain, |first, Rows(dx, _)| {
        level::run(Band { plan, dy, dx, first, epilogue });
    });
}

/// What all bands share.
#[derive(Clone, Copy)]
struct Plan<'a, T> {
    g: &'a ConvGeometry,
    axes: &'a [Vec<Phase>; 3],
    weights: &'a [T],
    part: Part,
}

/// How much of dx is computed from one copy: rows and columns of one plane, or of some images.
#[derive(Clone, Copy)]
struct Part {
    images: usize,
    rows: usize,
    columns: usize,
}

impl Part {
    /// As much as what it meets fits the copy: whole strides, in bands of one height. Rows that are too long are cut.
    fn of(g: &ConvGeometry, [_, down, right]: &[Vec<Phase>; 3]) -> Part {
        let [height, width] = [g.input[1], g.input[2]];
        let span =
            |axis: usize, phases: &[Phase]| Span::of(phases, &(0..g.input[axis]), g.stride[axis], g.output[axis]);
        // What a part meets beyond as many places as it has of one phase.
        let more =
            |phases: &[Phase]| phases.iter().map(|phase| (phase.last() - phase.meets) as usize).max().unwrap_or(0);
        let fits = |others: usize, phases: &[Phase]| {
            (COPIED / (others * g.filters * g.kernel[0]).max(1)).saturating_sub(more(phases))
        };
        let even = |size: usize, most: usize, stride: usize| {
            size.div_ceil(size.div_ceil(most)).next_multiple_of(stride).min(size)
        };
        let (whole, least) = (span(2, right).reach, FEWEST_ROWS.min(height.div_ceil(g.stride[1])));
        let rows = even(height, fits(whole, down).max(least) * g.stride[1], g.stride[1]);
        let met = rows.div_ceil(g.stride[1]) + more(down);
        let columns = even(width, fits(met, right).max(FEWEST_COLUMNS) * g.stride[2], g.stride[2]);
        let are_planes = (rows, columns) == (height, width) && [g.input[0], g.output[0]] == [1, 1];
        let images = if are_planes { COPIED / (whole * span(1, down).reach * g.filters).max(1) } else { 1 };
        Part { images: images.max(1), rows, columns }
    }
}

/// The weights `[taps, C, F]` in the order of the sums, pair by pair of phases of rows and columns, channels last.
fn pack<T: Float>(g: &ConvGeometry, axes: &[Vec<Phase>; 3], weights: &[T]) -> Buffer<T> {
    let [_, down, right] = axes;
    let taps = |axis: &[Phase]| axis.iter().map(|phase| phase.taps.len()).sum::<usize>();
    let mut packed = Buffer::new(g.kernel[0] * taps(down) * taps(right) * g.filters * g.channels);
    let mut places = packed.iter_mut();
    for (rows, columns) in pairs(down, right) {
        for (depth, row) in (0..g.kernel[0]).flat_map(|depth| rows.taps.iter().map(move |row| (depth, row))) {
            for (filter, column) in (0..g.filters).flat_map(|filter| columns.taps.iter().map(move |at| (filter, at))) {
                let tap = (depth * g.kernel[1] + row) * g.kernel[2] + column;
                for channel in 0..g.channels {
                    let weight = weights[(tap * g.channels + channel) * g.filters + filter];
                    *places.next().expect("a place for each") = weight;
                }
            }
        }
    }
    packed
}

/// Each phase of one axis with each of another.
fn pairs<'a>(one: &'a [Phase], other: &'a [Phase]) -> impl Iterator<Item = (&'a Phase, &'a Phase)> {
    one.iter().flat_map(|a| other.iter().map(move |b| (a, b)))
}

/// Some rows of dx, counted over images and depths.
struct Band<'a, T> {
    plan: Plan<'a, T>,
    dy: &'a [T],
    dx: &'a mut [T],
    first: usize,
    epilogue: Epilogue<'a, T>,
}

impl<T: Float> Kernel<T> for Band<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        let Band { plan, dy, dx, first, epilogue } = self;
        let (height, width) = (plan.g.input[1], plan.g.input[2] * plan.g.channels);
        let (mut row, mut rest) = (first, dx);
        while !rest.is_empty() {
            let (plane, from) = (row / height, row % height);
            let left = rest.len() / width;
            let count = (height - from).min(plan.part.rows).min(left);
            let images = if count == height { plan.part.images.min(left / height) } else { 1 };
            let (rows, others) = rest.split_at_mut(images * count * width);
            for first in (0..plan.g.input[2]).step_by(plan.part.columns) {
                let columns = first..(first + plan.part.columns).min(plan.g.input[2]);
                plan.piece::<L>(dy, (plane, images), (from..from + count, columns), rows);
            }
            (row, rest) = (row + images * count, others);
            if !epilogue.is_none() {
                for place in rows.chunks_exact_mut(plan.g.channels) {
                    epilogue.over_row::<L>(place);
                }
            }
        }
    }
}

/// Some places of a phase, by number.
#[derive(Clone, Copy)]
struct Run<'a> {
    phase: &'a Phase,
    from: usize,
    to: usize,
}

impl Run<'_> {
    fn taps(&self) -> usize {
        self.phase.taps.len()
    }

    /// What the first of them meets by the first tap.
    fn meets(&self) -> isize {
        self.from as isize + self.phase.meets
    }
}

/// Some rows and columns.
#[derive(Clone, Copy)]
struct Places<'a> {
    rows: Run<'a>,
    columns: Run<'a>,
}

impl Places<'_> {
    fn are_there(&self) -> bool {
        self.rows.from < self.rows.to && self.columns.from < self.columns.to
    }

    fn meet_some(&self) -> bool {
        self.rows.taps() > 0 && self.columns.taps() > 0
    }

    /// How many numbers they are, in all images, with what stands for the zeros between rows and images.
    fn with_zeros(&self, layout: &Layout<'_>) -> usize {
        let (rows, columns) = (self.rows.to - self.rows.from, self.columns.to - self.columns.from);
        ((layout.images - 1) * layout.rows.reach + rows - 1) * layout.columns.reach + columns
    }
}

impl<'a, T: Float> Plan<'a, T> {
    /// Some rows and columns of a plane of dx, or of each of some images; `dx` are these rows, whole.
    #[inline(always)]
    fn piece<L: Lanes<Elem = T>>(
        &self,
        dy: &[T],
        (plane, images): (usize, usize),
        (rows, columns): (Range<usize>, Range<usize>),
        dx: &mut [T],
    ) {
        let Plan { g, axes: [_, down, right], .. } = *self;
        let run = |phase: &'a Phase, range: &Range<usize>, axis: usize| {
            let (from, to) = phase.within(range.start, range.end, g.stride[axis]);
            Run { phase, from, to }
        };
        let all = || pairs(down, right).map(|(a, b)| Places { rows: run(a, &rows, 1), columns: run(b, &columns, 2) });
        let span = |phases, range, axis: usize| Span::of(phases, range, g.stride[axis], g.output[axis]);
        let layout = Layout { g, rows: span(down, &rows, 1), columns: span(right, &columns, 2), images };
        let of_plane = g.filters * layout.filter();
        let depths = self.depths(plane);
        let numbers = || all().filter(Places::are_there).map(|places| places.with_zeros(&layout));
        let tiled = numbers().max().unwrap_or(0) + WIDEST * MAX_LANES;
        let lengths = [depths.len() * of_plane + tiled, g.channels * tiled];
        let mut scratch = Scratch::<T>::new(lengths.iter().sum());
        let [copy, sums] = scratch.parts(lengths);
        let plane_of_dy = |plane: usize| &dy[plane * g.output[1] * g.output[2] * g.filters..];
        for (&(_, plane), copy) in depths.iter().zip(copy.chunks_mut(of_plane)) {
            layout.copy::<L>(plane_of_dy(plane), &mut copy[..of_plane]);
        }
        let tiles = numbers().map(|numbers| numbers.div_ceil(L::N * widths::<L>(g.channels)[2])).sum();
        let read = depths.last().map_or((dy.as_ptr(), 0), |&(_, plane)| layout.next(plane_of_dy(plane)));
        // What follows the part, as much as it is itself: of whole rows the next ones, of a part of one row the next part.
        let written = dx.as_ptr().wrapping_add(dx.len() - (g.input[2] - columns.end) * g.channels);
        let mut next = Next::new([read, (written, dx.len() / g.input[2] * columns.len())], tiles);
        let mut weights = self.weights;
        for places in all() {
            let of_pair = g.kernel[0] * places.rows.taps() * places.columns.taps() * g.filters * g.channels;
            let (of_pair, others) = weights.split_at(of_pair);
            weights = others;
            if !places.are_there() {
                continue;
            }
            if places.meet_some() {
                self.sums::<L>(places, of_pair, (copy, &layout, &depths), sums, &mut next);
            } else {
                sums.fill(T::ZERO);
            }
            match g.channels {
                1 => scatter::<T, 1>(sums, places, &layout, rows.clone(), dx),
                2 => scatter::<T, 2>(sums, places, &layout, rows.clone(), dx),
                3 => scatter::<T, 3>(sums, places, &layout, rows.clone(), dx),
                _ => scatter::<T, 4>(sums, places, &layout, rows.clone(), dx),
            }
        }
    }

    /// Which of the window's depths meet which planes of dy.
    fn depths(&self, plane: usize) -> Vec<(usize, usize)> {
        let g = self.g;
        let (image, depth) = (plane / g.input[0], plane % g.input[0]);
        let phase = &self.axes[0][depth % g.stride[0]];
        let met = phase.taps.iter().enumerate().filter_map(|(number, &tap)| {
            let at = (depth / g.stride[0]) as isize + phase.meets + (number * phase.step) as isize;
            (0..g.output[0] as isize).contains(&at).then(|| (tap, image * g.output[0] + at as usize))
        });
        met.collect()
    }

    /// The sums of some places, with what stands for the zeros between rows, channel by channel.
    #[inline(always)]
    fn sums<L: Lanes<Elem = T>>(
        &self,
        places: Places<'_>,
        weights: &[T],
        (copy, layout, depths): (&[T], &Layout<'_>, &[(usize, usize)]),
        sums: &mut [T],
        next: &mut Next<T>,
    ) {
        let g = self.g;
        let Places { rows, columns } = places;
        let (filter, row, step) = (layout.filter(), rows.phase.step * layout.columns.reach, columns.phase.step);
        let start = layout.place(0, rows.meets(), columns.meets());
        let of_row = columns.taps() * g.channels * g.filters;
        let (count, of_channel) = (places.with_zeros(layout), sums.len() / g.channels);
        let mut place = 0;
        while place < count {
            let registers = registers::<L>(g.channels, count - place);
            by_lines!(L, g.channels, registers, |R, W| {
                let mut tile = [[L::zero(); W]; R];
                for (number, &(depth, _)) in depths.iter().enumerate() {
                    let weights = &weights[depth * rows.taps() * of_row..];
                    let dy = &copy[number * g.filters * filter + start + place..];
                    for tap in 0..rows.taps() {
                        let a = Factor { values: &weights[tap * of_row..], line: 1, step: R, row: columns.taps() * R };
                        let b = Factor { values: &dy[tap * row..], line: 1, step, row: filter };
                        tile = go_on(tile, a, b, columns.taps(), g.filters);
                    }
                }
                for (sums, line) in sums.chunks_exact_mut(of_channel).zip(&tile) {
                    for (w, sum) in line.iter().enumerate() {
                        sum.store(&mut sums[place + w * L::N..][..L::N]);
                    }
                }
            });
            next.ask();
            place += registers * L::N;
        }
    }
}

/// Sums go to their places in these rows of dx of each image.
fn scatter<T: Float, const C: usize>(
    sums: &[T],
    Places { rows, columns }: Places<'_>,
    layout: &Layout<'_>,
    rows_of_dx: Range<usize>,
    dx: &mut [T],
) {
    let (g, width) = (layout.g, layout.g.input[2] * C);
    let first = (columns.phase.first + columns.from * g.stride[2]) * C;
    let all = (0..layout.images).flat_map(|image| (rows.from..rows.to).map(move |number| (image, number)));
    for (image, number) in all {
        let row = image * rows_of_dx.len() + rows.phase.first + number * g.stride[1] - rows_of_dx.start;
        let dx = &mut dx[row * width..][..width];
        let start = (image * layout.rows.reach + number - rows.from) * layout.columns.reach;
        let count = columns.to - columns.from;
        let sums: [&[T]; C] = std::array::from_fn(|c| &sums[c * (sums.len() / C) + start..][..count]);
        let mut at = first;
        for number in 0..count {
            for (to, sums) in dx[at..at + C].iter_mut().zip(&sums) {
                *to = sums[number];
            }
            at += g.stride[2] * C;
        }
    }
}

/// Registers in a line of the widest tile.
const WIDEST: usize = 8;

/// Registers in a line of the tiles for so many lines, from the narrowest.
#[inline(always)]
fn widths<L: Lanes>(lines: usize) -> [usize; 3] {
    match (L::REGISTERS, L::FUSED, lines) {
        (32.., _, 1 | 2) => [1, 4, WIDEST],
        (32.., _, 3) => [1, 4, 7],
        (32.., ..) => [1, 3, 6],
        (_, true, 1 | 2) => [1, 2, 4],
        (_, true, _) => [1, 1, 3],
        (_, false, 1 | 2) => [1, 1, 2],
        _ => [1, 1, 1],
    }
}

/// Registers of the next tile for so many places that are left: the fewest that take all of them, or the most.
#[inline(always)]
fn registers<L: Lanes>(lines: usize, places: usize) -> usize {
    let widths = widths::<L>(lines);
    widths.into_iter().find(|width| width * L::N >= places).unwrap_or(widths[2])
}

/// Evaluates `$body` with the constants `$R` and `$W` that lines and registers are: the tiles of [`widths`].
macro_rules! by_lines {
    ($lanes:ident, $lines:expr, $registers:expr, |$R:ident, $W:ident| $body:expr) => {
        match ($lanes::REGISTERS, $lanes::FUSED) {
            (32.., _) => by_tile!(@of ($lines, $registers), $R, $W, $body,
                1 1, 1 4, 1 8, 2 1, 2 4, 2 8, 3 1, 3 4, 3 7, 4 1, 4 3, 4 6),
            (_, true) => by_tile!(@of ($lines, $registers), $R, $W, $body,
                1 1, 1 2, 1 4, 2 1, 2 2, 2 4, 3 1, 3 3, 4 1, 4 3),
            _ => by_tile!(@of ($lines, $registers), $R, $W, $body, 1 1, 1 2, 2 1, 2 2, 3 1, 4 1),
        }
    };
}
use by_lines;
