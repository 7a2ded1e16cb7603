//! An engine of the board: a program that speaks the protocol of `benches/peers/README.md`.

use super::checksums::{self, Checksums};
use crate::command::{cargo, command, output, run};
use crate::{Outcome, peers};
use std::process::Command;

/// Every engine computes with this many threads.
const THREADS: &str = "2";

/// The program and the leading arguments of an engine.
type Program = Box<dyn Fn() -> Command>;

pub struct Engine {
    pub name: &'static str,
    /// The rows it has.
    pub rows: Vec<String>,
    program: Program,
}

/// Ours first (built now, unless left out), then every peer that is installed; who is missing is said.
pub fn find(ours: bool) -> Outcome<Vec<Engine>> {
    let mut engines = Vec::new();
    if ours {
        let target = ["--release", "--package", "rectify-benches", "--bin", "board"];
        run("building our board", cargo(&["build"]).args(target))?;
        let program = move || {
            let mut command = cargo(&["run", "--quiet"]);
            command.args(target).arg("--");
            command
        };
        engines.push(Engine::new("ours", Box::new(program))?);
    }
    let script = |path: &'static str| move || command(peers::python(), &[path]);
    let candidates: [(&str, Program); 3] = [
        ("torch", Box::new(script("benches/peers/board_torch.py"))),
        ("jax", Box::new(script("benches/peers/board_jax.py"))),
        ("burn", Box::new(|| command(peers::burn(), &[]))),
    ];
    for (name, program) in candidates {
        match Engine::new(name, program) {
            Ok(engine) => engines.push(engine),
            Err(why) => eprintln!("!! no {name} on the board, `cargo xtask peers` installs it: {why}"),
        }
    }
    if engines.is_empty() {
        return Err("no engine at all".into());
    }
    Ok(engines)
}

impl Engine {
    fn new(name: &'static str, program: Program) -> Outcome<Self> {
        let mut engine = Self { name, rows: Vec::new(), program };
        engine.rows = engine.ask(&["--list"])?.lines().map(str::to_owned).collect();
        Ok(engine)
    }

    pub fn has(&self, row: &str) -> bool {
        self.rows.iter().any(|known| known == row)
    }

    /// The checksums of a row.
    pub fn check(&self, row: &str) -> Outcome<Checksums> {
        checksums::parse(&value(&self.ask(&["--check", row])?, row)?)
    }

    /// Microseconds of one iteration of a row, and what the engine says about them.
    pub fn time(&self, row: &str) -> Outcome<(f64, String)> {
        let value = value(&self.ask(&[row])?, row)?;
        let (microseconds, what) = value.split_once('\t').unwrap_or((&value, ""));
        let number = microseconds.parse().map_err(|_| format!("not a number of microseconds: {microseconds}"))?;
        Ok((number, what.to_owned()))
    }

    fn ask(&self, arguments: &[&str]) -> Outcome<String> {
        let mut command = (self.program)();
        // Some machines set these two for the sake of old OpenBLAS builds; they slow NumPy and whoever else heeds them.
        command.env_remove("OPENBLAS_CORETYPE").env_remove("OPENBLAS_L2_SIZE");
        output(command.env("RAYON_NUM_THREADS", THREADS).args(arguments))
    }
}

/// What follows the name of the row in the line that an engine prints for it.
fn value(printed: &str, row: &str) -> Outcome<String> {
    let mut values = printed.lines().filter_map(|line| line.strip_prefix(row)?.strip_prefix('\t'));
    values.next().map(str::to_owned).ok_or_else(|| format!("printed no line for {row}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_row_counts() {
        let printed = "noise\nmlp_64x\t1\tno\nmlp_64\t2.5\tyes\n";
        assert_eq!(value(printed, "mlp_64").as_deref(), Ok("2.5\tyes"));
        assert!(value(printed, "mlp").is_err());
    }
}
