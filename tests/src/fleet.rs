//! Phones and a hub with as many documents as wanted: what tests and benches of cost stand on.
//!
//! It makes records in bulk and moves frames between two runners; it asserts nothing.
#![allow(clippy::unwrap_used, reason = "a test harness stops at the first surprise")]

use std::collections::VecDeque;
use std::sync::Arc;

use bienban_core::checklist::Template;
use bienban_core::model::{
    Actor, AnswerInput, Document, DocumentId, Genesis, Grade, Incarnation, Kind, Origin, Shape,
    TemplateId, Timestamp,
};
use bienban_core::replica::{
    Fact, Hub, HubOptions, HubRunner, Phone, PhoneOptions, PhoneRunner, Progress, Projection,
};
use bienban_core::store::{MemoryStore, Store};
use bienban_core::sync::{FeedItem, Frame, Outcome, PlainEntry, Role};
use bienban_core::trust::DeviceKey;

use crate::overheard::Overheard;

/// A checklist of four items, for tests that need many documents rather than long ones.
pub const SHORT: &[u8] = include_bytes!("../simulation/checklist.json");

/// When everything here happens.
pub const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// The hub's secret.
pub const HUB_SEED: [u8; 32] = [200; 32];

/// Records of one commit while filling a store.
const FILLED_AT_ONCE: usize = 500;

/// An exchange that has nothing to move this often in a row hangs.
const IDLE_ROUNDS_MAX: usize = 3;

/// Returns the unit in which everything here lies.
///
/// # Panics
///
/// Never: the code is well formed.
#[must_use]
pub fn unit() -> bienban_core::model::Scope {
    "06325".parse().unwrap()
}

/// Returns the birth of the visit with a number.
#[must_use]
pub fn visit(template: TemplateId, number: u32) -> Genesis {
    let mut facility = [2; 32];
    facility[..4].copy_from_slice(&number.to_le_bytes());
    Genesis {
        kind: Kind::Inspection,
        scope: unit(),
        template: Some(template),
        origin: Origin::Planned {
            plan: DocumentId([1; 32]),
            facility: DocumentId(facility),
            visit: 1,
        },
    }
}

/// Returns an answer that says `value`.
#[must_use]
pub fn answer(value: &str) -> AnswerInput {
    AnswerInput {
        grade: Grade::Pass,
        value: Some(value.to_owned()),
        evidence: Vec::new(),
        claimed_at: NOW,
        resolves: false,
    }
}

/// Returns the secret of the phone with a number.
#[must_use]
pub fn phone_seed(number: u8) -> [u8; 32] {
    [number; 32]
}

/// Opens a phone over a store.
///
/// # Panics
///
/// When the store is another device's.
#[must_use]
pub fn phone_over(store: Arc<dyn Store>, number: u8) -> Arc<Phone> {
    let key = DeviceKey::from_seed(&phone_seed(number));
    Arc::new(Phone::open(store, key, Incarnation([number; 16]), NOW).unwrap())
}

/// Opens a phone over a store in memory.
#[must_use]
pub fn phone(number: u8) -> Arc<Phone> {
    phone_over(Arc::new(MemoryStore::new(Arc::new(Projection))), number)
}

/// Opens a hub over a store.
///
/// # Panics
///
/// When the store is another hub's.
#[must_use]
pub fn hub_over(store: Arc<dyn Store>) -> Arc<Hub> {
    let options = HubOptions { fresh_epoch: [9; 16], now: NOW };
    Arc::new(Hub::open(store, DeviceKey::from_seed(&HUB_SEED), options).unwrap())
}

/// Opens a hub over a store in memory that has a checklist and knows the phones 1 to `phones`.
///
/// # Panics
///
/// When the checklist does not read.
#[must_use]
pub fn hub(checklist: &[u8], phones: u8) -> (Arc<Hub>, TemplateId) {
    let hub = hub_over(Arc::new(MemoryStore::new(Arc::new(Projection))));
    let template = hub.publish(checklist.to_vec()).unwrap();
    for number in 1..=phones {
        hub.trust(entry(number)).unwrap();
    }
    (hub, template)
}

/// Returns what the hub is told of the phone with a number.
#[must_use]
pub fn entry(number: u8) -> PlainEntry {
    PlainEntry {
        device: DeviceKey::from_seed(&phone_seed(number)).device(),
        name: format!("phone-{number}"),
        agency: "Trạm Y tế".to_owned(),
        role: Role::Inspector,
        scopes: vec![unit()],
        active: true,
    }
}

/// Gives a phone a checklist and inspections with one answer each, as if it had recorded them: the
/// same facts, many in one commit. Summaries are left to be renewed.
///
/// # Panics
///
/// When the store fails.
#[must_use]
pub fn fill(phone: &Phone, checklist: &[u8], numbers: std::ops::Range<u32>) -> TemplateId {
    fill_answers(phone, checklist, numbers, 1)
}

/// As [`fill`], with the first `answers` items of each inspection answered, one edit for each.
///
/// # Panics
///
/// When the store fails.
#[must_use]
pub fn fill_answers(
    phone: &Phone,
    checklist: &[u8],
    numbers: std::ops::Range<u32>,
    answers: usize,
) -> TemplateId {
    fill_saying(phone, checklist, numbers, answers, &|_, _| "đạt".to_owned())
}

/// As [`fill_answers`], with the value of each answer by the inspection's number and the item's place.
///
/// # Panics
///
/// When the store fails.
#[must_use]
pub fn fill_saying(
    phone: &Phone,
    checklist: &[u8],
    numbers: std::ops::Range<u32>,
    answers: usize,
    say: &dyn Fn(u32, usize) -> String,
) -> TemplateId {
    let parsed = Template::parse(checklist).unwrap();
    let (template, shape) = (parsed.id(), parsed.shape());
    let store = phone.replica().store();
    if phone.replica().object(template).unwrap().is_none() {
        let items = vec![FeedItem::Object { bytes: checklist.to_vec() }];
        let fact = Fact::Received { items, position: None, at: NOW };
        store.commit(vec![fact.record().unwrap()]).unwrap();
    }
    let mut records = Vec::new();
    for number in numbers {
        let genesis = visit(template, number);
        for change in first_answers(phone, &genesis, &shape, answers, &|at| say(number, at)) {
            let fact = Fact::Changed { genesis: genesis.clone(), change, at: NOW };
            records.push(fact.record().unwrap());
        }
        if records.len() >= FILLED_AT_ONCE {
            store.commit(std::mem::take(&mut records)).unwrap();
        }
    }
    if !records.is_empty() {
        store.commit(records).unwrap();
    }
    template
}

fn first_answers(
    phone: &Phone,
    genesis: &Genesis,
    shape: &Shape,
    answers: usize,
    say: &dyn Fn(usize) -> String,
) -> Vec<Vec<u8>> {
    let incarnation = phone.replica().owner().unwrap().unwrap().incarnation;
    let actor = Actor::derive(phone.device(), genesis.document(), incarnation);
    let mut document = Document::create(genesis, shape);
    // More answers than items: each is given anew then.
    let items = shape.items().iter().cycle().take(answers).enumerate();
    let mut one = |(at, item): (usize, &String)| {
        let answer = answer(&say(at));
        let ((), change) = document.edit(actor, NOW, |editor| editor.answer(item, answer)).unwrap();
        change.unwrap().bytes().to_vec()
    };
    items.map(&mut one).collect()
}

/// Runs one exchange over a perfect line; the hub merges whenever nothing else is to be done.
///
/// # Panics
///
/// When either side fails, or when the exchange hangs.
pub fn exchange(phone: &Arc<Phone>, hub: &Arc<Hub>) -> (Outcome, Progress) {
    exchange_heard(phone, hub, NOW, &mut |_, _| ())
}

/// Which way a frame goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To the hub.
    Up,
    /// To the phone.
    Down,
}

/// As [`exchange`], at a time; `hear` is given each frame.
///
/// # Panics
///
/// As [`exchange`].
pub fn exchange_heard(
    phone: &Arc<Phone>,
    hub: &Arc<Hub>,
    now: Timestamp,
    hear: &mut dyn FnMut(Way, &Frame),
) -> (Outcome, Progress) {
    let options = PhoneOptions { hub: hub.device(), live: false, asks: Vec::new() };
    let mut here = PhoneRunner::start(phone.clone(), options, Box::new(|| [7; 16]), now).unwrap();
    let entry = hub.replica().device(phone.device()).unwrap().unwrap();
    let mut there = HubRunner::start(hub.clone(), entry, now).unwrap();
    let (mut up, mut down) = (VecDeque::new(), VecDeque::new());
    let (mut idle, mut overheard) = (0, Overheard::default());
    while idle < IDLE_ROUNDS_MAX {
        let mut moved = false;
        while let Some(frame) = here.poll_frame(now).unwrap() {
            hear(Way::Up, &overheard.phone(&frame).unwrap());
            up.push_back(frame);
            moved = true;
        }
        if there.wants_input()
            && let Some(frame) = up.pop_front()
        {
            there.handle(&frame).unwrap();
            moved = true;
        }
        while let Some(frame) = there.poll_frame(now).unwrap() {
            hear(Way::Down, &overheard.hub(&frame).unwrap());
            down.push_back(frame);
            moved = true;
        }
        if here.wants_input()
            && let Some(frame) = down.pop_front()
        {
            here.handle(&frame).unwrap();
            moved = true;
        }
        if let Some(outcome) = here.outcome() {
            return (outcome.clone(), here.progress());
        }
        if moved {
            idle = 0;
        } else {
            idle += 1;
            hub.merge_all(now).unwrap();
            there.grown().unwrap();
        }
    }
    panic!("the exchange hangs");
}

/// Returns how much memory of this process is resident, where the system says so.
#[must_use]
pub fn resident_bytes() -> Option<u64> {
    Some(crate::gauge::resident(std::process::id())? * 1024)
}
