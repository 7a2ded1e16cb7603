//! Merging neighbours with the same affine map.

use super::cell::{Cell, cross};

/// Whether two cells share more than a corner.
pub(super) trait Touch {
    /// Where the cell begins and ends on the first axis.
    fn span(&self) -> (f64, f64);
    /// Whether they share an edge, or an end, up to `tolerance`.
    fn touches(&self, other: &Self, tolerance: f64) -> bool;
}

impl Touch for Cell<1> {
    fn span(&self) -> (f64, f64) {
        (self.start(), self.end())
    }

    fn touches(&self, other: &Self, tolerance: f64) -> bool {
        (self.end() - other.start()).abs().min((self.start() - other.end()).abs()) <= tolerance
    }
}

impl Touch for Cell<2> {
    fn span(&self) -> (f64, f64) {
        bounds(self, 0)
    }

    fn touches(&self, other: &Self, tolerance: f64) -> bool {
        let ((a, b), (c, d)) = (bounds(self, 1), bounds(other, 1));
        a <= d + tolerance
            && c <= b + tolerance
            && edges(self).any(|one| edges(other).any(|two| share_a_stretch(one, two, tolerance)))
    }
}

fn bounds(cell: &Cell<2>, axis: usize) -> (f64, f64) {
    let along = || cell.corners.iter().map(|corner| corner[axis]);
    (along().fold(f64::MAX, f64::min), along().fold(f64::MIN, f64::max))
}

fn edges(cell: &Cell<2>) -> impl Iterator<Item = [[f64; 2]; 2]> {
    (0..cell.corners.len()).map(|i| [cell.corners[i], cell.corners[(i + 1) % cell.corners.len()]])
}

/// Whether the shorter edge lies on the longer one for more than a few tolerances.
fn share_a_stretch(one: [[f64; 2]; 2], two: [[f64; 2]; 2], tolerance: f64) -> bool {
    let step = |[a, b]: [[f64; 2]; 2]| [b[0] - a[0], b[1] - a[1]];
    let length = |edge| step(edge)[0].hypot(step(edge)[1]);
    let (long, short) = if length(one) < length(two) { (two, one) } else { (one, two) };
    let (size, direction) = (length(long), step(long));
    if length(short) <= 4.0 * tolerance {
        return false;
    }
    let relative = |point: [f64; 2]| [point[0] - long[0][0], point[1] - long[0][1]];
    if short.iter().any(|&point| cross(relative(point), direction).abs() > tolerance * size) {
        return false;
    }
    let place = |point: [f64; 2]| (relative(point)[0] * direction[0] + relative(point)[1] * direction[1]) / size;
    let (a, b) = (place(short[0]), place(short[1]));
    a.max(b).min(size) - a.min(b).max(0.0) > 4.0 * tolerance
}

/// For each cell the number of its piece, and how many there are.
pub(super) fn merge<const D: usize>(cells: &[Cell<D>]) -> (Vec<usize>, usize)
where
    Cell<D>: Touch,
{
    let mut order: Vec<usize> = (0..cells.len()).collect();
    order.sort_by(|&a, &b| cells[a].span().0.total_cmp(&cells[b].span().0));
    let size = cells.iter().flat_map(|cell| cell.corners.iter().flatten()).fold(0.0, |size: f64, x| size.max(x.abs()));
    // Corners on a common edge were each computed with a few roundings; 2⁻⁴⁰ of the coordinates is thousands of them.
    let tolerance = size / (1u64 << 40) as f64;
    let mut parents: Vec<usize> = (0..cells.len()).collect();
    // Cells that reach to where the sweep stands.
    let mut open: Vec<usize> = Vec::new();
    for a in order {
        open.retain(|&b| cells[b].span().1 >= cells[a].span().0 - tolerance);
        for &b in &open {
            let (root, other) = (root(&mut parents, a), root(&mut parents, b));
            if root != other && cells[a].continues(&cells[b]) && cells[a].touches(&cells[b], tolerance) {
                parents[root.max(other)] = root.min(other);
            }
        }
        open.push(a);
    }
    let (mut numbers, mut count) = (vec![usize::MAX; cells.len()], 0);
    for cell in 0..cells.len() {
        let root = root(&mut parents, cell);
        if numbers[root] == usize::MAX {
            numbers[root] = count;
            count += 1;
        }
        numbers[cell] = numbers[root];
    }
    (numbers, count)
}

fn root(parents: &mut [usize], mut cell: usize) -> usize {
    while parents[cell] != cell {
        parents[cell] = parents[parents[cell]];
        cell = parents[cell];
    }
    cell
}
