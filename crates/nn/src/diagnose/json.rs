//! The report as JSON.

use super::{Finding, Report, Signal, Units};

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
    let findings = list(&report.findings(), |finding: &Finding| {
        object(&[
            ("severity", text(finding.severity.name())),
            ("layer", text(&finding.layer)),
            ("what", text(&finding.what)),
            ("advice", text(&finding.advice)),
        ])
    });
    object(&[
        ("batch", list(&report.batch, usize::to_string)),
        ("signals", signals),
        ("units", units),
        ("slopes", slopes),
        ("redundancy", redundancy),
        ("findings", findings),
    ])
}

fn list<T>(items: &[T], item: impl Fn(&T) -> String) -> String {
    format!("[{}]", items.iter().map(item).collect::<Vec<_>>().join(", "))
}

fn object(fields: &[(&str, String)]) -> String {
    format!(
        "{{{}}}",
        fields.iter().map(|(name, value)| format!("{}: {value}", text(name))).collect::<Vec<_>>().join(", ")
    )
}

/// JSON has no NaN and no infinities.
fn number(value: f64) -> String {
    if value.is_finite() { format!("{value:?}") } else { "null".into() }
}

fn optional(value: Option<f64>) -> String {
    value.map_or("null".into(), number)
}

fn text(text: &str) -> String {
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
