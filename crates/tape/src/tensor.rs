//! [`Tensor`]: numbers in a shape. Plain data: cheap to clone, `Send + Sync`, never recorded.
//!
//! A tensor is one counted handle of 8 bytes on a pool block that holds shape and numbers. A strided view is a small
//! block of its own, with its strides in another, which holds a count on the block it looks at; views of views look at
//! the numbers directly. Numbers are changed only while nobody else has a handle on them.

mod compare;
mod create;
mod display;
mod iter;
mod matrices;
#[cfg(feature = "ndarray")]
mod ndarray;
mod slice;
mod views;

pub use display::Cell;
pub use iter::Elements;
pub(crate) use slice::Part;
pub use slice::{Slice, Span};
pub(crate) use views::{axis_order, expandable};

use crate::Shape;
use crate::shape::MAX_RANK;
use kernels::Broadcast;
use kernels::pool::{Block, Element};

/// Numbers in a shape: f32 unless said otherwise, f64, or i64 for labels and indices.
///
/// ```
/// use tape::Tensor;
/// let x = Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
/// assert_eq!(x.shape(), &[2, 3]);
/// assert_eq!(x.transpose().to_vec(), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
/// ```
pub struct Tensor<T: Element = f32> {
    block: Block<Header<T>, T>,
}

/// What stands before the numbers.
pub(crate) struct Header<T: Element> {
    shape: Shape,
    /// Where the numbers are, if not in this block. In a block of its own, so that the many tensors that are no views stay
    /// short: a header of two cache lines.
    view: Option<Block<View<T>, T>>,
}

struct View<T: Element> {
    /// The block the numbers are in, itself no view.
    base: Block<Header<T>, T>,
    offset: usize,
    strides: [isize; MAX_RANK],
    /// Whether the elements are neighbours in row-major order.
    contiguous: bool,
}

impl<T: Element> Clone for View<T> {
    fn clone(&self) -> Self {
        View { base: self.base.clone(), ..*self }
    }
}

impl<T: Element> Clone for Tensor<T> {
    /// Another handle on the same numbers.
    #[inline]
    fn clone(&self) -> Self {
        Tensor { block: self.block.clone() }
    }
}

impl<T: Element> Tensor<T> {
    /// A tensor of unspecified numbers, to be overwritten.
    #[track_caller]
    #[inline]
    pub(crate) fn unspecified(shape: Shape) -> Tensor<T> {
        Tensor { block: Block::new(Header { shape, view: None }, shape.elements()) }
    }

    /// A tensor of this shape, filled by `write`, which is handed unspecified numbers in row-major order.
    ///
    /// For ops of one's own; it allocates from the pool.
    ///
    /// ```
    /// let squares = tape::Tensor::<f32>::fill_with([3], |y| (0..3).for_each(|i| y[i] = (i * i) as f32));
    /// assert_eq!(squares.to_vec(), [0.0, 1.0, 4.0]);
    /// ```
    #[track_caller]
    #[inline]
    pub fn fill_with(shape: impl Into<Shape>, write: impl FnOnce(&mut [T])) -> Tensor<T> {
        let mut tensor = Tensor::unspecified(shape.into());
        write(tensor.fresh_mut());
        tensor
    }

    /// The numbers of a tensor that was just made and has one handle.
    #[inline]
    pub(crate) fn fresh_mut(&mut self) -> &mut [T] {
        self.block.get_mut().expect("a fresh tensor has one handle").1
    }

    /// Where the numbers are, if not in this tensor's block.
    #[inline]
    fn view(&self) -> Option<&View<T>> {
        self.block.header().view.as_ref().map(Block::header)
    }

    /// Whether the numbers are in this tensor's own block, as those of nearly all tensors are.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.block.header().view.is_none()
    }

    /// The numbers of a plain tensor.
    #[inline]
    pub(crate) fn plain(&self) -> &[T] {
        self.block.data()
    }

    /// Where the block of numbers is that this tensor looks at, and its bytes: tensors that share it have the same.
    pub(crate) fn storage(&self) -> (usize, usize) {
        let numbers = self.view().map_or(&self.block, |view| &view.base).data();
        (numbers.as_ptr().addr(), size_of_val(numbers))
    }

    /// The numbers of a plain tensor that nobody else has a handle on.
    #[inline]
    pub(crate) fn plain_mut(&mut self) -> Option<&mut [T]> {
        Some(self.block.get_mut()?.1)
    }

    /// Whether somebody else has a handle on the numbers too, or they belong to a view.
    #[inline]
    pub(crate) fn is_shared(&self) -> bool {
        !self.is_plain() || !self.block.is_unique()
    }

    /// The sizes of the axes.
    #[inline]
    pub fn shape(&self) -> &Shape {
        &self.block.header().shape
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.shape().rank()
    }

    /// The number of elements.
    #[inline]
    pub fn len(&self) -> usize {
        match self.view() {
            None => self.block.len(),
            Some(_) => self.shape().elements(),
        }
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The numbers in row-major order, if they lie that way.
    #[inline]
    pub fn as_slice(&self) -> Option<&[T]> {
        match self.view() {
            None => Some(self.block.data()),
            Some(view) if view.contiguous => Some(&view.base.data()[view.offset..][..self.len()]),
            Some(_) => None,
        }
    }

    /// The numbers in row-major order, to be changed; None where somebody else has a handle or they lie otherwise.
    #[inline]
    pub(crate) fn as_mut_slice(&mut self) -> Option<&mut [T]> {
        let len = self.len();
        let (header, numbers) = self.block.get_mut()?;
        match &mut header.view {
            None => Some(numbers),
            Some(view) => {
                let View { base, offset, contiguous, .. } = view.get_mut()?.0;
                if *contiguous { Some(&mut base.get_mut()?.1[*offset..][..len]) } else { None }
            }
        }
    }

    /// Whether the numbers lie in row-major order without gaps.
    #[inline]
    pub fn is_contiguous(&self) -> bool {
        self.view().is_none_or(|view| view.contiguous)
    }

    /// The same numbers in row-major order: this tensor, or a copy where it is a strided view.
    #[inline]
    pub fn contiguous(self) -> Tensor<T> {
        if self.is_contiguous() { self } else { self.copy() }
    }

    /// A copy with numbers of its own, in row-major order.
    pub fn copy(&self) -> Tensor<T> {
        let mut copy = Tensor::unspecified(*self.shape());
        self.copy_to(copy.fresh_mut());
        copy
    }

    /// Writes the numbers in row-major order to `to`.
    ///
    /// # Panics
    /// If `to` is not as long as the tensor.
    #[track_caller]
    pub fn copy_to(&self, to: &mut [T]) {
        assert_eq!(to.len(), self.len(), "copy_to: the slice must be as long as the tensor");
        match (self.as_slice(), self.view()) {
            (Some(numbers), _) => to.copy_from_slice(numbers),
            (None, Some(view)) => {
                let shape = self.shape();
                kernels::strided::copy(view.base.data(), view.offset, shape, &view.strides[..shape.rank()], to);
            }
            (None, None) => unreachable!("only views are not contiguous"),
        }
    }

    /// The numbers in row-major order, to be changed: in place while nobody else has a handle on them, else in a copy
    /// that becomes this tensor.
    pub fn make_mut(&mut self) -> &mut [T] {
        if self.as_mut_slice().is_none() {
            *self = self.copy();
        }
        self.as_mut_slice().expect("a copy has one handle and is contiguous")
    }

    /// The numbers in row-major order.
    pub fn to_vec(&self) -> Vec<T> {
        let mut numbers = vec![T::zeroed(); self.len()];
        self.copy_to(&mut numbers);
        numbers
    }

    /// The one number of a tensor with one element, whatever its rank.
    ///
    /// # Panics
    /// If there are more or none.
    #[track_caller]
    pub fn item(&self) -> T {
        assert!(
            self.len() == 1,
            "item: shape {:?} has {} elements, item wants one; index it",
            self.shape(),
            self.len()
        );
        match self.view() {
            None => self.block.data()[0],
            Some(view) => view.base.data()[view.offset],
        }
    }

    /// The numbers as the pattern in which they spread over an array of shape `out`, if they do so without a copy.
    #[inline]
    pub(crate) fn spread_over(&self, out: &Shape) -> Option<Broadcast<'_, T>> {
        match self.block.header() {
            Header { shape, view: None } if shape == out => Some(Broadcast::full(self.block.data())),
            _ => self.spread_slowly(out),
        }
    }

    fn spread_slowly(&self, out: &Shape) -> Option<Broadcast<'_, T>> {
        if out.elements() == 0 {
            return Some(Broadcast { values: &[], run: 1 });
        }
        let own = self.shape();
        let (base, offset, strides) = match self.view() {
            None => (&self.block, 0, own.strides()),
            Some(view) => (&view.base, view.offset, view.strides),
        };
        // From the last axis on: axes that repeat, then the block of axes that do not, then axes that repeat.
        let missing = out.rank() - own.rank();
        let (mut run, mut count, mut ended) = (1, 1, false);
        for axis in (0..out.rank()).rev() {
            if out[axis] == 1 {
                continue;
            }
            let repeats = axis < missing || own[axis - missing] == 1 || strides[axis - missing] == 0;
            match (repeats, count) {
                (true, 1) => run *= out[axis],
                (true, _) => ended = true,
                (false, _) if ended => return None,
                (false, _) if strides[axis - missing] != count as isize => return None,
                (false, _) => count *= out[axis],
            }
        }
        let values = &base.data()[offset..];
        Some(Broadcast { values: &values[..count.min(values.len())], run })
    }

    /// A tensor of shape `out` that repeats this one, contiguous.
    pub(crate) fn spread_copy(&self, out: &Shape) -> Tensor<T> {
        self.expanded(*out).copy()
    }

    /// Whether two tensors share their numbers.
    pub fn shares_numbers_with(&self, other: &Tensor<T>) -> bool {
        self.base().ptr_eq(other.base())
    }

    fn base(&self) -> &Block<Header<T>, T> {
        match self.view() {
            None => &self.block,
            Some(view) => &view.base,
        }
    }
}
