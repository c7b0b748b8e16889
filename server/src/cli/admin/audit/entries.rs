//! Entries of the hub's log as data and as a line of text.

use bienban_core::model::{DeviceId, Scope, Timestamp};
use bienban_core::trust::control::{DEED_NAMES, Whom};
use bienban_core::trust::log::LogEntry;
use clap::ValueEnum;
use serde::Serialize;

use super::words as log_words;
use crate::cli::{page, time, words};
use crate::messages::Messages;

/// What entries are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TypedKind {
    /// What was stored and merged.
    Accepted,
    /// What was set aside or turned away.
    Refused,
    /// What was given to whom.
    Read,
    /// What administrators did, and what that changed.
    Administered,
    /// What became of the hub's store.
    Store,
}

/// One entry.
#[derive(Debug, Serialize)]
pub(super) struct EntryData {
    /// The number of its leaf, from 0.
    leaf: u64,
    /// None where neither its record nor one before it says when.
    at: Option<String>,
    kind: TypedKind,
    /// The entry itself, by its own name.
    entry: serde_json::Value,
    #[serde(skip)]
    what: LogEntry,
}

impl EntryData {
    /// Describes a leaf, by its number and the time from which it may be.
    pub(super) fn of(number: u64, entry: &LogEntry, at: Timestamp) -> Self {
        use LogEntry as E;
        let kind = match entry {
            E::Stored { .. } | E::Merged { .. } => TypedKind::Accepted,
            E::Refused { .. } | E::Closed { .. } | E::TurnedAway { .. } => TypedKind::Refused,
            E::Read { .. } | E::Exported { .. } => TypedKind::Read,
            E::Administered { .. }
            | E::Trusted { .. }
            | E::Published { .. }
            | E::Object { .. }
            | E::Entered { .. } => TypedKind::Administered,
            E::Begun { .. }
            | E::Epoch { .. }
            | E::Recorded { .. }
            | E::Surpassed { .. }
            | E::ClockOff { .. }
            | E::Unrecorded { .. } => TypedKind::Store,
        };
        Self {
            leaf: number,
            at: (at != Timestamp::default()).then(|| time::rfc3339(at)),
            kind,
            entry: readable(entry),
            what: entry.clone(),
        }
    }

    /// Whether it is about this.
    pub(super) fn is(&self, kind: TypedKind) -> bool {
        self.kind == kind
    }

    /// Returns it as a line.
    pub(super) fn text(&self, m: &Messages) -> String {
        let at = self.at.as_ref().map_or_else(|| "-".to_owned(), |at| time::minute(at));
        format!("{:>6}  {at}  {}", self.leaf, self.said(m))
    }

    fn said(&self, m: &Messages) -> String {
        use LogEntry as E;
        match &self.what {
            E::Stored { device, document, seq, .. } => m.text(
                "audit.stored",
                &[
                    ("device", &device.short()),
                    ("document", &document.short()),
                    ("seq", &seq.to_string()),
                ],
            ),
            E::Merged { document, packs } => m.text(
                "audit.merged",
                &[("document", &document.short()), ("packs", &packs.to_string())],
            ),
            E::Refused { device, document, why, .. } => m.text(
                "audit.refused",
                &[
                    ("device", &device.short()),
                    ("document", &document.short()),
                    ("why", &log_words::refusal(m, *why)),
                ],
            ),
            E::Closed { document, .. } => {
                m.text("audit.closed", &[("document", &document.short())])
            }
            E::TurnedAway { device, count, why, .. } => m.text(
                "audit.turned_away",
                &[
                    ("device", &device.map_or_else(|| "…".to_owned(), |device| device.short())),
                    ("count", &count.to_string()),
                    ("why", &log_words::turned(m, *why)),
                ],
            ),
            E::Read { by, kind, scope, given } => m.text(
                "audit.read",
                &[
                    ("device", &by.short()),
                    ("kind", &words::kind(m, kind.name())),
                    ("scope", scope.as_str()),
                    ("count", &given.to_string()),
                ],
            ),
            E::Exported { by, document } => m.text(
                "audit.exported",
                &[("device", &by.short()), ("document", &document.short())],
            ),
            E::Administered { act, by, .. } => m.text(
                "audit.administered",
                &[("device", &by.short()), ("act", &log_words::act(m, *act))],
            ),
            E::Trusted { .. }
            | E::Published { .. }
            | E::Object { .. }
            | E::Entered { .. }
            | E::Begun { .. }
            | E::Epoch { .. }
            | E::Surpassed { .. }
            | E::Unrecorded { .. }
            | E::ClockOff { .. }
            | E::Recorded { .. } => self.said_of_hub(m),
        }
    }

    /// What is said of rights, checklists and the hub's own store.
    fn said_of_hub(&self, m: &Messages) -> String {
        use LogEntry as E;
        match &self.what {
            E::Trusted { device, active } if *active => {
                m.text("audit.trusted", &[("device", &device.short())])
            }
            E::Trusted { device, .. } => m.text("audit.ended", &[("device", &device.short())]),
            E::Published { template } => {
                let id = template.map(|template| template.short()).unwrap_or_default();
                m.text("audit.published", &[("id", &id)])
            }
            E::Object { hash } => {
                m.text("audit.object", &[("hash", &hex::encode(&hash[..page::SHORT / 2]))])
            }
            E::Entered { scope, by, whom, .. } => self.said_of_decision(scope, *by, *whom, m),
            E::Begun { .. } => m.text("audit.begun", &[]),
            E::Epoch { lost, continues, .. } => log_words::epoch(m, *lost, *continues),
            E::Surpassed { by, .. } => m.text("audit.surpassed", &[("device", &by.short())]),
            E::Unrecorded { count } => m.text("audit.unrecorded", &[("count", &count.to_string())]),
            E::ClockOff { device, ahead_ms } => {
                let key = if *ahead_ms < 0 { "audit.clock_behind" } else { "audit.clock_ahead" };
                let by = time::span(m, ahead_ms.unsigned_abs());
                m.text(key, &[("device", &device.short()), ("by", &by)])
            }
            E::Recorded { kind } => log_words::record(m, *kind),
            _ => String::new(),
        }
    }

    fn said_of_decision(
        &self,
        scope: &Scope,
        by: DeviceId,
        whom: Option<Whom>,
        m: &Messages,
    ) -> String {
        let (device, deed) = (by.short(), words::deed(m, &self.field("deed")));
        let (device, scope) = (device.as_str(), scope.as_str());
        match whom.map(subject) {
            None => {
                m.text("audit.entered", &[("device", device), ("scope", scope), ("deed", &deed)])
            }
            Some(whom) => m.text(
                "audit.entered_about",
                &[("device", device), ("scope", scope), ("deed", &deed), ("whom", &whom)],
            ),
        }
    }

    /// Returns a word of the entry as data has it.
    fn field(&self, name: &str) -> String {
        let inner = self.entry.as_object().and_then(|entry| entry.values().next());
        let word = inner.and_then(|inner| inner.get(name)).and_then(|word| word.as_str());
        word.unwrap_or_default().to_owned()
    }
}

/// Returns whom a decision is about, shortly.
fn subject(whom: Whom) -> String {
    match whom {
        Whom::Device(device) => device.short(),
        Whom::Person(person) => person.short(),
    }
}

/// Returns an entry as JSON, with names and hashes as digits in place of lists of bytes.
fn readable(entry: &LogEntry) -> serde_json::Value {
    let mut value = serde_json::to_value(entry).unwrap_or_default();
    digits(&mut value);
    if let LogEntry::Entered { deed, .. } = entry {
        let name = DEED_NAMES
            .get(usize::from(*deed))
            .map_or_else(|| deed.to_string(), |name| (*name).to_owned());
        value["entered"]["deed"] = name.into();
    }
    value
}

fn digits(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Array(bytes) => {
            let read: Option<Vec<u8>> =
                bytes.iter().map(|byte| u8::try_from(byte.as_u64()?).ok()).collect();
            match read {
                Some(read) if read.len() >= page::SHORT => *value = hex::encode(read).into(),
                _ => bytes.iter_mut().for_each(digits),
            }
        }
        serde_json::Value::Object(fields) => fields.values_mut().for_each(digits),
        _ => {}
    }
}
