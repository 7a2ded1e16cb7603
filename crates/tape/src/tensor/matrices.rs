//! A tensor seen as matrices on its last two axes, for products that read it where it lies.

use super::Tensor;
use crate::Shape;
use kernels::pool::Element;

/// Matrices one after the other, each serving `run` neighbouring products before the next does.
pub(crate) struct Matrices<'a, T> {
    pub(crate) values: &'a [T],
    pub(crate) run: usize,
    /// Whether each is stored by columns.
    pub(crate) transposed: bool,
}

impl<T: Element> Tensor<T> {
    /// The matrices on the last two axes, spread over a batch of products; None where that takes a copy.
    #[inline]
    pub(crate) fn matrices_over(&self, batch: &[usize]) -> Option<Matrices<'_, T>> {
        let shape = self.shape();
        let (own, &[rows, columns]) = shape.split_last_chunk::<2>()?;
        let (base, offset, strides) = match self.view() {
            None if batch.is_empty() => return Some(Matrices { values: self.block.data(), run: 1, transposed: false }),
            None => (&self.block, 0, shape.strides()),
            Some(view) => (&view.base, view.offset, view.strides),
        };
        if rows * columns == 0 || batch.contains(&0) {
            return Some(Matrices { values: &[], run: 1, transposed: false });
        }
        let lies = |axis: usize, size: usize, step: usize| size == 1 || strides[own.len() + axis] == step as isize;
        let transposed = !(lies(0, rows, columns) && lies(1, columns, 1));
        if transposed && !(lies(0, rows, 1) && lies(1, columns, rows)) {
            return None;
        }
        let (run, count) = batch_pattern(batch, own, &strides, rows * columns)?;
        Some(Matrices { values: &base.data()[offset..][..count * rows * columns], run, transposed })
    }

    /// The numbers of a matrix and whether they lie by columns; of any other rank, the numbers if they lie in order.
    #[inline]
    pub(crate) fn matrix(&self) -> Option<(&[T], bool)> {
        match self.rank() {
            2 => self.matrices_over(&[]).map(|m| (m.values, m.transposed)),
            _ => self.as_slice().map(|values| (values, false)),
        }
    }

    /// A tensor that [`Tensor::matrices_over`] can read: this one, or the smallest copy that serves.
    pub(crate) fn laid_out_over(self, batch: &[usize]) -> Tensor<T> {
        if self.matrices_over(batch).is_some() {
            return self;
        }
        let copy = self.contiguous();
        if copy.matrices_over(batch).is_some() {
            return copy;
        }
        let mut sizes = batch.to_vec();
        sizes.extend_from_slice(&copy.shape()[copy.rank() - 2..]);
        copy.expanded(Shape::from(sizes)).copy()
    }
}

/// From the last batch axis on: axes that repeat, then a block that does not, then axes that repeat. The length of the
/// first repetition and the number of matrices.
fn batch_pattern(batch: &[usize], own: &[usize], strides: &[isize], size: usize) -> Option<(usize, usize)> {
    let missing = batch.len() - own.len();
    let (mut run, mut count, mut ended) = (1, 1, false);
    for axis in (0..batch.len()).rev().filter(|&axis| batch[axis] != 1) {
        let repeats = axis < missing || own[axis - missing] == 1 || strides[axis - missing] == 0;
        match (repeats, count) {
            (true, 1) => run *= batch[axis],
            (true, _) => ended = true,
            (false, _) if ended || strides[axis - missing] != (count * size) as isize => return None,
            (false, _) => count *= batch[axis],
        }
    }
    Some((run, count))
}

#[cfg(test)]
mod tests {
    use crate::Tensor;

    #[test]
    fn matrices_are_read_where_they_lie() {
        let seen = |x: &Tensor, batch: &[usize]| x.matrices_over(batch).map(|m| (m.values.len(), m.run, m.transposed));
        let x = Tensor::ones([2, 3, 4, 5]);
        assert_eq!(seen(&x, &[2, 3]), Some((120, 1, false)));
        assert_eq!(seen(&x.transpose(), &[2, 3]), Some((120, 1, true)));
        assert_eq!(seen(&x.narrow(0, 1, 1), &[2, 3]), Some((60, 1, false)));
        assert_eq!(seen(&x.narrow(1, 1, 1), &[2, 3]), None);
        assert_eq!(seen(&Tensor::ones([2, 1, 4, 5]), &[2, 3]), Some((40, 3, false)));
        assert_eq!(seen(&x.narrow(3, 0, 4), &[2, 3]), None);
        assert_eq!(seen(&Tensor::ones([1, 5]).transpose(), &[]), Some((5, 1, false)));
        assert_eq!(seen(&Tensor::ones([0, 5]).transpose(), &[]), Some((0, 1, false)));
        assert_eq!(Tensor::ones([2, 1, 4]).expand([2, 3, 4]).laid_out_over(&[2]).shape(), &[2, 3, 4]);
    }
}
