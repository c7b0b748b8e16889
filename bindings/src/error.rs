//! The few errors that a screen can act on: the one place where an error of the core becomes one of them.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use bienban_core::client::{ClientError, Remedy, Trouble, parts};

use crate::messages;
use crate::records::{MissingThing, now_ms};

/// Reports that are kept in memory for [`recent_reports`]: the last minutes of a bad day, a few kilobytes.
const REPORTS_MAX: usize = 64;

/// What a person, or the app for them, does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum NextStep {
    /// The same again, later: nothing is wrong with what was asked.
    Retry,
    /// Show the message; the person decides.
    Tell,
    /// Show the message with `report_id`, and offer to send it to who supports the app.
    Report,
}

/// What is told of an error.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Report {
    /// What happened and what helps, in Vietnamese; fit for a screen.
    pub message_vi: String,
    /// The same in English.
    pub message_en: String,
    /// What to do next.
    pub next: NextStep,
    /// A random code, by which the library's log names the same error. It says nothing by itself.
    pub report_id: String,
    /// What it is about, for a screen: places that differ, names of people. Never logged.
    pub about: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.message_en, self.report_id)
    }
}

/// Why a call could not do as asked. Which of these it is tells the program; the report tells people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, uniffi::Error)]
#[non_exhaustive]
pub enum BienbanError {
    /// The store was closed.
    #[error("{report}")]
    Closed {
        /// What to tell.
        report: Report,
    },
    /// What was asked was cancelled by a call to `cancel`.
    #[error("{report}")]
    Cancelled {
        /// What to tell.
        report: Report,
    },
    /// The folder's key is missing or another, or the platform's key store failed.
    #[error("{report}")]
    Locked {
        /// What to tell.
        report: Report,
    },
    /// This device's rights were ended for good, and its data was erased.
    #[error("{report}")]
    Wiped {
        /// What to tell.
        report: Report,
    },
    /// This device's rights were ended, and something is still only here: another exchange brings it.
    #[error("{report}")]
    RightsEnded {
        /// What to tell.
        report: Report,
        /// Packs, lines, minutes and decisions that are only here.
        left: u64,
    },
    /// This device is not enrolled, or an enrolment did not come about.
    #[error("{report}")]
    NotEnrolled {
        /// What to tell.
        report: Report,
    },
    /// The server cannot be reached now. What was recorded is safe.
    #[error("{report}")]
    Network {
        /// What to tell.
        report: Report,
    },
    /// Another server answers than the one that this device pins.
    #[error("{report}")]
    WrongHub {
        /// What to tell.
        report: Report,
    },
    /// The server refused, or does not know this device any more.
    #[error("{report}")]
    Refused {
        /// What to tell.
        report: Report,
    },
    /// There is no room left, here or on the server.
    #[error("{report}")]
    Full {
        /// What to tell.
        report: Report,
    },
    /// Another process has the folder open.
    #[error("{report}")]
    InUse {
        /// What to tell.
        report: Report,
    },
    /// Nothing here has the name, or more than one thing has.
    #[error("{report}")]
    NotFound {
        /// What to tell.
        report: Report,
    },
    /// What was given does not fit: a value, a row, a day, a text that is too long.
    #[error("{report}")]
    Invalid {
        /// What to tell.
        report: Report,
    },
    /// The rights of this device do not allow it.
    #[error("{report}")]
    NotAllowed {
        /// What to tell.
        report: Report,
    },
    /// Values that differ stand, or nothing is left to settle. `report.about` names the places.
    #[error("{report}")]
    Conflict {
        /// What to tell.
        report: Report,
    },
    /// Something is missing that the law or the checklist asks for first.
    #[error("{report}")]
    NotReady {
        /// What to tell. `about` names the devices of the team that were not heard, if that is it.
        report: Report,
        /// Everything that is missing; empty where only a device was not heard.
        missing: Vec<MissingThing>,
    },
    /// It was done already, or nothing more can be done: sealed minutes take no edit.
    #[error("{report}")]
    Final {
        /// What to tell.
        report: Report,
    },
    /// Stored data cannot be read, or a later version wrote it.
    #[error("{report}")]
    Damaged {
        /// What to tell.
        report: Report,
    },
    /// Anything else, a panic that was caught among it.
    #[error("{report}")]
    Internal {
        /// What to tell.
        report: Report,
    },
}

impl BienbanError {
    /// Returns what is told of it.
    pub(crate) fn into_report(self) -> Report {
        match self {
            Self::Closed { report }
            | Self::Cancelled { report }
            | Self::Locked { report }
            | Self::Wiped { report }
            | Self::RightsEnded { report, .. }
            | Self::NotEnrolled { report }
            | Self::Network { report }
            | Self::WrongHub { report }
            | Self::Refused { report }
            | Self::Full { report }
            | Self::InUse { report }
            | Self::NotFound { report }
            | Self::Invalid { report }
            | Self::NotAllowed { report }
            | Self::Conflict { report }
            | Self::NotReady { report, .. }
            | Self::Final { report }
            | Self::Damaged { report }
            | Self::Internal { report } => report,
        }
    }
}

/// A line of the library's own log of errors. It holds no content of documents.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct ReportLine {
    /// The code that was told with the error.
    pub report_id: String,
    /// When, in milliseconds since 1970, by this device's clock.
    pub at_ms: i64,
    /// The call.
    pub call: String,
    /// The kind of trouble.
    pub trouble: String,
}

static REPORTS: Mutex<VecDeque<ReportLine>> = Mutex::new(VecDeque::new());

/// Returns the last errors of this process, at most 64, oldest first: what an app sends with a report.
///
/// # Errors
///
/// None so far; every exported call returns a result, so that none has to change when one comes.
#[uniffi::export]
pub fn recent_reports() -> Result<Vec<ReportLine>, BienbanError> {
    Ok(REPORTS.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect())
}

/// What goes wrong inside this crate, before it is told.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The core's error.
    Client(Box<ClientError>),
    /// The store was closed.
    Closed,
    /// The data was erased by order.
    Wiped,
    /// It was cancelled.
    Cancelled,
    /// The platform's key store failed.
    KeyStore,
    /// It works, and has no key for a folder that is there.
    KeyLost,
    /// What was given does not read.
    Invalid,
    /// More observers than there may be.
    Observers,
    /// An enrolment was refused; the key of the text that says why.
    Enrolment(&'static str),
    /// A panic below, or what cannot be.
    Internal,
}

impl From<ClientError> for Fault {
    fn from(error: ClientError) -> Self {
        Self::Client(Box::new(error))
    }
}

impl Fault {
    /// Tells the fault, under a fresh report id that is logged with the call's name.
    pub(crate) fn told(self, call: &'static str) -> BienbanError {
        let (key, next) = match &self {
            Self::Client(error) => {
                let trouble = error.trouble();
                (key_of(trouble), step_of(trouble.remedy()))
            }
            Self::Closed => ("closed", NextStep::Tell),
            Self::Wiped => ("destroyed", NextStep::Tell),
            Self::Cancelled => ("cancelled", NextStep::Tell),
            Self::KeyStore => ("key_store", NextStep::Retry),
            Self::KeyLost => ("locked", NextStep::Report),
            Self::Invalid => ("wrong_value", NextStep::Tell),
            Self::Observers => ("too_many_observers", NextStep::Tell),
            Self::Enrolment(key) => (*key, NextStep::Tell),
            Self::Internal => ("internal", NextStep::Report),
        };
        let text = messages::text(&format!("error.{key}"));
        let report = Report {
            message_vi: text.vi,
            message_en: text.en,
            next,
            report_id: report_id(),
            about: self.about(),
        };
        self.log(call, key, &report.report_id);
        self.with(report)
    }

    fn log(&self, call: &'static str, trouble: &str, report_id: &str) {
        match self {
            // What happens on any day asks for no line in a log.
            Self::Closed | Self::Cancelled => {}
            _ => noted(call, trouble, report_id),
        }
    }

    /// Names what a screen can point at.
    fn about(&self) -> Vec<String> {
        let Self::Client(error) = self else { return Vec::new() };
        match &**error {
            ClientError::Disputed { places } => places.clone(),
            ClientError::NotStanding { place, .. } => vec![place.clone()],
            ClientError::Unheard { devices } => {
                devices.iter().map(|author| author.name.clone()).collect()
            }
            ClientError::OthersFinding { author, .. } | ClientError::OthersStep { author, .. } => {
                vec![author.name.clone()]
            }
            ClientError::AlreadySealed { seal, official } => {
                vec![official.clone().unwrap_or_else(|| seal.clone())]
            }
            ClientError::Ambiguous { candidates, .. } => {
                candidates.iter().map(|one| one.id.clone()).collect()
            }
            _ => Vec::new(),
        }
    }

    fn with(self, report: Report) -> BienbanError {
        match self {
            Self::Client(error) => with_trouble(&error, report),
            Self::Closed => BienbanError::Closed { report },
            Self::Wiped => BienbanError::Wiped { report },
            Self::Cancelled => BienbanError::Cancelled { report },
            Self::KeyStore | Self::KeyLost => BienbanError::Locked { report },
            Self::Invalid | Self::Observers => BienbanError::Invalid { report },
            Self::Enrolment(_) => BienbanError::NotEnrolled { report },
            Self::Internal => BienbanError::Internal { report },
        }
    }
}

fn with_trouble(error: &ClientError, report: Report) -> BienbanError {
    use BienbanError as B;
    use Trouble as T;
    match error.trouble() {
        T::Locked => B::Locked { report },
        T::Destroyed => B::Wiped { report },
        T::RightsEnded => {
            let left = if let ClientError::RightsEnded { left, .. } = error { *left } else { 0 };
            B::RightsEnded { report, left }
        }
        T::NoDevice | T::NoHub | T::NoEnrolment | T::Invitation => B::NotEnrolled { report },
        T::Network | T::NoEntropy => B::Network { report },
        T::WrongHub => B::WrongHub { report },
        T::Unknown | T::Refused => B::Refused { report },
        T::DiskFull | T::HubFull => B::Full { report },
        T::InUse => B::InUse { report },
        T::NotFound | T::Ambiguous | T::NotPlanned | T::NoMinutes => B::NotFound { report },
        T::UnknownItem
        | T::WrongValue
        | T::WrongRow
        | T::TooLong
        | T::WrongDay
        | T::NoFolderName => B::Invalid { report },
        T::NotYours | T::NotHere | T::AnothersWork => B::NotAllowed { report },
        T::Conflicted | T::NoConflict | T::NotStanding => B::Conflict { report },
        T::NotReady | T::NoStep | T::Unheard | T::Unproven | T::NoChecklist => {
            let missing = match error {
                ClientError::NotReady { missing, .. } => {
                    missing.iter().map(MissingThing::of).collect()
                }
                _ => Vec::new(),
            };
            B::NotReady { report, missing }
        }
        T::Sealed | T::Final | T::HasDevice => B::Final { report },
        T::Damaged | T::Newer | T::LogForked => B::Damaged { report },
        _ => B::Internal { report },
    }
}

/// Keeps a line of what went wrong.
fn noted(call: &'static str, trouble: &str, report_id: &str) {
    tracing::warn!(report_id, call, trouble, "a call of the app failed");
    let mut reports = REPORTS.lock().unwrap_or_else(PoisonError::into_inner);
    if reports.len() == REPORTS_MAX {
        drop(reports.pop_front());
    }
    reports.push_back(ReportLine {
        report_id: report_id.to_owned(),
        at_ms: now_ms(),
        call: call.to_owned(),
        trouble: trouble.to_owned(),
    });
}

/// Tells what something waits for that goes on by itself.
pub(crate) fn waits_for(trouble: Trouble, call: &'static str) -> Report {
    let key = key_of(trouble);
    let (text, report_id) = (messages::text(&format!("error.{key}")), report_id());
    noted(call, key, &report_id);
    Report {
        message_vi: text.vi,
        message_en: text.en,
        next: step_of(trouble.remedy()),
        report_id,
        about: Vec::new(),
    }
}

/// Returns the key of the text for a kind of trouble.
fn key_of(trouble: Trouble) -> &'static str {
    use Trouble as T;
    match trouble {
        T::NoFolderName => "no_folder_name",
        T::NoDevice => "no_device",
        T::HasDevice => "has_device",
        T::Locked => "locked",
        T::Destroyed => "destroyed",
        T::InUse => "in_use",
        T::DiskFull => "disk_full",
        T::HubFull => "hub_full",
        T::Newer => "newer",
        T::Damaged => "damaged",
        T::NoHub => "no_hub",
        T::Invitation => "invitation",
        T::NoEnrolment => "no_enrolment",
        T::WrongHub => "wrong_hub",
        T::Network => "network",
        T::Unknown => "unknown_device",
        T::Refused => "refused",
        T::HubFailed => "hub_failed",
        T::LogForked => "log_forked",
        T::RightsEnded => "rights_ended",
        T::NotFound => "not_found",
        T::Ambiguous => "ambiguous",
        T::NoChecklist => "no_checklist",
        T::NotPlanned => "not_planned",
        T::UnknownItem => "unknown_item",
        T::WrongValue => "wrong_value",
        T::WrongRow => "wrong_row",
        T::TooLong => "too_long",
        T::WrongDay => "wrong_day",
        T::NotYours => "not_yours",
        T::NotHere => "not_here",
        T::Conflicted => "conflicted",
        T::NoConflict => "no_conflict",
        T::NotStanding => "not_standing",
        T::NoStep => "no_step",
        T::NotReady => "not_ready",
        T::AnothersWork => "anothers_work",
        T::Sealed => "sealed",
        T::NoMinutes => "no_minutes",
        T::Final => "final",
        T::Unheard => "unheard",
        T::Unproven => "unproven",
        T::NoEntropy => "no_entropy",
        _ => "other",
    }
}

fn step_of(remedy: Remedy) -> NextStep {
    match remedy {
        Remedy::Retry => NextStep::Retry,
        Remedy::Tell => NextStep::Tell,
        Remedy::Report => NextStep::Report,
    }
}

/// Returns a fresh code: eight letters and digits that nobody mistakes for each other on the telephone.
fn report_id() -> String {
    const LETTERS: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    // Without entropy the code is the same as others; the call's name and the time still tell them apart.
    let random = parts::random::<8>().unwrap_or_default();
    random.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_error_has_its_text_and_a_code_that_the_log_knows() {
        let path = std::path::PathBuf::from("x");
        let told = Fault::from(ClientError::NoDevice { path }).told("open");
        let BienbanError::NotEnrolled { report } = told else { panic!("{told:?}") };
        assert!(!report.message_vi.starts_with("error."), "{report:?}");
        assert_ne!(report.message_vi, report.message_en);
        let lines = recent_reports().unwrap();
        let line = lines.iter().find(|line| line.report_id == report.report_id).unwrap();
        assert_eq!((line.call.as_str(), line.trouble.as_str()), ("open", "no_device"));
    }

    #[test]
    fn what_differs_is_named_for_the_screen() {
        let places = vec!["answers/4.1".to_owned()];
        let told = Fault::from(ClientError::Disputed { places }).told("accept");
        let BienbanError::Conflict { report } = told else { panic!("{told:?}") };
        assert_eq!(report.about, ["answers/4.1"]);
        assert_eq!(report.next, NextStep::Tell);
    }
}
