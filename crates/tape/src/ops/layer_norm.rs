//! layer_norm: y = (x − μ)/√(σ² + ε)·γ + β, μ and σ² of each row (last axis; Ba, Kiros, Hinton 2016), and rms_norm: y = x/√(mean x² + ε)·γ
//! (Zhang, Sennrich 2019).
//!
//! With h = dy·γ and x̂ the normalised row: dx = (h − mean h − x̂·mean(h·x̂))/√(σ² + ε), where rms_norm has no mean h; dγ = Σ dy·x̂ and
//! dβ = Σ dy over rows.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::inference();
//! let weight = tape.input(Tensor::from([1.0, 2.0]));
//! let x = tape.input(Tensor::from([[1.0, 3.0], [5.0, 7.0]]));
//! assert_eq!(x.layer_norm(&weight, None, 0.0).to_vec(), [-1.0, 2.0, -1.0, 2.0]);
//! ```

use super::elementwise::{slice, unary};
use crate::{Error, Float, Keeps, Kept, Op, Result, Shape, Tensor, Var, keep};
use kernels::LayerNormBackward;

/// Operands: x, γ, β if there is one.
struct LayerNorm {
    epsilon: f64,
    centred: bool,
}

impl<T: Float, const N: usize> Op<T, N> for LayerNorm {
    fn name(&self) -> &'static str {
        if self.centred { "layer_norm" } else { "rms_norm" }
    }
    fn shape(&self, operands: [&Shape; N]) -> Result<Shape> {
        let x = operands[0];
        for vector in &operands[1..] {
            if x.last().is_none_or(|&width| ***vector != [width]) {
                let hint = "x […, D] takes a weight and a bias [D]";
                return Err(Error::ShapeMismatch {
                    op: Op::<T, N>::name(self),
                    lhs: x.to_vec(),
                    rhs: vector.to_vec(),
                    hint,
                });
            }
        }
        Ok(*x)
    }
    fn keeps(&self, _: [&Tensor<T>; N]) -> Keeps {
        Keeps::operand(0).and(Keeps::operand(1))
    }
    fn forward(&mut self, operands: [Tensor<T>; N]) -> Tensor<T> {
        let mut operands = operands.into_iter();
        let x = operands.next().expect("x");
        let vectors: Vec<Tensor<T>> = operands.map(Tensor::contiguous).collect();
        let LayerNorm { epsilon, centred } = *self;
        let (weight, bias) = (slice(&vectors[0]), vectors.get(1).map(slice));
        unary(x, |io| kernels::layer_norm(kernels::LayerNorm { weight, bias, epsilon, centred }, io))
    }
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; N] {
        let LayerNorm { epsilon, centred } = *self;
        let (x, weight) = (kept.x(0), kept.x(1));
        let mut cotangents = [const { None }; N];
        if kept.first_order() {
            let (x, weight) = (x.into_value().contiguous(), weight.into_value().contiguous());
            let (mut d_weight, mut d_bias) =
                (Tensor::unspecified(*weight.shape()), Tensor::unspecified(*weight.shape()));
            let dx = unary(dy.into_value(), |dy| {
                let norm = kernels::LayerNorm { weight: slice(&weight), bias: None, epsilon, centred };
                let (d_weight, d_bias) = (d_weight.fresh_mut(), d_bias.fresh_mut());
                kernels::layer_norm_backward(LayerNormBackward { norm, x: slice(&x), dy, d_weight, d_bias });
            });
            for (cotangent, d) in cotangents.iter_mut().zip([dx, d_weight, d_bias]) {
                *cotangent = Some(kept.constant(d));
            }
            return cotangents;
        }
        let centre = if centred { &x - x.clone().mean_axes(keep(-1)) } else { x };
        let inverse = (centre.clone().square().mean_axes(keep(-1)) + epsilon).sqrt().recip();
        let normal = centre * &inverse;
        let h = &dy * weight;
        let along = &normal * (&h * &normal).mean_axes(keep(-1));
        let dx = if centred { &h - h.clone().mean_axes(keep(-1)) - along } else { h - along };
        cotangents[0] = Some(dx * inverse);
        cotangents[1] = Some(&dy * normal);
        if N == 3 {
            cotangents[2] = Some(dy);
        }
        cotangents
    }
}

impl<T: Float> Var<T> {
    /// (x − μ)/√(σ² + ε)·γ + β over the last axis. `weight` γ and `bias` β are `[D]`.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn layer_norm(self, weight: &Var<T>, bias: Option<&Var<T>>, epsilon: f64) -> Var<T> {
        let op = LayerNorm { epsilon, centred: true };
        match bias {
            Some(bias) => op.apply([self, weight.clone(), bias.clone()]),
            None => op.apply([self, weight.clone()]),
        }
    }

    /// x/√(mean x² + ε)·γ over the last axis. `weight` γ is `[D]`.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn rms_norm(self, weight: &Var<T>, epsilon: f64) -> Var<T> {
        LayerNorm { epsilon, centred: false }.apply([self, weight.clone()])
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::entry;
    const R: &[(f64, f64)] = &[(-2.0, 2.0)];
    const WITH_BIAS: &[&[&[usize]]] = &[&[&[4, 3], &[3], &[3]], &[&[2, 2, 5], &[5], &[5]], &[&[0, 2], &[2], &[2]]];
    const WITHOUT: &[&[&[usize]]] = &[&[&[3, 4], &[4]], &[&[1], &[1]], &[&[2, 19], &[19]]];
    fn normal(x: &Tensor<f64>, centred: bool) -> Tensor<f64> {
        let x = if centred { x - x.mean_axes(keep(-1)) } else { x.clone() };
        let square = (&x * &x).mean_axes(keep(-1));
        x / (square + 0.1).sqrt()
    }
    vec![
        entry!(
            "layer_norm",
            WITH_BIAS,
            R,
            |x| x[0].clone().layer_norm(&x[1], Some(&x[2]), 0.1),
            whole | x | normal(&x[0], true) * &x[1] + &x[2]
        ),
        entry!(
            "layer_norm",
            WITHOUT,
            R,
            |x| x[0].clone().layer_norm(&x[1], None, 0.1),
            whole | x | normal(&x[0], true) * &x[1]
        ),
        entry!("rms_norm", WITHOUT, R, |x| x[0].clone().rms_norm(&x[1], 0.1), whole | x | normal(&x[0], false) * &x[1]),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{Tape, Tensor};

    #[test]
    #[should_panic(expected = "x […, D] takes a weight and a bias [D]")]
    fn a_weight_of_another_width_is_refused() {
        let tape = Tape::inference();
        let weight = tape.input(Tensor::ones([2]));
        let _ = tape.input(Tensor::ones([4, 3])).layer_norm(&weight, None, 1e-5);
    }
}
