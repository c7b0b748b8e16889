//! Exchanges with the hub, and where this device's work has arrived.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bienban_core::client::{Client, ClientError};
use bienban_core::clock::{self, Stopwatch};
use bienban_core::driver::{Live, SyncEvent, SyncOptions, SyncReport, Tally};
use bienban_core::model::DocumentId;
use bienban_core::net::Transport;
use bienban_core::replica::Progress;
use bienban_core::sync::{Backoff, Notice, Verdict};
use bienban_core::trust::control::ActId;
use clap::Args;
use serde::Serialize;
use tokio::sync::{Notify, mpsc, watch};

use crate::cli::decisions::{self, DecidedData, DecisionData};
use crate::cli::doubts::{self, DoubtData};
use crate::cli::error::{CliError, Failed, code_of_doubts};
use crate::cli::lapsed::LapsedData;
use crate::cli::output::{Answer, Output, Page};
use crate::cli::record::{self, ArrivalData};
use crate::cli::rejected::{self, AssignedData, RejectedData};
use crate::cli::troubles::{self, Repair, TroubleData};
use crate::cli::unregistered::{self, UnregisteredData};
use crate::cli::{folder, page, time, words};
use crate::messages::Messages;

/// Events of a live exchange that may wait to be printed; more of the same are left out.
const EVENTS_MAX: usize = 64;

/// `--watch` leaves a hub without room alone for this long: somebody must free some there first.
const HUB_FULL_PAUSE: Duration = Duration::from_secs(30);

/// Attempts of one `sync` before it gives up; `--watch` never does.
const ATTEMPTS: u32 = 3;

/// How to exchange.
#[derive(Debug, Args)]
pub(super) struct SyncArgs {
    /// Stay connected, take in what others write as it comes, and try again when the line breaks.
    /// The folder is in use meanwhile. Ctrl-C ends it.
    #[arg(long)]
    watch: bool,
}

impl SyncArgs {
    /// Whether it stays connected.
    pub(super) fn watches(&self) -> bool {
        self.watch
    }
}

/// What an exchange did and cost.
#[derive(Debug, Default, Serialize)]
struct SyncData {
    /// Packs and records, as the hub and this device count them.
    sent: usize,
    received: usize,
    stored: usize,
    refused: usize,
    caught_up: bool,
    /// By how much the clock of this device is ahead of the hub's, or behind where negative; nothing within five
    /// minutes.
    clock_ahead_ms: Option<i64>,
    /// How it travelled: `quic`, or `tcp` where UDP is blocked.
    transport: Option<&'static str>,
    /// Bytes on the wire, handshake included.
    bytes_up: u64,
    bytes_down: u64,
    /// Bytes of our own frames in them.
    payload_up: u64,
    payload_down: u64,
    round_trips: u32,
    milliseconds: u64,
    /// Edits that are still nowhere but here.
    only_here: u64,
    /// Of them, those that the hub keeps aside, outside the record: no exchange changes that.
    set_aside: u64,
    /// Minutes that were sealed here and whose official number has not come yet.
    unnumbered: usize,
    /// Of them, those that the hub keeps: it numbers them once all that they were signed over has arrived.
    unnumbered_kept: usize,
    /// Records of which the hub lacks something that this device holds and cannot give.
    withheld: Vec<String>,
    notices: Vec<NoticeData>,
    /// Decisions of this device that the hub has refused.
    decisions_refused: Vec<DecisionData>,
}

#[derive(Debug, Serialize)]
struct NoticeData {
    document: String,
    seq: u64,
    change: String,
    verdict: Verdict,
    /// The revocation that it came after, where this device had the right to write it until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    after_revocation: Option<LapsedData>,
    /// This device was revoked: no right that it is given brings it into the record.
    #[serde(skip)]
    ended: bool,
    /// The assignment by which others write the inspection.
    #[serde(skip_serializing_if = "Option::is_none")]
    assigned: Option<AssignedData>,
    /// What a supervisor decided of it, and whose decision it is: a device.
    decided: Option<DecidedData>,
}

/// One event of `sync --watch --json`.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum WatchEvent<'a> {
    /// What moved since the event before, and what all have come to since the command began.
    Moved {
        #[serde(flatten)]
        moved: Moved,
        total: Moved,
    },
    CaughtUp,
    Waiting {
        milliseconds: u64,
        failures: u32,
        message: String,
    },
    /// The last line: what all connections came to.
    Sum(&'a SyncData),
}

/// Packs and records that moved.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
struct Moved {
    sent: usize,
    received: usize,
    stored: usize,
    refused: usize,
}

impl Moved {
    /// Returns what an exchange has moved so far.
    fn of(progress: &Progress) -> Self {
        let Progress { sent, received, stored, refused, .. } = *progress;
        Self { sent, received, stored, refused }
    }

    /// Returns what is more here than there was before; counts of one exchange never fall.
    fn since(self, before: Self) -> Self {
        Self {
            sent: self.sent.saturating_sub(before.sent),
            received: self.received.saturating_sub(before.received),
            stored: self.stored.saturating_sub(before.stored),
            refused: self.refused.saturating_sub(before.refused),
        }
    }

    fn add(&mut self, more: Self) {
        self.sent += more.sent;
        self.received += more.received;
        self.stored += more.stored;
        self.refused += more.refused;
    }
}

/// From which key of the hub's this device moved to which.
#[derive(Debug, Serialize)]
struct KeyMoved {
    from: String,
    to: String,
    at: String,
}

#[derive(Debug, Serialize)]
struct StatusData {
    records: Vec<StatusRow>,
    /// Edits that are nowhere but here, over all records.
    only_here: u64,
    /// Of them, those that the hub keeps aside, outside the record: no exchange changes that.
    set_aside: u64,
    /// Edits of others that came from their devices and that the hub is not known to have, over all records.
    carried: u64,
    /// What the hub did not take into the record; kept here.
    notices: Vec<NoticeData>,
    /// What does not hold together in the hub's log.
    doubts: Vec<DoubtData>,
    /// Edits of this device that are not in the record; kept here.
    rejected: Vec<RejectedData>,
    /// What was decided here and the hub has not entered.
    decisions: Vec<DecisionData>,
    /// What was sealed here, no hub has registered and nobody has given up.
    minutes: Vec<UnregisteredData>,
    /// What was lost from this device's store, and nobody has acknowledged.
    troubles: Vec<TroubleData>,
    /// What was repaired without loss when this command opened the store.
    repaired: Option<Repair>,
    /// How far this device has followed the hub's feed.
    position: Option<u64>,
    /// Until when it may exchange with other devices without the hub; null where no hub spoke to it yet.
    lease_until: Option<String>,
    /// That time is over, by this device's clock.
    lease_ended: bool,
    /// The hub's key was replaced and this device followed: said once.
    hub_key_moved: Option<KeyMoved>,
}

#[derive(Debug, Serialize)]
struct StatusRow {
    id: String,
    kind: &'static str,
    title: String,
    arrival: ArrivalData,
    /// Edits of others that came from their devices and that the hub is not known to have.
    carried: u64,
}

/// Exchanges once, or stays connected.
pub(super) async fn sync(
    client: &Client,
    arguments: &SyncArgs,
    output: &Output,
) -> Result<Answer, CliError> {
    if arguments.watch {
        return watch(client, output).await;
    }
    let watch = Stopwatch::start();
    let before = Before::of(client)?;
    let report = patiently(client, output).await?;
    let mut data = data_of(client, &report)?;
    data.milliseconds = milliseconds(watch.elapsed());
    before.compare(client, &mut data)?;
    let m = output.messages();
    let mut page = Page::new();
    report_text(&mut page, &data, m);
    let code = if data.refused > 0 { Failed::Refused.code() } else { 0 };
    Ok(Answer::new(&data, page)?.with_code(code))
}

/// What the hub had refused before an exchange.
struct Before {
    notices: Vec<Notice>,
    decisions: Vec<ActId>,
}

impl Before {
    fn of(client: &Client) -> Result<Self, CliError> {
        let decisions = client.decisions()?;
        let refused = decisions.iter().filter(|one| one.refused).map(|one| one.id);
        Ok(Self { notices: client.refused()?, decisions: refused.collect() })
    }

    /// Notes what it has refused since.
    fn compare(&self, client: &Client, data: &mut SyncData) -> Result<(), CliError> {
        let now = client.refused()?;
        let news: Vec<&Notice> = news(&self.notices, &now).collect();
        data.notices = noticed(client, &news)?;
        let decisions = client.decisions()?;
        let refused = decisions.iter().filter(|one| one.refused);
        data.decisions_refused = refused
            .filter(|one| !self.decisions.contains(&one.id))
            .map(|one| DecisionData::of(one, false))
            .collect();
        Ok(())
    }
}

/// Returns the notices that came since. Earlier ones may be gone: what was refused for want of rights
/// may have been taken in.
fn news<'a>(before: &'a [Notice], now: &'a [Notice]) -> impl Iterator<Item = &'a Notice> {
    now.iter().filter(|notice| !before.contains(notice))
}

/// Tries a few times: on a bad line the second attempt often goes through, and what the first one
/// delivered is not sent again.
async fn patiently(client: &Client, output: &Output) -> Result<SyncReport, CliError> {
    let mut backoff = Backoff::default();
    loop {
        let error = match folder::exchange(client, output).await {
            Ok(report) => return Ok(report),
            Err(error) => error,
        };
        if error.failed() != Failed::Network || backoff.failures() + 1 >= ATTEMPTS {
            return Err(error);
        }
        let wait = pause(&mut backoff, error.retry_after())?;
        output.remark(&waiting_text(&error, wait, output.messages()));
        tokio::time::sleep(wait).await;
    }
}

fn pause(backoff: &mut Backoff, at_least: Option<Duration>) -> Result<Duration, CliError> {
    let random = clock::random().map_err(ClientError::from)?;
    Ok(backoff.next(u64::from_le_bytes(random), at_least))
}

fn waiting_text(error: &CliError, wait: Duration, m: &Messages) -> String {
    let seconds = format!("{:.1}", wait.as_secs_f64());
    m.text("sync.waiting", &[("reason", &error.message(m)), ("seconds", &seconds)])
}

/// Stays connected until Ctrl-C, and connects again after every break. The last line is the sum, also
/// when something else ends it.
async fn watch(client: &Client, output: &Output) -> Result<Answer, CliError> {
    let (stop, stopped) = watch::channel(false);
    let ctrl_c = tokio::spawn(async move {
        // Without signals there is no way to end politely; the process can still be killed safely.
        if tokio::signal::ctrl_c().await.is_ok() {
            stop.send_replace(true);
        } else {
            std::future::pending::<()>().await;
        }
    });
    let stopwatch = Stopwatch::start();
    let before = Before::of(client)?;
    let mut course = Course::default();
    let outcome = stay(client, &stopped, output, &mut course).await;
    ctrl_c.abort();
    let mut sum = data_of(client, &course.tally.sum())?;
    sum.milliseconds = milliseconds(stopwatch.elapsed());
    before.compare(client, &mut sum)?;
    let mut page = Page::new();
    report_text(&mut page, &sum, output.messages());
    let code = if sum.refused > 0 { Failed::Refused.code() } else { 0 };
    output.event(&WatchEvent::Sum(&sum), page.text().trim_end())?;
    outcome?;
    Ok(Answer::new(&sum, page)?.silent().with_code(code))
}

/// What a command that stays connected has come to.
#[derive(Default)]
struct Course {
    /// What all connections moved and cost.
    tally: Tally,
    /// What was told of it so far.
    told: Moved,
}

impl Course {
    /// Returns what moved and was not told yet, and that it is told now. `now` is what has moved by all
    /// connections.
    fn news(&mut self, now: Moved) -> Option<Moved> {
        let moved = now.since(self.told);
        self.told.add(moved);
        (moved != Moved::default()).then_some(moved)
    }

    fn tell(&mut self, now: Moved, output: &Output) -> Result<(), CliError> {
        let Some(moved) = self.news(now) else { return Ok(()) };
        let counts = [moved.sent, moved.received, moved.stored, moved.refused];
        let text = moved_text(counts, output.messages());
        output.event(&WatchEvent::Moved { moved, total: self.told }, &text)
    }
}

/// Connects again and again, until told to stop or something goes wrong that waiting does not mend.
async fn stay(
    client: &Client,
    stopped: &watch::Receiver<bool>,
    output: &Output,
    course: &mut Course,
) -> Result<(), CliError> {
    let m = output.messages();
    let mut backoff = Backoff::default();
    loop {
        let outcome = follow(client, stopped.clone(), output, &mut backoff, course).await;
        // What moved just before the line broke was not told by then.
        course.tell(Moved::of(&course.tally.sum().progress), output)?;
        if *stopped.borrow() {
            return Ok(());
        }
        let error = match outcome {
            Ok(()) => CliError::NoAnswer,
            Err(error) => error,
        };
        let at_least = match error.failed() {
            Failed::Network => error.retry_after(),
            // What others wrote still came; what is here leaves once there is room there.
            Failed::HubFull => Some(HUB_FULL_PAUSE),
            _ => return Err(error),
        };
        let wait = pause(&mut backoff, at_least)?;
        let event = WatchEvent::Waiting {
            milliseconds: milliseconds(wait),
            failures: backoff.failures(),
            message: error.message(m),
        };
        output.event(&event, &waiting_text(&error, wait, m))?;
        let mut stopping = stopped.clone();
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = stopping.wait_for(|stop| *stop) => return Ok(()),
        }
    }
}

/// One live exchange, told as it goes.
async fn follow(
    client: &Client,
    stop: watch::Receiver<bool>,
    output: &Output,
    backoff: &mut Backoff,
    course: &mut Course,
) -> Result<(), CliError> {
    let m = output.messages();
    let (tell, mut told) = mpsc::channel(EVENTS_MAX);
    let live = Live {
        edited: Arc::new(Notify::new()),
        stop,
        // When the terminal is slower than the line, counts in later events say the same.
        observer: Arc::new(move |event| drop(tell.try_send(event))),
    };
    let before = Moved::of(&course.tally.sum().progress);
    let options =
        SyncOptions { live: Some(live), tally: course.tally.clone(), ..SyncOptions::default() };
    let exchange = client.sync(options);
    tokio::pin!(exchange);
    loop {
        let event = tokio::select! {
            biased;
            Some(event) = told.recv() => event,
            outcome = &mut exchange => {
                return outcome.map(drop).map_err(|error| folder::told(client, error));
            }
        };
        match event {
            SyncEvent::CaughtUp => {
                backoff.reset();
                output.event(&WatchEvent::CaughtUp, &m.text("sync.caught_up", &[]))?;
            }
            SyncEvent::Moved(now) => {
                let mut all = before;
                all.add(Moved::of(&now));
                course.tell(all, output)?;
            }
        }
    }
}

fn moved_text(counts: [usize; 4], m: &Messages) -> String {
    let [sent, received, stored, refused] = counts.map(|count| count.to_string());
    m.text(
        "sync.moved",
        &[("sent", &sent), ("received", &received), ("stored", &stored), ("refused", &refused)],
    )
}

fn data_of(client: &Client, report: &SyncReport) -> Result<SyncData, CliError> {
    let (only_here, set_aside) = only_here(client)?;
    let mut waits = client.unregistered_minutes()?;
    waits.retain(|one| !one.refused && one.given_up.is_none());
    Ok(SyncData {
        sent: report.progress.sent,
        received: report.progress.received,
        stored: report.progress.stored,
        refused: report.progress.refused,
        caught_up: report.caught_up,
        transport: report.transport.map(Transport::name),
        bytes_up: report.traffic.bytes_sent,
        bytes_down: report.traffic.bytes_received,
        payload_up: report.payload_sent,
        payload_down: report.payload_received,
        round_trips: report.round_trips,
        clock_ahead_ms: report.progress.clock_ahead_ms,
        milliseconds: 0,
        only_here,
        set_aside,
        unnumbered: waits.len(),
        unnumbered_kept: waits.iter().filter(|one| one.kept).count(),
        withheld: report.withheld.iter().map(ToString::to_string).collect(),
        notices: Vec::new(),
        decisions_refused: Vec::new(),
    })
}

fn report_text(page: &mut Page, data: &SyncData, m: &Messages) {
    page.line(moved_text([data.sent, data.received, data.stored, data.refused], m));
    let [up, down, trips] = [data.bytes_up, data.bytes_down, u64::from(data.round_trips)]
        .map(|count| count.to_string());
    page.line(m.text("sync.cost", &[("up", &up), ("down", &down), ("trips", &trips)]));
    if data.transport == Some(Transport::Tcp.name()) {
        page.line(m.text("sync.by_tcp", &[]));
    }
    if let Some(ahead) = data.clock_ahead_ms {
        let key = if ahead < 0 { "sync.clock_behind" } else { "sync.clock_ahead" };
        page.line(m.text(key, &[("by", &time::span(m, ahead.unsigned_abs()))]));
    }
    page.line(if data.caught_up {
        m.text("sync.caught_up", &[])
    } else {
        m.text("sync.more", &[])
    });
    let counts = [
        ("sync.only_here", data.only_here.saturating_sub(data.set_aside)),
        ("sync.set_aside", data.set_aside),
        ("sync.unnumbered", data.unnumbered.saturating_sub(data.unnumbered_kept) as u64),
        ("sync.unnumbered_kept", data.unnumbered_kept as u64),
    ];
    for (key, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
        page.line(m.text(key, &[("count", &count.to_string())]));
    }
    if !data.withheld.is_empty() {
        page.line(m.text("sync.withheld", &[]));
        for document in &data.withheld {
            page.line(format!("  {}", &document[..page::SHORT]));
        }
    }
    notices_text(page, &data.notices, m);
    decisions::text(page, &data.decisions_refused, m);
    if !data.decisions_refused.is_empty() {
        page.line(m.text("sync.decisions", &[]));
    }
}

fn notices_text(page: &mut Page, notices: &[NoticeData], m: &Messages) {
    if notices.is_empty() {
        return;
    }
    page.line(m.text("notices.title", &[]));
    for notice in notices {
        let document = &notice.document[..page::SHORT];
        let reasons = (notice.after_revocation.as_ref(), notice.assigned.as_ref());
        let why = rejected::why(m, notice.verdict, reasons);
        page.line(format!("  {document}  {why}"));
        if let Some(decided) = &notice.decided {
            page.line(format!("            {}", decided.text(m)));
        }
    }
    // Where an assignment leaves this device out, a role changes nothing; its line says what does.
    let waits = |notice: &NoticeData| {
        let by_right = notice.ended || notice.assigned.is_none();
        notice.verdict == Verdict::NotAllowed && notice.decided.is_none() && by_right
    };
    if let Some(first) = notices.iter().find(|notice| waits(notice)) {
        page.line(match first.ended {
            true => format!("  {}", m.text("notices.revoked", &[])),
            false => format!("  {}", m.text("notices.rights", &[])),
        });
    }
}

/// Returns notices as they are told. What they came after is asked of all at once: the control logs are read for it.
fn noticed(client: &Client, notices: &[&Notice]) -> Result<Vec<NoticeData>, ClientError> {
    let ended = client.phone().ended()?.is_some();
    let lapsed = client.noticed_after_revocation(notices)?;
    let told = notices.iter().zip(lapsed).map(|(notice, lapsed)| {
        Ok(NoticeData {
            document: notice.document.to_string(),
            seq: notice.seq,
            change: notice.hash.to_string(),
            verdict: notice.verdict,
            after_revocation: lapsed.map(LapsedData::from),
            ended,
            assigned: AssignedData::of(client, notice.document, notice.verdict)?,
            decided: client.judged_aside(notice)?.map(DecidedData::from),
        })
    });
    told.collect()
}

/// Returns how many edits are nowhere but here, and how many of them the hub keeps aside.
fn only_here(client: &Client) -> Result<(u64, u64), CliError> {
    let aside = client.phone().set_aside().map_err(ClientError::from)?;
    let offered = client.phone().only_here().map_err(ClientError::from)?;
    let documents: BTreeSet<DocumentId> =
        offered.into_iter().chain(aside.keys().copied()).collect();
    let (mut count, mut set_aside) = (0, 0);
    for document in documents {
        let here = client.phone().arrival(document).map_err(ClientError::from)?.only_here;
        count += here;
        set_aside += aside.get(&document).copied().unwrap_or_default().min(here);
    }
    Ok((count, set_aside))
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn records_text(page: &mut Page, records: &[StatusRow], m: &Messages) {
    for row in records {
        let kind = words::kind(m, row.kind);
        page.line(format!("{}  {kind}: {}", &row.id[..page::SHORT], row.title));
        page.line(format!("          {}", page::arrival_text(&row.arrival, m)));
        if row.carried > 0 {
            let count = row.carried.to_string();
            page.line(format!("          {}", m.text("arrival.carried", &[("count", &count)])));
        }
    }
}

/// Says how much is only here and waits for an exchange, how much the hub keeps aside, and how much of others the hub
/// is not known to have.
fn here_text(page: &mut Page, data: &StatusData, m: &Messages) {
    match data.only_here.saturating_sub(data.set_aside) {
        0 if data.set_aside > 0 => {}
        0 if data.carried > 0 && !data.troubles.is_empty() => {}
        0 if data.carried > 0 => page.line(m.text("status.own_stored", &[])),
        0 if !data.troubles.is_empty() => page.line(m.text("status.rest_stored", &[])),
        0 => page.line(m.text("status.all_stored", &[])),
        count => page.line(m.text("status.only_here", &[("count", &count.to_string())])),
    }
    if data.set_aside > 0 {
        page.line(m.text("status.set_aside", &[("count", &data.set_aside.to_string())]));
    }
    if data.carried > 0 {
        page.line(m.text("status.carried", &[("count", &data.carried.to_string())]));
    }
}

/// Says what is only here, and what the hub has stored and merged.
pub(super) fn status(client: &Client, output: &Output) -> Result<Answer, CliError> {
    let m = output.messages();
    let records = client.status()?;
    let troubles = troubles::all(client)?;
    let lease = client.phone().replica().lease().map_err(folder::failed)?;
    let data = StatusData {
        records: records
            .iter()
            .map(|record| StatusRow {
                id: record.document.to_string(),
                kind: record.kind.name(),
                title: record.title.clone(),
                arrival: record::arrival(&record.arrival),
                carried: record.carried,
            })
            .collect(),
        only_here: records.iter().map(|record| record.arrival.only_here).sum(),
        set_aside: only_here(client)?.1,
        carried: records.iter().map(|record| record.carried).sum(),
        notices: noticed(client, &client.refused()?.iter().collect::<Vec<_>>())?,
        doubts: doubts::all(client)?,
        rejected: rejected::all(client)?,
        decisions: decisions::all(client)?,
        minutes: unregistered::open(client)?,
        repaired: if troubles.is_empty() { Repair::of(client) } else { None },
        troubles,
        position: client
            .phone()
            .position()
            .map_err(ClientError::from)?
            .map(|position| position.number),
        lease_until: lease.map(time::rfc3339),
        lease_ended: lease.is_some_and(|until| until < clock::now()),
        hub_key_moved: client.hub_key_moved().map(|moved| KeyMoved {
            from: moved.from.to_string(),
            to: moved.to.to_string(),
            at: time::rfc3339(moved.at),
        }),
    };
    let mut page = Page::new();
    records_text(&mut page, &data.records, m);
    if data.records.is_empty() && data.troubles.is_empty() {
        page.line(m.text("status.nothing", &[]));
    }
    troubles::text(&mut page, &data.troubles, m);
    doubts::text(&mut page, &data.doubts, m);
    if let Some(repair) = &data.repaired {
        repair.text(&mut page, m);
    }
    here_text(&mut page, &data, m);
    if let Some(until) = &data.lease_until {
        let key = if data.lease_ended { "status.lease_ended" } else { "status.lease" };
        page.line(m.text(key, &[("time", &time::minute(until))]));
    }
    if let Some(moved) = &data.hub_key_moved {
        let time = time::minute(&moved.at);
        let values = [("from", moved.from.as_str()), ("to", &moved.to), ("time", &time)];
        page.line(m.text("status.hub_key_moved", &values));
        client.seen_hub_key_moved()?;
    }
    notices_text(&mut page, &data.notices, m);
    rejected::text(&mut page, &data.rejected, m);
    decisions::text(&mut page, &data.decisions, m);
    unregistered::text(&mut page, &data.minutes, m);
    Ok(Answer::new(&data, page)?.with_code(code_of_doubts(client)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_says_what_it_did_and_the_total_apart() {
        let progress = |sent, stored| Progress { sent, stored, ..Progress::default() };
        let mut course = Course::default();
        let mut lines = Vec::new();
        for now in [progress(2, 0), progress(2, 2), progress(2, 2), progress(3, 3)] {
            let Some(moved) = course.news(Moved::of(&now)) else { continue };
            let event = WatchEvent::Moved { moved, total: course.told };
            lines.push(serde_json::to_value(event).unwrap());
        }
        assert_eq!(lines.len(), 3, "what did not move is not told");
        assert_eq!((&lines[1]["sent"], &lines[1]["stored"]), (&0.into(), &2.into()));
        assert_eq!((&lines[2]["sent"], &lines[2]["total"]["sent"]), (&1.into(), &3.into()));
        assert_eq!(lines[2]["event"], "moved");
    }
}
