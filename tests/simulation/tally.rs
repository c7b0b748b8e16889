//! What schedules did, counted: a simulator that stops making trouble proves nothing.

use std::collections::BTreeMap;
use std::fmt;

/// Something that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Seen {
    Edits,
    RefusedWrites,
    /// An edit of whoever may not make it, or not any more.
    Trespasses,
    /// Packets.
    Lost,
    Repeated,
    Reordered,
    Corrupted,
    Cuts,
    /// Cuts at which one side held a part of a frame.
    CutsInAFrame,
    Partitions,
    /// Parts of a journal that were written shorter.
    Shortened,
    PowerCuts,
    /// Power cuts in the midst of a write.
    TornWrites,
    FullDisks,
    FailingDisks,
    SlowDisks,
    /// Writes that took long.
    SlowWrites,
    ClockJumps,
    /// While an exchange of that phone was under way.
    ClockJumpsMidway,
    ClocksStopped,
    /// Exchanges that told of a clock more than five minutes off.
    ClocksFlagged,
    Restores,
    Clones,
    /// Exchanges of earlier days that come once more.
    Ghosts,
    /// The same, with a byte changed before it was sent.
    Garbled,
    HubRestores,
    HubsLost,
    Revocations,
    /// With an exchange of that phone under way.
    RevocationsMidway,
    /// With edits there that the hub does not have.
    RevocationsWithEdits,
    /// Edits that were made after the hub had ended the device's rights.
    EditsAfterTheEnd,
    Judged,
    Meetings,
    /// Packs that phones gave each other.
    Carried,
    Conflicts,
    Forks,
    Seals,
    SealsMidway,
    SealsWithEdits,
    Registered,
    Rivals,
    /// Places written to after the seal.
    Late,
    /// Comparisons of what phones say with what the hub holds.
    Audits,
}

/// Something of which the most counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Peak {
    Phones,
    /// Simulated milliseconds from when all faults healed to the last thing that a replica recorded.
    ConvergedMs,
    /// The same, of schedules in which the hub lost its store or was set back.
    ConvergedAfterLossMs,
    Packets,
    Inbox,
    FramesWaiting,
    BytesOutward,
    BytesInward,
    Batches,
    Wishes,
    Events,
    /// Packs that wait on a phone for the hub's signature.
    Outbox,
    /// Packs that wait at the hub to be merged, or for others.
    HubWaiting,
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    sums: BTreeMap<Seen, u64>,
    schedules: BTreeMap<Seen, u64>,
    peaks: BTreeMap<Peak, usize>,
}

impl Tally {
    pub(crate) fn note(&mut self, what: Seen) {
        self.notes(what, 1);
    }

    pub(crate) fn notes(&mut self, what: Seen, count: usize) {
        if count > 0 {
            *self.sums.entry(what).or_default() += count as u64;
        }
    }

    pub(crate) fn peak(&mut self, what: Peak, value: usize) {
        let peak = self.peaks.entry(what).or_default();
        *peak = value.max(*peak);
    }

    /// Counts one schedule for all that happened in it.
    pub(crate) fn ended(mut self) -> Self {
        self.schedules = self.sums.keys().map(|what| (*what, 1)).collect();
        self
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (what, count) in &other.sums {
            *self.sums.entry(*what).or_default() += count;
        }
        for (what, count) in &other.schedules {
            *self.schedules.entry(*what).or_default() += count;
        }
        for (what, value) in &other.peaks {
            self.peak(*what, *value);
        }
    }

    pub(crate) fn count(&self, what: Seen) -> u64 {
        self.sums.get(&what).copied().unwrap_or_default()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, count) in &self.sums {
            let schedules = self.schedules.get(what).copied().unwrap_or_default();
            writeln!(f, "  {what:?}: {count} in {schedules} schedules")?;
        }
        for (what, value) in &self.peaks {
            writeln!(f, "  most {what:?}: {value}")?;
        }
        Ok(())
    }
}
