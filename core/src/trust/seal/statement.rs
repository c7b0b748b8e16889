//! What is sealed, its one encoding, and the checks of both.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::SealError;
use super::breach::Breach;
use super::drawn::Drawn;
use super::witness::{Presence, Refusal, check_drawn, check_representative};
use crate::model::{
    Actor, CHANGE_DEPS_MAX, ChangeHash, DeviceId, Document, DocumentId, Genesis, Incarnation, Kind,
    RECORD_VERSION, TemplateId, Timestamp, View, clean,
};
use crate::trust::{DeviceKey, Signature, verify};

/// What every signed statement starts with.
const TAG: &[u8] = b"bienban 2026-11 seal\0";

/// The version of a seal's encoding.
const SEAL_VERSION: u8 = 1;

/// Largest seal: two drawn signatures and what was heard of a large team. One fits a frame and one value
/// of the index.
pub const SEAL_BYTES_MAX: usize = 56 << 10;

/// Most devices that a seal names: several teams' worth, as many as wrote in any real inspection.
pub const MEMBERS_MAX: usize = 128;

/// Most lines of changes of one device: it begins one after each reinstall or restore.
const LINES_MAX: usize = 16;

/// Longest reason, in characters: a few sentences of the minutes.
pub const REASON_CHARS_MAX: usize = 500;

/// The name of a seal: the hash of its bytes, signature included.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SealId(pub [u8; 32]);

impl SealId {
    /// Returns the first eight hexadecimal digits. It is the temporary code (*mã tạm*) of the minutes
    /// until they have their official number.
    #[must_use]
    pub fn short(&self) -> String {
        hex::encode(&self.0[..4])
    }

    /// Returns the name of the seal that these bytes are.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(blake3::derive_key("bienban 2026-11 seal id", bytes))
    }
}

impl std::fmt::Display for SealId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl std::fmt::Debug for SealId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealId({})", self.short())
    }
}

/// The end of one line of a device's changes in the sealed record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HeardLine {
    /// The life of the device's store in which it wrote them: with the device it gives the actor.
    pub incarnation: Incarnation,
    /// Place of the last change.
    pub seq: u64,
    /// The last change.
    pub hash: ChangeHash,
}

/// Up to where a device was heard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hearing {
    /// *Đã nhận đến*: these ends of its lines are in the sealed record, in the order of incarnations.
    UpTo(Vec<HeardLine>),
    /// *Chưa nhận*: nothing of it is in the record; the reason enters the minutes.
    NotHeard {
        /// *Lý do*.
        reason: String,
    },
}

impl Hearing {
    /// Whether anything of the device is in the record.
    fn is_heard(&self) -> bool {
        matches!(self, Self::UpTo(lines) if !lines.is_empty())
    }
}

/// A device of the team, and up to where it was heard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberHeard {
    /// The device.
    pub device: DeviceId,
    /// Up to where.
    pub hearing: Hearing,
}

/// How the minutes ended for the facility.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// *Đại diện cơ sở có mặt và ký*: its representative was there.
    Signed(Presence),
    /// *Từ chối ký*: it did not sign.
    Refused(Refusal),
}

/// What is sealed. The order of the fields is the encoding's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealStatement {
    /// The inspection.
    pub document: DocumentId,
    /// What it was born as.
    pub genesis: Genesis,
    /// The heads of the record, sorted.
    pub heads: Vec<ChangeHash>,
    /// The version of the canonical form that the digest is of.
    pub form: u32,
    /// The digest of the canonical record at the heads (`docs/record.md`).
    pub content: [u8; 32],
    /// The edition of the checklist that the record is read by.
    pub checklist: TemplateId,
    /// That edition as people call it, for instance `TT38-CHE 1`.
    pub checklist_name: String,
    /// Whether that checklist is an official form; if not, the minutes say so.
    pub official: bool,
    /// *Biên bản bổ sung*: the seal of the minutes that these supplement.
    pub supplements: Option<SealId>,
    /// Every device of the team and every one that wrote, in order; the leader's only where it wrote.
    pub members: Vec<MemberHeard>,
    /// How it ended for the facility.
    pub ending: Ending,
    /// *Trưởng đoàn*: the leader's device, which signs.
    pub leader: DeviceId,
    /// The leader's drawn signature, for the printed minutes.
    pub leader_drawn: Option<Drawn>,
    /// When, by the leader's clock: a claim.
    pub at: Timestamp,
}

/// What the leader gives besides what the record itself says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signing {
    /// The edition of the checklist that the record is read by, its name, and whether it is official.
    pub checklist: (TemplateId, String, bool),
    /// The seal that the minutes supplement.
    pub supplements: Option<SealId>,
    /// Every device of the team, and every one that wrote.
    pub members: Vec<MemberHeard>,
    /// How it ended for the facility.
    pub ending: Ending,
    /// The leader's drawn signature.
    pub leader_drawn: Option<Drawn>,
    /// When.
    pub at: Timestamp,
}

/// A seal as it travels and rests: the statement with the leader's signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// What is sealed.
    pub statement: SealStatement,
    /// By the leader's device.
    pub signature: Signature,
}

/// Whether a text is one that the minutes may hold: not empty, not too long, in the form of records.
pub(super) fn fits(text: &str, chars_max: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= chars_max && clean(text) == text
}

impl SealStatement {
    /// Makes the statement of a record as it stands. The leader's device, which signs, is heard by that: where it
    /// wrote nothing it is not among the members.
    ///
    /// # Errors
    ///
    /// Returns [`SealError::Breached`] with everything that keeps it from being sealed.
    pub fn of(
        document: &Document,
        leader: DeviceId,
        mut signing: Signing,
    ) -> Result<Self, SealError> {
        signing.members.retain(|member| member.device != leader || member.hearing.is_heard());
        signing.members.sort_by_key(|member| member.device);
        let (checklist, checklist_name, official) = signing.checklist;
        let statement = Self {
            document: document.id(),
            genesis: document.genesis().clone(),
            heads: document.heads(),
            form: RECORD_VERSION,
            content: document.view().record().digest(),
            checklist,
            checklist_name,
            official,
            supplements: signing.supplements,
            members: signing.members,
            ending: signing.ending,
            leader,
            leader_drawn: signing.leader_drawn,
            at: signing.at,
        };
        let mut breaches = statement.breaches();
        breaches.extend(statement.compare(document));
        breaches.sort();
        breaches.dedup();
        if breaches.is_empty() { Ok(statement) } else { Err(SealError::Breached { breaches }) }
    }

    /// Returns everything of its form that does not hold.
    fn breaches(&self) -> Vec<Breach> {
        let mut breaches = Vec::new();
        if self.genesis.kind != Kind::Inspection {
            breaches.push(Breach::Kind);
        }
        if self.genesis.document() != self.document {
            breaches.push(Breach::Document);
        }
        let sorted = self.heads.windows(2).all(|pair| pair[0] < pair[1]);
        if !sorted || self.heads.is_empty() || self.heads.len() > CHANGE_DEPS_MAX {
            breaches.push(Breach::Heads);
        }
        if !fits(&self.checklist_name, super::TITLE_CHARS_MAX) {
            breaches.push(Breach::Text { what: "the name of the checklist" });
        }
        self.check_members(&mut breaches);
        let ends: BTreeSet<ChangeHash> = self.heard_lines().map(|(_, line)| line.hash).collect();
        let unheard = self.heads.iter().filter(|head| !ends.contains(head));
        breaches.extend(unheard.map(|head| Breach::HeadUnheard { head: *head }));
        match &self.ending {
            Ending::Signed(person) => check_representative(person, &mut breaches),
            Ending::Refused(refusal) => refusal.check(&mut breaches),
        }
        check_drawn(self.leader_drawn.as_ref(), "the leader", &mut breaches);
        breaches
    }

    /// Returns the lines that were heard, each with the device that wrote it.
    pub fn heard_lines(&self) -> impl Iterator<Item = (DeviceId, &HeardLine)> {
        self.members.iter().flat_map(|member| {
            let lines = match &member.hearing {
                Hearing::UpTo(lines) => lines.as_slice(),
                Hearing::NotHeard { .. } => &[],
            };
            lines.iter().map(|line| (member.device, line))
        })
    }

    fn check_members(&self, breaches: &mut Vec<Breach>) {
        let sorted = self.members.windows(2).all(|pair| pair[0].device < pair[1].device);
        let bounded = self.members.len() <= MEMBERS_MAX;
        let lines_fit = self.members.iter().all(|member| match &member.hearing {
            Hearing::UpTo(lines) => {
                let in_order =
                    lines.windows(2).all(|pair| pair[0].incarnation < pair[1].incarnation);
                in_order && (1..=LINES_MAX).contains(&lines.len())
            }
            Hearing::NotHeard { .. } => true,
        });
        if !sorted || !bounded || !lines_fit {
            breaches.push(Breach::Members);
        }
        for member in &self.members {
            if let Hearing::NotHeard { reason } = &member.hearing
                && !fits(reason, REASON_CHARS_MAX)
            {
                breaches.push(Breach::NoReason { device: member.device });
            }
        }
    }

    /// Returns everything that does not hold of the statement against a record that holds its heads.
    fn compare(&self, document: &Document) -> Vec<Breach> {
        if document.id() != self.document {
            return vec![Breach::Document];
        }
        let unknown = self.heads.iter().filter(|head| !document.has(head));
        let mut breaches: Vec<Breach> =
            unknown.map(|head| Breach::HeadUnknown { head: *head }).collect();
        if !breaches.is_empty() {
            return breaches;
        }
        let Ok(view) = document.view_at(&self.heads) else {
            return vec![Breach::Unreadable];
        };
        // Heads that are ancestors of others would make two statements of one record.
        if view.document().heads() != self.heads {
            breaches.push(Breach::Heads);
        }
        if self.form != RECORD_VERSION {
            breaches.push(Breach::Form { found: self.form, known: RECORD_VERSION });
        } else if view.record().digest() != self.content {
            breaches.push(Breach::Content);
        }
        if view.edition().is_none_or(|edition| edition.template != self.checklist) {
            breaches.push(Breach::Checklist);
        }
        let places = unsettled(&view);
        if places > 0 {
            breaches.push(Breach::Conflicts { places });
        }
        self.compare_members(view.document(), &mut breaches);
        breaches
    }

    /// Every line of the record is of a device that is named, and ends where it was heard.
    fn compare_members(&self, document: &Document, breaches: &mut Vec<Breach>) {
        let mut ends: BTreeMap<Vec<u8>, (u64, ChangeHash)> =
            document.tips().into_iter().map(|(actor, seq, hash)| (actor, (seq, hash))).collect();
        let mut elsewhere = BTreeSet::new();
        for (device, line) in self.heard_lines() {
            let actor = Actor::derive(device, self.document, line.incarnation);
            if ends.remove(actor.0.as_slice()) != Some((line.seq, line.hash)) {
                elsewhere.insert(device);
            }
        }
        breaches.extend(elsewhere.into_iter().map(|device| Breach::HeardElsewhere { device }));
        let unnamed = ends.into_keys().map(hex::encode);
        breaches.extend(unnamed.map(|actor| Breach::Unnamed { actor }));
    }

    /// Signs it with the leader's key.
    ///
    /// # Errors
    ///
    /// Returns [`SealError`] when the key is another's, a part does not hold, or the whole is too large.
    pub fn sign(self, key: &DeviceKey) -> Result<Seal, SealError> {
        if key.device() != self.leader {
            return Err(SealError::Signer { leader: self.leader });
        }
        let breaches = self.breaches();
        if !breaches.is_empty() {
            return Err(SealError::Breached { breaches });
        }
        let signature = key.sign(&self.signed_bytes()?);
        let seal = Seal { statement: self, signature };
        seal.encode()?;
        Ok(seal)
    }

    /// The bytes signed: tag, version, postcard of the statement.
    fn signed_bytes(&self) -> Result<Vec<u8>, SealError> {
        let mut bytes = TAG.to_vec();
        bytes.push(SEAL_VERSION);
        postcard::to_extend(self, bytes).map_err(|source| SealError::Encode { source })
    }
}

impl Seal {
    /// Returns everything that does not hold of the seal by itself: form, limits, signature. Nothing where
    /// all of it holds. Whether the signer leads is the control log's to say.
    #[must_use]
    pub fn verify(&self) -> Vec<Breach> {
        let mut breaches = self.statement.breaches();
        let leader = self.statement.leader;
        let signed = self.statement.signed_bytes();
        if signed.is_err()
            || signed.is_ok_and(|bytes| verify(leader, &bytes, &self.signature, "seal").is_err())
        {
            breaches.push(Breach::Signature { leader });
        }
        breaches.sort();
        breaches
    }

    /// Returns everything that does not hold of the seal against a record, with what does not hold by
    /// itself. The record may hold more than was sealed: it is read at the sealed heads.
    #[must_use]
    pub fn verify_record(&self, document: &Document) -> Vec<Breach> {
        let mut breaches = self.verify();
        breaches.extend(self.statement.compare(document));
        breaches.sort();
        breaches.dedup();
        breaches
    }

    /// Returns the bytes that travel: version, postcard.
    ///
    /// # Errors
    ///
    /// Returns [`SealError::TooLarge`] over [`SEAL_BYTES_MAX`].
    pub fn encode(&self) -> Result<Vec<u8>, SealError> {
        let bytes = postcard::to_extend(self, vec![SEAL_VERSION])
            .map_err(|source| SealError::Encode { source })?;
        if bytes.len() > SEAL_BYTES_MAX {
            return Err(SealError::TooLarge { bytes: bytes.len() });
        }
        Ok(bytes)
    }

    /// Reads a seal; only the one encoding of it is accepted. Checks nothing else.
    ///
    /// # Errors
    ///
    /// Returns [`SealError`] when the bytes are no seal of this version.
    pub fn decode(bytes: &[u8]) -> Result<Self, SealError> {
        if bytes.len() > SEAL_BYTES_MAX {
            return Err(SealError::TooLarge { bytes: bytes.len() });
        }
        let (&found, rest) = bytes.split_first().ok_or(SealError::Malformed)?;
        if found != SEAL_VERSION {
            return Err(SealError::Version { found, known: SEAL_VERSION });
        }
        let (seal, left) =
            postcard::take_from_bytes::<Self>(rest).map_err(|_| SealError::Malformed)?;
        let again = postcard::to_stdvec(&seal).map_err(|source| SealError::Encode { source })?;
        if left.is_empty() && again == rest { Ok(seal) } else { Err(SealError::Malformed) }
    }

    /// Returns the seal's name.
    ///
    /// # Errors
    ///
    /// Returns [`SealError`] when it does not encode.
    pub fn id(&self) -> Result<SealId, SealError> {
        Ok(SealId::of(&self.encode()?))
    }
}

/// Returns in how many places of a record values differ that have to be settled before it is sealed. The
/// course of the inspection goes on after its minutes and is left out, its checklist is not.
fn unsettled(view: &View<'_>) -> usize {
    view.conflicts().iter().filter(|open| open.is_of_content()).count()
}
