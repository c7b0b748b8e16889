//! The one file that says which files are a backup, and of what: text, with its own hash as the last line.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use bienban_core::model::{DeviceId, Timestamp};

use super::error::{BackupsError, file_error};
use super::files;

/// What the manifest is called.
pub(super) const NAME: &str = "manifest";

/// How the names of manifests begin that were set aside.
pub(super) const BEFORE: &str = "manifest-before-";

/// The newest format that this program writes and reads.
const FORMAT: u32 = 1;

const FIRST_WORDS: &str = "bienban backup ";

/// One file of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// Where it lies in the backup's folder, with `/`.
    pub(super) path: String,
    /// Its length.
    pub(super) bytes: u64,
    /// Its BLAKE3.
    pub(super) hash: [u8; 32],
}

/// What a backup is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Manifest {
    /// The store's name.
    pub(super) store: [u8; 16],
    /// The last record in it.
    pub(super) position: u64,
    /// The hash of everything up to it.
    pub(super) chain: [u8; 32],
    /// When it was made, by the clock of the machine.
    pub(super) at: Timestamp,
    /// The public half of the hub's key.
    pub(super) hub: DeviceId,
    /// That of the key that was announced to follow it.
    pub(super) next: Option<DeviceId>,
    /// The journal, by the numbers of its segments.
    pub(super) segments: Vec<(u64, Part)>,
    /// The hub's secret keys, if they are in it: the present one first.
    pub(super) keys: Vec<Part>,
}

impl Manifest {
    /// Returns its file's content.
    pub(super) fn encode(&self) -> String {
        let mut text = format!("{FIRST_WORDS}{FORMAT}\n");
        let hex = |bytes: &[u8]| hex::encode(bytes);
        // Writing to a text cannot fail.
        let _ = writeln!(text, "store {}", hex(&self.store));
        let _ = writeln!(text, "head {} {}", self.position, hex(&self.chain));
        let _ = writeln!(text, "at {}", self.at.0);
        let _ = writeln!(text, "hub {}", self.hub);
        if let Some(next) = self.next {
            let _ = writeln!(text, "next {next}");
        }
        for (number, Part { path, bytes, hash }) in &self.segments {
            let _ = writeln!(text, "segment {number} {bytes} {} {path}", hex(hash));
        }
        for Part { path, bytes, hash } in &self.keys {
            let _ = writeln!(text, "key {bytes} {} {path}", hex(hash));
        }
        let check = blake3::hash(text.as_bytes()).to_hex();
        let _ = writeln!(text, "check {check}");
        text
    }

    /// Returns what names this state of the backup, and no other.
    pub(super) fn name(&self) -> String {
        blake3::hash(self.encode().as_bytes()).to_hex().to_string()
    }

    /// Returns all of its files.
    pub(super) fn parts(&self) -> impl Iterator<Item = &Part> {
        self.segments.iter().map(|(_, part)| part).chain(&self.keys)
    }

    /// Returns whether a file is one, or was before it was damaged.
    pub(super) fn is_at(path: &Path) -> Result<bool, BackupsError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name == NAME || name.starts_with(BEFORE) {
            return Ok(true);
        }
        let mut start = Vec::new();
        let read = File::open(path)
            .and_then(|file| file.take(FIRST_WORDS.len() as u64).read_to_end(&mut start));
        read.map_err(file_error("read", path))?;
        Ok(start == FIRST_WORDS.as_bytes())
    }

    /// Reads one. None where the file is not there.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, BackupsError> {
        let Some(bytes) = files::read_if_there(path)? else { return Ok(None) };
        let damaged = || BackupsError::Manifest { path: path.to_owned() };
        let text = std::str::from_utf8(&bytes).map_err(|_| damaged())?;
        match format(text) {
            Some(found) if found > FORMAT => {
                Err(BackupsError::Newer { path: path.to_owned(), found, known: FORMAT })
            }
            _ => Self::parse(text).map(Some).ok_or_else(damaged),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let body = text.trim_end().rfind('\n')? + 1;
        let (body, check) = text.split_at(body);
        let check = check.strip_prefix("check ")?.strip_suffix('\n')?;
        if blake3::hash(body.as_bytes()).to_hex().as_str() != check {
            return None;
        }
        let mut lines = body.lines().peekable();
        lines.next()?.strip_prefix(FIRST_WORDS)?;
        let store = digits(lines.next()?.strip_prefix("store ")?)?;
        let (position, chain) = lines.next()?.strip_prefix("head ")?.split_once(' ')?;
        let at = Timestamp(lines.next()?.strip_prefix("at ")?.parse().ok()?);
        let hub = lines.next()?.strip_prefix("hub ")?.parse().ok()?;
        let next = match lines.next_if(|line| line.starts_with("next ")) {
            Some(line) => Some(line.strip_prefix("next ")?.parse().ok()?),
            None => None,
        };
        let (mut segments, mut keys) = (Vec::new(), Vec::new());
        for line in lines {
            if let Some(rest) = line.strip_prefix("segment ") {
                let (number, rest) = rest.split_once(' ')?;
                segments.push((number.parse().ok()?, part(rest)?));
            } else {
                keys.push(part(line.strip_prefix("key ")?)?);
            }
        }
        let (position, chain) = (position.parse().ok()?, digits(chain)?);
        Some(Self { store, position, chain, at, hub, next, segments, keys })
    }

    /// Puts it in place of the one that is there, which is whole until then.
    pub(super) fn put(&self, folder: &Path) -> Result<(), BackupsError> {
        files::replace(&folder.join(NAME), self.encode().as_bytes())
    }
}

fn format(text: &str) -> Option<u32> {
    text.lines().next()?.strip_prefix(FIRST_WORDS)?.parse().ok()
}

fn digits<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).ok().map(|()| bytes)
}

/// Reads a file's line: it lies in the backup, whatever the line says.
fn part(text: &str) -> Option<Part> {
    let (bytes, rest) = text.split_once(' ')?;
    let (hash, path) = rest.split_once(' ')?;
    let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\\', ':']);
    if !path.split('/').all(plain) {
        return None;
    }
    Some(Part { path: path.to_owned(), bytes: bytes.parse().ok()?, hash: digits(hash)? })
}

/// Returns the manifests that were set aside in a folder.
pub(super) fn set_aside(folder: &Path) -> Result<Vec<PathBuf>, BackupsError> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(file_error("list", folder))? {
        let entry = entry.map_err(file_error("list", folder))?;
        if entry.file_name().to_string_lossy().starts_with(BEFORE) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}
