//! Walks a [`Broadcast`] operand in long contiguous parts.
//!
//! A loop over registers wants each operand as a slice or as one number. A [`Cursor`] gives one or the other for as many
//! positions as it can: full arrays and single numbers all at once; a short period (F features) through a tile, which
//! repeats it often enough to fill [`BLOCK`] numbers and then [`MAX_LANES`] more, so that a part that starts inside the
//! tile ends on a whole register and no register is cut at the wrap; long runs as one number each; short runs, spread
//! out block by block. Without the tile a per-feature operand with F = 10 would pay one padded register per row.

use crate::lanes::MAX_LANES;
use crate::{Broadcast, Float};

/// Numbers a tile or a spread-out block holds: large enough to hide the step from part to part, small enough for L1.
pub(super) const BLOCK: usize = 1024;
/// Scratch of one operand.
pub(super) const SCRATCH: usize = BLOCK + MAX_LANES;
/// Up to this length a smaller scratch does: zeroing the large one would cost more than the operation.
pub(super) const SMALL: usize = 128;

/// From this length on a run is handled as one number with a tail of its own.
const LONG_RUN: usize = 256;

/// What an operand is over one part.
pub(super) enum Part<'a, T> {
    Slice(&'a [T]),
    One(T),
}

/// How the operand is walked.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Kind {
    /// One number for every position.
    One,
    /// One number for each position.
    Full,
    /// The values themselves repeat, with a period that needs no tile.
    LongPeriod,
    /// The period is short: a tile repeats it.
    ShortPeriod,
    /// Each value for many positions.
    LongRuns,
    /// Each value for a few positions, with a long period.
    ShortRuns,
}

impl Kind {
    pub(super) fn of<T>(operand: &Broadcast<'_, T>, length: usize) -> Kind {
        let Broadcast { values, run } = *operand;
        match values.len() {
            1 => Kind::One,
            _ if run >= LONG_RUN => Kind::LongRuns,
            n if run == 1 && n >= length => Kind::Full,
            n if run * n <= BLOCK / 2 => Kind::ShortPeriod,
            _ if run == 1 => Kind::LongPeriod,
            _ => Kind::ShortRuns,
        }
    }

    /// Whether a cursor of this kind writes to its scratch.
    pub(super) fn needs_scratch(self) -> bool {
        matches!(self, Kind::ShortPeriod | Kind::ShortRuns)
    }
}

/// An operand of a chunk. Positions count from the start of the chunk.
pub(super) struct Cursor<'a, T> {
    operand: Broadcast<'a, T>,
    kind: Kind,
    /// Where the chunk starts in the whole array, and how long it is.
    offset: usize,
    length: usize,
    scratch: &'a mut [T],
    /// The positions that a spread-out block in `scratch` holds.
    block: std::ops::Range<usize>,
    /// The length that the tile in `scratch` repeats with.
    tile: usize,
}

impl<'a, T: Float> Cursor<'a, T> {
    /// `scratch` holds at least [`SCRATCH`] numbers, or `length + MAX_LANES`, if `kind` needs any.
    pub(super) fn new(
        operand: Broadcast<'a, T>,
        kind: Kind,
        offset: usize,
        length: usize,
        scratch: &'a mut [T],
    ) -> Self {
        let mut cursor = Cursor { operand, kind, offset, length, scratch, block: 0..0, tile: 0 };
        if kind == Kind::ShortPeriod {
            if length <= BLOCK {
                cursor.kind = Kind::ShortRuns;
            } else {
                let period = operand.values.len() * operand.run;
                cursor.tile = BLOCK / period * period;
                spread(operand, 0, &mut cursor.scratch[..cursor.tile + MAX_LANES]);
            }
        }
        cursor
    }

    /// A cursor whose parts are slices whatever the operand is.
    pub(super) fn of_slices(operand: Broadcast<'a, T>, offset: usize, length: usize, scratch: &'a mut [T]) -> Self {
        let kind = match Kind::of(&operand, offset + length) {
            Kind::One if offset + length <= 1 => Kind::Full,
            Kind::One | Kind::LongRuns => Kind::ShortRuns,
            kind => kind,
        };
        Cursor::new(operand, kind, offset, length, scratch)
    }

    /// How many positions from `at` the next part can hold.
    #[inline(always)]
    pub(super) fn reach(&mut self, at: usize, lanes: usize) -> usize {
        match self.kind {
            Kind::One | Kind::Full => self.length - at,
            Kind::LongPeriod => self.operand.values.len() - (self.offset + at) % self.operand.values.len(),
            Kind::ShortPeriod => (self.tile - (self.offset + at) % self.tile).next_multiple_of(lanes),
            Kind::LongRuns => self.operand.run - (self.offset + at) % self.operand.run,
            Kind::ShortRuns => {
                if at >= self.block.end {
                    self.block = at..(at + BLOCK).min(self.length);
                    spread(self.operand, self.offset + at, &mut self.scratch[..self.block.len()]);
                }
                self.block.end - at
            }
        }
    }

    /// The part of `length` positions from `at`, within reach.
    #[inline(always)]
    pub(super) fn part(&self, at: usize, length: usize) -> Part<'_, T> {
        let Broadcast { values, run } = self.operand;
        let position = self.offset + at;
        match self.kind {
            Kind::One => Part::One(values[0]),
            Kind::Full => Part::Slice(&values[position..][..length]),
            Kind::LongPeriod => Part::Slice(&values[position % values.len()..][..length]),
            Kind::ShortPeriod => Part::Slice(&self.scratch[position % self.tile..][..length]),
            Kind::LongRuns => Part::One(values[position / run % values.len()]),
            Kind::ShortRuns => Part::Slice(&self.scratch[at - self.block.start..][..length]),
        }
    }

    /// As [`Cursor::part`], of a cursor of slices.
    #[inline(always)]
    pub(super) fn slice(&self, at: usize, length: usize) -> &[T] {
        match self.part(at, length) {
            Part::Slice(slice) => slice,
            Part::One(_) => unreachable!("a cursor of slices"),
        }
    }
}

/// Writes the operand's numbers from position `start` on.
fn spread<T: Copy>(operand: Broadcast<'_, T>, start: usize, to: &mut [T]) {
    let Broadcast { values, run } = operand;
    let period = (values.len() * run).min(to.len());
    let (mut index, mut left) = (start / run % values.len(), run - start % run);
    let mut at = 0;
    if run == 1 {
        while at < period {
            let n = (values.len() - index).min(period - at);
            to[at..at + n].copy_from_slice(&values[index..index + n]);
            at += n;
            index = 0;
        }
    }
    while at < period {
        let n = left.min(period - at);
        to[at..at + n].fill(values[index]);
        at += n;
        index = if index + 1 == values.len() { 0 } else { index + 1 };
        left = run;
    }
    while at < to.len() {
        let n = at.min(to.len() - at);
        to.copy_within(..n, at);
        at += n;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_follows_the_definition() {
        let values = [3.0, 1.0, 4.0, 1.5, 9.0];
        for n in 1..=values.len() {
            for run in 1..6 {
                for start in 0..40 {
                    for length in [0, 1, 2, 7, 30, 61] {
                        let mut to = vec![0.0; length];
                        spread(Broadcast { values: &values[..n], run }, start, &mut to);
                        let expected: Vec<f64> = (start..start + length).map(|i| values[i / run % n]).collect();
                        assert_eq!(to, expected, "{n} values in runs of {run} from {start}");
                    }
                }
            }
        }
    }
}
