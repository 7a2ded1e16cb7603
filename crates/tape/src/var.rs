//! [`Var`]: a value on a tape.

use crate::tape::UNTRACKED;
use crate::{Float, Shape, Tape, Tensor};

/// A tensor and its place on a [`Tape`]. Cloning is O(1).
///
/// Ops take their operand by value: `x.exp()` consumes this handle, and an op may overwrite numbers that nobody else
/// holds. Where `x` is wanted later, write `x.clone().exp()`. Operators work on values and references alike.
pub struct Var<T: Float = f32> {
    /// None only in an operand that an op has taken apart.
    value: Option<Tensor<T>>,
    tape: Tape<T>,
    id: u32,
}

/// Why a handle has its numbers.
const WHOLE: &str = "only an op takes a handle apart, and drops it";

const _: () = assert!(size_of::<Var>() == 24 && size_of::<Tensor>() == 8);

impl<T: Float> Clone for Var<T> {
    #[inline]
    fn clone(&self) -> Self {
        Var { value: Some(self.value().clone()), tape: self.tape.clone(), id: self.id }
    }
}

impl<T: Float> Var<T> {
    #[inline]
    pub(crate) fn new(value: Tensor<T>, tape: Tape<T>, id: u32) -> Var<T> {
        Var { value: Some(value), tape, id }
    }

    /// The number on the tape, [`UNTRACKED`] where no gradient flows.
    #[inline]
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// Value, tape and number.
    #[inline]
    pub(crate) fn into_parts(self) -> (Tensor<T>, Tape<T>, u32) {
        (self.value.expect(WHOLE), self.tape, self.id)
    }

    /// Takes the numbers out of a handle that is about to go. One word, where moving the handle would store three and
    /// read them again in wide words a moment later, which waits for the store buffer.
    #[inline]
    pub(crate) fn take_value(&mut self) -> Tensor<T> {
        self.value.take().expect(WHOLE)
    }

    /// As [`Var::take_value`], with the number.
    #[inline]
    pub(crate) fn take_parts(&mut self) -> (Tensor<T>, u32) {
        (self.take_value(), self.id)
    }

    /// The tape this value is on.
    #[inline]
    pub fn tape(&self) -> &Tape<T> {
        &self.tape
    }

    /// The numbers.
    #[inline]
    pub fn value(&self) -> &Tensor<T> {
        self.value.as_ref().expect(WHOLE)
    }

    /// The numbers, the handle given up.
    #[inline]
    pub fn into_value(self) -> Tensor<T> {
        self.value.expect(WHOLE)
    }

    /// The sizes of the axes.
    #[inline]
    pub fn shape(&self) -> &Shape {
        self.value().shape()
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.value().rank()
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.value().len()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.value().is_empty()
    }

    /// The one number of a value with one element.
    ///
    /// # Panics
    /// If there are more or none.
    #[track_caller]
    pub fn item(&self) -> T {
        self.value().item()
    }

    /// The numbers in row-major order.
    pub fn to_vec(&self) -> Vec<T> {
        self.value().to_vec()
    }

    /// Whether gradients flow to this value.
    #[inline]
    pub fn is_tracked(&self) -> bool {
        self.id != UNTRACKED
    }

    /// The same numbers, cut off: no gradient flows through.
    pub fn detach(mut self) -> Var<T> {
        self.id = UNTRACKED;
        self
    }

    /// Keeps this value's gradient in [`crate::Gradients`], as for a leaf.
    pub fn watch(&self) {
        if self.is_tracked() {
            self.tape.with_record(self.id, |record| record.is_watched = true);
        }
    }

    /// An untracked value on the same tape.
    #[inline]
    pub(crate) fn beside(&self, value: Tensor<T>) -> Var<T> {
        Var::new(value, self.tape.clone(), UNTRACKED)
    }
}

impl<T: Float> std::fmt::Debug for Var<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.is_tracked() {
            true => write!(f, "{:?} (value {} on its tape)", self.value(), self.id),
            false => write!(f, "{:?} (untracked)", self.value()),
        }
    }
}
