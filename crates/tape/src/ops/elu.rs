//! The exponential linear units: straight above 0, a saturating exponential below.
//!
//! | | x > 0 | else | derivative below 0, and at 0 and NaN | |
//! |---|---|---|---|---|
//! | elu | x | α(eˣ − 1) | αeˣ | Clevert, Unterthiner, Hochreiter 2016 |
//! | celu | x | α(e^(x/α) − 1) | e^(x/α), so the slope at 0 is 1 for every α | Barron 2017 |
//! | selu | λx | λα(eˣ − 1) | λαeˣ | Klambauer, Unterthiner, Mayr, Hochreiter 2017 |
//!
//! At −∞ they are −α, −α, −λα with derivative 0. The rules read x and take the exponential again.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::probing();
//! let x = tape.var(Tensor::from([f32::NEG_INFINITY, 0.0, 3.0]));
//! let y = x.clone().elu(2);
//! assert_eq!(y.to_vec(), [-2.0, 0.0, 3.0]);
//! assert_eq!(y.sum().backward()[&x].to_vec(), [0.0, 2.0, 1.0]);
//! ```

use crate::error::expect;
use crate::{Error, Float, Kept, Op, Result, Tensor, Var};

/// λ of selu: with [`SELU_ALPHA`] the one that keeps mean 0 and variance 1 from layer to layer.
const SELU_SCALE: f64 = 1.050_700_987_355_480_5;
/// α of selu.
const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;

/// above·x where x > 0, else below·(e^(rate·x) − 1).
struct Elu {
    name: &'static str,
    above: f64,
    below: f64,
    rate: f64,
    /// below·rate, given apart so that celu's is 1.
    slope: f64,
}

impl Elu {
    fn plain(alpha: f64) -> Result<Elu> {
        if !alpha.is_finite() {
            return refuse("elu", alpha, "it must be finite");
        }
        Ok(Elu { name: "elu", above: 1.0, below: alpha, rate: 1.0, slope: alpha })
    }

    fn celu<T: Float>(alpha: f64) -> Result<Elu> {
        let rate = 1.0 / alpha;
        if !alpha.is_finite() || !T::from_f64(rate).to_f64().is_finite() {
            return refuse("celu", alpha, "it and 1/α must be finite");
        }
        Ok(Elu { name: "celu", above: 1.0, below: alpha, rate, slope: 1.0 })
    }

    const SELU: Elu = Elu {
        name: "selu",
        above: SELU_SCALE,
        below: SELU_SCALE * SELU_ALPHA,
        rate: 1.0,
        slope: SELU_SCALE * SELU_ALPHA,
    };
}

fn refuse(op: &'static str, alpha: f64, problem: &str) -> Result<Elu> {
    Err(Error::Argument { op, problem: format!("α is {alpha}; {problem}") })
}

impl<T: Float> Op<T> for Elu {
    fn name(&self) -> &'static str {
        self.name
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        let positive = x.gt(0);
        let below = (x.clamp(f64::NEG_INFINITY, 0) * self.rate).expm1() * self.below;
        let above = if self.above == 1.0 { x } else { x * self.above };
        above.where_else(&positive, below)
    }
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        let x = kept.x(0);
        let positive = x.value().gt(0);
        let slope = x.masked_fill(&positive, 0).scale(self.rate).exp().scale(self.slope);
        let above = if self.above == 1.0 { dy.clone() } else { dy.clone().scale(self.above) };
        [Some(above.where_else(&positive, dy * slope))]
    }
}

impl<T: Float> Var<T> {
    /// x where x > 0, else α(eˣ − 1). Derivative: 1 where x > 0, else αeˣ.
    ///
    /// # Panics
    /// If α is NaN or infinite.
    #[track_caller]
    pub fn elu(self, alpha: impl Into<f64>) -> Var<T> {
        expect(Elu::plain(alpha.into())).apply([self])
    }

    /// x where x > 0, else α(e^(x/α) − 1). Derivative: 1 where x > 0, else e^(x/α).
    ///
    /// # Panics
    /// If α or 1/α is NaN or infinite.
    #[track_caller]
    pub fn celu(self, alpha: impl Into<f64>) -> Var<T> {
        expect(Elu::celu::<T>(alpha.into())).apply([self])
    }

    /// λx where x > 0, else λα(eˣ − 1), with the λ and α that keep mean 0 and variance 1. Derivative: λ where x > 0, else λαeˣ.
    #[track_caller]
    pub fn selu(self) -> Var<T> {
        Elu::SELU.apply([self])
    }
}

impl<T: Float> Tensor<T> {
    /// x where x > 0, else α(eˣ − 1).
    ///
    /// # Panics
    /// If α is NaN or infinite.
    #[track_caller]
    pub fn elu(&self, alpha: impl Into<f64>) -> Tensor<T> {
        expect(Elu::plain(alpha.into())).eval([self.clone()])
    }

    /// x where x > 0, else α(e^(x/α) − 1).
    ///
    /// # Panics
    /// If α or 1/α is NaN or infinite.
    #[track_caller]
    pub fn celu(&self, alpha: impl Into<f64>) -> Tensor<T> {
        expect(Elu::celu::<T>(alpha.into())).eval([self.clone()])
    }

    /// λx where x > 0, else λα(eˣ − 1).
    pub fn selu(&self) -> Tensor<T> {
        Elu::SELU.eval([self.clone()])
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::{UNARY, entry};
    vec![
        entry!(
            "elu",
            UNARY,
            &[(-2.0, 2.0)],
            |x| x[0].clone().elu(1.5),
            elementwise | x | if x[0] > 0.0 { x[0] } else { 1.5 * x[0].exp_m1() }
        ),
        entry!(
            "celu",
            UNARY,
            &[(-2.0, 2.0)],
            |x| x[0].clone().celu(0.5),
            elementwise | x | if x[0] > 0.0 { x[0] } else { 0.5 * (2.0 * x[0]).exp_m1() }
        ),
        entry!(
            "selu",
            UNARY,
            &[(-2.0, 2.0)],
            |x| x[0].clone().selu(),
            elementwise | x | SELU_SCALE * if x[0] > 0.0 { x[0] } else { SELU_ALPHA * x[0].exp_m1() }
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tape;

    fn slopes(f: impl Fn(Var<f64>) -> Var<f64>, x: &[f64]) -> Vec<f64> {
        let tape = Tape::probing();
        let x = tape.var(Tensor::f64(x));
        f(x.clone()).sum().backward()[&x].to_vec()
    }

    #[test]
    fn far_out_and_at_0_they_are_their_limits() {
        let (inf, x) = (f64::INFINITY, [f64::NEG_INFINITY, -1e300, 0.0, -0.0, 1e300, f64::INFINITY]);
        assert_eq!(Tensor::f64(x).elu(2).to_vec(), [-2.0, -2.0, 0.0, 0.0, 1e300, inf]);
        assert!(Tensor::f64(x).elu(2).to_vec()[3].is_sign_negative());
        assert_eq!(slopes(|x| x.elu(2), &x), [0.0, 0.0, 2.0, 2.0, 1.0, 1.0]);
        assert_eq!(Tensor::f64(x).celu(2).to_vec(), [-2.0, -2.0, 0.0, 0.0, 1e300, inf]);
        assert_eq!(slopes(|x| x.celu(3), &x), [0.0, 0.0, 1.0, 1.0, 1.0, 1.0]);
        let (l, la) = (SELU_SCALE, SELU_SCALE * SELU_ALPHA);
        assert_eq!(Tensor::f64(x).selu().to_vec()[..2], [-la; 2]);
        assert_eq!(slopes(Var::selu, &x), [0.0, 0.0, la, la, l, l]);
        for f in [|x: Var<f64>| x.elu(2), |x: Var<f64>| x.celu(2), Var::selu] {
            assert!(slopes(f, &[f64::NAN])[0].is_nan());
        }
    }

    /// Of standard normal numbers, by Simpson's rule: what the two constants are for.
    #[test]
    fn selu_keeps_mean_and_variance() {
        let (n, reach) = (20_000, 12.0);
        let (mut mean, mut square) = (0.0, 0.0);
        let x: Vec<f64> = (0..=n).map(|i| reach * (2.0 * f64::from(i) / f64::from(n) - 1.0)).collect();
        for (i, (x, y)) in x.iter().zip(Tensor::f64(&x[..]).selu().to_vec()).enumerate() {
            let weight = if i == 0 || i == n as usize { 1.0 } else { f64::from(2 + 2 * (i as u32 % 2)) };
            let share = weight * (-x * x / 2.0).exp() / std::f64::consts::TAU.sqrt() * 2.0 * reach / f64::from(3 * n);
            (mean, square) = (mean + share * y, square + share * y * y);
        }
        assert!(mean.abs() < 1e-9 && (square - 1.0).abs() < 1e-9, "{mean} {square}");
    }

    #[test]
    fn alphas_that_make_no_sense_are_named() {
        for (alpha, text) in [(f64::NAN, "celu: α is NaN"), (0.0, "celu: α is 0; it and 1/α"), (1e-42, "celu: α is")]
        {
            let message = std::panic::catch_unwind(|| Tensor::from([1.0]).celu(alpha)).unwrap_err();
            let message = *message.downcast::<String>().unwrap();
            assert!(message.contains(text), "{message}");
        }
        assert!(std::panic::catch_unwind(|| Tensor::from([1.0]).elu(f64::INFINITY)).is_err());
        assert_eq!(Tensor::from([-1.0, 2.0]).elu(0).to_vec(), [0.0, 2.0]);
    }
}
