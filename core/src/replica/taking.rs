//! Taking in what another phone gives. A batch is looked at document by document, a few packs at a
//! time, and each of these slices is one commit: one document is in memory, and an edit that a
//! person makes meanwhile waits for one slice and not for the batch.

use std::collections::{BTreeMap, BTreeSet};

use super::ReplicaError;
use super::access;
use super::facts::{Fact, Renewal};
use super::hub::tip_at;
use super::phone::Phone;
use super::rows::{
    self, ARRIVAL, ArrivalRow, CLOSED, EARLIER, LoadRow, PACK, PackRow, TIP, TipRow,
};
use crate::model::{
    Actor, ChangeHash, DeviceId, Document, DocumentId, Genesis, Incarnation, RawChange, TemplateId,
    Timestamp,
};
use crate::sync::{ClosedLine, DeviceEntry, FeedItem, Pack};
use crate::trust::Tip;

/// Packs looked at under one hold of the edit lock: with a document that is opened once, less than
/// a person notices.
const SLICE_PACKS_MAX: usize = 64;

/// Looking at a slice again without the packs that its document cannot hold, at most this often
/// before all that is left of it is refused. Nearly always there are none.
const SIFTING_ROUNDS_MAX: usize = 8;

/// How much a phone carries for others.
pub(super) struct Limits {
    /// In all.
    pub(super) all: LoadRow,
    /// Of one device's signing.
    pub(super) signer: LoadRow,
    /// Of one device's bringing, whoever signed it.
    pub(super) giver: LoadRow,
}

/// The limits of this program.
///
/// In all: more packs than a whole team makes in weeks without a hub, and few enough that looking
/// through all of them costs milliseconds; and a small part of what a cheap phone has free. One
/// signer: a quarter, so that a device that writes without end leaves room for three others. One
/// giver: half, because a phone that comes from a whole team brings what all of them wrote, and
/// still no neighbour takes the room of all others.
pub(super) const LIMITS: Limits = Limits {
    all: LoadRow { packs: CARRIED_PACKS_MAX, bytes: CARRIED_BYTES_MAX },
    signer: LoadRow { packs: CARRIED_PACKS_MAX / 4, bytes: CARRIED_BYTES_MAX / 4 },
    giver: LoadRow { packs: CARRIED_PACKS_MAX / 2, bytes: CARRIED_BYTES_MAX / 2 },
};

/// See [`LIMITS`].
const CARRIED_PACKS_MAX: u64 = 16_384;

/// See [`LIMITS`].
const CARRIED_BYTES_MAX: u64 = 64 << 20;

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
    /// Not taken: their signer may not write that, this device may not read it, or no document can
    /// hold it.
    pub refused: usize,
    /// Not taken: another change stands here under the same name.
    pub conflicting: usize,
    /// Not taken: changes before them in their lines are not here. Who gave them may have those, and the hub
    /// may.
    pub lacking: usize,
    /// Not taken: no more can be carried, in all, of their signer or for who gave them, before this
    /// phone has met the hub.
    pub no_room: usize,
    /// Another store writes under this device's name; this one has taken a fresh incarnation.
    pub cloned: bool,
}

impl Took {
    fn add(&mut self, more: Self) {
        self.recorded += more.recorded;
        self.strangers += more.strangers;
        self.refused += more.refused;
        self.conflicting += more.conflicting;
        self.lacking += more.lacking;
        self.no_room += more.no_room;
        self.cloned |= more.cloned;
    }
}

/// Who gives, and under what terms.
pub(super) struct Giving<'a> {
    pub(super) peer: &'a DeviceEntry,
    pub(super) offered: &'a Offered,
    pub(super) limits: &'a Limits,
    /// Taken as this store's incarnation where another writes under its name.
    pub(super) fresh: Incarnation,
    pub(super) now: Timestamp,
}

/// What is to be done with one pack.
#[derive(Clone, Copy)]
enum Fate {
    Take,
    Held,
    Stranger,
    Refused,
    Conflicting,
    Lacking,
    NoRoom,
}

/// Packs of one document, as they are looked at together.
struct Slice<'a> {
    giving: &'a Giving<'a>,
    document: DocumentId,
    own: Option<DeviceEntry>,
    /// The ends of the lines that this slice has moved.
    tips: BTreeMap<Actor, Tip>,
    /// Lines of which a pack found no room: what follows it would leave a gap.
    left: BTreeSet<Actor>,
    /// What this slice adds to what is carried.
    added: LoadRow,
    added_of: BTreeMap<DeviceId, LoadRow>,
    /// What is held of the document, once it was needed; `None` in it where it does not open here.
    content: Option<Option<Document>>,
}

impl Phone {
    /// Takes what another phone gave. Everything is checked as the hub checks it: form, signature,
    /// the signer's rights, the line of its actor; and what Automerge would not open again is
    /// refused before it is recorded.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Pack`] when the peer is at fault, and nothing was taken then; and
    /// [`ReplicaError::Store`] when it could not be recorded. Slices recorded before stay.
    pub(super) fn take(
        &self,
        giving: &Giving<'_>,
        packs: &[Vec<u8>],
    ) -> Result<Took, ReplicaError> {
        let mut documents: BTreeMap<DocumentId, Vec<&[u8]>> = BTreeMap::new();
        for bytes in packs {
            // Decoded again when its turn comes: a batch inflates to far more than it is long.
            let pack = Pack::decode(bytes)?;
            pack.verify()?;
            documents.entry(pack.document()).or_default().push(bytes);
        }
        let mut took = Took::default();
        for (document, packs) in documents {
            for slice in packs.chunks(SLICE_PACKS_MAX) {
                took.add(self.take_slice(giving, document, slice)?);
            }
        }
        Ok(took)
    }

    fn take_slice(
        &self,
        giving: &Giving<'_>,
        document: DocumentId,
        packs: &[&[u8]],
    ) -> Result<Took, ReplicaError> {
        let packs: Vec<(Pack, &[u8])> = packs
            .iter()
            .map(|bytes| Ok((Pack::decode(bytes)?, *bytes)))
            .collect::<Result<_, ReplicaError>>()?;
        // An edit between looking and recording could write under a number that was just seen.
        let guard = self.editing().lock_behind_edits()?;
        self.recover(giving.now)?;
        let mut slice = Slice::of(giving, document, self.replica().device(self.device())?);
        let (mut took, mut taken) = (Took::default(), Vec::new());
        for (pack, bytes) in &packs {
            took.cloned |= self.is_mine_now(pack)? && !self.has_line_of(&mut slice, pack)?;
            let fate = self.weigh(&mut slice, pack, bytes.len() as u64)?;
            match fate {
                Fate::Take => {
                    slice.note(pack, bytes.len() as u64);
                    taken.push((pack, *bytes));
                }
                Fate::Held => {}
                Fate::Stranger => took.strangers += 1,
                Fate::Refused => took.refused += 1,
                Fate::Conflicting => took.conflicting += 1,
                Fate::Lacking => took.lacking += 1,
                Fate::NoRoom => {
                    slice.left.insert(pack.actor());
                    took.no_room += 1;
                }
            }
        }
        let before = taken.len();
        self.sift(&mut slice, &mut taken)?;
        took.refused += before - taken.len();
        took.recorded = taken.len();
        let mut facts = Vec::new();
        if let Some((first, _)) = taken.first() {
            let needed = self.missing(giving, first.genesis())?.into_iter();
            let objects = needed.map(|bytes| FeedItem::Object { bytes: bytes.clone() });
            let packs = taken.iter().map(|(_, bytes)| FeedItem::Pack(bytes.to_vec()));
            let items = objects.chain(packs).collect();
            facts.push(Fact::Met { from: giving.peer.device, items, at: giving.now });
        }
        if took.cloned {
            facts.push(self.renewal(giving.fresh, Renewal::Cloned, giving.now));
        }
        if !facts.is_empty() {
            self.record_all(&facts)?;
        }
        if took.recorded > 0 {
            self.replica().refresh_one(document)?;
        }
        drop(guard);
        Ok(took)
    }

    fn weigh(&self, slice: &mut Slice<'_>, pack: &Pack, bytes: u64) -> Result<Fate, ReplicaError> {
        let (genesis, peer) = (pack.genesis(), slice.giving.peer);
        let known = if pack.device() == peer.device {
            Some(peer.clone())
        } else {
            self.replica().device(pack.device())?
        };
        let Some(known) = known.filter(|entry| entry.active) else { return Ok(Fate::Stranger) };
        let readable = slice.own.as_ref().is_none_or(|own| access::reads(own, &genesis.scope));
        let known = known.in_force(slice.giving.now);
        let admitted = self.replica().lets_write(&known, genesis)?;
        if !readable || !admitted || self.is_shut(pack)? {
            return Ok(Fate::Refused);
        }
        let held = self.line_end(slice, pack.actor())?;
        if held.is_some_and(|held| pack.last_seq() <= held.seq) {
            return Ok(match self.has_line_of(slice, pack)? {
                true => Fate::Held,
                false => Fate::Conflicting,
            });
        }
        if slice.left.contains(&pack.actor()) {
            return Ok(Fate::NoRoom);
        }
        let continues = match held {
            None => pack.previous().is_none(),
            Some(held) => tip_at(pack, held.seq) == Some(held),
        };
        let own = rows::of_actor(ARRIVAL, pack.document(), pack.actor());
        let own: Option<ArrivalRow> = rows::get(&**self.replica().store(), &own)?;
        let unsigned = own.is_some_and(|own| own.recorded > held.map_or(0, |held| held.seq));
        let forked = self.is_forked_line(pack.document(), pack.actor())?;
        if unsigned || forked {
            return Ok(Fate::Conflicting);
        }
        if !continues {
            // Of a pack that begins behind a hole nothing speaks against what is here.
            let behind = pack.first_seq() > held.map_or(0, |held| held.seq) + 1;
            return Ok(if behind { Fate::Lacking } else { Fate::Conflicting });
        }
        let room = self.has_room(slice, pack.device(), bytes)?;
        Ok(if room { Fate::Take } else { Fate::NoRoom })
    }

    /// Returns whether the hub, in its present life, has refused what a pack holds; who gives it has
    /// not heard.
    fn is_shut(&self, pack: &Pack) -> Result<bool, ReplicaError> {
        let store = self.replica().store();
        let line = rows::of_actor(CLOSED, pack.document(), pack.actor());
        let line: Option<ClosedLine> = rows::get(&**store, &line)?;
        if line.is_none_or(|line| pack.last_seq() < line.from_seq) {
            return Ok(false);
        }
        let earlier = rows::of_actor(EARLIER, pack.document(), pack.actor());
        Ok(rows::get::<()>(&**store, &earlier)?.is_none())
    }

    /// Returns whether one more pack can be carried.
    fn has_room(
        &self,
        slice: &Slice<'_>,
        signer: DeviceId,
        bytes: u64,
    ) -> Result<bool, ReplicaError> {
        let limits = slice.giving.limits;
        let of_signer = slice.added_of.get(&signer).copied().unwrap_or_default();
        for (key, added, limit) in [
            (rows::load_of_all(), slice.added, &limits.all),
            (rows::load_of_signer(signer), of_signer, &limits.signer),
            (rows::load_from(slice.giving.peer.device), slice.added, &limits.giver),
        ] {
            let held: Option<LoadRow> = rows::get(&**self.replica().store(), &key)?;
            let held = held.unwrap_or_default();
            if held.packs + added.packs >= limit.packs
                || held.bytes + added.bytes + bytes > limit.bytes
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Leaves out the packs that the document cannot hold. All are tried together: the document is
    /// saved and opened once where there are none.
    fn sift(
        &self,
        slice: &mut Slice<'_>,
        taken: &mut Vec<(&Pack, &[u8])>,
    ) -> Result<(), ReplicaError> {
        let Some((first, _)) = taken.first() else { return Ok(()) };
        let genesis = first.genesis().clone();
        // Where it does not open here today, what comes for it is kept all the same.
        let Some(content) = self.content(slice, &genesis)? else { return Ok(()) };
        for _ in 0..SIFTING_ROUNDS_MAX {
            let changes: Vec<RawChange> =
                taken.iter().flat_map(|(pack, _)| pack.changes().iter().cloned()).collect();
            let applied = content.clone().apply(&changes);
            if applied.refused.is_empty() {
                return Ok(());
            }
            let refused: BTreeSet<ChangeHash> =
                applied.refused.into_iter().map(|(hash, _)| hash).collect();
            let holds = |pack: &Pack| {
                pack.changes().iter().any(|change| refused.contains(&change.facts().hash))
            };
            taken.retain(|(pack, _)| !holds(pack));
        }
        taken.clear();
        Ok(())
    }

    /// Returns what is held of the slice's document, which is opened once; an empty one where
    /// nothing is.
    fn content<'s>(
        &self,
        slice: &'s mut Slice<'_>,
        genesis: &Genesis,
    ) -> Result<Option<&'s Document>, ReplicaError> {
        if slice.content.is_none() {
            let content = match self.replica().load(slice.document) {
                Err(
                    ReplicaError::UnknownDocument { .. } | ReplicaError::UnknownTemplate { .. },
                ) => {
                    let bytes = self.missing(slice.giving, genesis)?;
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
                Err(_) => None,
            };
            slice.content = Some(content);
        }
        Ok(slice.content.as_ref().and_then(Option::as_ref))
    }

    /// Returns the checklist of a document, where the peer has offered it and it is not here.
    fn missing<'g>(
        &self,
        giving: &'g Giving<'_>,
        genesis: &Genesis,
    ) -> Result<Option<&'g Vec<u8>>, ReplicaError> {
        let Some(name) = genesis.template else { return Ok(None) };
        Ok(match giving.offered.get(&name) {
            Some(bytes) if self.replica().object(name)?.is_none() => Some(bytes),
            _ => None,
        })
    }

    /// Returns the end of what is held of an actor, confirmed or carried.
    fn line_end(&self, slice: &Slice<'_>, actor: Actor) -> Result<Option<Tip>, ReplicaError> {
        if let Some(tip) = slice.tips.get(&actor) {
            return Ok(Some(*tip));
        }
        let key = rows::of_actor(TIP, slice.document, actor);
        let confirmed: Option<TipRow> = rows::get(&**self.replica().store(), &key)?;
        let confirmed = confirmed.map(|row| row.attestation.tip);
        let carried = self.replica().carried_tip(slice.document, actor)?.map(|proof| proof.tip);
        Ok(longer(confirmed, carried))
    }

    /// Returns whether a pack that ends at or before the end of what is held is part of it. Where
    /// that cannot be told without opening the document, it is opened.
    fn has_line_of(&self, slice: &mut Slice<'_>, pack: &Pack) -> Result<bool, ReplicaError> {
        let (document, actor) = (pack.document(), pack.actor());
        let Some(held) = self.line_end(slice, actor)? else { return Ok(false) };
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
        let content = self.content(slice, pack.genesis())?;
        Ok(content.is_some_and(|content| content.has(&pack.tip_hash())))
    }

    /// Returns whether a pack is written under the name under which this store writes now.
    fn is_mine_now(&self, pack: &Pack) -> Result<bool, ReplicaError> {
        let life = self.owner()?.incarnation;
        Ok(pack.device() == self.device()
            && pack.actor() == Actor::derive(self.device(), pack.document(), life))
    }
}

impl<'a> Slice<'a> {
    fn of(giving: &'a Giving<'a>, document: DocumentId, own: Option<DeviceEntry>) -> Self {
        Self {
            giving,
            document,
            own,
            tips: BTreeMap::new(),
            left: BTreeSet::new(),
            added: LoadRow::default(),
            added_of: BTreeMap::new(),
            content: None,
        }
    }

    fn note(&mut self, pack: &Pack, bytes: u64) {
        self.tips.insert(pack.actor(), pack.tip());
        for load in [&mut self.added, self.added_of.entry(pack.device()).or_default()] {
            load.packs += 1;
            load.bytes += bytes;
        }
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
