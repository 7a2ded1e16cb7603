//! linear_act: a linear layer and the rectifier behind it as one op, y = f(x·w + b) with f relu, leaky ReLU or PReLU.
//!
//! The rectifier runs on the product while that is in registers or cache, and the value before it is never kept: the rule
//! reads the slopes' places from y. That is sound for relu, and for slopes α ≥ 2⁻¹⁰; for others (negative, 0, tiny) and for
//! shapes of α other than one number or one for each output, `linear` and the rectifier are recorded as two ops instead.
//! Either way values and gradients are those of the two ops. dz = dy·f′ and dα as in `relu`, `leaky_relu` and `prelu`; then
//! dx = dz·wᵀ, dw = xᵀ·dz, db = Σ dz over all rows.
//!
//! ```
//! use tape::{Rectifier, Tape, Tensor};
//! let tape = Tape::probing();
//! let (w, b) = (tape.var(Tensor::from([[1.0, -1.0]])), tape.var(Tensor::from([0.5, 0.0])));
//! let y = tape.input(Tensor::from([[2.0]])).linear_act(&w, Some(&b), Rectifier::LeakyRelu(0.25));
//! assert_eq!(y.to_vec(), [2.5, -0.5]);
//! let grads = y.sum().backward();
//! assert_eq!((grads[&w].to_vec(), grads[&b].to_vec()), (vec![2.0, 0.5], vec![1.0, 0.25]));
//! ```

use super::{leaky_relu, linear, prelu, relu};
use crate::{Float, Keeps, Kept, Op, Operand, Result, Shape, Tensor, Var};

/// The rectifier of [`Var::linear_act`].
#[derive(Clone, Debug)]
pub enum Rectifier<T: Float = f32> {
    /// [`Var::relu`].
    Relu,
    /// [`Var::leaky_relu`] with this slope.
    LeakyRelu(f64),
    /// [`Var::prelu`] with these slopes.
    PRelu(Var<T>),
}

impl<T: Float> Rectifier<T> {
    /// The rectifier as an op of its own.
    ///
    /// # Panics
    /// If PReLU's slopes do not broadcast to x.
    #[track_caller]
    pub fn apply(self, x: Var<T>) -> Var<T> {
        match self {
            Rectifier::Relu => x.relu(),
            Rectifier::LeakyRelu(slope) => x.leaky_relu(slope),
            Rectifier::PRelu(alpha) => x.prelu(alpha),
        }
    }

    /// What of it is no operand.
    pub(super) fn kind(&self) -> Act<T> {
        match self {
            Rectifier::Relu => Act::Relu,
            Rectifier::LeakyRelu(slope) => Act::Leaky(T::from_f64(*slope)),
            Rectifier::PRelu(_) => Act::PRelu,
        }
    }

    /// Whether the product can be rectified on its way out, and the rule can do with the output.
    pub(super) fn fuses(&self, outputs: usize) -> bool {
        match self {
            Rectifier::Relu => true,
            Rectifier::LeakyRelu(slope) => kernels::output_is_enough(&[T::from_f64(*slope)]),
            Rectifier::PRelu(alpha) => {
                let is_shared_or_per_output = matches!(**alpha.shape(), [] | [1]) || *alpha.shape() == [outputs];
                is_shared_or_per_output && prelu::output_is_enough(alpha.value())
            }
        }
    }
}

/// Operands: x, w, the bias if there is one, PReLU's α last.
struct LinearAct<T> {
    has_bias: bool,
    act: Act<T>,
}

/// The rectifier of a fused op, its slopes left out where they are an operand.
#[derive(Clone, Copy)]
pub(super) enum Act<T> {
    Relu,
    Leaky(T),
    PRelu,
}

impl<T: Float, const N: usize> Op<T, N> for LinearAct<T> {
    fn name(&self) -> &'static str {
        "linear_act"
    }
    #[inline]
    fn shape(&self, operands: [&Shape; N]) -> Result<Shape> {
        let shape = linear::check(operands[0], operands[1])?;
        if self.has_bias {
            linear::check_bias(operands[1], operands[2])?;
        }
        Ok(shape)
    }
    #[inline]
    fn keeps(&self, _: [&Tensor<T>; N]) -> Keeps {
        let keeps = Keeps::operand(0).and(Keeps::operand(1)).and(Keeps::RESULT);
        if let Act::PRelu = self.act { keeps.and(Keeps::operand(N - 1)) } else { keeps }
    }
    #[inline]
    fn forward(&mut self, operands: [Tensor<T>; N]) -> Tensor<T> {
        let mut operands = operands.into_iter();
        let mut next = || operands.next().expect("as many operands as the settings say");
        let (x, w, has_bias) = (next(), next(), self.has_bias);
        let bias = has_bias.then(&mut next);
        match self.act {
            Act::Relu => linear::product(x, w, bias, kernels::Rectifier::Relu),
            Act::Leaky(slope) => linear::product(x, w, bias, kernels::Rectifier::Leaky(slope)),
            Act::PRelu => {
                let alpha = next().contiguous();
                let slopes = alpha.as_slice().expect("contiguous");
                linear::product(x, w, bias, kernels::Rectifier::PRelu(slopes))
            }
        }
    }
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; N] {
        let mut cotangents = [const { None }; N];
        let y = kept.y();
        let dz = match self.act {
            Act::Relu => relu::slope_times(y, dy),
            Act::Leaky(slope) => leaky_relu::slope_times(slope, y, dy),
            Act::PRelu => {
                let alpha = kept.x(N - 1);
                let wanted = [true, kept.needs(N - 1)];
                let [dz, d_alpha] = prelu::rule(&kept, wanted, (y, true), alpha, dy);
                cotangents[N - 1] = d_alpha;
                dz.expect("it was wanted")
            }
        };
        [cotangents[0], cotangents[1]] = linear::backward(&mut kept, &dz);
        if self.has_bias {
            cotangents[2] = Some(dz);
        }
        cotangents
    }
}

impl<T: Float> Var<T> {
    /// f(x·w + bias) over the last axis, f the rectifier: what `x.linear(w, bias)` and the rectifier give, in one op where
    /// that can be (see [`Rectifier`]). `weight` is `[in, out]`, `bias` `[out]`; leading axes are rows.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn linear_act(self, weight: impl Operand<T>, bias: Option<&Var<T>>, act: Rectifier<T>) -> Var<T> {
        let weight = weight.on(self.tape());
        if self.tape().is_observing() || !act.fuses(weight.shape().last().copied().unwrap_or(0)) {
            return act.apply(self.linear(weight, bias));
        }
        let has_bias = bias.is_some();
        let op = LinearAct { has_bias, act: act.kind() };
        match (act, bias) {
            (Rectifier::PRelu(alpha), Some(bias)) => op.apply([self, weight, bias.clone(), alpha]),
            (Rectifier::PRelu(alpha), None) => op.apply([self, weight, alpha]),
            (_, Some(bias)) => op.apply([self, weight, bias.clone()]),
            (_, None) => op.apply([self, weight]),
        }
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::entry;
    const R: &[(f64, f64)] = &[(-2.0, 2.0)];
    const SLOPES: &[(f64, f64)] = &[(-2.0, 2.0), (-2.0, 2.0), (-2.0, 2.0), (0.1, 0.5)];
    const ANY_SLOPES: &[(f64, f64)] = &[(-2.0, 2.0), (-2.0, 2.0), (-2.0, 2.0), (-0.5, 2.0)];
    fn oracle(x: &[Tensor<f64>], bias: Option<usize>, slope: impl Fn(usize) -> f64) -> Tensor<f64> {
        let z = match x[0].rank() {
            1 => super::matmul::naive(&x[0].unsqueeze(0), &x[1]).squeeze(0),
            _ => super::matmul::naive(&x[0], &x[1]),
        };
        let outputs = x[1].shape()[1];
        let bias = |j: usize| bias.map_or(0.0, |b| x[b].at([j]));
        let numbers: Vec<f64> = z
            .iter()
            .enumerate()
            .map(|(i, z)| z + bias(i % outputs))
            .enumerate()
            .map(|(i, z)| if z > 0.0 { z } else { slope(i % outputs) * z })
            .collect();
        Tensor::new(&numbers, *z.shape())
    }
    const WITH_BIAS: &[&[&[usize]]] =
        &[&[&[4, 2], &[2, 3], &[3]], &[&[2], &[2, 3], &[3]], &[&[2, 2, 3], &[3, 1], &[1]], &[&[0, 2], &[2, 3], &[3]]];
    const WITHOUT: &[&[&[usize]]] = &[&[&[4, 2], &[2, 3]], &[&[3], &[3, 2]], &[&[3, 2], &[2, 0]]];
    const WITH_SLOPES: &[&[&[usize]]] =
        &[&[&[4, 2], &[2, 3], &[3], &[3]], &[&[3, 2], &[2, 3], &[3], &[1]], &[&[2], &[2, 3], &[3], &[]]];
    vec![
        entry!(
            "linear_act",
            WITH_BIAS,
            R,
            |x| x[0].clone().linear_act(&x[1], Some(&x[2]), Rectifier::Relu),
            whole | x | oracle(x, Some(2), |_| 0.0)
        ),
        entry!(
            "linear_act",
            WITHOUT,
            R,
            |x| x[0].clone().linear_act(&x[1], None, Rectifier::LeakyRelu(0.25)),
            whole | x | oracle(x, None, |_| 0.25)
        ),
        entry!(
            "linear_act",
            &[&[&[4, 2], &[2, 3], &[3]]],
            R,
            |x| x[0].clone().linear_act(&x[1], Some(&x[2]), Rectifier::LeakyRelu(-0.5)),
            whole | x | oracle(x, Some(2), |_| -0.5)
        ),
        entry!(
            "linear_act",
            WITH_SLOPES,
            SLOPES,
            |x| x[0].clone().linear_act(&x[1], Some(&x[2]), Rectifier::PRelu(x[3].clone())),
            whole | x | oracle(x, Some(2), |j| x[3].to_vec()[j % x[3].len()])
        ),
        entry!(
            "linear_act",
            &[&[&[4, 2], &[2, 3], &[3], &[3]]],
            ANY_SLOPES,
            |x| x[0].clone().linear_act(&x[1], None, Rectifier::PRelu(x[3].clone())) + &x[2],
            whole | x | oracle(x, None, |j| x[3].at([j])) + &x[2]
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::Rectifier;
    use crate::{Tape, Tensor, Var};

    /// y, dx, dw, db and dα of Σ c·y.
    fn run(act: &dyn Fn(Var) -> Rectifier, alpha: &Tensor, fused: bool) -> (Vec<Vec<f32>>, usize) {
        let mut rng = crate::Rng::seed(5);
        let tape = Tape::probing();
        let mut randn = |shape: [usize; 2]| tape.var(Tensor::randn(shape, &mut rng));
        let (x, w, b, c) = (randn([7, 19]), randn([19, 33]), randn([1, 33]), randn([7, 33]));
        let b = tape.var(b.value().flatten(0));
        let alpha = tape.var(alpha.clone());
        let before = tape.len();
        let y = match fused {
            true => x.clone().linear_act(&w, Some(&b), act(alpha.clone())),
            false => act(alpha.clone()).apply(x.clone().linear(&w, Some(&b))),
        };
        let (ops, value) = (tape.len() - before, y.to_vec());
        let grads = (y * c.detach()).sum().backward();
        let of = |v: &Var| grads.get(v).map_or(Vec::new(), Tensor::to_vec);
        (vec![value, of(&x), of(&w), of(&b), of(&alpha)], ops)
    }

    #[test]
    fn bits_are_those_of_the_two_ops() {
        let acts: [&dyn Fn(Var) -> Rectifier; 4] =
            [&|_| Rectifier::Relu, &|_| Rectifier::LeakyRelu(0.1), &|_| Rectifier::LeakyRelu(-0.1), &|alpha| {
                Rectifier::PRelu(alpha)
            }];
        for act in acts {
            for alpha in
                [Tensor::from(0.25), Tensor::full([33], 0.3), Tensor::full([33], -0.3), Tensor::full([7, 1], 0.5)]
            {
                assert_eq!(run(act, &alpha, true).0, run(act, &alpha, false).0);
            }
        }
    }

    #[test]
    fn one_op_where_the_output_tells_the_side_else_two() {
        let ops = |act: &dyn Fn(Var) -> Rectifier, alpha: &Tensor| run(act, alpha, true).1;
        let (shared, wide) = (Tensor::from([0.25]), Tensor::full([33], 0.25));
        assert_eq!(ops(&|_| Rectifier::Relu, &shared), 1);
        assert_eq!(ops(&|_| Rectifier::LeakyRelu(0.5), &shared), 1);
        assert_eq!(ops(&|_| Rectifier::LeakyRelu(0.0), &shared), 2);
        assert_eq!(ops(&|alpha| Rectifier::PRelu(alpha), &shared), 1);
        assert_eq!(ops(&|alpha| Rectifier::PRelu(alpha), &wide), 1);
        assert_eq!(ops(&|alpha| Rectifier::PRelu(alpha), &Tensor::full([7, 33], 0.25)), 2);
        assert_eq!(ops(&|alpha| Rectifier::PRelu(alpha), &Tensor::full([33], 1e-6)), 2);
    }

    #[test]
    fn kinks_nan_and_zeros_are_the_rectifiers() {
        let tape = Tape::probing();
        let x = tape.var(Tensor::from([0.0, f32::NAN, -1.0]).unsqueeze(1));
        let one = Tensor::from([[1.0]]);
        let y = x.clone().linear_act(&one, None, Rectifier::Relu);
        assert!(y.value().at([1, 0]).is_nan() && y.value().at([2, 0]).to_bits() == 0);
        assert_eq!(y.sum().backward()[&x].to_vec(), [0.0, 1.0, 0.0]);
        let alpha = tape.var(Tensor::from([0.5]));
        let grads = x.clone().linear_act(&one, None, Rectifier::PRelu(alpha.clone())).sum().backward();
        assert_eq!(grads[&x].to_vec(), [0.5, 0.5, 0.5]);
        assert!(grads[&alpha].item().is_nan());
    }

    #[test]
    #[should_panic(expected = "linear: shapes [3, 5] and [1] do not fit")]
    fn a_bias_of_another_width_is_refused() {
        let tape = Tape::inference();
        let bias = tape.input(Tensor::ones([1]));
        let _ = tape.input(Tensor::ones([4, 3])).linear_act(Tensor::ones([3, 5]), Some(&bias), Rectifier::Relu);
    }
}
