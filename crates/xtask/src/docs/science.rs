//! Every claim of the science has a test, or an experiment whose verdict is read.

use super::{SCIENCE, Tree, rows, tests_named};
use crate::check::EXPERIMENTS;

pub(super) fn complaints(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut lines = 0;
    for (line, cells) in rows(tree.document(SCIENCE)) {
        lines += 1;
        let [_, _, held_by, _] = cells[..] else {
            complaints.push(format!("{SCIENCE}:{line}: a row has a claim, a place, tests and a tolerance"));
            continue;
        };
        let is_experiment = |part: &&str| part.trim().starts_with("experiment ");
        let (experiments, tests): (Vec<&str>, Vec<&str>) = held_by.split(';').partition(is_experiment);
        let names = experiments.iter().flat_map(|part| tests_named::quoted(part));
        let unknown = names.filter(|name| !EXPERIMENTS.contains(name));
        let mut found: Vec<String> = unknown.map(|name| format!("`{name}` is no experiment that is run")).collect();
        if !tests.is_empty() {
            found.extend(tests_named::complaints(tree, &tests.join(";"), &mut Vec::new()));
        }
        complaints.extend(found.into_iter().map(|complaint| format!("{SCIENCE}:{line}: {complaint}")));
    }
    if lines == 0 {
        complaints.push(format!("{SCIENCE}: there is no table"));
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_that_nothing_holds_is_named() {
        let table = "| c | w | h | t |\n|---|---|---|---|\n| a | f | experiment `gan` | v |\n| a | f | `here` in `a.rs`; experiment `gan` | v |\n\
            | b | g | `gone` in `a.rs`; experiment `gun` | v |\n| c | h | | v |\n| d |\n";
        let tree = Tree {
            documents: vec![(SCIENCE.into(), table.into())],
            sources: vec![("a.rs".into(), "#[test]\nfn here() {}\n".into())],
            ..Tree::default()
        };
        let found = complaints(&tree);
        let expected = [
            "docs/SCIENCE.md:5: `gun` is no experiment that is run",
            "docs/SCIENCE.md:5: there is no test `gone` in a.rs",
            "docs/SCIENCE.md:6: `` is not of the form `test` in `file`",
            "docs/SCIENCE.md:7: a row has a claim, a place, tests and a tolerance",
        ];
        assert_eq!(found, expected);
        assert_eq!(complaints(&Tree::default()), ["docs/SCIENCE.md: there is no table"]);
    }
}
