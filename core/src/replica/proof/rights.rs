//! Who might write, when the hub took it in: the control logs of an exported record, folded in time.

use super::lines::Line;
use super::{Fault, Holder, Point, Right};
use crate::model::{DeviceId, Genesis, Kind, Timestamp};
use crate::replica::access::covers;
use crate::trust::access::writes_by;
use crate::trust::control::{
    ControlEntry, Entered, Folded, HubKeys, Link, TrustRows, TrustState, entry_of, fold,
};

/// The entries of an exported record in the hub's order, and what follows from all of them.
pub(super) struct Rights {
    root: DeviceId,
    links: Vec<Link>,
    entries: Vec<ControlEntry>,
    end: TrustState,
}

impl Rights {
    /// Reads, checks and folds the entries. What does not hold is left out.
    pub(super) fn of(
        root: DeviceId,
        known: &[Link],
        encoded: &[Vec<u8>],
        faults: &mut Vec<Fault>,
    ) -> Self {
        let mut entries = Vec::with_capacity(encoded.len());
        for (place, bytes) in (1..).zip(encoded) {
            match ControlEntry::decode(bytes) {
                Ok(entry) if entry.verify().is_ok() => entries.push(entry),
                Ok(entry) => {
                    let (scope, number) = (entry.scope().clone(), entry.number);
                    faults.push(Fault::ControlUnsigned { scope, number });
                }
                Err(error) => {
                    faults.push(Fault::ControlUnread { place, reason: error.to_string() });
                }
            }
        }
        entries.sort_by_cached_key(Entered::of);
        let mut links = known.to_vec();
        links.extend(entries.iter().filter_map(ControlEntry::announces));
        let mut end = TrustState::begin(root, links.iter().copied());
        entries.retain(|entry| {
            let Ok(folded) = fold(&mut end, entry, &covers);
            let (scope, number) = (entry.scope().clone(), entry.number);
            match folded {
                Folded::Counts | Folded::Void(_) => return true,
                Folded::Known => {}
                Folded::Stranger => faults.push(Fault::ControlStrange { scope, number }),
                Folded::Gap | Folded::Fork | Folded::Early => {
                    faults.push(Fault::ControlBroken { scope, number });
                }
            }
            false
        });
        Self { root, links, entries, end }
    }

    /// Returns how many entries hold.
    pub(super) fn count(&self) -> u64 {
        self.entries.len() as u64
    }

    /// Returns the hub's keys, the pinned one first.
    pub(super) fn keys(&self) -> Vec<DeviceId> {
        let Ok(keys) = self.end.hub_keys();
        keys
    }

    /// Returns how many keys were the hub's before the pinned one.
    pub(super) fn older_keys(&self) -> usize {
        HubKeys::of(self.root, &self.links.iter().copied().collect()).before.len()
    }

    /// Returns what follows from all entries.
    pub(super) fn end(&self) -> &TrustState {
        &self.end
    }

    /// Returns whose a device is, by its last certificate.
    pub(super) fn holder(&self, device: DeviceId) -> Option<Holder> {
        let Ok(known) = self.end.device(device);
        let certificate = known.certificate?;
        let (person, name, agency) = (certificate.person, certificate.name, certificate.agency);
        Some(Holder { person, name, agency })
    }

    /// Returns by when the hub had entered each: a clock that ran ahead says no more than that of any
    /// entry after it.
    fn entered(&self) -> Vec<Timestamp> {
        let mut earliest = Timestamp(i64::MAX);
        let mut entered: Vec<Timestamp> = self
            .entries
            .iter()
            .rev()
            .map(|entry| {
                earliest = earliest.min(entry.clock);
                earliest
            })
            .collect();
        entered.reverse();
        entered
    }

    /// Says of each line by which right it was written. `points` says when the hub took in what.
    pub(super) fn judge(
        &self,
        genesis: &Genesis,
        lines: &[(&Line, Vec<Point>)],
        faults: &mut Vec<Fault>,
    ) -> Vec<Right> {
        let mut asked: Vec<Asked> =
            lines.iter().map(|(line, points)| Asked::of(line, points)).collect();
        let mut state = TrustState::begin(self.root, self.links.iter().copied());
        let mut place = 0;
        let entered = self.entered();
        let mut times = entered.clone();
        times.extend(lines.iter().flat_map(|(_, points)| points.iter().map(|point| point.at)));
        times.sort_unstable();
        times.dedup();
        for at in times {
            while entered.get(place).is_some_and(|entered| *entered <= at) {
                let Some(entry) = self.entries.get(place) else { break };
                let Ok(_) = fold(&mut state, entry, &covers);
                place += 1;
            }
            for (asked, (line, _)) in asked.iter_mut().zip(lines) {
                if !asked.waits_at(at) {
                    continue;
                }
                if may_write(&state, asked.device, genesis, at) {
                    asked.allow(at, u64::MAX);
                } else {
                    asked.allow(at, admitted(&state, genesis, line));
                }
            }
        }
        let newest = entered.last().copied().unwrap_or(Timestamp(i64::MIN));
        let mut rights = Vec::with_capacity(lines.len());
        for (asked, (line, _)) in asked.into_iter().zip(lines) {
            let now = |device| {
                may_write(&state, device, genesis, newest)
                    || admitted(&state, genesis, line) >= line.length()
            };
            match asked.outcome(line.length(), now) {
                Ok(right) => rights.push(right),
                Err((seq, at)) => {
                    let (device, actor) = (line.device, line.actor);
                    faults.push(Fault::NotAllowed { device, actor, seq, at });
                    rights.push(Right::None);
                }
            }
        }
        rights
    }
}

/// As the hub asks when it takes a pack in.
fn may_write(state: &TrustState, device: DeviceId, genesis: &Genesis, at: Timestamp) -> bool {
    let Ok(entry) = entry_of(state, device, &covers);
    let Some(entry) = entry.map(|entry| entry.in_force(at)) else { return false };
    if writes_by(&entry, genesis.kind, &genesis.scope, &covers).is_none() {
        return false;
    }
    let Ok(assigned) = state.assignment(&genesis.scope, genesis.document());
    genesis.kind != Kind::Inspection
        || assigned.is_none_or(|assigned| assigned.persons.contains(&entry.person))
}

/// Returns how much of a line a supervisor of the record's unit has admitted, whoever wrote it.
fn admitted(state: &TrustState, genesis: &Genesis, line: &Line) -> u64 {
    let named = state.admitted(&genesis.scope, genesis.document(), line.actor);
    named.filter(|(seq, hash)| line.at(*seq) == Some(*hash)).map(|(seq, _)| seq).max().unwrap_or(0)
}

/// What is still to be found out of one line.
struct Asked {
    device: DeviceId,
    /// When the hub took in how much.
    points: Vec<Point>,
    /// Changes that are known to be allowed.
    allowed: u64,
    /// When a right was entered for what had been taken in before it.
    later: Option<Timestamp>,
}

impl Asked {
    fn of(line: &Line, points: &[Point]) -> Self {
        Self { device: line.device, points: points.to_vec(), allowed: 0, later: None }
    }

    fn taken_in(&self) -> u64 {
        self.points.iter().map(|point| point.seq).max().unwrap_or(0)
    }

    /// Whether something that was taken in by a time is not yet known to be allowed.
    fn waits_at(&self, at: Timestamp) -> bool {
        self.points.iter().any(|point| point.at <= at && point.seq > self.allowed)
    }

    /// Allows what had been taken in by a time, up to a place in the line.
    fn allow(&mut self, at: Timestamp, upto: u64) {
        if upto <= self.allowed {
            return;
        }
        if self.points.iter().any(|point| point.at < at && point.seq > self.allowed) {
            self.later = Some(at);
        }
        let covered = self.points.iter().filter(|point| point.at <= at).map(|point| point.seq);
        self.allowed = covered.max().unwrap_or(0).min(upto).max(self.allowed);
    }

    /// Returns the right, or the first change without one and when the hub took that in.
    fn outcome(
        &self,
        length: u64,
        now: impl Fn(DeviceId) -> bool,
    ) -> Result<Right, (u64, Option<Timestamp>)> {
        let taken_in = self.taken_in();
        if self.allowed < taken_in {
            let beyond = self.points.iter().filter(|point| point.seq > self.allowed);
            return Err((self.allowed + 1, beyond.map(|point| point.at).min()));
        }
        match (self.later, length > taken_in) {
            (_, true) if !now(self.device) => Err((taken_in + 1, None)),
            (_, true) => Ok(Right::Newest),
            (Some(at), false) => Ok(Right::Later { at }),
            (None, false) => Ok(Right::Then),
        }
    }
}
