//! Parts of a product: strips of rows × panels of columns, over all of k.
//!
//! For one block of k after the other, and one group of panels after the other, a part first copies the group's block of `b` in the order
//! in which tiles read it, unless it has too few rows to read the copy often. The copy stays in L2; each strip of `a`, which then goes by
//! all panels of the group, in L1.

use super::{Epilogue, Matrix, pack, tile};
use crate::Float;
use crate::lanes::Lanes;
use crate::lanes::sums::{Ahead, Factor, sums, sums_ahead};
use crate::lanes::tile::{by_tile, next};
use crate::lanes::window::Window;
use crate::level::Kernel;
use crate::parallel::Split;
use crate::pool::Buffer;

/// From this many rows on `b` is copied even where its rows are contiguous.
const PACK_FROM: usize = 400;
/// From so many numbers on between rows of `b` they are copied, too: they fall into few sets of the caches, out of which they push each other.
const FAR: usize = 4096;
/// Numbers between two panels of a copy, so that they do not fall into the same sets of the cache.
const APART: usize = 16;

/// How products are cut into tiles and blocks.
#[derive(Clone, Copy)]
pub(super) struct Cut {
    /// Rows of a full tile, and its columns.
    pub(super) height: usize,
    pub(super) width: usize,
    /// Steps of a block.
    pub(super) block: usize,
    /// Columns of a group of panels.
    pub(super) group: usize,
    /// Whether the factors are so large that tiles ask for what comes next of them.
    pub(super) asks: (bool, bool),
}

/// Some rows and columns of a product.
pub(super) struct Part<'a, T> {
    pub(super) left: Matrix<'a, T>,
    pub(super) right: Matrix<'a, T>,
    pub(super) c: Window<'a, T>,
    pub(super) steps: usize,
    pub(super) cut: Cut,
    /// Whether the first block is added to c.
    pub(super) add: bool,
    /// After the last block.
    pub(super) epilogue: Option<Epilogue<'a, T>>,
}

/// A part that is cut by rows, as many as a full tile has.
pub(super) struct ByStrips<'a, T>(pub(super) Part<'a, T>);

impl<T: Float> Split for ByStrips<'_, T> {
    fn len(&self) -> usize {
        self.0.c.rows().div_ceil(self.0.cut.height)
    }
    fn split_at(self, at: usize) -> (Self, Self) {
        let rows = at * self.0.cut.height;
        let (top, bottom) = self.0.c.split_rows(rows);
        let left = self.0.left.below(rows);
        (ByStrips(Part { c: top, ..self.0 }), ByStrips(Part { left, c: bottom, ..self.0 }))
    }
}

/// A part that is cut by panels.
pub(super) struct ByPanels<'a, T>(pub(super) Part<'a, T>);

impl<T: Float> Split for ByPanels<'_, T> {
    fn len(&self) -> usize {
        self.0.c.columns().div_ceil(self.0.cut.width)
    }
    fn split_at(self, at: usize) -> (Self, Self) {
        let columns = at * self.0.cut.width;
        let (near, far) = self.0.c.split_columns(columns);
        let right = self.0.right.right_of(columns);
        let epilogue = self.0.epilogue.map(|epilogue| epilogue.columns_from(columns));
        (ByPanels(Part { c: near, ..self.0 }), ByPanels(Part { right, c: far, epilogue, ..self.0 }))
    }
}

/// Where a tile stands: rows, columns, and the steps that it sums over.
#[derive(Clone, Copy)]
struct Place {
    row: usize,
    column: usize,
    step: usize,
    steps: usize,
}

/// A group's block of the second factor: in place, or copied from panel `first` on.
struct Block<'a, T> {
    matrix: Matrix<'a, T>,
    copy: &'a [T],
    first: usize,
    width: usize,
    steps: usize,
}

impl<'a, T: Float> Block<'a, T> {
    #[inline(always)]
    fn panel(&self, index: usize) -> Factor<'a, T> {
        let &Block { matrix, copy, first, width, steps } = self;
        if index < first {
            return Factor { values: &matrix.values[index * width..], line: 1, step: matrix.row, row: 0 };
        }
        let size = steps * width;
        Factor { values: &copy[(index - first) * (size + APART)..][..size], line: 1, step: width, row: 0 }
    }
}

impl<T: Float> Kernel<T> for Part<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(mut self) {
        let Cut { height, width, block, group, asks: (asks_left, asks_right) } = self.cut;
        let (rows, columns) = (self.c.rows(), self.c.columns());
        // In place but for a last panel narrower than a tile.
        let in_place = self.right.column == 1 && (rows < PACK_FROM || self.right.row <= width) && self.right.row < FAR;
        let panels = columns.min(group).div_ceil(width);
        let copied = if in_place { 1 } else { panels };
        let mut copy = Buffer::<T>::new(copied * (self.steps.min(block) * width + APART));
        for step in (0..self.steps).step_by(block) {
            let steps = (self.steps - step).min(block);
            for from in (0..columns).step_by(group) {
                let these = (columns - from).min(group);
                let matrix = self.right.below(step).right_of(from);
                let first = if in_place { these / width } else { 0 };
                let rest = these - first * width;
                pack_panels::<L>(matrix.right_of(first * width), steps, rest, &mut copy, width);
                let b = Block { matrix, copy: &copy, first, width, steps };
                let mut row = 0;
                while row < rows {
                    // As high as a tile of full width may be, so that all panels have the same strips.
                    let lines = next(rows - row, height);
                    for index in 0..these.div_ceil(width) {
                        let column = from + index * width;
                        let registers = (columns - column).min(width).div_ceil(L::N);
                        let at = Place { row, column, step, steps };
                        let ahead = if asks_right && row == 0 && index < first && columns - column >= 2 * width {
                            let next = matrix.values.as_ptr().wrapping_add((index + 1) * width);
                            Some(Ahead::new(next, width, 1, matrix.row))
                        } else if asks_left && index == 0 && row + lines < rows {
                            let Matrix { values, row: line, column: of_step } = self.left;
                            let next = values.as_ptr().wrapping_add((row + lines) * line + step * of_step);
                            Some(Ahead::new(next, lines, line, of_step))
                        } else {
                            None
                        };
                        by_tile!(L, lines, registers, |R, W| self.tile::<L, R, W>(at, b.panel(index), ahead));
                    }
                    row += lines;
                }
            }
        }
    }
}

/// Copies so many columns of `b`, panel by panel.
#[inline(always)]
fn pack_panels<L: Lanes>(b: Matrix<'_, L::Elem>, steps: usize, columns: usize, to: &mut [L::Elem], width: usize) {
    let panel = steps * width + APART;
    if b.column == 1 {
        return pack::panels::<L>(b, steps, columns, to, width, panel);
    }
    for (j, to) in (0..columns).step_by(width).zip(to.chunks_mut(panel)) {
        pack::pack::<L>(b.right_of(j).transposed(), (columns - j).min(width), steps, to, width);
    }
}

impl<T: Float> Part<'_, T> {
    #[inline(always)]
    fn tile<L: Lanes<Elem = T>, const R: usize, const W: usize>(
        &mut self,
        at: Place,
        b: Factor<'_, T>,
        ahead: Option<Ahead<T>>,
    ) {
        let Place { row, column, step, steps } = at;
        let Matrix { values, row: line, column: of_step } = self.left;
        let a = Factor { values: &values[row * line + step * of_step..], line, step: of_step, row: 0 };
        for r in 0..R {
            for w in 0..W {
                self.c.prefetch(row + r, column + w * L::N);
            }
        }
        let sums = match ahead {
            Some(ahead) => sums_ahead::<L, R, W>(a, b, steps, ahead),
            None => sums::<L, R, W>(a, b, steps),
        };
        tile::store(&sums, &mut self.c, (row, column), step > 0 || self.add);
        if step + steps == self.steps
            && let Some(epilogue) = self.epilogue
            && !epilogue.is_none()
        {
            let width = (self.c.columns() - column).min(W * L::N);
            let epilogue = epilogue.columns_from(column);
            for r in 0..R {
                epilogue.over_row::<L>(self.c.row(row + r, column, width));
            }
        }
    }
}
