//! The engine: replays a tape backwards, by index. The only file that adds gradients.
//!
//! Walking from the last value to the first, each op's rule turns its result's cotangent into those of its operands. The
//! first cotangent of a value is stored, later ones are added; axes that broadcasting added are summed. There is no
//! recursion, so the length of a chain costs no stack.
//!
//! Two kinds of pass. [`Var::backward`] runs rules on plain values, frees each op as it goes, and leaves [`Gradients`].
//! [`Var::grad`] records the rules themselves, so that its results can be differentiated again; it frees nothing and
//! visits only what lies between the result and what was asked for.

use crate::gradients::Slots;
use crate::ops::{Place, elementwise};
use crate::tape::{Origin, Record, UNTRACKED};
use crate::{Float, Gradients, Tape, Tensor, Var};
use kernels::{Broadcast, In2};

/// One pass over a tape.
pub(crate) struct Pass<'t, T: Float> {
    tape: &'t Tape<T>,
    slots: Slots<T>,
    /// In a recorded pass, which values lead to what was asked for.
    wanted: Option<Vec<bool>>,
    /// Whether cotangents are checked; ops inside a rule are not, so that the rule is named.
    finds_anomalies: bool,
}

impl<T: Float> Pass<'_, T> {
    /// Whether rules are run once and not recorded.
    #[inline]
    pub(crate) fn is_first_order(&self) -> bool {
        self.wanted.is_none()
    }

    #[inline]
    pub(crate) fn tape(&self) -> &Tape<T> {
        self.tape
    }

    /// Whether anybody wants the cotangent of a value.
    #[inline]
    pub(crate) fn wants(&self, id: u32) -> bool {
        id != UNTRACKED && self.wanted.as_ref().is_none_or(|wanted| wanted[id as usize])
    }

    /// A value for a rule to compute with: recorded if the rule is.
    #[inline]
    pub(crate) fn var(&self, value: Tensor<T>, id: u32) -> Var<T> {
        let id = if self.is_first_order() { UNTRACKED } else { id };
        Var::new(value, self.tape.clone(), id)
    }

    /// Stores a value's cotangent, or adds it to the one that is there.
    #[inline]
    pub(crate) fn add(&mut self, to: u32, (mut value, mut id): (Tensor<T>, u32), op: &'static str) {
        if !self.wants(to) {
            return;
        }
        if self.finds_anomalies {
            let at = self.tape.with_record(to, |record| record.at);
            crate::anomaly::check_backward(op, at, &value);
        }
        if !self.tape.has_shape(to, value.shape()) {
            (value, id) = self.fit(to, self.var(value, id), op);
        }
        let slot = &mut self.slots.values[to as usize];
        if let Some(sum) = slot.take() {
            if self.wanted.is_none() {
                value = elementwise::binary(sum, value, kernels::add);
            } else {
                let var = |value, id| Var::new(value, self.tape.clone(), id);
                (value, _, id) = var(sum, self.slots.ids[to as usize]).add(var(value, id)).into_parts();
            }
        }
        *slot = Some(value);
        if self.wanted.is_some() {
            self.slots.ids[to as usize] = id;
        }
    }

    /// Adds the cotangent of a part in its place in that of the whole. In a first-order pass.
    pub(crate) fn add_in_place(&mut self, to: u32, place: &Place, value: Tensor<T>, op: &'static str) {
        if !self.wants(to) {
            return;
        }
        if self.finds_anomalies {
            let at = self.tape.with_record(to, |record| record.at);
            crate::anomaly::check_backward(op, at, &value);
        }
        let value = value.contiguous();
        let part = value.as_slice().expect("contiguous");
        let slot = &mut self.slots.values[to as usize];
        let whole = match slot.take() {
            Some(mut sum) => {
                place.add(part, sum.make_mut());
                sum
            }
            None => place.among_zeros(part),
        };
        *slot = Some(whole);
    }

    /// Sums a cotangent over the axes along which its operand was broadcast.
    fn fit(&self, to: u32, cotangent: Var<T>, op: &'static str) -> (Tensor<T>, u32) {
        let (own, shape) = (*cotangent.shape(), self.tape.shape_of(to));
        if shape.broadcast(op, &own).is_ok_and(|both| both == own) {
            return value_and_id(cotangent.sum_to(shape));
        }
        if own.broadcast(op, &shape).is_ok_and(|both| both == shape) {
            return value_and_id(cotangent.expand(shape));
        }
        panic!("the rule of `{op}` returned a cotangent of shape {own:?} for an operand of shape {shape:?}")
    }

    /// Visits every value from `root` down to `lowest`.
    fn run(&mut self, root: u32, lowest: u32) {
        self.finds_anomalies = self.tape.find_anomalies(false);
        let outer = self.tape.running().get();
        let first_order = self.is_first_order();
        for id in (lowest..=root).rev() {
            let Some(dy) = self.slots.values[id as usize].take() else { continue };
            let Some((mut node, is_watched)) = self.start(id) else {
                self.slots.values[id as usize] = Some(dy);
                continue;
            };
            if is_watched || !first_order {
                self.slots.values[id as usize] = Some(dy.clone());
            }
            let dy_id = if first_order { UNTRACKED } else { self.slots.ids[id as usize] };
            node.pull(self, dy, dy_id, first_order);
            if !first_order {
                self.tape.with_record(id, |record| record.origin = Origin::Op(node));
            }
        }
        self.tape.running().set(outer);
        self.tape.find_anomalies(self.finds_anomalies);
    }

    /// Takes an op's node off the tape while its rule runs; None for a leaf, whose cotangent stays.
    #[inline]
    fn start(&mut self, id: u32) -> Option<(Box<dyn crate::op::Node<T>>, bool)> {
        let params = &mut self.slots.params;
        let running = self.tape.running();
        self.tape.with_record(id, |record| match &record.origin {
            Origin::Leaf => None,
            Origin::Param(param) => {
                params.push((*param, id));
                None
            }
            Origin::Op(node) => {
                let name = node.name();
                running.set(id);
                match std::mem::replace(&mut record.origin, Origin::Used(name)) {
                    Origin::Op(node) => Some((node, record.is_watched)),
                    _ => unreachable!("it was an op a line ago"),
                }
            }
            Origin::Used(name) if running.get() == id => reentered(name, record),
            Origin::Used(name) => freed(name, record),
        })
    }
}

fn value_and_id<T: Float>(var: Var<T>) -> (Tensor<T>, u32) {
    let (value, _, id) = var.into_parts();
    (value, id)
}

#[cold]
fn freed<T: Float>(name: &str, record: &Record<T>) -> ! {
    panic!(
        "backward: the op `{name}` at {} was used up by an earlier backward pass, which frees what it passes; \
         add the losses before one backward, or use `y.grad([&x])`, which frees nothing",
        record.at
    )
}

#[cold]
fn reentered<T: Float>(name: &str, record: &Record<T>) -> ! {
    panic!(
        "backward: the rule of `{name}` at {} runs a backward pass over its own tape; use a tape of its own",
        record.at
    )
}

impl<T: Float> Var<T> {
    /// The gradients of a scalar with respect to every leaf it depends on. Frees the ops it passes.
    ///
    /// # Panics
    /// If this is no scalar ([`Var::backward_with`] takes a cotangent), if nothing was recorded, or if an earlier
    /// backward pass used up an op this value depends on.
    #[track_caller]
    pub fn backward(self) -> Gradients<T> {
        assert!(
            self.len() == 1,
            "backward: the value has shape {:?}; reduce it to one number (`.sum()`, `.mean()`), or give a cotangent (`backward_with(dy)`)",
            self.shape()
        );
        let one = self.value().ones_like();
        self.backward_with(one)
    }

    /// As [`Var::backward`] from a cotangent: the gradients of Σ `dy` · self.
    ///
    /// # Panics
    /// As [`Var::backward`], and if `dy` has another shape.
    #[track_caller]
    pub fn backward_with(self, dy: impl Into<Tensor<T>>) -> Gradients<T> {
        let dy = dy.into();
        assert!(
            dy.shape() == self.shape(),
            "backward_with: dy has shape {:?}, the value {:?}",
            dy.shape(),
            self.shape()
        );
        let (value, tape, root) = self.into_parts();
        drop(value);
        assert!(
            root != UNTRACKED,
            "backward: nothing was recorded: the value depends on no `tape.var` or trainable parameter, was detached, \
             or the tape is `Tape::inference()`"
        );
        let mut pass = Pass { tape: &tape, slots: Slots::new(root as usize + 1), wanted: None, finds_anomalies: false };
        pass.slots.values[root as usize] = Some(dy);
        pass.run(root, 0);
        tape.forget_params();
        tape.with_updates(|updates| pass.slots.updates.copy_from(updates));
        Gradients::new(pass.slots, tape.address())
    }

    /// The gradients of Σ self with respect to some values, recorded, so that they can be differentiated again. Frees
    /// nothing. Zeros where this value does not depend on one.
    ///
    /// ```
    /// use tape::{Tape, Tensor};
    /// let tape = Tape::probing();
    /// let x = tape.var(Tensor::from([2.0]));
    /// let y = &x * &x * &x;
    /// let [dx] = y.grad([&x]);
    /// let [ddx] = dx.grad([&x]);
    /// assert_eq!((dx.item(), ddx.item()), (12.0, 12.0));
    /// ```
    ///
    /// # Panics
    /// If a value is on another tape, or if an earlier backward pass used up an op on the way.
    #[track_caller]
    pub fn grad<const N: usize>(&self, of: [&Var<T>; N]) -> [Var<T>; N] {
        let dy = self.beside(self.value().ones_like());
        let grads = self.grad_with(dy, &of);
        grads.try_into().unwrap_or_else(|_| unreachable!("one gradient for each value"))
    }

    /// As [`Var::grad`] from a cotangent, which may itself be recorded.
    ///
    /// # Panics
    /// As [`Var::grad`], and if `dy` has another shape.
    #[track_caller]
    pub fn grad_with(&self, dy: Var<T>, of: &[&Var<T>]) -> Vec<Var<T>> {
        assert!(dy.shape() == self.shape(), "grad_with: dy has shape {:?}, the value {:?}", dy.shape(), self.shape());
        for var in of {
            let fits = !var.is_tracked() || !self.is_tracked() || var.tape().is(self.tape());
            assert!(fits, "grad: a value is on another tape");
        }
        let lowest = of.iter().map(|var| var.id()).min().unwrap_or(UNTRACKED);
        let root = self.id();
        if root == UNTRACKED || lowest > root {
            return of.iter().map(|var| self.beside(var.value().zeros_like())).collect();
        }
        let wanted = leads_to(self.tape(), root, of);
        let reaches = wanted[root as usize];
        let mut slots = Slots::new(root as usize + 1);
        slots.ids.resize(root as usize + 1, UNTRACKED);
        let mut pass = Pass { tape: self.tape(), slots, wanted: Some(wanted), finds_anomalies: false };
        let (value, _, id) = dy.into_parts();
        pass.slots.values[root as usize] = reaches.then_some(value);
        pass.slots.ids[root as usize] = id;
        pass.run(root, lowest);
        let gradient = |var: &&Var<T>| match pass.slots.values.get(var.id() as usize).and_then(Option::as_ref) {
            Some(value) => Var::new(value.clone(), self.tape().clone(), pass.slots.ids[var.id() as usize]),
            None => self.beside(var.value().zeros_like()),
        };
        let gradients = of.iter().map(gradient).collect();
        pass.slots.recycle();
        gradients
    }
}

/// For every value up to `root`, whether a gradient that passes it may reach one of the values.
fn leads_to<T: Float>(tape: &Tape<T>, root: u32, of: &[&Var<T>]) -> Vec<bool> {
    let mut wanted = vec![false; root as usize + 1];
    for var in of {
        if let Some(wanted) = wanted.get_mut(var.id() as usize) {
            *wanted = true;
        }
    }
    let lowest = of.iter().map(|var| var.id()).min().unwrap_or(0);
    for id in lowest..=root {
        let from_operands = tape.with_record(id, |record| match &record.origin {
            Origin::Op(node) => node.operands().iter().any(|&x| x != UNTRACKED && wanted[x as usize]),
            // Its operands are gone: assume the worst, so that the pass names it.
            Origin::Used(_) => true,
            Origin::Leaf | Origin::Param(_) => false,
        });
        wanted[id as usize] |= from_operands;
    }
    wanted
}

impl<T: Float> Gradients<T> {
    /// Adds another pass's parameter gradients: of another thread, or of another part of the batch. Where both update a
    /// buffer, the mean over all passes merged becomes its value.
    pub fn merge(&mut self, other: &Gradients<T>) {
        self.merge_updates(other);
        for (param, theirs) in other.params() {
            self.change(param, |ours| match ours.take() {
                None => *ours = Some(theirs.clone()),
                Some(mut sum) => {
                    let numbers = theirs.clone().contiguous();
                    let b = Broadcast::full(numbers.as_slice().expect("contiguous"));
                    kernels::add(In2::OverA { a: sum.make_mut(), b });
                    *ours = Some(sum);
                }
            });
        }
    }
}
