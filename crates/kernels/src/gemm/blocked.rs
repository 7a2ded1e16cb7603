//! Large products: blocks that stay in the caches, tiles that stay in registers.
//!
//! The sum over k is cut into blocks that depend on k alone ([`block_of`]); within a block an element of c is one chain of multiply-adds in the
//! order of k, and blocks are added in order. So its value depends neither on the tile it falls in, nor on m, n, the layout of the
//! factors or the threads: a row alone equals the row in its batch.
//!
//! c is cut into strips of rows, as high as a tile, and panels of columns, as wide. All threads together first copy `b` in the order in
//! which tiles read it, a unit for each block of k and each panel, unless its rows are contiguous and too few strips would read the copy.
//! `a` stays where it is: a tile has few rows, so that their addresses fit the registers. Then the threads share out parts of c, a few
//! hundred rows and columns each: for one block of k after the other the strips of a part, which stay in L2, go by each panel of `b`.
//! Products of few rows are shared out by blocks of k instead, or by columns, so that one thread alone reads a line of `b`.
//! After Goto, van de Geijn 2008 and Van Zee, van de Geijn 2015 (BLIS), where both factors are copied block by block.

use super::part::{ByPanels, ByStrips, Part, Right};
use super::{Epilogue, Matrix, Product, pack};
use crate::Float;
use crate::lanes::Lanes;
use crate::lanes::tile::{height, registers};
use crate::lanes::window::Window;
use crate::level::{Kernel, Level};
use crate::parallel::{self, Grain, Rows};
use crate::pool::Buffer;

/// Steps of one block, at most.
const STEPS: usize = 512;
/// Rows and columns of a part of c that stays in L2, at most.
const BLOCK_ROWS: usize = 384;
const GROUP: usize = 384;
/// From this many rows on `b` is copied even where its rows are contiguous.
const PACK_FROM: usize = 96;
/// Parts of c for each thread, at least.
const PARTS: usize = 8;
/// Up to this many rows a product whose `b` is stored by rows is shared out along k.
const BY_STEPS: usize = 256;
/// Numbers between two units of a copy.
const APART: usize = 16;
/// Steps and columns that are copied at once: what bounds the copy.
const MOST: usize = 4096;

/// Steps of a block, for k > 0: as even as registers allow, and two blocks from half of the most steps on, for two threads to share.
pub(super) fn block_of(k: usize) -> usize {
    let blocks = k.div_ceil(STEPS).max(if k > STEPS / 2 { 2 } else { 1 });
    k.div_ceil(blocks).next_multiple_of(16)
}

/// How a product is cut.
#[derive(Clone, Copy)]
struct Plan {
    level: Level,
    /// The height of a full tile, and its width in numbers.
    height: usize,
    width: usize,
    block: usize,
    parallel: bool,
}

/// Of the tiles of a product of so many columns: two registers wide, so that they are high, and a panel of `b` is small.
struct Shape(usize);

impl<T: Float> Kernel<T> for Shape {
    type Output = (usize, usize);

    fn run<L: Lanes<Elem = T>>(self) -> (usize, usize) {
        let registers = registers::<L>(self.0).min(2);
        (height::<L>(registers), registers * L::N)
    }
}

pub(super) fn compute<T: Float>(product: Product<'_, T>, parallel: bool) {
    let Product { a, b, c, m, k, n, accumulate, epilogue } = product;
    let level = Level::current();
    let (height, width) = level.run::<T, _>(Shape(n));
    let block = block_of(k);
    let plan = Plan { level, height, width, block, parallel: parallel && parallel::threads() > 1 };
    let has_steps_for_all = k.div_ceil(block) >= parallel::threads();
    if plan.parallel && m <= BY_STEPS && n <= MOST && b.column == 1 && has_steps_for_all {
        return plan.by_steps(Product { a, b, c, m, k, n, accumulate, epilogue });
    }
    let mut c = Window::new(c, n);
    let steps_at_once = (MOST / block).max(1) * block;
    for p in (0..k).step_by(steps_at_once) {
        let steps = (k - p).min(steps_at_once);
        let last = p + steps == k;
        for j in (0..n).step_by(MOST) {
            let columns = (n - j).min(MOST);
            let right = b.below(p).right_of(j);
            let all = right.column != 1 || m >= PACK_FROM;
            let (copy, panels) = plan.pack_right(right, all, steps, columns);
            let packed = panels == columns.div_ceil(width);
            let strides = plan.strides(right, panels, steps);
            let right = Right { copy: &copy, matrix: right, packed, first: 0, strides };
            let part = Part {
                left: a.right_of(p),
                right,
                c: c.part((0, m), (j, columns)),
                height,
                steps,
                block,
                width,
                add: accumulate || p > 0,
                epilogue: last.then(|| epilogue.columns_from(j)),
            };
            plan.run(part);
        }
    }
}

impl Plan {
    /// Splits a loop over `chunk` strips, panels or units.
    fn grain(self, chunk: usize) -> Grain {
        Grain { chunk: chunk.max(1), serial: if self.parallel { 0 } else { usize::MAX } }
    }

    fn run<T: Float>(self, part: Part<'_, T>) {
        let (strips, panels) = (part.c.rows().div_ceil(self.height), part.c.columns().div_ceil(self.width));
        let strips_at_once = strips.div_ceil(strips.div_ceil(BLOCK_ROWS / self.height));
        let panels_at_once = panels.div_ceil(panels.div_ceil(GROUP / self.width));
        let (mut by_strips, mut by_panels) = (strips_at_once, panels_at_once);
        let wanted = PARTS * parallel::threads();
        if self.parallel && strips * self.height < PACK_FROM {
            // Each thread its own columns, so that it alone reads them of `b`.
            by_panels = panels.div_ceil(wanted);
        } else if self.parallel {
            // Enough parts that a slow thread does not hold up the others, along the longer side first.
            while strips.div_ceil(by_strips) * panels.div_ceil(by_panels) < wanted && by_strips + by_panels > 3 {
                let wide = by_panels * self.width >= by_strips * self.height;
                let longer = if by_strips == 1 || (wide && by_panels > 1) { &mut by_panels } else { &mut by_strips };
                *longer = longer.div_ceil(2);
            }
        }
        let level = self.level;
        parallel::for_each(ByStrips(part), self.grain(by_strips), |_, ByStrips(part)| {
            parallel::for_each(ByPanels(part), self.grain(by_panels), |_, ByPanels(part)| level.run(part));
        });
    }

    /// Numbers of a unit of the copy, and so many more that units written side by side do not fall into the same sets of the cache.
    fn unit(self) -> usize {
        self.block * self.width + APART
    }

    /// How far apart in the copy the blocks of k are, and the panels. Panel by panel where `b` is transposed: the thread that copies its
    /// columns then multiplies with them.
    fn strides<T>(self, b: Matrix<'_, T>, panels: usize, steps: usize) -> (usize, usize) {
        let unit = self.unit();
        if b.column == 1 { (panels * unit, unit) } else { (unit, steps.div_ceil(self.block) * unit) }
    }

    /// A product of few rows, each block of k by itself and then their sum in order, as block after block gives it. So a thread reads
    /// whole rows of `b`, those that it also updates where `b` is a weight: a line that two cores have read is slow to write.
    fn by_steps<T: Float>(self, product: Product<'_, T>) {
        let Product { a, b, c, m, k, n, accumulate, epilogue } = product;
        let Plan { level, height, width, block, .. } = self;
        let mut parts = Buffer::<T>::new(k.div_ceil(block) * m * n);
        let alone = Plan { parallel: false, ..self };
        parallel::for_each(Rows(&mut *parts, m * n), self.grain(1), |first, Rows(parts, _)| {
            for (i, part) in parts.chunks_exact_mut(m * n).enumerate() {
                let p = (first + i) * block;
                let (steps, right) = ((k - p).min(block), b.below(p));
                let (copy, panels) = alone.pack_right(right, false, steps, n);
                let strides = self.strides(right, panels, steps);
                let right = Right { copy: &copy, matrix: right, packed: false, first: 0, strides };
                let c = Window::new(part, n);
                alone.run(Part {
                    left: a.right_of(p),
                    right,
                    c,
                    height,
                    steps,
                    block,
                    width,
                    add: false,
                    epilogue: None,
                });
            }
        });
        let parts = &*parts;
        parallel::for_each(Rows(c, n), self.grain(m.div_ceil(PARTS)), |row, Rows(c, _)| {
            level.run(Sum { parts, size: m * n, at: row * n, c, n, accumulate, epilogue });
        });
    }

    /// A copy of the second factor, of all its panels or of a last one narrower than a tile, and how many it holds.
    fn pack_right<T: Float>(self, b: Matrix<'_, T>, all: bool, steps: usize, columns: usize) -> (Buffer<T>, usize) {
        let Plan { block, width, level, .. } = self;
        let (panels, blocks) = (columns.div_ceil(width), steps.div_ceil(block));
        let unit = self.unit();
        // In place but for a last panel narrower than a tile.
        let first = if all { 0 } else { columns / width };
        let packed = panels - first;
        let mut buffer = Buffer::<T>::new(blocks * packed * unit);
        if packed > 0 {
            let rows = Rows(&mut *buffer, unit);
            parallel::for_each(rows, self.grain(8), |offset, Rows(to, _)| {
                level.run(PackRight {
                    b: b.right_of(first * width),
                    steps,
                    columns: columns - first * width,
                    block,
                    width,
                    offset,
                    packed,
                    blocks,
                    size: unit,
                    to,
                });
            });
        }
        (buffer, packed)
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

/// Units of the second factor's copy, from number `offset` on: unit (block, panel) is number block · packed + panel, or panel · blocks +
/// block where `b` is transposed.
struct PackRight<'a, T> {
    b: Matrix<'a, T>,
    steps: usize,
    columns: usize,
    block: usize,
    width: usize,
    offset: usize,
    packed: usize,
    blocks: usize,
    /// Of a unit.
    size: usize,
    to: &'a mut [T],
}

impl<T: Float> Kernel<T> for PackRight<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        let PackRight { b, steps, columns, block, width, offset, packed, blocks, size, mut to } = self;
        let mut unit = offset;
        if b.column != 1 {
            for (i, to) in to.chunks_exact_mut(size).enumerate() {
                let (p, j) = ((unit + i) % blocks * block, (unit + i) / blocks * width);
                let (lines, steps) = ((columns - j).min(width), (steps - p).min(block));
                pack::pack::<L>(b.below(p).right_of(j).transposed(), lines, steps, to, width);
            }
            return;
        }
        while !to.is_empty() {
            // Panels of one block.
            let (p, panel) = (unit / packed * block, unit % packed);
            let count = (packed - panel).min(to.len() / size);
            let (these, rest) = to.split_at_mut(count * size);
            let j = panel * width;
            let (b, steps, columns) =
                (b.below(p).right_of(j), (steps - p).min(block), (columns - j).min(count * width));
            pack::panels::<L>(b, steps, columns, these, width, size);
            (to, unit) = (rest, unit + count);
        }
    }
}
