//! That what the documents say about the repository is still so: paths, links, decisions.

use std::collections::BTreeSet;

use crate::tree::Tree;

/// Endings by which a name without a slash is still meant as a file.
const FILE_ENDINGS: [&str; 4] = [".rs", ".toml", ".md", ".csv"];

/// The parts of a decision, each by the headings that it may have; the template's come first.
const DECISION_PARTS: [&[&str]; 4] = [
    &["## Context"],
    &["## Options", "## Rejected"],
    &["## Choice", "## Decision"],
    &["## Cost", "## Consequences"],
];

const DECISIONS: &str = "docs/adr/";

/// Checks the paths between backticks in ARCHITECTURE.md, and the relative links of all documents.
pub(crate) fn check_paths(tree: &Tree) -> Vec<String> {
    let mut problems = Vec::new();
    let architecture = tree.get("ARCHITECTURE.md").unwrap_or_default();
    let mut paths = 0;
    for (line, name) in in_backticks(architecture) {
        if is_path(name) {
            paths += 1;
            if !tree.exists(name) {
                problems.push(format!("ARCHITECTURE.md:{line}: `{name}` does not exist"));
            }
        }
    }
    if paths == 0 {
        problems.push("ARCHITECTURE.md: names no path, so it has no code map".to_owned());
    }
    for (document, text) in tree.under("", ".md") {
        let folder = document.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (line, target) in links(text) {
            let target = target.split('#').next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") && !tree.exists(&join(folder, target))
            {
                problems.push(format!("{document}:{line}: the link to {target} is dead"));
            }
        }
    }
    problems
}

/// Checks that decisions have one number each, are listed, and have their parts.
pub(crate) fn check_decisions(tree: &Tree) -> Vec<String> {
    let mut problems = Vec::new();
    let mut numbers = BTreeSet::new();
    let list = tree.get("docs/adr/README.md").unwrap_or_default();
    for (path, text) in tree.under(DECISIONS, ".md") {
        let name = path.trim_start_matches(DECISIONS);
        if ["README.md", "template.md"].contains(&name) {
            continue;
        }
        let number = name.split('-').next().unwrap_or_default();
        if number.len() != 4 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            problems.push(format!("{path}: the name starts with four digits and a hyphen"));
        } else if !numbers.insert(number) {
            problems.push(format!("{path}: the number {number} is taken"));
        }
        if !list.contains(&format!("({name})")) {
            problems.push(format!("{path}: is not listed in docs/adr/README.md"));
        }
        for part in DECISION_PARTS {
            if !text.lines().any(|line| part.contains(&line)) {
                problems.push(format!("{path}: has no part `{}`", part[0]));
            }
        }
    }
    problems
}

/// Returns what stands between single backticks, with its line, outside fenced blocks.
fn in_backticks(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (at, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            found.extend(line.split('`').skip(1).step_by(2).map(|name| (at + 1, name)));
        }
    }
    found
}

fn is_path(name: &str) -> bool {
    let plain = |mark: char| mark.is_ascii_alphanumeric() || "/._-".contains(mark);
    name.chars().all(plain)
        && (name.contains('/') || FILE_ENDINGS.iter().any(|ending| name.ends_with(ending)))
}

/// Returns the targets of Markdown links, with their line.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let mut rest = line;
        while let Some((_, after)) = rest.split_once("](") {
            let Some((target, behind)) = after.split_once(')') else { break };
            found.push((at + 1, target));
            rest = behind;
        }
    }
    found
}

/// Resolves a link from the folder of its document.
fn join(folder: &str, target: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_path_that_is_gone() {
        let text =
            "`core/src/lib.rs` and `core/src/gone/`\n```\n`not/checked`\n```\n`a -> b` `gone.rs`";
        let tree = Tree::of(&[("ARCHITECTURE.md", text), ("core/src/lib.rs", "")]);
        assert_eq!(
            check_paths(&tree),
            [
                "ARCHITECTURE.md:1: `core/src/gone/` does not exist",
                "ARCHITECTURE.md:5: `gone.rs` does not exist"
            ]
        );
    }

    #[test]
    fn refuses_an_architecture_without_a_code_map() {
        assert_eq!(check_paths(&Tree::of(&[("ARCHITECTURE.md", "words")])).len(), 1);
    }

    #[test]
    fn refuses_a_dead_link() {
        let tree = Tree::of(&[
            ("ARCHITECTURE.md", "`docs/a.md`"),
            ("docs/a.md", "[b](b.md) [up](../ARCHITECTURE.md#life) [web](https://a.b/c) [x](#y)"),
        ]);
        assert_eq!(check_paths(&tree), ["docs/a.md:1: the link to b.md is dead"]);
    }

    #[test]
    fn refuses_decisions_unnumbered_doubled_unlisted_or_without_parts() {
        let whole = DECISION_PARTS.map(|part| part[0]).join("\n");
        let list = "[one](0001-one.md) [two](0001-two.md) [x](x.md)";
        let tree = Tree::of(&[
            ("docs/adr/README.md", list),
            ("docs/adr/template.md", ""),
            ("docs/adr/0001-one.md", &whole),
            ("docs/adr/0001-two.md", &whole),
            ("docs/adr/0003-three.md", &whole),
            ("docs/adr/x.md", "## Context\n## Options\n## Choice\n"),
        ]);
        let found = check_decisions(&tree);
        assert_eq!(found.len(), 4, "{found:?}");
    }
}
