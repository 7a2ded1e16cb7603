//! A cell that names tests: `` `test`, `another` in `file.rs`; `third` in `other.rs` `` or `not here yet: waits for …`.

use super::Tree;

/// How a cell begins whose subject is not written yet.
const WAITS: &str = "not here yet: waits for ";

/// What is wrong with a cell; the tests it names are added to `named` with their files.
pub(super) fn complaints(tree: &Tree, cell: &str, named: &mut Vec<(String, String)>) -> Vec<String> {
    if let Some(what) = cell.strip_prefix(WAITS) {
        // An issue's number, so that somebody looks when it is closed.
        let issue = what.split_once("(issue ").map(|(what, rest)| (what.trim(), rest.trim_end_matches(')')));
        let is_said = issue.is_some_and(|(what, number)| what.len() > 3 && number.parse::<u32>().is_ok());
        return if is_said {
            vec![]
        } else {
            vec![format!("`{cell}` does not say what it waits for: `… (issue N)`")]
        };
    }
    let mut complaints = Vec::new();
    let parts = cell.split(';').filter(|part| !part.contains(" waits for "));
    for part in parts {
        let Some((tests, files)) = part.split_once(" in ") else {
            complaints.push(format!("`{}` is not of the form `test` in `file`", part.trim()));
            continue;
        };
        let (tests, files) = (quoted(tests), quoted(files));
        if tests.is_empty() || files.is_empty() {
            complaints.push(format!("`{}` names no test or no file", part.trim()));
        }
        for (test, file) in tests.iter().flat_map(|test| files.iter().map(move |file| (*test, *file))) {
            match tree.source(file) {
                None => complaints.push(format!("there is no {file}")),
                Some(text) if !is_test(text, test) => complaints.push(format!("there is no test `{test}` in {file}")),
                Some(_) => named.push((test.to_string(), file.to_string())),
            }
        }
    }
    complaints
}

/// What stands in backticks.
pub(super) fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// Whether a function of this name is a test: `#[test]` stands before it, attributes and comments between them aside, or it is one
/// of a `proptest!`.
fn is_test(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let head = format!("fn {name}(");
    let Some(at) = lines.iter().position(|line| line.starts_with(&head)) else { return false };
    let between = lines[..at].iter().rev().take_while(|line| line.starts_with("#[") || line.starts_with("//"));
    between.into_iter().any(|line| *line == "#[test]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Tree {
        let text =
            "#[test]\n#[should_panic]\nfn one() {}\n\n    #[test]\n    fn two(x in 0..3) {}\n\nfn no_test() {}\n";
        Tree { sources: vec![("a.rs".into(), text.into())], ..Tree::default() }
    }

    #[test]
    fn cells_name_tests_that_exist() {
        let mut named = Vec::new();
        for cell in [
            "`one`, `two` in `a.rs`",
            "`one` in `a.rs`; the rest waits for conv2d (issue 3)",
            "not here yet: waits for conv2d (issue 3)",
        ] {
            assert_eq!(complaints(&tree(), cell, &mut named), [""; 0], "{cell}");
        }
        assert_eq!(named.len(), 3);
    }

    #[test]
    fn cells_that_lie_are_caught() {
        let lies = [
            ("`no_test` in `a.rs`", "there is no test `no_test` in a.rs"),
            ("`three` in `a.rs`", "there is no test `three` in a.rs"),
            ("`one` in `b.rs`", "there is no b.rs"),
            ("`one`", "not of the form"),
            ("one in a.rs", "names no test"),
            ("not here yet", "not of the form"),
            ("not here yet: waits for a bit", "does not say what it waits for"),
            ("not here yet: waits for (issue 3)", "does not say what it waits for"),
        ];
        for (cell, complaint) in lies {
            let found = complaints(&tree(), cell, &mut Vec::new());
            assert!(found.len() == 1 && found[0].contains(complaint), "{cell}: {found:?}");
        }
    }
}
