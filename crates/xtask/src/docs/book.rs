//! The book holds together: every chapter is in its summary, links stay inside it and lead to headings that exist, pictures are shown, the experiments it
//! tells to run exist, and all Rust code is tested.

use super::Tree;
use super::names::{exists_at, link_targets, prose, resolve};

const ROOT: &str = "docs/book/src/";
const SUMMARY: &str = "docs/book/src/SUMMARY.md";
/// Where each chapter with code is included as documentation, so that `cargo test` runs it.
const TESTED: &str = "crates/nn/src/book.rs";
const EXAMPLES: &str = "crates/nn/examples/";
/// What a block of code may be. Untagged blocks are Rust to rustdoc; `ignore` and `no_run` would not be tested.
const LANGUAGES: [&str; 4] = ["rust", "text", "sh", "toml"];

pub(super) fn complaints(tree: &Tree) -> Vec<String> {
    let chapters = || tree.documents.iter().filter(|(path, _)| path.starts_with(ROOT) && path != SUMMARY);
    let listed: Vec<String> = targets(tree.document(SUMMARY)).map(|target| resolve(SUMMARY, target)).collect();
    let tested = tree.source(TESTED).unwrap_or_default();
    let mut complaints = Vec::new();
    for (path, text) in chapters() {
        match listed.iter().filter(|listed| *listed == path).count() {
            0 => complaints.push(format!("{path}: not in {SUMMARY}")),
            1 => {}
            times => complaints.push(format!("{path}: {times} times in {SUMMARY}")),
        }
        complaints.extend(blocks(path, text));
        let gone = experiments(text).filter(|name| {
            let example = format!("{EXAMPLES}{name}");
            !exists_at(tree, &format!("{example}.rs")) && !exists_at(tree, &example)
        });
        complaints.extend(gone.map(|name| format!("{path}: there is no example {name}")));
        let is_tested = tested.contains(&format!("include_str!(\"../../../{path}\")"));
        match (text.lines().any(|line| line.trim_start() == "```rust"), is_tested) {
            (true, false) => complaints.push(format!("{path}: has Rust code, but {TESTED} does not test it")),
            (false, true) => complaints.push(format!("{path}: {TESTED} tests it, but it has no Rust code")),
            _ => {}
        }
    }
    for (path, text) in tree.documents.iter().filter(|(path, _)| path.starts_with(ROOT)) {
        for (at, line) in prose(text) {
            let wrong = link_targets(line).filter_map(|target| Some((target, problem(tree, path, target)?)));
            complaints.extend(wrong.map(|(target, problem)| format!("{path}:{at}: the link to {target} {problem}")));
        }
    }
    let shown: Vec<String> =
        chapters().flat_map(|(path, text)| targets(text).map(|target| resolve(path, target))).collect();
    let files = tree.paths.iter().filter(|path| path.starts_with(ROOT) && !path.ends_with('/'));
    let idle = files.filter(|path| !path.ends_with(".md") && !shown.contains(path));
    complaints.extend(idle.map(|path| format!("{path}: no chapter shows it")));
    complaints
}

/// Where the links outside code blocks lead, without what is behind a `#`.
fn targets(text: &str) -> impl Iterator<Item = &str> {
    prose(text).flat_map(|(_, line)| link_targets(line)).map(|target| target.split('#').next().unwrap_or(""))
}

/// The examples that a page tells to run.
fn experiments(text: &str) -> impl Iterator<Item = &str> {
    text.split("--example ").skip(1).filter_map(|rest| rest.split_whitespace().next())
}

/// What is wrong with a link of a page of the book. That the file exists is checked for all documents elsewhere.
fn problem(tree: &Tree, page: &str, target: &str) -> Option<String> {
    if target.contains("://") {
        return None;
    }
    let (file, heading) = target.split_once('#').unwrap_or((target, ""));
    let path = if file.is_empty() { page.to_owned() } else { resolve(page, file) };
    if !path.starts_with(ROOT) {
        return Some("leads out of the book: name the path in backticks instead".into());
    }
    let has_heading = || prose(tree.document(&path)).filter_map(|(_, line)| heading_of(line)).any(|id| id == heading);
    if exists_at(tree, &path) && !heading.is_empty() && !has_heading() {
        return Some(format!("leads nowhere: {path} has no heading with that id"));
    }
    None
}

/// A heading's id, as mdBook makes it.
fn heading_of(line: &str) -> Option<String> {
    let text = line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#'))?;
    let kept = text.trim().chars().filter_map(|c| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '_' || c == '-' => c.to_lowercase().next(),
        _ => None,
    });
    Some(kept.collect())
}

/// Blocks of code that nobody would test, or that rustdoc would take for Rust.
fn blocks(path: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut in_block = false;
    let mut before = "";
    for (at, line) in text.lines().enumerate() {
        if let Some(tag) = line.trim_start().strip_prefix("```") {
            if !in_block && !LANGUAGES.contains(&tag) {
                let tags = LANGUAGES.join(", ");
                complaints.push(format!("{path}:{}: a block of {tag:?}; say one of: {tags}", at + 1));
            }
            in_block = !in_block;
        } else if !in_block && line.starts_with("    ") && before.is_empty() && !line.trim().is_empty() {
            complaints.push(format!("{path}:{}: an indented block is Rust to rustdoc; use a fence", at + 1));
        }
        before = line;
    }
    if in_block {
        complaints.push(format!("{path}: the last block of code does not end"));
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAPTER: &str = "# A title\n\n## So far\n[here](#so-far), [b](b.md#a-title), ![](pictures/p.png)\n\n```rust\nassert!(true);\n```\n```sh\ncargo run --example e\n```\n";

    /// A book of two chapters and a picture.
    fn tree() -> Tree {
        let pages = [("SUMMARY.md", "[A](a.md)\n[B](b.md)\n"), ("a.md", CHAPTER), ("b.md", "# A title\n")];
        let documents: Vec<_> = pages.map(|(name, text)| (format!("{ROOT}{name}"), text.to_owned())).into();
        let mut paths: Vec<_> = documents.iter().map(|(path, _)| path.clone()).collect();
        paths.extend([format!("{ROOT}pictures/"), format!("{ROOT}pictures/p.png"), "README.md".into()]);
        paths.push(format!("{EXAMPLES}e.rs"));
        let tested = "#[doc = include_str!(\"../../../docs/book/src/a.md\")]\nstruct A;";
        Tree { paths, documents, sources: vec![(TESTED.into(), tested.into())] }
    }

    /// What is found when a page is changed.
    fn found(page: usize, from: &str, to: &str) -> Vec<String> {
        let mut tree = tree();
        let text = &mut tree.documents[page].1;
        assert!(text.contains(from), "{from:?} is not in {text:?}");
        *text = text.replace(from, to);
        complaints(&tree)
    }

    #[test]
    fn a_sound_book_has_no_complaints() {
        assert_eq!(complaints(&tree()), [""; 0]);
    }

    #[test]
    fn chapters_are_listed_once() {
        assert_eq!(found(0, "[B](b.md)", ""), ["docs/book/src/b.md: not in docs/book/src/SUMMARY.md"]);
        assert_eq!(found(0, "[B]", "[B](b.md)\n[B]"), ["docs/book/src/b.md: 2 times in docs/book/src/SUMMARY.md"]);
    }

    #[test]
    fn links_stay_inside_and_lead_to_headings() {
        let outside = found(1, "(b.md#a-title)", "(../../../README.md)");
        assert_eq!(
            outside,
            [
                "docs/book/src/a.md:4: the link to ../../../README.md leads out of the book: name the path in backticks instead"
            ]
        );
        for (from, to) in [("(#so-far)", "(#so-long)"), ("b.md#a-title", "b.md#a-titles")] {
            let found = found(1, from, to);
            assert!(found.len() == 1 && found[0].contains("has no heading with that id"), "{found:?}");
        }
        assert_eq!(found(1, "![](pictures/p.png)", ""), ["docs/book/src/pictures/p.png: no chapter shows it"]);
    }

    #[test]
    fn experiments_exist() {
        assert_eq!(found(1, "--example e", "--example f"), ["docs/book/src/a.md: there is no example f"]);
    }

    #[test]
    fn code_is_tested() {
        let of_b = found(2, "title", "title\n```rust\nf();\n```");
        assert_eq!(of_b, ["docs/book/src/b.md: has Rust code, but crates/nn/src/book.rs does not test it"]);
        let of_a = found(1, "```rust", "```text");
        assert_eq!(of_a, ["docs/book/src/a.md: crates/nn/src/book.rs tests it, but it has no Rust code"]);
        for tag in ["", "rust,ignore", "rust,no_run", "python"] {
            let found = found(2, "title", &format!("title\n```{tag}\nf();\n```"));
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(
                found[0].starts_with(&format!("docs/book/src/b.md:2: a block of {tag:?}; say one of")),
                "{found:?}"
            );
        }
        assert!(found(2, "title\n", "title\n\n    let x = 1;\n")[0].contains("indented block"));
        assert!(found(2, "title\n", "title\n```text\n")[0].contains("does not end"));
    }
}
