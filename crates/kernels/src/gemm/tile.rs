//! The store that ends a register tile.

use crate::Float as _;
use crate::lanes::Lanes;
use crate::lanes::window::Window;

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
