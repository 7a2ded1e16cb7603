//! A picture of a function on a square of the plane, with points on it.

use crate::support::{INK, picture_path};
use plotters::prelude::*;
use std::error::Error;

const SIZE: (u32, u32) = (820, 820);
const POINT: RGBColor = RGBColor(213, 94, 0);

/// Values of the middle of each cell of a square, row by row from the lowest y, and points.
pub struct Plane<'a> {
    pub title: &'a str,
    /// The square is [−reach, reach]².
    pub reach: f64,
    /// Cells along a side.
    pub cells: usize,
    pub values: &'a [f64],
    pub points: &'a [(f64, f64)],
}

impl Plane<'_> {
    /// The middles of the cells in the order of the values.
    pub fn middles(reach: f64, cells: usize) -> impl Iterator<Item = (f64, f64)> {
        let at = move |i: usize| reach * ((2 * i + 1) as f64 / cells as f64 - 1.0);
        (0..cells * cells).map(move |i| (at(i % cells), at(i / cells)))
    }

    /// Writes `out/NAME.png`, and says so.
    pub fn write(&self, name: &str) -> Result<(), Box<dyn Error>> {
        let path = picture_path(name)?;
        let root = BitMapBackend::new(&path, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let side = -self.reach..self.reach;
        let mut chart = ChartBuilder::on(&root)
            .caption(self.title, ("sans-serif", 22).into_font().color(&INK))
            .margin(18)
            .margin_right(36)
            .x_label_area_size(40)
            .y_label_area_size(48)
            .build_cartesian_2d(side.clone(), side)?;
        let (half, most) = (self.reach / self.cells as f64, self.values.iter().copied().fold(1e-300, f64::max));
        let middles = Plane::middles(self.reach, self.cells).zip(self.values);
        chart.draw_series(middles.map(|((x, y), value)| {
            Rectangle::new([(x - half, y - half), (x + half, y + half)], colour(value / most).filled())
        }))?;
        chart.draw_series(self.points.iter().map(|&point| Circle::new(point, 1, POINT.filled())))?;
        chart
            .configure_mesh()
            .disable_mesh()
            .x_label_formatter(&|x| format!("{x}"))
            .y_label_formatter(&|y| format!("{y}"))
            .label_style(("sans-serif", 16).into_font().color(&INK))
            .axis_style(INK)
            .draw()?;
        root.present()?;
        println!("wrote {path}");
        Ok(())
    }
}

/// From white to a deep blue; the root shows what is faint.
fn colour(share: f64) -> RGBColor {
    let share = share.clamp(0.0, 1.0).sqrt();
    let mix = |from: f64, to: f64| (from + share * (to - from)) as u8;
    RGBColor(mix(255.0, 0.0), mix(255.0, 60.0), mix(255.0, 120.0))
}
