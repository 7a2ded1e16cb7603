//! Randomised leaky ReLU: in training every element has a slope of its own below 0, drawn anew each time; in evaluation all have the
//! middle one (Xu, Wang, Chen, Li 2015, "Empirical Evaluation of Rectified Activations in Convolutional Network").
//!
//! Two laws are in use. PyTorch draws the slope itself, uniformly; the paper divides by a uniform number. The seed of a draw comes from
//! the tape, as dropout's does, so a [`Var::checkpoint`] draws the same slopes when it runs again.

use crate::error::{expect, setting};
use crate::lipschitz::Certificate;
use crate::module::Path;
use crate::onnx::{Graph, Value};
use crate::regions::Piecewise;
use crate::{Layer, Module, Result};
use tape::{Float, Rng, Tensor, Var};

/// x where x > 0, else a·x with a random slope a for each element, on tapes that drop ([`tape::Tape::training`]); a fixed slope on others.
///
/// ```
/// use nn::prelude::*;
/// let (act, x) = (RRelu::new(1.0 / 8.0, 1.0 / 3.0), Tensor::full([1000], -1.0));
/// let slopes = -act.forward(Tape::training(7).input(x.clone())).into_value();
/// assert!(slopes.to_vec().iter().all(|a| (0.125..=1.0 / 3.0).contains(a)));
/// assert_eq!(act.forward(Tape::inference().input(x)).to_vec()[0], -11.0 / 48.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RRelu {
    /// Bounds of the uniform number.
    between: (f64, f64),
    /// Whether the slope is its reciprocal.
    divides: bool,
}

impl RRelu {
    /// Slopes uniform between these, and their mean in evaluation. PyTorch's default is (1/8, 1/3), which evaluates at 11/48.
    ///
    /// # Panics
    /// If a bound is not finite, or if the first is above the second; [`RRelu::try_new`] returns the error.
    #[track_caller]
    pub fn new(low: f64, high: f64) -> RRelu {
        expect(RRelu::try_new(low, high))
    }

    /// Slopes uniform between these.
    ///
    /// # Errors
    /// If a bound is not finite, in f32 too, or if the first is above the second.
    pub fn try_new(low: f64, high: f64) -> Result<RRelu> {
        match (low as f32).is_finite() && (high as f32).is_finite() && low <= high {
            true => Ok(RRelu { between: (low, high), divides: false }),
            false => {
                setting("RRelu", format!("slopes between {low} and {high}: both must be finite, the lower one first"))
            }
        }
    }

    /// The paper's: slopes 1/u with u uniform between 3 and 8, evaluated at 2/11, the reciprocal of u's mean.
    pub fn xu2015() -> RRelu {
        RRelu { between: (3.0, 8.0), divides: true }
    }

    /// The slope in evaluation.
    pub fn mean(&self) -> f64 {
        let middle = 0.5 * self.between.0 + 0.5 * self.between.1;
        if self.divides { 1.0 / middle } else { middle }
    }

    /// A slope for each element, in row-major order.
    fn draw<T: Float>(&self, x: &Var<T>, seed: u64) -> Tensor<T> {
        let (mut rng, (low, high)) = (Rng::seed(seed), self.between);
        Tensor::fill_with(*x.shape(), |slopes| {
            for slope in slopes {
                let u = low + (high - low) * rng.uniform();
                *slope = T::from_f64(if self.divides { 1.0 / u } else { u });
            }
        })
    }
}

impl Default for RRelu {
    /// PyTorch's.
    fn default() -> RRelu {
        RRelu { between: (1.0 / 8.0, 1.0 / 3.0), divides: false }
    }
}

impl<T: Float> Module<T> for RRelu {
    fn visit<'a>(&'a self, _: &mut Path, _: &mut dyn crate::module::Visitor<'a, T>) {}
    fn visit_mut<'a>(&'a mut self, _: &mut Path, _: &mut dyn crate::module::VisitorMut<'a, T>) {}
}

impl<U: Float> crate::module::CastTo<U> for RRelu {
    type Output = RRelu;
    fn cast_to(&self) -> RRelu {
        *self
    }
}

impl<T: Float> Layer<T> for RRelu {
    #[track_caller]
    fn forward(&self, x: Var<T>) -> Var<T> {
        match x.tape().next_dropout_seed() {
            Some(seed) => {
                let slopes = self.draw(&x, seed);
                x.prelu(slopes)
            }
            None => x.leaky_relu(self.mean()),
        }
    }

    /// In evaluation: max(1, |slope|).
    fn lipschitz(&self, at: &mut Path, bounds: &mut Certificate) -> Result<()> {
        bounds.push(at, "RRelu", Ok(T::from_f64(self.mean()).to_f64().abs().max(1.0)))
    }

    /// In evaluation: one slope.
    #[track_caller]
    fn piecewise(&self, chain: &mut Piecewise) -> Result<()> {
        chain.rectify(&Tensor::f64([T::from_f64(self.mean()).to_f64()]))
    }

    /// In evaluation: one slope.
    fn onnx(&self, at: &mut Path, graph: &mut Graph, x: Value) -> Result<Value> {
        Ok(graph.leaky(at, x, self.mean()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tape::Tape;

    fn slopes(act: RRelu, tape: &Tape, n: usize) -> Vec<f32> {
        act.forward(tape.input(Tensor::full([n], -1.0))).to_vec().into_iter().map(|y| -y).collect()
    }

    #[test]
    fn evaluation_takes_the_middle() {
        for tape in [Tape::inference(), Tape::probing()] {
            assert_eq!(slopes(RRelu::default(), &tape, 2), [11.0 / 48.0; 2]);
            assert_eq!(slopes(RRelu::xu2015(), &tape, 2), [2.0 / 11.0; 2]);
            assert_eq!(slopes(RRelu::new(-0.5, 1.0), &tape, 1), [0.25]);
        }
    }

    /// The mean of n draws within four standard errors: (high − low)/√12 for the uniform law; for 1/u between 3 and 8
    /// E a = ln(8/3)/5 and E a² = 1/24.
    #[test]
    fn draws_have_their_law() {
        let n = 100_000;
        let moments = |slopes: &[f32]| {
            let mean = slopes.iter().map(|&a| f64::from(a)).sum::<f64>() / n as f64;
            let square = slopes.iter().map(|&a| f64::from(a).powi(2)).sum::<f64>() / n as f64;
            (mean, square - mean * mean)
        };
        let (low, high) = (1.0 / 8.0, 1.0 / 3.0f64);
        let uniform = slopes(RRelu::default(), &Tape::training(3), n);
        let paper = slopes(RRelu::xu2015(), &Tape::training(4), n);
        assert!(uniform.iter().chain(&paper).all(|a| (0.125..=1.0 / 3.0).contains(a)));
        let cases = [
            (moments(&uniform), (low + high) / 2.0, (high - low).powi(2) / 12.0),
            (moments(&paper), (8.0f64 / 3.0).ln() / 5.0, 1.0 / 24.0 - ((8.0f64 / 3.0).ln() / 5.0).powi(2)),
        ];
        for ((mean, variance), expected, of) in cases {
            assert!((mean - expected).abs() < 4.0 * (of / n as f64).sqrt(), "{mean} for {expected}");
            // A bounded law's kurtosis is below 3 here, so its variance's standard error is below √(2/n) of it.
            assert!((variance / of - 1.0).abs() < 4.0 * (2.0 / n as f64).sqrt(), "{variance} for {of}");
        }
    }

    #[test]
    fn gradients_pass_by_the_slopes_that_were_drawn() {
        let tape = Tape::training(5);
        let x = tape.var(Tensor::from([[-2.0, 3.0, 0.0], [-0.5, f32::NEG_INFINITY, f32::INFINITY]]));
        let y = RRelu::default().forward(x.clone());
        let values = y.to_vec();
        let slopes = y.sum().backward()[&x].to_vec();
        assert_eq!([values[0], values[3]], [-2.0 * slopes[0], -0.5 * slopes[3]]);
        assert_eq!((values[1], values[4], slopes[1], slopes[5]), (3.0, f32::NEG_INFINITY, 1.0, 1.0));
        assert!((0.125..=1.0 / 3.0).contains(&slopes[2]), "at 0 the slope is the one below");
        assert_ne!(slopes[0], slopes[3]);
    }

    #[test]
    fn each_call_draws_anew_and_the_seed_decides() {
        let draw = |seed| {
            let tape = Tape::training(seed);
            [0, 1].map(|_| slopes(RRelu::default(), &tape, 16))
        };
        let [first, second] = draw(5);
        assert_ne!(first, second);
        assert_eq!(draw(5), [first.clone(), second]);
        assert_ne!(draw(6)[0], first);
        assert_eq!(slopes(RRelu::default(), &Tape::inference().with_dropout(5), 16), first);
    }

    #[test]
    fn a_checkpoint_draws_the_same_slopes_again() {
        let run = |checkpointed: bool| {
            let tape = Tape::training(9);
            let x = tape.var(Tensor::linspace(-3.0, -1.0, 50));
            let act = RRelu::default();
            let twice = move |x: Var| RRelu::xu2015().forward(act.forward(x));
            let y = if checkpointed { x.clone().checkpoint(twice) } else { twice(x.clone()) };
            let after = act.forward(y);
            (after.to_vec(), after.sum().backward()[&x].to_vec())
        };
        let (values, slopes) = run(true);
        assert_eq!((values.clone(), slopes.clone()), run(false));
        let x = Tensor::linspace(-3.0, -1.0, 50).to_vec();
        assert!(values.iter().zip(&slopes).zip(x).all(|((y, a), x)| (y - a * x).abs() < 1e-6), "one draw for both");
    }

    #[test]
    fn edges_and_bad_bounds() {
        for shape in [&[0][..], &[], &[2, 0], &[1]] {
            let y = RRelu::default().forward(Tape::training(1).input(Tensor::full(shape, -1.0)));
            assert_eq!(y.shape(), shape);
        }
        assert_eq!(slopes(RRelu::new(0.5, 0.5), &Tape::training(1), 3), [0.5; 3]);
        for (low, high) in [(0.3, 0.1), (f64::NAN, 0.1), (0.1, f64::INFINITY), (-1e300, 0.0)] {
            let text = RRelu::try_new(low, high).unwrap_err().to_string();
            assert!(text.starts_with("RRelu: slopes between ") && text.ends_with("the lower one first"), "{text}");
        }
    }
}
