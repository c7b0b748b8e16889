//! Sealed minutes at the hub: kept when they are presented, held against their record by the worker that
//! merges, registered with their official number.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Hub, MergeReport};
use crate::checklist::{number_year, official_number};
use crate::model::{Actor, DocumentId, Scope, Timestamp};
use crate::replica::facts::Fact;
use crate::replica::merge::merger::SealWork;
use crate::replica::project::{Drafting, TrustIndex};
use crate::replica::rows::{self, PACK, SEALING, SealingRow};
use crate::replica::{ReplicaError, covers};
use crate::store::StoreError;
use crate::trust::control::{ActId, Deed, SignedAct, TrustRows, may_act};
use crate::trust::seal::{Breach, Seal, SealId};

/// Seals that may wait for their records at once: each is 56 KiB at most, and waits for a merge.
const WAITING_MAX: usize = 1_024;

/// Seals of one document that wait or are entered: the one that counts and its rivals, as many as the control
/// log names.
const SEALS_PER_DOCUMENT_MAX: usize = 32;

/// Of those that wait, so many may be of one leader's device: days of visits before its team's edits come.
/// A sixteenth, so that no leader keeps others waiting.
const WAITING_PER_LEADER_MAX: usize = WAITING_MAX / 16;

/// Of those kept of one document, so many may be signed by one device: a leader seals again where a phone
/// was restored, not more often.
const SEALS_PER_LEADER_MAX: usize = 8;

/// How long a seal that was refused counts among those of its leader: each costs a look at its record, so a
/// day brings as many as a leader has places.
const REFUSED_COUNTS_MS: i64 = 24 * 60 * 60 * 1_000;

/// How long a seal rests that could not be held against its record, doubled with each time: a try may cost two
/// processes their limits.
const STUCK_MS: i64 = 60_000;

/// Doublings of that at most: a rest of almost three days.
const STUCK_DOUBLINGS_MAX: u32 = 12;

/// Seals that could not be held against their records.
#[derive(Debug, Default)]
pub(super) struct Stuck(Mutex<StuckRows>);

#[derive(Debug, Default)]
struct StuckRows {
    /// When that was last, and how often, by the keys of their rows: at most as many as wait.
    rows: BTreeMap<Vec<u8>, (Timestamp, u32)>,
    /// Why, of one of them, where nobody was told yet: others were registered first.
    untold: Option<ReplicaError>,
}

impl Stuck {
    fn lock(&self) -> MutexGuard<'_, StuckRows> {
        // It is whole at any moment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets those that wait no more.
    fn keep(&self, waiting: &[(Vec<u8>, Vec<u8>)]) {
        let mut stuck = self.lock();
        if !stuck.rows.is_empty() {
            stuck.rows.retain(|key, _| waiting.iter().any(|(waits, _)| waits == key));
        }
    }

    /// A clock that was set back ends every rest.
    fn rests(&self, key: &[u8], now: Timestamp) -> bool {
        self.lock().rows.get(key).is_some_and(|(since, times)| {
            let rest = STUCK_MS << times.saturating_sub(1).min(STUCK_DOUBLINGS_MAX);
            (0..rest).contains(&now.0.saturating_sub(since.0))
        })
    }

    fn note(&self, key: Vec<u8>, why: ReplicaError, now: Timestamp) {
        let mut stuck = self.lock();
        stuck.untold.get_or_insert(why);
        let row = stuck.rows.entry(key).or_insert((now, 0));
        *row = (now, row.1.saturating_add(1));
    }

    /// Returns how often that of one row could not be done.
    pub(super) fn failed(&self, key: &[u8]) -> u32 {
        self.lock().rows.get(key).map_or(0, |(_, times)| *times)
    }

    fn tell(&self) -> Result<(), ReplicaError> {
        self.lock().untold.take().map_or(Ok(()), Err)
    }
}

/// What became of a seal that was presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::replica) enum Presented {
    /// It is durable here, or registered already.
    Kept,
    /// It was looked at and will not be registered.
    Refused,
    /// Its bytes did not come, and are not here.
    Unknown,
    /// Too many wait.
    Busy,
}

impl Hub {
    /// Keeps a seal and the act that registers it, if the seal holds by itself and its signer may seal in
    /// the unit. No document is loaded: what it says of the record is looked at by [`Hub::merge_next`].
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Control`] or [`ReplicaError::Seal`] naming what does not hold,
    /// [`ReplicaError::NotEntered`] when the signer may not seal there, and [`ReplicaError::Store`] when
    /// it could not be recorded.
    pub(in crate::replica) fn present(
        &self,
        encoded: &[u8],
        sealed: &[u8],
        now: Timestamp,
    ) -> Result<Presented, ReplicaError> {
        let act = SignedAct::decode(encoded)?;
        act.verify()?;
        let id = act.act.id()?;
        if let Some(known) = self.known_seal(&act, id)? {
            return self.keep_again((act, encoded), sealed, known, now);
        }
        if sealed.is_empty() {
            return Ok(Presented::Unknown);
        }
        let seal = Seal::decode(sealed)?;
        self.check_presented(&act, &seal, SealId::of(sealed), now)?;
        if !self.has_place(&seal, now)? {
            return Ok(Presented::Busy);
        }
        let (act, seal) = (encoded.to_vec(), sealed.to_vec());
        self.record(Fact::Presented { act, seal, at: now })?;
        Ok(Presented::Kept)
    }

    /// Returns whether an act is one, signed by its device, whose seal waits here or is registered.
    pub(in crate::replica) fn has_kept(&self, encoded: &[u8]) -> Result<bool, StoreError> {
        let act = SignedAct::decode(encoded).ok().filter(|act| act.verify().is_ok());
        let id = act.as_ref().and_then(|act| act.act.id().ok());
        let (Some(act), Some(id)) = (act, id) else { return Ok(false) };
        Ok(self.known_seal(&act, id)? == Some(Presented::Kept))
    }

    /// Returns whether the seal that an act registers is here for good, or waits: its device need not keep it.
    pub(in crate::replica) fn keeps_seal_of(&self, act: ActId) -> Result<bool, StoreError> {
        let store = self.replica.store();
        let rows = [rows::of_act(act), rows::of_sealing(act), rows::of_seal_ended(act)];
        for row in rows {
            if store.get(&row)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns whether there is room for one more seal, of its leader and of its document. What is refused
    /// takes no place of the document, and one of its leader's for a day only.
    fn has_place(&self, seal: &Seal, now: Timestamp) -> Result<bool, ReplicaError> {
        let (leader, document) = (seal.statement.leader, seal.statement.document);
        let is_own = |row: &SealingRow| -> Result<bool, ReplicaError> {
            Ok(SignedAct::decode(&row.act)?.act.by == leader)
        };
        let (mut waiting, mut own, mut signed) = (0, 0, 0);
        let mut counts: BTreeSet<SealId> = BTreeSet::new();
        for (key, value) in self.replica.store().scan(&[SEALING], None, usize::MAX)? {
            let row: SealingRow = rows::decode(&key, &value)?;
            waiting += 1;
            own += usize::from(is_own(&row)?);
            counts.extend((row.document == document).then_some(row.seal));
        }
        let entered = self.replica.registered(&seal.statement.genesis)?;
        counts.extend(entered.iter().map(|one| SealId(one.seal)));
        counts.extend(entered.iter().flat_map(|one| &one.rivals).map(|seal| SealId(*seal)));
        for id in &counts {
            let Some(bytes) = self.replica.seal_bytes(*id)? else { continue };
            signed += usize::from(Seal::decode(&bytes)?.statement.leader == leader);
        }
        let refused = rows::seals_refused_by(document, leader);
        for (key, value) in self.replica.store().scan(&refused, None, usize::MAX)? {
            let row: SealingRow = rows::decode(&key, &value)?;
            let since = row.since.map(|since| now.0.saturating_sub(since.0));
            // What was refused while this hub's clock was ahead does not count until that time has come.
            signed += usize::from(since.is_some_and(|ms| (0..REFUSED_COUNTS_MS).contains(&ms)));
        }
        // Whoever has none yet gets a place whatever others did.
        Ok((waiting < WAITING_MAX || own == 0)
            && own < WAITING_PER_LEADER_MAX
            && (counts.len() < SEALS_PER_DOCUMENT_MAX || signed == 0)
            && signed < SEALS_PER_LEADER_MAX)
    }

    /// Keeps the seal of an act that an earlier life of this hub's store had entered, where that life's
    /// seals are lost.
    fn keep_again(
        &self,
        (act, encoded): (SignedAct, &[u8]),
        sealed: &[u8],
        known: Presented,
        now: Timestamp,
    ) -> Result<Presented, ReplicaError> {
        let Deed::Seal { document, seal } = act.act.deed else { return Ok(known) };
        let lacks = self.replica.seal_bytes(SealId(seal))?.is_none();
        let fits = SealId::of(sealed).0 == seal
            && Seal::decode(sealed)
                .is_ok_and(|read| read.statement.document == document && read.verify().is_empty());
        if lacks && fits && known == Presented::Kept {
            let (act, seal) = (encoded.to_vec(), sealed.to_vec());
            self.record(Fact::Presented { act, seal, at: now })?;
        }
        Ok(known)
    }

    /// Returns whether a seal waits here, is registered, or was looked at and refused.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Control`] when the act cannot be read, and [`ReplicaError::Store`] when reading
    /// fails.
    pub(in crate::replica) fn keeps_seal(&self, encoded: &[u8]) -> Result<bool, ReplicaError> {
        let act = SignedAct::decode(encoded)?;
        act.verify()?;
        let id = act.act.id()?;
        Ok(self.known_seal(&act, id)?.is_some())
    }

    fn known_seal(&self, act: &SignedAct, id: ActId) -> Result<Option<Presented>, StoreError> {
        let store = self.replica.store();
        let kept =
            store.get(&rows::of_act(id))?.is_some() || store.get(&rows::of_sealing(id))?.is_some();
        let refused = match act.act.deed {
            Deed::Seal { document, .. } => {
                store.get(&rows::of_seal_refused(document, act.act.by, id))?.is_some()
            }
            _ => false,
        };
        Ok(match (kept, refused) {
            (true, _) => Some(Presented::Kept),
            (false, true) => Some(Presented::Refused),
            (false, false) => None,
        })
    }

    fn check_presented(
        &self,
        act: &SignedAct,
        seal: &Seal,
        id: SealId,
        now: Timestamp,
    ) -> Result<(), ReplicaError> {
        let mut breaches = seal.verify();
        let statement = &seal.statement;
        let named = Deed::Seal { document: statement.document, seal: id.0 };
        if act.act.deed != named || act.act.scope != statement.genesis.scope {
            breaches.push(Breach::Document);
        }
        if act.act.by != statement.leader {
            breaches.push(Breach::Signature { leader: statement.leader });
        }
        if !breaches.is_empty() {
            return Err(ReplicaError::Seal {
                source: crate::trust::seal::SealError::Breached { breaches },
            });
        }
        let may = self.may_seal(act, now)?;
        let refused = || ReplicaError::NotEntered {
            device: act.act.by.short(),
            scope: act.act.scope.clone(),
            deed: act.act.deed.name(),
        };
        if may { Ok(()) } else { Err(refused()) }
    }

    /// Has one seal that waits held against its record, if that has arrived, and registers or refuses it. One
    /// whose document cannot be opened holds up itself alone, and is looked at again after a while; its error is
    /// returned when nothing else is left to register.
    ///
    /// # Errors
    ///
    /// As [`Hub::merge_next`].
    pub(super) fn register_next(
        &self,
        now: Timestamp,
    ) -> Result<Option<MergeReport>, ReplicaError> {
        let waiting = self.replica.store().scan(&[SEALING], None, WAITING_MAX)?;
        self.stuck.keep(&waiting);
        for (key, value) in waiting {
            if self.stuck.rests(&key, now) {
                continue;
            }
            match self.register(&key, &value, now) {
                Ok(Some(report)) => return Ok(Some(report)),
                Ok(None) => {}
                Err(error) if error.concerns_all() => return Err(error),
                Err(error) => self.stuck.note(key, error, now),
            }
        }
        self.stuck.tell().map(|()| None)
    }

    /// Returns whether the signer of a seal may seal in its unit now.
    pub(super) fn may_seal(&self, act: &SignedAct, now: Timestamp) -> Result<bool, StoreError> {
        let mut draft = Drafting::new(&**self.replica.store());
        draft.with(|rows| may_act(rows, &act.act, now, &covers))
    }

    /// Registers or refuses the seal of one row; none where it waits on.
    fn register(
        &self,
        key: &[u8],
        value: &[u8],
        now: Timestamp,
    ) -> Result<Option<MergeReport>, ReplicaError> {
        let row: SealingRow = rows::decode(&[SEALING], value)?;
        let Some(bytes) = self.replica.seal_bytes(row.seal)? else { return Ok(None) };
        let (act, seal) = (SignedAct::decode(&row.act)?, Seal::decode(&bytes)?);
        let id = act.act.id()?;
        if !self.may_seal(&act, now)? {
            // Its place is free again. Rights may come back that this store has lost; where they were ended for
            // good it is kept, and registered no more.
            self.record(Fact::SealUnentered { act: id, at: now })?;
            let document = Some(row.document);
            return Ok(Some(MergeReport { document, ..MergeReport::default() }));
        }
        if !self.has_arrived(&seal)? {
            return Ok(None);
        }
        // One at a time: another loop may be at this seal, or at a merge of its document.
        let Some(_claim) = self.merging.claim(row.document)? else { return Ok(None) };
        if self.replica.store().get(key)?.is_none() {
            return Ok(None);
        }
        let holds = match self.hold(row.document, &bytes) {
            // Every line is here as far as it was heard. A head that is not here yet never comes: the hub took
            // in another change at its place.
            Ok(work) => work == SealWork::Holds,
            // Its checklist or first change is not here yet.
            Err(ReplicaError::UnknownDocument { .. } | ReplicaError::UnknownTemplate { .. }) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        if !holds {
            self.record(Fact::SealRefused { act: id, at: now })?;
        } else if let Err(error) = self.enter_seal(act, now) {
            match error {
                // Rights may come back that this store has lost: its phone presents it again then.
                ReplicaError::NotEntered { .. } => {
                    self.record(Fact::SealUnentered { act: id, at: now })?;
                }
                error => return Err(error),
            }
        }
        Ok(Some(MergeReport { document: Some(row.document), ..MergeReport::default() }))
    }

    /// Returns whether every line that the seal names is merged as far as it was heard.
    fn has_arrived(&self, seal: &Seal) -> Result<bool, ReplicaError> {
        let document = seal.statement.document;
        for (device, line) in seal.statement.heard_lines() {
            let actor = Actor::derive(device, document, line.incarnation);
            if !self.has_merged_beyond(document, actor, line.seq)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns whether a line is merged as far as a change, or further.
    pub(super) fn has_merged_beyond(
        &self,
        document: DocumentId,
        actor: Actor,
        seq: u64,
    ) -> Result<bool, ReplicaError> {
        let prefix = rows::of_actor(PACK, document, actor);
        let before = rows::of_seq(PACK, document, actor, seq.saturating_sub(1));
        let page = self.replica.store().scan(&prefix, Some(&before), 1)?;
        let last = page.first().and_then(|(key, _)| rows::number_in(key));
        last.map_or(Ok(false), |last| self.has_merged(document, actor, last))
    }

    /// Returns the official number of minutes that are to be registered; none for a rival.
    pub(super) fn number_for(
        rows: &TrustIndex<'_, '_>,
        scope: &Scope,
        deed: &Deed,
        at: Timestamp,
    ) -> Result<Option<String>, StoreError> {
        let Deed::Seal { document, .. } = deed else { return Ok(None) };
        if rows.sealed(scope, *document)?.is_some() {
            return Ok(None);
        }
        let year = number_year(at);
        let next = rows.last_number(scope, year)?.saturating_add(1);
        Ok(Some(official_number(next, year, scope)))
    }
}
