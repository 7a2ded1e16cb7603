//! Mish: x·tanh(ln(1 + eˣ)), smooth, with a shallow well below 0. Misra 2019.
//!
//! Derivative: t + x(1 − t²)σ(x), t = tanh(softplus x): 0 at −∞, 0.6 at 0, 1 at ∞. mish(−∞) = −0.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::probing();
//! let x = tape.var(Tensor::f64([f64::NEG_INFINITY, 0.0, 1e300]));
//! let y = x.clone().mish();
//! assert_eq!(y.to_vec(), [0.0, 0.0, 1e300]);
//! assert_eq!(y.sum().backward()[&x].to_vec(), [0.0, 0.6, 1.0]);
//! ```

use crate::{Float, Kept, Op, Tensor, Var};

/// Beyond this on either side every factor is 0 or 1 in f64 too, and 0 · ∞ does not arise.
const FAR: f64 = 1000.0;

struct Mish;

impl<T: Float> Op<T> for Mish {
    fn name(&self) -> &'static str {
        "mish"
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        let share = x.softplus().tanh();
        x.clamp(-FAR, f64::INFINITY) * share
    }
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        let x = kept.x(0).clamp(-FAR, FAR);
        let t = x.clone().softplus().tanh();
        let bend = (1 - t.clone().square()) * x.clone().sigmoid() * x;
        [Some(dy * (t + bend))]
    }
}

impl<T: Float> Var<T> {
    /// x·tanh(softplus x). Derivative: t + x(1 − t²)σ(x), t = tanh(softplus x).
    #[track_caller]
    pub fn mish(self) -> Var<T> {
        Mish.apply([self])
    }
}

impl<T: Float> Tensor<T> {
    /// x·tanh(softplus x).
    pub fn mish(&self) -> Tensor<T> {
        Mish.eval([self.clone()])
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::{UNARY, entry};
    vec![entry!(
        "mish",
        UNARY,
        &[(-3.0, 3.0)],
        |x| x[0].clone().mish(),
        elementwise
            | x
            | match x[0] {
                f64::NEG_INFINITY => 0.0,
                x => x * (x.max(0.0) + (-x.abs()).exp().ln_1p()).tanh(),
            }
    )]
}

#[cfg(test)]
mod tests {
    use crate::{Tape, Tensor};

    #[test]
    fn slopes_far_out_are_their_limits() {
        let tape = Tape::probing();
        let x = tape.var(Tensor::from([f32::INFINITY, f32::NEG_INFINITY, 1e38, -1e38, 0.0, -0.0, f32::NAN]));
        let y = x.clone().mish();
        assert_eq!(y.to_vec()[..6], [f32::INFINITY, 0.0, 1e38, 0.0, 0.0, 0.0]);
        assert!(y.to_vec()[6].is_nan() && y.to_vec()[5].is_sign_negative());
        let slopes = y.sum().backward()[&x].to_vec();
        assert!(slopes[..6] == [1.0, 0.0, 1.0, 0.0, 0.6, 0.6] && slopes[6].is_nan(), "{slopes:?}");
    }
}
