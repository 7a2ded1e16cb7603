//! Forward: a block of tile rows transformed, multiplied, and transformed back.

use super::order::Order;
use super::{APART, Channels, Sizes, TileRows, tiles};
use crate::Float;
use crate::gemm::Epilogue;
use crate::lanes::Lanes;
use crate::lanes::square::multiply_lines;
use crate::lanes::sums::{Factor, store_all};
use crate::lanes::tile::{by_tile, height, next_run, registers};
use crate::level::Kernel;
use crate::scratch::Scratch;
use std::ops::Range;

/// The transformed weights of some channels of a panel of filters.
pub(super) struct Transform<'a, T> {
    pub(super) sizes: Sizes,
    /// `[9, C, F]`.
    pub(super) weights: &'a [T],
    /// The panel's first filter, and the first channel.
    pub(super) filter: usize,
    pub(super) channel: usize,
    pub(super) channels: Channels<'a, T>,
}

impl<T: Float> Kernel<T> for Transform<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        match self.sizes.tile {
            3 => self.of_places::<L, 5>(),
            _ => self.of_places::<L, 4>(),
        }
    }
}

impl<T: Float> Transform<'_, T> {
    #[inline(always)]
    fn of_places<L: Lanes<Elem = T>, const S: usize>(self) {
        let Transform { sizes: Sizes { channels, filters, .. }, weights, filter, channel, channels: to } = self;
        let Channels { count, width, mut u } = to;
        for c in 0..count {
            for f in (0..width).step_by(L::N) {
                let mut g = [[L::zero(); 3]; 3];
                for (tap, g) in g.as_flattened_mut().iter_mut().enumerate() {
                    *g = L::load(&weights[(tap * channels + channel + c) * filters + filter + f..][..L::N]);
                }
                for (place, value) in tiles::weights::<L, S>(g).as_flattened().iter().enumerate() {
                    value.store(u.row(place, c * width + f, L::N));
                }
            }
        }
    }
}

/// Some rows of tiles.
pub(super) struct Block<'a, T> {
    pub(super) sizes: Sizes,
    pub(super) source: &'a [T],
    /// `[9, C, F]`, for places that are not finite.
    pub(super) weights: &'a [T],
    pub(super) u: &'a [T],
    /// Numbers of a full panel of `u`.
    pub(super) of_panel: usize,
    pub(super) part: TileRows<'a, T>,
    pub(super) epilogue: Epilogue<'a, T>,
}

impl<T: Float> Kernel<T> for Block<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(mut self) {
        let sizes = self.sizes;
        let tile_rows = sizes.tiles()[0];
        let (first, end) = (self.part.first, self.part.end);
        let order = Order::new(sizes, first, end);
        let in_place = sizes.is_square(registers::<L>(sizes.filters) * L::N);
        let of_v = Sizes::plane(order.count(), sizes.channels);
        let of_m = if in_place { 0 } else { Sizes::plane(order.count(), sizes.filters) };
        let lengths = [sizes.places() * of_v, sizes.places() * of_m, sizes.source[1] * sizes.channels];
        let mut scratch = Scratch::<T>::new(lengths.iter().sum());
        let [v, m, zeros] = scratch.parts(lengths);
        zeros.fill(T::ZERO);
        let image = sizes.source[0] * sizes.source[1] * sizes.channels;
        for row in first..end {
            let source = &self.source[row / tile_rows * image..][..image];
            let (top, starts) = (sizes.top(row % tile_rows), order.starts(row));
            match (sizes.tile, order.is_narrow(row)) {
                (3, false) => tiles::source::<L, 5, 5>(&sizes, source, top, zeros, starts, (v, of_v)),
                (3, true) => tiles::source::<L, 5, 4>(&sizes, source, top, zeros, starts, (v, of_v)),
                _ => tiles::source::<L, 4, 4>(&sizes, source, top, zeros, starts, (v, of_v)),
            }
        }
        let (m, of_m) = if in_place {
            self.multiply_in_place::<L>(&order, (&mut *v, of_v));
            (&*v, of_v)
        } else {
            self.multiply::<L>(&order, (v, of_v), (&mut *m, of_m));
            (&*m, of_m)
        };
        for row in first..end {
            let starts = order.starts(row);
            match (sizes.tile, order.is_narrow(row)) {
                (3, false) => self.back::<L, 3, 5, 5>(row, starts, (m, of_m)),
                (3, true) => self.back::<L, 3, 5, 4>(row, starts, (m, of_m)),
                _ => self.back::<L, 2, 4, 4>(row, starts, (m, of_m)),
            }
        }
    }
}

impl<T: Float> Block<'_, T> {
    /// The products of all places.
    #[inline(always)]
    fn multiply<L: Lanes<Elem = T>>(&self, order: &Order, (v, of_v): (&[T], usize), (m, of_m): (&mut [T], usize)) {
        let Sizes { channels, filters, .. } = self.sizes;
        let panel = registers::<L>(filters) * L::N;
        for (index, u) in self.u.chunks(self.of_panel).enumerate() {
            let line = u.len() / self.sizes.places();
            let (first, width) = (index * panel, (line - APART) / channels);
            let registers = width / L::N;
            for place in 0..self.sizes.places() {
                let u = &u[place * line..][..channels * width];
                let (v, m) = (&v[place * of_v..], &mut m[place * of_m + first..]);
                for Range { start: mut tile, end } in order.of_place(place) {
                    while tile < end {
                        let (lines, count) = next_run(end - tile, height::<L>(registers));
                        by_tile!(L, lines, registers, |R, W| {
                            let a = Factor { values: &v[tile * channels..], line: channels, step: 1, row: 0 };
                            let b = Factor { values: u, line: 1, step: W * L::N, row: 0 };
                            store_all::<L, R, W>(a, b, (channels, count), &mut m[tile * filters..], filters);
                        });
                        tile += lines * count;
                    }
                }
            }
        }
    }

    /// The products of all places, each over its factor: fewer planes pass through the first level.
    #[inline(always)]
    fn multiply_in_place<L: Lanes<Elem = T>>(&self, order: &Order, (v, of_v): (&mut [T], usize)) {
        let width = self.sizes.channels;
        let registers = width / L::N;
        let of_u = Sizes::plane(width, width);
        for (place, (u, v)) in self.u.chunks_exact(of_u).zip(v.chunks_exact_mut(of_v)).enumerate() {
            for Range { start: mut tile, end } in order.of_place(place) {
                while tile < end {
                    let (lines, count) = next_run(end - tile, height::<L>(registers));
                    by_tile!(L, lines, registers, |R, W| {
                        multiply_lines::<L, R, W>(&mut v[tile * width..][..count * R * width], &u[..width * width]);
                    });
                    tile += lines * count;
                }
            }
        }
    }

    /// One row of tiles of the result, of R points, whose whole and narrow tiles start there.
    #[inline(always)]
    fn back<L: Lanes<Elem = T>, const M: usize, const S: usize, const R: usize>(
        &mut self,
        row: usize,
        starts: [usize; 2],
        m: (&[T], usize),
    ) {
        let Sizes { filters, result: [height, width], .. } = self.sizes;
        let (tile_rows, [_, [whole, narrow]]) = (self.sizes.tiles()[0], self.sizes.kinds());
        let (n, first) = (row / tile_rows, self.sizes.top(row % tile_rows));
        let top = self.part.row_of(row) - self.part.row_of(self.part.first);
        let lines = (R - 2).min(height - first);
        let result = &mut self.part.result[top * width * filters..][..lines * width * filters];
        let mut rest = back_squares::<L, M, S, R, S>(m, (starts[0], whole), result, (width, filters), 0);
        if S == 5 {
            rest = rest + back_squares::<L, M, S, R, 4>(m, (starts[1], narrow), result, (width, filters), 3 * whole);
        }
        if rest.reduce_add() != T::ZERO {
            self.correct::<L>((n, first), top, lines);
        }
        if !self.epilogue.is_none() {
            for place in self.part.result[top * width * filters..][..lines * width * filters].chunks_exact_mut(filters)
            {
                self.epilogue.over_row::<L>(place);
            }
        }
    }

    /// Computes those places again that are not finite, of some lines from `row` of image `n` on; the first is row `top` of the part.
    #[inline(always)]
    fn correct<L: Lanes<Elem = T>>(&mut self, (n, row): (usize, usize), top: usize, lines: usize) {
        let Sizes { result: [_, width], filters, .. } = self.sizes;
        for line in 0..lines {
            for column in 0..width {
                let at = ((top + line) * width + column) * filters;
                if self.part.result[at..at + filters].iter().any(|y| !y.is_finite()) {
                    self.again::<L>(n, (row + line, column), at);
                }
            }
        }
    }

    /// One place of the result by the direct sum, in its order.
    #[inline(always)]
    fn again<L: Lanes<Elem = T>>(&mut self, n: usize, (row, column): (usize, usize), to: usize) {
        let Sizes { source: [height, width], padding, channels, filters, .. } = self.sizes;
        for f in (0..filters).step_by(L::N) {
            let mut sum = L::zero();
            for (i, j) in (0..3).flat_map(|i| (0..3).map(move |j| (i, j))) {
                let (h, w) = ((row + i).wrapping_sub(padding[0]), (column + j).wrapping_sub(padding[1]));
                if h >= height || w >= width {
                    continue;
                }
                let x = &self.source[((n * height + h) * width + w) * channels..][..channels];
                for (c, &x) in x.iter().enumerate() {
                    let weights = L::load(&self.weights[((3 * i + j) * channels + c) * filters + f..][..L::N]);
                    sum = weights.mul_add(L::splat(x), sum);
                }
            }
            sum.store(&mut self.part.result[to + f..to + f + L::N]);
        }
    }
}

/// Tiles of a row of R × C points, from `first` on, to the lines of `result` from column `from` on. Returns 0 if all numbers are finite, and
/// small enough for their sum.
#[inline(always)]
fn back_squares<L: Lanes, const M: usize, const S: usize, const R: usize, const C: usize>(
    m: (&[L::Elem], usize),
    (first, count): (usize, usize),
    result: &mut [L::Elem],
    (width, filters): (usize, usize),
    from: usize,
) -> L {
    let (of_row, lines) = (width * filters, result.len() / (width * filters));
    let mut rest = L::zero();
    for t in 0..count {
        let column = from + (C - 2) * t;
        let columns = (C - 2).min(width - column);
        for f in (0..filters).step_by(L::N) {
            let y = tiles::result::<L, M, S, R, C>(m, (first + t) * filters + f);
            let mut sum = L::zero();
            for y in y.iter().take(R - 2) {
                for y in y.iter().take(C - 2) {
                    sum = sum + *y;
                }
            }
            rest = sum.mul_add(L::zero(), rest);
            let at = column * filters + f;
            if lines == R - 2 && columns == C - 2 {
                for (i, y) in y.iter().enumerate().take(R - 2) {
                    for (j, y) in y.iter().enumerate().take(C - 2) {
                        y.store(&mut result[i * of_row + at + j * filters..][..L::N]);
                    }
                }
            } else {
                for (i, y) in y.iter().enumerate().take(lines) {
                    for (j, y) in y.iter().enumerate().take(columns) {
                        y.store(&mut result[i * of_row + at + j * filters..][..L::N]);
                    }
                }
            }
        }
    }
    rest
}
