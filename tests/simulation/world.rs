//! The world: phones, hub, network, faults; one event at a time, chosen by the seed.

use std::collections::VecDeque;

use bienban_core::checklist::Template;
use bienban_core::model::{
    AnswerInput, FindingInput, Genesis, Grade, Kind, NoteEdit, Origin, Severity, TemplateId,
    Timestamp,
};
use bienban_core::replica::{HubOptions, HubRunner, PhoneOptions, PhoneRunner};
use bienban_core::store::{Fault, MemoryDisk};
use bienban_core::sync::{PlainEntry, Role};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use crate::meet::Link;
use crate::node::{Exchange, HubNode, PhoneNode, Said, What, entropy};
use crate::oracle::Tally;

/// A checklist small enough that a thousand schedules take seconds.
const CHECKLIST: &str = include_str!("checklist.json");

const ITEMS: [&str; 4] = ["1.1", "1.2", "2.1", "2.2"];

/// Visits that the phones fill.
const VISITS: usize = 2;

/// Exchanges of every phone after the network has healed, before the run counts as stuck.
const HEAL_ROUNDS_MAX: usize = 12;

/// Frames of one exchange after healing, before it counts as stuck.
const FRAMES_MAX: usize = 2000;

pub(crate) struct World {
    pub(crate) rng: SmallRng,
    pub(crate) hub: HubNode,
    pub(crate) phones: Vec<PhoneNode>,
    pub(crate) visits: Vec<Genesis>,
    pub(crate) tally: Tally,
    pub(crate) links: Vec<Link>,
    hub_backup: Option<MemoryDisk>,
    clock: i64,
    edits: usize,
    trace: bool,
}

impl World {
    pub(crate) fn new(seed: u64, trace: bool) -> Self {
        let mut rng = SmallRng::seed_from_u64(seed);
        let hub = HubNode::new(&mut rng);
        hub.hub.publish(CHECKLIST.as_bytes().to_vec()).unwrap();
        let template = Template::parse(CHECKLIST.as_bytes()).unwrap().id();
        let count = rng.random_range(2..=4);
        let mut phones = Vec::new();
        for number in 0..count {
            let phone = PhoneNode::new(format!("phone-{number}"), number + 1, &mut rng);
            hub.hub.trust(entry(&phone)).unwrap();
            phones.push(phone);
        }
        let visits = (1..=VISITS).map(|visit| visit_of(template, visit)).collect();
        let mut world = Self {
            rng,
            hub,
            phones,
            visits,
            tally: Tally::default(),
            links: Vec::new(),
            hub_backup: None,
            clock: 1_800_000_000_000,
            edits: 0,
            trace,
        };
        // A phone learns the checklist before it leaves.
        for phone in 0..world.phones.len() {
            world.sync_fully(phone);
        }
        world
    }

    pub(crate) fn step(&mut self) {
        self.clock += self.rng.random_range(1..5_000);
        let phone = self.rng.random_range(0..self.phones.len());
        match self.rng.random_range(0..1000) {
            0..280 => self.edit(phone),
            280..300 => self.seal(phone),
            300..400 => self.connect(phone),
            400..430 => self.meet(phone),
            430..530 => self.pass_on(),
            530..540 => self.part(),
            540..780 => self.deliver(phone),
            780..840 => self.cut(phone),
            840..930 => self.merge(),
            930..950 => self.power_cut_phone(phone),
            950..960 => self.power_cut_hub(),
            960..970 => self.toggle_full(phone),
            970..975 => self.toggle_full_hub(),
            975..980 => self.jump_clock(phone),
            980..986 => self.back_up(phone),
            986..992 => self.restore(phone),
            992..994 => self.clone_phone(phone),
            994..998 => self.ghost(phone),
            _ => self.hub_backup(),
        }
    }

    pub(crate) fn say(&self, text: impl FnOnce() -> String) {
        if self.trace {
            println!("{:>8} {}", self.clock % 100_000_000, text());
        }
    }

    pub(crate) fn now(&self, phone: usize) -> Timestamp {
        Timestamp(self.clock + self.phones[phone].skew)
    }

    fn edit(&mut self, at: usize) {
        self.edits += 1;
        let token = format!("{}e{}", self.phones[at].name, self.edits);
        let visit = self.rng.random_range(0..self.visits.len());
        let item = *ITEMS.choose(&mut self.rng).unwrap();
        let grade = *[Grade::Pass, Grade::Minor, Grade::Major].choose(&mut self.rng).unwrap();
        let what =
            *[What::Answer, What::Answer, What::Note, What::Finding].choose(&mut self.rng).unwrap();
        let (id, now) = (self.rng.random::<[u8; 16]>(), self.now(at));
        let genesis = self.visits[visit].clone();
        let outcome = self.phones[at].phone.edit(&genesis, now, |editor| match what {
            What::Answer => editor.answer(
                item,
                AnswerInput {
                    grade,
                    value: Some(token.clone()),
                    evidence: Vec::new(),
                    claimed_at: now,
                    resolves: false,
                },
            ),
            What::Note => editor.note(item, NoteEdit::Append(format!("[{token}]"))),
            What::Finding => editor.finding_add(id, finding(item, &token)),
        });
        match outcome {
            Ok(_) => {
                self.tally.edits += 1;
                self.say(|| format!("{token}: {what:?} in visit {visit} {item}"));
                self.phones[at].said.push(Said { token, visit, what });
            }
            Err(error) => {
                self.tally.refused_writes += 1;
                self.say(|| format!("{token} refused: {error}"));
            }
        }
    }

    fn connect(&mut self, at: usize) {
        if self.phones[at].exchange.is_some() {
            return;
        }
        let (now, live) = (self.now(at), self.rng.random_bool(0.3));
        let entropy = entropy(&mut self.rng);
        let node = &mut self.phones[at];
        let hub = self.hub.hub.clone();
        let options = PhoneOptions { hub: hub.device(), live, asks: Vec::new() };
        let runner = PhoneRunner::start(node.phone.clone(), options, entropy, now);
        let Ok(mut runner) = runner else { return };
        let mut up = VecDeque::new();
        while let Ok(Some(frame)) = runner.poll_frame(now) {
            up.push_back(frame);
        }
        if node.flights.len() < 4 {
            node.flights.push(up.iter().cloned().collect());
        }
        let served = HubRunner::start(hub, entry(node).into(), Timestamp(self.clock)).unwrap();
        let (down, small) = (VecDeque::new(), self.clock % 2 == 0);
        node.exchange = Some(Exchange { phone: runner, hub: served, up, down, small });
        self.say(|| format!("phone {at} connects, live {live}"));
    }

    fn deliver(&mut self, at: usize) {
        for _ in 0..self.rng.random_range(1..6) {
            let up = self.rng.random_bool(0.5);
            if let Err(error) = self.deliver_one(at, up) {
                self.say(|| format!("exchange of phone {at} ends: {error}"));
                self.cut(at);
                return;
            }
        }
    }

    /// Moves one frame, or lets one side work. Returns whether anything happened.
    fn deliver_one(&mut self, at: usize, up: bool) -> Result<bool, String> {
        let (hub_now, now) = (Timestamp(self.clock), self.now(at));
        let Some(exchange) = self.phones[at].exchange.as_mut() else { return Ok(false) };
        let moved = if up { exchange.step_hub(hub_now) } else { exchange.step_phone(now) };
        self.hub.failed |= exchange.hub.take_full() || (up && moved.is_err());
        moved.map_err(|error| format!("{error}: {error:?}"))
    }

    fn cut(&mut self, at: usize) {
        if self.phones[at].exchange.take().is_some() {
            self.tally.cuts += 1;
            self.say(|| format!("link of phone {at} cut"));
        }
    }

    fn merge(&mut self) {
        // As the merge worker does: it looks after a store that failed before it merges.
        self.recover_hub();
        match self.hub.hub.merge_next(Timestamp(self.clock)) {
            Ok(report) => self.say(|| format!("hub merges: {report:?}")),
            Err(error) => {
                self.say(|| format!("hub cannot merge: {error}"));
                self.hub.failed = true;
            }
        }
        for phone in &mut self.phones {
            if let Some(exchange) = &mut phone.exchange {
                exchange.hub.grown().unwrap();
            }
        }
    }

    fn recover_hub(&mut self) {
        if !std::mem::take(&mut self.hub.failed) {
            return;
        }
        let options = HubOptions { fresh_epoch: self.rng.random(), now: Timestamp(self.clock) };
        if let Err(error) = self.hub.hub.recover(options) {
            self.say(|| format!("the hub takes no writes: {error}"));
            self.hub.failed = true;
        }
    }

    fn power_cut_phone(&mut self, at: usize) {
        self.tally.power_cuts += 1;
        self.say(|| format!("phone {at} loses power"));
        self.part_from(at);
        let kept = self.rng.random_bool(0.5);
        self.phones[at].store.power_cut(kept).unwrap();
        let Self { phones, rng, .. } = self;
        phones[at].reopen(rng);
    }

    fn power_cut_hub(&mut self) {
        self.tally.power_cuts += 1;
        self.say(|| "hub loses power".to_owned());
        for phone in &mut self.phones {
            phone.exchange = None;
        }
        let kept = self.rng.random_bool(0.5);
        self.hub.store.power_cut(kept).unwrap();
        self.hub.reopen(&mut self.rng);
    }

    fn toggle_full(&mut self, at: usize) {
        let full = self.rng.random_bool(0.5);
        self.say(|| format!("disk of phone {at} full: {full}"));
        self.phones[at].store.set_fault(full.then_some(Fault::Full));
    }

    fn toggle_full_hub(&mut self) {
        let full = self.rng.random_bool(0.5);
        self.say(|| format!("disk of the hub full: {full}"));
        self.hub.store.set_fault(full.then_some(Fault::Full));
    }

    fn jump_clock(&mut self, at: usize) {
        // Up to ten years off, either way.
        self.phones[at].skew = self.rng.random_range(-315_000_000_000..315_000_000_000);
    }

    fn back_up(&mut self, at: usize) {
        let node = &mut self.phones[at];
        node.backup = Some((node.store.disk().copy(), node.said.len()));
    }

    /// Puts yesterday's copy in the place of a phone's folder; half the time nothing about the files
    /// gives it away. What was recorded since and never left the phone is physically gone.
    fn restore(&mut self, at: usize) {
        let Some((image, count)) = self.phones[at].backup.clone() else { return };
        let moved = self.rng.random_bool(0.5);
        self.say(|| format!("phone {at} is restored from a backup, visibly: {moved}"));
        self.tally.restores += 1;
        self.part_from(at);
        let Self { phones, rng, .. } = self;
        let node = &mut phones[at];
        node.said.truncate(count);
        // One that was signed just then may be in the copy or not.
        node.sealed.retain(|(after, ..)| *after < count);
        node.restore(&image, moved, rng);
    }

    fn clone_phone(&mut self, at: usize) {
        if self.phones.len() >= 6 {
            return;
        }
        self.say(|| format!("phone {at} is cloned"));
        self.tally.clones += 1;
        let Self { phones, rng, .. } = self;
        let image = phones[at].store.disk().copy();
        let moved = rng.random_bool(0.5);
        let mut node = PhoneNode::new(format!("clone-{}", phones.len()), 1, rng);
        node.seed = phones[at].seed;
        node.restore(&image, moved, rng);
        phones.push(node);
    }

    /// The network repeats an old first flight as if it were a new exchange.
    fn ghost(&mut self, at: usize) {
        let Some(flight) = self.phones[at].flights.choose(&mut self.rng).cloned() else { return };
        self.tally.ghosts += 1;
        let entry = entry(&self.phones[at]);
        let mut runner =
            HubRunner::start(self.hub.hub.clone(), entry.into(), Timestamp(self.clock)).unwrap();
        self.say(|| format!("an old flight of phone {at} comes once more"));
        let now = Timestamp(self.clock);
        for frame in flight {
            let heard = runner.handle(&frame).is_ok();
            let polled = loop {
                match runner.poll_frame(now) {
                    Ok(Some(_)) => {}
                    polled => break polled.is_ok(),
                }
            };
            // This exchange too may be the one that meets a full disk.
            self.hub.failed |= runner.take_full() || !polled;
            if !heard || !polled {
                break;
            }
        }
    }

    /// The hub is backed up; rarely, it is set back to its backup.
    fn hub_backup(&mut self) {
        match self.hub_backup.take() {
            Some(image) if self.rng.random_bool(0.3) => {
                self.say(|| "the hub is restored from a backup".to_owned());
                self.tally.hub_restores += 1;
                for phone in &mut self.phones {
                    phone.exchange = None;
                }
                self.hub.restore(&image, &mut self.rng);
                for phone in &self.phones {
                    self.hub.hub.trust(entry(phone)).unwrap();
                }
            }
            _ => self.hub_backup = Some(self.hub.store.disk().copy()),
        }
    }

    /// Ends all faults and syncs everybody until nothing moves.
    pub(crate) fn heal(&mut self) {
        self.say(|| "everything heals".to_owned());
        self.links.clear();
        self.hub.store.set_fault(None);
        // Nobody opens a store again from here: replicas find their own way.
        for at in 0..self.phones.len() {
            self.phones[at].exchange = None;
            self.phones[at].store.set_fault(None);
        }
        for _ in 0..HEAL_ROUNDS_MAX {
            let mut moved = false;
            for at in 0..self.phones.len() {
                moved |= self.sync_fully(at);
            }
            if !moved {
                // A seal is presented in one exchange, looked at by the worker, and heard of in another.
                for at in (0..self.phones.len()).chain(0..self.phones.len()) {
                    self.sync_fully(at);
                }
                return;
            }
        }
        panic!("still moving after {HEAL_ROUNDS_MAX} rounds of syncing");
    }

    /// One whole exchange over a good link. Returns whether anything moved.
    fn sync_fully(&mut self, at: usize) -> bool {
        self.clock += 1000;
        // The merge worker has had its turn since the last exchange.
        self.recover_hub();
        let now = self.now(at);
        let entropy = entropy(&mut self.rng);
        let node = &mut self.phones[at];
        let hub = self.hub.hub.clone();
        let options = PhoneOptions { hub: hub.device(), live: false, asks: Vec::new() };
        let phone = PhoneRunner::start(node.phone.clone(), options, entropy, now).unwrap();
        let served = HubRunner::start(hub, entry(node).into(), Timestamp(self.clock)).unwrap();
        let (up, down, small) = (VecDeque::new(), VecDeque::new(), self.clock % 2 == 0);
        let exchange = Exchange { phone, hub: served, up, down, small };
        node.exchange = Some(exchange);
        for _ in 0..FRAMES_MAX {
            let up = self.deliver_one(at, true).unwrap_or_else(|error| panic!("hub: {error}"));
            let down = self.deliver_one(at, false).unwrap_or_else(|error| panic!("phone: {error}"));
            if !up && !down {
                let merged = self.hub.hub.merge_all(Timestamp(self.clock)).unwrap();
                let exchange = self.phones[at].exchange.as_mut().unwrap();
                if exchange.phone.outcome().is_some() {
                    let progress = exchange.phone.progress();
                    let outcome = exchange.phone.outcome().cloned();
                    self.say(|| format!("phone {at} is through: {progress:?} {outcome:?}"));
                    self.phones[at].exchange = None;
                    let moved = progress.received + progress.sent + progress.stored;
                    return moved + progress.refused + progress.declined > 0 || progress.again;
                }
                exchange.hub.grown().unwrap();
                self.say(|| format!("phone {at} waits; hub merged {merged}"));
            }
        }
        panic!("an exchange of phone {at} does not end");
    }
}

pub(crate) fn entry(phone: &PhoneNode) -> PlainEntry {
    PlainEntry {
        device: phone.device(),
        name: phone.name.clone(),
        agency: "Trạm Y tế".to_owned(),
        role: Role::Leader,
        scopes: vec!["06325".parse().unwrap()],
        active: true,
    }
}

fn visit_of(template: TemplateId, visit: usize) -> Genesis {
    Genesis {
        kind: Kind::Inspection,
        scope: "06325".parse().unwrap(),
        template: Some(template),
        origin: Origin::Planned {
            plan: bienban_core::model::DocumentId([1; 32]),
            facility: bienban_core::model::DocumentId([2; 32]),
            visit: u32::try_from(visit).unwrap(),
        },
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
