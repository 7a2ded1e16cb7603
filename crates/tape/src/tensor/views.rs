//! Views: other shapes and orders of the same numbers, without a copy.

use super::{Header, Tensor, View};
use crate::error::expect;
use crate::{Error, Result, Shape};
use kernels::pool::{Block, Element};

impl<T: Element> Tensor<T> {
    /// The numbers' place and strides.
    pub(super) fn place(&self) -> View<T> {
        match self.view() {
            Some(view) => view.clone(),
            None => {
                let strides = self.shape().strides();
                View { base: self.block.clone(), offset: 0, strides, contiguous: true }
            }
        }
    }

    /// A view of these numbers with another shape, offset and strides.
    pub(super) fn viewed(shape: Shape, mut view: View<T>) -> Tensor<T> {
        view.contiguous = is_contiguous(&shape, &view.strides);
        if shape.elements() == 0 {
            view.offset = 0;
        }
        Tensor { block: Block::new(Header { shape, view: Some(Block::new(view, 0)) }, 0) }
    }

    /// The same numbers in the same order in another shape.
    ///
    /// A view where the numbers lie in order, else a copy.
    ///
    /// ```
    /// let x = tape::Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    /// assert_eq!(x.reshape([3, 2]).shape(), &[3, 2]);
    /// ```
    ///
    /// # Panics
    /// If the shapes have different numbers of elements.
    #[track_caller]
    pub fn reshape(&self, shape: impl Into<Shape>) -> Tensor<T> {
        expect(self.clone().try_reshape(shape.into()))
    }

    /// As [`Tensor::reshape`].
    ///
    /// # Errors
    /// If the shapes have different numbers of elements.
    pub fn try_reshape(self, shape: Shape) -> Result<Tensor<T>> {
        if shape.elements() != self.len() {
            return Err(Error::ShapeMismatch {
                op: "reshape",
                lhs: self.shape().to_vec(),
                rhs: shape.to_vec(),
                hint: "a reshape keeps the number of elements",
            });
        }
        let mut tensor = self.contiguous();
        if let Some((header, _)) = tensor.block.get_mut()
            && header.view.is_none()
        {
            header.shape = shape;
            return Ok(tensor);
        }
        let mut view = tensor.place();
        view.strides = shape.strides();
        Ok(Tensor::viewed(shape, view))
    }

    /// The axes from `from` on as one, as [`crate::Var::flatten`]: `flatten(0)` gives a vector, `flatten(1)` one row for each
    /// sample.
    ///
    /// ```
    /// let x = tape::Tensor::ones([2, 3, 4]);
    /// assert_eq!((x.flatten(0).shape().to_vec(), x.flatten(1).shape().to_vec()), (vec![24], vec![2, 12]));
    /// assert_eq!(tape::Tensor::ones([5]).flatten(1).shape(), &[5, 1]);
    /// ```
    ///
    /// # Panics
    /// If there are fewer than `from` axes.
    #[track_caller]
    pub fn flatten(&self, from: isize) -> Tensor<T> {
        self.reshape(expect(self.shape().flattened(from)))
    }

    /// The axes in another order: axis `i` of the result is axis `order[i]` of this tensor. A view.
    ///
    /// # Panics
    /// If `order` does not name every axis once.
    #[track_caller]
    pub fn permute<const N: usize>(&self, order: [isize; N]) -> Tensor<T> {
        self.permuted(&expect(axis_order(self.shape(), &order)))
    }

    pub(crate) fn permuted(&self, order: &[usize]) -> Tensor<T> {
        let (mut view, own) = (self.place(), *self.shape());
        let strides = view.strides;
        let mut shape = own;
        for (to, &from) in order.iter().enumerate() {
            shape = shape.with(to, own[from]);
            view.strides[to] = strides[from];
        }
        Tensor::viewed(shape, view)
    }

    /// The last two axes swapped. A view.
    ///
    /// # Panics
    /// If there are fewer than two axes.
    #[track_caller]
    pub fn transpose(&self) -> Tensor<T> {
        self.swap_axes(-2, -1)
    }

    /// The diagonal of a matrix.
    pub(crate) fn diagonal_view(&self) -> Tensor<T> {
        let (mut view, [rows, columns]) = (self.place(), [self.shape()[0], self.shape()[1]]);
        view.strides = std::array::from_fn(|axis| if axis == 0 { view.strides[0] + view.strides[1] } else { 0 });
        Tensor::viewed(Shape::from(rows.min(columns)), view)
    }

    /// Two axes swapped. A view.
    ///
    /// # Panics
    /// If there are no such axes.
    #[track_caller]
    pub fn swap_axes(&self, a: isize, b: isize) -> Tensor<T> {
        let (a, b) = (expect(self.shape().axis("swap_axes", a)), expect(self.shape().axis("swap_axes", b)));
        let mut order: [usize; crate::shape::MAX_RANK] = std::array::from_fn(|axis| axis);
        order.swap(a, b);
        self.permuted(&order[..self.rank()])
    }

    /// The `length` positions from `start` of one axis. A view.
    ///
    /// # Panics
    /// If they leave the axis.
    #[track_caller]
    pub fn narrow(&self, axis: isize, start: usize, length: usize) -> Tensor<T> {
        let shape = self.shape();
        let at = expect(shape.axis("narrow", axis));
        let fits = start.checked_add(length).is_some_and(|end| end <= shape[at]);
        assert!(fits, "narrow: {length} positions from {start} leave axis {axis} of shape {shape:?}");
        self.strode(at, start, 1, length)
    }

    /// Every `step`-th of an axis from `start`, `length` of them, backwards for a negative step.
    pub(crate) fn strode(&self, axis: usize, start: usize, step: isize, length: usize) -> Tensor<T> {
        let mut view = self.place();
        if length > 0 {
            view.offset = view.offset.wrapping_add_signed(start as isize * view.strides[axis]);
        }
        view.strides[axis] *= step;
        Tensor::viewed(self.shape().with(axis, length), view)
    }

    /// The order of one axis reversed. A view.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn flip(&self, axis: isize) -> Tensor<T> {
        let at = expect(self.shape().axis("flip", axis));
        let size = self.shape()[at];
        self.strode(at, size.saturating_sub(1), -1, size)
    }

    /// An axis of size 1 before position `axis` (counted from the end of the result where negative). A view.
    ///
    /// # Panics
    /// If there is no such position.
    #[track_caller]
    pub fn unsqueeze(&self, axis: isize) -> Tensor<T> {
        let own = self.shape();
        let mut sizes = own.to_vec();
        sizes.push(1);
        let at = expect(expect(Shape::new(&sizes)).axis("unsqueeze", axis));
        sizes.pop();
        sizes.insert(at, 1);
        let mut view = self.place();
        view.strides[at..=own.rank()].rotate_right(1);
        view.strides[at] = 0;
        Tensor::viewed(Shape::from(sizes), view)
    }

    /// Without an axis of size 1. A view.
    ///
    /// # Panics
    /// If the axis has another size.
    #[track_caller]
    pub fn squeeze(&self, axis: isize) -> Tensor<T> {
        let own = self.shape();
        let at = expect(own.axis("squeeze", axis));
        assert!(own[at] == 1, "squeeze: axis {axis} of shape {own:?} has size {}, not 1", own[at]);
        let mut view = self.place();
        view.strides[at..own.rank()].rotate_left(1);
        Tensor::viewed(own.reduced(1 << at, false), view)
    }

    /// The tensor repeated along axes of size 1 and along new leading axes, without a copy.
    ///
    /// # Panics
    /// If it does not broadcast to the shape.
    #[track_caller]
    pub fn expand(&self, shape: impl Into<Shape>) -> Tensor<T> {
        let shape = shape.into();
        expect(expandable("expand", self.shape(), &shape));
        self.expanded(shape)
    }

    /// As [`Tensor::expand`], for a shape that was checked.
    pub(crate) fn expanded(&self, shape: Shape) -> Tensor<T> {
        if *self.shape() == shape {
            return self.clone();
        }
        let (mut view, own) = (self.place(), *self.shape());
        let missing = shape.rank() - own.rank();
        let strides = view.strides;
        view.strides = [0; crate::shape::MAX_RANK];
        for axis in 0..own.rank() {
            if own[axis] == shape[axis + missing] {
                view.strides[axis + missing] = strides[axis];
            }
        }
        Tensor::viewed(shape, view)
    }
}

/// Whether `from` broadcasts to exactly `to`.
///
/// # Errors
/// If it does not.
pub(crate) fn expandable(op: &'static str, from: &Shape, to: &Shape) -> Result<()> {
    match from.broadcast(op, to) {
        Ok(shape) if shape == *to => Ok(()),
        _ => Err(Error::ShapeMismatch {
            op,
            lhs: from.to_vec(),
            rhs: to.to_vec(),
            hint: "only axes of size 1 and new leading axes can be repeated",
        }),
    }
}

/// The axes named by `order`, each once.
///
/// # Errors
/// If one is missing or named twice.
pub(crate) fn axis_order(shape: &Shape, order: &[isize]) -> Result<Vec<usize>> {
    let mut seen = 0u32;
    let mut axes = Vec::with_capacity(order.len());
    for &axis in order {
        let axis = shape.axis("permute", axis)?;
        seen |= 1 << axis;
        axes.push(axis);
    }
    if seen.count_ones() as usize != shape.rank() || axes.len() != shape.rank() {
        let problem = format!("the order {order:?} must name each of the {} axes once", shape.rank());
        return Err(Error::Invalid { op: "permute", shape: shape.to_vec(), problem });
    }
    Ok(axes)
}

fn is_contiguous(shape: &Shape, strides: &[isize]) -> bool {
    let mut step = 1;
    for axis in (0..shape.rank()).rev() {
        if shape[axis] != 1 && strides[axis] != step {
            return shape.elements() == 0;
        }
        step *= shape[axis] as isize;
    }
    true
}

#[cfg(test)]
mod tests {
    use crate::Tensor;

    #[test]
    fn views_share_the_numbers_and_read_them_in_their_order() {
        let x = Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
        for view in [x.transpose(), x.narrow(1, 1, 2), x.flip(0), x.unsqueeze(1), x.expand([2, 2, 3]), x.reshape([6])] {
            assert!(view.shares_numbers_with(&x));
        }
        assert_eq!(x.narrow(1, 1, 2).to_vec(), [2.0, 3.0, 5.0, 6.0]);
        assert_eq!(x.flip(1).flip(0).to_vec(), [6.0, 5.0, 4.0, 3.0, 2.0, 1.0]);
        assert_eq!(x.narrow(0, 1, 1).squeeze(0).to_vec(), [4.0, 5.0, 6.0]);
        assert_eq!(x.unsqueeze(-1).shape(), &[2, 3, 1]);
        assert_eq!(x.transpose().reshape([6]).to_vec(), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        assert_eq!(x.permute([1, 0]).transpose().to_vec(), x.to_vec());
    }

    #[test]
    fn spreading_finds_the_pattern_or_says_there_is_none() {
        let out = [2, 3, 4].into();
        let pattern = |x: &Tensor| x.spread_over(&out).map(|b| (b.values.len(), b.run));
        assert_eq!(pattern(&Tensor::ones([2, 3, 4])), Some((24, 1)));
        assert_eq!(pattern(&Tensor::ones([])), Some((1, 24)));
        assert_eq!(pattern(&Tensor::ones([4])), Some((4, 1)));
        assert_eq!(pattern(&Tensor::ones([3, 1])), Some((3, 4)));
        assert_eq!(pattern(&Tensor::ones([2, 1, 1])), Some((2, 12)));
        assert_eq!(pattern(&Tensor::ones([3, 4])), Some((12, 1)));
        assert_eq!(pattern(&Tensor::ones([2, 1, 4])), None);
        assert_eq!(pattern(&Tensor::ones([1, 3, 1]).expand([2, 3, 4])), Some((3, 4)));
        assert_eq!(pattern(&Tensor::ones([3, 2]).transpose().unsqueeze(-1)), None);
        assert_eq!(pattern(&Tensor::ones([2, 3, 4]).flip(0)), None);
    }
}
