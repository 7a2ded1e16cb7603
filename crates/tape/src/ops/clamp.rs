//! clamp: x between two bounds; relu6 and hardtanh are clamps to [0, 6] and [−1, 1]. NaN stays NaN.
//!
//! Derivative: 1 strictly between the bounds, 0 at them, beyond them and at NaN. Whether x lies strictly between the
//! bounds shows in the result, so the rule reads that and the op may overwrite its operand.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::probing();
//! let x = tape.var(Tensor::from([-1.0, 0.0, 0.5, 6.0, 7.0]));
//! let y = x.clone().relu6();
//! assert_eq!(y.to_vec(), [0.0, 0.0, 0.5, 6.0, 6.0]);
//! assert_eq!(y.sum().backward()[&x].to_vec(), [0.0, 0.0, 1.0, 0.0, 0.0]);
//! ```

use super::elementwise::{binary, unary};
use crate::error::expect;
use crate::{Error, Float, Keeps, Kept, Op, Result, Tensor, Var};

#[derive(Clone, Copy)]
struct Clamp<T> {
    name: &'static str,
    low: T,
    high: T,
}

/// The slope of a clamp at every element of x, times dy: linear in dy, constant in x but for jumps.
struct ClampSlope<T>(Clamp<T>);

impl<T: Float> Clamp<T> {
    fn new(name: &'static str, low: f64, high: f64) -> Result<Clamp<T>> {
        if low <= high {
            return Ok(Clamp { name, low: T::from_f64(low), high: T::from_f64(high) });
        }
        let problem = format!("the bounds {low} and {high} leave no room; give the lower one first, and no NaN");
        Err(Error::Argument { op: name, problem })
    }
}

impl<T: Float> Op<T> for Clamp<T> {
    fn name(&self) -> &'static str {
        self.name
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::RESULT
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        unary(x, |io| kernels::clamp(self.low, self.high, io))
    }
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        [Some(ClampSlope(*self).apply([kept.y().detach(), dy]))]
    }
}

impl<T: Float> Op<T, 2> for ClampSlope<T> {
    fn name(&self) -> &'static str {
        "clamp_slope"
    }
    fn keeps(&self, _: [&Tensor<T>; 2]) -> Keeps {
        Keeps::operand(0)
    }
    fn forward(&mut self, [y, dy]: [Tensor<T>; 2]) -> Tensor<T> {
        binary(y, dy, |io| kernels::clamp_backward(self.0.low, self.0.high, io))
    }
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 2] {
        [None, Some(ClampSlope(self.0).apply([kept.x(0), dy]))]
    }
}

impl<T: Float> Var<T> {
    /// x between two bounds, either of which may be infinite. Derivative: 1 strictly between them, else 0.
    ///
    /// # Panics
    /// If `low` is above `high`, or if one is NaN.
    #[track_caller]
    pub fn clamp(self, low: impl Into<f64>, high: impl Into<f64>) -> Var<T> {
        expect(Clamp::new("clamp", low.into(), high.into())).apply([self])
    }

    /// x between 0 and 6. Derivative: 1 strictly between them, else 0.
    #[track_caller]
    pub fn relu6(self) -> Var<T> {
        expect(Clamp::new("relu6", 0.0, 6.0)).apply([self])
    }

    /// x between −1 and 1; for other bounds, [`Var::clamp`]. Derivative: 1 strictly between them, else 0.
    #[track_caller]
    pub fn hardtanh(self) -> Var<T> {
        expect(Clamp::new("hardtanh", -1.0, 1.0)).apply([self])
    }
}

impl<T: Float> Tensor<T> {
    /// x between two bounds, either of which may be infinite.
    ///
    /// # Panics
    /// If `low` is above `high`, or if one is NaN.
    #[track_caller]
    pub fn clamp(&self, low: impl Into<f64>, high: impl Into<f64>) -> Tensor<T> {
        expect(Clamp::new("clamp", low.into(), high.into())).eval([self.clone()])
    }

    /// x between 0 and 6.
    pub fn relu6(&self) -> Tensor<T> {
        self.clamp(0, 6)
    }

    /// x between −1 and 1.
    pub fn hardtanh(&self) -> Tensor<T> {
        self.clamp(-1, 1)
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::{UNARY, entry};
    fn between(x: f64, low: f64, high: f64) -> f64 {
        if x.is_nan() { x } else { x.max(low).min(high) }
    }
    vec![
        entry!(
            "clamp",
            UNARY,
            &[(-2.0, 2.0)],
            |x| x[0].clone().clamp(-0.5, 1),
            elementwise | x | between(x[0], -0.5, 1.0)
        ),
        entry!("relu6", UNARY, &[(-2.0, 8.0)], |x| x[0].clone().relu6(), elementwise | x | between(x[0], 0.0, 6.0)),
        entry!(
            "hardtanh",
            UNARY,
            &[(-2.0, 2.0)],
            |x| x[0].clone().hardtanh(),
            elementwise | x | between(x[0], -1.0, 1.0)
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{Tape, Tensor, Var};

    fn slopes(f: fn(Var) -> Var, x: &[f32]) -> Vec<f32> {
        let tape = Tape::probing();
        let x = tape.var(Tensor::from(x));
        let y = f(x.clone());
        // An infinite cotangent shows a 0 made by multiplication.
        let dy = y.value().full_like(f64::INFINITY);
        y.backward_with(dy)[&x].to_vec()
    }

    #[test]
    fn peer_bug_r19() {
        let nan = Tensor::from([f32::NAN]);
        assert!(nan.relu6().item().is_nan() && nan.hardtanh().item().is_nan());
        assert_eq!(slopes(Var::relu6, &[f32::NAN]), [0.0]);
        assert_eq!(slopes(Var::hardtanh, &[f32::NAN]), [0.0]);
    }

    #[test]
    fn slopes_at_and_beyond_the_bounds_are_zero() {
        let inf = f32::INFINITY;
        assert_eq!(slopes(Var::relu6, &[-inf, -0.0, 0.0, 1.0, 6.0, inf]), [0.0, 0.0, 0.0, inf, 0.0, 0.0]);
        assert_eq!(slopes(Var::hardtanh, &[-1.0, 1.0, 0.0, -2.0]), [0.0, 0.0, inf, 0.0]);
        assert_eq!(slopes(|x| x.clamp(f64::NEG_INFINITY, 2), &[-1e30, 2.0]), [inf, 0.0]);
    }

    #[test]
    #[should_panic(expected = "clamp: the bounds 1 and 0 leave no room")]
    fn bounds_in_the_wrong_order_are_named() {
        Tensor::from([0.5]).clamp(1, 0);
    }

    #[test]
    #[should_panic(expected = "no NaN")]
    fn bounds_are_numbers() {
        Tensor::from([0.5]).clamp(f32::NAN, 0);
    }
}
