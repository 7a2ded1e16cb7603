//! The variance Σ (x − mean)² / (n − correction) and its root, over all axes or some.
//!
//! Derivative: 2 (x − mean) / (n − correction) of the variance, (x − mean) / ((n − correction) · std) of the root, and 0
//! where all elements are the same, which is where the root has a kink. Correction 1 is the unbiased estimate, 0 the
//! variance of the elements themselves. Where n ≤ correction there is none: NaN, and so is the gradient, of x's shape.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::probing();
//! let x = tape.var(Tensor::from([1.0, 3.0]));
//! assert_eq!(x.clone().var(1.0).item(), 2.0);
//! assert_eq!(x.clone().var(0.0).backward()[&x].to_vec(), [-1.0, 1.0]);
//! ```

use super::elementwise::unary;
use super::reduce::Over;
use crate::{Axes, Float, Keeps, Kept, Op, Result, Shape, Tensor, Var, keep};

struct Variance {
    over: Over,
    correction: f64,
}

struct Deviation(Variance);

impl Variance {
    #[track_caller]
    fn new(op: &'static str, axes: impl Into<Axes>, shape: &Shape, correction: f64) -> Variance {
        Variance { over: Over::new(op, axes, shape), correction }
    }

    fn forward<T: Float>(&self, x: Tensor<T>) -> Tensor<T> {
        self.over.reduce(x, |args| kernels::variance(args, self.correction))
    }

    /// 1 / (n − correction)
    fn weight(&self) -> f64 {
        let freedom = self.over.count() as f64 - self.correction;
        if freedom > 0.0 { 1.0 / freedom } else { f64::NAN }
    }

    /// x − mean, twice: the second time takes away what rounding left of a mean that is large beside the deviations.
    fn centred<T: Float>(&self, x: Var<T>) -> Var<T> {
        let axes: Vec<isize> = (0..self.over.from.rank())
            .filter(|axis| self.over.axes & (1 << axis) != 0)
            .map(|axis| axis as isize)
            .collect();
        let centre = |x: Var<T>| &x - x.clone().mean_axes(keep(&axes[..]));
        centre(centre(x))
    }
}

impl<T: Float> Op<T> for Variance {
    fn name(&self) -> &'static str {
        "var"
    }
    fn shape(&self, _: [&Shape; 1]) -> Result<Shape> {
        Ok(self.over.to())
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        Variance::forward(self, x)
    }
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        let dy = self.over.beside(dy.scale(2.0 * self.weight()));
        [Some(self.centred(kept.x(0)) * dy)]
    }
}

impl<T: Float> Op<T> for Deviation {
    fn name(&self) -> &'static str {
        "std"
    }
    fn shape(&self, _: [&Shape; 1]) -> Result<Shape> {
        Ok(self.0.over.to())
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::OPERANDS.and(Keeps::RESULT)
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        unary(self.0.forward(x), kernels::sqrt)
    }
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        let Variance { over, .. } = &self.0;
        let y = kept.y();
        let is_not_0 = y.value().clone();
        let divisor = over.beside(y.where_else(&is_not_0, 1));
        let dy = over.beside(dy.where_else(&is_not_0, 0).scale(self.0.weight()));
        [Some(self.0.centred(kept.x(0)) / divisor * dy)]
    }
}

impl<T: Float> Var<T> {
    /// The variance of all elements: a scalar.
    #[track_caller]
    pub fn var(self, correction: f64) -> Var<T> {
        self.var_axes(Axes::ALL, correction)
    }

    /// The variance over some axes, named as for [`Var::sum_axes`].
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn var_axes(self, axes: impl Into<Axes>, correction: f64) -> Var<T> {
        Variance::new("var", axes, self.shape(), correction).apply([self])
    }

    /// The standard deviation of all elements: a scalar. Its gradient is 0 where they are all the same.
    #[track_caller]
    pub fn std(self, correction: f64) -> Var<T> {
        self.std_axes(Axes::ALL, correction)
    }

    /// The standard deviation over some axes, named as for [`Var::sum_axes`].
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn std_axes(self, axes: impl Into<Axes>, correction: f64) -> Var<T> {
        Deviation(Variance::new("std", axes, self.shape(), correction)).apply([self])
    }
}

impl<T: Float> Tensor<T> {
    /// As [`Var::var`].
    pub fn var(&self, correction: f64) -> Tensor<T> {
        self.var_axes(Axes::ALL, correction)
    }

    /// As [`Var::var_axes`].
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn var_axes(&self, axes: impl Into<Axes>, correction: f64) -> Tensor<T> {
        Variance::new("var", axes, self.shape(), correction).eval([self.clone()])
    }

    /// As [`Var::std`].
    pub fn std(&self, correction: f64) -> Tensor<T> {
        self.std_axes(Axes::ALL, correction)
    }

    /// As [`Var::std_axes`].
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn std_axes(&self, axes: impl Into<Axes>, correction: f64) -> Tensor<T> {
        Deviation(Variance::new("std", axes, self.shape(), correction)).eval([self.clone()])
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::reduce::oracle::{along, of_all};
    use super::table::entry;
    fn var(x: &[f64], correction: f64) -> f64 {
        let mean = x.iter().sum::<f64>() / x.len() as f64;
        x.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (x.len() as f64 - correction)
    }
    vec![
        entry!(
            "var",
            &[&[&[7]], &[&[2, 3]]],
            &[(-2.0, 2.0)],
            |x| x[0].clone().var(1.0),
            whole | x | of_all(&x[0], |x| var(x, 1.0))
        ),
        entry!(
            "std",
            &[&[&[7]], &[&[2, 3]]],
            &[(-2.0, 2.0)],
            |x| x[0].clone().std(0.0),
            whole | x | of_all(&x[0], |x| var(x, 0.0).sqrt())
        ),
        entry!(
            "var_axes",
            &[&[&[2, 3, 2]], &[&[0, 2, 1]]],
            &[(-2.0, 2.0)],
            |x| x[0].clone().var_axes(1, 0.0),
            whole | x | along(&x[0], 1, false, |x| var(x, 0.0))
        ),
        entry!(
            "std_axes",
            &[&[&[2, 3, 2]], &[&[1, 4, 1]]],
            &[(-2.0, 2.0)],
            |x| x[0].clone().std_axes(crate::keep(1), 1.0),
            whole | x | along(&x[0], 1, true, |x| var(x, 1.0).sqrt())
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{Tape, Tensor};

    #[test]
    fn peer_bug_o13() {
        let tape = Tape::probing();
        let x = tape.var(Tensor::from([3.0]));
        let y = x.clone().var(1.0);
        assert!(y.item().is_nan());
        let gradient = y.backward();
        assert_eq!(gradient[&x].shape(), &[1]);
        assert!(gradient[&x].item().is_nan());
    }

    #[test]
    fn the_deviation_of_equal_numbers_has_the_gradient_0() {
        let tape = Tape::probing();
        let x = tape.var(Tensor::full([51], 0.1));
        let y = x.clone().std(1.0);
        assert_eq!(y.item(), 0.0);
        let [recorded] = y.grad([&x]);
        assert_eq!(recorded.to_vec(), [0.0; 51]);
        assert_eq!(y.backward()[&x].to_vec(), [0.0; 51]);
    }

    #[test]
    fn small_deviations_of_large_numbers_keep_their_digits() {
        let numbers: Vec<f32> = (0..100).map(|i| 30_000.0 + (i % 7) as f32 / 256.0).collect();
        let tape = Tape::probing();
        let x = tape.var(Tensor::from(&numbers[..]));
        let exact = tape_gradient(&numbers);
        let gradient = x.clone().var(0.0).backward()[&x].cast::<f64>();
        assert!(gradient.allclose(&exact, 1e-4, 1e-9), "{gradient:?} for {exact:?}");
    }

    fn tape_gradient(numbers: &[f32]) -> Tensor<f64> {
        let mean = numbers.iter().map(|&x| f64::from(x)).sum::<f64>() / numbers.len() as f64;
        let slopes: Vec<f64> = numbers.iter().map(|&x| 2.0 * (f64::from(x) - mean) / numbers.len() as f64).collect();
        Tensor::f64(&slopes[..])
    }
}
