//! Which layers' inputs and outputs can be scaled through their parameters, and how.

use super::{Inputs, Outputs};
use crate::modules::{ConvNd, ConvTransposeNd};
use crate::{BatchNorm, Linear};
use tape::{Float, Param};

/// Multiplies each number by a factor that its places on the last two axes decide.
fn scale<T: Float>(param: &mut Param<T>, factor: impl Fn(usize, usize) -> f64) {
    let shape = *param.value().shape();
    let [rows, columns] = [shape[shape.rank() - 2], shape[shape.rank() - 1]];
    for (i, number) in param.value_mut().make_mut().iter_mut().enumerate() {
        *number = T::from_f64(number.to_f64() * factor(i / columns % rows, i % columns));
    }
}

/// From each number to scale·number + shift.
fn map<T: Float>(param: &mut Param<T>, scale: &[f64], shift: &[f64]) {
    for ((number, scale), shift) in param.value_mut().make_mut().iter_mut().zip(scale).zip(shift) {
        *number = T::from_f64(number.to_f64() * scale + shift);
    }
}

/// As [`map`]; a bias that is not there comes to be if there is a shift.
fn map_bias<T: Float>(bias: &mut Option<Param<T>>, of: &Param<T>, factors: &[f64], shift: &[f64]) {
    if bias.is_none() && shift.iter().any(|&shift| shift != 0.0) {
        let zeros = tape::Tensor::full_of([factors.len()], T::from_f64(0.0));
        let mut new = Param::new(zeros, tape::Group::Bias);
        new.set_trainable(of.is_trainable());
        *bias = Some(new);
    }
    if let Some(bias) = bias {
        map(bias, factors, shift);
    }
}

impl<T: Float> Outputs<T> for Linear<T> {
    fn outputs(&self) -> usize {
        self.weight().value().shape()[1]
    }
    fn map_outputs(&mut self, factors: &[f64], shift: &[f64]) {
        let (weight, bias) = self.parts_mut();
        scale(weight, |_, output| factors[output]);
        map_bias(bias, weight, factors, shift);
    }
}

impl<T: Float> Inputs<T> for Linear<T> {
    fn reads(&self, features: usize) -> bool {
        features > 0 && self.weight().value().shape()[0].is_multiple_of(features)
    }
    fn scale_inputs(&mut self, factors: &[f64]) {
        scale(self.weight_mut(), |input, _| factors[input % factors.len()]);
    }
}

/// The last two sizes of a convolution's weight, and its groups.
fn sizes<T: Float>(weight: &Param<T>, settings: &tape::Conv) -> (usize, usize, usize) {
    let shape = weight.value().shape();
    (shape[shape.rank() - 2], shape[shape.rank() - 1], settings.group_count())
}

/// Weights `[K…, C / groups, F]`: filter f of group g reads channels g·C / groups on.
impl<const AXES: usize, T: Float> Outputs<T> for ConvNd<AXES, T> {
    fn outputs(&self) -> usize {
        sizes(self.weight(), self.settings()).1
    }
    fn map_outputs(&mut self, factors: &[f64], shift: &[f64]) {
        let (weight, bias) = self.parts_mut();
        scale(weight, |_, filter| factors[filter]);
        map_bias(bias, weight, factors, shift);
    }
}

impl<const AXES: usize, T: Float> Inputs<T> for ConvNd<AXES, T> {
    fn reads(&self, features: usize) -> bool {
        let (channels, _, groups) = sizes(self.weight(), self.settings());
        channels * groups == features
    }
    fn scale_inputs(&mut self, factors: &[f64]) {
        let (channels, filters, groups) = sizes(self.weight(), self.settings());
        scale(self.weight_mut(), |channel, filter| factors[filter / (filters / groups) * channels + channel]);
    }
}

/// Weights `[K…, F / groups, C]`, of the convolution from F to C that this is the transpose of.
impl<const AXES: usize, T: Float> Outputs<T> for ConvTransposeNd<AXES, T> {
    fn outputs(&self) -> usize {
        let (filters, _, groups) = sizes(self.weight(), self.settings());
        filters * groups
    }
    fn map_outputs(&mut self, factors: &[f64], shift: &[f64]) {
        let (filters, channels, groups) = sizes(self.weight(), self.settings());
        let (weight, bias) = self.parts_mut();
        scale(weight, |filter, channel| factors[channel / (channels / groups) * filters + filter]);
        map_bias(bias, weight, factors, shift);
    }
}

impl<const AXES: usize, T: Float> Inputs<T> for ConvTransposeNd<AXES, T> {
    fn reads(&self, features: usize) -> bool {
        sizes(self.weight(), self.settings()).1 == features
    }
    fn scale_inputs(&mut self, factors: &[f64]) {
        scale(self.weight_mut(), |_, channel| factors[channel]);
    }
}

impl<T: Float> Outputs<T> for BatchNorm<T> {
    fn outputs(&self) -> usize {
        self.weight().value().len()
    }
    fn map_outputs(&mut self, factors: &[f64], shift: &[f64]) {
        map(self.weight_mut(), factors, &vec![0.0; factors.len()]);
        map(self.bias_mut(), factors, shift);
    }
}
