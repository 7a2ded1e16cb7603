//! Plots as SVG that needs no script: hovering over a mark shows its values.

use super::table;
use std::fmt::Write as _;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 260.0;
/// Room for the labels to the left, above, to the right, below.
const MARGIN: [f64; 4] = [64.0, 14.0, 14.0, 62.0];

/// Marks over layers: one column for each, named below.
pub(super) struct Plot<'a> {
    layers: Vec<&'a str>,
    range: [f64; 2],
    /// Whether y is shown as powers of ten of it.
    logarithmic: bool,
    marks: String,
}

pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

impl<'a> Plot<'a> {
    /// For shares of a whole.
    pub(super) fn of_shares(layers: Vec<&'a str>) -> Plot<'a> {
        Plot { layers, range: [0.0, 1.0], logarithmic: false, marks: String::new() }
    }

    /// For values within what these span.
    pub(super) fn new(layers: Vec<&'a str>, values: impl IntoIterator<Item = f64>, logarithmic: bool) -> Plot<'a> {
        let scaled = values.into_iter().map(|y| if logarithmic { y.log10() } else { y }).filter(|y| y.is_finite());
        let (low, high) = scaled.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), y| (low.min(y), high.max(y)));
        let (low, high) = if low > high { (0.0, 1.0) } else { (low, high) };
        let margin = if high - low < 1e-9 { 0.5 } else { 0.06 * (high - low) };
        Plot { layers, range: [low - margin, high + margin], logarithmic, marks: String::new() }
    }

    fn x(&self, layer: f64) -> f64 {
        MARGIN[0] + (layer + 0.5) / self.layers.len().max(1) as f64 * (WIDTH - MARGIN[0] - MARGIN[2])
    }

    fn y(&self, value: f64) -> Option<f64> {
        let value = if self.logarithmic { value.log10() } else { value };
        let [low, high] = self.range;
        value
            .is_finite()
            .then(|| MARGIN[1] + (high - value.clamp(low, high)) / (high - low) * (HEIGHT - MARGIN[1] - MARGIN[3]))
    }

    /// Points joined by a line, each with what it shows.
    pub(super) fn line(&mut self, class: &str, values: &[Option<f64>]) {
        let places = |at: &(usize, &Option<f64>)| Some((self.x(at.0 as f64), self.y((*at.1)?)?, at.0, (*at.1)?));
        let points: Vec<_> = values.iter().enumerate().filter_map(|at| places(&at)).collect();
        let path: Vec<String> = points.iter().map(|(x, y, ..)| format!("{x:.1},{y:.1}")).collect();
        let mut marks = format!("<polyline class=\"{class}\" points=\"{}\"/>", path.join(" "));
        for (x, y, layer, value) in points {
            let title = format!("{}: {}", escape(self.layers[layer]), table::number(value));
            let _ = write!(
                marks,
                "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"><title>{title}</title></circle>"
            );
        }
        self.marks.push_str(&marks);
    }

    /// From a lower to an upper value at each layer.
    pub(super) fn band(&mut self, edges: &[Option<[f64; 2]>]) {
        for (layer, edges) in edges.iter().enumerate() {
            let Some([low, high]) = *edges else { continue };
            let (Some(bottom), Some(top)) = (self.y(low), self.y(high)) else { continue };
            let (left, right) = (self.x(layer as f64 - 0.32), self.x(layer as f64 + 0.32));
            let title = format!("{}: {} to {}", escape(self.layers[layer]), table::number(low), table::number(high));
            let (width, height) = (right - left, (bottom - top).max(1.0));
            let _ = write!(
                self.marks,
                "<rect class=\"band\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"><title>{title}</title></rect>"
            );
        }
    }

    /// A bar from one value to another at a layer, the `part`th of `parts` side by side.
    pub(super) fn bar(
        &mut self,
        class: &str,
        layer: usize,
        (part, parts): (usize, usize),
        [from, to]: [f64; 2],
        title: &str,
    ) {
        let (Some(bottom), Some(top)) = (self.y(from), self.y(to)) else { return };
        let step = 0.7 / parts as f64;
        let left = self.x(layer as f64 - 0.35 + step * part as f64);
        let width = self.x(layer as f64 + step) - self.x(layer as f64);
        let height = (bottom - top).max(0.0);
        let title = escape(title);
        let _ = write!(
            self.marks,
            "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"><title>{title}</title></rect>"
        );
    }

    /// Dots at a layer.
    pub(super) fn dots(&mut self, class: &str, layer: usize, values: &[f64]) {
        for (i, &value) in values.iter().enumerate() {
            let Some(y) = self.y(value) else { continue };
            let x = self.x(layer as f64 - 0.3 + 0.6 * (i as f64 + 0.5) / values.len() as f64);
            let title = format!("{}, {i}: {}", escape(self.layers[layer]), table::number(value));
            let _ = write!(
                self.marks,
                "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\"><title>{title}</title></circle>"
            );
        }
    }

    /// The whole picture.
    pub(super) fn svg(self, label: &str) -> String {
        let mut axes = grid(self.range, self.logarithmic, [WIDTH, HEIGHT], MARGIN);
        // Names that would hide each other are left out: every mark shows its own.
        let every = self.layers.len().div_ceil(24).max(1);
        for (layer, name) in self.layers.iter().enumerate().step_by(every) {
            let (x, y) = (self.x(layer as f64), HEIGHT - MARGIN[3] + 14.0);
            let short: String =
                if name.chars().count() > 12 { name.chars().take(11).chain(['…']).collect() } else { (*name).into() };
            let _ = write!(
                axes,
                "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"end\" transform=\"rotate(-35 {x:.1} {y:.1})\">{}</text>",
                escape(&short)
            );
        }
        let label = escape(label);
        format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{label}\">{axes}{}</svg>", self.marks)
    }
}

/// Five lines across, with what y is there.
pub(super) fn grid([low, high]: [f64; 2], logarithmic: bool, [width, height]: [f64; 2], margin: [f64; 4]) -> String {
    let mut lines = String::new();
    for part in 0..=4 {
        let value = low + (high - low) * f64::from(part) / 4.0;
        let y = margin[1] + (high - value) / (high - low) * (height - margin[1] - margin[3]);
        let shown = table::number(if logarithmic { 10_f64.powf(value) } else { value });
        let (left, right) = (margin[0], width - margin[2]);
        let _ = write!(
            lines,
            "<line class=\"grid\" x1=\"{left}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{shown}</text>",
            left - 6.0,
            y + 4.0
        );
    }
    lines
}
