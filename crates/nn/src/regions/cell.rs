//! [`Cell`]: where the network is one affine map; [`Regions`]: all cells of a segment or of a slice.

/// A part of a segment (`D = 1`) or a convex polygon of a slice (`D = 2`) in which every unit stays on one side of its kinks.
#[derive(Clone, Debug)]
pub struct Cell<const D: usize> {
    pub(super) corners: Vec<[f64; D]>,
    pub(super) pattern: Vec<u8>,
    pub(super) anchor: [f64; D],
    pub(super) value: Vec<f64>,
    pub(super) slopes: [Vec<f64>; D],
    /// Of the terms that the slopes are sums of.
    pub(super) slope_sizes: Vec<f64>,
}

impl<const D: usize> Cell<D> {
    /// Its corners: the two ends of a part of a segment, a polygon's in order around it.
    pub fn corners(&self) -> &[[f64; D]] {
        &self.corners
    }

    /// On which side each unit is, layer by layer: the number of its knots that lie below its sum. For a rectifier 0 (x ≤ 0) or 1. For the largest of a set its place in the set.
    pub fn pattern(&self) -> &[u8] {
        &self.pattern
    }

    /// A point inside.
    pub fn middle(&self) -> [f64; D] {
        let count = self.corners.len() as f64;
        std::array::from_fn(|axis| self.corners.iter().map(|corner| corner[axis]).sum::<f64>() / count)
    }

    /// The cell's affine map at a point: inside, the network's output.
    pub fn at(&self, point: [f64; D]) -> Vec<f64> {
        let step: [f64; D] = std::array::from_fn(|axis| point[axis] - self.anchor[axis]);
        let moved =
            |(i, value): (usize, &f64)| value + (0..D).map(|axis| step[axis] * self.slopes[axis][i]).sum::<f64>();
        self.value.iter().enumerate().map(moved).collect()
    }

    /// For each coordinate, how fast each output changes with it.
    pub fn slopes(&self) -> &[Vec<f64>; D] {
        &self.slopes
    }

    /// Whether both have the same affine map, given that they touch: then equal slopes are enough.
    pub(super) fn continues(&self, other: &Cell<D>) -> bool {
        (0..D).all(|axis| {
            let slopes = self.slopes[axis].iter().zip(&other.slopes[axis]);
            let sizes = self.slope_sizes.iter().zip(&other.slope_sizes);
            slopes.zip(sizes).all(|((a, b), (s, t))| (a - b).abs() <= SAME * (s + t))
        })
    }
}

/// Slopes that differ by less, relative to the sizes of their terms, are the same.
const SAME: f64 = 1.0 / (1u64 << 48) as f64;

impl Cell<1> {
    /// Where it begins: 0 at the segment's beginning, 1 at its end.
    pub fn start(&self) -> f64 {
        self.corners[0][0]
    }

    /// Where it ends.
    pub fn end(&self) -> f64 {
        self.corners[1][0]
    }
}

impl Cell<2> {
    /// Its area, in the slice's coordinates.
    pub fn area(&self) -> f64 {
        // Relative to a corner, so that a small polygon far from 0 keeps its digits.
        let [x, y] = self.corners[0];
        let edges = self.corners.windows(2);
        let twice: f64 =
            edges.map(|pair| cross([pair[0][0] - x, pair[0][1] - y], [pair[1][0] - x, pair[1][1] - y])).sum();
        (twice / 2.0).abs()
    }
}

pub(super) fn cross(a: [f64; 2], b: [f64; 2]) -> f64 {
    a[0] * b[1] - a[1] * b[0]
}

/// The cells of a segment (`D = 1`), in order, or of a slice (`D = 2`), and how they make up pieces.
#[derive(Clone, Debug)]
pub struct Regions<const D: usize> {
    pub(super) cells: Vec<Cell<D>>,
    pub(super) piece_of: Vec<usize>,
    pub(super) pieces: usize,
}

impl<const D: usize> Regions<D> {
    /// The cells: one for each pattern.
    pub fn cells(&self) -> &[Cell<D>] {
        &self.cells
    }

    /// The number of pieces: connected sets of cells with the same affine map.
    pub fn pieces(&self) -> usize {
        self.pieces
    }

    /// Which piece each cell belongs to, numbered in the order of first cells.
    pub fn piece_of(&self) -> &[usize] {
        &self.piece_of
    }
}

impl Regions<1> {
    /// Where a unit has its kink, between 0 and 1: between cells.
    pub fn kinks(&self) -> Vec<f64> {
        self.cells.iter().skip(1).map(Cell::start).collect()
    }

    /// Where the network bends: between pieces.
    pub fn breakpoints(&self) -> Vec<f64> {
        let pairs = self.cells.iter().zip(&self.piece_of).skip(1).zip(&self.piece_of);
        pairs.filter(|((_, piece), before)| piece != before).map(|((cell, _), _)| cell.start()).collect()
    }
}
