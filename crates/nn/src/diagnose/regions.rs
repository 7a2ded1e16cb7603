//! Linear regions in a report.

use super::finding::{Finding, Severity, Symptom};
use crate::regions::Regions;
use std::fmt::{Display, Formatter, Result};

/// Most cells whose outlines are kept for the picture.
const MOST: usize = 4000;

/// Into how many linear regions the network cuts a segment or a slice of its inputs: see [`crate::regions`].
#[derive(Clone, Debug)]
pub struct RegionReport {
    /// 1 for a segment, 2 for a slice.
    pub dimensions: usize,
    /// Where every unit stays on one side of its kinks.
    pub cells: usize,
    /// Where the network is one affine map.
    pub pieces: usize,
    /// Corners of each cell, in the coordinates of the slice, and which piece it belongs to; none where there are too many to draw.
    pub(super) outlines: Vec<(Vec<[f64; 2]>, usize)>,
}

impl RegionReport {
    pub(super) fn of<const D: usize>(regions: &Regions<D>) -> RegionReport {
        let cells = regions.cells();
        let drawn = if cells.len() > MOST { &[] } else { cells };
        let outline = |corners: &[[f64; D]]| match D {
            // A part of a segment is a strip.
            1 => {
                let (from, to) = (corners[0][0], corners[1][0]);
                vec![[from, 0.0], [to, 0.0], [to, 1.0], [from, 1.0]]
            }
            _ => corners.iter().map(|corner| [corner[0], corner[D - 1]]).collect(),
        };
        let outlines = drawn.iter().zip(regions.piece_of()).map(|(cell, &piece)| (outline(cell.corners()), piece));
        RegionReport { dimensions: D, cells: cells.len(), pieces: regions.pieces(), outlines: outlines.collect() }
    }

    /// That there is one piece alone.
    pub fn findings(&self) -> Vec<Finding> {
        if self.pieces != 1 {
            return Vec::new();
        }
        vec![Finding {
            severity: Severity::Note,
            symptom: Symptom::Trivial,
            layer: "network".into(),
            step: None,
            what: format!("it is one affine map on this {}", self.place()),
            advice: "Look at a larger one, and at dead units".into(),
        }]
    }

    pub(super) fn place(&self) -> &'static str {
        if self.dimensions == 1 { "segment" } else { "slice" }
    }
}

impl Display for RegionReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{} pieces in {} cells of the {}", self.pieces, self.cells, self.place())
    }
}
