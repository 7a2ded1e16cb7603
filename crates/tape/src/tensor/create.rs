//! New tensors: from numbers in the source, from vectors, filled, random.

use super::Tensor;
use crate::error::expect;
use crate::{Error, Float, Result, Rng, Shape};
use kernels::pool::Element;

impl<T: Element> Tensor<T> {
    /// A tensor of these numbers in row-major order.
    ///
    /// # Errors
    /// If their count is not the shape's.
    pub fn try_new(numbers: &[T], shape: impl Into<Shape>) -> Result<Tensor<T>> {
        let shape = shape.into();
        if numbers.len() != shape.elements() {
            let problem = format!("it has {} elements, {} numbers were given", shape.elements(), numbers.len());
            return Err(Error::Invalid { op: "Tensor::new", shape: shape.to_vec(), problem });
        }
        Ok(Tensor::fill_with(shape, |to| to.copy_from_slice(numbers)))
    }

    /// A tensor of these numbers in row-major order.
    ///
    /// # Panics
    /// If their count is not the shape's; [`Tensor::try_new`] returns the error.
    #[track_caller]
    pub fn new(numbers: &[T], shape: impl Into<Shape>) -> Tensor<T> {
        expect(Tensor::try_new(numbers, shape))
    }

    /// One number in every element.
    #[track_caller]
    pub fn full_of(shape: impl Into<Shape>, value: T) -> Tensor<T> {
        Tensor::fill_with(shape, |to| to.fill(value))
    }

    /// A tensor of rank 0.
    #[inline]
    pub fn scalar(value: T) -> Tensor<T> {
        let mut tensor = Tensor::unspecified(Shape::SCALAR);
        tensor.fresh_mut()[0] = value;
        tensor
    }
}

impl<T: Float> Tensor<T> {
    /// Zeros in this tensor's shape.
    pub fn zeros_like(&self) -> Tensor<T> {
        self.full_like(0.0)
    }

    /// Ones in this tensor's shape.
    pub fn ones_like(&self) -> Tensor<T> {
        self.full_like(1.0)
    }

    /// One number in this tensor's shape.
    pub fn full_like(&self, value: f64) -> Tensor<T> {
        Tensor::full_of(*self.shape(), T::from_f64(value))
    }

    /// Standard normal numbers in this tensor's shape.
    pub fn randn_like(&self, rng: &mut Rng) -> Tensor<T> {
        Tensor::fill_with(*self.shape(), |to| to.iter_mut().for_each(|x| *x = T::from_f64(rng.normal())))
    }
}

impl Tensor<f32> {
    /// Zeros.
    pub fn zeros(shape: impl Into<Shape>) -> Tensor {
        Tensor::full_of(shape, 0.0)
    }

    /// Ones.
    pub fn ones(shape: impl Into<Shape>) -> Tensor {
        Tensor::full_of(shape, 1.0)
    }

    /// One number in every element.
    pub fn full(shape: impl Into<Shape>, value: f32) -> Tensor {
        Tensor::full_of(shape, value)
    }

    /// The identity matrix `[n, n]`.
    pub fn eye(n: usize) -> Tensor {
        Tensor::fill_with([n, n], |to| {
            to.fill(0.0);
            to.iter_mut().step_by(n + 1).for_each(|x| *x = 1.0);
        })
    }

    /// `f` of every place, one position for each axis.
    ///
    /// ```
    /// let x = tape::Tensor::from_fn([2, 3], |[i, j]| if i == j { 1.0 } else { 0.5 * j as f32 });
    /// assert_eq!(x.to_vec(), [1.0, 0.5, 1.0, 0.0, 1.0, 1.0]);
    /// ```
    pub fn from_fn<const N: usize>(shape: [usize; N], mut f: impl FnMut([usize; N]) -> f32) -> Tensor {
        let mut place = [0; N];
        Tensor::fill_with(shape, |to| {
            for x in to {
                *x = f(place);
                for axis in (0..N).rev() {
                    place[axis] += 1;
                    if place[axis] < shape[axis] {
                        break;
                    }
                    place[axis] = 0;
                }
            }
        })
    }

    /// 0, 1, …, n − 1. As indices: `Tensor::from(0..n)`.
    pub fn arange(n: usize) -> Tensor {
        Tensor::fill_with([n], |to| to.iter_mut().enumerate().for_each(|(i, x)| *x = i as f32))
    }

    /// `n` numbers from `first` to `last`, both included, evenly spaced.
    pub fn linspace(first: f32, last: f32, n: usize) -> Tensor {
        let step = (f64::from(last) - f64::from(first)) / (n.max(2) - 1) as f64;
        Tensor::fill_with([n], |to| {
            for (i, x) in to.iter_mut().enumerate() {
                *x = if i + 1 == n && n > 1 { last } else { (f64::from(first) + step * i as f64) as f32 };
            }
        })
    }

    /// Standard normal numbers.
    pub fn randn(shape: impl Into<Shape>, rng: &mut Rng) -> Tensor {
        Tensor::fill_with(shape, |to| to.iter_mut().for_each(|x| *x = rng.normal() as f32))
    }

    /// Uniform numbers in [low, high).
    pub fn uniform(shape: impl Into<Shape>, low: f32, high: f32, rng: &mut Rng) -> Tensor {
        Tensor::fill_with(shape, |to| to.iter_mut().for_each(|x| *x = low + (high - low) * rng.uniform() as f32))
    }
}

impl Tensor<f64> {
    /// The exact door for f64: an array in the source as a tensor.
    ///
    /// ```
    /// assert_eq!(tape::Tensor::f64([0.1]).item(), 0.1f64);
    /// ```
    pub fn f64(numbers: impl IntoF64) -> Tensor<f64> {
        numbers.into_f64()
    }
}

/// Nested arrays of f64.
pub trait IntoF64 {
    /// The tensor.
    fn into_f64(self) -> Tensor<f64>;
}

macro_rules! from_arrays {
    ($from:ty, $to:ty) => {
        impl<const A: usize> From<[$from; A]> for Tensor<$to> {
            fn from(numbers: [$from; A]) -> Self {
                Tensor::from(&numbers[..])
            }
        }
        impl<const A: usize, const B: usize> From<[[$from; B]; A]> for Tensor<$to> {
            fn from(numbers: [[$from; B]; A]) -> Self {
                Tensor::from(numbers.as_flattened()).reshape([A, B])
            }
        }
        impl<const A: usize, const B: usize, const C: usize> From<[[[$from; C]; B]; A]> for Tensor<$to> {
            fn from(numbers: [[[$from; C]; B]; A]) -> Self {
                Tensor::from(numbers.as_flattened().as_flattened()).reshape([A, B, C])
            }
        }
        impl From<Vec<$from>> for Tensor<$to> {
            fn from(numbers: Vec<$from>) -> Self {
                Tensor::from(&numbers[..])
            }
        }
        impl From<&[$from]> for Tensor<$to> {
            fn from(numbers: &[$from]) -> Self {
                Tensor::fill_with([numbers.len()], |to| {
                    to.iter_mut().zip(numbers).for_each(|(to, &from)| *to = from as $to);
                })
            }
        }
    };
}
from_arrays!(f32, f32);
from_arrays!(i64, i64);
from_arrays!(i32, i64);
from_arrays!(usize, i64);
from_arrays!(u8, i64);

macro_rules! from_ranges {
    ($($from:ty),+) => {$(
        /// The numbers of a range as labels or indices; none where it is empty.
        impl From<std::ops::Range<$from>> for Tensor<i64> {
            fn from(range: std::ops::Range<$from>) -> Self {
                Tensor::from(range.map(|i| i as i64).collect::<Vec<i64>>())
            }
        }
    )+};
}
from_ranges!(i64, i32, usize);

/// A scalar.
impl From<f32> for Tensor<f32> {
    fn from(value: f32) -> Self {
        Tensor::scalar(value)
    }
}

impl<const A: usize> IntoF64 for [f64; A] {
    fn into_f64(self) -> Tensor<f64> {
        Tensor::new(&self, [A])
    }
}
impl<const A: usize, const B: usize> IntoF64 for [[f64; B]; A] {
    fn into_f64(self) -> Tensor<f64> {
        Tensor::new(self.as_flattened(), [A, B])
    }
}
impl<const A: usize, const B: usize, const C: usize> IntoF64 for [[[f64; C]; B]; A] {
    fn into_f64(self) -> Tensor<f64> {
        Tensor::new(self.as_flattened().as_flattened(), [A, B, C])
    }
}
impl IntoF64 for &[f64] {
    fn into_f64(self) -> Tensor<f64> {
        Tensor::new(self, [self.len()])
    }
}
impl IntoF64 for f64 {
    fn into_f64(self) -> Tensor<f64> {
        Tensor::scalar(self)
    }
}

impl<T: Float> Tensor<T> {
    /// The same numbers in another precision, rounded to the nearest.
    ///
    /// A tape has one float type, so there is no such op on its values: a graph cannot be cut by it.
    ///
    /// ```compile_fail,E0599
    /// let x = tape::Tape::probing().var(tape::Tensor::from([1.0]));
    /// let y: tape::Var<f64> = x.cast();
    /// ```
    pub fn cast<U: Float>(&self) -> Tensor<U> {
        let numbers = self.clone().contiguous();
        let from = numbers.as_slice().expect("contiguous");
        Tensor::fill_with(*self.shape(), |to| {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = U::from_f64(from.to_f64()));
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_of_places_and_ranges() {
        assert_eq!(Tensor::from_fn([2, 3], |[i, j]| (3 * i + j) as f32).to_vec(), Tensor::arange(6).to_vec());
        assert_eq!(Tensor::from_fn([], |[]| 4.0).item(), 4.0);
        assert_eq!(Tensor::from_fn([2, 0], |_| unreachable!()).shape(), &[2, 0]);
        assert_eq!(Tensor::from(2..5).to_vec(), [2i64, 3, 4]);
        assert_eq!(Tensor::from(0..3usize).to_vec(), [0i64, 1, 2]);
        assert!(Tensor::from(5..5).is_empty());
    }
}
