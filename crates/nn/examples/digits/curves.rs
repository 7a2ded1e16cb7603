//! The picture of a training run: loss above, accuracy below, over epochs.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::FontStyle;
use std::error::Error;
use std::ops::Range;
use std::path::Path;

/// What one pass over the data left.
pub struct Epoch {
    /// Mean loss over the training images, while they were learned.
    pub loss: f64,
    /// Share of test images recognised, after it.
    pub accuracy: f64,
}

/// So that the picture is the same on a machine without fonts.
const FONT: &[u8] = include_bytes!("../support/font/DejaVuSans-subset.ttf");
const SIZE: (u32, u32) = (960, 800);
const INK: RGBColor = RGBColor(40, 44, 52);
const GRID: RGBColor = RGBColor(226, 229, 234);
const LOSS: RGBColor = RGBColor(196, 78, 54);
const ACCURACY: RGBColor = RGBColor(38, 110, 170);

/// Writes the curves as a PNG.
pub fn draw(history: &[Epoch], path: &Path) -> Result<(), Box<dyn Error>> {
    plotters::style::register_font("sans-serif", FontStyle::Normal, FONT).map_err(|_| "the font is damaged")?;
    let root = BitMapBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let (upper, lower) = root.split_vertically(SIZE.1 / 2);
    let losses: Vec<f64> = history.iter().map(|epoch| epoch.loss).collect();
    let percent: Vec<f64> = history.iter().map(|epoch| 100.0 * epoch.accuracy).collect();
    // A loss falls over decades: on a logarithmic axis its late changes show too.
    let decades = losses.iter().map(|loss| loss.max(1e-6).log10());
    let (lowest, highest) = (decades.clone().fold(f64::MAX, f64::min), decades.clone().fold(f64::MIN, f64::max));
    let last = |values: &[f64]| values.last().copied().unwrap_or(f64::NAN);
    Panel {
        title: format!("Training loss (cross-entropy), last {:.4}", last(&losses)),
        values: decades.collect(),
        range: (lowest - 0.1)..(highest + 0.1),
        label: |decade| format!("{:.2}", 10f64.powf(decade)),
        colour: LOSS,
    }
    .draw(&upper)?;
    let worst = percent.iter().copied().fold(100.0, f64::min);
    Panel {
        title: format!("Test accuracy in %, last {:.2}", last(&percent)),
        values: percent,
        range: (worst - 1.0).floor()..100.5,
        label: |percent| format!("{percent:.0}"),
        colour: ACCURACY,
    }
    .draw(&lower)?;
    root.present()?;
    Ok(())
}

/// One curve over epochs.
struct Panel {
    title: String,
    values: Vec<f64>,
    range: Range<f64>,
    label: fn(f64) -> String,
    colour: RGBColor,
}

impl Panel {
    fn draw(&self, area: &DrawingArea<BitMapBackend<'_>, Shift>) -> Result<(), Box<dyn Error>> {
        let epochs = self.values.len() as f64;
        let mut chart = ChartBuilder::on(area)
            .caption(&self.title, ("sans-serif", 22).into_font().color(&INK))
            .margin(18)
            .x_label_area_size(46)
            .y_label_area_size(64)
            .build_cartesian_2d(0.5..epochs + 0.5, self.range.clone())?;
        chart
            .configure_mesh()
            .x_desc("epoch")
            .x_labels(self.values.len().min(16))
            .y_labels(6)
            .x_label_formatter(&|epoch| format!("{epoch:.0}"))
            .y_label_formatter(&|value| (self.label)(*value))
            .label_style(("sans-serif", 16).into_font().color(&INK))
            .axis_style(INK)
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .draw()?;
        let points = || self.values.iter().enumerate().map(|(i, &value)| (i as f64 + 1.0, value));
        chart.draw_series(LineSeries::new(points(), self.colour.stroke_width(2)))?;
        chart.draw_series(points().map(|point| Circle::new(point, 4, self.colour.filled())))?;
        Ok(())
    }
}
