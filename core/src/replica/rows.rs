//! The rows of the index: keys and values.
//!
//! A key is one table byte and fixed-width parts, so that scans by prefix come in the order of
//! documents, actors and numbers. Values are postcard. Rows marked *derived* can be computed again
//! from the others and are left out of a rebuild.

mod quarantine;
mod seals;
mod trust;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::facts::{HeadName, MergedPack, PackPlace, Trouble};
use crate::model::{
    Actor, ChangeHash, DeviceId, DocumentId, Genesis, Incarnation, Kind, Scope, TemplateId,
    Timestamp,
};
use crate::store::{Read, StoreError, Writes};
use crate::sync::{ClosedLine, FeedPosition, ItemKey, Notice, Pack, Prefix};
use crate::trust::log::{Doubt, TreeHead};
use crate::trust::merkle::NodeName;
use crate::trust::{Attestation, Tip};

/// Lost records of a renewal that is under way: its end says how many they are.
pub(super) const LOST_UNTOLD: u64 = u64::MAX;

/// Returns how many records were told to be lost. While a renewal is under way the row says how many they were
/// before it, counted down from [`LOST_UNTOLD`].
pub(super) fn known_lost(row: Option<u64>) -> u64 {
    let row = row.unwrap_or(0);
    row.min(LOST_UNTOLD - row)
}

/// Singletons: identity, position, feed head.
pub(super) const META: u8 = b'm';
/// Document → [`DocumentRow`].
pub(super) const DOCUMENT: u8 = b'd';
/// Document, position, index → [`Source`]: what the document is made of, in order.
pub(super) const SOURCE: u8 = b'l';
/// Document → [`BaseRow`] (derived): a saved document and how far it goes.
pub(super) const BASE: u8 = b'b';
/// Document → () : its summary is behind.
pub(super) const STALE: u8 = b'x';
/// Document → summary (derived).
pub(super) const SUMMARY: u8 = b's';
/// Kind, newest first, document → () (derived).
pub(super) const ORDER: u8 = b'o';
/// Facility, plan or inspection → [`VisitRow`] (derived): what visits a facility.
pub(super) const VISIT: u8 = b'V';
/// Document, actor → [`TipRow`].
pub(super) const TIP: u8 = b'a';
/// Document, actor, last seq → [`PackRow`].
pub(super) const PACK: u8 = b'p';
/// Document, actor, number of a change -> the attestation that a snapshot brought of the line up to it.
/// A pack that comes later moves the tip; what came in the snapshot is still proven by this alone.
pub(super) const PROOF: u8 = b'Q';
/// Document, actor, last seq → [`BeyondRow`]: a pack whose forerunner is missing here.
pub(super) const BEYOND: u8 = b'B';
/// Phone: document, actor, last seq → [`CarriedRow`]: a pack of another device that came from a
/// phone, and that the hub has not yet brought.
pub(super) const CARRIED: u8 = b'c';
/// Phone: what (0 all, 1 signed by, 2 given by), device → [`LoadRow`]: how much is carried.
pub(super) const LOAD: u8 = b'L';
/// Phone: document, actor, last seq → [`HeldRow`]: a pack that the hub does not take now.
pub(super) const HELD: u8 = b'H';
/// Phone: document, actor → (): the line was closed in an earlier life of the hub's store, and the
/// present one has not said so yet.
pub(super) const EARLIER: u8 = b'E';
/// Scope (empty: all), item key → item of the reconciliation tree.
pub(super) const ITEM: u8 = b'i';
/// Scope (empty: all), prefix → node of the reconciliation tree.
pub(super) const NODE: u8 = b't';
/// Template → its bytes.
pub(super) const OBJECT: u8 = b'j';
/// Device → entry.
pub(super) const DEVICE: u8 = b'v';
/// Phone: document, actor, seq → position of an edit not yet released.
pub(super) const UNRELEASED: u8 = b'u';
/// Phone: document, actor, last seq → place of a pack the hub has not acknowledged.
pub(super) const OUTBOX: u8 = b'q';
/// Phone: document, actor → (): merged, as the hub says, and not signed for yet.
pub(super) const MARKING: u8 = b'Y';
/// Phone: document, actor → [`AwaitedRow`]: signed for as merged, and not yet as backed up.
pub(super) const AWAITED: u8 = b'Z';
/// Phone: document, actor → [`ArrivalRow`].
pub(super) const ARRIVAL: u8 = b'r';
/// Phone: number → notice; hub: device, number → notice.
pub(super) const NOTICE: u8 = b'n';
/// Phone: document, actor → [`ForkRow`]: two lines under one name, and the hub's is not here whole.
pub(super) const FORK: u8 = b'e';
/// Phone: document, actor → position: packs and snapshots of records before it hold a line of this
/// actor that the hub does not; what they have of it is in no document.
pub(super) const FOLLOWED: u8 = b'F';
/// Incarnation → (): every life this store has had, so that edits of an earlier one can be signed.
pub(super) const LIFE: u8 = b'h';
/// Hub: document, position, index → (): accepted, to be merged.
pub(super) const PENDING: u8 = b'w';
/// Hub: document, position, index → (): accepted, causes missing.
pub(super) const PARKED: u8 = b'k';
/// Hub: feed number → [`FeedRow`].
pub(super) const FEED: u8 = b'f';
/// Hub: document, actor, seq, hash → [`QuarantineRow`]: a pack in quarantine, so that a retry
/// adds nothing, what continues it is known, and a person can look at it.
pub(super) const QUARANTINE: u8 = b'z';
/// Hub: document, actor, seq, hash → (): what is kept aside under this name was admitted, and is not in the
/// record yet. It goes with the record that takes it in.
pub(super) const OWED: u8 = b'!';
/// Hub: device, document, actor, seq, hash → [`ShutRow`]: a pack set aside because its device may not
/// write it, or is not known. It is looked at again when that changes.
pub(super) const SHUT: u8 = b'S';
/// Hub: document, actor, seq, hash → [`StrandedRow`]: a pack set aside because nobody who brought it
/// had what comes before it. It is looked at again when its line grows.
pub(super) const STRANDED: u8 = b'N';
/// Hub: checklist, document, position, index → device: accepted, and its checklist is not here.
pub(super) const LATER: u8 = b'T';
/// Hub: checklist → (): it came while packs waited for it.
pub(super) const RIPE: u8 = b'P';
/// Phone: checklist → [`GivenRow`]: the life of the hub's store that is known to hold it.
pub(super) const GIVEN: u8 = b'G';
/// Position → [`TroubleRow`]: what was gone when the store was opened, until a person has seen it.
pub(super) const TROUBLE: u8 = b'W';
/// Document, actor → [`ClosedLine`]: where the line ends in the record.
pub(super) const CLOSED: u8 = b'C';
/// Hub: document, change → the change at fault: a change that was refused.
pub(super) const REFUSED: u8 = b'y';
/// Hub: document, device → [`ShareRow`].
pub(super) const SHARE: u8 = b'D';
/// Phone: document, position, index → [`super::Rejected`]: an own edit that is not in the record, or
/// not all of it.
pub(super) const REJECTED: u8 = b'R';
/// Hub: number of a leaf → the leaf's bytes. This and the other tables of the log have digits for names.
pub(super) const LOG_LEAF: u8 = b'1';
/// Hub: level from 1, index → hash of a complete subtree of the log.
pub(super) const LOG_NODE: u8 = b'2';
/// Hub: document, actor, seq → number of the leaf that says it was stored.
pub(super) const LOG_STORED: u8 = b'4';
/// Phone: epoch → [`HeadRow`].
pub(super) const HEAD: u8 = b'5';
/// Phone: epoch, size, hash → [`HeardRow`]: a head that another phone was shown, and that the hub has yet to
/// account for here.
pub(super) const HEARD: u8 = b'6';
/// Phone: position → [`DoubtRow`].
pub(super) const DOUBT: u8 = b'7';
/// Document → position of the record that holds it saved, for records that were shortened.
pub(super) const SAVED: u8 = b'(';
/// Document, actor, seq → (): a place of a line that a record other than the packs' own speaks of.
pub(super) const NAMED: u8 = b')';
/// Part of the journal → how long the journal was when the part was last looked at (derived).
pub(super) const TRIED: u8 = b'.';
/// Hub: scope, feed number → ().
pub(super) const SCOPE: u8 = b'g';

/// Hub: invitation → [`crate::trust::enrolment::OpenInvitation`].
pub(super) const INVITATION: u8 = b'@';

pub(super) use quarantine::*;
pub(super) use seals::*;
pub(super) use trust::*;

/// Names of the singletons.
pub(super) mod meta {
    pub(in crate::replica) const SELF: &[u8] = b"self";
    /// The device, or the hub's key, for which the store was made.
    pub(in crate::replica) const BORN: &[u8] = b"born";
    pub(in crate::replica) const POSITION: &[u8] = b"position";
    pub(in crate::replica) const NOTICES: &[u8] = b"notices";
    pub(in crate::replica) const FEED: &[u8] = b"feed";
    pub(in crate::replica) const LOST: &[u8] = b"lost";
    /// Phone: the last mark of the hub.
    pub(in crate::replica) const MARK: &[u8] = b"mark";
    /// Hub: how far its feed is on its second disk.
    pub(in crate::replica) const BACKED: &[u8] = b"backed";
    /// Records lost of which people were told, or are being told.
    pub(in crate::replica) const TOLD: &[u8] = b"told";
    pub(in crate::replica) const EPOCH: &[u8] = b"epoch";
    /// A line has or had a hole since this device last compared with the hub.
    pub(in crate::replica) const GAP: &[u8] = b"gap";
    pub(in crate::replica) const TOTALS: &[u8] = b"totals";
    /// Hub: the right edge of the log's tree.
    pub(in crate::replica) const LOG: &[u8] = b"log";
    /// The hash of all records before the log began; of all there are where it never does, as on a phone.
    pub(in crate::replica) const BEFORE: &[u8] = b"before";
    /// Hub: what its log says of the lives of the store.
    pub(in crate::replica) const LIVES: &[u8] = b"lives";
    /// Hub: a device knew more of the log than it holds, and no epoch has begun since.
    pub(in crate::replica) const SURPASSED: &[u8] = b"surpassed";
    /// Hub: how many leaves its log had when it was last marked.
    pub(in crate::replica) const MARKED: &[u8] = b"marked";
    /// Hub: its log is not what an earlier program computed, and no epoch has begun since.
    pub(in crate::replica) const OTHER_LOG: &[u8] = b"other-log";
    /// Phone: the epoch of the last head that the hub showed here.
    pub(in crate::replica) const HEAD: &[u8] = b"head";
    /// The keys of the hub: the pinned one first, then those that announcements lead to from it.
    pub(in crate::replica) const HUB_KEYS: &[u8] = b"hub-keys";
    /// The announcements of a hub's next key that are known: the acts by what they link.
    pub(in crate::replica) const HUB_LINKS: &[u8] = b"hub-links";
    /// Since when keys of the hub count no more, because it signs with the next.
    pub(in crate::replica) const HUB_RETIRED: &[u8] = b"hub-retired";
    /// When the hub entered the last entry of a control log that was folded.
    pub(in crate::replica) const CONTROL_AT: &[u8] = b"control-at";
    /// Phone: a life of the hub's store, and up to which row it was given what earlier lives signed.
    pub(in crate::replica) const REMINDED: &[u8] = b"reminded";
}

/// Who this store belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelfRow {
    /// The device, or the hub's key.
    pub device: DeviceId,
    /// Its present incarnation; for a hub, its epoch.
    pub incarnation: Incarnation,
}

/// Phone: the life of the hub's store that its word on own edits is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EpochRow {
    pub(super) epoch: [u8; 16],
    /// What an earlier life signed for was found in this one, or sent again.
    pub(super) confirmed: bool,
}

/// A known document.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct DocumentRow {
    pub(super) genesis: Genesis,
}

/// One thing a document is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Source {
    /// The [`super::Fact::Changed`] at the row's position.
    Change,
    /// A pack.
    Pack(PackPlace),
    /// The snapshot at this index of the record's feed items.
    Snapshot { at: u64, index: u32 },
    /// The renamed edit at this index of the [`super::Fact::Adopted`] at the row's position.
    Resubmitted { index: u32 },
}

/// A saved document.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct BaseRow {
    /// The key of the last [`SOURCE`] row in it.
    pub(super) upto: Vec<u8>,
    /// The document's own bytes.
    pub(super) bytes: Vec<u8>,
    /// The proof of every actor's changes in it; none where one is missing, as for edits of this
    /// device that it has not signed yet. Only a base with its proofs can be handed on.
    pub(super) attestations: Option<Vec<Attestation>>,
}

/// A visit of a facility, as a plan or an inspection tells it. It counts only while the document has
/// the heads that it was computed at: a visit that went out of the record leaves its row behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct VisitRow {
    pub(super) template: Option<TemplateId>,
    pub(super) visit: u32,
    pub(super) removed: bool,
    pub(super) heads_digest: [u8; 32],
}

/// The end of what is held of one actor, with its proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TipRow {
    pub(super) attestation: Attestation,
}

/// A pack held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PackRow {
    pub(super) place: PackPlace,
    pub(super) first_seq: u64,
    pub(super) tip: ChangeHash,
}

/// A pack that does not continue what is held of its actor: the record of an earlier one is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BeyondRow {
    pub(super) place: PackPlace,
    pub(super) first_seq: u64,
    /// The end of the line that it continues.
    pub(super) previous: Option<Tip>,
    pub(super) attestation: Attestation,
}

/// A pack that a phone brought and the hub has not confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CarriedRow {
    pub(super) place: PackPlace,
    pub(super) first_seq: u64,
    /// The actor's line before the pack; `None` when it begins it.
    pub(super) previous: Option<Tip>,
    /// The proof of the actor's changes up to the pack's last.
    pub(super) attestation: Attestation,
    /// The life of the hub's store that has signed for it, or keeps it beyond a hole, if one has.
    pub(super) stored: Option<[u8; 16]>,
    /// The phone that brought it.
    pub(super) from: DeviceId,
    /// How long the pack is.
    pub(super) bytes: u64,
}

/// How much of something is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct LoadRow {
    pub(super) packs: u64,
    pub(super) bytes: u64,
}

/// Bytes of a place in a key: position and index. All bits set come after every place.
const PLACE_BYTES: usize = 12;

/// Returns a key behind all those that begin with a prefix and end with a place.
pub(super) fn behind(mut prefix: Vec<u8>) -> Vec<u8> {
    prefix.resize(prefix.len() + PLACE_BYTES, 0xff);
    prefix
}

/// What a device uses of a document's limits: all that the hub took in of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct ShareRow {
    pub(super) actors: u64,
    /// Bytes of changes.
    pub(super) bytes: u64,
    pub(super) ops: u64,
}

impl ShareRow {
    /// Returns what is used with a pack more.
    pub(super) fn with(self, pack: &Pack) -> Self {
        self.and(pack.previous().is_none(), super::short::used(pack.changes()))
    }

    /// As [`Self::with`], of a pack of so many bytes of changes and operations.
    pub(super) fn and(self, begins: bool, (bytes, ops): (u64, u64)) -> Self {
        Self {
            actors: self.actors + u64::from(begins),
            bytes: self.bytes.saturating_add(bytes),
            ops: self.ops.saturating_add(ops),
        }
    }
}

/// A pack that the hub cannot read or has no quota for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HeldRow {
    /// The life of the hub's store that said so.
    pub(super) epoch: [u8; 16],
    /// When it did, by this device's clock.
    pub(super) at: Timestamp,
}

/// How far the edits of one of this device's actors have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ArrivalRow {
    /// Last edit recorded on this phone.
    pub recorded: u64,
    /// Last edit signed for travel.
    pub released: u64,
    /// Last edit that the hub has signed for as stored.
    pub stored: u64,
    /// When the hub said so, by its clock.
    pub stored_at: Timestamp,
    /// Last edit that the hub has merged into the record.
    pub merged: u64,
    /// Last edit that the hub has signed for as merged.
    pub merged_signed: u64,
    /// When it signed that, by its clock.
    pub merged_at: Timestamp,
    /// Last edit that the hub has signed for as being on its second disk.
    pub backed: u64,
    /// When it verified that there, by its clock.
    pub backed_at: Timestamp,
}

/// Up to where an own line was merged when the hub signed for a place of its feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AwaitedRow {
    /// The place: all of it lies before.
    pub(super) number: u64,
    /// The last edit merged.
    pub(super) seq: u64,
}

/// How far a hub's feed is on its second disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BackedRow {
    /// The life of the hub's store.
    pub(super) epoch: [u8; 16],
    /// Entries of the feed.
    pub(super) number: u64,
    /// When that was read back.
    pub(super) at: Timestamp,
}

/// A line that the hub holds another continuation of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ForkRow {
    /// Position of the record that says so: what came after it under this name is the hub's.
    pub(super) at: u64,
    /// It is a line of this device.
    pub(super) own: bool,
}

/// A pack that its device may not write, or not yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ShutRow {
    /// The record that keeps it, and its place among what that record sets aside.
    pub(super) place: PackPlace,
    /// Who brought it.
    pub(super) from: DeviceId,
    /// Its device was not known then.
    pub(super) stranger: bool,
    /// The number of the notice that tells its device.
    pub(super) number: u64,
}

/// A pack beyond a hole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StrandedRow {
    /// The record that keeps it, and its place among what that record sets aside.
    pub(super) place: PackPlace,
    pub(super) first_seq: u64,
    /// The number of the notice that tells its device.
    pub(super) number: u64,
}

/// Stands for a life of the hub's store that has not named itself yet.
pub(super) const UNKNOWN_LIFE: [u8; 16] = [0; 16];

/// A checklist that the hub is known to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct GivenRow {
    pub(super) epoch: [u8; 16],
}

/// What was gone when the store was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TroubleRow {
    pub(super) trouble: Trouble,
    pub(super) at: Timestamp,
}

/// Heads of one life of a hub's store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadRow {
    /// The hub's key.
    pub hub: DeviceId,
    /// The first that was shown here.
    pub first: TreeHead,
    /// The last; the log was proved to have grown from the one before.
    pub last: TreeHead,
}

/// A head that another phone was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HeardRow {
    pub(super) hub: DeviceId,
    pub(super) head: TreeHead,
    pub(super) from: DeviceId,
}

/// The hub's log does not hold together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DoubtRow {
    pub(super) doubt: Doubt,
    pub(super) at: Timestamp,
}

/// An entry of the hub's feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FeedRow {
    pub(super) chain: [u8; 32],
    pub(super) entry: Entry,
}

/// What an entry of the feed is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Entry {
    Pack {
        document: DocumentId,
        pack: MergedPack,
    },
    Object {
        template: TemplateId,
    },
    Device {
        device: DeviceId,
    },
    /// The line as it was closed then: a later word on it is a later entry.
    Closed {
        line: ClosedLine,
    },
    /// An entry of a unit's control log.
    Control {
        scope: Scope,
        life: [u8; 16],
        number: u64,
    },
    /// Sealed minutes, for who reads the inspection.
    Seal {
        seal: crate::trust::seal::SealId,
    },
}

/// Counts that status pages show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Totals {
    /// Documents known.
    pub documents: u64,
    /// Packs held.
    pub packs: u64,
    /// Packs accepted and not yet merged (hub).
    pub pending: u64,
    /// Packs whose causes are missing (hub).
    pub parked: u64,
    /// Packs whose checklist is missing (hub).
    pub later: u64,
    /// Packs in quarantine (hub) or refused by the hub (phone).
    pub quarantined: u64,
}

/// Joins a table and the parts of a key.
pub(super) fn key(table: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + parts.iter().map(|part| part.len()).sum::<usize>());
    key.push(table);
    for part in parts {
        key.extend_from_slice(part);
    }
    key
}

pub(super) fn single(name: &[u8]) -> Vec<u8> {
    key(META, &[name])
}

pub(super) fn of_document(table: u8, document: DocumentId) -> Vec<u8> {
    key(table, &[&document.0])
}

pub(super) fn of_visit(facility: DocumentId, by: DocumentId) -> Vec<u8> {
    key(VISIT, &[&facility.0, &by.0])
}

pub(super) fn of_actor(table: u8, document: DocumentId, actor: Actor) -> Vec<u8> {
    key(table, &[&document.0, &actor.0])
}

/// The carried packs that a device has signed.
pub(super) fn load_of_signer(device: DeviceId) -> Vec<u8> {
    key(LOAD, &[&[1], &device.0])
}

/// The carried packs that a device has brought.
pub(super) fn load_from(device: DeviceId) -> Vec<u8> {
    key(LOAD, &[&[2], &device.0])
}

/// All carried packs.
pub(super) fn load_of_all() -> Vec<u8> {
    key(LOAD, &[&[0]])
}

pub(super) fn of_seq(table: u8, document: DocumentId, actor: Actor, seq: u64) -> Vec<u8> {
    key(table, &[&document.0, &actor.0, &seq.to_be_bytes()])
}

pub(super) fn of_change(table: u8, document: DocumentId, change: &ChangeHash) -> Vec<u8> {
    key(table, &[&document.0, &change.0])
}

pub(super) fn of_quarantine(notice: &Notice) -> Vec<u8> {
    of_set_aside(notice.document, notice.actor, notice.seq, &notice.hash)
}

pub(super) fn of_set_aside(
    document: DocumentId,
    actor: Actor,
    seq: u64,
    hash: &ChangeHash,
) -> Vec<u8> {
    key(QUARANTINE, &[&document.0, &actor.0, &seq.to_be_bytes(), &hash.0])
}

/// The mark that goes with a key made by [`of_set_aside`].
pub(super) fn of_owed(
    (document, actor, seq, hash): (DocumentId, Actor, u64, ChangeHash),
) -> Vec<u8> {
    key(OWED, &[&document.0, &actor.0, &seq.to_be_bytes(), &hash.0])
}

pub(super) fn of_stranded(notice: &Notice) -> Vec<u8> {
    let Notice { document, actor, seq, hash, .. } = notice;
    key(STRANDED, &[&document.0, &actor.0, &seq.to_be_bytes(), &hash.0])
}

/// How many packs of a device are kept beyond holes.
pub(super) fn stranded_of(device: DeviceId) -> Vec<u8> {
    key(META, &[b"stranded", &device.0])
}

pub(super) fn of_place(table: u8, document: DocumentId, place: PackPlace) -> Vec<u8> {
    key(table, &[&document.0, &place.at.to_be_bytes(), &place.index.to_be_bytes()])
}

pub(super) fn of_number(table: u8, number: u64) -> Vec<u8> {
    key(table, &[&number.to_be_bytes()])
}

pub(super) fn of_scope(scope: &str, number: u64) -> Vec<u8> {
    key(SCOPE, &[scope_part(scope).as_slice(), &number.to_be_bytes()])
}

/// A scope in five bytes, so that the number behind it sorts.
pub(super) fn scope_part(scope: &str) -> Vec<u8> {
    let mut part = scope.as_bytes().to_vec();
    part.resize(5, b' ');
    part
}

pub(super) fn of_order(kind: Kind, updated: Timestamp, document: DocumentId) -> Vec<u8> {
    // Newest first: the sign bit is flipped so that times sort, then all bits for the order.
    let sorted = !(updated.0.cast_unsigned() ^ (1 << 63));
    key(ORDER, &[&[kind.number()], &sorted.to_be_bytes(), &document.0])
}

pub(super) fn of_item(scope: &str, item: &ItemKey) -> Vec<u8> {
    key(ITEM, &[&scope_part(scope), &item.0])
}

pub(super) fn of_node(scope: &str, prefix: &Prefix) -> Vec<u8> {
    key(NODE, &[&scope_part(scope), &prefix.encode()])
}

pub(super) fn notice_of_device(device: DeviceId, number: u64) -> Vec<u8> {
    key(NOTICE, &[&device.0, &number.to_be_bytes()])
}

/// How many notices wait for a device: the number of the last.
pub(super) fn notices_of(device: DeviceId) -> Vec<u8> {
    key(META, &[b"notices", &device.0])
}

/// How many packs of a device are set aside.
pub(super) fn aside_of(device: DeviceId) -> Vec<u8> {
    key(META, &[ASIDE, &device.0])
}

/// The name that keys made by [`aside_of`] begin with.
pub(super) const ASIDE: &[u8] = b"aside";

/// How many packs of devices that were not known then a device brought, and are still set aside.
pub(super) fn strangers_of(from: DeviceId) -> Vec<u8> {
    key(META, &[b"strangers", &from.0])
}

/// How many packs of a device were refused when they were merged, since its rights last changed.
pub(super) fn refused_of(device: DeviceId) -> Vec<u8> {
    key(META, &[REFUSALS, &device.0])
}

/// The name that keys made by [`refused_of`] begin with.
pub(super) const REFUSALS: &[u8] = b"refused";

pub(super) fn of_share(document: DocumentId, device: DeviceId) -> Vec<u8> {
    key(SHARE, &[&document.0, &device.0])
}

/// How many packs of a device wait for a checklist.
pub(super) fn later_of(device: DeviceId) -> Vec<u8> {
    key(META, &[b"later", &device.0])
}

pub(super) fn of_shut(device: DeviceId, notice: &Notice) -> Vec<u8> {
    let Notice { document, actor, seq, hash, .. } = notice;
    key(SHUT, &[&device.0, &document.0, &actor.0, &seq.to_be_bytes(), &hash.0])
}

pub(super) fn of_template(table: u8, template: TemplateId) -> Vec<u8> {
    key(table, &[&template.0])
}

pub(super) fn of_later(template: TemplateId, document: DocumentId) -> Vec<u8> {
    key(LATER, &[&template.0, &document.0])
}

pub(super) fn of_later_place(
    template: TemplateId,
    document: DocumentId,
    place: PackPlace,
) -> Vec<u8> {
    let (at, index) = (place.at.to_be_bytes(), place.index.to_be_bytes());
    key(LATER, &[&template.0, &document.0, &at, &index])
}

/// Reads the checklist and the document of a key made by [`of_later_place`].
pub(super) fn later_in(key: &[u8]) -> Option<(TemplateId, DocumentId)> {
    let template = TemplateId(key.get(1..33)?.try_into().ok()?);
    Some((template, DocumentId(key.get(33..65)?.try_into().ok()?)))
}

/// A complete subtree of the log. Leaves have a table of their own.
pub(super) fn of_log_node(name: NodeName) -> Vec<u8> {
    key(LOG_NODE, &[&[name.level], &name.index.to_be_bytes()])
}

pub(super) fn of_heard(head: &HeadName) -> Vec<u8> {
    key(HEARD, &[&head.epoch, &head.size.to_be_bytes(), &head.root.0])
}

/// Phone: the life of the hub's store in which it was told that this earlier one is not there whole.
pub(super) fn told_lost(life: [u8; 16]) -> Vec<u8> {
    key(META, &[TOLD_LOST, &life])
}

/// The name that keys made by [`told_lost`] begin with.
pub(super) const TOLD_LOST: &[u8] = b"told-lost";

/// Reads the place at the end of a key made by [`of_place`].
pub(super) fn place_in(key: &[u8]) -> Option<PackPlace> {
    let tail = key.get(key.len().checked_sub(12)?..)?;
    Some(PackPlace {
        at: u64::from_be_bytes(tail[..8].try_into().ok()?),
        index: u32::from_be_bytes(tail[8..].try_into().ok()?),
    })
}

/// Reads the number at the end of a key.
pub(super) fn number_in(key: &[u8]) -> Option<u64> {
    let tail = key.get(key.len().checked_sub(8)?..)?;
    Some(u64::from_be_bytes(tail.try_into().ok()?))
}

/// Reads the document behind the table byte of a key.
pub(super) fn document_in(key: &[u8]) -> Option<DocumentId> {
    Some(DocumentId(key.get(1..33)?.try_into().ok()?))
}

/// Reads the actor behind the document of a key.
pub(super) fn actor_in(key: &[u8]) -> Option<Actor> {
    Some(Actor(key.get(33..49)?.try_into().ok()?))
}

/// Reads a typed row.
pub(super) fn get<T: DeserializeOwned>(
    rows: &dyn Read,
    key: &[u8],
) -> Result<Option<T>, StoreError> {
    rows.get(key)?.map(|bytes| decode(key, &bytes)).transpose()
}

/// Reads a value.
pub(super) fn decode<T: DeserializeOwned>(key: &[u8], bytes: &[u8]) -> Result<T, StoreError> {
    postcard::from_bytes(bytes).map_err(|_| StoreError::Damaged {
        what: format!("the row {} of the index", hex::encode(&key[..key.len().min(9)])),
    })
}

/// Puts a typed row.
pub(super) fn put<T: Serialize>(writes: &mut Writes, key: Vec<u8>, value: &T) {
    let bytes = postcard::to_stdvec(value)
        .expect("rows hold only sized fields, sequences and enums, which always encode");
    writes.put(key, bytes);
}

/// Returns the feed position of a hub or the position of a phone.
pub(super) fn position(rows: &dyn Read, name: &[u8]) -> Result<Option<FeedPosition>, StoreError> {
    get(rows, &single(name))
}
