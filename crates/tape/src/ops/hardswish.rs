//! The logistic function and silu in straight lines: hardsigmoid x = relu6(x + 3)/6 and hardswish x = x·hardsigmoid x.
//!
//! Derivatives: of hardsigmoid 1/6 strictly between −3 and 3, else (and at NaN) 0; of hardswish x/3 + ½ between −3 and 3, 0 from −3 down, 1 from 3 up.
//! hardswish(−∞) = −0. Howard et al. 2019.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::probing();
//! let x = tape.var(Tensor::from([f32::NEG_INFINITY, -3.0, 0.0, 3.0, 4.0]));
//! let y = x.clone().hardswish();
//! assert_eq!(y.to_vec(), [0.0, 0.0, 0.0, 3.0, 4.0]);
//! assert_eq!(y.sum().backward()[&x].to_vec(), [0.0, 0.0, 0.5, 1.0, 1.0]);
//! ```

use crate::{Float, Kept, Op, Tensor, Var};

struct Hardswish;

impl<T: Float> Op<T> for Hardswish {
    fn name(&self) -> &'static str {
        "hardswish"
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        // Divided first: no product overflows.
        let share = x.hardsigmoid();
        x.clamp(-3, f64::INFINITY) * share
    }
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        let x = kept.x(0);
        let (low, high) = (x.value().le(-3), x.value().ge(3));
        let within = x.clamp(-3, 3) / 3 + 0.5;
        let dy = dy.masked_fill(&low, 0);
        [Some(dy.clone().where_else(&high, dy * within))]
    }
}

impl<T: Float> Var<T> {
    /// x·relu6(x + 3)/6. Derivative: x/3 + ½ between −3 and 3, 0 from −3 down, 1 from 3 up.
    #[track_caller]
    pub fn hardswish(self) -> Var<T> {
        Hardswish.apply([self])
    }

    /// relu6(x + 3)/6. Derivative: 1/6 strictly between −3 and 3, else 0.
    #[track_caller]
    pub fn hardsigmoid(self) -> Var<T> {
        (self + 3).relu6() / 6
    }
}

impl<T: Float> Tensor<T> {
    /// x·relu6(x + 3)/6.
    pub fn hardswish(&self) -> Tensor<T> {
        Hardswish.eval([self.clone()])
    }

    /// relu6(x + 3)/6.
    pub fn hardsigmoid(&self) -> Tensor<T> {
        (self + 3).relu6() / 6
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::{UNARY, entry};
    fn share(x: f64) -> f64 {
        if x.is_nan() { x } else { (x + 3.0).clamp(0.0, 6.0) / 6.0 }
    }
    vec![
        entry!(
            "hardswish",
            UNARY,
            &[(-5.0, 5.0)],
            |x| x[0].clone().hardswish(),
            elementwise | x | if x[0] == f64::NEG_INFINITY { 0.0 } else { x[0] * share(x[0]) }
        ),
        entry!("hardsigmoid", UNARY, &[(-5.0, 5.0)], |x| x[0].clone().hardsigmoid(), elementwise | x | share(x[0])),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{Tape, Tensor};

    #[test]
    fn slopes_at_and_beyond_the_kinks() {
        let x = [f32::NEG_INFINITY, -1e38, -3.0, -0.0, 3.0, 1e38, f32::INFINITY, f32::NAN];
        let tape = Tape::probing();
        let x = tape.var(Tensor::from(x));
        let y = x.clone().hardswish();
        assert_eq!(y.to_vec()[..7], [0.0, 0.0, 0.0, 0.0, 3.0, 1e38, f32::INFINITY]);
        let slopes = y.backward_with(Tensor::full([8], f32::INFINITY))[&x].to_vec();
        let inf = f32::INFINITY;
        assert!(slopes[..7] == [0.0, 0.0, 0.0, inf, inf, inf, inf] && slopes[7].is_nan(), "{slopes:?}");
        let tape = Tape::probing();
        let x = tape.var(x.into_value());
        let slopes = x.clone().hardsigmoid().sum().backward()[&x].to_vec();
        assert_eq!(slopes, [0.0, 0.0, 0.0, 1.0 / 6.0, 0.0, 0.0, 0.0, 0.0]);
    }
}
