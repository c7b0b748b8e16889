//! What goes into the log without a record of its own: reads, and who was turned away. Collected in
//! memory, written in few records: nobody who is turned away may make the log grow without bound.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Hub;
use crate::model::{DeviceId, Kind, Scope, Timestamp};
use crate::replica::ReplicaError;
use crate::replica::facts::Fact;
use crate::replica::log::tree_of;
use crate::replica::rows::{self, meta};
use crate::trust::log::{LogEntry, Turned};

/// Turned-away sessions are written at most this often: one record a minute, whatever comes.
const TURNED_EVERY_MS: i64 = 60_000;

/// Devices named in one minute; all others are counted together, so a minute adds at most this many leaves
/// and one for each reason.
const TURNED_NAMED_MAX: usize = 16;

/// Entries that wait while the disk takes none: what some hundreds of sessions read. Of more only the number is
/// kept, and written as one entry.
const WAITING_MAX: usize = 4_096;

/// A device whose clock is off is named once in so long, however its clock goes: an exchange each few seconds says
/// nothing new, and nobody may make the log grow by changing a clock.
const CLOCK_TOLD_EVERY_MS: i64 = 3_600_000;

/// Devices whose clocks are remembered so; beyond that the log names no more until the first are an hour old. A hub
/// knows its devices, so more than these are no ordinary hub's.
const CLOCKS_TOLD_MAX: usize = 4_096;

/// What waits to be written.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// When a device's clock was last named.
    clocks: BTreeMap<DeviceId, Timestamp>,
    entries: Vec<LogEntry>,
    /// How many more there were than have room.
    dropped: u64,
    turned: BTreeMap<(Turned, Option<DeviceId>), u64>,
    /// When the first of those was turned away.
    since: Option<Timestamp>,
}

/// Shared with the store's writer, which gives back what it could not write.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger(Arc<Mutex<Waiting>>);

impl Ledger {
    fn with<T>(&self, act: impl FnOnce(&mut Waiting) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Waiting {
    fn turn(&mut self, why: Turned, device: Option<DeviceId>, count: u64, now: Timestamp) {
        let named = self.turned.keys().filter(|(_, device)| device.is_some()).count();
        let known = self.turned.contains_key(&(why, device));
        let device = device.filter(|_| known || named < TURNED_NAMED_MAX);
        let sum = self.turned.entry((why, device)).or_default();
        *sum = sum.saturating_add(count);
        self.since.get_or_insert(now);
    }

    /// Returns whether a device's clock is to be named now.
    fn names_clock(&mut self, device: DeviceId, now: Timestamp) -> bool {
        let told = self
            .clocks
            .get(&device)
            .is_some_and(|at| (0..CLOCK_TOLD_EVERY_MS).contains(&now.0.saturating_sub(at.0)));
        if told {
            return false;
        }
        if self.clocks.len() >= CLOCKS_TOLD_MAX {
            let age = |at: &Timestamp| now.0.saturating_sub(at.0);
            self.clocks.retain(|_, at| (0..CLOCK_TOLD_EVERY_MS).contains(&age(at)));
            if self.clocks.len() >= CLOCKS_TOLD_MAX {
                return false;
            }
        }
        self.clocks.insert(device, now);
        true
    }

    /// Takes out what is due: reads at once, who was turned away when their minute is over. A clock that
    /// goes back makes them due.
    fn due(&mut self, now: Timestamp) -> Vec<LogEntry> {
        let over = self.since.map(|since| now.0.saturating_sub(since.0));
        if over.is_some_and(|over| !(0..TURNED_EVERY_MS).contains(&over)) {
            return self.all();
        }
        self.reads()
    }

    /// Takes out all there is.
    fn all(&mut self) -> Vec<LogEntry> {
        let mut entries = self.reads();
        let since = self.since.take().unwrap_or_default();
        let turned = std::mem::take(&mut self.turned).into_iter();
        entries.extend(turned.map(|((why, device), count)| LogEntry::TurnedAway {
            why,
            device,
            count,
            since,
        }));
        entries
    }

    fn reads(&mut self) -> Vec<LogEntry> {
        let mut entries = std::mem::take(&mut self.entries);
        let count = std::mem::take(&mut self.dropped);
        entries.extend((count > 0).then_some(LogEntry::Unrecorded { count }));
        entries
    }

    fn give_back(&mut self, entries: Vec<LogEntry>) {
        for entry in entries {
            match entry {
                LogEntry::TurnedAway { why, device, count, since } => {
                    self.turn(why, device, count, since);
                    self.since = self.since.min(Some(since));
                }
                LogEntry::Unrecorded { count } => {
                    self.dropped = self.dropped.saturating_add(count);
                }
                entry if self.entries.len() < WAITING_MAX => self.entries.push(entry),
                _ => self.dropped = self.dropped.saturating_add(1),
            }
        }
    }
}

impl Hub {
    /// Notes what was given to a device in a session, and has it written without waiting.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Encode`] when it does not encode.
    pub(crate) fn note_reads(
        &self,
        by: DeviceId,
        reads: BTreeMap<(Kind, Scope), u64>,
        now: Timestamp,
    ) -> Result<(), ReplicaError> {
        let entries = reads.into_iter().map(|((kind, scope), given)| LogEntry::Read {
            by,
            kind,
            scope,
            given,
        });
        self.note_soon(entries.collect(), now)
    }

    /// Has entries written without waiting.
    ///
    /// # Errors
    ///
    /// As [`Hub::settle_log`].
    pub(crate) fn note_soon(
        &self,
        entries: Vec<LogEntry>,
        now: Timestamp,
    ) -> Result<(), ReplicaError> {
        self.ledger.with(|waiting| waiting.give_back(entries));
        self.settle_log(now)
    }

    /// Notes that a device's clock is far from this hub's, which changes nothing else.
    ///
    /// # Errors
    ///
    /// As [`Hub::settle_log`].
    pub(crate) fn note_clock(
        &self,
        device: DeviceId,
        ahead_ms: i64,
        now: Timestamp,
    ) -> Result<(), ReplicaError> {
        if self.ledger.with(|waiting| waiting.names_clock(device, now)) {
            self.note_soon(vec![LogEntry::ClockOff { device, ahead_ms }], now)?;
        }
        Ok(())
    }

    /// Notes that a device, or what it sent, was turned away. Written at most once a minute.
    ///
    /// # Errors
    ///
    /// As [`Hub::settle_log`].
    pub fn turned_away(
        &self,
        why: Turned,
        device: DeviceId,
        count: u64,
        now: Timestamp,
    ) -> Result<(), ReplicaError> {
        if count > 0 {
            self.ledger.with(|waiting| waiting.turn(why, Some(device), count, now));
        }
        self.settle_log(now)
    }

    /// Has written what is due of the log. Does not wait; what could not be written is written later.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Encode`] when it does not encode.
    pub fn settle_log(&self, now: Timestamp) -> Result<(), ReplicaError> {
        let entries = self.ledger.with(|waiting| waiting.due(now));
        if entries.is_empty() {
            return Ok(());
        }
        let record = Fact::Audited { entries: entries.clone(), at: now }.record()?;
        let ledger = self.ledger.clone();
        let done = Box::new(move |outcome: Result<_, _>| {
            if outcome.is_err() {
                ledger.with(|waiting| waiting.give_back(entries));
            }
        });
        self.replica.store().submit(vec![record], done);
        Ok(())
    }

    /// Writes all that waits for the log, and how long and what it is now, and waits for it: the last thing
    /// before the hub stops. The next program to open it compares.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when the disk takes nothing; what waits is lost if the hub stops then.
    pub fn close_log(&self, now: Timestamp) -> Result<(), ReplicaError> {
        let entries = self.ledger.with(Waiting::all);
        if !entries.is_empty() {
            self.audit(entries.clone(), now)
                .inspect_err(|_| self.ledger.with(|waiting| waiting.give_back(entries)))?;
        }
        let tree = tree_of(&**self.replica.store())?;
        let marked: Option<u64> = rows::get(&**self.replica.store(), &rows::single(meta::MARKED))?;
        // The mark itself is a leaf.
        if tree.size() > marked.map_or(0, |size| size + 1) {
            self.record(Fact::Marked { size: tree.size(), root: tree.root() })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(number: u32) -> DeviceId {
        let mut name = [0; 32];
        name[..4].copy_from_slice(&number.to_le_bytes());
        DeviceId(name)
    }

    #[test]
    fn a_flood_of_strangers_adds_a_bounded_number_of_leaves_a_minute() {
        let mut waiting = Waiting::default();
        let mut written = Vec::new();
        for second in 0..180 {
            let now = Timestamp(second * 1_000);
            for number in 0..1_000 {
                waiting.turn(Turned::Stranger, Some(device(number)), 1, now);
            }
            written.extend(waiting.due(now));
        }
        written.extend(waiting.due(Timestamp(600_000)));
        assert!(written.len() <= 3 * (TURNED_NAMED_MAX + 1), "{}", written.len());
        let counted: u64 = written
            .iter()
            .map(|entry| match entry {
                LogEntry::TurnedAway { count, .. } => *count,
                _ => 0,
            })
            .sum();
        assert_eq!(counted, 180_000, "every one is counted");
    }

    #[test]
    fn what_could_not_be_written_is_written_later_and_counted_once() {
        let mut waiting = Waiting::default();
        waiting.turn(Turned::Misbehaved, Some(device(1)), 2, Timestamp(0));
        let read =
            LogEntry::Exported { by: device(1), document: crate::model::DocumentId([2; 32]) };
        waiting.give_back(vec![read.clone()]);
        let first = waiting.due(Timestamp(60_000));
        assert_eq!(first.len(), 2);
        waiting.give_back(first.clone());
        waiting.turn(Turned::Misbehaved, Some(device(1)), 1, Timestamp(60_001));
        let again = waiting.due(Timestamp(120_000));
        assert_eq!(again[0], read);
        let since = Timestamp(0);
        let why = Turned::Misbehaved;
        let device = Some(device(1));
        assert_eq!(again[1], LogEntry::TurnedAway { why, device, count: 3, since });
        assert!(waiting.due(Timestamp(240_000)).is_empty());
    }
    #[test]
    fn what_finds_no_room_is_counted_and_the_number_is_written() {
        let mut waiting = Waiting::default();
        let read =
            LogEntry::Exported { by: device(1), document: crate::model::DocumentId([2; 32]) };
        waiting.give_back(vec![read.clone(); WAITING_MAX + 3]);
        let first = waiting.due(Timestamp(0));
        assert_eq!(first.len(), WAITING_MAX + 1);
        assert_eq!(first.last(), Some(&LogEntry::Unrecorded { count: 3 }));
        // The disk takes that neither, and more comes meanwhile.
        waiting.give_back(vec![read.clone()]);
        waiting.give_back(first);
        let again = waiting.due(Timestamp(0));
        assert_eq!(again.len(), WAITING_MAX + 1);
        assert_eq!(again.last(), Some(&LogEntry::Unrecorded { count: 4 }));
        assert!(waiting.due(Timestamp(0)).is_empty(), "told once");
    }

    #[test]
    fn a_minute_that_is_not_over_is_written_at_the_end() {
        let mut waiting = Waiting::default();
        waiting.turn(Turned::Stranger, Some(device(1)), 2, Timestamp(5));
        assert!(waiting.due(Timestamp(6)).is_empty());
        let (why, device, since) = (Turned::Stranger, Some(device(1)), Timestamp(5));
        assert_eq!(waiting.all(), [LogEntry::TurnedAway { why, device, count: 2, since }]);
        assert!(waiting.all().is_empty());
    }
}
