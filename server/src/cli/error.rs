//! From every error that a command can meet to an exit code and advice: the one place that decides.

use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bienban_core::checklist::TemplateError;
use bienban_core::checklist::grading::AnswersError;
use bienban_core::client::{ClientError, header_form};
use bienban_core::driver::DriverError;
use bienban_core::store::{self};
use bienban_core::sync::Failure;
use serde::Serialize;

mod candidates;
mod kinds;
mod room;

use candidates::CandidateData;
pub(crate) use kinds::code_of_doubts;
use kinds::{of_backups, of_client, of_failure, of_io, of_service};

use super::causes;
use super::course::{self, MissingData};
use super::decisions::DecidedData;
use super::enrolling::EnrolError;
use super::folder::At;
use super::hints::{not_found, of_client_error};
use super::nearest;
use super::output::Page;
use super::record::{self, ConflictData};
use super::words;
use super::wrong::Wrong;
use crate::backups::BackupsError;
use crate::messages::Messages;

/// Why a command could not do as asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum CliError {
    /// The arguments do not fit together.
    #[error("{what}")]
    Usage {
        /// What is wrong and what to give instead.
        what: String,
    },
    /// Something typed does not fit.
    #[error(transparent)]
    Wrong(#[from] Wrong),
    /// The hub refused a device that it had enrolled before.
    #[error("the hub no longer exchanges with this device")]
    Ended {
        /// How the exchange failed.
        source: ClientError,
    },
    /// The folder for a demo is not empty.
    #[error("{path} is not empty: a demo writes files of its own there")]
    DemoThere {
        /// The folder.
        path: PathBuf,
        /// The folder of a hub in it, as an earlier demo leaves one.
        hub: Option<PathBuf>,
    },
    /// The client failed.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// What was to be chosen in a dispute does not stand there.
    #[error("{source}")]
    NotStanding {
        /// Which change, and where.
        source: Box<ClientError>,
        /// What stands there, each with the command that chooses it.
        standing: Vec<ConflictData>,
    },
    /// There is no room on the disk.
    #[error("{source}")]
    NoRoom {
        /// What failed.
        source: Box<Self>,
        /// Bytes that must be free.
        needed: u64,
        /// Bytes that are.
        free: u64,
    },
    /// A backup was not made, checked or put back.
    #[error(transparent)]
    Backups(#[from] BackupsError),
    /// A device was not enrolled.
    #[error(transparent)]
    Enrol(#[from] EnrolError),
    /// The hub answered that it will not.
    #[error("the hub refused: {}", failure.message)]
    Refused {
        /// What it said.
        failure: Failure,
    },
    /// The hub did not take in a file.
    #[error("{what}")]
    NotTaken {
        /// Why, and where the file is.
        what: String,
    },
    /// No hub has the folder open, or it did not answer in time.
    #[error("{what}")]
    NotRunning {
        /// What was asked, and what to do.
        what: String,
    },
    /// The hub did not answer what it was asked.
    #[error("the hub ended the exchange without an answer")]
    NoAnswer,
    /// A file given on the command line cannot be read.
    #[error("cannot read {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file given on the command line cannot be written.
    #[error("cannot write {path}")]
    Unwritten {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file that was to be written is there already.
    #[error("{path} is there already")]
    FileThere {
        /// The file.
        path: PathBuf,
        /// It is a file, which can be replaced.
        replaceable: bool,
    },
    /// A name that nothing has, beside one that is near.
    #[error("{source}")]
    Meant {
        /// What failed.
        source: Box<Self>,
        /// The name that was most likely meant.
        name: String,
    },
    /// Rights that ended for good are to be given again.
    #[error("{name} was revoked for good: nothing is given again")]
    Revoked {
        /// The device, by its short name.
        device: String,
        /// Its holder.
        name: String,
        /// Not the device alone, but the person.
        person: bool,
    },
    /// What is to be decided of was admitted: it is in the record, and kept aside no more.
    #[error("{change} is kept aside no more: it was admitted")]
    Admitted {
        /// The change, by its short name.
        change: String,
        /// The decision.
        decided: DecidedData,
    },
    /// A file is no exported record.
    #[error("{path} is no exported record")]
    NotExported {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: bienban_core::trust::proof::ProofError,
    },
    /// A checklist file is not valid.
    #[error("{path} is not a valid checklist")]
    Checklist {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: TemplateError,
    },
    /// An answers file is not valid.
    #[error("{path} is not a valid answers file: {reason}")]
    Answers {
        /// The file.
        path: PathBuf,
        /// What is wrong; told in the user's language, so it is no source.
        reason: AnswersError,
    },
    /// A file to import is not valid. Nothing was imported.
    #[error("{what}")]
    Import {
        /// Every problem by row and column, in the user's language.
        what: String,
        /// The problems as data.
        problems: Vec<CellProblem>,
        /// All of them are of rights: the file has no fault.
        refused: bool,
    },
    /// No checklist inside the program has the name, and no file either.
    #[error("there is no checklist {name} inside this program, and no file of that name")]
    NoEmbedded {
        /// What was given.
        name: String,
        /// The name that was most likely meant.
        closest: Option<String>,
    },
    /// What was named as a device is no whole id, and fits none that the hub knows.
    #[error("the hub knows no device {given}, and it is no whole id")]
    NoSuchDevice {
        /// What was given.
        given: String,
    },
    /// Nobody would be left to administer the hub.
    #[error("this device ({device}) is the last administrator that the hub knows")]
    LastAdmin {
        /// Its short name.
        device: String,
    },
    /// The program's own threads could not be started.
    #[error("the program could not start")]
    Start {
        /// What the operating system said.
        source: io::Error,
    },
    /// Data has no JSON form.
    #[error("the data could not be written as JSON")]
    Encode {
        /// Why.
        source: serde_json::Error,
    },
    /// Standard output cannot be written to.
    #[error("cannot write to standard output")]
    Print {
        /// What the operating system said.
        source: io::Error,
    },
    /// The hub or the demo failed.
    #[error("{what} failed")]
    Service {
        /// Which part of it.
        what: String,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
}

/// One thing wrong in a file to import, as `--json` shows it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CellProblem {
    pub(crate) row: u32,
    pub(crate) column: String,
    pub(crate) problem: String,
}

/// What kind of failure it is: the exit code, and what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failed {
    /// Anything else.
    Otherwise,
    /// The arguments are wrong.
    Usage,
    /// Nothing, or more than one thing, has the name.
    NotFound,
    /// The minutes' header has no such field.
    UnknownField,
    /// The life cycle has no such step.
    NoStep,
    /// Something that the law asks for first is missing.
    NotReady,
    /// It cannot be undone, or what it is about has ended for good.
    Final,
    /// The checklist has no such item.
    UnknownItem,
    /// There is no device in the folder.
    NoDevice,
    /// Another process has the folder open.
    InUse,
    /// The hub cannot be reached; trying again may help.
    Network,
    /// What answers is not the hub that was pinned.
    WrongHub,
    /// The hub does not know this device.
    Unknown,
    /// The hub knew this device, and now refuses it.
    Ended,
    /// A file that was to be written is there.
    FileThere,
    /// The hub's log is not the one that it showed before.
    LogForked,
    /// An exported record is not valid.
    NotValid,
    /// An exported record holds, and carries no proof to a head that it is to be compared with.
    NotCompared,
    /// The hub, or the role it gave this device, does not allow it.
    Refused,
    /// There is no room left on the disk.
    Full,
    /// There is no room left on the hub's disk.
    HubFull,
    /// Several answers stand.
    Conflicted,
    /// Nothing is to be settled there.
    NoConflict,
    /// The checklist has not arrived.
    NoChecklist,
    /// What opens the folder was not given, or is another.
    Locked,
    /// The folder's keys were destroyed.
    Destroyed,
    /// The hub does not enrol the device by this invitation.
    NotEnrolled,
    /// Nobody has confirmed a claim.
    NotConfirmed,
}

impl Failed {
    /// Returns the exit code; `docs/cli.md` lists them.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Otherwise
            | Self::Conflicted
            | Self::NoConflict
            | Self::NoStep
            | Self::NotReady
            | Self::Final
            | Self::NotConfirmed
            | Self::FileThere => 1,
            Self::Usage | Self::Locked => 2,
            Self::NotFound
            | Self::UnknownItem
            | Self::UnknownField
            | Self::NoDevice
            | Self::NoChecklist => 3,
            Self::InUse => 4,
            Self::Network => 5,
            Self::WrongHub => 6,
            Self::Refused | Self::Unknown | Self::Ended | Self::Destroyed | Self::NotEnrolled => 6,
            Self::Full | Self::HubFull => 7,
            Self::LogForked => 8,
            Self::NotValid => 9,
            Self::NotCompared => 10,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Otherwise | Self::NoStep | Self::Final => "failed",
            Self::NotReady => "not_ready",
            Self::FileThere => "file_exists",
            Self::Usage => "usage",
            Self::NotFound
            | Self::UnknownItem
            | Self::UnknownField
            | Self::NoDevice
            | Self::NoChecklist => "not_found",
            Self::InUse => "in_use",
            Self::Network => "network",
            Self::WrongHub => "wrong_hub",
            Self::Unknown | Self::Refused | Self::Ended | Self::NotEnrolled => "refused",
            Self::NotConfirmed => "not_confirmed",
            Self::LogForked => "log_forked",
            Self::NotValid => "not_valid",
            Self::NotCompared => "not_compared",
            Self::Full => "disk_full",
            Self::HubFull => "hub_full",
            Self::Conflicted => "conflict",
            Self::NoConflict => "no_conflict",
            Self::Locked => "locked",
            Self::Destroyed => "destroyed",
        }
    }

    fn hint(self, at: At, m: &Messages) -> Option<String> {
        if let (At::Desk, Some(hint)) = (at, self.hint_at_desk(m)) {
            return Some(hint);
        }
        Some(match self {
            Self::Otherwise => return None,
            Self::Usage => m.text("hint.usage", &[]),
            Self::NotFound => m.text("hint.not_found", &[]),
            Self::UnknownItem => m.text("hint.unknown_item", &[]),
            Self::UnknownField => {
                let fields = header_form().fields().iter().map(|field| field.key.as_str());
                let fields: Vec<&str> = fields.collect();
                m.text("hint.unknown_field", &[("fields", &fields.join(", "))])
            }
            // Only what the error holds can tell more.
            Self::NoStep | Self::NotReady | Self::Final => return None,
            Self::FileThere | Self::NotCompared => return None,
            Self::Locked => m.text("hint.locked", &[]),
            Self::Destroyed => m.text("hint.destroyed", &[]),
            Self::NotEnrolled | Self::NotConfirmed => return None,
            Self::Ended => m.text("hint.ended", &[]),
            Self::NoDevice => m.text("hint.no_device", &[]),
            Self::InUse => m.text("hint.in_use", &[]),
            Self::Network => m.text("hint.network", &[]),
            Self::WrongHub => m.text("hint.wrong_hub", &[]),
            Self::Unknown => m.text("hint.unknown_device", &[]),
            Self::Refused => m.text("hint.refused", &[]),
            Self::LogForked => m.text("hint.log_forked", &[]),
            Self::NotValid => m.text("hint.not_valid", &[]),
            Self::Full => m.text("hint.full", &[]),
            Self::HubFull => m.text("hint.hub_full", &[]),
            Self::Conflicted => m.text("hint.conflicted", &[]),
            Self::NoConflict => m.text("hint.no_conflict", &[]),
            Self::NoChecklist => m.text("hint.no_checklist", &[]),
        })
    }

    /// Returns advice in the commands of `bienban admin`, where those of `bienban field` are others.
    fn hint_at_desk(self, m: &Messages) -> Option<String> {
        Some(match self {
            Self::NotFound => m.text("hint.desk_not_found", &[]),
            Self::UnknownItem => m.text("hint.desk_unknown_item", &[]),
            Self::Network => m.text("hint.desk_network", &[]),
            Self::Refused => m.text("hint.desk_refused", &[]),
            Self::Conflicted => m.text("hint.desk_conflicted", &[]),
            Self::NoChecklist => m.text("hint.desk_no_checklist", &[]),
            _ => return None,
        })
    }
}

/// An error as `--json` shows it.
#[derive(Debug, Serialize)]
pub(crate) struct Described {
    kind: &'static str,
    code: u8,
    message: String,
    causes: Vec<String>,
    hint: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<CellProblem>,
    /// What a name fits, with the plan of each where there is one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    candidates: Vec<CandidateData>,
    /// What a step of the life cycle lacks, or which inspections ask for a reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing: Vec<MissingData>,
    /// What can be chosen where something was named that stands there no longer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    standing: Vec<ConflictData>,
}

impl CliError {
    /// Returns what kind of failure it is.
    pub(crate) fn failed(&self) -> Failed {
        match self {
            // It may have ended, or never was.
            Self::Wrong(Wrong::NoSuchGrant { .. }) => Failed::NotFound,
            Self::Usage { .. } | Self::Wrong(_) => Failed::Usage,
            Self::Enrol(error) => error.failed(),
            Self::Backups(error) => of_backups(error),
            Self::Ended { .. } => Failed::Ended,
            Self::NoEmbedded { .. } | Self::NoSuchDevice { .. } => Failed::NotFound,
            Self::NotStanding { .. } | Self::Admitted { .. } => Failed::NotFound,
            Self::LastAdmin { .. } | Self::Revoked { .. } => Failed::Final,
            Self::FileThere { .. } | Self::DemoThere { .. } => Failed::FileThere,
            Self::Client(error) => of_client(error),
            Self::NoRoom { source, .. } | Self::Meant { source, .. } => source.failed(),
            Self::Refused { failure } => of_failure(failure),
            Self::NoAnswer | Self::NotRunning { .. } => Failed::Network,
            Self::File { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Failed::NotFound
            }
            Self::File { source, .. }
            | Self::Unwritten { source, .. }
            | Self::Start { source }
            | Self::Print { source } => of_io(source),
            Self::Service { source, .. } => of_service(&**source),
            Self::NotExported { .. } => Failed::NotValid,
            Self::Import { refused: true, .. } => Failed::Refused,
            Self::Checklist { .. }
            | Self::NotTaken { .. }
            | Self::Answers { .. }
            | Self::Import { .. }
            | Self::Encode { .. } => Failed::Otherwise,
        }
    }

    /// Adds how much room a disk needs and has, where that is what failed. A file that a person named lies on a disk
    /// of its own, and needs no more room than it takes.
    pub(crate) fn with_room(self, folder: &Path) -> Self {
        if matches!(self, Self::Unwritten { .. }) {
            return self;
        }
        match (self.failed(), store::free_bytes(folder)) {
            (Failed::Full, Some(free)) if !matches!(self, Self::NoRoom { .. }) => {
                Self::NoRoom { source: Box::new(self), needed: store::FREE_BYTES_MIN, free }
            }
            _ => self,
        }
    }

    /// Returns how long the hub asked to be left alone, if it did.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Client(ClientError::Driver(DriverError::Refused { failure })) => {
                failure.retry_after_ms.map(Duration::from_millis)
            }
            _ => None,
        }
    }

    /// Returns the error in the words of a person: what, why, and what to do `at` such a device.
    pub(crate) fn explain(&self, at: At, m: &Messages) -> String {
        let described = self.describe(at, m);
        let mut text = m.text("error.line", &[("message", &described.message)]);
        text.push('\n');
        for missing in &described.missing {
            // Writing to a text cannot fail.
            let _ = writeln!(text, "  - {}", course::missing_text(missing, m));
        }
        for cause in &described.causes {
            // Writing to a text cannot fail.
            let _ = writeln!(text, "  {}", m.text("error.cause", &[("cause", cause)]));
        }
        if let Some(hint) = &described.hint {
            let _ = writeln!(text, "  {}", m.text("error.hint", &[("hint", hint)]));
        }
        if !described.standing.is_empty() {
            let mut page = Page::new();
            record::conflicts::text(&mut page, &described.standing, m);
            text.push_str(page.text());
        }
        text
    }

    /// Returns what failed, why and what to do as one line, for a list in which it is one of many.
    pub(crate) fn in_one_line(&self, m: &Messages) -> String {
        let Described { message, causes, hint, .. } = self.describe(At::Field, m);
        let mut parts = vec![message];
        parts.extend(causes);
        parts.extend(hint);
        parts.join("; ")
    }

    /// Returns the error as data, with advice for such a device.
    pub(crate) fn describe(&self, at: At, m: &Messages) -> Described {
        let failed = self.failed();
        let message = self.message(m);
        let mut causes: Vec<String> = Vec::new();
        let missing = match self {
            Self::Client(ClientError::NotReady { missing, .. }) => {
                missing.iter().map(|one| MissingData::of(one, m)).collect()
            }
            Self::Client(ClientError::AsksReason { clashes }) => {
                clashes.iter().map(|clash| MissingData::asked(clash, m)).collect()
            }
            _ => Vec::new(),
        };
        let mut cause = match self {
            // It says the same as what failed, and adds figures.
            Self::NoRoom { source, .. } | Self::Meant { source, .. } => source.source(),
            Self::NotStanding { source, .. } => source.source(),
            // The message says why in one sentence with the file's name.
            Self::Client(ClientError::Bundle { .. }) => None,
            _ => self.source(),
        };
        while let Some(found) = cause {
            let text = causes::explain(found, m);
            // A transparent error says the same as its cause, and some say it within their own sentence.
            if !message.contains(&text) && causes.last() != Some(&text) {
                causes.push(text);
            }
            cause = found.source();
        }
        Described {
            kind: failed.name(),
            code: failed.code(),
            message,
            causes,
            hint: self.hint(at, m).or_else(|| failed.hint(at, m)),
            problems: match self {
                Self::Import { problems, .. } => problems.clone(),
                _ => Vec::new(),
            },
            candidates: match self {
                Self::Client(ClientError::Ambiguous { candidates, .. }) => {
                    candidates.iter().map(CandidateData::of).collect()
                }
                _ => Vec::new(),
            },
            missing,
            standing: match self {
                Self::NotStanding { standing, .. } => standing.clone(),
                _ => Vec::new(),
            },
        }
    }

    /// Returns what failed, without its causes, in the language of `m`.
    pub(crate) fn message(&self, m: &Messages) -> String {
        let path = |path: &PathBuf| path.display().to_string();
        match self {
            Self::Usage { what } | Self::Import { what, .. } => what.clone(),
            Self::Wrong(wrong) => wrong.explain(m),
            Self::Client(error) => causes::of_client(error, m).unwrap_or_else(|| error.to_string()),
            Self::NoRoom { source, .. } | Self::Meant { source, .. } => source.message(m),
            Self::NotStanding { source, .. } => {
                causes::of_client(source, m).unwrap_or_else(|| source.to_string())
            }
            Self::Enrol(error) => error.explain(m),
            Self::Backups(error) => {
                causes::of_backups(error, m).unwrap_or_else(|| error.to_string())
            }
            Self::Ended { .. } => m.text("cause.ended", &[]),
            Self::DemoThere { path: there, .. } => {
                m.text("cause.demo_there", &[("path", &path(there))])
            }
            Self::Refused { failure } => {
                m.text("cause.hub_refused", &[("why", &crate::reasons::of_failure(failure, m))])
            }
            Self::NotRunning { what } | Self::NotTaken { what } => what.clone(),
            Self::NoAnswer => m.text("cause.no_answer", &[]),
            Self::File { path: file, .. } => m.text("cause.read_file", &[("path", &path(file))]),
            Self::Unwritten { path: file, .. } => {
                m.text("cause.write_file", &[("path", &path(file))])
            }
            Self::FileThere { path: file, .. } => {
                m.text("cause.file_there", &[("path", &path(file))])
            }
            Self::Revoked { name, person: true, .. } => {
                m.text("cause.person_revoked", &[("name", name)])
            }
            Self::Revoked { name, device, .. } => {
                m.text("cause.device_revoked", &[("name", name), ("device", device)])
            }
            Self::Admitted { change, decided } => {
                let why = decided.text(m);
                m.text("quarantine.admitted_already", &[("id", change), ("why", &why)])
            }
            Self::NotExported { path: file, .. } => {
                m.text("cause.not_exported", &[("path", &path(file))])
            }
            Self::Checklist { path: file, .. } => {
                m.text("cause.checklist", &[("path", &path(file))])
            }
            Self::Answers { path: file, reason } => {
                let (path, why) = (path(file), causes::of_answers(reason, m));
                m.text("cause.answers", &[("path", &path), ("why", &why)])
            }
            Self::NoEmbedded { name, .. } => m.text("cause.no_embedded", &[("name", name)]),
            Self::NoSuchDevice { given } => m.text("cause.no_such_device", &[("given", given)]),
            Self::LastAdmin { device } => m.text("cause.last_admin", &[("device", device)]),
            Self::Start { .. } => m.text("cause.start", &[]),
            Self::Encode { .. } => m.text("cause.encode", &[]),
            Self::Print { .. } => m.text("cause.print", &[]),
            Self::Service { what, .. } => {
                m.text("cause.service", &[("what", &words::part(m, what))])
            }
        }
    }

    /// Returns advice that only this error can give: which names there are.
    fn hint(&self, at: At, m: &Messages) -> Option<String> {
        match self {
            Self::Meant { source, name } => {
                let meant = m.text("hint.meant", &[("name", name)]);
                let other = source.hint(at, m).or_else(|| source.failed().hint(at, m));
                Some(other.map_or_else(|| meant.clone(), |other| format!("{meant} {other}")))
            }
            Self::DemoThere { hub: Some(hub), .. } => {
                let dir = record::conflicts::quoted(&hub.display().to_string());
                Some(m.text("hint.demo_goes_on", &[("dir", &dir)]))
            }
            Self::DemoThere { .. } => Some(m.text("hint.demo_there", &[])),
            Self::FileThere { replaceable: true, .. } => Some(m.text("hint.file_there", &[])),
            Self::FileThere { .. } => Some(m.text("hint.no_plain_file", &[])),
            Self::Unwritten { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some(m.text("hint.no_folder", &[]))
            }
            Self::Unwritten { path, source } if of_io(source) == Failed::Full => {
                Some(room::of_file(path, m))
            }
            Self::Revoked { person: true, .. } => Some(m.text("hint.person_revoked", &[])),
            Self::Revoked { device, .. } => {
                Some(m.text("hint.device_revoked", &[("device", device)]))
            }
            Self::Wrong(Wrong::NoSuchGrant { .. }) => Some(m.text("hint.see_grants", &[])),
            Self::Wrong(Wrong::NoSuchDay { .. }) => Some(m.text("hint.calendar", &[])),
            Self::Wrong(Wrong::UnknownUnit { code }) => Some(match nearest::unit(code) {
                Some(unit) => m.text("hint.meant", &[("name", &unit)]),
                None => m.text("hint.units", &[]),
            }),
            Self::Backups(
                BackupsError::NoHub { .. }
                | BackupsError::NoBackup { .. }
                | BackupsError::Device { .. },
            ) => Some(m.text("backup.hint_folder", &[])),
            Self::Backups(BackupsError::File { source, .. })
                if source.kind() == io::ErrorKind::PermissionDenied =>
            {
                Some(m.text("backup.hint_rights", &[]))
            }
            Self::NoRoom { needed, free, .. }
            | Self::Client(ClientError::NoRoom { needed, free, .. }) => {
                let (needed, free) = (room::mebibytes(*needed), room::mebibytes(*free));
                Some(m.text("hint.full_figures", &[("needed", &needed), ("free", &free)]))
            }
            Self::File { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some(m.text("hint.no_file", &[]))
            }
            Self::NoEmbedded { closest: Some(name), .. } => {
                Some(m.text("hint.meant", &[("name", name)]))
            }
            Self::NoEmbedded { .. } => Some(m.text("hint.embedded", &[])),
            // Only an administrator names devices that nobody knows yet.
            Self::NoSuchDevice { .. } if at == At::Field => not_found("device", at, m),
            Self::NoSuchDevice { .. } => Some(m.text("hint.no_such_device", &[])),
            Self::Admitted { .. } => Some(m.text("hint.in_record", &[])),
            // The files lie where the hub is: no signal and no device has to do with it.
            Self::NotRunning { .. } => Some(m.text("hint.not_running", &[])),
            Self::LastAdmin { .. } => Some(m.text("hint.last_admin", &[])),
            Self::NotStanding { .. } => Some(m.text("hint.standing", &[])),
            Self::Client(error) => of_client_error(error, at, m),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bienban_core::model::DeviceId;
    use bienban_core::net::{CloseReason, NetError};
    use bienban_core::replica::ReplicaError;
    use bienban_core::store::StoreError;

    use super::*;
    use crate::hub::HubError;

    fn code(error: impl Into<CliError>) -> u8 {
        error.into().failed().code()
    }

    #[test]
    fn every_kind_of_failure_has_the_exit_code_that_is_documented() {
        let device = DeviceId([7; 32]);
        let path = PathBuf::from("x");
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        let in_use = || StoreError::InUse { path: "x".to_owned(), holder: None };
        let net = |error: NetError| ClientError::Driver(DriverError::Net(Arc::new(error)));
        assert_eq!(code(ClientError::HasDevice { path: path.clone() }), 1);
        assert_eq!(code(CliError::Usage { what: "x".to_owned() }), 2);
        assert_eq!(code(ClientError::NoDevice { path: path.clone() }), 3);
        assert_eq!(code(ClientError::NotPlanned), 3);
        assert_eq!(code(ClientError::Store(in_use())), 4);
        assert_eq!(code(ClientError::Replica(ReplicaError::Store(in_use()))), 4);
        assert_eq!(code(net(NetError::Busy)), 5);
        assert_eq!(code(net(NetError::Closed { reason: CloseReason::ShuttingDown })), 5);
        assert_eq!(code(net(NetError::HubKeyMismatch { pinned: device })), 6);
        assert_eq!(code(ClientError::Driver(DriverError::Cut)), 5);
        assert_eq!(code(net(NetError::DeviceUnknown { device })), 6);
        assert_eq!(code(ClientError::Store(StoreError::Full { action: "write" })), 7);
        let file = ClientError::File { action: "write", path, source: full() };
        assert_eq!(code(file), 7);
    }

    #[test]
    fn what_is_wrong_with_a_bundle_is_said_once_and_a_file_that_is_not_there_is_not_found() {
        use bienban_core::trust::bundle::BundleError;
        let io = |kind: io::ErrorKind| {
            let source = BundleError::Io { action: "read", source: Arc::new(kind.into()) };
            CliError::from(ClientError::Bundle { path: PathBuf::from("x"), source: source.into() })
        };
        let missing = io(io::ErrorKind::NotFound);
        assert_eq!(missing.failed().code(), 3);
        for lang in [crate::messages::Lang::Vi, crate::messages::Lang::En] {
            let described = missing.describe(At::Field, &Messages::new(lang));
            assert_eq!(described.causes, Vec::<String>::new(), "{}", described.message);
            let why = Messages::new(lang).text("cause.io_not_found", &[]);
            assert!(described.message.contains(&why), "{}", described.message);
        }
        assert_eq!(io(io::ErrorKind::PermissionDenied).failed().code(), 1);
    }

    #[test]
    fn a_hub_that_does_not_start_has_the_exit_code_of_its_cause() {
        let service = |source: HubError| CliError::Service {
            what: "hub".to_owned(),
            source: Box::new(source),
        };
        let in_use = StoreError::InUse { path: "x".to_owned(), holder: None };
        assert_eq!(code(service(in_use.into())), 4);
        assert_eq!(code(service(StoreError::Full { action: "write" }.into())), 7);
    }
}
