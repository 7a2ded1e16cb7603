//! LSTM: a memory c that gates write, keep and show (Hochreiter, Schmidhuber 1997; the forget gate: Gers, Schmidhuber, Cummins 2000), in PyTorch's form.
//!
//! i, f, o = σ(x·W_ih + b_ih + h·W_hh + b_hh) and g = tanh of its part; c ← f·c + i·g, h ← o·tanh(c). Weights hold i, f, g, o one after the other. With a
//! projection h ← (o·tanh(c))·W_hr.

use super::recurrent::{Cells, Family, Recurrence};
use crate::error::expect;
use crate::module::Path;
use crate::onnx::{Graph, RecurrentWeights, Value};
use crate::{Layer, Module, Result};
use tape::{Float, Rng, Var};

/// ONNX's gates, by their places here.
const GATES: [usize; 4] = [0, 3, 1, 2];

/// A layer with a long short-term memory over x `[N, T, in]`, or several. Names are PyTorch's: `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`,
/// `weight_hr_l0`, `…_l0_reverse`.
///
/// ```
/// use nn::prelude::*;
/// let lstm = Lstm::new(5, 8, &mut Rng::seed(1));
/// let tape = Tape::inference();
/// let (y, state) = lstm.forward_from(tape.input(Tensor::ones([3, 7, 5])), None);
/// assert_eq!(y.shape(), &[3, 7, 8]);
/// let (y, _) = lstm.forward_from(tape.input(Tensor::ones([3, 1, 5])), Some(state)); // one step further
/// assert_eq!(y.shape(), &[3, 1, 8]);
/// ```
#[derive(Clone, Debug, Module)]
pub struct Lstm<T: Float = f32> {
    #[module(flatten)]
    cells: Cells<T>,
}

impl Lstm {
    /// One layer of so many hidden units.
    ///
    /// # Panics
    /// If a number is 0; [`Lstm::with`] returns the error.
    #[track_caller]
    pub fn new(inputs: usize, hidden: usize, rng: &mut Rng) -> Lstm {
        expect(Lstm::with(inputs, hidden, &Recurrence::default(), rng))
    }

    /// With settings.
    ///
    /// # Errors
    /// If they make no sense: a number is 0, a probability is none, a projection is not smaller than the hidden units are many.
    pub fn with(inputs: usize, hidden: usize, settings: &Recurrence, rng: &mut Rng) -> Result<Lstm> {
        let family = Family { name: "Lstm", gates: 4, projects: true, slope: None };
        Ok(Lstm { cells: Cells::new(&family, (inputs, hidden), settings, rng)? })
    }
}

impl<T: Float> Lstm<T> {
    /// One layer of weights as ONNX has them.
    pub(crate) fn of_weights(weights: &RecurrentWeights<T>) -> Lstm<T> {
        Lstm { cells: Cells::of_weights("Lstm", weights, &GATES) }
    }
}

impl<T: Float> Lstm<T> {
    /// Results `[N, T, directions · out]` and the states (h, c) behind the last step, `[layers · directions, N, out]` and `[layers · directions, N, hidden]`,
    /// from these states or from 0. `out` is the projection, or `hidden`.
    ///
    /// # Panics
    /// If shapes do not fit.
    #[track_caller]
    pub fn forward_from(&self, x: Var<T>, state: Option<(Var<T>, Var<T>)>) -> (Var<T>, (Var<T>, Var<T>)) {
        let (y, [h, c]) = self.cells.run(x, state.map(|(h, c)| [h, c]), true, |on, drive, [h, c]| {
            let sums = drive + h.matmul(&on.weight_hh);
            let gate = |i: usize| sums.clone().narrow(-1, i * on.hidden, on.hidden);
            let [i, f, g, o] = [gate(0).sigmoid(), gate(1).sigmoid(), gate(2).tanh(), gate(3).sigmoid()];
            let c = f * c + i * g;
            let h = o * c.clone().tanh();
            let h = match &on.weight_hr {
                Some(weight) => h.matmul(weight),
                None => h,
            };
            [h, c]
        });
        (y, (h, c))
    }
}

impl<T: Float> Layer<T> for Lstm<T> {
    /// The results alone, from states of 0.
    ///
    /// # Panics
    /// If x is not `[N, T, in]`.
    #[track_caller]
    fn forward(&self, x: Var<T>) -> Var<T> {
        self.forward_from(x, None).0
    }

    /// There the gates are i, o, f, g.
    fn onnx(&self, at: &mut Path, graph: &mut Graph, x: Value) -> Result<Value> {
        self.cells.onnx(at, graph, x, ("LSTM", &GATES), Vec::new())
    }
}
