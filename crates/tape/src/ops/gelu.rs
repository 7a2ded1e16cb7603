//! GELU in its exact form: x·Φ(x), Φ the normal distribution function. Derivative: Φ(x) + x·φ(x), φ the density.
//! Hendrycks, Gimpel 2016.
//!
//! And their approximation, which models from other libraries may ask for: x·½(1 + tanh u) = x·σ(2u), u = √(2/π)(x + 0.044715x³). As a logistic function it
//! keeps its digits below 0. Derivative: σ + xσ(1 − σ)·2u'. gelu_tanh(−∞) = −0 with derivative 0.
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
use crate::{Float, Kept, Op, Tensor, Var};

unary_op!(Gelu, "gelu", kernels::gelu, from x |x, dy| GeluSlope.apply([x, dy]));
// Φ + xφ has the derivative (2 − x²)φ, and φ = e^(−x²/2)/√(2π).
slope_op!(GeluSlope, "gelu_slope", kernels::gelu_backward, |x, c| {
    let square = x.square();
    let density = square.clone().scale(-0.5).exp().scale(1.0 / std::f64::consts::TAU.sqrt());
    c * density * (2 - square)
});

struct GeluTanh;

/// Beyond this on either side σ(2u) is 0 or 1 in f64 too, and 0 · ∞ does not arise.
const FAR: f64 = 30.0;
const CUBIC: f64 = 0.044715;

/// √(8/π), twice the factor of u.
fn factor() -> f64 {
    2.0 * std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::FRAC_1_SQRT_2
}

impl<T: Float> Op<T> for GeluTanh {
    fn name(&self) -> &'static str {
        "gelu_tanh"
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        let near = x.clamp(-FAR, FAR);
        let bend = &near * &near * CUBIC + 1;
        x.clamp(-FAR, f64::INFINITY) * (bend * near * factor()).sigmoid()
    }
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        let x = kept.x(0).clamp(-FAR, FAR);
        let square = x.clone().square();
        let s = ((square.clone() * CUBIC + 1) * &x * factor()).sigmoid();
        let inner = (square * (3.0 * CUBIC) + 1) * factor();
        [Some(dy * (&s + x * &s * (1 - &s) * inner))]
    }
}

impl<T: Float> Var<T> {
    /// x·Φ(x), exact (with erf). Derivative: Φ(x) + x·φ(x).
    #[track_caller]
    pub fn gelu(self) -> Var<T> {
        Gelu.apply([self])
    }

    /// Hendrycks' and Gimpel's approximation of [`Var::gelu`]: ½x(1 + tanh(√(2/π)(x + 0.044715x³))), off by up to 5·10⁻⁴.
    #[track_caller]
    pub fn gelu_tanh(self) -> Var<T> {
        GeluTanh.apply([self])
    }
}

impl<T: Float> Tensor<T> {
    /// x·Φ(x), exact (with erf).
    pub fn gelu(&self) -> Tensor<T> {
        Gelu.eval([self.clone()])
    }

    /// The approximation of [`Tensor::gelu`] with tanh.
    pub fn gelu_tanh(&self) -> Tensor<T> {
        GeluTanh.eval([self.clone()])
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::erf::naive_erf;
    use super::table::{UNARY, entry};
    fn naive_tanh_form(x: f64) -> f64 {
        0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3))).tanh())
    }
    vec![
        entry!(
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
        ),
        entry!(
            "gelu_tanh",
            UNARY,
            &[(-2.0, 2.0)],
            |x| x[0].clone().gelu_tanh(),
            elementwise | x | if x[0] == f64::NEG_INFINITY { 0.0 } else { naive_tanh_form(x[0]) }
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{Tape, Tensor};

    #[test]
    fn the_tanh_form_is_near_and_has_its_limits() {
        let x = Tensor::linspace(-8.0, 8.0, 1601).cast::<f64>();
        let off = (x.gelu_tanh() - x.gelu()).abs().max().item();
        assert!((4e-4..5e-4).contains(&off), "{off}");
        let tape = Tape::probing();
        let x = tape.var(Tensor::from([f32::INFINITY, f32::NEG_INFINITY, 1e38, -1e38, 0.0, -0.0, f32::NAN]));
        let y = x.clone().gelu_tanh();
        assert_eq!(y.to_vec()[..6], [f32::INFINITY, 0.0, 1e38, 0.0, 0.0, 0.0]);
        assert!(y.to_vec()[6].is_nan() && y.to_vec()[5].is_sign_negative());
        let slopes = y.sum().backward()[&x].to_vec();
        assert!(slopes[..6] == [1.0, 0.0, 1.0, 0.0, 0.5, 0.5] && slopes[6].is_nan(), "{slopes:?}");
    }
}
