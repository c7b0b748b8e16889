//! Names that one side of an exchange need not spell out, because the other said them in it: those of the packs that
//! it pushed. What a hub answers and hands on is mostly of the same documents.

use std::ops::Range;

use super::message::Stored;
use super::pack;
use super::{Frame, Pack, PackHeader};
use crate::model::{Cursor, DeviceId, put_uleb};
use crate::trust::{HubReceipt, RECEIPT_ITEMS_MAX, ReceiptItem};

/// Names of the first so many packs of a session are kept: more than a team's day, and so few that a hub can keep them
/// for each phone that stays. What comes later is spelled out.
pub const NAMES_PACKS_MAX: usize = 256;

/// What stands in front, so that no pack decides how the bytes begin: zstd takes those that begin like a
/// trained dictionary for one.
const BEGIN: &[u8] = b"bienban names 1\0";

/// The names of what one side pushed, as both sides write them down.
#[derive(Debug, Clone)]
pub struct Names {
    bytes: Vec<u8>,
    /// Where the entry of each pack ends.
    ends: Vec<usize>,
    /// The genesis that was written last, of which the next need not repeat the beginning.
    genesis: Vec<u8>,
    limit: usize,
}

impl Default for Names {
    fn default() -> Self {
        Self { limit: NAMES_PACKS_MAX, ..Self::none() }
    }
}

impl Names {
    /// Returns names that stay none, whatever is pushed.
    #[must_use]
    pub const fn none() -> Self {
        Self { bytes: Vec::new(), ends: Vec::new(), genesis: Vec::new(), limit: 0 }
    }

    /// Writes down the names in a frame that was said, if it pushes several packs: a single one is an answer that was
    /// just typed, with which nothing is saved.
    pub fn note(&mut self, said: &Frame) {
        for pack in named(said, self.limit.saturating_sub(self.ends.len())) {
            self.add(pack);
        }
    }

    fn add(&mut self, pack: &[u8]) {
        if self.bytes.is_empty() {
            self.bytes.extend_from_slice(BEGIN);
        }
        // What is no pack has an empty entry, so that both sides go on counting alike.
        if let Ok(header) = PackHeader::peek(pack) {
            // In the order in which a receipt and an entry of the feed name it.
            self.bytes.extend_from_slice(&header.document.0);
            self.bytes.extend_from_slice(&header.actor.0);
            put_uleb(&mut self.bytes, header.last_seq);
            let genesis = header.genesis.encode();
            let known = genesis.iter().zip(&self.genesis).take_while(|(one, other)| one == other);
            let known = known.count();
            self.bytes.extend_from_slice(&genesis[known..]);
            self.genesis = genesis;
            if let Some(hash) = pack::rests_on(pack, &header) {
                self.bytes.extend_from_slice(&hash.0);
            }
        }
        self.ends.push(self.bytes.len());
    }

    /// Returns how many packs have entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns whether no pack has an entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Returns runs of places, first and how many, of the packs at these places that end with these items; `None` where one
    /// is not among them, or is there twice: of two lines under one name the hub has one.
    pub(super) fn places(
        &self,
        items: &[ReceiptItem],
        among: Range<usize>,
    ) -> Option<Vec<(u32, u32)>> {
        let mut runs: Vec<(u32, u32)> = Vec::new();
        for item in items {
            let mut places = among.clone().filter(|place| self.is_of(*place, item));
            let (place, None) = (places.next()?, places.next()) else { return None };
            let place = u32::try_from(place).ok()?;
            match runs.last_mut() {
                Some((first, count)) if *first + *count == place => *count += 1,
                _ => runs.push((place, 1)),
            }
        }
        Some(runs)
    }

    fn is_of(&self, place: usize, item: &ReceiptItem) -> bool {
        let before = place.checked_sub(1).and_then(|before| self.ends.get(before).copied());
        let begin = before.unwrap_or(BEGIN.len());
        let entry = self.ends.get(place).and_then(|end| self.bytes.get(begin..*end));
        let Some(entry) = entry else { return false };
        let Some(rest) = entry.strip_prefix(&item.document.0) else { return false };
        let Some(rest) = rest.strip_prefix(&item.actor.0) else { return false };
        Cursor::new(rest).uleb("sequence number") == Ok(item.seq)
    }

    /// Returns the entries of the first `packs` packs; `None` where there are fewer, or none is asked for.
    pub(super) fn first(&self, packs: usize) -> Option<&[u8]> {
        let end = *self.ends.get(packs.checked_sub(1)?)?;
        self.bytes.get(..end)
    }
}

/// Returns the packs of a frame that was said which have names, at most `room` of them.
fn named(said: &Frame, room: usize) -> &[Vec<u8>] {
    match said {
        Frame::Push { packs } if packs.len() > 1 => &packs[..packs.len().min(room)],
        _ => &[],
    }
}

/// What a phone pushed, by the places that packs have among its [`Names`]: what it needs to read a receipt that names packs by
/// them.
#[derive(Debug, Clone, Default)]
pub struct Pushed {
    items: Vec<Option<ReceiptItem>>,
}

impl Pushed {
    /// Writes down what a frame pushes.
    pub fn note(&mut self, said: &Frame) {
        for pack in named(said, NAMES_PACKS_MAX.saturating_sub(self.items.len())) {
            self.items.push(Pack::decode(pack).ok().map(|pack| ReceiptItem {
                document: pack.document(),
                actor: pack.actor(),
                seq: pack.last_seq(),
                hash: pack.tip_hash(),
            }));
        }
    }

    /// Returns the receipt that a hub means; `None` where it names what was not pushed. Whether the hub signed it is what
    /// [`HubReceipt::verify`] says.
    #[must_use]
    pub fn receipt(
        &self,
        stored: &Stored,
        epoch: [u8; 16],
        device: DeviceId,
    ) -> Option<HubReceipt> {
        let mut items = Vec::new();
        for (first, count) in &stored.places {
            let first = usize::try_from(*first).ok()?;
            let count = usize::try_from(*count).ok()?;
            for item in self.items.get(first..first.checked_add(count)?)? {
                items.push((*item)?);
            }
            if items.len() > RECEIPT_ITEMS_MAX {
                return None;
            }
        }
        let Stored { stored_at, signature, .. } = *stored;
        Some(HubReceipt { epoch, device, items, stored_at, signature })
    }
}

#[cfg(test)]
mod tests;
