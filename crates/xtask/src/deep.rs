//! `cargo xtask check --deep`: what needs tools that not every machine has. What is skipped is said, loudly, at the end.

use crate::Outcome;
use crate::command::{cargo, command, output, root, run, succeeds};

pub fn check() -> Outcome {
    let mut skipped = Vec::new();
    for part in [licences, fuzz_targets, semver] {
        if let Some(why) = part()? {
            skipped.push(why);
        }
    }
    for why in &skipped {
        println!("\n!! SKIPPED: {why}");
    }
    println!("\ndeep check: {} parts passed, {} skipped", 3 - skipped.len(), skipped.len());
    Ok(())
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

/// The fuzz targets build; running them is `cargo fuzz run`.
fn fuzz_targets() -> Outcome<Option<String>> {
    let manifest = root().join("fuzz/Cargo.toml");
    if !manifest.exists() {
        return Ok(Some("fuzz targets: there is no fuzz/Cargo.toml".into()));
    }
    run("fuzz targets", cargo(&["build", "--manifest-path"]).arg(manifest))?;
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
