//! Positions: what tells the places of a sequence apart, added to its features.

use crate::error::{expect, setting};
use crate::module::{CastTo, Path, Visitor, VisitorMut};
use crate::onnx::{Graph, Value};
use crate::{Layer, Module, Result};
use tape::{Float, Group, Param, Rng, Tensor, Var};

/// Waves added to x `[N, T, D]`: sin(t·10000^(−2i/D)) at feature 2i, the cosine at 2i + 1 (Vaswani et al. 2017, section 3.5).
///
/// ```
/// use nn::prelude::*;
/// let encoding = SinusoidalEncoding::new(512, 4);
/// let y = encoding.forward(Tape::inference().input(Tensor::zeros([1, 2, 4])));
/// assert_eq!(y.to_vec()[..4], [0.0, 1.0, 0.0, 1.0]);
/// ```
#[derive(Clone, Debug)]
pub struct SinusoidalEncoding<T: Float = f32> {
    table: Tensor<T>,
}

/// A learned vector for each place, added to x `[N, T, D]`; they start normal with deviation 0.02 (Radford et al. 2018).
///
/// ```
/// use nn::prelude::*;
/// let positions = LearnedPositions::new(512, 4, &mut Rng::seed(1));
/// let y = positions.forward(Tape::inference().input(Tensor::zeros([2, 10, 4])));
/// assert_eq!(y.shape(), &[2, 10, 4]);
/// ```
#[derive(Clone, Debug, Module)]
pub struct LearnedPositions<T: Float = f32> {
    weight: Param<T>,
}

/// The waves for so many places and features.
fn waves<T: Float>(places: usize, features: usize) -> Tensor<T> {
    let wave = |i: usize| {
        let (t, feature) = ((i / features) as f64, i % features);
        let angle = t * 10000f64.powf(-((feature - feature % 2) as f64) / features as f64);
        T::from_f64(if feature % 2 == 0 { angle.sin() } else { angle.cos() })
    };
    Tensor::new(&(0..places * features).map(wave).collect::<Vec<T>>(), [places, features])
}

fn check(layer: &'static str, places: usize, features: usize) -> Result<()> {
    match places > 0 && features > 0 {
        true => Ok(()),
        false => setting(layer, format!("{places} places of {features} features; neither may be 0")),
    }
}

/// How many places x takes, which must be among those of a table.
#[track_caller]
fn places<T: Float>(layer: &str, x: &Var<T>, table: &Tensor<T>) -> usize {
    let (shape, most, features) = (x.shape(), table.shape()[0], table.shape()[1]);
    let fits = shape.rank() >= 2 && shape[shape.rank() - 1] == features && shape[shape.rank() - 2] <= most;
    assert!(fits, "{layer}: x has shape {shape:?}; it is [N, T, {features}] with T at most {most}");
    shape[shape.rank() - 2]
}

impl SinusoidalEncoding {
    /// For at most so many places, each of so many features.
    ///
    /// # Panics
    /// If either is 0.
    #[track_caller]
    pub fn new(places: usize, features: usize) -> SinusoidalEncoding {
        expect(check("SinusoidalEncoding", places, features));
        SinusoidalEncoding { table: waves(places, features) }
    }
}

impl<T: Float> Module<T> for SinusoidalEncoding<T> {
    fn visit<'a>(&'a self, _: &mut Path, _: &mut dyn Visitor<'a, T>) {}
    fn visit_mut<'a>(&'a mut self, _: &mut Path, _: &mut dyn VisitorMut<'a, T>) {}
}

impl<T: Float, U: Float> CastTo<U> for SinusoidalEncoding<T> {
    type Output = SinusoidalEncoding<U>;
    /// As exact as the other precision allows: computed anew.
    fn cast_to(&self) -> SinusoidalEncoding<U> {
        SinusoidalEncoding { table: waves(self.table.shape()[0], self.table.shape()[1]) }
    }
}

impl<T: Float> Layer<T> for SinusoidalEncoding<T> {
    /// # Panics
    /// If x has more places than there are, or other features.
    #[track_caller]
    fn forward(&self, x: Var<T>) -> Var<T> {
        let count = places("SinusoidalEncoding", &x, &self.table);
        x + self.table.narrow(0, 0, count)
    }

    fn onnx(&self, at: &mut Path, graph: &mut Graph, x: Value) -> Result<Value> {
        graph.positions(at, x, &self.table, false)
    }
}

impl LearnedPositions {
    /// For at most so many places, each of so many features.
    ///
    /// # Panics
    /// If either is 0.
    #[track_caller]
    pub fn new(places: usize, features: usize, rng: &mut Rng) -> LearnedPositions {
        expect(check("LearnedPositions", places, features));
        let weight = Tensor::randn([places, features], rng).map(|normal| 0.02 * normal);
        LearnedPositions { weight: Param::new(weight, Group::Weight) }
    }
}

impl<T: Float> LearnedPositions<T> {
    /// The vectors `[places, features]`.
    pub fn weight(&self) -> &Param<T> {
        &self.weight
    }

    /// The vectors, to be changed.
    pub fn weight_mut(&mut self) -> &mut Param<T> {
        &mut self.weight
    }
}

impl<T: Float> Layer<T> for LearnedPositions<T> {
    /// # Panics
    /// If x has more places than there are, or other features.
    #[track_caller]
    fn forward(&self, x: Var<T>) -> Var<T> {
        let count = places("LearnedPositions", &x, self.weight.value());
        let positions = x.tape().param(&self.weight);
        x + positions.narrow(0, 0, count)
    }

    fn onnx(&self, at: &mut Path, graph: &mut Graph, x: Value) -> Result<Value> {
        graph.positions(at, x, self.weight.value(), true)
    }
}
