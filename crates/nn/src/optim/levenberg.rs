//! Levenberg–Marquardt for nonlinear least squares, as a trust-region method with scaled variables (Moré 1978).
//!
//! The residuals r are made linear around the parameters x: r + J·p. A step p minimises ‖r + J·p‖ within ‖D·p‖ ≤ Δ, where D holds the
//! largest norms that the columns of J have had, so that the units of parameters do not matter. Where the bound holds it back,
//! p solves (JᵀJ + λD²)·p = −Jᵀr for a λ that is found by Newton's method (`trust.rs`), never through JᵀJ, whose condition is the
//! square of J's, but by QR of J and then of R over √λ. Δ grows or shrinks with the share of the predicted decrease that came true.

use super::flat::{self, norm};
use super::outcome::{Outcome, Stop};
use super::trust::{Model, Step};
use crate::error::setting;
use crate::{Error, Module, Result};
use tape::{Float, Tape, Tensor, Var, jacobian};

/// Fits a module's parameters so that the sum of squared residuals is least.
///
/// For some hundred parameters at most: every iteration computes the whole Jacobian, one backward pass for each residual. Arithmetic of
/// the method is f64.
///
/// ```
/// use nn::prelude::*;
/// use nn::optim::LevenbergMarquardt;
/// // y = a·exp(b·x), from a = 1, b = 0.
/// let x = Tensor::f64([0.0, 1.0, 2.0, 3.0]);
/// let y = Tensor::f64([2.0, 1.0, 0.5, 0.25]);
/// let mut ab = Param::new(Tensor::f64([1.0, 0.0]), Group::Weight);
/// let outcome = LevenbergMarquardt::new().fit(&mut ab, |ab, tape| {
///     let ab = tape.param(ab);
///     let [a, b] = [0, 1].map(|i| ab.clone().narrow(0, i, 1));
///     a * (b * x.clone()).exp() - y.clone()
/// })?;
/// assert!(outcome.value < 1e-20);
/// assert!((ab.value().to_vec()[1] + 2f64.ln()).abs() < 1e-10);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct LevenbergMarquardt {
    iterations: usize,
    radius: f64,
    step_tolerance: f64,
    change_tolerance: f64,
    gradient_tolerance: f64,
}

const WHAT: &str = "LevenbergMarquardt";

impl Default for LevenbergMarquardt {
    fn default() -> Self {
        LevenbergMarquardt::new()
    }
}

impl LevenbergMarquardt {
    /// At most 1000 iterations, until steps or changes are as small as rounding allows.
    pub fn new() -> LevenbergMarquardt {
        LevenbergMarquardt {
            iterations: 1000,
            radius: 100.0,
            step_tolerance: 1e-12,
            change_tolerance: 1e-20,
            gradient_tolerance: 0.0,
        }
    }

    /// How many iterations it takes at most.
    #[must_use]
    pub fn iterations(mut self, iterations: usize) -> Self {
        self.iterations = iterations;
        self
    }

    /// The first bound on a step, as a multiple of the scaled parameters' norm: 100; from 0.1 on for functions that behave badly far out.
    #[must_use]
    pub fn radius(mut self, radius: f64) -> Self {
        self.radius = radius;
        self
    }

    /// The end: steps are bounded by this share of the scaled parameters' norm.
    #[must_use]
    pub fn step_tolerance(mut self, tolerance: f64) -> Self {
        self.step_tolerance = tolerance;
        self
    }

    /// The end: a step is predicted to lower the sum of squares by no more than this share of it. Near the minimum the share goes with the
    /// square of the parameters' relative error, so 1e-20 is no waste; it is never less than the parameters' float type can tell.
    #[must_use]
    pub fn change_tolerance(mut self, tolerance: f64) -> Self {
        self.change_tolerance = tolerance;
        self
    }

    /// The end: no column of J has a cosine above this with the residuals.
    #[must_use]
    pub fn gradient_tolerance(mut self, tolerance: f64) -> Self {
        self.gradient_tolerance = tolerance;
        self
    }

    fn check(&self) -> Result<()> {
        if !(self.radius.is_finite() && self.radius > 0.0) {
            return setting(WHAT, format!("the radius is {}; it must be finite and positive", self.radius));
        }
        let tolerances =
            [("step", self.step_tolerance), ("change", self.change_tolerance), ("gradient", self.gradient_tolerance)];
        for (name, value) in tolerances {
            if !(value.is_finite() && value >= 0.0) {
                return setting(WHAT, format!("the {name} tolerance is {value}; it must be finite and not negative"));
            }
        }
        Ok(())
    }

    /// Fits the parameters. The closure computes the residuals, of any shape, on the tape it is handed, whose layers behave as in
    /// evaluation. Frozen parameters stay.
    ///
    /// # Errors
    /// If a setting makes no sense, if a trainable parameter has bounds, if there are no residuals, or if a residual or a derivative is
    /// not finite at the start. The parameters are as they were then.
    ///
    /// # Panics
    /// If the residuals are not computed on the tape.
    #[track_caller]
    pub fn fit<T: Float, M: Module<T>>(
        &self,
        net: &mut M,
        residuals: impl Fn(&M, &Tape<T>) -> Var<T>,
    ) -> Result<Outcome> {
        self.check()?;
        flat::length(WHAT, net)?;
        let mut problem = Problem { net, residuals, evaluations: 0 };
        let mut x = flat::numbers(problem.net);
        let mut model = problem.linearised()?;
        model.bound(self.radius * model.scaled_norm(&x));
        if model.radius() == 0.0 {
            model.bound(self.radius);
        }
        let mut iterations = 0;
        let stop = loop {
            if model.cosine() <= self.gradient_tolerance {
                break Stop::Gradient;
            }
            if iterations == self.iterations {
                break Stop::Iterations;
            }
            match self.descend(&mut problem, &mut x, &mut model, iterations == 0) {
                Descent::Goes => iterations += 1,
                Descent::Ends(stop, moved) => {
                    iterations += usize::from(moved);
                    break stop;
                }
            }
        };
        flat::set_numbers(problem.net, &x);
        let (value, gradient, evaluations) = (model.sum_of_squares(), model.largest_gradient(), problem.evaluations);
        Ok(Outcome { value, gradient, iterations, evaluations, stop })
    }

    /// The covariance of fitted parameters, `[parameters, parameters]` in the module's order: s²·(JᵀJ)⁻¹, where s² is the sum of squares over
    /// residuals − parameters. The roots of its diagonal are the parameters' standard deviations.
    ///
    /// It holds where residuals are independent, of one variance, and nearly linear within a few deviations.
    ///
    /// # Errors
    /// If there are no more residuals than parameters, if the residuals do not determine the parameters, or as [`LevenbergMarquardt::fit`].
    pub fn covariance<T: Float, M: Module<T>>(
        net: &M,
        residuals: impl Fn(&M, &Tape<T>) -> Var<T>,
    ) -> Result<Tensor<f64>> {
        let parameters = flat::length(WHAT, net)?;
        let model = linearised(net, &residuals)?;
        if model.residuals() <= parameters {
            let count = model.residuals();
            return setting(
                WHAT,
                format!("{count} residuals leave no variance to {parameters} parameters; give more data"),
            );
        }
        let Some(covariance) = model.covariance() else {
            return setting(WHAT, "the residuals do not determine the parameters: J is singular; freeze one of them");
        };
        Ok(Tensor::new(&covariance, [parameters, parameters]))
    }

    /// Tries shorter and shorter steps until one lowers the sum of squares.
    fn descend<T: Float, M: Module<T>, F: Fn(&M, &Tape<T>) -> Var<T>>(
        &self,
        problem: &mut Problem<'_, M, F>,
        x: &mut Vec<f64>,
        model: &mut Model,
        is_first: bool,
    ) -> Descent {
        let precision = T::EPSILON.to_f64();
        let least_change = self.change_tolerance.max(100.0 * precision * precision);
        let least_step = self.step_tolerance.max(precision);
        // By how much of itself rounding may move the sum of squares.
        let noise = 8.0 * precision;
        loop {
            let Step { p, length, predicted, slope } = model.step();
            if is_first && length < model.radius() {
                model.bound(length);
            }
            let to = problem.move_to(&flat::along(x, 1.0, &p));
            if to == *x {
                return Descent::Ends(Stop::Change, false);
            }
            let r = problem.residuals();
            let mut actual = model.decrease(norm(&r));
            // Where the sum no longer tells, the model still does.
            let drowns = predicted <= noise && actual.abs() <= noise;
            if drowns {
                actual = predicted;
            }
            let is_lower = predicted > 0.0 && actual >= 1e-4 * predicted;
            let next = if is_lower { problem.linearised().ok() } else { None };
            let has_moved = next.is_some();
            // Nothing could follow a point without a Jacobian: it is as bad as one without residuals.
            model.judge(if is_lower && !has_moved { -1.0 } else { actual }, predicted, slope, length);
            if let Some(next) = next {
                *x = to;
                model.follow(next);
            }
            let ends = |stop| Descent::Ends(stop, has_moved);
            if drowns && predicted <= least_change {
                return ends(Stop::Change);
            }
            if !has_moved && model.radius() <= least_step * model.scaled_norm(x) {
                return ends(Stop::Change);
            }
            if model.radius() < f64::MIN_POSITIVE {
                return ends(Stop::Stuck);
            }
            if has_moved {
                return Descent::Goes;
            }
        }
    }
}

/// What came of an iteration.
enum Descent {
    Goes,
    /// Why it is the last, and whether it changed the parameters.
    Ends(Stop, bool),
}

/// A module and its residuals.
struct Problem<'n, M, F> {
    net: &'n mut M,
    residuals: F,
    evaluations: usize,
}

impl<M, F> Problem<'_, M, F> {
    /// Gives the module other numbers; what became of them in its float type.
    fn move_to<T: Float>(&mut self, x: &[f64]) -> Vec<f64>
    where
        M: Module<T>,
    {
        flat::set_numbers(self.net, x);
        flat::numbers(self.net)
    }

    /// The residuals where the module is.
    fn residuals<T: Float>(&mut self) -> Vec<f64>
    where
        M: Module<T>,
        F: Fn(&M, &Tape<T>) -> Var<T>,
    {
        self.evaluations += 1;
        (self.residuals)(self.net, &Tape::inference()).value().iter().map(T::to_f64).collect()
    }

    /// Residuals and Jacobian where the module is.
    fn linearised<T: Float>(&mut self) -> Result<Model>
    where
        M: Module<T>,
        F: Fn(&M, &Tape<T>) -> Var<T>,
    {
        self.evaluations += 1;
        linearised(&*self.net, &self.residuals)
    }
}

fn linearised<T: Float, M: Module<T>>(net: &M, residuals: &impl Fn(&M, &Tape<T>) -> Var<T>) -> Result<Model> {
    let numbers = flat::numbers(net);
    let x = Tensor::fill_with([numbers.len()], |to: &mut [T]| {
        to.iter_mut().zip(&numbers).for_each(|(to, &number)| *to = T::from_f64(number));
    });
    let (r, j) = jacobian(
        |x| {
            flat::bind(net, &x);
            residuals(net, x.tape()).flatten(0)
        },
        &x,
    );
    if r.is_empty() {
        return setting(WHAT, "there are no residuals");
    }
    let [r, j] = [r, j].map(|tensor| tensor.iter().map(T::to_f64).collect::<Vec<f64>>());
    for (name, numbers) in [("a residual", &r), ("a derivative of a residual", &j)] {
        if let Some(&value) = numbers.iter().find(|number| !number.is_finite()) {
            return Err(Error::LossNotFinite { what: WHAT, name, value });
        }
    }
    Ok(Model::new(r, &j, x.len()))
}
