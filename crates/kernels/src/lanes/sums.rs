//! The register tile: R rows × W registers of sums over a range of k. Bounds are checked once, before the loop: checks in it cost a
//! tenth of the product, because they take the ports that multiply.
#![expect(unsafe_code, reason = "one check for all steps")]

use super::Lanes;

/// A factor as a tile reads it: number (line, step) of row i is `values[i * row + line * line_stride + step * step_stride]`.
#[derive(Clone, Copy)]
pub struct Factor<'a, T> {
    pub values: &'a [T],
    pub line: usize,
    pub step: usize,
    /// Where there is more than one row.
    pub row: usize,
}

impl<T> Factor<'_, T> {
    /// # Panics
    /// If a number of these lines, steps and rows lies outside.
    #[inline(always)]
    fn check(&self, lines: usize, steps: usize, rows: usize) {
        let last = (lines - 1).checked_mul(self.line).zip((steps - 1).checked_mul(self.step));
        let last = last.and_then(|(line, step)| line.checked_add(step));
        let last = last.zip((rows - 1).checked_mul(self.row)).and_then(|(last, row)| last.checked_add(row));
        assert!(last.is_some_and(|last| last < self.values.len()), "a tile reads beyond its factor");
    }
}

/// The sums over `steps` steps, each a chain of multiply-adds in their order. The lines of `b` must be neighbours, and either the lines or the steps of `a`.
///
/// # Panics
/// If a factor ends before the last number that the tile reads, or if the strides are others.
#[inline(always)]
pub fn sums<L: Lanes, const R: usize, const W: usize>(
    a: Factor<'_, L::Elem>,
    b: Factor<'_, L::Elem>,
    steps: usize,
) -> [[L; W]; R] {
    go_on([[L::zero(); W]; R], a, b, steps, 1)
}

/// As [`sums`], on top of what the sums hold, over `rows` rows of steps.
///
/// # Panics
/// As [`sums`].
#[inline(always)]
pub fn go_on<L: Lanes, const R: usize, const W: usize>(
    mut sums: [[L; W]; R],
    a: Factor<'_, L::Elem>,
    b: Factor<'_, L::Elem>,
    steps: usize,
    rows: usize,
) -> [[L; W]; R] {
    if steps == 0 || rows == 0 {
        return sums;
    }
    a.check(R, steps, rows);
    b.check(W * L::N, steps, rows);
    assert!(b.line == 1 && (a.line == 1 || a.step == 1), "a tile reads neighbours");
    let (mut a_row, mut b_row) = (a.values.as_ptr(), b.values.as_ptr());
    // Step p of row i reads a at i · row + r · line + p · step with r < R, and b at i · row + p · step .. + W · N; the largest of these
    // was compared with the slices' lengths above. Pointers move on with `wrapping_add`, since after the last step they may lie outside.
    // Lines are written out: a loop over twelve of them is unrolled too late for the sums to be kept in registers.
    const { assert!(R <= 12, "a tile has at most 12 lines") };
    macro_rules! line {
        ($line:expr, $at:ident, $lanes:ident: $($r:literal)+) => {$(
            if $r < R {
                // SAFETY: as said above.
                let a = L::splat(unsafe { *$at.add($r * $line) });
                for (sum, lanes) in sums[$r].iter_mut().zip($lanes) {
                    *sum = lanes.mul_add(a, *sum);
                }
            }
        )+};
    }
    macro_rules! steps {
        ($line:expr, $step:expr) => {
            for _ in 0..rows {
                let (mut at, mut right) = (a_row, b_row);
                for _ in 0..steps {
                    let mut lanes = [L::zero(); W];
                    for (w, lanes) in lanes.iter_mut().enumerate() {
                        // SAFETY: as said above.
                        *lanes = L::load(unsafe { std::slice::from_raw_parts(right.add(w * L::N), L::N) });
                    }
                    line!($line, at, lanes: 0 1 2 3 4 5 6 7 8 9 10 11);
                    (at, right) = (at.wrapping_add($step), right.wrapping_add(b.step));
                }
                (a_row, b_row) = (a_row.wrapping_add(a.row), b_row.wrapping_add(b.row));
            }
        };
    }
    if a.line == 1 {
        steps!(1, a.step);
    } else {
        steps!(a.line, 1);
    }
    sums
}
