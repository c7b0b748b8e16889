//! A signed run of one actor's changes in one document: the unit that travels and is kept.

use crate::model::{
    Actor, CHANGE_BYTES_MAX, ChangeError, ChangeHash, Cut, DeviceId, DocumentId, Genesis,
    Incarnation, RawChange,
};
use crate::trust::{Attestation, DeviceKey, Signature, Tip, TrustError};

mod encoding;

pub(super) use encoding::{BODY_PLAIN, CLAIMED_AT, FLAGS_AT, body_of, closed, is_long, rests_on};
pub use encoding::{PACK_VERSION, PACK_VERSION_LONG, PackHeader};

/// A pack holds at most this many changes, so that one signature is checked often enough.
pub const PACK_CHANGES_MAX: usize = 1_024;
/// The chunks of a pack's changes are at most this long together, so that one packet loss near the
/// end of a transfer costs little. A single bigger change has a pack alone.
pub const PACK_CHANGE_BYTES_MAX: usize = 256 << 10;
/// An encoded pack is at most this long: one change of the largest size and the envelope.
pub const PACK_BYTES_MAX: usize = CHANGE_BYTES_MAX + (4 << 10);

/// A long pack holds at most this many changes. Nobody types as many into one document: ten times the
/// changes of the largest checklist, each item answered several times.
pub const LONG_PACK_CHANGES_MAX: usize = 65_536;
/// The chunks of a long pack's changes are at most this long together: twice what a document may be
/// long when saved, and what a reader may have to hold for one.
pub const LONG_PACK_CHANGE_BYTES_MAX: usize = 32 << 20;
/// An encoded long pack is at most this long, so that it is one record of a journal.
pub const LONG_PACK_BYTES_MAX: usize = 16 << 20;

/// How much a pack may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// What a device signs at once.
    Short,
    /// All that one attestation covers, where shorter packs under attestations of their own are not
    /// held any more.
    Long,
}

impl Reach {
    pub(super) fn changes_max(self) -> usize {
        match self {
            Self::Short => PACK_CHANGES_MAX,
            Self::Long => LONG_PACK_CHANGES_MAX,
        }
    }

    pub(super) fn change_bytes_max(self) -> usize {
        match self {
            Self::Short => PACK_CHANGE_BYTES_MAX,
            Self::Long => LONG_PACK_CHANGE_BYTES_MAX,
        }
    }

    pub(super) fn bytes_max(self) -> usize {
        match self {
            Self::Short => PACK_BYTES_MAX,
            Self::Long => LONG_PACK_BYTES_MAX,
        }
    }
}

/// A signed run of one actor's changes. Every value of this type is well-formed; whether the
/// signature is the device's is what [`Pack::verify`] says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pack {
    genesis: Genesis,
    document: DocumentId,
    device: DeviceId,
    incarnation: Incarnation,
    actor: Actor,
    previous: Option<Tip>,
    changes: Vec<RawChange>,
    tip: Tip,
    signature: Signature,
}

impl Pack {
    /// Signs a run of the device's own changes. `previous` is the end of what the actor wrote
    /// before; `None` when the run starts at its first change.
    ///
    /// # Errors
    ///
    /// Returns [`PackError`] when the changes are not one run of this device's actor, or over a
    /// limit.
    pub fn seal(
        key: &DeviceKey,
        genesis: Genesis,
        incarnation: Incarnation,
        previous: Option<Tip>,
        changes: Vec<RawChange>,
    ) -> Result<Self, PackError> {
        let unsigned = Signature([0; 64]);
        let mut pack =
            Self::check(genesis, key.device(), incarnation, previous, changes, unsigned)?;
        // A device signs often; only what came in a snapshot needs a long pack.
        check_size(&pack.changes, Reach::Short)?;
        pack.signature = Attestation::sign(key, incarnation, pack.document, pack.tip).signature;
        Ok(pack)
    }

    /// Puts together a pack from a document's changes and the attestation that was kept for them,
    /// for instance to hand on what came in a snapshot. The run must end where the attestation does;
    /// it may be as long as a long pack.
    ///
    /// # Errors
    ///
    /// Returns [`PackError::NotAttested`] when the run ends elsewhere, and other variants when it
    /// is not one run of the attested actor or over a limit.
    pub fn assemble(
        genesis: Genesis,
        attestation: &Attestation,
        previous: Option<Tip>,
        changes: Vec<RawChange>,
    ) -> Result<Self, PackError> {
        let Attestation { device, incarnation, signature, .. } = *attestation;
        let pack = Self::check(genesis, device, incarnation, previous, changes, signature)?;
        if pack.attestation() == *attestation {
            Ok(pack)
        } else {
            Err(PackError::NotAttested { document: pack.document, seq: pack.tip.seq })
        }
    }

    /// Returns whether an encoded pack is of the formats that programs wrote before the present ones.
    pub(crate) fn is_earlier(bytes: &[u8]) -> bool {
        encoding::is_earlier(bytes)
    }

    /// Returns the bytes that earlier programs wrote for this pack: what they left of it in shortened records is
    /// told again to the byte.
    pub(crate) fn encode_earlier(&self) -> Vec<u8> {
        encoding::encode_earlier(self)
    }

    /// Returns an encoded pack with its body as it is, of at most `room` bytes, where it is a compressed one. Many of
    /// them compress better together than each alone; and two packs that differ in how they are compressed are one
    /// and the same once they are opened. `None` where it is not compressed, too long, or no pack.
    #[must_use]
    pub fn opened(bytes: &[u8], room: usize) -> Option<Vec<u8>> {
        encoding::opened(bytes, room)
    }

    /// Checks everything but the signature.
    pub(super) fn check(
        genesis: Genesis,
        device: DeviceId,
        incarnation: Incarnation,
        previous: Option<Tip>,
        changes: Vec<RawChange>,
        signature: Signature,
    ) -> Result<Self, PackError> {
        let document = genesis.document();
        let actor = Actor::derive(device, document, incarnation);
        check_size(&changes, Reach::Long)?;
        let mut tip = previous;
        for change in &changes {
            let facts = change.facts();
            if facts.actor != actor.0 {
                return Err(PackError::Actor { document, device });
            }
            let next = Tip::after(tip.as_ref(), facts.hash);
            if facts.seq != next.seq {
                return Err(PackError::Sequence { found: facts.seq, expected: next.seq });
            }
            tip = Some(next);
        }
        let tip = tip.ok_or(PackError::Empty)?;
        Ok(Self {
            genesis,
            document,
            device,
            incarnation,
            actor,
            previous,
            changes,
            tip,
            signature,
        })
    }

    /// Returns which limits the pack needs; that decides its one encoding.
    pub(super) fn reach(&self) -> Reach {
        match check_size(&self.changes, Reach::Short) {
            Ok(()) => Reach::Short,
            Err(_) => Reach::Long,
        }
    }

    /// Checks the device's signature over the end of the run and everything it wrote before.
    ///
    /// # Errors
    ///
    /// Returns [`PackError::Signature`] when another signed it, or other changes were signed.
    pub fn verify(&self) -> Result<(), PackError> {
        self.attestation().verify().map_err(|source| PackError::Signature { source })
    }

    /// Returns the attestation to keep for the actor.
    #[must_use]
    pub fn attestation(&self) -> Attestation {
        Attestation {
            device: self.device,
            incarnation: self.incarnation,
            document: self.document,
            tip: self.tip,
            signature: self.signature,
        }
    }

    /// Returns what the document was born as.
    #[must_use]
    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// Returns the document.
    #[must_use]
    pub fn document(&self) -> DocumentId {
        self.document
    }

    /// Returns the device that signs.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        self.device
    }

    /// Returns the life of the device's store in which the actor was made.
    #[must_use]
    pub fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// Returns the actor of all changes.
    #[must_use]
    pub fn actor(&self) -> Actor {
        self.actor
    }

    /// Returns the end of what the actor wrote before; `None` when this is its beginning.
    #[must_use]
    pub fn previous(&self) -> Option<&Tip> {
        self.previous.as_ref()
    }

    /// Returns the changes, oldest first; never empty.
    #[must_use]
    pub fn changes(&self) -> &[RawChange] {
        &self.changes
    }

    /// Returns the changes and gives up the rest.
    #[must_use]
    pub fn into_changes(self) -> Vec<RawChange> {
        self.changes
    }

    /// Returns the place of the first change.
    #[must_use]
    pub fn first_seq(&self) -> u64 {
        self.previous.map_or(1, |tip| tip.seq + 1)
    }

    /// Returns the place of the last change.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        self.tip.seq
    }

    /// Returns the end of the run.
    #[must_use]
    pub fn tip(&self) -> Tip {
        self.tip
    }

    /// Returns the last change's hash.
    #[must_use]
    pub fn tip_hash(&self) -> ChangeHash {
        self.tip.hash
    }

    /// Returns the bytes that travel and are kept; see `docs/protocol.md`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encoding::encode(self)
    }

    /// Reads a pack, puts back what was left out and hashes every change anew.
    ///
    /// # Errors
    ///
    /// Returns [`PackError`] when the bytes are not one whole, well-formed pack. The signature is
    /// not looked at.
    pub fn decode(bytes: &[u8]) -> Result<Self, PackError> {
        encoding::decode(bytes)
    }
}

/// Signs any number of the device's own changes as few packs as the limits allow, oldest first.
///
/// # Errors
///
/// Returns [`PackError`] as [`Pack::seal`] does; no pack is returned then.
pub fn seal_all(
    key: &DeviceKey,
    genesis: &Genesis,
    incarnation: Incarnation,
    previous: Option<Tip>,
    changes: Vec<RawChange>,
) -> Result<Vec<Pack>, PackError> {
    let mut packs: Vec<Pack> = Vec::new();
    let mut run: Vec<RawChange> = Vec::new();
    let mut run_bytes = 0;
    let mut seal = |run: Vec<RawChange>| {
        let previous = packs.last().map(|pack| pack.tip).or(previous);
        packs.push(Pack::seal(key, genesis.clone(), incarnation, previous, run)?);
        Ok::<(), PackError>(())
    };
    for change in changes {
        let bytes = change.bytes().len();
        let full = run.len() == PACK_CHANGES_MAX || run_bytes + bytes > PACK_CHANGE_BYTES_MAX;
        if full && !run.is_empty() {
            seal(std::mem::take(&mut run))?;
            run_bytes = 0;
        }
        run_bytes += bytes;
        run.push(change);
    }
    if !run.is_empty() {
        seal(run)?;
    }
    Ok(packs)
}

fn check_size(changes: &[RawChange], reach: Reach) -> Result<(), PackError> {
    let limit = reach.changes_max();
    if changes.len() > limit {
        return Err(PackError::Changes { count: changes.len(), limit });
    }
    let limit = reach.change_bytes_max();
    let bytes = changes.iter().map(|change| change.bytes().len()).sum::<usize>();
    if changes.len() > 1 && bytes > limit {
        return Err(PackError::TooLarge { bytes, limit });
    }
    Ok(())
}

/// Why bytes or changes are not a pack. Always the fault of whoever made them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// A version that this program does not know.
    #[error("a pack has version {found}, but this program reads up to {known}; update it")]
    Version {
        /// The version found.
        found: u8,
        /// The newest version known here.
        known: u8,
    },
    /// No change at all.
    #[error("a pack holds no change")]
    Empty,
    /// Over [`PACK_CHANGES_MAX`], or [`LONG_PACK_CHANGES_MAX`] of a long one.
    #[error("a pack holds {count} changes, over the limit of {limit}")]
    Changes {
        /// How many.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// Over [`PACK_BYTES_MAX`] or, with several changes, [`PACK_CHANGE_BYTES_MAX`]; of a long one over
    /// [`LONG_PACK_BYTES_MAX`] or [`LONG_PACK_CHANGE_BYTES_MAX`].
    #[error("a pack has {bytes} bytes, over the limit of {limit}")]
    TooLarge {
        /// How many.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// A change is by an actor that is not this device's in this document.
    #[error("a pack for document {document} holds a change that device {device} did not make")]
    Actor {
        /// The document.
        document: DocumentId,
        /// The device that the pack names.
        device: DeviceId,
    },
    /// The changes do not follow each other.
    #[error("a pack holds change {found} where {expected} must come")]
    Sequence {
        /// The sequence number found.
        found: u64,
        /// The one that must come.
        expected: u64,
    },
    /// The run does not end where the attestation does.
    #[error("the changes of document {document} up to {seq} are not those attested")]
    NotAttested {
        /// The document.
        document: DocumentId,
        /// The last sequence number of the run.
        seq: u64,
    },
    /// The changes are not those that the device signed.
    #[error("a pack is not signed by the device it names")]
    Signature {
        /// What the check said.
        #[source]
        source: TrustError,
    },
    /// A change in it must not be seen by Automerge.
    #[error("a pack holds a change that is refused")]
    Change {
        /// Why.
        #[source]
        source: ChangeError,
    },
    /// A field is cut off, out of range, or not in its one encoding.
    #[error("the {what} of a pack is malformed")]
    Malformed {
        /// The field.
        what: &'static str,
    },
}

impl From<Cut> for PackError {
    fn from(cut: Cut) -> Self {
        Self::Malformed { what: cut.what }
    }
}

#[cfg(test)]
pub(crate) mod tests;
