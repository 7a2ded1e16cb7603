//! `cargo xtask check`: everything CI runs but the README's test command, cheapest first.
//!
//! Who runs what: here format, house rules, documents, packages, lints, documentation, and the kernels' tests at the instruction sets that
//! `cargo test` would not pick on this machine, and the experiments' short forms. `cargo test --workspace` is the README's command and `.ci/run` runs it as the
//! README writes it.

use crate::command::{cargo, command, output, root, run, section};
use crate::{Outcome, dependencies, docs, house, packages};
use std::path::PathBuf;

pub fn check() -> Outcome {
    section("house rules");
    house::check()?;
    section("documents");
    docs::check()?;
    run("format", &mut cargo(&["fmt", "--all", "--check"]))?;
    section("dependencies");
    dependencies::check()?;
    section("packages");
    packages::check()?;
    let lints = ["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"];
    run("lints", &mut cargo(&lints))?;
    let documentation = ["doc", "--locked", "--workspace", "--no-deps"];
    run("documentation", cargo(&documentation).env("RUSTDOCFLAGS", "-D warnings"))?;
    kernels_at("portable", true)?;
    kernels_at("avx2", has_avx2())?;
    // All at once, so that both cores have work to the end, and as the README's command builds them, which finds them built.
    run("tests and examples, built", &mut cargo(&["test", "--locked", "--quiet", "--workspace", "--no-run"]))?;
    EXPERIMENTS.into_iter().try_for_each(experiment)?;
    println!("\ncheck passed");
    Ok(())
}

/// The examples that hold a claim to account.
const EXPERIMENTS: [&str; 11] = [
    "dying_neuron",
    "born_dead",
    "signal_depth",
    "he30",
    "regions",
    "lipschitz",
    "leaky_rnn",
    "contrastive",
    "gan",
    "saliency",
    "health",
];

/// An experiment's short form: it ends with a verdict, which may be that there is none yet.
fn experiment(name: &str) -> Outcome {
    section(&format!("experiment {name} --quick"));
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let printed = output(&mut command(target.join("debug/examples").join(name), &["--quick"]))?;
    match printed.lines().rfind(|line| line.starts_with("verdict: ")) {
        Some(verdict) if !verdict.contains("fails") => println!("   {verdict}"),
        verdict => return Err(format!("{name}: {}", verdict.unwrap_or("no verdict"))),
    }
    Ok(())
}

/// The kernels' tests with `KERNELS_LEVEL` set.
fn kernels_at(level: &str, available: bool) -> Outcome {
    let title = format!("kernels at KERNELS_LEVEL={level}");
    if !available {
        section(&format!("{title}: SKIPPED, this machine lacks it"));
        return Ok(());
    }
    run(&title, cargo(&["test", "--locked", "--quiet", "--package", "rectify-kernels"]).env("KERNELS_LEVEL", level))
}

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_avx2() -> bool {
    false
}
