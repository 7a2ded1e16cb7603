//! Parts of a product: strips of rows × panels of columns, over all of k.
//!
//! For one block of k after the other, and one group of panels after the other, a part copies the group's block of `b` in the order in which tiles
//! read it: before, or as its first strip goes by, unless it has too few rows to read the copy often. The copy stays in L2; each strip of `a`,
//! which goes by all panels of the group, in L1.

use super::strips::{self, Strips};
use super::{Epilogue, Matrix, pack, tile};
use crate::Float;
use crate::lanes::Lanes;
use crate::lanes::sums::{Ahead, Factor, sums, sums_ahead, sums_keeping};
use crate::lanes::tile::{by_tile, next};
use crate::lanes::window::Window;
use crate::level::Kernel;
use crate::parallel::Split;
use crate::scratch::Scratch;

/// From this many rows on the first strip keeps a copy of `b`, where its rows are contiguous but apart: tiles then read a panel as one run, out
/// of all sets of the caches. With fewer, writing a copy that the other core wrote last takes longer than that saves.
const KEEP_FROM: usize = 100;
/// From this many rows on the copy is made before, along the rows of `b`.
const COPY_FROM: usize = 400;
/// From so many panels on a strip of a transposed `a` is copied for them.
const STRIP_FROM: usize = 3;
/// From so many numbers on between rows of `b` they are copied, too: they fall into few sets of the caches, out of which they push each other.
const FAR: usize = 4096;
/// From so many panels on a strip whose lines collide is copied for them.
const MOVE_FROM: usize = 4;
/// Numbers between two panels of a copy, so that they do not fall into the same sets of the cache.
const APART: usize = 16;

/// How products are cut into tiles and blocks.
#[derive(Clone, Copy)]
pub(super) struct Cut {
    /// Rows of a full tile, and its columns.
    pub(super) height: usize,
    pub(super) width: usize,
    /// Columns of a register: where parts may be cut.
    pub(super) unit: usize,
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

/// A part that is cut by columns, a register or several.
pub(super) struct ByColumns<'a, T>(pub(super) Part<'a, T>);

impl<T: Float> Split for ByColumns<'_, T> {
    fn len(&self) -> usize {
        self.0.c.columns().div_ceil(self.0.cut.unit)
    }
    fn split_at(self, at: usize) -> (Self, Self) {
        let columns = at * self.0.cut.unit;
        let (near, far) = self.0.c.split_columns(columns);
        let right = self.0.right.right_of(columns);
        let epilogue = self.0.epilogue.map(|epilogue| epilogue.columns_from(columns));
        (ByColumns(Part { c: near, ..self.0 }), ByColumns(Part { right, c: far, epilogue, ..self.0 }))
    }
}

/// Where a tile stands: rows, columns, and the steps that it sums over.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) row: usize,
    pub(super) column: usize,
    pub(super) step: usize,
    pub(super) steps: usize,
}

/// Whence tiles read whole panels of `b`.
#[derive(Clone, Copy, PartialEq)]
enum Panels {
    /// From where they stand.
    InPlace,
    /// The first strip from where they stand, and it copies them for the others.
    KeptByFirstStrip,
    /// From copies that are made before.
    Copied,
}

impl Panels {
    fn of<T>(b: Matrix<'_, T>, rows: usize, cut: Cut) -> Self {
        // A single strip reads each number once.
        let by_rows = b.column == 1 && (b.row < FAR || rows <= cut.height);
        match (by_rows, b.row <= cut.width) {
            (false, _) => Panels::Copied,
            (true, true) => Panels::InPlace,
            (true, false) if rows >= COPY_FROM => Panels::Copied,
            (true, false) if rows >= KEEP_FROM => Panels::KeptByFirstStrip,
            (true, false) => Panels::InPlace,
        }
    }
}

/// A group's block of the second factor.
struct Block<'a, T> {
    matrix: Matrix<'a, T>,
    steps: usize,
    width: usize,
    /// So many panels are read where they stand, by the first strip at least.
    whole: usize,
    /// The copy begins with this panel.
    first: usize,
    copy: &'a mut [T],
}

/// What a tile does with a panel.
enum Panel<'a, T> {
    Read(Factor<'a, T>),
    /// Reads and copies.
    Keep(Factor<'a, T>, &'a mut [T]),
}

impl<'a, T: Float> Block<'a, T> {
    #[inline(always)]
    fn new<L: Lanes<Elem = T>>(
        matrix: Matrix<'a, T>,
        (steps, columns): (usize, usize),
        panels: Panels,
        copy: &'a mut [T],
        width: usize,
    ) -> Self {
        let whole = if panels == Panels::Copied { 0 } else { columns / width };
        let first = if panels == Panels::InPlace { whole } else { 0 };
        let rest = &mut copy[(whole - first) * (steps * width + APART)..];
        pack_panels::<L>(matrix.right_of(whole * width), steps, columns - whole * width, rest, width);
        Block { matrix, steps, width, whole, first, copy }
    }

    #[inline(always)]
    fn panel(&mut self, index: usize, first_strip: bool) -> Panel<'_, T> {
        let &mut Block { matrix, steps, width, whole, first, .. } = self;
        let stands =
            |index: usize| Factor { values: &matrix.values[index * width..], line: 1, step: matrix.row, row: 0 };
        if index < first {
            return Panel::Read(stands(index));
        }
        let copy = &mut self.copy[(index - first) * (steps * width + APART)..][..steps * width];
        if first_strip && index < whole {
            return Panel::Keep(stands(index), copy);
        }
        Panel::Read(Factor { values: copy, line: 1, step: width, row: 0 })
    }
}

impl<T: Float> Kernel<T> for Part<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(mut self) {
        let Cut { height, width, block, group, asks: (asks_left, asks_right), .. } = self.cut;
        let whole = self.c.columns() / width;
        if self.streams() && whole > 0 {
            let (streamed, rest) = ByColumns(self).split_at(whole * width / L::N);
            streamed.0.stream::<L>();
            if rest.len() == 0 {
                return;
            }
            self = rest.0;
        }
        let (rows, columns) = (self.c.rows(), self.c.columns());
        let panels = Panels::of(self.right, rows, self.cut);
        let group = columns.div_ceil(columns.div_ceil(group)).next_multiple_of(width);
        // A last panel narrower than a tile is always copied before.
        let copied = if panels == Panels::InPlace { 1 } else { columns.min(group).div_ceil(width) };
        let of_copy = copied * (self.steps.min(block) * width + APART);
        // Lines of a transposed factor are far apart, step by step: where several panels read them, they read a copy.
        let is_turned = self.left.row == 1 && columns >= STRIP_FROM * width;
        // Those of another may push each other out of the first level while the panels go by.
        let is_moved = !is_turned && columns >= MOVE_FROM * width && strips::collide(self.left);
        let (of_strips, stay) =
            if is_turned { Strips::<T>::length(rows, self.steps.min(block), height) } else { (0, false) };
        let of_moved = if is_moved { strips::room(self.steps.min(block), height) } else { 0 };
        let mut scratch = Scratch::<T>::new(of_copy + of_strips + of_moved);
        let [copy, strips, moved] = scratch.parts([of_copy, of_strips, of_moved]);
        let mut strips = Strips::new(self.left, rows, height, stay, strips);
        let (groups, blocks) = (columns.div_ceil(group), self.steps.div_ceil(block));
        for turn in 0..groups * blocks {
            // A block's groups one after the other where its strips stay, else a group's blocks, whose part of c is near then.
            let (from, step) = if stay { (turn % groups, turn / groups) } else { (turn / blocks, turn % blocks) };
            let (from, step) = (from * group, step * block);
            let these = (columns - from).min(group);
            let steps = (self.steps - step).min(block);
            let matrix = self.right.below(step).right_of(from);
            let mut b = Block::new::<L>(matrix, (steps, these), panels, copy, width);
            if stay && from > 0 {
                strips.again();
            } else {
                strips.begin(self.left.right_of(step), steps);
            }
            let mut row = 0;
            while row < rows {
                let left = self.left.below(row).right_of(step);
                // As high as a tile of full width may be, so that all panels have the same strips.
                let lines = next(rows - row, height);
                let a = match (is_turned, is_moved) {
                    (true, _) => strips.next::<L>(lines),
                    (_, true) => strips::moved::<L>(left, (lines, steps), moved),
                    _ => Factor { values: left.values, line: left.row, step: left.column, row: 0 },
                };
                for index in 0..these.div_ceil(width) {
                    let column = from + index * width;
                    let registers = (columns - column).min(width).div_ceil(L::N);
                    let at = Place { row, column, step, steps };
                    let ahead = if asks_right && row == 0 && index + 1 < b.whole {
                        let next = matrix.values.as_ptr().wrapping_add((index + 1) * width);
                        Some(Ahead::new(next, width, 1, (matrix.row, steps)))
                    } else if asks_left && !is_turned && index == 0 {
                        let Matrix { values, row: line, column: of_step } = self.left;
                        let next = values.as_ptr().wrapping_add((row + lines) * line + step * of_step);
                        Some(Ahead::new(next, lines, line, (of_step, steps)))
                    } else {
                        None
                    };
                    match b.panel(index, row == 0) {
                        Panel::Read(b) => {
                            by_tile!(L, lines, registers, |R, W| self.tile::<L, R, W>(at, (a, b), ahead));
                        }
                        Panel::Keep(b, to) => {
                            by_tile!(highest, L, lines, registers, |R, W| self.keeping_tile::<L, R, W>(at, (a, b), to));
                        }
                    }
                }
                row += lines;
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
        (a, b): (Factor<'_, T>, Factor<'_, T>),
        ahead: Option<Ahead<T>>,
    ) {
        self.start::<L>(at, R, W);
        let sums = match ahead {
            Some(ahead) => sums_ahead::<L, R, W>(a, b, at.steps, ahead),
            None => sums::<L, R, W>(a, b, at.steps),
        };
        self.finish::<L, R, W>(at, &sums);
    }

    #[inline(always)]
    fn keeping_tile<L: Lanes<Elem = T>, const R: usize, const W: usize>(
        &mut self,
        at: Place,
        (a, b): (Factor<'_, T>, Factor<'_, T>),
        to: &mut [T],
    ) {
        self.start::<L>(at, R, W);
        let sums = sums_keeping::<L, R, W>(a, b, at.steps, to);
        self.finish::<L, R, W>(at, &sums);
    }

    /// Asks for a tile's part of c.
    #[inline(always)]
    fn start<L: Lanes<Elem = T>>(&self, at: Place, lines: usize, registers: usize) {
        for r in 0..lines {
            for w in 0..registers {
                self.c.prefetch(at.row + r, at.column + w * L::N);
            }
        }
    }

    #[inline(always)]
    pub(super) fn finish<L: Lanes<Elem = T>, const R: usize, const W: usize>(&mut self, at: Place, sums: &[[L; W]; R]) {
        let Place { row, column, step, steps } = at;
        tile::store(sums, &mut self.c, (row, column), step > 0 || self.add);
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
