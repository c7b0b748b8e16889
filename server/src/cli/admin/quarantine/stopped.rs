//! What stops something that was admitted from entering the record: as data, and as text for a terminal.

use bienban_core::sync::{AdmissionStop, StopCause};
use serde::Serialize;

use crate::cli::page::SHORT;
use crate::messages::Messages;

/// The change of the line that stops what follows it.
#[derive(Debug, Serialize)]
pub(super) struct StopData {
    /// One of lacks, lost, over_quota, other_line.
    cause: &'static str,
    seq: u64,
    change: String,
}

impl From<AdmissionStop> for StopData {
    fn from(stop: AdmissionStop) -> Self {
        let cause = match stop.cause {
            StopCause::Lacks => "lacks",
            StopCause::Lost => "lost",
            StopCause::OverQuota => "over_quota",
            StopCause::OtherLine => "other_line",
        };
        Self { cause, seq: stop.seq, change: stop.hash.to_string() }
    }
}

impl StopData {
    /// Says what stops it, and what to do.
    pub(super) fn text(&self, m: &Messages) -> String {
        let seq = self.seq.to_string();
        let values = [("seq", seq.as_str()), ("id", &self.change[..SHORT])];
        match self.cause {
            "lacks" => m.text("quarantine.stop_lacks", &values),
            "lost" => m.text("quarantine.stop_lost", &values),
            "over_quota" => m.text("quarantine.stop_over_quota", &values),
            _ => m.text("quarantine.stop_other_line", &values),
        }
    }
}
