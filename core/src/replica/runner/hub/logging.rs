//! What an exchange of the hub has to do with the hub's log: showing it, and telling it what was given.

use super::HubRunner;
use crate::model::Timestamp;
use crate::replica::ReplicaError;
use crate::sync::{AdminRequest, LogRequest, QuarantineRequest};
use crate::trust::log::{Act, LogEntry, TreeHead, Turned};

impl HubRunner {
    /// Shows the log to the device, or ends all exchanges of this epoch where the device knows more of it.
    pub(super) fn show_log(
        &mut self,
        kept: &[TreeHead],
        now: Timestamp,
    ) -> Result<(), ReplicaError> {
        self.announced |= self.hub.heed_heads(kept, self.entry.device, now)?;
        if !self.end_if_renewed()? {
            self.session.handle_log(self.hub.show_log(kept, now)?)?;
        }
        Ok(())
    }

    /// Puts into the hub's log that an administrator or auditor asks for something, before it is done. What
    /// is only read is there once for each exchange, so that whoever pages or watches does not fill the log;
    /// where in a list the reading begins makes no difference.
    pub(super) fn note_asked(
        &mut self,
        request: &AdminRequest,
        now: Timestamp,
    ) -> Result<(), ReplicaError> {
        let by = self.entry.device;
        match request {
            AdminRequest::Log(LogRequest::Proofs { document, .. }) => {
                if self.exported.replace(*document) != Some(*document) {
                    self.hub.audit(vec![LogEntry::Exported { by, document: *document }], now)?;
                }
                Ok(())
            }
            AdminRequest::Log(LogRequest::Page { .. }) => {
                if self.readings.insert(Act::ReadLog) {
                    self.hub.note_act(Act::ReadLog, by, &[], now)?;
                }
                Ok(())
            }
            AdminRequest::Status | AdminRequest::Backup => self.note_reading(Act::ReadStatus, now),
            // Where in the list or in the pack the reading begins makes no difference.
            AdminRequest::Quarantine(
                QuarantineRequest::Page { .. } | QuarantineRequest::Stop { .. },
            ) => self.note_reading(Act::ReadAside, now),
            AdminRequest::Quarantine(QuarantineRequest::Bytes { name, .. }) => {
                if self.evidence.replace(*name) == Some(*name) {
                    return Ok(());
                }
                let (name, from) = (*name, 0);
                let whole = AdminRequest::Quarantine(QuarantineRequest::Bytes { name, from });
                self.note_act(Act::ReadAside, &whole, now)
            }
            AdminRequest::Waiting | AdminRequest::Numbers | AdminRequest::Seals => {
                self.note_reading(Act::ReadWaiting, now)
            }
            AdminRequest::TrustDevice(_) => self.note_act(Act::Trust, request, now),
            AdminRequest::PublishObject { .. } => self.note_act(Act::Publish, request, now),
            AdminRequest::Acknowledge | AdminRequest::SeenSeals(_) => {
                self.note_act(Act::Acknowledge, request, now)
            }
            // What is entered has an entry by its own record, and what is refused gets one.
            // How the log grew are hashes alone.
            AdminRequest::Enter { .. }
            | AdminRequest::Log(LogRequest::Grown { .. })
            | AdminRequest::TakeBack { .. }
            | AdminRequest::Seal { .. }
            | AdminRequest::Invite(_)
            | AdminRequest::Mark
            | AdminRequest::Claimed(_)
            | AdminRequest::Deny(_) => Ok(()),
        }
    }

    /// Waits for no disk: how a hub without room is must still be told.
    fn note_reading(&mut self, act: Act, now: Timestamp) -> Result<(), ReplicaError> {
        if !self.readings.insert(act) {
            return Ok(());
        }
        let hash = *blake3::hash(&[]).as_bytes();
        let entry = LogEntry::Administered { act, by: self.entry.device, hash };
        self.hub.note_soon(vec![entry], now)
    }

    /// Puts into the hub's log that something was asked and refused.
    pub(super) fn note_refused(&self, asked: &[u8], now: Timestamp) -> Result<(), ReplicaError> {
        self.hub.note_act(Act::Refused, self.entry.device, asked, now)
    }

    fn note_act(
        &self,
        act: Act,
        request: &AdminRequest,
        now: Timestamp,
    ) -> Result<(), ReplicaError> {
        self.hub.note_act(act, self.entry.device, &bytes_of(request)?, now)
    }

    /// Puts into the hub's log what this exchange gave and turned away so far.
    pub(super) fn account(&mut self, now: Timestamp) -> Result<(), ReplicaError> {
        let device = self.entry.device;
        let not_kept = std::mem::take(&mut self.not_kept);
        self.hub.turned_away(Turned::NotKept, device, not_kept, now)?;
        let forbidden = self.session.take_forbidden();
        self.hub.turned_away(Turned::NotAllowed, device, forbidden, now)?;
        self.hub.note_reads(device, self.reads.take(), now)
    }
}

/// Returns what the log's hash of a request is over.
pub(super) fn bytes_of(request: &AdminRequest) -> Result<Vec<u8>, ReplicaError> {
    postcard::to_stdvec(request).map_err(|source| ReplicaError::Encode { what: "request", source })
}

impl Drop for HubRunner {
    /// An exchange that breaks off has given something too. What cannot be recorded now waits in the hub.
    fn drop(&mut self) {
        drop(self.account(self.now));
    }
}
