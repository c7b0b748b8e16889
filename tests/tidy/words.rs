//! Words that may not stand in the source: unfinished work, unordered maps, paths of one machine.

use crate::tokens::{Source, is_ident, is_punct};
use crate::tree::Tree;

/// Macros that mark unfinished work.
const UNFINISHED: [&str; 3] = ["todo", "unimplemented", "dbg"];

/// Types whose order differs from run to run, so that a seed would not replay.
const UNORDERED: [&str; 4] = ["HashMap", "HashSet", "RandomState", "DefaultHasher"];

/// Checks that every Rust file opens with what it is for. A module's own tests are for the module.
pub(crate) fn check_openings(tree: &Tree) -> Vec<String> {
    tree.under("", ".rs")
        .filter(|(path, _)| !path.ends_with("/tests.rs"))
        .filter(|(_, text)| {
            let first = text.lines().next().unwrap_or_default();
            !first.starts_with("//! ") || first.len() < "//! A word.".len()
        })
        .map(|(path, _)| format!("{path}: must open with `//!`, what it does and must not do"))
        .collect()
}

/// Checks that no unfinished work and no unordered collection is named, tests included.
pub(crate) fn check_forbidden(tree: &Tree) -> Vec<String> {
    let mut problems = Vec::new();
    for (path, text) in tree.under("", ".rs") {
        let Some(source) = Source::parse(text) else { continue };
        let tokens = source.flat();
        for (at, token) in tokens.iter().enumerate() {
            let line = token.span().start().line;
            let called = is_punct(tokens.get(at + 1), '!');
            if called && UNFINISHED.iter().any(|name| is_ident(Some(token), name)) {
                problems.push(format!("{path}:{line}: {token}! is unfinished work"));
            }
            if UNORDERED.iter().any(|name| is_ident(Some(token), name)) {
                problems.push(format!("{path}:{line}: {token} has no order; use a BTree"));
            }
        }
    }
    problems
}

/// Checks every text file for absolute paths that exist on one machine only.
pub(crate) fn check_machine_paths(tree: &Tree) -> Vec<String> {
    // Built from parts, so that this file is no finding itself.
    let patterns = ["root", "home", "work", "Users"].map(|folder| format!("/{folder}/"));
    let mut problems = Vec::new();
    for (path, text) in tree.under("", "") {
        for (at, line) in text.lines().enumerate() {
            for pattern in &patterns {
                let absolute = |(start, _): (usize, &str)| {
                    // After a letter, dot or tilde it is the end of a longer, relative path or address.
                    !line[..start].ends_with(|before: char| {
                        before.is_alphanumeric() || "._~-}".contains(before)
                    })
                };
                if line.match_indices(pattern.as_str()).any(absolute) {
                    problems.push(format!("{path}:{}: names {pattern} of one machine", at + 1));
                }
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_file_that_does_not_say_what_it_is_for() {
        let tree = Tree::of(&[
            ("a.rs", "use std::fmt;"),
            ("b.rs", "//!\n"),
            ("c.rs", "//! Names of things.\n"),
            ("d.md", "text"),
            ("e/tests.rs", "use super::*;"),
        ]);
        assert_eq!(check_openings(&tree).len(), 2);
    }

    #[test]
    fn refuses_unfinished_work_and_unordered_maps() {
        for bad in ["fn f() { todo!() }", "fn f() { g(dbg!(x)) }", "use std::collections::HashMap;"]
        {
            assert_eq!(check_forbidden(&Tree::of(&[("a.rs", bad)])).len(), 1, "{bad}");
        }
        let fine = "// todo!() and HashMap\nconst A: &str = \"dbg!(HashMap)\"; fn todo() {}";
        assert!(check_forbidden(&Tree::of(&[("a.rs", fine)])).is_empty());
    }

    #[test]
    fn refuses_paths_of_one_machine() {
        for folder in ["root", "home", "work", "Users"] {
            let text = format!("see\n\"/{folder}/somebody/x\"");
            assert_eq!(check_machine_paths(&Tree::of(&[("a.md", &text)])).len(), 1, "{text}");
        }
        let fine = "https://example.org/home/ ./work/ src/root/x";
        assert!(check_machine_paths(&Tree::of(&[("a.md", fine)])).is_empty());
    }
}
