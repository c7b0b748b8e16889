//! What a full disk lacks, in the words of a person.

use std::path::Path;

use bienban_core::store;

use crate::cli::newfile;
use crate::messages::Messages;

/// Returns what to do where the disk of a file that a person named is full.
pub(super) fn of_file(path: &Path, m: &Messages) -> String {
    let shown = path.display().to_string();
    match store::free_bytes(newfile::folder_of(path)) {
        // What is left on a full disk is less than a mebibyte.
        Some(free) => {
            let free = format!("{} KiB", free >> 10);
            m.text("hint.full_there_figures", &[("path", &shown), ("free", &free)])
        }
        None => m.text("hint.full_there", &[("path", &shown)]),
    }
}

/// Writes bytes as mebibytes.
pub(super) fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}
