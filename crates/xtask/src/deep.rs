//! `cargo xtask check --deep`: what needs tools that not every machine has. What is skipped is said, loudly, at the end.

use crate::Outcome;
use crate::command::{cargo, command, output, root, run, succeeds};
use std::fs;

pub fn check() -> Outcome {
    let mut skipped = Vec::new();
    let parts = [inlined, licences, fuzz_targets, semver];
    for part in parts {
        if let Some(why) = part()? {
            skipped.push(why);
        }
    }
    for why in &skipped {
        println!("\n!! SKIPPED: {why}");
    }
    println!("\ndeep check: {} parts passed, {} skipped", parts.len() - skipped.len(), skipped.len());
    Ok(())
}

/// No vector instruction is a function of its own in the board's program, which holds nearly all kernels: one that is was called from a
/// closure that the compiler did not inline, and which therefore knows nothing of the level's instructions. That is invisible to tests and
/// cost a tenth of every convolution with a bias once.
fn inlined() -> Outcome<Option<String>> {
    if cfg!(not(target_arch = "x86_64")) || !succeeds(&mut command("nm", &["--version"])) {
        return Ok(Some("inlined kernels: this needs x86-64 and `nm` (binutils)".into()));
    }
    run("the board's program", &mut cargo(&["build", "--locked", "--release", "--package", "rectify-benches"]))?;
    let symbols = output(&mut command("nm", &["target/release/board"]))?;
    let called: Vec<&str> =
        symbols.lines().filter(|line| line.contains("_mm256_") || line.contains("_mm512_")).collect();
    match called.is_empty() {
        true => Ok(None),
        false => Err(format!("kernels call instructions that should be inlined:\n{}", called.join("\n"))),
    }
}

/// Licences, sources and duplicate versions by cargo-deny. Advisories need a database from the network and are left out.
fn licences() -> Outcome<Option<String>> {
    if !succeeds(&mut cargo(&["deny", "--version"])) {
        return Ok(Some("licences: cargo-deny is not installed (cargo install cargo-deny)".into()));
    }
    if !root().join("deny.toml").exists() {
        return Ok(Some("licences: there is no deny.toml".into()));
    }
    run("licences", &mut cargo(&["deny", "check", "bans", "licenses", "sources"]))?;
    Ok(None)
}

/// How long each fuzz target runs.
const FUZZ_S: u32 = 10;

/// Every fuzz target runs for some seconds from its seeds; without cargo-fuzz and a nightly toolchain they are only built.
fn fuzz_targets() -> Outcome<Option<String>> {
    let manifest = root().join("fuzz/Cargo.toml");
    // `cargo` alone is rustup's, which knows `+nightly`; the one that runs us may be a toolchain's own.
    if !succeeds(&mut command("cargo", &["+nightly", "fuzz", "--version"])) {
        run("fuzz targets build", cargo(&["build", "--locked", "--manifest-path"]).arg(manifest))?;
        let way_out = "cargo install cargo-fuzz; rustup toolchain install nightly";
        return Ok(Some(format!(
            "fuzz targets were built, not run: no cargo-fuzz with a nightly toolchain ({way_out})"
        )));
    }
    let targets = output(&mut command("cargo", &["+nightly", "fuzz", "list"]))?;
    for target in targets.lines() {
        let [corpus, seeds] = ["corpus", "seeds"].map(|folder| format!("fuzz/{folder}/{target}"));
        // What a run finds to be worth keeping goes into the first folder.
        fs::create_dir_all(root().join(&corpus)).map_err(|error| format!("{corpus}: {error}"))?;
        let limit = format!("-max_total_time={FUZZ_S}");
        let fuzz = ["+nightly", "fuzz", "run", target, &corpus, &seeds, "--", &limit, "-verbosity=0"];
        run(&format!("fuzz target {target}"), &mut command("cargo", &fuzz))?;
    }
    Ok(None)
}

/// Public API against the last release tag, by cargo-semver-checks.
fn semver() -> Outcome<Option<String>> {
    if !succeeds(&mut cargo(&["semver-checks", "--version"])) {
        return Ok(Some("semver: cargo-semver-checks is not installed (cargo install cargo-semver-checks)".into()));
    }
    let tags = output(&mut command("git", &["tag", "--list", "v*", "--sort=-version:refname"]))?;
    let Some(last) = tags.lines().next() else { return Ok(Some("semver: no release is tagged v… yet".into())) };
    run("semver", &mut cargo(&["semver-checks", "--workspace", "--baseline-rev", last]))?;
    Ok(None)
}
