//! |x|, and what is constant but for jumps: sign, floor, ceil, round.
//!
//! Derivatives: of |x|, the sign of x: 0 at 0, NaN at NaN; of the others 0 everywhere, at the jumps and at NaN too. That
//! zero is a gradient like any other: training through `round` stands still, it does not fail.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::probing();
//! let x = tape.var(Tensor::from([-1.5, 0.0, 2.5]));
//! assert_eq!(x.clone().abs().sum().backward()[&x].to_vec(), [-1.0, 0.0, 1.0]);
//! assert_eq!(x.clone().round().to_vec(), [-2.0, 0.0, 2.0]);
//! assert_eq!(x.clone().round().sum().backward()[&x].to_vec(), [0.0; 3]);
//! ```

use super::elementwise::unary_op;
use crate::{Float, Op, Tensor, Var};

unary_op!(Abs, "abs", kernels::abs, from x |x, dy| dy * x.sign());
unary_op!(Sign, "sign", kernels::sign, flat);
unary_op!(Floor, "floor", kernels::floor, flat);
unary_op!(Ceil, "ceil", kernels::ceil, flat);
unary_op!(Round, "round", kernels::round, flat);

impl<T: Float> Var<T> {
    /// |x|. Derivative: the sign of x, 0 at 0.
    #[track_caller]
    pub fn abs(self) -> Var<T> {
        Abs.apply([self])
    }

    /// −1, 0 or 1; 0 at both zeros, NaN at NaN. Derivative: 0 everywhere.
    #[track_caller]
    pub fn sign(self) -> Var<T> {
        Sign.apply([self])
    }

    /// The largest integer that is not above. Derivative: 0 everywhere.
    #[track_caller]
    pub fn floor(self) -> Var<T> {
        Floor.apply([self])
    }

    /// The smallest integer that is not below. Derivative: 0 everywhere.
    #[track_caller]
    pub fn ceil(self) -> Var<T> {
        Ceil.apply([self])
    }

    /// The nearest integer, ties to even. Derivative: 0 everywhere.
    #[track_caller]
    pub fn round(self) -> Var<T> {
        Round.apply([self])
    }
}

impl<T: Float> Tensor<T> {
    /// |x|.
    pub fn abs(&self) -> Tensor<T> {
        Abs.eval([self.clone()])
    }

    /// −1, 0 or 1; 0 at both zeros, NaN at NaN.
    pub fn sign(&self) -> Tensor<T> {
        Sign.eval([self.clone()])
    }

    /// The largest integer that is not above.
    pub fn floor(&self) -> Tensor<T> {
        Floor.eval([self.clone()])
    }

    /// The smallest integer that is not below.
    pub fn ceil(&self) -> Tensor<T> {
        Ceil.eval([self.clone()])
    }

    /// The nearest integer, ties to even.
    pub fn round(&self) -> Tensor<T> {
        Round.eval([self.clone()])
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::{UNARY, entry};
    vec![
        entry!("abs", UNARY, &[(-2.0, 2.0)], |x| x[0].clone().abs(), elementwise | x | x[0].abs()),
        entry!(
            "sign",
            UNARY,
            &[(-2.0, 2.0)],
            |x| x[0].clone().sign(),
            elementwise | x | if x[0] == 0.0 { 0.0 } else { x[0].signum() }
        ),
        entry!("floor", UNARY, &[(-2.0, 2.0)], |x| x[0].clone().floor(), elementwise | x | x[0].floor()),
        entry!("ceil", UNARY, &[(-2.0, 2.0)], |x| x[0].clone().ceil(), elementwise | x | x[0].ceil()),
        entry!("round", UNARY, &[(-2.0, 2.0)], |x| x[0].clone().round(), elementwise | x | x[0].round_ties_even()),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{Tape, Tensor, Var};

    /// a · |b| for 2 by 2 matrices, entry by entry.
    #[test]
    fn peer_bug_o01() {
        let tape = Tape::probing();
        let a = [[6.0, 7.0], [9.0, -10.0]];
        let b = tape.var(Tensor::from([[0.0, -1.0], [3.0, 4.0]]));
        let magnitudes = b.clone().abs();
        let mut loss = tape.input(Tensor::from([0.0]));
        for row in a {
            loss = loss + (&magnitudes * Tensor::from([[row[0]], [row[1]]])).sum();
        }
        assert_eq!(loss.backward()[&b].to_vec(), [0.0, -15.0, -3.0, -3.0]);
    }

    #[test]
    fn jumps_have_zero_gradient_whatever_comes_back() {
        let tape = Tape::probing();
        let x = tape.var(Tensor::from([1.0, f32::NAN, f32::INFINITY]));
        let steps: [fn(Var) -> Var; 4] = [Var::sign, Var::floor, Var::ceil, Var::round];
        for step in steps {
            let y = step(x.clone());
            let dy = Tensor::from([f32::NAN, f32::INFINITY, 1.0]);
            assert_eq!(y.backward_with(dy)[&x].to_vec(), [0.0; 3]);
        }
    }
}
