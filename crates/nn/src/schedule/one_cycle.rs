//! The one-cycle policy: up to a high rate and down to a tiny one, once (Smith, Topin 2018).

use super::shape::cosine;
use super::{Kind, Schedule, check_rate, check_steps};
use crate::Result;
use crate::error::setting;

/// How a rate goes from one value to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Annealing {
    /// Along half a cosine wave.
    #[default]
    Cosine,
    /// In a straight line.
    Linear,
}

/// The settings of [`Schedule::one_cycle`], PyTorch's unless changed.
///
/// ```
/// use nn::schedule::{OneCycle, Schedule};
/// let schedule = Schedule::one_cycle(OneCycle { rise: 0.25, ..OneCycle::new(0.1, 100) })?;
/// assert_eq!(schedule.rate(24), 0.1);
/// assert!((schedule.rate(0) - 0.004).abs() < 1e-15 && schedule.rate(99) < 1e-6);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OneCycle {
    /// The highest rate.
    pub peak: f64,
    /// The number of steps of the whole cycle.
    pub steps: u64,
    /// The share of the steps in which the rate rises, from 0 to 1.
    pub rise: f64,
    /// The first rate is the peak divided by this.
    pub start_divisor: f64,
    /// The last rate is the first divided by this.
    pub end_divisor: f64,
    /// The way between the rates.
    pub annealing: Annealing,
    /// Whether the rate goes down to where it began in as many steps as it rose, and to the last rate only then, as in the paper;
    /// else it goes to the last rate at once.
    pub three_phases: bool,
    /// The momentum at the peak and at both ends, between which it goes as the rate does, the other way round. None leaves the optimiser's momentum as it
    /// is; PyTorch moves it unless told not to, from 0.85 to 0.95.
    pub momentum: Option<[f64; 2]>,
}

impl OneCycle {
    /// With this peak over so many steps: 30 % of them rise, from peak / 25, and the last rate is peak / 250 000.
    pub fn new(peak: f64, steps: u64) -> OneCycle {
        OneCycle {
            peak,
            steps,
            rise: 0.3,
            start_divisor: 25.0,
            end_divisor: 1e4,
            annealing: Annealing::Cosine,
            three_phases: false,
            momentum: None,
        }
    }

    fn check(&self) -> Result<()> {
        const WHAT: &str = "OneCycle";
        check_rate(WHAT, "the peak", self.peak)?;
        check_steps("the number of steps", self.steps)?;
        let most = if self.three_phases { 0.5 } else { 1.0 };
        if !(0.0..=most).contains(&self.rise) {
            return setting(WHAT, format!("the share that rises is {}; it must be in [0, {most}]", self.rise));
        }
        for (name, divisor) in [("start", self.start_divisor), ("end", self.end_divisor)] {
            if !(divisor.is_finite() && divisor > 0.0) {
                return setting(WHAT, format!("the {name} divisor is {divisor}; it must be finite and positive"));
            }
        }
        match self.momentum {
            Some([low, high]) if !(0.0 <= low && low <= high && high < 1.0) => setting(
                WHAT,
                format!("the momentum goes from {low} to {high}; give the lower one first, both in [0, 1)"),
            ),
            _ => Ok(()),
        }
    }

    pub(super) fn rate(&self, step: u64) -> f64 {
        let first = self.peak / self.start_divisor;
        let last = first / self.end_divisor;
        match self.three_phases {
            true => self.between(step, &[first, self.peak, first, last]),
            false => self.between(step, &[first, self.peak, last]),
        }
    }

    /// The momentum of a step, if it moves.
    pub(super) fn momentum(&self, step: u64) -> Option<f64> {
        let [low, high] = self.momentum?;
        Some(match self.three_phases {
            true => self.between(step, &[high, low, high, high]),
            false => self.between(step, &[high, low, high]),
        })
    }

    /// What a number is at a step that goes from one of these to the next in each phase.
    fn between(&self, step: u64, corners: &[f64]) -> f64 {
        let (step, total) = (step as f64, self.steps as f64);
        let top = self.rise * total - 1.0;
        let ends: &[f64] = match self.three_phases {
            true => &[top, 2.0 * self.rise * total - 2.0, total - 1.0],
            false => &[top, total - 1.0],
        };
        let mut start = 0.0;
        for (&end, corner) in ends.iter().zip(corners.windows(2)) {
            let (from, to) = (corner[0], corner[1]);
            if step <= end {
                // A phase may take no time; then its end counts.
                let share = if end > start { (step - start) / (end - start) } else { 1.0 };
                return match self.annealing {
                    Annealing::Cosine => cosine(from, to, share),
                    Annealing::Linear => (to - from) * share + from,
                };
            }
            start = end;
        }
        corners[corners.len() - 1]
    }
}

impl Schedule {
    /// Up to a peak and down to next to nothing; after the last step the rate stays.
    ///
    /// # Errors
    /// If the number of steps is 0, if a rate or divisor is not finite or not positive, or if the rise is no share (three phases: more
    /// than half).
    pub fn one_cycle(cycle: OneCycle) -> Result<Schedule> {
        cycle.check()?;
        Ok(Schedule(Kind::OneCycle(cycle)))
    }
}
