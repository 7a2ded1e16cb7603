//! Learned slopes at every step, and the lines that they cross.

use super::Trajectory;
use crate::diagnose::table;
use crate::diagnose::{Finding, Severity, Symptom};
use crate::module::Visitor;
use tape::{Float, Group, Param};

/// The lines: beyond 0 a rectifier is no longer monotone, beyond 1 and −1 no longer 1-Lipschitz.
const LINES: [f64; 3] = [0.0, 1.0, -1.0];

/// Which of a layer's slopes crossed a line, and when. The good side of 0 is above, with 0 itself; of 1 and −1 the side of 0, with the line itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Crossing {
    /// 0, 1 or −1.
    pub line: f64,
    /// The first step at which one was beyond, after having been on the good side; and which one.
    pub first: Option<(u64, usize)>,
    /// How often one went beyond.
    pub times: usize,
    /// How many are beyond now.
    pub beyond: usize,
    /// The last step at which one came back.
    pub back: Option<u64>,
}

/// The learned slopes of one parameter over the steps.
#[derive(Clone, Debug)]
pub struct SlopeTrajectory {
    /// The parameter's name.
    pub parameter: String,
    /// The least, the mean and the greatest over the steps.
    pub values: Trajectory,
    /// What became of 0, 1 and −1.
    pub crossings: [Crossing; 3],
    /// The first step at which one was NaN or infinite.
    pub not_finite: Option<u64>,
    /// The slopes at the last step.
    pub now: Vec<f64>,
    /// Which of the lines each slope was seen to cross, a bit for each: what else is beyond one began there.
    seen: Vec<u8>,
}

fn is_beyond(slope: f64, line: f64) -> bool {
    if line > 0.0 { slope > line } else { slope < line }
}

impl SlopeTrajectory {
    fn new(parameter: &str) -> SlopeTrajectory {
        let crossings = LINES.map(|line| Crossing { line, first: None, times: 0, beyond: 0, back: None });
        let (parameter, values) = (parameter.into(), Trajectory::default());
        SlopeTrajectory { parameter, values, crossings, not_finite: None, now: Vec::new(), seen: Vec::new() }
    }

    fn push(&mut self, step: u64, slopes: impl ExactSizeIterator<Item = f64>) {
        let is_known = self.now.len() == slopes.len();
        self.now.resize(slopes.len(), 0.0);
        self.seen.resize(slopes.len(), 0);
        self.crossings.iter_mut().for_each(|crossing| crossing.beyond = 0);
        let (mut low, mut sum, mut high) = (f64::INFINITY, 0.0, f64::NEG_INFINITY);
        for (unit, slope) in slopes.enumerate() {
            (low, sum, high) = (low.min(slope), sum + slope, high.max(slope));
            if !slope.is_finite() {
                self.not_finite.get_or_insert(step);
            }
            // NaN is on no side: a slope that was beyond is not back.
            for (line, crossing) in self.crossings.iter_mut().enumerate() {
                let (was, is) = (is_beyond(self.now[unit], crossing.line), is_beyond(slope, crossing.line));
                crossing.beyond += usize::from(is);
                match (is_known && was, is) {
                    (false, true) if is_known => {
                        crossing.first.get_or_insert((step, unit));
                        crossing.times += 1;
                        self.seen[unit] |= 1 << line;
                    }
                    (true, false) if !slope.is_nan() => crossing.back = Some(step),
                    _ => {}
                }
            }
            self.now[unit] = slope;
        }
        self.values.push(step, [low, sum / self.now.len().max(1) as f64, high]);
    }

    /// Whether every one of these slopes that is beyond a line for which this symptom stands was seen to cross it. Not those that began beyond, of which the counters say nothing.
    pub(super) fn explains(&self, symptom: Symptom, slopes: &[f64]) -> bool {
        let mut lines = (0..LINES.len()).filter(|&line| self.crossings[line].symptom() == symptom).peekable();
        let is_seen = |unit: usize, line: usize| self.seen.get(unit).is_some_and(|seen| seen >> line & 1 == 1);
        lines.peek().is_some()
            && lines.all(|line| {
                slopes.iter().enumerate().all(|(unit, &slope)| !is_beyond(slope, LINES[line]) || is_seen(unit, line))
            })
    }

    pub(super) fn findings(&self) -> Vec<Finding> {
        let finding = |severity, symptom, step, what, advice: &str| {
            let (layer, advice) = (self.parameter.clone(), advice.into());
            Finding { severity, symptom, layer, step: Some(step), what, advice }
        };
        let mut findings = Vec::new();
        if let Some(step) = self.not_finite {
            let advice = "Load an earlier model, and lower the learning rate";
            findings.push(finding(Severity::Severe, Symptom::NotFinite, step, "a slope is not finite".into(), advice));
        }
        for crossing in &self.crossings {
            let Some((step, unit)) = crossing.first else { continue };
            let (lost, wish) = match crossing.line {
                0.0 => ("monotone", "If it should be monotone, keep slopes at 0 or above (`ConstrainedPRelu`)"),
                _ => ("1-Lipschitz", "If it should be, keep slopes within −1 and 1 (`ConstrainedPRelu`)"),
            };
            let (line, count) = (crossing.line, self.now.len());
            let now = table::number(self.now[unit]);
            let mut what = format!("slope {unit} of {count} crossed {line}, and is {now} now: no longer {lost}");
            let severity = match crossing.beyond {
                0 => {
                    what += &crossing.back.map_or(String::new(), |back| format!("; from step {back} on all are back"));
                    Severity::Note
                }
                beyond => {
                    what += &format!("; {beyond} of {count} are beyond now");
                    Severity::Warning
                }
            };
            findings.push(finding(severity, crossing.symptom(), step, what, wish));
        }
        findings
    }
}

impl Crossing {
    fn symptom(&self) -> Symptom {
        if self.line == 0.0 { Symptom::NotMonotone } else { Symptom::NotLipschitz }
    }
}

/// Reads the slopes of a module. Slopes that are a function of a parameter (`raw`) are none here.
pub(super) struct Reader<'a> {
    pub(super) slopes: &'a mut Vec<SlopeTrajectory>,
    pub(super) step: u64,
    /// Where the next parameter most likely is: modules are walked in the same order each time.
    pub(super) next: usize,
}

impl<T: Float> Visitor<'_, T> for Reader<'_> {
    fn param(&mut self, name: &str, param: &Param<T>) {
        if param.group() != Group::Slope || name.rsplit('.').next() == Some("raw") {
            return;
        }
        let is_it = |slopes: &SlopeTrajectory| slopes.parameter == name;
        let at = match self.slopes.get(self.next).is_some_and(is_it) {
            true => self.next,
            false => self.slopes.iter().position(is_it).unwrap_or(self.slopes.len()),
        };
        if at == self.slopes.len() {
            self.slopes.push(SlopeTrajectory::new(name));
        }
        self.next = at + 1;
        let value = param.value().clone().contiguous();
        let slopes = value.as_slice().expect("it is contiguous");
        self.slopes[at].push(self.step, slopes.iter().map(|slope| slope.to_f64()));
    }
}
