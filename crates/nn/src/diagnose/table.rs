//! Tables in text: the first column to the left, numbers to the right.

use std::fmt::{Formatter, Result};

pub(crate) fn write(f: &mut Formatter<'_>, head: &[&str], rows: &[Vec<String>]) -> Result {
    let length = |text: &str| text.chars().count();
    let width =
        |column: usize| rows.iter().map(|row| length(&row[column])).max().unwrap_or(0).max(length(head[column]));
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let head: Vec<String> = head.iter().map(|&title| title.to_owned()).collect();
    for row in std::iter::once(&head).chain(rows) {
        write!(f, "  {:<width$}", row[0], width = widths[0])?;
        for (text, width) in row.iter().zip(&widths).skip(1) {
            write!(f, "  {text:>width$}")?;
        }
        writeln!(f)?;
    }
    Ok(())
}

/// Three digits, whatever the size.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        size if (1e-3..1e4).contains(&size) => {
            let digits = (2 - size.log10().floor() as i32).max(0) as usize;
            format!("{value:.digits$}")
        }
        _ => format!("{value:.2e}"),
    }
}

pub(super) fn optional(value: Option<f64>) -> String {
    value.map_or("–".into(), number)
}

pub(super) fn percent(part: usize, whole: usize) -> String {
    format!("{:.0}%", 100.0 * part as f64 / whole.max(1) as f64)
}
