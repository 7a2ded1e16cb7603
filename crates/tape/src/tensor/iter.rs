//! Iterators: over a tensor's numbers, its rows, its parts along an axis.

use super::Tensor;
use super::slice::Part;
use crate::Shape;
use crate::error::expect;
use crate::shape::MAX_RANK;
use kernels::pool::Element;
use std::iter::{Copied, FusedIterator};

/// The numbers of a tensor in row-major order, whatever its strides: see [`Tensor::iter`].
#[derive(Clone, Debug)]
pub struct Elements<'a, T>(Walk<'a, T>);

#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "an iterator lives on the stack, one at a time")]
enum Walk<'a, T> {
    InOrder(Copied<std::slice::Iter<'a, T>>),
    Strided {
        numbers: &'a [T],
        at: usize,
        place: [usize; MAX_RANK],
        shape: Shape,
        strides: [isize; MAX_RANK],
        left: usize,
    },
}

impl<T: Copy> Iterator for Elements<'_, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        match &mut self.0 {
            Walk::InOrder(numbers) => numbers.next(),
            Walk::Strided { left: 0, .. } => None,
            Walk::Strided { numbers, at, place, shape, strides, left } => {
                let number = numbers[*at];
                *left -= 1;
                for axis in (0..shape.rank()).rev() {
                    *at = at.wrapping_add_signed(strides[axis]);
                    place[axis] += 1;
                    if place[axis] < shape[axis] {
                        break;
                    }
                    *at = at.wrapping_add_signed(-strides[axis] * shape[axis] as isize);
                    place[axis] = 0;
                }
                Some(number)
            }
        }
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = match &self.0 {
            Walk::InOrder(numbers) => numbers.len(),
            Walk::Strided { left, .. } => *left,
        };
        (left, Some(left))
    }
}

impl<T: Copy> ExactSizeIterator for Elements<'_, T> {}
impl<T: Copy> FusedIterator for Elements<'_, T> {}

impl<T: Element> Tensor<T> {
    /// The numbers in row-major order, whatever the strides.
    ///
    /// ```
    /// let x = tape::Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
    /// assert!(x.transpose().iter().eq([1.0, 3.0, 2.0, 4.0]));
    /// assert_eq!(x.iter().fold(f32::NEG_INFINITY, f32::max), 4.0);
    /// ```
    pub fn iter(&self) -> Elements<'_, T> {
        let header = self.block.header();
        Elements(match (self.as_slice(), &header.view) {
            (None, Some(view)) => Walk::Strided {
                numbers: view.base.data(),
                at: view.offset,
                place: [0; MAX_RANK],
                shape: header.shape,
                strides: view.strides,
                left: self.len(),
            },
            (numbers, _) => Walk::InOrder(numbers.unwrap_or_default().iter().copied()),
        })
    }

    /// The rows: everything along the last axis, at each place of the axes before it in row-major order. Views `[last]`.
    ///
    /// The rows of `[batch, time, features]` are its batch · time feature vectors; for the parts along another axis there is
    /// [`Tensor::axis_iter`]. A vector is one row.
    ///
    /// ```
    /// let x = tape::Tensor::from([[1.0, 2.0], [3.0, 5.0]]);
    /// assert!(x.rows().map(|row| row.sum().item()).eq([3.0, 8.0]));
    /// ```
    ///
    /// # Panics
    /// If this is a scalar.
    #[track_caller]
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Tensor<T>> + DoubleEndedIterator + '_ {
        let Some((_, outer)) = self.shape().split_last() else { panic!("rows: a scalar has no rows") };
        (0..outer.iter().product()).map(|i| self.part(&Part::row(self.shape(), i)))
    }

    /// The parts at each position of an axis, without that axis: of `[batch, …]` along axis 0, the examples. Views.
    ///
    /// ```
    /// let x = tape::Tensor::from([[1.0, 2.0], [3.0, 5.0]]);
    /// assert!(x.axis_iter(1).map(|column| column.sum().item()).eq([4.0, 7.0]));
    /// ```
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn axis_iter(&self, axis: isize) -> impl ExactSizeIterator<Item = Tensor<T>> + DoubleEndedIterator + '_ {
        let axis = expect(self.shape().axis("axis_iter", axis));
        (0..self.shape()[axis]).map(move |position| self.part(&Part::at(self.shape(), axis, position)))
    }
}

impl<'a, T: Element> IntoIterator for &'a Tensor<T> {
    type Item = T;
    type IntoIter = Elements<'a, T>;
    fn into_iter(self) -> Elements<'a, T> {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use crate::Tensor;

    #[test]
    fn numbers_come_in_logical_order() {
        let x = Tensor::arange(24).reshape([2, 3, 4]);
        let views = [
            x.clone(),
            x.transpose(),
            x.permute([2, 0, 1]),
            x.flip(1),
            x.slice((.., 1.., ..2)),
            x.expand([2, 2, 3, 4]),
        ];
        for view in views {
            let mut numbers = view.iter();
            assert_eq!(numbers.len(), view.len());
            numbers.next();
            assert_eq!(numbers.len(), view.len() - 1);
            assert!(view.iter().eq(view.to_vec()));
        }
        let mut sum = 0i64;
        for label in &Tensor::from([[1, 2], [3, 4]]).transpose() {
            sum = 10 * sum + label;
        }
        assert_eq!(sum, 1324);
    }

    #[test]
    fn scalars_and_empty_tensors() {
        assert!(Tensor::from(3.0).iter().eq([3.0]));
        assert_eq!(Tensor::ones([2, 0]).iter().next(), None);
        assert_eq!(Tensor::ones([0, 2]).transpose().iter().len(), 0);
        assert_eq!(Tensor::ones([0, 2]).rows().len(), 0);
        assert!(Tensor::ones([2, 0]).rows().all(|row| *row.shape() == [0]));
        assert_eq!(Tensor::ones([2, 0]).rows().len(), 2);
        assert_eq!(Tensor::ones([2, 0]).axis_iter(1).len(), 0);
    }

    #[test]
    fn rows_and_parts_are_views() {
        let x = Tensor::arange(12).reshape([2, 3, 2]);
        assert!(x.rows().all(|row| row.shares_numbers_with(&x)));
        assert!(x.transpose().rows().map(|row| row.to_vec()).take(2).eq([[0.0, 2.0, 4.0], [1.0, 3.0, 5.0]]));
        assert!(x.axis_iter(-2).map(|part| part.to_vec()).rev().take(1).eq([[4.0, 5.0, 10.0, 11.0]]));
        assert!(Tensor::from([7, 8]).rows().map(|row| row.to_vec()).eq([[7i64, 8]]));
        assert!(Tensor::from([7, 8]).axis_iter(0).map(|part| part.item()).eq([7i64, 8]));
    }

    #[test]
    #[should_panic(expected = "rows: a scalar has no rows")]
    fn a_scalar_has_no_rows() {
        let _ = Tensor::from(1.0).rows();
    }
}
