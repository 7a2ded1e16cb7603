//! Schedules of one formula.

use super::{Kind, Schedule, WHAT, check_rate, check_steps};
use crate::Result;
use crate::error::setting;
use std::f64::consts::PI;

/// One formula and its numbers.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    Constant(f64),
    Step {
        rate: f64,
        every: u64,
        factor: f64,
    },
    /// Milestones in order; one that is named twice counts twice.
    MultiStep {
        rate: f64,
        milestones: Vec<u64>,
        factor: f64,
    },
    Exponential {
        rate: f64,
        factor: f64,
    },
    Linear {
        from: f64,
        to: f64,
        steps: u64,
    },
    Polynomial {
        rate: f64,
        steps: u64,
        power: f64,
    },
    Cosine {
        from: f64,
        to: f64,
        steps: u64,
    },
    Restarts {
        from: f64,
        to: f64,
        first: u64,
        growth: u64,
    },
}

impl Shape {
    pub(super) fn rate(&self, step: u64) -> f64 {
        match *self {
            Shape::Constant(rate) => rate,
            Shape::Step { rate, every, factor } => decayed(rate, factor, step / every),
            Shape::MultiStep { rate, ref milestones, factor } => {
                decayed(rate, factor, milestones.partition_point(|&milestone| milestone <= step) as u64)
            }
            Shape::Exponential { rate, factor } => decayed(rate, factor, step),
            Shape::Linear { from, to, steps } => {
                if step < steps {
                    from + (to - from) * share(step, steps)
                } else {
                    to
                }
            }
            Shape::Polynomial { rate, steps, power } => rate * (1.0 - share(step.min(steps), steps)).powf(power),
            Shape::Cosine { from, to, steps } => cosine(from, to, share(step, steps)),
            Shape::Restarts { from, to, first, growth } => {
                let (done, period) = since_restart(step, first, growth);
                cosine(from, to, share(done, period))
            }
        }
    }
}

/// rate·factorⁿ; the rate itself before the first decay, whatever the factor.
fn decayed(rate: f64, factor: f64, times: u64) -> f64 {
    if times == 0 { rate } else { rate * factor.powf(times as f64) }
}

fn share(step: u64, steps: u64) -> f64 {
    step as f64 / steps as f64
}

/// Half a wave: `from` at 0, `to` at 1, and back at 2.
pub(super) fn cosine(from: f64, to: f64, share: f64) -> f64 {
    to + (from - to) * (1.0 + (PI * share).cos()) / 2.0
}

/// The steps since the last restart, and how many there are up to the next.
fn since_restart(step: u64, first: u64, growth: u64) -> (u64, u64) {
    if growth == 1 {
        return (step % first, first);
    }
    let (mut done, mut period) = (step, first);
    while done >= period {
        done -= period;
        period = period.saturating_mul(growth);
    }
    (done, period)
}

impl Schedule {
    fn shape(shape: Shape) -> Schedule {
        Schedule(Kind::Shape(shape))
    }

    /// One rate for every step.
    ///
    /// # Errors
    /// If the rate is not finite or negative.
    pub fn constant(rate: f64) -> Result<Schedule> {
        check_rate(WHAT, "the rate", rate)?;
        Ok(Schedule::shape(Shape::Constant(rate)))
    }

    /// Multiplied by `factor` every so many steps.
    ///
    /// # Errors
    /// If `every` is 0, or if a number is not finite or negative.
    pub fn step(rate: f64, every: u64, factor: f64) -> Result<Schedule> {
        check_rate(WHAT, "the rate", rate)?;
        check_rate(WHAT, "the factor", factor)?;
        check_steps("the number of steps between decays", every)?;
        Ok(Schedule::shape(Shape::Step { rate, every, factor }))
    }

    /// Multiplied by `factor` at each milestone. A milestone given twice counts twice; their order does not matter.
    ///
    /// ```
    /// use nn::Schedule;
    /// let schedule = Schedule::multi_step(1.0, [30, 80], 0.5)?;
    /// assert_eq!([29, 30, 79, 80].map(|step| schedule.rate(step)), [1.0, 0.5, 0.5, 0.25]);
    /// # Ok::<(), nn::Error>(())
    /// ```
    ///
    /// # Errors
    /// If a number is not finite or negative.
    pub fn multi_step(rate: f64, milestones: impl Into<Vec<u64>>, factor: f64) -> Result<Schedule> {
        check_rate(WHAT, "the rate", rate)?;
        check_rate(WHAT, "the factor", factor)?;
        let mut milestones = milestones.into();
        milestones.sort_unstable();
        Ok(Schedule::shape(Shape::MultiStep { rate, milestones, factor }))
    }

    /// Multiplied by `factor` at every step.
    ///
    /// # Errors
    /// If a number is not finite or negative.
    pub fn exponential(rate: f64, factor: f64) -> Result<Schedule> {
        check_rate(WHAT, "the rate", rate)?;
        check_rate(WHAT, "the factor", factor)?;
        Ok(Schedule::shape(Shape::Exponential { rate, factor }))
    }

    /// A straight line over so many steps, then `to` for good.
    ///
    /// # Errors
    /// If `steps` is 0, or if a rate is not finite or negative.
    pub fn linear(from: f64, to: f64, steps: u64) -> Result<Schedule> {
        check_ends(from, to, steps)?;
        Ok(Schedule::shape(Shape::Linear { from, to, steps }))
    }

    /// Down to 0 over so many steps as a power of what is left, then 0 for good.
    ///
    /// # Errors
    /// If `steps` is 0, if the rate is not finite or negative, or if `power` is not finite or not positive.
    pub fn polynomial(rate: f64, steps: u64, power: f64) -> Result<Schedule> {
        check_rate(WHAT, "the rate", rate)?;
        check_steps("the number of steps", steps)?;
        if !(power.is_finite() && power > 0.0) {
            return setting(WHAT, format!("the power is {power}; it must be finite and positive"));
        }
        Ok(Schedule::shape(Shape::Polynomial { rate, steps, power }))
    }

    /// Half a cosine wave from `from` to `to` over so many steps (Loshchilov, Hutter 2017). As in PyTorch, what runs longer goes up
    /// again the way it came; [`Schedule::then`] cuts it off.
    ///
    /// # Errors
    /// If `steps` is 0, or if a rate is not finite or negative.
    pub fn cosine(from: f64, to: f64, steps: u64) -> Result<Schedule> {
        check_ends(from, to, steps)?;
        Ok(Schedule::shape(Shape::Cosine { from, to, steps }))
    }

    /// Cosine waves that start again at `from`: the first takes `first` steps, each later one `growth` times as many as the one before
    /// it (Loshchilov, Hutter 2017).
    ///
    /// # Errors
    /// If `first` or `growth` is 0, or if a rate is not finite or negative.
    pub fn cosine_restarts(from: f64, to: f64, first: u64, growth: u64) -> Result<Schedule> {
        check_ends(from, to, first)?;
        check_steps("the growth of the waves", growth)?;
        Ok(Schedule::shape(Shape::Restarts { from, to, first, growth }))
    }
}

fn check_ends(from: f64, to: f64, steps: u64) -> Result<()> {
    check_rate(WHAT, "the first rate", from)?;
    check_rate(WHAT, "the last rate", to)?;
    check_steps("the number of steps", steps)
}
