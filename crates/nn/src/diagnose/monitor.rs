//! [`Monitor`]: a training run, watched.

pub(crate) mod page;
mod slopes;
#[cfg(test)]
mod tests;
mod text;
mod trajectory;

pub use slopes::{Crossing, SlopeTrajectory};
pub use trajectory::{Point, Trajectory};

use super::{DeadUnits, Finding, Report, Severity, Symptom};
use crate::module::Path;
use crate::{Error, Module, Result};
use std::collections::{HashMap, VecDeque};
use tape::{Float, Gradients, Var};

/// Steps from one look to the next, unless said otherwise.
const EVERY: u64 = 100;
/// Numbers over which a unit is judged, if the last looks have as many: a small batch says little about a unit that rarely fires.
const ENOUGH: usize = 256;
/// Most looks that are put together for that.
const LOOKS: usize = 4;

/// Watches a training run: counters at every step (the loss, learned slopes and the lines they cross, if you like the gradients' norm), and at every 100th a look at one batch by
/// [`crate::diagnose()`]. Displayed as a table and findings with their steps; as JSON and as one page too, at any time.
///
/// It reads and never changes anything: a run with it has the same bits as without. On a step of ResNet-20 (64 images) its counters cost 0.3% of the time; with a look at all 64 images in every hundred steps all costs 1.8 to 4%, by the minute
/// (`benches`, `monitor`).
/// Memory is bounded, however long the run: see [`Trajectory`]. Steps are counted from 0: at step n, n updates were made.
///
/// ```
/// use nn::prelude::*;
/// let mut rng = Rng::seed(1);
/// let (train, _) = nn::data::digits()?;
/// let mut net = (Linear::new(64, 32, &mut rng), PRelu::per_feature(32), Linear::new(32, 10, &mut rng));
/// let mut sgd = Sgd::new(0.05);
/// let mut monitor = nn::diagnose::Monitor::new();
/// for (images, labels) in train.batches(64).shuffled(7).take(5) {
///     let tape = Tape::training(rng.next_u64());
///     let loss = net.forward(tape.input(images.clone())).cross_entropy(&labels);
///     monitor.step(&net, &loss);
///     sgd.step(&mut net, loss.backward())?;
///     if monitor.is_due() {
///         monitor.look(nn::diagnose(&net, |x| net.forward(x).cross_entropy(&labels), &images)?);
///     }
/// }
/// assert_eq!((monitor.steps(), monitor.slopes()[0].parameter.as_str()), (5, "1.alpha"));
/// println!("{monitor}");
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Monitor {
    every: u64,
    steps: u64,
    loss: Trajectory,
    gradient: Trajectory,
    loss_not_finite: Option<u64>,
    gradient_not_finite: Option<u64>,
    slopes: Vec<SlopeTrajectory>,
    layers: Vec<LayerTrajectory>,
    /// The step of the last look, and what it saw.
    last: Option<(u64, Report)>,
    /// The units at the last looks, with their steps.
    recent: VecDeque<(u64, DeadUnits)>,
    /// From which look on each thing has been wrong.
    since: HashMap<(String, Symptom, Severity), u64>,
}

/// One rectifier over the looks.
#[derive(Clone, Debug)]
pub struct LayerTrajectory {
    /// The layer.
    pub layer: String,
    /// E\[y²\].
    pub mean_square: Trajectory,
    /// E\[dy²\], where a gradient arrives.
    pub gradient: Trajectory,
    /// The share of units that did not fire in the look's batch.
    pub never: Trajectory,
}

impl Default for Monitor {
    fn default() -> Monitor {
        Monitor::new()
    }
}

impl Monitor {
    /// Of a run that begins; it asks for a look at steps 0, 100, 200, ….
    pub fn new() -> Monitor {
        Monitor {
            every: EVERY,
            steps: 0,
            loss: Trajectory::default(),
            gradient: Trajectory::default(),
            loss_not_finite: None,
            gradient_not_finite: None,
            slopes: Vec::new(),
            layers: Vec::new(),
            last: None,
            recent: VecDeque::new(),
            since: HashMap::new(),
        }
    }

    /// With so many steps from one look to the next.
    ///
    /// # Panics
    /// If they are 0.
    #[must_use]
    #[track_caller]
    pub fn every(self, steps: u64) -> Monitor {
        assert!(steps > 0, "Monitor::every: 0 steps from one look to the next; 1 is the least");
        Monitor { every: steps, ..self }
    }

    /// One step of the run: the loss, and the slopes as they were when it was computed. Call it before the optimiser's step. A module without learned slopes is fine. Slopes
    /// that are a function of a parameter ([`crate::ConstrainedPRelu`] by reparametrisation) are seen at looks alone.
    ///
    /// # Panics
    /// If the loss is not one number.
    #[track_caller]
    pub fn step<T: Float, M: Module<T> + ?Sized>(&mut self, net: &M, loss: &Var<T>) {
        assert!(
            loss.len() == 1,
            "Monitor::step: the loss has shape {:?}; reduce it to one number (`.sum()`, `.mean()`)",
            loss.shape()
        );
        let (step, loss) = (self.steps, loss.item().to_f64());
        self.steps += 1;
        self.loss.push(step, [loss; 3]);
        if !loss.is_finite() {
            self.loss_not_finite.get_or_insert(step);
        }
        let mut reader = slopes::Reader { slopes: &mut self.slopes, step, next: 0 };
        net.visit(&mut Path::default(), &mut reader);
    }

    /// The norm of all parameters' gradients at the step that [`Monitor::step`] was last told of; one call a step, or none.
    ///
    /// ```
    /// # use nn::prelude::*;
    /// # let (net, x) = ((Linear::new(2, 1, &mut Rng::seed(1)), Relu), Tensor::ones([3, 2]));
    /// # let mut monitor = nn::diagnose::Monitor::new();
    /// # let tape = Tape::training(1);
    /// let loss = net.forward(tape.input(x)).mean();
    /// monitor.step(&net, &loss);
    /// let grads = loss.backward();
    /// monitor.gradients(&grads);
    /// assert_eq!(monitor.gradient_norm().points().len(), 1);
    /// ```
    pub fn gradients<T: Float>(&mut self, grads: &Gradients<T>) {
        let square = |norm: f64| norm * norm;
        let norm = grads.params().map(|(_, grad)| square(grad.norm().item().to_f64())).sum::<f64>().sqrt();
        let step = self.now();
        self.gradient.push(step, [norm; 3]);
        if !norm.is_finite() {
            self.gradient_not_finite.get_or_insert(step);
        }
    }

    /// Whether it is time for a look: at the first of every 100 steps, until there was one.
    pub fn is_due(&self) -> bool {
        let step = self.now();
        self.steps > 0 && step.is_multiple_of(self.every) && self.last.as_ref().is_none_or(|(last, _)| *last != step)
    }

    /// Takes in what [`crate::diagnose()`] found at this step: on the step's batch, or on one kept aside, which makes looks comparable.
    pub fn look(&mut self, report: Report) {
        let step = self.now();
        for (signal, units) in report.signals.layers.iter().zip(&report.units.layers) {
            let at = self.layers.iter().position(|layer| layer.layer == signal.layer).unwrap_or_else(|| {
                self.layers.push(LayerTrajectory::new(&signal.layer));
                self.layers.len() - 1
            });
            let layer = &mut self.layers[at];
            layer.mean_square.push(step, [signal.mean_square; 3]);
            if let Some(gradient) = signal.gradient {
                layer.gradient.push(step, [gradient; 3]);
            }
            layer.never.push(step, [units.never.len() as f64 / units.count.max(1) as f64; 3]);
        }
        self.recent.push_back((step, report.units.clone()));
        if self.recent.len() > LOOKS {
            self.recent.pop_front();
        }
        self.last = Some((step, report));
        let since = self.judged().into_iter().map(|(finding, start)| {
            let key = key(&finding);
            let since = self.since.get(&key).copied().unwrap_or(start);
            (key, since)
        });
        self.since = since.collect();
    }

    /// Steps so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The loss over the steps.
    pub fn loss(&self) -> &Trajectory {
        &self.loss
    }

    /// The gradients' norm over the steps; empty if nobody called [`Monitor::gradients`].
    pub fn gradient_norm(&self) -> &Trajectory {
        &self.gradient
    }

    /// Learned slopes over the steps, one for each parameter of them.
    pub fn slopes(&self) -> &[SlopeTrajectory] {
        &self.slopes
    }

    /// Every rectifier over the looks.
    pub fn layers(&self) -> &[LayerTrajectory] {
        &self.layers
    }

    /// The last look, and its step.
    pub fn last_look(&self) -> Option<(u64, &Report)> {
        self.last.as_ref().map(|(step, report)| (*step, report))
    }

    /// What went wrong, the worst first, each with the step from which on it did; nothing in a healthy run. A unit is judged by 256 numbers, of
    /// up to four looks if one has fewer; only where half of a layer is silent, a single look is enough.
    pub fn findings(&self) -> Vec<Finding> {
        let finding = |step, layer: &str, what: &str| {
            let (severity, symptom, layer, what) = (Severity::Severe, Symptom::NotFinite, layer.into(), what.into());
            let advice = "`Tape::detect_anomalies` names the op it comes from".into();
            Finding { severity, symptom, layer, step: Some(step), what, advice }
        };
        let mut findings: Vec<Finding> = Vec::new();
        findings.extend(self.loss_not_finite.map(|step| finding(step, "loss", "it is not finite")));
        findings.extend(self.gradient_not_finite.map(|step| finding(step, "gradients", "their norm is not finite")));
        findings.extend(self.slopes.iter().flat_map(SlopeTrajectory::findings));
        for (mut finding, _) in self.judged() {
            if !self.told(&finding) {
                finding.step = self.since.get(&key(&finding)).copied();
                findings.push(finding);
            }
        }
        findings.sort_by_key(|finding| (std::cmp::Reverse(finding.severity), finding.step));
        findings
    }

    /// The whole run as JSON.
    pub fn to_json(&self) -> String {
        text::json(self)
    }

    /// Writes one page with tables and plots, the last look's among them, that needs nothing else: no network, no script.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_html(&self, path: impl AsRef<std::path::Path>) -> Result<()> {
        let path = path.as_ref();
        std::fs::write(path, page::page(self)).map_err(|source| Error::Io { path: path.into(), source })
    }

    /// The number of the step that is under way.
    fn now(&self) -> u64 {
        self.steps.saturating_sub(1)
    }

    /// What the last look found, with units over the last looks; and the step of the first look that it is drawn from.
    fn judged(&self) -> Vec<(Finding, u64)> {
        let Some((now, mut report)) = self.last.clone() else { return Vec::new() };
        let mut starts = HashMap::new();
        for layer in &mut report.units.layers {
            let mut start = now;
            // Some units are silent in a few numbers by chance, but not most of a layer's.
            let is_plain = layer.is_mostly_silent();
            for (step, units) in self.recent.iter().rev().skip(1) {
                let before = units.layers.iter().find(|units| units.layer == layer.layer && units.count == layer.count);
                if let Some(before) = before.filter(|_| !is_plain && layer.samples < ENOUGH) {
                    layer.merge(before);
                    start = *step;
                }
            }
            let is_sure = is_plain || layer.samples >= ENOUGH || self.recent.len() == LOOKS;
            starts.insert(layer.layer.clone(), Some(start).filter(|_| is_sure));
        }
        let findings = report.findings().into_iter().filter_map(|finding| match finding.symptom {
            Symptom::DeadUnits | Symptom::LinearUnits => starts[&finding.layer].map(|start| (finding, start)),
            _ => Some((finding, now)),
        });
        findings.collect()
    }

    /// Whether the counters already said, with the exact step, all that a look says of slopes.
    fn told(&self, finding: &Finding) -> bool {
        let Some((_, report)) = &self.last else { return false };
        let looked = report.slopes.layers.iter().find(|slopes| slopes.layer == finding.layer);
        looked.is_some_and(|looked| {
            let counted = self.slopes.iter().find(|slopes| Some(&slopes.parameter) == looked.parameter.as_ref());
            counted.is_some_and(|slopes| slopes.explains(finding.symptom, &looked.values))
        })
    }
}

/// What lasts from look to look is one thing as long as it is as severe.
fn key(finding: &Finding) -> (String, Symptom, Severity) {
    (finding.layer.clone(), finding.symptom, finding.severity)
}

impl LayerTrajectory {
    fn new(layer: &str) -> LayerTrajectory {
        let new = Trajectory::default;
        LayerTrajectory { layer: layer.into(), mean_square: new(), gradient: new(), never: new() }
    }
}
