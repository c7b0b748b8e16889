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
use bienban_core::sync::{Failure, FailureCode};
use bienban_core::trust::bundle::{BundleError, drawn as drawn_of};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::messages::{Lang, Messages};
use crate::reasons::{of_failure, of_refused};

/// Where files are brought to, below the hub's folder.
const IN: &str = "bundles/in";

/// Where the hub moves a file before it reads it: nobody takes it away from there. What lies here when the
/// hub starts it was interrupted at.
const WORK: &str = "bundles/work";

/// Where the answers are, and beside each what became of the file.
const OUT: &str = "bundles/out";

/// Where a file is moved of which not all was taken in; why is beside it. One that was taken in whole is
/// removed: all of it is in the journal.
const REFUSED: &str = "bundles/refused";

/// How a file ends that is still being written, and is left alone.
const PART: &str = "part";

/// How a file ends that says why another was refused.
const WHY: &str = "txt";

/// The languages in which it says so, in their order there.
const LANGUAGES: [Lang; 2] = [Lang::Vi, Lang::En];

/// What stands between them.
const BETWEEN: &str = "\n\n";

/// How a file ends that says under which name another is kept whose bytes were refused before.
const KEPT: &str = "kept";

/// What is put behind the name of a file that ends as one of the hub's own.
const BUNDLE: &str = "bundle";

/// Files that are kept of those not taken in. Each may be the only copy, so none is removed by itself; where so many
/// lie there nobody has looked for long, and what is brought then stays where it was brought to. One that the hub works
/// on may come to lie there.
const REFUSED_MAX: usize = 256;

/// How a file ends that says what became of a bundle.
const REPORT: &str = "json";

/// How a file ends that says that the hub was interrupted at another once before.
const AGAIN: &str = "again";

/// How often it is looked for files: a person waits for the answer.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often in a row one file is taken in at most. Once more brings something where the hub first asks for
/// what is missing, and keeps aside what follows a hole when nobody had it; a few dozen lines a time.
const TIMES_MAX: usize = 16;

/// What the hub took in of a file that it answered. It lies beside the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Report {
    /// The answer's name.
    pub(crate) answer: String,
    /// Packs in the file.
    pub(crate) packs: usize,
    /// Of them, those that the hub has signed for.
    pub(crate) stored: usize,
    /// Those that it does not take, or keeps aside, as far as they are named to the maker.
    pub(crate) declined: usize,
    /// Those that it has neither in the record nor kept aside.
    pub(crate) left: usize,
    /// Decisions and minutes that it refused and does not have.
    #[serde(default)]
    pub(crate) unentered: usize,
    /// Why there are such, or why something else of the file is to come again.
    pub(crate) failure: Option<FailureCode>,
    /// Where the file is, if it is needed still.
    pub(crate) kept: Option<PathBuf>,
}

/// What the hub made of a file.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// It was answered, here.
    Answered(PathBuf, Report),
    /// It was not: why, and where the hub put it.
    Refused(String, PathBuf),
}

/// Takes in files until `stop` turns true. Whatever happens to one, the next is taken in.
pub(crate) async fn watch(
    hub: Arc<Hub>,
    dir: PathBuf,
    wakeup: Wakeup,
    stop: watch::Receiver<bool>,
) {
    let from = dir.clone();
    let take = move |file: &Path| take_in(&hub, &from, file);
    let grown = move || {
        wakeup.pending();
        wakeup.grown();
    };
    each(dir, Arc::new(take), grown, stop).await;
}

/// What takes in one file.
type Take = dyn Fn(&Path) -> io::Result<()> + Send + Sync;

/// Hands each file to `take`, and says so with `grown` afterwards. What ends the taking of one, a panic too,
/// ends nothing else.
async fn each(dir: PathBuf, take: Arc<Take>, grown: impl Fn(), mut stop: watch::Receiver<bool>) {
    let (from, mut told) = (dir.clone(), None);
    let looked = tokio::task::spawn_blocking(move || interrupted(&from)).await;
    let mut files = found(looked, &mut told);
    loop {
        let from = dir.clone();
        let looked = tokio::task::spawn_blocking(move || claim(&from)).await;
        files.extend(found(looked, &mut told));
        let any = !files.is_empty();
        for file in files.drain(..) {
            let (take, path) = (take.clone(), file.clone());
            let taken = tokio::task::spawn_blocking(move || take(&path)).await;
            let taken = taken.unwrap_or_else(|error| {
                tracing::error!(error = %error, "taking in a bundle stopped");
                refuse(&dir, &file, &|m| m.text("bundle.hub_failed", &[]))
            });
            if let Err(error) = taken {
                tracing::error!(error = %error, "a bundle stays where the hub works on it");
            }
            grown();
            if *stop.borrow() {
                return;
            }
        }
        if any {
            // There may be more than was taken up at once.
            continue;
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// Returns what was found. Why nothing can be is said once, not at every look.
fn found(
    files: Result<io::Result<Vec<PathBuf>>, tokio::task::JoinError>,
    told: &mut Option<String>,
) -> Vec<PathBuf> {
    match files.map_err(io::Error::other).and_then(|files| files) {
        Ok(files) => {
            *told = None;
            files
        }
        Err(error) => {
            let error = error.to_string();
            if told.as_ref() != Some(&error) {
                tracing::error!(error, "bundles are not taken up");
                *told = Some(error);
            }
            Vec::new()
        }
    }
}

fn ends(path: &Path, with: &str) -> bool {
    path.extension().is_some_and(|ending| ending == with)
}

/// Returns the whole files of a folder.
fn whole_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_file() && !ends(&path, PART) {
            files.push(path);
        }
    }
    Ok(files)
}

/// Returns the bundles of a folder in which the hub works.
fn files_of(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = whole_in(folder)?;
    files.retain(|path| !ends(path, AGAIN));
    Ok(files)
}

/// Moves what was brought to where the hub works, as far as there is room for all of it among what is refused. A
/// file that cannot be moved is left, and the others go on.
fn claim(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let (brought, mut claimed) = (whole_in(&dir.join(IN))?, Vec::new());
    if brought.is_empty() {
        return Ok(claimed);
    }
    let held = held_in(dir)?;
    if held >= REFUSED_MAX {
        let why = format!(
            "{REFUSED} holds {REFUSED_MAX} files, with what lies in {WORK}; remove those that nobody needs"
        );
        return Err(io::Error::other(why));
    }
    for path in brought {
        if held + claimed.len() >= REFUSED_MAX {
            break;
        }
        let Some(to) = place_of(dir, &path) else { continue };
        match moved(&path, &to) {
            Ok(()) => claimed.push(to),
            // Whoever brought it took it back.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::error!(error = %error, "a bundle cannot be taken up"),
        }
    }
    Ok(claimed)
}

/// Returns where the hub works on a file that was brought. What ends as the hub ends names beside a file would be
/// taken for one of its own, so it gets another ending.
fn place_of(dir: &Path, brought: &Path) -> Option<PathBuf> {
    let to = dir.join(WORK).join(brought.file_name()?);
    let own = [WHY, AGAIN, KEPT, REPORT].iter().any(|ending| ends(&to, ending));
    Some(free(&if own { beside(&to, BUNDLE) } else { to }, AGAIN))
}

/// Returns the files at which an earlier run of the hub was interrupted. One at which that happened twice
/// may be why, and is put aside.
fn interrupted(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut again = Vec::new();
    for path in files_of(&dir.join(WORK))? {
        match resumed(dir, &path) {
            Ok(true) => again.push(path),
            Ok(false) => {}
            Err(error) => {
                tracing::error!(error = %error, "a bundle stays where the hub works on it")
            }
        }
    }
    Ok(again)
}

/// Returns whether a file at which the hub was interrupted is to be taken in once more, and notes that it is.
/// Otherwise it is put aside.
fn resumed(dir: &Path, path: &Path) -> io::Result<bool> {
    withdraw(&dir.join(OUT).join(path.file_name().unwrap_or_default()))?;
    let mark = beside(path, AGAIN);
    if mark.exists() {
        refuse(dir, path, &|m| m.text("bundle.hub_stopped_twice", &[]))?;
        return Ok(false);
    }
    fs::write(&mark, b"")?;
    Ok(true)
}

/// Removes the answer that an interrupted run gave a file last and had not reported yet: nobody takes it for
/// whole, and the next would be under another name than the one that is waited for.
fn withdraw(answer: &Path) -> io::Result<()> {
    let there = |path: &Path| path.symlink_metadata().is_ok();
    let (mut last, mut next, mut number) = (None, answer.to_owned(), 1_u64);
    while there(&next) || there(&beside(&next, REPORT)) {
        last = Some(std::mem::replace(&mut next, beside(answer, &number.to_string())));
        number += 1;
    }
    match last {
        Some(last) if !there(&beside(&last, REPORT)) => fs::remove_file(last),
        _ => Ok(()),
    }
}

/// Takes in one file; then it is gone, or refused.
fn take_in(hub: &Arc<Hub>, dir: &Path, path: &Path) -> io::Result<()> {
    let Some(name) = path.file_name() else { return Ok(()) };
    let answer = free(&dir.join(OUT).join(name), REPORT);
    let done = match take_whole(hub, path, &answer) {
        Ok(done) => done,
        Err(error) => return refuse(dir, path, &|m| not_taken(&error, m)),
    };
    let left = done.packs.saturating_sub(done.settled);
    tracing::info!(
        device = done.maker.short(),
        packs = done.packs,
        stored = done.stored,
        left,
        answers = done.receivers.len(),
        "a bundle was answered"
    );
    if let Some(error) = &done.unmerged {
        tracing::error!(error, "not all that a bundle brought could be merged");
    }
    if done.cut {
        tracing::warn!(device = done.maker.short(), "the answer to a bundle has not all there is");
    }
    let aside = (!done.is_whole()).then(|| aside(dir, path));
    let kept = aside.as_ref().map(|aside| {
        // One that cannot be put aside stays.
        aside.as_ref().map_or_else(|_| path.to_owned(), |aside| aside.path.clone())
    });
    let name = answer.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut report = Report {
        answer: name,
        packs: done.packs,
        stored: done.stored,
        declined: done.declined,
        left,
        unentered: done.unentered,
        failure: done.failure.as_ref().map(|failure| failure.code),
        kept,
    };
    // Both are there for good before the file goes: whoever waits for the answer is told of it in any case.
    tell(&answer, &report)?;
    let Some(aside) = aside.transpose()? else {
        fs::remove_file(path)?;
        return unmarked(path);
    };
    refuse_to(dir, path, &aside, &|m| left_out(&done, left, m)).inspect_err(|_| {
        if path.exists() {
            report.kept = Some(path.to_owned());
            if let Err(error) = tell(&answer, &report) {
                tracing::error!(error = %error, "what became of a bundle cannot be written");
            }
        }
    })
}

/// Says beside an answer what became of the file.
fn tell(answer: &Path, report: &Report) -> io::Result<()> {
    whole(&beside(answer, REPORT), &serde_json::to_vec(report)?)?;
    answer.parent().map_or(Ok(()), synced)
}

/// Takes in one file as often as that brings something, and writes the last answer, which says it all.
fn take_whole(hub: &Arc<Hub>, path: &Path, answer: &Path) -> Result<BundleAnswered, ReplicaError> {
    let mut done = take(hub, path, answer)?;
    for time in 1..TIMES_MAX {
        let code = done.failure.as_ref().map(|failure| failure.code);
        // Its own decisions may have changed the maker's rights: what it may have now is another answer.
        let changed = matches!(code, Some(FailureCode::Changed | FailureCode::NotAllowed));
        if code == Some(FailureCode::Full) || (done.is_whole() && !(changed && time == 1)) {
            break;
        }
        let before = done.settled;
        done = take(hub, path, answer)?;
        if done.settled <= before {
            break;
        }
    }
    Ok(done)
}

/// Says what is left of a file, and what to do.
fn left_out(done: &BundleAnswered, left: usize, m: &Messages) -> String {
    let why = match &done.failure {
        Some(failure) if failure.code == FailureCode::Full => m.text("bundle.left_full", &[]),
        // A newer program wrote them, or they are no packs.
        None | Some(Failure { code: FailureCode::Version, .. }) => {
            m.text("bundle.left_unread", &[])
        }
        Some(failure) => m.text("bundle.left_failed", &[("why", &of_failure(failure, m))]),
    };
    let (count, packs) = (left.to_string(), done.packs.to_string());
    let of_packs = m.text("bundle.left_why", &[("left", &count), ("packs", &packs), ("why", &why)]);
    if done.unentered == 0 {
        return of_packs;
    }
    let asked = m.text("bundle.left_unentered", &[("count", &done.unentered.to_string())]);
    // What was refused of these is the failure too.
    if left == 0 { asked } else { format!("{of_packs}\n{asked}") }
}

/// Says why a file was not taken in, and what a hub says otherwise than a phone.
fn not_taken(error: &ReplicaError, m: &Messages) -> String {
    match error {
        ReplicaError::Bundle { source: BundleError::NotForThis } => {
            m.text("bundle.not_for_hub", &[])
        }
        _ => of_refused(error, m),
    }
}

/// Says why a file is refused, in one language.
type Why<'a> = &'a dyn Fn(&Messages) -> String;

/// Returns whether as many files were refused, or are worked on and may be, as are kept, so that none is taken up.
pub(crate) fn refuses_no_more(dir: &Path) -> io::Result<bool> {
    Ok(held_in(dir)? >= REFUSED_MAX)
}

/// Returns how many files were refused or are worked on.
fn held_in(dir: &Path) -> io::Result<usize> {
    Ok(kept_of(dir)?.len() + files_of(&dir.join(WORK))?.len())
}

/// Returns the files that were refused.
fn kept_of(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = files_of(&dir.join(REFUSED))?;
    // A bundle that an earlier program put there as one that ends so has its own reason beside it.
    files.retain(|path| !ends(path, WHY) || beside(path, WHY).exists());
    Ok(files)
}

/// Returns the file with the same bytes as another that was refused before, if one lies there.
fn refused_before(dir: &Path, path: &Path) -> io::Result<Option<PathBuf>> {
    let (length, mut own) = (fs::metadata(path)?.len(), None);
    for kept in kept_of(dir)? {
        if fs::metadata(&kept)?.len() != length {
            continue;
        }
        let own = match own {
            Some(own) => own,
            None => *own.insert(hash_of(path)?),
        };
        if hash_of(&kept)? == own {
            return Ok(Some(kept));
        }
    }
    Ok(None)
}

fn hash_of(path: &Path) -> io::Result<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok(hasher.finalize())
}

/// Where a file lies that is refused.
struct Aside {
    path: PathBuf,
    /// The same bytes lie there already.
    held: bool,
}

/// Returns where a file is put that is refused: of bytes that lie there already no second copy is kept.
fn aside(dir: &Path, path: &Path) -> io::Result<Aside> {
    if let Some(path) = refused_before(dir, path)? {
        return Ok(Aside { path, held: true });
    }
    let path = free(&dir.join(REFUSED).join(path.file_name().unwrap_or_default()), WHY);
    Ok(Aside { path, held: false })
}

/// Moves a file to those that are not taken in, with the reason in each language: who reads it asked the hub
/// for none.
fn refuse(dir: &Path, path: &Path, why: Why<'_>) -> io::Result<()> {
    refuse_to(dir, path, &aside(dir, path)?, why)
}

/// As [`refuse`], where it is known where to. Of the same bytes the reason is that of the last try.
fn refuse_to(dir: &Path, path: &Path, to: &Aside, why: Why<'_>) -> io::Result<()> {
    let [vi, en] = LANGUAGES.map(|lang| why(&Messages::new(lang)));
    tracing::warn!(error = en, "a bundle was not taken in whole");
    let reason = format!("{vi}{BETWEEN}{en}\n");
    let (Aside { path: kept, held }, name) = (to, path.file_name().unwrap_or_default());
    if !held {
        moved(path, kept)?;
        unmarked(path)?;
        whole(&beside(kept, WHY), reason.as_bytes())?;
        // What was said of an earlier file of this name says nothing of this one.
        told(dir, &name.to_string_lossy());
        return Ok(());
    }
    whole(&beside(kept, WHY), reason.as_bytes())?;
    if let Some(other) = kept.file_name().filter(|other| *other != name) {
        // Who waits for what becomes of this name finds it under that one.
        let says = beside(&dir.join(OUT).join(name), KEPT);
        folder_of(&says)?;
        whole(&says, other.to_string_lossy().as_bytes())?;
    }
    // The other may have been brought by whoever did not see to that.
    File::open(kept)?.sync_all()?;
    fs::remove_file(path)?;
    unmarked(path)
}

/// Takes in one file and writes the answer, whole or not at all.
fn take(hub: &Arc<Hub>, path: &Path, answer: &Path) -> Result<BundleAnswered, ReplicaError> {
    let part = beside(answer, PART);
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
pub(crate) fn hand_in(dir: &Path, mut file: File) -> io::Result<String> {
    let name: [u8; 8] = clock::random().map_err(io::Error::other)?;
    let name = format!("{}.bundle", u64::from_le_bytes(name));
    let to = dir.join(IN).join(&name);
    folder_of(&to)?;
    let part = beside(&to, PART);
    let copied = File::create(&part).and_then(|mut to| {
        io::copy(&mut file, &mut to)?;
        to.sync_all()
    });
    let copied = copied.and_then(|()| fs::rename(&part, &to));
    if copied.is_err() {
        drop(fs::remove_file(&part));
    }
    copied.map(|()| name)
}

/// Returns what the hub made of a file, once it has; a refusal in one language.
pub(crate) fn outcome(dir: &Path, name: &str, lang: Lang) -> io::Result<Option<Outcome>> {
    let answer = dir.join(OUT).join(name);
    let refused = match fs::read_to_string(beside(&answer, KEPT)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => dir.join(REFUSED).join(name),
        other => dir.join(REFUSED).join(other?),
    };
    match fs::read(beside(&answer, REPORT)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        report => {
            let report = serde_json::from_slice(&report?)?;
            return Ok(Some(Outcome::Answered(answer, report)));
        }
    }
    if answer.exists() {
        // The report follows.
        return Ok(None);
    }
    match fs::read_to_string(beside(&refused, WHY)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        why => {
            let why = why?;
            let both = why.trim_end().split_once(BETWEEN);
            let said = match both {
                Some((vi, _)) if lang == Lang::Vi => vi,
                Some((_, en)) => en,
                None => why.trim_end(),
            };
            Ok(Some(Outcome::Refused(said.to_owned(), refused)))
        }
    }
}

/// Removes an answer that was fetched.
pub(crate) fn fetched(answer: &Path) {
    drop(fs::remove_file(answer));
    drop(fs::remove_file(beside(answer, REPORT)));
    drop(fs::remove_file(beside(answer, KEPT)));
}

/// Removes what says under which name a refused file is kept, once that was told.
pub(crate) fn told(dir: &Path, name: &str) {
    drop(fs::remove_file(beside(&dir.join(OUT).join(name), KEPT)));
}

/// Takes back a file that no hub has taken up. Returns whether it was there still.
pub(crate) fn take_back(dir: &Path, name: &str) -> bool {
    fs::remove_file(dir.join(IN).join(name)).is_ok()
}

/// Copies a file a block at a time.
pub(crate) fn copy(from: &Path, to: &mut File) -> io::Result<()> {
    io::copy(&mut File::open(from)?, to).map(drop)
}

fn moved(from: &Path, to: &Path) -> io::Result<()> {
    folder_of(to)?;
    fs::rename(from, to)
}

/// Writes a small file, whole or not at all, and durable but for its name.
fn whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let part = beside(path, PART);
    let written = File::create(&part).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let written = written.and_then(|()| fs::rename(&part, path));
    if written.is_err() {
        drop(fs::remove_file(&part));
    }
    written
}

fn unmarked(path: &Path) -> io::Result<()> {
    match fs::remove_file(beside(path, AGAIN)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Makes durable which files a folder has.
fn synced(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn folder_of(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

/// Returns the file beside another that ends so.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(ending);
    path.with_file_name(name)
}

/// Returns a name that is not taken, nor is the one beside it that ends so: this one, or with a number
/// behind it. Only the hub, which is one, makes files under such names.
fn free(path: &Path, ending: &str) -> PathBuf {
    let is_free = |path: &Path| {
        let there = |path: &Path| path.symlink_metadata().is_ok();
        !there(path) && !there(&beside(path, ending))
    };
    let mut name = path.to_owned();
    let mut number = 1_u64;
    while !is_free(&name) {
        name = beside(path, &number.to_string());
        number += 1;
    }
    name
}

fn failed(action: &'static str, source: io::Error) -> ReplicaError {
    BundleError::Io { action, source: Arc::new(source) }.into()
}

#[cfg(test)]
mod tests;
