//! What becomes of each pack that a device brings: taken, held already, set aside, refused.

use std::sync::mpsc::{Receiver, sync_channel};

use super::shares::over_quota;
use super::{Batch, Decision, Hub, InFlight, admission, describe, notice, tip_at, unreadable};
use crate::model::{Actor, DeviceId, DocumentId, Timestamp};
use crate::replica::facts::{Fact, Quarantined};
use crate::replica::rows::{CLOSED, PACK, PackRow, TIP, TipRow};
use crate::replica::{ReplicaError, rows};
use crate::store::{Position, StoreError};
use crate::sync::{Accepted, ClosedLine, Failure, FailureCode, Notice, Pack, PackError, Verdict};
use crate::trust::Tip;

impl Hub {
    /// Refuses what cannot be read as a pack, or does not hold, and names it to the sender as far as
    /// its head reads. A device is told of its own by a notice as well, once; for bytes that do not
    /// even say whose they are, and for those of others, the end of the exchange says why.
    pub(super) fn refuse(
        &self,
        batch: &mut Batch,
        accepted: &mut Accepted,
        bytes: &[u8],
        error: &PackError,
    ) -> Result<(), ReplicaError> {
        if let Some((signer, notice)) = unreadable(bytes) {
            batch.decline(signer, notice.clone());
            let own = signer == batch.from;
            let kept = if own { Some(self.keep_aside(signer, notice, &[])?) } else { None };
            match kept {
                Some(Decision::Set(entry)) => {
                    batch.set_aside(*entry);
                    return Ok(());
                }
                Some(Decision::Known(_)) => return Ok(()),
                _ => {}
            }
        }
        accepted.failure.get_or_insert_with(|| Failure {
            code: match error {
                PackError::Version { .. } => FailureCode::Version,
                PackError::TooLarge { .. } | PackError::Changes { .. } => FailureCode::TooLarge,
                _ => FailureCode::Misbehaved,
            },
            message: describe(error),
            retry_after_ms: None,
        });
        Ok(())
    }

    /// Queues what is to be recorded while the tips are locked, so that the journal keeps the order
    /// of decisions; the caller waits outside, so that sessions share one sync.
    pub(super) fn submit(
        &self,
        batch: &mut Batch,
        from: DeviceId,
        now: Timestamp,
    ) -> Result<Option<Receiver<Result<Position, StoreError>>>, ReplicaError> {
        if batch.packs.is_empty() && batch.quarantined.is_empty() {
            return Ok(None);
        }
        if batch.admitted.is_some_and(|all| batch.taken.len() + batch.held.len() < all) {
            return Ok(None);
        }
        let packs = std::mem::take(&mut batch.packs);
        let quarantined = std::mem::take(&mut batch.quarantined);
        let record = Fact::Accepted { from, packs, quarantined, at: now }.record()?;
        let (send, receive) = sync_channel(1);
        // The receiver may be gone if its thread was stopped; the commit stands all the same.
        let done = Box::new(move |outcome| drop(send.send(outcome)));
        self.replica.store().submit(vec![record], done);
        Ok(Some(receive))
    }

    pub(super) fn decide(
        &self,
        tips: &InFlight,
        batch: &Batch,
        pack: Pack,
        bytes: &[u8],
    ) -> Result<Decision, ReplicaError> {
        let (from, at, admitted) = (batch.from, batch.at, batch.admitted);
        let (document, actor) = (pack.document(), pack.actor());
        let quarantine = |pack: &Pack, verdict| self.set_aside(pack, verdict, bytes);
        let entry = self.replica.device(pack.device())?.map(|entry| entry.in_force(at));
        match entry {
            _ if admitted.is_some() => {}
            Some(entry) if self.replica.lets_write(&entry, pack.genesis())? => {}
            // What is in the record since it was allowed stays there, and is signed for again.
            Some(_) if self.is_held(tips, &pack)? => return Ok(Decision::Held(pack)),
            Some(_) => return quarantine(&pack, Verdict::NotAllowed),
            None if self.brought_too_much(from)? => return Ok(over_quota(&pack)),
            None => return quarantine(&pack, Verdict::NotAllowed),
        }
        let closed: Option<ClosedLine> =
            rows::get(&**self.replica.store(), &rows::of_actor(CLOSED, document, actor))?;
        if closed.is_some_and(|line| pack.last_seq() >= line.from_seq) {
            return quarantine(&pack, Verdict::OnRefused);
        }
        let Some(held) = self.tip(tips, document, actor)? else {
            return match pack.previous() {
                None => self.take(pack),
                Some(_) => self.beyond(from, &pack, 1, bytes),
            };
        };
        if pack.first_seq() > held.seq + 1 {
            return self.beyond(from, &pack, held.seq + 1, bytes);
        }
        // The two lines must be one up to the last change that both have. A line's hash covers all
        // changes before it, so comparing one place compares the whole.
        let shared = held.seq.min(pack.last_seq());
        let ours =
            if shared == held.seq { Some(held) } else { self.held_tip(document, actor, shared)? };
        match ours {
            Some(ours) if tip_at(&pack, shared) == Some(ours) => {
                // What is still on its way to the disk may yet fail: such a pack is taken once more
                // rather than signed for, which costs a few bytes and changes nothing.
                let durable = !tips.contains_key(&(document, actor));
                if pack.last_seq() > held.seq || !durable {
                    self.take(pack)
                } else {
                    Ok(Decision::Held(pack))
                }
            }
            _ => quarantine(&pack, Verdict::Equivocation),
        }
    }

    /// Returns whether all of a pack is held and durable.
    pub(super) fn is_held(&self, tips: &InFlight, pack: &Pack) -> Result<bool, ReplicaError> {
        let (document, actor, last) = (pack.document(), pack.actor(), pack.last_seq());
        let held = self.tip(tips, document, actor)?.filter(|held| last <= held.seq);
        let Some(held) = held.filter(|_| !tips.contains_key(&(document, actor))) else {
            return Ok(false);
        };
        let ours =
            if last == held.seq { Some(held) } else { self.held_tip(document, actor, last)? };
        Ok(ours.is_some() && tip_at(pack, last) == ours)
    }

    /// Decides that an authentic pack may not enter the record. It is kept as evidence, once, and
    /// within its device's quota.
    pub(super) fn set_aside(
        &self,
        pack: &Pack,
        verdict: Verdict,
        bytes: &[u8],
    ) -> Result<Decision, ReplicaError> {
        self.keep_aside(pack.device(), notice(pack, verdict), bytes)
    }

    pub(super) fn keep_aside(
        &self,
        device: DeviceId,
        notice: Notice,
        bytes: &[u8],
    ) -> Result<Decision, ReplicaError> {
        let store = self.replica.store();
        if store.get(&rows::of_quarantine(&notice))?.is_some() {
            return Ok(Decision::Known(notice));
        }
        let count = rows::get::<u64>(&**store, &rows::aside_of(device))?.unwrap_or(0);
        if count >= admission::ASIDE_PER_DEVICE_MAX {
            let verdict = Verdict::OverQuota;
            return Ok(Decision::OverQuota(Notice { verdict, ..notice }));
        }
        let bytes = bytes.to_vec();
        Ok(Decision::Set(Box::new(Quarantined { device, notice, bytes })))
    }

    pub(super) fn tip(
        &self,
        tips: &InFlight,
        document: DocumentId,
        actor: Actor,
    ) -> Result<Option<Tip>, StoreError> {
        if let Some(tip) = tips.get(&(document, actor)) {
            return Ok(Some(*tip));
        }
        let row: Option<TipRow> =
            rows::get(&**self.replica.store(), &rows::of_actor(TIP, document, actor))?;
        Ok(row.map(|row| row.attestation.tip))
    }

    /// Returns the line as of a change that a held pack contains.
    pub(super) fn held_tip(
        &self,
        document: DocumentId,
        actor: Actor,
        seq: u64,
    ) -> Result<Option<Tip>, ReplicaError> {
        let store = self.replica.store();
        let prefix = rows::of_actor(PACK, document, actor);
        let before = rows::of_seq(PACK, document, actor, seq.saturating_sub(1));
        let page = store.scan(&prefix, Some(&before), 1)?;
        let Some((key, value)) = page.first() else { return Ok(None) };
        let row: PackRow = rows::decode(key, value)?;
        let pack = Pack::decode(&self.replica.pack(row.place)?)?;
        Ok(tip_at(&pack, seq))
    }
}
