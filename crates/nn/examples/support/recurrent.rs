//! Recurrent units, and the adding problem they are to solve.

use nn::prelude::*;

/// Of a sequence.
pub const STEPS: usize = 200;
pub const UNITS: usize = 64;
/// Deviation of the weights of inputs: small, as the identity adds up 200 of them.
const INPUTS: f64 = 0.03;

/// Recurrent units behind a leaky rectifier, and one answer.
#[derive(Module, Clone)]
pub struct Net<T: Float = f32> {
    input: Linear<T>,
    recurrent: Linear<T>,
    output: Linear<T>,
    slope: f64,
}

impl Net {
    /// Recurrent weights that are the identity, or Gaussian of variance 1/n.
    pub fn new(identity: bool, slope: f64, rng: &mut Rng) -> Net {
        let mut linear = |inputs, outputs| Linear::new(inputs, outputs, rng);
        let (input, recurrent, output) = (linear(2, UNITS), linear(UNITS, UNITS), linear(UNITS, 1));
        let mut net = Net { input, recurrent: recurrent.without_bias(), output, slope };
        *net.input.weight_mut().value_mut() = Tensor::randn([2, UNITS], rng) * INPUTS;
        *net.recurrent.weight_mut().value_mut() = match identity {
            true => Tensor::eye(UNITS),
            false => Tensor::randn([UNITS, UNITS], rng) * (1.0 / UNITS as f64).sqrt(),
        };
        net
    }
}

impl<T: Float> Net<T> {
    /// Answers `[N, 1]` for sequences `[STEPS, N, 2]`, and the sums before the rectifier at each step.
    pub fn forward(&self, x: &Var<T>) -> (Var<T>, Vec<Var<T>>) {
        let driven = self.input.forward(x.clone());
        let (mut sums, mut h) = (Vec::new(), None);
        for step in 0..STEPS {
            let drive = driven.clone().narrow(0, step, 1).squeeze(0);
            let sum = match h {
                None => drive,
                Some(h) => drive + self.recurrent.forward(h),
            };
            sum.watch();
            h = Some(sum.clone().leaky_relu(self.slope));
            sums.push(sum);
        }
        (self.output.forward(h.expect("there are steps")), sums)
    }
}

/// Sequences `[STEPS, count, 2]` and their answers `[count, 1]`.
pub fn problem(count: usize, rng: &mut Rng) -> (Tensor, Tensor) {
    let marks: Vec<[usize; 2]> = (0..count).map(|_| [rng.below(STEPS / 2), STEPS / 2 + rng.below(STEPS / 2)]).collect();
    let numbers = Tensor::uniform([STEPS, count], 0.0, 1.0, rng);
    let x = Tensor::from_fn([STEPS, count, 2], |[step, i, which]| match which {
        0 => numbers.at([step, i]),
        _ => f32::from(u8::from(marks[i].contains(&step))),
    });
    let y = Tensor::from_fn([count, 1], |[i, _]| marks[i].iter().map(|&step| numbers.at([step, i])).sum());
    (x, y)
}
