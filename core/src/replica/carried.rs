//! What other phones brought: packs of others that the hub may not have yet. They are kept apart from
//! what the hub confirmed, shown on top of it, handed to the hub and to other phones, and end here
//! as soon as the hub brings the same, or something else in their place.
//!
//! Nothing here is authority. What the hub confirmed always comes first, so that a phone and its hub
//! hold the same record whatever its neighbours gave it; and no own edit builds on what is carried,
//! so that no edit is ever lost because the hub refused another's.

use std::collections::{BTreeMap, BTreeSet};

use super::ReplicaError;
use super::access;
use super::documents::{Replica, each_row};
use super::facts::{Fact, Renewal};
use super::hub::tip_at;
use super::phone::Phone;
use super::records::Records;
use super::rows::{
    self, ARRIVAL, ArrivalRow, CARRIED, CLOSED, CarriedRow, DOCUMENT, FORK, PACK, PackRow, TIP,
    TipRow,
};
use crate::model::{
    Actor, ChangeHash, Document, DocumentId, Incarnation, RawChange, Scope, TemplateId, Timestamp,
};
use crate::store::StoreError;
use crate::sync::{ClosedLine, DeviceEntry, Equivocation, FeedItem, Pack, Want};
use crate::trust::{Attestation, Tip};

/// Packs carried at most: more than a whole team makes in weeks without a hub, and few enough that
/// looking through all of them costs milliseconds.
const CARRIED_PACKS_MAX: usize = 16_384;

/// Bytes of carried packs offered to the hub in one exchange; the others follow in the next.
const OFFERED_BYTES_MAX: usize = 8 << 20;

/// The name of a carried pack: document, actor, last number.
pub(super) type CarriedName = (DocumentId, Actor, u64);

/// Checklists that another phone offered, by name, until a pack needs them.
pub(super) type Offered = BTreeMap<TemplateId, Vec<u8>>;

/// What became of packs that another phone gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Took {
    /// Recorded.
    pub recorded: usize,
    /// Not taken: of devices that this phone was not told of. Who gave them still has them, and the
    /// hub brings them once it knows the device.
    pub strangers: usize,
    /// Not taken: their signer may not write that, this device may not read it, no document can hold
    /// it, or no more can be carried.
    pub refused: usize,
    /// Not taken: another change stands here under the same name, or changes before it are missing.
    pub conflicting: usize,
    /// Another store writes under this device's name; this one has taken a fresh incarnation.
    pub cloned: bool,
}

/// What is to be done with one pack.
enum Fate {
    Take,
    Held,
    Stranger,
    Refused,
    Conflicting,
}

/// The packs of one batch as they are looked at.
struct Batch<'a> {
    peer: &'a DeviceEntry,
    offered: &'a Offered,
    own: Option<DeviceEntry>,
    room: usize,
    /// The ends of the lines that this batch has moved.
    tips: BTreeMap<(DocumentId, Actor), Tip>,
    /// Documents with what was taken so far; `None` where the checklist is missing.
    documents: BTreeMap<DocumentId, Option<Document>>,
    /// Checklists that are recorded with what was taken.
    needed: BTreeSet<TemplateId>,
}

impl Replica {
    /// Returns the last pack carried of an actor.
    pub(super) fn carried_tip(
        &self,
        document: DocumentId,
        actor: Actor,
    ) -> Result<Option<Attestation>, StoreError> {
        let mut last = None;
        each_row(
            &**self.store(),
            &rows::of_actor(CARRIED, document, actor),
            None,
            |key, value| {
                last = Some(rows::decode::<CarriedRow>(key, value)?.attestation);
                Ok(())
            },
        )?;
        Ok(last)
    }

    /// Returns a document with what is carried for it, or `None` if nothing is. A pack enters whole
    /// or not at all, and never in place of what the hub confirmed.
    pub(super) fn with_carried(
        &self,
        document: DocumentId,
        confirmed: &Document,
    ) -> Result<Option<Document>, ReplicaError> {
        let mut places = Vec::new();
        each_row(&**self.store(), &rows::of_document(CARRIED, document), None, |key, value| {
            places.push(rows::decode::<CarriedRow>(key, value)?.place);
            Ok(())
        })?;
        if places.is_empty() {
            return Ok(None);
        }
        let mut records = Records::default();
        let mut packs = Vec::new();
        for place in places {
            match records.pack(&**self.store(), place) {
                Ok(bytes) => packs.extend(Pack::decode(&bytes)),
                // A record that is lost: whoever wrote it, and the hub, bring it again.
                Err(StoreError::Damaged { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        loop {
            let mut shown = confirmed.clone();
            let changes: Vec<RawChange> =
                packs.iter().flat_map(|pack| pack.changes().iter().cloned()).collect();
            let applied = shown.replay(&changes);
            let left: BTreeSet<ChangeHash> = applied
                .waiting
                .into_iter()
                .chain(applied.refused.into_iter().map(|(hash, _)| hash))
                .collect();
            let before = packs.len();
            packs.retain(|pack| {
                !pack.changes().iter().any(|change| left.contains(&change.facts().hash))
            });
            if packs.len() == before {
                return Ok(Some(shown));
            }
        }
    }

    /// Returns the packs carried that continue an actor's changes, from the wanted change on.
    pub(super) fn provide_carried(
        &self,
        records: &mut Records,
        want: &Want,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let prefix = rows::of_actor(CARRIED, want.document, want.actor);
        let before = rows::of_seq(CARRIED, want.document, want.actor, want.from_seq.max(1) - 1);
        let (mut packs, mut ended) = (Vec::new(), false);
        each_row(&**self.store(), &prefix, Some(before), |key, value| {
            let row: CarriedRow = rows::decode(key, value)?;
            match records.pack(&**self.store(), row.place) {
                Ok(pack) if !ended => packs.push(pack),
                Ok(_) => {}
                // A record that is lost ends this line's run; who gave it has it.
                Err(StoreError::Damaged { .. }) => ended = true,
                Err(error) => return Err(error),
            }
            Ok(())
        })?;
        Ok(packs)
    }

    /// Returns, for every actor of which more is carried than the hub confirmed, its document's unit
    /// and the end of its line.
    pub(super) fn carried_tips(&self) -> Result<Vec<(Scope, Attestation)>, StoreError> {
        let mut last: BTreeMap<(DocumentId, Actor), Attestation> = BTreeMap::new();
        each_row(&**self.store(), &[CARRIED], None, |key, value| {
            let row: CarriedRow = rows::decode(key, value)?;
            last.insert((row.attestation.document, row.attestation.actor()), row.attestation);
            Ok(())
        })?;
        let mut tips = Vec::with_capacity(last.len());
        for ((document, actor), attestation) in last {
            let confirmed: Option<TipRow> =
                rows::get(&**self.store(), &rows::of_actor(TIP, document, actor))?;
            if confirmed.is_some_and(|row| row.attestation.tip.seq >= attestation.tip.seq) {
                continue;
            }
            let row: Option<rows::DocumentRow> =
                rows::get(&**self.store(), &rows::of_document(DOCUMENT, document))?;
            tips.extend(row.map(|row| (row.genesis.scope, attestation)));
        }
        Ok(tips)
    }
}

impl Phone {
    /// Returns the documents for which this phone carries packs of others that no hub has signed for:
    /// they are shown, and nothing says yet that the hub has them.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub fn carried(&self) -> Result<Vec<DocumentId>, ReplicaError> {
        let mut documents = Vec::new();
        each_row(&**self.replica().store(), &[CARRIED], None, |key, value| {
            // What is signed for and not brought builds on something that the hub still lacks.
            if rows::decode::<CarriedRow>(key, value)?.stored.is_none() {
                documents.extend(rows::document_in(key));
            }
            Ok(())
        })?;
        documents.dedup();
        Ok(documents)
    }

    /// Returns the packs of others that the hub has not signed for in its present life, and their
    /// names.
    pub(super) fn deliveries(&self) -> Result<Vec<(CarriedName, Vec<u8>)>, ReplicaError> {
        let epoch = self.position()?.map(|position| position.epoch);
        let (mut records, mut bytes) = (Records::default(), 0);
        let mut packs = Vec::new();
        let store = self.replica().store();
        each_row(&**store, &[CARRIED], None, |key, value| {
            let row: CarriedRow = rows::decode(key, value)?;
            // A hub that was restored since has another life, and may have lost what it signed for.
            if bytes > OFFERED_BYTES_MAX || (row.stored.is_some() && row.stored == epoch) {
                return Ok(());
            }
            let attestation = &row.attestation;
            let name = (attestation.document, attestation.actor(), attestation.tip.seq);
            match records.pack(&**store, row.place) {
                Ok(pack) => {
                    bytes += pack.len();
                    packs.push((name, pack));
                }
                Err(StoreError::Damaged { .. }) => {}
                Err(error) => return Err(error),
            }
            Ok(())
        })?;
        Ok(packs)
    }

    /// Records that the hub was offered packs of others and took none of them.
    pub(super) fn declined(
        &self,
        names: &BTreeSet<CarriedName>,
        now: Timestamp,
    ) -> Result<(), ReplicaError> {
        let guard = self.editing().lock().map_err(|_| ReplicaError::Interrupted)?;
        let store = self.replica().store();
        let mut packs = Vec::new();
        for (document, actor, seq) in names {
            let key = rows::of_seq(CARRIED, *document, *actor, *seq);
            let row: Option<CarriedRow> = rows::get(&**store, &key)?;
            if row.is_some_and(|row| row.stored.is_none()) {
                packs.push((*document, *actor, *seq));
            }
        }
        if !packs.is_empty() {
            self.record(Fact::Declined { packs, at: now })?;
            self.refresh_shown()?;
        }
        drop(guard);
        Ok(())
    }

    /// Takes what another phone gave, as one commit. Everything is checked as the hub checks it:
    /// form, signature, the signer's rights, the line of its actor; and what Automerge would not
    /// open again is refused before it is recorded.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Pack`] when the peer is at fault and [`ReplicaError::Store`] when it
    /// could not be recorded; nothing was taken then.
    pub(super) fn take(
        &self,
        peer: &DeviceEntry,
        packs: &[Vec<u8>],
        offered: &Offered,
        fresh: Incarnation,
        now: Timestamp,
    ) -> Result<Took, ReplicaError> {
        let mut read = Vec::with_capacity(packs.len());
        for bytes in packs {
            let pack = Pack::decode(bytes)?;
            pack.verify()?;
            read.push((pack, bytes));
        }
        // An edit between looking and recording could write under a number that was just seen.
        let guard = self.editing().lock().map_err(|_| ReplicaError::Interrupted)?;
        self.recover(now)?;
        let store = self.replica().store();
        let carried = store.scan(&[CARRIED], None, CARRIED_PACKS_MAX)?.len();
        let mut batch = Batch {
            peer,
            offered,
            own: self.replica().device(self.device())?,
            room: CARRIED_PACKS_MAX - carried,
            tips: BTreeMap::new(),
            documents: BTreeMap::new(),
            needed: BTreeSet::new(),
        };
        let (mut took, mut items) = (Took::default(), Vec::new());
        for (pack, bytes) in read {
            took.cloned |= self.is_mine_now(&pack)? && !self.has_line_of(&mut batch, &pack)?;
            match self.weigh(&mut batch, &pack)? {
                Fate::Take => {
                    batch.note(&pack);
                    items.push(FeedItem::Pack(bytes.clone()));
                }
                Fate::Held => {}
                Fate::Stranger => took.strangers += 1,
                Fate::Refused => took.refused += 1,
                Fate::Conflicting => took.conflicting += 1,
            }
        }
        took.recorded = items.len();
        let needed = batch.needed.iter().filter_map(|name| offered.get(name));
        let objects = needed.map(|bytes| FeedItem::Object { bytes: bytes.clone() });
        let items: Vec<FeedItem> = objects.chain(items).collect();
        let mut facts = Vec::new();
        if !items.is_empty() {
            facts.push(Fact::Met { from: peer.device, items, at: now });
        }
        if took.cloned {
            facts.push(self.renewal(fresh, Renewal::Cloned, now));
        }
        if !facts.is_empty() {
            self.record_all(&facts)?;
            self.refresh_shown()?;
        }
        drop(guard);
        Ok(took)
    }

    /// Takes a fresh incarnation where one of the lines that differ is what this store writes now.
    /// Returns whether it did. Both lines stay where they are; the hub decides which one stays.
    pub(super) fn disputed(
        &self,
        found: &[Equivocation],
        fresh: Incarnation,
        now: Timestamp,
    ) -> Result<bool, ReplicaError> {
        let guard = self.editing().lock().map_err(|_| ReplicaError::Interrupted)?;
        let life = self.owner()?.incarnation;
        let mine = |item: &Equivocation| {
            Actor::derive(self.device(), item.mine.document, life) == item.mine.actor
        };
        let cloned = found.iter().any(mine);
        if cloned {
            self.renew(fresh, Renewal::Cloned, now)?;
        }
        drop(guard);
        Ok(cloned)
    }

    /// Returns the packs that answer a peer's lack, and the checklists that it may lack with them:
    /// those of documents of which it lacks an actor from its first change on.
    pub(super) fn give(
        &self,
        peer: &DeviceEntry,
        wants: &[Want],
    ) -> Result<(Vec<TemplateId>, Vec<Vec<u8>>), ReplicaError> {
        let mut templates = BTreeSet::new();
        let mut allowed = Vec::with_capacity(wants.len());
        for want in wants {
            let genesis = self.replica().genesis(want.document)?;
            if !access::reads(peer, &genesis.scope) {
                continue;
            }
            templates.extend(genesis.template.filter(|_| want.from_seq <= 1));
            allowed.push(*want);
        }
        Ok((templates.into_iter().collect(), self.replica().provide(&allowed)?))
    }

    fn refresh_shown(&self) -> Result<(), ReplicaError> {
        self.replica().refresh(super::fork::REFRESHED_AT_ONCE_MAX).map(drop)
    }

    fn weigh(&self, batch: &mut Batch<'_>, pack: &Pack) -> Result<Fate, ReplicaError> {
        let genesis = pack.genesis();
        let known = if pack.device() == batch.peer.device {
            Some(batch.peer.clone())
        } else {
            self.replica().device(pack.device())?
        };
        let Some(known) = known.filter(|entry| entry.active) else { return Ok(Fate::Stranger) };
        let readable = batch.own.as_ref().is_none_or(|own| access::reads(own, &genesis.scope));
        if !readable || !access::admits(&known, genesis.kind, &genesis.scope) {
            return Ok(Fate::Refused);
        }
        let line = rows::of_actor(CLOSED, pack.document(), pack.actor());
        let line: Option<ClosedLine> = rows::get(&**self.replica().store(), &line)?;
        if line.is_some_and(|line| pack.last_seq() >= line.from_seq) {
            // The hub has refused it for good; who gives it has not heard.
            return Ok(Fate::Refused);
        }
        let held = self.line_end(batch, pack.document(), pack.actor())?;
        if held.is_some_and(|held| pack.last_seq() <= held.seq) {
            return Ok(match self.has_line_of(batch, pack)? {
                true => Fate::Held,
                false => Fate::Conflicting,
            });
        }
        let continues = match held {
            None => pack.previous().is_none(),
            Some(held) => tip_at(pack, held.seq) == Some(held),
        };
        let own = rows::of_actor(ARRIVAL, pack.document(), pack.actor());
        let own: Option<ArrivalRow> = rows::get(&**self.replica().store(), &own)?;
        let unsigned = own.is_some_and(|own| own.recorded > held.map_or(0, |held| held.seq));
        if !continues || unsigned || self.is_forked(pack)? {
            return Ok(Fate::Conflicting);
        }
        if batch.room == 0 || !self.opens(batch, pack)? {
            return Ok(Fate::Refused);
        }
        Ok(Fate::Take)
    }

    /// Returns whether a document can hold a pack; yes where its checklist is not known.
    fn opens(&self, batch: &mut Batch<'_>, pack: &Pack) -> Result<bool, ReplicaError> {
        let (document, genesis) = (pack.document(), pack.genesis());
        let offered = genesis.template.filter(|name| batch.offered.contains_key(name));
        let missing = match offered {
            Some(name) if self.replica().object(name)?.is_none() => Some(name),
            _ => None,
        };
        if !batch.documents.contains_key(&document) {
            let loaded = match self.replica().load(document) {
                Err(
                    ReplicaError::UnknownDocument { .. } | ReplicaError::UnknownTemplate { .. },
                ) => {
                    let bytes = missing.and_then(|name| batch.offered.get(&name));
                    let objects: Vec<FeedItem> = bytes
                        .map(|bytes| FeedItem::Object { bytes: bytes.clone() })
                        .into_iter()
                        .collect();
                    match self.replica().shape_with(genesis, &objects) {
                        Ok(shape) => Some(Document::create(genesis, &shape)),
                        Err(ReplicaError::Store(error)) => return Err(error.into()),
                        Err(_) => None,
                    }
                }
                Ok(loaded) => Some(loaded),
                Err(ReplicaError::Store(error)) => return Err(error.into()),
                // It does not open here today; what comes for it is kept all the same.
                Err(_) => None,
            };
            batch.documents.insert(document, loaded);
        }
        if let Some(Some(content)) = batch.documents.get_mut(&document) {
            let before = content.clone();
            if !content.apply(pack.changes()).refused.is_empty() {
                *content = before;
                return Ok(false);
            }
        }
        batch.needed.extend(missing);
        Ok(true)
    }

    /// Returns the end of what is held of an actor, confirmed or carried.
    fn line_end(
        &self,
        batch: &Batch<'_>,
        document: DocumentId,
        actor: Actor,
    ) -> Result<Option<Tip>, ReplicaError> {
        if let Some(tip) = batch.tips.get(&(document, actor)) {
            return Ok(Some(*tip));
        }
        let key = rows::of_actor(TIP, document, actor);
        let confirmed: Option<TipRow> = rows::get(&**self.replica().store(), &key)?;
        let confirmed = confirmed.map(|row| row.attestation.tip);
        let carried = self.replica().carried_tip(document, actor)?.map(|proof| proof.tip);
        Ok(longer(confirmed, carried))
    }

    /// Returns whether a pack that ends at or before the end of what is held is part of it. Where
    /// that cannot be told without opening the document, it is opened.
    fn has_line_of(&self, batch: &mut Batch<'_>, pack: &Pack) -> Result<bool, ReplicaError> {
        let (document, actor) = (pack.document(), pack.actor());
        let Some(held) = self.line_end(batch, document, actor)? else { return Ok(false) };
        if pack.last_seq() > held.seq {
            return Ok(false);
        }
        if pack.last_seq() == held.seq {
            return Ok(pack.tip() == held);
        }
        let key = rows::of_seq(PACK, document, actor, pack.last_seq());
        if let Some(row) = rows::get::<PackRow>(&**self.replica().store(), &key)? {
            return Ok(row.tip == pack.tip_hash());
        }
        match self.replica().load(document) {
            Ok(loaded) => Ok(loaded.has(&pack.tip_hash())),
            Err(ReplicaError::Store(error)) => Err(error.into()),
            Err(_) => Ok(false),
        }
    }

    /// Returns whether a pack is written under the name under which this store writes now.
    fn is_mine_now(&self, pack: &Pack) -> Result<bool, ReplicaError> {
        let life = self.owner()?.incarnation;
        Ok(pack.device() == self.device()
            && pack.actor() == Actor::derive(self.device(), pack.document(), life))
    }

    fn is_forked(&self, pack: &Pack) -> Result<bool, ReplicaError> {
        let key = rows::of_actor(FORK, pack.document(), pack.actor());
        Ok(rows::get::<()>(&**self.replica().store(), &key)?.is_some())
    }
}

impl Batch<'_> {
    fn note(&mut self, pack: &Pack) {
        self.tips.insert((pack.document(), pack.actor()), pack.tip());
        self.room -= 1;
    }
}

/// Returns the longer of two lines; the confirmed one where both are as long.
fn longer(confirmed: Option<Tip>, carried: Option<Tip>) -> Option<Tip> {
    match (confirmed, carried) {
        (Some(one), Some(two)) if two.seq > one.seq => Some(two),
        (None, two) => two,
        (one, _) => one,
    }
}
