//! Sets that a learned slope α may be kept in, and the two ways of keeping it there.
//!
//! | | the set | what it gives | reparametrised: α = |
//! |---|---|---|---|
//! | `Free` | every α | | ρ |
//! | `NonNegative` | α ≥ 0 | monotone | softplus ρ |
//! | `Range(lo, hi)` | lo ≤ α ≤ hi | monotone if lo ≥ 0 | lo + (hi − lo)·σ(ρ) |
//! | `UnitInterval` | 0 ≤ α ≤ 1 | monotone, 1-Lipschitz | σ(ρ) |
//! | `Contractive` | −1 ≤ α ≤ 1 | 1-Lipschitz | tanh ρ |
//! | `Invertible(ε)` | α ≥ ε > 0 | monotone, with an inverse | ε + softplus ρ |
//!
//! Sets are closed and their bounds rounded to the parameters' float type. α stays finite in all of them.

use crate::Result;
use crate::error::setting;
use tape::{Float, Tape, Tensor, Var};

/// A set of slopes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Constraint {
    /// Every slope, as [`crate::PRelu`].
    #[default]
    Free,
    /// α ≥ 0: the map is monotone.
    NonNegative,
    /// Between two bounds: monotone if the lower one is not negative.
    Range(f64, f64),
    /// 0 ≤ α ≤ 1: monotone, and distances do not grow.
    UnitInterval,
    /// |α| ≤ 1: 1-Lipschitz, distances do not grow.
    Contractive,
    /// α ≥ ε > 0: the map has an inverse, whose Lipschitz constant is at most max(1, 1/ε).
    Invertible(f64),
}

/// How a slope is kept in its set.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Enforcement {
    /// The parameter is α, and an optimiser's step ends by bringing it back ([`tape::Param::within`]). Reaches the edge of the set, leaves
    /// it again as soon as the gradient points inside.
    #[default]
    Projection,
    /// The parameter is a number ρ without bounds, and α a function of it. Gradients pass by the chain rule; the edge of the set is reached
    /// only in the limit, and near it α moves slowly.
    Reparametrisation,
}

/// The ρ of a reparametrisation does not go beyond this: far enough for every function above to be at its limit, and sums with it are finite.
const REACH: f64 = 1e30;
/// The largest slope, so that α is finite.
const LARGEST: f64 = f32::MAX as f64;

impl Constraint {
    /// The set's bounds, None for [`Constraint::Free`].
    pub fn bounds(&self) -> Option<(f64, f64)> {
        match *self {
            Constraint::Free => None,
            Constraint::NonNegative => Some((0.0, LARGEST)),
            Constraint::Range(low, high) => Some((low, high)),
            Constraint::UnitInterval => Some((0.0, 1.0)),
            Constraint::Contractive => Some((-1.0, 1.0)),
            Constraint::Invertible(least) => Some((least, LARGEST)),
        }
    }

    /// Whether the set, in this float type, has this slope in it. NaN and infinities are in none.
    pub fn contains<T: Float>(&self, alpha: T) -> bool {
        let (low, high) = self.bounds().unwrap_or((f64::MIN, f64::MAX));
        alpha.is_finite() && T::from_f64(low) <= alpha && alpha <= T::from_f64(high)
    }

    /// That there is such a set, in f32 too.
    pub(super) fn check(&self) -> Result<()> {
        let problem = match *self {
            Constraint::Range(low, high) if !(low < high && ((high - low) as f32).is_finite()) => {
                "the lower bound comes first, and both and their difference are finite"
            }
            Constraint::Invertible(least) if !((least as f32).is_normal() && 0.0 < least && least <= REACH) => {
                "the least slope is above 0 (in f32 too) and at most 1e30"
            }
            _ => return Ok(()),
        };
        setting("ConstrainedPRelu", format!("{self:?}: {problem}"))
    }

    /// Where slopes start: at He et al.'s 0.25 if that is inside, else in the middle, or at twice the least one.
    pub(super) fn start(&self) -> f64 {
        match *self {
            Constraint::Range(low, high) if !(low < 0.25 && 0.25 < high) => 0.5 * low + 0.5 * high,
            Constraint::Invertible(least) if least >= 0.25 => 2.0 * least,
            _ => 0.25,
        }
    }

    /// The bounds of the parameter that is stored.
    pub(super) fn stored_bounds(&self, by: Enforcement) -> Option<(f64, f64)> {
        match (by, self) {
            (_, Constraint::Free) => None,
            (Enforcement::Projection, _) => self.bounds(),
            // The overflow of a step shall not make an infinity of it.
            (Enforcement::Reparametrisation, _) => Some((-REACH, REACH)),
        }
    }

    /// α for the parameter that is stored.
    pub(super) fn slopes<T: Float>(&self, stored: Var<T>, by: Enforcement) -> Var<T> {
        match (by, *self) {
            (Enforcement::Projection, _) | (_, Constraint::Free) => stored,
            (_, Constraint::NonNegative) => stored.softplus(),
            (_, Constraint::UnitInterval) => stored.sigmoid(),
            (_, Constraint::Contractive) => stored.tanh(),
            (_, Constraint::Invertible(least)) => stored.softplus() + least,
            (_, Constraint::Range(low, high)) => stored.sigmoid() * width::<T>(low, high) + low,
        }
    }

    /// The parameter to be stored for an α.
    ///
    /// # Errors
    /// If α is not in the set, or only on its edge, which a reparametrisation does not reach.
    pub(super) fn stored<T: Float>(&self, alpha: &Tensor<T>, by: Enforcement) -> Result<Tensor<T>> {
        self.check()?;
        let numbers = alpha.to_vec();
        let refuse = |at: usize, problem: &str| {
            setting("ConstrainedPRelu", format!("α is {} at element {at}; {problem}", numbers[at]))
        };
        if let Some(at) = numbers.iter().position(|alpha| !alpha.is_finite()) {
            return refuse(at, "slopes must be finite");
        }
        if let Some(at) = numbers.iter().position(|&alpha| !self.contains(alpha)) {
            return refuse(at, &format!("it must be in the set {self:?}"));
        }
        let stored = alpha.clone().map(|alpha| T::from_f64(self.invert(alpha.to_f64(), by)));
        match stored.to_vec().iter().position(|raw| !raw.is_finite()) {
            Some(at) => refuse(
                at,
                &format!(
                    "on the edge of {self:?}, which a reparametrisation does not reach: start inside, or use projection"
                ),
            ),
            None => Ok(stored),
        }
    }

    /// The inverse of [`Constraint::slopes`] at one number.
    fn invert(&self, alpha: f64, by: Enforcement) -> f64 {
        // ln(eᵃ − 1), for a of every size.
        let softplus = |a: f64| a + (-(-a).exp_m1()).ln();
        let logistic = |share: f64| share.ln() - (-share).ln_1p();
        match (by, *self) {
            (Enforcement::Projection, _) | (_, Constraint::Free) => alpha,
            (_, Constraint::NonNegative) => softplus(alpha),
            (_, Constraint::UnitInterval) => logistic(alpha),
            (_, Constraint::Contractive) => alpha.atanh(),
            (_, Constraint::Invertible(least)) => softplus(alpha - least),
            (_, Constraint::Range(low, high)) => logistic((alpha - low) / (high - low)),
        }
    }
}

/// high − low, in this float type, made small enough that low + width does not round to more than high. Then, rounding being monotone,
/// no low + s·width does for 0 ≤ s ≤ 1.
fn width<T: Float>(low: f64, high: f64) -> f64 {
    let (low, high) = (T::from_f64(low), T::from_f64(high));
    let mut width = high - low;
    while low + width > high {
        width *= T::ONE - T::EPSILON;
    }
    width.to_f64()
}

/// α for stored numbers, as plain numbers.
pub(super) fn slopes_of<T: Float>(constraint: Constraint, stored: &Tensor<T>, by: Enforcement) -> Tensor<T> {
    constraint.slopes(Tape::inference().input(stored.clone()), by).into_value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Enforcement::{Projection, Reparametrisation};
    use proptest::prelude::*;
    use tape::gradcheck;

    const ALL: [Constraint; 6] = [
        Constraint::Free,
        Constraint::NonNegative,
        Constraint::Range(-0.5, 0.75),
        Constraint::UnitInterval,
        Constraint::Contractive,
        Constraint::Invertible(0.01),
    ];

    #[test]
    fn the_functions_are_the_tables() {
        let softplus = |x: f64| x.exp().ln_1p();
        let logistic = |x: f64| 1.0 / (1.0 + (-x).exp());
        let raw = Tensor::f64([-3.0, -0.5, 0.0, 2.0]);
        let formulas: [&dyn Fn(f64) -> f64; 6] =
            [&|x| x, &softplus, &|x| -0.5 + 1.25 * logistic(x), &logistic, &|x| x.tanh(), &|x| 0.01 + softplus(x)];
        for (constraint, formula) in ALL.into_iter().zip(formulas) {
            let alpha = slopes_of(constraint, &raw, Reparametrisation);
            let expected: Vec<f64> = raw.to_vec().into_iter().map(formula).collect();
            assert!(alpha.allclose(&Tensor::f64(&expected[..]), 1e-14, 1e-15), "{constraint:?}: {alpha:?}");
            let back = constraint.stored(&alpha, Reparametrisation).unwrap();
            assert!(back.allclose(&raw, 1e-12, 1e-12), "{constraint:?}: {back:?}");
            gradcheck(|[raw]| constraint.slopes(raw, Reparametrisation).square().sum(), [&raw]).unwrap();
            assert_eq!(slopes_of(constraint, &raw, Projection), raw);
        }
    }

    proptest! {
        /// Whatever is stored, rounding included.
        #[test]
        fn no_parameter_leads_out_of_the_set(
            bits: u32, low in -2.0..2.0f64, log_width in -40.0..5.0f64, raw in -40.0..40.0f32
        ) {
            let wild = f32::from_bits(bits);
            let range = Constraint::Range(low, low + log_width.exp2());
            prop_assume!(range.check().is_ok());
            for constraint in ALL.into_iter().chain([range, Constraint::Invertible(low.abs() + 1e-3)]).skip(1) {
                for raw in [raw, wild, REACH as f32, -REACH as f32, f32::INFINITY, f32::NEG_INFINITY] {
                    let raw = if raw.is_nan() { 0.0 } else { raw.clamp(-REACH as f32, REACH as f32) };
                    let alpha = slopes_of(constraint, &Tensor::from([raw]), Reparametrisation).item();
                    prop_assert!(constraint.contains(alpha), "{constraint:?} at {raw}: {alpha}");
                    let alpha = slopes_of(constraint, &Tensor::f64([f64::from(raw)]), Reparametrisation).item();
                    prop_assert!(constraint.contains(alpha), "{constraint:?} at {raw} in f64: {alpha}");
                }
            }
        }
    }

    #[test]
    fn starts_are_inside() {
        let more = [
            Constraint::Range(0.25, 0.5),
            Constraint::Range(-3.0, -1.0),
            Constraint::Range(-1e38, -1e37),
            Constraint::Invertible(0.25),
            Constraint::Invertible(1e30),
            Constraint::Invertible(2e-38),
        ];
        for constraint in ALL.into_iter().chain(more) {
            let start = Tensor::full([1], constraint.start() as f32);
            assert!(constraint.contains(start.item()), "{constraint:?} {start:?}");
            constraint.stored(&start, Projection).unwrap();
        }
        assert_eq!(Constraint::NonNegative.start(), 0.25);
    }

    #[test]
    fn sets_that_are_none_and_slopes_outside_are_named() {
        let text = |constraint: Constraint, alpha: f32, by| {
            constraint.stored(&Tensor::from([0.25, alpha]), by).unwrap_err().to_string()
        };
        let wrong = [
            Constraint::Range(0.5, 0.5),
            Constraint::Range(f64::NAN, 1.0),
            Constraint::Range(-3e38, 3e38),
            Constraint::Invertible(0.0),
            Constraint::Invertible(f64::NAN),
            Constraint::Invertible(1e-40),
            Constraint::Invertible(2e30),
        ];
        for constraint in wrong {
            let text = text(constraint, 0.25, Projection);
            assert!(text.starts_with(&format!("ConstrainedPRelu: {constraint:?}: the l")), "{text}");
        }
        let set = Constraint::UnitInterval;
        assert_eq!(text(set, f32::NAN, Projection), "ConstrainedPRelu: α is NaN at element 1; slopes must be finite");
        assert_eq!(
            text(set, 1.5, Projection),
            "ConstrainedPRelu: α is 1.5 at element 1; it must be in the set UnitInterval"
        );
        assert!(text(set, 1.0, Reparametrisation).contains("on the edge of UnitInterval, which a reparametrisation"));
        assert!(text(Constraint::NonNegative, 0.0, Reparametrisation).contains("start inside"));
        assert!(set.stored(&Tensor::from([0.0, 1.0]), Projection).is_ok());
    }
}
