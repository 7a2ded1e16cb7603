//! Starting values for weights, from an explicit generator.
//!
//! | scheme | standard deviation | for |
//! |---|---|---|
//! | [`Kaiming`] | √(2 / ((1 + leak²)·fan)) | rectifiers: He, Zhang, Ren, Sun 2015; leak is the slope below 0 |
//! | [`Xavier`] | gain·√(2 / (fan_in + fan_out)) | tanh, sigmoid, linear: Glorot, Bengio 2010 |
//! | [`Orthogonal`] | orthonormal rows or columns, times gain | deep stacks: Saxe, McClelland, Ganguli 2014 |
//!
//! A shape's last axis is the outputs, the one before it the inputs; axes before those (a convolution's window) multiply both fans.
//! Uniform forms draw from ±√3 standard deviations.
//!
//! ```
//! use nn::{init::{Init, Kaiming}, prelude::*};
//! let mut rng = Rng::seed(1);
//! let w = Kaiming::default().leak(0.25).uniform().tensor([64, 128], &mut rng)?;
//! let bound = (6.0f32 / (1.0625 * 64.0)).sqrt();
//! assert!(w.to_vec().iter().all(|w| w.abs() <= bound));
//! # nn::Result::Ok(())
//! ```

use crate::Result;
use crate::error::setting;
use tape::{Rng, Shape, Tensor};

/// A way to draw starting values.
pub trait Init {
    /// A tensor of this shape.
    ///
    /// # Errors
    /// If the settings or the shape make no sense for the scheme.
    fn tensor(&self, shape: impl Into<Shape>, rng: &mut Rng) -> Result<Tensor>;
}

/// Which numbers are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
enum Law {
    #[default]
    Normal,
    Uniform,
}

/// Which fan keeps its variance.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
enum Fan {
    #[default]
    In,
    Out,
}

/// Keeps the variance through rectifiers: normal, over fan-in, leak 0 unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Kaiming {
    leak: f64,
    law: Law,
    fan: Fan,
}

impl Kaiming {
    /// The rectifier's slope below 0: 0 for ReLU, 0.25 for a fresh PReLU.
    #[must_use]
    pub fn leak(mut self, leak: f64) -> Kaiming {
        self.leak = leak;
        self
    }

    /// Draws uniform numbers.
    #[must_use]
    pub fn uniform(mut self) -> Kaiming {
        self.law = Law::Uniform;
        self
    }

    /// Keeps the variance of gradients going back instead of that of values going forward.
    #[must_use]
    pub fn fan_out(mut self) -> Kaiming {
        self.fan = Fan::Out;
        self
    }
}

impl Init for Kaiming {
    fn tensor(&self, shape: impl Into<Shape>, rng: &mut Rng) -> Result<Tensor> {
        let shape = shape.into();
        if !self.leak.is_finite() {
            return setting("Kaiming", format!("leak is {}, it must be a finite slope", self.leak));
        }
        let (fan_in, fan_out) = fans("Kaiming", &shape)?;
        let fan = if self.fan == Fan::In { fan_in } else { fan_out };
        Ok(draw(shape, (2.0 / ((1.0 + self.leak * self.leak) * fan)).sqrt(), self.law, rng))
    }
}

/// Keeps the variance through functions that are linear at 0: normal, gain 1 unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Xavier {
    gain: f64,
    law: Law,
}

impl Default for Xavier {
    fn default() -> Xavier {
        Xavier { gain: 1.0, law: Law::Normal }
    }
}

impl Xavier {
    /// Multiplies the standard deviation: 5/3 for tanh.
    #[must_use]
    pub fn gain(mut self, gain: f64) -> Xavier {
        self.gain = gain;
        self
    }

    /// Draws uniform numbers.
    #[must_use]
    pub fn uniform(mut self) -> Xavier {
        self.law = Law::Uniform;
        self
    }
}

impl Init for Xavier {
    fn tensor(&self, shape: impl Into<Shape>, rng: &mut Rng) -> Result<Tensor> {
        let shape = shape.into();
        check_gain("Xavier", self.gain)?;
        let (fan_in, fan_out) = fans("Xavier", &shape)?;
        Ok(draw(shape, self.gain * (2.0 / (fan_in + fan_out)).sqrt(), self.law, rng))
    }
}

/// Orthonormal columns (rows, where there are more columns than rows), times gain. Axes before the last are taken as one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Orthogonal {
    gain: f64,
}

impl Default for Orthogonal {
    fn default() -> Orthogonal {
        Orthogonal { gain: 1.0 }
    }
}

impl Orthogonal {
    /// The length of every row or column: √(2 / (1 + leak²)) before a rectifier.
    #[must_use]
    pub fn gain(mut self, gain: f64) -> Orthogonal {
        self.gain = gain;
        self
    }
}

impl Init for Orthogonal {
    fn tensor(&self, shape: impl Into<Shape>, rng: &mut Rng) -> Result<Tensor> {
        let shape = shape.into();
        check_gain("Orthogonal", self.gain)?;
        fans("Orthogonal", &shape)?;
        let columns = shape[shape.rank() - 1];
        let rows = shape.elements() / columns;
        let (count, length) = (rows.min(columns), rows.max(columns));
        let basis = orthonormal(count, length, rng);
        let at = |row: usize, column: usize| if columns <= rows { basis[column][row] } else { basis[row][column] };
        Ok(Tensor::fill_with(shape, |to| {
            for (i, to) in to.iter_mut().enumerate() {
                *to = (self.gain * at(i / columns, i % columns)) as f32;
            }
        }))
    }
}

/// `count` orthonormal vectors: Gram-Schmidt over random ones, twice, in f64, so that they are orthogonal to the last bits.
fn orthonormal(count: usize, length: usize, rng: &mut Rng) -> Vec<Vec<f64>> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(count);
    while basis.len() < count {
        let mut v: Vec<f64> = (0..length).map(|_| rng.normal()).collect();
        let before = dot(&v, &v).sqrt();
        for _ in 0..2 {
            for b in &basis {
                let along = dot(b, &v);
                v.iter_mut().zip(b).for_each(|(v, b)| *v -= along * b);
            }
        }
        let norm = dot(&v, &v).sqrt();
        // Nearly in the span of the others: what is left would be rounding noise. Draw again.
        if norm > 1e-6 * before {
            v.iter_mut().for_each(|v| *v /= norm);
            basis.push(v);
        }
    }
    basis
}

fn check_gain(what: &'static str, gain: f64) -> Result<()> {
    if gain.is_finite() { Ok(()) } else { setting(what, format!("gain is {gain}, it must be finite")) }
}

/// Inputs and outputs that one number meets.
fn fans(what: &'static str, shape: &Shape) -> Result<(f64, f64)> {
    let [window @ .., inputs, outputs] = &shape[..] else {
        return setting(what, format!("shape {shape:?} has no fan: a weight has at least the axes [in, out]"));
    };
    if shape.elements() == 0 {
        return setting(what, format!("shape {shape:?} has no elements"));
    }
    let window = window.iter().product::<usize>() as f64;
    Ok((window * *inputs as f64, window * *outputs as f64))
}

fn draw(shape: Shape, deviation: f64, law: Law, rng: &mut Rng) -> Tensor {
    let bound = 3f64.sqrt() * deviation;
    let mut next = || match law {
        Law::Normal => deviation * rng.normal(),
        Law::Uniform => bound * (2.0 * rng.uniform() - 1.0),
    };
    Tensor::fill_with(shape, |to| to.iter_mut().for_each(|x| *x = next() as f32))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deviation(tensor: &Tensor) -> f64 {
        let n = tensor.len() as f64;
        (tensor.to_vec().iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>() / n).sqrt()
    }

    #[test]
    fn deviations_are_as_published() {
        let mut rng = Rng::seed(3);
        let cases: [(Tensor, f64); 6] = [
            (Kaiming::default().tensor([200, 300], &mut rng).unwrap(), (2.0 / 200.0f64).sqrt()),
            (Kaiming::default().leak(0.25).tensor([200, 300], &mut rng).unwrap(), (2.0 / (1.0625 * 200.0f64)).sqrt()),
            (Kaiming::default().fan_out().uniform().tensor([200, 300], &mut rng).unwrap(), (2.0 / 300.0f64).sqrt()),
            (Kaiming::default().tensor([3, 3, 50, 70], &mut rng).unwrap(), (2.0 / 450.0f64).sqrt()),
            (Xavier::default().tensor([200, 300], &mut rng).unwrap(), (2.0 / 500.0f64).sqrt()),
            (Xavier::default().gain(5.0 / 3.0).uniform().tensor([200, 300], &mut rng).unwrap(), 5.0 / 3.0 * (2.0 / 500.0f64).sqrt()),
        ];
        for (tensor, expected) in cases {
            assert!((deviation(&tensor) / expected - 1.0).abs() < 0.02, "{} instead of {expected}", deviation(&tensor));
        }
    }

    #[test]
    fn orthogonal_rows_or_columns() {
        let mut rng = Rng::seed(5);
        for shape in [[7, 4], [4, 7], [5, 5]] {
            let w = Orthogonal::default().gain(2.0).tensor(shape, &mut rng).unwrap().to_vec();
            let (rows, columns) = (shape[0], shape[1]);
            let count = rows.min(columns);
            for i in 0..count {
                for j in 0..count {
                    let at = |vector: usize, k: usize| if columns <= rows { w[k * columns + vector] } else { w[vector * columns + k] };
                    let dot: f32 = (0..rows.max(columns)).map(|k| at(i, k) * at(j, k)).sum();
                    let expected = if i == j { 4.0 } else { 0.0 };
                    assert!((dot - expected).abs() < 1e-5, "{shape:?}: vectors {i} and {j} have product {dot}");
                }
            }
        }
    }

    #[test]
    fn bad_settings_are_errors() {
        let mut rng = Rng::seed(1);
        let text = |result: Result<Tensor>| result.unwrap_err().to_string();
        assert_eq!(text(Kaiming::default().leak(f64::NAN).tensor([2, 2], &mut rng)), "Kaiming: leak is NaN, it must be a finite slope");
        assert_eq!(text(Xavier::default().gain(f64::INFINITY).tensor([2, 2], &mut rng)), "Xavier: gain is inf, it must be finite");
        assert_eq!(
            text(Orthogonal::default().tensor([3], &mut rng)),
            "Orthogonal: shape [3] has no fan: a weight has at least the axes [in, out]"
        );
        assert_eq!(text(Kaiming::default().tensor([0, 3], &mut rng)), "Kaiming: shape [0, 3] has no elements");
    }
}
