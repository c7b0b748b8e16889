//! Records that were shortened: what they held of documents' changes lies once in a saved document.
//!
//! A pack is told again from the saved document and from what its [`Husk`] keeps: who signed it, where it
//! stands in its line, and the signature. What comes out is compared with what went in before anything is
//! shortened, byte for byte; where it differs, the record stays as it was. Evidence of what was refused,
//! receipts, decisions and seals are never shortened.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ReplicaError;
use super::facts::Fact;
use crate::model::{
    Actor, ChangeHash, DeviceId, DocumentId, Genesis, Incarnation, RawChange, changes_in,
};
use crate::store::{RECORD_BYTES_MAX, Record};
use crate::sync::{FeedItem, Pack, PackError, deflate, inflate};
use crate::trust::{Attestation, Signature, Tip};

/// The version of a payload that was shortened: the hash of the record as it was written, then the fact.
pub(super) const SHORT_VERSION: u8 = 2;

/// Where it is said in such a payload how the fact is packed; it follows.
const PACKED_AT: usize = 33;

/// What stands in the place of a change, or of a pack of formats 1 and 2, begins with this; no pack and no change does.
const HUSK: u8 = 0;
/// What stands in the place of a pack of formats 3 and 4 begins with this; no pack and no change does.
const HUSK_CLAIMED: u8 = 255;

/// Returns the hash of a record as it was written, if it was shortened.
pub(super) fn written_hash(record: &Record) -> Option<[u8; 32]> {
    match record.payload.split_first() {
        Some((&SHORT_VERSION, rest)) => rest.get(..PACKED_AT - 1)?.try_into().ok(),
        _ => None,
    }
}

/// Returns the encoded fact of a shortened payload; none where it cannot be read.
pub(super) fn fact_bytes(payload: &[u8]) -> Option<Cow<'_, [u8]>> {
    match payload.get(PACKED_AT..)?.split_first()? {
        (&FORM_PLAIN, fact) => Some(Cow::Borrowed(fact)),
        (&FORM_ZSTD, packed) => inflate(packed, RECORD_BYTES_MAX).ok().map(Cow::Owned),
        _ => None,
    }
}

/// Returns the payload of a shortened record.
pub(super) fn payload(fact: &Fact, written: [u8; 32]) -> Result<Vec<u8>, ReplicaError> {
    let encoded = postcard::to_stdvec(fact)
        .map_err(|source| ReplicaError::Encode { what: "shortened record", source })?;
    let packed = deflate(&encoded);
    let form = if packed.is_some() { FORM_ZSTD } else { FORM_PLAIN };
    let fact = packed.as_deref().unwrap_or(&encoded);
    Ok([&[SHORT_VERSION][..], &written, &[form], fact].concat())
}

/// What is kept of a pack.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Husk {
    genesis: Genesis,
    device: DeviceId,
    incarnation: Incarnation,
    signature: Signature,
    previous: Option<Tip>,
    tip: Tip,
    /// Places inside of it that other records speak of.
    named: Vec<Tip>,
    /// Bytes of its changes, and their operations.
    used: (u64, u64),
    /// How long it was.
    length: u64,
}

/// What is kept of an own change.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct ChangeHusk {
    actor: Actor,
    seq: u64,
}

/// Returns whether something stands in the place of a pack or change.
pub(super) fn is_husk(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(&(HUSK | HUSK_CLAIMED)))
}

fn husk_of<T: Serialize>(mark: u8, value: &T) -> Option<Vec<u8>> {
    postcard::to_extend(value, vec![mark]).ok()
}

fn read_husk<'b, T: Deserialize<'b>>(bytes: &'b [u8]) -> Option<T> {
    let rest = bytes.get(1..).filter(|_| is_husk(bytes))?;
    let (value, left) = postcard::take_from_bytes(rest).ok()?;
    left.is_empty().then_some(value)
}

/// What a pack is, whether its changes are beside it or in a saved document.
#[derive(Debug, Clone)]
pub(super) struct PackFacts {
    genesis: Genesis,
    attestation: Attestation,
    previous: Option<Tip>,
    /// The line after each change; of a husk, only where other records speak of it, and at the end.
    known: Vec<Tip>,
    /// Bytes of its changes, and their operations.
    pub(super) used: (u64, u64),
    /// How long it was.
    pub(super) length: u64,
}

impl PackFacts {
    /// Reads a pack, or what stands in its place.
    ///
    /// # Errors
    ///
    /// Returns [`PackError`] as [`Pack::decode`] does.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, PackError> {
        if !is_husk(bytes) {
            return Pack::decode(bytes).map(|pack| Self::of(&pack, bytes.len() as u64));
        }
        let husk: Husk =
            read_husk(bytes).ok_or(PackError::Malformed { what: "what is kept of it" })?;
        let Husk { genesis, device, incarnation, signature, previous, tip, .. } = husk;
        let document = genesis.document();
        let mut known = husk.named;
        known.push(tip);
        Ok(Self {
            attestation: Attestation { device, incarnation, document, tip, signature },
            genesis,
            previous,
            known,
            used: husk.used,
            length: husk.length,
        })
    }

    fn of(pack: &Pack, length: u64) -> Self {
        let mut here = pack.previous().copied();
        let known = pack.changes().iter().map(|change| {
            let tip = Tip::after(here.as_ref(), change.facts().hash);
            here = Some(tip);
            tip
        });
        Self {
            known: known.collect(),
            genesis: pack.genesis().clone(),
            attestation: pack.attestation(),
            previous: pack.previous().copied(),
            used: used(pack.changes()),
            length,
        }
    }

    pub(super) fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    pub(super) fn document(&self) -> DocumentId {
        self.attestation.document
    }

    pub(super) fn device(&self) -> DeviceId {
        self.attestation.device
    }

    pub(super) fn incarnation(&self) -> Incarnation {
        self.attestation.incarnation
    }

    pub(super) fn actor(&self) -> Actor {
        self.attestation.actor()
    }

    pub(super) fn attestation(&self) -> Attestation {
        self.attestation
    }

    pub(super) fn previous(&self) -> Option<&Tip> {
        self.previous.as_ref()
    }

    pub(super) fn first_seq(&self) -> u64 {
        self.previous.map_or(1, |tip| tip.seq + 1)
    }

    pub(super) fn last_seq(&self) -> u64 {
        self.attestation.tip.seq
    }

    pub(super) fn tip_hash(&self) -> ChangeHash {
        self.attestation.tip.hash
    }

    /// The line after each change, as far as it is known; every place that another record of the store
    /// speaks of is.
    pub(super) fn known(&self) -> &[Tip] {
        &self.known
    }
}

/// Returns the bytes of changes and their operations.
pub(super) fn used(changes: &[RawChange]) -> (u64, u64) {
    let bytes = changes.iter().map(|change| change.bytes().len() as u64).sum();
    let ops = changes.iter().fold(0_u64, |ops, change| ops.saturating_add(change.facts().ops));
    (bytes, ops)
}

/// A saved document inflates to at most this: twice what one may be long that is kept.
const SAVED_BYTES_MAX: usize = 32 << 20;
/// What follows is as it is.
const FORM_PLAIN: u8 = 0;
/// What follows is a zstd frame.
const FORM_ZSTD: u8 = 1;

/// A saved document as a record keeps it.
pub(super) struct SavedForm(Vec<u8>);

impl SavedForm {
    pub(super) fn of(saved: &[u8]) -> Self {
        let packed = deflate(saved);
        let form = if packed.is_some() { FORM_ZSTD } else { FORM_PLAIN };
        Self([&[form], packed.as_deref().unwrap_or(saved)].concat())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Reads the saved document; none where the bytes are none, as those of one that a later one replaced.
    pub(super) fn read(bytes: &[u8]) -> Option<Vec<u8>> {
        match bytes.split_first()? {
            (&FORM_PLAIN, saved) => Some(saved.to_vec()),
            (&FORM_ZSTD, packed) => inflate(packed, SAVED_BYTES_MAX).ok(),
            _ => None,
        }
    }
}

/// The changes of a saved document, by their actors.
pub(super) struct Grown {
    lines: BTreeMap<Actor, Vec<RawChange>>,
    /// What it takes to hold them.
    pub(super) bytes: usize,
}

impl Grown {
    /// Takes a saved document apart; none where it does not load.
    pub(super) fn of(saved: &[u8]) -> Option<Self> {
        let mut lines: BTreeMap<Actor, Vec<RawChange>> = BTreeMap::new();
        let mut bytes = 0;
        for change in changes_in(saved)? {
            // The first change, which every document has, has another kind of actor.
            let Ok(actor) = change.facts().actor.as_slice().try_into().map(Actor) else { continue };
            bytes += change.bytes().len() + size_of::<RawChange>();
            lines.entry(actor).or_default().push(change);
        }
        for line in lines.values_mut() {
            line.sort_by_key(|change| change.facts().seq);
            let whole = (1..).zip(line.iter()).all(|(seq, change)| change.facts().seq == seq);
            if !whole {
                return None;
            }
        }
        Some(Self { lines, bytes })
    }

    fn run(&self, actor: Actor, first: u64, last: u64) -> Option<&[RawChange]> {
        let place = |seq: u64| usize::try_from(seq).ok();
        self.lines.get(&actor)?.get(place(first.checked_sub(1)?)?..place(last)?)
    }

    /// Returns whether it holds all that another holds.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let ends = |line: &[RawChange]| line.last().map(|change| change.facts().hash);
        other.lines.iter().all(|(actor, line)| {
            let own = self.run(*actor, 1, line.len() as u64);
            // A change names the one before it, so equal ends are equal lines.
            own.is_some_and(|own| ends(own) == ends(line))
        })
    }

    /// Returns what may stand in the place of a pack; none where the pack cannot be told again exactly.
    /// `named` are the places inside of it that other records speak of.
    pub(super) fn husk(&self, bytes: &[u8], named: &[u64]) -> Option<Vec<u8>> {
        let pack = Pack::decode(bytes).ok()?;
        let facts = PackFacts::of(&pack, bytes.len() as u64);
        let mark = if Pack::is_earlier(bytes) { HUSK } else { HUSK_CLAIMED };
        let husk = husk_of(
            mark,
            &Husk {
                genesis: facts.genesis,
                device: pack.device(),
                incarnation: pack.incarnation(),
                signature: facts.attestation.signature,
                previous: facts.previous,
                tip: facts.attestation.tip,
                named: facts
                    .known
                    .into_iter()
                    .filter(|tip| tip.seq < pack.last_seq() && named.contains(&tip.seq))
                    .collect(),
                used: facts.used,
                length: facts.length,
            },
        )?;
        let again = self.pack(&husk)?;
        (again == bytes && husk.len() < bytes.len()).then_some(husk)
    }

    /// Tells a pack again.
    pub(super) fn pack(&self, husk: &[u8]) -> Option<Vec<u8>> {
        let facts = PackFacts::read(husk).ok()?;
        let run = self.run(facts.actor(), facts.first_seq(), facts.last_seq())?.to_vec();
        let pack = Pack::assemble(facts.genesis, &facts.attestation, facts.previous, run).ok()?;
        let is_earlier = husk.first() == Some(&HUSK);
        Some(if is_earlier { pack.encode_earlier() } else { pack.encode() })
    }

    /// As [`Self::husk`], of an own change.
    pub(super) fn change_husk(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let change = RawChange::inspect(bytes.to_vec()).ok()?;
        let actor = Actor(change.facts().actor.as_slice().try_into().ok()?);
        let husk = husk_of(HUSK, &ChangeHusk { actor, seq: change.facts().seq })?;
        (self.change(&husk)? == bytes && husk.len() < bytes.len()).then_some(husk)
    }

    /// Tells an own change again.
    pub(super) fn change(&self, husk: &[u8]) -> Option<Vec<u8>> {
        let ChangeHusk { actor, seq } = read_husk(husk)?;
        self.change_at(actor, seq).map(|change| change.bytes().to_vec())
    }

    /// Returns a change by its place.
    pub(super) fn change_at(&self, actor: Actor, seq: u64) -> Option<&RawChange> {
        self.run(actor, seq, seq)?.first()
    }
}

/// Returns actor and number of an own change that lies in a saved document.
pub(super) fn named_change(bytes: &[u8]) -> Option<(Actor, u64)> {
    read_husk::<ChangeHusk>(bytes).map(|husk| (husk.actor, husk.seq))
}

/// Returns the document of a pack of a record, or of what stands in its place.
pub(super) fn document_of(bytes: &[u8]) -> Option<DocumentId> {
    if is_husk(bytes) {
        return read_husk::<Husk>(bytes).map(|husk| husk.genesis.document());
    }
    crate::sync::PackHeader::peek(bytes).ok().map(|header| header.document)
}

/// Visits all packs of a record that may be told again.
pub(super) fn each_pack<'f>(fact: &'f mut Fact, mut visit: impl FnMut(&'f mut Vec<u8>)) {
    match fact {
        Fact::Released { packs, .. } | Fact::Accepted { packs, .. } => {
            packs.iter_mut().for_each(visit);
        }
        Fact::Received { items, .. } | Fact::Met { items, .. } => {
            for item in items {
                if let FeedItem::Pack(bytes) = item {
                    visit(bytes);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
