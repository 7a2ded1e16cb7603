//! [`Tape`]: the list of what was computed, in order, to be replayed backwards.
//!
//! A record names its operands by number and keeps the tensors its rule will read; it never holds a `Var`, so a tape does not hold itself alive. Which kind of
//! tape you start from decides what is recorded and how layers behave; there is no global gradient mode and no global random state.

mod rehearsal;

use crate::buffer::Updates;
use crate::float::keep_spare;
use crate::observe::Seen;
use crate::op::Node;
use crate::param::{Param, ParamId};
use crate::{Float, Shape, Tensor, Var};
use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::rc::Rc;

/// The number of a value that no gradient flows to.
pub(crate) const UNTRACKED: u32 = u32::MAX;

/// Records operations on [`Var`]s. A handle: clones share one tape. One thread each.
///
/// ```
/// use tape::{Tape, Tensor};
/// let tape = Tape::probing();
/// let x = tape.var(Tensor::from([-2.0, 3.0]));
/// let grads = x.clone().square().sum().backward();
/// assert_eq!(grads[&x].to_vec(), [-4.0, 6.0]);
/// ```
pub struct Tape<T: Float = f32> {
    inner: Rc<Inner<T>>,
}

struct Inner<T: Float> {
    storage: RefCell<Storage<T>>,
    records: bool,
    training: bool,
    /// What dropout draws from; None: it does nothing.
    dropout: Option<u64>,
    /// Draws so far.
    draws: Cell<u64>,
    /// The op whose rule is running.
    running: Cell<u32>,
    finds_anomalies: Cell<bool>,
    /// What [`Tape::observing`] has seen; None on other tapes.
    seen: Option<RefCell<Vec<Seen<T>>>>,
    /// On the tape of a checkpoint's first run: the tape it stands for.
    rehearsal: Option<Rehearsal<T>>,
}

struct Rehearsal<T: Float> {
    outer: Tape<T>,
    /// The parameters that were asked for, as they are on the outer tape.
    asked: RefCell<Vec<(ParamId, Var<T>)>>,
}

/// The growing part of a tape, recycled whole.
pub(crate) struct Storage<T: Float> {
    /// The recorded values, and after them spare ones: a record written in its place need not be moved there.
    records: Vec<Record<T>>,
    /// How many are recorded.
    count: usize,
    /// The shapes of the recorded values; neighbours with the same shape share one.
    shapes: Vec<Shape>,
    /// The leaf of each parameter, sorted by parameter.
    params: Vec<(ParamId, u32)>,
    /// Values that stand for parameters: [`Tape::bind`].
    bound: Vec<(ParamId, Tensor<T>, u32)>,
    updates: Updates<T>,
}

/// One value on the tape: where it came from.
pub(crate) struct Record<T: Float> {
    pub(crate) origin: Origin<T>,
    /// Which of the tape's shapes it has.
    shape: u32,
    /// Whether its gradient stays in [`crate::Gradients`] although it is no leaf.
    pub(crate) is_watched: bool,
    /// The line that asked for it.
    pub(crate) at: &'static Location<'static>,
}

/// Where a value came from.
pub(crate) enum Origin<T: Float> {
    Leaf,
    Param(ParamId),
    Op(Box<dyn Node<T>>),
    /// An op that a backward pass has used up, or whose rule it is running now, by name.
    Used(&'static str),
}

impl<T: Float> Clone for Tape<T> {
    #[inline]
    fn clone(&self) -> Self {
        Tape { inner: Rc::clone(&self.inner) }
    }
}

impl<T: Float> Drop for Inner<T> {
    fn drop(&mut self) {
        let mut storage = std::mem::replace(self.storage.get_mut(), Storage::new());
        storage.records[..storage.count].iter_mut().for_each(|record| record.origin = Origin::Leaf);
        storage.count = 0;
        storage.shapes.clear();
        storage.params.clear();
        storage.bound.clear();
        storage.updates.clear();
        T::with_spare(|spare| keep_spare(&mut spare.storages, storage));
    }
}

impl<T: Float> Storage<T> {
    fn new() -> Storage<T> {
        Storage {
            records: Vec::new(),
            count: 0,
            shapes: Vec::new(),
            params: Vec::new(),
            bound: Vec::new(),
            updates: Updates::NONE,
        }
    }

    #[inline]
    fn shape(&self, id: u32) -> &Shape {
        &self.shapes[self.records[id as usize].shape as usize]
    }
}

impl<T: Float> Tape<T> {
    /// Records, and layers behave as in training. `seed` drives dropout.
    pub fn training(seed: u64) -> Tape<T> {
        Tape::with(true, true, Some(seed))
    }

    /// Records nothing and keeps nothing alive; layers behave as in evaluation.
    pub fn inference() -> Tape<T> {
        Tape::with(false, false, None)
    }

    /// Records, and layers behave as in evaluation: for saliency, Lipschitz constants, attacks, gradient checks.
    pub fn probing() -> Tape<T> {
        Tape::with(true, false, None)
    }

    /// Records and remembers every op with its numbers ([`Tape::observed`]), keeps the gradient of each, runs joint ops (a linear layer and its rectifier) step by step, records
    /// frozen parameters too, and ignores checkpoints: for diagnosis. Layers behave as in training, or as in evaluation, but for dropout, which does nothing
    /// unless [`Tape::with_dropout`] asks for it.
    pub fn observing(training: bool) -> Tape<T> {
        Tape::with(true, training, None).remembering(true)
    }

    /// This tape, to which nobody else has a handle yet, with or without a memory of what ran.
    fn remembering(mut self, remembers: bool) -> Tape<T> {
        let inner = Rc::get_mut(&mut self.inner).expect("nobody else has a handle yet");
        inner.seen = remembers.then(RefCell::default);
        self
    }

    fn with(records: bool, training: bool, dropout: Option<u64>) -> Tape<T> {
        let storage = if records { T::with_spare(|spare| spare.storages.pop()).flatten() } else { None };
        let storage = RefCell::new(storage.unwrap_or_else(Storage::new));
        let (draws, running, finds_anomalies) = (Cell::new(0), Cell::new(UNTRACKED), Cell::new(false));
        let (seen, rehearsal) = (None, None);
        let inner = Inner { storage, records, training, dropout, draws, running, finds_anomalies, seen, rehearsal };
        Tape { inner: Rc::new(inner) }
    }

    /// The same kind of tape, new, on which dropout drops although the tape would not (Monte Carlo dropout).
    pub fn with_dropout(self, seed: u64) -> Tape<T> {
        let tape = Tape::with(self.inner.records, self.inner.training, Some(seed)).remembering(self.is_observing());
        tape.inner.finds_anomalies.set(self.finds_anomalies());
        tape
    }

    /// Panics from now on at the first op that makes NaN or infinity out of finite numbers, forward or backward, with the op's name, its line, and where in
    /// the tensor. Costs a pass over every result.
    pub fn detect_anomalies(self) -> Tape<T> {
        self.inner.finds_anomalies.set(true);
        self
    }

    /// Turns the search for anomalies on or off; what it was before.
    pub(crate) fn find_anomalies(&self, on: bool) -> bool {
        self.inner.finds_anomalies.replace(on)
    }

    #[inline]
    pub(crate) fn finds_anomalies(&self) -> bool {
        self.inner.finds_anomalies.get()
    }

    /// Whether this tape was made by [`Tape::observing`].
    #[inline]
    pub fn is_observing(&self) -> bool {
        self.inner.seen.is_some()
    }

    /// Whether ops hand their operands and results to [`crate::observe::look`].
    #[inline]
    pub(crate) fn looks(&self) -> bool {
        self.finds_anomalies() || self.is_observing()
    }

    pub(crate) fn seen(&self) -> Option<&RefCell<Vec<Seen<T>>>> {
        self.inner.seen.as_ref()
    }

    /// Whether layers should behave as in training.
    pub fn is_training(&self) -> bool {
        self.inner.training
    }

    /// Whether operations are recorded.
    #[inline]
    pub fn is_recording(&self) -> bool {
        self.inner.records
    }

    /// Whether dropout drops: in training, and where [`Tape::with_dropout`] asks for it.
    pub fn drops(&self) -> bool {
        self.inner.dropout.is_some()
    }

    /// The seed of the next random op: a function of the tape's seed and of how many were drawn before. None where nothing random should happen.
    pub fn next_dropout_seed(&self) -> Option<u64> {
        let draw = self.inner.draws.get();
        self.inner.draws.set(draw + 1);
        self.inner.dropout.map(|seed| crate::rng::mix(seed, draw))
    }

    /// A value whose gradient is wanted.
    #[track_caller]
    pub fn var(&self, value: Tensor<T>) -> Var<T> {
        let id = self.leaf(Origin::Leaf, value.shape());
        Var::new(value, self.clone(), id)
    }

    /// A value whose gradient is not wanted: a batch of images.
    pub fn input(&self, value: Tensor<T>) -> Var<T> {
        Var::new(value, self.clone(), UNTRACKED)
    }

    /// A parameter's value: one leaf for each parameter and tape, however often it is used.
    #[track_caller]
    pub fn param(&self, param: &Param<T>) -> Var<T> {
        if let Some(bound) = self.bound(param) {
            return bound;
        }
        if let Some(Rehearsal { outer, asked }) = &self.inner.rehearsal {
            let value = outer.param(param);
            let own = self.input(value.value().clone());
            let mut asked = asked.borrow_mut();
            if asked.iter().all(|(id, _)| *id != param.id()) {
                asked.push((param.id(), value));
            }
            return own;
        }
        let value = param.value().clone();
        if !self.inner.records || !(param.is_trainable() || self.is_observing()) {
            return self.input(value);
        }
        let wanted = param.id();
        let found = {
            let params = &self.inner.storage.borrow().params;
            match params.last() {
                Some(&(last, _)) if last < wanted => Err(params.len()),
                _ => params.binary_search_by_key(&wanted, |&(id, _)| id).map(|at| params[at].1),
            }
        };
        let id = found.unwrap_or_else(|at| {
            let id = self.leaf(Origin::Param(wanted), value.shape());
            self.inner.storage.borrow_mut().params.insert(at, (wanted, id));
            id
        });
        Var::new(value, self.clone(), id)
    }

    /// Lets a value stand for a parameter: [`Tape::param`] gives it from now on, on this tape, frozen parameters included.
    ///
    /// So gradients can flow on to what the value was made of: through a step of an inner training loop, or to what a
    /// gradient check varies.
    ///
    /// ```
    /// use tape::{Group, Param, Tape, Tensor};
    /// let w = Param::new(Tensor::from([3.0]), Group::Weight);
    /// let tape = Tape::probing();
    /// let start = tape.param(&w);
    /// let [slope] = start.clone().square().sum().grad([&start]);
    /// tape.bind(&w, &(start - slope * 0.25));
    /// let loss = tape.param(&w).square().sum();
    /// assert_eq!((loss.item(), loss.backward()[&w].item()), (2.25, 1.5));
    /// ```
    ///
    /// # Panics
    /// If the value has another shape than the parameter, or is recorded on another tape.
    #[track_caller]
    pub fn bind(&self, param: &Param<T>, value: &Var<T>) {
        let (shape, own) = (value.shape(), param.value().shape());
        assert!(shape == own, "bind: the value has shape {shape:?}, the parameter {own:?}");
        assert!(!value.is_tracked() || value.tape().is(self), "bind: the value is recorded on another tape");
        self.bind_id(param.id(), value);
    }

    pub(crate) fn bind_id(&self, param: ParamId, value: &Var<T>) {
        let bound = &mut self.inner.storage.borrow_mut().bound;
        bound.retain(|(id, ..)| *id != param);
        bound.push((param, value.value().clone(), value.id()));
    }

    /// The value that stands for a parameter, if one does.
    #[inline]
    fn bound(&self, param: &Param<T>) -> Option<Var<T>> {
        let bound = &self.inner.storage.borrow().bound;
        let (_, value, id) = bound.iter().find(|(id, ..)| *id == param.id())?;
        Some(Var::new(value.clone(), self.clone(), *id))
    }

    pub(crate) fn with_updates<R>(&self, f: impl FnOnce(&mut Updates<T>) -> R) -> R {
        f(&mut self.inner.storage.borrow_mut().updates)
    }

    #[track_caller]
    fn leaf(&self, origin: Origin<T>, shape: &Shape) -> u32 {
        if self.inner.records { self.push(origin, shape, Location::caller()) } else { UNTRACKED }
    }

    /// Records an op's result; its number.
    #[inline]
    pub(crate) fn push_op(&self, node: Box<dyn Node<T>>, shape: &Shape, at: &'static Location<'static>) -> u32 {
        self.push(Origin::Op(node), shape, at)
    }

    /// Records a value; its number.
    #[inline(always)]
    fn push(&self, origin: Origin<T>, shape: &Shape, at: &'static Location<'static>) -> u32 {
        let storage = &mut *self.inner.storage.borrow_mut();
        let id = storage.count;
        assert!(id < UNTRACKED as usize, "a tape holds at most 2^32 − 1 values");
        if storage.shapes.last() != Some(shape) {
            storage.shapes.push(*shape);
        }
        if id == storage.records.len() {
            let spare = || Record { origin: Origin::Leaf, shape: 0, is_watched: false, at };
            storage.records.resize_with((2 * id).max(64), spare);
        }
        storage.count += 1;
        let record = &mut storage.records[id];
        record.origin = origin;
        record.shape = storage.shapes.len() as u32 - 1;
        record.is_watched = false;
        record.at = at;
        id as u32
    }

    /// The shape of a recorded value.
    pub(crate) fn shape_of(&self, id: u32) -> Shape {
        *self.inner.storage.borrow().shape(id)
    }

    /// Whether a recorded value has this shape.
    #[inline]
    pub(crate) fn has_shape(&self, id: u32, shape: &Shape) -> bool {
        self.inner.storage.borrow().shape(id) == shape
    }

    /// The op whose rule is running, [`UNTRACKED`] for none.
    pub(crate) fn running(&self) -> &Cell<u32> {
        &self.inner.running
    }

    /// The number the next recorded value gets.
    #[inline]
    pub(crate) fn next_id(&self) -> u32 {
        self.inner.storage.borrow().count as u32
    }

    /// Reads or changes a record; nothing else may be recorded meanwhile.
    #[inline]
    pub(crate) fn with_record<R>(&self, id: u32, f: impl FnOnce(&mut Record<T>) -> R) -> R {
        f(&mut self.inner.storage.borrow_mut().records[id as usize])
    }

    /// Forgets which leaf stands for which parameter: parameters change between backward passes.
    pub(crate) fn forget_params(&self) {
        self.inner.storage.borrow_mut().params.clear();
    }

    /// The number of recorded values.
    pub fn len(&self) -> usize {
        self.inner.storage.borrow().count
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    pub(crate) fn is(&self, other: &Tape<T>) -> bool {
        Rc::ptr_eq(&self.inner, &other.inner)
    }

    /// An identity to tell tapes apart while this one lives.
    pub(crate) fn address(&self) -> usize {
        Rc::as_ptr(&self.inner).addr()
    }
}

impl<T: Float> std::fmt::Debug for Tape<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tape<{}> of {} values", T::NAME, self.len())
    }
}
