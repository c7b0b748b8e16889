//! How long a file may be, and that clippy holds the length of functions everywhere.

use crate::tree::Tree;

/// More than this nobody reads in one sitting; aim for half.
const FILE_LINES_MAX: usize = 800;

/// The packages that share the workspace's lints.
const PACKAGES: [&str; 4] = ["core", "server", "bindings", "tests"];

/// Lints without which rules of this repository would hold by promise only.
const LINTS: [&str; 6] = [
    "too_many_lines = \"warn\"",
    "unwrap_used = \"warn\"",
    "disallowed_methods = \"deny\"",
    "disallowed_types = \"deny\"",
    "missing_docs = \"warn\"",
    "unsafe_code = \"deny\"",
];

/// Checks the length of every Rust file.
pub(crate) fn check(tree: &Tree) -> Vec<String> {
    tree.under("", ".rs")
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|&(_, lines)| lines > FILE_LINES_MAX)
        .map(|(path, lines)| {
            format!("{path}: {lines} lines, over the limit of {FILE_LINES_MAX}; split it")
        })
        .collect()
}

/// Checks that the lints are on, in every package, and that none is waved through where it counts.
pub(crate) fn check_lints(tree: &Tree) -> Vec<String> {
    let mut problems = Vec::new();
    let workspace = tree.get("Cargo.toml").unwrap_or_default();
    for lint in LINTS {
        if !workspace.lines().any(|line| line == lint) {
            problems.push(format!("Cargo.toml: the workspace no longer has {lint}"));
        }
    }
    if !tree.get("clippy.toml").unwrap_or_default().contains("too-many-lines-threshold = 70") {
        problems.push("clippy.toml: a function has at most 70 lines".to_owned());
    }
    for package in PACKAGES {
        let manifest = format!("{package}/Cargo.toml");
        if !tree.get(&manifest).unwrap_or_default().contains("[lints]\nworkspace = true") {
            problems.push(format!("{manifest}: does not take the workspace's lints"));
        }
    }
    // In two parts, so that this line is not a finding itself.
    let waved = concat!("clippy::too_many", "_lines");
    for (path, text) in tree.under("", ".rs") {
        if let Some(at) = text.lines().position(|line| line.contains(waved)) {
            problems.push(format!("{path}:{}: split the function instead", at + 1));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_file_that_has_grown_too_long() {
        let long = "x\n".repeat(FILE_LINES_MAX + 1);
        let fits = "x\n".repeat(FILE_LINES_MAX);
        assert_eq!(check(&Tree::of(&[("a.rs", &long), ("b.rs", &fits), ("c.md", &long)])).len(), 1);
    }

    #[test]
    fn refuses_missing_lints_and_exceptions_from_them() {
        let manifest = format!("[workspace.lints.clippy]\n{}\n", LINTS.join("\n"));
        let clippy = ("clippy.toml", "too-many-lines-threshold = 70");
        let member = "[lints]\nworkspace = true\n";
        let mut files = vec![("Cargo.toml", manifest.as_str()), clippy];
        files.extend(["core/Cargo.toml", "server/Cargo.toml"].map(|path| (path, member)));
        files.extend(["bindings/Cargo.toml", "tests/Cargo.toml"].map(|path| (path, member)));
        assert!(check_lints(&Tree::of(&files)).is_empty());

        let waved = concat!("#[allow(clippy::too_many", "_lines)]\nfn f() {}");
        files.push(("core/src/lib.rs", waved));
        assert_eq!(check_lints(&Tree::of(&files)).len(), 1);
        assert_eq!(check_lints(&Tree::of(&[clippy])).len(), LINTS.len() + PACKAGES.len());
    }
}
