//! Which sealed minutes wait at the hub, and for what. Reads the rows of those that wait, and of the latest that are
//! kept because their signer's rights were ended, and of no other document, and loads none.

use super::Hub;
use crate::model::{Actor, DocumentId, Timestamp};
use crate::replica::ReplicaError;
use crate::replica::facts::Fact;
use crate::replica::rows::{
    self, OBJECT, QUARANTINE, SEAL_UNSEEN, SEALING, SealingRow, TIP, TipRow,
};
use crate::store::StoreError;
use crate::sync::{LackingLine, LinePlace, SealWait, SealsWaiting, WaitingSeal};
use crate::trust::control::{ActId, SignedAct};
use crate::trust::seal::{Seal, SealId};

/// Sealed minutes that are named of those that wait, and of those that never will be registered: a person looks
/// at each.
const SEALS_NAMED_MAX: usize = 32;

/// Minutes among which those are looked for that were seen: they were named, so they are among the latest.
const UNSEEN_SCANNED_MAX: usize = 1_024;

/// Lines that are named of one of them: a team has a few devices, and one that is missing says enough.
const LINES_NAMED_MAX: usize = 8;

impl Hub {
    /// Returns the sealed minutes that are not registered yet, by when they came, and what each waits for; and behind
    /// them those that never will be registered because the rights of who signed them were ended while they waited,
    /// the latest first, until [`Hub::see_seals`] says that they were seen.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError`] when reading fails.
    pub fn seals_waiting(&self, now: Timestamp) -> Result<SealsWaiting, ReplicaError> {
        let mut waiting = Vec::new();
        let store = self.replica.store();
        // No more than may wait at once.
        for (key, value) in store.scan(&[SEALING], None, usize::MAX)? {
            let row: SealingRow = rows::decode(&key, &value)?;
            waiting.push((row.since, key, row));
        }
        waiting.sort_unstable_by(|one, two| (one.0, &one.1).cmp(&(two.0, &two.1)));
        let mut more = waiting.len() > SEALS_NAMED_MAX;
        waiting.truncate(SEALS_NAMED_MAX);
        let ended = self.ended_unseen(SEALS_NAMED_MAX + 1)?;
        more |= ended.len() > SEALS_NAMED_MAX;
        let ended = ended.into_iter().take(SEALS_NAMED_MAX);
        waiting.extend(ended.map(|(_, key, row)| (row.since, key, row)));
        let mut seals = Vec::new();
        for (since, key, row) in waiting {
            let act = SignedAct::decode(&row.act)?;
            seals.push(WaitingSeal {
                seal: row.seal,
                document: row.document,
                scope: act.act.scope.clone(),
                leader: act.act.by,
                since,
                wait: self.wait_of(&key, &row, &act, now)?,
            });
        }
        Ok(SealsWaiting { seals, more })
    }

    /// Records that an administrator was shown these minutes, as far as they never will be registered: they are named
    /// no more, and kept as before.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError`] when reading fails or it could not be recorded.
    pub fn see_seals(&self, seen: &[SealId], now: Timestamp) -> Result<(), ReplicaError> {
        let unseen = self.ended_unseen(UNSEEN_SCANNED_MAX)?.into_iter();
        let unseen = unseen.filter(|(_, _, row)| seen.contains(&row.seal));
        let acts: Vec<ActId> = unseen.map(|(act, ..)| act).collect();
        if !acts.is_empty() {
            self.record(Fact::SealsSeen { acts, at: now })?;
        }
        Ok(())
    }

    /// Returns the latest of the minutes that never will be registered and that nobody has said to have seen: the
    /// act, the key of the row, and the row.
    fn ended_unseen(&self, most: usize) -> Result<Vec<(ActId, Vec<u8>, SealingRow)>, ReplicaError> {
        let store = self.replica.store();
        let mut unseen = Vec::new();
        for (key, value) in store.scan(&[SEAL_UNSEEN], None, most)? {
            let refused: Vec<u8> = rows::decode(&key, &value)?;
            let row = rows::get::<SealingRow>(&**store, &refused)?;
            if let (Some(act), Some(row)) = (rows::unseen_in(&key), row) {
                unseen.push((act, refused, row));
            }
        }
        Ok(unseen)
    }

    /// Returns what one seal waits for: the first of what keeps it from being registered.
    fn wait_of(
        &self,
        key: &[u8],
        row: &SealingRow,
        act: &SignedAct,
        now: Timestamp,
    ) -> Result<SealWait, ReplicaError> {
        let Some(bytes) = self.replica.seal_bytes(row.seal)? else { return Ok(SealWait::Lost) };
        let seal = Seal::decode(&bytes)?;
        if !self.may_seal(act, now)? {
            return Ok(SealWait::Rights);
        }
        if let Some(template) = seal.statement.genesis.template
            && self.replica.store().get(&rows::of_template(OBJECT, template))?.is_none()
        {
            return Ok(SealWait::Checklist(template));
        }
        let mut lacking = self.lacking(&seal)?;
        if lacking.is_empty() {
            return Ok(SealWait::Check { failed: self.stuck.failed(key) });
        }
        let more = lacking.len() > LINES_NAMED_MAX;
        lacking.truncate(LINES_NAMED_MAX);
        Ok(SealWait::Changes { lacking, more })
    }

    /// Returns the lines of a seal that are not merged as far as they were heard; one more than are named
    /// at most.
    fn lacking(&self, seal: &Seal) -> Result<Vec<LackingLine>, ReplicaError> {
        let document = seal.statement.document;
        let mut lacking = Vec::new();
        for (device, line) in seal.statement.heard_lines() {
            let actor = Actor::derive(device, document, line.incarnation);
            if self.has_merged_beyond(document, actor, line.seq)? {
                continue;
            }
            let place = self.place_of((document, actor), line.seq)?;
            lacking.push(LackingLine { device, seq: line.seq, hash: line.hash, place });
            if lacking.len() > LINES_NAMED_MAX {
                break;
            }
        }
        Ok(lacking)
    }

    fn place_of(
        &self,
        (document, actor): (DocumentId, Actor),
        seq: u64,
    ) -> Result<LinePlace, StoreError> {
        let store = self.replica.store();
        let tip: Option<TipRow> = rows::get(&**store, &rows::of_actor(TIP, document, actor))?;
        if tip.is_some_and(|row| row.attestation.tip.seq >= seq) {
            return Ok(LinePlace::Unmerged);
        }
        let line = rows::of_actor(QUARANTINE, document, actor);
        // Keys of this place and of later ones are longer than it, or greater.
        let from = rows::of_seq(QUARANTINE, document, actor, seq);
        let aside = !store.scan(&line, Some(&from), 1)?.is_empty();
        Ok(if aside { LinePlace::Aside } else { LinePlace::Absent })
    }
}
