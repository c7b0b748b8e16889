//! Which module may name which, and what the pure ones may not name at all.

use std::collections::BTreeSet;

use crate::tokens::{Named, Source};
use crate::tree::Tree;

/// One row of the table: a module and the modules that it may name.
struct Row {
    module: &'static str,
    may_name: &'static [&'static str],
}

/// The modules of core and their arrows, as ARCHITECTURE.md draws them.
const CORE: &[Row] = &[
    Row { module: "model", may_name: &[] },
    Row { module: "checklist", may_name: &["model"] },
    Row { module: "trust", may_name: &["model"] },
    Row { module: "sync", may_name: &["model", "trust"] },
    Row { module: "store", may_name: &[] },
    Row { module: "replica", may_name: &["model", "checklist", "sync", "trust", "store"] },
    Row { module: "clock", may_name: &["model"] },
    Row { module: "net", may_name: &["model", "trust", "clock"] },
    Row {
        module: "driver",
        may_name: &["model", "trust", "replica", "sync", "store", "net", "clock"],
    },
    Row {
        module: "client",
        may_name: &[
            "model",
            "checklist",
            "trust",
            "sync",
            "store",
            "replica",
            "clock",
            "net",
            "driver",
        ],
    },
];

/// What a module that knows only part of another may name there: names of things, not documents.
const ONLY: &[(&str, &str, &[&str])] = &[
    ("net", "model", &["DeviceId", "Incarnation", "Timestamp"]),
    ("clock", "model", &["Timestamp"]),
];

/// The modules that do no IO and read neither clock nor entropy.
const PURE: &[&str] = &["model", "checklist", "sync", "trust", "replica"];

/// Paths that a pure module may not name, nor anything below them.
const IMPURE: &[&str] = &[
    "std::env",
    "std::fs",
    "std::net",
    "std::os",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "getrandom",
    "libc",
    "quinn",
    "rand",
    "rustls",
    "sled",
    "tempfile",
    "tokio",
    "tracing",
];

/// Only the terminal client and the demo, which live there, hold a client.
const CLIENT_FOLDER: &str = "server/src/cli";

/// Checks the arrows inside core, and those from the other packages into core.
pub(crate) fn check(tree: &Tree) -> Vec<String> {
    let mut problems = Vec::new();
    for (file, named) in named_in(tree, "core/src/") {
        core_path(&file, &named, &mut problems);
    }
    for (file, named) in named_in(tree, "server/src/") {
        let parts: Vec<_> = named.parts.iter().map(String::as_str).collect();
        let of_cli = file.starts_with("server/src/cli/") || file == "server/src/cli.rs";
        match parts[..] {
            ["bienban_core", "client", ..] if !of_cli => problems.push(format!(
                "{file}:{}: names bienban_core::client; only {CLIENT_FOLDER} may",
                named.line
            )),
            ["crate", "cli", ..] if !of_cli && !is_root(&file) => problems.push(format!(
                "{file}:{}: names crate::cli; the hub must not know its terminal",
                named.line
            )),
            _ => {}
        }
    }
    for (file, named) in named_in(tree, "bindings/src/") {
        if named.parts[0] == "bienban_core"
            && !["client", "model"].contains(&named.parts[1].as_str())
        {
            problems.push(format!(
                "{file}:{}: names bienban_core::{}; bindings know client and model only",
                named.line, named.parts[1]
            ));
        }
    }
    problems
}

fn core_path(file: &str, named: &Named, problems: &mut Vec<String>) {
    if named.parts[0] != "crate" || is_root(file) {
        return;
    }
    let from = &module_of(file)[0];
    let to = named.parts[1].as_str();
    let Some(row) = CORE.iter().find(|row| row.module == from) else {
        problems.push(format!("{file}: module {from} is in no row of the table of arrows"));
        return;
    };
    if from == to {
        return;
    }
    let place = format!("{file}:{}", named.line);
    if !CORE.iter().any(|row| row.module == to) {
        problems.push(format!("{place}: names crate::{to}; name the module that owns it"));
    } else if !row.may_name.contains(&to) {
        problems.push(format!("{place}: {from} -> {to} is not an allowed arrow"));
    }
    let only = ONLY.iter().find(|(module, target, _)| module == from && *target == to);
    if let (Some((_, _, names)), Some(name)) = (only, named.parts.get(2))
        && !names.contains(&name.as_str())
    {
        problems.push(format!("{place}: {from} may name only {} of {to}", names.join(", ")));
    }
}

/// Checks that pure modules name nothing that does IO, or reads the clock or entropy.
pub(crate) fn check_purity(tree: &Tree) -> Vec<String> {
    let mut problems = Vec::new();
    for (file, named) in named_in(tree, "core/src/") {
        if !module_of(&file).first().is_some_and(|module| PURE.contains(&module.as_str())) {
            continue;
        }
        let path = named.parts.join("::");
        let impure = IMPURE.iter().find(|impure| {
            path.strip_prefix(*impure).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        });
        if let Some(impure) = impure {
            let line = named.line;
            problems.push(format!("{file}:{line}: names {impure}; take it as an argument instead"));
        }
        if named.parts.iter().any(|part| part == "OsRng" || part == "SystemTime") {
            problems.push(format!("{file}:{}: reads the clock or entropy", named.line));
        }
    }
    problems
}

/// Checks that no package depends on one that stands above it.
pub(crate) fn check_manifests(tree: &Tree) -> Vec<String> {
    let forbidden = [
        ("core/Cargo.toml", &["bienban-server", "bienban-bindings", "bienban-tests"][..]),
        ("server/Cargo.toml", &["bienban-bindings", "bienban-tests"][..]),
        ("bindings/Cargo.toml", &["bienban-server", "bienban-tests"][..]),
    ];
    let mut problems = Vec::new();
    for (manifest, packages) in forbidden {
        let Some(text) = tree.get(manifest) else {
            problems.push(format!("{manifest} is gone"));
            continue;
        };
        for package in packages {
            let names = |line: &str| line.trim_start().starts_with(package);
            if text.lines().any(names) {
                problems.push(format!("{manifest}: depends on {package}, which stands above it"));
            }
        }
    }
    problems
}

/// Returns every path named outside tests below a folder, with its file.
fn named_in(tree: &Tree, folder: &str) -> Vec<(String, Named)> {
    let sources: Vec<_> = tree
        .under(folder, ".rs")
        .filter_map(|(file, text)| Source::parse(text).map(|source| (file, source)))
        .collect();
    // A module declared for tests lies in its own file, which does not say so itself.
    let mut tests = BTreeSet::new();
    for (file, source) in &sources {
        let stem = match file.strip_suffix("/mod.rs").or_else(|| file.strip_suffix("/lib.rs")) {
            Some(stem) => stem,
            None => file.trim_end_matches(".rs"),
        };
        tests.extend(source.test_modules().into_iter().map(|name| format!("{stem}/{name}")));
    }
    let of_test = |file: &str| {
        tests.iter().any(|test| {
            file.strip_prefix(test.as_str())
                .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        })
    };
    let mut all = Vec::new();
    for (file, source) in sources.iter().filter(|(file, _)| !of_test(file)) {
        let module = module_of(file);
        all.extend(source.paths(&module).into_iter().map(|named| ((*file).to_owned(), named)));
    }
    all
}

/// Returns whether a file is a crate's root, which names all its modules.
fn is_root(file: &str) -> bool {
    file.ends_with("src/lib.rs") || file.ends_with("src/main.rs")
}

/// Returns the module path of a file: `core/src/model/ids.rs` is `model`, `ids`.
fn module_of(file: &str) -> Vec<String> {
    let inside = file.split_once("/src/").map_or(file, |(_, inside)| inside);
    let inside = inside.trim_end_matches(".rs");
    let parts = inside.split('/').filter(|part| !["mod", "lib", "main"].contains(part));
    parts.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(file: &str, text: &str) -> Vec<String> {
        check(&Tree::of(&[(file, text)]))
    }

    #[test]
    fn refuses_an_arrow_that_is_not_in_the_table() {
        let found = problems("core/src/model/ids.rs", "use crate::store::Store;");
        assert_eq!(found, ["core/src/model/ids.rs:1: model -> store is not an allowed arrow"]);
        assert_eq!(problems("core/src/store/mod.rs", "use super::model::Actor;").len(), 1);
        assert_eq!(problems("core/src/sync/pack.rs", "use crate::{net::Link};").len(), 1);
        assert!(problems("core/src/sync/pack.rs", "use crate::model::Actor;").is_empty());
    }

    #[test]
    fn refuses_a_module_that_no_row_knows_and_a_name_laundered_through_the_root() {
        assert_eq!(problems("core/src/extra.rs", "use crate::model::Actor;").len(), 1);
        assert_eq!(problems("core/src/store/mod.rs", "use crate::Actor;").len(), 1);
    }

    #[test]
    fn refuses_documents_in_the_network() {
        assert!(problems("core/src/net/tls.rs", "use crate::model::DeviceId;").is_empty());
        assert_eq!(problems("core/src/net/tls.rs", "use crate::model::Document;").len(), 1);
    }

    #[test]
    fn refuses_the_client_in_the_hub() {
        let uses = "use bienban_core::client::Client;";
        assert_eq!(problems("server/src/hub.rs", uses).len(), 1);
        assert!(problems("server/src/cli/field.rs", uses).is_empty());
        assert_eq!(problems("server/src/hub.rs", "use crate::cli::Field;").len(), 1);
        assert!(problems("server/src/lib.rs", "use crate::cli::Field;").is_empty());
        assert_eq!(problems("bindings/src/lib.rs", "use bienban_core::sync::Pack;").len(), 1);
    }

    #[test]
    fn lets_tests_name_anything() {
        let inline = "#[cfg(test)] mod tests { use crate::store::Store; }";
        assert!(problems("core/src/model/ids.rs", inline).is_empty());
        let tree = Tree::of(&[
            ("core/src/model/mod.rs", "#[cfg(test)] mod trials;"),
            ("core/src/model/trials.rs", "use crate::store::Store;"),
        ]);
        assert!(check(&tree).is_empty());
    }

    #[test]
    fn refuses_io_clock_and_entropy_in_pure_modules() {
        for impure in [
            "use std::{fmt, fs};",
            "fn f() { std::thread::sleep(d); }",
            "use std::time::{Duration, SystemTime};",
            "use tokio::sync::mpsc;",
            "fn f() { getrandom::fill(b); }",
            "use rand_core::OsRng;",
        ] {
            let tree = Tree::of(&[("core/src/replica/rows.rs", impure)]);
            assert!(!check_purity(&tree).is_empty(), "{impure}");
        }
        let pure = "use std::time::Duration; use std::sync::Arc; /// [`std::fs::read`]\nfn f() {}";
        assert!(check_purity(&Tree::of(&[("core/src/sync/mod.rs", pure)])).is_empty());
        assert!(check_purity(&Tree::of(&[("core/src/store/file.rs", "use std::fs;")])).is_empty());
    }

    #[test]
    fn refuses_a_package_that_points_upwards() {
        let below = ("server/Cargo.toml", "");
        let beside = ("bindings/Cargo.toml", "bienban-core = 1");
        let core = ("core/Cargo.toml", "[dependencies]\nbienban-server.workspace = true");
        assert_eq!(check_manifests(&Tree::of(&[below, beside, core])).len(), 1);
    }
}
