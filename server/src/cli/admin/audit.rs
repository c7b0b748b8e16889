//! `bienban admin audit`: reads the hub's log and checks it, over the wire or in a hub's folder.

mod entries;
mod folder;

use std::path::PathBuf;

use bienban_core::client::{Client, ClientError};
use bienban_core::driver::SyncOptions;
use bienban_core::model::{DeviceId, Timestamp};
use bienban_core::sync::{AdminAnswer, AdminRequest, LogAnswer, LogPage, LogRequest};
use bienban_core::trust::log::{LogLeaf, TreeHead};
use bienban_core::trust::merkle::{Frontier, TreeHash};
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::cli::doubts::HeadData;
use crate::cli::error::{CliError, Failed};
use crate::cli::output::{Answer, Output, Page};
use crate::cli::wrong::Wrong;
use crate::cli::{folder as device_folder, time};
use crate::messages::Messages;

use entries::{EntryData, TypedKind};

/// Pages asked for in one session: as many requests as may wait for an answer.
const PAGES_AT_ONCE: u64 = 16;

/// What to do with the hub's log.
#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Read the whole log, work its hash out anew, and compare it with what the hub signs and with the
    /// heads that this device keeps.
    Verify(VerifyArgs),
    /// List what the hub accepted, refused, showed to whom, and was told by administrators.
    List(ListArgs),
    /// Let a device go on with the hub although its log is in doubt there: prints what to type on it.
    Release {
        /// The device, by all 64 digits.
        device: DeviceId,
        /// The doubt, by the 64 digits that `bienban field log show` prints on the device.
        doubt: String,
    },
}

/// What to check.
#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// In place of a running hub: the folder of a stopped one, or of its backup. Nothing in it is changed.
    #[arg(long, value_name = "DIR")]
    hub_dir: Option<PathBuf>,
}

/// What to list.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Only these: accepted, refused, read, administered or store.
    #[arg(long, value_enum)]
    kind: Option<TypedKind>,
    /// Only from this day on, as DD/MM/YYYY or YYYY-MM-DD.
    #[arg(long, value_name = "DAY")]
    since: Option<String>,
}

impl AuditCommand {
    /// Whether it asks the hub.
    pub(super) fn asks_hub(&self) -> bool {
        match self {
            Self::Verify(verify) => verify.hub_dir.is_none(),
            Self::List(_) => true,
            Self::Release { .. } => false,
        }
    }
}

/// Runs one of them.
pub(super) async fn run(
    client: &Client,
    command: &AuditCommand,
    output: &Output,
) -> Result<Answer, CliError> {
    match command {
        AuditCommand::Verify(VerifyArgs { hub_dir: Some(dir) }) => {
            folder::verify(client, dir, output)
        }
        AuditCommand::Verify(_) => verify(client, output).await,
        AuditCommand::List(arguments) => list(client, arguments, output).await,
        AuditCommand::Release { device, doubt } => release(client, *device, doubt, output),
    }
}

/// What a check of the log found.
#[derive(Debug, Default, Serialize)]
struct VerifyData {
    /// The head that was checked; none for a folder, which signs nothing.
    head: Option<HeadData>,
    leaves: u64,
    root: String,
    /// Leaves that a later program wrote.
    unread: u64,
    /// Heads kept by this device that the log continues.
    continued: u64,
    /// Heads kept by this device that are not of this log.
    not_continued: Vec<HeadData>,
    /// What else is wrong.
    problems: Vec<String>,
}

impl VerifyData {
    fn is_bad(&self) -> bool {
        !self.not_continued.is_empty() || !self.problems.is_empty()
    }

    /// Compares the log with the heads that this device keeps. `root_at` knows the hash at a size.
    fn compare(
        &mut self,
        kept: &[TreeHead],
        root_at: impl Fn(u64) -> Result<Option<TreeHash>, CliError>,
    ) -> Result<(), CliError> {
        for head in kept {
            if root_at(head.size)? == Some(head.root) {
                self.continued += 1;
            } else {
                self.not_continued.push(head.into());
            }
        }
        Ok(())
    }

    fn answer(self, m: &Messages) -> Result<Answer, CliError> {
        let mut page = Page::new();
        let (leaves, continued) = (self.leaves.to_string(), self.continued.to_string());
        page.line(m.text("audit.checked", &[("leaves", &leaves), ("root", &self.root)]));
        page.line(m.text("audit.continued", &[("count", &continued)]));
        for head in &self.not_continued {
            let size = head.size.to_string();
            page.line(m.text("audit.not_continued", &[("size", &size), ("root", &head.root)]));
        }
        for problem in &self.problems {
            page.line(format!("  {problem}"));
        }
        if self.unread > 0 {
            page.line(m.text("audit.unread", &[("count", &self.unread.to_string())]));
        }
        page.line(if self.is_bad() { m.text("audit.bad", &[]) } else { m.text("audit.good", &[]) });
        let code = if self.is_bad() { Failed::LogForked.code() } else { 0 };
        Ok(Answer::new(&self, page)?.with_code(code))
    }
}

/// Returns all heads of a hub's log that this device keeps.
fn kept_heads(client: &Client) -> Result<Vec<TreeHead>, CliError> {
    let rows = client.phone().replica().heads().map_err(ClientError::from)?;
    Ok(rows.iter().flat_map(|row| [row.first, row.last]).collect())
}

/// A log that was fetched whole.
struct Fetched {
    head: TreeHead,
    leaves: Vec<Vec<u8>>,
}

async fn fetch(client: &Client, output: &Output) -> Result<Fetched, CliError> {
    let mut begin = pages(client, 0, 1, output).await?.into_iter();
    let first = begin.next().ok_or(CliError::NoAnswer)?;
    let LogPage { mut leaves, head, .. } = first;
    let at_once = bienban_core::sync::LOG_PAGE_LEAVES_MAX as u64;
    while (leaves.len() as u64) < head.size {
        let from = leaves.len() as u64;
        let left = (head.size - from).div_ceil(at_once);
        for page in pages(client, from, left.min(PAGES_AT_ONCE), output).await? {
            if page.from == leaves.len() as u64 {
                leaves.extend(page.leaves);
            }
        }
        if leaves.len() as u64 == from {
            // The hub has fewer than it signs for: what is here is judged.
            break;
        }
    }
    leaves.truncate(usize::try_from(head.size).unwrap_or(usize::MAX));
    Ok(Fetched { head, leaves })
}

/// Asks for some pages, one after the other, in one session.
async fn pages(
    client: &Client,
    from: u64,
    count: u64,
    output: &Output,
) -> Result<Vec<LogPage>, CliError> {
    let at_once = bienban_core::sync::LOG_PAGE_LEAVES_MAX as u64;
    let page = |number| AdminRequest::Log(LogRequest::Page { from: from + number * at_once });
    let asks = (0..count).map(page).collect();
    let spinner = output.spinner(output.messages().text("sync.running", &[]));
    let report = client.sync(SyncOptions { asks, ..SyncOptions::default() }).await;
    spinner.finish_and_clear();
    let mut pages = Vec::new();
    for answer in report.map_err(|error| device_folder::told(client, error))?.answers {
        match answer {
            AdminAnswer::Log(LogAnswer::Page(page)) => pages.push(page),
            AdminAnswer::Refused(failure) => return Err(CliError::Refused { failure }),
            _ => return Err(CliError::NoAnswer),
        }
    }
    Ok(pages)
}

async fn verify(client: &Client, output: &Output) -> Result<Answer, CliError> {
    let m = output.messages();
    // Before anything is asked, so that none is compared with itself.
    let kept = kept_heads(client)?;
    let Fetched { head, leaves } = fetch(client, output).await?;
    let mut data = VerifyData { head: Some((&head).into()), ..VerifyData::default() };
    let (mut tree, mut roots) = (Frontier::default(), Vec::with_capacity(kept.len()));
    let note = |tree: &Frontier, roots: &mut Vec<(u64, TreeHash)>| {
        if kept.iter().any(|head| head.size == tree.size()) {
            roots.push((tree.size(), tree.root()));
        }
    };
    note(&tree, &mut roots);
    for leaf in &leaves {
        data.unread += u64::from(LogLeaf::decode(leaf).is_none());
        tree.append(TreeHash::of_leaf(leaf));
        note(&tree, &mut roots);
    }
    (data.leaves, data.root) = (tree.size(), tree.root().to_string());
    if (tree.size(), tree.root()) != (head.size, head.root) {
        data.problems.push(m.text("audit.other_root", &[]));
    }
    if head.verify(client.hub()?.key()).is_err() {
        data.problems.push(m.text("audit.unsigned", &[]));
    }
    data.compare(&kept, |size| {
        Ok(roots.iter().find(|(at, _)| *at == size).map(|(_, root)| *root))
    })?;
    data.answer(m)
}

#[derive(Debug, Serialize)]
struct ListData {
    rows: Vec<EntryData>,
}

async fn list(client: &Client, arguments: &ListArgs, output: &Output) -> Result<Answer, CliError> {
    let m = output.messages();
    let since = arguments.since.as_deref().map(time::typed_day).transpose()?;
    let since = since.map(|day| day.to_string());
    let Fetched { leaves, .. } = fetch(client, output).await?;
    let (mut rows, mut page) = (Vec::new(), Page::new());
    let mut at = Timestamp::default();
    for (number, leaf) in (0..).zip(&leaves) {
        let Some(leaf) = LogLeaf::decode(leaf) else { continue };
        // Where a record does not say when it was made, it was not before the one before it.
        if leaf.at != Timestamp::default() {
            at = leaf.at;
        }
        let row = EntryData::of(number, &leaf.entry, at);
        let kind = arguments.kind.is_none_or(|kind| row.is(kind));
        let late = since.as_ref().is_none_or(|since| time::day(at) >= *since);
        if kind && late {
            page.line(row.text(m));
            rows.push(row);
        }
    }
    if rows.is_empty() {
        page.line(m.text("list.empty", &[]));
    }
    Answer::new(&ListData { rows }, page)
}

#[derive(Debug, Serialize)]
struct ReleaseData {
    release: String,
}

/// Signs that a device may go on. It is this device's own word, and counts where it is known as an
/// administrator's.
fn release(
    client: &Client,
    device: DeviceId,
    doubt: &str,
    output: &Output,
) -> Result<Answer, CliError> {
    let doubt: [u8; 32] =
        hex::decode(doubt).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(Wrong::Doubt)?;
    let release = client.phone().sign_release(device, doubt).to_text();
    let mut page = Page::new();
    page.line(output.messages().text("audit.release", &[]));
    page.line(&release);
    Answer::new(&ReleaseData { release }, page)
}
