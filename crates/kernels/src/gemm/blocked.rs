//! Large products: blocks that stay in the caches, tiles that stay in registers.
//!
//! The sum over k is cut into blocks that depend on k alone ([`block_of`]); within a block an element of c is one chain of multiply-adds in the
//! order of k, and blocks are added in order. So its value depends neither on the tile it falls in, nor on m, n or the threads: a row
//! alone equals the row in its batch.
//!
//! A thread's part is a range of rows, or of columns, of c. For each block of k and each group of columns it packs the part of `b` into
//! its own buffer (half of L2), then lets tiles of rows × two registers run over it, panel by panel, a panel of `b` in L1 and `a` coming
//! from L2. `a` is packed once for all threads where enough columns share the copy, else read in place: by columns where it is
//! transposed, by rows where not. Goto, van de Geijn 2008; Van Zee, van de Geijn 2015 (BLIS).

use super::tile::{self, Left, Right};
use super::{Epilogue, Matrix, Product, pack};
use crate::Float;
use crate::lanes::Lanes;
use crate::lanes::window::Window;
use crate::level::{self, Kernel};
use crate::parallel::{self, Grain, Split};
use crate::pool::Buffer;

/// Rows of `a` are cut and packed at multiples of this: every level's tile height divides it.
const ROWS: usize = 12;
/// Columns are cut at multiples of this: every level's tile width divides it.
const COLUMNS: usize = 32;
/// Steps of one block, at most.
const STEPS: usize = 256;
/// Rows of a block of `a` that the tiles go through before they change the group of columns.
const BLOCK_ROWS: usize = 384;
/// Columns of `b` packed at a time.
const GROUP: usize = 384;
/// From this many columns on `a` is packed.
const PACK_FROM: usize = 512;

/// Steps of a block, for k > 0: as even as registers allow.
pub(super) fn block_of(k: usize) -> usize {
    k.div_ceil(k.div_ceil(STEPS)).next_multiple_of(16)
}

pub(super) fn compute<T: Float>(product: Product<'_, T>, parallel: bool) {
    let Product { a, b, c, m, k, n, accumulate, epilogue } = product;
    let packs = n >= PACK_FROM && m >= ROWS;
    let (block, padded) = (block_of(k), m.next_multiple_of(ROWS));
    let mut buffer = Buffer::<T>::new(if packs { padded * block * k.div_ceil(block) } else { 0 });
    let threads = if parallel { parallel::threads() } else { 1 };
    if packs {
        let chunk = (padded / ROWS).div_ceil(threads) * ROWS;
        let left = PackLeft { a, m, k, block, to: Window::new(&mut buffer, padded * block) };
        parallel::for_each(left, Grain { chunk, serial: 0 }, |_, left| level::run(left));
    }
    let factor = match packs {
        true => Factor::Packed { values: &buffer, row: block, block: padded * block },
        false => Factor::InPlace(a),
    };
    let part = Part { a: factor, b, c: Window::new(c, n), k, accumulate, epilogue };
    if threads == 1 {
        return level::run(part);
    }
    if n >= m / 4 && n >= 2 * COLUMNS {
        let chunk = n.div_ceil(threads).next_multiple_of(COLUMNS);
        parallel::for_each(ByColumns(part), Grain { chunk, serial: 0 }, |_, ByColumns(part)| level::run(part));
    } else {
        let chunk = m.div_ceil(threads).next_multiple_of(ROWS);
        parallel::for_each(ByRows(part), Grain { chunk, serial: 0 }, |_, ByRows(part)| level::run(part));
    }
}

/// The first factor of a part.
#[derive(Clone, Copy)]
enum Factor<'a, T> {
    /// As [`PackLeft`] leaves it.
    Packed {
        values: &'a [T],
        row: usize,
        block: usize,
    },
    InPlace(Matrix<'a, T>),
}

impl<T: Float> Factor<'_, T> {
    fn below(self, rows: usize) -> Self {
        match self {
            Factor::Packed { values, row, block } => Factor::Packed { values: &values[rows * row..], row, block },
            Factor::InPlace(matrix) => Factor::InPlace(matrix.below(rows)),
        }
    }
}

/// Rows or columns of a product.
struct Part<'a, T> {
    a: Factor<'a, T>,
    b: Matrix<'a, T>,
    c: Window<'a, T>,
    k: usize,
    accumulate: bool,
    epilogue: Epilogue<'a, T>,
}

/// A part that is cut by columns.
struct ByColumns<'a, T>(Part<'a, T>);

impl<T: Float> Split for ByColumns<'_, T> {
    fn len(&self) -> usize {
        self.0.c.columns()
    }
    fn split_at(self, at: usize) -> (Self, Self) {
        let Part { a, b, c, k, accumulate, epilogue } = self.0;
        let (left, right) = c.split_columns(at);
        let part = |b, c, epilogue| ByColumns(Part { a, b, c, k, accumulate, epilogue });
        (part(b, left, epilogue), part(b.right_of(at), right, epilogue.columns_from(at)))
    }
}

/// A part that is cut by rows.
struct ByRows<'a, T>(Part<'a, T>);

impl<T: Float> Split for ByRows<'_, T> {
    fn len(&self) -> usize {
        self.0.c.rows()
    }
    fn split_at(self, at: usize) -> (Self, Self) {
        let Part { a, b, c, k, accumulate, epilogue } = self.0;
        let (top, bottom) = c.split_rows(at);
        let part = |a, c| ByRows(Part { a, b, c, k, accumulate, epilogue });
        (part(a, top), part(a.below(at), bottom))
    }
}

/// Packs rows of `a`: `to` has a row for each block of k and `block` columns for each row of `a`; a tile's numbers stand together.
struct PackLeft<'a, T> {
    a: Matrix<'a, T>,
    m: usize,
    k: usize,
    block: usize,
    to: Window<'a, T>,
}

impl<T: Float> Split for PackLeft<'_, T> {
    fn len(&self) -> usize {
        self.to.columns() / self.block
    }
    fn split_at(self, at: usize) -> (Self, Self) {
        let PackLeft { a, m, k, block, to } = self;
        let (left, right) = to.split_columns(at * block);
        let rest = if at < m { a.below(at) } else { a };
        (
            PackLeft { a, m: m.min(at), k, block, to: left },
            PackLeft { a: rest, m: m.saturating_sub(at), k, block, to: right },
        )
    }
}

impl<T: Float> Kernel<T> for PackLeft<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        let PackLeft { a, m, k, block, mut to } = self;
        for index in 0..k.div_ceil(block) {
            let p = index * block;
            let steps = (k - p).min(block);
            let mut i = 0;
            while i < m {
                let rows = height::<L>(m - i);
                let to = to.row(index, i * block, rows * steps);
                pack::pack::<L>(a.below(i).right_of(p), rows, steps, to, rows);
                i += rows;
            }
        }
    }
}

/// Rows of a full tile, and the registers in each.
const fn shape<L: Lanes>() -> (usize, usize) {
    match (L::REGISTERS, L::FUSED) {
        (32.., _) => (12, 2),
        (_, true) => (6, 2),
        (_, false) => (4, 1),
    }
}

/// Rows of the next tile when so many are left.
#[inline(always)]
fn height<L: Lanes>(left: usize) -> usize {
    let (full, _) = shape::<L>();
    match left {
        _ if left >= full => full,
        8.. => 8,
        4.. => 4,
        _ => left.min(2),
    }
}

impl<T: Float> Kernel<T> for Part<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(mut self) {
        let block = block_of(self.k);
        let (m, n) = (self.c.rows(), self.c.columns());
        let width = shape::<L>().1 * L::N;
        let group = n.div_ceil(n.div_ceil(GROUP)).next_multiple_of(width);
        let rows_at_once = m.div_ceil(m.div_ceil(BLOCK_ROWS)).next_multiple_of(ROWS);
        let mut buffer = Buffer::<T>::new(block * n.min(group).next_multiple_of(width));
        for i in (0..m).step_by(rows_at_once) {
            let rows = (m - i).min(rows_at_once);
            for j in (0..n).step_by(group) {
                let columns = (n - j).min(group);
                for p in (0..self.k).step_by(block) {
                    let steps = (self.k - p).min(block);
                    self.group::<L>((i, rows), (p, steps), (j, columns), &mut buffer);
                }
            }
        }
    }
}

impl<T: Float> Part<'_, T> {
    /// Some rows, steps and columns, each as first and count.
    #[inline(always)]
    fn group<L: Lanes<Elem = T>>(
        &mut self,
        (i, rows): (usize, usize),
        (p, steps): (usize, usize),
        (j, columns): (usize, usize),
        buffer: &mut [T],
    ) {
        let width = shape::<L>().1 * L::N;
        let b = self.b.below(p).right_of(j);
        let in_place = b.column == 1 && rows <= 2 * ROWS;
        if b.column == 1 {
            let from = if in_place { columns / width * width } else { 0 };
            if from < columns {
                let to = &mut buffer[from * steps..];
                pack::panels::<L>(b.right_of(from), steps, columns - from, to, width);
            }
        } else {
            for at in (0..columns).step_by(width) {
                let to = &mut buffer[at * steps..][..width * steps];
                pack::pack::<L>(b.right_of(at).transposed(), (columns - at).min(width), steps, to, width);
            }
        }
        let mut at = 0;
        while at < columns {
            let b = match in_place && columns - at >= width {
                true => Right(&b.values[at..], b.row),
                false => Right(&buffer[at * steps..][..width * steps], width),
            };
            self.panel::<L>((i, rows), (p, steps), j + at, b);
            at += width;
        }
    }

    /// Tiles below each other.
    #[inline(always)]
    fn panel<L: Lanes<Elem = T>>(
        &mut self,
        (first, rows): (usize, usize),
        (p, steps): (usize, usize),
        j: usize,
        b: Right<'_, T>,
    ) {
        let narrow = self.c.columns() - j <= L::N;
        let mut i = first;
        while i < first + rows {
            let height = height::<L>(first + rows - i);
            let at = (i, j);
            match (height, narrow, shape::<L>()) {
                (12, false, (12, _)) => self.tile::<L, 12, 2>(at, (p, steps), b),
                (12, true, (12, _)) => self.tile::<L, 12, 1>(at, (p, steps), b),
                (8, false, (12, _)) => self.tile::<L, 8, 2>(at, (p, steps), b),
                (8, true, (12, _)) => self.tile::<L, 8, 1>(at, (p, steps), b),
                (6, false, (6, _)) => self.tile::<L, 6, 2>(at, (p, steps), b),
                (6, true, (6, _)) => self.tile::<L, 6, 1>(at, (p, steps), b),
                (4, false, (_, 2)) => self.tile::<L, 4, 2>(at, (p, steps), b),
                (4, _, _) => self.tile::<L, 4, 1>(at, (p, steps), b),
                (2, false, (_, 2)) => self.tile::<L, 2, 2>(at, (p, steps), b),
                (2, _, _) => self.tile::<L, 2, 1>(at, (p, steps), b),
                (_, false, (_, 2)) => self.tile::<L, 1, 2>(at, (p, steps), b),
                _ => self.tile::<L, 1, 1>(at, (p, steps), b),
            }
            i += height;
        }
    }

    #[inline(always)]
    fn tile<L: Lanes<Elem = T>, const R: usize, const W: usize>(
        &mut self,
        (i, j): (usize, usize),
        (p, steps): (usize, usize),
        b: Right<'_, T>,
    ) {
        let a = match self.a {
            Factor::Packed { values, row, block } => Left::Steps(&values[p / row * block + i * row..][..steps * R], R),
            Factor::InPlace(matrix) if matrix.row == 1 => {
                Left::Steps(&matrix.values[i + p * matrix.column..], matrix.column)
            }
            Factor::InPlace(matrix) => Left::Rows(&matrix.values[i * matrix.row + p..], matrix.row),
        };
        for r in 0..R {
            for w in 0..W {
                self.c.prefetch(i + r, j + w * L::N);
            }
        }
        let sums = tile::sums::<L, R, W>(a, b, steps);
        tile::store(&sums, &mut self.c, (i, j), p > 0 || self.accumulate);
        if p + steps == self.k && !self.epilogue.is_none() {
            let width = (self.c.columns() - j).min(W * L::N);
            let epilogue = self.epilogue.columns_from(j);
            for r in 0..R {
                epilogue.over_row::<L>(self.c.row(i + r, j, width));
            }
        }
    }
}
