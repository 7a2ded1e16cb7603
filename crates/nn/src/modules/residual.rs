//! Residual: y = x + f(x).

use crate::module::{CastTo, Module, Path, Visitor, VisitorMut};
use crate::onnx::{Graph, Value};
use crate::regions::Piecewise;
use crate::{Layer, Result};
use tape::{Float, Var};

/// Adds what a layer makes of x to x (He, Zhang, Ren, Sun 2016).
///
/// ```
/// use nn::prelude::*;
/// let block = Residual((Relu, Relu));
/// let y = block.forward(Tape::inference().input(Tensor::from([-1.0, 2.0])));
/// assert_eq!(y.to_vec(), [-1.0, 4.0]);
/// ```
#[derive(Clone, Debug)]
pub struct Residual<L>(pub L);

impl<T: Float, L: Module<T>> Module<T> for Residual<L> {
    fn visit<'a>(&'a self, path: &mut Path, visitor: &mut dyn Visitor<'a, T>) {
        path.enter_index(0, |path| self.0.visit(path, visitor));
    }
    fn visit_mut<'a>(&'a mut self, path: &mut Path, visitor: &mut dyn VisitorMut<'a, T>) {
        path.enter_index(0, |path| self.0.visit_mut(path, visitor));
    }
}

impl<U: Float, L: CastTo<U>> CastTo<U> for Residual<L> {
    type Output = Residual<L::Output>;
    fn cast_to(&self) -> Self::Output {
        Residual(self.0.cast_to())
    }
}

impl<T: Float, L: Layer<T>> Layer<T> for Residual<L> {
    /// # Panics
    /// If the layer changes the shape, beyond what broadcasts.
    #[track_caller]
    fn forward(&self, x: Var<T>) -> Var<T> {
        self.0.forward(x.clone()) + x
    }

    fn lipschitz(&self, at: &mut Path, bounds: &mut crate::lipschitz::Certificate) -> crate::Result<()> {
        bounds.residual(at, |at, bounds| self.0.lipschitz(at, bounds))
    }

    fn set_fused(&mut self, fuses: bool) {
        self.0.set_fused(fuses);
    }

    #[track_caller]
    fn piecewise(&self, chain: &mut Piecewise) -> Result<()> {
        chain.residual(|chain| self.0.piecewise(chain))
    }

    #[track_caller]
    fn onnx(&self, at: &mut Path, graph: &mut Graph, x: Value) -> Result<Value> {
        let y = at.enter_index(0, |at| self.0.onnx(at, graph, x.clone()))?;
        graph.sum(at, x, y)
    }
}
