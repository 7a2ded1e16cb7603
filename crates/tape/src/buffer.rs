//! [`Buffer`]: state that is saved but not trained, and [`Updates`], which carry its next values.
//!
//! A forward pass changes no module: what a running statistic becomes is noted on the tape ([`Tape::update`]), travels in
//! [`crate::Gradients`], and is written by the optimiser's step, together with the parameters or not at all. So modules and
//! gradients are `Send + Sync` without locks, and several threads may run one module.
//!
//! ```
//! use tape::{Buffer, Tape, Tensor};
//! let mean = Buffer::new(Tensor::from([1.0]));
//! let tape = Tape::training(1);
//! let x = tape.var(Tensor::from([3.0]));
//! tape.update(&mean, tape.buffer(&mean) * 0.5 + x.value() * 0.5);
//! assert_eq!((mean.value().item(), tape.buffer(&mean).item()), (1.0, 2.0));
//! let grads = x.sum().backward();
//! assert_eq!(grads.updates().get(&mean).unwrap().item(), 2.0);
//! ```

use crate::{Float, Tape, Tensor};
use std::sync::atomic::{AtomicU64, Ordering};

/// Tells buffers apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BufferId(u64);

impl BufferId {
    fn next() -> BufferId {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        BufferId(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// A tensor that a module saves and loads but does not train: running statistics, positions.
///
/// A clone is a buffer of its own with the same numbers.
#[derive(Debug)]
pub struct Buffer<T: Float = f32> {
    id: BufferId,
    value: Tensor<T>,
}

impl<T: Float> Buffer<T> {
    /// A buffer with this value.
    pub fn new(value: Tensor<T>) -> Buffer<T> {
        Buffer { id: BufferId::next(), value }
    }

    /// The identity.
    pub fn id(&self) -> BufferId {
        self.id
    }

    /// The value.
    pub fn value(&self) -> &Tensor<T> {
        &self.value
    }

    /// The value, to be changed.
    pub fn value_mut(&mut self) -> &mut Tensor<T> {
        &mut self.value
    }

    /// Its twin in another precision, with an identity of its own.
    pub fn cast<U: Float>(&self) -> Buffer<U> {
        Buffer::new(self.value.cast())
    }
}

impl<T: Float> Clone for Buffer<T> {
    fn clone(&self) -> Self {
        Buffer::new(self.value.clone())
    }
}

/// What buffers become.
#[derive(Clone, Debug)]
pub struct Updates<T: Float = f32> {
    list: Vec<Update<T>>,
    /// Whether [`Tape::update_running`] notes means of what it is given.
    averages: bool,
}

#[derive(Clone, Debug)]
struct Update<T: Float> {
    buffer: BufferId,
    value: Tensor<T>,
    /// How many passes it is the mean of.
    passes: u32,
}

impl<T: Float> Updates<T> {
    pub(crate) const NONE: Updates<T> = Updates { list: Vec::new(), averages: false };

    /// A buffer's next value; None where it stays.
    pub fn get(&self, buffer: &Buffer<T>) -> Option<&Tensor<T>> {
        self.list.iter().find(|update| update.buffer == buffer.id).map(|update| &update.value)
    }

    /// Whether every buffer stays.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn set(&mut self, buffer: BufferId, value: Tensor<T>) {
        match self.list.iter_mut().find(|update| update.buffer == buffer) {
            Some(update) => update.value = value,
            None => self.list.push(Update { buffer, value, passes: 1 }),
        }
    }

    pub(crate) fn clear(&mut self) {
        self.list.clear();
        self.averages = false;
    }

    pub(crate) fn copy_from(&mut self, other: &Updates<T>) {
        self.list.clear();
        self.list.extend_from_slice(&other.list);
    }

    /// Takes in another pass's: of a buffer that both update, the mean over all passes.
    pub fn merge(&mut self, other: &Updates<T>) {
        for theirs in &other.list {
            match self.list.iter_mut().find(|ours| ours.buffer == theirs.buffer) {
                None => self.list.push(theirs.clone()),
                Some(ours) => {
                    let passes = ours.passes + theirs.passes;
                    let share = f64::from(theirs.passes) / f64::from(passes);
                    ours.value = &ours.value + (&theirs.value - &ours.value) * share;
                    ours.passes = passes;
                }
            }
        }
    }
}

impl<T: Float> Tape<T> {
    /// A buffer's value as of now: what this tape's last [`Tape::update`] made it, or its own.
    ///
    /// A layer that is used twice reads its statistics here, so that the second use builds on the first.
    pub fn buffer(&self, buffer: &Buffer<T>) -> Tensor<T> {
        self.with_updates(|updates| updates.get(buffer).unwrap_or(&buffer.value).clone())
    }

    /// Notes what a buffer becomes when the step is done.
    ///
    /// # Panics
    /// If the value has another shape than the buffer.
    #[track_caller]
    pub fn update(&self, buffer: &Buffer<T>, value: Tensor<T>) {
        let (shape, own) = (value.shape(), buffer.value.shape());
        assert!(shape == own, "update: the value has shape {shape:?}, the buffer {own:?}");
        self.with_updates(|updates| updates.set(buffer.id, value));
    }

    /// Notes the next value of a running statistic: (1 − share)·value + share·batch; on a tape of [`Tape::averaging_statistics`] the mean of the batches.
    ///
    /// # Panics
    /// As [`Tape::update`].
    #[track_caller]
    pub fn update_running(&self, buffer: &Buffer<T>, batch: Tensor<T>, share: f64) {
        if !self.with_updates(|updates| updates.averages) {
            return self.update(buffer, self.buffer(buffer) * (1.0 - share) + batch * share);
        }
        let (shape, own) = (batch.shape(), buffer.value.shape());
        assert!(shape == own, "update: the value has shape {shape:?}, the buffer {own:?}");
        let list = vec![Update { buffer: buffer.id, value: batch, passes: 1 }];
        self.with_updates(|updates| updates.merge(&Updates { list, averages: true }));
    }

    /// This tape, with running statistics that forget what they were: [`Tape::update_running`] notes the mean over its calls. For statistics of
    /// other weights than those they were gathered with.
    #[must_use]
    pub fn averaging_statistics(self) -> Tape<T> {
        self.with_updates(|updates| updates.averages = true);
        self
    }

    /// What was noted so far: for passes that end without a step, such as estimating statistics anew.
    pub fn updates(&self) -> Updates<T> {
        self.with_updates(|updates| updates.clone())
    }
}

#[cfg(test)]
mod tests {
    use crate::{Buffer, Gradients, Tape, Tensor};

    fn pass(buffer: &Buffer, x: f32) -> Gradients {
        let tape = Tape::training(1);
        tape.update(buffer, Tensor::from([x]));
        tape.var(Tensor::from([x])).sum().backward()
    }

    #[test]
    fn merged_passes_are_averaged_and_single_ones_kept() {
        let (a, b) = (Buffer::new(Tensor::from([0.0])), Buffer::new(Tensor::from([0.0])));
        let mut grads = pass(&a, 1.0);
        for x in [2.0, 6.0] {
            grads.merge(&pass(&a, x));
        }
        grads.merge(&pass(&b, 5.0));
        assert_eq!(grads.updates().get(&a).unwrap().to_vec(), [3.0]);
        assert_eq!(grads.updates().get(&b).unwrap().to_vec(), [5.0]);
        assert!(grads.updates().get(&a.clone()).is_none(), "a clone is a buffer of its own");
    }

    #[test]
    fn running_statistics_move_by_a_share_or_are_means() {
        let buffer = Buffer::new(Tensor::from([8.0]));
        let noted = |tape: &Tape, batches: [f32; 3]| {
            batches.into_iter().for_each(|x| tape.update_running(&buffer, Tensor::from([x]), 0.5));
            tape.updates().get(&buffer).unwrap().item()
        };
        assert_eq!(noted(&Tape::training(1), [4.0, 2.0, 8.0]), 6.0);
        let averaging = Tape::training(1).averaging_statistics();
        assert_eq!(noted(&averaging, [4.0, 2.0, 9.0]), 5.0);
        // Each use counts, over passes too.
        let mut updates = averaging.updates();
        let other = Tape::training(1).averaging_statistics();
        other.update_running(&buffer, Tensor::from([25.0]), 0.5);
        updates.merge(&other.updates());
        assert_eq!(updates.get(&buffer).unwrap().item(), 10.0);
        drop((averaging, other));
        assert_eq!(noted(&Tape::training(1), [4.0, 2.0, 8.0]), 6.0, "the next tape averages nothing");
        // Under a checkpoint too.
        let (tape, shared) = (Tape::training(1).averaging_statistics(), std::rc::Rc::new(buffer));
        let buffer = std::rc::Rc::clone(&shared);
        let y = tape.var(Tensor::from([3.0])).checkpoint(move |x| {
            x.tape().update_running(&shared, x.value().clone(), 0.5);
            x * 2.0
        });
        assert_eq!(tape.updates().get(&buffer).unwrap().item(), 3.0);
        assert_eq!(y.sum().backward().updates().get(&buffer).unwrap().item(), 3.0);
    }

    #[test]
    fn a_new_tape_knows_nothing_of_the_last_ones() {
        let buffer = Buffer::new(Tensor::from([7.0]));
        drop(pass(&buffer, 1.0));
        let tape = Tape::training(2);
        assert_eq!(tape.buffer(&buffer).item(), 7.0);
        assert!(tape.updates().is_empty());
        assert!(tape.var(Tensor::from([1.0])).sum().backward().updates().is_empty());
        // An evaluation notes them too: nobody steps, but they can be asked for.
        let tape = Tape::inference();
        tape.update(&buffer, Tensor::from([8.0]));
        assert_eq!(tape.updates().get(&buffer).unwrap().item(), 8.0);
    }

    #[test]
    #[should_panic(expected = "update: the value has shape [2], the buffer [1]")]
    fn an_update_keeps_the_shape() {
        Tape::training(1).update(&Buffer::new(Tensor::from([0.0])), Tensor::from([1.0, 2.0]));
    }
}
