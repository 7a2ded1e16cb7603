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

/// A trainable tensor: its value, what kind it is, whether it is trained at all, and between which bounds it stays.
///
/// A clone is a parameter of its own with the same numbers. Using one parameter twice ties it.
#[derive(Debug)]
pub struct Param<T: Float = f32> {
    id: ParamId,
    value: Tensor<T>,
    group: Group,
    is_trainable: bool,
    bounds: Option<(T, T)>,
}

impl<T: Float> Param<T> {
    /// A parameter with this value.
    pub fn new(value: Tensor<T>, group: Group) -> Param<T> {
        Param { id: ParamId::next(), value, group, is_trainable: true, bounds: None }
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

    /// The parameter, held between two bounds from now on: an optimiser's step ends with [`Param::project`], and a file with other
    /// numbers is refused. A bound may be infinite.
    ///
    /// ```
    /// use tape::{Group, Param, Tensor};
    /// let mut slope = Param::new(Tensor::from([0.25, 1.0]), Group::Slope).within(0, 1);
    /// *slope.value_mut() = Tensor::from([-0.5, 0.75]);
    /// slope.project();
    /// assert_eq!(slope.value().to_vec(), [0.0, 0.75]);
    /// ```
    ///
    /// # Panics
    /// If `low` is above `high`, if one is NaN, or if a number is not between them.
    #[must_use]
    #[track_caller]
    pub fn within(mut self, low: impl Into<f64>, high: impl Into<f64>) -> Param<T> {
        let (low, high) = (T::from_f64(low.into()), T::from_f64(high.into()));
        assert!(
            low <= high,
            "Param::within: the bounds {low} and {high} leave no room; give the lower one first, and no NaN"
        );
        self.bounds = Some((low, high));
        if let Some((element, number)) = self.first_outside(&self.value) {
            panic!("Param::within: {number} at element {element} is not between {low} and {high}");
        }
        self
    }

    /// The bounds it is held between, if there are any.
    #[inline]
    pub fn bounds(&self) -> Option<(T, T)> {
        self.bounds
    }

    /// The first number of a tensor that the bounds forbid (NaN among them), and its place in row-major order.
    pub fn first_outside(&self, value: &Tensor<T>) -> Option<(usize, T)> {
        let (low, high) = self.bounds?;
        value.iter().enumerate().find(|&(_, number)| !(low <= number && number <= high))
    }

    /// Brings every number that is beyond a bound onto it. NaN, which the overflow of an optimiser's memory can lead to, becomes
    /// the number nearest to 0.
    pub fn project(&mut self) {
        let Some((low, high)) = self.bounds else { return };
        if self.first_outside(&self.value).is_none() {
            return;
        }
        for number in self.value.make_mut() {
            let from = if number.is_nan() { T::ZERO } else { *number };
            *number = match from {
                from if from < low => low,
                from if from > high => high,
                from => from,
            };
        }
    }

    /// Its twin in another precision, with an identity of its own. Finite bounds stay finite.
    pub fn cast<U: Float>(&self) -> Param<U> {
        let bound = |bound: T| {
            let (largest, rounded) = (f64::from(f32::MAX), U::from_f64(bound.to_f64()));
            let overflows = bound.is_finite() && !rounded.is_finite();
            if overflows { U::from_f64(bound.to_f64().clamp(-largest, largest)) } else { rounded }
        };
        let bounds = self.bounds.map(|(low, high)| (bound(low), bound(high)));
        let mut twin = Param { is_trainable: self.is_trainable, bounds, ..Param::new(self.value.cast(), self.group) };
        // A number that overflows where its bound does not.
        twin.project();
        twin
    }
}

impl<T: Float> Clone for Param<T> {
    fn clone(&self) -> Self {
        Param { id: ParamId::next(), value: self.value.clone(), ..*self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_onto_the_nearer_bound() {
        let mut param = Param::new(Tensor::from([0.5; 6]), Group::Slope).within(-0.5, 1);
        *param.value_mut() = Tensor::from([f32::NEG_INFINITY, -0.5, 0.25, 1.5, f32::INFINITY, f32::NAN]);
        assert_eq!(param.first_outside(param.value()), Some((0, f32::NEG_INFINITY)));
        param.project();
        assert_eq!(param.value().to_vec(), [-0.5, -0.5, 0.25, 1.0, 1.0, 0.0]);
        let mut above = Param::new(Tensor::from([2.0]), Group::Slope).within(1.5, f64::INFINITY);
        *above.value_mut() = Tensor::from([f32::NAN]);
        above.project();
        assert_eq!(above.value().to_vec(), [1.5]);
    }

    #[test]
    fn clones_and_twins_keep_the_bounds() {
        let param = Param::new(Tensor::from([0.1]), Group::Slope).within(0.1f32, f32::MAX);
        assert_eq!(param.clone().bounds(), Some((0.1, f32::MAX)));
        assert_eq!(param.cast::<f64>().bounds(), Some((f64::from(0.1f32), f64::from(f32::MAX))));
        let wide = Param::new(Tensor::f64([1e300]), Group::Slope).within(0, f64::MAX);
        assert_eq!((wide.cast::<f32>().bounds(), wide.cast::<f32>().value().item()), (Some((0.0, f32::MAX)), f32::MAX));
        let open = Param::new(Tensor::f64([1.0]), Group::Slope).within(0, f64::INFINITY);
        assert_eq!(open.cast::<f32>().bounds(), Some((0.0, f32::INFINITY)));
        let mut free = Param::new(Tensor::from([0.1]), Group::Slope);
        assert_eq!((free.bounds(), free.clone().is_trainable(), free.cast::<f64>().is_trainable()), (None, true, true));
        free.set_trainable(false);
        assert!(!free.clone().is_trainable() && !free.cast::<f64>().is_trainable());
    }

    #[test]
    fn bounds_that_make_no_sense_are_named() {
        for (low, high, text) in
            [(1.0, 0.0, "leave no room"), (f64::NAN, 1.0, "no NaN"), (0.5, 1.0, "0.25 at element 1")]
        {
            let param = Param::new(Tensor::from([0.75, 0.25]), Group::Slope);
            let message = std::panic::catch_unwind(|| param.within(low, high)).unwrap_err();
            let message = *message.downcast::<String>().unwrap();
            assert!(message.contains(text), "{message}");
        }
    }
}
