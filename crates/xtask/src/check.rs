//! `cargo xtask check`: everything CI runs but the README's test command, cheapest first.
//!
//! Who runs what: here format, house rules, documents, packages, lints, documentation, what the libraries compile, and the kernels' tests at the instruction sets that
//! `cargo test` would not pick on this machine, and the experiments' short forms. `cargo test --workspace` is the README's command and `.ci/run` runs it as the
//! README writes it.

use crate::command::{cargo, command, output, root, run, section};
use crate::{Outcome, dependencies, docs, generic, house, packages};
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
    section("kernels within the libraries");
    generic::check()?;
    // All at once, so that both cores have work to the end, and as the README's command builds them, which finds them built.
    section("tests and examples, built");
    let build = ["test", "--locked", "--quiet", "--workspace", "--no-run", "--message-format=json-render-diagnostics"];
    let tests = unit_tests(&output(&mut cargo(&build))?, "/crates/kernels#");
    if tests.is_empty() {
        return Err("cargo built no tests of the kernels".into());
    }
    kernels_at("portable", true, &tests)?;
    kernels_at("avx2", has_avx2(), &tests)?;
    EXPERIMENTS.into_iter().try_for_each(experiment)?;
    println!("\ncheck passed");
    Ok(())
}

/// The examples that hold a claim to account.
pub const EXPERIMENTS: [&str; 13] = [
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
    "alpha_gamma",
    "flow",
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

/// The unit tests of a package among what cargo says it built. By themselves they would be built anew: another choice of packages is another choice of their
/// dependencies' features. Other tests link kernels of this machine's level alone.
fn unit_tests(messages: &str, folder: &str) -> Vec<PathBuf> {
    let wanted = [folder, "\"test\":true", "\"kind\":[\"lib\"]"];
    let tests = messages.lines().filter(|line| wanted.iter().all(|part| line.contains(part)));
    let program =
        |line: &str| Some(line.split_once("\"executable\":\"")?.1.split_once('"')?.0.replace("\\\\", "\\").into());
    tests.filter_map(program).collect()
}

/// The kernels' tests with `KERNELS_LEVEL` set.
fn kernels_at(level: &str, available: bool, tests: &[PathBuf]) -> Outcome {
    let title = format!("kernels at KERNELS_LEVEL={level}");
    if !available {
        section(&format!("{title}: SKIPPED, this machine lacks it"));
        return Ok(());
    }
    let folder = root().join("crates/kernels");
    tests
        .iter()
        .try_for_each(|test| run(&title, command(test, &["--quiet"]).env("KERNELS_LEVEL", level).current_dir(&folder)))
}

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_avx2() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_tests_of_one_package_are_found_in_what_cargo_says() {
        let line = |package: &str, kind: &str, test: bool, program: &str| {
            format!(
                "{{\"reason\":\"compiler-artifact\",\"package_id\":\"path+file:///w/crates/{package}#0.1.0\",\"target\":{{\"kind\":[\"{kind}\"]}},\"profile\":{{\"test\":{test}}},\"executable\":{program}}}\n"
            )
        };
        let lines = [
            line("kernels", "lib", true, "\"/t/deps/kernels-1\""),
            line("kernels", "lib", false, "null"),
            line("nn", "lib", true, "\"/t/deps/nn-1\""),
            line("kernels", "example", false, "\"/t/examples/products\""),
            line("kernels", "test", true, "\"/t/deps/pool-2\""),
        ];
        let found = unit_tests(&lines.concat(), "/crates/kernels#");
        assert_eq!(found, [PathBuf::from("/t/deps/kernels-1")]);
    }
}
