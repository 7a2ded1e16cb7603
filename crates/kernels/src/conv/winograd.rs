//! Winograd's convolution F(M×M, 3×3) (Lavin, Gray 2016): with M = 2 16 multiplications where the direct sum takes 36, with M = 3 25 for 81.
//!
//! y is cut into tiles of M×M places. A tile of the source is d, S×S places about it, S = M + 2; the tile of y is
//! Aᵀ[(G·g·Gᵀ) ⊙ (Bᵀ·d·B)]A, summed over channels before Aᵀ: S² matrix products `[tiles, C]·[C, F]`. Backward to data is the same with the
//! weights turned and transposed. Backward to weights sums (Bᵀ·d·B) ⊙ (A·dy·Aᵀ) over tiles, and dw = Gᵀ·sum·G. The transforms evaluate
//! polynomials, at 0, 1, −1, ∞ and with M = 3 at 0, 1, −½, ∞, −2 (Barabasz et al. 2020: a point beside its negative reciprocal rounds least; 0, 1, −1, 2, ∞
//! rounds 2.7 times the direct sum). With M = 2:
//! Bᵀ = [1 0 −1 0; 0 1 1 0; 0 −1 1 0; 0 1 0 −1], G = [1 0 0; ½ ½ ½; ½ −½ ½; 0 0 1], Aᵀ = [1 1 1 0; 0 1 −1 −1]. With M = 3:
//! Bᵀ = [1 3/2 −3/2 −1 0; 0 1 5/2 1 0; 0 −2 1 1 0; 0 −1 −3/2 3/2 1; 0 1 1 −2 0], 9G = [9 0 0; 2 2 2; 8 −4 2; 0 0 9; ½ −1 2],
//! Aᵀ = [1 1 1 0 1; 0 1 −½ 0 −2; 0 1 ¼ 1 4]. M = 3 needs fused multiply-adds, without which it rounds twice the direct sum.
//!
//! Three seldom divides a height or a width. The last one or two tiles are then *narrow*, of two places, and do without the last point: the products of
//! 16×16 places are 28² instead of 30², with M = 2 32². They share the other points' weights: G's first four rows,
//! Bᵀ = [1 1 −2 0; 0 3/2 3 0; 0 −3/2 3/2 0; 0 −½ −½ 1], Aᵀ = [1 1 1 0; 0 1 −½ 1]. A block's tiles are in an order in which those that a place has are
//! one or two runs: of whole rows those of whole columns, then of narrow ones, and of narrow rows likewise.
//!
//! A block of tile rows is transformed, multiplied and transformed back while it is in the second level of the cache. Each tile's numbers
//! come in an order of their own, so an image has the same bits in any batch. A place whose numbers are not all finite is computed again by
//! the direct sum, so that NaN and ±∞ reach what they enter and nothing else; weights' gradients that are not all finite likewise.

mod order;
mod products;
mod tiles;
mod weights;

pub(super) use weights::backward_weights;

use super::{ConvAlgorithm, ConvGeometry, Moments, by_parts};
use crate::Float;
use crate::gemm::{Epilogue, Matrix, pack};
use crate::lanes::Lanes;
use crate::lanes::tile::registers;
use crate::lanes::window::Window;
use crate::level::{self, Kernel};
use crate::parallel::{self, Grain, Split};
use crate::pool::Buffer;

/// Numbers of a cache line: what keeps the planes of a block from falling into the same sets of the cache.
const APART: usize = 16;
/// Bytes of a block's planes.
const BLOCK: usize = 512 << 10;
/// Weights of a tap that are transformed at once.
const TRANSFORMED: usize = 512;
/// Tiles of a block: as many as fill the register tiles of its products, at least; enough that reading the transformed weights anew costs
/// little, at most.
const FEWEST_TILES: usize = 24;
const MOST_TILES: usize = 36;

/// Whether it is faster: shape alone decides, never the batch.
pub(super) fn serves<T: Float>(g: &ConvGeometry) -> bool {
    let is_plain = g.kernel == [1, 3, 3] && g.stride == [1; 3] && g.dilation == [1; 3] && g.groups == 1;
    let is_flat = g.input[0] == 1 && g.output[0] == 1 && g.padding[0] == 0 && g.padding[1] <= 2 && g.padding[2] <= 2;
    let has_channels = [g.channels, g.filters].iter().all(|&count| count >= 16 && count.is_multiple_of(16));
    let is_large = g.output[1] >= 4 && g.output[2] >= 4 && g.input[1] >= 4 && g.input[2] >= 4;
    g.algorithm == ConvAlgorithm::Auto && size_of::<T>() == 4 && is_plain && is_flat && has_channels && is_large
}

/// The sizes of a pass: y over x, or dx over dy.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    /// Heights and widths.
    source: [usize; 2],
    result: [usize; 2],
    padding: [usize; 2],
    /// Channels of the source and of the result.
    channels: usize,
    filters: usize,
    /// Height and width of a whole tile of the result: 2 or 3.
    tile: usize,
}

impl Sizes {
    fn forward(g: &ConvGeometry) -> Sizes {
        Sizes {
            tile: 2,
            source: [g.input[1], g.input[2]],
            result: [g.output[1], g.output[2]],
            padding: [g.padding[1], g.padding[2]],
            channels: g.channels,
            filters: g.filters,
        }
    }

    fn backward(g: &ConvGeometry) -> Sizes {
        Sizes {
            tile: 2,
            source: [g.output[1], g.output[2]],
            result: [g.input[1], g.input[2]],
            padding: [2 - g.padding[1], 2 - g.padding[2]],
            channels: g.filters,
            filters: g.channels,
        }
    }

    /// Rows and columns of tiles: of whole ones, and of narrow ones, which come last. With M = 2 the last whole one may go beyond the end.
    #[inline(always)]
    fn kinds(&self) -> [[usize; 2]; 2] {
        self.result.map(|size| match self.tile {
            // A size is 4 at least.
            3 => {
                let narrow = (3 - size % 3) % 3;
                [(size - 2 * narrow) / 3, narrow]
            }
            _ => [size.div_ceil(2), 0],
        })
    }

    /// Rows and columns of tiles of any kind.
    #[inline(always)]
    fn tiles(&self) -> [usize; 2] {
        self.kinds().map(|[whole, narrow]| whole + narrow)
    }

    /// The row of the result, in its image, where a row of tiles starts.
    #[inline(always)]
    fn top(&self, row: usize) -> usize {
        let [[whole, _], _] = self.kinds();
        (self.tile * row - row.saturating_sub(whole)).min(self.result[0])
    }

    /// Places of a transformed tile, each of which has its plane.
    #[inline(always)]
    fn places(&self) -> usize {
        (self.tile + 2) * (self.tile + 2)
    }

    /// Tiles whose planes, of so many numbers a place, take so many bytes.
    #[inline(always)]
    fn tiles_of(&self, bytes: usize, numbers: usize) -> usize {
        bytes / (self.places() * size_of::<f32>() * numbers)
    }

    /// Rows of at least so many tiles.
    #[inline(always)]
    fn rows_of(&self, tiles: usize) -> usize {
        tiles.div_ceil(self.tiles()[1])
    }

    /// From one plane of so many tiles to the next.
    #[inline(always)]
    fn plane(tiles: usize, channels: usize) -> usize {
        tiles * channels + APART
    }

    /// Whether the products of a place are of one panel of this width and as wide as their source, so that they can take its plane.
    #[inline(always)]
    fn is_square(&self, width: usize) -> bool {
        self.channels == self.filters && self.filters == width
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
    let (width, tile) = level::run(AtLevel { sizes, number: std::marker::PhantomData::<T> });
    let sizes = Sizes { tile, ..sizes };
    let panels = sizes.filters.div_ceil(width);
    let of_panel = sizes.places() * Sizes::plane(sizes.channels, width);
    let mut transformed = Buffer::<T>::new(sizes.places() * (sizes.channels * sizes.filters + panels * APART));
    for (panel, u) in transformed.chunks_mut(of_panel).enumerate() {
        let line = u.len() / sizes.places();
        let channels =
            Channels { count: sizes.channels, width: (line - APART) / sizes.channels, u: Window::new(u, line) };
        let chunk = (TRANSFORMED / channels.width).max(1);
        parallel::for_each(channels, Grain { chunk, serial: 2 * chunk }, |channel, channels| {
            level::run(products::Transform { sizes, weights, filter: panel * width, channel, channels });
        });
    }
    let tiles = sizes.tiles();
    let numbers = if sizes.is_square(width) { sizes.channels } else { sizes.channels + sizes.filters };
    let rows = sizes.rows_of(sizes.tiles_of(BLOCK, numbers).clamp(FEWEST_TILES, MOST_TILES));
    let images = result.len() / (sizes.result[0] * sizes.result_row());
    let cost = tiles[1] * sizes.places() * sizes.channels * sizes.filters;
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

/// Of a panel's transformed weights, `[S², C, width]`, some of the channels.
struct Channels<'a, T> {
    count: usize,
    width: usize,
    u: Window<'a, T>,
}

impl<T: Send> Split for Channels<'_, T> {
    fn len(&self) -> usize {
        self.count
    }
    fn split_at(self, at: usize) -> (Self, Self) {
        let Channels { count, width, u } = self;
        let (head, tail) = u.split_columns(at * width);
        (Channels { count: at, width, u: head }, Channels { count: count - at, width, u: tail })
    }
}

/// What depends on the level: numbers in a row of a full panel, and the size of a tile.
struct AtLevel<T> {
    sizes: Sizes,
    number: std::marker::PhantomData<T>,
}

impl<T: Float> Kernel<T> for AtLevel<T> {
    type Output = (usize, usize);

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) -> (usize, usize) {
        let filters = self.sizes.filters;
        let products = |tile: usize| {
            let kinds = Sizes { tile, ..self.sizes }.kinds();
            kinds.map(|[whole, narrow]| whole * (tile + 2) + narrow * (tile + 1)).iter().product::<usize>()
        };
        // An eighth fewer products at least: for less it is not worth rounding more.
        let tile = if L::FUSED && 8 * products(3) < 7 * products(2) { 3 } else { 2 };
        (registers::<L>(filters) * L::N, tile)
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
        tiles / height * self.sizes.result[0] + self.sizes.top(tiles % height)
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
