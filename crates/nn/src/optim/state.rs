//! What an optimiser remembers for each parameter, and the walk over a module that brings it together with gradients.

use crate::error::setting;
use crate::module::{Module, Path, VisitorMut};
use crate::{Buffer, Error, Result};
use tape::{Float, Gradients, Group, Param, Tensor};

/// What is remembered for one parameter: up to two tensors of its shape.
#[derive(Clone, Debug)]
pub(super) struct Slot<T: Float> {
    pub(super) name: String,
    /// Steps taken.
    pub(super) steps: u64,
    /// None until the first gradient, and where the rule remembers nothing.
    pub(super) memory: Memory<T>,
    /// Whether the current step has a gradient for it.
    pub(super) is_due: bool,
}

pub(super) type Memory<T> = [Option<Tensor<T>>; 2];

/// The slots of a module's parameters, in the order of its walk, and buffers that steps use again.
#[derive(Clone, Debug)]
pub(crate) struct States<T: Float> {
    pub(super) slots: Vec<Slot<T>>,
    path: Path,
    gradients: Vec<&'static [T]>,
    /// Whether a parameter has bounds.
    has_bounds: bool,
}

/// A parameter that is due: its numbers, its gradient, and what is remembered for it.
pub(crate) struct Due<'a, T: Float> {
    pub(crate) p: &'a mut [T],
    pub(crate) g: &'a [T],
    pub(crate) memory: [&'a mut [T]; 2],
    pub(crate) group: Group,
    /// The number of its step, from 1.
    pub(crate) step: u64,
}

impl<T: Float> Due<'_, T> {
    /// The first `at` numbers and the rest.
    pub(crate) fn split_at(self, at: usize) -> (Self, Self) {
        let Due { p, g, memory, group, step } = self;
        let ((p, p_rest), (g, g_rest)) = (p.split_at_mut(at), g.split_at(at));
        let [(m, m_rest), (v, v_rest)] = memory.map(|memory| memory.split_at_mut(at.min(memory.len())));
        (Due { p, g, memory: [m, v], group, step }, Due { p: p_rest, g: g_rest, memory: [m_rest, v_rest], group, step })
    }
}

impl<T: Float> States<T> {
    pub(crate) fn new() -> States<T> {
        States { slots: Vec::new(), path: Path::default(), gradients: Vec::new(), has_bounds: false }
    }

    /// Calls `take` with every parameter that has a gradient, and writes buffers' updates. Before that everything is checked, and
    /// nothing changed if it fails.
    ///
    /// `memories`: how many of the two tensors are used.
    pub(crate) fn each_due<'a>(
        &'a mut self,
        what: &'static str,
        net: &'a mut impl Module<T>,
        grads: &'a mut Gradients<T>,
        memories: usize,
        take: &mut dyn FnMut(Due<'a, T>),
    ) -> Result<()> {
        let mut plan =
            Plan { slots: &mut self.slots, grads, at: 0, problem: None, bad_update: None, has_bounds: false };
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
        self.gradients = check_finite(net, grads, &mut self.path, std::mem::take(&mut self.gradients))?;
        let slots = self.slots[..planned].iter_mut();
        net.visit_mut(&mut self.path, &mut Hand { slots, grads, memories, take });
        Ok(())
    }

    /// Brings parameters back between their bounds, after the updates. Costs a walk, and only where there are bounds.
    pub(crate) fn keep_bounds(&mut self, net: &mut impl Module<T>) {
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
                    self.slots.push(Slot { name: name.to_string(), steps: 0, memory: [None, None], is_due: false });
                    let last = self.slots.len() - 1;
                    self.slots.swap(at, last);
                }
            }
        }
        let slot = &mut self.slots[at];
        slot.is_due = false;
        let Some(gradient) = self.grads.of_mut(param).filter(|_| param.is_trainable()) else { return };
        if !gradient.is_contiguous() {
            gradient.make_mut();
        }
        slot.is_due = true;
        if let Some(memory) = &slot.memory[0]
            && memory.shape() != param.value().shape()
        {
            let (now, before) = (param.value().shape(), memory.shape());
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
    path: &mut Path,
    buffer: Vec<&'static [T]>,
) -> Result<Vec<&'static [T]>> {
    struct Collect<'g, T: Float>(Vec<&'g [T]>, &'g Gradients<T>);
    impl<'a, T: Float> VisitorMut<'a, T> for Collect<'_, T> {
        fn param(&mut self, _: &str, param: &'a mut Param<T>) {
            if let Some(gradient) = due(self.1, param) {
                self.0.push(gradient);
            }
        }
    }
    let mut collect = Collect(recycled(buffer), grads);
    net.visit_mut(path, &mut collect);
    let gradients = collect.0;
    match kernels::is_finite_all(&gradients) {
        None => Ok(recycled(gradients)),
        Some((tensor, element)) => {
            let value = gradients[tensor][element].to_f64();
            let mut names = net.named_parameters_mut().into_iter().filter(|(_, param)| due(grads, param).is_some());
            let name = names.nth(tensor).map_or(String::new(), |(name, _)| name);
            Err(Error::GradientNotFinite { name, element, value })
        }
    }
}

fn due<'g, T: Float>(grads: &'g Gradients<T>, param: &Param<T>) -> Option<&'g [T]> {
    grads.of(param).filter(|_| param.is_trainable()).and_then(Tensor::as_slice)
}

/// An emptied vector for things that live otherwise long. Its memory stays: a vector made from another's elements takes it over.
pub(crate) fn recycled<A, B>(mut vector: Vec<A>) -> Vec<B> {
    vector.clear();
    vector.into_iter().map(|_| unreachable!("it was emptied")).collect()
}

/// Last walk: hands out what is due.
struct Hand<'a, 't, T: Float, S> {
    slots: S,
    grads: &'a Gradients<T>,
    memories: usize,
    take: &'t mut dyn FnMut(Due<'a, T>),
}

impl<'a, T: Float, S: Iterator<Item = &'a mut Slot<T>>> VisitorMut<'a, T> for Hand<'a, '_, T, S> {
    fn param(&mut self, _: &str, param: &'a mut Param<T>) {
        let Some(slot) = self.slots.next().filter(|slot| slot.is_due) else { return };
        let Some(g) = due(self.grads, param) else { return };
        slot.steps += 1;
        let group = param.group();
        let memory = memory_of(&mut slot.memory, self.memories, param.value());
        let p = param.value_mut().make_mut();
        (self.take)(Due { p, g, memory, group, step: slot.steps });
    }

    fn buffer(&mut self, _: &str, buffer: &'a mut Buffer<T>) {
        if let Some(value) = self.grads.updates().get(buffer) {
            *buffer.value_mut() = value.clone();
        }
    }
}

/// The tensors a rule remembers, zeros at first.
fn memory_of<'a, T: Float>(memory: &'a mut Memory<T>, used: usize, param: &Tensor<T>) -> [&'a mut [T]; 2] {
    let mut left = used;
    memory.each_mut().map(|memory| {
        if left == 0 {
            return &mut [][..];
        }
        left -= 1;
        memory.get_or_insert_with(|| param.zeros_like()).make_mut()
    })
}
