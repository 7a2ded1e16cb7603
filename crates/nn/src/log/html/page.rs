//! What the page shows.

use super::Row;
use crate::diagnose::chart::{Chart, told};
use crate::diagnose::monitor::{self, Monitor, Trajectory};
use crate::diagnose::plot::escape;
use crate::diagnose::{Report, html, table};
use std::fmt::Write as _;

const SIZE: [f64; 2] = [760.0, 240.0];
/// By how much a curve above 0 must fall or rise for its picture to show powers of ten.
const SPAN: f64 = 30.0;

/// Everything that has one name.
struct Curve<'r> {
    name: &'r str,
    points: Vec<(u64, f64)>,
    trajectory: Trajectory,
}

pub(super) fn page(title: &str, rows: &[Row], laboratory: &str, records: &str) -> String {
    let curves = curves(rows);
    let title = escape(title);
    let steps = match rows {
        [] => "Nothing was noted yet.".to_owned(),
        [only] => format!("One record, of step {}.", only.0),
        [first, .., last] => format!("{} records, of step {} to {}.", rows.len(), first.0, last.0),
    };
    let mut body = format!("<h1>{title}</h1><p>{steps}</p>");
    body.push_str(&overview(&curves));
    let end = rows.iter().map(|(step, _)| *step).max().unwrap_or(0);
    for (group, curves) in groups(&curves) {
        let _ = write!(body, "<h2>{}</h2>{}", escape(group), picture(group, &curves, end));
    }
    body.push_str(laboratory);
    body.push_str(records);
    html::document(&title, &body)
}

pub(super) fn report(report: &Report) -> String {
    format!("{}{}", html::findings(&report.findings()), html::sections(report))
}

pub(super) fn monitor(monitor: &Monitor) -> String {
    format!("<h1>The laboratory</h1>{}", monitor::page::sections(monitor))
}

/// In the order in which names first came.
fn curves(rows: &[Row]) -> Vec<Curve<'_>> {
    let mut curves: Vec<Curve<'_>> = Vec::new();
    for (step, values) in rows {
        for (name, value) in values {
            let at = curves.iter().position(|curve| curve.name == name).unwrap_or_else(|| {
                curves.push(Curve { name, points: Vec::new(), trajectory: Trajectory::default() });
                curves.len() - 1
            });
            curves[at].points.push((*step, *value));
            curves[at].trajectory.push(*step, [*value; 3]);
        }
    }
    curves
}

/// Curves whose names have the same word before a slash, under that word; others under their names.
fn groups<'c, 'r>(curves: &'c [Curve<'r>]) -> Vec<(&'r str, Vec<&'c Curve<'r>>)> {
    let mut groups: Vec<(&str, Vec<&Curve<'_>>)> = Vec::new();
    for curve in curves {
        let group = curve.name.split_once('/').map_or(curve.name, |(group, _)| group);
        match groups.iter_mut().find(|(other, _)| *other == group) {
            Some((_, members)) => members.push(curve),
            None => groups.push((group, vec![curve])),
        }
    }
    groups
}

/// First and last, least and greatest of each, and where what is no number began.
fn overview(curves: &[Curve<'_>]) -> String {
    if curves.is_empty() {
        return String::new();
    }
    let bad = |points: &[(u64, f64)]| points.iter().find(|(_, value)| !value.is_finite()).copied();
    let breaks = curves.iter().any(|curve| bad(&curve.points).is_some());
    let mut rows = String::new();
    for Curve { name, points, .. } in curves {
        let finite = || points.iter().filter(|(_, value)| value.is_finite());
        let told = |point: Option<&(u64, f64)>| match point {
            Some((step, value)) => format!("{} <small>at {step}</small>", table::number(*value)),
            None => "–".into(),
        };
        let least = told(finite().min_by(|a, b| a.1.total_cmp(&b.1)));
        // The first of equals, here too.
        let greatest = told(finite().reduce(|most, point| if point.1 > most.1 { point } else { most }));
        let mut cells = vec![told(points.first()), told(points.last()), least, greatest];
        if breaks {
            let bad = bad(points).map_or(String::new(), |(step, value)| format!("{value} at {step}"));
            cells.push(bad);
        }
        let _ = write!(rows, "<tr><td>{}</td><td>{}</td></tr>", escape(name), cells.join("</td><td>"));
    }
    let head = ["", "first", "last", "least", "greatest", "not finite"];
    let head = head[..head.len() - usize::from(!breaks)].join("</th><th>");
    format!("<table><tr><th>{head}</th></tr>{rows}</table>")
}

fn picture(group: &str, curves: &[&Curve<'_>], end: u64) -> String {
    let values = || curves.iter().flat_map(|curve| curve.points.iter().map(|&(_, value)| value));
    let finite = || values().filter(|value| value.is_finite());
    let (least, most) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
    let mut chart = Chart::new(SIZE, end, values(), least > 0.0 && most > SPAN * least);
    let longest = curves.iter().max_by_key(|curve| curve.trajectory.points().len());
    chart.hover(longest.map_or(&[][..], |curve| curve.trajectory.points()), |point| {
        let named = |curve: &&Curve<'_>| {
            let here = curve.trajectory.points().iter().find(|other| other.step == point.step)?;
            Some(if curves.len() > 1 { format!("{}, {}", curve.name, told(here)) } else { told(here) })
        };
        curves.iter().filter_map(named).collect::<Vec<_>>().join("\n")
    });
    let deepest = (curves.len() - 1).max(1) as f64;
    let mut key = String::new();
    for (place, curve) in curves.iter().enumerate() {
        let depth = place as f64 / deepest;
        chart.line(curve.name, &curve.trajectory, depth);
        if curves.len() > 1 {
            let colour = format!("color-mix(in oklab,var(--b) {:.0}%,var(--a))", 100.0 * depth);
            let _ = write!(key, "<span class=\"key\" style=\"background:{colour}\"></span>{}", escape(curve.name));
        }
    }
    let key = if key.is_empty() { key } else { format!("<p>{key}</p>") };
    format!("{key}{}", chart.svg(&format!("{group} by step")))
}
