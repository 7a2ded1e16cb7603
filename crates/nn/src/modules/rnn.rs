//! RNN: h ← f(x·W_ih + b_ih + h·W_hh + b_hh) at every step (Elman 1990), f tanh or a rectifier.

use super::recurrent::{Cells, Family, Recurrence};
use super::{Act, Activation};
use crate::error::expect;
use crate::module::Path;
use crate::onnx::{Attribute, Graph, RecurrentWeights, Value};
use crate::{Layer, Module, Result};
use tape::{Float, Rng, Var};

/// What a [`Rnn`] does with its sums.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Nonlinearity {
    /// tanh.
    #[default]
    Tanh,
    /// A rectifier or one of its kin; PReLU learns a slope for each hidden unit, `alpha_l0`.
    Act(Activation),
}

/// ONNX's gates, by their places here.
const GATES: [usize; 1] = [0];

/// A recurrent layer over x `[N, T, in]`, or several. Names are PyTorch's: `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, `…_l0_reverse`.
///
/// ```
/// use nn::prelude::*;
/// let leaky = Nonlinearity::Act(Activation::LeakyRelu(0.2));
/// let rnn = Rnn::with(5, 8, leaky, &Recurrence::default(), &mut Rng::seed(1))?;
/// let (y, h) = rnn.forward_from(Tape::inference().input(Tensor::ones([3, 7, 5])), None);
/// assert_eq!((y.shape(), h.shape()), (&[3, 7, 8].into(), &[1, 3, 8].into()));
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct Rnn<T: Float = f32> {
    #[module(flatten)]
    cells: Cells<T>,
    #[module(skip)]
    nonlinearity: Nonlinearity,
}

impl Rnn {
    /// One layer of so many hidden units with tanh.
    ///
    /// # Panics
    /// If a number is 0; [`Rnn::with`] returns the error.
    #[track_caller]
    pub fn new(inputs: usize, hidden: usize, rng: &mut Rng) -> Rnn {
        expect(Rnn::with(inputs, hidden, Nonlinearity::Tanh, &Recurrence::default(), rng))
    }

    /// With settings.
    ///
    /// # Errors
    /// If they make no sense: a number is 0, a probability or slope is none, results are to be projected.
    pub fn with(
        inputs: usize,
        hidden: usize,
        nonlinearity: Nonlinearity,
        settings: &Recurrence,
        rng: &mut Rng,
    ) -> Result<Rnn> {
        let slope = match nonlinearity {
            Nonlinearity::Act(Activation::PRelu) => Some(0.25),
            Nonlinearity::Act(Activation::LeakyRelu(slope)) => super::LeakyRelu::try_new(slope).map(|_| None)?,
            Nonlinearity::Act(Activation::Elu(alpha)) => super::Elu::try_new(alpha).map(|_| None)?,
            _ => None,
        };
        let family = Family { name: "Rnn", gates: 1, projects: false, slope };
        Ok(Rnn { cells: Cells::new(&family, (inputs, hidden), settings, rng)?, nonlinearity })
    }
}

impl<T: Float> Rnn<T> {
    /// One layer of weights as ONNX has them.
    pub(crate) fn of_weights(nonlinearity: Nonlinearity, weights: &RecurrentWeights<T>) -> Rnn<T> {
        Rnn { cells: Cells::of_weights("Rnn", weights, &GATES), nonlinearity }
    }
}

impl<T: Float> Rnn<T> {
    /// Results `[N, T, directions · hidden]` and the states behind the last step, `[layers · directions, N, hidden]`, from these states or from 0.
    ///
    /// # Panics
    /// If shapes do not fit.
    #[track_caller]
    pub fn forward_from(&self, x: Var<T>, state: Option<Var<T>>) -> (Var<T>, Var<T>) {
        let act: Option<Act> = match self.nonlinearity {
            Nonlinearity::Tanh | Nonlinearity::Act(Activation::PRelu) => None,
            Nonlinearity::Act(act) => Some(act.layer(1)),
        };
        let act = act.map(|act| act.cast::<T>());
        let (y, [h]) = self.cells.run(x, state.map(|h| [h]), true, |on, drive, [h]| {
            let sum = drive + h.matmul(&on.weight_hh);
            [match (&act, &on.alpha) {
                (Some(act), _) => act.forward(sum),
                (None, Some(alpha)) => sum.prelu(alpha),
                (None, None) => sum.tanh(),
            }]
        });
        (y, h)
    }
}

impl<T: Float> Layer<T> for Rnn<T> {
    /// The results alone, from states of 0.
    ///
    /// # Panics
    /// If x is not `[N, T, in]`.
    #[track_caller]
    fn forward(&self, x: Var<T>) -> Var<T> {
        self.forward_from(x, None).0
    }

    fn onnx(&self, at: &mut Path, graph: &mut Graph, x: Value) -> Result<Value> {
        let (name, alpha) = match self.nonlinearity {
            Nonlinearity::Tanh => ("Tanh", None),
            Nonlinearity::Act(Activation::Relu) => ("Relu", None),
            Nonlinearity::Act(Activation::LeakyRelu(slope)) => ("LeakyRelu", Some(slope)),
            Nonlinearity::Act(Activation::Elu(alpha)) => ("Elu", Some(alpha)),
            Nonlinearity::Act(other) => {
                let problem = format!("ONNX's RNN does not know {other:?}; it knows tanh, ReLU, leaky ReLU and ELU");
                return graph.refuse(at, &problem);
            }
        };
        let directions = self.cells.directions();
        let mut attributes = vec![("activations", Attribute::Texts(vec![name; directions]))];
        attributes.extend(alpha.map(|alpha| ("activation_alpha", Attribute::Floats(vec![alpha as f32; directions]))));
        self.cells.onnx(at, graph, x, ("RNN", &GATES), attributes)
    }
}
