//! The error function 2/√π ∫₀ˣ e^(−t²) dt. Derivative: 2/√π e^(−x²).
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::probing();
//! let x = tape.var(Tensor::from([0.0, 100.0]));
//! let y = x.clone().erf();
//! assert_eq!(y.to_vec(), [0.0, 1.0]);
//! assert_eq!(y.sum().backward()[&x].to_vec(), [std::f32::consts::FRAC_2_SQRT_PI, 0.0]);
//! ```

use super::elementwise::{slope_op, unary_op};
use crate::{Float, Op, Tensor, Var};

unary_op!(Erf, "erf", kernels::erf, from x |x, dy| ErfSlope.apply([x, dy]));
slope_op!(ErfSlope, "erf_slope", kernels::erf_backward, |x, c| ErfSlope.apply([x.clone(), c]) * x * -2);

impl<T: Float> Var<T> {
    /// The error function. Derivative: 2/√π e^(−x²).
    #[track_caller]
    pub fn erf(self) -> Var<T> {
        Erf.apply([self])
    }
}

impl<T: Float> Tensor<T> {
    /// The error function.
    pub fn erf(&self) -> Tensor<T> {
        Erf.eval([self.clone()])
    }
}

/// The error function by a series of positive terms: 2/√π e^(−x²) Σ 2ⁿ x^(2n+1) / (1 · 3 · … · (2n + 1)).
#[cfg(test)]
pub(super) fn naive_erf(x: f64) -> f64 {
    if x.abs() > 6.0 {
        return x.signum();
    }
    let (mut term, mut sum) = (x, x);
    for n in 1..200 {
        term *= 2.0 * x * x / (2 * n + 1) as f64;
        sum += term;
    }
    std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::{UNARY, entry};
    vec![entry!("erf", UNARY, &[(-2.0, 2.0)], |x| x[0].clone().erf(), elementwise | x | naive_erf(x[0]))]
}
