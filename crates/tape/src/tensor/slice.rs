//! Slices: the part of a tensor that one range for each axis names, as a view.

use super::Tensor;
use crate::error::expect;
use crate::shape::MAX_RANK;
use crate::{Error, Result, Shape};
use kernels::pool::Element;
use std::ops::{Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};

/// What a slice takes of one axis: a range of positions, or one position, whose axis then leaves the result.
///
/// Made of `2`, `1..3`, `..=4`, `1..` or `..`.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    start: usize,
    /// None: to the end of the axis, or, for a single position, one further.
    end: Option<usize>,
    is_position: bool,
}

impl Span {
    const ALL: Span = Span::of(0, None);

    const fn of(start: usize, end: Option<usize>) -> Span {
        Span { start, end, is_position: false }
    }
}

/// What a slice takes of each axis, from the first on; of axes that are not named, everything.
///
/// Made of one range, an array of ranges or a tuple of ranges and positions.
#[derive(Clone, Copy, Debug)]
pub struct Slice {
    spans: [Span; MAX_RANK],
    count: usize,
}

macro_rules! spans {
    ($($range:ty => |$r:ident| $span:expr;)+) => {$(
        impl From<$range> for Span {
            fn from($r: $range) -> Span {
                $span
            }
        }
        impl From<$range> for Slice {
            fn from(range: $range) -> Slice {
                Slice::from([range])
            }
        }
    )+};
}
spans! {
    usize => |at| Span { start: at, end: None, is_position: true };
    Range<usize> => |r| Span::of(r.start, Some(r.end));
    RangeInclusive<usize> => |r| Span::of(*r.start(), Some(r.end().saturating_add(1)));
    RangeFrom<usize> => |r| Span::of(r.start, None);
    RangeTo<usize> => |r| Span::of(0, Some(r.end));
    RangeToInclusive<usize> => |r| Span::of(0, Some(r.end.saturating_add(1)));
    RangeFull => |_r| Span::ALL;
}

impl<R: Into<Span>, const N: usize> From<[R; N]> for Slice {
    #[track_caller]
    fn from(ranges: [R; N]) -> Slice {
        assert!(N <= MAX_RANK, "slice: {N} ranges, a tensor has at most {MAX_RANK} axes");
        let mut slice = Slice { spans: [Span::ALL; MAX_RANK], count: N };
        ranges.into_iter().zip(&mut slice.spans).for_each(|(range, span)| *span = range.into());
        slice
    }
}

macro_rules! tuples {
    ($($name:ident)+) => {
        impl<$($name: Into<Span>),+> From<($($name,)+)> for Slice {
            #[expect(non_snake_case, reason = "a variable for each type")]
            fn from(($($name,)+): ($($name,)+)) -> Slice {
                Slice::from([$($name.into()),+] as [Span; _])
            }
        }
    };
}
tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
tuples!(A B C D E F G H);

/// A slice of a certain shape.
#[derive(Clone, Copy)]
pub(crate) struct Part {
    pub(crate) starts: [usize; MAX_RANK],
    /// How much of each axis.
    pub(crate) sizes: Shape,
    /// Axes that leave the result, as a set.
    dropped: u32,
}

impl Part {
    /// The result's shape.
    pub(crate) fn shape(&self) -> Shape {
        self.sizes.reduced(self.dropped, false)
    }

    /// Axis `axis` of a shape at one position.
    pub(crate) fn at(shape: &Shape, axis: usize, position: usize) -> Part {
        let mut starts = [0; MAX_RANK];
        starts[axis] = position;
        Part { starts, sizes: shape.with(axis, 1), dropped: 1 << axis }
    }

    /// `length` positions from `start` of axis `axis`, which stays.
    pub(crate) fn range(shape: &Shape, axis: usize, start: usize, length: usize) -> Part {
        let mut starts = [0; MAX_RANK];
        starts[axis] = start;
        Part { starts, sizes: shape.with(axis, length), dropped: 0 }
    }

    /// Row `i` of a shape: its last axis, at one position of all others.
    pub(crate) fn row(shape: &Shape, mut i: usize) -> Part {
        let (mut starts, mut sizes, last) = ([0; MAX_RANK], *shape, shape.rank() - 1);
        for axis in (0..last).rev() {
            starts[axis] = i % shape[axis];
            i /= shape[axis];
            sizes = sizes.with(axis, 1);
        }
        Part { starts, sizes, dropped: (1 << last) - 1 }
    }
}

impl Slice {
    /// The slice of a shape.
    ///
    /// # Errors
    /// If there are more ranges than axes, or if one leaves its axis.
    pub(crate) fn of(&self, shape: &Shape) -> Result<Part> {
        let problem = |problem| Error::Invalid { op: "slice", shape: shape.to_vec(), problem };
        if self.count > shape.rank() {
            return Err(problem(format!("{} ranges for {} axes", self.count, shape.rank())));
        }
        let mut part = Part { starts: [0; MAX_RANK], sizes: *shape, dropped: 0 };
        for (axis, span) in self.spans[..self.count].iter().enumerate() {
            let (start, size) = (span.start, shape[axis]);
            let end = match span.is_position {
                true if start >= size => {
                    return Err(problem(format!("position {start} is not on axis {axis}, whose size is {size}")));
                }
                true => start + 1,
                false => span.end.unwrap_or(size.max(start)),
            };
            if start > end || end > size {
                return Err(problem(format!("the range {start}..{end} leaves axis {axis}, whose size is {size}")));
            }
            part.starts[axis] = start;
            part.sizes = part.sizes.with(axis, end - start);
            part.dropped |= u32::from(span.is_position) << axis;
        }
        Ok(part)
    }
}

impl<T: Element> Tensor<T> {
    /// The part that one range for each axis names; a position takes its axis out of the result. A view.
    ///
    /// Axes behind the last range are whole.
    ///
    /// ```
    /// let x = tape::Tensor::arange(24).reshape([2, 3, 4]);
    /// assert_eq!(x.slice((1, 1.., ..=1)).to_vec(), [16.0, 17.0, 20.0, 21.0]);
    /// assert_eq!(x.slice((.., 0..2)).shape(), &[2, 2, 4]);
    /// assert_eq!(x.slice([0..1, 2..3, 0..2]).to_vec(), [8.0, 9.0]);
    /// assert_eq!(x.slice(1).shape(), &[3, 4]);
    /// ```
    ///
    /// # Panics
    /// If there are more ranges than axes, or if a range or position leaves its axis.
    #[track_caller]
    pub fn slice(&self, ranges: impl Into<Slice>) -> Tensor<T> {
        self.part(&expect(ranges.into().of(self.shape())))
    }

    pub(crate) fn part(&self, part: &Part) -> Tensor<T> {
        let (mut view, shape) = (self.place(), part.shape());
        if shape.elements() > 0 {
            let start = |axis: usize| part.starts[axis] as isize * view.strides[axis];
            view.offset = view.offset.wrapping_add_signed((0..self.rank()).map(start).sum());
        }
        let kept = (0..self.rank()).filter(|axis| part.dropped & 1 << axis == 0);
        for (to, from) in kept.enumerate() {
            view.strides[to] = view.strides[from];
        }
        Tensor::viewed(shape, view)
    }

    /// The number at a place: one position for each axis.
    ///
    /// ```
    /// let x = tape::Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
    /// assert_eq!((x.at([1, 0]), x.transpose().at([1, 0])), (3.0, 2.0));
    /// ```
    ///
    /// # Panics
    /// If the tensor has another number of axes, or if a position leaves its axis.
    #[track_caller]
    pub fn at<const N: usize>(&self, place: [usize; N]) -> T {
        let shape = self.shape();
        let fits = N == shape.rank() && place.iter().zip(&**shape).all(|(&position, &size)| position < size);
        assert!(fits, "at: there is no place {place:?} in shape {shape:?}");
        let view = self.place();
        let steps = place.iter().zip(view.strides).map(|(&position, stride)| position as isize * stride);
        view.base.data()[view.offset.wrapping_add_signed(steps.sum())]
    }
}

#[cfg(test)]
mod tests {
    use crate::Tensor;

    #[test]
    fn slices_are_views_of_any_layout() {
        let x = Tensor::arange(24).reshape([2, 3, 4]);
        let part = x.slice((.., 1, 1..3));
        assert!(part.shares_numbers_with(&x));
        assert_eq!((part.shape().to_vec(), part.to_vec()), (vec![2, 2], vec![5.0, 6.0, 17.0, 18.0]));
        let turned = x.permute([2, 0, 1]).flip(0);
        assert_eq!(turned.slice((..2, 1..=1, 2)).to_vec(), [23.0, 22.0]);
        assert_eq!(turned.slice((..2, 1..=1, 2)).shape(), &[2, 1]);
        assert_eq!(Tensor::from([1.0, 2.0]).expand([3, 2]).slice((2.., 1)).to_vec(), [2.0]);
        // Slices of slices look at the numbers directly; integers slice too.
        assert_eq!(Tensor::from([[1, 2, 3], [4, 5, 6]]).slice((1, ..)).slice(1..).to_vec(), [5i64, 6]);
    }

    #[test]
    fn empty_slices_and_scalars() {
        let x = Tensor::ones([2, 3]);
        assert_eq!(x.slice((2.., 3..3)).shape(), &[0, 0]);
        assert_eq!(x.slice((1..1, 2)).shape(), &[0]);
        assert_eq!(Tensor::ones([0, 3]).slice((.., 1..)).shape(), &[0, 2]);
        assert_eq!(x.slice((1, 2)).item(), 1.0);
        let nothing: [usize; 0] = [];
        assert_eq!(Tensor::from(5.0).slice(nothing).item(), 5.0);
        assert_eq!(Tensor::from(5.0).at([]), 5.0);
        assert!(Tensor::from([f32::NAN, 1.0]).slice(..1).item().is_nan());
    }

    #[test]
    fn places_read_any_layout() {
        let x = Tensor::arange(6).reshape([2, 3]);
        for i in 0..2 {
            for j in 0..3 {
                assert_eq!(x.at([i, j]), (3 * i + j) as f32);
                assert_eq!(x.transpose().flip(0).at([2 - j, i]), (3 * i + j) as f32);
                assert_eq!(x.slice((.., j..)).at([i, 0]), (3 * i + j) as f32);
            }
        }
    }

    #[test]
    fn what_leaves_the_tensor_is_named() {
        let message = |f: &dyn Fn(&Tensor) -> Tensor| {
            let x = Tensor::ones([2, 3]);
            let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| f(&x))).unwrap_err();
            panic.downcast_ref::<String>().unwrap().clone()
        };
        assert_eq!(
            message(&|x| x.slice((.., 1..4))),
            "slice: shape [2, 3]: the range 1..4 leaves axis 1, whose size is 3"
        );
        assert_eq!(message(&|x| x.slice(2)), "slice: shape [2, 3]: position 2 is not on axis 0, whose size is 2");
        assert_eq!(
            message(&|x| x.slice((.., 4..))),
            "slice: shape [2, 3]: the range 4..4 leaves axis 1, whose size is 3"
        );
        assert_eq!(message(&|x| x.slice(..=usize::MAX)).split(':').next(), Some("slice"));
        assert_eq!(message(&|x| x.slice((.., .., ..))), "slice: shape [2, 3]: 3 ranges for 2 axes");
        assert_eq!(message(&|x| Tensor::from(x.at([0, 3]))), "at: there is no place [0, 3] in shape [2, 3]");
        assert_eq!(message(&|x| Tensor::from(x.at([0]))), "at: there is no place [0] in shape [2, 3]");
    }
}
