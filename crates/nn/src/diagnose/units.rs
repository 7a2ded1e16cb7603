//! Units that never fire, or always do: in one batch, or in all of an epoch. A unit is one place of the last axis; it is looked at over all others.

use super::finding::{Finding, Severity, Symptom};
use super::table;
use super::trace::{Kind, Rectified};
use crate::Module;
use crate::error::setting;
use std::fmt::{Display, Formatter, Result};
use tape::{Float, Tape};

/// The share of a layer's units from which it is worth a finding, and a severe one.
const SHARE: f64 = 0.1;
const SEVERE_SHARE: f64 = 0.5;
/// Numbers a unit must have had for a finding.
const FEWEST: usize = 16;

/// The units of one rectifier.
#[derive(Clone, Debug)]
pub struct Units {
    /// The layer.
    pub layer: String,
    /// How many there are.
    pub count: usize,
    /// Numbers that each had.
    pub samples: usize,
    /// Whether what is negative is lost: ReLU, or a slope of 0.
    pub masks: bool,
    /// Units without a positive number: dead if the rectifier masks, linear otherwise.
    pub never: Vec<usize>,
    /// Units without a negative number or a zero: linear.
    pub always: Vec<usize>,
    /// Share of numbers above zero.
    pub active: f64,
}

/// Units that never fire, or always do, at every rectifier: over one batch ([`crate::diagnose()`]), or over as many as are added.
///
/// Over an epoch, a unit is dead only if it fired for no batch of it:
///
/// ```
/// use nn::{diagnose::DeadUnits, prelude::*};
/// let (train, _) = nn::data::digits()?;
/// let net = (Linear::new(64, 32, &mut Rng::seed(1)), Relu, Linear::new(32, 10, &mut Rng::seed(2)));
/// let mut epoch = DeadUnits::default();
/// for (images, _) in train.batches(64) {
///     let tape = Tape::observing(false); // layers as in evaluation
///     net.forward(tape.input(images)); // or any other forward
///     epoch.add(&net, &tape)?;
/// }
/// assert_eq!(epoch.layers[0].samples, train.len());
/// println!("{epoch}");
/// assert!(epoch.findings().is_empty());
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct DeadUnits {
    /// One for each rectifier.
    pub layers: Vec<Units>,
}

impl DeadUnits {
    pub(super) fn of<T: Float>(layers: &[Rectified<T>]) -> DeadUnits {
        DeadUnits { layers: layers.iter().map(units).collect() }
    }

    /// Adds what ran on an observing tape: `net` gives the layers their names.
    ///
    /// # Errors
    /// If no ReLU, leaky ReLU or PReLU ran on what depends on a parameter or a [`tape::Tape::var`]: on another kind of tape that is so. Nothing is added then.
    pub fn add<T: Float, M: Module<T> + ?Sized>(&mut self, net: &M, tape: &Tape<T>) -> crate::Result<()> {
        let layers = super::trace::rectifiers(net, &tape.observed(), None);
        if layers.is_empty() {
            let problem = "no relu, leaky_relu or prelu ran on this tape; run the forward on a `Tape::observing`";
            return setting("DeadUnits::add", problem);
        }
        self.merge(&DeadUnits::of(&layers));
        Ok(())
    }

    /// Adds what was found on other batches, layer by layer of the same name: never fired is what never fired in any.
    ///
    /// # Panics
    /// If a layer has another number of units there.
    #[track_caller]
    pub fn merge(&mut self, other: &DeadUnits) {
        for theirs in &other.layers {
            match self.layers.iter_mut().find(|ours| ours.layer == theirs.layer) {
                None => self.layers.push(theirs.clone()),
                Some(ours) => ours.merge(theirs),
            }
        }
    }

    /// All dead units, and all units.
    pub fn dead(&self) -> (usize, usize) {
        let dead = self.layers.iter().filter(|layer| layer.masks).map(|layer| layer.never.len()).sum();
        (dead, self.layers.iter().map(|layer| layer.count).sum())
    }

    /// What is wrong with them.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for layer in self.layers.iter().filter(|layer| layer.samples >= FEWEST && layer.count > 0) {
            let share = |units: &[usize]| units.len() as f64 / layer.count as f64;
            let (count, samples) = (layer.count, layer.samples);
            let mut add = |severity, symptom, what, advice: &str| {
                let (layer, advice) = (layer.layer.clone(), advice.into());
                findings.push(Finding { severity, symptom, layer, step: None, what, advice });
            };
            if share(&layer.never) >= SHARE {
                let severity = if share(&layer.never) >= SEVERE_SHARE { Severity::Severe } else { Severity::Warning };
                let dead = layer.never.len();
                if layer.masks {
                    let what = format!(
                        "{dead} of {count} units never fire in {samples} numbers each: no gradient reaches them"
                    );
                    add(
                        severity,
                        Symptom::DeadUnits,
                        what,
                        "Use a leaky ReLU or PReLU, a smaller learning rate, or biases nearer to 0",
                    );
                } else {
                    let what =
                        format!("{dead} of {count} units are negative in all of {samples} numbers: they are linear");
                    add(
                        severity.min(Severity::Warning),
                        Symptom::LinearUnits,
                        what,
                        "Look at their biases, or put a norm before the rectifier",
                    );
                }
            }
            if share(&layer.always) >= SEVERE_SHARE {
                let what = format!(
                    "{} of {count} units are positive in all of {samples} numbers: the rectifier does nothing to them",
                    layer.always.len()
                );
                add(
                    Severity::Warning,
                    Symptom::LinearUnits,
                    what,
                    "Look at their biases, or put a norm before the rectifier",
                );
            }
        }
        findings
    }
}

impl Units {
    /// Whether half of the layer or more never fired.
    pub(super) fn is_mostly_silent(&self) -> bool {
        self.never.len() as f64 >= SEVERE_SHARE * self.count as f64
    }

    #[track_caller]
    pub(super) fn merge(&mut self, other: &Units) {
        let (ours, theirs) = (self.count, other.count);
        assert!(ours == theirs, "DeadUnits::merge: `{}` has {ours} units here and {theirs} there", self.layer);
        match (self.samples, other.samples) {
            (_, 0) => return,
            (0, _) => return *self = other.clone(),
            _ => {}
        }
        let samples = self.samples + other.samples;
        self.active = (self.active * self.samples as f64 + other.active * other.samples as f64) / samples as f64;
        self.samples = samples;
        // A batch without a number below zero does not show what becomes of those.
        if other.active < 1.0 {
            self.masks = other.masks;
        }
        // Both are in ascending order.
        self.never.retain(|unit| other.never.binary_search(unit).is_ok());
        self.always.retain(|unit| other.always.binary_search(unit).is_ok());
    }
}

fn units<T: Float>(layer: &Rectified<T>) -> Units {
    let count = layer.units();
    let (mut positive, mut other) = (vec![0_u32; count], vec![0_u32; count]);
    super::trace::for_each_row(&layer.x, |row| {
        for ((x, positive), other) in row.iter().zip(&mut positive).zip(&mut other) {
            // NaN counts as both: its unit is neither dead nor linear.
            let (is_low, is_high) = (*x <= T::ZERO, *x > T::ZERO);
            *positive += u32::from(!is_low);
            *other += u32::from(!is_high);
        }
    });
    let samples = layer.x.len().checked_div(count).unwrap_or(0);
    let without = |numbers: &[u32]| (0..count).filter(|&unit| samples > 0 && numbers[unit] == 0).collect();
    Units {
        layer: layer.name.clone(),
        count,
        samples,
        masks: layer.kind == Kind::Relu || layer.slopes.iter().all(|&slope| slope == 0.0) && !layer.slopes.is_empty(),
        never: without(&positive),
        always: without(&other),
        active: positive.iter().map(|&count| f64::from(count)).sum::<f64>() / layer.x.len().max(1) as f64,
    }
}

impl Display for DeadUnits {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let head = ["layer", "units", "numbers each", "active", "never", "", "always", ""];
        let row = |layer: &Units| {
            vec![
                layer.layer.clone(),
                layer.count.to_string(),
                layer.samples.to_string(),
                format!("{:.0}%", 100.0 * layer.active),
                layer.never.len().to_string(),
                table::percent(layer.never.len(), layer.count),
                layer.always.len().to_string(),
                table::percent(layer.always.len(), layer.count),
            ]
        };
        table::write(f, &head, &self.layers.iter().map(row).collect::<Vec<_>>())
    }
}
