//! What the journal keeps: one [`Fact`] a record.
//!
//! Format: the record's kind is the fact's number, its payload one version byte and the fact in
//! postcard. Numbers are never used again for something else; a fixture of each is kept.

use serde::{Deserialize, Serialize};

use super::ReplicaError;
use crate::model::{
    Actor, ChangeHash, DeviceId, DocumentId, Genesis, Incarnation, Scope, TemplateId, Timestamp,
};
use crate::store::{Position, RECORD_BYTES_MAX, Record, StoreError};
use crate::sync::{ClosedLine, FeedItem, FeedPosition, Notice, PlainEntry, Want};
use crate::trust::HubReceipt;
use crate::trust::control::ActId;
use crate::trust::log::{Doubt, LogEntry, Release, TreeHead};

/// The version of the payload written by this program.
const FACT_VERSION: u8 = 1;

/// Where a pack stands: the record that brought it and its place there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PackPlace {
    /// Position of the record.
    pub at: u64,
    /// Index among the packs of the record.
    pub index: u32,
}

/// Why a device took a fresh incarnation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Renewal {
    /// The store's files are not where they were: restored, copied or cloned; or records of it are
    /// lost.
    Moved,
    /// The hub holds another line of changes under the same name.
    Equivocation,
    /// The hub holds changes of this device that this store never made.
    Cloned,
    /// The hub closed a line of this device: what follows has another name.
    Closed,
    /// A person said that the store was set back to a copy, which nothing about its files shows.
    Restored,
}

/// A pack that entered the record, with what its feed entry says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergedPack {
    /// Where it stands.
    pub place: PackPlace,
    /// Who wrote it.
    pub actor: Actor,
    /// That actor's device.
    pub device: DeviceId,
    /// And incarnation.
    pub incarnation: Incarnation,
    /// Its last change.
    pub seq: u64,
    /// The hash of its last change.
    pub tip: ChangeHash,
}

/// An own edit that was made anew under another actor, or that a fork left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    /// Where the document's list of sources named it.
    pub place: PackPlace,
    /// The old name.
    pub actor: Actor,
    /// The old number.
    pub seq: u64,
}

/// An own edit that is not in the record, or not all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// Where the document's list of sources named it.
    pub place: PackPlace,
    /// The name it was made under.
    pub actor: Actor,
    /// Its number.
    pub seq: u64,
    /// The change that the hub refused: this one, or one that it builds on.
    pub culprit: ChangeHash,
    /// Places of the operations that were not made anew; empty for the whole edit.
    pub operations: Vec<u32>,
}

/// A pack that the hub will not put into the record, and whom to tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// The pack's signer, who is told.
    pub device: DeviceId,
    /// What the signer is told.
    pub notice: Notice,
    /// The bytes, kept verbatim as evidence; empty if they already stand in an accepted record.
    pub bytes: Vec<u8>,
}

/// What a store had lost when it was opened. One of nothing says that the store was set back to a copy:
/// how much that is cannot be known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Records that are gone.
    pub lost: u64,
    /// Not even how many there were is known: the store began anew.
    pub everything: bool,
    /// Files that were set aside, by their names in the store's folder.
    pub set_aside: Vec<String>,
}

/// One record of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Fact {
    /// The store was made.
    Born {
        /// The device, or the hub's own key.
        device: DeviceId,
        /// The first incarnation; for a hub, its first epoch.
        incarnation: Incarnation,
        /// When, by this machine's clock.
        at: Timestamp,
    },
    /// A fresh incarnation (phone) or epoch (hub): nothing is written under the old one any more.
    Incarnated {
        /// The new one.
        incarnation: Incarnation,
        /// Why.
        why: Renewal,
        /// Records that the store has reported as lost by now: what they held is asked for once.
        lost: u64,
        /// When.
        at: Timestamp,
    },
    /// One edit made on this device.
    Changed {
        /// The document.
        genesis: Genesis,
        /// The Automerge change.
        change: Vec<u8>,
        /// When.
        at: Timestamp,
    },
    /// Own edits, signed and ready to travel. From here on their bytes stay the same.
    Released {
        /// Encoded packs.
        packs: Vec<Vec<u8>>,
        /// When.
        at: Timestamp,
    },
    /// What the hub sent, and the position reached with it.
    Received {
        /// Feed items.
        items: Vec<FeedItem>,
        /// The new position, if the sender gave one.
        position: Option<FeedPosition>,
        /// When.
        at: Timestamp,
    },
    /// The hub's signature that it has stored packs.
    Receipted {
        /// The receipt.
        receipt: HubReceipt,
    },
    /// What the hub did not put into the record.
    Noticed {
        /// The number of the last notice.
        upto: u64,
        /// The notices.
        notices: Vec<Notice>,
    },
    /// Hub: packs taken in, not yet merged; and those set aside.
    Accepted {
        /// Who brought them.
        from: DeviceId,
        /// Encoded packs.
        packs: Vec<Vec<u8>>,
        /// Authentic packs that may not enter the record.
        quarantined: Vec<Quarantined>,
        /// When.
        at: Timestamp,
    },
    /// Hub: packs of one document merged; each gets the next number of the feed, in this order.
    Merged {
        /// The document.
        document: DocumentId,
        /// Its scope, which decides who sees the feed entries.
        scope: Scope,
        /// Merged packs, causes before effects.
        merged: Vec<MergedPack>,
        /// Packs whose causes are not here yet, and who signed them.
        parked: Vec<(PackPlace, DeviceId)>,
        /// Packs that must not be merged.
        refused: Vec<(PackPlace, Quarantined)>,
        /// When.
        at: Timestamp,
    },
    /// Hub: an immutable object (a template) for everybody.
    Published {
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// Hub: a device it was told of.
    Trusted {
        /// The device.
        entry: PlainEntry,
    },
    /// Phone: the hub holds another line of this actor; the one here, ours or another device's, is
    /// taken out of what we offer. It stays in the document until the hub's is here whole.
    Forked {
        /// The document.
        document: DocumentId,
        /// The actor with two lines.
        actor: Actor,
    },
    /// Phone: own edits that cannot stay as they are were made anew under a fresh actor, or own edits
    /// came back from the hub. The originals stay in the journal.
    Adopted {
        /// The document.
        genesis: Genesis,
        /// The actor whose line is the cause.
        actor: Actor,
        /// Under which our edits are made anew: named after them, so that clones agree.
        incarnation: Incarnation,
        /// What came back of the line.
        packs: Vec<Vec<u8>>,
        /// Our edits, renamed.
        resubmitted: Vec<Vec<u8>>,
        /// Our edits under the old name, which the document no longer holds.
        replaced: Vec<Replaced>,
        /// When.
        at: Timestamp,
    },
    /// Phone: it may see more than before, so its position in the feed says nothing any more.
    Lagging,
    /// Phone: another phone brought packs that the hub may not have, and checklists to open them.
    Met {
        /// The phone that brought them; the packs say who wrote them.
        from: DeviceId,
        /// Packs and objects.
        items: Vec<FeedItem>,
        /// When.
        at: Timestamp,
    },
    /// Phone: the hub was offered these packs of others and did not take them. They are neither
    /// shown nor offered again; their bytes stay in the journal.
    Declined {
        /// Document, actor and last number of each pack.
        packs: Vec<(DocumentId, Actor, u64)>,
        /// When.
        at: Timestamp,
    },
    /// Hub: lines of one document that end in the record, because what follows was refused.
    Closed {
        /// The lines; each gets a number of the feed.
        lines: Vec<ClosedLine>,
        /// All changes of the refused packs, each with the change that is at fault: what builds on
        /// one can never be merged.
        changes: Vec<(ChangeHash, ChangeHash)>,
        /// The document.
        document: DocumentId,
        /// Its scope, which decides who sees the feed entries.
        scope: Scope,
        /// When.
        at: Timestamp,
    },
    /// Phone: own edits that did not enter the record and were not, or not wholly, made anew.
    Rejected {
        /// The document.
        document: DocumentId,
        /// The edits; their bytes stay in the journal.
        edits: Vec<Rejected>,
        /// When.
        at: Timestamp,
    },
    /// Phone: the hub's store lives another life than when it signed for this device's edits. They
    /// count as stored again once the two have compared.
    Restored {
        /// That life.
        epoch: [u8; 16],
    },
    /// Phone: the hub lacks own edits that it had signed for; they are to be sent again.
    Lacking {
        /// From where on.
        wants: Vec<Want>,
    },
    /// Phone: the hub cannot read these packs and keeps nothing of them. They stay here, and are
    /// offered again later: a newer hub may read them.
    HeldBack {
        /// Document, actor and last number of each pack.
        packs: Vec<(DocumentId, Actor, u64)>,
        /// The life of the hub's store that said so.
        epoch: [u8; 16],
        /// When.
        at: Timestamp,
    },
    /// Opening the store found that something is gone; told until a person has seen it.
    Troubled {
        /// What.
        trouble: Trouble,
        /// When.
        at: Timestamp,
    },
    /// A person has seen what was found when the store was opened.
    Acknowledged {
        /// All that stands in the journal up to this position.
        upto: u64,
        /// When.
        at: Timestamp,
    },
    /// Phone of an administrator: the hub's store holds these checklists, in its present life.
    Returned {
        /// Which.
        templates: Vec<TemplateId>,
        /// That life.
        epoch: [u8; 16],
    },
    /// Phone: the hub's line of a forked actor is here whole. What was here under its name before the
    /// fork was noticed, and is not in that line, is in no document any more.
    Followed {
        /// The document.
        document: DocumentId,
        /// The actor with two lines.
        actor: Actor,
        /// Own edits that continue the hub's line as it is now: they are to be sent again.
        left: Vec<Replaced>,
        /// When.
        at: Timestamp,
    },
    /// Phone: the hub keeps these packs of others, and lacks what comes before them, or has judged them
    /// since they were held back. They are not offered again to this life of its store.
    Kept {
        /// Document, actor and last number of each pack.
        packs: Vec<(DocumentId, Actor, u64)>,
        /// That life.
        epoch: [u8; 16],
    },
    /// Hub: what leaves no record otherwise and belongs into the log.
    Audited {
        /// One leaf each.
        entries: Vec<LogEntry>,
        /// When.
        at: Timestamp,
    },
    /// Phone: a head of the hub's log.
    Witnessed {
        /// The hub's key, which signed it.
        hub: DeviceId,
        /// The head.
        head: TreeHead,
        /// Another phone was shown it, and the hub has yet to continue it here. Nothing where the hub
        /// showed it and continued what was kept.
        heard: Option<DeviceId>,
        /// When.
        at: Timestamp,
    },
    /// Phone: the hub's log does not hold together, or an administrator's word to go on.
    Doubted {
        /// What.
        word: DoubtWord,
        /// When.
        at: Timestamp,
    },
    /// Hub: entries of control logs, numbered and signed.
    Controlled {
        /// Encoded, in the order in which they count.
        entries: Vec<Vec<u8>>,
    },
    /// Phone: the key of the hub whose word on rights counts from here on.
    Pinned {
        /// The key.
        hub: DeviceId,
    },
    /// Phone: something was decided and signed here; it counts once the hub has entered it.
    Acted {
        /// The encoded act.
        act: Vec<u8>,
    },
    /// Phone: the hub does not enter an act of this device, and a person has been told.
    Dropped {
        /// Which.
        act: ActId,
    },
    /// Phone: a life of the hub's store was given what earlier lives had entered into control logs.
    Reminded {
        /// That life.
        epoch: [u8; 16],
        /// Up to which row of the index.
        upto: Vec<u8>,
    },
}

/// What is said of a doubt in the hub's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DoubtWord {
    /// Two heads are not of one log.
    Found(Doubt),
    /// An administrator lets this device go on. What was kept of the log stays in the journal; the next
    /// head that the hub shows counts as the first.
    Released(Release),
}

/// Bytes of one record that may hold much: half of what a record may, for the fields around them.
pub(super) const PIECE_BYTES_MAX: usize = RECORD_BYTES_MAX / 2;

/// Cuts what a record would hold into pieces that each fit one; committed together they are one.
pub(super) fn pieces<T>(
    things: impl Iterator<Item = T>,
    weight: impl Fn(&T) -> usize,
) -> Vec<Vec<T>> {
    let mut pieces: Vec<Vec<T>> = Vec::new();
    let mut bytes = 0;
    for thing in things {
        bytes += weight(&thing);
        match pieces.last_mut() {
            Some(piece) if bytes <= PIECE_BYTES_MAX => piece.push(thing),
            _ => {
                bytes = weight(&thing);
                pieces.push(vec![thing]);
            }
        }
    }
    pieces
}

impl Fact {
    /// Returns the number of this kind of fact.
    fn kind(&self) -> u8 {
        match self {
            Self::Born { .. } => 1,
            Self::Incarnated { .. } => 2,
            Self::Changed { .. } => 3,
            Self::Released { .. } => 4,
            Self::Received { .. } => 5,
            Self::Receipted { .. } => 6,
            Self::Noticed { .. } => 7,
            Self::Accepted { .. } => 8,
            Self::Merged { .. } => 9,
            Self::Published { .. } => 10,
            Self::Trusted { .. } => 11,
            Self::Forked { .. } => 12,
            Self::Adopted { .. } => 13,
            Self::Lagging => 14,
            Self::Met { .. } => 15,
            Self::Declined { .. } => 16,
            Self::Closed { .. } => 17,
            Self::Rejected { .. } => 18,
            Self::Restored { .. } => 19,
            Self::Lacking { .. } => 20,
            Self::HeldBack { .. } => 21,
            Self::Troubled { .. } => 22,
            Self::Acknowledged { .. } => 23,
            Self::Returned { .. } => 24,
            Self::Followed { .. } => 25,
            Self::Kept { .. } => 26,
            Self::Audited { .. } => 27,
            Self::Witnessed { .. } => 28,
            Self::Doubted { .. } => 29,
            Self::Controlled { .. } => 30,
            Self::Pinned { .. } => 31,
            Self::Acted { .. } => 32,
            Self::Dropped { .. } => 33,
            Self::Reminded { .. } => 34,
        }
    }

    /// Encodes the fact for the journal.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Encode`] when a part does not encode.
    pub fn record(&self) -> Result<Record, ReplicaError> {
        let payload = postcard::to_extend(self, vec![FACT_VERSION])
            .map_err(|source| ReplicaError::Encode { what: "journal record", source })?;
        Ok(Record { kind: self.kind(), payload })
    }

    /// Reads a fact back.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Newer`] for a record of a later program and [`StoreError::Meaningless`]
    /// for bytes that are no fact.
    pub fn read(at: Position, record: &Record) -> Result<Self, StoreError> {
        let wrong = |reason: String| StoreError::Meaningless { at, kind: record.kind, reason };
        match record.payload.split_first() {
            Some((&FACT_VERSION, rest)) => {
                let (fact, left) = postcard::take_from_bytes::<Self>(rest)
                    .map_err(|error| wrong(error.to_string()))?;
                if !left.is_empty() {
                    return Err(wrong(format!("{} bytes too many", left.len())));
                }
                if fact.kind() != record.kind {
                    return Err(wrong(format!("it holds a fact of kind {}", fact.kind())));
                }
                Ok(fact)
            }
            Some((&version, _)) if version > FACT_VERSION => Err(StoreError::Newer {
                what: format!("journal record {}", at.0),
                found: version.into(),
                known: FACT_VERSION.into(),
            }),
            Some((version, _)) => Err(wrong(format!("format {version} is unknown"))),
            None => Err(wrong("it is empty".to_owned())),
        }
    }

    /// Returns the pack that a [`PackPlace`] of this record names by its index.
    #[must_use]
    pub fn pack(&self, index: u32) -> Option<&[u8]> {
        let index = usize::try_from(index).ok()?;
        match self {
            Self::Released { packs, .. }
            | Self::Accepted { packs, .. }
            | Self::Adopted { packs, .. } => packs.get(index).map(Vec::as_slice),
            Self::Received { items, .. } | Self::Met { items, .. } => items
                .iter()
                .filter_map(|item| match item {
                    FeedItem::Pack(bytes) => Some(bytes.as_slice()),
                    _ => None,
                })
                .nth(index),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Kind, Origin};
    use crate::sync::{Role, Snapshot, Verdict};
    use crate::trust::log::DoubtReason;
    use crate::trust::merkle::TreeHash;
    use crate::trust::{Attestation, DeviceKey, Line, ReceiptItem, Tip};

    /// One fact of each kind, a line each, as version 1 wrote them. Later programs must read them.
    const SAMPLES: &str = include_str!("../../fixtures/facts-v1.txt");

    const AT: Timestamp = Timestamp(1_795_000_000_000);

    fn key() -> DeviceKey {
        DeviceKey::from_seed(&[7; 32])
    }

    fn genesis() -> Genesis {
        Genesis {
            kind: Kind::Inspection,
            scope: "06325".parse().unwrap(),
            template: Some(TemplateId([1; 32])),
            origin: Origin::Planned {
                plan: DocumentId([2; 32]),
                facility: DocumentId([3; 32]),
                visit: 1,
            },
        }
    }

    fn notice() -> Notice {
        Notice {
            document: DocumentId([4; 32]),
            actor: Actor([5; 16]),
            seq: 6,
            hash: ChangeHash([7; 32]),
            verdict: Verdict::Equivocation,
        }
    }

    fn entry() -> PlainEntry {
        PlainEntry {
            device: key().device(),
            name: "Hoàng Thị Mây".to_owned(),
            agency: "Phòng Kinh tế xã".to_owned(),
            role: Role::Leader,
            scopes: vec!["20".parse().unwrap()],
            active: true,
        }
    }

    fn position() -> FeedPosition {
        FeedPosition { epoch: [8; 16], number: 9, chain: [10; 32] }
    }

    fn quarantined() -> Quarantined {
        Quarantined { device: key().device(), notice: notice(), bytes: vec![1, 2, 3] }
    }

    fn place() -> PackPlace {
        PackPlace { at: 11, index: 12 }
    }

    fn received() -> Fact {
        let tip = Tip { seq: 1, hash: ChangeHash([7; 32]), line: Line([9; 32]) };
        let life = Incarnation([13; 16]);
        let attestation = Attestation::sign(&key(), life, genesis().document(), tip);
        let (document, actor) = (DocumentId([4; 32]), Actor([5; 16]));
        let attestations = vec![attestation];
        Fact::Received {
            items: vec![
                FeedItem::Pack(vec![1, 2]),
                FeedItem::Yours { document, actor, seq: 6 },
                FeedItem::Object { bytes: b"{}".to_vec() },
                FeedItem::Device(entry()),
                FeedItem::Snapshot(Snapshot { genesis: genesis(), bytes: vec![3], attestations }),
            ],
            position: Some(position()),
            at: AT,
        }
    }

    fn receipted() -> Fact {
        let item = ReceiptItem {
            document: DocumentId([4; 32]),
            actor: Actor([5; 16]),
            seq: 6,
            hash: ChangeHash([7; 32]),
        };
        let receipt = HubReceipt::sign(&key(), [8; 16], key().device(), vec![item], AT).unwrap();
        Fact::Receipted { receipt }
    }

    fn each() -> Vec<Fact> {
        let device = key().device();
        let incarnation = Incarnation([13; 16]);
        let (document, actor) = (DocumentId([4; 32]), Actor([5; 16]));
        let merged = MergedPack {
            place: place(),
            actor,
            device,
            incarnation,
            seq: 6,
            tip: ChangeHash([7; 32]),
        };
        let first = vec![
            Fact::Born { device, incarnation, at: AT },
            Fact::Incarnated { incarnation, why: Renewal::Cloned, lost: 2, at: AT },
            Fact::Changed { genesis: genesis(), change: vec![1, 2, 3], at: AT },
            Fact::Released { packs: vec![vec![1], vec![2, 3]], at: AT },
            received(),
            receipted(),
            Fact::Noticed { upto: 1, notices: vec![notice()] },
            Fact::Accepted {
                from: device,
                packs: vec![vec![1]],
                quarantined: vec![quarantined()],
                at: AT,
            },
            Fact::Merged {
                document,
                scope: "06325".parse().unwrap(),
                merged: vec![merged],
                parked: vec![(place(), device)],
                refused: vec![(place(), quarantined())],
                at: AT,
            },
            Fact::Published { bytes: b"{}".to_vec() },
            Fact::Trusted { entry: entry() },
            Fact::Forked { document, actor },
            Fact::Adopted {
                genesis: genesis(),
                actor,
                incarnation,
                packs: vec![vec![1]],
                resubmitted: vec![vec![2]],
                replaced: vec![Replaced { place: place(), actor, seq: 6 }],
                at: AT,
            },
            Fact::Lagging,
            Fact::Met {
                from: device,
                items: vec![FeedItem::Object { bytes: b"{}".to_vec() }, FeedItem::Pack(vec![1])],
                at: AT,
            },
            Fact::Declined { packs: vec![(document, actor, 6)], at: AT },
            Fact::Closed {
                lines: vec![closed()],
                changes: vec![(ChangeHash([7; 32]), ChangeHash([9; 32]))],
                document,
                scope: "06325".parse().unwrap(),
                at: AT,
            },
            Fact::Rejected { document, edits: vec![rejected()], at: AT },
            Fact::Restored { epoch: [8; 16] },
            Fact::Lacking { wants: vec![Want { document, actor, from_seq: 6 }] },
        ];
        first.into_iter().chain(later()).collect()
    }

    /// Those that came after the first samples.
    fn later() -> Vec<Fact> {
        let incarnation = Incarnation([13; 16]);
        let (document, actor) = (DocumentId([4; 32]), Actor([5; 16]));
        vec![
            // What kinds above could not hold when their first samples were written.
            Fact::Received { items: vec![FeedItem::Closed(closed())], position: None, at: AT },
            Fact::Incarnated { incarnation, why: Renewal::Closed, lost: 0, at: AT },
            Fact::HeldBack { packs: vec![(document, actor, 6)], epoch: [8; 16], at: AT },
            Fact::Troubled {
                trouble: Trouble {
                    lost: 2,
                    everything: true,
                    set_aside: vec!["journal".to_owned()],
                },
                at: AT,
            },
            Fact::Acknowledged { upto: 9, at: AT },
            Fact::Returned { templates: vec![TemplateId([1; 32])], epoch: [8; 16] },
            Fact::Followed {
                document,
                actor,
                left: vec![Replaced { place: place(), actor, seq: 6 }],
                at: AT,
            },
            Fact::Kept { packs: vec![(document, actor, 6)], epoch: [8; 16] },
            Fact::Incarnated { incarnation, why: Renewal::Restored, lost: 0, at: AT },
            Fact::Audited { entries: vec![LogEntry::Begun { epoch: [8; 16] }], at: AT },
            Fact::Witnessed {
                hub: key().device(),
                head: head(6),
                heard: Some(key().device()),
                at: AT,
            },
            Fact::Doubted { word: DoubtWord::Found(doubt()), at: AT },
            Fact::Doubted { word: DoubtWord::Released(release()), at: AT },
        ]
    }

    fn head(size: u64) -> TreeHead {
        TreeHead::sign(&key(), [8; 16], (size, TreeHash([9; 32])), AT)
    }

    fn doubt() -> Doubt {
        let (kept, shown, reason) = (head(6), head(5), DoubtReason::Shorter);
        Doubt { kept, shown, reason, peer: Some(key().device()) }
    }

    fn release() -> Release {
        Release::sign(&key(), key().device(), doubt().id())
    }

    fn closed() -> ClosedLine {
        let tip = Tip { seq: 5, hash: ChangeHash([8; 32]), line: Line([9; 32]) };
        let (document, actor) = (DocumentId([4; 32]), Actor([5; 16]));
        ClosedLine {
            document,
            actor,
            from_seq: 6,
            culprit: ChangeHash([7; 32]),
            verdict: Verdict::OnRefused,
            before: Some(Attestation::sign(&key(), Incarnation([13; 16]), document, tip)),
        }
    }

    fn rejected() -> Rejected {
        let (place, culprit) = (place(), ChangeHash([7; 32]));
        Rejected { place, actor: Actor([5; 16]), seq: 6, culprit, operations: vec![1, 2] }
    }

    #[test]
    fn facts_of_version_1_are_still_read() {
        let lines: Vec<&str> = SAMPLES.lines().collect();
        assert_eq!(lines.len(), each().len());
        for (line, fact) in lines.into_iter().zip(each()) {
            let (kind, payload) = line.split_once(' ').unwrap();
            let record =
                Record { kind: kind.parse().unwrap(), payload: hex::decode(payload).unwrap() };
            assert_eq!(Fact::read(Position(1), &record).unwrap(), fact);
        }
    }

    #[test]
    #[ignore = "writes the samples anew; only for a new version"]
    fn write_the_samples() {
        let line = |fact: Fact| {
            let record = fact.record().unwrap();
            format!("{} {}\n", record.kind, hex::encode(record.payload))
        };
        let text: String = each().into_iter().map(line).collect();
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/facts-v1.txt"), text)
            .unwrap();
    }

    #[test]
    fn what_is_too_much_for_one_record_is_cut_and_nothing_of_it_lost() {
        let third = PIECE_BYTES_MAX / 3 + 1;
        let packs: Vec<Vec<u8>> = (0..7).map(|n| vec![n; third]).collect();
        let cut = pieces(packs.iter().cloned(), Vec::len);
        assert_eq!(cut.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 2, 1]);
        for packs in &cut {
            let record = Fact::Released { packs: packs.clone(), at: AT }.record().unwrap();
            assert!(record.payload.len() <= RECORD_BYTES_MAX);
        }
        assert_eq!(cut.concat(), packs);
        let alone = pieces([2 * PIECE_BYTES_MAX, 1].into_iter(), |bytes| *bytes);
        assert_eq!(alone, [vec![2 * PIECE_BYTES_MAX], vec![1]], "a big one stands alone");
    }

    #[test]
    fn bytes_that_are_no_fact_are_refused() {
        let at = Position(3);
        let good = each().remove(0).record().unwrap();
        let bad = |kind, payload| Fact::read(at, &Record { kind, payload });
        assert!(matches!(bad(1, Vec::new()), Err(StoreError::Meaningless { .. })));
        assert!(matches!(bad(1, vec![FACT_VERSION]), Err(StoreError::Meaningless { .. })));
        assert!(matches!(bad(2, good.payload.clone()), Err(StoreError::Meaningless { .. })));
        let mut longer = good.payload.clone();
        longer.push(0);
        assert!(matches!(bad(1, longer), Err(StoreError::Meaningless { .. })));
        let mut newer = good.payload;
        newer[0] = FACT_VERSION + 1;
        assert!(matches!(bad(1, newer), Err(StoreError::Newer { .. })));
    }
}
