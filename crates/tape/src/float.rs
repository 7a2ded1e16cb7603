//! The two number types that can be differentiated, and what a thread keeps for the next tape of each.

use crate::gradients::Slots;
use crate::tape::Storage;
use crate::tensor::Cell;
use std::cell::RefCell;

/// f32 or f64.
pub trait Float: kernels::Float + Spares + Cell {}
impl Float for f32 {}
impl Float for f64 {}

/// Emptied vectors of ended tapes, so that a training step's tape asks the system for nothing.
pub struct Spare<T: Float> {
    pub(crate) storages: Vec<Storage<T>>,
    pub(crate) slots: Vec<Slots<T>>,
}

/// How many emptied vectors of each kind a thread keeps.
const KEPT: usize = 8;

/// Out of reach from outside, so nobody else can implement [`Float`].
pub trait Spares: Sized {
    /// Calls `f` with what this thread keeps; None while the thread ends.
    fn with_spare<R>(f: impl FnOnce(&mut Spare<Self>) -> R) -> Option<R>
    where
        Self: Float;
}

macro_rules! spares {
    ($type:ty) => {
        impl Spares for $type {
            fn with_spare<R>(f: impl FnOnce(&mut Spare<Self>) -> R) -> Option<R> {
                thread_local! {
                    static SPARE: RefCell<Spare<$type>> = const {
                        RefCell::new(Spare { storages: Vec::new(), slots: Vec::new() })
                    };
                }
                SPARE.try_with(|spare| spare.try_borrow_mut().ok().map(|mut spare| f(&mut spare))).ok().flatten()
            }
        }
    };
}
spares!(f32);
spares!(f64);

/// Keeps an emptied vector, if there is room.
pub(crate) fn keep_spare<V>(spares: &mut Vec<V>, emptied: V) {
    if spares.len() < KEPT {
        spares.push(emptied);
    }
}
