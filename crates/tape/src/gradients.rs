//! [`Gradients`]: what a backward pass leaves: the gradient of each leaf, parameter and watched value.

mod clip;

use crate::buffer::Updates;
use crate::float::keep_spare;
use crate::param::{Param, ParamId};
use crate::{Float, Tensor, Var};
use std::ops::Index;

/// The gradients of one backward pass. `Send + Sync`: gradients of several threads can be added up.
///
/// `grads[&x]` for a [`Var`] or a [`Param`] panics where the loss does not reach it; [`Gradients::get`] and
/// [`Gradients::of`] return None.
pub struct Gradients<T: Float = f32> {
    slots: Slots<T>,
    /// The tape's address, to notice a variable of another one.
    tape: usize,
}

/// Cotangents by the number of the value they belong to, recycled whole.
pub(crate) struct Slots<T: Float> {
    pub(crate) values: Vec<Option<Tensor<T>>>,
    /// In a recorded pass, the cotangents' own numbers on the tape; else empty.
    pub(crate) ids: Vec<u32>,
    /// Where each parameter's gradient is, sorted by parameter.
    pub(crate) params: Vec<(ParamId, u32)>,
    pub(crate) updates: Updates<T>,
}

impl<T: Float> Slots<T> {
    const EMPTY: Slots<T> = Slots { values: Vec::new(), ids: Vec::new(), params: Vec::new(), updates: Updates::NONE };

    /// Empty slots for so many values.
    pub(crate) fn new(count: usize) -> Slots<T> {
        let spare = T::with_spare(|spare| spare.slots.pop()).flatten();
        let mut slots = spare.unwrap_or(Slots::EMPTY);
        slots.values.resize_with(count, || None);
        slots
    }

    /// Gives the vectors back.
    pub(crate) fn recycle(&mut self) {
        let mut slots = std::mem::replace(self, Slots::EMPTY);
        slots.values.clear();
        slots.ids.clear();
        slots.params.clear();
        slots.updates.clear();
        T::with_spare(|spare| keep_spare(&mut spare.slots, slots));
    }
}

impl<T: Float> Gradients<T> {
    pub(crate) fn new(mut slots: Slots<T>, tape: usize) -> Gradients<T> {
        slots.params.sort_unstable();
        Gradients { slots, tape }
    }

    /// The gradient of a leaf or watched value; None where the loss does not reach it.
    ///
    /// # Panics
    /// If the value is on another tape.
    #[track_caller]
    pub fn get(&self, var: &Var<T>) -> Option<&Tensor<T>> {
        if !var.is_tracked() {
            return None;
        }
        assert!(var.tape().address() == self.tape, "Gradients: the value is on another tape than the loss");
        self.at(var.id())
    }

    /// A parameter's gradient; None where the loss does not reach it.
    pub fn of(&self, param: &Param<T>) -> Option<&Tensor<T>> {
        let at = self.find(param.id()).ok()?;
        self.at(self.slots.params[at].1)
    }

    /// A parameter's gradient, to be changed: clipped, scaled, averaged.
    pub fn of_mut(&mut self, param: &Param<T>) -> Option<&mut Tensor<T>> {
        let at = self.find(param.id()).ok()?;
        let id = self.slots.params[at].1 as usize;
        self.slots.values[id].as_mut()
    }

    /// The parameters the loss reached, with their gradients.
    pub fn params(&self) -> impl Iterator<Item = (ParamId, &Tensor<T>)> {
        self.slots.params.iter().filter_map(|&(param, id)| Some((param, self.at(id)?)))
    }

    /// What the forward pass made of buffers, running statistics say, for the step to write.
    pub fn updates(&self) -> &Updates<T> {
        &self.slots.updates
    }

    /// Takes in another pass's updates of buffers.
    pub(crate) fn merge_updates(&mut self, other: &Gradients<T>) {
        self.slots.updates.merge(&other.slots.updates);
    }

    /// Changes a parameter's gradient, which may be missing before or after.
    pub(crate) fn change(&mut self, param: ParamId, f: impl FnOnce(&mut Option<Tensor<T>>)) {
        let at = self.find(param).unwrap_or_else(|at| {
            self.slots.params.insert(at, (param, self.slots.values.len() as u32));
            self.slots.values.push(None);
            at
        });
        f(&mut self.slots.values[self.slots.params[at].1 as usize]);
    }

    fn find(&self, param: ParamId) -> Result<usize, usize> {
        self.slots.params.binary_search_by_key(&param, |&(id, _)| id)
    }

    pub(crate) fn at(&self, id: u32) -> Option<&Tensor<T>> {
        self.slots.values.get(id as usize)?.as_ref()
    }
}

impl<T: Float> Index<&Var<T>> for Gradients<T> {
    type Output = Tensor<T>;

    #[track_caller]
    fn index(&self, var: &Var<T>) -> &Tensor<T> {
        self.get(var).unwrap_or_else(|| {
            panic!(
                "there is no gradient for this value of shape {:?}: the loss does not depend on it, or it is neither \
                 a leaf (`tape.var`) nor watched (`h.watch()`)",
                var.shape()
            )
        })
    }
}

impl<T: Float> Index<&Param<T>> for Gradients<T> {
    type Output = Tensor<T>;

    #[track_caller]
    fn index(&self, param: &Param<T>) -> &Tensor<T> {
        self.of(param).unwrap_or_else(|| {
            panic!("there is no gradient for {param:?}: the loss does not depend on it; `of` returns None instead")
        })
    }
}

impl<T: Float> Drop for Gradients<T> {
    fn drop(&mut self) {
        self.slots.recycle();
    }
}

impl<T: Float> std::fmt::Debug for Gradients<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map()
            .entries(self.slots.values.iter().enumerate().filter_map(|(id, value)| Some((id, value.as_ref()?))))
            .finish()
    }
}
