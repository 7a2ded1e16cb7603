//! Rows of dy, filter by filter.

use super::phase::Axis;
use crate::Float as _;
use crate::conv::ConvGeometry;
use crate::gemm::{Matrix, interleave};
use crate::lanes::planes::turn;
use crate::lanes::window::{prefetch, prefetch_near};
use crate::lanes::{Lanes, MAX_LANES};
use std::ops::Range;

/// Registers of places ahead for which a copy asks.
const AHEAD: usize = 2;

/// Where in a copy dy's numbers are: those of a filter are side by side, row after row, with zeros before, between and behind them, and so
/// are images, with rows of zeros between.
#[derive(Clone, Copy)]
pub(super) struct Layout<'a> {
    pub(super) g: &'a ConvGeometry,
    pub(super) right: &'a Axis,
    /// The rows of each image, some of which may lie before dy's first or behind its last, and how far on the next image's are.
    pub(super) rows: (isize, isize),
    pub(super) image: usize,
    pub(super) images: usize,
}

impl Layout<'_> {
    /// From a filter to the next.
    pub(super) fn filter(&self) -> usize {
        let numbers = self.place(self.images - 1, self.rows.1, 0);
        // Registers of zeros go beyond the last row. Filters lie an odd number of lines apart: no two fall into one set of a cache.
        (numbers + MAX_LANES).next_multiple_of(MAX_LANES) | MAX_LANES
    }

    /// Where an image's row starts in the numbers of the first filter, `column` places on.
    pub(super) fn place(&self, image: usize, row: isize, column: isize) -> usize {
        let row = row - self.rows.0 + (image * self.image) as isize;
        (row * self.right.reach as isize + self.right.before as isize + column) as usize
    }

    /// Copies the rows of a plane of dy for each image, one after the other.
    #[inline(always)]
    pub(super) fn copy<L: Lanes>(&self, dy: &[L::Elem], to: &mut [L::Elem]) {
        let (g, filter, zero) = (self.g, self.filter(), L::Elem::ZERO);
        let rows = self.there();
        let zeros = |to: &mut [L::Elem], from, end| to.chunks_exact_mut(filter).for_each(|to| to[from..end].fill(zero));
        zeros(to, 0, self.place(0, rows.start, 0));
        for image in 0..self.images {
            for row in rows.clone() {
                let of_row = (image * g.output[1] + row as usize) * g.output[2] * g.filters;
                self.row::<L>(&dy[of_row..], &mut to[self.place(image, row, 0)..], filter);
            }
            let end = if image + 1 < self.images {
                self.place(image + 1, rows.start, 0)
            } else {
                self.place(image, self.rows.1, 0)
            };
            zeros(to, self.place(image, rows.end, 0), end);
        }
    }

    /// A row of dy, and the zeros behind it.
    #[inline(always)]
    fn row<L: Lanes>(&self, from: &[L::Elem], to: &mut [L::Elem], filter: usize) {
        let filters = self.g.filters;
        for place in (0..self.right.reach).step_by(L::N) {
            let count = self.right.places.saturating_sub(place).min(L::N);
            if filters.is_multiple_of(L::N) && (place + L::N) * filters <= from.len() {
                for first in (0..filters).step_by(L::N) {
                    let next = from.as_ptr().wrapping_add((place + AHEAD * L::N) * filters + first * L::N);
                    (0..L::N).for_each(|line| prefetch(next.wrapping_add(line * L::N)));
                    let from = &from[place * filters + first..];
                    turn::<L>(from, filters, count, &mut to[first * filter + place..], filter);
                }
            } else {
                let from = Matrix { values: from, row: filters, column: 1 };
                interleave::<L>(from, (place, count), filters, to, filter);
            }
        }
    }

    /// The rows that dy has.
    fn there(&self) -> Range<isize> {
        let first = self.rows.0.max(0);
        first..self.rows.1.min(self.g.output[1] as isize).max(first)
    }

    /// The numbers of dy that follow these rows, as many as they are: those of the next band.
    pub(super) fn next<T>(&self, dy: &[T]) -> (*const T, usize) {
        let (rows, row) = (self.there(), self.g.output[2] * self.g.filters);
        let end = (self.images - 1) * self.g.output[1] + rows.end as usize;
        (dy.as_ptr().wrapping_add(end * row), self.images * rows.count() * row)
    }
}

/// What the next band reads and writes, for which a band asks while it computes: the way from memory would take a tenth of its time.
pub(super) struct Next<T> {
    /// Where, and how many lines at a time.
    streams: [(*const T, usize); 2],
}

impl<T> Next<T> {
    /// So many numbers from there on, asked for in so many times.
    pub(super) fn new(streams: [(*const T, usize); 2], times: usize) -> Self {
        let lines = |numbers: usize| (numbers * size_of::<T>()).div_ceil(64 * times.max(1));
        Next { streams: streams.map(|(at, numbers)| (at, lines(numbers))) }
    }

    #[inline(always)]
    pub(super) fn ask(&mut self) {
        for (at, lines) in &mut self.streams {
            for _ in 0..*lines {
                prefetch_near(*at);
                *at = at.wrapping_add(64 / size_of::<T>());
            }
        }
    }
}
