//! How many crates a user of `rectify-nn` builds.

use crate::Outcome;
use crate::command::{cargo, output};
use std::collections::BTreeSet;

/// Our own among them.
const MOST: usize = 34;

pub fn check() -> Outcome {
    let tree = ["tree", "--locked", "--package", "rectify-nn", "--no-default-features", "--edges", "normal"];
    let tree = output(cargo(&tree).args(["--prefix", "none", "--format", "{p}"]))?;
    let crates = unique(&tree);
    if crates.len() > MOST {
        let list = crates.into_iter().collect::<Vec<_>>().join(", ");
        return Err(format!("rectify-nn brings more than {MOST} crates: {list}"));
    }
    println!("   ok, {} of at most {MOST} crates in rectify-nn", crates.len());
    Ok(())
}

/// The `name version` pairs of a tree, each once.
fn unique(tree: &str) -> BTreeSet<String> {
    let pair = |line: &str| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    tree.lines().map(pair).filter(|pair| !pair.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_crates_count_once_and_versions_apart() {
        let tree = "a v1.0.0 (/path)\nb v2.0.0\nb v2.0.0 (*)\nb v3.0.0\nc v1.0.0 (proc-macro)\n\n";
        assert_eq!(unique(tree).into_iter().collect::<Vec<_>>(), ["a v1.0.0", "b v2.0.0", "b v3.0.0", "c v1.0.0"]);
    }
}
