//! [`Buffer`]: state of a module that is saved but not trained.

use crate::module::{CastTo, Module, Path, Visitor, VisitorMut};
use tape::{Float, Tensor};

/// A tensor that a module saves and loads but does not train: running statistics, positions.
#[derive(Clone, Debug)]
pub struct Buffer<T: Float = f32> {
    value: Tensor<T>,
}

impl<T: Float> Buffer<T> {
    /// A buffer with this value.
    pub fn new(value: Tensor<T>) -> Buffer<T> {
        Buffer { value }
    }

    /// The value.
    pub fn value(&self) -> &Tensor<T> {
        &self.value
    }

    /// The value, to be changed.
    pub fn value_mut(&mut self) -> &mut Tensor<T> {
        &mut self.value
    }
}

impl<T: Float> Module<T> for Buffer<T> {
    fn visit<'a>(&'a self, path: &mut Path, visitor: &mut dyn Visitor<'a, T>) {
        visitor.buffer(path.as_str(), self);
    }
    fn visit_mut<'a>(&'a mut self, path: &mut Path, visitor: &mut dyn VisitorMut<'a, T>) {
        visitor.buffer(path.as_str(), self);
    }
}

impl<T: Float, U: Float> CastTo<U> for Buffer<T> {
    type Output = Buffer<U>;
    fn cast_to(&self) -> Buffer<U> {
        Buffer::new(self.value.cast())
    }
}
