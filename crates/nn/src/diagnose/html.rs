//! The report as one page: tables and plots, light and dark, without script or network.

use super::plot::{Plot, escape};
use super::{Finding, Report, table};
use std::fmt::Write as _;

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#282c34;--paper:#fff;--soft:#e2e5ea;--a:#0072b2;--b:#d55e00;--c:#009e73}\
@media(prefers-color-scheme:dark){:root{--ink:#dde1e7;--paper:#17191d;--soft:#3a3f47;--a:#56b4e9;--b:#e69f00;--c:#2fc49a}}\
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:820px;margin:2em auto;padding:0 1em}\
h2{margin:1.6em 0 .2em}p{margin:.3em 0}svg{width:100%;height:auto;overflow:visible}svg text{font-size:11px;fill:var(--ink)}\
.grid{stroke:var(--soft)}.band{fill:var(--soft)}polyline{fill:none;stroke-width:2}polyline.a{stroke:var(--a)}polyline.b{stroke:var(--b)}\
circle.a,rect.a,.key.a{fill:var(--a);background:var(--a)}circle.b,rect.b,.key.b{fill:var(--b);background:var(--b)}circle.c,rect.c,.key.c{fill:var(--c);background:var(--c)}\
.key{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin:0 .3em 0 .9em}.key.band{background:var(--soft)}\
polygon.band{opacity:.7}polygon.band,.level{pointer-events:none}.level{stroke:var(--ink);stroke-dasharray:2 4;opacity:.6}.event{stroke:var(--b);stroke-width:1.5}.hover{fill:transparent}.hover:hover{fill:var(--soft);opacity:.5}figure{margin:0}.grid-2{display:grid;grid-template-columns:1fr 1fr;gap:.8em 1em}\
ul{padding:0;list-style:none}li{border-left:4px solid var(--soft);padding:.3em .8em;margin:.5em 0}li.severe{border-color:var(--b)}li.warning{border-color:#e6b400}li b{margin-right:.5em}\
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:13px}td,th{padding:.15em .7em;text-align:right;border-bottom:1px solid var(--soft)}td:first-child,th:first-child{text-align:left}";

pub(super) fn page(report: &Report) -> String {
    let title = "Health of a rectified network";
    document(title, &format!("<h1>{title}</h1>{}{}", findings(&report.findings()), sections(report)))
}

/// A whole page.
pub(crate) fn document(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title><link rel=\"icon\" href=\"data:,\"><style>{STYLE}</style></head><body>{body}</body></html>\n"
    )
}

/// What one batch showed.
pub(crate) fn sections(report: &Report) -> String {
    let shape = report.batch.iter().map(usize::to_string).collect::<Vec<_>>().join(" × ");
    let head = format!("<p>One batch of {shape}, {} rectifiers.</p>", report.signals.layers.len());
    let parts = [signals, units, slopes, redundancy, lipschitz, regions].map(|part| part(report));
    head + &parts.concat()
}

pub(super) fn key(names: &[(&str, &str)]) -> String {
    let keys: Vec<String> =
        names.iter().map(|(class, name)| format!("<span class=\"key {class}\"></span>{name}")).collect();
    format!("<p>{}</p>", keys.concat())
}

pub(crate) fn findings(findings: &[Finding]) -> String {
    if findings.is_empty() {
        return "<h2>Findings</h2><p>Nothing found.</p>".into();
    }
    let mut list = String::from("<h2>Findings</h2><ul>");
    for finding in findings {
        let class = finding.severity.name();
        let [layer, what, advice] = [&finding.layer, &finding.what, &finding.advice].map(|text| escape(text));
        let step = finding.step.map_or(String::new(), |step| format!("step {step}: "));
        let _ = write!(list, "<li class=\"{class}\"><b>{layer}</b>{step}{what}.<br>{advice}.</li>");
    }
    list + "</ul>"
}

fn lipschitz(report: &Report) -> String {
    let Some(certificate) = &report.lipschitz else { return String::new() };
    let mut rows = String::new();
    for factor in certificate.factors() {
        let (name, bound) = (escape(&factor.name), table::number(factor.bound));
        let _ = write!(rows, "<tr><td>{name}</td><td>{}</td><td>{bound}</td></tr>", factor.layer);
    }
    let bound = table::number(certificate.bound());
    format!(
        "<h2>Lipschitz constant</h2><p>At most {bound}: no two outputs are further apart than that times their inputs' distance.</p><table><tr><th>layer</th><th>is</th><th>at most</th></tr>{rows}</table>"
    )
}

fn regions(report: &Report) -> String {
    let Some(regions) = &report.regions else { return String::new() };
    let text = format!("<h2>Linear regions</h2><p>{regions}. Each piece has its colour.</p>");
    let corners = || regions.outlines.iter().flat_map(|(corners, _)| corners);
    let span = |axis: usize| {
        let fold = |(low, high): (f64, f64), corner: &[f64; 2]| (low.min(corner[axis]), high.max(corner[axis]));
        corners().fold((f64::INFINITY, f64::NEG_INFINITY), fold)
    };
    let ((left, right), (low, high)) = (span(0), span(1));
    if regions.outlines.is_empty() {
        return text;
    }
    let height = if regions.dimensions == 1 { 80.0 } else { 400.0 };
    let (wide, tall) = ((right - left).max(f64::MIN_POSITIVE), (high - low).max(f64::MIN_POSITIVE));
    let place = |[x, y]: &[f64; 2]| format!("{:.2},{:.2}", (x - left) / wide * 760.0, (high - y) / tall * height);
    let mut marks = String::new();
    for (corners, piece) in &regions.outlines {
        let points: Vec<String> = corners.iter().map(place).collect();
        // Neighbouring numbers, far colours.
        let hue = (*piece as f64 * 137.5) % 360.0;
        let _ = write!(marks, "<polygon points=\"{}\" fill=\"hsl({hue:.0} 45% 60%)\"/>", points.join(" "));
    }
    format!("{text}<svg viewBox=\"0 0 760 {height}\" role=\"img\" aria-label=\"Linear regions\">{marks}</svg>")
}

fn signals(report: &Report) -> String {
    let layers = &report.signals.layers;
    let names = || layers.iter().map(|layer| layer.layer.as_str()).collect::<Vec<_>>();
    let bands = layers.iter().filter_map(|layer| layer.expected).flat_map(|(_, band)| band);
    let mut forward = Plot::new(names(), layers.iter().map(|layer| layer.mean_square).chain(bands), true);
    forward.band(&layers.iter().map(|layer| layer.expected.map(|(_, band)| band)).collect::<Vec<_>>());
    forward.line("a", &layers.iter().map(|layer| Some(layer.mean_square)).collect::<Vec<_>>());
    let mut backward = Plot::new(names(), layers.iter().filter_map(|layer| layer.gradient), true);
    backward.line("b", &layers.iter().map(|layer| layer.gradient).collect::<Vec<_>>());
    let mut rows = String::new();
    for layer in layers {
        let verdict = layer.verdict().name();
        let (square, expected) =
            (table::number(layer.mean_square), table::optional(layer.expected.map(|(square, _)| square)));
        let gradient = table::optional(layer.gradient);
        let _ = write!(
            rows,
            "<tr><td>{}</td><td>{square}</td><td>{expected}</td><td>{verdict}</td><td>{gradient}</td></tr>",
            escape(&layer.layer)
        );
    }
    format!(
        "<h2>Signals</h2>{}{}{}{}<table><tr><th>layer</th><th>E[y²]</th><th>expected</th><th>verdict</th><th>E[dy²]</th></tr>{rows}</table>",
        key(&[("a", "mean square of what each rectifier gives"), ("band", "what theory expects")]),
        forward.svg("Mean squares of signals by layer"),
        key(&[("b", "mean square of its gradient")]),
        backward.svg("Mean squares of gradients by layer"),
    )
}

fn units(report: &Report) -> String {
    let layers = &report.units.layers;
    let mut plot = Plot::of_shares(layers.iter().map(|layer| layer.layer.as_str()).collect());
    for (at, layer) in layers.iter().enumerate() {
        let count = layer.count.max(1) as f64;
        let title =
            |what: &str, units: &[usize]| format!("{}: {} of {} units {what}", layer.layer, units.len(), layer.count);
        plot.bar(
            "c",
            at,
            (0, 3),
            [0.0, layer.active],
            &format!("{}: {:.0}% of numbers are positive", layer.layer, 100.0 * layer.active),
        );
        plot.bar("b", at, (1, 3), [0.0, layer.never.len() as f64 / count], &title("never fire", &layer.never));
        plot.bar("a", at, (2, 3), [0.0, layer.always.len() as f64 / count], &title("always fire", &layer.always));
    }
    let keys = key(&[
        ("c", "share of numbers above zero"),
        ("b", "of units that never fire"),
        ("a", "of units that always do"),
    ]);
    format!("<h2>Units</h2>{keys}{}", plot.svg("Units that never or always fire, by layer"))
}

fn slopes(report: &Report) -> String {
    let layers = &report.slopes.layers;
    if layers.is_empty() {
        return String::new();
    }
    let values = layers.iter().flat_map(|layer| layer.values.iter().copied()).chain([0.0, 0.25]);
    let mut plot = Plot::new(layers.iter().map(|layer| layer.layer.as_str()).collect(), values, false);
    layers.iter().enumerate().for_each(|(at, layer)| plot.dots("a", at, &layer.values));
    format!("<h2>Learned slopes</h2>{}", plot.svg("Learned slopes by layer"))
}

fn redundancy(report: &Report) -> String {
    let pairs = &report.redundancy.pairs;
    if pairs.is_empty() {
        return String::new();
    }
    let mut plot = Plot::of_shares(pairs.iter().map(|pair| pair.layer.as_str()).collect());
    for (at, pair) in pairs.iter().enumerate() {
        plot.dots("c", at, &pair.independence.iter().map(|rho| rho.unwrap_or(f64::NAN)).collect::<Vec<_>>());
    }
    let text = "<p>ρ of each channel: how much of what α does the norm's γ and β cannot do. At 0 it is redundant; idle ones have no dot.</p>";
    format!("<h2>Slopes beside the norms before them</h2>{text}{}", plot.svg("Independence of slopes by layer"))
}
