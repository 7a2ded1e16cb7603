//! The logistic function σ(x) = 1/(1 + e⁻ˣ), and the smooth rectifiers made of it: silu x = x·σ(x) (swish) and
//! softplus x = ln(1 + eˣ).
//!
//! Derivatives: σ' = y(1 − y), read from the result; silu' = σ(1 + x(1 − σ)); softplus' = σ. Nothing is divided by x, so
//! silu'(0) = ½. Softplus: Dugas et al. 2001; SiLU: Elfwing, Uchibe, Doya 2018. PyTorch's softplus has two settings: softplus(βx)/β, and x itself
//! where βx is beyond a threshold; [`Var::softplus_with`] has them.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::probing();
//! let x = tape.var(Tensor::from([0.0]));
//! assert_eq!(x.clone().sigmoid().sum().backward()[&x].to_vec(), [0.25]);
//! assert_eq!(x.clone().silu().sum().backward()[&x].to_vec(), [0.5]);
//! assert_eq!(x.clone().softplus().sum().backward()[&x].to_vec(), [0.5]);
//! ```

use super::elementwise::{slope_op, unary_op};
use crate::error::expect;
use crate::{Error, Float, Kept, Op, Result, Tensor, Var};

unary_op!(Sigmoid, "sigmoid", kernels::sigmoid, from y |y, dy| SigmoidSlope.apply([y, dy]));
unary_op!(Silu, "silu", kernels::silu, from x |x, dy| SiluSlope.apply([x, dy]));
unary_op!(Softplus, "softplus", kernels::softplus, from x |x, dy| SoftplusSlope.apply([x, dy]));

// y(1 − y) has the derivative 1 − 2y.
slope_op!(SigmoidSlope, "sigmoid_slope", kernels::sigmoid_backward, |y, c| c * (1 - y * 2));
// σ(1 + x(1 − σ)) has the derivative σ(1 − σ)(2 + x(1 − 2σ)).
slope_op!(SiluSlope, "silu_slope", kernels::silu_backward, |x, c| {
    let s = x.clone().sigmoid();
    SigmoidSlope.apply([s.clone(), c]) * (2 + x * (1 - s * 2))
});
slope_op!(SoftplusSlope, "softplus_slope", kernels::softplus_backward, |x, c| SigmoidSlope.apply([x.sigmoid(), c]));

struct SoftplusWith {
    beta: f64,
    threshold: f64,
}

impl SoftplusWith {
    fn new(beta: f64, threshold: f64) -> Result<SoftplusWith> {
        if beta.is_finite() && beta > 0.0 && !threshold.is_nan() {
            return Ok(SoftplusWith { beta, threshold });
        }
        let problem =
            format!("β is {beta} and the threshold {threshold}; β is finite and above 0, the threshold no NaN");
        Err(Error::Argument { op: "softplus_with", problem })
    }
}

impl<T: Float> Op<T> for SoftplusWith {
    fn name(&self) -> &'static str {
        "softplus_with"
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        let scaled = &x * self.beta;
        let is_straight = scaled.gt(self.threshold);
        x.where_else(&is_straight, scaled.softplus() / self.beta)
    }
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        let scaled = kept.x(0).scale(self.beta);
        let is_straight = scaled.value().gt(self.threshold);
        [Some(dy.clone().where_else(&is_straight, dy * scaled.sigmoid()))]
    }
}

impl<T: Float> Var<T> {
    /// The logistic function 1/(1 + e⁻ˣ). Derivative: y(1 − y).
    #[track_caller]
    pub fn sigmoid(self) -> Var<T> {
        Sigmoid.apply([self])
    }

    /// x · sigmoid(x), also called swish. Derivative: σ(1 + x(1 − σ)), ½ at 0.
    #[track_caller]
    pub fn silu(self) -> Var<T> {
        Silu.apply([self])
    }

    /// ln(1 + eˣ), the smooth rectifier. Derivative: sigmoid(x).
    #[track_caller]
    pub fn softplus(self) -> Var<T> {
        Softplus.apply([self])
    }

    /// ln(1 + e^(βx))/β, and x where βx > `threshold`: PyTorch's, whose defaults are 1 and 20. The larger β, the nearer to relu.
    /// Derivative: sigmoid(βx), and 1 beyond the threshold.
    ///
    /// # Panics
    /// If β is not finite and above 0, or if the threshold is NaN.
    #[track_caller]
    pub fn softplus_with(self, beta: impl Into<f64>, threshold: impl Into<f64>) -> Var<T> {
        expect(SoftplusWith::new(beta.into(), threshold.into())).apply([self])
    }
}

impl<T: Float> Tensor<T> {
    /// The logistic function 1/(1 + e⁻ˣ).
    pub fn sigmoid(&self) -> Tensor<T> {
        Sigmoid.eval([self.clone()])
    }

    /// x · sigmoid(x), also called swish.
    pub fn silu(&self) -> Tensor<T> {
        Silu.eval([self.clone()])
    }

    /// ln(1 + eˣ), the smooth rectifier.
    pub fn softplus(&self) -> Tensor<T> {
        Softplus.eval([self.clone()])
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::{UNARY, entry};
    fn logistic(x: f64) -> f64 {
        1.0 / (1.0 + (-x).exp())
    }
    vec![
        entry!("sigmoid", UNARY, &[(-3.0, 3.0)], |x| x[0].clone().sigmoid(), elementwise | x | logistic(x[0])),
        entry!(
            "silu",
            UNARY,
            &[(-3.0, 3.0)],
            |x| x[0].clone().silu(),
            elementwise | x | if x[0] == f64::NEG_INFINITY { 0.0 } else { x[0] * logistic(x[0]) }
        ),
        entry!(
            "softplus",
            UNARY,
            &[(-3.0, 3.0)],
            |x| x[0].clone().softplus(),
            elementwise | x | x[0].max(0.0) + (-x[0].abs()).exp().ln_1p()
        ),
        entry!(
            "softplus_with",
            UNARY,
            &[(-3.0, 3.0)],
            |x| x[0].clone().softplus_with(2, 20),
            elementwise | x | if 2.0 * x[0] > 20.0 { x[0] } else { (2.0 * x[0]).exp().ln_1p() / 2.0 }
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{Tape, Tensor};

    #[test]
    fn peer_bug_o03() {
        let tape = Tape::probing();
        let x = tape.var(Tensor::from([0.0, -0.0]));
        assert_eq!(x.clone().silu().sum().backward()[&x].to_vec(), [0.5, 0.5]);
    }

    #[test]
    fn slopes_far_out_are_their_limits() {
        let far = Tensor::from([f32::INFINITY, f32::NEG_INFINITY, 1e30, -1e30]);
        let tape = Tape::probing();
        let x = tape.var(far);
        assert_eq!(x.clone().sigmoid().sum().backward()[&x].to_vec(), [0.0; 4]);
        assert_eq!(x.clone().silu().sum().backward()[&x].to_vec(), [1.0, 0.0, 1.0, 0.0]);
        assert_eq!(x.clone().softplus().sum().backward()[&x].to_vec(), [1.0, 0.0, 1.0, 0.0]);
        assert_eq!(x.clone().softplus_with(3, 20).sum().backward()[&x].to_vec(), [1.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn beyond_the_threshold_softplus_is_straight() {
        let tape = Tape::probing();
        let x = tape.var(Tensor::f64([1.0, 1.000001, -1.0, 1e308]));
        let y = x.clone().softplus_with(2, 2);
        let (at, below) = (2f64.exp().ln_1p() / 2.0, (-2f64).exp().ln_1p() / 2.0);
        assert!(y.value().allclose(&Tensor::f64([at, 1.000001, below, 1e308]), 1e-15, 0.0), "{y:?}");
        let slopes = y.sum().backward()[&x].to_vec();
        assert!(slopes[0] < 0.9 && slopes[1] == 1.0 && slopes[3] == 1.0, "{slopes:?}");
        assert!(std::panic::catch_unwind(|| Tape::inference().input(Tensor::ones([1])).softplus_with(0, 1)).is_err());
        assert!(
            std::panic::catch_unwind(|| Tape::inference().input(Tensor::ones([1])).softplus_with(1, f64::NAN)).is_err()
        );
    }
}
