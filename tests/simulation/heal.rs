//! The end of all faults. From then on time passes as on a good network, event by event: phones dial, packets take
//! half a round trip, and everything must come to rest within a bound, and stay there.

use bienban_core::driver::Patience;
use bienban_core::replica::{Fact, Progress, ReplicaError};
use bienban_core::store::Store;
use bienban_core::sync::{BACKOFF_FIRST, CLOCK_SKEW_MAX_MS, Ending, FailureCode};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use crate::node::Clock;
use crate::tally::{Peak, Seen};
use crate::world::World;

/// How long it may take from when all faults have healed until every replica holds the same, in simulated
/// milliseconds, beside three round trips: what a person waits for who watches.
const CONVERGED_MAX_MS: i64 = 10_000;

/// Round trips beyond that. The aim is 3; what a schedule took is printed, and a few take longer: where a hub lost
/// its store, rights come back before anything else can, and a phone that waited for its turn begins once more.
const TRIPS_MAX: i64 = 15;

/// The same where the hub lost its store or was set back: who comes last to hear of it compares, gives back, and hears
/// what others gave back meanwhile, each in an exchange of its own, behind the pauses of its dialling.
const TRIPS_AFTER_LOSS_MAX: i64 = 20;

/// Round trips between a phone and the hub, in milliseconds: a cable, a mast, a far mast, a satellite.
const TRIPS_MS: [i64; 4] = [20, 80, 200, 600];

/// Exchanges that follow one another at once, as in the driver.
const FOLLOW_UPS_MAX: usize = 64;

/// Rounds in which an operator says again what the hub forgot.
const SAID_AGAIN_MAX: usize = 3;

/// Rounds of exchanges in which nothing is new, before nothing may be recorded any more: in the first the hub signs
/// what it merged, in the next phones keep the head of its log, which says that they asked.
const RESTING_ROUNDS_MAX: usize = 4;

/// One of so many schedules is followed until nothing is recorded any more; that takes as long as the rest of it.
const RESTED_ONE_OF: u64 = 5;

/// Simulated time after which a world counts as stuck.
const STUCK_MS: i64 = 600_000;

/// Turns of one exchange after healing, before it counts as stuck.
const TURNS_MAX: usize = 2000;

/// The number of the step that the end of all faults is.
const LAST_STEP: usize = 9999;

/// How a phone goes on, as `core/src/driver/follow.rs` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// It stays and follows, and is patient with some of what makes another exchange due.
    Live { patience: Patience },
    /// An exchange that another made due.
    Follow { left: usize },
}

#[derive(Debug, Clone, Copy)]
struct Line {
    /// When it dials next.
    dial: Option<i64>,
    mode: Mode,
    finishing: bool,
    /// How often it came back to a hub that has forgotten that its rights have ended.
    asked: u8,
}

/// A desk that knows of it has told the hub long before a phone has come back so often, a second apart.
const ASKED_MAX: u8 = 20;

impl World {
    /// Ends all faults, and waits until nothing moves.
    pub(crate) fn heal(&mut self, seed: u64) {
        self.begin_last_step(LAST_STEP, SmallRng::seed_from_u64(!seed));
        self.say(|| "everything heals".to_owned());
        self.links.clear();
        self.partitions.clear();
        self.hub.store.set_fault(None);
        (self.hub.slow, self.hub.busy_until) = (false, 0);
        // Its merge worker tries each second whether a store that failed takes writes again.
        self.hub.failed = true;
        // Nobody opens a store again from here: replicas find their own way.
        for node in &mut self.phones {
            node.exchange = None;
            node.store.set_fault(None);
            (node.slow, node.busy_until) = (false, 0);
            // A clock that stands still is a fault; one that is wrong is not.
            if let Clock::Stopped(at) = node.clock {
                node.clock = Clock::Off(at - self.clock);
            }
        }
        // The operator of a hub that was lost names the phones again, or leaves it to what the desk knows.
        if self.rng.random_bool(0.5) {
            for at in 0..self.phones.len() {
                if !self.is_ended(at) {
                    self.recover_hub();
                    self.name(at);
                }
            }
        }
        let trip = *TRIPS_MS.choose(&mut self.rng).unwrap();
        for _ in 0..=SAID_AGAIN_MAX {
            self.converge(trip);
            self.note_ends();
            if !self.say_ends_again() {
                break;
            }
        }
        self.expect_rest(seed.is_multiple_of(RESTED_ONE_OF));
    }

    /// Lets all phones dial and exchange until nothing is under way.
    fn converge(&mut self, trip: i64) {
        self.looked_at = None;
        let healed = self.clock;
        let first = i64::try_from(BACKOFF_FIRST.as_millis()).unwrap();
        let mut lines: Vec<Line> = Vec::new();
        for _ in 0..self.phones.len() {
            let dial = Some(healed + trip + self.rng.random_range(0..first));
            lines.push(Line {
                dial,
                mode: Mode::Live { patience: Patience::None },
                finishing: false,
                asked: 0,
            });
        }
        let (mut last, mut records) = (healed, self.records());
        while let Some(next) = self.next_event(&lines) {
            self.clock = self.clock.max(next);
            assert!(self.clock - healed < STUCK_MS, "it does not come to rest{}", self.standing());
            self.dial_due(&mut lines);
            self.move_due(trip);
            self.see_ends(&mut lines, trip);
            if !self.ending.is_empty() {
                self.note_ends();
            }
            let now = self.records();
            if now != records {
                (last, records) = (self.clock, now);
            }
        }
        for at in 0..self.phones.len() {
            self.check_clock(at);
            self.phones[at].exchange = None;
        }
        let took = last - healed;
        self.say(|| format!("came to rest after {took} ms, with round trips of {trip} ms"));
        let (trips, peak) = match self.first_seals {
            Some(_) => (TRIPS_MAX, Peak::ConvergedMs),
            None => (TRIPS_AFTER_LOSS_MAX, Peak::ConvergedAfterLossMs),
        };
        self.tally.peak(peak, usize::try_from(took).unwrap());
        assert!(
            took <= CONVERGED_MAX_MS + trips * trip,
            "it took {took} ms to converge, with round trips of {trip} ms"
        );
    }

    /// Returns how many records each journal has.
    fn records(&self) -> Vec<u64> {
        let phones = self.phones.iter().map(crate::node::PhoneNode::records);
        phones.chain([self.hub.store.position().0]).collect()
    }

    fn next_event(&self, lines: &[Line]) -> Option<i64> {
        let dials = lines.iter().filter_map(|line| line.dial);
        let exchanges = self.phones.iter().filter_map(|node| node.exchange.as_ref());
        let due = exchanges.flat_map(|one| [one.up.next_due(), one.down.next_due()]).flatten();
        dials.chain(due).min()
    }

    fn dial_due(&mut self, lines: &mut [Line]) {
        for (at, line) in lines.iter_mut().enumerate() {
            if line.dial.is_none_or(|dial| dial > self.clock) {
                continue;
            }
            line.dial = None;
            line.finishing = false;
            let live = matches!(line.mode, Mode::Live { .. }) && !self.is_ended(at);
            match self.dial(at, live) {
                Ok(()) => {
                    self.say(|| format!("{} connects: {:?}", self.phones[at].name, line.mode))
                }
                Err(ReplicaError::Stranger { .. }) => {
                    // One is named by what the desk brings; another's end may be brought again.
                    let tries = !self.is_ended(at) || line.asked < ASKED_MAX;
                    line.asked += u8::from(self.is_ended(at) && tries);
                    line.dial = tries.then_some(self.clock + 1000);
                }
                Err(error) => panic!("{} cannot connect: {error}", self.phones[at].name),
            }
        }
    }

    /// Lets arrive what is due, and everybody work until nobody has anything to do.
    fn move_due(&mut self, trip: i64) {
        let (now, due) = (self.clock, self.clock + trip / 2);
        for node in &mut self.phones {
            if let Some(exchange) = &mut node.exchange {
                exchange.up.arrive_due(now);
                exchange.down.arrive_due(now);
            }
        }
        loop {
            let mut any = false;
            for at in 0..self.phones.len() {
                any |= self.work(at, due);
            }
            any |= self.merge_pending();
            if !any {
                return;
            }
        }
    }

    /// Lets both sides of an exchange do what they can. Returns whether they did anything.
    fn work(&mut self, at: usize, due: i64) -> bool {
        let mut any = false;
        while self.phones[at].exchange.is_some() {
            let hub = self.hub_hears(at).and_then(|heard| Ok(heard | self.hub_speaks(at, due)?));
            let hub = hub.unwrap_or_else(|error| panic!("hub: {error}"));
            let phone =
                self.phone_hears(at).and_then(|heard| Ok(heard | self.phone_speaks(at, due)?));
            let phone = phone.unwrap_or_else(|error| panic!("{}: {error}", self.phones[at].name));
            if !hub && !phone {
                break;
            }
            any = true;
        }
        any
    }

    /// The merge worker's turn. Returns whether it did anything.
    fn merge_pending(&mut self) -> bool {
        self.recover_hub();
        if self.looked_at == Some(self.hub.store.position().0) {
            return false;
        }
        let mut any = false;
        while self.hub.hub.merge_next(self.hub_now()).unwrap().is_some() {
            any = true;
        }
        self.hub.hub.settle_log(self.hub_now()).unwrap();
        self.looked_at = Some(self.hub.store.position().0);
        if any {
            self.grown();
            self.note_seals();
        }
        any
    }

    /// Ends exchanges that are over, and says when their phones dial again.
    fn see_ends(&mut self, lines: &mut [Line], trip: i64) {
        for (at, line) in lines.iter_mut().enumerate() {
            let Some(exchange) = &mut self.phones[at].exchange else { continue };
            let (progress, caught_up) = (exchange.phone.progress(), exchange.phone.caught_up());
            let due = progress.again || progress.more;
            let ends = matches!(line.mode, Mode::Live { patience } if patience.is_due(progress));
            if caught_up && ends && !line.finishing && exchange.phone.outcome().is_none() {
                line.finishing = true;
                exchange.phone.finish();
                self.work(at, self.clock + trip / 2);
            }
            let Some(exchange) = &mut self.phones[at].exchange else { continue };
            let Some(outcome) = exchange.phone.outcome().cloned() else { continue };
            // Its last words are on the way, to a hub that listens.
            if !exchange.up.is_idle() && exchange.hub.outcome().is_none() {
                continue;
            }
            self.check_clock(at);
            self.phones[at].exchange = None;
            self.say(|| format!("{} is through: {progress:?} {outcome:?}", self.phones[at].name));
            (line.mode, line.dial) = if self.is_ended(at) {
                // Until it was shown that its rights have ended, and has brought what it holds.
                // A hub that was set back has nothing to show until the end is said to it again.
                let shown = self.phones[at].phone.ended().unwrap().is_some();
                let device = self.phones[at].device();
                let knows = self.hub.hub.replica().ended(device).unwrap().is_some();
                let waits = !shown && !knows && line.asked < ASKED_MAX;
                line.asked += u8::from(waits);
                // It heard of the end in the middle: the next exchange takes what is left.
                let told = matches!(outcome.ending, Ending::Told(_)) && self.holds_more(at);
                let now = ((knows && (!shown || told)) || due).then_some(self.clock);
                (line.mode, now.or_else(|| waits.then_some(self.clock + 1000)))
            } else {
                self.after(line.mode, progress, &outcome.ending)
            };
            line.dial = line.dial.map(|dial| dial + trip);
        }
    }

    /// Returns whether a phone holds what it may still bring.
    fn holds_more(&self, at: usize) -> bool {
        let phone = &self.phones[at].phone;
        phone.undelivered().unwrap() > phone.unentered().unwrap()
    }

    /// A clock that is far off is told of, and no other.
    fn check_clock(&mut self, at: usize) {
        let Some(exchange) = &self.phones[at].exchange else { return };
        if exchange.phone.caught_up() {
            let ahead = exchange.ahead_ms;
            let off = (ahead.abs() > CLOCK_SKEW_MAX_MS).then_some(ahead);
            assert_eq!(exchange.phone.progress().clock_ahead_ms, off, "what is said of a clock");
            self.tally.notes(Seen::ClocksFlagged, usize::from(off.is_some()));
        }
    }

    /// How a phone goes on after an exchange, and when it dials.
    fn after(&mut self, mode: Mode, progress: Progress, ending: &Ending) -> (Mode, Option<i64>) {
        let due = progress.again || progress.more;
        let live = Mode::Live { patience: Patience::None };
        let first = i64::try_from(BACKOFF_FIRST.as_millis()).unwrap();
        let later = self.clock + self.rng.random_range(0..first);
        match ending {
            Ending::Done => {}
            Ending::Told(failure) if failure.code == FailureCode::Changed => {}
            Ending::Told(failure) => {
                let wait = failure.retry_after_ms.unwrap_or(0);
                return (live, Some(later + i64::try_from(wait).unwrap()));
            }
            Ending::Refused(failure) => panic!("an honest peer is refused: {failure:?}"),
            Ending::Cut => panic!("nobody cuts links any more"),
        }
        let stands_still = !progress.again && progress.stored == 0;
        match mode {
            Mode::Live { patience } if patience.is_due(progress) => {
                (Mode::Follow { left: FOLLOW_UPS_MAX }, Some(self.clock))
            }
            Mode::Live { .. } => (live, Some(later)),
            Mode::Follow { left } if due && !stands_still && left > 0 => {
                (Mode::Follow { left: left - 1 }, Some(self.clock))
            }
            Mode::Follow { .. } => {
                (Mode::Live { patience: Patience::after(progress) }, Some(self.clock))
            }
        }
    }

    /// Whatever converged moves nothing when everybody exchanges once more, and, looked at where `whole`, records
    /// nothing when they do it again: neither journals nor traffic grow with time alone.
    fn expect_rest(&mut self, whole: bool) {
        let inside: Vec<usize> = (0..self.phones.len()).filter(|at| !self.is_ended(*at)).collect();
        for &at in &inside {
            let progress = self.sync_fully(at);
            let Progress { received, sent, stored, refused, declined, again, .. } = progress;
            let moved = received + sent + stored + refused + declined;
            let name = &self.phones[at].name;
            assert!(moved == 0 && !again, "{name} still moves after it converged: {progress:?}");
        }
        let mut grew = String::new();
        if !whole {
            return;
        }
        for _ in 0..RESTING_ROUNDS_MAX {
            let before = self.records();
            for at in &inside {
                self.sync_fully(*at);
            }
            let after = self.records();
            let grown = (0..before.len()).find(|at| before[*at] != after[*at]);
            let Some(grown) = grown else { return };
            grew = self.last_of(grown);
        }
        panic!("exchanges of which nothing came are recorded: {grew}");
    }

    /// Tells how the exchanges under way stand.
    fn standing(&self) -> String {
        let mut told = String::new();
        for node in &self.phones {
            let Some(exchange) = &node.exchange else { continue };
            let (phone, hub) = (&exchange.phone, &exchange.hub);
            let (progress, caught_up) = (phone.progress(), phone.caught_up());
            told += &format!(
                "; {}: {progress:?}, caught up {caught_up}, {:?}, {:?}",
                node.name,
                phone.outcome(),
                hub.outcome()
            );
        }
        told
    }

    /// Returns what a phone or, behind all of them, the hub recorded last.
    fn last_of(&self, at: usize) -> String {
        let hub = ("the hub", &self.hub.store);
        let (name, store) = self.phones.get(at).map_or(hub, |node| (&node.name, &node.store));
        let last = store.record(store.position()).unwrap().unwrap();
        let fact = format!("{:?}", Fact::read(store.position(), &last));
        format!("{name} {}", fact.chars().take(300).collect::<String>())
    }

    /// One whole exchange over a link that takes no time.
    pub(crate) fn sync_fully(&mut self, at: usize) -> Progress {
        self.clock += 1000;
        self.looked_at = None;
        self.dial(at, false).unwrap_or_else(|error| panic!("cannot connect: {error}"));
        for _ in 0..TURNS_MAX {
            if let Some(exchange) = &mut self.phones[at].exchange {
                exchange.up.arrive_due(self.clock);
                exchange.down.arrive_due(self.clock);
            }
            let moved = self.work(at, self.clock) | self.merge_pending();
            let Some(exchange) = &self.phones[at].exchange else { break };
            let heard = exchange.up.is_idle() || exchange.hub.outcome().is_some();
            if exchange.phone.outcome().is_some() && heard {
                let progress = exchange.phone.progress();
                self.phones[at].exchange = None;
                return progress;
            }
            let waits = exchange.up.next_due().or_else(|| exchange.down.next_due()).is_none();
            assert!(moved || !waits, "an exchange of {} hangs", self.phones[at].name);
        }
        panic!("an exchange of {} does not end", self.phones[at].name);
    }
}
