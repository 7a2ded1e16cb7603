//! Losses of a prediction and a target, element by element. Formulas stand with the methods of [`tape::Var`].

use super::Reduction;
use super::checks::{above_0, at_least_0, target};
use crate::Result;
use tape::{Float, Operand, Var};

/// (x − t)², of any shape.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mse {
    reduction: Reduction,
}

/// |x − t|, of any shape. The derivative at 0 is 0.
#[derive(Clone, Copy, Debug, Default)]
pub struct L1 {
    reduction: Reduction,
}

/// r²/(2β) where |r| ≤ β, else |r| − β/2, of r = x − t (Girshick 2015): [`Huber`]'s over β. β = 0 gives |r|.
///
/// ```
/// use nn::loss::SmoothL1;
/// use tape::{Tape, Tensor};
/// let x = Tape::inference().input(Tensor::from([1.0, 4.0]));
/// assert_eq!(SmoothL1::new(2.0).forward(x, Tensor::from([0.0, 0.0]))?.item(), (0.25 + 3.0) / 2.0);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SmoothL1 {
    beta: f64,
    reduction: Reduction,
}

/// r²/2 where |r| ≤ δ, else δ·(|r| − δ/2), of r = x − t (Huber 1964).
#[derive(Clone, Copy, Debug)]
pub struct Huber {
    delta: f64,
    reduction: Reduction,
}

impl Mse {
    /// The mean over the elements.
    pub fn new() -> Mse {
        Mse::default()
    }

    /// Mean, sum, or one loss for each element.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> Mse {
        self.reduction = reduction;
        self
    }

    /// The loss of a prediction against a target.
    ///
    /// # Errors
    /// If the shapes differ.
    #[track_caller]
    pub fn forward<T: Float>(&self, x: Var<T>, target: impl Operand<T>) -> Result<Var<T>> {
        let target = self::target("Mse", &x, target)?;
        Ok(self.reduction.of((x - target).square()))
    }
}

impl L1 {
    /// The mean over the elements.
    pub fn new() -> L1 {
        L1::default()
    }

    /// Mean, sum, or one loss for each element.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> L1 {
        self.reduction = reduction;
        self
    }

    /// The loss of a prediction against a target.
    ///
    /// # Errors
    /// If the shapes differ.
    #[track_caller]
    pub fn forward<T: Float>(&self, x: Var<T>, target: impl Operand<T>) -> Result<Var<T>> {
        let target = self::target("L1", &x, target)?;
        Ok(self.reduction.of((x - target).abs()))
    }
}

impl Default for SmoothL1 {
    fn default() -> SmoothL1 {
        SmoothL1::new(1.0)
    }
}

impl SmoothL1 {
    /// With this β, at least 0; 1 is usual.
    pub fn new(beta: f64) -> SmoothL1 {
        SmoothL1 { beta, reduction: Reduction::Mean }
    }

    /// Mean, sum, or one loss for each element.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> SmoothL1 {
        self.reduction = reduction;
        self
    }

    /// The loss of a prediction against a target.
    ///
    /// # Errors
    /// If the shapes differ, or if β is below 0 or not finite.
    #[track_caller]
    pub fn forward<T: Float>(&self, x: Var<T>, target: impl Operand<T>) -> Result<Var<T>> {
        at_least_0("SmoothL1", "β", self.beta)?;
        let target = self::target("SmoothL1", &x, target)?;
        if self.beta == 0.0 {
            return Ok(self.reduction.of((x - target).abs()));
        }
        Ok(huber(x, target, self.beta, self.reduction) / self.beta)
    }
}

impl Default for Huber {
    fn default() -> Huber {
        Huber::new(1.0)
    }
}

impl Huber {
    /// With this δ, above 0; 1 is usual.
    pub fn new(delta: f64) -> Huber {
        Huber { delta, reduction: Reduction::Mean }
    }

    /// Mean, sum, or one loss for each element.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> Huber {
        self.reduction = reduction;
        self
    }

    /// The loss of a prediction against a target.
    ///
    /// # Errors
    /// If the shapes differ, or if δ is not above 0 and finite.
    #[track_caller]
    pub fn forward<T: Float>(&self, x: Var<T>, target: impl Operand<T>) -> Result<Var<T>> {
        above_0("Huber", "δ", self.delta)?;
        let target = self::target("Huber", &x, target)?;
        Ok(huber(x, target, self.delta, self.reduction))
    }
}

#[track_caller]
fn huber<T: Float>(x: Var<T>, target: Var<T>, delta: f64, reduction: Reduction) -> Var<T> {
    if reduction == Reduction::Mean {
        return x.huber(target, delta);
    }
    let r = x - target;
    let held = r.clone().clamp(-delta, delta);
    reduction.of((r - &held * 0.5) * held)
}
