//! The report as JSON.

use super::{Finding, RegionReport, Report, Signal, Units};
use crate::lipschitz::Certificate;

pub(super) fn report(report: &Report) -> String {
    let signals = list(&report.signals.layers, |layer: &Signal| {
        object(&[
            ("layer", text(&layer.layer)),
            ("mean_square", number(layer.mean_square)),
            ("expected", optional(layer.expected.map(|(square, _)| square))),
            (
                "band",
                layer.expected.map_or("null".into(), |(_, [low, high])| format!("[{}, {}]", number(low), number(high))),
            ),
            ("factor", optional(layer.factor)),
            ("gradient", optional(layer.gradient)),
            ("not_finite", layer.not_finite.to_string()),
        ])
    });
    let units = list(&report.units.layers, |layer: &Units| {
        object(&[
            ("layer", text(&layer.layer)),
            ("units", layer.count.to_string()),
            ("samples", layer.samples.to_string()),
            ("masks", layer.masks.to_string()),
            ("active", number(layer.active)),
            ("never", list(&layer.never, usize::to_string)),
            ("always", list(&layer.always, usize::to_string)),
        ])
    });
    let slopes = list(&report.slopes.layers, |layer| {
        object(&[("layer", text(&layer.layer)), ("values", list(&layer.values, |&slope| number(slope)))])
    });
    let redundancy = list(&report.redundancy.pairs, |pair| {
        object(&[("layer", text(&pair.layer)), ("independence", list(&pair.independence, |&rho| optional(rho)))])
    });
    object(&[
        ("batch", list(&report.batch, usize::to_string)),
        ("signals", signals),
        ("units", units),
        ("slopes", slopes),
        ("redundancy", redundancy),
        ("lipschitz", report.lipschitz.as_ref().map_or("null".into(), lipschitz)),
        ("regions", report.regions.as_ref().map_or("null".into(), regions)),
        ("findings", findings(&report.findings())),
    ])
}

fn lipschitz(certificate: &Certificate) -> String {
    let factors = list(certificate.factors(), |factor| {
        object(&[("name", text(&factor.name)), ("layer", text(factor.layer)), ("bound", number(factor.bound))])
    });
    object(&[("bound", number(certificate.bound())), ("factors", factors)])
}

fn regions(regions: &RegionReport) -> String {
    let RegionReport { dimensions, cells, pieces, .. } = regions;
    object(&[("dimensions", dimensions.to_string()), ("cells", cells.to_string()), ("pieces", pieces.to_string())])
}

pub(super) fn findings(findings: &[Finding]) -> String {
    list(findings, |finding| {
        object(&[
            ("severity", text(finding.severity.name())),
            ("symptom", text(finding.symptom.name())),
            ("layer", text(&finding.layer)),
            ("step", finding.step.map_or("null".into(), |step| step.to_string())),
            ("what", text(&finding.what)),
            ("advice", text(&finding.advice)),
        ])
    })
}

pub(super) fn list<T>(items: &[T], item: impl Fn(&T) -> String) -> String {
    format!("[{}]", items.iter().map(item).collect::<Vec<_>>().join(", "))
}

pub(super) fn object(fields: &[(&str, String)]) -> String {
    format!(
        "{{{}}}",
        fields.iter().map(|(name, value)| format!("{}: {value}", text(name))).collect::<Vec<_>>().join(", ")
    )
}

/// JSON has no NaN and no infinities.
pub(super) fn number(value: f64) -> String {
    if value.is_finite() { format!("{value:?}") } else { "null".into() }
}

fn optional(value: Option<f64>) -> String {
    value.map_or("null".into(), number)
}

pub(super) fn text(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c < ' ' => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
