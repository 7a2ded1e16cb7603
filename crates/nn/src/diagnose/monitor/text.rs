//! The run as a table, and as JSON.

use super::{LayerTrajectory, Monitor, SlopeTrajectory, Trajectory};
use crate::diagnose::json::{findings, list, number, object, text};
use crate::diagnose::{json as whole, table};
use std::fmt::{Display, Formatter, Result};

impl Display for Monitor {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let looked = self.last.as_ref().map_or("no look".into(), |(step, _)| format!("the last look at step {step}"));
        writeln!(f, "{} steps, {looked}", self.steps)?;
        if self.steps > 0 {
            let numbers = [("loss", &self.loss), ("gradient norm", &self.gradient)];
            let known = numbers.iter().filter(|(_, trajectory)| !trajectory.points().is_empty());
            let rows: Vec<Vec<String>> = known.map(|(name, trajectory)| row((*name).into(), trajectory)).collect();
            table::write(f, &["counters", "first", "least", "greatest", "last"], &rows)?;
        }
        if !self.slopes.is_empty() {
            writeln!(f, "learned slopes")?;
            let head = ["parameter", "slopes", "least", "mean", "greatest", "crossed 0", "crossed 1", "crossed -1"];
            table::write(f, &head, &self.slopes.iter().map(slopes).collect::<Vec<_>>())?;
        }
        if !self.layers.is_empty() {
            writeln!(f, "layers, from the first look to the last")?;
            let head = ["layer", "E[y²]", "to", "E[dy²]", "to", "never fire", "to"];
            table::write(f, &head, &self.layers.iter().map(layer).collect::<Vec<_>>())?;
        }
        let findings = self.findings();
        match findings.is_empty() {
            true => writeln!(f, "nothing found"),
            false => findings.iter().try_for_each(|finding| writeln!(f, "{finding}")),
        }
    }
}

fn row(name: String, trajectory: &Trajectory) -> Vec<String> {
    let points = trajectory.points();
    let least = points.iter().map(|point| point.low).fold(f64::NAN, f64::min);
    let greatest = points.iter().map(|point| point.high).fold(f64::NAN, f64::max);
    let mean = |at: Option<&super::Point>| table::optional(at.map(|point| point.mean));
    vec![name, mean(points.first()), table::number(least), table::number(greatest), mean(points.last())]
}

fn slopes(slopes: &SlopeTrajectory) -> Vec<String> {
    let now = slopes.now.iter().copied();
    let (least, greatest) = (now.clone().fold(f64::NAN, f64::min), now.clone().fold(f64::NAN, f64::max));
    let spread = [least, now.sum::<f64>() / slopes.now.len().max(1) as f64, greatest].map(table::number);
    let crossed = slopes.crossings.iter().map(|crossing| match crossing.first {
        Some((step, _)) => format!("at step {step}"),
        None => "–".into(),
    });
    [slopes.parameter.clone(), slopes.now.len().to_string()].into_iter().chain(spread).chain(crossed).collect()
}

fn layer(layer: &LayerTrajectory) -> Vec<String> {
    let mut row = vec![layer.layer.clone()];
    for trajectory in [&layer.mean_square, &layer.gradient] {
        let points = trajectory.points();
        row.extend([points.first(), points.last()].map(|point| table::optional(point.map(|point| point.mean))));
    }
    let points = layer.never.points();
    let share =
        |point: Option<&super::Point>| point.map_or("–".into(), |point| format!("{:.0}%", 100.0 * point.mean));
    row.extend([points.first(), points.last()].map(share));
    row
}

fn trajectory(trajectory: &Trajectory) -> String {
    list(trajectory.points(), |point| {
        let [low, mean, high] = [point.low, point.mean, point.high].map(number);
        let [step, last, count] = [point.step, point.last, point.count].map(|number| number.to_string());
        object(&[("step", step), ("last", last), ("count", count), ("low", low), ("mean", mean), ("high", high)])
    })
}

fn optional(value: Option<u64>) -> String {
    value.map_or("null".into(), |value| value.to_string())
}

pub(super) fn json(monitor: &Monitor) -> String {
    let slopes = list(&monitor.slopes, |slopes| {
        let crossings = list(&slopes.crossings, |crossing| {
            object(&[
                ("line", number(crossing.line)),
                ("step", optional(crossing.first.map(|(step, _)| step))),
                ("slope", optional(crossing.first.map(|(_, slope)| slope as u64))),
                ("times", crossing.times.to_string()),
                ("beyond", crossing.beyond.to_string()),
                ("back", optional(crossing.back)),
            ])
        });
        object(&[
            ("parameter", text(&slopes.parameter)),
            ("now", list(&slopes.now, |&slope| number(slope))),
            ("not_finite", optional(slopes.not_finite)),
            ("crossings", crossings),
            ("trajectory", trajectory(&slopes.values)),
        ])
    });
    let layers = list(&monitor.layers, |layer| {
        object(&[
            ("layer", text(&layer.layer)),
            ("mean_square", trajectory(&layer.mean_square)),
            ("gradient", trajectory(&layer.gradient)),
            ("never", trajectory(&layer.never)),
        ])
    });
    let last = monitor.last_look().map_or("null".into(), |(step, report)| {
        object(&[("step", step.to_string()), ("report", whole::report(report))])
    });
    object(&[
        ("steps", monitor.steps.to_string()),
        ("loss", trajectory(&monitor.loss)),
        ("gradient_norm", trajectory(&monitor.gradient)),
        ("slopes", slopes),
        ("layers", layers),
        ("findings", findings(&monitor.findings())),
        ("last_look", last),
    ])
}
