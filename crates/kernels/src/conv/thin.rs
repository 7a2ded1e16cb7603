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
use phase::{Axis, Phase};
use std::ops::Range;

/// The most channels for which it pays, and lines of a tile.
const CHANNELS: usize = 4;

/// Numbers of dy in the copy of a band, at most: half of the second level of caches.
const COPIED: usize = 1 << 17;

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
    let axes = [0, 1, 2].map(|axis| Axis::of(g, axis));
    let packed = pack(g, &axes, w);
    let (rows, images) = band(g, &axes);
    let plan = Plan { g, axes: &axes, weights: &packed, rows, images };
    let cost = g.input[2] * g.filters * g.kernel.iter().product::<usize>() * g.channels / g.stride[1] / g.stride[2];
    let chunk = match plan.rows < g.input[1] {
        true => plan.rows,
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
    axes: &'a [Axis; 3],
    weights: &'a [T],
    /// What is copied at a time: rows of dx in one plane, or whole images.
    rows: usize,
    images: usize,
}

/// The weights `[taps, C, F]` in the order of the sums, pair by pair of phases of rows and columns, channels last.
fn pack<T: Float>(g: &ConvGeometry, axes: &[Axis; 3], weights: &[T]) -> Buffer<T> {
    let [_, down, right] = axes;
    let taps = |axis: &Axis| axis.phases.iter().map(|phase| phase.taps.len()).sum::<usize>();
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
fn pairs<'a>(one: &'a Axis, other: &'a Axis) -> impl Iterator<Item = (&'a Phase, &'a Phase)> {
    one.phases.iter().flat_map(|a| other.phases.iter().map(move |b| (a, b)))
}

/// As much as fits the copy: rows of dx, whole strides, in bands of one height, and images, if they are planes.
fn band(g: &ConvGeometry, [_, down, right]: &[Axis; 3]) -> (usize, usize) {
    let (height, stride) = (g.input[1], g.stride[1]);
    let met = COPIED / (right.reach * g.filters * g.kernel[0]).max(1);
    let more = down.phases.iter().map(|phase| (phase.last() - phase.meets) as usize).max().unwrap_or(0);
    let most = (met.saturating_sub(more) * stride).max(4 * stride);
    let rows = height.div_ceil(height.div_ceil(most)).next_multiple_of(stride).min(height);
    let are_planes = rows == height && [g.input[0], g.output[0]] == [1, 1];
    (rows, if are_planes { (met / down.reach).max(1) } else { 1 })
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
            let count = (height - from).min(plan.rows).min(left);
            let images = if count == height { plan.images.min(left / height) } else { 1 };
            let (rows, others) = rest.split_at_mut(images * count * width);
            plan.piece::<L>(dy, (plane, images), from..from + count, rows);
            (row, rest) = (row + images * count, others);
            if !epilogue.is_none() {
                for place in rows.chunks_exact_mut(plan.g.channels) {
                    epilogue.over_row::<L>(place);
                }
            }
        }
    }
}

/// Some places of a pair of phases in each image, the rows by number.
#[derive(Clone, Copy)]
struct Places<'a> {
    rows: &'a Phase,
    from: usize,
    to: usize,
    columns: &'a Phase,
}

impl Places<'_> {
    /// How many numbers they are with what stands for the zeros between rows and images.
    fn with_zeros(&self, layout: &Layout<'_>) -> usize {
        ((layout.images - 1) * layout.image + self.to - self.from - 1) * layout.right.reach + self.columns.count
    }
}

impl<'a, T: Float> Plan<'a, T> {
    /// Some rows of one plane of dx, or all of some images.
    #[inline(always)]
    fn piece<L: Lanes<Elem = T>>(&self, dy: &[T], (plane, images): (usize, usize), rows: Range<usize>, dx: &mut [T]) {
        let Plan { g, axes: [_, down, right], .. } = *self;
        let of_pair = |(phase, columns): (&'a Phase, &'a Phase)| {
            let (from, to) = phase.within(rows.start, rows.end, g.stride[1]);
            Places { rows: phase, from, to, columns }
        };
        let all = || pairs(down, right).map(of_pair);
        let met = || all().filter(|places| !places.rows.taps.is_empty() && places.from < places.to);
        let first = met().map(|places| places.from as isize + places.rows.meets).min().unwrap_or(0);
        let end = met().map(|places| places.to as isize + places.rows.last()).max().unwrap_or(first);
        let layout = Layout { g, right, rows: (first, end), image: down.reach, images };
        let of_plane = g.filters * layout.filter();
        let depths = self.depths(plane);
        let rows_of_phase = (images - 1) * down.reach + rows.len().div_ceil(g.stride[1]);
        let tiled = rows_of_phase * right.reach + WIDEST * MAX_LANES;
        let lengths = [depths.len() * of_plane + tiled, g.channels * tiled];
        let mut scratch = Scratch::<T>::new(lengths.iter().sum());
        let [copy, sums] = scratch.parts(lengths);
        let plane_of_dy = |plane: usize| &dy[plane * g.output[1] * g.output[2] * g.filters..];
        for (&(_, plane), copy) in depths.iter().zip(copy.chunks_mut(of_plane)) {
            layout.copy::<L>(plane_of_dy(plane), &mut copy[..of_plane]);
        }
        let tiles = met().map(|places| places.with_zeros(&layout).div_ceil(L::N * widths::<L>(g.channels)[2])).sum();
        let read = depths.last().map_or((dy.as_ptr(), 0), |&(_, plane)| layout.next(plane_of_dy(plane)));
        let mut next = Next::new([read, (dx.as_ptr_range().end, dx.len())], tiles);
        let mut weights = self.weights;
        for places in all() {
            let of_pair = g.kernel[0] * places.rows.taps.len() * places.columns.taps.len() * g.filters * g.channels;
            let (of_pair, others) = weights.split_at(of_pair);
            weights = others;
            if places.from == places.to {
                continue;
            }
            self.sums::<L>(places, of_pair, (copy, &layout, &depths), sums, &mut next);
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
        let phase = &self.axes[0].phases[depth % g.stride[0]];
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
        let Places { rows, columns, from, .. } = places;
        let (filter, row) = (layout.filter(), rows.step * layout.right.reach);
        let start = layout.place(0, from as isize + rows.meets, columns.meets);
        let of_row = columns.taps.len() * g.channels * g.filters;
        let (count, of_channel) = (places.with_zeros(layout), sums.len() / g.channels);
        let mut place = 0;
        while place < count {
            let registers = registers::<L>(g.channels, count - place);
            by_lines!(L, g.channels, registers, |R, W| {
                let mut tile = [[L::zero(); W]; R];
                for (number, &(depth, _)) in depths.iter().enumerate() {
                    let weights = &weights[depth * rows.taps.len() * of_row..];
                    let dy = &copy[number * g.filters * filter + start + place..];
                    for tap in 0..rows.taps.len() {
                        let a =
                            Factor { values: &weights[tap * of_row..], line: 1, step: R, row: columns.taps.len() * R };
                        let b = Factor { values: &dy[tap * row..], line: 1, step: columns.step, row: filter };
                        tile = go_on(tile, a, b, columns.taps.len(), g.filters);
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
    Places { rows, from, to, columns }: Places<'_>,
    layout: &Layout<'_>,
    rows_of_dx: Range<usize>,
    dx: &mut [T],
) {
    let (g, width) = (layout.g, layout.g.input[2] * C);
    for (image, number) in (0..layout.images).flat_map(|image| (from..to).map(move |number| (image, number))) {
        let row = image * rows_of_dx.len() + rows.first + number * g.stride[1] - rows_of_dx.start;
        let dx = &mut dx[row * width..][..width];
        let start = (image * layout.image + number - from) * layout.right.reach;
        let sums: [&[T]; C] = std::array::from_fn(|c| &sums[c * (sums.len() / C) + start..][..columns.count]);
        let mut at = columns.first * C;
        for number in 0..columns.count {
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
