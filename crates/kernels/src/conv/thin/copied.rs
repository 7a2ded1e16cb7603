//! Rows of dy, filter by filter.

use super::phase::Span;
use crate::Float as _;
use crate::conv::ConvGeometry;
use crate::gemm::{Matrix, interleave};
use crate::lanes::planes::turn;
use crate::lanes::window::{prefetch, prefetch_near};
use crate::lanes::{Lanes, MAX_LANES};

/// Registers of places ahead for which a copy asks.
const AHEAD: usize = 2;

/// Where in a copy dy's numbers are: those of a filter are side by side, row after row, with zeros before, between and behind them, and so
/// are images, with rows of zeros between.
#[derive(Clone, Copy)]
pub(super) struct Layout<'a> {
    pub(super) g: &'a ConvGeometry,
    pub(super) rows: Span,
    pub(super) columns: Span,
    pub(super) images: usize,
}

impl Layout<'_> {
    /// From a filter to the next.
    pub(super) fn filter(&self) -> usize {
        // Registers of zeros go beyond the last row. Filters lie an odd number of lines apart: no two fall into one set of a cache.
        (self.end() + MAX_LANES).next_multiple_of(MAX_LANES) | MAX_LANES
    }

    /// Behind the last zero.
    fn end(&self) -> usize {
        let behind = self.rows.first + self.rows.places + self.rows.behind;
        self.place(self.images - 1, behind as isize, self.columns.first as isize)
    }

    /// Where the place of dy is in the numbers of the first filter, or a zero that stands for it.
    pub(super) fn place(&self, image: usize, row: isize, column: isize) -> usize {
        let row = self.rows.place(row) + (image * self.rows.reach) as isize;
        (row * self.columns.reach as isize + self.columns.place(column)) as usize
    }

    /// Copies what is met of a plane of dy for each image, one after the other.
    #[inline(always)]
    pub(super) fn copy<L: Lanes>(&self, dy: &[L::Elem], to: &mut [L::Elem]) {
        let (g, filter, zero) = (self.g, self.filter(), L::Elem::ZERO);
        let zeros = |to: &mut [L::Elem], from, end| to.chunks_exact_mut(filter).for_each(|to| to[from..end].fill(zero));
        let first = |image: usize, row: usize| self.place(image, row as isize, self.columns.first as isize);
        let (start, end) = (self.rows.first, self.rows.first + self.rows.places);
        zeros(to, 0, first(0, start));
        for image in 0..self.images {
            for row in start..end {
                let place = (image * g.output[1] + row) * g.output[2] + self.columns.first;
                self.row::<L>(&dy[place * g.filters..], &mut to[first(image, row)..], filter);
            }
            let next = if image + 1 < self.images { first(image + 1, start) } else { self.end() };
            zeros(to, first(image, end), next);
        }
    }

    /// What is met of a row of dy, and the zeros behind it.
    #[inline(always)]
    fn row<L: Lanes>(&self, from: &[L::Elem], to: &mut [L::Elem], filter: usize) {
        let filters = self.g.filters;
        for place in (0..self.columns.reach).step_by(L::N) {
            let count = self.columns.places.saturating_sub(place).min(L::N);
            // By `interleave` alone, which does the same, a tenth slower.
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

    /// The numbers of dy that follow these places, as many as they are.
    pub(super) fn next<T>(&self, dy: &[T]) -> (*const T, usize) {
        let row = (self.images - 1) * self.g.output[1] + (self.rows.first + self.rows.places).saturating_sub(1);
        let end = row * self.g.output[2] + self.columns.first + self.columns.places;
        let places = self.images * self.rows.places * self.columns.places;
        (dy.as_ptr().wrapping_add(end * self.g.filters), places * self.g.filters)
    }
}

/// What the next part reads and writes, for which a part asks while it computes: the way from memory would take a tenth of its time.
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
