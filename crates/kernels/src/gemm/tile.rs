//! The store that ends a register tile.

use crate::Float as _;
use crate::lanes::Lanes;
use crate::lanes::window::Window;

/// Puts the sums to rows `i`.. and columns `j`.. of c, at most as many as there are: over it, or on top of it.
///
/// Lines are written out, as in [`sums`](crate::lanes::sums): in a loop the sums would pass through memory.
#[inline(always)]
pub(super) fn store<L: Lanes, const R: usize, const W: usize>(
    sums: &[[L; W]; R],
    c: &mut Window<'_, L::Elem>,
    (i, j): (usize, usize),
    add: bool,
) {
    const { assert!(R <= 16, "a tile has at most 16 lines") };
    let width = (c.columns() - j).min(W * L::N);
    // A window of its own, so that what it is need not be read again after each store.
    let mut c = c.some_rows(i, R);
    macro_rules! lines {
        ($line:ident, $($r:literal)+) => {$(
            if $r < R {
                $line::<L, W>(&sums[$r], c.row($r, j, width), add);
            }
        )+};
    }
    if width == W * L::N {
        lines!(whole, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    } else {
        lines!(prefix, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    }
}

#[inline(always)]
fn whole<L: Lanes, const W: usize>(sums: &[L; W], row: &mut [L::Elem], add: bool) {
    for (w, &sum) in sums.iter().enumerate() {
        let c = &mut row[w * L::N..][..L::N];
        let sum = if add { L::load(c) + sum } else { sum };
        sum.store(c);
    }
}

#[inline(always)]
fn prefix<L: Lanes, const W: usize>(sums: &[L; W], row: &mut [L::Elem], add: bool) {
    let width = row.len();
    for (w, &sum) in sums.iter().enumerate() {
        let c = &mut row[(w * L::N).min(width)..((w + 1) * L::N).min(width)];
        let sum = if add { L::load_padded(c, L::Elem::ZERO) + sum } else { sum };
        sum.store_prefix(c);
    }
}
