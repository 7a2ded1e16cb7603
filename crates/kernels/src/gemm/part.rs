//! Parts of a product: strips of rows × panels of columns, over all of k that was prepared at once.

use super::{Epilogue, Matrix, tile};
use crate::Float;
use crate::lanes::Lanes;
use crate::lanes::sums::{Factor, sums};
use crate::lanes::tile::{by_tile, height, next};
use crate::lanes::window::Window;
use crate::level::Kernel;
use crate::parallel::Split;

/// The second factor of a part.
#[derive(Clone, Copy)]
pub(super) struct Right<'a, T> {
    /// A unit for each block and panel; of one step the columns side by side.
    pub(super) copy: &'a [T],
    pub(super) matrix: Matrix<'a, T>,
    /// Whether all panels were copied; else only one narrower than a tile was, the last.
    pub(super) packed: bool,
    /// The part's first panel in the copy.
    pub(super) first: usize,
    /// How far apart the copy's blocks of k are, and its panels.
    pub(super) strides: (usize, usize),
}

/// Some rows and columns of a product.
pub(super) struct Part<'a, T> {
    pub(super) left: Matrix<'a, T>,
    pub(super) right: Right<'a, T>,
    pub(super) c: Window<'a, T>,
    /// Rows of a full tile.
    pub(super) height: usize,
    pub(super) steps: usize,
    pub(super) block: usize,
    pub(super) width: usize,
    /// Whether the first block is added to c.
    pub(super) add: bool,
    /// After the last block.
    pub(super) epilogue: Option<Epilogue<'a, T>>,
}

/// A part that is cut by rows, as many as a full tile has.
pub(super) struct ByStrips<'a, T>(pub(super) Part<'a, T>);

impl<T: Float> Split for ByStrips<'_, T> {
    fn len(&self) -> usize {
        self.0.c.rows().div_ceil(self.0.height)
    }
    fn split_at(self, at: usize) -> (Self, Self) {
        let Part { left, right, c, height, steps, block, width, add, epilogue } = self.0;
        let rows = at * height;
        let (top, bottom) = c.split_rows(rows);
        let part = |left, c| ByStrips(Part { left, right, c, height, steps, block, width, add, epilogue });
        (part(left, top), part(left.below(rows), bottom))
    }
}

/// A part that is cut by panels.
pub(super) struct ByPanels<'a, T>(pub(super) Part<'a, T>);

impl<T: Float> Split for ByPanels<'_, T> {
    fn len(&self) -> usize {
        self.0.c.columns().div_ceil(self.0.width)
    }
    fn split_at(self, at: usize) -> (Self, Self) {
        let Part { left, right, c, height, steps, block, width, add, epilogue } = self.0;
        let (near, far) = c.split_columns(at * width);
        let matrix = right.matrix.right_of(at * width);
        let beyond = Right { matrix, first: right.first + if right.packed { at } else { 0 }, ..right };
        let cut = epilogue.map(|epilogue| epilogue.columns_from(at * width));
        let part = |right, c, epilogue| ByPanels(Part { left, right, c, height, steps, block, width, add, epilogue });
        (part(right, near, epilogue), part(beyond, far, cut))
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

impl<T: Float> Kernel<T> for Part<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(mut self) {
        let width = self.width;
        for step in (0..self.steps).step_by(self.block) {
            let steps = (self.steps - step).min(self.block);
            for column in (0..self.c.columns()).step_by(width) {
                let index = step / self.block;
                let b = match self.right.packed || self.c.columns() - column < width {
                    true => {
                        let panel = self.right.first + if self.right.packed { column / width } else { 0 };
                        let (of_blocks, of_panels) = self.right.strides;
                        let copy = &self.right.copy[index * of_blocks + panel * of_panels..];
                        Factor { values: &copy[..steps * width], line: 1, step: width, row: 0 }
                    }
                    false => {
                        let matrix = self.right.matrix;
                        Factor {
                            values: &matrix.values[step * matrix.row + column..],
                            line: 1,
                            step: matrix.row,
                            row: 0,
                        }
                    }
                };
                self.panel::<L>(Place { row: 0, column, step, steps }, b);
            }
        }
    }
}

impl<T: Float> Part<'_, T> {
    /// All rows, over one block of steps and one panel.
    #[inline(always)]
    fn panel<L: Lanes<Elem = T>>(&mut self, mut at: Place, b: Factor<'_, T>) {
        let registers = (self.c.columns() - at.column).min(self.width).div_ceil(L::N);
        let (rows, height) = (self.c.rows(), height::<L>(registers));
        while at.row < rows {
            let lines = next(rows - at.row, height);
            by_tile!(L, lines, registers, |R, W| self.tile::<L, R, W>(at, b));
            at.row += lines;
        }
    }

    #[inline(always)]
    fn tile<L: Lanes<Elem = T>, const R: usize, const W: usize>(&mut self, at: Place, b: Factor<'_, T>) {
        let Place { row, column, step, steps } = at;
        let Matrix { values, row: line, column: of_step } = self.left;
        let a = Factor { values: &values[row * line + step * of_step..], line, step: of_step, row: 0 };
        for r in 0..R {
            for w in 0..W {
                self.c.prefetch(row + r, column + w * L::N);
            }
        }
        let sums = sums::<L, R, W>(a, b, steps);
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
