//! The larger and the smaller of two numbers, element by element. NaN where either is NaN.
//!
//! Derivatives: dy to the side that wins, exactly 0 to the other; at a tie, and where either is NaN, half to each, so that
//! the parts always add up to dy. Operands broadcast.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::probing();
//! let x = tape.var(Tensor::from([-1.0, 0.0, 2.0]));
//! let y = x.clone().maximum(0);
//! assert_eq!(y.to_vec(), [0.0, 0.0, 2.0]);
//! assert_eq!(y.sum().backward()[&x].to_vec(), [0.0, 0.5, 1.0]);
//! ```

use super::elementwise::{binary, ternary};
use crate::{Float, Keeps, Kept, Op, Operand, Tensor, TensorOperand, Var};

struct Maximum;
struct Minimum;
/// What of dy belongs to the first of two operands in their maximum.
struct MaximumShare;
/// What of dy belongs to the first of two operands in their minimum.
struct MinimumShare;

macro_rules! extremum {
    ($Op:ident, $name:literal, $kernel:path, $Share:ident, $share_name:literal, $share_kernel:path) => {
        impl<T: Float> Op<T, 2> for $Op {
            fn name(&self) -> &'static str {
                $name
            }
            fn forward(&mut self, [a, b]: [Tensor<T>; 2]) -> Tensor<T> {
                binary(a, b, $kernel)
            }
            fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 2] {
                let (a, b) = (kept.x(0).detach(), kept.x(1).detach());
                let da = kept.needs(0).then(|| $Share.apply([a.clone(), b.clone(), dy.clone()]));
                let db = kept.needs(1).then(|| $Share.apply([b, a, dy]));
                [da, db]
            }
        }
        impl<T: Float> Op<T, 3> for $Share {
            fn name(&self) -> &'static str {
                $share_name
            }
            fn keeps(&self, _: [&Tensor<T>; 3]) -> Keeps {
                Keeps::operand(0).and(Keeps::operand(1))
            }
            fn forward(&mut self, operands: [Tensor<T>; 3]) -> Tensor<T> {
                ternary(operands, $share_kernel)
            }
            fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 3] {
                [None, None, Some($Share.apply([kept.x(0), kept.x(1), dy]))]
            }
        }
    };
}
extremum!(Maximum, "maximum", kernels::maximum, MaximumShare, "maximum_share", kernels::maximum_backward);
extremum!(Minimum, "minimum", kernels::minimum, MinimumShare, "minimum_share", kernels::minimum_backward);

impl<T: Float> Var<T> {
    /// The larger of both; ties share the gradient.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn maximum(self, other: impl Operand<T>) -> Var<T> {
        let other = other.on(self.tape());
        Maximum.apply([self, other])
    }

    /// The smaller of both; ties share the gradient.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn minimum(self, other: impl Operand<T>) -> Var<T> {
        let other = other.on(self.tape());
        Minimum.apply([self, other])
    }
}

impl<T: Float> Tensor<T> {
    /// The larger of both.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn maximum(&self, other: impl TensorOperand<T>) -> Tensor<T> {
        Maximum.eval([self.clone(), other.into_tensor()])
    }

    /// The smaller of both.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn minimum(&self, other: impl TensorOperand<T>) -> Tensor<T> {
        Minimum.eval([self.clone(), other.into_tensor()])
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::{BINARY, entry};
    fn nan_or(x: &[f64], f: fn(f64, f64) -> f64) -> f64 {
        if x[0].is_nan() || x[1].is_nan() { f64::NAN } else { f(x[0], x[1]) }
    }
    vec![
        entry!(
            "maximum",
            BINARY,
            &[(-2.0, 2.0)],
            |x| x[0].clone().maximum(&x[1]),
            elementwise | x | nan_or(x, f64::max)
        ),
        entry!(
            "minimum",
            BINARY,
            &[(-2.0, 2.0)],
            |x| x[0].clone().minimum(&x[1]),
            elementwise | x | nan_or(x, f64::min)
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{Tape, Tensor, Var};

    #[test]
    fn peer_bug_o15() {
        let slopes = |f: fn(&Var) -> Var| {
            let tape = Tape::probing();
            let x = tape.var(Tensor::from([3.0, 1.0, -4.0, -1.0]));
            f(&x).sum().backward()[&x].to_vec()
        };
        assert_eq!(slopes(|x| x.clone().maximum(x * 0.1)), [1.0, 1.0, 0.1, 0.1]);
        assert_eq!(slopes(|x| x.clone().minimum(x * 0.1)), [0.1, 0.1, 1.0, 1.0]);
        assert_eq!(slopes(|x| x.clone().minimum(x)), [1.0; 4]);
    }

    #[test]
    fn the_losing_side_gets_zero_whatever_comes_back() {
        let tape = Tape::probing();
        let (a, b) = (tape.var(Tensor::from([1.0, 5.0])), tape.var(Tensor::from([2.0, 5.0])));
        let y = a.clone().maximum(&b);
        let grads = y.backward_with(Tensor::from([f32::INFINITY, 4.0]));
        assert_eq!(grads[&a].to_vec(), [0.0, 2.0]);
        assert_eq!(grads[&b].to_vec(), [f32::INFINITY, 2.0]);
    }

    #[test]
    fn plain_tensors_take_numbers_and_tensors() {
        let x = Tensor::from([[1.0, -1.0]]);
        assert_eq!(x.maximum(0).to_vec(), [1.0, 0.0]);
        assert_eq!(x.minimum(Tensor::from([[0.0], [2.0]])).to_vec(), [0.0, -1.0, 1.0, -1.0]);
    }
}
