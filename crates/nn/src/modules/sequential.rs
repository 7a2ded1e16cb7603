//! Sequential: layers of any kind, one after the other, chosen at run time.

use crate::module::{Module, Path, Visitor, VisitorMut};
use crate::onnx::{Graph, Value};
use crate::regions::Piecewise;
use crate::{Layer, Result};
use tape::{Float, Var};

/// Layers one after the other; parameters are named by position: `0.weight`, `2.bias`.
///
/// Where the layers are known in the source, a tuple does the same without boxes and can be [`Module::cast`].
///
/// ```
/// use nn::prelude::*;
/// let mut rng = Rng::seed(1);
/// let net = Sequential::new().then(Linear::new(2, 16, &mut rng)).then(Relu).then(Linear::new(16, 1, &mut rng));
/// let names: Vec<_> = net.named_parameters().into_iter().map(|(name, _)| name).collect();
/// assert_eq!(names, ["0.weight", "0.bias", "2.weight", "2.bias"]);
/// ```
pub struct Sequential<T: Float = f32> {
    layers: Vec<Box<dyn AnyLayer<T>>>,
    fuses: bool,
}

/// A layer that can be cloned behind its box.
pub(crate) trait AnyLayer<T: Float>: Layer<T> + Send + Sync {
    fn copy(&self) -> Box<dyn AnyLayer<T>>;
}

impl<T: Float, L: Layer<T> + Clone + Send + Sync + 'static> AnyLayer<T> for L {
    fn copy(&self) -> Box<dyn AnyLayer<T>> {
        Box::new(self.clone())
    }
}

impl<T: Float> Sequential<T> {
    /// No layers: the identity.
    pub fn new() -> Sequential<T> {
        Sequential { layers: Vec::new(), fuses: true }
    }

    /// With one more layer at the end.
    #[must_use]
    pub fn then(mut self, layer: impl Layer<T> + Clone + Send + Sync + 'static) -> Sequential<T> {
        self.layers.push(Box::new(layer));
        self
    }

    /// Whether a [`crate::Linear`] and the rectifier behind it run as one op ([`Var::linear_act`]), and a [`crate::NormAct`] takes its
    /// statistics from the convolution before it; they do unless this says otherwise. The numbers are the same, those of statistics to
    /// rounding; a graph or an anomaly report names one op or two.
    #[must_use]
    pub fn fused(mut self, fuses: bool) -> Sequential<T> {
        self.fuses = fuses;
        self
    }

    /// The number of layers.
    pub fn len(&self) -> usize {
        self.layers.len()
    }

    /// Whether there are no layers.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }
}

impl<T: Float> Default for Sequential<T> {
    fn default() -> Self {
        Sequential::new()
    }
}

impl<T: Float> Clone for Sequential<T> {
    /// Parameters of its own with the same numbers.
    fn clone(&self) -> Self {
        Sequential { layers: self.layers.iter().map(|layer| (**layer).copy()).collect(), fuses: self.fuses }
    }
}

impl<T: Float> Module<T> for Sequential<T> {
    fn visit<'a>(&'a self, path: &mut Path, visitor: &mut dyn Visitor<'a, T>) {
        for (index, layer) in self.layers.iter().enumerate() {
            path.enter_index(index, |path| layer.visit(path, visitor));
        }
    }
    fn visit_mut<'a>(&'a mut self, path: &mut Path, visitor: &mut dyn VisitorMut<'a, T>) {
        for (index, layer) in self.layers.iter_mut().enumerate() {
            path.enter_index(index, |path| layer.visit_mut(path, visitor));
        }
    }
}

impl<T: Float> Layer<T> for Sequential<T> {
    #[track_caller]
    fn forward(&self, x: Var<T>) -> Var<T> {
        let mut layers = self.layers.iter().peekable();
        let mut x = x;
        while let Some(layer) = layers.next() {
            let next = layers.peek().filter(|_| self.fuses).copied();
            x = match next.and_then(|next| next.rectifier(x.tape())) {
                Some(act) => {
                    layers.next();
                    layer.forward_rectified(x, act)
                }
                None => match next.filter(|next| next.takes_moments(x.tape())) {
                    Some(next) => {
                        layers.next();
                        next.forward_given(layer.forward_moments(x))
                    }
                    None => layer.forward(x),
                },
            };
        }
        x
    }

    fn lipschitz(&self, at: &mut Path, bounds: &mut crate::lipschitz::Certificate) -> crate::Result<()> {
        self.layers.iter().enumerate().try_for_each(|(i, layer)| at.enter_index(i, |at| layer.lipschitz(at, bounds)))
    }

    fn set_fused(&mut self, fuses: bool) {
        self.fuses = fuses;
        self.layers.iter_mut().for_each(|layer| layer.set_fused(fuses));
    }

    #[track_caller]
    fn piecewise(&self, chain: &mut Piecewise) -> Result<()> {
        self.layers.iter().try_for_each(|layer| layer.piecewise(chain))
    }

    #[track_caller]
    fn onnx(&self, at: &mut Path, graph: &mut Graph, x: Value) -> Result<Value> {
        self.layers.iter().enumerate().try_fold(x, |x, (i, layer)| at.enter_index(i, |at| layer.onnx(at, graph, x)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dropout, LeakyRelu, Linear, PRelu, Relu};
    use tape::{Rng, Tape, Tensor};

    fn net() -> Sequential {
        let mut rng = Rng::seed(2);
        Sequential::new()
            .then(Linear::new(5, 19, &mut rng))
            .then(Relu)
            .then(Linear::new(19, 33, &mut rng).without_bias())
            .then(PRelu::per_feature(33))
            .then(Relu)
            .then(Linear::new(33, 8, &mut rng))
            .then(LeakyRelu::new(0.1))
            .then(Dropout::new(0.5))
            .then(PRelu::shared())
            .then(Linear::new(8, 3, &mut rng))
    }

    /// The output, all gradients and the number of recorded values.
    fn run(net: &Sequential) -> (Vec<Vec<f32>>, usize) {
        let tape = Tape::training(4);
        let y = net.forward(tape.input(Tensor::randn([7, 5], &mut Rng::seed(3))));
        let (values, mut numbers) = (tape.len(), vec![y.to_vec()]);
        let grads = y.square().sum().backward();
        numbers.extend(net.parameters().into_iter().map(|param| grads[param].to_vec()));
        (numbers, values)
    }

    #[test]
    fn fusion_changes_no_bit() {
        let (fused, plain) = (net(), net().fused(false));
        let ((fused_numbers, fused_values), (numbers, values)) = (run(&fused), run(&plain));
        assert_eq!(fused_numbers, numbers);
        assert_eq!(values - fused_values, 3, "three rectifiers join the linear layer before them");
        assert_eq!(run(&plain.clone()).1, values, "a clone keeps the choice");
    }
}
