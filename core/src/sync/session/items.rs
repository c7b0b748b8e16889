//! Cuts what a hub sends into frames, and joins the slices of long snapshots and packs.

use super::parts::{PackJoiner, PackPart, cut, is_cut};
use super::{LENGTH_BYTES_MAX, SessionError};
use crate::model::DocumentId;
use crate::sync::frame::{FRAME_FILL_BYTES, Frame};
use crate::sync::message::{FeedItem, FeedPosition, Snapshot};

/// A snapshot is at most this long: a document of 16 MiB and the attestations of 1,000 actors.
pub const SNAPSHOT_BYTES_MAX: usize = 17 << 20;
/// A longer snapshot travels in slices of this length, one per frame.
pub const SNAPSHOT_PART_BYTES: usize = FRAME_FILL_BYTES;
/// The fields of an entry beside its byte strings and texts.
const ITEM_BYTES: usize = 128;

/// Cuts entries into frames, in order; the position goes with the last. No frame at all for no
/// entries and no position.
pub(super) fn split_items(items: Vec<FeedItem>, position: Option<FeedPosition>) -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut current = Vec::new();
    let mut bytes = 0;
    for item in items.into_iter().flat_map(slices) {
        let weight = weight(&item);
        if !current.is_empty() && bytes + weight > FRAME_FILL_BYTES {
            let items = std::mem::take(&mut current);
            frames.push(Frame::Items { items, position: None });
            bytes = 0;
        }
        bytes += weight;
        current.push(item);
    }
    if !current.is_empty() || position.is_some() {
        frames.push(Frame::Items { items: current, position });
    }
    frames
}

/// An encoded [`ClosedLine`](crate::sync::ClosedLine) at most: names, numbers and an attestation.
const CLOSED_BYTES: usize = 384;

/// Returns about how many bytes an entry takes.
pub(super) fn weight(item: &FeedItem) -> usize {
    let content = match item {
        FeedItem::Pack(bytes)
        | FeedItem::Object { bytes }
        | FeedItem::PackPart { bytes, .. }
        | FeedItem::SnapshotPart { bytes, .. } => bytes.len(),
        FeedItem::Snapshot(snapshot) => snapshot_bytes(snapshot),
        FeedItem::Device(entry) => entry.name.len() + entry.agency.len() + entry.scopes.len() * 6,
        FeedItem::Control(bytes) | FeedItem::Seal(bytes) => bytes.len(),
        FeedItem::Yours { .. } => 0,
        FeedItem::Closed(_) => CLOSED_BYTES,
    };
    content + ITEM_BYTES + LENGTH_BYTES_MAX
}

fn snapshot_bytes(snapshot: &Snapshot) -> usize {
    /// An encoded attestation: device, incarnation, document, tip, signature.
    const ATTESTATION_BYTES: usize = 32 + 16 + 32 + 10 + 32 + 32 + 64;
    snapshot.bytes.len() + snapshot.attestations.len() * ATTESTATION_BYTES
}

/// Returns the item itself, or the slices of a snapshot or pack that is too long for one frame.
fn slices(item: FeedItem) -> Vec<FeedItem> {
    if let FeedItem::Pack(pack) = &item
        && is_cut(pack)
    {
        let part = |PackPart { index, count, bytes }| FeedItem::PackPart { index, count, bytes };
        return cut(pack).into_iter().map(part).collect();
    }
    let FeedItem::Snapshot(snapshot) = &item else { return vec![item] };
    if snapshot_bytes(snapshot) <= SNAPSHOT_PART_BYTES {
        return vec![item];
    }
    let document = snapshot.genesis.document();
    let encoded = postcard::to_stdvec(snapshot)
        .expect("a snapshot holds byte strings and fixed fields, which always encode");
    let count = u32::try_from(encoded.len().div_ceil(SNAPSHOT_PART_BYTES)).unwrap_or(u32::MAX);
    encoded
        .chunks(SNAPSHOT_PART_BYTES)
        .zip(0..)
        .map(|(bytes, index)| FeedItem::SnapshotPart {
            document,
            index,
            count,
            bytes: bytes.to_vec(),
        })
        .collect()
}

/// Joins slices; at most one snapshot or pack at a time.
#[derive(Debug, Default)]
pub(super) struct Joiner {
    current: Option<Joining>,
    pack: PackJoiner,
}

#[derive(Debug)]
struct Joining {
    document: DocumentId,
    next: u32,
    count: u32,
    bytes: Vec<u8>,
}

impl Joiner {
    /// Takes an item and returns it, or the snapshot or pack whose last slice it was, or nothing yet.
    pub(super) fn join(&mut self, item: FeedItem) -> Result<Option<FeedItem>, SessionError> {
        if let FeedItem::PackPart { index, count, bytes } = item {
            self.expect_no_snapshot()?;
            return Ok(self.pack.join(PackPart { index, count, bytes })?.map(FeedItem::Pack));
        }
        self.pack.expect_closed()?;
        let FeedItem::SnapshotPart { document, index, count, bytes } = item else {
            return match self.current {
                None => Ok(Some(item)),
                Some(_) => Err(SessionError::Snapshot),
            };
        };
        let fresh = Joining { document, next: 0, count, bytes: Vec::new() };
        let mut joining = self.current.take().unwrap_or(fresh);
        let fits = joining.document == document
            && joining.count == count
            && joining.next == index
            && index < count
            && joining.bytes.len() + bytes.len() <= SNAPSHOT_BYTES_MAX;
        if !fits {
            return Err(SessionError::Snapshot);
        }
        joining.bytes.extend_from_slice(&bytes);
        joining.next += 1;
        if joining.next < joining.count {
            self.current = Some(joining);
            return Ok(None);
        }
        match postcard::take_from_bytes::<Snapshot>(&joining.bytes) {
            Ok((snapshot, [])) if snapshot.genesis.document() == document => {
                Ok(Some(FeedItem::Snapshot(snapshot)))
            }
            _ => Err(SessionError::Snapshot),
        }
    }

    /// Fails while slices are still missing.
    pub(super) fn expect_closed(&self) -> Result<(), SessionError> {
        self.expect_no_snapshot()?;
        self.pack.expect_closed()
    }

    fn expect_no_snapshot(&self) -> Result<(), SessionError> {
        if self.current.is_some() { Err(SessionError::Snapshot) } else { Ok(()) }
    }
}

/// Returns whether a pack is whole with this item.
pub(super) fn ends_pack(item: &FeedItem) -> bool {
    match item {
        FeedItem::Pack(_) => true,
        FeedItem::PackPart { index, count, .. } => index + 1 == *count,
        _ => false,
    }
}
