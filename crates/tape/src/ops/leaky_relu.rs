//! Leaky ReLU: y = x where x > 0, else α·x, for a fixed slope α of any sign and size.
//!
//! Derivative: 1 where x > 0, else α: at 0 and at NaN too. Where α > 0 is not tiny the output has the input's sign, so
//! the rule reads the output and the op may overwrite its input. Maas, Hannun, Ng 2013.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::probing();
//! let x = tape.var(Tensor::from([-2.0, 0.0, 3.0]));
//! let y = x.clone().leaky_relu(0.1);
//! assert_eq!(y.to_vec(), [-0.2, 0.0, 3.0]);
//! assert_eq!(y.sum().backward()[&x].to_vec(), [0.1, 0.1, 1.0]);
//! ```

use super::elementwise::{binary, unary};
use super::gate::{gated, is_large};
use crate::{Float, Keeps, Kept, Op, Tensor, Var};
use kernels::Gate;

struct LeakyRelu<T>(T);

/// The slope of leaky ReLU at every element of x, times dy: linear in dy, so its own derivative in dy, and constant in x.
struct LeakyReluSlope<T>(T);

impl<T: Float> LeakyRelu<T> {
    fn output_is_enough(&self) -> bool {
        kernels::output_is_enough(&[self.0])
    }
}

impl<T: Float> Op<T> for LeakyRelu<T> {
    fn name(&self) -> &'static str {
        "leaky_relu"
    }
    #[inline]
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        if self.output_is_enough() { Keeps::RESULT } else { Keeps::OPERANDS }
    }
    #[inline]
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        unary(x, |io| kernels::leaky(self.0, io))
    }
    #[inline]
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        let seen = if self.output_is_enough() { kept.y() } else { kept.x(0) };
        if kept.first_order() {
            let dx = binary(seen.into_value(), dy.into_value(), |io| kernels::leaky_backward(self.0, io));
            return [Some(kept.constant(dx))];
        }
        [Some(slope_times(self.0, seen, dy))]
    }
}

/// The slope of leaky ReLU, seen from its operand or (see [`kernels::output_is_enough`]) its result, times dy.
pub(super) fn slope_times<T: Float>(slope: T, seen: Var<T>, dy: Var<T>) -> Var<T> {
    LeakyReluSlope(slope).apply([seen.detach(), dy])
}

impl<T: Float> Op<T, 2> for LeakyReluSlope<T> {
    fn name(&self) -> &'static str {
        "leaky_relu_slope"
    }
    #[inline]
    fn keeps(&self, _: [&Tensor<T>; 2]) -> Keeps {
        Keeps::operand(0)
    }
    #[inline]
    fn forward(&mut self, [seen, dy]: [Tensor<T>; 2]) -> Tensor<T> {
        binary(seen, dy, |io| kernels::leaky_backward(self.0, io))
    }
    #[inline]
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 2] {
        [None, Some(LeakyReluSlope(self.0).apply([kept.x(0), dy]))]
    }
}

impl<T: Float> Var<T> {
    /// x where x > 0, else `slope`·x, for a slope of any sign and size.
    #[track_caller]
    #[inline]
    pub fn leaky_relu(self, slope: impl Into<f64>) -> Var<T> {
        let slope = T::from_f64(slope.into());
        if is_large(&self) {
            let (value, tape, id) = self.into_parts();
            return gated(Gate::Leaky(slope), value, (tape, id));
        }
        LeakyRelu(slope).apply([self])
    }
}

impl<T: Float> Tensor<T> {
    /// x where x > 0, else `slope`·x, for a slope of any sign and size.
    pub fn leaky_relu(&self, slope: impl Into<f64>) -> Tensor<T> {
        LeakyRelu(T::from_f64(slope.into())).eval([self.clone()])
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::{UNARY, entry};
    vec![
        entry!(
            "leaky_relu",
            UNARY,
            &[(-2.0, 2.0)],
            |x| x[0].clone().leaky_relu(0.25),
            elementwise | x | if x[0] > 0.0 { x[0] } else { 0.25 * x[0] }
        ),
        entry!(
            "leaky_relu",
            UNARY,
            &[(-2.0, 2.0)],
            |x| x[0].clone().leaky_relu(-0.5),
            elementwise | x | if x[0] > 0.0 { x[0] } else { -0.5 * x[0] }
        ),
        entry!(
            "leaky_relu",
            UNARY,
            &[(-2.0, 2.0)],
            |x| x[0].clone().leaky_relu(2),
            elementwise | x | if x[0] > 0.0 { x[0] } else { 2.0 * x[0] }
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{Tape, Tensor};

    /// Values and slopes from one evaluation that may run in place.
    fn run(slope: f64, x: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let tape = Tape::probing();
        let x = tape.var(Tensor::from(x));
        let y = (&x * 1).leaky_relu(slope);
        (y.to_vec(), y.sum().backward()[&x].to_vec())
    }

    #[test]
    fn peer_bug_r01() {
        assert_eq!(run(-2.0, &[-1.0, 1.0]), (vec![2.0, 1.0], vec![-2.0, 1.0]));
    }

    #[test]
    fn peer_bug_r03() {
        let x: Vec<f32> = (-5..5).map(|x| x as f32).collect();
        assert_eq!(run(0.0, &x).1, [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]);
    }

    #[test]
    fn peer_bug_r07() {
        assert_eq!(run(2.0, &[-1.0, 1.0]).0, [-2.0, 1.0]);
    }

    #[test]
    fn peer_bug_r09() {
        assert_eq!(run(0.01, &[1.0]).0, [1.0]);
    }

    #[test]
    fn peer_bug_r11() {
        assert_eq!(run(-2.0, &[-1.0, 1.0]).0, [2.0, 1.0]);
    }

    #[test]
    fn peer_bug_r51() {
        let tape = Tape::probing();
        let x = tape.var(Tensor::from([-1.0]));
        let y = x.clone().leaky_relu(0.1);
        assert_eq!(y.backward_with(Tensor::from([3.0]))[&x].to_vec(), [0.1 * 3.0]);
    }

    #[test]
    fn slopes_at_zero_and_nan_are_the_negative_sides() {
        assert_eq!(run(0.25, &[0.0, -0.0, f32::NAN, f32::INFINITY]).1, [0.25, 0.25, 0.25, 1.0]);
        assert_eq!(Tensor::from([-2.0, 3.0]).leaky_relu(0.5).to_vec(), [-1.0, 3.0]);
    }
}
