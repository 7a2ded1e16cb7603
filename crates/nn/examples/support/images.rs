//! A second kind of picture: images in rows and columns, each number a coloured square.

use crate::support::{FONT, INK, OUT};
use plotters::prelude::*;
use plotters::style::FontStyle;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::error::Error;

/// Where a number is exactly 0: unlike any colour of the scales.
const ZERO: RGBColor = RGBColor(201, 206, 214);
/// Width of a number's square, of the margin around an image, of the rows' names.
const SQUARE: i32 = 10;
const MARGIN: i32 = 8;
const NAMES: i32 = 150;
/// Height of the title.
const HEAD: i32 = 64;

/// How numbers become colours.
#[derive(Clone, Copy)]
pub enum Scale {
    /// From 0, white, to the image's largest, black.
    Ink,
    /// Blue below 0, white near it, orange above, to the image's largest magnitude; exactly 0 is grey.
    Signed,
}

/// Rows of square images with a name each.
pub struct Images {
    title: String,
    rows: Vec<(String, Scale, Vec<Vec<f32>>)>,
}

impl Images {
    /// With a title.
    pub fn new(title: &str) -> Images {
        Images { title: title.into(), rows: Vec::new() }
    }

    /// With one more row of images, each so many numbers as a square has.
    pub fn row(mut self, name: &str, scale: Scale, images: Vec<Vec<f32>>) -> Images {
        self.rows.push((name.into(), scale, images));
        self
    }

    /// Writes `out/NAME.png`, and says so.
    pub fn write(&self, name: &str) -> Result<(), Box<dyn Error>> {
        std::fs::create_dir_all(OUT)?;
        let path = format!("{OUT}/{name}.png");
        plotters::style::register_font("sans-serif", FontStyle::Normal, FONT).map_err(|_| "the font is damaged")?;
        let sides = self.rows.iter().flat_map(|row| &row.2).map(|image| image.len().isqrt() as i32);
        let place = SQUARE * sides.max().unwrap_or(0) + 2 * MARGIN;
        let columns = self.rows.iter().map(|row| row.2.len() as i32).max().unwrap_or(0);
        let size = (NAMES + place * columns + 2 * MARGIN, HEAD + place * self.rows.len() as i32 + MARGIN);
        let root = BitMapBackend::new(&path, (size.0 as u32, size.1 as u32)).into_drawing_area();
        root.fill(&WHITE)?;
        let text = |height: i32| ("sans-serif", height).into_font().color(&INK);
        root.draw(&Text::new(self.title.clone(), (2 * MARGIN, 2 * MARGIN), text(22)))?;
        for (top, (name, scale, images)) in (HEAD..).step_by(place as usize).zip(&self.rows) {
            let middle = text(16).pos(Pos::new(HPos::Left, VPos::Center));
            root.draw(&Text::new(name.clone(), (2 * MARGIN, top + place / 2), middle))?;
            for (left, image) in (NAMES..).step_by(place as usize).zip(images) {
                let side = image.len().isqrt();
                let most = image.iter().fold(0.0f32, |most, x| most.max(x.abs()));
                for (at, &x) in image.iter().enumerate() {
                    let (row, column) = ((at / side) as i32, (at % side) as i32);
                    let corner = (left + MARGIN + SQUARE * column, top + MARGIN + SQUARE * row);
                    let square = [corner, (corner.0 + SQUARE, corner.1 + SQUARE)];
                    root.draw(&Rectangle::new(square, scale.colour(x, most).filled()))?;
                }
            }
        }
        root.present()?;
        println!("wrote {path}");
        Ok(())
    }
}

impl Scale {
    fn colour(self, x: f32, most: f32) -> RGBColor {
        let full = match self {
            Scale::Ink => INK,
            Scale::Signed if x == 0.0 => return ZERO,
            Scale::Signed if x < 0.0 => RGBColor(0, 90, 160),
            Scale::Signed => RGBColor(213, 94, 0),
        };
        let share = if most > 0.0 { x.abs() / most } else { 0.0 };
        let mix = |full: u8| (255.0 - share * (255.0 - f32::from(full))).round() as u8;
        RGBColor(mix(full.0), mix(full.1), mix(full.2))
    }
}
