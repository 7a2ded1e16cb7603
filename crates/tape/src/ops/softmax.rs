//! Softmax exp(x) / Σ exp(x) along an axis, its logarithm, and ln Σ exp(x) over axes; all shifted by the maximum.
//!
//! Derivatives: of softmax y · (dy − Σ dy·y), of its logarithm dy − exp(y) · Σ dy, of ln Σ exp the softmax. A row with a NaN
//! or +∞, or of −∞ alone, has the softmax NaN; other rows are untouched. ln Σ exp is then NaN, +∞ or −∞.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::probing();
//! let x = tape.var(Tensor::from([[0.0, 0.0], [1000.0, 1000.0]]));
//! assert_eq!(x.clone().softmax(-1).to_vec(), [0.5; 4]);
//! assert_eq!(x.clone().logsumexp(-1).sum().backward()[&x].to_vec(), [0.5; 4]);
//! ```

use super::elementwise::{slice, unary};
use super::reduce::{Over, plain, to_last};
use crate::{Axes, Float, Keeps, Kept, Op, Result, Shape, Tensor, Var, keep};

/// Softmax along the last axis.
pub(super) struct Softmax;
/// Its logarithm.
struct LogSoftmax;
struct LogSumExp(Over);

/// The length of the last axis.
pub(super) fn classes<T: Float>(x: &Tensor<T>) -> usize {
    x.shape()[x.rank() - 1]
}

impl<T: Float> Op<T> for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::RESULT
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        let classes = classes(&x);
        unary(x, |io| kernels::softmax(io, classes))
    }
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        let y = kept.y();
        if kept.first_order() {
            let y = y.into_value();
            let dx = unary(dy.into_value(), |io| kernels::softmax_backward(slice(&y), io, classes(&y)));
            return [Some(kept.constant(dx))];
        }
        let common = (&dy * &y).sum_axes(keep(-1));
        [Some(y * (dy - common))]
    }
}

impl<T: Float> Op<T> for LogSoftmax {
    fn name(&self) -> &'static str {
        "log_softmax"
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::RESULT
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        let classes = classes(&x);
        unary(x, |io| kernels::log_softmax(io, classes))
    }
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        let y = kept.y();
        if kept.first_order() {
            let y = y.into_value();
            let dx = unary(dy.into_value(), |io| kernels::log_softmax_backward(slice(&y), io, classes(&y)));
            return [Some(kept.constant(dx))];
        }
        // exp(y) is the softmax of y: a softmax does not see a shift.
        let common = dy.clone().sum_axes(keep(-1));
        [Some(dy - Softmax.apply([y]) * common)]
    }
}

impl<T: Float> Op<T> for LogSumExp {
    fn name(&self) -> &'static str {
        "logsumexp"
    }
    fn shape(&self, _: [&Shape; 1]) -> Result<Shape> {
        Ok(self.0.to())
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        self.0.reduce(&x, kernels::logsumexp)
    }
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        let softmax = Softmax.apply([self.0.rows(kept.x(0))]);
        [Some(self.0.put_back(softmax) * self.0.beside(dy))]
    }
}

impl<T: Float> Var<T> {
    /// exp(x) / Σ exp(x) along an axis.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn softmax(self, axis: isize) -> Var<T> {
        let (x, order) = to_last("softmax", self, axis);
        Softmax.apply([x]).permuted(order)
    }

    /// ln of the softmax along an axis, without its underflow.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn log_softmax(self, axis: isize) -> Var<T> {
        let (x, order) = to_last("log_softmax", self, axis);
        LogSoftmax.apply([x]).permuted(order)
    }

    /// ln Σ exp(x) over some axes, named as for [`Var::sum_axes`].
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn logsumexp(self, axes: impl Into<Axes>) -> Var<T> {
        LogSumExp(Over::new("logsumexp", axes, self.shape())).apply([self])
    }
}

impl<T: Float> Tensor<T> {
    /// As [`Var::softmax`].
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn softmax(&self, axis: isize) -> Tensor<T> {
        plain(self).softmax(axis).into_value()
    }

    /// As [`Var::log_softmax`].
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn log_softmax(&self, axis: isize) -> Tensor<T> {
        plain(self).log_softmax(axis).into_value()
    }

    /// As [`Var::logsumexp`].
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn logsumexp(&self, axes: impl Into<Axes>) -> Tensor<T> {
        Over::new("logsumexp", axes, self.shape()).reduce(self, kernels::logsumexp)
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::reduce::oracle::{along, lines};
    use super::table::entry;
    fn logsumexp(x: &[f64]) -> f64 {
        x.iter().map(|x| x.exp()).sum::<f64>().ln()
    }
    fn log_softmax(x: &[f64]) -> Vec<f64> {
        x.iter().map(|v| v - logsumexp(x)).collect()
    }
    vec![
        entry!(
            "softmax",
            &[&[&[2, 3]], &[&[1]], &[&[2, 2, 37]], &[&[0, 3]]],
            &[(-2.0, 2.0)],
            |x| x[0].clone().softmax(-1),
            whole | x | lines(&x[0], x[0].rank() - 1, |x| log_softmax(x).iter().map(|y| y.exp()).collect())
        ),
        entry!(
            "log_softmax",
            &[&[&[4, 3]], &[&[3, 1, 2]]],
            &[(-2.0, 2.0)],
            |x| x[0].clone().log_softmax(0),
            whole | x | lines(&x[0], 0, log_softmax)
        ),
        entry!(
            "logsumexp",
            &[&[&[2, 3, 2]], &[&[1, 4, 1]], &[&[0, 2, 1]]],
            &[(-2.0, 2.0)],
            |x| x[0].clone().logsumexp(crate::keep(1)),
            whole | x | along(&x[0], 1, true, logsumexp)
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{Tape, Tensor};

    #[test]
    fn peer_bug_o05() {
        let x = Tensor::f64([[-1000.0, -999.0, -1001.0], [1000.0, 999.0, 1001.0]]);
        let exact = Tensor::f64([-998.592_394_035_6, 1_001.407_605_964_4]);
        assert!(x.logsumexp(-1).allclose(&exact, 1e-12, 0.0));
    }

    #[test]
    fn peer_bug_n13() {
        let low = f32::NEG_INFINITY;
        let tape = Tape::probing();
        let x = tape.var(Tensor::from([[low, low, low], [0.0, low, 0.0]]));
        let y = x.clone().softmax(-1);
        assert!(y.to_vec()[..3].iter().all(|y| y.is_nan()));
        assert_eq!(y.to_vec()[3..], [0.5, 0.0, 0.5]);
        let dx = y.square().sum().backward()[&x].to_vec();
        assert_eq!(dx[3..], [0.0, 0.0, 0.0]);
        assert_eq!(x.value().logsumexp(-1).to_vec(), [low, 2f32.ln()]);
    }

    #[test]
    fn peer_bug_n15() {
        for row in [[1.0, f32::NAN], [f32::NAN, 1.0]] {
            let x = Tensor::from(row);
            assert!(x.softmax(0).to_vec().iter().chain(&x.log_softmax(0).to_vec()).all(|y| y.is_nan()));
        }
    }
}
