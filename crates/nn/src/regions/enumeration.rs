//! The oracle: small networks as plain loops, sampled, and enumerated: every pattern of every unit, and whether its inequalities have a solution (Fourier, Motzkin), which shares
//! nothing with cutting polygons.

use super::{Piecewise, Regions};
use crate::modules::{Act, Activation};
use crate::{Layer as _, Linear};
use std::collections::BTreeSet;
use std::ops::Range;
use tape::{Rng, Tensor};

/// Hidden layers with rectifiers, and a linear one; in f64.
pub(super) struct Small {
    pub layers: Vec<(Linear<f64>, Act<f64>)>,
    pub out: Linear<f64>,
}

/// Normal weights and biases.
fn linear(inputs: usize, outputs: usize, rng: &mut Rng) -> Linear<f64> {
    let mut linear = Linear::new(inputs, outputs, rng);
    *linear.bias_mut().expect("it has one").value_mut() = Tensor::randn([outputs], rng);
    crate::Module::cast::<f64>(&linear)
}

impl Small {
    pub fn new(inputs: usize, widths: &[usize], act: Activation, rng: &mut Rng) -> Small {
        let mut before = inputs;
        let layers = widths.iter().map(|&width| {
            let mut layer = act.layer(width);
            if let Act::PRelu(prelu) = &mut layer {
                *prelu.alpha_mut().value_mut() = Tensor::randn([width], rng);
            }
            let layer = (linear(before, width, rng), crate::module::CastTo::<f64>::cast_to(&layer));
            before = width;
            layer
        });
        Small { layers: layers.collect(), out: linear(before, 2, rng) }
    }

    /// Any rectifier, any depth.
    pub fn random(inputs: usize, most_units: usize, rng: &mut Rng) -> Small {
        let mut widths = Vec::new();
        while widths.is_empty() || rng.below(3) > 0 {
            let room = most_units - widths.iter().sum::<usize>();
            if room == 0 {
                break;
            }
            widths.push(1 + rng.below(room.min(5)));
        }
        let acts = [Activation::Relu, Activation::LeakyRelu(0.1), Activation::LeakyRelu(-1.0), Activation::PRelu];
        Small::new(inputs, &widths, acts[rng.below(acts.len())], rng)
    }

    pub fn widths(&self) -> Vec<usize> {
        self.layers.iter().map(|(linear, _)| linear.weight().value().shape()[1]).collect()
    }

    pub fn piecewise(&self) -> Piecewise {
        let inputs = self.layers[0].0.weight().value().shape()[0];
        Piecewise::new(inputs).then(&self.pairs()).unwrap().then(&self.out).unwrap()
    }

    fn pairs(&self) -> Vec<(Linear<f64>, Act<f64>)> {
        self.layers.clone()
    }

    pub fn forward(&self, x: tape::Var<f64>) -> tape::Var<f64> {
        self.out.forward(self.pairs().forward(x))
    }

    fn slope(act: &Act<f64>, unit: usize) -> f64 {
        match act {
            Act::Relu(_) => 0.0,
            Act::LeakyRelu(leaky) => -leaky.forward(tape::Tape::inference().input(Tensor::f64([-1.0]))).item(),
            Act::PRelu(prelu) => prelu.alpha().value().to_vec()[unit],
            _ => unreachable!("the networks here have kinks"),
        }
    }

    /// One layer as (weights to each unit, bias, slope below 0).
    fn plain(&self) -> Vec<Vec<(Vec<f64>, f64, f64)>> {
        let unit = |linear: &Linear<f64>, act: &Act<f64>, i: usize| {
            let (weight, bias) = (linear.weight().value(), linear.bias().unwrap().value().to_vec());
            let column = (0..weight.shape()[0]).map(|j| weight.at([j, i])).collect();
            (column, bias[i], Small::slope(act, i))
        };
        let layer = |(linear, act): &(Linear<f64>, Act<f64>)| {
            (0..linear.weight().value().shape()[1]).map(|i| unit(linear, act, i)).collect()
        };
        self.layers.iter().map(layer).collect()
    }
}

/// A small network's layers as plain numbers.
pub(super) struct Plain(Vec<Vec<(Vec<f64>, f64, f64)>>);

impl Plain {
    pub fn of(net: &Small) -> Plain {
        Plain(net.plain())
    }

    /// Which units are above 0 for an input.
    pub fn pattern(&self, x: &[f64]) -> Vec<u8> {
        let (mut h, mut pattern) = (x.to_vec(), Vec::new());
        for layer in &self.0 {
            let sums = layer.iter().map(|(w, b, slope)| (b + w.iter().zip(&h).map(|(w, h)| w * h).sum::<f64>(), slope));
            let next = sums.map(|(sum, slope)| {
                pattern.push(u8::from(sum > 0.0));
                if sum > 0.0 { sum } else { slope * sum }
            });
            h = next.collect();
        }
        pattern
    }

    /// All patterns that some open part of the box of inputs has.
    pub fn patterns(&self, ranges: &[Range<f64>]) -> BTreeSet<Vec<u8>> {
        let units: usize = self.0.iter().map(Vec::len).sum();
        let all = (0..1u32 << units).map(|bits| (0..units).map(|i| (bits >> i & 1) as u8).collect::<Vec<u8>>());
        all.filter(|pattern| is_feasible(&self.inequalities(pattern, ranges), ranges.len())).collect()
    }

    /// Rows (c_1, …, c_d, c_0) that say c·x + c_0 > 0.
    fn inequalities(&self, pattern: &[u8], ranges: &[Range<f64>]) -> Vec<Vec<f64>> {
        let d = ranges.len();
        // Each h as such a row.
        let mut h: Vec<Vec<f64>> = (0..d).map(|i| (0..=d).map(|j| f64::from(i == j)).collect()).collect();
        let mut rows = Vec::new();
        for (i, range) in ranges.iter().enumerate() {
            for (sign, bound) in [(1.0, -range.start), (-1.0, range.end)] {
                let mut row = vec![0.0; d + 1];
                (row[i], row[d]) = (sign, bound);
                rows.push(row);
            }
        }
        let mut sides = pattern.iter();
        for layer in &self.0 {
            let mut next = Vec::new();
            for (weights, bias, slope) in layer {
                let mut sum = vec![0.0; d + 1];
                sum[d] = *bias;
                for (w, h) in weights.iter().zip(&h) {
                    sum.iter_mut().zip(h).for_each(|(sum, h)| *sum += w * h);
                }
                let is_above = *sides.next().unwrap() == 1;
                rows.push(sum.iter().map(|c| if is_above { *c } else { -c }).collect());
                next.push(sum.iter().map(|c| if is_above { *c } else { slope * c }).collect());
            }
            h = next;
        }
        rows
    }
}

/// Whether strict inequalities have a solution: the last variable is eliminated until none is left.
fn is_feasible(rows: &[Vec<f64>], variables: usize) -> bool {
    if variables == 0 {
        // Slack that only rounding made is none.
        return rows.iter().all(|row| row[0] > 1e-11);
    }
    let last = variables - 1;
    let scaled = |row: &Vec<f64>, by: f64| row.iter().map(|c| c / by).collect::<Vec<f64>>();
    let (mut lower, mut upper, mut rest) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        match row[last] {
            c if c.abs() < 1e-12 => rest.push(row.clone()),
            c if c > 0.0 => lower.push(scaled(row, c)),
            c => upper.push(scaled(row, -c)),
        }
    }
    let pairs = lower.iter().flat_map(|low| upper.iter().map(move |high| (low, high)));
    let combined = pairs.map(|(low, high)| low.iter().zip(high).map(|(a, b)| a + b).collect());
    rest.extend(combined.collect::<Vec<Vec<f64>>>());
    rest.iter_mut().for_each(|row| {
        row.remove(last);
    });
    is_feasible(&rest, last)
}

/// The patterns of cells, each once.
pub(super) fn patterns<const D: usize>(regions: &Regions<D>) -> BTreeSet<Vec<u8>> {
    let patterns: BTreeSet<Vec<u8>> = regions.cells().iter().map(|cell| cell.pattern().to_vec()).collect();
    assert_eq!(patterns.len(), regions.cells().len(), "a pattern's cell is convex, so it is one");
    patterns
}
