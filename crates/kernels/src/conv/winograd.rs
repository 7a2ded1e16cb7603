//! Winograd's convolution F(2×2, 3×3) (Lavin, Gray 2016): 16 multiplications where the direct sum takes 36.
//!
//! y is cut into tiles of 2×2 places. A tile of the source is d, 4×4 places about it; with
//! Bᵀ = [1 0 −1 0; 0 1 1 0; 0 −1 1 0; 0 1 0 −1], G = [1 0 0; ½ ½ ½; ½ −½ ½; 0 0 1], Aᵀ = [1 1 1 0; 0 1 −1 −1] the tile of y is
//! Aᵀ[(G·g·Gᵀ) ⊙ (Bᵀ·d·B)]A, summed over channels before Aᵀ: 16 matrix products `[tiles, C]·[C, F]`. Backward to data is the same with the
//! weights turned and transposed. Backward to weights sums (Bᵀ·d·B) ⊙ (A·dy·Aᵀ) over tiles, and dw = Gᵀ·sum·G.
//!
//! A block of tile rows is transformed, multiplied and transformed back while it is in the second level of the cache. Each tile's numbers
//! come in an order of their own, so an image has the same bits in any batch. A place whose numbers are not all finite is computed again by
//! the direct sum, so that NaN and ±∞ reach what they enter and nothing else; weights' gradients that are not all finite likewise.

mod products;
mod tiles;
mod weights;

pub(super) use weights::backward_weights;

use super::{ConvAlgorithm, ConvGeometry, Moments, by_parts};
use crate::Float;
use crate::gemm::{Epilogue, Matrix, pack};
use crate::lanes::Lanes;
use crate::lanes::tile::registers;
use crate::level::{self, Kernel};
use crate::parallel::{self, Grain, Rows, Split};
use crate::pool::Buffer;

/// Places of a transformed tile.
const PLACES: usize = 16;
/// Numbers of a cache line: what keeps the 16 planes of a block from falling into the same sets of the cache.
const APART: usize = 16;
/// Bytes of a block's planes, source and result, and of those that weights' gradients are summed over.
const BLOCK: usize = 96 << 10;
const BLOCK_OF_WEIGHTS: usize = 256 << 10;

/// Whether it is faster: shape alone decides, never the batch.
pub(super) fn serves<T: Float>(g: &ConvGeometry) -> bool {
    let is_plain = g.kernel == [1, 3, 3] && g.stride == [1; 3] && g.dilation == [1; 3] && g.groups == 1;
    let is_flat = g.input[0] == 1 && g.output[0] == 1 && g.padding[0] == 0 && g.padding[1] <= 2 && g.padding[2] <= 2;
    let has_channels = [g.channels, g.filters].iter().all(|&count| count >= 16 && count.is_multiple_of(16));
    let is_large = g.output[1] >= 4 && g.output[2] >= 4 && g.input[1] >= 4 && g.input[2] >= 4;
    g.algorithm == ConvAlgorithm::Auto && size_of::<T>() == 4 && is_plain && is_flat && has_channels && is_large
}

/// The sizes of a pass: y over x, or dx over dy.
#[derive(Clone, Copy)]
struct Sizes {
    /// Heights and widths.
    source: [usize; 2],
    result: [usize; 2],
    padding: [usize; 2],
    /// Channels of the source and of the result.
    channels: usize,
    filters: usize,
}

impl Sizes {
    fn forward(g: &ConvGeometry) -> Sizes {
        Sizes {
            source: [g.input[1], g.input[2]],
            result: [g.output[1], g.output[2]],
            padding: [g.padding[1], g.padding[2]],
            channels: g.channels,
            filters: g.filters,
        }
    }

    fn backward(g: &ConvGeometry) -> Sizes {
        Sizes {
            source: [g.output[1], g.output[2]],
            result: [g.input[1], g.input[2]],
            padding: [2 - g.padding[1], 2 - g.padding[2]],
            channels: g.filters,
            filters: g.channels,
        }
    }

    /// Rows and columns of tiles.
    #[inline(always)]
    fn tiles(&self) -> [usize; 2] {
        self.result.map(|size| size.div_ceil(2))
    }

    /// Rows of tiles in a block of so many bytes.
    #[inline(always)]
    fn block_rows(&self, block: usize) -> usize {
        let tiles = block / (PLACES * size_of::<f32>() * (self.channels + self.filters));
        (tiles / self.tiles()[1]).max(1)
    }

    /// From one plane of so many tiles to the next.
    #[inline(always)]
    fn plane(tiles: usize, channels: usize) -> usize {
        tiles * channels + APART
    }

    #[inline(always)]
    fn result_row(&self) -> usize {
        self.result[1] * self.filters
    }
}

/// y of x and w, and its moments if they are wanted.
pub(super) fn forward<T: Float>(
    g: &ConvGeometry,
    x: &[T],
    w: &[T],
    y: &mut [T],
    epilogue: Epilogue<'_, T>,
    moments: Option<Moments<'_, T>>,
) {
    compute(Sizes::forward(g), x, w, y, epilogue, moments);
}

/// dx of dy and w.
pub(super) fn backward_data<T: Float>(g: &ConvGeometry, dy: &[T], w: &[T], dx: &mut [T], epilogue: Epilogue<'_, T>) {
    let mut turned = Buffer::<T>::new(w.len());
    level::run(Turn { weights: w, turned: &mut turned, channels: g.channels, filters: g.filters });
    compute(Sizes::backward(g), dy, &turned, dx, epilogue, None);
}

/// `[9, C, F]` as `[9, F, C]`, the last tap first.
struct Turn<'a, T> {
    weights: &'a [T],
    turned: &'a mut [T],
    channels: usize,
    filters: usize,
}

impl<T: Float> Kernel<T> for Turn<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        let Turn { weights, turned, channels, filters } = self;
        let tap = channels * filters;
        for (from, to) in weights.rchunks_exact(tap).zip(turned.chunks_exact_mut(tap)) {
            pack::<L>(Matrix { values: from, row: filters, column: 1 }, channels, filters, to, channels);
        }
    }
}

fn compute<T: Float>(
    sizes: Sizes,
    source: &[T],
    weights: &[T],
    result: &mut [T],
    epilogue: Epilogue<'_, T>,
    moments: Option<Moments<'_, T>>,
) {
    if result.is_empty() {
        return;
    }
    let width = level::run(PanelWidth { filters: sizes.filters, number: std::marker::PhantomData::<T> });
    let mut transformed = Buffer::<T>::new(PLACES * sizes.channels * sizes.filters);
    let of_panel = PLACES * sizes.channels * width;
    // Every panel is full but perhaps the last, which is then a chunk of its own.
    parallel::for_each(
        Rows(&mut transformed[..], sizes.channels * PLACES),
        Grain { chunk: width, serial: width + 1 },
        |first, Rows(u, _)| {
            level::run(products::Transform { sizes, weights, first, u });
        },
    );
    let tiles = sizes.tiles();
    let rows = sizes.block_rows(BLOCK);
    let images = result.len() / (sizes.result[0] * sizes.result_row());
    let cost = tiles[1] * PLACES * sizes.channels * sizes.filters;
    let all = images * tiles[0];
    let grain = Grain { chunk: rows, serial: ((1 << 21) / cost.max(1)).max(rows + 1) };
    let parts = TileRows { result, sizes, first: 0, end: all };
    let u = &transformed[..];
    by_parts(parts, grain, sizes.filters, moments, |_, TileRows { result, sizes, first, end }| {
        let part = TileRows { result: &mut *result, sizes, first, end };
        level::run(products::Block { sizes, source, weights, u, of_panel, part, epilogue });
        result
    });
}

/// Numbers in a row of a full panel.
struct PanelWidth<T> {
    filters: usize,
    number: std::marker::PhantomData<T>,
}

impl<T: Float> Kernel<T> for PanelWidth<T> {
    type Output = usize;

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) -> usize {
        registers::<L>(self.filters) * L::N
    }
}

/// Rows of tiles, counted over images, and the places of the result that are theirs.
struct TileRows<'a, T> {
    result: &'a mut [T],
    sizes: Sizes,
    first: usize,
    end: usize,
}

impl<T> TileRows<'_, T> {
    /// The row of the result, counted over images, where a row of tiles starts.
    #[inline(always)]
    fn row_of(&self, tiles: usize) -> usize {
        let height = self.sizes.tiles()[0];
        tiles / height * self.sizes.result[0] + (2 * (tiles % height)).min(self.sizes.result[0])
    }
}

impl<T: Send> Split for TileRows<'_, T> {
    fn len(&self) -> usize {
        self.end - self.first
    }
    fn split_at(self, at: usize) -> (Self, Self) {
        let middle = self.first + at;
        let numbers = (self.row_of(middle) - self.row_of(self.first)) * self.sizes.result_row();
        let TileRows { result, sizes, first, end } = self;
        let (head, tail) = result.split_at_mut(numbers);
        (TileRows { result: head, sizes, first, end: middle }, TileRows { result: tail, sizes, first: middle, end })
    }
}
