//! group_norm: y = (x − μ)/√(σ² + ε)·γ + β, μ and σ² of each sample's groups of neighbouring channels (last axis) over all its places
//! (Wu, He 2018); with as many groups as channels it is instance_norm (Ulyanov, Vedaldi, Lempitsky 2016).
//!
//! With h = dy·γ, x̂ the normalised x and means over the group: dx = (h − mean h − x̂·mean(h·x̂))/√(σ² + ε), dγ = Σ dy·x̂, dβ = Σ dy.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::inference();
//! let (weight, bias) = (tape.input(Tensor::ones([2])), tape.input(Tensor::zeros([2])));
//! let x = tape.input(Tensor::from([[[1.0, 10.0], [3.0, 30.0]]])); // one sample, two places, two channels
//! assert_eq!(x.instance_norm(&weight, &bias, 0.0).to_vec(), [-1.0, -1.0, 1.0, 1.0]);
//! ```

use super::elementwise::{slice, unary};
use crate::{Error, Float, Keeps, Kept, Op, Result, Shape, Tensor, Var, keep};
use kernels::GroupNormBackward;

/// Operands: x, γ, β.
struct GroupNorm {
    groups: usize,
    epsilon: f64,
}

impl GroupNorm {
    fn kernel(&self, x: &Shape) -> kernels::GroupNorm {
        let (channels, places) = (x[x.rank() - 1], x[1..x.rank() - 1].iter().product());
        kernels::GroupNorm { groups: self.groups, channels, places, epsilon: self.epsilon }
    }
}

impl<T: Float> Op<T, 3> for GroupNorm {
    fn name(&self) -> &'static str {
        "group_norm"
    }
    fn shape(&self, [x, weight, bias]: [&Shape; 3]) -> Result<Shape> {
        let invalid = |problem| Err(Error::Invalid { op: "group_norm", shape: x.to_vec(), problem });
        if x.rank() < 2 {
            return invalid("x is [N, …, C]: samples first, channels last".to_owned());
        }
        let channels = x[x.rank() - 1];
        if self.groups == 0 || !channels.is_multiple_of(self.groups) {
            return invalid(format!("{} groups do not divide {channels} channels", self.groups));
        }
        for vector in [weight, bias] {
            if **vector != [channels] {
                let hint = "x [N, …, C] takes a weight and a bias [C]";
                return Err(Error::ShapeMismatch { op: "group_norm", lhs: x.to_vec(), rhs: vector.to_vec(), hint });
            }
        }
        Ok(*x)
    }
    fn keeps(&self, _: [&Tensor<T>; 3]) -> Keeps {
        Keeps::operand(0).and(Keeps::operand(1))
    }
    fn forward(&mut self, [x, weight, bias]: [Tensor<T>; 3]) -> Tensor<T> {
        let (norm, weight, bias) = (self.kernel(x.shape()), weight.contiguous(), bias.contiguous());
        unary(x, |io| kernels::group_norm(norm, io, slice(&weight), slice(&bias)))
    }
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 3] {
        let (x, weight) = (kept.x(0), kept.x(1));
        let shape = *x.shape();
        let norm = self.kernel(&shape);
        if kept.first_order() {
            let (x, weight) = (x.into_value().contiguous(), weight.into_value().contiguous());
            let (mut d_weight, mut d_bias) =
                (Tensor::unspecified(*weight.shape()), Tensor::unspecified(*weight.shape()));
            let dx = unary(dy.into_value(), |dy| {
                let (d_weight, d_bias) = (d_weight.fresh_mut(), d_bias.fresh_mut());
                let (x, weight) = (slice(&x), slice(&weight));
                kernels::group_norm_backward(GroupNormBackward { norm, x, weight, dy, d_weight, d_bias });
            });
            return [dx, d_weight, d_bias].map(|d| Some(kept.constant(d)));
        }
        let size = norm.channels / self.groups;
        let split = [shape[0], norm.places, self.groups, size];
        let grouped = |v: Var<T>| v.reshape(split);
        let mean = |v: Var<T>| v.mean_axes(keep([1, 3]));
        let x = grouped(x);
        let centred = &x - mean(x.clone());
        let inverse = (mean(centred.clone().square()) + self.epsilon).sqrt().recip();
        let normal = centred * &inverse;
        let h = grouped(&dy * weight);
        let dx = (&h - mean(h.clone()) - &normal * mean(&h * &normal)) * inverse;
        [Some(dx.reshape(shape)), Some(&dy * normal.reshape(shape)), Some(dy)]
    }
}

impl<T: Float> Var<T> {
    /// The normalisation of x `[N, …, C]` over each sample's places and each of `groups` groups of channels. `weight` γ and `bias` β are `[C]`.
    ///
    /// # Panics
    /// If the shapes do not fit, or if groups do not divide the channels.
    #[track_caller]
    pub fn group_norm(self, groups: usize, weight: &Var<T>, bias: &Var<T>, epsilon: f64) -> Var<T> {
        GroupNorm { groups, epsilon }.apply([self, weight.clone(), bias.clone()])
    }

    /// The normalisation of x `[N, …, C]` over each sample's places, for each channel.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn instance_norm(self, weight: &Var<T>, bias: &Var<T>, epsilon: f64) -> Var<T> {
        let groups = self.shape().last().copied().unwrap_or(1).max(1);
        self.group_norm(groups, weight, bias, epsilon)
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::entry;
    const R: &[(f64, f64)] = &[(-2.0, 2.0)];
    const SHAPES: &[&[&[usize]]] =
        &[&[&[2, 3, 4], &[4], &[4]], &[&[1, 2, 2, 6], &[6], &[6]], &[&[3, 2], &[2], &[2]], &[&[0, 2, 2], &[2], &[2]]];
    fn oracle(x: &[Tensor<f64>], groups: usize) -> Tensor<f64> {
        let shape = *x[0].shape();
        let channels = shape[shape.rank() - 1];
        let places = shape[1..shape.rank() - 1].iter().product();
        let split = x[0].reshape([shape[0], places, groups, channels / groups]);
        let centred = &split - split.mean_axes(keep([1, 3]));
        let variance = (&centred * &centred).mean_axes(keep([1, 3]));
        (centred / (variance + 0.1).sqrt()).reshape(shape) * &x[1] + &x[2]
    }
    vec![
        entry!("group_norm", SHAPES, R, |x| x[0].clone().group_norm(2, &x[1], &x[2], 0.1), whole | x | oracle(x, 2)),
        entry!(
            "instance_norm",
            SHAPES,
            R,
            |x| x[0].clone().instance_norm(&x[1], &x[2], 0.1),
            whole | x | oracle(x, x[1].len())
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{Tape, Tensor};

    /// burn: sums of a whole group in low precision.
    #[test]
    fn peer_bug_n11() {
        let tape = Tape::inference();
        let (weight, bias) = (tape.input(Tensor::ones([64])), tape.input(Tensor::zeros([64])));
        let numbers: Vec<f32> = (0..1 << 20).map(|i| 3000.0 + (i / 64 % 2) as f32).collect();
        let y = tape.input(Tensor::new(&numbers, [1, 1 << 14, 64])).group_norm(4, &weight, &bias, 1e-9);
        let error = y.value().iter().map(|y| (y.abs() - 1.0).abs()).fold(0.0, f32::max);
        assert!(error < 1e-5, "{error}");
    }

    #[test]
    #[should_panic(expected = "group_norm: shape [2, 3, 4]: 3 groups do not divide 4 channels")]
    fn groups_that_do_not_divide_are_refused() {
        let tape = Tape::inference();
        let vector = tape.input(Tensor::ones([4]));
        let _ = tape.input(Tensor::ones([2, 3, 4])).group_norm(3, &vector, &vector, 1e-5);
    }
}
