//! The run as one page: trajectories, then the last look.

use super::{LayerTrajectory, Monitor, Trajectory};
use crate::diagnose::chart::{Chart, told};
use crate::diagnose::plot::escape;
use crate::diagnose::{html, table};
use std::fmt::Write as _;

const WIDE: [f64; 2] = [760.0, 240.0];
const SMALL: [f64; 2] = [370.0, 170.0];

pub(super) fn page(monitor: &Monitor) -> String {
    let title = "A training run of a rectified network";
    html::document(title, &format!("<h1>{title}</h1>{}", sections(monitor)))
}

/// All but the head.
pub(crate) fn sections(monitor: &Monitor) -> String {
    let mut body = format!(
        "<p>{} steps, {} learned parameters of slopes, {} rectifiers.</p>",
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
    body
}

fn counter(title: &str, trajectory: &Trajectory, end: u64) -> String {
    let values = || trajectory.points().iter().flat_map(|point| [point.low, point.high]);
    let positive = values().filter(|value| value.is_finite()).all(|value| value > 0.0);
    let mut chart = Chart::new(WIDE, end, values(), positive);
    chart.hover(trajectory.points(), told);
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
        chart.hover(slopes.values.points(), told);
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

type Of = fn(&LayerTrajectory) -> &Trajectory;

/// Which layer has the least and which the greatest at a look.
fn across(monitor: &Monitor, of: Of, step: u64) -> String {
    let at =
        |layer: &LayerTrajectory| of(layer).points().iter().find(|point| point.step == step).map(|point| point.mean);
    let known = monitor.layers.iter().filter_map(|layer| Some((at(layer)?, layer.layer.as_str())));
    let known: Vec<(f64, &str)> = known.filter(|(mean, _)| mean.is_finite()).collect();
    let (Some(least), Some(greatest)) =
        (known.iter().min_by(|a, b| a.0.total_cmp(&b.0)), known.iter().max_by(|a, b| a.0.total_cmp(&b.0)))
    else {
        return format!("step {step}: nothing finite");
    };
    let named = |(mean, layer): &(f64, &str)| format!("{} at {layer}", table::number(*mean));
    format!("step {step}: from {} to {}", named(least), named(greatest))
}

fn layers(monitor: &Monitor, end: u64) -> String {
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
        // Every layer is looked at in every look, as long as the same forward runs: the longest has all steps.
        let longest = monitor.layers.iter().map(|layer| of(layer).points()).max_by_key(|points| points.len());
        chart.hover(longest.unwrap_or_default(), |point| across(monitor, of, point.step));
        for (depth, layer) in monitor.layers.iter().enumerate() {
            chart.line(&layer.layer, of(layer), depth as f64 / deepest);
        }
        let key = html::key(&[("a", "first layer"), ("b", "last layer")]);
        let _ = write!(text, "<h2>{title}</h2><p>{what}</p>{key}{}", chart.svg(title));
    }
    text
}
