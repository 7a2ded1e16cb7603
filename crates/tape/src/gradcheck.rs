//! [`gradcheck`]: analytic gradients against central differences in f64, first and second order.
//!
//! The function's outputs are reduced to one number by a fixed random cotangent. Small inputs are checked coordinate by
//! coordinate, large ones along random directions, at a cost that does not grow with their size. At a kink, where the two
//! one-sided slopes differ however small the step, any value between them is right; kinks are counted, and more than one
//! coordinate in ten is an error, because then the check says little. The first-order pass (fused rules) and the recorded
//! pass (composed rules) are both run, and compared with each other.

use crate::{Error, Result, Rng, Tape, Tensor, Var};

/// Up to this many coordinates each is checked by itself.
const SMALL: usize = 100;
/// Directions along which larger inputs are checked.
const DIRECTIONS: usize = 8;
/// Steps relative to max(1, |x|): the first is the most exact for smooth functions, smaller ones step over fewer kinks.
const STEPS: [f64; 3] = [1e-5, 1e-6, 1e-7];
/// What finite differences and analytic gradients may differ by, absolutely and relatively.
const TOLERANCE: (f64, f64) = (1e-6, 1e-5);

/// What was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gradchecked {
    /// Coordinates or directions whose slopes were compared, of both orders.
    pub slopes: usize,
    /// Of these, how many lay on a kink.
    pub kinks: usize,
}

/// Checks the first and second derivatives of `f` at `inputs`.
///
/// ```
/// use tape::{Tensor, gradcheck};
/// let x = Tensor::f64([0.5, -1.5, 2.0]);
/// gradcheck(|[x]| (&x * &x).leaky_relu(0.1).sum(), [&x])?;
/// # Ok::<(), tape::Error>(())
/// ```
///
/// # Errors
/// If a gradient is wrong: the input, the index, both values and the ops. If a value is not finite, if too many
/// coordinates lie on kinks, or if the two kinds of pass disagree.
#[track_caller]
pub fn gradcheck<const N: usize>(
    f: impl Fn([Var<f64>; N]) -> Var<f64>,
    inputs: [&Tensor<f64>; N],
) -> Result<Gradchecked> {
    let f = |xs: Vec<Var<f64>>| f(xs.try_into().unwrap_or_else(|_| unreachable!("one variable for each input")));
    gradcheck_many(f, &inputs.map(Clone::clone))
}

/// As [`gradcheck`], of first derivatives only: for functions whose second does not exist.
///
/// # Errors
/// As [`gradcheck`].
#[track_caller]
pub fn gradcheck_first_order<const N: usize>(
    f: impl Fn([Var<f64>; N]) -> Var<f64>,
    inputs: [&Tensor<f64>; N],
) -> Result<Gradchecked> {
    let f = |xs: Vec<Var<f64>>| f(xs.try_into().unwrap_or_else(|_| unreachable!("one variable for each input")));
    gradcheck_many_first_order(f, &inputs.map(Clone::clone))
}

#[track_caller]
pub(crate) fn gradcheck_many_first_order(
    f: impl Fn(Vec<Var<f64>>) -> Var<f64>,
    inputs: &[Tensor<f64>],
) -> Result<Gradchecked> {
    Check::new(&f, inputs)?.first_order()?.within_limits()
}

/// As [`gradcheck`] for any number of inputs.
///
/// # Errors
/// As [`gradcheck`].
#[track_caller]
pub fn gradcheck_many(f: impl Fn(Vec<Var<f64>>) -> Var<f64>, inputs: &[Tensor<f64>]) -> Result<Gradchecked> {
    let check = Check::new(&f, inputs)?;
    let first = check.first_order()?;
    check.second_order(first)?.within_limits()
}

impl Gradchecked {
    fn within_limits(self) -> Result<Gradchecked> {
        if 10 * self.kinks > self.slopes {
            return Err(Error::Gradcheck(format!(
                "{} of {} slopes lie on a kink, more than 1 in 10: sample away from kinks, or the check says little",
                self.kinks, self.slopes
            )));
        }
        Ok(self)
    }
}

/// A function, where it is checked, and the numbers its outputs and gradients are projected on.
struct Check<'a, F> {
    f: &'a F,
    inputs: &'a [Tensor<f64>],
    /// The cotangent of the outputs.
    dy: Tensor<f64>,
    /// The weights of the first gradients in the second-order check.
    weights: Vec<Tensor<f64>>,
    /// The ops the function records.
    ops: String,
}

/// A direction in the space of all inputs, and how messages call it.
struct Direction {
    steps: Vec<Tensor<f64>>,
    scale: f64,
    name: String,
}

impl<'a, F: Fn(Vec<Var<f64>>) -> Var<f64>> Check<'a, F> {
    fn new(f: &'a F, inputs: &'a [Tensor<f64>]) -> Result<Self> {
        let tape = Tape::probing();
        let y = f(inputs.iter().map(|x| tape.var(x.clone())).collect());
        if let Some(bad) = y.to_vec().iter().find(|v| !v.is_finite()) {
            return Err(Error::Gradcheck(format!("the function's value is {bad}: check gradients where it is finite")));
        }
        let mut rng = Rng::seed(20_151_202);
        let dy = weights_like(y.value(), &mut rng);
        let weights = inputs.iter().map(|x| weights_like(x, &mut rng)).collect();
        Ok(Check { f, inputs, dy, weights, ops: tape.op_names().join(", ") })
    }

    /// Σ dy · f(x).
    fn value(&self, xs: &[Tensor<f64>]) -> f64 {
        let tape = Tape::inference();
        dot((self.f)(xs.iter().map(|x| tape.input(x.clone())).collect()).value(), &self.dy)
    }

    /// Σ weights · ∂(Σ dy · f)/∂x, by the recorded pass.
    fn slope(&self, xs: &[Tensor<f64>]) -> f64 {
        let tape = Tape::probing();
        let xs: Vec<_> = xs.iter().map(|x| tape.var(x.clone())).collect();
        let y = (self.f)(xs.clone());
        let gradients = y.grad_with(tape.input(self.dy.clone()), &xs.iter().collect::<Vec<_>>());
        gradients.iter().zip(&self.weights).map(|(g, w)| dot(g.value(), w)).sum()
    }

    fn first_order(&self) -> Result<Gradchecked> {
        let fused = self.fused_gradients();
        let recorded = self.recorded_gradients();
        for (i, (fused, recorded)) in fused.iter().zip(&recorded).enumerate() {
            if !fused.allclose(recorded, 1e-9, 1e-9) {
                return Err(Error::Gradcheck(format!(
                    "input {i}: the first-order pass says {fused}, the recorded pass {recorded}; ops: {}",
                    self.ops
                )));
            }
        }
        self.compare("gradient", &fused, |xs| self.value(xs), Gradchecked::default(), false)
    }

    fn second_order(&self, so_far: Gradchecked) -> Result<Gradchecked> {
        let tape = Tape::probing();
        let xs: Vec<_> = self.inputs.iter().map(|x| tape.var(x.clone())).collect();
        let y = (self.f)(xs.clone());
        let refs: Vec<_> = xs.iter().collect();
        let gradients = y.grad_with(tape.input(self.dy.clone()), &refs);
        let slope = gradients.iter().zip(&self.weights).map(|(g, w)| (g * w).sum()).reduce(|a, b| a + b);
        let Some(slope) = slope else { return Ok(so_far) };
        let one = tape.input(slope.value().ones_like());
        let second: Vec<_> = slope.grad_with(one, &refs).into_iter().map(Var::into_value).collect();
        self.compare("second derivative", &second, |xs| self.slope(xs), so_far, true)
    }

    fn fused_gradients(&self) -> Vec<Tensor<f64>> {
        let tape = Tape::probing();
        let xs: Vec<_> = self.inputs.iter().map(|x| tape.var(x.clone())).collect();
        let y = (self.f)(xs.clone());
        if !y.is_tracked() {
            return self.inputs.iter().map(Tensor::zeros_like).collect();
        }
        let gradients = y.backward_with(self.dy.clone());
        xs.iter().map(|x| gradients.get(x).cloned().unwrap_or_else(|| x.value().zeros_like())).collect()
    }

    fn recorded_gradients(&self) -> Vec<Tensor<f64>> {
        let tape = Tape::probing();
        let xs: Vec<_> = self.inputs.iter().map(|x| tape.var(x.clone())).collect();
        let y = (self.f)(xs.clone());
        let gradients = y.grad_with(tape.input(self.dy.clone()), &xs.iter().collect::<Vec<_>>());
        gradients.into_iter().map(Var::into_value).collect()
    }

    /// Compares analytic gradients with differences of `value`. `jumps`: whether a kink of f is a jump of `value`.
    fn compare(
        &self,
        what: &str,
        gradients: &[Tensor<f64>],
        value: impl Fn(&[Tensor<f64>]) -> f64,
        mut done: Gradchecked,
        jumps: bool,
    ) -> Result<Gradchecked> {
        for direction in self.directions() {
            let analytic: f64 = gradients.iter().zip(&direction.steps).map(|(g, d)| dot(g, d)).sum();
            let at = |step: f64| {
                let moved = |(x, d): (&Tensor<f64>, &Tensor<f64>)| x.zip_map(d, |x, d| x + step * direction.scale * d);
                value(&self.inputs.iter().zip(&direction.steps).map(moved).collect::<Vec<_>>())
            };
            let sides = STEPS.map(|h| (at(-h), at(0.0), at(h), h * direction.scale));
            done.slopes += 1;
            match judge(analytic, &sides, jumps) {
                Verdict::Right => {}
                Verdict::Kink => done.kinks += 1,
                Verdict::Wrong(numeric) => {
                    return Err(Error::Gradcheck(format!(
                        "{}: the {what} is {analytic:e} by the rules and {numeric:e} by differences; ops: {}",
                        direction.name, self.ops
                    )));
                }
            }
        }
        Ok(done)
    }

    fn directions(&self) -> Vec<Direction> {
        let count: usize = self.inputs.iter().map(Tensor::len).sum();
        if count <= SMALL {
            let coordinates = self.inputs.iter().enumerate().flat_map(|(i, x)| (0..x.len()).map(move |j| (i, j)));
            return coordinates.map(|(i, j)| self.coordinate(i, j)).collect();
        }
        let mut rng = Rng::seed(19_850_613);
        let random = |k| {
            let steps = self.inputs.iter().map(|x| x.randn_like(&mut rng)).collect();
            Direction { steps, scale: 1.0, name: format!("random direction {k} over {count} coordinates") }
        };
        (0..DIRECTIONS).map(random).collect()
    }

    fn coordinate(&self, input: usize, index: usize) -> Direction {
        let mut steps: Vec<_> = self.inputs.iter().map(Tensor::zeros_like).collect();
        steps[input].make_mut()[index] = 1.0;
        let x = self.inputs[input].to_vec()[index];
        let (shape, mut rest) = (self.inputs[input].shape(), index);
        let mut position: Vec<usize> = shape.iter().rev().map(|&size| (rest % size, rest /= size).0).collect();
        position.reverse();
        Direction { steps, scale: x.abs().max(1.0), name: format!("input {input} at {position:?} (x = {x})") }
    }
}

enum Verdict {
    Right,
    Kink,
    Wrong(f64),
}

/// Whether a slope fits function values at −h, 0 and h, for several h.
fn judge(analytic: f64, sides: &[(f64, f64, f64, f64)], jumps: bool) -> Verdict {
    let close = |a: f64, b: f64| (a - b).abs() <= TOLERANCE.0 + TOLERANCE.1 * a.abs().max(b.abs());
    let central = |&(below, _, above, h): &(f64, f64, f64, f64)| (above - below) / (2.0 * h);
    // Smaller steps lose digits: what they may be off by grows with the values' size over the step.
    let fits = |side: &(f64, f64, f64, f64)| {
        let rounding = 8.0 * f64::EPSILON * side.0.abs().max(side.2.abs()) / side.3;
        close(analytic, central(side)) || (analytic - central(side)).abs() <= rounding
    };
    if sides.iter().any(fits) {
        return Verdict::Right;
    }
    let slopes = |&(below, here, above, h): &(f64, f64, f64, f64)| ((here - below) / h, (above - here) / h);
    let (first, last) = (slopes(&sides[0]), slopes(&sides[sides.len() - 1]));
    let (gap, last_gap) = ((first.0 - first.1).abs(), (last.0 - last.1).abs());
    if jumps && last_gap > 4.0 * gap {
        return Verdict::Kink;
    }
    let is_kink = last_gap > 0.5 * gap && !close(last.0, last.1);
    let margin = TOLERANCE.0 * 100.0 + TOLERANCE.1 * analytic.abs();
    let between = analytic >= last.0.min(last.1) - margin && analytic <= last.0.max(last.1) + margin;
    if is_kink && between { Verdict::Kink } else { Verdict::Wrong(central(&sides[0])) }
}

/// Numbers in ±[0.5, 1.5], so that nothing is projected away.
fn weights_like(x: &Tensor<f64>, rng: &mut Rng) -> Tensor<f64> {
    let mut weights = x.zeros_like();
    for w in weights.make_mut() {
        *w = (0.5 + rng.uniform()) * if rng.uniform() < 0.5 { -1.0 } else { 1.0 };
    }
    weights
}

fn dot(a: &Tensor<f64>, b: &Tensor<f64>) -> f64 {
    a.to_vec().iter().zip(b.to_vec()).map(|(a, b)| if b == 0.0 { 0.0 } else { a * b }).sum()
}

#[cfg(test)]
mod tests;
