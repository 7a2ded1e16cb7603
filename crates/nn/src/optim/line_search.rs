//! A step length that satisfies the strong Wolfe conditions: Nocedal, Wright, "Numerical Optimization" (2006), algorithms 3.5 and 3.6.
//!
//! Along a direction the loss is φ(t). A step is accepted where φ(t) ≤ φ(0) + c₁·t·φ'(0) and |φ'(t)| ≤ c₂·|φ'(0)|. Near a minimum
//! the decrease that is asked for drowns in the rounding of φ while φ' still tells; there a loss within that rounding of φ(0) is taken
//! for a decrease (the approximate Wolfe conditions of Hager, Zhang 2005). Steps where φ is not finite are too long.

/// The line at one step length, and what the caller wants to keep of it.
pub(super) struct Trial<P> {
    pub(super) step: f64,
    pub(super) loss: f64,
    pub(super) slope: f64,
    pub(super) point: P,
}

/// The line at its beginning.
#[derive(Clone, Copy)]
pub(super) struct Start {
    pub(super) loss: f64,
    /// φ'(0), negative.
    pub(super) slope: f64,
    /// By how much rounding may move a loss.
    pub(super) noise: f64,
}

/// c₁: the share of the decrease along the first slope that must come true.
const DECREASE: f64 = 1e-4;
/// c₂: the share of the slope that may be left.
const CURVATURE: f64 = 0.9;
/// How often the line is asked at most.
const EVALUATIONS: usize = 30;

impl Start {
    fn is_low_enough(&self, step: f64, loss: f64) -> bool {
        loss <= self.loss + DECREASE * step * self.slope || (loss - self.loss).abs() <= self.noise
    }

    fn accepts<P>(&self, trial: &Trial<P>) -> bool {
        self.is_low_enough(trial.step, trial.loss) && trial.slope.abs() <= CURVATURE * -self.slope
    }

    /// Whether a minimum lies before this trial, as seen from a lower one.
    fn is_beyond<P>(&self, trial: &Trial<P>, lower: f64) -> bool {
        !self.is_low_enough(trial.step, trial.loss) || trial.loss > lower + self.noise
    }
}

/// One end of an interval: step, loss, slope.
type End = (f64, f64, f64);

fn end<P>(trial: &Trial<P>) -> End {
    (trial.step, trial.loss, trial.slope)
}

/// Looks along a line, `first` first; None if no step makes the loss smaller. `line` gives None where the loss or a slope is not finite.
pub(super) fn search<P>(start: Start, first: f64, mut line: impl FnMut(f64) -> Option<Trial<P>>) -> Option<Trial<P>> {
    let mut left = EVALUATIONS;
    // The last trial from which the loss goes on falling.
    let mut before: Option<Trial<P>> = None;
    // A step that is too long because nothing there is finite.
    let mut limit = f64::INFINITY;
    let mut step = first;
    while left > 0 && step.is_finite() {
        left -= 1;
        let lower = before.as_ref().map_or((0.0, start.loss, start.slope), end);
        let Some(trial) = line(step) else {
            limit = step;
            step = lower.0 + 0.2 * (step - lower.0);
            continue;
        };
        if start.accepts(&trial) {
            return Some(trial);
        }
        if start.is_beyond(&trial, lower.1) {
            let high = end(&trial);
            return zoom(start, before, high, left, line);
        }
        if trial.slope >= 0.0 {
            return zoom(start, Some(trial), lower, left, line);
        }
        let (least, most) = (trial.step + 0.1 * (trial.step - lower.0), 10.0 * trial.step);
        step = minimum(lower, end(&trial)).unwrap_or(most).clamp(least, most);
        if limit.is_finite() {
            step = step.min(0.5 * (trial.step + limit));
        }
        before = Some(trial);
    }
    before.filter(|trial| trial.loss < start.loss)
}

/// Shrinks an interval that holds acceptable steps, from its lower end `low` (None: the beginning of the line) to `high`.
fn zoom<P>(
    start: Start,
    mut low: Option<Trial<P>>,
    mut high: End,
    evaluations: usize,
    mut line: impl FnMut(f64) -> Option<Trial<P>>,
) -> Option<Trial<P>> {
    let mut was_slow = false;
    for _ in 0..evaluations {
        let lower = low.as_ref().map_or((0.0, start.loss, start.slope), end);
        let width = high.0 - lower.0;
        if width.abs() <= f64::EPSILON * high.0.abs() {
            break;
        }
        // Inside, and halfway where the last step took little away.
        let step = match minimum(lower, high) {
            Some(step) if !was_slow => lower.0 + width * ((step - lower.0) / width).clamp(0.1, 0.9),
            _ => lower.0 + 0.5 * width,
        };
        let Some(trial) = line(step) else {
            high = (step, f64::INFINITY, f64::NAN);
            continue;
        };
        if start.accepts(&trial) {
            return Some(trial);
        }
        if start.is_beyond(&trial, lower.1) {
            high = end(&trial);
        } else {
            if trial.slope * width >= 0.0 {
                high = lower;
            }
            low = Some(trial);
        }
        let now = high.0 - low.as_ref().map_or(0.0, |low| low.step);
        was_slow = now.abs() > 0.66 * width.abs();
    }
    low.filter(|trial| trial.loss < start.loss)
}

/// Where the cubic through two ends has its minimum; None if it has none.
fn minimum((a, fa, ga): End, (b, fb, gb): End) -> Option<f64> {
    let d1 = ga + gb - 3.0 * (fa - fb) / (a - b);
    let square = d1 * d1 - ga * gb;
    if !(square >= 0.0 && square.is_finite()) {
        return None;
    }
    let d2 = square.sqrt().copysign(b - a);
    let step = b - (b - a) * (gb + d2 - d1) / (gb - ga + 2.0 * d2);
    step.is_finite().then_some(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches along a function given with its derivative; the accepted step and the number of evaluations.
    fn run(first: f64, f: impl Fn(f64) -> (f64, f64)) -> (Option<Trial<()>>, usize) {
        let (loss, slope) = f(0.0);
        let mut count = 0;
        let trial = search(Start { loss, slope, noise: 0.0 }, first, |step| {
            count += 1;
            let (loss, slope) = f(step);
            (loss.is_finite() && slope.is_finite()).then_some(Trial { step, loss, slope, point: () })
        });
        (trial, count)
    }

    #[test]
    fn accepted_steps_satisfy_both_conditions() {
        type Function = fn(f64) -> (f64, f64);
        let functions: [(&str, Function); 6] = [
            ("parabola", |t| ((t - 3.0).powi(2), 2.0 * (t - 3.0))),
            // Moré, Thuente (1994), functions 1, 2, 3 in spirit: flat far out, steep at first, wavy.
            ("flat", |t| (-t / (t * t + 2.0), (t * t - 2.0) / (t * t + 2.0).powi(2))),
            ("quintic", |t| ((t + 0.004).powi(5) - 2.0 * (t + 0.004).powi(4), (t + 0.004).powi(3) * (5.0 * t - 7.98))),
            ("wavy", |t| (0.1 * t * t - t.sin(), 0.2 * t - t.cos())),
            ("wall", |t| if t < 1.0 { (-t - 0.01 * (1.0 - t).ln(), -1.0 + 0.01 / (1.0 - t)) } else { (f64::NAN, 0.0) }),
            ("logistic", |t| ((-20.0 * t).exp().ln_1p() + t, 1.0 - 20.0 / (1.0 + (20.0 * t).exp()))),
        ];
        for (name, f) in functions {
            let (loss, slope) = f(0.0);
            for first in [1e-3, 0.1, 1.0, 10.0, 1e3, 1e6] {
                let (trial, count) = run(first, f);
                let trial = trial.unwrap_or_else(|| panic!("{name} from {first}"));
                assert!(trial.step > 0.0 && count <= EVALUATIONS, "{name} from {first}: {count} evaluations");
                assert!(trial.loss <= loss + DECREASE * trial.step * slope, "{name} from {first}: decrease");
                assert!(trial.slope.abs() <= CURVATURE * slope.abs(), "{name} from {first}: curvature");
            }
        }
    }

    #[test]
    fn the_minimum_of_a_cubic_is_found_from_either_side() {
        // t³ − 3t has its minimum at 1.
        let end = |t: f64| (t, t.powi(3) - 3.0 * t, 3.0 * t * t - 3.0);
        for (a, b) in [(0.0, 2.0), (2.0, 0.0), (-0.5, 0.5), (3.0, 2.0)] {
            let t = minimum(end(a), end(b)).unwrap();
            assert!((t - 1.0).abs() < 1e-12, "{a} {b}: {t}");
        }
        assert_eq!(minimum((0.0, 0.0, -1.0), (1.0, f64::INFINITY, f64::NAN)), None);
    }

    #[test]
    fn lines_without_a_lower_point_end() {
        // The slope lies: the loss rises.
        let (trial, count) = run(1.0, |t| (t, -1.0));
        assert!(trial.is_none() && count <= EVALUATIONS);
        // Nothing finite beyond the beginning.
        let (trial, count) = run(1.0, |t| if t == 0.0 { (0.0, -1.0) } else { (f64::NAN, f64::NAN) });
        assert!(trial.is_none() && count <= EVALUATIONS);
        // Without a bottom: the last of many longer and longer steps.
        let (trial, _) = run(1.0, |t| (-t, -1.0));
        assert!(trial.is_some_and(|trial| trial.loss < -1e10));
    }

    #[test]
    fn a_decrease_below_rounding_is_judged_by_the_slope() {
        let f = |t: f64| ((1.0f64 + 1e-20 * (t - 1.0).powi(2)), 2e-20 * (t - 1.0));
        let (loss, slope) = f(0.0);
        let start = Start { loss, slope, noise: 1e-14 };
        let trial =
            search(start, 0.05, |step| Some(Trial { step, loss: f(step).0, slope: f(step).1, point: () })).unwrap();
        assert!((0.1..1.9).contains(&trial.step), "{}", trial.step);
    }
}
