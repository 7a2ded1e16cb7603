//! Conversions between [`Tensor`] and the arrays of the crate `ndarray`. Needs the feature `ndarray`.

use super::Tensor;
use crate::{Error, Result, Shape};
use kernels::pool::Element;
use ndarray::{ArrayBase, ArrayD, Data, Dimension, IxDyn};

/// A copy in row-major order, of any tensor.
///
/// ```
/// use ndarray::{ArrayD, array};
/// use tape::Tensor;
/// let x = Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
/// let turned = ArrayD::from(&x.transpose());
/// assert_eq!(turned, array![[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]].into_dyn());
/// assert_eq!(Tensor::try_from(&turned)?, x.transpose());
/// # Ok::<(), tape::Error>(())
/// ```
impl<T: Element> From<&Tensor<T>> for ArrayD<T> {
    fn from(tensor: &Tensor<T>) -> ArrayD<T> {
        let made = ArrayD::from_shape_vec(IxDyn(tensor.shape()), tensor.to_vec());
        made.expect("there are as many numbers as the shape has elements, and both crates allow the same sizes")
    }
}

/// A copy in row-major order, of any tensor.
impl<T: Element> From<Tensor<T>> for ArrayD<T> {
    fn from(tensor: Tensor<T>) -> ArrayD<T> {
        ArrayD::from(&tensor)
    }
}

/// A copy in row-major order of an array or a view, whatever its strides: reversed, spread out, Fortran's order of axes.
impl<T: Element, S: Data<Elem = T>, D: Dimension> TryFrom<&ArrayBase<S, D>> for Tensor<T> {
    type Error = Error;

    /// # Errors
    /// If the array has more than [`crate::MAX_RANK`] axes.
    fn try_from(array: &ArrayBase<S, D>) -> Result<Tensor<T>> {
        let shape = Shape::new(array.shape())?;
        Ok(Tensor::fill_with(shape, |to| match array.as_slice() {
            Some(numbers) => to.copy_from_slice(numbers),
            None => to.iter_mut().zip(array.iter()).for_each(|(to, &x)| *to = x),
        }))
    }
}

/// As of a reference to it.
impl<T: Element, S: Data<Elem = T>, D: Dimension> TryFrom<ArrayBase<S, D>> for Tensor<T> {
    type Error = Error;

    fn try_from(array: ArrayBase<S, D>) -> Result<Tensor<T>> {
        Tensor::try_from(&array)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array, Array0, Array2, Array3, ArrayView2, ArrayView3, Axis, ShapeBuilder as _, Slice};

    /// Both ways, by place: what stands where.
    fn agree(array: &ArrayD<f32>, tensor: &Tensor) {
        assert_eq!(array.shape(), &tensor.shape()[..]);
        let numbers = tensor.to_vec();
        for (place, (index, &x)) in array.indexed_iter().enumerate() {
            assert_eq!(numbers[place].to_bits(), x.to_bits(), "{index:?}");
        }
        assert_eq!(array.len(), numbers.len());
    }

    /// Also without the first on the last axis. (The macro `s!` expands to code that this crate forbids.)
    fn cut(array: &Array3<f32>, axis: usize, slice: Slice) -> ArrayView3<'_, f32> {
        let mut view = array.slice_axis(Axis(axis), slice);
        view.slice_axis_inplace(Axis(2), Slice::from(1..));
        view
    }

    #[test]
    fn arrays_of_any_layout_become_tensors() {
        let whole = Array3::from_shape_fn((4, 3, 5), |(i, j, k)| (100 * i + 10 * j + k) as f32);
        let fortran = Array3::from_shape_fn((4, 3, 5).f(), |(i, j, k)| (100 * i + 10 * j + k) as f32);
        assert!(fortran.as_slice().is_none(), "its order is another");
        for array in [&whole, &fortran] {
            let views = [
                array.view(),
                array.t(),
                cut(array, 0, Slice::new(0, None, 2)),
                cut(array, 1, Slice::new(0, None, -1)),
            ];
            for view in views {
                agree(&view.to_owned().into_dyn(), &Tensor::try_from(&view).unwrap());
            }
        }
        let row = whole.index_axis(Axis(0), 2);
        let row = row.index_axis(Axis(0), 1);
        assert_eq!(Tensor::try_from(row).unwrap().to_vec(), [210.0, 211.0, 212.0, 213.0, 214.0]);
        let one = [7.0f32];
        let spread = ArrayView2::from_shape((1, 1), &one).unwrap();
        assert_eq!(Tensor::try_from(spread.broadcast((2, 3)).unwrap()).unwrap(), Tensor::full([2, 3], 7.0));
    }

    #[test]
    fn tensors_of_any_layout_become_arrays() {
        let x = Tensor::arange(60).reshape([4, 3, 5]);
        let views = [x.clone(), x.transpose(), x.flip(1), x.narrow(2, 1, 2).swap_axes(0, 1), x.unsqueeze(0)];
        for view in views.into_iter().chain([Tensor::scalar(3.0).expand([2, 3])]) {
            agree(&ArrayD::from(&view), &view);
            assert_eq!(Tensor::try_from(ArrayD::from(view.clone())).unwrap(), view);
        }
    }

    #[test]
    fn empty_ones_single_numbers_and_other_types() {
        let single = Array0::from_elem((), -0.0f32);
        let tensor = Tensor::try_from(&single).unwrap();
        assert_eq!((tensor.rank(), tensor.item().to_bits()), (0, (-0.0f32).to_bits()));
        assert_eq!(ArrayD::from(&tensor).ndim(), 0);
        for shape in [[0, 3], [3, 0]] {
            let tensor = Tensor::try_from(Array2::<f64>::zeros(shape)).unwrap();
            assert_eq!(
                (tensor.shape()[..].to_vec(), ArrayD::from(tensor).shape().to_vec()),
                (shape.to_vec(), shape.to_vec())
            );
        }
        let labels = Tensor::try_from(Array::from(vec![3i64, -1])).unwrap();
        assert_eq!(ArrayD::from(labels), Array::from(vec![3i64, -1]).into_dyn());
        let nan = Tensor::try_from(Array::from(vec![f32::NAN, f32::INFINITY])).unwrap();
        assert!(ArrayD::from(nan)[0].is_nan());
    }

    #[test]
    fn too_many_axes_are_an_error() {
        let array = ArrayD::<f32>::zeros(vec![1; 9]);
        let error = Tensor::try_from(&array).unwrap_err().to_string();
        assert!(error.contains("9 axes, at most 8 are possible"), "{error}");
    }
}
