//! Packs beyond a hole in their actor's line that whoever brought them could not fill.
//!
//! The hub asks first. Where the answer brought nothing, the changes between may be lost with the
//! device that made them, and offering the pack again would change nothing. So the hub keeps it aside,
//! within its signer's limit, names it to administrators, and takes it in as soon as anybody brings
//! what is missing. What continues a line that was set aside is set aside with it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use super::{Batch, Decision, Hub};
use crate::model::{Actor, DeviceId, DocumentId};
use crate::replica::ReplicaError;
use crate::replica::documents::each_row;
use crate::replica::facts::Quarantined;
use crate::replica::records::Records;
use crate::replica::rows::{self, STRANDED, StrandedRow, TIP, TipRow};
use crate::store::StoreError;
use crate::sync::{Notice, Pack, Verdict, Want};

/// Packs of one signer that are kept beyond holes. An honest device has none but after damage, and
/// then what one visit to the field makes; a hostile one that signs for what follows nothing reaches
/// it, and leaves room among what is set aside for other evidence.
pub(in crate::replica) const STRANDED_PER_DEVICE_MAX: u64 = 256;

/// Lines that one device's last exchange left unfilled and that are remembered; the next one asks for
/// the others. It bounds memory by the number of devices.
const UNANSWERED_PER_DEVICE_MAX: usize = 64;

/// What devices were asked for in their last exchange and did not bring. It is kept in memory: after a
/// restart they are asked once more.
pub(super) type Unanswered = Mutex<BTreeMap<DeviceId, BTreeSet<Want>>>;

impl Hub {
    /// Decides on a pack whose forerunners are not here, from a change on.
    pub(super) fn beyond(
        &self,
        from: DeviceId,
        pack: &Pack,
        from_seq: u64,
        bytes: &[u8],
    ) -> Result<Decision, ReplicaError> {
        if self.continues_other_line(pack)? {
            return self.set_aside(pack, Verdict::Equivocation, bytes);
        }
        let want = Want { document: pack.document(), actor: pack.actor(), from_seq };
        let unanswered = self.unanswered.lock().map_err(|_| ReplicaError::Interrupted)?;
        let asked = unanswered.get(&from).is_some_and(|wants| wants.contains(&want));
        drop(unanswered);
        if !asked {
            return Ok(Decision::Ask(want));
        }
        self.set_aside(pack, Verdict::Orphan, bytes)
    }

    /// Refuses for now a pack that would be kept beyond a hole where too many of its signer are.
    pub(super) fn within_limit(
        &self,
        batch: &Batch,
        decision: Decision,
    ) -> Result<Decision, StoreError> {
        let Decision::Set(entry) = &decision else { return Ok(decision) };
        if entry.notice.verdict != Verdict::Orphan {
            return Ok(decision);
        }
        let same = |held: &&Quarantined| {
            held.device == entry.device && held.notice.verdict == Verdict::Orphan
        };
        let added = batch.quarantined.iter().filter(same).count() as u64;
        let held = rows::get(&**self.replica.store(), &rows::stranded_of(entry.device))?;
        let over = held.unwrap_or(0_u64) + added >= STRANDED_PER_DEVICE_MAX;
        let notice = Notice { verdict: Verdict::OverQuota, ..entry.notice.clone() };
        Ok(if over { Decision::OverQuota(notice) } else { decision })
    }

    /// Returns whether a pack continues a line of which another stands here in its place.
    fn continues_other_line(&self, pack: &Pack) -> Result<bool, StoreError> {
        let Some(before) = pack.previous() else { return Ok(false) };
        let key = rows::of_set_aside(pack.document(), pack.actor(), before.seq, &before.hash);
        let verdict: Option<Verdict> = rows::get(&**self.replica.store(), &key)?;
        Ok(verdict == Some(Verdict::Equivocation))
    }

    /// Remembers which of the changes that a device was asked for are missing still. To be called
    /// once it has answered all that it was asked.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub(in crate::replica) fn note_answered(
        &self,
        from: DeviceId,
        asked: &BTreeSet<Want>,
    ) -> Result<(), ReplicaError> {
        let mut missing = BTreeSet::new();
        for want in asked {
            if missing.len() == UNANSWERED_PER_DEVICE_MAX {
                break;
            }
            if self.next_of(want.document, want.actor)? <= want.from_seq {
                missing.insert(*want);
            }
        }
        let mut unanswered = self.unanswered.lock().map_err(|_| ReplicaError::Interrupted)?;
        if missing.is_empty() {
            unanswered.remove(&from);
        } else {
            unanswered.insert(from, missing);
        }
        Ok(())
    }

    /// Takes in what was kept beyond holes of lines that have grown, as far as it continues them now.
    /// Without room it is kept where it is; the next start of the hub looks at it again.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError`] when reading fails, or writing for another reason.
    pub(super) fn attach(
        &self,
        lines: impl IntoIterator<Item = (DocumentId, Actor)>,
    ) -> Result<(), ReplicaError> {
        let store = self.replica.store();
        if store.scan(&[STRANDED], None, 1)?.is_empty() {
            return Ok(());
        }
        let mut records = Records::default();
        for (document, actor) in lines {
            // In the order of their last changes, so that each finds its line as the one before left
            // it. A line has one signer, whose limit bounds them.
            for (key, value) in
                store.scan(&rows::of_actor(STRANDED, document, actor), None, usize::MAX)?
            {
                let row: StrandedRow = rows::decode(&key, &value)?;
                if row.first_seq > self.next_of(document, actor)? {
                    continue;
                }
                let Some((bytes, at)) = self.evidence(&mut records, row.place)? else { continue };
                let Ok(pack) = Pack::decode(&bytes) else { continue };
                match self.admit(pack.device(), &[(pack, bytes)], at) {
                    Ok(()) => {}
                    Err(ReplicaError::Store(StoreError::Full { .. })) => return Ok(()),
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// As [`Self::attach`], for all lines.
    ///
    /// # Errors
    ///
    /// As [`Self::attach`].
    pub(super) fn attach_all(&self) -> Result<(), ReplicaError> {
        let mut lines = BTreeSet::new();
        each_row(&**self.replica.store(), &[STRANDED], None, |key, _| {
            lines.extend(rows::document_in(key).zip(rows::actor_in(key)));
            Ok(())
        })?;
        self.attach(lines)
    }

    /// Returns the number of the first change of a line that is not held.
    fn next_of(&self, document: DocumentId, actor: Actor) -> Result<u64, StoreError> {
        let row: Option<TipRow> =
            rows::get(&**self.replica.store(), &rows::of_actor(TIP, document, actor))?;
        Ok(row.map_or(0, |row| row.attestation.tip.seq).saturating_add(1))
    }
}
