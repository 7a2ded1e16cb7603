//! ReLU: y = x where x > 0, else 0. NaN stays NaN; relu(−0.0) = +0.0.
//!
//! Derivative: 1 where x > 0 and at NaN, so that a NaN's gradient shows; 0 below 0 and at 0 (Bertoin et al. 2021 on
//! relu'(0)). The rule reads the result, so the op may overwrite its operand. Nair, Hinton 2010.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::probing();
//! let x = tape.var(Tensor::from([-2.0, 0.0, 3.0]));
//! let y = x.clone().relu();
//! assert_eq!(y.to_vec(), [0.0, 0.0, 3.0]);
//! assert_eq!(y.sum().backward()[&x].to_vec(), [0.0, 0.0, 1.0]);
//! ```

use super::elementwise::{slope_op, unary_op};
use super::gate::{gated, is_large};
use crate::{Float, Op as _, Tensor, Var};
use kernels::Gate;

unary_op!(Relu, "relu", kernels::relu, from y |y, dy| slope_times(y, dy));
slope_op!(ReluSlope, "relu_slope", kernels::relu_backward);

/// The slope of relu, seen from its result, times dy.
pub(super) fn slope_times<T: Float>(y: Var<T>, dy: Var<T>) -> Var<T> {
    ReluSlope.apply([y.detach(), dy])
}

impl<T: Float> Var<T> {
    /// x where x > 0, else 0. Derivative: 1 where x > 0, else 0: 0 at 0, 1 at NaN.
    #[track_caller]
    #[inline]
    pub fn relu(self) -> Var<T> {
        if is_large(&self) {
            let (value, tape, id) = self.into_parts();
            return gated(Gate::Relu, value, (tape, id));
        }
        Relu.apply([self])
    }
}

impl<T: Float> Tensor<T> {
    /// x where x > 0, else 0.
    pub fn relu(&self) -> Tensor<T> {
        Relu.eval([self.clone()])
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::{UNARY, entry};
    vec![entry!(
        "relu",
        UNARY,
        &[(-2.0, 2.0)],
        |x| x[0].clone().relu(),
        elementwise | x | if x[0] <= 0.0 { 0.0 } else { x[0] }
    )]
}

#[cfg(test)]
mod tests {
    use crate::{Tape, Tensor};

    fn slopes(x: &[f32]) -> Vec<f32> {
        let tape = Tape::probing();
        let x = tape.var(Tensor::from(x));
        x.clone().relu().sum().backward()[&x].to_vec()
    }

    #[test]
    fn peer_bug_r13() {
        let x = Tensor::from([f32::NAN]);
        let tape = Tape::probing();
        assert!(x.relu().item().is_nan());
        assert!(tape.var(x.clone()).relu().item().is_nan());
        assert!(Tape::inference().input(x.clone()).relu().item().is_nan());
        assert!(Tape::inference().input(x.copy()).relu().item().is_nan(), "in place");
        assert!(tape.var(x.clone()).leaky_relu(0.0).item().is_nan());
        assert!(tape.var(x).prelu(0.25).item().is_nan());
    }

    #[test]
    fn peer_bug_r15() {
        assert_eq!(slopes(&[f32::NAN, -0.0]), [1.0, 0.0]);
        assert_eq!(Tensor::from([-0.0]).relu().item().to_bits(), 0);
    }

    #[test]
    fn peer_bug_r17() {
        // Long enough for whole registers and a tail.
        let x: Vec<f32> = (0..37).map(|i| [f32::NAN, f32::INFINITY, -1.5][i % 3]).collect();
        for (i, y) in Tensor::from(x).relu().to_vec().into_iter().enumerate() {
            match i % 3 {
                0 => assert!(y.is_nan()),
                1 => assert_eq!(y, f32::INFINITY),
                _ => assert_eq!(y.to_bits(), 0),
            }
        }
    }

    #[test]
    fn peer_bug_r21() {
        assert_eq!(Tensor::from([-3.0]).relu().item().to_bits(), 0);
        // Leaky ReLU of slope 0 is what it says: 0 · −3 = −0.0, equal to 0.
        assert_eq!(Tape::inference().input(Tensor::from([-3.0])).leaky_relu(0).item(), 0.0);
    }

    #[test]
    fn peer_bug_r23() {
        assert_eq!(slopes(&[0.0, -0.0, f32::MIN_POSITIVE, 1e-45]), [0.0, 0.0, 1.0, 1.0]);
    }

    #[test]
    fn the_operand_is_overwritten_if_nobody_else_holds_it() {
        let tape = Tape::probing();
        let x = tape.var(Tensor::from([-1.0, 2.0]));
        let h = x.clone() * 2;
        let numbers = h.value().as_slice().unwrap().as_ptr();
        let y = h.relu();
        assert_eq!(y.value().as_slice().unwrap().as_ptr(), numbers);
        assert_eq!(y.sum().backward()[&x].to_vec(), [0.0, 2.0]);
    }
}
