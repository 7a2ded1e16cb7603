//! Strips that are copied for the panels that go by: of a transposed factor as tiles read them, the lines of a step side by side, the steps one after the other;
//! of another where its lines would push each other out of the first level.

use super::Matrix;
use crate::Float;
use crate::lanes::sums::Factor;
use crate::lanes::tile::next;
use crate::lanes::window::prefetch;
use crate::lanes::{Lanes, MAX_LANES};

/// So many strips are copied at a time, some steps of each, so that memory is read in runs of their lines: strip by strip, of which each reads a part of a
/// cache line in every step, took a tenth of the product, and a third where the factor came from memory.
const TOGETHER: usize = 8;
/// Steps of a strip that are copied, and those asked for, before the next strip's.
const RUN: usize = 4;

/// Numbers of a block's strips, at most, whose copies stay for all groups of panels. Copied anew for each group of eight panels of two registers they took a
/// tenth of the product; read again they come from the third level, in the order of their addresses.
const KEPT: usize = 1 << 19;

/// The strips of a block, from the first to the last, once for each group of panels.
pub(super) struct Strips<'a, T> {
    /// The lines of the block stand side by side in it, the steps `column` apart.
    from: Matrix<'a, T>,
    rows: usize,
    steps: usize,
    height: usize,
    /// Whether there is room for all of a block.
    stay: bool,
    copy: &'a mut [T],
    /// Of those copied: how many there are, how many were taken, and the line behind them.
    count: usize,
    taken: usize,
    end: usize,
}

impl<'a, T: Float> Strips<'a, T> {
    /// For blocks of so many steps of a matrix of so many rows: how many numbers all copies take, or as many as are made together, and whether it is all.
    pub(super) fn length(rows: usize, steps: usize, height: usize) -> (usize, bool) {
        let after = |&rest: &usize| Some(rest - next(rest, height)).filter(|&rest| rest > 0);
        let strips = std::iter::successors(Some(rows), after).count();
        let stay = rows.saturating_mul(steps) <= KEPT;
        (if stay { strips } else { strips.min(TOGETHER) } * Self::room(steps, height), stay)
    }

    /// Numbers of a strip's copy, behind which is room for a register.
    fn room(steps: usize, height: usize) -> usize {
        steps * height + MAX_LANES
    }

    /// Of a matrix of so many rows, and of no block yet.
    #[inline(always)]
    pub(super) fn new(from: Matrix<'a, T>, rows: usize, height: usize, stay: bool, copy: &'a mut [T]) -> Strips<'a, T> {
        Strips { from, rows, steps: 0, height, stay, copy, count: 0, taken: 0, end: 0 }
    }

    /// Begins with the first of another block.
    #[inline(always)]
    pub(super) fn begin(&mut self, from: Matrix<'a, T>, steps: usize) {
        (self.from, self.steps) = (from, steps);
        (self.count, self.taken, self.end) = (0, 0, 0);
    }

    /// Begins with the first again, for the next group of panels, where the strips stay.
    #[inline(always)]
    pub(super) fn again(&mut self) {
        self.taken = 0;
    }

    /// The next one, which has so many lines.
    #[inline(always)]
    pub(super) fn next<L: Lanes<Elem = T>>(&mut self, lines: usize) -> Factor<'_, T> {
        if self.taken == self.count {
            self.fill::<L>();
        }
        let at = self.taken * Self::room(self.steps, self.height);
        self.taken += 1;
        Factor { values: &self.copy[at..][..lines * self.steps], line: 1, step: lines, row: 0 }
    }

    /// Copies the next ones, behind those that stay.
    #[inline(always)]
    fn fill<L: Lanes<Elem = T>>(&mut self) {
        if !self.stay {
            (self.count, self.taken) = (0, 0);
        }
        let (room, column) = (Self::room(self.steps, self.height), self.from.column);
        let copies = &mut self.copy[self.count * room..];
        let (mut strips, mut count) = ([(0, 0); TOGETHER], 0);
        while count < TOGETHER && self.end < self.rows {
            let lines = next(self.rows - self.end, self.height);
            strips[count] = (self.end, lines);
            (count, self.end) = (count + 1, self.end + lines);
        }
        self.count += count;
        for first in (0..self.steps).step_by(RUN) {
            let run = (self.steps - first).min(RUN);
            for (i, &(line, lines)) in strips[..count].iter().enumerate() {
                let from = &self.from.values[first * column + line..];
                let to = &mut copies[i * room + first * lines..][..run * lines + MAX_LANES];
                for step in 0..run {
                    prefetch(from.as_ptr().wrapping_add((step + RUN) * column));
                    for at in (0..lines).step_by(L::N) {
                        let numbers = match from.get(step * column + at..step * column + at + L::N) {
                            Some(numbers) => L::load(numbers),
                            None => L::load_padded(&from[step * column + at..], T::ZERO),
                        };
                        // What does not belong to the strip comes to lie where its next step will, or behind the last.
                        numbers.store(&mut to[step * lines + at..][..L::N]);
                    }
                }
            }
        }
    }
}

/// Bytes between lines that fall into one set of a first level of 32 or 48 KiB, whose 8 or 12 ways a strip's lines fill, as the panels that go by do.
const WAY: usize = 4096;
/// Numbers between the lines of a strip that was moved, so that they do not.
const BETWEEN: usize = 16;

/// Whether the lines of a strip push each other out of the first level where they stand.
pub(super) fn collide<T>(a: Matrix<'_, T>) -> bool {
    a.column == 1 && (a.row * size_of::<T>()).is_multiple_of(WAY)
}

/// Numbers of the copy of a strip that is moved.
pub(super) fn room(steps: usize, height: usize) -> usize {
    height * (steps + BETWEEN)
}

/// Copies a strip line by line, to where its lines do not collide.
#[inline(always)]
pub(super) fn moved<'a, L: Lanes>(
    from: Matrix<'_, L::Elem>,
    (lines, steps): (usize, usize),
    to: &'a mut [L::Elem],
) -> Factor<'a, L::Elem> {
    let line = steps + BETWEEN;
    for (r, to) in to.chunks_exact_mut(line).take(lines).enumerate() {
        let from = &from.values[r * from.row..][..steps];
        let (mut registers, mut places) = (from.chunks_exact(L::N), to[..steps].chunks_exact_mut(L::N));
        for (place, register) in (&mut places).zip(&mut registers) {
            L::load(register).store(place);
        }
        places.into_remainder().copy_from_slice(registers.remainder());
    }
    Factor { values: to, line, step: 1, row: 0 }
}
