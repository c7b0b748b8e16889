//! `bienban admin backup`, `check` and `restore`: on the machine of a hub, with no device and no network.

use std::path::{Path, PathBuf};

use bienban_core::client;
use clap::Args;
use indicatif::ProgressBar;
use serde::Serialize;

use crate::backups::{self, BackupsError, Checked, Made, Of, Problem, PutBack, Restored, Wanted};
use crate::cli::error::{CliError, Failed};
use crate::cli::output::{Answer, Output, Page};
use crate::cli::record::conflicts::quoted;
use crate::cli::{causes, time, words};
use crate::messages::Messages;

/// Which hub, and where to.
#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// The hub's folder, as `serve --dir` has it. The hub may run, and need not.
    #[arg(long, value_name = "DIR")]
    hub_dir: PathBuf,
    /// The backup's folder, on another disk: a new or empty one, or that of an earlier backup of this hub.
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
    /// Leave the hub's secret keys out: they must be kept elsewhere then, or the backup is worth nothing.
    #[arg(long)]
    without_keys: bool,
}

/// What to check.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// A backup, the folder of a hub that does not run, or the folder of its second disk.
    folder: PathBuf,
}

/// Which backup, and where to.
#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    /// The backup, or the folder of the hub's second disk.
    folder: PathBuf,
    /// Where the hub is to be: a new or empty folder.
    #[arg(long, value_name = "DIR")]
    hub_dir: PathBuf,
    /// The folder with the hub's key files, hub.key and perhaps hub-next.key, where the backup holds none.
    #[arg(long, value_name = "DIR")]
    keys: Option<PathBuf>,
    /// Put back what is whole of a damaged backup. What is gone is marked as lost; phones give back what they hold
    /// of it.
    #[arg(long)]
    damaged: bool,
}

#[derive(Debug, Serialize)]
struct BackupData {
    folder: String,
    hub: String,
    at: String,
    position: u64,
    files: u64,
    bytes: u64,
    copied: u64,
    copied_bytes: u64,
    removed: u64,
    keys: bool,
    set_aside: Option<String>,
    unreadable: Vec<String>,
}

#[derive(Debug, Serialize)]
struct CheckData {
    folder: String,
    of: &'static str,
    whole: bool,
    hub: Option<String>,
    keys: bool,
    at: Option<String>,
    position: u64,
    files: u64,
    bytes: u64,
    records: u64,
    rows: u64,
    leaves: u64,
    decisions: u64,
    lost: u64,
    torn: u64,
    problems: Vec<String>,
    second_disk_beside: bool,
}

#[derive(Debug, Serialize)]
struct RestoreData {
    dir: String,
    hub: String,
    at: Option<String>,
    position: u64,
    files: u64,
    bytes: u64,
    lost: u64,
    problems: Vec<String>,
    kept: Option<String>,
    second_disk_beside: bool,
}

/// Makes a backup.
pub(super) async fn backup(arguments: BackupArgs, output: &Output) -> Result<Answer, CliError> {
    let m = output.messages();
    let BackupArgs { hub_dir, to, without_keys } = arguments;
    expect_no_device(&hub_dir)?;
    let folder = to.display().to_string();
    let wanted = Wanted { hub: hub_dir, to, without_keys };
    let bar = output.bar(1, m.text("backup.running", &[]));
    let made = aside(bar, move |told| backups::make(&wanted, told)).await?;
    let Made { copied, copied_bytes, position, keys, .. } = made;
    let set_aside = made.set_aside.map(|path| path.display().to_string());
    let mut page = Page::new();
    let (position_text, size) = (position.to_string(), mebibytes(made.bytes, m));
    page.line(m.text("backup.made", &[("folder", &folder), ("position", &position_text)]));
    let (files, new, new_size) =
        (made.files.to_string(), copied.to_string(), mebibytes(copied_bytes, m));
    let values = [("files", files.as_str()), ("size", &size), ("new", &new), ("copied", &new_size)];
    page.line(m.text("backup.size", &values));
    if let Some(path) = &set_aside {
        page.line(m.text("backup.set_aside", &[("path", path)]));
    }
    let unreadable: Vec<String> =
        made.unreadable.iter().map(|path| path.display().to_string()).collect();
    for path in &unreadable {
        page.line(m.text("backup.unreadable", &[("path", path)]));
    }
    page.line(match keys {
        true => m.text("backup.guard", &[]),
        false => m.text("backup.no_keys", &[]),
    });
    let data = BackupData {
        folder,
        hub: made.hub.to_string(),
        at: time::rfc3339(made.at),
        position,
        files: made.files,
        bytes: made.bytes,
        copied,
        copied_bytes,
        removed: made.removed,
        keys,
        set_aside,
        unreadable,
    };
    Answer::new(&data, page)
}

/// Checks a backup or a hub's folder.
pub(super) async fn check(arguments: CheckArgs, output: &Output) -> Result<Answer, CliError> {
    let m = output.messages();
    let folder = arguments.folder.display().to_string();
    expect_no_device(&arguments.folder)?;
    let bar = output.bar(1, m.text("backup.checking", &[]));
    let checked = aside(bar, move |told| backups::check(&arguments.folder, told)).await?;
    let is_filling = checked.problems == [Problem::Unfilled];
    let data = data_of(folder, checked, m);
    let mut page = Page::new();
    page.line(match data.of {
        "backup" => m.text(
            "backup.is_backup",
            &[("at", &time::minute(data.at.as_deref().unwrap_or_default()))],
        ),
        "hub" => m.text("backup.is_hub", &[]),
        _ => m.text("backup.is_second_disk", &[]),
    });
    let counts = [data.files, data.records, data.leaves, data.decisions, data.position];
    let [files, records, leaves, decisions, position] = counts.map(|count| count.to_string());
    let values = [
        ("files", files.as_str()),
        ("records", &records),
        ("leaves", &leaves),
        ("decisions", &decisions),
    ];
    page.line(m.text("backup.read", &values));
    if data.torn > 0 {
        page.line(m.text("backup.torn", &[("bytes", &data.torn.to_string())]));
    }
    for problem in &data.problems {
        page.line(format!("  {problem}"));
    }
    if data.lost > 0 {
        page.line(m.text("backup.lost", &[("count", &data.lost.to_string())]));
    }
    if data.second_disk_beside {
        page.line(m.text("backup.second_disk_beside", &[]));
    }
    page.line(match (data.whole, data.keys) {
        (false, _) if is_filling => m.text("backup.not_filled", &[("position", &position)]),
        (false, _) if data.of == "hub" => {
            m.text("backup.hub_not_whole", &[("position", &position)])
        }
        (false, _) => m.text("backup.not_whole", &[("position", &position)]),
        (true, true) => m.text("backup.whole", &[("position", &position)]),
        (true, false) => m.text("backup.whole_no_keys", &[("position", &position)]),
    });
    let code = if data.whole { 0 } else { Failed::Otherwise.code() };
    Ok(Answer::new(&data, page)?.with_code(code))
}

fn data_of(folder: String, checked: Checked, m: &Messages) -> CheckData {
    // What the hub itself had lost before is told, and is no damage of this copy of it.
    let whole = checked.problems.is_empty();
    CheckData {
        folder,
        of: match checked.of {
            Of::Backup => "backup",
            Of::Hub => "hub",
            Of::SecondDisk => "second_disk",
        },
        whole,
        hub: checked.hub.map(|hub| hub.to_string()),
        keys: checked.keys,
        at: checked.at.map(time::rfc3339),
        position: checked.position,
        files: checked.files,
        bytes: checked.bytes,
        records: checked.records,
        rows: checked.rows,
        leaves: checked.leaves,
        decisions: checked.decisions,
        lost: checked.lost,
        torn: checked.torn,
        problems: said_of(&checked.problems, m),
        second_disk_beside: checked.second_disk_beside,
    }
}

fn said_of(problems: &[Problem], m: &Messages) -> Vec<String> {
    problems.iter().map(|problem| causes::of_problem(problem, m)).collect()
}

/// Fails where a folder is a device's: nothing here is about those.
fn expect_no_device(dir: &Path) -> Result<(), BackupsError> {
    match client::holds_device(dir) {
        true => Err(BackupsError::Device { path: dir.to_owned() }),
        false => Ok(()),
    }
}

/// Puts a backup back.
pub(super) async fn restore(arguments: RestoreArgs, output: &Output) -> Result<Answer, CliError> {
    let m = output.messages();
    let RestoreArgs { folder, hub_dir, keys, damaged } = arguments;
    if client::holds_device(&hub_dir) {
        return Err(BackupsError::Taken { path: hub_dir }.into());
    }
    expect_no_device(&folder)?;
    let dir = hub_dir.display().to_string();
    let bar = output.bar(1, m.text("backup.restoring", &[]));
    let wanted = PutBack { from: folder, dir: hub_dir, keys, damaged };
    let restored = aside(bar, move |told| backups::restore(&wanted, told)).await?;
    let Restored { position, files, bytes, lost, .. } = restored;
    let kept = restored.kept.map(|path| path.display().to_string());
    let problems = said_of(&restored.problems, m);
    let mut page = Page::new();
    let values = [("dir", dir.as_str()), ("position", &position.to_string())];
    page.line(m.text("backup.restored", &values));
    if !problems.is_empty() {
        page.line(m.text("backup.mended", &[("count", &lost.to_string())]));
        problems.iter().for_each(|problem| page.line(format!("  {problem}")));
        page.line(m.text("backup.mended_next", &[]));
    }
    if let Some(path) = &kept {
        page.line(m.text("backup.mended_kept", &[("path", path)]));
    }
    if restored.second_disk_beside {
        page.line(m.text("backup.second_disk_beside", &[]));
    }
    page.line(m.text("backup.next", &[]));
    page.line(format!("  bienban serve --dir {}", quoted(&dir)));
    page.line(m.text("backup.say_again", &[]));
    let data = RestoreData {
        dir: dir.clone(),
        hub: restored.hub.to_string(),
        at: restored.at.map(time::rfc3339),
        position,
        files,
        bytes,
        lost,
        problems,
        kept,
        second_disk_beside: restored.second_disk_beside,
    };
    Answer::new(&data, page)
}

/// Does long work on files on a thread of its own, and shows how far it is.
async fn aside<T: Send + 'static>(
    bar: ProgressBar,
    work: impl FnOnce(backups::Told<'_>) -> Result<T, BackupsError> + Send + 'static,
) -> Result<T, CliError> {
    let shown = bar.clone();
    let worked = tokio::task::spawn_blocking(move || {
        work(&mut |done, of| {
            shown.set_length(of);
            shown.set_position(done);
        })
    });
    let outcome = worked.await;
    bar.finish_and_clear();
    match outcome {
        Ok(outcome) => Ok(outcome?),
        Err(error) => Err(CliError::Service { what: "backup".to_owned(), source: Box::new(error) }),
    }
}

/// Writes bytes as mebibytes, as the language writes numbers.
fn mebibytes(bytes: u64, m: &Messages) -> String {
    let tenths = ((bytes & 0xf_ffff) * 10) >> 20;
    format!("{} MiB", words::number(m, &format!("{}.{tenths}", bytes >> 20)))
}
