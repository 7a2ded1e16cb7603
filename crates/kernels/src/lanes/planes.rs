//! One register in each of some planes of equal length: stored or loaded after one check for all.
#![expect(unsafe_code, reason = "one check for all planes")]

use super::opaque::opaque;
use super::{Lanes, MAX_LANES, Mask as _, transpose};
use std::marker::PhantomData;

/// A register from each of as many rows, `row` numbers apart, of which the first `count` are there; turned, so that each row becomes a lane of the
/// planes, and stored `plane` numbers apart. Lanes of rows that are not there are zero.
///
/// # Panics
/// If the last row's register or the last plane's would end beyond its slice. Rows that are not there must lie within, too.
#[cfg_attr(target_arch = "x86_64", expect(clippy::pointers_in_nomem_asm_block, reason = "no instruction follows them"))]
#[inline(always)]
pub fn turn<L: Lanes>(from: &[L::Elem], row: usize, count: usize, to: &mut [L::Elem], plane: usize) {
    check::<L>(from.len(), L::N, row, 0);
    check::<L>(to.len(), L::N, plane, 0);
    let (mut from, mut to) = (from.as_ptr(), to.as_mut_ptr());
    let mut rows = [L::zero(); MAX_LANES];
    for place in &mut rows[..L::N] {
        // SAFETY: the last row's register was checked to end within the slice; the ones before it end earlier.
        *place = L::load(unsafe { std::slice::from_raw_parts(from, L::N) });
        from = from.wrapping_add(row);
        opaque!(from);
    }
    let there = L::Mask::from_bits((1 << count) - 1);
    for &lanes in &transpose(rows)[..L::N] {
        let lanes = if count < L::N { L::select(there, lanes, L::zero()) } else { lanes };
        // SAFETY: the last plane's register was checked to end within the slice; the ones before it end earlier.
        lanes.store(unsafe { std::slice::from_raw_parts_mut(to, L::N) });
        to = to.wrapping_add(plane);
        opaque!(to);
    }
}

/// Registers `S·i + j` of a square, each in a plane of its own, written line by line.
///
/// A line's registers are the same distance apart, which an address may say up to four times (three of them in a register), so that all
/// take two or three registers. A pointer to each plane would be kept, and moved on, in memory.
pub struct To<'a, L: Lanes, const S: usize> {
    line: *mut L::Elem,
    /// Bytes from plane to plane.
    plane: usize,
    lines: usize,
    planes: PhantomData<&'a mut [L::Elem]>,
}

impl<'a, L: Lanes, const S: usize> To<'a, L, S> {
    /// Register p goes to `planes[p * plane + at..]`, for p < S².
    ///
    /// # Panics
    /// If the last one would end beyond `planes`.
    #[inline(always)]
    pub fn new(planes: &'a mut [L::Elem], plane: usize, at: usize) -> Self {
        check::<L>(planes.len(), S * S, plane, at);
        let line = planes.as_mut_ptr().wrapping_add(at);
        To { line, plane: plane * size_of::<L::Elem>(), lines: S, planes: PhantomData }
    }

    /// Stores the next line, or its first registers.
    ///
    /// # Panics
    /// If all of them are written.
    #[cfg_attr(
        target_arch = "x86_64",
        expect(clippy::pointers_in_nomem_asm_block, reason = "no instruction follows them")
    )]
    #[inline(always)]
    pub fn store<const C: usize>(&mut self, values: [L; C]) {
        const { assert!(C <= S, "a line has as many registers as the square") };
        assert!(self.lines > 0, "a square has as many lines as columns");
        self.lines -= 1;
        for (j, value) in values.into_iter().enumerate() {
            let place = self.line.wrapping_byte_add(self.plane * j);
            // SAFETY: the last plane's register was checked to end within the slice; the ones before it end earlier.
            value.store(unsafe { std::slice::from_raw_parts_mut(place, L::N) });
        }
        self.line = self.line.wrapping_byte_add(self.plane * S);
        opaque!(self.line);
    }
}

/// As [`To`], read column by column.
pub struct From<'a, L: Lanes, const S: usize> {
    column: *const L::Elem,
    /// Bytes from plane to plane.
    plane: usize,
    columns: usize,
    planes: PhantomData<&'a [L::Elem]>,
}

impl<'a, L: Lanes, const S: usize> From<'a, L, S> {
    /// Register p is at `planes[p * plane + at..]`, for p < S².
    ///
    /// # Panics
    /// If the last one would end beyond `planes`.
    #[inline(always)]
    pub fn new(planes: &'a [L::Elem], plane: usize, at: usize) -> Self {
        check::<L>(planes.len(), S * S, plane, at);
        let column = planes.as_ptr().wrapping_add(at);
        From { column, plane: plane * size_of::<L::Elem>(), columns: S, planes: PhantomData }
    }

    /// The next column, or its first registers.
    ///
    /// # Panics
    /// If all of them are read.
    #[cfg_attr(
        target_arch = "x86_64",
        expect(clippy::pointers_in_nomem_asm_block, reason = "no instruction follows them")
    )]
    #[inline(always)]
    pub fn load<const R: usize>(&mut self) -> [L; R] {
        const { assert!(R <= S, "a column has as many registers as the square") };
        assert!(self.columns > 0, "a square has as many columns as lines");
        self.columns -= 1;
        let mut values = [L::zero(); R];
        for (i, value) in values.iter_mut().enumerate() {
            let place = self.column.wrapping_byte_add(self.plane * S * i);
            // SAFETY: the last plane's register was checked to end within the slice; the ones before it end earlier.
            *value = L::load(unsafe { std::slice::from_raw_parts(place, L::N) });
        }
        self.column = self.column.wrapping_byte_add(self.plane);
        opaque!(self.column);
        values
    }
}

#[inline(always)]
fn check<L: Lanes>(length: usize, count: usize, plane: usize, at: usize) {
    let end = (count - 1).checked_mul(plane).and_then(|last| last.checked_add(at)?.checked_add(L::N));
    assert!(end.is_some_and(|end| end <= length), "planes end before the last register");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Float;
    use crate::level::Kernel;
    use crate::testing::at_every_level;

    struct Moves<'a, T> {
        from: &'a [T],
        to: &'a mut [T],
        plane: usize,
        at: usize,
    }

    impl<T: Float> Kernel<T> for Moves<'_, T> {
        type Output = usize;

        #[inline(always)]
        fn run<L: Lanes<Elem = T>>(self) -> usize {
            let mut from = From::<L, 3>::new(self.from, self.plane, self.at);
            let mut to = To::<L, 3>::new(self.to, self.plane, self.at);
            (0..3).for_each(|_| to.store(from.load::<3>()));
            L::N
        }
    }

    #[test]
    fn columns_become_lines_and_nothing_else_moves() {
        at_every_level(|level| {
            let from: Vec<f32> = (0..9 * 40).map(|i| i as f32).collect();
            let mut to = vec![-1.0; from.len()];
            let lanes = level.run(Moves { from: &from, to: &mut to, plane: 40, at: 5 });
            for (i, &number) in to.iter().enumerate() {
                let (p, place) = (i / 40, i % 40);
                let turned = ((p % 3 * 3 + p / 3) * 40 + place) as f32;
                assert_eq!(number, if (5..5 + lanes).contains(&place) { turned } else { -1.0 }, "{i}");
            }
        });
    }

    struct Turns<'a, T>(&'a [T], usize, &'a mut [T]);

    impl<T: Float> Kernel<T> for Turns<'_, T> {
        type Output = usize;

        #[inline(always)]
        fn run<L: Lanes<Elem = T>>(self) -> usize {
            turn::<L>(self.0, 21, self.1, self.2, 19);
            L::N
        }
    }

    #[test]
    fn rows_become_lanes_and_those_that_are_not_there_zeros() {
        at_every_level(|level| {
            let from: Vec<f32> = (0..16 * 21).map(|i| i as f32 + 1.0).collect();
            for count in 0..=8 {
                let mut to = vec![-1.0; 16 * 19];
                let lanes = level.run(Turns(&from, count, &mut to));
                for (i, &number) in to.iter().enumerate() {
                    let (plane, lane) = (i / 19, i % 19);
                    let turned = if lane < count { (lane * 21 + plane) as f32 + 1.0 } else { 0.0 };
                    assert_eq!(number, if plane < lanes && lane < lanes { turned } else { -1.0 }, "{count}: {i}");
                }
            }
        });
    }

    #[test]
    #[should_panic(expected = "planes end before the last register")]
    fn a_plane_beyond_the_end_is_refused() {
        let (from, mut to) = ([0.0f32; 8 * 40 + 3], [0.0f32; 8 * 40 + 3]);
        crate::level::run(Moves { from: &from, to: &mut to, plane: 40, at: 0 });
    }
}
