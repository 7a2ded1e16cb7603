//! The documents are true where a program can tell: paths and names exist, each bug of a peer, each convention and each claim of the science has its test, and the book holds together.

mod book;
mod conventions;
mod names;
mod peer_bugs;
mod science;
mod tests_named;

use crate::Outcome;
use crate::command::root;
use std::fs;
use std::path::Path;

/// The lists that say which test holds what.
const PEER_BUGS: &str = "docs/PEER_BUGS.md";
const CONVENTIONS: &str = "docs/CONVENTIONS.md";
const SCIENCE: &str = "docs/SCIENCE.md";

/// What [`check`] reads: every file's path from the root, and the text of those that are read.
#[derive(Default)]
struct Tree {
    /// Of all files and folders, folders with a slash at the end.
    paths: Vec<String>,
    /// Rust and Python, with their texts.
    sources: Vec<(String, String)>,
    /// Markdown, with its text.
    documents: Vec<(String, String)>,
}

impl Tree {
    fn read(root: &Path) -> Outcome<Tree> {
        let mut tree = Tree::default();
        tree.folder(root, "").map_err(|error| format!("cannot read {}: {error}", root.display()))?;
        Ok(tree)
    }

    fn folder(&mut self, folder: &Path, prefix: &str) -> std::io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_built = ["target", "out", "corpus", "artifacts", "__pycache__", ".git"].contains(&name.as_str());
            if is_built {
                continue;
            }
            let path = format!("{prefix}{name}");
            if entry.file_type()?.is_dir() {
                self.folder(&entry.path(), &format!("{path}/"))?;
                self.paths.push(format!("{path}/"));
                continue;
            }
            let list = match path.rsplit_once('.') {
                Some((_, "rs" | "py")) => Some(&mut self.sources),
                Some((_, "md")) => Some(&mut self.documents),
                _ => None,
            };
            if let Some(list) = list {
                list.push((path.clone(), fs::read_to_string(entry.path())?));
            }
            self.paths.push(path);
        }
        Ok(())
    }

    fn document(&self, path: &str) -> &str {
        self.documents.iter().find(|(name, _)| name == path).map_or("", |(_, text)| text)
    }

    fn source(&self, path: &str) -> Option<&str> {
        self.sources.iter().find(|(name, _)| name == path).map(|(_, text)| text.as_str())
    }

    fn complaints(&self) -> Vec<String> {
        let mut complaints = peer_bugs::complaints(self);
        complaints.extend(conventions::complaints(self));
        complaints.extend(science::complaints(self));
        complaints.extend(names::complaints(self));
        complaints.extend(book::complaints(self));
        complaints
    }
}

pub fn check() -> Outcome {
    let tree = Tree::read(&root())?;
    let complaints = tree.complaints();
    if complaints.is_empty() {
        println!("   ok, {} documents", tree.documents.len());
        return Ok(());
    }
    Err(format!("documents:\n  {}", complaints.join("\n  ")))
}

/// The cells of a Markdown table's rows, heads and rules left out; each with the number of its line, from 1.
fn rows(text: &str) -> impl Iterator<Item = (usize, Vec<&str>)> {
    let mut before_rule = true;
    text.lines().enumerate().filter_map(move |(at, line)| {
        let Some(inner) = line.strip_prefix("| ").or(line.strip_prefix('|')) else {
            before_rule = true;
            return None;
        };
        if line.starts_with("|--") {
            before_rule = false;
            return None;
        }
        let inner = inner.trim_end().strip_suffix('|').unwrap_or(inner);
        let cells = split_cells(inner);
        (!before_rule).then_some((at + 1, cells))
    })
}

/// At the bars that no backslash and no backticks hide.
fn split_cells(line: &str) -> Vec<&str> {
    let (mut cells, mut start, mut in_code, mut escaped) = (Vec::new(), 0, false, false);
    for (at, c) in line.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '`' => in_code = !in_code,
            '|' if !in_code => {
                cells.push(line[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    cells.push(line[start..].trim());
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_are_true() {
        let tree = Tree::read(&root()).unwrap();
        assert!(tree.documents.len() > 5 && tree.sources.len() > 100, "the tree was not found");
        assert_eq!(tree.complaints(), [""; 0]);
    }

    #[test]
    fn tables_are_read_without_their_heads() {
        let text = "| a | b |\n|---|---|\n| 1 | `x|y` \\| z |\n\n| head | head |\n|--|--|\n| 2 | w |\n";
        let rows: Vec<_> = rows(text).collect();
        assert_eq!(rows, [(3, vec!["1", "`x|y` \\| z"]), (7, vec!["2", "w"])]);
    }
}
