//! How large signals and gradients are, layer by layer.
//!
//! E\[y²\] after weights of mean square E\[w²\] over n inputs is n·E\[w²\]·E\[h²\]·(1 + α²)/2 (He et al. 2015), after a batch norm (γ² + β²)·(1 + α²)/2,
//! and over L layers of width n log of the ratio scatters with variance κL/n about −κL/(2n) ([`FiniteWidth`]).

use super::finding::{Finding, Severity, Symptom};
use super::table;
use super::trace::{Rectified, mean_square};
use crate::theory::FiniteWidth;
use std::fmt::{Display, Formatter, Result};
use tape::Float;

/// A layer's factor beyond which signals are said to explode, or below whose inverse to vanish.
const FACTOR: f64 = 10.0;
/// The same of gradients from the last layer to the first.
const GRADIENTS: f64 = 1e6;

/// Whether a signal is as large as theory says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Theory has no word on it: branches are added up before the rectifier, or weights are not found.
    Unknown,
    /// Inside the band.
    AsPredicted,
    /// Below it.
    Below,
    /// Above it.
    Above,
}

impl Verdict {
    pub(super) fn name(self) -> &'static str {
        match self {
            Verdict::Unknown => "–",
            Verdict::AsPredicted => "as predicted",
            Verdict::Below => "below",
            Verdict::Above => "above",
        }
    }
}

/// The signal at one rectifier.
#[derive(Clone, Debug)]
pub struct Signal {
    /// The layer.
    pub layer: String,
    /// E\[y²\] over the batch.
    pub mean_square: f64,
    /// E\[dy²\]; None where no gradient arrives.
    pub gradient: Option<f64>,
    /// What theory expects E\[y²\] to be, and the band of four standard deviations.
    pub expected: Option<(f64, [f64; 2])>,
    /// E\[y²\] over E\[h²\], h what the layer's weights multiply; None behind a norm or a sum.
    pub factor: Option<f64>,
    /// Numbers that are not finite.
    pub not_finite: usize,
}

/// How large signals and gradients are at every rectifier, in the order in which they ran.
#[derive(Clone, Debug)]
pub struct SignalReport {
    /// One for each rectifier.
    pub layers: Vec<Signal>,
}

impl Signal {
    /// Whether it is as large as theory says.
    pub fn verdict(&self) -> Verdict {
        match self.expected {
            None => Verdict::Unknown,
            Some((_, [low, high])) if (low..=high).contains(&self.mean_square) => Verdict::AsPredicted,
            Some((_, [low, _])) if self.mean_square < low => Verdict::Below,
            Some(_) => Verdict::Above,
        }
    }
}

/// What theory expects at a rectifier: E\[y²\], and the widths since a norm or the input.
struct Expected {
    square: f64,
    widths: Vec<usize>,
}

impl SignalReport {
    pub(super) fn of<T: Float>(layers: &[Rectified<T>]) -> SignalReport {
        let mut expected: Vec<Option<Expected>> = Vec::new();
        let mut signals = Vec::new();
        for layer in layers {
            let next = expect(layer, &expected);
            let factor = layer.weight.as_ref().filter(|_| !layer.is_normalised && !layer.is_sum);
            let y = mean_square(&layer.y);
            let band = next.as_ref().and_then(|next| {
                let slope = (2.0 * layer.passes()? - 1.0).max(0.0).sqrt();
                let (low, high) = FiniteWidth::of(&next.widths, slope).ok()?.band(4.0);
                Some((next.square, [next.square * low.exp(), next.square * high.exp()]))
            });
            signals.push(Signal {
                layer: layer.name.clone(),
                mean_square: y,
                gradient: layer.dy.as_ref().map(mean_square),
                expected: band,
                factor: factor.map(|weight| y / weight.input_square).filter(|factor| factor.is_finite()),
                not_finite: if y.is_finite() { 0 } else { layer.y.iter().filter(|y| !y.to_f64().is_finite()).count() },
            });
            expected.push(next);
        }
        SignalReport { layers: signals }
    }

    /// What is wrong with them.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut add = |severity, symptom, layer: &Signal, what: String, advice: String| {
            findings.push(Finding { severity, symptom, layer: layer.layer.clone(), step: None, what, advice });
        };
        for layer in &self.layers {
            if layer.not_finite > 0 {
                let what = format!("{} numbers are not finite", layer.not_finite);
                let advice = "`Tape::detect_anomalies` names the op that made the first".into();
                add(Severity::Severe, Symptom::NotFinite, layer, what, advice);
            } else if let Some(factor) = layer.factor.filter(|f| *f > FACTOR || (*f < 1.0 / FACTOR && *f > 0.0)) {
                let what = format!("multiplies the signal's mean square by {}", table::number(factor));
                let scale = table::number(factor.sqrt().recip());
                let advice = format!("Multiply its weights by {scale}, or put a norm behind it");
                add(Severity::Warning, Symptom::SignalScale, layer, what, advice);
            }
        }
        let gradients: Vec<(&Signal, f64)> =
            self.layers.iter().filter_map(|layer| Some((layer, layer.gradient?))).filter(|(_, g)| *g > 0.0).collect();
        if let (Some((first, at_first)), Some((last, at_last))) = (gradients.first(), gradients.last()) {
            let ratio = at_first / at_last;
            if !(1.0 / GRADIENTS..=GRADIENTS).contains(&ratio) {
                let verb = if ratio > 1.0 { "explode" } else { "vanish" };
                let from = &last.layer;
                let what =
                    format!("gradients {verb}: their mean square is {} times that at {from}", table::number(ratio));
                let advice =
                    "Initialise with the golden gain (`nn::init`), or add norms or residual connections".into();
                add(Severity::Severe, Symptom::GradientScale, first, what, advice);
            }
        }
        findings
    }
}

fn expect<T: Float>(layer: &Rectified<T>, before: &[Option<Expected>]) -> Option<Expected> {
    let passes = layer.passes()?;
    if layer.is_sum {
        return None;
    }
    if let Some(norm) = &layer.norm {
        let of = |values: &[f64]| values.iter().map(|x| x * x).sum::<f64>() / values.len().max(1) as f64;
        let square = (of(&norm.weight) + of(&norm.bias)) * passes;
        return Some(Expected { square, widths: vec![layer.units()] });
    }
    let weight = layer.weight.as_ref().filter(|_| !layer.is_normalised)?;
    let (input, mut widths) = match weight.after.and_then(|at| before[at].as_ref()) {
        Some(before) => (before.square, before.widths.clone()),
        None => (weight.input_square, Vec::new()),
    };
    widths.push(layer.units());
    let square = (weight.fan_in * weight.square * input + weight.bias_square) * passes;
    square.is_finite().then_some(Expected { square, widths })
}

impl Display for SignalReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let head = ["layer", "E[y²]", "expected", "from", "to", "verdict", "E[dy²]"];
        let row = |layer: &Signal| {
            vec![
                layer.layer.clone(),
                table::number(layer.mean_square),
                table::optional(layer.expected.map(|(square, _)| square)),
                table::optional(layer.expected.map(|(_, [low, _])| low)),
                table::optional(layer.expected.map(|(_, [_, high])| high)),
                layer.verdict().name().into(),
                table::optional(layer.gradient),
            ]
        };
        table::write(f, &head, &self.layers.iter().map(row).collect::<Vec<_>>())
    }
}
