//! The bytes of an exported record.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::ProofError;
use crate::model::{ChangeHash, DeviceId, Genesis, Timestamp};
use crate::trust::control::ENTRY_BYTES_MAX;
use crate::trust::log::{LEAF_BYTES_MAX, TreeHead};
use crate::trust::merkle::{PROOF_HASHES_MAX, TreeHash};
use crate::trust::{DeviceKey, HubReceipt, Signature, verify};

/// What every exported record begins with: no text file does, and a transfer that changes line ends shows.
const MAGIC: &[u8; 16] = b"\x89bienban-record\n";

/// The version written here.
const VERSION: u8 = 1;

/// What the maker's signature is over, before the bytes of the file.
const TAG: &[u8] = b"bienban 2026-11 exported record\0";

/// An exported record is read into memory whole: a phone of 2 GB can.
pub const EXPORT_BYTES_MAX: usize = 96 << 20;
/// The readable record: what the largest document comes to as JSON.
pub const READABLE_BYTES_MAX: usize = 32 << 20;
/// A checklist: ten times the longest that there is.
pub const CHECKLIST_BYTES_MAX: usize = 4 << 20;
/// Packs of one document: ten people who send every minute for a week.
pub const PACKS_MAX: usize = 65_536;
/// Bytes of one pack, as long as the longest that one attestation covers.
const PACK_BYTES_MAX: usize = 16 << 20;
/// Entries of the control logs above one unit: a country's officers over years.
pub const CONTROL_ENTRIES_MAX: usize = 65_536;
/// Receipts of one document's packs, one for each push.
pub const RECEIPTS_MAX: usize = 16_384;
/// Pages of proofs, of 64 leaves each.
pub const PROOF_PAGES_MAX: usize = 1_024;
/// Leaves of one page.
const PAGE_LEAVES_MAX: usize = 64;
/// Earlier heads that the log is shown to continue.
pub const GROWN_MAX: usize = 1_100;
/// Seals of one document: the one that counts, rivals, and supplementary ones.
pub const SEALS_MAX: usize = 64;
/// Bytes of one seal.
const SEAL_BYTES_MAX: usize = 1 << 20;
/// Heads of one document: more than people who ever wrote at once.
pub const HEADS_MAX: usize = 4_096;
/// Bytes of a part of fixed fields: a receipt with all its items, a page with all its leaves.
const SMALL_BYTES_MAX: usize = 256 << 10;

/// What the file says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The hub's key that the maker pins; nothing where it never had a hub.
    pub hub: Option<DeviceId>,
    /// The heads at which the record is read, in order.
    pub heads: Vec<ChangeHash>,
    /// When the file was made, by its maker's clock: a claim.
    pub at: Timestamp,
}

/// A leaf of the hub's log and the way from it to the head of its page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvedLeaf {
    /// Its number.
    pub index: u64,
    /// Its bytes.
    pub leaf: Vec<u8>,
    /// From the leaf up.
    pub path: Vec<TreeHash>,
}

/// Leaves under one signed head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofPage {
    /// What the ways lead to.
    pub head: TreeHead,
    /// The leaves that accepted packs of the document.
    pub leaves: Vec<ProvedLeaf>,
}

/// An earlier head, and that the last page's head continues it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grown {
    /// The earlier head.
    pub from: TreeHead,
    /// The proof.
    pub proof: Vec<TreeHash>,
}

/// The evidence for one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedRecord {
    /// The record as people and programs read it: canonical JSON of `docs/record.md`.
    pub readable: Vec<u8>,
    /// What the file says of itself.
    pub about: About,
    /// What the document was born as.
    pub genesis: Genesis,
    /// The JSON of the checklist that it is filled by.
    pub checklist: Option<Vec<u8>>,
    /// Encoded packs, all changes that the maker holds; by actor, oldest first.
    pub packs: Vec<Vec<u8>>,
    /// Encoded entries of the control logs of the document's unit and of all above it, from the first of each.
    pub control: Vec<Vec<u8>>,
    /// The hub's signatures that it stored packs, as far as the maker has them.
    pub receipts: Vec<HubReceipt>,
    /// Leaves of the hub's log that accepted packs. The last page's head is the newest.
    pub proofs: Vec<ProofPage>,
    /// Heads that the newest continues.
    pub grown: Vec<Grown>,
    /// Encoded seals.
    pub seals: Vec<Vec<u8>>,
}

/// Who made the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Maker {
    /// The device.
    pub device: DeviceId,
    /// Its signature over the file holds: not a byte is other than it was made.
    pub signed: bool,
}

/// The parts, in the order in which they stand. A number is never used again for something else.
mod part {
    pub(super) const READABLE: u8 = 1;
    pub(super) const ABOUT: u8 = 2;
    pub(super) const GENESIS: u8 = 3;
    pub(super) const CHECKLIST: u8 = 4;
    pub(super) const PACK: u8 = 5;
    pub(super) const CONTROL: u8 = 6;
    pub(super) const RECEIPT: u8 = 7;
    pub(super) const PROOFS: u8 = 8;
    pub(super) const GROWN: u8 = 9;
    pub(super) const SEAL: u8 = 10;
    pub(super) const MAKER: u8 = 255;
}

/// How often a part may stand, and how long it may be; nothing for one that is not known.
fn bounds(kind: u8) -> Option<(&'static str, usize, usize)> {
    Some(match kind {
        part::READABLE => ("readable record", 1, READABLE_BYTES_MAX),
        part::ABOUT => ("description", 1, SMALL_BYTES_MAX),
        part::GENESIS => ("birth of the document", 1, SMALL_BYTES_MAX),
        part::CHECKLIST => ("checklist", 1, CHECKLIST_BYTES_MAX),
        part::PACK => ("pack", PACKS_MAX, PACK_BYTES_MAX),
        part::CONTROL => ("decision on rights", CONTROL_ENTRIES_MAX, ENTRY_BYTES_MAX),
        part::RECEIPT => ("receipt", RECEIPTS_MAX, SMALL_BYTES_MAX),
        part::PROOFS => ("page of proofs", PROOF_PAGES_MAX, SMALL_BYTES_MAX),
        part::GROWN => ("earlier head", GROWN_MAX, SMALL_BYTES_MAX),
        part::SEAL => ("seal", SEALS_MAX, SEAL_BYTES_MAX),
        part::MAKER => ("maker's signature", 1, 96),
        _ => return None,
    })
}

impl ExportedRecord {
    /// Returns the file, signed by the device that makes it.
    ///
    /// # Errors
    ///
    /// Returns [`ProofError::TooMuch`] when there is more than a file holds.
    pub fn encode(&self, key: &DeviceKey) -> Result<Vec<u8>, ProofError> {
        let mut out = MAGIC.to_vec();
        out.push(VERSION);
        put(&mut out, part::READABLE, &self.readable)?;
        put_value(&mut out, part::ABOUT, &self.about)?;
        put(&mut out, part::GENESIS, &self.genesis.encode())?;
        put_all(&mut out, part::CHECKLIST, self.checklist.as_slice())?;
        put_all(&mut out, part::PACK, &self.packs)?;
        put_all(&mut out, part::CONTROL, &self.control)?;
        put_values(&mut out, part::RECEIPT, &self.receipts)?;
        put_values(&mut out, part::PROOFS, &self.proofs)?;
        put_values(&mut out, part::GROWN, &self.grown)?;
        put_all(&mut out, part::SEAL, &self.seals)?;
        let signature = key.sign(&statement(&out));
        put(&mut out, part::MAKER, &[&key.device().0[..], &signature.0].concat())?;
        if out.len() > EXPORT_BYTES_MAX {
            return Err(too_much("bytes", out.len(), EXPORT_BYTES_MAX));
        }
        Ok(out)
    }

    /// Reads a file; only the one encoding of each part is accepted. Says whether the maker's signature
    /// holds, and goes on where it does not: what was changed is to be named. Checks no other signature.
    ///
    /// # Errors
    ///
    /// Returns [`ProofError`] when the bytes are no exported record of this version, or over a limit.
    pub fn decode(bytes: &[u8]) -> Result<(Self, Maker), ProofError> {
        let parts = Parts::of(bytes)?;
        let about: About = parts.value(part::ABOUT)?.ok_or_else(|| missing(part::ABOUT))?;
        check_about(&about, &parts)?;
        let genesis: Genesis = parts.value(part::GENESIS)?.ok_or_else(|| missing(part::GENESIS))?;
        let proofs: Vec<ProofPage> = parts.values(part::PROOFS)?;
        check_pages(&proofs)?;
        let grown: Vec<Grown> = parts.values(part::GROWN)?;
        if let Some(long) = grown.iter().find(|grown| grown.proof.len() > PROOF_HASHES_MAX) {
            return Err(too_much("hashes of a proof", long.proof.len(), PROOF_HASHES_MAX));
        }
        let record = Self {
            readable: parts.bytes(part::READABLE).next().ok_or_else(|| missing(part::READABLE))?,
            about,
            genesis,
            checklist: parts.bytes(part::CHECKLIST).next(),
            packs: parts.bytes(part::PACK).collect(),
            control: parts.bytes(part::CONTROL).collect(),
            receipts: parts.values(part::RECEIPT)?,
            proofs,
            grown,
            seals: parts.bytes(part::SEAL).collect(),
        };
        Ok((record, parts.maker()?))
    }
}

fn check_about(about: &About, parts: &Parts<'_>) -> Result<(), ProofError> {
    if about.heads.len() > HEADS_MAX {
        return Err(too_much("heads", about.heads.len(), HEADS_MAX));
    }
    if about.heads.windows(2).all(|pair| pair[0] < pair[1]) {
        return Ok(());
    }
    let at = parts.of_kind(part::ABOUT).first().map_or(0, |part| part.at);
    Err(ProofError::Malformed { what: "description", at })
}

fn check_pages(pages: &[ProofPage]) -> Result<(), ProofError> {
    for page in pages {
        if page.leaves.len() > PAGE_LEAVES_MAX {
            return Err(too_much("leaves of a page", page.leaves.len(), PAGE_LEAVES_MAX));
        }
        for leaf in &page.leaves {
            if leaf.leaf.len() > LEAF_BYTES_MAX {
                return Err(too_much("bytes of a leaf", leaf.leaf.len(), LEAF_BYTES_MAX));
            }
            if leaf.path.len() > PROOF_HASHES_MAX {
                return Err(too_much("hashes of a proof", leaf.path.len(), PROOF_HASHES_MAX));
            }
        }
    }
    Ok(())
}

/// One part of a file.
struct Part<'b> {
    kind: u8,
    at: usize,
    bytes: &'b [u8],
}

/// The parts of a file, and what comes before the maker's signature.
struct Parts<'b> {
    parts: Vec<Part<'b>>,
    signed: &'b [u8],
}

impl<'b> Parts<'b> {
    fn of(bytes: &'b [u8]) -> Result<Self, ProofError> {
        if bytes.len() > EXPORT_BYTES_MAX {
            return Err(too_much("bytes", bytes.len(), EXPORT_BYTES_MAX));
        }
        let rest = bytes.strip_prefix(MAGIC).ok_or(ProofError::Magic)?;
        let (&found, mut rest) =
            rest.split_first().ok_or(ProofError::Length { at: bytes.len() })?;
        if found != VERSION {
            return Err(ProofError::Version { found, known: VERSION });
        }
        let mut parts: Vec<Part<'b>> = Vec::new();
        let mut count = 0;
        loop {
            let at = bytes.len() - rest.len();
            let cut = || ProofError::Length { at };
            let (&kind, tail) = rest.split_first().ok_or_else(cut)?;
            let (length, tail) = tail.split_first_chunk::<4>().ok_or_else(cut)?;
            let (what, count_max, bytes_max) =
                bounds(kind).ok_or(ProofError::Order { kind, at })?;
            let before = parts.last().map_or(0, |part| part.kind);
            count = if before == kind { count + 1 } else { 1 };
            if kind < before || (count > count_max && count_max == 1) {
                return Err(ProofError::Order { kind, at });
            }
            if count > count_max {
                return Err(too_much(what, count, count_max));
            }
            let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| cut())?;
            if length > bytes_max {
                return Err(too_much(what, length, bytes_max));
            }
            let (body, tail) = tail.split_at_checked(length).ok_or_else(cut)?;
            parts.push(Part { kind, at, bytes: body });
            rest = tail;
            if kind == part::MAKER {
                if !rest.is_empty() {
                    return Err(ProofError::Length { at: bytes.len() - rest.len() });
                }
                return Ok(Self { parts, signed: &bytes[..at] });
            }
        }
    }

    fn of_kind(&self, kind: u8) -> &[Part<'b>] {
        let from = self.parts.partition_point(|part| part.kind < kind);
        let to = self.parts.partition_point(|part| part.kind <= kind);
        &self.parts[from..to]
    }

    fn bytes(&self, kind: u8) -> impl Iterator<Item = Vec<u8>> + '_ {
        self.of_kind(kind).iter().map(|part| part.bytes.to_vec())
    }

    fn values<T: DeserializeOwned + Serialize>(&self, kind: u8) -> Result<Vec<T>, ProofError> {
        self.of_kind(kind).iter().map(read).collect()
    }

    fn value<T: DeserializeOwned + Serialize>(&self, kind: u8) -> Result<Option<T>, ProofError> {
        self.of_kind(kind).first().map(read).transpose()
    }

    fn maker(&self) -> Result<Maker, ProofError> {
        let part = self.of_kind(part::MAKER).first().ok_or_else(|| missing(part::MAKER))?;
        let wrong = || ProofError::Malformed { what: "maker's signature", at: part.at };
        let (device, signature) = part.bytes.split_first_chunk::<32>().ok_or_else(wrong)?;
        let signature = Signature(signature.try_into().map_err(|_| wrong())?);
        let device = DeviceId(*device);
        let signed = verify(device, &statement(self.signed), &signature, "exported record").is_ok();
        Ok(Maker { device, signed })
    }
}

/// Reads a value, and demands that it is in its one encoding.
fn read<T: DeserializeOwned + Serialize>(part: &Part<'_>) -> Result<T, ProofError> {
    let what = bounds(part.kind).map_or("part", |(what, ..)| what);
    let wrong = || ProofError::Malformed { what, at: part.at };
    let (value, left) = postcard::take_from_bytes::<T>(part.bytes).map_err(|_| wrong())?;
    let again =
        postcard::to_stdvec(&value).map_err(|source| ProofError::Encode { what, source })?;
    if left.is_empty() && again == part.bytes { Ok(value) } else { Err(wrong()) }
}

/// The bytes that the maker signs: tag, and a hash of all before the signature.
fn statement(file: &[u8]) -> Vec<u8> {
    [TAG, blake3::hash(file).as_bytes()].concat()
}

fn put(out: &mut Vec<u8>, kind: u8, bytes: &[u8]) -> Result<(), ProofError> {
    let (what, _, limit) = bounds(kind).unwrap_or(("part", 0, 0));
    let length = u32::try_from(bytes.len()).ok().filter(|_| bytes.len() <= limit);
    let length = length.ok_or_else(|| too_much(what, bytes.len(), limit))?;
    out.push(kind);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

fn put_all(out: &mut Vec<u8>, kind: u8, all: &[Vec<u8>]) -> Result<(), ProofError> {
    let (what, limit, _) = bounds(kind).unwrap_or(("part", 0, 0));
    if all.len() > limit {
        return Err(too_much(what, all.len(), limit));
    }
    all.iter().try_for_each(|bytes| put(out, kind, bytes))
}

fn put_value<T: Serialize>(out: &mut Vec<u8>, kind: u8, value: &T) -> Result<(), ProofError> {
    let what = bounds(kind).map_or("part", |(what, ..)| what);
    let bytes = postcard::to_stdvec(value).map_err(|source| ProofError::Encode { what, source })?;
    put(out, kind, &bytes)
}

fn put_values<T: Serialize>(out: &mut Vec<u8>, kind: u8, all: &[T]) -> Result<(), ProofError> {
    let (what, limit, _) = bounds(kind).unwrap_or(("part", 0, 0));
    if all.len() > limit {
        return Err(too_much(what, all.len(), limit));
    }
    all.iter().try_for_each(|value| put_value(out, kind, value))
}

fn missing(kind: u8) -> ProofError {
    ProofError::Missing { what: bounds(kind).map_or("part", |(what, ..)| what) }
}

fn too_much(what: &'static str, found: usize, limit: usize) -> ProofError {
    ProofError::TooMuch { what, found, limit }
}
