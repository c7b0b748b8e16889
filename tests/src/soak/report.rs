//! What came of a run, for people and for machines.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use super::Plan;
use super::judge::Judged;
use super::memory::{Sample, Samples, slope_per_hour};
use super::person::Life;
use super::stage::Kill;

/// What was found in the hub's folder, in bytes; without its reserve.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Disk {
    pub(super) all: u64,
    pub(super) journal: u64,
    /// Keys and values of the index.
    pub(super) rows: u64,
}

/// When what was.
pub(super) struct Times {
    pub(super) typed: Duration,
    pub(super) quiet_from: Duration,
    pub(super) lived: Duration,
}

/// How long the hub's receipt took, in milliseconds.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Taken {
    /// How many.
    pub count: usize,
    /// Half took no longer.
    pub p50_ms: f64,
    /// 99 of 100 took no longer.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

/// One minute, in kB.
#[derive(Debug, Clone, Serialize)]
pub struct Minute {
    /// Its number, from 0.
    pub minute: u64,
    /// The hub with its children: mean, and most.
    pub hub_kb: Option<u64>,
    /// See there.
    pub hub_most_kb: Option<u64>,
    /// All phones together: the processes that they live in.
    pub phones_kb: Option<u64>,
}

/// What came of a run.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Nothing was lost, doubled or left apart.
    pub ok: bool,
    /// What replays it, as far as processes do.
    pub seed: u64,
    /// Phones.
    pub phones: usize,
    /// Seconds in which people typed, and in which nobody did afterwards.
    pub typing_seconds: f64,
    /// See there.
    pub quiet_seconds: f64,
    /// Entries that phones recorded.
    pub recorded: usize,
    /// Of these, those whose receipt was seen before the end.
    pub acknowledged: usize,
    /// That, for each second in which people typed.
    pub acknowledged_per_second: f64,
    /// From commit to receipt: of all, and of what was typed while connected.
    pub taken: Taken,
    /// See there.
    pub taken_connected: Taken,
    /// Connections that were cut, phones and hubs that were started again, exchanges that failed.
    pub cuts: u64,
    /// See there.
    pub phone_restarts: u64,
    /// Processes of phones that were started again because an index in them hung.
    pub hung: u64,
    /// See above.
    pub hub_kills: usize,
    /// See there.
    pub failed_exchanges: u64,
    /// The slowest start of a hub after a kill, in milliseconds.
    pub hub_ready_ms: f64,
    /// Memory by the minute.
    pub minutes: Vec<Minute>,
    /// MB an hour by which the hub grew after its last start while people typed, and while nobody did.
    pub hub_mb_per_hour_typing: Option<f64>,
    /// See there.
    pub hub_mb_per_hour_quiet: Option<f64>,
    /// The same of the processes of the phones.
    pub phones_mb_per_hour_typing: Option<f64>,
    /// See there.
    pub phones_mb_per_hour_quiet: Option<f64>,
    /// The hub's folder without its reserve, and what lives in it: the journal, and the rows that follow from it.
    pub disk_bytes: u64,
    /// See there.
    pub live_bytes: u64,
    /// One by the other.
    pub disk_over_live: f64,
    /// Acknowledged, and not in the record.
    pub lost: Vec<String>,
    /// In the record more than once.
    pub twice: Vec<String>,
    /// Phones that differ from the hub.
    pub different: Vec<String>,
    /// Entries that were refused.
    pub refused: Vec<String>,
    /// What stores say of themselves.
    pub problems: Vec<String>,
    /// Phones whose last exchange did not go well.
    pub unsettled: usize,
}

/// How long a hub is left alone before its growth is measured: its caches fill first.
const WARM: f64 = 0.25;

impl Report {
    pub(super) fn new(
        plan: &Plan,
        times: &Times,
        lives: Vec<Life>,
        (kills, samples): (Vec<Kill>, Samples),
        (disk, unsettled, hung, judged): (Disk, usize, u64, Judged),
    ) -> Self {
        let sum = |of: fn(&Life) -> u64| lives.iter().map(of).sum::<u64>();
        let taken: Vec<Duration> = lives.iter().flat_map(|life| life.taken.clone()).collect();
        let connected = lives.iter().flat_map(|life| life.taken_connected.clone()).collect();
        let refused: Vec<String> = lives.iter().flat_map(|life| life.refused.clone()).collect();
        let (ready, live) = (
            kills.iter().map(|kill| kill.ready).max().unwrap_or_default(),
            disk.journal + disk.rows.max(judged.rows),
        );
        let typing = (samples.last_start, times.quiet_from);
        let quiet = (times.quiet_from, times.lived);
        let (hub, phones): (Of, Of) = (|sample| sample.hub, |sample| sample.phones);
        let acknowledged = taken.len();
        Self {
            ok: judged.lost.is_empty()
                && judged.twice.is_empty()
                && judged.different.is_empty()
                && judged.problems.is_empty()
                && refused.is_empty()
                && unsettled == 0,
            seed: plan.seed,
            phones: plan.phones,
            typing_seconds: times.typed.as_secs_f64(),
            quiet_seconds: (times.lived - times.quiet_from).as_secs_f64(),
            recorded: lives.iter().map(|life| life.told.len()).sum(),
            acknowledged,
            acknowledged_per_second: ratio(acknowledged as u64, 1) / times.typed.as_secs_f64(),
            taken: of_durations(taken),
            taken_connected: of_durations(connected),
            cuts: sum(|life| life.cuts),
            phone_restarts: sum(|life| life.restarts),
            hung,
            hub_kills: kills.len(),
            failed_exchanges: sum(|life| life.failed),
            hub_ready_ms: ready.as_secs_f64() * 1e3,
            minutes: minutes(&samples.all),
            hub_mb_per_hour_typing: growth(&samples.all, typing, hub),
            hub_mb_per_hour_quiet: growth(&samples.all, quiet, hub),
            phones_mb_per_hour_typing: growth(&samples.all, typing, phones),
            phones_mb_per_hour_quiet: growth(&samples.all, quiet, phones),
            disk_bytes: disk.all,
            live_bytes: live,
            disk_over_live: ratio(disk.all, live),
            lost: judged.lost,
            twice: judged.twice,
            different: judged.different,
            refused,
            problems: judged.problems,
            unsettled,
        }
    }

    /// Returns the report as people read it.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let (all, connected) = (&self.taken, &self.taken_connected);
        let lines = [
            format!(
                "{} phones, {:.0} s of typing and {:.0} s of quiet, seed {}",
                self.phones, self.typing_seconds, self.quiet_seconds, self.seed
            ),
            format!(
                "{} cuts, {} restarts of phones, {} of processes whose index hung, {} kills of the hub (ready \
                 again within {:.0} ms), {} exchanges failed",
                self.cuts,
                self.phone_restarts,
                self.hung,
                self.hub_kills,
                self.hub_ready_ms,
                self.failed_exchanges
            ),
            format!(
                "{} entries recorded, {} receipts seen, {:.1} each second",
                self.recorded, self.acknowledged, self.acknowledged_per_second
            ),
            format!("commit to receipt, typed while connected: {}", said(connected)),
            format!("commit to receipt, all, without a hub too: {}", said(all)),
            format!(
                "disk {} kB, live {} kB: {:.2} times",
                self.disk_bytes >> 10,
                self.live_bytes >> 10,
                self.disk_over_live
            ),
            "minute  hub kB (most)      phones kB".to_owned(),
        ];
        for line in lines {
            // Writing to a text cannot fail.
            let _ = writeln!(text, "{line}");
        }
        let shown = |value: Option<u64>| value.map_or_else(|| "?".to_owned(), |kb| kb.to_string());
        for minute in &self.minutes {
            let (hub, most) = (shown(minute.hub_kb), shown(minute.hub_most_kb));
            let phones = shown(minute.phones_kb);
            let _ = writeln!(text, "{:>6}  {hub:>8} ({most})  {phones:>10}", minute.minute);
        }
        let slope =
            |value: Option<f64>| value.map_or_else(|| "?".to_owned(), |mb| format!("{mb:.1}"));
        let _ = writeln!(
            text,
            "MB an hour: hub {} typing, {} quiet; phones {} typing, {} quiet",
            slope(self.hub_mb_per_hour_typing),
            slope(self.hub_mb_per_hour_quiet),
            slope(self.phones_mb_per_hour_typing),
            slope(self.phones_mb_per_hour_quiet),
        );
        let _ = writeln!(
            text,
            "lost {}, twice {}, different {}, refused {}, problems {}, unsettled {}: {}",
            self.lost.len(),
            self.twice.len(),
            self.different.len(),
            self.refused.len(),
            self.problems.len(),
            self.unsettled,
            if self.ok { "nothing is lost" } else { "NOT AS IT SHOULD BE" }
        );
        for list in [&self.lost, &self.twice, &self.different, &self.refused, &self.problems] {
            for one in list.iter().take(20) {
                let _ = writeln!(text, "  {one}");
            }
        }
        text
    }
}

fn said(taken: &Taken) -> String {
    let Taken { count, p50_ms, p99_ms, max_ms } = taken;
    format!("p50 {p50_ms:.0} ms, p99 {p99_ms:.0} ms, max {max_ms:.0} ms of {count}")
}

fn of_durations(mut taken: Vec<Duration>) -> Taken {
    taken.sort();
    let at = |per_cent: usize| {
        let place = (taken.len() * per_cent).div_ceil(100).saturating_sub(1);
        taken.get(place).map_or(0.0, |taken| taken.as_secs_f64() * 1e3)
    };
    Taken { count: taken.len(), p50_ms: at(50), p99_ms: at(99), max_ms: at(100) }
}

#[allow(clippy::cast_precision_loss, reason = "bytes and counts far below 2^52")]
fn ratio(one: u64, other: u64) -> f64 {
    one as f64 / other.max(1) as f64
}

fn minutes(samples: &[Sample]) -> Vec<Minute> {
    let last = samples.last().map_or(0, |sample| sample.at.as_secs() / 60);
    let mean = |values: Vec<u64>| {
        (!values.is_empty()).then(|| values.iter().sum::<u64>() / values.len() as u64)
    };
    let one = |minute: u64| {
        let of: Vec<&Sample> =
            samples.iter().filter(|sample| sample.at.as_secs() / 60 == minute).collect();
        let hub: Vec<u64> = of.iter().filter_map(|sample| sample.hub).collect();
        let phones = of.iter().filter_map(|sample| sample.phones).collect();
        let hub_most_kb = hub.iter().max().copied();
        Minute { minute, hub_kb: mean(hub), hub_most_kb, phones_kb: mean(phones) }
    };
    (0..=last).map(one).collect()
}

/// Whose memory is looked at.
type Of = fn(&Sample) -> Option<u64>;

/// Returns by how much something grew, in MB an hour, in a span without its beginning.
fn growth(samples: &[Sample], (from, to): (Duration, Duration), of: Of) -> Option<f64> {
    let from = from + to.saturating_sub(from).mul_f64(WARM);
    let within = samples.iter().filter(|sample| sample.at >= from && sample.at < to);
    let points: Vec<(Duration, u64)> =
        within.filter_map(|sample| Some((sample.at, of(sample)?))).collect();
    slope_per_hour(&points).map(|kb| kb / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_values() {
        let taken = of_durations((1..=100).map(Duration::from_millis).collect());
        assert_eq!((taken.p50_ms, taken.p99_ms, taken.max_ms), (50.0, 99.0, 100.0));
        assert_eq!(of_durations(Vec::new()).count, 0);
    }
}
