//! Why is this rectified network sick? One forward and one backward pass are recorded, and every rectifier that ran is looked at.
//!
//! | report | tells |
//! |---|---|
//! | [`SignalReport`] | how large signals and gradients are, layer by layer, beside what theory expects ([`crate::theory`]) |
//! | [`DeadUnits`] | which units never fire, or always do |
//! | [`SlopeReport`] | which learned slopes crossed 0, 1 or −1, and what is lost by that |
//! | [`AlphaGamma`] | where a slope and the batch norm before it say the same |
//! | [`Report::with_lipschitz`], [`Report::with_regions`] | how much a network stretches distances at most, and where it is one affine map |
//!
//! Over time: [`Monitor`] watches a training run, [`DeadUnits::add`] looks for units that fire for no batch of an epoch.
//!
//! Layers are found in what was recorded and named after the nearest parameter upstream, so any forward works, with residuals and shared layers.
//!
//! ```
//! use nn::prelude::*;
//! let mut rng = Rng::seed(1);
//! let mut net = Sequential::new().then(Linear::new(8, 32, &mut rng)).then(Relu).then(Linear::new(32, 4, &mut rng));
//! // A planted fault: biases that no input outweighs.
//! for (name, param) in net.named_parameters_mut() {
//!     if name == "0.bias" {
//!         *param.value_mut() = Tensor::full([32], -100.0);
//!     }
//! }
//! let report = nn::diagnose(&net, |x| net.forward(x), &Tensor::randn([64, 8], &mut rng))?;
//! let finding = &report.findings()[0];
//! assert_eq!((finding.layer.as_str(), finding.severity), ("0", nn::diagnose::Severity::Severe));
//! assert!(report.to_string().contains("32 of 32 units never fire"));
//! # Ok::<(), nn::Error>(())
//! ```

pub(crate) mod chart;
mod finding;
pub(crate) mod html;
mod json;
pub mod monitor;
pub(crate) mod plot;
mod redundancy;
mod regions;
mod signals;
mod slopes;
pub(crate) mod table;
#[cfg(test)]
mod tests;
mod trace;
mod units;

pub use finding::{Finding, Severity, Symptom};
pub use monitor::Monitor;
pub use redundancy::{AlphaGamma, NormAndSlope};
pub use regions::RegionReport;
pub use signals::{Signal, SignalReport, Verdict};
pub use slopes::{SlopeReport, Slopes};
pub use units::{DeadUnits, Units};

use crate::error::setting;
use crate::lipschitz::Certificate;
use crate::regions::Regions;
use crate::{Error, Module, Result};
use std::fmt::{Display, Formatter};
use std::path::Path;
use tape::{Float, Rng, Tape, Tensor, Var};

/// What the random cotangent is drawn from.
const SEED: u64 = 0x5eed;

/// What was found in one batch. Displayed as tables, and what to do about each finding.
#[derive(Clone, Debug)]
pub struct Report {
    /// Sizes of the batch.
    pub batch: Vec<usize>,
    /// How large signals and gradients are.
    pub signals: SignalReport,
    /// Which units never fire, or always do.
    pub units: DeadUnits,
    /// The slopes that are learned.
    pub slopes: SlopeReport,
    /// Where slopes repeat what the norm before them says.
    pub redundancy: AlphaGamma,
    /// How much it stretches distances at most: [`Report::with_lipschitz`].
    pub lipschitz: Option<Certificate>,
    /// Where it is one affine map: [`Report::with_regions`].
    pub regions: Option<RegionReport>,
}

/// Runs `forward` on a batch `[N, …]`, in training mode but for dropout, and backward from its result: from a loss if it is one number, else from a cotangent
/// of normal numbers, the same each time. Neither parameters nor buffers change.
///
/// # Errors
/// If the batch is empty, or no ReLU, leaky ReLU or PReLU runs on numbers that depend on it.
pub fn diagnose<T: Float, M: Module<T>>(
    net: &M,
    forward: impl FnOnce(Var<T>) -> Var<T>,
    batch: &Tensor<T>,
) -> Result<Report> {
    if batch.is_empty() {
        return setting("diagnose", format!("the batch of shape {} is empty; give it some examples", batch.shape()));
    }
    let tape = Tape::observing(true);
    let y = forward(tape.var(batch.clone()));
    let ops = tape.observed();
    let gradients = match y.len() {
        1 => y.reshape([]).backward(),
        _ => {
            let cotangent = y.value().randn_like(&mut Rng::seed(SEED));
            y.backward_with(cotangent)
        }
    };
    let layers = trace::rectifiers(net, &ops, Some(&gradients));
    if layers.is_empty() {
        return setting(
            "diagnose",
            "no relu, leaky_relu or prelu ran on what depends on the batch; call one in the closure",
        );
    }
    let batch = batch.shape().to_vec();
    let units = DeadUnits::of(&layers);
    Ok(Report {
        batch,
        signals: SignalReport::of(&layers),
        units,
        slopes: SlopeReport::of(&layers),
        redundancy: AlphaGamma::of(&layers),
        lipschitz: None,
        regions: None,
    })
}

impl Report {
    /// With a Lipschitz certificate, for networks that have one.
    ///
    /// ```
    /// use nn::{lipschitz::Certificate, prelude::*, regions::Piecewise};
    /// let mut rng = Rng::seed(1);
    /// let net = (Linear::new(2, 8, &mut rng), Relu, Linear::new(8, 1, &mut rng));
    /// let report = nn::diagnose(&net, |x| net.forward(x), &Tensor::randn([64, 2], &mut rng))?;
    /// let line = Piecewise::of(&net, 2)?.along(&Tensor::from([-1.0, -1.0]), &Tensor::from([1.0, 1.0]))?;
    /// let report = report.with_lipschitz(Certificate::of(&net)?).with_regions(&line);
    /// assert!(report.to_string().contains("pieces in") && report.to_json().contains("\"bound\""));
    /// # Ok::<(), nn::Error>(())
    /// ```
    #[must_use]
    pub fn with_lipschitz(self, certificate: Certificate) -> Report {
        Report { lipschitz: Some(certificate), ..self }
    }

    /// With the linear regions of a segment or of a slice of inputs ([`crate::regions::Piecewise::along`], [`crate::regions::Piecewise::on_slice`]), for networks that are piecewise linear.
    #[must_use]
    pub fn with_regions<const D: usize>(self, regions: &Regions<D>) -> Report {
        Report { regions: Some(RegionReport::of(regions)), ..self }
    }

    /// What is wrong, the worst first; nothing in a healthy network.
    pub fn findings(&self) -> Vec<Finding> {
        let units = self.units.findings();
        let mut findings = self.signals.findings();
        // Where units are dead, so is the signal, and larger weights would not help.
        findings.retain(|signal| {
            signal.severity > Severity::Warning || units.iter().all(|unit| unit.layer != signal.layer)
        });
        findings.extend(units);
        findings.extend(self.slopes.findings());
        findings.extend(self.redundancy.findings());
        findings.extend(self.regions.iter().flat_map(RegionReport::findings));
        findings.extend(self.lipschitz.iter().filter(|certificate| certificate.bound() == 0.0).map(|_| constant()));
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        findings
    }

    /// The whole report as JSON.
    pub fn to_json(&self) -> String {
        json::report(self)
    }

    /// Writes one page with tables and plots that needs nothing else: no network, no script.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_html(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        std::fs::write(path, html::page(self)).map_err(|source| Error::Io { path: path.into(), source })
    }
}

fn constant() -> Finding {
    Finding {
        severity: Severity::Severe,
        symptom: Symptom::Trivial,
        layer: "network".into(),
        step: None,
        what: "its Lipschitz constant is 0: every input has the same output".into(),
        advice: "A layer's weights are all 0: initialise them anew".into(),
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "signals\n{}", self.signals)?;
        writeln!(f, "units\n{}", self.units)?;
        if !self.slopes.layers.is_empty() {
            writeln!(f, "learned slopes\n{}", self.slopes)?;
        }
        if !self.redundancy.pairs.is_empty() {
            writeln!(f, "slopes beside the norms before them\n{}", self.redundancy)?;
        }
        if let Some(certificate) = &self.lipschitz {
            writeln!(f, "Lipschitz constant\n{certificate}\n")?;
        }
        if let Some(regions) = &self.regions {
            writeln!(f, "linear regions\n  {regions}\n")?;
        }
        let findings = self.findings();
        match findings.is_empty() {
            true => writeln!(f, "nothing found"),
            false => findings.iter().try_for_each(|finding| writeln!(f, "{finding}")),
        }
    }
}
