//! Cutting a segment or a rectangle at the kinks of unit after unit.

use super::cell::{Cell, Regions};
use super::merge::{Touch, merge};
use super::piecewise::{Affine, Bend, Piecewise, Stage};
use crate::Result;
use crate::error::setting;
use std::ops::Range;
use tape::{Float, Tensor};

/// Nearer to its kink, relative to the sizes of its sum's terms, a unit counts as lying on it; see [`super`].
pub(super) const TOLERANCE: f64 = 1.0 / (1u64 << 40) as f64;

impl Piecewise {
    /// Everything between two inputs: coordinate 0 is `from`, 1 is `to`.
    ///
    /// # Errors
    /// If they do not have the input's shape or are not finite, or if a value inside the network is not finite.
    ///
    /// ```
    /// use nn::{prelude::*, regions::Piecewise};
    /// let line = Piecewise::of::<f32>(&Relu, 2)?.along(&Tensor::from([-1.0, 2.0]), &Tensor::from([3.0, 2.0]))?;
    /// assert_eq!((line.cells().len(), line.kinks()), (2, vec![0.25]));
    /// assert_eq!(line.cells()[1].at([0.5]), [1.0, 2.0]);
    /// assert_eq!(line.cells()[1].slopes(), &[vec![4.0, 0.0]]);
    /// # Ok::<(), nn::Error>(())
    /// ```
    pub fn along<T: Float>(&self, from: &Tensor<T>, to: &Tensor<T>) -> Result<Regions<1>> {
        let (from, to) = (self.example("from", from)?, self.example("to", to)?);
        let step = from.iter().zip(&to).map(|(from, to)| to - from).collect();
        self.regions(vec![[0.0], [1.0]], from, [step])
    }

    /// Everything in the rectangle `ranges` of the plane origin + s·u + t·v, for axes `[u, v]`; coordinates are (s, t).
    ///
    /// # Errors
    /// If origin or axes do not have the input's shape or are not finite, if a range is empty or not finite, or if a value inside the network is not finite.
    ///
    /// ```
    /// use nn::{prelude::*, regions::Piecewise};
    /// let net = Piecewise::of::<f32>(&Relu, 2)?;
    /// let axes = [&Tensor::from([1.0, 0.0]), &Tensor::from([0.0, 1.0])];
    /// let plane = net.on_slice(&Tensor::from([0.0, 0.0]), axes, [-1.0..1.0, -1.0..3.0])?;
    /// assert_eq!((plane.cells().len(), plane.pieces()), (4, 4));
    /// assert_eq!(plane.cells().iter().map(|cell| cell.area()).sum::<f64>(), 8.0);
    /// # Ok::<(), nn::Error>(())
    /// ```
    pub fn on_slice<T: Float>(
        &self,
        origin: &Tensor<T>,
        axes: [&Tensor<T>; 2],
        ranges: [Range<f64>; 2],
    ) -> Result<Regions<2>> {
        let [u, v] = axes;
        let (origin, u, v) = (self.example("origin", origin)?, self.example("u", u)?, self.example("v", v)?);
        for range in &ranges {
            let is_proper = range.start < range.end && (range.end - range.start).is_finite();
            if !is_proper {
                return setting("on_slice", format!("the range {range:?} is empty or not finite"));
            }
        }
        let [Range { start: left, end: right }, Range { start: bottom, end: top }] = ranges;
        self.regions(vec![[left, bottom], [right, bottom], [right, top], [left, top]], origin, [u, v])
    }

    /// The numbers of an input.
    fn example<T: Float>(&self, what: &'static str, x: &Tensor<T>) -> Result<Vec<f64>> {
        if x.shape() != self.input_shape() {
            let expected = self.input_shape();
            return setting(what, format!("shape {:?}; inputs are {expected:?}, without a batch axis", x.shape()));
        }
        let numbers: Vec<f64> = x.iter().map(T::to_f64).collect();
        match numbers.iter().position(|number| !number.is_finite()) {
            Some(at) => setting(what, format!("{} at element {at}; it must be finite", numbers[at])),
            None => Ok(numbers),
        }
    }

    fn regions<const D: usize>(
        &self,
        corners: Vec<[f64; D]>,
        origin: Vec<f64>,
        axes: [Vec<f64>; D],
    ) -> Result<Regions<D>>
    where
        Cell<D>: Touch,
    {
        let rows: Vec<f64> = origin.iter().chain(axes.iter().flatten()).copied().collect();
        let values = Values { sizes: vec![0.0; 2 * origin.len()], rows };
        let whole = Part { stage: 0, corners, anchor: [0.0; D], pattern: Vec::new(), values, saved: Vec::new() };
        let mut todo = vec![whole.anchored()];
        let mut cells = Vec::new();
        while let Some(mut part) = todo.pop() {
            match self.stages.get(part.stage) {
                None => cells.push(part.into_cell()),
                Some(Stage::Bend(bend)) => todo.extend(part.bent(bend).into_iter().rev()),
                Some(Stage::Largest(largest)) => todo.extend(part.won(largest).into_iter().rev()),
                Some(stage) => {
                    part.pass(stage)?;
                    todo.push(part);
                }
            }
        }
        let (piece_of, pieces) = merge(&cells);
        Ok(Regions { cells, piece_of, pieces })
    }
}

/// What n units are over a part.
#[derive(Clone)]
pub(super) struct Values {
    /// Their values at the anchor, then their slopes for each coordinate: (D + 1)·n numbers.
    pub(super) rows: Vec<f64>,
    /// Sizes of the terms of the values over the part, and of the slopes: 2·n numbers.
    pub(super) sizes: Vec<f64>,
}

impl Values {
    pub(super) fn units(&self) -> usize {
        self.sizes.len() / 2
    }

    /// The largest magnitudes over a part that reaches so far from its anchor, and those of the slopes.
    fn magnitudes<const D: usize>(&self, reach: [f64; D]) -> Vec<f64> {
        let n = self.units();
        let slope = |i: usize, axis: usize| self.rows[(axis + 1) * n + i].abs();
        let values = (0..n).map(|i| self.rows[i].abs() + (0..D).map(|axis| slope(i, axis) * reach[axis]).sum::<f64>());
        values.chain((0..n).map(|i| (0..D).map(|axis| slope(i, axis)).sum())).collect()
    }

    fn shift<const D: usize>(&mut self, step: [f64; D]) {
        let n = self.units();
        let (values, slopes) = self.rows.split_at_mut(n);
        for (i, value) in values.iter_mut().enumerate() {
            *value += (0..D).map(|axis| slopes[axis * n + i] * step[axis]).sum::<f64>();
        }
    }
}

/// A part on its way through the network.
pub(super) struct Part<const D: usize> {
    pub(super) stage: usize,
    pub(super) corners: Vec<[f64; D]>,
    /// Its middle, where values are taken: far from the part they would be differences of large numbers.
    pub(super) anchor: [f64; D],
    pub(super) pattern: Vec<u8>,
    pub(super) values: Values,
    pub(super) saved: Vec<Values>,
}

impl<const D: usize> Part<D> {
    /// The middle of a box around it, and how far it reaches from there.
    fn extent(&self) -> [(f64, f64); D] {
        std::array::from_fn(|axis| {
            let along = || self.corners.iter().map(|corner| corner[axis]);
            let (least, greatest) = (along().fold(f64::MAX, f64::min), along().fold(f64::MIN, f64::max));
            (least + (greatest - least) / 2.0, (greatest - least) / 2.0)
        })
    }

    /// With its own anchor.
    pub(super) fn anchored(mut self) -> Self {
        let extent = self.extent();
        let step: [f64; D] = std::array::from_fn(|axis| extent[axis].0 - self.anchor[axis]);
        self.anchor = extent.map(|(middle, _)| middle);
        self.saved.iter_mut().for_each(|values| values.shift(step));
        self.values.shift(step);
        if self.stage == 0 {
            self.values.sizes = self.values.magnitudes(extent.map(|(_, reach)| reach));
        }
        self
    }

    /// Through a stage without kinks.
    fn pass(&mut self, stage: &Stage) -> Result<()> {
        match stage {
            Stage::Affine(affine) => self.map(affine)?,
            Stage::Save => self.saved.push(self.values.clone()),
            Stage::Add => {
                let saved = self.saved.pop().expect("a sum stands behind what it adds");
                let add = |to: &mut [f64], from: &[f64]| to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
                add(&mut self.values.rows, &saved.rows);
                add(&mut self.values.sizes, &saved.sizes);
            }
            Stage::Bend(_) | Stage::Largest(_) => unreachable!("kinks cut"),
        }
        self.stage += 1;
        Ok(())
    }

    fn map(&mut self, affine: &Affine) -> Result<()> {
        let magnitudes = self.values.magnitudes(self.extent().map(|(_, reach)| reach));
        let mut values =
            Values { rows: affine.linear(&self.values.rows, false), sizes: affine.linear(&magnitudes, true) };
        for (i, bias) in affine.bias.iter().enumerate() {
            values.rows[i] += bias;
            values.sizes[i] += bias.abs();
        }
        if !values.sizes.iter().all(|size| size.is_finite()) {
            return setting("regions", "values inside the network overflow f64; scale the weights or the inputs down");
        }
        self.values = values;
        Ok(())
    }

    /// What an activation makes of it: parts in which every unit is on one side, in order along a segment.
    fn bent(self, bend: &Bend) -> Vec<Self> {
        let n = self.values.units();
        let mut parts = vec![self.corners.clone()];
        for i in 0..n {
            for &knot in &bend.knots {
                let tolerance = self.tolerance(i, knot);
                parts = parts.into_iter().flat_map(|part| self.halves(part, i, knot, tolerance)).collect();
            }
        }
        parts.into_iter().map(|corners| self.on_one_side(corners, bend).anchored()).collect()
    }

    fn tolerance(&self, unit: usize, knot: f64) -> f64 {
        TOLERANCE * (self.values.sizes[unit] + knot.abs())
    }

    /// How far a unit is above a knot at a point.
    fn height(&self, unit: usize, knot: f64, point: &[f64; D]) -> f64 {
        let (n, rows) = (self.values.units(), &self.values.rows);
        let moved = (0..D).map(|axis| rows[(axis + 1) * n + unit] * (point[axis] - self.anchor[axis]));
        rows[unit] + moved.sum::<f64>() - knot
    }

    /// The corners on both sides of a kink, the side of the first corner first; or all of them, if one side is empty.
    fn halves(&self, corners: Vec<[f64; D]>, unit: usize, knot: f64, tolerance: f64) -> Vec<Vec<[f64; D]>> {
        let heights: Vec<f64> = corners.iter().map(|corner| self.height(unit, knot, corner)).collect();
        let is_cut = heights.iter().any(|&h| h > tolerance) && heights.iter().any(|&h| h < -tolerance);
        if !is_cut {
            return vec![corners];
        }
        let [below, above] = split(&corners, &heights, tolerance);
        if heights[0] > 0.0 { vec![above, below] } else { vec![below, above] }
    }

    /// The part with these corners, behind the activation.
    fn on_one_side(&self, corners: Vec<[f64; D]>, bend: &Bend) -> Self {
        let (n, mut values, mut pattern) = (self.values.units(), self.values.clone(), self.pattern.clone());
        for i in 0..n {
            // No corner of a part lies beyond the tolerance on one side if another does on the other: one that is above is enough.
            let is_above =
                |&&knot: &&f64| corners.iter().any(|corner| self.height(i, knot, corner) > self.tolerance(i, knot));
            let side = bend.knots.iter().filter(is_above).count();
            pattern.push(u8::try_from(side).unwrap_or(u8::MAX));
            for row in 0..=D {
                values.rows[row * n + i] *= bend.slopes[side][i];
            }
            values.rows[i] += bend.offsets[side];
            values.sizes[i] = values.sizes[i] * bend.slopes[side][i].abs() + bend.offsets[side].abs();
            values.sizes[n + i] *= bend.slopes[side][i].abs();
        }
        Part { stage: self.stage + 1, corners, anchor: self.anchor, pattern, values, saved: self.saved.clone() }
    }

    fn into_cell(self) -> Cell<D> {
        let n = self.values.units();
        let row = |row: usize| self.values.rows[row * n..(row + 1) * n].to_vec();
        let (value, slopes) = (row(0), std::array::from_fn(|axis| row(axis + 1)));
        let slope_sizes = self.values.sizes[n..].to_vec();
        Cell { corners: self.corners, pattern: self.pattern, anchor: self.anchor, value, slopes, slope_sizes }
    }
}

/// The corners below and above the line on which heights are 0, for a part that it cuts.
pub(super) fn split<const D: usize>(corners: &[[f64; D]], heights: &[f64], tolerance: f64) -> [Vec<[f64; D]>; 2] {
    let (mut below, mut above) = (Vec::with_capacity(corners.len() + 1), Vec::with_capacity(corners.len() + 1));
    for (i, (&corner, &height)) in corners.iter().zip(heights).enumerate() {
        if height <= tolerance {
            below.push(corner);
        }
        if height >= -tolerance {
            above.push(corner);
        }
        // A segment has one edge, a polygon as many as corners.
        let next = if i + 1 < corners.len() { i + 1 } else { 0 };
        let is_edge = D > 1 || next > 0;
        if is_edge && height.abs().min(heights[next].abs()) > tolerance && (height > 0.0) != (heights[next] > 0.0) {
            let share = height / (height - heights[next]);
            let crossing = std::array::from_fn(|axis| corner[axis] + share * (corners[next][axis] - corner[axis]));
            below.push(crossing);
            above.push(crossing);
        }
    }
    [below, above]
}
