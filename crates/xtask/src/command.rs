//! Running other programs from the root of the workspace.

use crate::Outcome;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// The root of the workspace.
pub fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.ancestors().nth(2).expect("xtask lives in crates/xtask").to_path_buf()
}

/// A program with arguments, to be run at the root of the workspace.
pub fn command(program: impl AsRef<Path>, arguments: &[&str]) -> Command {
    let mut command = Command::new(program.as_ref());
    command.args(arguments).current_dir(root());
    command
}

/// The cargo that runs us.
pub fn cargo(arguments: &[&str]) -> Command {
    command(std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from), arguments)
}

/// Prints a header.
pub fn section(title: &str) {
    println!("\n── {title}");
}

/// Runs a command under a header, its output shown.
pub fn run(title: &str, command: &mut Command) -> Outcome {
    section(title);
    let start = Instant::now();
    let status = command.status().map_err(|error| format!("{title}: cannot start {command:?}: {error}"))?;
    if !status.success() {
        return Err(format!("{title} failed ({status}): {command:?}"));
    }
    println!("   ok, {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// Runs a command and returns what it printed; its errors are shown as they come.
pub fn output(command: &mut Command) -> Outcome<String> {
    command.stderr(std::process::Stdio::inherit());
    let output = command.output().map_err(|error| format!("cannot start {command:?}: {error}"))?;
    if !output.status.success() {
        return Err(format!("failed ({}): {command:?}", output.status));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("not text: the output of {command:?}"))
}

/// Whether a command starts and succeeds, in silence.
pub fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}
