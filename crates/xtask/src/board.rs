//! `cargo xtask board`: our rows and the peers', in turn, several rounds, medians and ratios.
//!
//! Every measurement is a process of its own: no engine's pool, allocator or heap can disturb another's. Before a row is
//! timed, all engines compute it once and their checksums are compared. Protocol: `benches/peers/README.md`.

mod checksums;
mod engine;
mod options;
mod table;

use crate::Outcome;
use engine::Engine;
use options::Options;
use std::collections::BTreeSet;
use table::Line;

pub fn board(arguments: &[&str]) -> Outcome {
    let options = Options::parse(arguments)?;
    let engines = engine::find(!options.peers_only)?;
    let rows = wanted_rows(&options, &engines)?;
    let names: Vec<&str> = engines.iter().map(|engine| engine.name).collect();
    print!("{}", table::header(&names));
    let mut lines = Vec::new();
    let mut wrong = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        eprint!("\r{:60}\r[{}/{}] {row}", "", number + 1, rows.len());
        let differences = checksums::compare(&check(row, &engines));
        for difference in &differences {
            eprintln!("\n!! {row}: {difference}");
        }
        if !differences.is_empty() {
            wrong.push(row.as_str());
        }
        let line = time(row, &engines, options.rounds, differences.is_empty());
        eprint!("\r{:60}\r", "");
        // Row by row: a board takes minutes, and one that is stopped has still said what it knew.
        print!("{}", table::render(&names, &line));
        lines.push(line);
    }
    if options.what {
        print!("\n{}", table::details(&names, &lines));
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!("the engines do not compute the same on {}", wrong.join(", ")))
}

/// The rows that were asked for, in the order in which the engines list them.
fn wanted_rows(options: &Options, engines: &[Engine]) -> Outcome<Vec<String>> {
    let mut seen = BTreeSet::new();
    let mut rows: Vec<String> = engines.iter().flat_map(|engine| engine.rows.iter().cloned()).collect();
    rows.retain(|row| seen.insert(row.clone()));
    for wanted in &options.rows {
        if !rows.iter().any(|row| row.starts_with(wanted)) {
            return Err(format!("no row is named {wanted}…; there are {}", rows.join(", ")));
        }
    }
    // A full name selects that row alone, although other names may begin with it.
    let selects =
        |wanted: &String, row: &String| if seen.contains(wanted) { row == wanted } else { row.starts_with(wanted) };
    rows.retain(|row| options.rows.is_empty() || options.rows.iter().any(|wanted| selects(wanted, row)));
    Ok(rows)
}

/// The checksums of every engine that has the row.
fn check(row: &str, engines: &[Engine]) -> Vec<(&'static str, Outcome<checksums::Checksums>)> {
    let having = engines.iter().filter(|engine| engine.has(row));
    having.map(|engine| (engine.name, engine.check(row))).collect()
}

/// One row by every engine that has it, each round all of them in turn.
fn time(row: &str, engines: &[Engine], rounds: usize, agreed: bool) -> Line {
    let mut line = Line::new(row, engines.len(), agreed);
    for _ in 0..rounds {
        for (engine, cell) in engines.iter().zip(&mut line.cells).filter(|(engine, _)| engine.has(row)) {
            match engine.time(row) {
                Ok((microseconds, what)) => {
                    cell.samples.push(microseconds);
                    cell.what = what;
                }
                Err(why) => eprintln!("\n!! {row}: {}: {why}", engine.name),
            }
        }
    }
    line
}
