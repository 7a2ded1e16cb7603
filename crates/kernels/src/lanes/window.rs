//! A window onto a row-major matrix that can be cut by columns as well as by rows.
//!
//! Slices can only be cut by rows. Threads that share a product by columns, and tiles that cover a part of each row, need the other cut
//! too. A window owns its part of every row, exactly as a `&mut [T]` owns its elements: cutting gives disjoint windows, and a part of a
//! row is handed out as a slice that borrows the window.
#![expect(unsafe_code, reason = "a slice cannot be cut by columns")]

use std::marker::PhantomData;

/// Rows × columns of numbers, the rows `stride` apart.
pub struct Window<'a, T> {
    start: *mut T,
    rows: usize,
    columns: usize,
    stride: usize,
    owner: PhantomData<&'a mut [T]>,
}

// SAFETY: a window is as exclusive as the `&mut [T]` that it was made of.
unsafe impl<T: Send> Send for Window<'_, T> {}

impl<'a, T> Window<'a, T> {
    /// All of a matrix with rows of `columns` numbers.
    pub fn new(matrix: &'a mut [T], columns: usize) -> Self {
        let rows = matrix.len().checked_div(columns).unwrap_or(0);
        Window { start: matrix.as_mut_ptr(), rows, columns, stride: columns, owner: PhantomData }
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The first `at` rows and the rest.
    pub fn split_rows(self, at: usize) -> (Self, Self) {
        assert!(at <= self.rows, "a window of {} rows cannot be cut at {at}", self.rows);
        // The rest starts at a row of the window, or, empty, at most where the row after the last would; `wrapping_add` makes no
        // claim about that one.
        let rest = self.start.wrapping_add(at * self.stride);
        (Window { rows: at, ..self }, Window { start: rest, rows: self.rows - at, ..self })
    }

    /// The first `at` columns and the rest.
    pub fn split_columns(self, at: usize) -> (Self, Self) {
        assert!(at <= self.columns, "a window of {} columns cannot be cut at {at}", self.columns);
        let rest = self.start.wrapping_add(at);
        (Window { columns: at, ..self }, Window { start: rest, columns: self.columns - at, ..self })
    }

    /// `count` rows from row `i` on, borrowed.
    #[inline(always)]
    #[expect(clippy::needless_pass_by_ref_mut, reason = "nobody else may write while they are lent")]
    pub fn some_rows(&mut self, i: usize, count: usize) -> Window<'_, T> {
        let Window { start, rows, columns, stride, .. } = *self;
        assert!(i <= rows && count <= rows - i, "rows {i} to {} are not in a window of {rows}", i + count);
        Window { start: start.wrapping_add(i * stride), rows: count, columns, stride, owner: PhantomData }
    }

    /// `width` numbers of row `i` from column `j` on.
    ///
    /// # Panics
    /// If the window does not hold them.
    #[inline(always)]
    pub fn row(&mut self, i: usize, j: usize, width: usize) -> &mut [T] {
        assert!(
            i < self.rows && j <= self.columns && width <= self.columns - j,
            "{width} numbers from ({i}, {j}) on are not in a window of {} × {}",
            self.rows,
            self.columns
        );
        // SAFETY: row i, columns j..j + width lie within the window, hence within the slice it was made of, where the rows are `stride`
        // apart; no other window holds them, and the result borrows this one.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(i * self.stride + j), width) }
    }

    /// Asks for the cache line of element (i, j), which a store or load needs soon; a hint that changes nothing.
    #[inline(always)]
    pub fn prefetch(&self, i: usize, j: usize) {
        prefetch(self.start.wrapping_add(i * self.stride + j));
    }
}

/// Asks for the cache line at an address, whatever lies there.
#[inline(always)]
pub fn prefetch<T>(place: *const T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: prefetching is part of every x86-64 CPU and reads nothing, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(place.cast()) }
    }
}

/// As [`prefetch`], into the second level only, where more lines of equal remainders have room.
#[inline(always)]
pub fn prefetch_near<T>(place: *const T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: as above.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(place.cast()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_are_disjoint_and_cover_the_matrix() {
        let mut matrix: Vec<usize> = (0..35).collect();
        for (at_row, at_column) in [(0, 0), (2, 3), (5, 7), (5, 3), (1, 7)] {
            let mut seen = Vec::new();
            let (top, bottom) = Window::new(&mut matrix, 7).split_rows(at_row);
            for half in [top, bottom] {
                let (left, right) = half.split_columns(at_column);
                for mut part in [left, right] {
                    let (rows, columns) = (part.rows(), part.columns());
                    for i in 0..rows {
                        seen.extend_from_slice(part.row(i, 0, columns));
                    }
                }
            }
            seen.sort_unstable();
            assert!(seen.iter().copied().eq(0..35), "cut at {at_row}, {at_column}");
        }
    }

    #[test]
    fn some_rows_are_those() {
        let mut matrix: Vec<usize> = (0..35).collect();
        let (_, mut right) = Window::new(&mut matrix, 7).split_columns(4);
        let mut some = right.some_rows(2, 2);
        assert_eq!((some.rows(), some.columns()), (2, 3));
        assert_eq!(some.row(1, 0, 3), [25, 26, 27]);
    }

    #[test]
    #[should_panic(expected = "rows 3 to 6 are not in a window of 5")]
    fn rows_outside_are_refused() {
        Window::new(&mut [0; 10], 2).some_rows(3, 3);
    }

    #[test]
    #[should_panic(expected = "3 numbers from (1, 1) on are not in a window of 2 × 3")]
    fn a_part_outside_is_refused() {
        let mut matrix = [0; 10];
        let (mut left, _) = Window::new(&mut matrix, 5).split_columns(3);
        left.row(1, 1, 3);
    }
}
