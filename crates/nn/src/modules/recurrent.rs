//! What RNN, LSTM and GRU share: their weights by layer and direction under PyTorch's names, and the walk along the steps.
//!
//! The products of a layer's inputs with its weights are one for all steps; what is left for a step is the product of its state. Steps are cut out of the
//! whole as views, and their gradients are added in their places: the cost is linear in the number of steps.

mod parts;

use crate::Result;
use crate::error::setting;
use crate::module::{Axes, CastTo, Module, Path, Pytorch, Visitor, VisitorMut};
use tape::{Float, Group, Param, Rng, Tape, Tensor, Var};

/// How layers of [`crate::Rnn`], [`crate::Lstm`] and [`crate::Gru`] are put together: one, from the first step to the last, unless said.
///
/// ```
/// use nn::prelude::*;
/// let settings = Recurrence::default().layers(2).bidirectional();
/// let lstm = Lstm::with(5, 8, &settings, &mut Rng::seed(1))?;
/// let (y, (h, c)) = lstm.forward_from(Tape::inference().input(Tensor::ones([3, 7, 5])), None);
/// assert_eq!((y.shape(), h.shape(), c.shape()), (&[3, 7, 16].into(), &[4, 3, 8].into(), &[4, 3, 8].into()));
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recurrence {
    layers: usize,
    is_bidirectional: bool,
    has_bias: bool,
    dropout: f64,
    projection: usize,
}

impl Default for Recurrence {
    fn default() -> Self {
        Recurrence { layers: 1, is_bidirectional: false, has_bias: true, dropout: 0.0, projection: 0 }
    }
}

impl Recurrence {
    /// So many layers, each on the results of the one before.
    #[must_use]
    pub fn layers(self, layers: usize) -> Self {
        Recurrence { layers, ..self }
    }

    /// Each layer also from the last step to the first; its results are both, one behind the other.
    #[must_use]
    pub fn bidirectional(self) -> Self {
        Recurrence { is_bidirectional: true, ..self }
    }

    /// Without biases.
    #[must_use]
    pub fn without_bias(self) -> Self {
        Recurrence { has_bias: false, ..self }
    }

    /// Drops results of every layer but the last with this probability, on tapes that drop.
    #[must_use]
    pub fn dropout(self, dropout: f64) -> Self {
        Recurrence { dropout, ..self }
    }

    /// Results of an LSTM as so many products of its hidden units: PyTorch's `proj_size` (Sak, Senior, Beaufays 2014).
    #[must_use]
    pub fn projection(self, outputs: usize) -> Self {
        Recurrence { projection: outputs, ..self }
    }

    fn directions(&self) -> usize {
        1 + usize::from(self.is_bidirectional)
    }
}

/// What a family of layers needs.
pub(super) struct Family {
    pub(super) name: &'static str,
    /// Linear maps in each cell.
    pub(super) gates: usize,
    /// Whether results may be projected.
    pub(super) projects: bool,
    /// Whether slopes are learned, from this one on.
    pub(super) slope: Option<f32>,
}

/// The weights of one layer in one direction.
#[derive(Clone, Debug)]
struct Cell<T: Float> {
    weight_ih: Param<T>,
    weight_hh: Param<T>,
    bias_ih: Option<Param<T>>,
    bias_hh: Option<Param<T>>,
    weight_hr: Option<Param<T>>,
    alpha: Option<Param<T>>,
    /// Behind each name: `_l0`, `_l1_reverse`.
    suffix: String,
}

/// The cells of all layers and directions.
#[derive(Clone, Debug)]
pub(super) struct Cells<T: Float> {
    name: &'static str,
    cells: Vec<Cell<T>>,
    settings: Recurrence,
    inputs: usize,
    hidden: usize,
}

/// A cell on a tape, for its steps.
pub(super) struct On<T: Float> {
    pub(super) weight_hh: Var<T>,
    /// None where it is added to the inputs' part.
    pub(super) bias_hh: Option<Var<T>>,
    pub(super) weight_hr: Option<Var<T>>,
    pub(super) alpha: Option<Var<T>>,
    pub(super) hidden: usize,
}

impl Cells<f32> {
    /// Weights and biases uniform in ±1/√hidden, as PyTorch's.
    ///
    /// # Errors
    /// If the settings make no sense.
    pub(super) fn new(
        family: &Family,
        (inputs, hidden): (usize, usize),
        settings: &Recurrence,
        rng: &mut Rng,
    ) -> Result<Cells<f32>> {
        let Recurrence { layers, has_bias, dropout, projection, .. } = *settings;
        if inputs == 0 || hidden == 0 || layers == 0 {
            let problem = format!("{inputs} inputs, {hidden} hidden units, {layers} layers; none may be 0");
            return setting(family.name, problem);
        }
        crate::Dropout::try_new(dropout)?;
        if projection > 0 && (!family.projects || projection >= hidden) {
            let problem = format!(
                "a projection to {projection} outputs; only an LSTM has one, to fewer than its {hidden} hidden units"
            );
            return setting(family.name, problem);
        }
        let bound = 1.0 / (hidden as f32).sqrt();
        let mut draw = |shape: &[usize], group| Param::new(Tensor::uniform(shape, -bound, bound, rng), group);
        let outputs = if projection > 0 { projection } else { hidden };
        let wide = family.gates * hidden;
        let mut cells = Vec::new();
        for layer in 0..layers {
            let own_inputs = if layer == 0 { inputs } else { outputs * settings.directions() };
            for direction in ["", "_reverse"].iter().take(settings.directions()) {
                cells.push(Cell {
                    weight_ih: draw(&[own_inputs, wide], Group::Weight),
                    weight_hh: draw(&[outputs, wide], Group::Weight),
                    bias_ih: has_bias.then(|| draw(&[wide], Group::Bias)),
                    bias_hh: has_bias.then(|| draw(&[wide], Group::Bias)),
                    weight_hr: (projection > 0).then(|| draw(&[hidden, projection], Group::Weight)),
                    alpha: family.slope.map(|slope| Param::new(Tensor::full([hidden], slope), Group::Slope)),
                    suffix: format!("_l{layer}{direction}"),
                });
            }
        }
        Ok(Cells { name: family.name, cells, settings: *settings, inputs, hidden })
    }
}

impl<T: Float> Cells<T> {
    pub(super) fn directions(&self) -> usize {
        self.settings.directions()
    }

    fn outputs(&self) -> usize {
        if self.settings.projection > 0 { self.settings.projection } else { self.hidden }
    }

    /// Runs every layer over x `[N, T, in]` and returns the results `[N, T, out]` and the last states, `[layers · directions, N, …]`. State 0 is a
    /// step's result. `joins` says that both biases are added to the inputs' part.
    #[track_caller]
    pub(super) fn run<const STATES: usize>(
        &self,
        x: Var<T>,
        initial: Option<[Var<T>; STATES]>,
        joins: bool,
        mut step: impl FnMut(&On<T>, Var<T>, [Var<T>; STATES]) -> [Var<T>; STATES],
    ) -> (Var<T>, [Var<T>; STATES]) {
        let [batch, steps] = self.check(&x, initial.as_ref());
        let tape = x.tape().clone();
        let mut x = x.swap_axes(0, 1);
        let mut last: [Vec<Var<T>>; STATES] = std::array::from_fn(|_| Vec::new());
        for (layer, cells) in self.cells.chunks(self.settings.directions()).enumerate() {
            if layer > 0 && self.settings.dropout > 0.0 {
                x = x.dropout(self.settings.dropout);
            }
            let mut sides = Vec::new();
            for (direction, cell) in cells.iter().enumerate() {
                let (drives, on) = cell.driven(&x, joins, self.hidden);
                let at = layer * self.settings.directions() + direction;
                let mut state = std::array::from_fn(|s| match &initial {
                    Some(initial) => initial[s].clone().slice(at),
                    None => tape.input(Tensor::full_of([batch, self.sizes()[s]], T::ZERO)),
                });
                let mut results = Vec::with_capacity(steps);
                for k in 0..steps {
                    let now = if direction == 0 { k } else { steps - 1 - k };
                    state = step(&on, drives.clone().slice(now), state);
                    results.push(state[0].clone());
                }
                if direction == 1 {
                    results.reverse();
                }
                sides.push(match steps {
                    0 => tape.input(Tensor::full_of([0, batch, self.outputs()], T::ZERO)),
                    _ => Var::stack(&results, 0),
                });
                state.into_iter().zip(&mut last).for_each(|(state, last)| last.push(state));
            }
            x = if sides.len() == 1 { sides.remove(0) } else { Var::concat(&sides, -1) };
        }
        (x.swap_axes(0, 1), last.map(|states| Var::stack(&states, 0)))
    }

    /// Features of each state.
    fn sizes(&self) -> [usize; 2] {
        [self.outputs(), self.hidden]
    }

    /// Sequences and steps.
    #[track_caller]
    fn check<const STATES: usize>(&self, x: &Var<T>, initial: Option<&[Var<T>; STATES]>) -> [usize; 2] {
        let (shape, name, inputs) = (*x.shape(), self.name, self.inputs);
        assert!(shape.rank() == 3 && shape[2] == inputs, "{name}: x has shape {shape:?}; it is [N, T, {inputs}]");
        for (state, size) in initial.into_iter().flatten().zip(self.sizes()) {
            let (own, wanted) = (state.shape(), [self.cells.len(), shape[0], size]);
            assert!(
                *own == wanted,
                "{name}: an initial state has shape {own:?}; it is {wanted:?}, for x of shape {shape:?}"
            );
        }
        [shape[0], shape[1]]
    }
}

impl<T: Float> Cell<T> {
    /// The inputs' part of every step, from x `[T, N, in]`, and the rest on its tape.
    #[track_caller]
    fn driven(&self, x: &Var<T>, joins: bool, hidden: usize) -> (Var<T>, On<T>) {
        let tape: &Tape<T> = x.tape();
        let on = |param: &Option<Param<T>>| param.as_ref().map(|param| tape.param(param));
        let (bias_ih, bias_hh) = match (on(&self.bias_ih), on(&self.bias_hh)) {
            (Some(bias_ih), Some(bias_hh)) if joins => (Some(bias_ih + bias_hh), None),
            apart => apart,
        };
        let (steps, batch, inputs) = (x.shape()[0], x.shape()[1], x.shape()[2]);
        let weight = tape.param(&self.weight_ih);
        let wide = weight.shape()[1];
        let rows = x.clone().reshape([steps * batch, inputs]);
        let drives = rows.linear(weight, bias_ih.as_ref()).reshape([steps, batch, wide]);
        let (weight_hh, weight_hr) = (tape.param(&self.weight_hh), on(&self.weight_hr));
        (drives, On { weight_hh, bias_hh, weight_hr, alpha: on(&self.alpha), hidden })
    }

    fn visit<'a>(&'a self, path: &mut Path, visitor: &mut dyn Visitor<'a, T>) {
        let matrix = Pytorch { name: None, axes: Axes::Reversed };
        let parts = [
            ("weight_ih", Some(&self.weight_ih), matrix),
            ("weight_hh", Some(&self.weight_hh), matrix),
            ("bias_ih", self.bias_ih.as_ref(), Pytorch::SAME),
            ("bias_hh", self.bias_hh.as_ref(), Pytorch::SAME),
            ("weight_hr", self.weight_hr.as_ref(), matrix),
            ("alpha", self.alpha.as_ref(), Pytorch::SAME),
        ];
        for (name, param, form) in parts {
            let Some(param) = param else { continue };
            path.enter_joined([name, &self.suffix], |path| {
                visitor.pytorch(path.as_str(), form);
                visitor.param(path.as_str(), param);
            });
        }
    }

    fn visit_mut<'a>(&'a mut self, path: &mut Path, visitor: &mut dyn VisitorMut<'a, T>) {
        let Cell { weight_ih, weight_hh, bias_ih, bias_hh, weight_hr, alpha, suffix } = self;
        let parts = [
            ("weight_ih", Some(weight_ih)),
            ("weight_hh", Some(weight_hh)),
            ("bias_ih", bias_ih.as_mut()),
            ("bias_hh", bias_hh.as_mut()),
            ("weight_hr", weight_hr.as_mut()),
            ("alpha", alpha.as_mut()),
        ];
        for (name, param) in parts {
            let Some(param) = param else { continue };
            path.enter_joined([name, suffix], |path| visitor.param(path.as_str(), param));
        }
    }
}

impl<T: Float> Module<T> for Cells<T> {
    fn visit<'a>(&'a self, path: &mut Path, visitor: &mut dyn Visitor<'a, T>) {
        self.cells.iter().for_each(|cell| cell.visit(path, visitor));
    }
    fn visit_mut<'a>(&'a mut self, path: &mut Path, visitor: &mut dyn VisitorMut<'a, T>) {
        self.cells.iter_mut().for_each(|cell| cell.visit_mut(path, visitor));
    }
}

impl<T: Float, U: Float> CastTo<U> for Cells<T> {
    type Output = Cells<U>;
    fn cast_to(&self) -> Cells<U> {
        let cast = |cell: &Cell<T>| Cell {
            weight_ih: cell.weight_ih.cast(),
            weight_hh: cell.weight_hh.cast(),
            bias_ih: cell.bias_ih.as_ref().map(Param::cast),
            bias_hh: cell.bias_hh.as_ref().map(Param::cast),
            weight_hr: cell.weight_hr.as_ref().map(Param::cast),
            alpha: cell.alpha.as_ref().map(Param::cast),
            suffix: cell.suffix.clone(),
        };
        let Cells { name, settings, inputs, hidden, .. } = *self;
        Cells { name, cells: self.cells.iter().map(cast).collect(), settings, inputs, hidden }
    }
}
