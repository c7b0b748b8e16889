//! The patches of `tests/mutations`, which break the program on purpose: that each still fits the source, names
//! a test that there is, and stands in the list. Runs none of them.

use crate::tree::Tree;

const FOLDER: &str = "tests/mutations/";
const LIST: &str = "tests/mutations/README.md";

/// Fewer would say little about the tests.
const PATCHES_MIN: usize = 12;

/// What each patch says before its first file.
const HEAD: [&str; 3] = ["Breaks: ", "Promise: ", "Caught by: "];

/// The folder of each package that may hold a catching test.
const PACKAGES: [(&str, &str); 4] = [
    ("bienban-bindings", "bindings/"),
    ("bienban-core", "core/"),
    ("bienban-server", "server/"),
    ("bienban-tests", "tests/"),
];

/// Checks every patch, and that there are enough of them.
pub(crate) fn check(tree: &Tree) -> Vec<String> {
    let mut problems = Vec::new();
    let mut patches = 0;
    for (path, text) in tree.under(FOLDER, ".patch") {
        patches += 1;
        problems.extend(check_head(tree, path, text));
        problems.extend(check_fit(tree, path, text));
    }
    if patches < PATCHES_MIN {
        problems.push(format!("{FOLDER}: {patches} patches, fewer than {PATCHES_MIN}"));
    }
    problems
}

fn check_head(tree: &Tree, path: &str, text: &str) -> Vec<String> {
    let head = text.split("\ndiff --git ").next().unwrap_or_default();
    let said = |key: &str| head.lines().find_map(|line| line.strip_prefix(key));
    if HEAD.iter().any(|key| said(key).is_none_or(|value| value.trim().is_empty())) {
        return vec![format!("{path}: begins with lines {HEAD:?}")];
    }
    let caught = said(HEAD[2]).unwrap_or_default();
    let [package, _, test] = caught.split(' ').collect::<Vec<_>>()[..] else {
        return vec![format!("{path}: `Caught by:` names package, target and test")];
    };
    let mut problems = Vec::new();
    let list = tree.get(LIST).unwrap_or_default();
    let name = path.trim_start_matches(FOLDER).trim_end_matches(".patch");
    let row = |line: &&str| line.starts_with('|') && line.contains(&format!("`{name}`"));
    if !list.lines().find(row).is_some_and(|line| line.contains(&format!("`{test}`"))) {
        problems.push(format!("{LIST}: no row has `{name}` with its test `{test}`"));
    }
    let function = format!("fn {}(", test.rsplit("::").next().unwrap_or_default());
    let folder = PACKAGES.iter().find(|(known, _)| *known == package).map(|(_, folder)| folder);
    let there = folder.is_some_and(|folder| {
        tree.under(folder, ".rs").any(|(_, source)| source.contains(&function))
    });
    if !there {
        problems.push(format!("{path}: {package} has no test {test}"));
    }
    problems
}

/// Checks that what each hunk takes for the source stands in it, in order: then the patch applies.
fn check_fit(tree: &Tree, path: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let mut files = 0;
    for part in text.split("\n+++ b/").skip(1) {
        files += 1;
        let (file, hunks) = part.split_once('\n').unwrap_or_default();
        let hunks = hunks.split("\ndiff --git ").next().unwrap_or_default();
        let mut rest = tree.get(file).unwrap_or_default();
        for hunk in hunks.split("@@ -").skip(1) {
            let before = before(hunk);
            match rest.find(&before) {
                Some(at) if !before.is_empty() => rest = &rest[at + before.len()..],
                _ => {
                    let hunk = hunk.split(" @@").next().unwrap_or_default();
                    problems.push(format!("{path}: does not fit {file} at -{hunk}; make it anew"));
                }
            }
        }
    }
    if files == 0 {
        problems.push(format!("{path}: changes nothing"));
    }
    problems
}

/// Returns the source as a hunk takes it to be.
fn before(hunk: &str) -> String {
    let lines = hunk.lines().skip(1).filter(|line| !line.starts_with(['+', '\\']));
    lines.map(|line| format!("{}\n", line.get(1..).unwrap_or_default())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATCH: &str = "Breaks: a\nPromise: b\nCaught by: bienban-core lib x::holds\n\n\
        diff --git a/core/src/x.rs b/core/src/x.rs\n--- a/core/src/x.rs\n+++ b/core/src/x.rs\n\
        @@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n";
    const SOURCE: &str = "one\ntwo\nthree\nfn holds() {}\n";
    const ROW: &str = "| `01-a` | a | b | `x::holds` |\n";

    fn found(patch: &str, source: &str, list: &str) -> Vec<String> {
        let path = "tests/mutations/01-a.patch";
        let tree = Tree::of(&[(path, patch), ("core/src/x.rs", source), (LIST, list)]);
        let mut problems = check(&tree);
        assert_eq!(problems.pop().unwrap(), "tests/mutations/: 1 patches, fewer than 12");
        problems
    }

    #[test]
    fn accepts_a_patch_that_fits() {
        assert_eq!(found(PATCH, SOURCE, ROW), [""; 0]);
        assert_eq!(found(PATCH, &format!("before\n{SOURCE}"), ROW), [""; 0], "lines may move");
    }

    #[test]
    fn refuses_a_patch_whose_place_is_gone() {
        let problem =
            "tests/mutations/01-a.patch: does not fit core/src/x.rs at -1,3 +1,3; make it anew";
        assert_eq!(found(PATCH, "one\ntwo more\nthree\nfn holds() {}\n", ROW), [problem]);
        let nothing = PATCH.split("diff --git").next().unwrap();
        assert_eq!(found(nothing, SOURCE, ROW), ["tests/mutations/01-a.patch: changes nothing"]);
    }

    #[test]
    fn refuses_a_patch_without_head_test_or_row() {
        let headless = PATCH.replace("Promise: b\n", "");
        assert_eq!(found(&headless, SOURCE, ROW).len(), 1);
        let testless = "one\ntwo\nthree\n";
        assert_eq!(
            found(PATCH, testless, ROW),
            ["tests/mutations/01-a.patch: bienban-core has no test x::holds"]
        );
        let other = "| `01-a` | a | b | `x::other` |\n";
        assert_eq!(
            found(PATCH, SOURCE, other),
            ["tests/mutations/README.md: no row has `01-a` with its test `x::holds`"]
        );
    }
}
