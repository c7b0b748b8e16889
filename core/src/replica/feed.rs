//! The feed: what the hub merged, numbered and chained; a phone keeps one place in it. Serving it
//! reads rows and packs, never a document.

use super::ReplicaError;
use super::access;
use super::documents::each_row;
use super::hub::Hub;
use super::records::Records;
use super::rows::{
    self, CLOSED, CONTROL_FEED, ControlRow, DOCUMENT, Entry, FEED, FeedRow, NOTICE, OBJECT, SCOPE,
};
use crate::model::{Actor, DeviceId, DocumentId, PersonId, Scope};
use crate::store::StoreError;
use crate::sync::{
    BasePage, ClosedLine, DeviceEntry, FeedItem, FeedPage, FeedPosition, NOTICES_MAX, Notice,
    Snapshot, SnapshotPage,
};
use crate::trust::control::{ControlEntry, Deed, Log};
use crate::trust::seal::SealId;

/// Entries of one page of the feed: a page fits a few frames, and a slow reader holds one page.
const FEED_PAGE_ENTRIES_MAX: usize = 256;

/// Bytes of packs in one page of the feed.
const FEED_PAGE_BYTES_MAX: usize = 512 << 10;

/// Bytes of documents in one page for an empty phone: held in memory until they are written.
const SNAPSHOT_PAGE_BYTES_MAX: usize = 256 << 10;

/// Document rows read at once while looking for those that a phone may see.
const SNAPSHOT_SCAN_ROWS: usize = 256;

/// Closed lines looked at for one page: a page fits a few frames, however many lines a hostile device
/// has had closed.
pub(super) const CLOSED_PAGE_ROWS: usize = 512;

impl Hub {
    /// Returns whether this hub once gave out a position.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] when reading fails.
    pub fn knows(&self, position: &FeedPosition) -> Result<bool, ReplicaError> {
        let head = self.head()?;
        if position.epoch != head.epoch || position.number > head.number {
            return Ok(false);
        }
        if position.number == 0 {
            return Ok(position.chain == [0; 32]);
        }
        let row: Option<FeedRow> =
            rows::get(&**self.replica().store(), &rows::of_number(FEED, position.number))?;
        Ok(row.is_some_and(|row| row.chain == position.chain))
    }

    /// Returns what a device may see of the feed after a position. Loads no document.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] when reading fails.
    pub fn feed(&self, reader: &DeviceEntry, after: u64) -> Result<FeedPage, ReplicaError> {
        let store = self.replica().store();
        let head = self.head()?;
        let mut numbers = self.numbers(reader, after)?;
        // What was merged since the head was read is served with the next page; a position must
        // never pass an entry that was not looked at.
        numbers.retain(|number| *number <= head.number);
        let full = numbers.len() > FEED_PAGE_ENTRIES_MAX;
        numbers.truncate(FEED_PAGE_ENTRIES_MAX);
        let (mut items, mut records, mut bytes) = (Vec::new(), self.replica().records(), 0);
        let mut reached = if full { after } else { head.number };
        let mut more = full;
        for number in numbers {
            let row: Option<FeedRow> = rows::get(&**store, &rows::of_number(FEED, number))?;
            let Some(row) = row else { continue };
            let item = self.item(&mut records, reader, row.entry)?;
            if let Some(FeedItem::Pack(packed) | FeedItem::Seal(packed)) = &item {
                bytes += packed.len();
            }
            items.extend(item);
            if full {
                reached = number;
            }
            if bytes > FEED_PAGE_BYTES_MAX {
                reached = number;
                more = reached < head.number;
                break;
            }
        }
        let position = self.at(reached, &head)?;
        Ok(FeedPage { items, position, more })
    }

    /// Returns the numbers of feed entries after one that a device may see, at most a page and one.
    fn numbers(&self, reader: &DeviceEntry, after: u64) -> Result<Vec<u64>, ReplicaError> {
        let store = self.replica().store();
        let mut numbers = Vec::new();
        if access::is_everywhere(reader) {
            let start = rows::of_number(FEED, after);
            let page = store.scan(&[FEED], Some(&start), FEED_PAGE_ENTRIES_MAX + 1)?;
            return Ok(page.iter().filter_map(|(key, _)| rows::number_in(key)).collect());
        }
        // The empty scope holds what everybody sees: checklists.
        let scopes = access::readable(reader);
        for scope in std::iter::once("").chain(scopes.iter().map(|scope| scope.as_str())) {
            let prefix = rows::key(SCOPE, &[&rows::scope_part(scope)]);
            let start = rows::of_scope(scope, after);
            for (key, _) in store.scan(&prefix, Some(&start), FEED_PAGE_ENTRIES_MAX + 1)? {
                numbers.extend(rows::number_in(&key));
            }
        }
        for scope in self.governing(reader)? {
            let start = rows::of_control_feed(&scope, after);
            let prefix = rows::control_feed(&scope);
            for (key, _) in store.scan(&prefix, Some(&start), FEED_PAGE_ENTRIES_MAX + 1)? {
                numbers.extend(rows::number_in(&key));
            }
        }
        numbers.extend(self.farewells(reader, after)?);
        numbers.sort_unstable();
        numbers.truncate(FEED_PAGE_ENTRIES_MAX + 1);
        Ok(numbers)
    }

    fn item(
        &self,
        records: &mut Records,
        reader: &DeviceEntry,
        entry: Entry,
    ) -> Result<Option<FeedItem>, ReplicaError> {
        let store = self.replica().store();
        Ok(match entry {
            Entry::Pack { document, pack } if pack.device == reader.device => {
                Some(FeedItem::Yours { document, actor: pack.actor, seq: pack.seq })
            }
            Entry::Pack { pack, .. } => {
                held(records.pack(&**store, pack.place))?.map(FeedItem::Pack)
            }
            Entry::Object { template } => {
                self.replica().object(template)?.map(|bytes| FeedItem::Object { bytes })
            }
            // What was known of devices before there was a control log stands in that now.
            Entry::Device { .. } => None,
            Entry::Control { scope, life, number } => {
                let log = Log { scope: &scope, life };
                let row: Option<ControlRow> = rows::get(&**store, &rows::of_control(log, number))?;
                row.map(|row| FeedItem::Control(row.bytes))
            }
            Entry::Closed { line } => Some(FeedItem::Closed(line)),
            Entry::Seal { seal } => self.replica().seal_bytes(seal)?.map(FeedItem::Seal),
        })
    }

    fn at(&self, number: u64, head: &FeedPosition) -> Result<FeedPosition, ReplicaError> {
        if number == head.number {
            return Ok(*head);
        }
        let chain = if number == 0 {
            [0; 32]
        } else {
            let row: Option<FeedRow> =
                rows::get(&**self.replica().store(), &rows::of_number(FEED, number))?;
            let missing = || StoreError::Damaged { what: format!("feed entry {number}") };
            row.ok_or_else(missing)?.chain
        };
        Ok(FeedPosition { epoch: head.epoch, number, chain })
    }

    /// Returns whole documents for a phone that holds nothing, after one document's name.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError`] when reading fails.
    pub fn snapshots(
        &self,
        reader: &DeviceEntry,
        after: Option<DocumentId>,
    ) -> Result<SnapshotPage, ReplicaError> {
        let store = self.replica().store();
        let (mut items, mut records) = (Vec::new(), Records::default());
        let scopes = access::readable(reader);
        let mut at = after.map(|document| rows::of_document(DOCUMENT, document));
        let mut bytes = 0;
        loop {
            let page = store.scan(&[DOCUMENT], at.as_deref(), SNAPSHOT_SCAN_ROWS)?;
            for (key, value) in &page {
                let Some(document) = rows::document_in(key) else { continue };
                let row: rows::DocumentRow = rows::decode(key, value)?;
                if !access::reads(reader, &row.genesis.scope)
                    && scopes.binary_search(&row.genesis.scope).is_err()
                {
                    continue;
                }
                for item in self.whole(&mut records, document)? {
                    bytes += match &item {
                        FeedItem::Pack(bytes) | FeedItem::Seal(bytes) => bytes.len(),
                        FeedItem::Snapshot(snapshot) => snapshot.bytes.len(),
                        _ => 0,
                    };
                    items.push(item);
                }
                if bytes > SNAPSHOT_PAGE_BYTES_MAX {
                    return Ok(SnapshotPage { items, next: Some(document) });
                }
            }
            match page.last() {
                Some((key, _)) if page.len() == SNAPSHOT_SCAN_ROWS => at = Some(key.clone()),
                _ => return Ok(SnapshotPage { items, next: None }),
            }
        }
    }

    /// Checklists and device names, which everybody sees; and which lines of the documents that a
    /// device may see end in the record, so that it takes in no more of them from others. The lines
    /// come in pages, the first with all the rest.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError`] when reading fails.
    pub fn base(
        &self,
        reader: &DeviceEntry,
        after: Option<(DocumentId, Actor)>,
    ) -> Result<BasePage, ReplicaError> {
        let mut items = Vec::new();
        if after.is_none() {
            self.names(reader, &mut items)?;
        }
        let after = after.map(|(document, actor)| rows::of_actor(CLOSED, document, actor));
        let page = self.replica().store().scan(&[CLOSED], after.as_deref(), CLOSED_PAGE_ROWS)?;
        let mut next = None;
        for (key, value) in &page {
            let line: ClosedLine = rows::decode(key, value)?;
            next = Some((line.document, line.actor));
            let scope = self.replica().genesis(line.document)?.scope;
            if access::reads(reader, &scope) {
                items.push(FeedItem::Closed(line));
            }
        }
        Ok(BasePage { items, next: next.filter(|_| page.len() == CLOSED_PAGE_ROWS) })
    }

    /// Returns all that a device holds, grants that have not begun or are over included: the logs in
    /// which its own rights stand are told to it also while it may read nothing else there.
    fn held(&self, reader: &DeviceEntry) -> Result<DeviceEntry, StoreError> {
        Ok(self.replica().device(reader.device)?.unwrap_or_else(|| reader.clone()))
    }

    fn governing(&self, reader: &DeviceEntry) -> Result<Vec<Scope>, StoreError> {
        Ok(access::governing(&self.held(reader)?))
    }

    /// Returns the numbers of control entries after one that tell a device of the end of its holder's rights
    /// in units of which it is told nothing any more: in each of their logs as far as the last of them, and
    /// nothing behind it. Without them it would go on writing there.
    fn farewells(&self, reader: &DeviceEntry, after: u64) -> Result<Vec<u64>, ReplicaError> {
        let told = self.governing(reader)?;
        let held = self.replica().person(reader.person)?;
        let mut lost: Vec<&Scope> = held.grants.values().map(|held| &held.grant.scope).collect();
        lost.sort_unstable();
        lost.dedup();
        lost.retain(|scope| !told.contains(scope));
        let mut numbers = Vec::new();
        for scope in lost {
            let (start, mut upto, mut here) = (rows::of_control_feed(scope, after), 0, Vec::new());
            let prefix = rows::control_feed(scope);
            each_row(&**self.replica().store(), &prefix, Some(start), |key, _| {
                here.extend(rows::number_in(key));
                Ok(())
            })?;
            for number in &here {
                if self.withdraws(*number, reader.person)? {
                    upto = *number;
                }
            }
            numbers.extend(here.into_iter().filter(|number| *number <= upto));
        }
        Ok(numbers)
    }

    /// Returns whether a feed entry withdraws a grant of a person.
    fn withdraws(&self, number: u64, of: PersonId) -> Result<bool, ReplicaError> {
        let store = self.replica().store();
        let row: Option<FeedRow> = rows::get(&**store, &rows::of_number(FEED, number))?;
        let Some(FeedRow { entry: Entry::Control { scope, life, number }, .. }) = row else {
            return Ok(false);
        };
        let log = Log { scope: &scope, life };
        let row: Option<ControlRow> = rows::get(&**store, &rows::of_control(log, number))?;
        let Some(row) = row else { return Ok(false) };
        let deed = ControlEntry::decode(&row.bytes)?.act.act.deed;
        Ok(matches!(deed, Deed::Withdraw { person, .. } if person == of))
    }

    /// Adds checklists and control logs.
    fn names(&self, reader: &DeviceEntry, items: &mut Vec<FeedItem>) -> Result<(), ReplicaError> {
        each_row(&**self.replica().store(), &[OBJECT], None, |key, value| {
            items.push(FeedItem::Object { bytes: rows::decode(key, value)? });
            Ok(())
        })?;
        self.control_entries(reader, items)
    }

    /// Adds the control logs that a device is told of, in the order in which the hub entered them: what
    /// gave a right comes before what was decided by it.
    fn control_entries(
        &self,
        reader: &DeviceEntry,
        items: &mut Vec<FeedItem>,
    ) -> Result<(), ReplicaError> {
        let mut numbers = Vec::new();
        let mut note = |key: &[u8], _: &[u8]| {
            numbers.extend(rows::number_in(key));
            Ok(())
        };
        let store = self.replica().store();
        if access::is_everywhere(&self.held(reader)?) {
            each_row(&**store, &[CONTROL_FEED], None, &mut note)?;
        } else {
            for scope in self.governing(reader)? {
                each_row(&**store, &rows::control_feed(&scope), None, &mut note)?;
            }
            numbers.extend(self.farewells(reader, 0)?);
        }
        numbers.sort_unstable();
        for number in numbers {
            let row: Option<FeedRow> = rows::get(&**store, &rows::of_number(FEED, number))?;
            if let Some(FeedRow { entry: entry @ Entry::Control { .. }, .. }) = row {
                let item = self.item(&mut Records::default(), reader, entry)?;
                // The seal comes before the word that it counts, as in the feed.
                items.extend(self.sealed_by(reader, item.as_ref())?);
                items.extend(item);
            }
        }
        Ok(())
    }

    /// Returns the minutes that an entry of a control log registers, if the device reads them.
    fn sealed_by(
        &self,
        reader: &DeviceEntry,
        item: Option<&FeedItem>,
    ) -> Result<Option<FeedItem>, ReplicaError> {
        let Some(FeedItem::Control(bytes)) = item else { return Ok(None) };
        let entry = ControlEntry::decode(bytes)?;
        match entry.act.act.deed {
            Deed::Seal { seal, .. } if access::reads(reader, entry.scope()) => {
                Ok(self.replica().seal_bytes(SealId(seal))?.map(FeedItem::Seal))
            }
            _ => Ok(None),
        }
    }

    /// A document as its saved form with an attestation of each actor, and the packs merged since;
    /// or as its packs alone, where there is no saved form. No document is loaded.
    fn whole(
        &self,
        records: &mut Records,
        document: DocumentId,
    ) -> Result<Vec<FeedItem>, ReplicaError> {
        let store = self.replica().store();
        let base: Option<rows::BaseRow> =
            rows::get(&**store, &rows::of_document(rows::BASE, document))?;
        let mut items = Vec::new();
        let mut after = None;
        if let Some(rows::BaseRow { upto, bytes, attestations: Some(attestations) }) = base {
            let genesis = self.replica().genesis(document)?;
            items.push(FeedItem::Snapshot(Snapshot { genesis, bytes, attestations }));
            after = Some(upto);
        }
        let mut places = Vec::new();
        let prefix = rows::of_document(rows::SOURCE, document);
        each_row(&**store, &prefix, after, |key, value| {
            if let rows::Source::Pack(place) = rows::decode(key, value)? {
                places.push(place);
            }
            Ok(())
        })?;
        for place in places {
            items.extend(held(records.pack(&**store, place))?.map(FeedItem::Pack));
        }
        for seal in self.replica().seals_of(document)? {
            items.extend(self.replica().seal_bytes(seal)?.map(FeedItem::Seal));
        }
        Ok(items)
    }

    /// Returns what a device has to be told about its packs, after a notice's number.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError`] when reading fails.
    pub fn notices(
        &self,
        device: DeviceId,
        after: u64,
    ) -> Result<(u64, Vec<Notice>), ReplicaError> {
        let store = self.replica().store();
        let count: Option<u64> = rows::get(&**store, &rows::notices_of(device))?;
        // A hub set back to an older copy counts from less than the device has seen: from the start
        // then, so that nothing is kept from it.
        let after = if after > count.unwrap_or(0) { 0 } else { after };
        let prefix = rows::key(NOTICE, &[&device.0]);
        let start = rows::notice_of_device(device, after);
        let page = self.replica().store().scan(&prefix, Some(&start), NOTICES_MAX)?;
        let upto = page.last().and_then(|(key, _)| rows::number_in(key)).unwrap_or(after);
        let notices =
            page.iter().map(|(key, value)| rows::decode(key, value)).collect::<Result<_, _>>()?;
        Ok((upto, notices))
    }
}

/// A pack whose record is lost cannot be handed on; phones that hold it give it back.
fn held(pack: Result<Vec<u8>, StoreError>) -> Result<Option<Vec<u8>>, StoreError> {
    match pack {
        Ok(bytes) => Ok(Some(bytes)),
        Err(StoreError::Damaged { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
