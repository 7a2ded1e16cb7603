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
        Ok(())
    }

    pub(super) fn rate(&self, step: u64) -> f64 {
        let (first, total) = (self.peak / self.start_divisor, self.steps as f64);
        let (top, last) = (self.rise * total - 1.0, first / self.end_divisor);
        let step = step as f64;
        let phases: &[(f64, f64, f64)] = if self.three_phases {
            &[(top, first, self.peak), (2.0 * self.rise * total - 2.0, self.peak, first), (total - 1.0, first, last)]
        } else {
            &[(top, first, self.peak), (total - 1.0, self.peak, last)]
        };
        let mut start = 0.0;
        for &(end, from, to) in phases {
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
        last
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
