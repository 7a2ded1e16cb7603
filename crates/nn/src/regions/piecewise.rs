//! [`Piecewise`]: a network as affine maps and activations with kinks, in f64.

use crate::error::setting;
use crate::{Layer, Result};
use std::sync::Arc;
use tape::{Float, Shape, Tape, Tensor};

/// A linear map of a batch with such a weight.
type Apply = dyn Fn(&Tensor<f64>, &Tensor<f64>) -> Tensor<f64> + Send + Sync;

/// A piecewise-linear network for inputs of one shape, as a chain of affine maps and activations.
///
/// [`Piecewise::of`] makes it of a layer; a network with a forward of its own is put together from its layers with [`Piecewise::then`], and a layer of one's own describes
/// itself in [`Layer::piecewise`] with [`Piecewise::affine`], [`Piecewise::rectify`], [`Piecewise::bend`] and [`Piecewise::residual`].
///
/// ```
/// use nn::prelude::*;
/// use nn::regions::Piecewise;
///
/// #[derive(Module)]
/// struct Net { hidden: Linear, act: PRelu, out: Linear }
///
/// let mut rng = Rng::seed(1);
/// let net = Net { hidden: Linear::new(2, 5, &mut rng), act: PRelu::per_feature(5), out: Linear::new(5, 1, &mut rng) };
/// let chain = Piecewise::new(2).then(&net.hidden)?.then(&net.act)?.then(&net.out)?;
/// assert_eq!((chain.units(), chain.output_shape()), (5, &[1].into()));
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Clone)]
pub struct Piecewise {
    pub(super) stages: Vec<Stage>,
    input: Shape,
    output: Shape,
}

/// One step of the chain.
#[derive(Clone)]
pub(super) enum Stage {
    Affine(Affine),
    Bend(Bend),
    Largest(Largest),
    /// The value is put aside,
    Save,
    /// and added here: the two ends of a residual connection.
    Add,
}

#[derive(Clone)]
pub(super) struct Affine {
    apply: Arc<Apply>,
    weight: Tensor<f64>,
    /// |weight|.
    sizes: Tensor<f64>,
    /// For each output; empty for none.
    pub(super) bias: Vec<f64>,
    input: Shape,
}

impl Affine {
    /// The linear part of so many rows, or with `sizes` that of the weight's absolute values.
    pub(super) fn linear(&self, rows: &[f64], sizes: bool) -> Vec<f64> {
        let batch = rows.len() / self.input.elements().max(1);
        let x = Tensor::new(rows, batched(&self.input, batch));
        (self.apply)(&x, if sizes { &self.sizes } else { &self.weight }).to_vec()
    }
}

/// An activation of each unit by itself: between its knots a line, x ↦ slope·x + offset.
#[derive(Clone)]
pub(super) struct Bend {
    pub(super) knots: Vec<f64>,
    /// For each side (one more than knots), for each unit.
    pub(super) slopes: Vec<Vec<f64>>,
    /// For each side.
    pub(super) offsets: Vec<f64>,
}

/// The largest of each of these sets of units.
#[derive(Clone)]
pub(super) struct Largest {
    pub(super) sets: Vec<Vec<usize>>,
}

fn batched(shape: &Shape, batch: usize) -> Shape {
    let sizes: Vec<usize> = std::iter::once(batch).chain(shape.iter().copied()).collect();
    Shape::from(sizes)
}

impl Piecewise {
    /// The identity, for inputs of this shape without the batch axis: the chain's beginning.
    pub fn new(input: impl Into<Shape>) -> Piecewise {
        let input = input.into();
        Piecewise { stages: Vec::new(), input, output: input }
    }

    /// A network, as it is in evaluation: running statistics, no dropout.
    ///
    /// # Errors
    /// If a layer does not say how it is piecewise linear, or if a parameter is not finite.
    ///
    /// # Panics
    /// If shapes do not fit, as the layer's forward.
    #[track_caller]
    pub fn of<T: Float>(net: &(impl Layer<T> + ?Sized), input: impl Into<Shape>) -> Result<Piecewise> {
        Piecewise::new(input).then(net)
    }

    /// With a layer behind it. One without parameters has every precision, so one has to be named:
    ///
    /// ```
    /// use nn::{prelude::*, regions::Piecewise};
    /// let net = Piecewise::new(2).then(&Linear::new(2, 3, &mut Rng::seed(1)))?.then::<f32>(&Relu)?;
    /// assert_eq!(net.units(), 3);
    /// # Ok::<(), nn::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Piecewise::of`].
    ///
    /// # Panics
    /// As [`Piecewise::of`].
    #[track_caller]
    pub fn then<T: Float>(mut self, layer: &(impl Layer<T> + ?Sized)) -> Result<Piecewise> {
        layer.piecewise(&mut self)?;
        Ok(self)
    }

    /// The shape of an input, without the batch axis.
    pub fn input_shape(&self) -> &Shape {
        &self.input
    }

    /// The shape of an output, without the batch axis.
    pub fn output_shape(&self) -> &Shape {
        &self.output
    }

    /// The number of units with kinks: rectifiers and other activations, and the largest of a set.
    pub fn units(&self) -> usize {
        let units = |stage: &Stage| match stage {
            Stage::Bend(bend) => bend.slopes[0].len(),
            Stage::Largest(largest) => largest.sets.len(),
            Stage::Affine(_) | Stage::Save | Stage::Add => 0,
        };
        self.stages.iter().map(units).sum()
    }

    /// Appends x ↦ apply(x, weight) + bias, with `apply` linear in x `[N, …]` and in the weight, and a bias that broadcasts to an output.
    ///
    /// `apply` is asked with |weight| too: how large the terms of its sums are decides what counts as rounding.
    ///
    /// # Errors
    /// If weight or bias is not finite, or if the bias does not broadcast.
    ///
    /// # Panics
    /// As `apply`.
    #[track_caller]
    pub fn affine(
        &mut self,
        what: &'static str,
        weight: Tensor<f64>,
        bias: Option<&Tensor<f64>>,
        apply: impl Fn(&Tensor<f64>, &Tensor<f64>) -> Tensor<f64> + Send + Sync + 'static,
    ) -> Result<()> {
        check_finite(what, "weight", &weight)?;
        let probe = apply(&Tensor::f64([0.0]).expand(batched(&self.output, 1)), &weight);
        let output = Shape::from(&probe.shape()[1..]);
        let bias = match bias {
            Some(bias) => {
                check_finite(what, "bias", bias)?;
                expanded(what, bias, &output)?
            }
            None => Vec::new(),
        };
        let (apply, sizes) = (Arc::new(apply), weight.abs());
        self.stages.push(Stage::Affine(Affine { apply, weight, sizes, bias, input: self.output }));
        self.output = output;
        Ok(())
    }

    /// Appends x where x > 0, else α·x, with slopes that broadcast to an example: every rectifier, and |x| for α = −1.
    ///
    /// # Errors
    /// If a slope is not finite, or if they do not broadcast.
    pub fn rectify(&mut self, alpha: &Tensor<f64>) -> Result<()> {
        check_finite("rectify", "slope", alpha)?;
        let below = expanded("rectify", alpha, &self.output)?;
        let above = vec![1.0; below.len()];
        self.stages.push(Stage::Bend(Bend { knots: vec![0.0], slopes: vec![below, above], offsets: vec![0.0; 2] }));
        Ok(())
    }

    /// Appends a continuous function of each unit, linear between knots: `slopes` has one more than `knots`, and `first` is the value at the first knot. A clamp to [−1, 1]
    /// (hardtanh) is `bend(&[-1.0, 1.0], &[0.0, 1.0, 0.0], -1.0)`.
    ///
    /// # Errors
    /// If knots do not rise, if there are none, if there is another number of slopes, or if one is not finite.
    pub fn bend(&mut self, knots: &[f64], slopes: &[f64], first: f64) -> Result<()> {
        if knots.is_empty() || slopes.len() != knots.len() + 1 {
            let problem = format!("{} knots and {} slopes; n knots, n ≥ 1, part n + 1", knots.len(), slopes.len());
            return setting("bend", problem);
        }
        if !knots.iter().chain(slopes).chain([&first]).all(|number| number.is_finite()) {
            return setting("bend", format!("knots {knots:?}, slopes {slopes:?}, first {first}: all must be finite"));
        }
        if !knots.is_sorted_by(|a, b| a < b) {
            return setting("bend", format!("knots {knots:?} do not rise"));
        }
        let mut offsets = vec![first - slopes[0] * knots[0]];
        for (knot, pair) in knots.iter().zip(slopes.windows(2)) {
            offsets.push(offsets[offsets.len() - 1] + (pair[0] - pair[1]) * knot);
        }
        let slopes = slopes.iter().map(|&slope| vec![slope; self.output.elements()]).collect();
        self.stages.push(Stage::Bend(Bend { knots: knots.to_vec(), slopes, offsets }));
        Ok(())
    }

    /// Appends x between two bounds, which may be infinite.
    pub(crate) fn clamp(&mut self, low: f64, high: f64) -> Result<()> {
        match (low.is_finite(), high.is_finite()) {
            (true, true) => self.bend(&[low, high], &[0.0, 1.0, 0.0], low),
            (true, false) => self.bend(&[low], &[0.0, 1.0], low),
            (false, true) => self.bend(&[high], &[1.0, 0.0], high),
            (false, false) => Ok(()),
        }
    }

    /// Appends the largest of each of these sets of units (numbered in row-major order), one number for each element of `output`: maxout, max pooling. In a cell's pattern stands
    /// which of its set is the largest, the first of equals.
    ///
    /// # Errors
    /// If a set is empty or names a unit that there is not, or if there is not one set for each output.
    ///
    /// ```
    /// use nn::{prelude::*, regions::Piecewise};
    /// let mut net = Piecewise::new(2);
    /// net.largest(vec![vec![0, 1]], 1)?;
    /// let line = net.along(&Tensor::from([0.0, 3.0]), &Tensor::from([4.0, 3.0]))?;
    /// assert_eq!((line.kinks(), line.cells()[0].at([0.5]), line.cells()[1].at([1.0])), (vec![0.75], vec![3.0], vec![4.0]));
    /// # Ok::<(), nn::Error>(())
    /// ```
    pub fn largest(&mut self, sets: Vec<Vec<usize>>, output: impl Into<Shape>) -> Result<()> {
        let (output, units) = (output.into(), self.output.elements());
        if sets.len() != output.elements() {
            return setting("largest", format!("{} sets for an output of shape {output:?}", sets.len()));
        }
        if let Some(at) = sets.iter().position(|set| set.is_empty() || set.iter().any(|&unit| unit >= units)) {
            let problem = format!("set {at} is {:?}; it must have units, below {units}", sets[at]);
            return setting("largest", problem);
        }
        self.stages.push(Stage::Largest(Largest { sets }));
        self.output = output;
        Ok(())
    }

    /// Appends a layer that takes the largest of windows over spatial axes, each channel by itself. Which positions a window holds, the layer is asked: of inputs that are 0 at one
    /// position and −1 elsewhere a window with that position makes 0.
    #[track_caller]
    pub(crate) fn largest_of(&mut self, layer: impl Layer<f64>) -> Result<()> {
        let channels = self.output.last().copied().unwrap_or(1);
        let mut sizes = self.output.to_vec();
        if let Some(last) = sizes.last_mut() {
            *last = 1;
        }
        let positions: usize = sizes.iter().product();
        let probes = Tensor::<f64>::fill_with([positions, positions], |numbers| {
            let zeros = numbers.iter_mut().enumerate();
            zeros.for_each(|(at, number)| *number = if at % (positions + 1) == 0 { 0.0 } else { -1.0 });
        });
        let probes = probes.reshape(batched(&Shape::from(sizes), positions));
        let answers = layer.forward(Tape::inference().input(probes)).into_value();
        let mut output = answers.shape()[1..].to_vec();
        let windows: usize = output.iter().product();
        let answers = answers.to_vec();
        let set = |i: usize| {
            let (window, channel) = (i / channels, i % channels);
            (0..positions)
                .filter(|at| answers[at * windows + window] == 0.0)
                .map(|at| at * channels + channel)
                .collect()
        };
        if let Some(last) = output.last_mut() {
            *last = channels;
        }
        self.largest((0..windows * channels).map(set).collect(), output)
    }

    /// Appends x + f(x), with f what `append` appends.
    ///
    /// # Errors
    /// As `append`, and if it changes the shape.
    pub fn residual(&mut self, append: impl FnOnce(&mut Piecewise) -> Result<()>) -> Result<()> {
        let before = self.output;
        self.stages.push(Stage::Save);
        append(self)?;
        if self.output != before {
            return setting("residual", format!("the branch makes {:?} of {before:?}; shapes must agree", self.output));
        }
        self.stages.push(Stage::Add);
        Ok(())
    }

    /// Appends a layer without parameters that is linear with weights ≥ 0.
    #[track_caller]
    pub(crate) fn averages(&mut self, layer: impl Layer<f64> + Send + Sync + 'static) -> Result<()> {
        let forward = move |x: &Tensor<f64>, _: &Tensor<f64>| layer.forward(Tape::inference().input(x.clone()));
        self.affine("average", Tensor::f64([1.0]), None, move |x, one| forward(x, one).into_value())
    }
}

/// The numbers of a tensor that broadcasts to an example of this shape.
fn expanded(what: &'static str, tensor: &Tensor<f64>, shape: &Shape) -> Result<Vec<f64>> {
    // An axis of size 1 in front may be the batch's.
    let one = batched(shape, 1);
    match tensor.shape().broadcast(what, &one) {
        Ok(both) if both == one => Ok(tensor.expand(one).to_vec()),
        Ok(_) => setting(what, format!("shape {:?} does not broadcast to an example's {shape:?}", tensor.shape())),
        Err(error) => Err(error.into()),
    }
}

fn check_finite(what: &'static str, name: &str, tensor: &Tensor<f64>) -> Result<()> {
    match tensor.iter().position(|number| !number.is_finite()) {
        None => Ok(()),
        Some(at) => setting(what, format!("the {name} is {} at element {at}; it must be finite", tensor.to_vec()[at])),
    }
}
