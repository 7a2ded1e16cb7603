//! Large products: blocks that stay in the caches, tiles that stay in registers.
//!
//! The sum over k is cut into blocks that depend on k alone ([`block_of`]); within a block an element of c is one chain of multiply-adds in the
//! order of k, and blocks are added in order. So its value depends neither on the tile it falls in, nor on m, n, the layout of the
//! factors or the threads: a row alone equals the row in its batch.
//!
//! c is cut into strips of rows, as high as a tile, and panels of columns, as wide. All threads together first copy the factors in the
//! order in which tiles read them, a unit for each block of k and strip or panel ([`Packed`]); a factor that too few tiles would read
//! again stays where it is. Then they share out parts of c, a few hundred rows and columns each: for one block of k after the other a
//! panel of `b` stays in L1 while the strips of `a` pass by from L2, and so does the part of c. Goto, van de Geijn 2008; Van Zee, van de
//! Geijn 2015 (BLIS), where the copies are made block by block instead.

use super::part::{ByPanels, ByStrips, Left, Part, Right, Strips};
use super::{Matrix, Product, pack};
use crate::Float;
use crate::lanes::Lanes;
use crate::lanes::window::Window;
use crate::level::{Kernel, Level};
use crate::parallel::{self, Grain, Rows};
use crate::pool::Buffer;

/// Steps of one block, at most.
const STEPS: usize = 512;
/// Steps, rows and columns that are packed at once: what bounds the copies.
const MOST: usize = 4096;

pub(super) fn knob(name: &str, default: usize) -> usize {
    std::env::var(name).ok().map_or(default, |v| v.parse().unwrap())
}

/// Steps of a block, for k > 0: as even as registers allow.
pub(super) fn block_of(k: usize) -> usize {
    static S: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
    let steps = *S.get_or_init(|| knob("STEPS", STEPS));
    k.div_ceil(k.div_ceil(steps)).next_multiple_of(16)
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
        let (height, registers) = super::part::shape::<L>(self.0);
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
            let copy = plan.pack_right(right, m, steps, columns);
            let right =
                Right { copy: &copy.0, matrix: right, packed: copy.1, first: 0, panels: copy.2, unit: block * width };
            for i in (0..m).step_by(MOST) {
                let rows = (m - i).min(MOST);
                let strips = Strips::new(rows, height);
                let left = a.below(i).right_of(p);
                let copy = plan.pack_left(left, strips, n, steps);
                let left = match copy.is_empty() {
                    true => Left::InPlace(left),
                    false => Left::Packed { values: &copy, strips: strips.count(), unit: block * height },
                };
                let part = Part {
                    left,
                    right,
                    c: c.part((i, rows), (j, columns)),
                    strips,
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
}

impl Plan {
    /// Splits a loop over `chunk` strips, panels or units.
    fn grain(self, chunk: usize) -> Grain {
        Grain { chunk: chunk.max(1), serial: if self.parallel { 0 } else { usize::MAX } }
    }

    fn run<T: Float>(self, part: Part<'_, T>) {
        let (strips, panels) = (part.strips.count(), part.c.columns().div_ceil(self.width));
        let strips_at_once = strips.div_ceil(strips.div_ceil(knob("ROWS", 384) / self.height));
        let panels_at_once = panels.div_ceil(panels.div_ceil(knob("COLS", 384) / self.width));
        let (mut by_strips, mut by_panels) = (strips_at_once, panels_at_once);
        if self.parallel {
            // Enough parts that a slow thread does not hold up the others, along the longer side first.
            let wanted = knob("TASKS", 8) * parallel::threads();
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

    /// A copy of the second factor.
    fn pack_right<T: Float>(
        self,
        b: Matrix<'_, T>,
        m: usize,
        steps: usize,
        columns: usize,
    ) -> (Buffer<T>, bool, usize) {
        let Plan { block, width, level, .. } = self;
        let (panels, blocks) = (columns.div_ceil(width), steps.div_ceil(block));
        let unit = block * width;
        let all = b.column != 1 || m >= knob("PACKB", 96);
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
        (buffer, all, packed)
    }

    /// A copy of the first factor, or nothing where it is read in place.
    fn pack_left<T: Float>(self, a: Matrix<'_, T>, strips: Strips, n: usize, steps: usize) -> Buffer<T> {
        let Plan { block, height, level, .. } = self;
        if a.row != 1 || n < knob("PACKA", 100000) {
            return Buffer::new(0);
        }
        let unit = block * height;
        let mut buffer = Buffer::<T>::new(steps.div_ceil(block) * strips.count() * unit);
        let rows = Rows(&mut *buffer, unit);
        parallel::for_each(rows, self.grain(8), |offset, Rows(to, _)| {
            level.run(PackLeft { a, strips, steps, block, unit, offset, to });
        });
        buffer
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

/// Units of the first factor's copy, likewise, for strips.
struct PackLeft<'a, T> {
    a: Matrix<'a, T>,
    strips: Strips,
    steps: usize,
    block: usize,
    unit: usize,
    offset: usize,
    to: &'a mut [T],
}

impl<T: Float> Kernel<T> for PackLeft<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        let PackLeft { a, strips, steps, block, unit, offset, to } = self;
        for (at, to) in (offset..).zip(to.chunks_exact_mut(unit)) {
            let (p, strip) = (at / strips.count() * block, at % strips.count());
            let (row, height) = strips.rows_of(strip);
            pack::pack::<L>(a.below(row).right_of(p), height, (steps - p).min(block), to, height);
        }
    }
}
