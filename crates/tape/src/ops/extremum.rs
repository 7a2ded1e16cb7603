//! The largest or smallest element, over all axes or some, and where it stands.
//!
//! Derivative: 1 at the extremum; where several elements share it, each gets the same part, so that the parts sum to dy.
//! A NaN among the elements is the extremum, and the first of them its place. There is no extremum of no elements.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::probing();
//! let x = tape.var(Tensor::from([1.0, 5.0, 5.0, 3.0]));
//! assert_eq!(x.argmax(0).item(), 1);
//! assert_eq!(x.clone().max().backward()[&x].to_vec(), [0.0, 0.5, 0.5, 0.0]);
//! ```

use super::elementwise::slice;
use super::reduce::Over;
use crate::error::expect;
use crate::{Axes, Float, Keeps, Kept, Op, Result, Shape, Tensor, Var};
use kernels::{ExtremumShare, Reduce};

/// The smallest where `LEAST`, else the largest.
struct Extremum<const LEAST: bool>(Over);

impl<const LEAST: bool> Extremum<LEAST> {
    const NAME: &'static str = if LEAST { "min" } else { "max" };

    /// The part of dy that each element of x gets.
    fn share<T: Float>(&self, x: Tensor<T>, y: &Tensor<T>) -> Tensor<T> {
        let (x, y) = (x.contiguous(), y.clone().contiguous());
        let axes = kernels::Axes::from_bits(self.0.axes);
        Tensor::fill_with(self.0.from, |share| {
            kernels::extremum_share(ExtremumShare { x: slice(&x), shape: &self.0.from, axes, y: slice(&y), share });
        })
    }
}

impl<T: Float, const LEAST: bool> Op<T> for Extremum<LEAST> {
    fn name(&self) -> &'static str {
        Self::NAME
    }
    fn shape(&self, _: [&Shape; 1]) -> Result<Shape> {
        self.0.of_some(Self::NAME)
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::OPERANDS.and(Keeps::RESULT)
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        self.0.reduce(x, if LEAST { kernels::min } else { kernels::max })
    }
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        let share = self.share(kept.x(0).into_value(), kept.y().value());
        [Some(kept.constant(share) * self.0.beside(dy))]
    }
}

/// The place of the extremum along one axis.
#[track_caller]
fn place<T: Float>(op: &'static str, x: &Tensor<T>, axis: isize, kernel: fn(Reduce<'_, T, i64>)) -> Tensor<i64> {
    let over = Over::new(op, axis, x.shape());
    expect(over.of_some(op));
    over.reduce(x.clone(), kernel)
}

impl<T: Float> Var<T> {
    /// The largest element: a scalar. Ties share the gradient equally; NaN wins.
    ///
    /// # Panics
    /// If there is no element.
    #[track_caller]
    pub fn max(self) -> Var<T> {
        self.max_axes(Axes::ALL)
    }

    /// The largest over some axes, named as for [`Var::sum_axes`].
    ///
    /// # Panics
    /// If there is no such axis, or if there is a result of no elements.
    #[track_caller]
    pub fn max_axes(self, axes: impl Into<Axes>) -> Var<T> {
        Extremum::<false>(Over::new("max", axes, self.shape())).apply([self])
    }

    /// The smallest element: a scalar. Ties share the gradient equally; NaN wins.
    ///
    /// # Panics
    /// If there is no element.
    #[track_caller]
    pub fn min(self) -> Var<T> {
        self.min_axes(Axes::ALL)
    }

    /// The smallest over some axes, named as for [`Var::sum_axes`].
    ///
    /// # Panics
    /// If there is no such axis, or if there is a result of no elements.
    #[track_caller]
    pub fn min_axes(self, axes: impl Into<Axes>) -> Var<T> {
        Extremum::<true>(Over::new("min", axes, self.shape())).apply([self])
    }

    /// Where the largest stands along an axis: the first NaN, else the first of the largest. No gradient.
    ///
    /// # Panics
    /// If there is no such axis, or if it is empty.
    #[track_caller]
    pub fn argmax(&self, axis: isize) -> Tensor<i64> {
        self.value().argmax(axis)
    }

    /// Where the smallest stands along an axis: the first NaN, else the first of the smallest. No gradient.
    ///
    /// # Panics
    /// If there is no such axis, or if it is empty.
    #[track_caller]
    pub fn argmin(&self, axis: isize) -> Tensor<i64> {
        self.value().argmin(axis)
    }
}

impl<T: Float> Tensor<T> {
    /// As [`Var::max`].
    ///
    /// # Panics
    /// If there is no element.
    #[track_caller]
    pub fn max(&self) -> Tensor<T> {
        self.max_axes(Axes::ALL)
    }

    /// As [`Var::max_axes`].
    ///
    /// # Panics
    /// As [`Var::max_axes`].
    #[track_caller]
    pub fn max_axes(&self, axes: impl Into<Axes>) -> Tensor<T> {
        Extremum::<false>(Over::new("max", axes, self.shape())).eval([self.clone()])
    }

    /// As [`Var::min`].
    ///
    /// # Panics
    /// If there is no element.
    #[track_caller]
    pub fn min(&self) -> Tensor<T> {
        self.min_axes(Axes::ALL)
    }

    /// As [`Var::min_axes`].
    ///
    /// # Panics
    /// As [`Var::min_axes`].
    #[track_caller]
    pub fn min_axes(&self, axes: impl Into<Axes>) -> Tensor<T> {
        Extremum::<true>(Over::new("min", axes, self.shape())).eval([self.clone()])
    }

    /// As [`Var::argmax`].
    ///
    /// # Panics
    /// If there is no such axis, or if it is empty.
    #[track_caller]
    pub fn argmax(&self, axis: isize) -> Tensor<i64> {
        place("argmax", self, axis, kernels::argmax)
    }

    /// As [`Var::argmin`].
    ///
    /// # Panics
    /// If there is no such axis, or if it is empty.
    #[track_caller]
    pub fn argmin(&self, axis: isize) -> Tensor<i64> {
        place("argmin", self, axis, kernels::argmin)
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::reduce::oracle::{along, of_all};
    use super::table::entry;
    fn max(x: &[f64]) -> f64 {
        x.iter().copied().reduce(f64::max).unwrap()
    }
    fn min(x: &[f64]) -> f64 {
        x.iter().copied().reduce(f64::min).unwrap()
    }
    vec![
        entry!(
            "max",
            &[&[&[]], &[&[7]], &[&[2, 3]]],
            &[(-2.0, 2.0)],
            |x| x[0].clone().max(),
            whole | x | of_all(&x[0], max)
        ),
        entry!(
            "min",
            &[&[&[]], &[&[7]], &[&[2, 3]]],
            &[(-2.0, 2.0)],
            |x| x[0].clone().min(),
            whole | x | of_all(&x[0], min)
        ),
        entry!(
            "max_axes",
            &[&[&[2, 3, 2]], &[&[1, 4, 0]]],
            &[(-2.0, 2.0)],
            |x| x[0].clone().max_axes(1),
            whole | x | along(&x[0], 1, false, max)
        ),
        entry!(
            "min_axes",
            &[&[&[2, 3, 2]], &[&[5, 1]]],
            &[(-2.0, 2.0)],
            |x| x[0].clone().min_axes(crate::keep(0)),
            whole | x | along(&x[0], 0, true, min)
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{Tape, Tensor};

    #[test]
    fn peer_bug_o17() {
        let tape = Tape::probing();
        let x = tape.var(Tensor::from([1.0, 5.0, 5.0, 3.0]));
        assert_eq!(x.clone().max().backward()[&x].to_vec(), [0.0, 0.5, 0.5, 0.0]);
        let y = -&x;
        assert_eq!(y.min().backward()[&x].to_vec(), [0.0, -0.5, -0.5, 0.0]);
    }

    #[test]
    fn peer_bug_o19() {
        for numbers in [[1.0, f32::NAN, 3.0, 2.0], [f32::NAN, 1.0, 3.0, 2.0], [1.0, 3.0, 2.0, f32::NAN]] {
            let place = numbers.iter().position(|x| x.is_nan()).unwrap() as i64;
            let x = Tensor::from(numbers);
            assert!(x.max().item().is_nan() && x.min().item().is_nan());
            assert_eq!((x.argmax(0).item(), x.argmin(-1).item()), (place, place));
        }
    }

    #[test]
    fn peer_bug_o23() {
        // The gradient of a minimum along an axis that is not the last goes to that axis.
        let tape = Tape::probing();
        let a = tape.var(Tensor::from([[[1.0, 7.0], [1.0, -3.0]]]));
        let b = tape.var(Tensor::from([[[4.0, -7.0], [2.0, 3.0]]]));
        let y = (&a * &b).min_axes(1);
        assert_eq!(y.to_vec(), [2.0, -49.0]);
        assert_eq!(y.sum().backward()[&a].to_vec(), [0.0, -7.0, 2.0, 0.0]);
    }

    #[test]
    fn an_empty_axis_is_an_error_that_says_so() {
        let panic = std::panic::catch_unwind(|| Tensor::zeros([2, 0]).max_axes(1)).unwrap_err();
        let text = panic.downcast::<String>().unwrap();
        assert!(text.starts_with("max: shape [2, 0]: a reduced axis is empty"), "{text}");
        assert_eq!(Tensor::zeros([2, 0]).max_axes(0).shape(), &[0]);
    }
}
