//! House rules that no lint knows: short files, and `unsafe` only where the design names it.

use crate::Outcome;
use crate::command::{command, output, root};
use std::fs;

/// Most lines of a source file. The rule is about 400.
const MOST_LINES: usize = 450;

/// Where `unsafe` may stand (paths by prefix) and what for. An entry without any is stale and fails.
const UNSAFE: [(&str, &str); 4] = [
    ("crates/kernels/src/lanes/", "intrinsics, and cursors checked once at construction"),
    ("crates/kernels/src/level.rs", "entering code compiled for an instruction set"),
    ("crates/kernels/src/pool", "blocks own raw memory"),
    ("benches/peers/products/src/main.rs", "the `gemm` crate takes pointers and strides; users never build it"),
];

pub fn check() -> Outcome {
    let listed = ["ls-files", "--cached", "--others", "--exclude-standard", "*.rs", "*.py", ".ci/*"];
    let listed = output(&mut command("git", &listed))?;
    // A file deleted but not yet committed is still listed.
    let read = |path| fs::read_to_string(root().join(path)).ok().map(|text| (path, text));
    let files: Vec<(&str, String)> = listed.lines().filter_map(read).collect();
    let complaints = complaints(&files);
    if complaints.is_empty() {
        println!("   ok, {} files", files.len());
        return Ok(());
    }
    Err(format!("house rules:\n  {}", complaints.join("\n  ")))
}

/// What is wrong with the files, given as paths and texts.
fn complaints(files: &[(&str, String)]) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut used = [false; UNSAFE.len()];
    for (path, text) in files {
        let lines = text.lines().count();
        if lines > MOST_LINES {
            complaints.push(format!("{path}: {lines} lines, at most {MOST_LINES}: split it by topic"));
        }
        if !path.ends_with(".rs") {
            continue;
        }
        let Some(line) = text.lines().position(has_unsafe) else { continue };
        match UNSAFE.iter().position(|(prefix, _)| path.starts_with(prefix)) {
            Some(entry) => used[entry] = true,
            None if is_allocator_of_a_test(path) => {}
            None => complaints.push(format!("{path}:{}: `unsafe` outside the files that house.rs names", line + 1)),
        }
    }
    let stale = UNSAFE.iter().zip(used).filter(|(_, used)| !used);
    complaints
        .extend(stale.map(|((prefix, _), _)| format!("{prefix}: named in house.rs but holds no `unsafe` (any more)")));
    complaints
}

/// A test that counts allocations must implement `GlobalAlloc`, which is unsafe; such a file has `alloc` in its name.
fn is_allocator_of_a_test(path: &str) -> bool {
    path.split_once("/tests/").is_some_and(|(_, file)| file.contains("alloc"))
}

/// Whether the keyword stands in a line, outside comments and string literals.
fn has_unsafe(line: &str) -> bool {
    code(line).split(|c: char| c != '_' && !c.is_alphanumeric()).any(|word| word == "unsafe")
}

/// A line without its string literals and its `//` comment. Literals over several lines are not followed.
fn code(line: &str) -> String {
    let line = line.replace("'\"'", "");
    let mut code = String::new();
    let mut characters = line.chars().peekable();
    let mut quoted = false;
    while let Some(c) = characters.next() {
        match c {
            '\\' if quoted => drop(characters.next()),
            '"' => quoted = !quoted,
            '/' if !quoted && characters.peek() == Some(&'/') => break,
            c if !quoted => code.push(c),
            _ => {}
        }
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files that use every entry of [`UNSAFE`], so that none is stale.
    fn sound() -> Vec<(&'static str, String)> {
        let paths =
            ["crates/kernels/src/lanes/x.rs", "crates/kernels/src/level.rs", "benches/peers/products/src/main.rs"];
        let files = paths.into_iter().chain(["crates/kernels/src/pool/x.rs"]);
        files.map(|path| (path, "unsafe fn f() {}".to_owned())).collect()
    }

    #[test]
    fn unsafe_is_found_in_code_only() {
        for line in ["unsafe { f() }", "pub unsafe fn f() {}", "g('\"', unsafe { f() }) // why", "\"a\\\"\"; unsafe {}"]
        {
            assert!(has_unsafe(line), "{line}");
        }
        for line in ["// unsafe", "let x = \"unsafe\";", "#![expect(unsafe_code)]", "f(); /// unsafe", "not_unsafe()"] {
            assert!(!has_unsafe(line), "{line}");
        }
    }

    #[test]
    fn a_sound_tree_has_no_complaints() {
        assert_eq!(complaints(&sound()), [""; 0]);
    }

    #[test]
    fn a_long_file_a_stray_unsafe_and_a_stale_entry_are_named() {
        let mut files = sound();
        files.pop();
        files.push(("crates/tape/src/a.rs", "fn f() {}\nunsafe { f() }".to_owned()));
        files.push(("benches/b.py", "x\n".repeat(MOST_LINES + 1)));
        files.push(("crates/nn/tests/steady_allocations.rs", "unsafe impl GlobalAlloc for Counting {}".to_owned()));
        let found = complaints(&files);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].starts_with("crates/tape/src/a.rs:2:"), "{found:?}");
        assert!(found[1].starts_with("benches/b.py: 451 lines"), "{found:?}");
        assert!(found[2].starts_with("crates/kernels/src/pool:"), "{found:?}");
    }
}
