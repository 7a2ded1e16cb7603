//! [`Var::checkpoint`]: part of a computation that is recorded as one op and computed again in the backward pass.
//!
//! The first run is on a tape of its own that records nothing, so that nothing between input and output stays. Backward runs the
//! closure again on a tape that records, and pulls dy through it. Both runs see the same numbers: the op keeps the input and the values
//! of the parameters that the closure asked its tape for (handles, no copies), the place in the sequence of dropout seeds, and the
//! buffers' values before; what the second run makes of buffers is dropped. Chen et al. 2016.

#[cfg(test)]
mod tests;

use crate::buffer::Updates;
use crate::param::ParamId;
use crate::{Float, Kept, OpMany, Result, Shape, Tape, Tensor, Var};

/// What a closure's tape looks like at its start.
#[derive(Clone)]
pub(crate) struct Start<T: Float> {
    pub(crate) training: bool,
    pub(crate) dropout: Option<u64>,
    pub(crate) draws: u64,
    pub(crate) updates: Updates<T>,
}

struct Checkpoint<T: Float, F> {
    closure: F,
    start: Start<T>,
    /// The parameters whose values are the operands after the first.
    params: Vec<ParamId>,
    shape: Shape,
    /// What the first run gave, until it is handed on.
    result: Option<Tensor<T>>,
}

impl<T: Float, F: Fn(Var<T>) -> Var<T> + 'static> OpMany<T> for Checkpoint<T, F> {
    fn name(&self) -> &'static str {
        "checkpoint"
    }
    fn shape(&self, _: &[&Shape]) -> Result<Shape> {
        Ok(self.shape)
    }
    fn forward(&mut self, _: Vec<Tensor<T>>) -> Tensor<T> {
        self.result.take().expect("the closure has run")
    }
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> Vec<Option<Var<T>>> {
        assert!(
            kept.first_order(),
            "checkpoint: what is computed again is not recorded, so `grad` cannot pass it; use `backward`, or no checkpoint"
        );
        let tape = Tape::replaying(self.start.clone());
        let operand = |i: usize| {
            let value = kept.x(i).into_value();
            if kept.needs(i) { tape.var(value) } else { tape.input(value) }
        };
        let leaves: Vec<Var<T>> = (0..=self.params.len()).map(operand).collect();
        self.params.iter().zip(&leaves[1..]).for_each(|(&param, value)| tape.bind_id(param, value));
        let y = (self.closure)(leaves[0].clone());
        if !y.is_tracked() {
            return leaves.iter().map(|_| None).collect();
        }
        let grads = y.backward_with(dy.into_value());
        leaves.iter().map(|x| grads.get(x).map(|dx| kept.constant(dx.clone()))).collect()
    }
}

impl<T: Float> Var<T> {
    /// `closure(self)`, of which backward keeps only the input: it runs the closure again. A third more time, far less memory.
    ///
    /// Gradients flow to this value and to the parameters that the closure takes from its input's tape ([`Tape::param`]), as layers do.
    /// Dropout drops the same elements both times, and buffers are updated once. Share a model with the closure through an
    /// [`std::rc::Rc`]; once the backward pass is over and the tape is gone, it is yours alone again. Panics of the closure are the caller's.
    ///
    /// Gradients of gradients: [`Var::grad`] through this op panics.
    ///
    /// ```
    /// use tape::{Tape, Tensor};
    /// let tape = Tape::training(1);
    /// let x = tape.var(Tensor::from([1.0, 2.0]));
    /// let y = x.clone().checkpoint(|x| x.clone().exp().ln() * x);
    /// assert_eq!(tape.op_names(), ["checkpoint"]);
    /// assert!(y.sum().backward()[&x].allclose(&Tensor::from([2.0, 4.0]), 1e-6, 0.0));
    /// ```
    ///
    /// # Panics
    /// If the result depends on recorded values from outside the closure, whose gradients would be lost.
    #[track_caller]
    pub fn checkpoint(self, closure: impl Fn(Var<T>) -> Var<T> + 'static) -> Var<T> {
        let outer = self.tape().clone();
        if outer.is_observing() {
            return closure(self);
        }
        let start = outer.start();
        let tape = Tape::rehearsing(start.clone(), outer.clone());
        let y = closure(tape.input(self.value().clone()));
        assert!(
            !y.is_tracked(),
            "checkpoint: the closure's result depends on recorded values from outside; hand them in as its input (`Var::concat`, `Var::stack`) or `detach` them"
        );
        outer.go_on_from(&tape);
        let (params, values): (Vec<ParamId>, Vec<Var<T>>) = tape.take_asked().into_iter().unzip();
        let result = Some(y.into_value());
        let shape = *result.as_ref().expect("just made").shape();
        let operands = std::iter::once(self).chain(values).collect();
        Checkpoint { closure, start, params, shape, result }.apply(operands)
    }
}
