//! `bienban verify`: checks an exported record with nothing but the file, and says in plain words what that
//! proves, what stays somebody's claim, and what only a witness can tell.

mod words;

use std::fs;
use std::path::{Path, PathBuf};

use bienban_core::client::read_announcements;
use bienban_core::model::DeviceId;
use bienban_core::net::HubAddress;
use bienban_core::replica::{
    Checked, Continued, Known, Right, Sealing, Standing, Written, check_exported,
};
use bienban_core::trust::control::Link;
use bienban_core::trust::proof::{EXPORT_BYTES_MAX, WitnessHead};
use clap::Args;
use serde::Serialize;

use super::error::{CliError, Failed};
use super::output::{Answer, Output, Page};
use super::time;
use super::wrong::Wrong;
use crate::messages::Messages;

/// What to check, and by what.
#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// The file that `export --proof` made.
    file: PathBuf,
    /// The hub's key, or its address with the key, from somewhere else than the file.
    #[arg(long, value_name = "KEY")]
    hub: Option<String>,
    /// Announcements by which the hub's keys follow each other, as `field hub --keys-to` wrote them: a file
    /// made before a key was replaced is checked by the key of today with them.
    #[arg(long = "hub-keys", value_name = "FILE")]
    hub_keys: Option<PathBuf>,
    /// A head of the hub's log that another device kept, as `field log head` wrote it. May be given
    /// several times.
    #[arg(long = "head", value_name = "FILE")]
    heads: Vec<PathBuf>,
    /// Show the record itself too.
    #[arg(long)]
    record: bool,
}

#[derive(Debug, Serialize)]
struct VerifyData {
    /// Everything holds, and the file continues every head that was given.
    valid: bool,
    /// `valid`, `not_compared` (everything in the file holds, and it carries no proof to a head that was given, or
    /// that is another hub's) or `not_valid`.
    outcome: &'static str,
    faults: Vec<FaultData>,
    document: String,
    kind: &'static str,
    scope: String,
    checklist: Option<ChecklistData>,
    digest: Option<String>,
    maker: MakerData,
    hub: Option<String>,
    /// The key was given, not taken from the file.
    hub_given: bool,
    written: Vec<WrittenData>,
    /// Changes that are in the file and not in the record.
    beside: Vec<BesideData>,
    /// Null where nothing of the hub was looked at.
    decisions: Option<u64>,
    seals: Vec<SealData>,
    log: Option<LogData>,
    witnesses: Vec<WitnessData>,
    proved: Vec<String>,
    claimed: Vec<String>,
    needs: Vec<String>,
    record: Option<serde_json::Value>,
}

#[derive(Debug, Serialize)]
struct FaultData {
    fault: &'static str,
    message: String,
}

#[derive(Debug, Serialize)]
struct ChecklistData {
    id: String,
    code: String,
    edition: String,
}

#[derive(Debug, Serialize)]
struct MakerData {
    device: String,
    at: String,
}

#[derive(Debug, Serialize)]
struct WrittenData {
    device: String,
    name: Option<String>,
    agency: Option<String>,
    changes: u64,
    /// By the device's clock.
    first_claimed: Option<String>,
    last_claimed: Option<String>,
    /// How many of the changes the hub had, and by when.
    at_hub: Option<AtHubData>,
    /// How many are proved to be in its log; null where nothing of the hub was looked at.
    in_log: Option<u64>,
    right: &'static str,
}

#[derive(Debug, Serialize)]
struct AtHubData {
    changes: u64,
    at: String,
}

#[derive(Debug, Serialize)]
struct BesideData {
    device: String,
    change: String,
    seq: u64,
    claimed: String,
}

#[derive(Debug, Serialize)]
struct SealData {
    seal: String,
    /// `registered`, `rival`, `unregistered`, `broken`, or `unchecked` where nothing of the hub was looked at.
    state: &'static str,
    official: Option<String>,
    /// When the hub registered it.
    at: Option<String>,
    leader: String,
    /// By the leader's clock.
    claimed: String,
    /// The facility did not sign.
    refused: bool,
}

#[derive(Debug, Serialize)]
struct LogData {
    epoch: String,
    size: u64,
    root: String,
    at: String,
}

#[derive(Debug, Serialize)]
struct WitnessData {
    size: u64,
    at: String,
    result: &'static str,
}

/// Checks a file. One that is not valid ends the program with its own code, after everything was shown.
pub(super) fn run(arguments: &VerifyArgs, output: &Output) -> Result<Answer, CliError> {
    let m = output.messages();
    let known = Known {
        hub: arguments.hub.as_deref().map(key_of).transpose()?,
        witnesses: witnesses(&arguments.heads)?,
        links: announcements(arguments.hub_keys.as_deref())?,
    };
    let path = &arguments.file;
    let bytes = read(path)?;
    let checked = check_exported(&bytes, &known)
        .map_err(|source| CliError::NotExported { path: path.clone(), source })?;
    let mut data = data_of(&checked, &known, m);
    if arguments.record {
        data.record = serde_json::from_slice(&checked.record.readable).ok();
    }
    let page = text(&data, &checked, m);
    let code = match (checked.is_valid(), checked.holds()) {
        (true, _) => 0,
        (false, true) => Failed::NotCompared.code(),
        (false, false) => Failed::NotValid.code(),
    };
    Ok(Answer::new(&data, page)?.with_code(code))
}

/// Reads announcements of the hub's keys.
fn announcements(file: Option<&Path>) -> Result<Vec<Link>, CliError> {
    let Some(path) = file else { return Ok(Vec::new()) };
    let text = fs::read(path).map_err(|source| CliError::File { path: path.to_owned(), source })?;
    let text = String::from_utf8(text).ok();
    Ok(text.as_deref().and_then(read_announcements).ok_or(Wrong::Announcements)?)
}

/// Reads heads that others kept.
pub(super) fn witnesses(files: &[PathBuf]) -> Result<Vec<WitnessHead>, CliError> {
    let mut heads = Vec::new();
    for path in files {
        let file = |source| CliError::File { path: path.clone(), source };
        let text = fs::read(path).map_err(file)?;
        let text = String::from_utf8(text).ok();
        heads.extend(text.as_deref().and_then(WitnessHead::read).ok_or(Wrong::Head)?);
    }
    Ok(heads)
}

fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    let file = |source| CliError::File { path: path.to_owned(), source };
    let length = fs::metadata(path).map_err(file)?.len();
    let limit = EXPORT_BYTES_MAX;
    match usize::try_from(length) {
        Ok(length) if length <= limit => fs::read(path).map_err(file),
        found => {
            let found = found.unwrap_or(usize::MAX);
            let source =
                bienban_core::trust::proof::ProofError::TooMuch { what: "bytes", found, limit };
            Err(CliError::NotExported { path: path.to_owned(), source })
        }
    }
}

fn key_of(text: &str) -> Result<DeviceId, CliError> {
    if let Ok(key) = text.parse::<DeviceId>() {
        return Ok(key);
    }
    // What is no address is a key that was typed or cut wrongly.
    if !text.contains([':', '/', '#']) {
        return Err(Wrong::HubOrKey { given: text.to_owned() }.into());
    }
    let wrong = |source| Wrong::Hub { given: text.to_owned(), source };
    Ok(text.parse::<HubAddress>().map_err(wrong)?.key())
}

fn data_of(checked: &Checked, known: &Known, m: &Messages) -> VerifyData {
    let faults = checked.faults.iter().map(|fault| {
        let (name, message) = words::fault(fault, m);
        FaultData { fault: name, message }
    });
    let checklist = checked.checklist.as_ref().map(|(id, code, edition)| ChecklistData {
        id: id.to_string(),
        code: code.clone(),
        edition: edition.clone(),
    });
    let beside = checked.beside.iter().map(|one| BesideData {
        device: one.device.to_string(),
        change: one.change.to_string(),
        seq: one.seq,
        claimed: time::rfc3339(one.claimed),
    });
    let witnesses = checked.witnesses.iter().map(|(witness, said)| WitnessData {
        size: witness.head.size,
        at: time::rfc3339(witness.head.at),
        result: match said {
            Continued::Shown => "continued",
            Continued::NotShown => "not_shown",
            Continued::Contradicted => "contradicted",
            Continued::OtherHub => "other_hub",
            Continued::Unsigned => "unsigned",
        },
    });
    let looked = checked.looked_at_hub();
    VerifyData {
        valid: checked.is_valid(),
        outcome: match (checked.is_valid(), checked.holds()) {
            (true, _) => "valid",
            (false, true) => "not_compared",
            (false, false) => "not_valid",
        },
        faults: faults.collect(),
        document: checked.document.to_string(),
        kind: checked.kind.name(),
        scope: checked.scope.to_string(),
        checklist,
        digest: checked.digest.map(hex::encode),
        maker: MakerData {
            device: checked.maker.device.to_string(),
            at: time::rfc3339(checked.record.about.at),
        },
        hub: checked.hub.map(|hub| hub.to_string()),
        hub_given: known.hub.is_some(),
        written: checked.written.iter().map(|one| written(one, looked)).collect(),
        beside: beside.collect(),
        decisions: looked.then_some(checked.decisions),
        seals: checked.seals.iter().map(|one| seal(one, looked)).collect(),
        log: checked.head.map(|head| LogData {
            epoch: hex::encode(head.epoch),
            size: head.size,
            root: head.root.to_string(),
            at: time::rfc3339(head.at),
        }),
        witnesses: witnesses.collect(),
        proved: words::proved(checked, m),
        claimed: words::claimed(checked, m),
        needs: words::needs(checked, known, m),
        record: None,
    }
}

fn seal(sealing: &Sealing, looked: bool) -> SealData {
    let (state, official, at) = match &sealing.standing {
        Standing::Registered { official, at } => ("registered", official.clone(), Some(*at)),
        Standing::Rival => ("rival", None, None),
        Standing::Unregistered if !looked => ("unchecked", None, None),
        Standing::Unregistered => ("unregistered", None, None),
        Standing::Broken { .. } => ("broken", None, None),
    };
    SealData {
        seal: hex::encode(sealing.id.0),
        state,
        official,
        at: at.map(time::rfc3339),
        leader: sealing.leader.to_string(),
        claimed: time::rfc3339(sealing.claimed),
        refused: sealing.refused,
    }
}

fn written(written: &Written, looked: bool) -> WrittenData {
    let holder = written.holder.as_ref();
    let claimed = written.claimed;
    WrittenData {
        device: written.device.to_string(),
        name: holder.map(|holder| holder.name.clone()),
        agency: holder.map(|holder| holder.agency.clone()),
        changes: written.changes,
        first_claimed: claimed.map(|(first, _)| time::rfc3339(first)),
        last_claimed: claimed.map(|(_, last)| time::rfc3339(last)),
        at_hub: written
            .at_hub()
            .map(|point| AtHubData { changes: point.seq, at: time::rfc3339(point.at) }),
        in_log: looked.then(|| written.in_log()),
        right: match written.right {
            Right::Then => "then",
            Right::Later { .. } => "later",
            Right::Newest => "newest",
            Right::Unknown => "unknown",
            Right::None => "none",
        },
    }
}

fn text(data: &VerifyData, checked: &Checked, m: &Messages) -> Page {
    let mut page = Page::new();
    page.line(match data.outcome {
        "valid" => m.text("proof.valid", &[]),
        "not_compared" => m.text("proof.not_compared", &[]),
        _ => m.text("proof.not_valid", &[("count", &data.faults.len().to_string())]),
    });
    for fault in &data.faults {
        page.line(format!("  - {}", fault.message));
    }
    for line in words::not_compared(checked, m) {
        page.line(format!("  - {line}"));
    }
    page.line(m.text("proof.document", &[("id", &data.document), ("unit", &data.scope)]));
    if let Some(ChecklistData { code, edition, .. }) = &data.checklist {
        page.line(m.text("proof.checklist", &[("code", code), ("edition", edition)]));
    }
    if let Some(digest) = &data.digest {
        page.line(m.text("proof.digest", &[("digest", digest)]));
    }
    page.gap();
    if !data.proved.is_empty() {
        page.line(m.text("proof.proved", &[]));
        data.proved.iter().for_each(|line| page.line(format!("  - {line}")));
    }
    words::beside(checked, &mut page, m);
    page.line(m.text("proof.claimed", &[]));
    data.claimed.iter().for_each(|line| page.line(format!("  - {line}")));
    page.line(m.text("proof.needs", &[]));
    data.needs.iter().for_each(|line| page.line(format!("  - {line}")));
    if let Some(record) = &data.record {
        page.gap();
        page.line(format!("{record:#}"));
    }
    page
}
