//! The list of other engines' bugs and the sources name each other.

use super::{PEER_BUGS, Tree, rows, tests_named};

/// How many rows the collected bugs have, in the order of their letters.
const SERIES: [(char, usize); 7] = [('R', 26), ('E', 15), ('O', 20), ('N', 11), ('P', 11), ('Z', 7), ('D', 13)];

/// How the tests are called.
const PREFIX: &str = "peer_bug_";

pub(super) fn complaints(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut named = Vec::new();
    let mut ids = Vec::new();
    for (line, cells) in rows(tree.document(PEER_BUGS)) {
        let (Some(id), Some(cell)) = (cells.first(), cells.last()) else { continue };
        ids.push((*id).to_string());
        let before = named.len();
        let mut found = tests_named::complaints(tree, cell, &mut named);
        let test = format!("{PREFIX}{}", id.to_lowercase());
        let others = named[before..].iter().filter(|(name, _)| *name != test);
        found.extend(others.map(|(name, _)| format!("`{name}` is not {id}'s test, `{test}` would be")));
        complaints.extend(found.into_iter().map(|complaint| format!("{PEER_BUGS}:{line}: {complaint}")));
    }
    complaints.extend(order(&ids));
    for (path, text) in &tree.sources {
        for name in written(text) {
            if !named.iter().any(|(test, file)| *test == name && file == path) {
                complaints.push(format!("{PEER_BUGS}: does not name `{name}` in `{path}`"));
            }
        }
    }
    complaints
}

/// Whether the ids are all there, once, in order: odd numbers from 1 in every series.
fn order(ids: &[String]) -> Option<String> {
    let expected =
        SERIES.iter().flat_map(|&(letter, count)| (0..count).map(move |i| format!("{letter}{:02}", 2 * i + 1)));
    let expected: Vec<String> = expected.collect();
    let at = expected.iter().zip(ids).position(|(expected, id)| expected != id);
    let at = at.or((expected.len() != ids.len()).then_some(expected.len().min(ids.len())))?;
    let [expected, found] = [&expected, ids].map(|ids| ids.get(at).map_or("nothing", String::as_str));
    Some(format!("{PEER_BUGS}: row {}: expected {expected}, found {found}", at + 1))
}

/// The tests of that name in a file.
fn written(text: &str) -> Vec<String> {
    let heads = text.lines().filter_map(|line| line.trim().strip_prefix("fn "));
    let names = heads.filter_map(|head| head.split_once('(')).map(|(name, _)| name.to_string());
    names.filter(|name| name.starts_with(PREFIX)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(list: String, source: &str) -> Tree {
        Tree {
            documents: vec![(PEER_BUGS.into(), list)],
            sources: vec![("a.rs".into(), source.into())],
            ..Tree::default()
        }
    }

    fn list(change: impl Fn(&str) -> String) -> String {
        let ids =
            SERIES.iter().flat_map(|&(letter, count)| (0..count).map(move |i| format!("{letter}{:02}", 2 * i + 1)));
        let rows = ids.map(|id| format!("| {id} | engine | what | {} |\n", change(&id)));
        "| id | engine | what | test |\n|---|---|---|---|\n".to_string() + &rows.collect::<String>()
    }

    fn waiting(_: &str) -> String {
        "not here yet: waits for conv2d (issue 3)".to_string()
    }

    #[test]
    fn a_true_list_has_no_complaints() {
        let with_test = |id: &str| if id == "E03" { "`peer_bug_e03` in `a.rs`".to_string() } else { waiting(id) };
        assert_eq!(complaints(&tree(list(with_test), "#[test]\nfn peer_bug_e03() {}")), [""; 0]);
        assert_eq!(SERIES.iter().map(|series| series.1).sum::<usize>(), 103);
    }

    #[test]
    fn what_is_missing_on_either_side_is_named() {
        let found = complaints(&tree(list(waiting), "#[test]\nfn peer_bug_e03() {}"));
        assert_eq!(found, ["docs/PEER_BUGS.md: does not name `peer_bug_e03` in `a.rs`"]);
        let other = |id: &str| if id == "E05" { "`peer_bug_e03` in `a.rs`".to_string() } else { waiting(id) };
        let found = complaints(&tree(list(other), "#[test]\nfn peer_bug_e03() {}"));
        assert!(
            found.len() == 1 && found[0].ends_with("`peer_bug_e03` is not E05's test, `peer_bug_e05` would be"),
            "{found:?}"
        );
        let gone = |id: &str| if id == "E05" { "`peer_bug_e05` in `a.rs`".to_string() } else { waiting(id) };
        assert!(complaints(&tree(list(gone), ""))[0].ends_with("there is no test `peer_bug_e05` in a.rs"));
    }

    #[test]
    fn ids_come_once_and_in_order() {
        let whole = list(waiting);
        let without: String =
            whole.lines().filter(|line| !line.starts_with("| O01")).map(|line| format!("{line}\n")).collect();
        assert_eq!(complaints(&tree(without, "")), ["docs/PEER_BUGS.md: row 42: expected O01, found O03"]);
        let doubled = whole.replace("| O03 |", "| O01 |");
        assert_eq!(complaints(&tree(doubled, "")), ["docs/PEER_BUGS.md: row 43: expected O03, found O01"]);
        let cut = whole.trim_end().rsplit_once('\n').unwrap().0.to_string();
        assert!(complaints(&tree(cut, ""))[0].ends_with("expected D25, found nothing"));
    }
}
