//! The picture: loss over epochs, one curve for each way to draw weights.

use plotters::prelude::*;
use plotters::style::FontStyle;
use std::error::Error;
use std::path::Path;

const FONT: &[u8] = include_bytes!("../digits/font/DejaVuSans-subset.ttf");
const SIZE: (u32, u32) = (960, 560);
const INK: RGBColor = RGBColor(40, 44, 52);
const GRID: RGBColor = RGBColor(226, 229, 234);
const COLOURS: [RGBColor; 2] = [RGBColor(38, 110, 170), RGBColor(196, 78, 54)];

/// Writes the curves as a PNG.
pub fn draw(curves: &[(&str, &Vec<f64>)], path: &Path) -> Result<(), Box<dyn Error>> {
    plotters::style::register_font("sans-serif", FontStyle::Normal, FONT).map_err(|_| "the font is damaged")?;
    let root = BitMapBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let epochs = curves.iter().map(|curve| curve.1.len()).max().unwrap_or(1) as f64 - 1.0;
    let highest = curves.iter().flat_map(|curve| curve.1).copied().fold(0.0, f64::max);
    let mut chart = ChartBuilder::on(&root)
        .caption("Training loss (cross-entropy), 30 layers", ("sans-serif", 22).into_font().color(&INK))
        .margin(18)
        .x_label_area_size(46)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..epochs, 0.0..1.1 * highest)?;
    chart
        .configure_mesh()
        .x_desc("epoch")
        .x_labels((epochs as usize + 1).min(16))
        .x_label_formatter(&|epoch| format!("{epoch:.0}"))
        .y_labels(6)
        .y_label_formatter(&|loss| format!("{loss:.2}"))
        .label_style(("sans-serif", 16).into_font().color(&INK))
        .axis_style(INK)
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .draw()?;
    for ((name, losses), colour) in curves.iter().zip(COLOURS) {
        let points = || losses.iter().enumerate().map(|(epoch, &loss)| (epoch as f64, loss));
        chart
            .draw_series(LineSeries::new(points(), colour.stroke_width(2)))?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 24, y)], colour.stroke_width(2)));
        chart.draw_series(points().map(|point| Circle::new(point, 4, colour.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerLeft)
        .background_style(WHITE)
        .border_style(GRID)
        .label_font(("sans-serif", 16).into_font().color(&INK))
        .draw()?;
    root.present()?;
    Ok(())
}
