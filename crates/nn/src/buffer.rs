//! [`Buffer`]: state of a module that is saved but not trained; as a part of modules.

use crate::module::{CastTo, Module, Path, Visitor, VisitorMut};
pub use tape::Buffer;
use tape::Float;

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
        self.cast()
    }
}
