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
//! After Goto, van de Geijn 2008 and Van Zee, van de Geijn 2015 (BLIS), where both factors are copied block by block.

use super::part::{self, ByPanels, ByStrips, Part, Right, Strips};
use super::{Matrix, Product, pack};
use crate::Float;
use crate::lanes::Lanes;
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
/// Steps and columns that are copied at once: what bounds the copy.
const MOST: usize = 4096;

/// Steps of a block, for k > 0: as even as registers allow.
pub(super) fn block_of(k: usize) -> usize {
    k.div_ceil(k.div_ceil(STEPS)).next_multiple_of(16)
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

struct Shape(usize);

impl<T: Float> Kernel<T> for Shape {
    type Output = (usize, usize);

    fn run<L: Lanes<Elem = T>>(self) -> (usize, usize) {
        let (height, registers) = part::shape::<L>(self.0);
        (height, registers * L::N)
    }
}

pub(super) fn compute<T: Float>(product: Product<'_, T>, parallel: bool) {
    let Product { a, b, c, m, k, n, accumulate, epilogue } = product;
    let level = Level::current();
    let (height, width) = level.run::<T, _>(Shape(n));
    let block = block_of(k);
    let plan = Plan { level, height, width, block, parallel: parallel && parallel::threads() > 1 };
    let mut c = Window::new(c, n);
    let steps_at_once = (MOST / block).max(1) * block;
    for p in (0..k).step_by(steps_at_once) {
        let steps = (k - p).min(steps_at_once);
        let last = p + steps == k;
        for j in (0..n).step_by(MOST) {
            let columns = (n - j).min(MOST);
            let right = b.below(p).right_of(j);
            let (copy, panels) = plan.pack_right(right, m, steps, columns);
            let packed = panels == columns.div_ceil(width);
            let right = Right { copy: &copy, matrix: right, packed, first: 0, panels, unit: block * width };
            let part = Part {
                left: a.right_of(p),
                right,
                c: c.part((0, m), (j, columns)),
                strips: Strips::new(m, height),
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
        let (strips, panels) = (part.strips.count(), part.c.columns().div_ceil(self.width));
        let strips_at_once = strips.div_ceil(strips.div_ceil(BLOCK_ROWS / self.height));
        let panels_at_once = panels.div_ceil(panels.div_ceil(GROUP / self.width));
        let (mut by_strips, mut by_panels) = (strips_at_once, panels_at_once);
        if self.parallel {
            // Enough parts that a slow thread does not hold up the others, along the longer side first.
            let wanted = PARTS * parallel::threads();
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

    /// A copy of the second factor, and how many of its panels it holds.
    fn pack_right<T: Float>(self, b: Matrix<'_, T>, m: usize, steps: usize, columns: usize) -> (Buffer<T>, usize) {
        let Plan { block, width, level, .. } = self;
        let (panels, blocks) = (columns.div_ceil(width), steps.div_ceil(block));
        let unit = block * width;
        let all = b.column != 1 || m >= PACK_FROM;
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
                    to,
                });
            });
        }
        (buffer, packed)
    }
}

/// Units of the second factor's copy, from number `offset` on: unit (block, panel) is number block · packed + panel.
struct PackRight<'a, T> {
    b: Matrix<'a, T>,
    steps: usize,
    columns: usize,
    block: usize,
    width: usize,
    offset: usize,
    packed: usize,
    to: &'a mut [T],
}

impl<T: Float> Kernel<T> for PackRight<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        let PackRight { b, steps, columns, block, width, offset, packed, mut to } = self;
        let (mut unit, size) = (offset, block * width);
        while !to.is_empty() {
            // Panels of one block.
            let (p, panel) = (unit / packed * block, unit % packed);
            let count = (packed - panel).min(to.len() / size);
            let (these, rest) = to.split_at_mut(count * size);
            let j = panel * width;
            let (b, steps, columns) =
                (b.below(p).right_of(j), (steps - p).min(block), (columns - j).min(count * width));
            if b.column == 1 {
                pack::panels::<L>(b, steps, columns, these, width, size);
            } else {
                for (at, to) in (0..columns).step_by(width).zip(these.chunks_exact_mut(size)) {
                    pack::pack::<L>(b.right_of(at).transposed(), (columns - at).min(width), steps, to, width);
                }
            }
            (to, unit) = (rest, unit + count);
        }
    }
}
