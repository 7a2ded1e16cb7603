//! Large products: blocks that stay in the caches, tiles that stay in registers.
//!
//! The sum over k is cut into blocks that depend on k alone ([`block_of`]); within a block an element of c is one chain of multiply-adds in the
//! order of k, and blocks are added in order. So its value depends neither on the tile it falls in, nor on m, n, the layout of the
//! factors or the threads: a row alone equals the row in its batch.
//!
//! c is cut into parts, one for each thread or several if it is large ([`part`](super::part)), and those into strips of rows, as high as a
//! tile, and panels of columns, as wide. A product of few rows is cut by blocks of k instead, or by columns, so that one thread
//! alone reads a line of `b`; one of few columns into parts whose rows of `a` stay in L2 from one block of k to the next.
//! After Goto, van de Geijn 2008 and Van Zee, van de Geijn 2015 (BLIS); there both factors are copied, here `a` only where it is
//! transposed or its lines collide ([`strips`](super::strips)): a tile has few rows, so that their addresses fit the registers.

use super::part::{ByColumns, ByStrips, Cut, Part};
use super::{Epilogue, Matrix, Product};
use crate::Float;
use crate::cache;
use crate::lanes::Lanes;
use crate::lanes::tile::{height, registers};
use crate::lanes::window::Window;
use crate::level::{Kernel, Level};
use crate::parallel::{self, Grain, Rows};
use crate::pool::Buffer;

/// Steps of one block, at most.
const STEPS: usize = 512;
/// Multiply-adds of a part, at most: a large product has several for each thread, which may then not wait for the other as long.
const PART: usize = 1 << 33;
/// Rows and columns of a part, at least, if there are so many.
const PART_ROWS: usize = 128;
const PART_COLUMNS: usize = 256;
/// Numbers of `a` in a part of one panel, at most.
const LEFT: usize = 1 << 16;
/// Up to this many rows a part has all of them, so that one thread alone reads a line of `b`.
const FEW_ROWS: usize = 96;
/// Columns of a group for them.
const GROUP: usize = 512;
/// Numbers of a factor from which on it comes from afar.
const STREAMED: usize = 1 << 19;
/// Up to this many rows a product whose `b` is stored by rows is shared out along k, unless it has more columns than that.
const BY_STEPS: usize = 128;
const MOST: usize = 4096;
/// Shares of its rows, whose blocks of k are then added up.
const SHARES: usize = 8;

/// Steps of a block, for k > 0: as even as registers allow, and two blocks from half of the most steps on, for two threads to share.
pub(super) fn block_of(k: usize) -> usize {
    let blocks = k.div_ceil(STEPS).max(if k > STEPS / 2 { 2 } else { 1 });
    k.div_ceil(blocks).next_multiple_of(16)
}

/// How a product is computed.
#[derive(Clone, Copy)]
struct Plan {
    level: Level,
    cut: Cut,
    parallel: bool,
}

/// Of the tiles of a product of so many columns: two registers wide, so that they are high, and a panel of `b` is small.
struct Shape {
    columns: usize,
    /// Of a product that reads `b` from afar, and once if a tile has all of them.
    rows: Option<usize>,
}

impl<T: Float> Kernel<T> for Shape {
    /// Lines, registers, and numbers of a register.
    type Output = (usize, usize, usize);

    fn run<L: Lanes<Elem = T>>(self) -> (usize, usize, usize) {
        let Shape { columns, rows } = self;
        let (high, wide) = (height::<L>(1), height::<L>(2));
        let registers = if high > wide && rows == Some(high) { 1 } else { registers::<L>(columns).min(2) };
        (height::<L>(registers), registers, L::N)
    }
}

impl Cut {
    fn of<T: Float>(level: Level, m: usize, k: usize, b: Matrix<'_, T>, n: usize) -> Cut {
        let asks = (m * k >= STREAMED, k * n >= STREAMED);
        let (height, registers, unit) =
            level.run::<T, _>(Shape { columns: n, rows: (asks.1 && b.column == 1).then_some(m) });
        let width = registers * unit;
        let block = block_of(k);
        // A block of a group of panels takes half of the second level, and leaves room for its part of c. Few rows read a copy seldom: a small
        // one is nearer.
        let most = if m <= FEW_ROWS { GROUP } else { usize::MAX };
        let group = (cache::second_level() / 2 / (block * size_of::<T>())).min(most) / width * width;
        Cut { height, width, unit, block, group: group.max(width), asks }
    }
}

/// c = a·b, or c += a·b, on the calling thread, between parts of larger matrices, for k > 0 and a c that is not empty.
pub(crate) fn within<T: Float>(a: Matrix<'_, T>, b: Matrix<'_, T>, c: Window<'_, T>, k: usize, accumulate: bool) {
    let level = Level::current();
    let cut = Cut::of::<T>(level, c.rows(), k, b, c.columns());
    level.run(Part { left: a, right: b, c, steps: k, cut, add: accumulate, epilogue: None });
}

pub(super) fn compute<T: Float>(product: Product<'_, T>, parallel: bool) {
    let Product { a, b, c, m, k, n, accumulate, epilogue } = product;
    let level = Level::current();
    let cut = Cut::of::<T>(level, m, k, b, n);
    let block = cut.block;
    let plan = Plan { level, cut, parallel: parallel && parallel::threads() > 1 };
    let has_steps_for_all = k.div_ceil(block) >= parallel::threads();
    if plan.parallel && m <= BY_STEPS && n <= MOST && b.column == 1 && has_steps_for_all {
        return plan.by_steps(Product { a, b, c, m, k, n, accumulate, epilogue });
    }
    let (c, epilogue) = (Window::new(c, n), Some(epilogue));
    plan.run(Part { left: a, right: b, c, steps: k, cut, add: accumulate, epilogue });
}

impl Plan {
    /// Splits a loop over `chunk` strips, registers of columns, or blocks.
    fn grain(self, chunk: usize) -> Grain {
        Grain { chunk: chunk.max(1), serial: if self.parallel { 0 } else { usize::MAX } }
    }

    fn run<T: Float>(self, part: Part<'_, T>) {
        let Cut { height, unit, .. } = self.cut;
        let (rows, columns) = (part.c.rows(), part.c.columns());
        let (strips, units) = (rows.div_ceil(height), columns.div_ceil(unit));
        let wanted = match self.parallel {
            true => (rows * columns).saturating_mul(part.steps).div_ceil(PART).next_multiple_of(parallel::threads()),
            false => 1,
        };
        let (by_strips, by_units) = if columns <= self.cut.width {
            // What a part reads of `a` stays in L2 from one block of k to the next.
            ((LEFT / part.steps / height).clamp(1, strips.div_ceil(wanted)), units)
        } else if rows < FEW_ROWS {
            (strips, units.div_ceil(wanted))
        } else {
            // Along the longer side first: a part fetches what it reads of the other factor for itself.
            let (most_down, most_across) = ((rows / PART_ROWS).max(1), (columns / PART_COLUMNS).max(1));
            let (down, across) = if rows >= columns {
                let down = most_down.min(wanted);
                (down, wanted.div_ceil(down).min(most_across))
            } else {
                let across = most_across.min(wanted);
                (wanted.div_ceil(across).min(most_down), across)
            };
            (strips.div_ceil(down), units.div_ceil(across))
        };
        let level = self.level;
        parallel::for_each(ByColumns(part), self.grain(by_units), |_, ByColumns(part)| {
            parallel::for_each(ByStrips(part), self.grain(by_strips), |_, ByStrips(part)| level.run(part));
        });
    }

    /// A product of few rows, each block of k by itself and then their sum in order, as block after block gives it. So a thread reads
    /// whole rows of `b`, those that it also updates where `b` is a weight: a line that two cores have read is slow to write.
    fn by_steps<T: Float>(self, product: Product<'_, T>) {
        let Product { a, b, c, m, k, n, accumulate, epilogue } = product;
        let Plan { level, cut, .. } = self;
        let block = cut.block;
        let mut parts = Buffer::<T>::new(k.div_ceil(block) * m * n);
        parallel::for_each(Rows(&mut *parts, m * n), self.grain(1), |first, Rows(parts, _)| {
            for (i, part) in parts.chunks_exact_mut(m * n).enumerate() {
                let p = (first + i) * block;
                let (left, right, steps) = (a.right_of(p), b.below(p), (k - p).min(block));
                let c = Window::new(part, n);
                level.run(Part { left, right, c, steps, cut, add: false, epilogue: None });
            }
        });
        let parts = &*parts;
        parallel::for_each(Rows(c, n), self.grain(m.div_ceil(SHARES)), |row, Rows(c, _)| {
            level.run(Sum { parts, size: m * n, at: row * n, c, n, accumulate, epilogue });
        });
    }
}

/// Some rows of c: the parts' sum in order, then the epilogue.
struct Sum<'a, T> {
    parts: &'a [T],
    /// Of a part.
    size: usize,
    /// Where the rows start in each part.
    at: usize,
    c: &'a mut [T],
    n: usize,
    accumulate: bool,
    epilogue: Epilogue<'a, T>,
}

impl<T: Float> Kernel<T> for Sum<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        let Sum { parts, size, at, c, n, accumulate, epilogue } = self;
        for (row, c) in c.chunks_exact_mut(n).enumerate() {
            let at = at + row * n;
            for (part, numbers) in parts.chunks_exact(size).map(|part| &part[at..at + n]).enumerate() {
                add_row::<L>(c, numbers, part > 0 || accumulate);
            }
            epilogue.over_row::<L>(c);
        }
    }
}

#[inline(always)]
fn add_row<L: Lanes>(c: &mut [L::Elem], numbers: &[L::Elem], add: bool) {
    if !add {
        return c.copy_from_slice(numbers);
    }
    let (mut c, mut numbers) = (c.chunks_exact_mut(L::N), numbers.chunks_exact(L::N));
    for (c, numbers) in (&mut c).zip(&mut numbers) {
        (L::load(c) + L::load(numbers)).store(c);
    }
    for (c, &number) in c.into_remainder().iter_mut().zip(numbers.remainder()) {
        *c += number;
    }
}
