//! The workspace's chores: `cargo xtask check` runs what CI runs, `cargo xtask board` times us against the peers.

mod board;
mod check;
mod command;
mod deep;
mod dependencies;
mod docs;
mod generic;
mod house;
mod packages;
mod peers;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask check [--deep]     what CI runs, cheapest first; --deep adds licences, fuzz targets and semver
cargo xtask peers [DIR]        installs PyTorch and JAX into DIR (/opt/peers) and builds burn
cargo xtask board [ROW…] [--rounds N] [--peers-only] [--what]
                               times the rows (by name or prefix; default all) by us and the peers in turn
";

/// What a chore comes to: nothing, or why it failed.
type Outcome<T = ()> = Result<T, String>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["check"] => check::check(),
        ["check", "--deep"] => check::check().and_then(|()| deep::check()),
        ["peers"] => peers::install(peers::DIRECTORY),
        ["peers", directory] => peers::install(directory),
        ["board", options @ ..] => board::board(options),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => Err(format!("no such chore; there are\n\n{USAGE}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("\nxtask: {why}");
            ExitCode::FAILURE
        }
    }
}
