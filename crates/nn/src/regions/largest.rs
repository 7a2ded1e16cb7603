//! Cutting a part where another unit of a set becomes the largest.
//!
//! For each unit of a set what is left of the part after a cut against each other unit: a convex part where it is the largest. Of units that are equal all over a part the first takes it.

use super::cut::{Part, TOLERANCE, Values, split};
use super::piecewise::Largest;

impl<const D: usize> Part<D> {
    /// Parts in each of which every set has one largest unit, in order along a segment.
    pub(super) fn won(self, largest: &Largest) -> Vec<Self> {
        // Corners, and for each set which of its units won.
        let mut parts = vec![(self.corners.clone(), Vec::new())];
        for set in &largest.sets {
            let of_part = |(corners, winners): (Vec<[f64; D]>, Vec<usize>)| {
                let place = |place: usize| {
                    let mut winners = winners.clone();
                    winners.push(place);
                    Some((self.where_largest(corners.clone(), set, place)?, winners))
                };
                let mut won: Vec<_> = (0..set.len()).filter_map(place).collect();
                won.sort_by(|(a, _), (b, _)| a[0][0].total_cmp(&b[0][0]));
                if won.is_empty() {
                    // Equal up to rounding in pairs, but not all of them: a is above b, b passes for c, and c for a.
                    won.push((corners, [winners, vec![self.highest(set)]].concat()));
                }
                // Along a segment each end was found from another pair of ends, and may be another number in its last digit.
                for next in 1..if D == 1 { won.len() } else { 0 } {
                    won[next].0[0] = won[next - 1].0[1];
                }
                won
            };
            parts = parts.into_iter().flat_map(of_part).collect();
        }
        parts.into_iter().map(|(corners, winners)| self.with_winners(corners, &winners, largest).anchored()).collect()
    }

    /// What is left of a part where no unit of a set is above the one at a place.
    fn where_largest(&self, mut corners: Vec<[f64; D]>, set: &[usize], place: usize) -> Option<Vec<[f64; D]>> {
        for (other, &unit) in set.iter().enumerate().filter(|&(other, _)| other != place) {
            let tolerance = TOLERANCE * (self.values.sizes[set[place]] + self.values.sizes[unit]);
            let heights: Vec<f64> = corners.iter().map(|corner| self.lead(set[place], unit, corner)).collect();
            let (wins, loses) = (heights.iter().any(|&h| h > tolerance), heights.iter().any(|&h| h < -tolerance));
            match (wins, loses) {
                (true, true) => [_, corners] = split(&corners, &heights, tolerance),
                (false, true) => return None,
                (false, false) if other < place => return None,
                _ => (),
            }
        }
        Some(corners)
    }

    /// The place in a set of what is the largest at the anchor.
    fn highest(&self, set: &[usize]) -> usize {
        let height = |place: &usize| self.values.rows[set[*place]];
        (0..set.len()).max_by(|a, b| height(a).total_cmp(&height(b))).unwrap_or(0)
    }

    /// How far a unit is above another at a point.
    fn lead(&self, unit: usize, other: usize, point: &[f64; D]) -> f64 {
        let (n, rows) = (self.values.units(), &self.values.rows);
        let apart = |row: usize| rows[row * n + unit] - rows[row * n + other];
        apart(0) + (0..D).map(|axis| apart(axis + 1) * (point[axis] - self.anchor[axis])).sum::<f64>()
    }

    fn with_winners(&self, corners: Vec<[f64; D]>, winners: &[usize], largest: &Largest) -> Self {
        let (n, mut pattern) = (self.values.units(), self.pattern.clone());
        pattern.extend(winners.iter().map(|&place| u8::try_from(place).unwrap_or(u8::MAX)));
        let units: Vec<usize> = largest.sets.iter().zip(winners).map(|(set, &place)| set[place]).collect();
        let of = |numbers: &[f64]| {
            let rows = numbers.chunks_exact(n.max(1));
            rows.flat_map(|row| units.iter().map(|&unit| row[unit])).collect::<Vec<f64>>()
        };
        let values = Values { rows: of(&self.values.rows), sizes: of(&self.values.sizes) };
        Part { stage: self.stage + 1, corners, anchor: self.anchor, pattern, values, saved: self.saved.clone() }
    }
}
