//! Counts what a session gives to a device, for the hub's log: by kind and unit, never by document.

use std::collections::BTreeMap;

use crate::model::{Genesis, Kind, Scope};
use crate::sync::{FeedItem, PackHeader};

/// What was given so far.
#[derive(Debug, Default)]
pub(super) struct Reads(BTreeMap<(Kind, Scope), u64>);

impl Reads {
    /// Counts entries of the feed.
    pub(super) fn items(&mut self, items: &[FeedItem]) {
        for item in items {
            match item {
                FeedItem::Pack(bytes) => self.pack(bytes),
                FeedItem::Snapshot(snapshot) => self.of(&snapshot.genesis),
                _ => {}
            }
        }
    }

    /// Counts a pack.
    pub(super) fn pack(&mut self, bytes: &[u8]) {
        // One that does not read is none that anybody could read.
        if let Ok(header) = PackHeader::peek(bytes) {
            self.of(&header.genesis);
        }
    }

    fn of(&mut self, genesis: &Genesis) {
        *self.0.entry((genesis.kind, genesis.scope.clone())).or_default() += 1;
    }

    /// Takes out what was counted.
    pub(super) fn take(&mut self) -> BTreeMap<(Kind, Scope), u64> {
        std::mem::take(&mut self.0)
    }
}
