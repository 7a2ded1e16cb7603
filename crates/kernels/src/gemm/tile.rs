//! The register tile: R rows × W registers of sums over a range of k, and the store that ends it.

use crate::Float as _;
use crate::lanes::Lanes;
use crate::lanes::window::Window;

/// Where a tile reads its rows of the first factor, from its first row and step on.
#[derive(Clone, Copy)]
pub(super) enum Left<'a, T> {
    /// The rows' numbers of one step stand side by side, the steps `.1` apart: packed, or a transposed factor in place.
    Steps(&'a [T], usize),
    /// The steps of one row stand side by side, the rows `.1` apart: a factor in place.
    Rows(&'a [T], usize),
}

/// Where it reads its columns of the second factor: those of one step side by side, the steps `.1` apart.
#[derive(Clone, Copy)]
pub(super) struct Right<'a, T>(pub(super) &'a [T], pub(super) usize);

/// The sums over `steps` steps.
#[inline(always)]
pub(super) fn sums<L: Lanes, const R: usize, const W: usize>(
    a: Left<'_, L::Elem>,
    b: Right<'_, L::Elem>,
    steps: usize,
) -> [[L; W]; R] {
    let mut sums = [[L::zero(); W]; R];
    match a {
        Left::Steps(values, stride) => {
            for p in 0..steps {
                let a = &values[p * stride..][..R];
                step::<L, R, W>(&mut sums, |r| a[r], &b.0[p * b.1..][..W * L::N]);
            }
        }
        Left::Rows(values, stride) => {
            let mut rows: [&[L::Elem]; R] = [&[]; R];
            for (r, row) in rows.iter_mut().enumerate() {
                *row = &values[r * stride..][..steps];
            }
            #[expect(clippy::needless_range_loop, reason = "one index into every row")]
            for p in 0..steps {
                step::<L, R, W>(&mut sums, |r| rows[r][p], &b.0[p * b.1..][..W * L::N]);
            }
        }
    }
    sums
}

#[inline(always)]
fn step<L: Lanes, const R: usize, const W: usize>(sums: &mut [[L; W]; R], a: impl Fn(usize) -> L::Elem, b: &[L::Elem]) {
    let mut lanes = [L::zero(); W];
    for (w, lanes) in lanes.iter_mut().enumerate() {
        *lanes = L::load(&b[w * L::N..]);
    }
    for (r, sums) in sums.iter_mut().enumerate() {
        let a = L::splat(a(r));
        for (sum, lanes) in sums.iter_mut().zip(lanes) {
            *sum = lanes.mul_add(a, *sum);
        }
    }
}

/// Puts the sums to rows `i`.. and columns `j`.. of c, at most as many as there are: over it, or on top of it.
#[inline(always)]
pub(super) fn store<L: Lanes, const R: usize, const W: usize>(
    sums: &[[L; W]; R],
    c: &mut Window<'_, L::Elem>,
    (i, j): (usize, usize),
    add: bool,
) {
    let width = (c.columns() - j).min(W * L::N);
    // One short loop for each case: the compiler unrolls them, and the sums stay in registers.
    match (width == W * L::N, add) {
        (true, true) => {
            for (r, sums) in sums.iter().enumerate() {
                let row = c.row(i + r, j, W * L::N);
                for (w, &sum) in sums.iter().enumerate() {
                    (L::load(&row[w * L::N..]) + sum).store(&mut row[w * L::N..]);
                }
            }
        }
        (true, false) => {
            for (r, sums) in sums.iter().enumerate() {
                let row = c.row(i + r, j, W * L::N);
                for (w, &sum) in sums.iter().enumerate() {
                    sum.store(&mut row[w * L::N..]);
                }
            }
        }
        (false, _) => {
            for (r, sums) in sums.iter().enumerate() {
                let row = c.row(i + r, j, width);
                for (w, &sum) in sums.iter().enumerate() {
                    let c = &mut row[(w * L::N).min(width)..((w + 1) * L::N).min(width)];
                    let sum = if add { L::load_padded(c, L::Elem::ZERO) + sum } else { sum };
                    sum.store_prefix(c);
                }
            }
        }
    }
}
