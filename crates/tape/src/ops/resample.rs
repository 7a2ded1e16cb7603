//! upsample_nearest, upsample_linear and pad_with: x along its spatial axes at other sizes, or continued beyond its ends.
//!
//! upsample_nearest takes place ⌊o·size/new⌋; upsample_linear interpolates between neighbours on each axis (bilinear on two), at
//! (o + ½)·size/new − ½, or at o·(size − 1)/(new − 1) with corners aligned, as PyTorch. pad_with continues an axis: by a number, by
//! reflection about its ends (which are not repeated), by its ends' numbers, or from its other end. All are linear maps along axes: each
//! gradient is the map's transpose.
//!
//! ```
//! use tape::{PadMode, Tape, Tensor};
//! let x = Tape::inference().input(Tensor::from([[[1.0], [3.0]]]));
//! assert_eq!(x.clone().upsample_nearest(&[4]).to_vec(), [1.0, 1.0, 3.0, 3.0]);
//! assert_eq!(x.clone().upsample_linear(&[4], false).to_vec(), [1.0, 1.5, 2.5, 3.0]);
//! assert_eq!(x.pad_with(1, 1, 1, PadMode::Reflect).to_vec(), [3.0, 1.0, 3.0, 1.0]);
//! ```

use crate::error::expect;
use crate::{Error, Float, Result, Shape, Tensor, Var};

/// How [`Var::pad_with`] continues an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PadMode {
    /// By this number.
    Constant(f64),
    /// Mirrored about the first and the last place: 2 1 | 0 1 2 | 1 0.
    Reflect,
    /// By the first and the last number: 0 0 | 0 1 2 | 2 2.
    Replicate,
    /// From the other end: 1 2 | 0 1 2 | 0 1.
    Circular,
}

fn check(op: &'static str, x: &Shape, sizes: &[usize]) -> Result<()> {
    let axes = x.rank().saturating_sub(2);
    if axes == 0 || sizes.len() != axes || x[1..=axes].contains(&0) {
        let problem = format!("sizes {sizes:?}: one for each spatial axis of x [N, …, C], none of which is empty");
        return Err(Error::Invalid { op, shape: x.to_vec(), problem });
    }
    Ok(())
}

impl<T: Float> Var<T> {
    /// x `[N, …, C]` at other spatial sizes, each place the nearest before it.
    ///
    /// # Panics
    /// If there are more or fewer sizes than spatial axes, or if an axis is empty.
    #[track_caller]
    pub fn upsample_nearest(self, sizes: &[usize]) -> Var<T> {
        expect(check("upsample_nearest", self.shape(), sizes));
        sizes.iter().enumerate().fold(self, |x, (axis, &new)| {
            let size = x.shape()[axis + 1];
            let places: Vec<i64> = (0..new).map(|o| (o * size / new) as i64).collect();
            x.index_select(axis as isize + 1, &Tensor::from(places))
        })
    }

    /// x `[N, …, C]` at other spatial sizes, interpolated linearly on each axis: bilinear for images.
    ///
    /// # Panics
    /// As [`Var::upsample_nearest`].
    #[track_caller]
    pub fn upsample_linear(self, sizes: &[usize], align_corners: bool) -> Var<T> {
        expect(check("upsample_linear", self.shape(), sizes));
        sizes.iter().enumerate().fold(self, |x, (axis, &new)| {
            let size = x.shape()[axis + 1];
            let place = |o: usize| match align_corners {
                true if new == 1 => 0.0,
                true => o as f64 * (size - 1) as f64 / (new - 1) as f64,
                false => ((o as f64 + 0.5) * size as f64 / new as f64 - 0.5).max(0.0),
            };
            // A neighbour without weight is not looked at: its infinity would make NaN.
            let at: Vec<(i64, f64)> = (0..new)
                .map(|o| {
                    let place = place(o).min((size - 1) as f64);
                    (place.floor() as i64, place.fract())
                })
                .collect();
            let (axis, rank) = (axis as isize + 1, x.rank());
            let pick = |places: Vec<i64>| x.clone().index_select(axis, &Tensor::from(places));
            let (before, after) = (
                pick(at.iter().map(|at| at.0).collect()),
                pick(at.iter().map(|at| at.0 + i64::from(at.1 > 0.0)).collect()),
            );
            let mut sizes = vec![1; rank];
            sizes[axis as usize] = new;
            let weights = |of: fn(f64) -> f64| {
                let numbers: Vec<T> = at.iter().map(|at| T::from_f64(of(at.1))).collect();
                x.beside(Tensor::fill_with(Shape::from(&sizes[..]), |to| to.copy_from_slice(&numbers)))
            };
            before * weights(|w| 1.0 - w) + after * weights(|w| w)
        })
    }

    /// One axis continued by `before` and `after` places.
    ///
    /// # Panics
    /// If there is no such axis; if it is empty (but for a constant); if a reflection reaches beyond its other end, or a circle is longer than
    /// the axis.
    #[track_caller]
    pub fn pad_with(self, axis: isize, before: usize, after: usize, mode: PadMode) -> Var<T> {
        let size = self.shape()[expect(self.shape().axis("pad_with", axis))];
        let most = match mode {
            PadMode::Constant(value) => return self.pad(axis, before, after, value),
            PadMode::Reflect => size.saturating_sub(1),
            PadMode::Replicate => {
                if size == 0 {
                    0
                } else {
                    usize::MAX
                }
            }
            PadMode::Circular => size,
        };
        if before.max(after) > most {
            let problem = format!(
                "axis {axis} of size {size} can be continued by {most} places at most in this way, not by {before} and {after}"
            );
            return expect(Err(Error::Invalid { op: "pad_with", shape: self.shape().to_vec(), problem }));
        }
        let (size, before, after) = (size as i64, before as i64, after as i64);
        let place = |at: i64| match mode {
            PadMode::Reflect if at < 0 => -at,
            PadMode::Reflect if at >= size => 2 * (size - 1) - at,
            PadMode::Circular => at.rem_euclid(size),
            _ => at.clamp(0, size - 1),
        };
        let places: Vec<i64> = (-before..size + after).map(place).collect();
        self.index_select(axis, &Tensor::from(places))
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::entry;
    const R: &[(f64, f64)] = &[(-2.0, 2.0)];
    const SHAPES: &[&[&[usize]]] = &[&[&[2, 4, 3]], &[&[1, 4, 1]], &[&[0, 4, 2]]];
    /// y[n, o, c] = Σ weight·x[n, place, c] over the places of o.
    fn mapped(x: &Tensor<f64>, rows: &[&[(usize, f64)]]) -> Tensor<f64> {
        let (n, c) = (x.shape()[0], x.shape()[2]);
        let mut y = Vec::new();
        for i in 0..n {
            for row in rows {
                y.extend((0..c).map(|j| row.iter().map(|&(at, weight)| weight * x.at([i, at, j])).sum::<f64>()));
            }
        }
        Tensor::new(&y, [n, rows.len(), c])
    }
    fn places(x: &Tensor<f64>, places: &[usize]) -> Tensor<f64> {
        let rows: Vec<[(usize, f64); 1]> = places.iter().map(|&at| [(at, 1.0)]).collect();
        mapped(x, &rows.iter().map(|row| &row[..]).collect::<Vec<_>>())
    }
    vec![
        entry!(
            "upsample_nearest",
            SHAPES,
            R,
            |x| x[0].clone().upsample_nearest(&[7]),
            whole | x | places(&x[0], &[0, 0, 1, 1, 2, 2, 3])
        ),
        entry!(
            "upsample_linear",
            SHAPES,
            R,
            |x| x[0].clone().upsample_linear(&[7], true),
            whole
                | x
                | mapped(
                    &x[0],
                    &[
                        &[(0, 1.0)],
                        &[(0, 0.5), (1, 0.5)],
                        &[(1, 1.0)],
                        &[(1, 0.5), (2, 0.5)],
                        &[(2, 1.0)],
                        &[(2, 0.5), (3, 0.5)],
                        &[(3, 1.0)]
                    ]
                )
        ),
        entry!(
            "upsample_linear",
            SHAPES,
            R,
            |x| x[0].clone().upsample_linear(&[8], false),
            whole
                | x
                | mapped(
                    &x[0],
                    &[
                        &[(0, 1.0)],
                        &[(0, 0.75), (1, 0.25)],
                        &[(0, 0.25), (1, 0.75)],
                        &[(1, 0.75), (2, 0.25)],
                        &[(1, 0.25), (2, 0.75)],
                        &[(2, 0.75), (3, 0.25)],
                        &[(2, 0.25), (3, 0.75)],
                        &[(3, 1.0)]
                    ]
                )
        ),
        entry!(
            "pad_with",
            SHAPES,
            R,
            |x| x[0].clone().pad_with(1, 2, 3, PadMode::Reflect),
            whole | x | places(&x[0], &[2, 1, 0, 1, 2, 3, 2, 1, 0])
        ),
        entry!(
            "pad_with",
            SHAPES,
            R,
            |x| x[0].clone().pad_with(1, 2, 1, PadMode::Replicate),
            whole | x | places(&x[0], &[0, 0, 0, 1, 2, 3, 3])
        ),
        entry!(
            "pad_with",
            SHAPES,
            R,
            |x| x[0].clone().pad_with(1, 1, 2, PadMode::Circular),
            whole | x | places(&x[0], &[3, 0, 1, 2, 3, 0, 1])
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::PadMode;
    use crate::{Tape, Tensor};

    #[test]
    fn two_axes_at_once() {
        let x = Tape::inference().input(Tensor::from([1.0, 2.0, 3.0, 4.0]).reshape([1, 2, 2, 1]));
        let y = x.upsample_linear(&[3, 3], true);
        assert_eq!(y.to_vec(), [1.0, 1.5, 2.0, 2.0, 2.5, 3.0, 3.0, 3.5, 4.0]);
    }

    #[test]
    #[should_panic(expected = "pad_with: shape [1, 3, 1]: axis 1 of size 3 can be continued by 2 places at most")]
    fn a_reflection_beyond_the_other_end_is_refused() {
        let _ = Tape::inference().input(Tensor::ones([1, 3, 1])).pad_with(1, 3, 0, PadMode::Reflect);
    }
}
