//! The world: phones, hub, network; one event at a time, chosen by a step's own seed, so that a schedule from which
//! steps were left out still does in the others what they say.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use bienban_core::checklist::Template;
use bienban_core::model::{
    AnswerInput, DeviceId, FindingInput, Genesis, Grade, Kind, NoteEdit, Origin, Scope, Severity,
    TemplateId, Timestamp,
};
use bienban_core::replica::{HubOptions, HubRunner, PhoneOptions, PhoneRunner, ReplicaError};
use bienban_core::store::{MemoryDisk, StoreError};
use bienban_core::sync::{Frame, Role};
use bienban_tests::overheard::Overheard;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use crate::bounds;
use crate::meet::Link;
use crate::node::{self, Clock, Exchange, Fate, HubNode, PhoneNode, Said, What, entropy};
use crate::oracle;
use crate::tally::{Peak, Seen, Tally};
use crate::wire::Wire;

/// A checklist small enough that a thousand schedules take seconds.
const CHECKLIST: &str = include_str!("checklist.json");

const ITEMS: [&str; 4] = ["1.1", "1.2", "2.1", "2.2"];

/// Where the visits are that the phones fill.
const UNITS: [&str; 2] = ["06325", "06337"];

/// Of how many phones a world has: few ones oftener, because what two do to each other is most of it.
const PHONES: std::ops::RangeInclusive<u8> = 3..=12;

/// Steps after which what phones say is held against the hub.
const AUDITED_EVERY: usize = 32;

/// The key of a supervisor, who decides at the hub of what is kept aside and has no phone here.
pub(crate) const SUPERVISOR: u8 = 250;

/// The hub, where a pair of ends is named.
pub(crate) const HUB: usize = usize::MAX;

/// First flights that the network keeps of one phone.
const FLIGHTS_MAX: usize = 4;

/// Where a schedule is told, step by step.
pub(crate) type Trace = Option<Arc<Mutex<Vec<String>>>>;

pub(crate) struct World {
    pub(crate) rng: SmallRng,
    pub(crate) hub: HubNode,
    /// Those in the field; the administrator's desk; then clones.
    pub(crate) phones: Vec<PhoneNode>,
    /// The administrator's desk: it decides rights and types nothing.
    pub(crate) desk: usize,
    pub(crate) visits: Vec<Genesis>,
    pub(crate) tally: Tally,
    pub(crate) links: Vec<Link>,
    /// Ends between which nothing passes.
    pub(crate) partitions: BTreeSet<(usize, usize)>,
    pub(crate) hub_backup: Option<MemoryDisk>,
    pub(crate) clock: i64,
    /// Devices whose end was decided, and the hub has not heard of it.
    pub(crate) ending: BTreeSet<DeviceId>,
    /// Devices whose rights the hub has ended; whether it has known that ever since.
    pub(crate) ended: BTreeMap<DeviceId, bool>,
    /// Edits whose author's device has them no more.
    pub(crate) kept: Vec<Said>,
    /// Which seal was first, by visit, as long as the hub was never set back.
    pub(crate) first_seals: Option<BTreeMap<usize, [u8; 32]>>,
    /// Everybody may write all and knows everybody, and always did.
    pub(crate) lawful: bool,
    /// Up to where the merge worker has looked, after all faults.
    pub(crate) looked_at: Option<u64>,
    edits: usize,
    step: usize,
    trace: Trace,
}

fn units() -> Vec<Scope> {
    UNITS.iter().map(|code| code.parse().unwrap()).collect()
}

impl World {
    pub(crate) fn new(seed: u64, trace: Trace) -> Self {
        let mut rng = SmallRng::seed_from_u64(seed);
        let hub = HubNode::new(&mut rng);
        let template = Template::parse(CHECKLIST.as_bytes()).unwrap().id();
        let count = (0..3).map(|_| rng.random_range(PHONES)).min().unwrap();
        let mut phones = Vec::new();
        for number in 1..=count {
            // Some are of one unit only.
            let narrow = number > 2 && rng.random_bool(0.2);
            let rights = if narrow {
                (Role::Inspector, units()[..1].to_vec())
            } else {
                (Role::Leader, units())
            };
            phones.push(PhoneNode::new(number, rights, &mut rng));
        }
        let desk = phones.len();
        phones.push(PhoneNode::new(count + 1, (Role::Admin, units()), &mut rng));
        let lawful = phones.iter().all(|phone| phone.scopes.len() == UNITS.len());
        let visits = (0..UNITS.len()).map(|visit| visit_of(template, visit)).collect();
        let mut world = Self {
            rng,
            hub,
            phones,
            desk,
            visits,
            tally: Tally::default(),
            links: Vec::new(),
            partitions: BTreeSet::new(),
            hub_backup: None,
            clock: 1_800_000_000_000,
            ending: BTreeSet::new(),
            ended: BTreeMap::new(),
            kept: Vec::new(),
            first_seals: Some(BTreeMap::new()),
            lawful,
            looked_at: None,
            edits: 0,
            step: 0,
            trace,
        };
        world.tally.peak(Peak::Phones, usize::from(count));
        world.begin();
        world
    }

    /// Names everybody to the hub, and lets the phones learn the checklist before they leave.
    fn begin(&mut self) {
        self.hub.hub.publish(CHECKLIST.as_bytes().to_vec()).unwrap();
        for at in 0..self.phones.len() {
            self.name(at);
        }
        let supervisor = node::entry(SUPERVISOR, Role::Supervisor, units());
        self.hub.hub.trust(supervisor).unwrap();
        for at in 0..self.phones.len() {
            while self.sync_fully(at).again {}
        }
    }

    /// The operator names a phone to the hub.
    pub(crate) fn name(&mut self, at: usize) {
        self.hub.hub.trust(self.phones[at].entry()).unwrap();
    }

    pub(crate) fn step(&mut self, number: usize, seed: u64) {
        (self.step, self.rng) = (number, SmallRng::seed_from_u64(seed));
        self.clock += self.rng.random_range(1..5_000);
        self.note_ends();
        let phone = self.rng.random_range(0..self.phones.len());
        match self.rng.random_range(0..1000) {
            0..250 => self.edit(phone),
            250..270 => self.seal(phone),
            270..390 => self.connect(phone),
            390..430 => self.meet(phone),
            430..520 => self.pass_on(),
            520..530 => self.part(),
            530..750 => self.deliver(),
            750..795 => self.cut_one(),
            795..855 => self.merge(),
            855..870 => self.condense(phone),
            870..885 => self.power_cut_phone(phone),
            885..893 => self.power_cut_hub(),
            893..905 => self.torn_cut_phone(phone),
            905..913 => self.torn_cut_hub(),
            913..925 => self.sicken_phone(phone),
            925..932 => self.sicken_hub(),
            932..940 => self.jump_clock(phone),
            940..948 => self.partition(),
            948..955 => self.back_up(phone),
            955..962 => self.restore(phone),
            962..964 => self.clone_phone(phone),
            964..969 => self.ghost(phone, false),
            969..974 => self.ghost(phone, true),
            974..979 => self.back_up_hub(),
            979..981 => self.lose_hub(),
            981..987 => self.revoke(),
            987..992 => self.judge(),
            _ => self.trespass(),
        }
        if number.is_multiple_of(AUDITED_EVERY) {
            oracle::audit(self).unwrap_or_else(|wrong| panic!("{wrong}"));
        }
    }

    /// Begins what comes after all steps, with draws of its own.
    pub(crate) fn begin_last_step(&mut self, number: usize, rng: SmallRng) {
        (self.step, self.rng) = (number, rng);
        self.note_ends();
    }

    pub(crate) fn say(&self, text: impl FnOnce() -> String) {
        if let Some(trace) = &self.trace {
            let line = format!("#{:<4}{:>9} {}", self.step, self.clock % 100_000_000, text());
            trace.lock().unwrap().push(line);
        }
    }

    pub(crate) fn now(&self, phone: usize) -> Timestamp {
        match self.phones[phone].clock {
            Clock::Off(skew) => Timestamp(self.clock + skew),
            Clock::Stopped(at) => Timestamp(at),
        }
    }

    pub(crate) fn hub_now(&self) -> Timestamp {
        Timestamp(self.clock)
    }

    /// Whether a device's rights have ended at the hub.
    pub(crate) fn is_ended(&self, at: usize) -> bool {
        self.ended.contains_key(&self.phones[at].device())
    }

    pub(crate) fn is_parted(&self, one: usize, two: usize) -> bool {
        self.partitions.contains(&(one.min(two), one.max(two)))
    }

    fn edit(&mut self, at: usize) {
        if at == self.desk {
            return;
        }
        let visits: Vec<usize> = (0..self.visits.len())
            .filter(|visit| self.phones[at].reads(&self.visits[*visit].scope))
            .collect();
        let visit = *visits.choose(&mut self.rng).unwrap();
        self.type_in(at, visit, false);
    }

    /// Types something into a visit. Who trespasses has no right to.
    pub(crate) fn type_in(&mut self, at: usize, visit: usize, trespass: bool) {
        self.edits += 1;
        let token = format!("{}e{}", self.phones[at].name, self.edits);
        let item = *ITEMS.choose(&mut self.rng).unwrap();
        let grade = *[Grade::Pass, Grade::Minor, Grade::Major].choose(&mut self.rng).unwrap();
        let what =
            *[What::Answer, What::Answer, What::Note, What::Finding].choose(&mut self.rng).unwrap();
        let (id, now) = (self.rng.random::<[u8; 16]>(), self.now(at));
        let genesis = self.visits[visit].clone();
        let before = self.phones[at].records();
        let outcome = self.phones[at].phone.edit(&genesis, now, |editor| match what {
            What::Answer => editor.answer(item, answer(grade, &token, now)),
            What::Note => editor.note(item, NoteEdit::Append(format!("[{token}]"))),
            What::Finding => editor.finding_add(id, finding(item, &token)),
        });
        self.note_slow(at, before);
        let certain = self.ended.get(&self.phones[at].device());
        let told = match certain {
            _ if trespass => Fate::Never,
            None => Fate::Must,
            Some(true) => Fate::Never,
            Some(false) => Fate::May,
        };
        let made = outcome.is_ok();
        let fate = match outcome {
            Ok(_) => {
                self.tally.note(match certain {
                    _ if trespass => Seen::Trespasses,
                    Some(_) => Seen::EditsAfterTheEnd,
                    None => Seen::Edits,
                });
                self.say(|| format!("{token}: {what:?} in visit {visit} {item}, {told:?}"));
                told
            }
            Err(error) => {
                self.tally.note(Seen::RefusedWrites);
                self.say(|| format!("{token} refused: {error}"));
                // A sync that failed may have reached the disk all the same.
                let open = matches!(error, ReplicaError::Store(StoreError::Io { .. }));
                if open && told == Fate::Must { Fate::May } else { Fate::Never }
            }
        };
        let (trespass, after_the_end) = (trespass && made, certain.is_some() && made);
        let said = Said { token, visit, what, fate, trespass, after_the_end };
        self.phones[at].said.push(said);
    }

    /// Counts that a slow disk keeps a phone busy, if it wrote since it had so many records.
    pub(crate) fn note_slow(&mut self, at: usize, before: u64) {
        if self.phones[at].slow && self.phones[at].records() > before {
            self.tally.note(Seen::SlowWrites);
            self.phones[at].busy_until = self.clock + self.rng.random_range(500..20_000);
        }
    }

    fn note_slow_hub(&mut self, before: u64) {
        use bienban_core::store::Store;
        if self.hub.slow && self.hub.store.position().0 > before {
            self.tally.note(Seen::SlowWrites);
            self.hub.busy_until = self.clock + self.rng.random_range(500..20_000);
        }
    }

    fn connect(&mut self, at: usize) {
        let busy = self.clock < self.phones[at].busy_until.max(self.hub.busy_until);
        if self.phones[at].exchange.is_some() || busy || self.is_parted(at, HUB) {
            return;
        }
        let live = self.rng.random_bool(0.3);
        match self.dial(at, live) {
            Ok(()) => {
                let (mut flight, now) = (Vec::new(), self.now(at));
                let node = &mut self.phones[at];
                let Some(exchange) = &mut node.exchange else { return };
                while let Ok(Some(frame)) = exchange.phone.poll_frame(now) {
                    exchange.overheard.phone(&frame).expect("a phone says frames");
                    exchange.up.send(&frame, self.clock);
                    flight.push(frame);
                }
                if node.flights.len() < FLIGHTS_MAX {
                    node.flights.push(flight);
                }
                self.say(|| format!("{} connects, live {live}", self.phones[at].name));
            }
            Err(error) => self.say(|| format!("{} cannot connect: {error}", self.phones[at].name)),
        }
    }

    /// Begins an exchange, as far as both sides let it.
    pub(crate) fn dial(&mut self, at: usize, live: bool) -> Result<(), ReplicaError> {
        let (now, entropy) = (self.now(at), entropy(&mut self.rng));
        let hub = self.hub.hub.clone();
        let node = &self.phones[at];
        let served = HubRunner::start(hub.clone(), node.entry().into(), self.hub_now())?;
        let options = PhoneOptions { hub: hub.device(), live, asks: Vec::new() };
        let phone = PhoneRunner::start(node.phone.clone(), options, entropy, now)?;
        let [up, down] = [Wire::new(&mut self.rng), Wire::new(&mut self.rng)];
        let small = self.clock % 2 == 0;
        let ahead_ms = now.0 - self.hub_now().0;
        self.phones[at].exchange = Some(Exchange {
            phone,
            hub: served,
            up,
            down,
            small,
            overheard: Overheard::default(),
            ahead_ms,
        });
        Ok(())
    }

    /// Chooses a phone with an exchange under way.
    fn connected(&mut self) -> Option<usize> {
        let all = 0..self.phones.len();
        let all: Vec<usize> = all.filter(|at| self.phones[*at].exchange.is_some()).collect();
        all.choose(&mut self.rng).copied()
    }

    pub(crate) fn deliver(&mut self) {
        let Some(at) = self.connected() else { return };
        for _ in 0..self.rng.random_range(1..8) {
            let up = self.rng.random_bool(0.5);
            if let Err(error) = self.deliver_one(at, up) {
                self.say(|| format!("the exchange of {} ends: {error}", self.phones[at].name));
                self.cut(at);
                return;
            }
        }
    }

    /// Lets one side speak, the network do what it does to some packets, and the other side hear.
    fn deliver_one(&mut self, at: usize, up: bool) -> Result<(), String> {
        if self.is_parted(at, HUB) {
            return Ok(());
        }
        if up {
            self.phone_speaks(at, self.clock)?
        } else {
            self.hub_speaks(at, self.clock)?
        };
        for _ in 0..self.rng.random_range(1..8) {
            let Self { phones, rng, tally, .. } = self;
            let Some(exchange) = &mut phones[at].exchange else { return Ok(()) };
            let wire = if up { &mut exchange.up } else { &mut exchange.down };
            if !wire.stir(rng, tally) {
                break;
            }
        }
        if up {
            self.hub_hears(at)?
        } else {
            self.phone_hears(at)?
        };
        Ok(())
    }

    pub(crate) fn phone_speaks(&mut self, at: usize, due: i64) -> Result<bool, String> {
        let (now, before) = (self.now(at), self.phones[at].records());
        let waits = self.clock < self.phones[at].busy_until;
        let Some(exchange) = self.phones[at].exchange.as_mut().filter(|_| !waits) else {
            return Ok(false);
        };
        let said = exchange.phone_speaks(now, due);
        bounds::check(&exchange.phone.load(), &mut self.tally);
        self.note_slow(at, before);
        let said = said.map_err(told)?;
        if let Some(frame) = &said {
            self.say(|| format!("{} says {}", self.phones[at].name, named(frame)));
        }
        Ok(said.is_some())
    }

    pub(crate) fn phone_hears(&mut self, at: usize) -> Result<bool, String> {
        let before = self.phones[at].records();
        let waits = self.clock < self.phones[at].busy_until;
        let Some(exchange) = self.phones[at].exchange.as_mut().filter(|_| !waits) else {
            return Ok(false);
        };
        let heard = exchange.phone_hears();
        bounds::check(&exchange.phone.load(), &mut self.tally);
        self.note_slow(at, before);
        heard.map_err(told)
    }

    pub(crate) fn hub_speaks(&mut self, at: usize, due: i64) -> Result<bool, String> {
        use bienban_core::store::Store;
        let (now, before) = (self.hub_now(), self.hub.store.position().0);
        let waits = self.clock < self.hub.busy_until;
        let Some(exchange) = self.phones[at].exchange.as_mut().filter(|_| !waits) else {
            return Ok(false);
        };
        let said = exchange.hub_speaks(now, due);
        bounds::check(&exchange.hub.load(), &mut self.tally);
        self.hub.failed |= exchange.hub.take_full() || said.is_err();
        let announced = exchange.hub.take_announced();
        self.note_slow_hub(before);
        let said = said.map_err(told)?;
        if let Some(frame) = &said {
            self.say(|| format!("the hub says {} to {}", named(frame), self.phones[at].name));
            oracle::expect_readable(self, at, frame);
        }
        if announced {
            self.grown();
        }
        Ok(said.is_some())
    }

    pub(crate) fn hub_hears(&mut self, at: usize) -> Result<bool, String> {
        let waits = self.clock < self.hub.busy_until;
        let Some(exchange) = self.phones[at].exchange.as_mut().filter(|_| !waits) else {
            return Ok(false);
        };
        let heard = exchange.hub_hears();
        bounds::check(&exchange.hub.load(), &mut self.tally);
        self.hub.failed |= heard.is_err();
        heard.map_err(told)
    }

    fn cut_one(&mut self) {
        if let Some(at) = self.connected() {
            self.cut(at);
        }
    }

    pub(crate) fn cut(&mut self, at: usize) {
        if let Some(exchange) = self.phones[at].exchange.take() {
            self.tally.note(Seen::Cuts);
            if exchange.up.is_midway() || exchange.down.is_midway() {
                self.tally.note(Seen::CutsInAFrame);
            }
            self.say(|| format!("the link of {} is cut", self.phones[at].name));
        }
    }

    pub(crate) fn cut_all(&mut self) {
        (0..self.phones.len()).for_each(|at| self.cut(at));
    }

    pub(crate) fn merge(&mut self) {
        if self.clock < self.hub.busy_until {
            return;
        }
        use bienban_core::store::Store;
        let before = self.hub.store.position().0;
        // As the merge worker does: it looks after a store that failed before it merges.
        self.recover_hub();
        match self.hub.hub.merge_next(self.hub_now()) {
            Ok(report) => self.say(|| format!("the hub merges: {report:?}")),
            Err(error) => {
                self.say(|| format!("the hub cannot merge: {error}"));
                self.hub.failed = true;
            }
        }
        self.hub.failed |= self.hub.hub.settle_log(self.hub_now()).is_err();
        self.note_slow_hub(before);
        self.grown();
        self.note_seals();
    }

    /// Tells all exchanges that the hub has something new, or other rights.
    pub(crate) fn grown(&mut self) {
        for phone in &mut self.phones {
            if let Some(exchange) = &mut phone.exchange {
                exchange.hub.grown().unwrap();
            }
        }
    }

    pub(crate) fn recover_hub(&mut self) {
        if !std::mem::take(&mut self.hub.failed) {
            return;
        }
        let options = HubOptions { fresh_epoch: self.rng.random(), now: self.hub_now() };
        if let Err(error) = self.hub.hub.recover(options) {
            self.say(|| format!("the hub takes no writes: {error}"));
            self.hub.failed = true;
        }
    }
}

/// Names what a frame says.
fn named(frame: &Frame) -> String {
    match frame {
        Frame::Failed(failure) => format!("Failed {:?}", failure.code),
        Frame::Ask { request, .. } => {
            let text = format!("{request:?}");
            let name = text.split(|letter: char| !letter.is_alphanumeric()).next();
            format!("Ask {}", name.unwrap_or_default())
        }
        frame => frame.name().to_owned(),
    }
}

fn told(error: ReplicaError) -> String {
    format!("{error}: {error:?}")
}

fn visit_of(template: TemplateId, visit: usize) -> Genesis {
    Genesis {
        kind: Kind::Inspection,
        scope: UNITS[visit].parse().unwrap(),
        template: Some(template),
        origin: Origin::Planned {
            plan: bienban_core::model::DocumentId([1; 32]),
            facility: bienban_core::model::DocumentId([2; 32]),
            visit: u32::try_from(visit + 1).unwrap(),
        },
    }
}

fn answer(grade: Grade, token: &str, now: Timestamp) -> AnswerInput {
    AnswerInput {
        grade,
        value: Some(token.to_owned()),
        evidence: Vec::new(),
        claimed_at: now,
        resolves: false,
    }
}

fn finding(item: &str, token: &str) -> FindingInput {
    FindingInput {
        item: Some(item.to_owned()),
        row: None,
        severity: Severity::Minor,
        text: token.to_owned(),
        clause: None,
        deadline: None,
        unfixable: false,
    }
}
