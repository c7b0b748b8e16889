//! Sealed minutes that wait at the hub: as data, and as text for a terminal.

use bienban_core::client::{Client, ClientError};
use bienban_core::sync::{LackingLine, LinePlace, SealWait, SealsWaiting, WaitingSeal};
use bienban_core::trust::seal::SealId;
use serde::Serialize;

use crate::cli::output::Page;
use crate::cli::page::{self, SHORT};
use crate::cli::record::{self, AuthorData};
use crate::cli::rows::{self, NamedData, UnitData};
use crate::cli::time;
use crate::messages::Messages;

/// Sealed minutes that are not registered yet.
#[derive(Debug, Serialize)]
pub(super) struct MinutesData {
    /// By when the hub got them; then those that never will be registered, the latest first.
    rows: Vec<WaitingData>,
    /// There are more than are named.
    more: bool,
    /// What never will be registered is said to have been seen, and named here a last time.
    #[serde(skip)]
    acknowledged: bool,
}

/// Returns those that never will be registered, if there are some. The hub takes no other for seen.
pub(super) fn final_of(waiting: &SealsWaiting) -> Option<Vec<SealId>> {
    let is_final = |one: &&WaitingSeal| matches!(one.wait, SealWait::Rights | SealWait::Lost);
    let seals: Vec<SealId> = waiting.seals.iter().filter(is_final).map(|one| one.seal).collect();
    (!seals.is_empty()).then_some(seals)
}

#[derive(Debug, Serialize)]
struct WaitingData {
    seal: String,
    inspection: NamedData,
    unit: UnitData,
    /// Who signed them.
    leader: AuthorData,
    /// When the hub got them.
    since: Option<String>,
    /// One of changes, checklist, check, rights, ended, lost.
    waits_for: &'static str,
    /// What is not in the hub's record of that over which they were signed.
    changes: Vec<ChangeData>,
    /// There are more changes than are named.
    more_changes: bool,
    /// The checklist that nobody has published.
    checklist: Option<String>,
    /// How often the check could not be done since the hub started.
    failed: u32,
}

#[derive(Debug, Serialize)]
struct ChangeData {
    author: AuthorData,
    /// The place of the change in its device's line.
    seq: u64,
    change: String,
    /// One of absent, aside, unmerged.
    place: &'static str,
}

impl MinutesData {
    /// Says who signed and who wrote by the names that this device knows.
    pub(super) fn of(
        client: &Client,
        waiting: &SealsWaiting,
        acknowledged: bool,
    ) -> Result<Self, ClientError> {
        let rows = waiting.seals.iter().map(|one| WaitingData::of(client, one));
        let rows = rows.collect::<Result<_, _>>()?;
        Ok(Self { rows, more: waiting.more, acknowledged })
    }

    /// Tells them.
    pub(super) fn text(&self, page: &mut Page, m: &Messages) {
        for row in &self.rows {
            let (who, why) = (page::who(&row.leader, m), row.why(m));
            let time = row.since.as_deref().map_or_else(|| "-".to_owned(), time::minute);
            let values = [
                ("seal", &row.seal[..SHORT]),
                ("inspection", &row.inspection.id[..SHORT]),
                ("who", &who),
                ("time", &time),
                ("why", &why),
            ];
            page.line(m.text("admin.minutes_wait", &values));
        }
        if self.more {
            page.line(m.text("admin.minutes_more", &[]));
        }
        if self.rows.iter().any(|row| row.waits_for == "ended") {
            let seen = if self.acknowledged { "admin.minutes_seen" } else { "admin.minutes_see" };
            page.line(m.text(seen, &[]));
        }
    }
}

impl WaitingData {
    fn of(client: &Client, one: &WaitingSeal) -> Result<Self, ClientError> {
        let (mut changes, mut more_changes) = (Vec::new(), false);
        let (mut checklist, mut failed) = (None, 0);
        let waits_for = match &one.wait {
            SealWait::Changes { lacking, more } => {
                let lines = lacking.iter().map(|line| ChangeData::of(client, line));
                (changes, more_changes) = (lines.collect::<Result<_, _>>()?, *more);
                "changes"
            }
            SealWait::Checklist(template) => {
                checklist = Some(template.to_string());
                "checklist"
            }
            SealWait::Check { failed: times } => {
                failed = *times;
                "check"
            }
            SealWait::Rights => {
                let ended =
                    client.phone().replica().ended(one.leader).map_err(ClientError::from)?;
                if ended.is_some() { "ended" } else { "rights" }
            }
            SealWait::Lost => "lost",
        };
        Ok(Self {
            seal: one.seal.to_string(),
            inspection: rows::named(client, one.document)?,
            unit: rows::unit(&one.scope),
            leader: record::author_data(client.person(one.leader)?),
            since: one.since.map(time::rfc3339),
            waits_for,
            changes,
            more_changes,
            checklist,
            failed,
        })
    }

    fn why(&self, m: &Messages) -> String {
        let failed = self.failed.to_string();
        match (self.waits_for, &self.checklist) {
            ("changes", _) => {
                let mut changes: Vec<_> = self.changes.iter().map(|one| one.text(m)).collect();
                if self.more_changes {
                    changes.push("…".to_owned());
                }
                m.text("admin.minutes_changes", &[("changes", &changes.join("; "))])
            }
            (_, Some(id)) => m.text("admin.minutes_checklist", &[("id", id)]),
            ("rights", _) => m.text("admin.minutes_rights", &[]),
            ("ended", _) => m.text("admin.minutes_ended", &[]),
            ("lost", _) => m.text("admin.minutes_lost", &[]),
            _ if self.failed > 0 => m.text("admin.minutes_failed", &[("count", &failed)]),
            _ => m.text("admin.minutes_check", &[]),
        }
    }
}

impl ChangeData {
    fn of(client: &Client, line: &LackingLine) -> Result<Self, ClientError> {
        let author = record::author_data(client.person(line.device)?);
        let (seq, change) = (line.seq, line.hash.to_string());
        let place = match line.place {
            LinePlace::Absent => "absent",
            LinePlace::Aside => "aside",
            LinePlace::Unmerged => "unmerged",
        };
        Ok(Self { author, seq, change, place })
    }

    fn text(&self, m: &Messages) -> String {
        let (who, seq) = (page::who(&self.author, m), self.seq.to_string());
        let values = [("seq", seq.as_str()), ("change", &self.change[..SHORT]), ("who", &who)];
        match self.place {
            "aside" => m.text("admin.minutes_aside", &values),
            "unmerged" => m.text("admin.minutes_unmerged", &values),
            _ => m.text("admin.minutes_absent", &values),
        }
    }
}
