//! Learned slopes, and the lines they crossed: monotone iff α ≥ 0, invertible iff α > 0, 1-Lipschitz iff |α| ≤ 1, linear iff α = 1.

use super::finding::{Finding, Severity, Symptom};
use super::table;
use super::trace::{Kind, Rectified};
use std::fmt::{Display, Formatter, Result};
use tape::Float;

/// The slopes of one PReLU.
#[derive(Clone, Debug)]
pub struct Slopes {
    /// The layer.
    pub layer: String,
    /// The parameter that they are, by its name; None where they are a function of one.
    pub parameter: Option<String>,
    /// The slopes.
    pub values: Vec<f64>,
}

/// Learned slopes at every PReLU.
#[derive(Clone, Debug)]
pub struct SlopeReport {
    /// One for each PReLU.
    pub layers: Vec<Slopes>,
}

impl Slopes {
    /// Slopes below 0.
    pub fn negative(&self) -> usize {
        self.values.iter().filter(|&&slope| slope < 0.0).count()
    }

    /// Slopes of a size above 1.
    pub fn expanding(&self) -> usize {
        self.values.iter().filter(|slope| slope.abs() > 1.0).count()
    }

    /// The least, the mean, and the greatest.
    pub fn spread(&self) -> [f64; 3] {
        let (least, greatest) = (
            self.values.iter().copied().fold(f64::INFINITY, f64::min),
            self.values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        );
        [least, self.values.iter().sum::<f64>() / self.values.len().max(1) as f64, greatest]
    }
}

impl SlopeReport {
    pub(super) fn of<T: Float>(layers: &[Rectified<T>]) -> SlopeReport {
        let learned = layers.iter().filter(|layer| layer.kind == Kind::PRelu && !layer.slopes.is_empty());
        let slopes = |layer: &Rectified<T>| Slopes {
            layer: layer.name.clone(),
            parameter: layer.parameter.clone(),
            values: layer.slopes.clone(),
        };
        SlopeReport { layers: learned.map(slopes).collect() }
    }

    /// Which lines were crossed.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for layer in &self.layers {
            let (count, [least, _, greatest]) = (layer.values.len(), layer.spread());
            let mut add = |severity, symptom, what, advice: &str| {
                let (layer, advice) = (layer.layer.clone(), advice.into());
                findings.push(Finding { severity, symptom, layer, step: None, what, advice });
            };
            if layer.values.iter().any(|slope| !slope.is_finite()) {
                add(
                    Severity::Severe,
                    Symptom::NotFinite,
                    "a slope is not finite".into(),
                    "Load an earlier model, and lower the learning rate",
                );
                continue;
            }
            if layer.negative() > 0 {
                let what = format!(
                    "{} of {count} slopes are negative, down to {}: there the rectifier is not monotone",
                    layer.negative(),
                    table::number(least)
                );
                add(
                    Severity::Warning,
                    Symptom::NotMonotone,
                    what,
                    "If it should be monotone, keep slopes at 0 or above",
                );
            }
            if layer.expanding() > 0 {
                let size = greatest.max(-least);
                let what = format!(
                    "{} of {count} slopes are larger than 1, up to {}: there the rectifier is not 1-Lipschitz",
                    layer.expanding(),
                    table::number(size)
                );
                add(Severity::Warning, Symptom::NotLipschitz, what, "If it should be, keep slopes within −1 and 1");
            }
            let linear = layer.values.iter().filter(|&&slope| slope == 1.0).count();
            if linear > 0 {
                let what = format!("{linear} of {count} slopes are 1: there the rectifier is the identity");
                add(Severity::Note, Symptom::Identity, what, "Start slopes at 0.25 (He et al. 2015)");
            }
        }
        findings
    }
}

impl Display for SlopeReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let head = ["layer", "slopes", "least", "mean", "greatest", "below 0", "beyond ±1"];
        let row = |layer: &Slopes| {
            let [least, mean, greatest] = layer.spread().map(table::number);
            let counts = [layer.negative(), layer.expanding()].map(|count| count.to_string());
            let [negative, expanding] = counts;
            vec![layer.layer.clone(), layer.values.len().to_string(), least, mean, greatest, negative, expanding]
        };
        table::write(f, &head, &self.layers.iter().map(row).collect::<Vec<_>>())
    }
}
