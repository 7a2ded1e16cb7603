//! The table of the board.

use std::fmt::Write as _;

/// A row: one cell per engine, empty where the engine lacks the row.
pub struct Line {
    row: String,
    agreed: bool,
    pub cells: Vec<Cell>,
}

/// What an engine measured in each round, and what it said in the last.
#[derive(Clone, Default)]
pub struct Cell {
    pub samples: Vec<f64>,
    pub what: String,
}

impl Line {
    pub fn new(row: &str, engines: usize, agreed: bool) -> Self {
        Self { row: row.to_owned(), agreed, cells: vec![Cell::default(); engines] }
    }
}

impl Cell {
    /// The median of the rounds; of an even number of rounds the lower middle one.
    fn median(&self) -> Option<f64> {
        let mut samples = self.samples.clone();
        samples.sort_by(f64::total_cmp);
        samples.get(samples.len().saturating_sub(1) / 2).copied()
    }
}

/// The names of the columns.
pub fn header(engines: &[&str]) -> String {
    let mut header = format!("{:28}", "row (µs)");
    for engine in engines {
        let _ = write!(header, "{engine:>12}");
    }
    header + if has_ours(engines) { "  best peer / ours\n" } else { "\n" }
}

/// Row, microseconds of each engine, and the best peer's time over ours where ours is on the board.
pub fn render(engines: &[&str], line: &Line) -> String {
    let medians: Vec<Option<f64>> = line.cells.iter().map(Cell::median).collect();
    let mut rendered = format!("{:28}", line.row);
    for median in &medians {
        let _ = write!(rendered, "{:>12}", median.map_or("–".to_owned(), microseconds));
    }
    let best = medians.iter().skip(1).flatten().copied().min_by(f64::total_cmp);
    if let (true, Some(Some(us)), Some(best)) = (has_ours(engines), medians.first(), best) {
        let _ = write!(rendered, "{:>12.2}×", best / us);
    }
    rendered + if line.agreed { "\n" } else { "  !! CHECKSUMS DIFFER\n" }
}

fn has_ours(engines: &[&str]) -> bool {
    engines.first() == Some(&"ours")
}

/// What each engine said about its numbers.
pub fn details(engines: &[&str], lines: &[Line]) -> String {
    let mut details = String::new();
    for line in lines {
        for (engine, cell) in engines.iter().zip(&line.cells).filter(|(_, cell)| !cell.samples.is_empty()) {
            let _ = writeln!(details, "{:28} {engine:6} {}", line.row, cell.what);
        }
    }
    details
}

/// Three digits or more, never more than two after the point.
fn microseconds(us: f64) -> String {
    let digits = if us < 10.0 { 2 } else { usize::from(us < 1000.0) };
    format!("{us:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(agreed: bool, samples: &[&[f64]]) -> Line {
        let mut line = Line::new("mlp_64", samples.len(), agreed);
        for (cell, samples) in line.cells.iter_mut().zip(samples) {
            cell.samples = samples.to_vec();
        }
        line
    }

    #[test]
    fn the_ratio_is_the_best_peers_median_over_ours() {
        let table = render(&["ours", "torch", "jax"], &line(true, &[&[3.0, 1.0, 2.0], &[5.0], &[4.0, 4.5, 9.0]]));
        let last = table.lines().last().expect("a row");
        assert_eq!(last.split_whitespace().collect::<Vec<_>>(), ["mlp_64", "2.00", "5.00", "4.50", "2.25×"]);
    }

    #[test]
    fn gaps_and_disagreement_show() {
        let table = render(&["ours", "torch"], &line(false, &[&[1234.5], &[]]));
        let last = table.lines().last().expect("a row");
        assert!(last.contains("1234") && last.contains('–') && last.ends_with("CHECKSUMS DIFFER"), "{last}");
    }
}
