//! The run as one page: trajectories, then the last look.

use super::{LayerTrajectory, Monitor, Trajectory};
use crate::diagnose::chart::Chart;
use crate::diagnose::html;
use crate::diagnose::plot::escape;
use std::fmt::Write as _;

const WIDE: [f64; 2] = [760.0, 240.0];
const SMALL: [f64; 2] = [370.0, 170.0];

pub(super) fn page(monitor: &Monitor) -> String {
    let mut body = format!(
        "<h1>A training run of a rectified network</h1><p>{} steps, {} learned parameters of slopes, {} rectifiers.</p>",
        monitor.steps,
        monitor.slopes.len(),
        monitor.layers.len()
    );
    body.push_str(&html::findings(&monitor.findings()));
    let end = monitor.now();
    for (title, trajectory) in [("Loss", &monitor.loss), ("Norm of the gradients", &monitor.gradient)] {
        if !trajectory.points().is_empty() {
            let _ = write!(body, "<h2>{title}</h2>{}", counter(title, trajectory, end));
        }
    }
    body.push_str(&slopes(monitor, end));
    if !monitor.layers.is_empty() {
        body.push_str(&layers(monitor, end));
    }
    if let Some((step, report)) = monitor.last_look() {
        let _ = write!(body, "<h1>The last look, at step {step}</h1>{}", html::sections(report));
    }
    html::document("A training run of a rectified network", &body)
}

fn counter(title: &str, trajectory: &Trajectory, end: u64) -> String {
    let values = || trajectory.points().iter().flat_map(|point| [point.low, point.high]);
    let positive = values().filter(|value| value.is_finite()).all(|value| value > 0.0);
    let mut chart = Chart::new(WIDE, end, values(), positive);
    chart.band(trajectory);
    chart.line(title, trajectory, 0.0);
    chart.svg(&format!("{title} by step"))
}

fn slopes(monitor: &Monitor, end: u64) -> String {
    if monitor.slopes.is_empty() {
        return String::new();
    }
    let mut text = String::from(
        "<h2>Learned slopes</h2><p>Mean, and from the least to the greatest; a line down where one crossed 0, 1 or −1.</p><div class=\"grid-2\">",
    );
    for slopes in &monitor.slopes {
        let span = slopes.values.points().iter().flat_map(|point| [point.low, point.high]);
        let mut chart = Chart::new(SMALL, end, span, false);
        chart.band(&slopes.values);
        [0.0, 1.0, -1.0].into_iter().for_each(|line| chart.level(line));
        chart.line(&slopes.parameter, &slopes.values, 0.0);
        for crossing in &slopes.crossings {
            if let Some((step, _)) = crossing.first {
                chart.event(step, &format!("{} at step {step}", crossing.line));
            }
        }
        let name = &slopes.parameter;
        let svg = chart.svg(&format!("Slopes {name} by step"));
        let _ = write!(text, "<figure><figcaption>{}</figcaption>{svg}</figure>", escape(name));
    }
    text + "</div>"
}

fn layers(monitor: &Monitor, end: u64) -> String {
    type Of = fn(&LayerTrajectory) -> &Trajectory;
    let kinds: [(&str, &str, Of, bool); 3] = [
        ("Signals over time", "mean square of what each rectifier gives", |layer| &layer.mean_square, false),
        ("Gradients over time", "mean square of its gradient", |layer| &layer.gradient, false),
        ("Units that do not fire over time", "share of units silent in a look's batch", |layer| &layer.never, true),
    ];
    let deepest = (monitor.layers.len() - 1).max(1) as f64;
    let mut text = String::new();
    for (title, what, of, is_share) in kinds {
        let points = monitor.layers.iter().flat_map(|layer| of(layer).points());
        let mut chart = match is_share {
            true => Chart::of_shares(WIDE, end),
            false => Chart::new(WIDE, end, points.map(|point| point.mean), true),
        };
        for (depth, layer) in monitor.layers.iter().enumerate() {
            chart.line(&layer.layer, of(layer), depth as f64 / deepest);
        }
        let key = html::key(&[("a", "first layer"), ("b", "last layer")]);
        let _ = write!(text, "<h2>{title}</h2><p>{what}</p>{key}{}", chart.svg(title));
    }
    text
}
