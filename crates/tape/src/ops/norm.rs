//! √Σ x², over all axes or some, without overflow or underflow on the way. Derivative: x / norm, and 0 at 0, which is where
//! the norm has its kink.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::probing();
//! let x = tape.var(Tensor::from([3.0, -4.0]));
//! assert_eq!(x.clone().norm().item(), 5.0);
//! assert_eq!(x.clone().norm().backward()[&x].to_vec(), [0.6, -0.8]);
//! ```

use super::reduce::Over;
use crate::{Axes, Float, Keeps, Kept, Op, Result, Shape, Tensor, Var};

struct Norm(Over);

impl<T: Float> Op<T> for Norm {
    fn name(&self) -> &'static str {
        "norm"
    }
    fn shape(&self, _: [&Shape; 1]) -> Result<Shape> {
        Ok(self.0.to())
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::OPERANDS.and(Keeps::RESULT)
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        self.0.reduce(x, kernels::norm2)
    }
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        // Where the norm is 0, so is x.
        let y = kept.y();
        let is_not_0 = y.value().clone();
        let divisor = self.0.beside(y.where_else(&is_not_0, 1));
        [Some(kept.x(0) / divisor * self.0.beside(dy.where_else(&is_not_0, 0)))]
    }
}

impl<T: Float> Var<T> {
    /// The Euclidean norm of all elements: a scalar. Its gradient at 0 is 0.
    #[track_caller]
    pub fn norm(self) -> Var<T> {
        self.norm_axes(Axes::ALL)
    }

    /// The Euclidean norm over some axes, named as for [`Var::sum_axes`].
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn norm_axes(self, axes: impl Into<Axes>) -> Var<T> {
        Norm(Over::new("norm", axes, self.shape())).apply([self])
    }
}

impl<T: Float> Tensor<T> {
    /// As [`Var::norm`].
    pub fn norm(&self) -> Tensor<T> {
        self.norm_axes(Axes::ALL)
    }

    /// As [`Var::norm_axes`].
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn norm_axes(&self, axes: impl Into<Axes>) -> Tensor<T> {
        Norm(Over::new("norm", axes, self.shape())).eval([self.clone()])
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::reduce::oracle::{along, of_all};
    use super::table::entry;
    fn norm(x: &[f64]) -> f64 {
        x.iter().map(|x| x * x).sum::<f64>().sqrt()
    }
    vec![
        entry!(
            "norm",
            &[&[&[]], &[&[7]], &[&[2, 3]], &[&[0]]],
            &[(0.2, 2.0)],
            |x| x[0].clone().norm(),
            whole | x | of_all(&x[0], norm)
        ),
        entry!(
            "norm_axes",
            &[&[&[2, 3, 2]], &[&[0, 2, 1]]],
            &[(-2.0, 2.0)],
            |x| x[0].clone().norm_axes(1),
            whole | x | along(&x[0], 1, false, norm)
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{Tape, Tensor};

    #[test]
    fn peer_bug_o11() {
        let tape = Tape::probing();
        let x = tape.var(Tensor::zeros([3]));
        assert_eq!(x.clone().norm().backward()[&x].to_vec(), [0.0; 3]);
        assert_eq!(x.clone().norm().square().backward()[&x].to_vec(), [0.0; 3]);
        let [dx] = x.clone().norm().square().grad([&x]);
        let [ddx] = dx.clone().sum().grad([&x]);
        assert_eq!((dx.to_vec(), ddx.to_vec()), (vec![0.0; 3], vec![0.0; 3]));
    }

    #[test]
    fn peer_bug_o39() {
        // A fourth of the peers' 10⁸, so that the test stays small.
        assert_eq!(Tensor::scalar(1.0f32).expand([25_000_000]).norm().item(), 5_000.0);
    }

    #[test]
    fn huge_and_tiny_numbers_have_norms_and_gradients() {
        for scale in [1e30f32, 1e-40] {
            let tape = Tape::probing();
            let x = tape.var(Tensor::from([3.0 * scale, 4.0 * scale]));
            let gradient = x.clone().norm().backward()[&x].to_vec();
            assert!((gradient[0] - 0.6).abs() < 1e-4 && (gradient[1] - 0.8).abs() < 1e-4, "{gradient:?}");
        }
    }
}
