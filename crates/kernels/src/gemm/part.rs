//! Parts of a product: strips of rows × panels of columns, over all of k that was prepared at once.

use super::tile;
use super::{Epilogue, Matrix};
use crate::Float;
use crate::lanes::Lanes;
use crate::lanes::sums::{Factor, sums};
use crate::lanes::window::Window;
use crate::level::Kernel;
use crate::parallel::Split;

/// Rows of a full tile, and the registers in each, for a product of `n` columns: wide tiles load less for each multiplication, tall ones
/// keep enough sums going where a row is narrow.
#[inline(always)]
pub(super) fn shape<L: Lanes>(n: usize) -> (usize, usize) {
    match (L::REGISTERS, L::FUSED) {
        (32.., _) if n <= 2 * L::N => (8, 2),
        (32.., _) => (6, 4),
        (_, true) => (6, 2),
        (_, false) => (4, 1),
    }
}

/// Rows cut into strips of at most one tile's height, as even as can be: the first `extra` are one row higher than `base`.
#[derive(Clone, Copy)]
pub(super) struct Strips {
    base: usize,
    extra: usize,
    first: usize,
    end: usize,
}

impl Strips {
    pub(super) fn new(rows: usize, height: usize) -> Self {
        let count = rows.div_ceil(height);
        Strips { base: rows / count, extra: rows % count, first: 0, end: count }
    }

    #[inline(always)]
    pub(super) fn count(self) -> usize {
        self.end - self.first
    }

    #[inline(always)]
    fn start(self, strip: usize) -> usize {
        strip * self.base + strip.min(self.extra)
    }

    /// The first row of a strip, and how many it has.
    #[inline(always)]
    pub(super) fn rows_of(self, strip: usize) -> (usize, usize) {
        let strip = self.first + strip;
        (self.start(strip) - self.start(self.first), self.base + usize::from(strip < self.extra))
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        (Strips { end: self.first + at, ..self }, Strips { first: self.first + at, ..self })
    }
}

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
    pub(super) strips: Strips,
    pub(super) steps: usize,
    pub(super) block: usize,
    pub(super) width: usize,
    /// Whether the first block is added to c.
    pub(super) add: bool,
    /// After the last block.
    pub(super) epilogue: Option<Epilogue<'a, T>>,
}

/// A part that is cut by strips.
pub(super) struct ByStrips<'a, T>(pub(super) Part<'a, T>);

impl<T: Float> Split for ByStrips<'_, T> {
    fn len(&self) -> usize {
        self.0.strips.count()
    }
    fn split_at(self, at: usize) -> (Self, Self) {
        let Part { left, right, c, strips, steps, block, width, add, epilogue } = self.0;
        let (rows, _) = strips.rows_of(at);
        let (top, bottom) = c.split_rows(rows);
        let (first, second) = strips.split_at(at);
        let part = |left, c, strips| ByStrips(Part { left, right, c, strips, steps, block, width, add, epilogue });
        (part(left, top, first), part(left.below(rows), bottom, second))
    }
}

/// A part that is cut by panels.
pub(super) struct ByPanels<'a, T>(pub(super) Part<'a, T>);

impl<T: Float> Split for ByPanels<'_, T> {
    fn len(&self) -> usize {
        self.0.c.columns().div_ceil(self.0.width)
    }
    fn split_at(self, at: usize) -> (Self, Self) {
        let Part { left, right, c, strips, steps, block, width, add, epilogue } = self.0;
        let (near, far) = c.split_columns(at * width);
        let matrix = right.matrix.right_of(at * width);
        let beyond = Right { matrix, first: right.first + if right.packed { at } else { 0 }, ..right };
        let cut = epilogue.map(|epilogue| epilogue.columns_from(at * width));
        let part = |right, c, epilogue| ByPanels(Part { left, right, c, strips, steps, block, width, add, epilogue });
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
                for strip in 0..self.strips.count() {
                    let (row, height) = self.strips.rows_of(strip);
                    self.tile_of::<L>(height, Place { row, column, step, steps }, b);
                }
            }
        }
    }
}

impl<T: Float> Part<'_, T> {
    #[inline(always)]
    fn tile_of<L: Lanes<Elem = T>>(&mut self, height: usize, at: Place, b: Factor<'_, T>) {
        let registers = (self.c.columns() - at.column).min(self.width).div_ceil(L::N);
        macro_rules! tiles {
            ($($rows:literal: $($width:literal)+),+) => {
                match (height, registers) {
                    $($(($rows, $width) if $rows * $width < L::REGISTERS => self.tile::<L, $rows, $width>(at, b),)+)+
                    _ => unreachable!("a strip is at most a tile high"),
                }
            };
        }
        tiles!(
            8: 1 2, 7: 1 2, 6: 1 2 3 4, 5: 1 2 3 4, 4: 1 2 3 4, 3: 1 2 3 4, 2: 1 2 3 4, 1: 1 2 3 4
        );
    }

    #[inline(always)]
    fn tile<L: Lanes<Elem = T>, const R: usize, const W: usize>(&mut self, at: Place, b: Factor<'_, T>) {
        let Place { row, column, step, steps } = at;
        for r in 0..R {
            for w in 0..W {
                self.c.prefetch(row + r, column + w * L::N);
            }
        }
        let Matrix { values, row: line, column: of_step } = self.left;
        let a = Factor { values: &values[row * line + step * of_step..], line, step: of_step, row: 0 };
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
