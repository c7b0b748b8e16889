//! The note that a clean close leaves: every file of journal and index with its hash.
//!
//! An open that finds it, and finds the files so, need not look at their records and rows. It is
//! removed at open, so after a crash there is none.

use std::path::{Path, PathBuf};
use std::{fs, io};

use super::Position;
use super::StoreError;
use super::entry::{Chain, Head};
use super::files::{Files, failed, read_if_there, replace};
use super::identity::{FileMark, mark_of};

/// The note's file name.
const NAME: &str = "closed";
const FIRST_LINE: &str = "bienban closed 1";

/// What the note says, compared with what is there.
#[derive(Debug)]
pub(super) enum Closed {
    /// There is no note: the store was not closed, or is new.
    Unclean,
    /// The note itself cannot be read.
    Damaged,
    /// There is one.
    Clean {
        /// The journal's head.
        head: Head,
        /// The first journal file that is not as it was left.
        journal: Option<String>,
        /// The first index file that is not as it was left.
        index: Option<String>,
        /// The journal's files are as they were left, but they are other files: copies.
        copied: bool,
    },
}

/// Returns the note's path.
pub(super) fn path(root: &Path) -> PathBuf {
    root.join(NAME)
}

/// Syncs every file of journal and index and writes the note.
pub(super) fn write(
    files: &dyn Files,
    root: &Path,
    folders: [&str; 2],
    head: Head,
) -> Result<(), StoreError> {
    let mut text =
        format!("{FIRST_LINE}\nhead {} {}\n", head.position.0, hex::encode(head.chain.0));
    for name in folders {
        let folder = root.join(name);
        let listed = walk(root, &folder).map_err(|source| failed("list", &folder, source))?;
        for relative in listed {
            let path = root.join(&relative);
            let line = || -> io::Result<String> {
                fs::File::open(&path)?.sync_all()?;
                let mark = mark_of(&path)?;
                Ok(format!("{} {} {relative}\n", hash(&path)?, mark.encode()))
            };
            text += &line().map_err(|source| failed("read", &path, source))?;
        }
        files.sync_folder(&folder).map_err(|source| failed("sync", &folder, source))?;
    }
    text += &format!("check {}\n", blake3::hash(text.as_bytes()).to_hex());
    replace(files, &path(root), text.as_bytes())
}

/// Reads the note and compares all files with it.
pub(super) fn verify(
    files: &dyn Files,
    root: &Path,
    folders: [&str; 2],
) -> Result<Closed, StoreError> {
    let Some(bytes) = read_if_there(files, &path(root))? else { return Ok(Closed::Unclean) };
    let Some(note) = Note::parse(&bytes) else { return Ok(Closed::Damaged) };
    let [journal, index] = folders.map(|name| note.first_difference(root, name));
    let copied = note.lines.iter().any(|line| {
        line.path.starts_with(folders[0])
            && mark_of(&root.join(&line.path)).is_ok_and(|mark| !mark.same_file(&line.mark))
    });
    Ok(Closed::Clean { head: note.head, journal: journal?, index: index?, copied })
}

struct Note {
    head: Head,
    lines: Vec<Line>,
}

struct Line {
    hash: String,
    mark: FileMark,
    path: String,
}

impl Note {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let body_bytes = text.trim_end().rfind('\n')? + 1;
        let (body, check) = text.split_at(body_bytes);
        let check = check.strip_prefix("check ")?.strip_suffix('\n')?;
        if blake3::hash(body.as_bytes()).to_hex().as_str() != check {
            return None;
        }
        let mut lines = body.lines();
        if lines.next()? != FIRST_LINE {
            return None;
        }
        let (position, chain) = lines.next()?.strip_prefix("head ")?.split_once(' ')?;
        let mut hash = [0; 32];
        hex::decode_to_slice(chain, &mut hash).ok()?;
        let head = Head { position: Position(position.parse().ok()?), chain: Chain(hash) };
        let lines = lines.map(Line::parse).collect::<Option<_>>()?;
        Some(Self { head, lines })
    }

    /// Names the first file under a folder that differs, is missing or is new.
    fn first_difference(&self, root: &Path, folder: &str) -> Result<Option<String>, StoreError> {
        let path = root.join(folder);
        let there = walk(root, &path).map_err(|source| failed("list", &path, source))?;
        let noted = self.lines.iter().filter(|line| line.path.starts_with(&format!("{folder}/")));
        let mut noted = noted.peekable();
        for relative in there {
            let path = root.join(&relative);
            let hash = hash(&path).map_err(|source| failed("read", &path, source))?;
            match noted.next() {
                Some(line) if line.path == relative && line.hash == hash => {}
                Some(line) if line.path < relative => return Ok(Some(line.path.clone())),
                _ => return Ok(Some(relative)),
            }
        }
        Ok(noted.next().map(|line| line.path.clone()))
    }
}

impl Line {
    fn parse(line: &str) -> Option<Self> {
        let (hash, rest) = line.split_once(' ')?;
        let (mark, path) = rest.split_once(' ')?;
        Some(Self { hash: hash.into(), mark: FileMark::decode(mark)?, path: path.into() })
    }
}

/// Returns all files under a folder, as paths from `root` with `/`, sorted; none when it is absent.
fn walk(root: &Path, folder: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let items = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            items => items?,
        };
        for item in items {
            let path = item?.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(relative) = path.strip_prefix(root) {
                let parts = relative.components().map(|part| part.as_os_str().to_string_lossy());
                found.push(parts.collect::<Vec<_>>().join("/"));
            }
        }
    }
    found.sort();
    Ok(found)
}

fn hash(path: &Path) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    // Reads in pieces that are large enough for the wide instructions; an index has many megabytes.
    hasher.update_reader(fs::File::open(path)?)?;
    Ok(hasher.finalize().to_hex().to_string())
}
