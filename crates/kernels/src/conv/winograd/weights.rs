//! Backward to weights: the sums over tiles in the transformed domain. Tiles are of 2×2: larger ones round too much here.

use super::{BLOCK_OF_WEIGHTS, Sizes, tiles};
use crate::Float;
use crate::conv::ConvGeometry;
use crate::conv::weights::{added, most_slices};
use crate::lanes::Lanes;
use crate::lanes::sums::{Factor, sums};
use crate::lanes::tile::{by_tile, height, next, registers};
use crate::level::{self, Kernel};
use crate::parallel::{self, Grain, PerChunk, Split};
use crate::pool::Buffer;
use crate::scratch::Scratch;

/// Places of a transformed tile.
const PLACES: usize = 16;

/// dw of x and dy; whether it is all finite, else it has to be computed otherwise.
pub(in super::super) fn backward_weights<T: Float>(g: &ConvGeometry, x: &[T], dy: &[T], dw: &mut [T]) -> bool {
    let sizes = Sizes::forward(g);
    let rows = g.batch * sizes.tiles()[0];
    if rows == 0 {
        dw.fill(T::ZERO);
        return true;
    }
    let length = PLACES * sizes.channels * sizes.filters;
    let slices = most_slices(length).min(rows);
    let grain = Grain { chunk: rows.div_ceil(slices), serial: 2 };
    let mut room = Buffer::<T>::new(grain.chunks(rows) * length);
    let parts = (Count(rows), PerChunk::new(&mut room, length, grain));
    let total =
        parallel::fold(parts, grain, |first, (Count(rows), sums)| slice_of(sizes, (x, dy), (first, rows), sums), added);
    level::run(Finish { sizes, sums: total, dw })
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

fn slice_of<'a, T: Float>(
    sizes: Sizes,
    (x, dy): (&[T], &[T]),
    (first, rows): (usize, usize),
    sums: PerChunk<'a, T>,
) -> &'a mut [T] {
    let sums = sums.into_room();
    level::run(Slice { sizes, x, dy, first, rows, sums: &mut *sums });
    sums
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
        sums.fill(T::ZERO);
        let [tile_rows, columns] = sizes.tiles();
        let block = sizes.block_rows(BLOCK_OF_WEIGHTS).min(rows);
        let of_x = sizes.source[0] * sizes.source[1] * sizes.channels;
        let of_dy = sizes.result[0] * sizes.result[1] * sizes.filters;
        let (plane_v, plane_z) =
            (Sizes::plane(block * columns, sizes.channels), Sizes::plane(block * columns, sizes.filters));
        let of_zeros = (sizes.source[1] * sizes.channels).max(sizes.result[1] * sizes.filters);
        let lengths = [PLACES * plane_v, PLACES * plane_z, of_zeros];
        let mut scratch = Scratch::<T>::new(lengths.iter().sum());
        let [v, z, zeros] = scratch.parts(lengths);
        zeros.fill(T::ZERO);
        for start in (0..rows).step_by(block) {
            let count = block.min(rows - start);
            for row in 0..count {
                let (n, in_image) = ((first + start + row) / tile_rows, (first + start + row) % tile_rows);
                let (from_x, from_dy) = (&x[n * of_x..][..of_x], &dy[n * of_dy..][..of_dy]);
                let zeros_of_x = &zeros[..sizes.source[1] * sizes.channels];
                let to = &mut v[row * columns * sizes.channels..];
                tiles::source::<L, 2, 4>(&sizes, from_x, in_image, zeros_of_x, (to, plane_v));
                let to = &mut z[row * columns * sizes.filters..];
                tiles::cotangent::<L>(&sizes, from_dy, in_image, zeros, (to, plane_z));
            }
            for place in 0..PLACES {
                let sums = &mut sums[place * sizes.channels * sizes.filters..][..sizes.channels * sizes.filters];
                accumulate::<L>(&sizes, count * columns, &v[place * plane_v..], &z[place * plane_z..], sums);
            }
        }
    }
}

/// sums += vᵀ·z over tiles.
#[inline(always)]
fn accumulate<L: Lanes>(sizes: &Sizes, tiles: usize, v: &[L::Elem], z: &[L::Elem], sums: &mut [L::Elem]) {
    let Sizes { channels, filters, .. } = *sizes;
    let panel = registers::<L>(filters);
    for f in (0..filters).step_by(panel * L::N) {
        let registers = panel.min((filters - f) / L::N);
        let mut c = 0;
        while c < channels {
            let lines = next(channels - c, height::<L>(registers));
            by_tile!(L, lines, registers, |R, W| {
                product::<L, R, W>((v, c), (z, f), tiles, sums, (channels, filters));
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
    to: &mut [L::Elem],
    (channels, filters): (usize, usize),
) {
    let a = Factor { values: &v[c..], line: 1, step: channels, row: 0 };
    let b = Factor { values: &z[f..], line: 1, step: filters, row: 0 };
    for (r, sums) in sums::<L, R, W>(a, b, tiles).iter().enumerate() {
        let to = &mut to[(c + r) * filters + f..][..W * L::N];
        for (w, &sum) in sums.iter().enumerate() {
            (L::load(&to[w * L::N..]) + sum).store(&mut to[w * L::N..]);
        }
    }
}

/// dw of the sums, and whether it is all finite.
struct Finish<'a, T> {
    sizes: Sizes,
    sums: &'a [T],
    dw: &'a mut [T],
}

impl<T: Float> Kernel<T> for Finish<'_, T> {
    type Output = bool;

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) -> bool {
        let Finish { sizes, sums, dw } = self;
        let plane = sizes.channels * sizes.filters;
        let mut rest = L::zero();
        for at in (0..plane).step_by(L::N) {
            let mut s = [L::zero(); PLACES];
            for (place, s) in s.iter_mut().enumerate() {
                *s = L::load(&sums[place * plane + at..][..L::N]);
            }
            for (tap, value) in tiles::taps(s).as_flattened().iter().enumerate() {
                value.store(&mut dw[tap * plane + at..][..L::N]);
                rest = rest + *value * L::zero();
            }
        }
        rest.reduce_add() == T::ZERO
    }
}
