//! [`Param`]: a trainable tensor with an identity.

use crate::{Float, Tensor};
use std::sync::atomic::{AtomicU64, Ordering};

/// Tells parameters apart. Later ones are larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParamId(u64);

impl ParamId {
    fn next() -> ParamId {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        ParamId(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// What kind of parameter it is, for optimisers that treat kinds differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// A weight matrix or kernel: decays.
    Weight,
    /// A bias or a norm's γ and β.
    Bias,
    /// A rectifier's learned slope α: never decays unless asked, because decay pulls it to 0 (He et al. 2015).
    Slope,
}

/// A trainable tensor: its value, what kind it is, and whether it is trained at all.
///
/// A clone is a parameter of its own with the same numbers. Using one parameter twice ties it.
#[derive(Debug)]
pub struct Param<T: Float = f32> {
    id: ParamId,
    value: Tensor<T>,
    group: Group,
    is_trainable: bool,
}

impl<T: Float> Param<T> {
    /// A parameter with this value.
    pub fn new(value: Tensor<T>, group: Group) -> Param<T> {
        Param { id: ParamId::next(), value, group, is_trainable: true }
    }

    /// The identity.
    #[inline]
    pub fn id(&self) -> ParamId {
        self.id
    }

    /// The value.
    #[inline]
    pub fn value(&self) -> &Tensor<T> {
        &self.value
    }

    /// The value, to be changed.
    #[inline]
    pub fn value_mut(&mut self) -> &mut Tensor<T> {
        &mut self.value
    }

    /// What kind it is.
    pub fn group(&self) -> Group {
        self.group
    }

    /// Whether gradients flow to it.
    #[inline]
    pub fn is_trainable(&self) -> bool {
        self.is_trainable
    }

    /// Freezes or unfreezes it.
    pub fn set_trainable(&mut self, is_trainable: bool) {
        self.is_trainable = is_trainable;
    }

    /// Its twin in another precision, with an identity of its own.
    pub fn cast<U: Float>(&self) -> Param<U> {
        let mut twin = Param::new(self.value.cast(), self.group);
        twin.is_trainable = self.is_trainable;
        twin
    }
}

impl<T: Float> Clone for Param<T> {
    fn clone(&self) -> Self {
        Param { id: ParamId::next(), value: self.value.clone(), ..*self }
    }
}
