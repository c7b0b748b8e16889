//! `field bundle` and `bundle`: files that carry what there is from device to device, and to the hub.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bienban_core::client::{Client, ClientError};
use bienban_core::clock::Stopwatch;
use bienban_core::model::DeviceId;
use bienban_core::replica::{Receiver, ReplicaError};
use bienban_core::sync::{DeviceEntry, FailureCode};
use bienban_core::trust::bundle::BundleError;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::error::{CliError, Failed};
use super::newfile::{self, NewFile, Overwrite};
use super::output::{Answer, Output, Page};
use crate::bundles::{self, Outcome, Report};
use crate::hub;

/// How the pinned hub is named as a receiver.
const HUB: &str = "hub";

/// Digits of an id from which on a device or person is looked for by it.
const DIGITS_MIN: usize = 4;

/// How often it is looked whether the hub has answered.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What to do with bundles.
#[derive(Debug, Subcommand)]
pub(super) enum BundleCommand {
    /// Write what no hub has signed for into a file that only its receivers can open; for a phone, with what
    /// this one wrote in the same records before.
    Export(BundleExportArgs),
    /// Take in a file that another device, or the hub, made for this one. Doing it again changes nothing.
    Import {
        /// The file.
        file: PathBuf,
    },
}

/// For whom, and what.
#[derive(Debug, Args)]
pub(super) struct BundleExportArgs {
    /// Who can open it: `hub`, a device by the first digits of its id, or a person by name, with all
    /// devices of that person. May be given several times.
    #[arg(long, required = true, value_name = "WHO")]
    to: Vec<String>,
    /// All that is here and the receiver may read, not only what no hub has signed for: for a phone that
    /// is stuck or is given up.
    #[arg(long)]
    all: bool,
    /// The file to write.
    file: PathBuf,
    #[command(flatten)]
    overwrite: Overwrite,
}

/// What the operator of a hub does with bundles.
#[derive(Debug, Subcommand)]
pub(super) enum HubBundleCommand {
    /// Give the running hub of a folder a bundle, and write its answer into a file for those who are
    /// named in it.
    Import(HubImportArgs),
}

/// Which hub, which file, and where to.
#[derive(Debug, Args)]
pub(super) struct HubImportArgs {
    /// The hub's folder.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Where to write the answer.
    #[arg(long, value_name = "FILE")]
    answer: PathBuf,
    /// How long to wait for the hub, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    wait: u64,
    /// The file that was brought.
    file: PathBuf,
    #[command(flatten)]
    overwrite: Overwrite,
}

#[derive(Debug, Serialize)]
struct ExportData {
    file: String,
    bytes: u64,
    receivers: Vec<ReceiverData>,
}

#[derive(Debug, Serialize)]
struct ReceiverData {
    device: String,
    packs: usize,
    control: usize,
    decisions: usize,
    withheld: usize,
}

#[derive(Debug, Serialize)]
struct ImportData {
    from: String,
    of_hub: bool,
    received: usize,
    stored: usize,
    strangers: usize,
    refused: usize,
    conflicting: usize,
    /// Changes before these are missing here.
    lacking: usize,
    no_room: usize,
    /// Decisions, minutes and checklists of this device that the hub says it has.
    done: usize,
    /// Decisions and minutes of this device that the hub refused for good.
    unentered: usize,
    /// The answer speaks to an earlier state of this device.
    old: bool,
    /// Something is left: sync, or write to the hub again.
    again: bool,
}

/// Runs one of them.
pub(super) fn run(
    client: &Client,
    command: &BundleCommand,
    output: &Output,
) -> Result<Answer, CliError> {
    match command {
        BundleCommand::Export(arguments) => export(client, arguments, output),
        BundleCommand::Import { file } => import(client, file, output),
    }
}

fn export(
    client: &Client,
    arguments: &BundleExportArgs,
    output: &Output,
) -> Result<Answer, CliError> {
    let m = output.messages();
    let mut receivers = Vec::new();
    for name in &arguments.to {
        for receiver in named(client, name)? {
            if !receivers.contains(&receiver) {
                receivers.push(receiver);
            }
        }
    }
    let path = &arguments.file;
    let mut made = NewFile::begin(path, arguments.overwrite)?;
    let spinner = output.spinner(m.text("bundle.writing", &[]));
    let given = client.export_bundle(&receivers, arguments.all, made.file(), path);
    spinner.finish_and_clear();
    let given = given.map_err(|error| unwritten(path, error))?;
    let written = made.file().metadata().map_err(|source| newfile::unwritten(path, source))?;
    let bytes = written.len();
    made.finish()?;
    let mut page = Page::new();
    let file = path.display().to_string();
    page.line(m.text("bundle.written", &[("file", &file), ("bytes", &bytes.to_string())]));
    let mut rows = Vec::with_capacity(given.len());
    for given in given {
        let device = given.receiver;
        let (who, packs) = (shown(client, device, output)?, given.packs.to_string());
        let (control, decisions) = (given.control.to_string(), given.decisions.to_string());
        let values = [
            ("who", who.as_str()),
            ("packs", &packs),
            ("control", &control),
            ("decisions", &decisions),
        ];
        page.line(m.text("bundle.given", &values));
        if given.withheld > 0 {
            let count = given.withheld.to_string();
            page.line(m.text("bundle.withheld", &[("count", &count)]));
        }
        rows.push(ReceiverData {
            device: device.to_string(),
            packs: given.packs,
            control: given.control,
            decisions: given.decisions,
            withheld: given.withheld,
        });
    }
    Answer::new(&ExportData { file, bytes, receivers: rows }, page)
}

/// Tells a full disk on which the file was to be from that of the device.
fn unwritten(path: &Path, error: ClientError) -> CliError {
    let kind = match &error {
        ClientError::Bundle {
            source: ReplicaError::Bundle { source: BundleError::Io { source, .. } },
            ..
        } => source.kind(),
        _ => return error.into(),
    };
    match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            newfile::unwritten(path, kind.into())
        }
        _ => error.into(),
    }
}

fn import(client: &Client, path: &Path, output: &Output) -> Result<Answer, CliError> {
    let m = output.messages();
    let spinner = output.spinner(m.text("bundle.reading", &[]));
    let taken = client.import_bundle(path);
    spinner.finish_and_clear();
    let taken = taken?;
    let mut page = Page::new();
    let who = shown(client, taken.maker, output)?;
    let received = taken.received.to_string();
    page.line(m.text("bundle.taken", &[("who", &who), ("count", &received)]));
    let counts = [
        ("bundle.stored", taken.stored),
        ("bundle.strangers", taken.strangers),
        ("bundle.refused", taken.refused),
        ("bundle.conflicting", taken.conflicting),
        ("bundle.lacking", taken.lacking),
        ("bundle.no_room", taken.no_room),
        ("bundle.done", taken.done),
        ("bundle.unentered", taken.unentered),
    ];
    for (key, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
        page.line(m.text(key, &[("count", &count.to_string())]));
    }
    let remarks = [
        ("bundle.old", taken.old),
        ("bundle.again", taken.again),
        ("bundle.two_logs", taken.two_logs),
    ];
    for (key, _) in remarks.into_iter().filter(|(_, said)| *said) {
        page.line(m.text(key, &[]));
    }
    let data = ImportData {
        from: taken.maker.to_string(),
        of_hub: taken.of_hub,
        received: taken.received,
        stored: taken.stored,
        strangers: taken.strangers,
        refused: taken.refused,
        conflicting: taken.conflicting,
        lacking: taken.lacking,
        no_room: taken.no_room,
        done: taken.done,
        unentered: taken.unentered,
        old: taken.old,
        again: taken.again,
    };
    let code = if data.lacking > 0 { Failed::Otherwise.code() } else { 0 };
    Ok(Answer::new(&data, page)?.with_code(code))
}

/// Returns whom a word names: the hub, a device, or all devices of a person.
fn named(client: &Client, name: &str) -> Result<Vec<Receiver>, CliError> {
    let name = name.trim();
    if name == HUB {
        return Ok(vec![Receiver::Hub(client.hub_key()?)]);
    }
    let known = client.phone().replica().devices().map_err(ClientError::from)?;
    let digits = name.to_lowercase();
    let by_id = |id: String| digits.len() >= DIGITS_MIN && id.starts_with(&digits);
    let fits = |entry: &DeviceEntry| {
        entry.name == name || by_id(entry.device.to_string()) || by_id(entry.person.to_string())
    };
    let found: Vec<DeviceEntry> = known.into_iter().filter(fits).collect();
    let person = found.first().map(|first| first.person);
    // A namesake whose devices have all ended counts too: what is sealed to a stranger cannot be taken back.
    let of_one = found.iter().all(|entry| Some(entry.person) == person);
    let active: Vec<DeviceEntry> = found.into_iter().filter(|entry| entry.active).collect();
    if of_one && !active.is_empty() {
        return Ok(active.into_iter().map(Receiver::Device).collect());
    }
    match client.find_device(name) {
        Ok(entry) => Ok(vec![Receiver::Device(entry)]),
        Err(ClientError::NotFound { .. }) => Err(CliError::NoSuchDevice { given: name.to_owned() }),
        Err(error) => Err(error.into()),
    }
}

/// Returns how a device is called.
fn shown(client: &Client, device: DeviceId, output: &Output) -> Result<String, CliError> {
    if client.hub().is_ok_and(|hub| hub.key() == device) {
        return Ok(output.messages().text("bundle.hub", &[]));
    }
    let known = client.phone().replica().device(device).map_err(ClientError::from)?;
    let name = known.map(|entry| entry.name).filter(|name| !name.is_empty());
    Ok(match name {
        Some(name) => format!("{name} ({})", device.short()),
        None => device.short(),
    })
}

#[derive(Debug, Serialize)]
struct HubImportData {
    answer: String,
    packs: usize,
    stored: usize,
    declined: usize,
    /// Packs that the hub has neither in the record nor kept aside.
    left: usize,
    /// Decisions and minutes that it refused and does not have.
    unentered: usize,
    failure: Option<FailureCode>,
    /// Where the hub keeps the file that is to come again.
    kept: Option<String>,
}

/// Gives a running hub a file and fetches what it answers.
pub(super) async fn at_hub(command: HubBundleCommand, output: &Output) -> Result<Answer, CliError> {
    let HubBundleCommand::Import(HubImportArgs { dir, answer, wait, file, overwrite }) = command;
    let m = output.messages();
    if !hub::holds_hub(&dir) {
        let path = dir.display().to_string();
        return Err(CliError::Usage { what: m.text("bundle.no_hub", &[("path", &path)]) });
    }
    if !hub::is_running(&dir) {
        let path = dir.display().to_string();
        return Err(CliError::NotRunning {
            what: m.text("bundle.not_running", &[("path", &path)]),
        });
    }
    let full = bundles::refuses_no_more(&dir);
    if full.map_err(|source| CliError::File { path: dir.clone(), source })? {
        let path = dir.display().to_string();
        return Err(CliError::NotTaken { what: m.text("bundle.refused_full", &[("path", &path)]) });
    }
    // What the hub answers holds receipts: a place for it is there before the file is given away.
    let mut answering = NewFile::begin(&answer, overwrite)?;
    let brought =
        File::open(&file).map_err(|source| CliError::File { path: file.clone(), source })?;
    let handed_in = bundles::hand_in(&dir, brought);
    let name = handed_in.map_err(|source| newfile::unwritten(&dir, source))?;
    let (watch, most) = (Stopwatch::start(), Duration::from_secs(wait));
    let spinner = output.spinner(m.text("bundle.waiting", &[]));
    let outcome = loop {
        let looked = bundles::outcome(&dir, &name, m.lang());
        if let Some(outcome) =
            looked.map_err(|source| CliError::File { path: dir.clone(), source })?
        {
            break outcome;
        }
        if watch.elapsed() >= most {
            spinner.finish_and_clear();
            let what = match bundles::take_back(&dir, &name) {
                true => m.text("bundle.hub_silent", &[]),
                false => m.text("bundle.hub_at_it", &[("name", &name)]),
            };
            return Err(CliError::NotRunning { what });
        }
        tokio::time::sleep(LOOK_EVERY).await;
    };
    spinner.finish_and_clear();
    match outcome {
        Outcome::Refused(why, kept) => {
            bundles::told(&dir, &name);
            let kept = kept.display().to_string();
            let what = m.text("bundle.hub_refused", &[("why", &why), ("kept", &kept)]);
            Err(CliError::NotTaken { what })
        }
        Outcome::Answered(made, report) => {
            let copied = bundles::copy(&made, answering.file());
            let copied = copied.map_err(|source| newfile::unwritten(&answer, source));
            copied.and_then(|()| answering.finish()).inspect_err(|_| {
                let path = made.display().to_string();
                output.remark(&m.text("bundle.answer_lies", &[("path", &path)]));
            })?;
            bundles::fetched(&made);
            answered(&answer, report, output)
        }
    }
}

/// Returns the exit code where not all of a file is at the hub.
pub(crate) fn code_of_rest(failure: Option<FailureCode>) -> u8 {
    let full = failure == Some(FailureCode::Full);
    if full { Failed::HubFull.code() } else { Failed::Otherwise.code() }
}

/// Says what the hub made of a file. Where it is needed still, the command fails although there is an answer.
fn answered(answer: &Path, report: Report, output: &Output) -> Result<Answer, CliError> {
    let m = output.messages();
    let kept = report.kept.map(|path| path.display().to_string());
    let data = HubImportData {
        answer: answer.display().to_string(),
        packs: report.packs,
        stored: report.stored,
        declined: report.declined,
        left: report.left,
        unentered: report.unentered,
        failure: report.failure,
        kept,
    };
    let mut page = Page::new();
    page.line(m.text("bundle.answered", &[("file", &data.answer)]));
    let (left, packs) = (data.left.to_string(), data.packs.to_string());
    let code = match &data.kept {
        None => 0,
        Some(kept) => {
            let values = [("left", left.as_str()), ("packs", &packs), ("kept", kept)];
            if data.left > 0 || data.unentered == 0 {
                page.line(m.text("bundle.hub_left", &values));
            }
            if data.unentered > 0 {
                let count = data.unentered.to_string();
                page.line(m.text("bundle.hub_unentered", &[("count", &count), ("kept", kept)]));
            }
            code_of_rest(data.failure)
        }
    };
    Ok(Answer::new(&data, page)?.with_code(code))
}
