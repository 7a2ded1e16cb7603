//! Products of few rows whose second factor comes from memory, its rows far apart.
//!
//! Panel by panel, a tile would read one or two cache lines of each row of `b`: many short streams, which the CPU does not see as streams. And what is asked
//! for before it is read falls into few sets of the caches, where it does not stay. So the sums of a group of panels stand in the second level, and some rows
//! of `b` at a time go by them, each as one long run. The chains of sums are those of other products.

use super::part::{Part, Place};
use super::{Matrix, pack};
use crate::Float;
use crate::lanes::sums::{Factor, go_on};
use crate::lanes::tile::{by_tile, next};
use crate::lanes::{Lanes, MAX_LANES};
use crate::scratch::Scratch;

/// Columns of a group.
const GROUP: usize = 2048;
/// Rows of `b` that go by at a time.
const ROWS: usize = 12;
/// From so many numbers on between rows of `b` that pays; with fewer, tiles that ask for rows ahead are faster.
const STREAM_FROM: usize = 1 << 15;

impl<T: Float> Part<'_, T> {
    /// Whether the rows of `b` are long, far apart, and go by once.
    #[inline(always)]
    pub(super) fn streams(&self) -> bool {
        let b = self.right;
        self.cut.asks.1 && b.column == 1 && b.row >= STREAM_FROM && self.c.rows() <= self.cut.height
    }

    /// The whole product; its columns are those of whole panels.
    #[inline(always)]
    pub(super) fn stream<L: Lanes<Elem = T>>(mut self) {
        let (rows, columns) = (self.c.rows(), self.c.columns());
        let (height, width, block) = (self.cut.height, self.cut.width, self.cut.block.min(self.steps));
        let of_strip = height * block + MAX_LANES;
        let of_group = GROUP.min(columns) * height;
        let mut scratch = Scratch::<T>::new(of_strip + of_group);
        let [strip, sums] = scratch.parts([of_strip, of_group]);
        for step in (0..self.steps).step_by(block) {
            let steps = (self.steps - step).min(block);
            let mut row = 0;
            while row < rows {
                let lines = next(rows - row, height);
                pack::pack::<L>(self.left.below(row).right_of(step), lines, steps, strip, lines);
                for column in (0..columns).step_by(GROUP) {
                    let sums = &mut sums[..(columns - column).min(GROUP) * lines];
                    let at = Place { row, column, step, steps };
                    by_tile!(L, lines, width / L::N, |R, W| self.group::<L, R, W>(at, strip, sums));
                }
                row += lines;
            }
        }
    }

    #[inline(always)]
    fn group<L: Lanes<Elem = T>, const R: usize, const W: usize>(&mut self, at: Place, strip: &[T], kept: &mut [T]) {
        let Place { column, step, steps, .. } = at;
        for first in (0..steps).step_by(ROWS) {
            let count = (steps - first).min(ROWS);
            let a = Factor { values: &strip[first * R..][..count * R], line: 1, step: R, row: 0 };
            let Matrix { values, row: b_row, .. } = self.right.below(step + first).right_of(column);
            for (index, kept) in kept.chunks_exact_mut(R * W * L::N).enumerate() {
                let b = Factor { values: &values[index * W * L::N..], line: 1, step: b_row, row: 0 };
                let mut sums = [[L::zero(); W]; R];
                if first > 0 {
                    for (sum, kept) in sums.as_flattened_mut().iter_mut().zip(kept.chunks_exact(L::N)) {
                        *sum = L::load(kept);
                    }
                }
                let sums = go_on::<L, R, W>(sums, a, b, count, 1);
                if first + count == steps {
                    self.finish::<L, R, W>(Place { column: column + index * W * L::N, ..at }, &sums);
                } else {
                    for (sum, kept) in sums.as_flattened().iter().zip(kept.chunks_exact_mut(L::N)) {
                        sum.store(kept);
                    }
                }
            }
        }
    }
}
