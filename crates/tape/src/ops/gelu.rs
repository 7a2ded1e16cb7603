//! GELU in its exact form: x·Φ(x), Φ the normal distribution function. Derivative: Φ(x) + x·φ(x), φ the density.
//! Hendrycks, Gimpel 2016.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::probing();
//! let x = tape.var(Tensor::from([0.0, 10.0, -30.0]));
//! let y = x.clone().gelu();
//! assert_eq!(y.to_vec(), [0.0, 10.0, 0.0]);
//! assert_eq!(y.sum().backward()[&x].to_vec(), [0.5, 1.0, 0.0]);
//! ```

use super::elementwise::{slope_op, unary_op};
use crate::{Float, Op, Tensor, Var};

unary_op!(Gelu, "gelu", kernels::gelu, from x |x, dy| GeluSlope.apply([x, dy]));
// Φ + xφ has the derivative (2 − x²)φ, and φ = e^(−x²/2)/√(2π).
slope_op!(GeluSlope, "gelu_slope", kernels::gelu_backward, |x, c| {
    let square = x.square();
    let density = square.clone().scale(-0.5).exp().scale(1.0 / std::f64::consts::TAU.sqrt());
    c * density * (2 - square)
});

impl<T: Float> Var<T> {
    /// x·Φ(x), exact (with erf). Derivative: Φ(x) + x·φ(x).
    #[track_caller]
    pub fn gelu(self) -> Var<T> {
        Gelu.apply([self])
    }
}

impl<T: Float> Tensor<T> {
    /// x·Φ(x), exact (with erf).
    pub fn gelu(&self) -> Tensor<T> {
        Gelu.eval([self.clone()])
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::erf::naive_erf;
    use super::table::{UNARY, entry};
    vec![entry!(
        "gelu",
        UNARY,
        &[(-2.0, 2.0)],
        |x| x[0].clone().gelu(),
        elementwise
            | x
            | match x[0] {
                f64::NEG_INFINITY => 0.0,
                x => 0.5 * x * (1.0 + naive_erf(x * std::f64::consts::FRAC_1_SQRT_2)),
            }
    )]
}
