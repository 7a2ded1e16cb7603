//! In which order a block has its tiles: whole ones apart from narrow ones, which lack the last point.

use super::Sizes;
use std::ops::Range;

/// The tiles of some rows of tiles: of whole rows the whole columns, then the narrow ones, and of narrow rows likewise.
#[derive(Clone, Copy)]
pub(super) struct Order {
    sizes: Sizes,
    /// The first row, counted over images.
    first: usize,
    /// Whole and narrow rows, and columns.
    rows: [usize; 2],
    columns: [usize; 2],
}

impl Order {
    #[inline(always)]
    pub(super) fn new(sizes: Sizes, first: usize, end: usize) -> Order {
        let mut order = Order { sizes, first, rows: [0; 2], columns: sizes.kinds()[1] };
        let whole = order.whole_before(end);
        order.rows = [whole, end - first - whole];
        order
    }

    /// Tiles.
    #[inline(always)]
    pub(super) fn count(&self) -> usize {
        self.rows.iter().sum::<usize>() * self.columns.iter().sum::<usize>()
    }

    /// Whole rows of these before this one, counted over images.
    #[inline(always)]
    fn whole_before(&self, row: usize) -> usize {
        let [[whole, narrow], _] = self.sizes.kinds();
        let of = |row: usize| row / (whole + narrow) * whole + (row % (whole + narrow)).min(whole);
        of(row) - of(self.first)
    }

    /// Whether this row, counted over images, is a narrow one.
    #[inline(always)]
    pub(super) fn is_narrow(&self, row: usize) -> bool {
        let [[whole, narrow], _] = self.sizes.kinds();
        row % (whole + narrow) >= whole
    }

    /// Which tiles this row's whole and narrow ones start with.
    #[inline(always)]
    pub(super) fn starts(&self, row: usize) -> [usize; 2] {
        let [whole, narrow] = self.columns;
        let before = self.whole_before(row);
        if self.is_narrow(row) {
            let (start, before) = (self.rows[0] * (whole + narrow), row - self.first - before);
            [start + before * whole, start + self.rows[1] * whole + before * narrow]
        } else {
            [before * whole, self.rows[0] * whole + before * narrow]
        }
    }

    /// The tiles that have a place.
    #[inline(always)]
    pub(super) fn of_place(&self, place: usize) -> [Range<usize>; 2] {
        let points = self.sizes.tile + 2;
        let ([rows, narrow_rows], [whole, narrow]) = (self.rows, self.columns);
        let of_rows = rows * (whole + narrow);
        let is_last = |point: usize| point + 1 == points;
        let all = if is_last(place / points) { of_rows } else { self.count() };
        if !is_last(place % points) || narrow == 0 {
            return [0..all, 0..0];
        }
        let second = if all > of_rows { of_rows..of_rows + narrow_rows * whole } else { 0..0 };
        [0..rows * whole, second]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every tile has one index, and a place's are those that its points are in.
    #[test]
    fn a_tile_has_one_index_and_a_place_the_tiles_it_is_a_point_of() {
        for (tile, height, width) in [(3, 4, 9), (3, 16, 7), (3, 8, 8), (3, 9, 5), (3, 6, 12), (2, 7, 8)] {
            let sizes = Sizes { tile, result: [height, width], ..SIZES };
            let [rows, [whole, narrow]] = sizes.kinds();
            assert!(rows.iter().sum::<usize>() == sizes.tiles()[0] && sizes.top(sizes.tiles()[0]) == height);
            let rows = sizes.tiles()[0];
            for (first, end) in [(0, rows), (1, 2 * rows), (rows - 1, 3 * rows - 1), (rows, rows + 1)] {
                let order = Order::new(sizes, first, end);
                // Of each tile: whether its row and its column are narrow.
                let mut tiles = vec![None; order.count()];
                for row in first..end {
                    let [of_whole, of_narrow] = order.starts(row);
                    for (start, count, is_narrow) in [(of_whole, whole, false), (of_narrow, narrow, true)] {
                        for tile in &mut tiles[start..start + count] {
                            assert_eq!(tile.replace((order.is_narrow(row), is_narrow)), None, "{row} of {sizes:?}");
                        }
                    }
                }
                let points = tile + 2;
                for place in 0..points * points {
                    let has = |tile: usize| {
                        let (row, column) = tiles[tile].expect("every index is a tile's");
                        !(row && place / points + 1 == points || column && place % points + 1 == points)
                    };
                    let expected: Vec<usize> = (0..order.count()).filter(|&tile| has(tile)).collect();
                    let found: Vec<usize> = order.of_place(place).into_iter().flatten().collect();
                    assert_eq!(found, expected, "place {place} of {sizes:?}, rows {first}..{end}");
                }
            }
        }
    }

    const SIZES: Sizes = Sizes { source: [9; 2], result: [9; 2], padding: [1; 2], channels: 16, filters: 16, tile: 3 };
}
