//! What the experiments share: their options, and one kind of picture.

use plotters::prelude::*;
use plotters::style::FontStyle;
use std::error::Error;
use std::ops::Range;

/// Where pictures go.
pub const OUT: &str = "out";

/// So that the picture is the same on a machine without fonts.
pub const FONT: &[u8] = include_bytes!("font/DejaVuSans-subset.ttf");
const SIZE: (u32, u32) = (960, 560);
pub const INK: RGBColor = RGBColor(40, 44, 52);
const GRID: RGBColor = RGBColor(226, 229, 234);
/// Told apart with any kind of sight (Okabe, Ito 2008), in this order.
const COLOURS: [RGBColor; 5] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
];

/// `--seed N` and `--quick`.
pub struct Options {
    pub seed: u64,
    pub quick: bool,
}

/// The options of the command line.
///
/// # Errors
/// Says how the example is used.
pub fn options(seed: u64) -> Result<Options, Box<dyn Error>> {
    let mut options = Options { seed, quick: false };
    let mut arguments = std::env::args();
    let program = arguments.next().unwrap_or_default();
    let name = program.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => options.quick = true,
            "--seed" => {
                let seed = arguments.next().ok_or("--seed: which?")?;
                options.seed = seed.parse().map_err(|error| format!("--seed {seed}: {error}"))?;
            }
            other => return Err(format!("usage: {name} [--seed N] [--quick]; got {other}").into()),
        }
    }
    Ok(options)
}

/// Curves over one axis, and bands that they should stay in.
pub struct Picture {
    title: String,
    axes: [String; 2],
    curves: Vec<(String, Vec<(f64, f64)>)>,
    bands: Vec<Vec<(f64, f64)>>,
    legend: SeriesLabelPosition,
}

/// `out/NAME.png`, with its folder and the font for what will be written on it.
pub fn picture_path(name: &str) -> Result<String, Box<dyn Error>> {
    std::fs::create_dir_all(OUT)?;
    plotters::style::register_font("sans-serif", FontStyle::Normal, FONT).map_err(|_| "the font is damaged")?;
    Ok(format!("{OUT}/{name}.png"))
}

impl Picture {
    /// With a title and what the axes show.
    pub fn new(title: &str, x: &str, y: &str) -> Picture {
        let (axes, legend) = ([x.into(), y.into()], SeriesLabelPosition::MiddleRight);
        Picture { title: title.into(), axes, curves: Vec::new(), bands: Vec::new(), legend }
    }

    /// With one more curve, through the points that are finite.
    pub fn curve(mut self, name: &str, points: impl IntoIterator<Item = (f64, f64)>) -> Picture {
        let finite = points.into_iter().filter(|(x, y)| x.is_finite() && y.is_finite());
        self.curves.push((name.into(), finite.collect()));
        self
    }

    /// With a grey band between the lower and upper values at each x.
    #[allow(dead_code, reason = "not every experiment has one")]
    pub fn band(mut self, edges: impl IntoIterator<Item = (f64, (f64, f64))>) -> Picture {
        let edges: Vec<_> = edges.into_iter().collect();
        let (lower, upper) = (edges.iter().map(|&(x, (y, _))| (x, y)), edges.iter().rev().map(|&(x, (_, y))| (x, y)));
        self.bands.push(lower.chain(upper).collect());
        self
    }

    /// With the legend where it hides nothing.
    #[allow(dead_code, reason = "the usual place suits some")]
    pub fn legend(self, legend: SeriesLabelPosition) -> Picture {
        Picture { legend, ..self }
    }

    /// Writes `out/NAME.png`, and says so.
    pub fn write(&self, name: &str) -> Result<(), Box<dyn Error>> {
        let path = picture_path(name)?;
        let root = BitMapBackend::new(&path, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&root)
            .caption(&self.title, ("sans-serif", 22).into_font().color(&INK))
            .margin(18)
            .margin_right(36)
            .x_label_area_size(46)
            .y_label_area_size(72)
            .build_cartesian_2d(self.range(|point| point.0, 0.0), self.range(|point| point.1, 0.06))?;
        chart
            .configure_mesh()
            .x_desc(&self.axes[0])
            .y_desc(&self.axes[1])
            .x_label_formatter(&|x| format!("{x}"))
            .y_labels(7)
            .label_style(("sans-serif", 16).into_font().color(&INK))
            .axis_style(INK)
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .draw()?;
        for band in &self.bands {
            chart.draw_series([Polygon::new(band.clone(), GRID.filled())])?;
        }
        for ((name, points), colour) in self.curves.iter().zip(COLOURS) {
            chart
                .draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)))?
                .label(name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 24, y)], colour.stroke_width(2)));
            // A few points are marked, many would hide each other.
            if points.len() <= 40 {
                chart.draw_series(points.iter().map(|&point| Circle::new(point, 4, colour.filled())))?;
            }
        }
        chart
            .configure_series_labels()
            .position(self.legend.clone())
            .background_style(WHITE.mix(0.85))
            .border_style(GRID)
            .label_font(("sans-serif", 16).into_font().color(&INK))
            .draw()?;
        root.present()?;
        println!("wrote {path}");
        Ok(())
    }

    /// From the least to the greatest of a coordinate, and so much of that beyond.
    fn range(&self, of: impl Fn(&(f64, f64)) -> f64, margin: f64) -> Range<f64> {
        let points = || self.curves.iter().map(|curve| &curve.1).chain(&self.bands).flatten().map(&of);
        let (least, greatest) = (points().fold(f64::MAX, f64::min), points().fold(f64::MIN, f64::max));
        if least >= greatest {
            return if least > greatest { 0.0..1.0 } else { least - 0.5..least + 0.5 };
        }
        let margin = margin * (greatest - least);
        least - margin..greatest + margin
    }
}
