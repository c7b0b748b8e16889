//! What a journal must do, and the journal that lives in memory.

use std::collections::BTreeMap;

use super::entry::{Chain, Entry, Head, StoreId, chain_after};
use super::index::Encoded;
use super::{Position, StoreError, Verified};

/// An append-only chain of records: the truth of a store.
pub(super) trait Journal: Send {
    /// The last durable record.
    fn head(&self) -> Head;

    /// Writes a group of whole commits that continue the head, and syncs. On Ok they are durable
    /// and `head` is the new head; after an error nothing more may be appended.
    fn append(&mut self, group: &[Encoded], head: Head) -> Result<(), StoreError>;

    /// Hands out all records after a position, in order, until `visit` fails.
    fn visit(
        &self,
        after: Position,
        visit: &mut dyn FnMut(Encoded) -> Result<(), StoreError>,
    ) -> Result<(), StoreError>;

    /// Checks every record and adds what it finds to `report`.
    fn check(&self, report: &mut Verified) -> Result<(), StoreError>;
}

/// Records of one part of a journal in memory: few, so that a simulated day has parts to shorten.
pub(super) const PART_RECORDS: u64 = 16;

/// Records in memory: what a simulated disk holds.
#[derive(Debug, Clone)]
pub(super) struct MemoryJournal {
    store: StoreId,
    head: Head,
    durable: Vec<Vec<u8>>,
    /// Written, but its sync failed; a power cut may leave it or not.
    unsynced: Vec<Vec<u8>>,
    /// The chain that went on after the last record of a part whose records were shortened.
    closings: BTreeMap<Position, Chain>,
    /// What the next append meets.
    pub(super) fault: Option<Fault>,
}

/// What a simulated disk does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It has no room: writes fail and leave nothing.
    Full,
    /// Its syncs fail: what was written may or may not survive a power cut.
    SyncFails,
}

impl MemoryJournal {
    /// Makes an empty journal.
    pub(super) fn new(store: StoreId) -> Self {
        let (durable, unsynced) = (Vec::new(), Vec::new());
        let closings = BTreeMap::new();
        Self { store, head: Head::start(store), durable, unsynced, closings, fault: None }
    }

    /// The end of every part of a journal in memory, the one that is written to left out.
    pub(super) fn part_ends(&self) -> impl Iterator<Item = u64> {
        (1..).map(|part| part * PART_RECORDS).take_while(|end| *end < self.head.position.0)
    }

    /// Whether the records of the part that ends so were shortened.
    pub(super) fn is_short(&self, end: u64) -> bool {
        self.closings.contains_key(&Position(end))
    }

    /// Returns the encoded records of the part that ends so.
    pub(super) fn part(&self, end: u64) -> &[Vec<u8>] {
        let place = |position: u64| usize::try_from(position).unwrap_or(usize::MAX);
        self.durable.get(place(end - PART_RECORDS)..place(end)).unwrap_or_default()
    }

    /// Puts shorter records in the place of a part's; `closing` is the head that it had.
    pub(super) fn swap(&mut self, closing: Head, records: Vec<Vec<u8>>) {
        let end = usize::try_from(closing.position.0).unwrap_or(usize::MAX);
        let begin = end - records.len();
        self.durable.splice(begin..end, records);
        self.closings.insert(closing.position, closing.chain);
    }

    /// Settles what a failed sync left open: kept or gone.
    pub(super) fn settle(&mut self, keep_unsynced: bool) {
        let unsynced = std::mem::take(&mut self.unsynced);
        if keep_unsynced {
            for bytes in unsynced {
                let Some(after) = chain_after(&bytes, &self.head.chain) else { break };
                self.head = Head { position: Position(self.head.position.0 + 1), chain: after };
                self.durable.push(bytes);
            }
        }
    }

    /// Settles what a failed sync left open as a power cut in the midst of it does: the disk has the first
    /// `draw % (n + 1)` of its `n` bytes. Commits that are whole in them are there, and nothing else is.
    pub(super) fn settle_torn(&mut self, draw: usize) {
        let unsynced = std::mem::take(&mut self.unsynced).concat();
        let mut rest = &unsynced[..draw % (unsynced.len() + 1)];
        let (mut head, mut commit) = (self.head, Vec::new());
        while let Some(entry) = Entry::decode(rest) {
            let (whole, behind) = rest.split_at(entry.len());
            let Some(chain) = chain_after(whole, &head.chain) else { break };
            head = Head { position: Position(head.position.0 + 1), chain };
            commit.push(whole.to_vec());
            if entry.last {
                self.durable.append(&mut commit);
                self.head = head;
            }
            rest = behind;
        }
    }
}

impl Journal for MemoryJournal {
    fn head(&self) -> Head {
        self.head
    }

    fn append(&mut self, group: &[Encoded], head: Head) -> Result<(), StoreError> {
        let bytes = group.iter().map(|encoded| encoded.bytes.clone());
        match self.fault {
            Some(Fault::Full) => Err(StoreError::Full { action: "write to the journal" }),
            Some(Fault::SyncFails) => {
                self.unsynced.extend(bytes);
                let source = std::sync::Arc::new(std::io::Error::other("simulated"));
                Err(StoreError::Io { action: "sync", path: "the simulated disk".into(), source })
            }
            None => {
                self.durable.extend(bytes);
                self.head = head;
                Ok(())
            }
        }
    }

    fn visit(
        &self,
        after: Position,
        visit: &mut dyn FnMut(Encoded) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut head = Head::start(self.store);
        for bytes in &self.durable {
            let position = Position(head.position.0 + 1);
            let damaged = || StoreError::Damaged { what: format!("journal record {}", position.0) };
            let chain = chain_after(bytes, &head.chain).ok_or_else(damaged)?;
            let chain = self.closings.get(&position).copied().unwrap_or(chain);
            head = Head { position, chain };
            if position > after {
                let entry = Entry::decode(bytes).ok_or_else(damaged)?;
                visit(Encoded { entry, bytes: bytes.clone(), after: chain })?;
            }
        }
        Ok(())
    }

    fn check(&self, report: &mut Verified) -> Result<(), StoreError> {
        let checked = self.visit(Position(0), &mut |_| {
            report.records += 1;
            Ok(())
        });
        if let Err(error) = checked {
            report.problems.push(error.to_string());
        }
        Ok(())
    }
}
