//! Bundles at the hub: files that people bring where a phone has no network. Whoever runs the hub puts them
//! into a folder; the hub takes them in as it takes in what phones push, and puts its answers into another.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bienban_core::clock;
use bienban_core::driver::Wakeup;
use bienban_core::replica::{BundleAnswered, Hub, ReplicaError};
use bienban_core::sync::FailureCode;
use bienban_core::trust::bundle::{BundleError, drawn as drawn_of};
use tokio::sync::watch;

/// Where files are brought to, below the hub's folder.
const IN: &str = "bundles/in";

/// Where the answers are.
const OUT: &str = "bundles/out";

/// Where a file is moved that could not be taken in; why is beside it. One that was is removed: all of it
/// is in the journal.
const REFUSED: &str = "bundles/refused";

/// How a file ends that is still being written, and is left alone.
const PART: &str = "part";

/// How often it is looked for files: a person waits for the answer.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What the hub made of a file.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// It was taken in; the answer is here.
    Answered(PathBuf),
    /// It was not, and why.
    Refused(String),
}

/// Takes in files until `stop` turns true.
pub(crate) async fn watch(
    hub: Arc<Hub>,
    dir: PathBuf,
    wakeup: Wakeup,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let (taken, from) = (hub.clone(), dir.clone());
        match tokio::task::spawn_blocking(move || take_all(&taken, &from)).await {
            Ok(Ok(0)) => {}
            Ok(Ok(_)) => {
                wakeup.pending();
                wakeup.grown();
            }
            Ok(Err(error)) => tracing::error!(error = %error, "cannot look for bundles"),
            Err(error) => tracing::error!(error = %error, "taking in a bundle stopped"),
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// Takes in all that is there; returns how many files.
fn take_all(hub: &Arc<Hub>, dir: &Path) -> io::Result<usize> {
    let entries = match fs::read_dir(dir.join(IN)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let mut taken = 0;
    for entry in entries {
        let path = entry?.path();
        let open = path.extension().is_some_and(|ending| ending == PART);
        let Some(name) = path.file_name().filter(|_| path.is_file() && !open) else { continue };
        taken += 1;
        let answer = dir.join(OUT).join(name);
        let is = |done: &BundleAnswered, code| {
            done.failure.as_ref().is_some_and(|failure| failure.code == code)
        };
        let mut made = take(hub, &path, &answer);
        // Its own decisions changed the maker's rights: what it may have now is another answer.
        if made.as_ref().is_ok_and(|done| is(done, FailureCode::Changed)) {
            made = take(hub, &path, &answer);
        }
        let why = match made {
            Ok(done) if is(&done, FailureCode::Full) => {
                // What it did take is safe, and is signed for when the file comes again.
                fs::remove_file(&answer)?;
                "the hub's disk is full; make room there, and bring it again".to_owned()
            }
            Ok(done) => {
                tracing::info!(
                    device = done.maker.short(),
                    packs = done.packs,
                    stored = done.stored,
                    answers = done.receivers.len(),
                    "a bundle was taken in"
                );
                fs::remove_file(&path)?;
                continue;
            }
            Err(error) => described(&error),
        };
        tracing::warn!(error = why, "a bundle was not taken in");
        let to = dir.join(REFUSED).join(name);
        moved(&path, &to)?;
        fs::write(why_of(&to), why)?;
    }
    Ok(taken)
}

/// Takes in one file and writes the answer, whole or not at all.
fn take(hub: &Arc<Hub>, path: &Path, answer: &Path) -> Result<BundleAnswered, ReplicaError> {
    let part = part_of(answer);
    let written = folder_of(answer)
        .and_then(|()| File::create(&part))
        .map_err(|source| failed("written", source))?;
    let mut out = BufWriter::new(written);
    let mut open = || {
        let file = File::open(path);
        file.map(BufReader::new)
            .map_err(|source| BundleError::Io { action: "read", source: Arc::new(source) })
    };
    let seed: [u8; 32] =
        clock::random().map_err(|error| failed("written", io::Error::other(error)))?;
    let mut count = 0_u64;
    let mut drawn = || {
        count += 1;
        drawn_of(&seed, count)
    };
    let taken = hub.take_bundle(&mut open, &mut out, &mut drawn, clock::now());
    let kept = taken.and_then(|taken| {
        let synced = out.flush().and_then(|()| out.get_ref().sync_all());
        let named = synced.and_then(|()| fs::rename(&part, answer));
        named.map(|()| taken).map_err(|source| failed("written", source))
    });
    if kept.is_err() {
        drop(fs::remove_file(&part));
    }
    kept
}

/// Puts a file where the hub of a folder looks for it, under a name that says nothing. Returns the name.
pub(crate) fn hand_in(dir: &Path, file: &Path) -> io::Result<String> {
    let name: [u8; 8] = clock::random().map_err(io::Error::other)?;
    let name = format!("{}.bundle", u64::from_le_bytes(name));
    let to = dir.join(IN).join(&name);
    folder_of(&to)?;
    let part = part_of(&to);
    let copied = copy(file, &part).and_then(|()| fs::rename(&part, &to));
    if copied.is_err() {
        drop(fs::remove_file(&part));
    }
    copied.map(|()| name)
}

/// Returns what the hub made of a file, once it has.
pub(crate) fn outcome(dir: &Path, name: &str) -> io::Result<Option<Outcome>> {
    let (answer, refused) = (dir.join(OUT).join(name), dir.join(REFUSED).join(name));
    if answer.exists() {
        return Ok(Some(Outcome::Answered(answer)));
    }
    match fs::read_to_string(why_of(&refused)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        why => Ok(Some(Outcome::Refused(why?))),
    }
}

/// Takes back a file that no hub has looked at.
pub(crate) fn take_back(dir: &Path, name: &str) {
    drop(fs::remove_file(dir.join(IN).join(name)));
}

/// Copies a file a block at a time and syncs it.
pub(crate) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let (mut from, mut to) = (File::open(from)?, File::create(to)?);
    io::copy(&mut from, &mut to)?;
    to.sync_all()
}

fn moved(from: &Path, to: &Path) -> io::Result<()> {
    folder_of(to)?;
    fs::rename(from, to)
}

fn folder_of(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

fn part_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(PART);
    path.with_file_name(name)
}

fn why_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".txt");
    path.with_file_name(name)
}

fn failed(action: &'static str, source: io::Error) -> ReplicaError {
    BundleError::Io { action, source: Arc::new(source) }.into()
}

/// An error and its causes in one line.
fn described(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
