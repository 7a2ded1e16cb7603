//! Copies of factors in the order in which tiles read them: the numbers of one step side by side, the steps one after the other.

use super::Matrix;
use crate::Float as _;
use crate::lanes::window::prefetch;
use crate::lanes::{Lanes, MAX_LANES, transpose};

/// Copies ask for the row so many rows further on.
const ROWS_AHEAD: usize = 4;

/// Packs `lines` rows of `from` over `steps` of its columns: number (line, step) goes to `to[step * width + line]`; lines up to `width`
/// that do not exist are zero.
#[inline(always)]
pub(crate) fn pack<L: Lanes>(from: Matrix<'_, L::Elem>, lines: usize, steps: usize, to: &mut [L::Elem], width: usize) {
    if from.row == 1 {
        copy::<L>(from, lines, steps, to, width);
    } else {
        let mut line = 0;
        while line < width {
            let count = lines.saturating_sub(line).min(L::N);
            interleave::<L>(from, (line, count), steps, to, width);
            line += L::N;
        }
    }
}

/// Lines that stand side by side already.
#[inline(always)]
fn copy<L: Lanes>(from: Matrix<'_, L::Elem>, lines: usize, steps: usize, to: &mut [L::Elem], width: usize) {
    for (p, to) in to.chunks_exact_mut(width).take(steps).enumerate() {
        let from = &from.values[p * from.column..][..lines];
        let mut at = 0;
        while at + L::N <= lines {
            L::load(&from[at..at + L::N]).store(&mut to[at..at + L::N]);
            at += L::N;
        }
        while at < width {
            let end = (at + L::N).min(width);
            let rest = &from[at.min(lines)..end.min(lines)];
            L::load_padded(rest, L::Elem::ZERO).store_prefix(&mut to[at..end]);
            at = end;
        }
    }
}

/// Up to a register of lines from `line` on, transposed block by block.
#[inline(always)]
pub(crate) fn interleave<L: Lanes>(
    from: Matrix<'_, L::Elem>,
    (line, count): (usize, usize),
    steps: usize,
    to: &mut [L::Elem],
    width: usize,
) {
    let slots = (width - line).min(L::N);
    let mut p = 0;
    while p < steps {
        let block = (steps - p).min(L::N);
        let mut rows = [L::zero(); MAX_LANES];
        for (i, row) in rows[..L::N].iter_mut().enumerate() {
            if i < count {
                let numbers = &from.values[(line + i) * from.row + p * from.column..][..block];
                *row = if block == L::N { L::load(numbers) } else { L::load_padded(numbers, L::Elem::ZERO) };
            }
        }
        let columns = transpose(rows);
        for (q, &column) in columns[..L::N].iter().enumerate() {
            if q < block {
                let to = &mut to[(p + q) * width + line..][..slots];
                if slots == L::N { column.store(to) } else { column.store_prefix(to) }
            }
        }
        p += L::N;
    }
}

/// Packs `columns` columns of `from`, which stand side by side, over `steps` rows: panels of `width` columns, one after the other. Row by
/// row over all panels, so that memory is read in long runs: panel by panel took up to a third of the product's time at 1024³.
#[inline(always)]
pub(super) fn panels<L: Lanes>(
    from: Matrix<'_, L::Elem>,
    steps: usize,
    columns: usize,
    to: &mut [L::Elem],
    width: usize,
    panel: usize,
) {
    for p in 0..steps {
        let row = &from.values[p * from.row..][..columns];
        let ahead = row.as_ptr().wrapping_add(ROWS_AHEAD * from.row);
        let whole = row.chunks_exact(width);
        let (whole_panels, rest) = (whole.len(), whole.remainder());
        for (index, numbers) in whole.enumerate() {
            let to = &mut to[index * panel + p * width..][..width];
            for line in (0..width).step_by(64 / size_of::<L::Elem>()) {
                prefetch(ahead.wrapping_add(index * width + line));
            }
            for (to, numbers) in to.chunks_exact_mut(L::N).zip(numbers.chunks_exact(L::N)) {
                L::load(numbers).store(to);
            }
        }
        if !rest.is_empty() {
            let to = &mut to[whole_panels * panel + p * width..][..width];
            for (at, to) in (0..width).step_by(L::N).zip(to.chunks_exact_mut(L::N)) {
                let numbers = &rest[at.min(rest.len())..(at + L::N).min(rest.len())];
                L::load_padded(numbers, L::Elem::ZERO).store(to);
            }
        }
    }
}
