//! Paths that the documents name exist, links lead somewhere, and in the pages on how things are, so do names of code.

use super::{Tree, tests_named::quoted};

/// The pages whose names of code must be in the sources. Decisions and status also speak of what is gone or not yet there.
const PRESENT: [&str; 6] = [
    "README.md",
    "docs/ARCHITECTURE.md",
    "docs/CONVENTIONS.md",
    "docs/SCIENCE.md",
    "docs/NOTATION.md",
    "docs/ADDING_AN_OP.md",
];

/// So must those of the book.
const BOOK: &str = "docs/book/";

/// How a path in a document ends, if it is no folder.
const ENDINGS: [&str; 9] = [".rs", ".md", ".py", ".toml", ".txt", ".csv", ".gz", ".ttf", ".safetensors"];

/// The list of names itself is no source.
const OWN: &str = "crates/xtask/src/docs";

pub(super) fn complaints(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    for (document, text) in &tree.documents {
        for (at, line) in prose(text) {
            let place = format!("{document}:{at}");
            let paths = quoted(line).into_iter().filter(|word| is_path(word));
            let missing = paths.filter(|path| !exists(tree, path));
            complaints.extend(missing.map(|path| format!("{place}: there is no {path}")));
            let dead = links(line).filter(|link| !is_reached(tree, document, link));
            complaints.extend(dead.map(|link| format!("{place}: the link to {link} is dead")));
            if PRESENT.contains(&document.as_str()) || document.starts_with(BOOK) {
                let names = quoted(line).into_iter().filter(|word| !is_path(word)).flat_map(names_in);
                let gone = names.filter(|name| !is_in_sources(tree, name));
                complaints.extend(gone.map(|name| format!("{place}: `{name}` is nowhere in the sources")));
            }
        }
    }
    complaints
}

/// The lines outside code blocks, with their numbers from 1.
pub(super) fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_block = false;
    text.lines().enumerate().filter_map(move |(at, line)| {
        let is_fence = line.trim_start().starts_with("```");
        in_block ^= is_fence;
        (!in_block && !is_fence).then_some((at + 1, line))
    })
}

/// Whether a word is a path of this repository. Uppercase stems stand for any name, and what programs write is not there yet.
fn is_path(word: &str) -> bool {
    let is_plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "_-./{},".contains(c));
    let is_ours =
        !word.starts_with('/') && !word.starts_with("..") && !word.starts_with("out/") && !word.starts_with("~");
    let is_example = word.contains("NAME") || word.starts_with('.') && !word.contains('/');
    let is_file = ENDINGS.iter().any(|ending| word.len() > ending.len() && word.ends_with(ending));
    is_plain && is_ours && !is_example && (is_file || word.len() > 1 && word.ends_with('/'))
}

/// Whether a file or folder has this path, or one that ends with it. `{a,b}` stands for both.
fn exists(tree: &Tree, path: &str) -> bool {
    if let (Some(open), Some(close)) = (path.find('{'), path.find('}')) {
        let each = path[open + 1..close].split(',');
        return each
            .map(|part| format!("{}{part}{}", &path[..open], &path[close + 1..]))
            .all(|path| exists(tree, &path));
    }
    tree.paths
        .iter()
        .any(|known| known.strip_suffix(path).is_some_and(|before| before.is_empty() || before.ends_with('/')))
}

/// The targets of `[text](target)`.
pub(super) fn link_targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target)
}

/// Those that are files.
fn links(line: &str) -> impl Iterator<Item = &str> {
    link_targets(line)
        .map(|target| target.split('#').next().unwrap_or(""))
        .filter(|target| !target.is_empty() && !target.contains("://"))
}

/// Whether a link leads to a file or folder, from the document's own folder.
fn is_reached(tree: &Tree, document: &str, link: &str) -> bool {
    exists_at(tree, &resolve(document, link))
}

/// The path from the root that a link of this document means.
pub(super) fn resolve(document: &str, link: &str) -> String {
    let mut parts: Vec<&str> = document.split('/').collect();
    parts.pop();
    for part in link.trim_end_matches('/').split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Whether exactly this file or folder exists.
pub(super) fn exists_at(tree: &Tree, path: &str) -> bool {
    tree.paths.iter().any(|known| known.trim_end_matches('/') == path)
}

/// Names of code in a quoted word: `kept.first_order()` has two. Only what looks like code: with an underscore or a capital.
fn names_in(word: &str) -> impl Iterator<Item = &str> {
    let is_code = word.chars().all(|c| c.is_ascii_alphanumeric() || "_.:()#[]".contains(c));
    let parts = word.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(move |_| is_code);
    parts.filter(|part| {
        let has_letter = part.chars().any(|c| c.is_ascii_lowercase());
        let is_compound = part.contains('_') && !part.ends_with('_');
        has_letter && (is_compound || part.len() > 2 && part.starts_with(|c: char| c.is_ascii_uppercase()))
    })
}

fn is_in_sources(tree: &Tree, name: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let sources = tree.sources.iter().filter(|(path, _)| !path.starts_with(OWN));
    let mut texts = sources.map(|(_, text)| text);
    texts.any(|text| {
        text.match_indices(name)
            .any(|(at, _)| !text[..at].ends_with(is_word) && !text[at + name.len()..].starts_with(is_word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Tree {
        Tree {
            paths: ["docs/A.md", "docs/", "crates/tape/src/var.rs", "crates/tape/src/", "README.md"]
                .map(String::from)
                .into(),
            documents: vec![("README.md".into(), text.into())],
            sources: vec![("crates/tape/src/var.rs".into(), "pub struct Var; fn first_order() {}".into())],
        }
    }

    #[test]
    fn what_exists_is_fine() {
        let text = "`tape/src/var.rs`, `crates/tape/src/{var,var}.rs`, `docs/`, `Var`, `kept.first_order()`, `a + b`, `[C, 1, 1]`,
            `out/x.txt`, `ops/NAME.rs`, [A](docs/A.md#x), [web](https://x.y/z.md)\n```\n`gone.rs`\n```\n";
        assert_eq!(complaints(&tree(text)), [""; 0]);
    }

    #[test]
    fn what_is_gone_is_named() {
        let found =
            complaints(&tree("`tape/src/gone.rs` `first_orders`\n`Tape` `src/{var,no}.rs` [A](A.md) `tests/`\n"));
        let expected = [
            "README.md:1: there is no tape/src/gone.rs",
            "README.md:1: `first_orders` is nowhere in the sources",
            "README.md:2: there is no src/{var,no}.rs",
            "README.md:2: there is no tests/",
            "README.md:2: the link to A.md is dead",
            "README.md:2: `Tape` is nowhere in the sources",
        ];
        assert_eq!(found, expected);
    }
}
