//! Sequential: layers of any kind, one after the other, chosen at run time.

use crate::Layer;
use crate::module::{Module, Path, Visitor, VisitorMut};
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
}

/// A layer that can be cloned behind its box.
trait AnyLayer<T: Float>: Layer<T> + Send + Sync {
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
        Sequential { layers: Vec::new() }
    }

    /// With one more layer at the end.
    #[must_use]
    pub fn then(mut self, layer: impl Layer<T> + Clone + Send + Sync + 'static) -> Sequential<T> {
        self.layers.push(Box::new(layer));
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
        Sequential { layers: self.layers.iter().map(|layer| (**layer).copy()).collect() }
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
        self.layers.iter().fold(x, |x, layer| layer.forward(x))
    }
}
