//! A picture of polygons, each in its own colour: what `regions` draws.

use super::support::{FONT, INK, OUT};
use plotters::prelude::*;
use plotters::style::FontStyle;
use std::error::Error;

/// Side of a panel in pixels.
const SIDE: u32 = 560;
/// The share of the circle of hues from one number's candidates to the next one's: no two numbers have the same.
const GOLDEN: f64 = 0.618_033_988_749_894_8;

/// Polygons over the square [−reach, reach]², each with the number that its colour stands for.
pub struct Panel {
    pub title: String,
    pub reach: f64,
    pub polygons: Vec<(Vec<[f64; 2]>, usize)>,
}

/// Writes `out/NAME.png` with the panels side by side, and says so.
pub fn write(name: &str, panels: &[Panel]) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(OUT)?;
    let path = format!("{OUT}/{name}.png");
    plotters::style::register_font("sans-serif", FontStyle::Normal, FONT).map_err(|_| "the font is damaged")?;
    let root = BitMapBackend::new(&path, (SIDE * panels.len() as u32, SIDE + 40)).into_drawing_area();
    root.fill(&WHITE)?;
    for (panel, area) in panels.iter().zip(root.split_evenly((1, panels.len()))) {
        let range = -panel.reach..panel.reach;
        let mut chart = ChartBuilder::on(&area)
            .caption(&panel.title, ("sans-serif", 20).into_font().color(&INK))
            .margin(14)
            .x_label_area_size(28)
            .y_label_area_size(36)
            .build_cartesian_2d(range.clone(), range)?;
        chart
            .configure_mesh()
            .disable_mesh()
            .x_labels(5)
            .y_labels(5)
            .label_style(("sans-serif", 14).into_font().color(&INK))
            .axis_style(INK)
            .draw()?;
        let hues = hues(&panel.polygons);
        for (corners, number) in &panel.polygons {
            let points: Vec<(f64, f64)> = corners.iter().map(|&[x, y]| (x, y)).collect();
            chart.draw_series([Polygon::new(
                points.clone(),
                HSLColor(hues[*number], 0.55, [0.45, 0.68, 0.56][number % 3]).filled(),
            )])?;
            let outline = points.iter().chain(points.first()).copied();
            chart.draw_series([PathElement::new(outline.collect::<Vec<_>>(), WHITE.stroke_width(1))])?;
        }
    }
    root.present()?;
    println!("wrote {path}");
    Ok(())
}

/// For each number a hue, from those left the one furthest from the hues around it.
fn hues(polygons: &[(Vec<[f64; 2]>, usize)]) -> Vec<f64> {
    let bounds = |corners: &[[f64; 2]], axis: usize| {
        let along = || corners.iter().map(|corner| corner[axis]);
        (along().fold(f64::MAX, f64::min), along().fold(f64::MIN, f64::max))
    };
    let overlap = |one: &[[f64; 2]], two: &[[f64; 2]]| {
        (0..2).all(|axis| {
            let ((a, b), (c, d)) = (bounds(one, axis), bounds(two, axis));
            a <= d && c <= b
        })
    };
    let mut hues: Vec<f64> = Vec::new();
    for (corners, number) in polygons {
        if *number < hues.len() {
            continue;
        }
        // Numbers come in order of their first polygons.
        let near = polygons.iter().filter(|(other, n)| *n < hues.len() && overlap(corners, other));
        let taken: Vec<f64> = near.map(|(_, n)| hues[*n]).collect();
        let apart = |hue: f64| {
            let gap = |other: &f64| (hue - other).abs().min(1.0 - (hue - other).abs());
            taken.iter().map(gap).fold(1.0, f64::min)
        };
        let candidates = (0..16).map(|i| (*number as f64 * GOLDEN + f64::from(i) / 16.0).fract());
        hues.push(candidates.max_by(|a, b| apart(*a).total_cmp(&apart(*b))).expect("there are some"));
    }
    hues
}
