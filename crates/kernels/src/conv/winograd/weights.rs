//! Backward to weights: the sums over tiles in the transformed domain.
//!
//! Beside the direct sum, whose places are independent numbers, sums over tiles start from numbers that are rounded already. Where the direct
//! sum's chains are short (small images, or few of them with many channels) tiles of 3×3 would round three times as much: there they are 2×2.

use super::order::Order;
use super::{AtLevel, FEWEST_TILES, Sizes, tiles};
use crate::Float;
use crate::conv::ConvGeometry;
use crate::conv::weights::{chain, most_slices};
use crate::lanes::Lanes;
use crate::lanes::sums::{Factor, sums};
use crate::lanes::tile::{by_tile, height, next, registers};
use crate::lanes::window::Window;
use crate::level::{self, Kernel};
use crate::parallel::{self, Grain, PerChunk, Split};
use crate::pool::Buffer;
use crate::scratch::Scratch;
use std::ops::Range;

/// How long the direct sum's chains have to be for tiles of 2×2, and of 3×3: beside shorter ones, which round less, theirs round too much.
const LONG: [usize; 2] = [20, 320];
/// Bytes of a block's planes, and the most tiles of one: they are a chain of sums, which rounds less if it is shorter.
const BLOCK: usize = 256 << 10;
const MOST_TILES: usize = 64;

/// Columns of dw that are finished at once: their sums stay in the first level.
const COLUMNS: usize = 256;

/// dw of x and dy. Returns whether it rounds little enough and is all finite: else it has to be computed otherwise.
pub(in super::super) fn backward_weights<T: Float>(g: &ConvGeometry, x: &[T], dy: &[T], dw: &mut [T]) -> bool {
    let sizes = Sizes::forward(g);
    let (_, tile) = level::run(AtLevel { sizes, number: std::marker::PhantomData::<T> });
    let tile = match chain(g) {
        chain if chain < LONG[0] => return false,
        chain if chain < LONG[1] => 2,
        _ => tile,
    };
    let sizes = Sizes { tile, ..sizes };
    let rows = g.batch * sizes.tiles()[0];
    if rows == 0 {
        dw.fill(T::ZERO);
        return true;
    }
    let length = sizes.places() * sizes.channels * sizes.filters;
    let slices = most_slices(length).min(rows);
    let grain = Grain { chunk: rows.div_ceil(slices), serial: 2 };
    let mut room = Buffer::<T>::new(grain.chunks(rows) * length);
    let parts = (Count(rows), PerChunk::new(&mut room, length, grain));
    parallel::for_each(parts, grain, |first, (Count(rows), sums)| {
        level::run(Slice { sizes, x, dy, first, rows, sums: sums.into_room() });
    });
    let plane = sizes.channels * sizes.filters;
    let taps = Columns(Window::new(dw, plane));
    let finish = |first, Columns(dw)| level::run(Finish { slices: &room, tile: sizes.tile, plane, first, dw });
    parallel::fold(taps, Grain { chunk: COLUMNS, serial: 8 * COLUMNS }, finish, |a, b| a && b)
}

/// So many rows of tiles.
struct Count(usize);

impl Split for Count {
    fn len(&self) -> usize {
        self.0
    }
    fn split_at(self, at: usize) -> (Self, Self) {
        (Count(at), Count(self.0 - at))
    }
}

/// Of dw, `[9, C·F]`, some of the columns.
struct Columns<'a, T>(Window<'a, T>);

impl<T: Float> Split for Columns<'_, T> {
    fn len(&self) -> usize {
        self.0.columns()
    }
    fn split_at(self, at: usize) -> (Self, Self) {
        let (head, tail) = self.0.split_columns(at);
        (Columns(head), Columns(tail))
    }
}

/// Some rows of tiles: sums `[16, C, F]`.
struct Slice<'a, T> {
    sizes: Sizes,
    x: &'a [T],
    dy: &'a [T],
    first: usize,
    rows: usize,
    sums: &'a mut [T],
}

impl<T: Float> Kernel<T> for Slice<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        let Slice { sizes, x, dy, first, rows, sums } = self;
        let [tile_rows, columns] = sizes.tiles();
        let tiles = sizes.tiles_of(BLOCK, sizes.channels + sizes.filters).clamp(FEWEST_TILES, MOST_TILES);
        let block = sizes.rows_of(tiles).min(rows);
        let of_x = sizes.source[0] * sizes.source[1] * sizes.channels;
        let of_dy = sizes.result[0] * sizes.result[1] * sizes.filters;
        let (plane_v, plane_z) =
            (Sizes::plane(block * columns, sizes.channels), Sizes::plane(block * columns, sizes.filters));
        let of_zeros = (sizes.source[1] * sizes.channels).max(sizes.result[1] * sizes.filters);
        let lengths = [sizes.places() * plane_v, sizes.places() * plane_z, of_zeros];
        let mut scratch = Scratch::<T>::new(lengths.iter().sum());
        let [v, z, zeros] = scratch.parts(lengths);
        zeros.fill(T::ZERO);
        let of_place = sizes.channels * sizes.filters;
        for start in (first..first + rows).step_by(block) {
            let end = (start + block).min(first + rows);
            let order = Order::new(sizes, start, end);
            for row in start..end {
                let (n, top, starts) = (row / tile_rows, sizes.top(row % tile_rows), order.starts(row));
                let (x, dy) = (&x[n * of_x..][..of_x], &dy[n * of_dy..][..of_dy]);
                let zeros_of_x = &zeros[..sizes.source[1] * sizes.channels];
                let (v, z) = ((&mut *v, plane_v), (&mut *z, plane_z));
                match (sizes.tile, order.is_narrow(row)) {
                    (3, false) => {
                        tiles::source::<L, 5, 5>(&sizes, x, top, zeros_of_x, starts, v);
                        tiles::cotangent::<L, 3, 5, 5>(&sizes, dy, top, zeros, starts, z);
                    }
                    (3, true) => {
                        tiles::source::<L, 5, 4>(&sizes, x, top, zeros_of_x, starts, v);
                        tiles::cotangent::<L, 3, 5, 4>(&sizes, dy, top, zeros, starts, z);
                    }
                    _ => {
                        tiles::source::<L, 4, 4>(&sizes, x, top, zeros_of_x, starts, v);
                        tiles::cotangent::<L, 2, 4, 4>(&sizes, dy, top, zeros, starts, z);
                    }
                }
            }
            for (place, sums) in sums.chunks_exact_mut(of_place).enumerate() {
                let (v, z) = (&v[place * plane_v..], &z[place * plane_z..]);
                let mut are_first = start == first;
                for Range { start, end } in order.of_place(place) {
                    // A place may have no tiles in the first block.
                    if end > start || are_first {
                        let factors = (&v[start * sizes.channels..], &z[start * sizes.filters..]);
                        accumulate::<L>(&sizes, end - start, factors, sums, are_first);
                        are_first = false;
                    }
                }
            }
        }
    }
}

/// sums += vᵀ·z over tiles, or = where they are the first.
#[inline(always)]
fn accumulate<L: Lanes>(
    sizes: &Sizes,
    tiles: usize,
    (v, z): (&[L::Elem], &[L::Elem]),
    sums: &mut [L::Elem],
    are_first: bool,
) {
    let Sizes { channels, filters, .. } = *sizes;
    let panel = registers::<L>(filters);
    for f in (0..filters).step_by(panel * L::N) {
        let registers = panel.min((filters - f) / L::N);
        let mut c = 0;
        while c < channels {
            let lines = next(channels - c, height::<L>(registers));
            by_tile!(L, lines, registers, |R, W| {
                product::<L, R, W>((v, c), (z, f), tiles, (sums, are_first), (channels, filters));
            });
            c += lines;
        }
    }
}

#[inline(always)]
fn product<L: Lanes, const R: usize, const W: usize>(
    (v, c): (&[L::Elem], usize),
    (z, f): (&[L::Elem], usize),
    tiles: usize,
    (to, is_first): (&mut [L::Elem], bool),
    (channels, filters): (usize, usize),
) {
    let a = Factor { values: &v[c..], line: 1, step: channels, row: 0 };
    let b = Factor { values: &z[f..], line: 1, step: filters, row: 0 };
    for (r, sums) in sums::<L, R, W>(a, b, tiles).iter().enumerate() {
        let to = &mut to[(c + r) * filters + f..][..W * L::N];
        for (w, &sum) in sums.iter().enumerate() {
            let to = &mut to[w * L::N..][..L::N];
            let sum = if is_first { sum } else { L::load(to) + sum };
            sum.store(to);
        }
    }
}

/// dw of the sums of all slices, and whether it is all finite.
struct Finish<'a, T> {
    /// `[slices, S², C·F]`.
    slices: &'a [T],
    tile: usize,
    plane: usize,
    /// The first column of these.
    first: usize,
    dw: Window<'a, T>,
}

impl<T: Float> Kernel<T> for Finish<'_, T> {
    type Output = bool;

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) -> bool {
        match self.tile {
            3 => self.of_points::<L, 5>(),
            _ => self.of_points::<L, 4>(),
        }
    }
}

impl<T: Float> Finish<'_, T> {
    #[inline(always)]
    fn of_points<L: Lanes<Elem = T>, const S: usize>(self) -> bool {
        let Finish { slices, plane, first, mut dw, .. } = self;
        let columns = dw.columns();
        let mut scratch = Scratch::<T>::new(S * S * columns);
        let [sums] = scratch.parts([S * S * columns]);
        // Place by place, so that few lines of memory are read at a time.
        for (place, sums) in sums.chunks_exact_mut(columns).enumerate() {
            for (i, to) in sums.chunks_exact_mut(L::N).enumerate() {
                let at = place * plane + first + i * L::N;
                let mut sum = L::load(&slices[at..at + L::N]);
                for slice in slices.chunks_exact(S * S * plane).skip(1) {
                    sum = sum + L::load(&slice[at..at + L::N]);
                }
                sum.store(to);
            }
        }
        let mut rest = L::zero();
        for at in (0..columns).step_by(L::N) {
            let mut s = [[L::zero(); S]; S];
            for (s, sums) in s.as_flattened_mut().iter_mut().zip(sums.chunks_exact(columns)) {
                *s = L::load(&sums[at..at + L::N]);
            }
            for (tap, value) in tiles::taps(s).as_flattened().iter().enumerate() {
                value.store(dw.row(tap, at, L::N));
                rest = rest + *value * L::zero();
            }
        }
        rest.reduce_add() == T::ZERO
    }
}
