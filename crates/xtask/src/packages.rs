//! What is published: each crate carries its licences, its changelog and what crates.io shows, and nothing that reads outside itself.

use crate::Outcome;
use crate::command::{cargo, output};

/// The crates that are published.
const PUBLISHED: [&str; 4] = ["rectify-kernels", "rectify-tape", "rectify-derive", "rectify-nn"];

/// What each must hold.
const NEEDED: [&str; 5] = ["LICENSE-MIT", "LICENSE-APACHE", "CHANGELOG.md", "README.md", "src/lib.rs"];

/// What none may hold: they read files of the repository.
const STRAY: [&str; 3] = ["tests/", "examples/", "benches/"];

pub fn check() -> Outcome {
    for package in PUBLISHED {
        let list = output(&mut cargo(&["package", "--locked", "--list", "--allow-dirty", "--package", package]))?;
        let complaints = complaints(&list.replace('\\', "/"));
        if !complaints.is_empty() {
            return Err(format!("{package} would be published {}", complaints.join(", ")));
        }
    }
    println!("   ok, {} crates", PUBLISHED.len());
    Ok(())
}

/// What is wrong with the files of a package.
fn complaints(list: &str) -> Vec<String> {
    let missing = NEEDED.iter().filter(|needed| !list.lines().any(|line| line == **needed));
    let stray = list.lines().filter(|line| STRAY.iter().any(|stray| line.starts_with(stray)));
    missing.map(|file| format!("without {file}")).chain(stray.map(|file| format!("with {file}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_or_astray_is_named() {
        let whole = NEEDED.join("\n");
        assert_eq!(complaints(&whole), [""; 0]);
        let found = complaints(&(whole.replace("LICENSE-MIT\n", "") + "\nsrc/tests/a.rs\ntests/b.rs"));
        assert_eq!(found, ["without LICENSE-MIT", "with tests/b.rs"]);
    }
}
