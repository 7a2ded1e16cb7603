//! PReLU whose slopes stay in a set, whatever training does: y = x where x > 0, else αx with α in a [`Constraint`].
//!
//! Why: α < 0 folds the line (no longer monotone), |α| > 1 lets distances grow, α = 0 forgets what was below 0. Either the optimiser brings α
//! back after each step, or α is a function of a parameter without bounds: [`Enforcement`].

use super::constraint::slopes_of;
use super::invertible::{inverse, log_det};
use crate::error::{expect, setting};
use crate::module::{Axes, CastTo, Module, Path, Pytorch, Visitor, VisitorMut};
use crate::{Constraint, Enforcement, Layer, Result};
use tape::{Float, Group, Param, Rectifier, Shape, Tape, Tensor, Var};

/// A rectifier that learns its slope below 0, within a set.
///
/// The parameter is named `alpha` under projection (`weight` in PyTorch's files, as PReLU's), `raw` under reparametrisation. Slopes start at
/// 0.25 where that is inside the set, else in its middle, or at twice the least slope. Reading a file whose slopes are outside is an error.
///
/// ```
/// use nn::prelude::*;
/// #[derive(Module)]
/// struct Net { act: ConstrainedPRelu }
/// let mut net = Net { act: ConstrainedPRelu::per_feature(2, Constraint::UnitInterval, Enforcement::Projection) };
/// let x = Tape::training(0).input(Tensor::from([[-1e20, -1.0]]));
/// let loss = (net.act.forward(x) * Tensor::from([-1.0, 1.0])).sum();
/// Sgd::new(1.0).step(&mut net, loss.backward())?;
/// assert_eq!(net.act.alpha().to_vec(), [0.0, 1.0]); // not −1e20 and 1.25
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ConstrainedPRelu<T: Float = f32> {
    stored: Param<T>,
    constraint: Constraint,
    enforcement: Enforcement,
}

impl ConstrainedPRelu {
    /// One slope for everything.
    ///
    /// # Panics
    /// If there is no such set, as for all constructors here; [`ConstrainedPRelu::with_alpha`] returns the error.
    #[track_caller]
    pub fn shared(constraint: Constraint, enforcement: Enforcement) -> ConstrainedPRelu {
        ConstrainedPRelu::with_shape([1], constraint, enforcement)
    }

    /// One slope for each feature: each index of the last axis.
    #[track_caller]
    pub fn per_feature(features: usize, constraint: Constraint, enforcement: Enforcement) -> ConstrainedPRelu {
        ConstrainedPRelu::with_shape([features], constraint, enforcement)
    }

    /// One slope for each element of an example: `shape` is the input's without the batch axis.
    #[track_caller]
    pub fn per_element(shape: impl Into<Shape>, constraint: Constraint, enforcement: Enforcement) -> ConstrainedPRelu {
        ConstrainedPRelu::with_shape(shape, constraint, enforcement)
    }

    /// Slopes in any shape that broadcasts to the input's: `[H, 1, 1]` for one a row of an image.
    #[track_caller]
    pub fn with_shape(shape: impl Into<Shape>, constraint: Constraint, enforcement: Enforcement) -> ConstrainedPRelu {
        let start = Tensor::full(shape, constraint.start() as f32);
        expect(ConstrainedPRelu::with_alpha(start, constraint, enforcement))
    }

    /// With these slopes.
    ///
    /// # Errors
    /// If there is no such set (bounds in the wrong order, NaN), or if a slope is not finite, not in it, or on its edge under reparametrisation.
    pub fn with_alpha(alpha: Tensor, constraint: Constraint, enforcement: Enforcement) -> Result<ConstrainedPRelu> {
        let stored = constraint.stored(&alpha, enforcement)?;
        Ok(ConstrainedPRelu { stored: param(stored, constraint, enforcement), constraint, enforcement })
    }

    /// All slopes start here.
    ///
    /// # Panics
    /// If the slope is not in the set, or on its edge under reparametrisation; [`ConstrainedPRelu::with_alpha`] returns the error.
    #[must_use]
    #[track_caller]
    pub fn starting_at(self, alpha: f32) -> ConstrainedPRelu {
        let alpha = Tensor::full(*self.stored.value().shape(), alpha);
        expect(ConstrainedPRelu::with_alpha(alpha, self.constraint, self.enforcement))
    }
}

/// The parameter, with the bounds that hold it. What a rounding put outside comes back.
fn param<T: Float>(stored: Tensor<T>, constraint: Constraint, enforcement: Enforcement) -> Param<T> {
    let Some((low, high)) = constraint.stored_bounds(enforcement) else { return Param::new(stored, Group::Slope) };
    // Not by the tensors' `clamp`, whose kernel would be compiled with the library: constructors of f32 call this.
    let (least, most) = (T::from_f64(low), T::from_f64(high));
    let held = |number: T| match number {
        _ if number.is_nan() => T::ZERO,
        _ if number < least => least,
        _ if number > most => most,
        _ => number,
    };
    Param::new(stored.map(held), Group::Slope).within(low, high)
}

impl<T: Float> ConstrainedPRelu<T> {
    /// α.
    pub fn alpha(&self) -> Tensor<T> {
        slopes_of(self.constraint, self.stored.value(), self.enforcement)
    }

    /// The parameter that is trained: α itself under projection, else the ρ of which α is a function.
    pub fn param(&self) -> &Param<T> {
        &self.stored
    }

    /// The parameter that is trained, to be changed. Under projection the next step brings back what is set outside.
    pub fn param_mut(&mut self) -> &mut Param<T> {
        &mut self.stored
    }

    /// The set.
    pub fn constraint(&self) -> Constraint {
        self.constraint
    }

    /// How slopes are kept in it.
    pub fn enforcement(&self) -> Enforcement {
        self.enforcement
    }

    /// α on a tape.
    fn slopes(&self, tape: &Tape<T>) -> Var<T> {
        self.constraint.slopes(tape.param(&self.stored), self.enforcement)
    }

    /// The x that [`Layer::forward`] takes to y: y where y > 0, else y/α.
    ///
    /// # Errors
    /// If a slope is not above 0. [`Constraint::Invertible`] keeps them there.
    pub fn inverse(&self, y: Var<T>) -> Result<Var<T>> {
        let alpha = self.invertible_slopes(y.tape())?;
        Ok(inverse(y, alpha))
    }

    /// The output, and log|det J| for each of the N samples of x `[N, …]`: Σ ln α over its elements that are not above 0, `[N]`.
    ///
    /// # Errors
    /// If a slope is not above 0. [`Constraint::Invertible`] keeps them there.
    pub fn forward_with_log_det(&self, x: Var<T>) -> Result<(Var<T>, Var<T>)> {
        let alpha = self.invertible_slopes(x.tape())?;
        let log_det = log_det(&x, alpha.clone());
        Ok((x.prelu(alpha), log_det))
    }

    fn invertible_slopes(&self, tape: &Tape<T>) -> Result<Var<T>> {
        let alpha = self.slopes(tape);
        match alpha.value().iter().enumerate().find(|(_, alpha)| alpha.is_nan() || *alpha <= T::ZERO) {
            None => Ok(alpha),
            Some((at, slope)) => {
                let problem = "only slopes above 0 have an inverse; Constraint::Invertible keeps them there";
                setting("ConstrainedPRelu", format!("α is {slope} at element {at}: {problem}"))
            }
        }
    }

    fn name(&self) -> &'static str {
        match self.enforcement {
            Enforcement::Projection => "alpha",
            Enforcement::Reparametrisation => "raw",
        }
    }
}

impl<T: Float> Layer<T> for ConstrainedPRelu<T> {
    /// # Panics
    /// If α does not broadcast to x.
    #[track_caller]
    fn forward(&self, x: Var<T>) -> Var<T> {
        let alpha = self.slopes(x.tape());
        x.prelu(alpha)
    }

    fn rectifier(&self, tape: &Tape<T>) -> Option<Rectifier<T>> {
        Some(Rectifier::PRelu(self.slopes(tape)))
    }
}

impl<T: Float> Module<T> for ConstrainedPRelu<T> {
    fn visit<'a>(&'a self, path: &mut Path, visitor: &mut dyn Visitor<'a, T>) {
        path.enter(self.name(), |path| {
            if self.enforcement == Enforcement::Projection {
                visitor.pytorch(path.as_str(), Pytorch { name: Some("weight"), axes: Axes::Vector });
            }
            visitor.param(path.as_str(), &self.stored);
        });
    }
    fn visit_mut<'a>(&'a mut self, path: &mut Path, visitor: &mut dyn VisitorMut<'a, T>) {
        path.enter(self.name(), |path| visitor.param(path.as_str(), &mut self.stored));
    }
}

impl<T: Float, U: Float> CastTo<U> for ConstrainedPRelu<T> {
    type Output = ConstrainedPRelu<U>;
    fn cast_to(&self) -> ConstrainedPRelu<U> {
        let ConstrainedPRelu { constraint, enforcement, .. } = *self;
        // The bounds are rounded anew, not cast.
        let mut stored = param(self.stored.value().cast(), constraint, enforcement);
        stored.set_trainable(self.stored.is_trainable());
        ConstrainedPRelu { stored, constraint, enforcement }
    }
}

#[cfg(test)]
#[path = "constrained_prelu_tests.rs"]
mod tests;
