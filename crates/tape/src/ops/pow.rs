//! xᵉ for a number, a tensor or a variable e, and xⁿ for an integer n.
//!
//! Values as C99: x⁰ = 1 for every x, NaN included; a negative x takes integral exponents only, else NaN.
//!
//! Derivative in x: e·x^(e−1), and 0 where x = e = 0. In e: y·ln x, and 0 where x = 0 and e ≥ 0, where ln x alone is −∞;
//! NaN for negative x, where there is none. xⁿ: n·x^(n−1), 0 for n = 0.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::probing();
//! let x = tape.var(Tensor::from([0.0, 2.0]));
//! let e = tape.var(Tensor::from([0.0, 3.0]));
//! let y = x.clone().pow(&e);
//! assert_eq!(y.to_vec(), [1.0, 8.0]);
//! let grads = y.sum().backward();
//! assert_eq!(grads[&x].to_vec(), [0.0, 12.0]);
//! assert_eq!(grads[&e].to_vec(), [0.0, 8.0 * std::f32::consts::LN_2]);
//! ```

use super::elementwise::{binary, unary};
use crate::{Float, Keeps, Kept, Op, Operand, Tensor, TensorOperand, Var};

struct Pow;
struct Powi(i32);

impl<T: Float> Op<T, 2> for Pow {
    fn name(&self) -> &'static str {
        "pow"
    }
    fn forward(&mut self, [x, e]: [Tensor<T>; 2]) -> Tensor<T> {
        binary(x, e, kernels::pow)
    }
    // Where a factor would be infinite beside a 0, the branch sees a stand-in, so that neither order makes a NaN of it.
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 2] {
        let (x, e) = (kept.x(0), kept.x(1));
        let is_zero = x.value().eq_elements(0);
        let dx = kept.needs(0).then(|| {
            let both_zero = &is_zero * e.value().eq_elements(0);
            let less: Var<T> = &e - 1;
            &dy * &e * x.clone().pow(less.masked_fill(&both_zero, 0))
        });
        let de = kept.needs(1).then(|| {
            let has_none = is_zero * e.value().ge(0);
            dy * x.clone().pow(&e) * x.masked_fill(&has_none, 1).ln()
        });
        [dx, de]
    }
}

impl<T: Float> Op<T> for Powi {
    fn name(&self) -> &'static str {
        "powi"
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        if matches!(self.0, 0 | 1) { Keeps::NOTHING } else { Keeps::OPERANDS }
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        unary(x, |io| kernels::powi(self.0, io))
    }
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        match self.0 {
            0 => [Some(kept.constant(Tensor::scalar(T::ZERO)))],
            1 => [Some(dy)],
            n => [Some(dy * kept.x(0).powi(n.saturating_sub(1)) * n)],
        }
    }
}

impl<T: Float> Var<T> {
    /// This value to the power of `exponent`. Derivatives: e·x^(e−1) and y·ln x, see the conventions at 0 there.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn pow(self, exponent: impl Operand<T>) -> Var<T> {
        let exponent = exponent.on(self.tape());
        Pow.apply([self, exponent])
    }

    /// xⁿ by repeated squaring; 1 where n = 0. Derivative: n·x^(n−1), 0 where n = 0.
    #[track_caller]
    pub fn powi(self, n: i32) -> Var<T> {
        Powi(n).apply([self])
    }
}

impl<T: Float> Tensor<T> {
    /// This tensor to the power of `exponent`.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn pow(&self, exponent: impl TensorOperand<T>) -> Tensor<T> {
        Pow.eval([self.clone(), exponent.into_tensor()])
    }

    /// xⁿ by repeated squaring; 1 where n = 0.
    pub fn powi(&self, n: i32) -> Tensor<T> {
        Powi(n).eval([self.clone()])
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::{BINARY, UNARY, entry};
    vec![
        entry!(
            "pow",
            BINARY,
            &[(0.5, 2.0), (-2.0, 2.0)],
            |x| x[0].clone().pow(&x[1]),
            elementwise | x | x[0].powf(x[1])
        ),
        entry!("pow", UNARY, &[(0.5, 2.0)], |x| x[0].clone().pow(2.5), elementwise | x | x[0].powf(2.5)),
        entry!("powi", UNARY, &[(-2.0, 2.0)], |x| x[0].clone().powi(3), elementwise | x | x[0] * x[0] * x[0]),
        entry!("powi", UNARY, &[(0.5, 2.0)], |x| x[0].clone().powi(-2), elementwise | x | 1.0 / (x[0] * x[0])),
        entry!("powi", UNARY, &[(-2.0, 2.0)], |x| x[0].clone().powi(1), elementwise | x | x[0]),
        entry!("powi", UNARY, &[(-2.0, 2.0)], |x| x[0].clone().powi(0), elementwise | _x | 1.0),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{Tape, Tensor};

    #[test]
    fn peer_bug_o09() {
        let tape = Tape::probing();
        let x = tape.var(Tensor::from([0.0, 0.0, 3.0]));
        let e = tape.var(Tensor::from([2.0, 0.0, 0.0]));
        let y = x.clone().pow(&e);
        assert_eq!(y.to_vec(), [0.0, 1.0, 1.0]);
        let [dx, de] = y.grad([&x, &e]);
        assert_eq!(dx.to_vec(), [0.0, 0.0, 0.0]);
        assert_eq!(de.to_vec(), [0.0, 0.0, 3f32.ln()]);
        // Second order: no 0 · ∞ either, and d²/dx de at e = 0 is 1/x.
        let [dxx, dxe] = dx.grad([&x, &e]);
        assert_eq!(dxx.to_vec(), [2.0, 0.0, 0.0]);
        assert!(dxe.to_vec().iter().all(|v| v.is_finite()) && (dxe.to_vec()[2] - 1.0 / 3.0).abs() < 1e-6, "{dxe:?}");
        let [dex, dee] = de.grad([&x, &e]);
        assert!(dex.to_vec().iter().chain(&dee.to_vec()).all(|v| v.is_finite()), "{dex:?} {dee:?}");
    }

    #[test]
    fn negative_bases_take_integral_exponents() {
        let x = Tensor::from([-2.0, -2.0, -2.0]);
        let y = x.pow(Tensor::from([3.0, -2.0, 0.5])).to_vec();
        assert_eq!(y[..2], [-8.0, 0.25]);
        assert!(y[2].is_nan());
        let tape = Tape::probing();
        let x = tape.var(Tensor::from([-2.0]));
        assert_eq!(x.clone().pow(3).sum().backward()[&x].to_vec(), [12.0]);
    }

    #[test]
    fn powers_at_zero() {
        let tape = Tape::probing();
        for (n, slope) in [(0, 0.0), (1, 1.0), (2, 0.0), (3, 0.0)] {
            let x = tape.var(Tensor::from([0.0]));
            assert_eq!(x.clone().powi(n).sum().backward()[&x].to_vec(), [slope], "n = {n}");
        }
        assert_eq!(Tensor::from([0.0, f32::NAN]).powi(0).to_vec(), [1.0, 1.0]);
    }
}
