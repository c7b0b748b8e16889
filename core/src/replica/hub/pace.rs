//! How fast one device may push. Each has a bucket for every thing that costs the hub something; it is
//! filled by the clock and emptied by what came. A device whose bucket is empty is told when to come
//! again, before its packs are read; it keeps what it has, so nothing is lost, only later.
//!
//! An honest device stays far below: what it typed in a month of no network fits several times.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::Hub;
use crate::model::{DeviceId, DocumentId, Timestamp};
use crate::replica::ReplicaError;
use crate::sync::{Failure, FailureCode, Pack};

/// Bytes of packs that a device may push at once: a courier who carries ten phones' months, or a phone
/// that gives back to a restored hub all that a commune ever wrote.
const BYTES_BURST: u64 = 64 << 20;

/// And in each second after that: what a good mobile network carries for hours.
const BYTES_PER_SECOND: u64 = 256 << 10;

/// Packs at once: one answer may be one pack, and a courier brings a hundred thousand at most.
const PACKS_BURST: u64 = 128 << 10;

/// Packs in each second after that.
const PACKS_PER_SECOND: u64 = 256;

/// Changes at once: twenty days of a team that writes 12,000 answers a day.
const CHANGES_BURST: u64 = 256 << 10;

/// Changes in each second after that.
const CHANGES_PER_SECOND: u64 = 512;

/// Documents that the hub did not know, at once: a province's facilities, imported on one device.
const DOCUMENTS_BURST: u64 = 32 << 10;

/// Such documents in each second after that.
const DOCUMENTS_PER_SECOND: u64 = 16;

/// What one decision counts, so that a device may enter one each minute.
const DECISION: u64 = 60;

/// Decisions at once: an administrator who names all officers of a province, or a leader who assigns the
/// visits of a year. Each stands in a log that every phone of the unit is given.
const DECISIONS_BURST: u64 = 2_048 * DECISION;

/// And in each second after that: one decision a minute.
const DECISIONS_PER_SECOND: u64 = 1;

/// The longest time a device is told to wait: by then its bucket holds something whatever it did.
const WAIT_MAX_MS: u64 = 10 * 60 * 1_000;

/// The least.
const WAIT_MIN_MS: u64 = 1_000;

/// What is counted, in the order of the buckets.
const KINDS: [(&str, u64, u64); 5] = [
    ("bytes", BYTES_BURST, BYTES_PER_SECOND),
    ("packs", PACKS_BURST, PACKS_PER_SECOND),
    ("changes", CHANGES_BURST, CHANGES_PER_SECOND),
    ("new documents", DOCUMENTS_BURST, DOCUMENTS_PER_SECOND),
    ("decisions", DECISIONS_BURST, DECISIONS_PER_SECOND),
];

/// Those that a push empties. Who decided too much may still push, and the other way round.
const OF_PUSHES: Range<usize> = 0..4;

/// That which decisions empty.
const OF_DECISIONS: Range<usize> = 4..5;

/// What came: bytes, packs, changes, new documents, decisions.
type Cost = [u64; KINDS.len()];

/// What every device has left. Only devices that the hub knows have an entry, and a full one goes.
#[derive(Debug)]
pub(in crate::replica) struct Pace(Mutex<Buckets>);

#[derive(Debug)]
struct Buckets {
    /// How many times the constants hold.
    times: u64,
    used: BTreeMap<DeviceId, Used>,
}

/// What a device has used and not been given back, and when that was reckoned.
#[derive(Debug, Clone, Copy)]
struct Used {
    cost: Cost,
    at: Timestamp,
}

impl Default for Pace {
    fn default() -> Self {
        Self(Mutex::new(Buckets { times: 1, used: BTreeMap::new() }))
    }
}

impl Buckets {
    /// Gives back what time has brought. A clock that goes back brings nothing.
    fn refill(&mut self, device: DeviceId, now: Timestamp) -> Cost {
        let times = self.times;
        let Some(used) = self.used.get_mut(&device) else { return Cost::default() };
        let millis = u64::try_from(now.0.saturating_sub(used.at.0)).unwrap_or(0);
        for (used, (_, _, rate)) in used.cost.iter_mut().zip(KINDS) {
            let back = millis.saturating_mul(rate.saturating_mul(times)) / 1_000;
            *used = used.saturating_sub(back);
        }
        used.at = now;
        let cost = used.cost;
        if cost == Cost::default() {
            self.used.remove(&device);
        }
        cost
    }

    /// Returns which of some things is used up, and for how many milliseconds.
    fn wait(
        &mut self,
        device: DeviceId,
        which: Range<usize>,
        now: Timestamp,
    ) -> Option<(&'static str, u64)> {
        let times = self.times;
        let used = self.refill(device, now);
        let kinds = KINDS.iter().zip(used).take(which.end).skip(which.start);
        let over = kinds.filter_map(|((what, burst, rate), used)| {
            let over = used.checked_sub(burst.saturating_mul(times))?;
            let wait = over.saturating_mul(1_000) / rate.saturating_mul(times).max(1);
            Some((*what, wait.clamp(WAIT_MIN_MS, WAIT_MAX_MS)))
        });
        over.max_by_key(|(_, wait)| *wait)
    }

    fn charge(&mut self, device: DeviceId, cost: Cost, now: Timestamp) {
        self.refill(device, now);
        let used =
            self.used.entry(device).or_insert_with(|| Used { cost: Cost::default(), at: now });
        for (used, cost) in used.cost.iter_mut().zip(cost) {
            *used = used.saturating_add(cost);
        }
    }
}

impl Hub {
    /// Sets how many times the usual devices may push.
    pub fn allow_pushes(&self, times: u64) {
        self.buckets().times = times.max(1);
    }

    /// Returns why a device must wait before it pushes more, if it must.
    pub(in crate::replica) fn paced(&self, device: DeviceId, now: Timestamp) -> Option<Failure> {
        let (what, wait) = self.buckets().wait(device, OF_PUSHES, now)?;
        Some(Failure {
            code: FailureCode::Busy,
            message: format!("this device has pushed too many {what} in a short time; sync later"),
            retry_after_ms: Some(wait),
        })
    }

    /// Returns why a device must wait before the hub looks at decisions of it, if it must; else counts them. What
    /// brings none counts as one: the hub looks at it, and its log names it where it is refused.
    pub(in crate::replica) fn paced_decisions(
        &self,
        device: DeviceId,
        count: usize,
        now: Timestamp,
    ) -> Option<Failure> {
        let mut buckets = self.buckets();
        if let Some((_, wait)) = buckets.wait(device, OF_DECISIONS, now) {
            return Some(Failure {
                code: FailureCode::Busy,
                message: "this device has made too many decisions in a short time; sync later"
                    .to_owned(),
                retry_after_ms: Some(wait),
            });
        }
        let cost = [0, 0, 0, 0, DECISION.saturating_mul(count.max(1) as u64)];
        buckets.charge(device, cost, now);
        None
    }

    /// Notes what a push cost; those behind it wait for what it took too much.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub(super) fn charge(
        &self,
        device: DeviceId,
        encoded: &[Vec<u8>],
        packs: &[(Pack, &Vec<u8>)],
        now: Timestamp,
    ) -> Result<(), ReplicaError> {
        let sum = |counts: &mut dyn Iterator<Item = usize>| {
            counts.fold(0_u64, |sum, count| sum.saturating_add(count as u64))
        };
        let names: std::collections::BTreeSet<DocumentId> =
            packs.iter().map(|(pack, _)| pack.document()).collect();
        let mut fresh = 0;
        for name in names {
            match self.replica.genesis(name) {
                Ok(_) => {}
                Err(ReplicaError::UnknownDocument { .. }) => fresh += 1,
                Err(error) => return Err(error),
            }
        }
        let cost = [
            sum(&mut encoded.iter().map(Vec::len)),
            encoded.len() as u64,
            sum(&mut packs.iter().map(|(pack, _)| pack.changes().len())),
            fresh,
            0,
        ];
        self.buckets().charge(device, cost, now);
        Ok(())
    }

    fn buckets(&self) -> std::sync::MutexGuard<'_, Buckets> {
        // Its numbers are whole at any moment.
        self.pace.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replica::meeting::{ending_at, hub, key, side, sync, values, visit};
    use crate::sync::Ending;
    use crate::trust::log::{LogEntry, LogLeaf, Turned};

    const NOW: Timestamp = Timestamp(1_795_000_000_000);

    fn device(number: u8) -> DeviceId {
        key(number).device()
    }

    /// Whether the log, with the minute under way, says that the first device was over its pace.
    fn turned_away(hub: &Hub) -> bool {
        let later = Timestamp(NOW.0 + 120_000);
        hub.settle_log(later).unwrap();
        let leaves = hub.log_page(0, later).unwrap().leaves;
        leaves.iter().filter_map(|leaf| LogLeaf::decode(leaf)).any(|leaf| {
            matches!(leaf.entry, LogEntry::TurnedAway { why: Turned::TooMuch, device: Some(it), .. }
                if it == device(1))
        })
    }

    #[test]
    fn a_bucket_is_emptied_by_what_came_and_filled_by_time() {
        for kind in 0..KINDS.len() {
            let (_, burst, rate) = KINDS[kind];
            let mut buckets = Buckets { times: 1, used: BTreeMap::new() };
            let mut cost = Cost::default();
            cost[kind] = burst - 1;
            buckets.charge(device(1), cost, NOW);
            assert_eq!(buckets.wait(device(1), 0..KINDS.len(), NOW), None);
            cost[kind] = 1 + 10 * rate;
            buckets.charge(device(1), cost, NOW);
            assert_eq!(buckets.wait(device(1), 0..KINDS.len(), NOW), Some((KINDS[kind].0, 10_000)));
            assert_eq!(
                buckets.wait(device(2), 0..KINDS.len(), NOW),
                None,
                "others are not touched"
            );
            assert!(buckets.wait(device(1), 0..KINDS.len(), Timestamp(NOW.0 + 9_000)).is_some());
            assert!(
                buckets.wait(device(1), 0..KINDS.len(), Timestamp(NOW.0 - 99_000)).is_some(),
                "a clock set back"
            );
            assert_eq!(buckets.wait(device(1), 0..KINDS.len(), Timestamp(NOW.0 + 120_000)), None);
            buckets.wait(device(1), 0..KINDS.len(), Timestamp(i64::MAX));
            assert!(buckets.used.is_empty(), "a full bucket is forgotten");
        }
    }

    #[test]
    fn a_device_that_pushes_too_much_is_told_when_to_come_again_and_loses_nothing() {
        let (hub, one, two) = (hub(&[1, 2]), side(1), side(2));
        sync(&one, &hub);
        sync(&two, &hub);
        let genesis = visit("06325", 1);
        let mut cost = Cost::default();
        cost[0] = BYTES_BURST + BYTES_PER_SECOND * 3_600;
        hub.buckets().charge(device(1), cost, Timestamp(i64::MAX));
        one.answer(&genesis, "1.1", "waits");
        two.answer(&genesis, "1.2", "enters");
        sync(&two, &hub);
        let Ending::Told(told) = ending_at(&one, &hub, NOW) else { panic!("it was not told") };
        assert_eq!((told.code, told.retry_after_ms), (FailureCode::Busy, Some(WAIT_MAX_MS)));
        assert!(turned_away(&hub), "the log says so");
        hub.merge_all(NOW).unwrap();
        assert_eq!(values(hub.replica(), &genesis, "1.2"), ["enters"]);
        assert_eq!(values(hub.replica(), &genesis, "1.1"), [""; 0], "it was not taken in");
        assert_eq!(
            values(one.phone.replica(), &genesis, "1.1"),
            ["waits"],
            "and it is still there"
        );
        hub.buckets().used.clear();
        sync(&one, &hub);
        hub.merge_all(NOW).unwrap();
        assert_eq!(values(hub.replica(), &genesis, "1.1"), ["waits"]);
    }

    /// Pushes what costs `all` in batches as a phone does that waits as long as it is told; returns for how many
    /// milliseconds it waited in all.
    fn waited(all: Cost, batches: u64) -> u64 {
        let mut buckets = Buckets { times: 1, used: BTreeMap::new() };
        let (mut now, mut pushed) = (NOW, 0);
        while pushed < batches {
            match buckets.wait(device(1), 0..KINDS.len(), now) {
                Some((_, wait)) => now = Timestamp(now.0 + i64::try_from(wait).unwrap()),
                None => {
                    buckets.charge(device(1), all.map(|kind| kind.div_ceil(batches)), now);
                    pushed += 1;
                }
            }
        }
        u64::try_from(now.0 - NOW.0).unwrap()
    }

    /// Bytes, packs, changes and new documents of a team of four in a month of 22 days without a network, all
    /// carried by one phone: 400 answers a person and day, each a pack of 1 KiB.
    const MONTH: Cost = [35_200 << 10, 35_200, 35_200, 22 * 20, 0];

    #[test]
    fn a_months_work_of_a_team_waits_for_nothing_and_ten_months_wait_for_some_minutes() {
        assert_eq!(waited(MONTH, 70), 0);
        let ten = waited(MONTH.map(|kind| kind * 10), 700) / 1_000;
        println!("ten months of a team on one phone wait {ten} s");
        assert!((1..30 * 60).contains(&ten), "{ten} s");
    }

    #[test]
    fn what_one_device_can_push_in_an_hour_is_bounded_however_often_it_comes() {
        let mut buckets = Buckets { times: 1, used: BTreeMap::new() };
        let batch: Cost = [4 << 20, 512, 512, 512, 0];
        let mut most = Cost::default();
        for second in 0..3_600 {
            let now = Timestamp(NOW.0 + second * 1_000);
            while buckets.wait(device(1), 0..KINDS.len(), now).is_none() {
                buckets.charge(device(1), batch, now);
                most.iter_mut().zip(batch).for_each(|(most, more)| *most += more);
            }
        }
        for ((what, burst, rate), (most, batch)) in KINDS.iter().zip(most.into_iter().zip(batch)) {
            assert!(most <= burst + 3_600 * rate + batch, "{most} {what}");
        }
        assert!(most[0] >= BYTES_BURST, "and no honest amount is held back");
    }

    #[test]
    fn a_hub_may_allow_more() {
        let hub = hub(&[1]);
        let mut cost = Cost::default();
        cost[0] = BYTES_BURST;
        hub.buckets().charge(device(1), cost, NOW);
        assert!(hub.paced(device(1), NOW).is_some_and(|failure| failure.retry_after_ms.is_some()));
        hub.allow_pushes(2);
        assert_eq!(hub.paced(device(1), NOW), None);
    }

    #[test]
    fn a_push_costs_what_it_holds() {
        let (hub, one) = (hub(&[1]), side(1));
        sync(&one, &hub);
        let genesis = visit("06325", 1);
        one.answer(&genesis, "1.1", "typed");
        let packs = one.phone.release(NOW).unwrap();
        hub.accept(device(1), &packs, NOW).unwrap();
        let used = hub.buckets().used[&device(1)].cost;
        let bytes: u64 = packs.iter().map(|pack| pack.len() as u64).sum();
        assert_eq!(used[0], bytes);
        assert_eq!(used[1], packs.len() as u64);
        assert!(used[2] >= 1);
        assert_eq!(used[3], 1, "the visit is new to the hub");
    }

    #[test]
    fn who_decides_too_much_waits_with_decisions_and_may_push() {
        let hub = hub(&[1, 2]);
        let mut taken = 0;
        let failure = loop {
            match hub.paced_decisions(device(1), 1, NOW) {
                None => taken += 1,
                Some(failure) => break failure,
            }
        };
        assert_eq!((failure.code, taken), (FailureCode::Busy, 2_048));
        assert_eq!(hub.paced(device(1), NOW), None);
        assert_eq!(hub.paced_decisions(device(2), 1, NOW), None, "others are not touched");
        let minute = Timestamp(NOW.0 + 60_000);
        assert_eq!(hub.paced_decisions(device(1), 1, minute), None);
        assert!(hub.paced_decisions(device(1), 1, minute).is_some());
    }
}
