//! GRU: a state that gates renew in part (Cho et al. 2014), in PyTorch's form.
//!
//! r = σ(x·W_ir + b_ir + h·W_hr + b_hr), z = σ(x·W_iz + b_iz + h·W_hz + b_hz), n = tanh(x·W_in + b_in + r·(h·W_hn + b_hn)), h ← (1 − z)·n + z·h. Weights hold
//! r, z, n one after the other.

use super::recurrent::{Cells, Family, Recurrence};
use crate::error::expect;
use crate::module::Path;
use crate::onnx::{Attribute, Graph, RecurrentWeights, Value};
use crate::{Layer, Module, Result};
use tape::{Float, Rng, Var};

/// ONNX's gates, by their places here.
const GATES: [usize; 3] = [1, 0, 2];

/// A gated recurrent layer over x `[N, T, in]`, or several. Names are PyTorch's: `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, `…_l0_reverse`.
///
/// ```
/// use nn::prelude::*;
/// let gru = Gru::new(5, 8, &mut Rng::seed(1));
/// let (y, h) = gru.forward_from(Tape::inference().input(Tensor::ones([3, 7, 5])), None);
/// assert_eq!((y.shape(), h.shape()), (&[3, 7, 8].into(), &[1, 3, 8].into()));
/// ```
#[derive(Clone, Debug, Module)]
pub struct Gru<T: Float = f32> {
    #[module(flatten)]
    cells: Cells<T>,
}

impl Gru {
    /// One layer of so many hidden units.
    ///
    /// # Panics
    /// If a number is 0; [`Gru::with`] returns the error.
    #[track_caller]
    pub fn new(inputs: usize, hidden: usize, rng: &mut Rng) -> Gru {
        expect(Gru::with(inputs, hidden, &Recurrence::default(), rng))
    }

    /// With settings.
    ///
    /// # Errors
    /// If they make no sense: a number is 0, a probability is none, results are to be projected.
    pub fn with(inputs: usize, hidden: usize, settings: &Recurrence, rng: &mut Rng) -> Result<Gru> {
        let family = Family { name: "Gru", gates: 3, projects: false, slope: None };
        Ok(Gru { cells: Cells::new(&family, (inputs, hidden), settings, rng)? })
    }
}

impl<T: Float> Gru<T> {
    /// One layer of weights as ONNX has them.
    pub(crate) fn of_weights(weights: &RecurrentWeights<T>) -> Gru<T> {
        Gru { cells: Cells::of_weights("Gru", weights, &GATES) }
    }
}

impl<T: Float> Gru<T> {
    /// Results `[N, T, directions · hidden]` and the states behind the last step, `[layers · directions, N, hidden]`, from these states or from 0.
    ///
    /// # Panics
    /// If shapes do not fit.
    #[track_caller]
    pub fn forward_from(&self, x: Var<T>, state: Option<Var<T>>) -> (Var<T>, Var<T>) {
        let (y, [h]) = self.cells.run(x, state.map(|h| [h]), false, |on, drive, [h]| {
            let size = on.hidden;
            let own = h.clone().linear(&on.weight_hh, on.bias_hh.as_ref());
            let both = drive.clone().narrow(-1, 0, 2 * size) + own.clone().narrow(-1, 0, 2 * size);
            let gates = both.sigmoid();
            let (r, z) = (gates.clone().narrow(-1, 0, size), gates.narrow(-1, size, size));
            let n = (drive.narrow(-1, 2 * size, size) + r * own.narrow(-1, 2 * size, size)).tanh();
            [n.clone() + z * (h - n)]
        });
        (y, h)
    }
}

impl<T: Float> Layer<T> for Gru<T> {
    /// The results alone, from states of 0.
    ///
    /// # Panics
    /// If x is not `[N, T, in]`.
    #[track_caller]
    fn forward(&self, x: Var<T>) -> Var<T> {
        self.forward_from(x, None).0
    }

    /// There the gates are z, r, n.
    fn onnx(&self, at: &mut Path, graph: &mut Graph, x: Value) -> Result<Value> {
        self.cells.onnx(at, graph, x, ("GRU", &GATES), vec![("linear_before_reset", Attribute::Int(1))])
    }
}
