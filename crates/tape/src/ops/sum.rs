//! Σ x, over all axes or some. Derivative: 1 everywhere.

use super::reduce::Over;
use crate::{Axes, Float, Keeps, Kept, Op, Result, Shape, Tensor, Var};

/// The sum over a set of axes.
pub(super) struct Sum(pub(super) Over);

impl<T: Float> Op<T> for Sum {
    fn name(&self) -> &'static str {
        "sum"
    }
    fn shape(&self, _: [&Shape; 1]) -> Result<Shape> {
        Ok(self.0.to())
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::NOTHING
    }
    #[inline]
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        self.0.reduce(x, kernels::sum)
    }
    fn vjp(&self, _: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        [Some(self.0.beside(dy).expand(self.0.from))]
    }
}

impl<T: Float> Var<T> {
    /// Σ of all elements: a scalar.
    #[track_caller]
    pub fn sum(self) -> Var<T> {
        self.sum_axes(Axes::ALL)
    }

    /// Σ over some axes: a number, an array of numbers (negative ones count from the end), or [`crate::keep`] of either.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn sum_axes(self, axes: impl Into<Axes>) -> Var<T> {
        Sum(Over::new("sum", axes, self.shape())).apply([self])
    }

    /// Σ over the axes along which a tensor of `shape` would be repeated to give this one: what undoes [`Var::expand`].
    pub(crate) fn sum_to(self, shape: Shape) -> Var<T> {
        let own = *self.shape();
        let missing = own.rank() - shape.rank();
        let set = (0..own.rank())
            .filter(|&axis| axis < missing || (shape[axis - missing] == 1 && own[axis] != 1))
            .fold(0, |set, axis| set | 1 << axis);
        Sum(Over { axes: set, keep: true, from: own }).apply([self]).reshape(shape)
    }
}

impl<T: Float> Tensor<T> {
    /// As [`Var::sum`].
    pub fn sum(&self) -> Tensor<T> {
        self.sum_axes(Axes::ALL)
    }

    /// As [`Var::sum_axes`].
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn sum_axes(&self, axes: impl Into<Axes>) -> Tensor<T> {
        Sum(Over::new("sum", axes, self.shape())).eval([self.clone()])
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::{UNARY, entry};
    vec![
        entry!(
            "sum",
            UNARY,
            &[(-2.0, 2.0)],
            |x| x[0].clone().sum(),
            whole | x | Tensor::f64(x[0].to_vec().iter().sum::<f64>())
        ),
        entry!(
            "sum_axes",
            &[&[&[2, 3]], &[&[1, 3]], &[&[0, 3]]],
            &[(-2.0, 2.0)],
            |x| x[0].clone().sum_axes(crate::keep(0)),
            whole | x | {
                let rows: Vec<Vec<f64>> = x[0].to_vec().chunks(3).map(<[f64]>::to_vec).collect();
                Tensor::new(&[0, 1, 2].map(|j| rows.iter().map(|row| row[j]).sum()), [1, 3])
            }
        ),
        entry!(
            "sum_axes",
            &[&[&[2, 3]], &[&[4, 3]], &[&[0, 3]]],
            &[(-2.0, 2.0)],
            |x| x[0].clone().sum_axes(-1),
            whole | x | {
                let rows: Vec<f64> = x[0].to_vec().chunks(3).map(|row| row.iter().sum()).collect();
                Tensor::f64(&rows[..])
            }
        ),
    ]
}
