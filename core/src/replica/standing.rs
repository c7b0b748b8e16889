//! Whether what the hub says of a line is the line that is held here, and withdrawing what is not.
//!
//! Two lines under one name come from a phone that was restored or cloned without noticing; that
//! phones hold different ones of them, from a hub that was restored as well. The hub decides which
//! one stays: the one that it holds.

use std::collections::{BTreeMap, BTreeSet};

use super::ReplicaError;
use super::facts::{Fact, Renewal};
use super::fork::LineName;
use super::hub::tip_at;
use super::phone::Phone;
use super::rows::{
    self, ARRIVAL, ArrivalRow, BEYOND, BeyondRow, CLOSED, FORK, PACK, PackRow, TIP, TipRow,
    UNRELEASED,
};
use crate::model::{Actor, DocumentId, Incarnation, Timestamp};
use crate::store::StoreError;
use crate::sync::{ClosedLine, Equivocation, Notice, Pack, Verdict};
use crate::trust::Tip;

/// What one batch has brought of lines so far, in its order. None of it is stored yet.
pub(super) type Brought = BTreeMap<LineName, Vec<Box<Pack>>>;

/// How a pack that the hub brings stands to what is held of its actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is here, or stays out.
    Held,
    /// It continues what is held.
    News,
    /// It lies behind a hole.
    Beyond,
    /// It holds own edits that are not signed here yet, as they are here.
    Back,
    /// It is of another line.
    Differs,
}

impl Phone {
    /// Says how a pack stands to what is held, with what the batch has brought before it.
    pub(super) fn standing(
        &self,
        brought: &Brought,
        pack: &Pack,
    ) -> Result<Standing, ReplicaError> {
        let store = self.replica().store();
        let (document, actor) = (pack.document(), pack.actor());
        let line: Option<ClosedLine> =
            rows::get(&**store, &rows::of_actor(CLOSED, document, actor))?;
        if line.is_some_and(|line| pack.last_seq() >= line.from_seq)
            && !self.is_of_earlier_life(document, actor)?
        {
            // Who brings it has not heard yet that it stays out.
            return Ok(Standing::Held);
        }
        let brought = brought.get(&(document, actor)).map(Vec::as_slice).unwrap_or_default();
        let end = match brought.last() {
            Some(last) => Some(last.tip()),
            None => self.held_end(document, actor)?,
        };
        if pack.first_seq() > end.map_or(0, |end| end.seq).saturating_add(1) {
            let beyond = rows::of_seq(BEYOND, document, actor, pack.last_seq());
            let row: Option<BeyondRow> = rows::get(&**store, &beyond)?;
            let same = row.is_some_and(|row| {
                row.first_seq == pack.first_seq()
                    && row.previous.as_ref() == pack.previous()
                    && row.attestation.tip == pack.tip()
            });
            return Ok(if same { Standing::Held } else { Standing::Beyond });
        }
        let covered = end.is_some_and(|end| pack.last_seq() <= end.seq);
        let agrees = match end {
            Some(end) => self.agrees(brought, pack, end)?,
            None => Some(true),
        };
        match agrees {
            Some(false) => Ok(Standing::Differs),
            Some(true) if covered => Ok(Standing::Held),
            // It came in a snapshot, and only the document says whether it is this.
            None if self.shows(pack)? => Ok(Standing::Held),
            None => Ok(Standing::News),
            Some(true) => self.beside_unsigned(pack, end.map_or(0, |end| end.seq)),
        }
    }

    /// Returns whether a pack and what is held are one line, up to the last change that both have.
    /// The line's hash covers all changes before it, so comparing one place compares the whole.
    /// `None` where what is held came in a snapshot and ends elsewhere.
    fn agrees(
        &self,
        brought: &[Box<Pack>],
        pack: &Pack,
        end: Tip,
    ) -> Result<Option<bool>, ReplicaError> {
        let store = self.replica().store();
        let (document, actor, last) = (pack.document(), pack.actor(), pack.last_seq());
        if last >= end.seq {
            return Ok(Some(tip_at(pack, end.seq) == Some(end)));
        }
        if let Some(tip) = brought.iter().find_map(|brought| tip_at(brought, last)) {
            return Ok(Some(tip == pack.tip()));
        }
        let prefix = rows::of_actor(PACK, document, actor);
        let before = rows::of_seq(PACK, document, actor, last.saturating_sub(1));
        let page = store.scan(&prefix, Some(&before), 1)?;
        let Some((key, value)) = page.first() else { return Ok(None) };
        let row: PackRow = rows::decode(key, value)?;
        if rows::number_in(key) == Some(last) {
            return Ok(Some(row.tip == pack.tip_hash()));
        }
        let held = match self.replica().pack(row.place) {
            Ok(bytes) => Pack::decode(&bytes)?,
            Err(StoreError::Damaged { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        Ok(tip_at(&held, last).map(|ours| ours == pack.tip()))
    }

    fn shows(&self, pack: &Pack) -> Result<bool, ReplicaError> {
        if self.is_forked_line(pack.document(), pack.actor())? {
            return Ok(false);
        }
        Ok(self.replica().load_whole(pack.document())?.document.has(&pack.tip_hash()))
    }

    /// Compares a pack that continues what is held with own edits that are not signed yet.
    fn beside_unsigned(&self, pack: &Pack, end: u64) -> Result<Standing, ReplicaError> {
        let (document, actor) = (pack.document(), pack.actor());
        if pack.device() != self.device() {
            return Ok(Standing::News);
        }
        let mut standing = Standing::News;
        for (seq, change) in (pack.first_seq()..).zip(pack.changes()) {
            if seq <= end {
                continue;
            }
            let key = rows::of_seq(UNRELEASED, document, actor, seq);
            let at: Option<u64> = rows::get(&**self.replica().store(), &key)?;
            let Some(at) = at else { continue };
            let own = match self.own_change(at, actor, seq) {
                Err(ReplicaError::Store(StoreError::Damaged { .. })) => None,
                own => own?,
            };
            match own {
                Some(own) if own.facts().hash != change.facts().hash => {
                    return Ok(Standing::Differs);
                }
                _ => standing = Standing::Back,
            }
        }
        Ok(standing)
    }

    fn held_end(&self, document: DocumentId, actor: Actor) -> Result<Option<Tip>, StoreError> {
        let key = rows::of_actor(TIP, document, actor);
        let row: Option<TipRow> = rows::get(&**self.replica().store(), &key)?;
        Ok(row.map(|row| row.attestation.tip))
    }

    /// Returns whether the hub is known to hold another line under a name, and that is not here
    /// whole.
    pub(super) fn is_forked_line(
        &self,
        document: DocumentId,
        actor: Actor,
    ) -> Result<bool, StoreError> {
        Ok(self.replica().store().get(&rows::of_actor(FORK, document, actor))?.is_some())
    }

    /// Returns whether the hub's word that it holds another line speaks of the line that is here: the
    /// hub may say it twice, and of packs that an older state of this store has sent.
    pub(super) fn is_still_disputed(&self, notice: &Notice) -> Result<bool, ReplicaError> {
        let Notice { document, actor, seq, hash, .. } = notice;
        if self.is_forked_line(*document, *actor)? {
            return Ok(false);
        }
        let key = rows::of_seq(PACK, *document, *actor, *seq);
        let row: Option<PackRow> = rows::get(&**self.replica().store(), &key)?;
        Ok(match (row, self.held_end(*document, *actor)?) {
            (Some(row), _) => row.tip == *hash,
            (None, Some(end)) if end.seq == *seq => end.hash == *hash,
            (None, _) => {
                let key = rows::of_actor(ARRIVAL, *document, *actor);
                let own: Option<ArrivalRow> = rows::get(&**self.replica().store(), &key)?;
                own.is_some_and(|own| own.recorded >= *seq)
            }
        })
    }

    /// Returns the facts that withdraw lines, and whether one is of this device: it needs a fresh
    /// incarnation with them. Nothing for lines of which nothing is here.
    pub(super) fn withdrawal(
        &self,
        lines: &BTreeSet<LineName>,
    ) -> Result<(Vec<Fact>, bool), ReplicaError> {
        let store = self.replica().store();
        let (mut facts, mut own) = (Vec::new(), false);
        for (document, actor) in lines {
            let (document, actor) = (*document, *actor);
            let tip: Option<TipRow> = rows::get(&**store, &rows::of_actor(TIP, document, actor))?;
            let written = store.get(&rows::of_actor(ARRIVAL, document, actor))?.is_some();
            if tip.is_none() && !written {
                continue;
            }
            own |= written || tip.is_some_and(|row| row.attestation.device == self.device());
            facts.push(Fact::Forked { document, actor });
        }
        Ok((facts, own))
    }

    /// Withdraws the lines of which a comparison with the hub found another change at the same place.
    /// Returns whether there were any.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when it could not be recorded.
    pub fn differing(
        &self,
        found: &[Equivocation],
        fresh: Incarnation,
        now: Timestamp,
    ) -> Result<bool, ReplicaError> {
        let guard = self.editing().lock()?;
        let mut lines = BTreeSet::new();
        for Equivocation { mine, .. } in found {
            // Since it was compared the line may have been withdrawn, or have gone on.
            let end = self.held_end(mine.document, mine.actor)?;
            if end.is_some_and(|end| end.seq >= mine.seq) {
                lines.insert((mine.document, mine.actor));
            }
        }
        let withdrawn = self.withdraw(&lines, fresh, now)?;
        drop(guard);
        Ok(withdrawn)
    }

    /// Withdraws the lines of which the hub did not take what was offered because it holds another.
    /// Returns whether there were any.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when it could not be recorded.
    pub fn disowned(
        &self,
        notices: &[Notice],
        fresh: Incarnation,
        now: Timestamp,
    ) -> Result<bool, ReplicaError> {
        let guard = self.editing().lock()?;
        let mut lines = BTreeSet::new();
        for notice in notices.iter().filter(|notice| notice.verdict == Verdict::Equivocation) {
            if self.is_still_disputed(notice)? {
                lines.insert((notice.document, notice.actor));
            }
        }
        let withdrawn = self.withdraw(&lines, fresh, now)?;
        drop(guard);
        Ok(withdrawn)
    }

    fn withdraw(
        &self,
        lines: &BTreeSet<LineName>,
        fresh: Incarnation,
        now: Timestamp,
    ) -> Result<bool, ReplicaError> {
        let (mut facts, own) = self.withdrawal(lines)?;
        if facts.is_empty() {
            return Ok(false);
        }
        if own {
            facts.push(self.renewal(fresh, Renewal::Equivocation, now));
        }
        self.record_all(&facts)?;
        Ok(true)
    }
}
