//! Every convention has a test.

use super::{CONVENTIONS, Tree, rows, tests_named};

pub(super) fn complaints(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut lines = 0;
    for (line, cells) in rows(tree.document(CONVENTIONS)) {
        lines += 1;
        let [_, _, tests] = cells[..] else {
            complaints.push(format!("{CONVENTIONS}:{line}: a row has a question, an answer and tests"));
            continue;
        };
        let found = tests_named::complaints(tree, tests, &mut Vec::new());
        complaints.extend(found.into_iter().map(|complaint| format!("{CONVENTIONS}:{line}: {complaint}")));
    }
    if lines == 0 {
        complaints.push(format!("{CONVENTIONS}: there is no table"));
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_convention_without_a_test_is_named() {
        let table = "| q | ours | tests |\n|---|---|---|\n| slope at 0 | 0 | `gone` in `a.rs` |\n| other | 1 |\n";
        let tree = Tree {
            documents: vec![(CONVENTIONS.into(), table.into())],
            sources: vec![("a.rs".into(), String::new())],
            ..Tree::default()
        };
        let found = complaints(&tree);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[0], "docs/CONVENTIONS.md:3: there is no test `gone` in a.rs");
        assert!(complaints(&Tree::default())[0].ends_with("there is no table"));
    }
}
