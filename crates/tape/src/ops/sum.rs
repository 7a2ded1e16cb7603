//! Σ x, over all axes or some. Derivative: 1 everywhere.

use crate::error::expect;
use crate::{Axes, Float, Keeps, Kept, Op, Result, Shape, Tensor, Var};

/// The sum over a set of axes.
pub(super) struct Sum {
    axes: u32,
    keep: bool,
    /// The argument's shape.
    from: Shape,
}

impl Sum {
    pub(super) fn new(axes: u32, keep: bool, from: Shape) -> Sum {
        Sum { axes, keep, from }
    }
}

impl<T: Float> Op<T> for Sum {
    fn name(&self) -> &'static str {
        "sum"
    }
    fn shape(&self, [x]: [&Shape; 1]) -> Result<Shape> {
        Ok(x.reduced(self.axes, self.keep))
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::NOTHING
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        super::reduce::sum(x, self.axes, self.keep)
    }
    fn vjp(&self, _: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        let kept = self.from.reduced(self.axes, true);
        [Some(dy.reshape(kept).expand(self.from))]
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
        let axes = axes.into();
        let set = expect(axes.set("sum", self.shape()));
        let from = *self.shape();
        Sum::new(set, axes.keeps(), from).apply([self])
    }

    /// Σ over the axes along which a tensor of `shape` would be repeated to give this one: what undoes [`Var::expand`].
    pub(crate) fn sum_to(self, shape: Shape) -> Var<T> {
        let own = *self.shape();
        let missing = own.rank() - shape.rank();
        let set = (0..own.rank())
            .filter(|&axis| axis < missing || (shape[axis - missing] == 1 && own[axis] != 1))
            .fold(0, |set, axis| set | 1 << axis);
        Sum::new(set, true, own).apply([self]).reshape(shape)
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
