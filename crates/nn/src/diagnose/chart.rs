//! Plots over the steps of a run, as SVG that needs no script.

use super::monitor::{Point, Trajectory};
use super::plot::{escape, grid};
use super::table;
use std::fmt::Write as _;

/// Room for the labels to the left, above, to the right, below.
const MARGIN: [f64; 4] = [56.0, 14.0, 14.0, 26.0];

/// Lines over steps.
pub(crate) struct Chart {
    size: [f64; 2],
    /// The last step.
    end: u64,
    range: [f64; 2],
    /// Whether y is shown as powers of ten of it.
    logarithmic: bool,
    marks: String,
}

/// `step 40`, or `steps 40 to 47` of a point that stands for several, and their values.
pub(crate) fn told(point: &Point) -> String {
    let [low, mean, high] = [point.low, point.mean, point.high].map(table::number);
    let values = if point.low == point.high { mean } else { format!("{mean}, from {low} to {high}") };
    match point.last == point.step {
        true => format!("step {}: {values}", point.step),
        false => format!("steps {} to {}: {values}", point.step, point.last),
    }
}

impl Chart {
    /// Up to this step, for values within what these span.
    pub(crate) fn new(size: [f64; 2], end: u64, values: impl IntoIterator<Item = f64>, logarithmic: bool) -> Chart {
        let scaled = values.into_iter().map(|y| if logarithmic { y.log10() } else { y }).filter(|y| y.is_finite());
        let (low, high) = scaled.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), y| (low.min(y), high.max(y)));
        let (low, high) = if low > high { (0.0, 1.0) } else { (low, high) };
        let margin = if high - low < 1e-9 { 0.5 } else { 0.06 * (high - low) };
        Chart { size, end: end.max(1), range: [low - margin, high + margin], logarithmic, marks: String::new() }
    }

    /// Up to this step, for shares of a whole.
    pub(crate) fn of_shares(size: [f64; 2], end: u64) -> Chart {
        Chart { size, end: end.max(1), range: [0.0, 1.0], logarithmic: false, marks: String::new() }
    }

    fn x(&self, step: u64) -> f64 {
        MARGIN[0] + step as f64 / self.end as f64 * (self.size[0] - MARGIN[0] - MARGIN[2])
    }

    fn y(&self, value: f64) -> Option<f64> {
        let value = if self.logarithmic { value.log10() } else { value };
        let ([low, high], height) = (self.range, self.size[1] - MARGIN[1] - MARGIN[3]);
        value.is_finite().then(|| MARGIN[1] + (high - value.clamp(low, high)) / (high - low) * height)
    }

    fn path(&self, points: &[Point], of: impl Fn(&Point) -> f64) -> Vec<String> {
        let place = |point: &Point| Some(format!("{:.1},{:.1}", self.x(point.step), self.y(of(point))?));
        points.iter().filter_map(place).collect()
    }

    /// What is told where the mouse is: one strip for each point, as high as the chart. The first of the marks, so that lines lie above it.
    pub(crate) fn hover(&mut self, points: &[Point], text: impl Fn(&Point) -> String) {
        let (top, height) = (MARGIN[1], self.size[1] - MARGIN[1] - MARGIN[3]);
        // A strip reaches halfway to its neighbours.
        let edge = |at: usize| (self.x(points[at].step) + self.x(points[at + 1].step)) / 2.0;
        let mut strips = String::new();
        for (at, point) in points.iter().enumerate() {
            let left = if at == 0 { MARGIN[0] } else { edge(at - 1) };
            let right = if at + 1 == points.len() { self.size[0] - MARGIN[2] } else { edge(at) };
            let _ = write!(
                strips,
                "<rect class=\"hover\" x=\"{left:.1}\" y=\"{top}\" width=\"{:.1}\" height=\"{height}\"><title>{}</title></rect>",
                right - left,
                escape(&text(point))
            );
        }
        self.marks.insert_str(0, &strips);
    }

    /// From the least to the greatest.
    pub(super) fn band(&mut self, trajectory: &Trajectory) {
        let mut path = self.path(trajectory.points(), |point| point.low);
        path.extend(self.path(trajectory.points(), |point| point.high).into_iter().rev());
        let _ = write!(self.marks, "<polygon class=\"band\" points=\"{}\"/>", path.join(" "));
    }

    /// The means. `depth`, from 0 to 1, is the line's place between the page's first colour and its second.
    pub(crate) fn line(&mut self, name: &str, trajectory: &Trajectory, depth: f64) {
        let points = trajectory.points();
        let Some(last) = points.last() else { return };
        let style = format!("color-mix(in oklab,var(--b) {:.0}%,var(--a))", 100.0 * depth);
        let title = format!("{}: {} at the end", escape(name), table::number(last.mean));
        let path = self.path(points, |point| point.mean);
        let _ = match path.len() {
            1 => {
                let (x, y) = path[0].split_once(',').expect("two coordinates");
                write!(
                    self.marks,
                    "<circle style=\"fill:{style}\" cx=\"{x}\" cy=\"{y}\" r=\"3\"><title>{title}</title></circle>"
                )
            }
            _ => write!(
                self.marks,
                "<polyline style=\"stroke:{style}\" points=\"{}\"><title>{title}</title></polyline>",
                path.join(" ")
            ),
        };
    }

    /// A line across, if it is in sight.
    pub(super) fn level(&mut self, value: f64) {
        let [low, high] = self.range;
        if let Some(y) = self.y(value).filter(|_| (low..=high).contains(&value)) {
            let (left, right) = (MARGIN[0], self.size[0] - MARGIN[2]);
            let _ =
                write!(self.marks, "<line class=\"level\" x1=\"{left}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>");
        }
    }

    /// A line down at a step, with a label.
    pub(super) fn event(&mut self, step: u64, label: &str) {
        let (x, top, bottom) = (self.x(step), MARGIN[1], self.size[1] - MARGIN[3]);
        let (anchor, at) = if x < self.size[0] / 2.0 { ("start", x + 4.0) } else { ("end", x - 4.0) };
        let label = escape(label);
        let _ = write!(
            self.marks,
            "<line class=\"event\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top}\" y2=\"{bottom}\"><title>{label}</title></line><text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{label}</text>",
            top + 10.0
        );
    }

    /// The whole picture.
    pub(crate) fn svg(self, label: &str) -> String {
        let mut axes = grid(self.range, self.logarithmic, self.size, MARGIN);
        let [width, height] = self.size;
        for (part, anchor) in [(0, "start"), (1, "middle"), (2, "end")] {
            let step = self.end * part / 2;
            let text = if part == 0 { format!("step {step}") } else { step.to_string() };
            let _ = write!(
                axes,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{text}</text>",
                self.x(step),
                height - 8.0
            );
        }
        let label = escape(label);
        format!("<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{label}\">{axes}{}</svg>", self.marks)
    }
}
