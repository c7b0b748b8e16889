//! `bienban admin audit`: reads the hub's log and checks it, over the wire or in a hub's folder.

mod entries;
mod folder;
mod reading;
mod words;

use std::collections::VecDeque;
use std::path::PathBuf;

use bienban_core::client::Client;
use bienban_core::model::{DeviceId, Timestamp};
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::cli::doubts::HeadData;
use crate::cli::error::{CliError, Failed};
use crate::cli::output::{Answer, Output, Page};
use crate::cli::time;
use crate::cli::wrong::Wrong;
use crate::messages::Messages;

use entries::{EntryData, TypedKind};

/// Rows that one list holds, the newest: some megabytes. Who wants older ones narrows the list.
const LIST_ROWS_MAX: usize = 10_000;

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
    /// Heads kept by this device that the log says itself not to hold: the hub was set back to a copy.
    lost: Vec<HeadData>,
    /// Heads kept by this device that are not of this log.
    not_continued: Vec<HeadData>,
    /// Heads kept by this device of more leaves than a folder has: it is older than what was seen here.
    newer: Vec<HeadData>,
    /// What else is wrong.
    problems: Vec<String>,
}

impl VerifyData {
    fn is_bad(&self) -> bool {
        !self.not_continued.is_empty() || !self.problems.is_empty()
    }

    fn answer(self, m: &Messages) -> Result<Answer, CliError> {
        let mut page = Page::new();
        let (leaves, continued) = (self.leaves.to_string(), self.continued.to_string());
        page.line(m.text("audit.checked", &[("leaves", &leaves), ("root", &self.root)]));
        let none_compared = self.continued == 0 && self.lost.is_empty() && !self.is_bad();
        let is_older = !self.newer.is_empty() && !self.is_bad();
        if !none_compared {
            page.line(m.text("audit.continued", &[("count", &continued)]));
        }
        for head in &self.lost {
            let size = head.size.to_string();
            page.line(m.text("audit.lost", &[("size", &size), ("root", &head.root)]));
        }
        for head in &self.not_continued {
            let size = head.size.to_string();
            page.line(m.text("audit.not_continued", &[("size", &size), ("root", &head.root)]));
        }
        for head in &self.newer {
            let size = head.size.to_string();
            page.line(m.text("audit.newer", &[("size", &size), ("root", &head.root)]));
        }
        for problem in &self.problems {
            page.line(format!("  {problem}"));
        }
        if self.unread > 0 {
            page.line(m.text("audit.unread", &[("count", &self.unread.to_string())]));
        }
        page.line(if self.is_bad() {
            m.text("audit.bad", &[])
        } else if is_older && none_compared {
            m.text("audit.older_uncompared", &[("leaves", &leaves)])
        } else if is_older {
            m.text("audit.older", &[("leaves", &leaves)])
        } else if none_compared {
            m.text("audit.none_compared", &[])
        } else if self.lost.is_empty() {
            m.text("audit.good", &[])
        } else {
            m.text("audit.set_back", &[])
        });
        let code = match (self.is_bad(), is_older) {
            (true, _) => Failed::LogForked.code(),
            (false, true) => Failed::NotCompared.code(),
            (false, false) => 0,
        };
        Ok(Answer::new(&self, page)?.with_code(code))
    }
}

async fn verify(client: &Client, output: &Output) -> Result<Answer, CliError> {
    reading::read(client, output, |_, _| ()).await?.answer(output.messages())
}

#[derive(Debug, Serialize)]
struct ListData {
    rows: Vec<EntryData>,
    /// How many older rows there are than one list holds.
    left_out: u64,
}

async fn list(client: &Client, arguments: &ListArgs, output: &Output) -> Result<Answer, CliError> {
    let m = output.messages();
    let since = arguments.since.as_deref().map(time::typed_day).transpose()?;
    let since = since.map(|day| day.to_string());
    let (mut rows, mut left_out) = (VecDeque::new(), 0);
    let mut at = Timestamp::default();
    let data = reading::read(client, output, |number, leaf| {
        // Where a record does not say when it was made, it was not before the one before it.
        if leaf.at != Timestamp::default() {
            at = leaf.at;
        }
        let row = EntryData::of(number, &leaf.entry, at);
        let kind = arguments.kind.is_none_or(|kind| row.is(kind));
        let late = since.as_ref().is_none_or(|since| time::day(at) >= *since);
        if kind && late {
            rows.push_back(row);
        }
        if rows.len() > LIST_ROWS_MAX {
            rows.pop_front();
            left_out += 1;
        }
    })
    .await?;
    if data.is_bad() {
        // What may have been changed is not shown as what happened.
        return data.answer(m);
    }
    let mut page = Page::new();
    if left_out > 0 {
        page.line(m.text("audit.left_out", &[("count", &left_out.to_string())]));
    }
    rows.iter().for_each(|row| page.line(row.text(m)));
    if rows.is_empty() {
        page.line(m.text("list.empty", &[]));
    }
    Answer::new(&ListData { rows: rows.into(), left_out }, page)
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

#[cfg(test)]
mod tests {
    use bienban_core::trust::DeviceKey;
    use bienban_core::trust::log::TreeHead;
    use bienban_core::trust::merkle::TreeHash;

    use super::*;
    use crate::messages::Lang;

    #[test]
    fn where_no_head_was_compared_it_does_not_say_that_nothing_was_rewritten() {
        let m = Messages::new(Lang::En);
        let said = |continued| {
            let data = VerifyData { continued, ..VerifyData::default() };
            let answer = data.answer(&m).unwrap();
            (answer.code(), answer.text().contains("Nothing was rewritten"))
        };
        assert_eq!(said(2), (0, true));
        assert_eq!(said(0), (0, false));
        let text = VerifyData::default().answer(&m).unwrap().text().to_owned();
        assert!(text.contains("none was compared"), "{text}");
    }

    #[test]
    fn a_copy_that_ends_before_a_head_is_older_unless_something_contradicts_it() {
        let m = Messages::new(Lang::En);
        let head = || {
            let key = DeviceKey::from_seed(&[7; 32]);
            let root = TreeHash([9; 32]);
            HeadData::from(&TreeHead::sign(&key, [1; 16], (9, root), Timestamp(1)))
        };
        let said = |continued, not_continued: Vec<HeadData>| {
            let newer = vec![head()];
            let data = VerifyData { continued, newer, not_continued, ..VerifyData::default() };
            let answer = data.answer(&m).unwrap();
            (
                answer.code(),
                answer.text().contains("was changed"),
                answer.text().contains("none was compared"),
            )
        };
        assert_eq!(said(1, vec![]), (10, false, false));
        assert_eq!(said(0, vec![]), (10, false, true));
        assert_eq!(said(1, vec![head()]), (8, true, false));
    }
}
