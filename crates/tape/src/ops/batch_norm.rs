//! batch_norm: y = (x − μ)/√(σ² + ε)·γ + β, μ and σ² of each feature (last axis) over all other axes (Ioffe, Szegedy 2015); and with a
//! residual and a rectifier behind it as one op, z = f(y + r).
//!
//! With g = dz·f′ and x̂ the normalised x: dβ = Σ g, dγ = Σ g·x̂, dr = g, dx = γ/√(σ² + ε)·(g − mean g − x̂·mean(g·x̂)); of given statistics
//! dx = γ/√(σ² + ε)·g. Where γ, β, r and the slopes allow it ([`kernels::norm_output_is_enough`]) the op keeps its output alone and
//! may overwrite its input (Rota Bulò, Porzi, Kontschieder 2018).
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::probing();
//! let (weight, bias) = (tape.var(Tensor::from([2.0])), tape.var(Tensor::from([1.0])));
//! let x = tape.var(Tensor::from([[1.0], [3.0]]));
//! let (y, moments) = x.clone().batch_norm(&weight, &bias, 0.0);
//! assert_eq!((y.to_vec(), moments.mean.item(), moments.variance.item()), (vec![-1.0, 3.0], 2.0, 1.0));
//! ```

use super::elementwise::{slice, unary};
use super::linear_act::{Act, Rectifier};
use super::{leaky_relu, prelu, relu};
use crate::error::expect;
use crate::{Error, Float, Keeps, Kept, Op, Result, Shape, Tensor, Var, keep};
use kernels::{BatchNormBackward, NormSeen};

/// Mean and biased variance of each feature (last axis) over all other axes.
#[derive(Clone, Debug)]
pub struct Moments<T: Float = f32> {
    /// μ `[C]`.
    pub mean: Tensor<T>,
    /// σ² `[C]`.
    pub variance: Tensor<T>,
    /// Over how many numbers.
    pub count: usize,
}

/// Operands: x, γ, β, the residual if there is one, PReLU's α last.
struct BatchNorm<T: Float> {
    mean: Tensor<T>,
    /// 1/√(σ² + ε)
    inverse: Tensor<T>,
    epsilon: f64,
    of_batch: bool,
    has_residual: bool,
    act: Option<Act<T>>,
    /// The input, where the residual turns out too large for the output to be enough.
    input: Option<Tensor<T>>,
}

impl<T: Float> BatchNorm<T> {
    fn rectifier<'a>(&self, alpha: &'a Tensor<T>) -> kernels::Rectifier<'a, T> {
        match self.act {
            None => kernels::Rectifier::None,
            Some(Act::Relu) => kernels::Rectifier::Relu,
            Some(Act::Leaky(slope)) => kernels::Rectifier::Leaky(slope),
            Some(Act::PRelu) => kernels::Rectifier::PRelu(slice(alpha)),
        }
    }

    /// Whether the output is enough, a residual aside.
    fn reads_output(&self, weight: &Tensor<T>, bias: &Tensor<T>, alpha: &Tensor<T>) -> bool {
        let [weight, bias, alpha] = [weight, bias, alpha].map(|vector| vector.clone().contiguous());
        kernels::norm_output_is_enough(slice(&weight), slice(&bias), self.rectifier(&alpha))
    }
}

impl<T: Float, const N: usize> Op<T, N> for BatchNorm<T> {
    fn name(&self) -> &'static str {
        if self.act.is_some() || self.has_residual { "batch_norm_act" } else { "batch_norm" }
    }
    fn shape(&self, operands: [&Shape; N]) -> Result<Shape> {
        let x = operands[0];
        let features = self.mean.len();
        let misfit = |other: &Shape, hint| {
            Err(Error::ShapeMismatch { op: "batch_norm", lhs: x.to_vec(), rhs: other.to_vec(), hint })
        };
        for vector in &operands[1..3] {
            if ***vector != [features] {
                return misfit(vector, "x […, C] takes a weight and a bias [C]");
            }
        }
        if self.has_residual && operands[3] != x {
            return misfit(operands[3], "a residual has x's shape");
        }
        Ok(*x)
    }
    fn keeps(&self, operands: [&Tensor<T>; N]) -> Keeps {
        let others = (1..N).fold(Keeps::NOTHING, |keeps, i| keeps.and(Keeps::operand(i)));
        match self.reads_output(operands[1], operands[2], operands[N - 1]) {
            true => others.and(Keeps::RESULT),
            false => others.and(Keeps::operand(0)),
        }
    }
    fn forward(&mut self, operands: [Tensor<T>; N]) -> Tensor<T> {
        let mut operands = operands.map(Some);
        let mut next = |i: usize| operands[i].take().expect("each operand once");
        let x = next(0);
        let (weight, bias) = (next(1).contiguous(), next(2).contiguous());
        let residual = self.has_residual.then(|| next(3).contiguous());
        let alpha = if let Some(Act::PRelu) = self.act { next(N - 1).contiguous() } else { weight.clone() };
        let enough = self.reads_output(&weight, &bias, &alpha);
        let scale = &weight * &self.inverse;
        // Whether the residual allows backward to read the output is known afterwards only.
        self.input = residual.as_ref().filter(|_| enough).map(|_| x.clone());
        let mut largest = T::ZERO;
        let z = unary(x, |io| {
            let residual = residual.as_ref().map(slice);
            let rectifier = self.rectifier(&alpha);
            largest = kernels::batch_norm(io, slice(&self.mean), slice(&scale), slice(&bias), residual, rectifier);
        });
        if self.input.is_some() {
            let smallest = slice(&weight).iter().fold(f64::INFINITY, |least, w| least.min(w.to_f64().abs()));
            if largest.to_f64() <= 256.0 * smallest {
                self.input = None;
            }
        }
        z
    }
    fn own_bytes(&self) -> usize {
        let vectors = self.mean.storage().1 + self.inverse.storage().1;
        vectors + self.input.as_ref().map_or(0, |input| input.storage().1)
    }
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; N] {
        let (weight, bias) = (kept.x(1), kept.x(2));
        let residual = self.has_residual.then(|| kept.x(3));
        let alpha = matches!(self.act, Some(Act::PRelu)).then(|| kept.x(N - 1));
        let from_output = kept.has_y() && self.input.is_none();
        let seen = match (&self.input, from_output) {
            (Some(input), _) => kept.stand_in(0, input.clone()),
            (None, true) => kept.y(),
            (None, false) => kept.x(0),
        };
        if kept.first_order() {
            return self.first_order(
                &kept,
                (seen, from_output),
                [&weight, &bias],
                residual.as_ref(),
                alpha.as_ref(),
                dy,
            );
        }
        let x = match from_output {
            true => kept.stand_in(0, self.input_of(seen.value(), &weight, &bias, residual.as_ref(), alpha.as_ref())),
            false => seen,
        };
        let shape = *x.shape();
        let features = self.mean.len();
        let rows = shape.elements() / features.max(1);
        let flat = |v: Var<T>| v.reshape([rows, features]);
        let (x, dy) = (flat(x), flat(dy));
        let (centred, inverse) = if self.of_batch {
            let mean = x.clone().mean_axes(keep(0));
            let centred = x - mean;
            let inverse = (centred.clone().square().mean_axes(keep(0)) + self.epsilon).sqrt().recip();
            (centred, inverse)
        } else {
            (x - kept.constant(self.mean.clone()), kept.constant(self.inverse.clone()))
        };
        let normal = centred * &inverse;
        let before = &normal * &weight + &bias;
        let before = match residual {
            Some(residual) => before + flat(residual),
            None => before,
        };
        let mut cotangents = [const { None }; N];
        let g = match self.act {
            None => dy,
            Some(Act::Relu) => relu::slope_times(before, dy),
            Some(Act::Leaky(slope)) => leaky_relu::slope_times(slope, before, dy),
            Some(Act::PRelu) => {
                let alpha = alpha.expect("PReLU has slopes");
                let [g, d_alpha] = prelu::rule(&kept, [true, kept.needs(N - 1)], (before, false), alpha, dy);
                cotangents[N - 1] = d_alpha;
                g.expect("it was wanted")
            }
        };
        let h = &g * &weight;
        let dx = match self.of_batch {
            true => {
                let with_normal = (&h * &normal).mean_axes(keep(0));
                (&h - h.clone().mean_axes(keep(0)) - &normal * with_normal) * inverse
            }
            false => h * inverse,
        };
        cotangents[0] = Some(dx.reshape(shape));
        cotangents[1] = Some(&g * normal);
        if self.has_residual {
            cotangents[3] = Some(g.clone().reshape(shape));
        }
        cotangents[2] = Some(g);
        cotangents
    }
}

impl<T: Float> BatchNorm<T> {
    fn first_order<const N: usize>(
        &self,
        kept: &Kept<'_, T>,
        (seen, from_output): (Var<T>, bool),
        [weight, bias]: [&Var<T>; 2],
        residual: Option<&Var<T>>,
        alpha: Option<&Var<T>>,
        dy: Var<T>,
    ) -> [Option<Var<T>>; N] {
        let [weight, bias] = [weight, bias].map(|vector| vector.value().clone().contiguous());
        let seen = seen.into_value().contiguous();
        let residual = residual.map(|residual| residual.value().clone().contiguous());
        let slopes = alpha.map_or_else(|| weight.clone(), |alpha| alpha.value().clone().contiguous());
        let features = self.mean.len();
        let vector = || Tensor::unspecified(Shape::from([features]));
        let (mut d_weight, mut d_bias, mut d_slopes) = (vector(), vector(), vector());
        let mut d_residual = (self.has_residual && kept.needs(3)).then(|| Tensor::unspecified(*seen.shape()));
        let dx = unary(dy.into_value(), |dy| {
            kernels::batch_norm_backward(BatchNormBackward {
                seen: if from_output { NormSeen::Output(slice(&seen)) } else { NormSeen::Input(slice(&seen)) },
                residual: residual.as_ref().map(slice),
                mean: slice(&self.mean),
                inverse: slice(&self.inverse),
                weight: slice(&weight),
                bias: slice(&bias),
                rectifier: self.rectifier(&slopes),
                of_batch: self.of_batch,
                dy,
                d_residual: d_residual.as_mut().map(Tensor::fresh_mut),
                d_weight: d_weight.fresh_mut(),
                d_bias: d_bias.fresh_mut(),
                d_slopes: d_slopes.fresh_mut(),
            });
        });
        let mut cotangents = [const { None }; N];
        if let Some(alpha) = alpha {
            let d_alpha = if alpha.len() == 1 { d_slopes.sum().reshape(*alpha.shape()) } else { d_slopes };
            cotangents[N - 1] = Some(kept.constant(d_alpha));
        }
        if let Some(d_residual) = d_residual {
            cotangents[3] = Some(kept.constant(d_residual));
        }
        for (i, d) in [dx, d_weight, d_bias].into_iter().enumerate() {
            cotangents[i] = Some(kept.constant(d));
        }
        cotangents
    }

    /// x of the output.
    fn input_of(
        &self,
        z: &Tensor<T>,
        weight: &Var<T>,
        bias: &Var<T>,
        residual: Option<&Var<T>>,
        alpha: Option<&Var<T>>,
    ) -> Tensor<T> {
        let slope = match (self.act, alpha) {
            (Some(Act::PRelu), Some(alpha)) => alpha.value().clone(),
            (Some(Act::Leaky(slope)), _) => Tensor::scalar(slope),
            _ => Tensor::scalar(T::ONE),
        };
        let before = z.maximum(z.zeros_like()) + z.minimum(z.zeros_like()) / slope;
        let before = match residual {
            Some(residual) => before - residual.value(),
            None => before,
        };
        (before - bias.value()) / weight.value() / &self.inverse + &self.mean
    }
}

impl<T: Float> Tensor<T> {
    /// Mean and biased variance of each feature (last axis) over all other axes; a scalar is one number of one feature. Of no numbers
    /// they are NaN.
    pub fn moments(&self) -> Moments<T> {
        let features = self.shape().last().copied().unwrap_or(1);
        let (mut mean, mut variance) =
            (Tensor::unspecified(Shape::from([features])), Tensor::unspecified(Shape::from([features])));
        let x = self.clone().contiguous();
        kernels::moments(slice(&x), mean.fresh_mut(), variance.fresh_mut());
        Moments { mean, variance, count: self.len() / features.max(1) }
    }
}

impl<T: Float> Var<T> {
    /// (x − μ)/√(σ² + ε)·γ + β with x's own statistics, and these. `weight` γ and `bias` β are `[C]`.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn batch_norm(self, weight: &Var<T>, bias: &Var<T>, epsilon: f64) -> (Var<T>, Moments<T>) {
        self.batch_norm_act(weight, bias, epsilon, None, None)
    }

    /// f(norm(x) + residual) with x's own statistics, and these: what [`Var::batch_norm`], the sum and the rectifier give, in one op
    /// (in more, where PReLU's α is neither one number nor one for each feature).
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn batch_norm_act(
        self,
        weight: &Var<T>,
        bias: &Var<T>,
        epsilon: f64,
        residual: Option<&Var<T>>,
        act: Option<Rectifier<T>>,
    ) -> (Var<T>, Moments<T>) {
        let moments = self.value().moments();
        let z = self.batch_norm_act_given(&moments, weight, bias, epsilon, residual, act);
        (z, moments)
    }

    /// As [`Var::batch_norm_act`], of statistics that are x's own and known already, from [`Var::conv_moments`] or [`Tensor::moments`]: gradients go
    /// through them. With others the value is [`Var::normalise`]'s and the gradients are nobody's.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn batch_norm_act_given(
        self,
        moments: &Moments<T>,
        weight: &Var<T>,
        bias: &Var<T>,
        epsilon: f64,
        residual: Option<&Var<T>>,
        act: Option<Rectifier<T>>,
    ) -> Var<T> {
        normalised(self, moments, true, [weight, bias], epsilon, residual, act)
    }

    /// f(norm(x) + residual) with given statistics: of running ones, as at inference.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn normalise(
        self,
        moments: &Moments<T>,
        weight: &Var<T>,
        bias: &Var<T>,
        epsilon: f64,
        residual: Option<&Var<T>>,
        act: Option<Rectifier<T>>,
    ) -> Var<T> {
        normalised(self, moments, false, [weight, bias], epsilon, residual, act)
    }
}

#[track_caller]
fn normalised<T: Float>(
    x: Var<T>,
    moments: &Moments<T>,
    of_batch: bool,
    [weight, bias]: [&Var<T>; 2],
    epsilon: f64,
    residual: Option<&Var<T>>,
    act: Option<Rectifier<T>>,
) -> Var<T> {
    let features = x.shape().last().copied().unwrap_or(0);
    if moments.mean.len() != features {
        let hint = "statistics have one number for each feature, and x has an axis of features";
        let (lhs, rhs) = (x.shape().to_vec(), moments.mean.shape().to_vec());
        return expect(Err(Error::ShapeMismatch { op: "batch_norm", lhs, rhs, hint }));
    }
    if x.tape().is_observing() && (residual.is_some() || act.is_some()) {
        let y = normalised(x, moments, of_batch, [weight, bias], epsilon, None, None);
        let y = if let Some(residual) = residual { y + residual } else { y };
        return if let Some(act) = act { act.apply(y) } else { y };
    }
    let act = match act {
        Some(Rectifier::PRelu(alpha)) if alpha.len() != 1 && **alpha.shape() != [features] => {
            return normalised(x, moments, of_batch, [weight, bias], epsilon, residual, None).prelu(alpha);
        }
        act => act,
    };
    let mean = moments.mean.clone().contiguous();
    let inverse = moments.variance.clone().map(|variance| T::from_f64(1.0 / (variance.to_f64() + epsilon).sqrt()));
    let (has_residual, kind) = (residual.is_some(), act.as_ref().map(Rectifier::kind));
    let op = BatchNorm { mean, inverse, epsilon, of_batch, has_residual, act: kind, input: None };
    let (weight, bias) = (weight.clone(), bias.clone());
    match (residual, act) {
        (None, Some(Rectifier::PRelu(alpha))) => op.apply([x, weight, bias, alpha]),
        (None, _) => op.apply([x, weight, bias]),
        (Some(residual), Some(Rectifier::PRelu(alpha))) => op.apply([x, weight, bias, residual.clone(), alpha]),
        (Some(residual), _) => op.apply([x, weight, bias, residual.clone()]),
    }
}

#[cfg(test)]
#[path = "batch_norm_tests.rs"]
mod tests;
#[cfg(test)]
pub(super) use tests::entries;
