//! Σ x / n, over all axes or some. Derivative: 1/n everywhere. The mean of no numbers is NaN.

use super::reduce::Over;
use crate::{Axes, Float, Keeps, Kept, Op, Result, Shape, Tensor, Var};

struct Mean(Over);

impl<T: Float> Op<T> for Mean {
    fn name(&self) -> &'static str {
        "mean"
    }
    fn shape(&self, _: [&Shape; 1]) -> Result<Shape> {
        Ok(self.0.to())
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::NOTHING
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        self.0.reduce(x, kernels::mean)
    }
    fn vjp(&self, _: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        let share = dy.scale(1.0 / self.0.count() as f64);
        [Some(self.0.beside(share).expand(self.0.from))]
    }
}

impl<T: Float> Var<T> {
    /// The mean of all elements: a scalar; NaN of none.
    #[track_caller]
    pub fn mean(self) -> Var<T> {
        self.mean_axes(Axes::ALL)
    }

    /// The mean over some axes, named as for [`Var::sum_axes`].
    ///
    /// ```
    /// use tape::{Tape, Tensor, keep};
    /// let tape = Tape::probing();
    /// let x = tape.var(Tensor::from([[1.0, 3.0], [5.0, 6.0]]));
    /// let centred = &x - x.clone().mean_axes(keep(-1));
    /// assert_eq!(centred.to_vec(), [-1.0, 1.0, -0.5, 0.5]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn mean_axes(self, axes: impl Into<Axes>) -> Var<T> {
        Mean(Over::new("mean", axes, self.shape())).apply([self])
    }
}

impl<T: Float> Tensor<T> {
    /// As [`Var::mean`].
    pub fn mean(&self) -> Tensor<T> {
        self.mean_axes(Axes::ALL)
    }

    /// As [`Var::mean_axes`].
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn mean_axes(&self, axes: impl Into<Axes>) -> Tensor<T> {
        Mean(Over::new("mean", axes, self.shape())).eval([self.clone()])
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::reduce::oracle::{along, of_all};
    use super::table::entry;
    fn mean(x: &[f64]) -> f64 {
        x.iter().sum::<f64>() / x.len() as f64
    }
    vec![
        entry!(
            "mean",
            &[&[&[]], &[&[7]], &[&[2, 3]]],
            &[(-2.0, 2.0)],
            |x| x[0].clone().mean(),
            whole | x | of_all(&x[0], mean)
        ),
        entry!(
            "mean_axes",
            &[&[&[2, 3, 2]], &[&[1, 4, 0]]],
            &[(-2.0, 2.0)],
            |x| x[0].clone().mean_axes(crate::keep(1)),
            whole | x | along(&x[0], 1, true, mean)
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{Tape, Tensor};

    #[test]
    fn of_nothing_is_nan_with_an_empty_gradient() {
        let tape = Tape::probing();
        let x = tape.var(Tensor::zeros([0]));
        let y = x.clone().mean();
        assert!(y.item().is_nan());
        assert_eq!(y.backward()[&x].len(), 0);
    }

    #[test]
    fn peer_bug_o37() {
        let x = Tensor::full([1 << 20, 3], 0.479);
        assert!(x.mean_axes(0).to_vec().iter().all(|mean| (mean - 0.479).abs() < 1e-6));
        let ones = Tensor::ones([1 << 25]);
        assert_eq!(ones.sum().item(), 33_554_432.0);
        assert_eq!(ones.mean().item(), 1.0);
    }
}
