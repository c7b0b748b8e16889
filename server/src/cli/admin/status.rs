//! How the hub is, and what waits there for what.

mod minutes;

use bienban_core::client::Client;
use bienban_core::sync::{
    AdminAnswer, AdminRequest, BackupFault, BackupStatus, DoubleNumber, HubStatus, HubWaiting,
    SetAside,
};
use clap::Args;
use serde::Serialize;

use self::minutes::MinutesData;
use super::Online;
use crate::cli::error::CliError;
use crate::cli::output::{Answer, Output, Page};
use crate::cli::{folder, page, time};
use crate::messages::{Lang, Messages};
use crate::reasons::of_second_disk;

/// What to do beside asking.
#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// Say that what the hub's store had lost has been seen: it no longer tells of it. So it is with minutes that never
    /// will be registered: this command names them a last time.
    #[arg(long)]
    acknowledge: bool,
}

/// How the hub is.
#[derive(Debug, Serialize)]
struct HubData {
    documents: u64,
    devices: u64,
    /// Length of the feed.
    head: u64,
    /// Packs stored and not yet merged.
    pending: u64,
    /// Packs that wait for others, or for a checklist.
    waiting: u64,
    /// Packs set aside.
    quarantined: u64,
    /// What they wait for, by name.
    waits_for: WaitsData,
    /// What the hub's store had lost, and nobody has acknowledged.
    lost: Vec<LostData>,
    /// The hub's second disk.
    backup: BackupData,
    /// Official numbers that two lives of the hub's store gave to several documents.
    double_numbers: Vec<DoubleData>,
    /// Sealed minutes that are not registered yet.
    waiting_minutes: MinutesData,
}

#[derive(Debug, Serialize)]
struct BackupData {
    /// Entries of the feed that are there.
    head: u64,
    /// When that was last read back; null where nothing ever was.
    at: Option<String>,
    /// Since when it does not hold what is new; null while it does, or where there is none.
    failed_since: Option<String>,
    /// Why, in English.
    failed: Option<String>,
    /// The same for programs.
    failed_fault: Option<BackupFault>,
}

impl From<BackupStatus> for BackupData {
    fn from(status: BackupStatus) -> Self {
        let (since, fault) = status.failed.unzip();
        Self {
            head: status.number,
            at: status.at.map(time::rfc3339),
            failed_since: since.map(time::rfc3339),
            failed: fault.as_ref().map(|fault| of_second_disk(fault, &Messages::new(Lang::En))),
            failed_fault: fault,
        }
    }
}

#[derive(Debug, Serialize)]
struct WaitsData {
    checklists: Vec<Count>,
    causes: Vec<Count>,
    devices: Vec<DeviceCount>,
    /// There is more than what is named.
    more: bool,
}

#[derive(Debug, Serialize)]
struct Count {
    id: String,
    packs: u64,
}

#[derive(Debug, Serialize)]
struct DeviceCount {
    device: String,
    known: bool,
    /// When it, or its holder, was revoked for good, as far as this device knows.
    revoked_at: Option<String>,
    not_allowed: u64,
    others: u64,
}

#[derive(Debug, Serialize)]
struct LostData {
    at: String,
    records: u64,
    everything: bool,
    /// Nothing that could be counted: the hub was set back to a copy, or its folder moved.
    set_back: bool,
}

/// An official number that stands on the minutes of several documents.
#[derive(Debug, Serialize)]
struct DoubleData {
    official: String,
    scope: String,
    documents: Vec<String>,
}

impl From<DoubleNumber> for DoubleData {
    fn from(double: DoubleNumber) -> Self {
        let documents = double.documents.iter().map(ToString::to_string).collect();
        Self { official: double.official, scope: double.scope.to_string(), documents }
    }
}

impl DeviceCount {
    fn of(client: &Client, set: SetAside) -> Result<Self, CliError> {
        Ok(Self {
            device: set.device.to_string(),
            known: set.known,
            revoked_at: client.revoked_at(set.device)?.map(time::rfc3339),
            not_allowed: set.not_allowed,
            others: set.others,
        })
    }

    fn text(&self, page: &mut Page, m: &Messages) {
        let device = self.device.as_str();
        let [not_allowed, others] = [self.not_allowed, self.others].map(|n| n.to_string());
        if self.not_allowed > 0 {
            let values = [("device", device), ("packs", &not_allowed)];
            page.line(match &self.revoked_at {
                // No right that it is given brings it into a record: nothing is given to it any more.
                Some(at) => {
                    let at = time::minute(at);
                    let short = &device[..page::SHORT];
                    let values = [("device", short), ("packs", &not_allowed), ("at", &at)];
                    m.text("admin.waits_revoked", &values)
                }
                None if self.known => m.text("admin.waits_rights", &values),
                None => m.text("admin.waits_trust", &values),
            });
        }
        if self.others > 0 {
            let values = [("device", device), ("packs", &others)];
            page.line(m.text("admin.stays_out", &values));
        }
    }
}

impl HubData {
    fn of(
        client: &Client,
        status: &HubStatus,
        waiting: HubWaiting,
        backup: BackupStatus,
        doubles: Vec<DoubleNumber>,
        waiting_minutes: MinutesData,
    ) -> Result<Self, CliError> {
        let lost = waiting.lost.into_iter().map(|(at, records, everything)| LostData {
            at: time::rfc3339(at),
            records,
            everything,
            set_back: records == 0 && !everything,
        });
        let devices = waiting.set_aside.into_iter().map(|set| DeviceCount::of(client, set));
        let devices = devices.collect::<Result<_, _>>()?;
        let checklists = waiting.checklists.into_iter();
        let causes = waiting.causes.into_iter();
        Ok(Self {
            documents: status.documents,
            devices: status.devices,
            head: status.head,
            pending: status.pending,
            waiting: status.waiting,
            quarantined: status.quarantined,
            waits_for: WaitsData {
                checklists: checklists
                    .map(|(id, packs)| Count { id: id.to_string(), packs })
                    .collect(),
                causes: causes.map(|(id, packs)| Count { id: id.to_string(), packs }).collect(),
                devices,
                more: waiting.more,
            },
            lost: lost.collect(),
            backup: backup.into(),
            double_numbers: doubles.into_iter().map(DoubleData::from).collect(),
            waiting_minutes,
        })
    }

    fn text(&self, m: &Messages) -> Page {
        let [documents, devices, head, pending, waiting, quarantined] =
            [self.documents, self.devices, self.head, self.pending, self.waiting, self.quarantined]
                .map(|count| count.to_string());
        let mut page = Page::new();
        page.line(m.text(
            "admin.hub",
            &[
                ("documents", &documents),
                ("devices", &devices),
                ("head", &head),
                ("pending", &pending),
                ("waiting", &waiting),
                ("quarantined", &quarantined),
            ],
        ));
        self.waits_text(&mut page, m);
        self.waiting_minutes.text(&mut page, m);
        for lost in &self.lost {
            let (at, count) = (time::minute(&lost.at), lost.records.to_string());
            page.line(if lost.set_back {
                m.text("admin.set_back", &[("time", &at)])
            } else if lost.everything {
                m.text("admin.lost_everything", &[("time", &at)])
            } else {
                m.text("admin.lost", &[("time", &at), ("count", &count)])
            });
        }
        for double in &self.double_numbers {
            let documents = double.documents.iter().map(|id| id[..page::SHORT].to_owned());
            let documents = documents.collect::<Vec<_>>().join(", ");
            let values = [
                ("number", double.official.as_str()),
                ("unit", &double.scope),
                ("documents", &documents),
            ];
            page.line(m.text("admin.double_number", &values));
        }
        if let Some(at) = &self.backup.at {
            let (head, time) = (self.backup.head.to_string(), time::minute(at));
            let values = [("head", head.as_str()), ("time", &time)];
            page.line(match self.backup.failed {
                None => m.text("admin.backed_up", &values),
                Some(_) => m.text("admin.was_backed_up", &values),
            });
        }
        if let (Some(since), Some(why)) = (&self.backup.failed_since, &self.backup.failed_fault) {
            let (time, why) = (time::minute(since), of_second_disk(why, m));
            page.line(m.text("admin.backup_failed", &[("time", &time), ("why", &why)]));
        }
        if !self.lost.is_empty() {
            page.line(if self.lost.iter().any(|lost| lost.set_back) {
                m.text("admin.set_back_advice", &[])
            } else {
                m.text("admin.lost_advice", &[])
            });
        }
        page
    }

    fn waits_text(&self, page: &mut Page, m: &Messages) {
        let waits = &self.waits_for;
        for one in &waits.checklists {
            let packs = one.packs.to_string();
            page.line(m.text("admin.waits_checklist", &[("id", &one.id), ("packs", &packs)]));
        }
        for one in &waits.causes {
            let (id, packs) = (&one.id[..page::SHORT], one.packs.to_string());
            page.line(m.text("admin.waits_causes", &[("id", id), ("packs", &packs)]));
        }
        for one in &waits.devices {
            one.text(page, m);
        }
        if waits.more {
            page.line(m.text("admin.waits_more", &[]));
        }
    }
}

/// Says how the hub is.
pub(super) async fn status(
    client: &Client,
    arguments: &StatusArgs,
    _: Online,
    output: &Output,
) -> Result<Answer, CliError> {
    if arguments.acknowledge {
        folder::ask(client, AdminRequest::Acknowledge, output).await?;
    }
    let AdminAnswer::Status(status) = folder::ask(client, AdminRequest::Status, output).await?
    else {
        return Err(CliError::NoAnswer);
    };
    let AdminAnswer::Waiting(waiting) = folder::ask(client, AdminRequest::Waiting, output).await?
    else {
        return Err(CliError::NoAnswer);
    };
    let AdminAnswer::Backup(backup) = folder::ask(client, AdminRequest::Backup, output).await?
    else {
        return Err(CliError::NoAnswer);
    };
    let AdminAnswer::Numbers(doubles) = folder::ask(client, AdminRequest::Numbers, output).await?
    else {
        return Err(CliError::NoAnswer);
    };
    let AdminAnswer::Seals(seals) = folder::ask(client, AdminRequest::Seals, output).await? else {
        return Err(CliError::NoAnswer);
    };
    let minutes = MinutesData::of(client, &seals, arguments.acknowledge)?;
    if let (true, Some(seen)) = (arguments.acknowledge, minutes::final_of(&seals)) {
        folder::ask(client, AdminRequest::SeenSeals(seen), output).await?;
    }
    let data = HubData::of(client, &status, waiting, backup, doubles, minutes)?;
    let page = data.text(output.messages());
    Answer::new(&data, page)
}
