//! Dropout: every element is kept with probability 1 − p and scaled by 1/(1 − p), else exactly 0, whatever it held.
//!
//! Derivative: the same mask and scale on dy. Which elements are kept is a function of the op's seed and the element's
//! place alone, so the mask is not stored: the rule computes it again. The seed comes from the tape: a training tape
//! drops, others do nothing, unless [`crate::Tape::with_dropout`] says so. p = 1 gives zeros and zero gradients.
//! Srivastava et al. 2014.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let ones = Tensor::ones([1000]);
//! let kept = Tape::training(7).input(ones.clone()).dropout(0.5).to_vec();
//! assert!(kept.iter().all(|&y| y == 0.0 || y == 2.0));
//! assert_eq!(Tape::inference().input(ones.clone()).dropout(0.5).value(), &ones);
//! ```

use super::elementwise::unary;
use crate::error::expect;
use crate::{Error, Float, Keeps, Kept, Op, Result, Tensor, Var};

#[derive(Clone, Copy)]
struct Dropout {
    seed: u64,
    p: f64,
}

impl<T: Float> Op<T> for Dropout {
    fn name(&self) -> &'static str {
        "dropout"
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::NOTHING
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        unary(x, |io| kernels::dropout(self.seed, self.p, io))
    }
    fn vjp(&self, _: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        [Some(self.apply([dy]))]
    }
}

fn probability(p: f64) -> Result<f64> {
    if (0.0..=1.0).contains(&p) {
        return Ok(p);
    }
    let problem = format!("p is the probability to drop an element, in [0, 1]; got {p}");
    Err(Error::Argument { op: "dropout", problem })
}

impl<T: Float> Var<T> {
    /// Drops every element with probability `p` and scales the others by 1/(1 − p), if the tape says so; else this value.
    ///
    /// # Panics
    /// If `p` is not in [0, 1], on every tape.
    #[track_caller]
    pub fn dropout(self, p: impl Into<f64>) -> Var<T> {
        let p = expect(probability(p.into()));
        match self.tape().next_dropout_seed() {
            Some(seed) => Dropout { seed, p }.apply([self]),
            None => self,
        }
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::{UNARY, entry};
    vec![
        entry!("dropout", UNARY, &[(-2.0, 2.0)], |x| x[0].clone().dropout(0.5), elementwise | x | x[0]),
        entry!(
            "dropout",
            UNARY,
            &[(-2.0, 2.0)],
            |x| Dropout { seed: 3, p: 0.25 }.apply([x[0].clone()]),
            whole | x | {
                let mut mask = x[0].ones_like();
                kernels::dropout(3, 0.25, kernels::In1::Over { x: mask.make_mut() });
                &x[0] * mask
            }
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{Tape, Tensor};

    #[test]
    fn peer_bug_n21() {
        let tape = Tape::training(1);
        let x = tape.var(Tensor::from([1.0, f32::NAN, f32::INFINITY]));
        let y = x.clone().dropout(1);
        assert_eq!(y.to_vec(), [0.0; 3]);
        assert_eq!(y.sum().backward()[&x].to_vec(), [0.0; 3]);
    }

    #[test]
    fn the_gradient_passes_where_the_value_did() {
        let tape = Tape::training(1);
        let x = tape.var(Tensor::ones([20, 30]));
        let y = x.clone().dropout(0.25);
        let kept = y.value().clone();
        assert_eq!(y.sum().backward()[&x], kept);
        assert!(kept.to_vec().iter().all(|&y| y == 0.0 || y == 1.0 / 0.75));
    }

    #[test]
    fn each_call_draws_anew_and_the_seed_decides() {
        let draw = |seed| {
            let tape = Tape::training(seed);
            [0, 1].map(|_| tape.input(Tensor::<f32>::ones([64])).dropout(0.5).to_vec())
        };
        let [first, second] = draw(5);
        assert_ne!(first, second);
        assert_eq!(draw(5), [first.clone(), second]);
        assert_ne!(draw(6)[0], first);
        let stochastic = Tape::inference().with_dropout(5);
        assert_eq!(stochastic.input(Tensor::<f32>::ones([64])).dropout(0.5).to_vec(), first);
    }

    #[test]
    fn a_view_and_its_copy_lose_the_same_elements() {
        let x = Tensor::linspace(1.0, 2.0, 60).reshape([6, 10]).transpose();
        let drop = |x: Tensor| Tape::training(2).input(x).dropout(0.5).to_vec();
        assert_eq!(drop(x.clone()), drop(x.copy()));
    }

    #[test]
    fn p_is_checked_on_every_tape() {
        for p in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            let panics = std::panic::catch_unwind(|| Tape::inference().input(Tensor::ones([2])).dropout(p));
            let message = *panics.unwrap_err().downcast::<String>().unwrap();
            assert!(message.contains("dropout") && message.contains("[0, 1]"), "{message}");
        }
    }
}
