//! The repository's text files, read once. Knows folders and names, not their meaning.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// What holds no source: version control (a file in a linked work tree), build output, caches.
const SKIPPED: [&str; 3] = [".git", "target", "node_modules"];

/// Files by path relative to the root, with `/` between the parts.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    files: BTreeMap<String, String>,
}

impl Tree {
    /// Reads the repository that this test belongs to.
    pub(crate) fn of_repository() -> Self {
        // Cargo says at run time where the package lies; the place of building may be another one.
        let package = std::env::var("CARGO_MANIFEST_DIR");
        let package = package.as_deref().unwrap_or(env!("CARGO_MANIFEST_DIR"));
        let root =
            Path::new(package).parent().expect("the package of tests lies inside the repository");
        let mut tree = Self::default();
        tree.read(root, "");
        assert!(
            tree.get("Cargo.toml").is_some(),
            "the root was not found: this test would be blind"
        );
        tree
    }

    /// Makes a tree for a checker's own test.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|&(path, text)| (path.to_owned(), text.to_owned())).collect();
        Self { files }
    }

    fn read(&mut self, folder: &Path, prefix: &str) {
        for entry in fs::read_dir(folder).expect("the repository can be read") {
            let entry = entry.expect("the repository can be read");
            let Ok(name) = entry.file_name().into_string() else { continue };
            let path = format!("{prefix}{name}");
            let kind = entry.file_type().expect("the repository can be read");
            if SKIPPED.contains(&name.as_str()) {
                continue;
            }
            if kind.is_dir() {
                self.read(&entry.path(), &format!("{path}/"));
            } else if kind.is_file() {
                // A binary file exists too, but holds nothing to read.
                let text = fs::read(entry.path()).map(String::from_utf8);
                self.files.insert(path, text.ok().and_then(Result::ok).unwrap_or_default());
            }
        }
    }

    /// Returns a file's text.
    pub(crate) fn get(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Returns whether a file, or a folder that holds one, has this path.
    pub(crate) fn exists(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        self.files.contains_key(path)
            || self
                .files
                .keys()
                .any(|file| file.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')))
    }

    /// Returns the files below a folder (empty for all) whose name ends so.
    pub(crate) fn under<'a>(
        &'a self,
        folder: &'a str,
        ending: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.files
            .iter()
            .filter(move |(path, _)| path.starts_with(folder) && path.ends_with(ending))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_exists_when_it_holds_a_file() {
        let tree = Tree::of(&[("core/src/lib.rs", "")]);
        assert!(tree.exists("core/src/lib.rs"));
        assert!(tree.exists("core/src/"));
        assert!(!tree.exists("core/s"));
    }
}
