//! What an optimiser remembers for each parameter, and the walk over a module that brings it together with gradients.

use super::groups::{Groups, ParamGroup, Predicate};
use crate::error::setting;
use crate::module::{Module, Path, VisitorMut};
use crate::{Buffer, Error, Result};
use kernels::optim::MEMORIES;
use tape::{Float, Gradients, Group, Param, Tensor};

/// What is remembered for one parameter: a few tensors of its shape and a number.
#[derive(Clone, Debug)]
pub(crate) struct Slot<T: Float> {
    pub(crate) name: String,
    /// Steps taken.
    pub(crate) steps: u64,
    /// None until the first gradient, and where the rule remembers nothing.
    pub(crate) memory: [Option<Tensor<T>>; MEMORIES],
    /// A running number, 1 at first: NAdam's product of momenta. Other rules leave it alone.
    pub(crate) scalar: f64,
    /// The first of the groups that the name is in: not part of what is remembered.
    group: Option<usize>,
    /// Whether the current step has a gradient for it.
    is_due: bool,
}

/// The slots of a module's parameters, in the order of its walk, and buffers that steps use again.
#[derive(Clone, Debug)]
pub(crate) struct States<T: Float> {
    pub(crate) slots: Vec<Slot<T>>,
    groups: Groups,
    path: Path,
    gradients: Vec<&'static [T]>,
    /// Whether a parameter has bounds.
    has_bounds: bool,
}

/// A parameter that is due: its numbers, its gradient, and what is remembered for it.
pub(super) struct Due<'a, T: Float> {
    pub(super) p: &'a mut [T],
    pub(super) g: &'a [T],
    pub(super) memory: [&'a mut [T]; MEMORIES],
    pub(super) scalar: &'a mut f64,
    pub(super) kind: Group,
    /// What is different for it.
    pub(super) own: ParamGroup,
    /// The number of its step, from 1.
    pub(super) step: u64,
}

impl<T: Float> Slot<T> {
    pub(super) fn new(name: &str, groups: &Groups) -> Slot<T> {
        let group = groups.of(name);
        Slot { name: name.to_string(), steps: 0, memory: [const { None }; MEMORIES], scalar: 1.0, group, is_due: false }
    }
}

impl<T: Float> States<T> {
    pub(super) fn new() -> States<T> {
        let groups = Groups::default();
        States { slots: Vec::new(), groups, path: Path::default(), gradients: Vec::new(), has_bounds: false }
    }

    pub(super) fn groups(&self) -> &Groups {
        &self.groups
    }

    /// Adds a group for the names that are in none so far.
    pub(super) fn add_group(&mut self, holds: Predicate, group: ParamGroup) {
        let at = self.groups.add(holds.clone(), group);
        for slot in self.slots.iter_mut().filter(|slot| slot.group.is_none()) {
            slot.group = holds(&slot.name).then_some(at);
        }
    }

    /// Calls `take` with every parameter that has a gradient, and writes buffers' updates. Before that everything is checked, and
    /// nothing changed if it fails.
    ///
    /// `start`: the numbers with which memories start, None for those that are not used.
    pub(super) fn each_due<'a>(
        &'a mut self,
        what: &'static str,
        net: &'a mut impl Module<T>,
        grads: &'a mut Gradients<T>,
        start: [Option<f64>; MEMORIES],
        take: &mut dyn FnMut(Due<'a, T>),
    ) -> Result<()> {
        let States { slots, groups, .. } = self;
        let mut plan = Plan { slots, groups, grads, at: 0, problem: None, bad_update: None, has_bounds: false };
        net.visit_mut(&mut self.path, &mut plan);
        self.has_bounds = plan.has_bounds;
        let (planned, problem, bad_update) = (plan.at, plan.problem, plan.bad_update);
        if let Some(problem) = problem {
            return setting(what, problem);
        }
        if let Some(error) = bad_update {
            return Err(error);
        }
        let grads = &*grads;
        let slots = &self.slots[..planned];
        self.gradients = check_finite(net, grads, slots, &mut self.path, std::mem::take(&mut self.gradients))?;
        let slots = self.slots[..planned].iter_mut();
        net.visit_mut(&mut self.path, &mut Hand { slots, groups: &self.groups, grads, start, take });
        Ok(())
    }

    /// Brings parameters back between their bounds, after the updates. Costs a walk, and only where there are bounds.
    pub(super) fn keep_bounds(&mut self, net: &mut impl Module<T>) {
        struct Project;
        impl<'a, T: Float> VisitorMut<'a, T> for Project {
            fn param(&mut self, _: &str, param: &'a mut Param<T>) {
                param.project();
            }
        }
        if self.has_bounds {
            net.visit_mut(&mut self.path, &mut Project);
        }
    }
}

/// First walk: puts the slots in the order of the walk, creates missing ones, and makes gradients contiguous.
struct Plan<'s, T: Float> {
    slots: &'s mut Vec<Slot<T>>,
    groups: &'s Groups,
    grads: &'s mut Gradients<T>,
    at: usize,
    problem: Option<String>,
    bad_update: Option<Error>,
    has_bounds: bool,
}

impl<'a, T: Float> VisitorMut<'a, T> for Plan<'_, T> {
    fn param(&mut self, name: &str, param: &'a mut Param<T>) {
        let at = self.at;
        self.at += 1;
        self.has_bounds |= param.bounds().is_some();
        // The order is the same in every step of one module, so the first comparison nearly always settles it.
        if self.slots.get(at).is_none_or(|slot| slot.name != name) {
            match self.slots[at.min(self.slots.len())..].iter().position(|slot| slot.name == name) {
                Some(further) => self.slots.swap(at, at + further),
                None => {
                    self.slots.push(Slot::new(name, self.groups));
                    let last = self.slots.len() - 1;
                    self.slots.swap(at, last);
                }
            }
        }
        let slot = &mut self.slots[at];
        slot.is_due = false;
        if self.groups.settings(slot.group).is_frozen {
            return;
        }
        let Some(gradient) = self.grads.of_mut(param).filter(|_| param.is_trainable()) else { return };
        if !gradient.is_contiguous() {
            gradient.make_mut();
        }
        slot.is_due = true;
        let now = param.value().shape();
        if let Some(before) = slot.memory.iter().flatten().map(Tensor::shape).find(|&before| before != now) {
            self.problem =
                Some(format!("`{name}` has shape {now:?}, at its last step it had {before:?}; make a new optimiser"));
        }
    }

    fn buffer(&mut self, name: &str, buffer: &'a mut Buffer<T>) {
        if self.bad_update.is_none()
            && let Some(value) = self.grads.updates().get(buffer)
        {
            self.bad_update = check_update(name, value);
        }
    }
}

/// An error for the first number of an update that is not finite.
fn check_update<T: Float>(name: &str, value: &Tensor<T>) -> Option<Error> {
    let (element, value) = value.iter().enumerate().find(|(_, value)| !value.to_f64().is_finite())?;
    Some(Error::UpdateNotFinite { name: name.to_string(), element, value: value.to_f64() })
}

/// Fails with the name of the first gradient that is not finite; gives the buffer back.
fn check_finite<T: Float>(
    net: &mut impl Module<T>,
    grads: &Gradients<T>,
    slots: &[Slot<T>],
    path: &mut Path,
    buffer: Vec<&'static [T]>,
) -> Result<Vec<&'static [T]>> {
    struct Collect<'g, T: Float> {
        gradients: Vec<&'g [T]>,
        grads: &'g Gradients<T>,
        slots: std::slice::Iter<'g, Slot<T>>,
    }
    impl<'a, T: Float> VisitorMut<'a, T> for Collect<'_, T> {
        fn param(&mut self, _: &str, param: &'a mut Param<T>) {
            let is_due = self.slots.next().is_some_and(|slot| slot.is_due);
            if let Some(gradient) = numbers(self.grads, param).filter(|_| is_due) {
                self.gradients.push(gradient);
            }
        }
    }
    let mut collect = Collect { gradients: recycled(buffer), grads, slots: slots.iter() };
    net.visit_mut(path, &mut collect);
    let gradients = collect.gradients;
    match kernels::is_finite_all(&gradients) {
        None => Ok(recycled(gradients)),
        Some((tensor, element)) => {
            let value = gradients[tensor][element].to_f64();
            let name =
                slots.iter().filter(|slot| slot.is_due).nth(tensor).map_or(String::new(), |slot| slot.name.clone());
            Err(Error::GradientNotFinite { name, element, value })
        }
    }
}

/// A parameter's gradient, which the first walk has made contiguous.
fn numbers<'g, T: Float>(grads: &'g Gradients<T>, param: &Param<T>) -> Option<&'g [T]> {
    grads.of(param).and_then(Tensor::as_slice)
}

/// An emptied vector for things that live otherwise long. Its memory stays: a vector made from another's elements takes it over.
pub(crate) fn recycled<A, B>(mut vector: Vec<A>) -> Vec<B> {
    vector.clear();
    vector.into_iter().map(|_| unreachable!("it was emptied")).collect()
}

/// Last walk: hands out what is due.
struct Hand<'a, 't, T: Float, S> {
    slots: S,
    groups: &'a Groups,
    grads: &'a Gradients<T>,
    start: [Option<f64>; MEMORIES],
    take: &'t mut dyn FnMut(Due<'a, T>),
}

impl<'a, T: Float, S: Iterator<Item = &'a mut Slot<T>>> VisitorMut<'a, T> for Hand<'a, '_, T, S> {
    fn param(&mut self, _: &str, param: &'a mut Param<T>) {
        let Some(slot) = self.slots.next().filter(|slot| slot.is_due) else { return };
        let Some(g) = numbers(self.grads, param) else { return };
        slot.steps += 1;
        let (kind, own, step) = (param.group(), self.groups.settings(slot.group), slot.steps);
        let memory = memory_of(&mut slot.memory, self.start, param.value());
        let p = param.value_mut().make_mut();
        (self.take)(Due { p, g, memory, scalar: &mut slot.scalar, kind, own, step });
    }

    fn buffer(&mut self, _: &str, buffer: &'a mut Buffer<T>) {
        if let Some(value) = self.grads.updates().get(buffer) {
            *buffer.value_mut() = value.clone();
        }
    }
}

/// The tensors a rule remembers.
fn memory_of<'a, T: Float>(
    memory: &'a mut [Option<Tensor<T>>; MEMORIES],
    start: [Option<f64>; MEMORIES],
    param: &Tensor<T>,
) -> [&'a mut [T]; MEMORIES] {
    let mut start = start.into_iter();
    memory.each_mut().map(|memory| match start.next().flatten() {
        Some(start) => memory.get_or_insert_with(|| param.full_like(start)).make_mut(),
        None => &mut [][..],
    })
}
