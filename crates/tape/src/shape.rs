//! The sizes of a tensor's axes, outermost first; the last axis is contiguous in a fresh tensor.

use crate::{Error, Result};
use std::fmt;
use std::ops::Deref;

/// The most axes a tensor can have.
pub const MAX_RANK: usize = 8;

/// The sizes of up to [`MAX_RANK`] axes; none for a scalar.
///
/// ```
/// use tape::Shape;
/// let shape = Shape::from([2, 3]);
/// assert_eq!((shape.rank(), shape.elements(), shape[1]), (2, 6, 3));
/// assert_eq!(Shape::from([]).elements(), 1);
/// ```
#[derive(Clone, Copy, Eq)]
pub struct Shape {
    sizes: [usize; MAX_RANK],
    rank: usize,
}

impl Shape {
    /// The shape of a scalar: no axes, one element.
    pub const SCALAR: Shape = Shape { sizes: [0; MAX_RANK], rank: 0 };

    /// A shape with these sizes.
    ///
    /// # Errors
    /// If there are more than [`MAX_RANK`] axes, or more elements than memory can address.
    pub fn new(sizes: &[usize]) -> Result<Shape> {
        let problem = |problem| Error::Invalid { op: "shape", shape: sizes.to_vec(), problem };
        if sizes.len() > MAX_RANK {
            return Err(problem(format!("{} axes, at most {MAX_RANK} are possible", sizes.len())));
        }
        // Zeros are left out, so that no later product of some of the axes overflows either.
        let elements = sizes.iter().filter(|&&size| size > 0).try_fold(1usize, |n, &size| n.checked_mul(size));
        if elements.is_none_or(|n| n > isize::MAX as usize) {
            return Err(problem("more elements than memory can address".to_string()));
        }
        let mut shape = Shape { sizes: [0; MAX_RANK], rank: sizes.len() };
        shape.sizes[..sizes.len()].copy_from_slice(sizes);
        Ok(shape)
    }

    /// The number of axes.
    #[inline]
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// The number of elements.
    #[inline]
    pub fn elements(&self) -> usize {
        self.iter().product()
    }

    /// The position of an axis, counted from the end where negative.
    ///
    /// # Errors
    /// If there is no such axis.
    pub fn axis(&self, op: &'static str, axis: isize) -> Result<usize> {
        let from_start = if axis < 0 { axis + self.rank as isize } else { axis };
        let found = usize::try_from(from_start).ok().filter(|&axis| axis < self.rank);
        found.ok_or_else(|| Error::Axis { op, axis, shape: self.to_vec() })
    }

    /// The shape that two tensors broadcast to, numpy's rule: aligned at the last axis, sizes equal or one of them 1.
    ///
    /// # Errors
    /// If they do not.
    #[inline]
    pub fn broadcast(&self, op: &'static str, other: &Shape) -> Result<Shape> {
        if self == other { Ok(*self) } else { self.broadcast_slowly(op, other) }
    }

    fn broadcast_slowly(&self, op: &'static str, other: &Shape) -> Result<Shape> {
        let rank = self.rank.max(other.rank);
        let mut sizes = [0; MAX_RANK];
        for (i, slot) in sizes.iter_mut().enumerate().take(rank) {
            let size = |shape: &Shape| (i + shape.rank).checked_sub(rank).map_or(1, |axis| shape.sizes[axis]);
            *slot = match (size(self), size(other)) {
                (a, b) if a == b => a,
                (1, b) => b,
                (a, 1) => a,
                _ => {
                    return Err(Error::ShapeMismatch {
                        op,
                        lhs: self.to_vec(),
                        rhs: other.to_vec(),
                        hint: "axes are aligned at the last one and must be equal or 1; reshape or unsqueeze one side",
                    });
                }
            };
        }
        Shape::new(&sizes[..rank])
    }

    /// The shape without the axes in the set, or with size 1 in their place.
    pub(crate) fn reduced(&self, axes: u32, keep: bool) -> Shape {
        let mut shape = Shape::SCALAR;
        for (axis, &size) in self.iter().enumerate() {
            let is_reduced = axes & (1 << axis) != 0;
            if is_reduced && !keep {
                continue;
            }
            shape.sizes[shape.rank] = if is_reduced { 1 } else { size };
            shape.rank += 1;
        }
        shape
    }

    /// The shape with the axes from `from` on as one; `from` may be the rank, which adds an axis of size 1.
    ///
    /// # Errors
    /// If there are fewer axes.
    pub(crate) fn flattened(&self, from: isize) -> Result<Shape> {
        let at = if from == self.rank as isize { self.rank } else { self.axis("flatten", from)? };
        let mut sizes = self[..at].to_vec();
        sizes.push(self[at..].iter().product());
        Shape::new(&sizes)
    }

    /// The shape with another size at one axis.
    pub(crate) fn with(mut self, axis: usize, size: usize) -> Shape {
        self.sizes[axis] = size;
        self
    }

    /// The strides of a fresh tensor of this shape, in elements.
    pub(crate) fn strides(&self) -> [isize; MAX_RANK] {
        let mut strides = [0; MAX_RANK];
        let mut step = 1;
        for axis in (0..self.rank).rev() {
            strides[axis] = step;
            step *= self.sizes[axis].max(1) as isize;
        }
        strides
    }
}

impl PartialEq for Shape {
    #[inline]
    fn eq(&self, other: &Shape) -> bool {
        // Axis by axis: shapes have few axes and were often written a moment ago, when reading them in wide words (as the
        // comparison of arrays or slices does) would wait for the store buffer. Measured: 15 ns against 1.
        self.rank == other.rank && self.iter().zip(other.iter()).all(|(a, b)| a == b)
    }
}

impl Deref for Shape {
    type Target = [usize];
    #[inline]
    fn deref(&self) -> &[usize] {
        &self.sizes[..self.rank]
    }
}

impl PartialEq<[usize]> for Shape {
    fn eq(&self, other: &[usize]) -> bool {
        **self == *other
    }
}

impl<const N: usize> PartialEq<[usize; N]> for Shape {
    fn eq(&self, other: &[usize; N]) -> bool {
        **self == *other
    }
}

/// # Panics
/// As [`Shape::new`] fails.
impl From<&[usize]> for Shape {
    #[track_caller]
    fn from(sizes: &[usize]) -> Shape {
        Shape::new(sizes).unwrap_or_else(|error| panic!("{error}"))
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    #[track_caller]
    fn from(sizes: [usize; N]) -> Shape {
        Shape::from(&sizes[..])
    }
}

impl From<Vec<usize>> for Shape {
    #[track_caller]
    fn from(sizes: Vec<usize>) -> Shape {
        Shape::from(&sizes[..])
    }
}

/// One axis.
impl From<usize> for Shape {
    fn from(size: usize) -> Shape {
        Shape::from([size])
    }
}

impl From<&Shape> for Shape {
    fn from(shape: &Shape) -> Shape {
        *shape
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Which axes a reduction runs over, and whether they stay with size 1.
///
/// Made of a number, an array or a range of numbers; negative ones count from the end. [`keep`] keeps the axes.
#[derive(Clone, Copy, Debug)]
pub struct Axes {
    axes: [isize; MAX_RANK],
    count: usize,
    all: bool,
    keep: bool,
}

impl Axes {
    /// Every axis.
    pub const ALL: Axes = Axes { axes: [0; MAX_RANK], count: 0, all: true, keep: false };

    /// The axes as a set of bits in a tensor of this shape.
    pub(crate) fn set(&self, op: &'static str, shape: &Shape) -> Result<u32> {
        if self.all {
            return Ok((1u32 << shape.rank()) - 1);
        }
        let mut set = 0;
        for &axis in &self.axes[..self.count] {
            let bit = 1 << shape.axis(op, axis)?;
            if set & bit != 0 {
                let problem = format!("axis {axis} is named twice");
                return Err(Error::Invalid { op, shape: shape.to_vec(), problem });
            }
            set |= bit;
        }
        Ok(set)
    }

    /// Whether reduced axes stay.
    pub(crate) fn keeps(&self) -> bool {
        self.keep
    }
}

/// The same axes, kept with size 1, so that the result broadcasts against the argument.
///
/// ```
/// use tape::{Tensor, keep};
/// let x = Tensor::from([[1.0, 3.0], [5.0, 5.0]]);
/// assert_eq!(x.mean_axes(keep(-1)).shape(), &[2, 1]);
/// ```
pub fn keep(axes: impl Into<Axes>) -> Axes {
    Axes { keep: true, ..axes.into() }
}

impl From<isize> for Axes {
    fn from(axis: isize) -> Axes {
        Axes::from([axis])
    }
}

impl<const N: usize> From<[isize; N]> for Axes {
    #[track_caller]
    fn from(axes: [isize; N]) -> Axes {
        Axes::from(&axes[..])
    }
}

impl From<&[isize]> for Axes {
    #[track_caller]
    fn from(axes: &[isize]) -> Axes {
        assert!(axes.len() <= MAX_RANK, "{} axes, at most {MAX_RANK} are possible", axes.len());
        let mut all = Axes { count: axes.len(), all: false, ..Axes::ALL };
        all.axes[..axes.len()].copy_from_slice(axes);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcasting_follows_numpy() {
        let ok = |a: &[usize], b: &[usize]| Shape::from(a).broadcast("add", &Shape::from(b)).unwrap().to_vec();
        assert_eq!(ok(&[2, 3], &[3]), [2, 3]);
        assert_eq!(ok(&[2, 1, 4], &[3, 1]), [2, 3, 4]);
        assert_eq!(ok(&[], &[0]), [0]);
        assert_eq!(ok(&[1], &[0, 2]), [0, 2]);
        let error = Shape::from([2, 3]).broadcast("add", &Shape::from([2])).unwrap_err().to_string();
        assert!(error.starts_with("add: shapes [2, 3] and [2] do not fit: axes are aligned"), "{error}");
    }

    #[test]
    fn sizes_that_overflow_are_refused() {
        assert!(Shape::new(&[usize::MAX, 2]).is_err());
        assert!(Shape::new(&[0, usize::MAX, 2]).is_err());
        assert!(Shape::new(&[1; 9]).is_err());
        assert_eq!(Shape::new(&[0, 5]).unwrap().elements(), 0);
    }

    #[test]
    fn axes_count_from_either_end() {
        let shape = Shape::from([2, 3, 4]);
        assert_eq!(Axes::from([0, -1]).set("sum", &shape).unwrap(), 0b101);
        assert_eq!(Axes::ALL.set("sum", &shape).unwrap(), 0b111);
        assert!(Axes::from([0, -3]).set("sum", &shape).unwrap_err().to_string().contains("named twice"));
        let error = Axes::from(3).set("sum", &shape).unwrap_err().to_string();
        assert_eq!(
            error,
            "sum: there is no axis 3 in shape [2, 3, 4]; axes go from 0 to 2, or from -3 to -1 counted from the end"
        );
        assert_eq!(shape.reduced(0b101, false), [3]);
        assert_eq!(shape.reduced(0b101, true), [1, 3, 1]);
    }
}
