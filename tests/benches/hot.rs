//! Each hot path once, for whoever counts its instructions: `counts` beside this file runs it under callgrind. Fixed
//! keys, fixed time, one thread, stores in memory; it measures nothing itself. `hot NAME` makes what a path needs and
//! takes the path once, `hot --list` names them, and without either all are taken, to see that they work.
#![allow(clippy::print_stdout, reason = "that is how it names the paths")]
#![allow(clippy::unwrap_used, reason = "a broken bench must stop")]

use std::hint::black_box;
use std::sync::Arc;

use bienban_core::checklist::grading::{Answers, Grader, Settings};
use bienban_core::checklist::{TEA, Template};
use bienban_core::model::{
    Actor, AnswerInput, ChangeHash, Document, DocumentId, Genesis, Incarnation, Kind, RawChange,
    Shape,
};
use bienban_core::replica::{ListQuery, Phone, PhoneOptions, PhoneRunner};
use bienban_core::sync::reconcile::Reconciler;
use bienban_core::sync::{Differences, Frame, Item, MemoryTree, Pack};
use bienban_core::trust::DeviceKey;
use bienban_tests::fleet::{self, NOW, Way};
use serde_json::json;

/// A visit's answers by one of four who share it.
const SHARE: usize = 15;
const MANY: usize = 1_000;
/// Packs of one phone after a day.
const PACKS: u32 = 200;
const ITEMS: usize = 60;
const LISTED: usize = 50;
const STORED: u32 = 1_000;
const COMPARED: u32 = 10_000;
const DIFFERENCES: u32 = 10;
/// Documents that an empty phone is given.
const GIVEN: u32 = 20;

/// A path that everything is ready for. What it captures outlives it, so that only the path itself is counted.
type Ready = Box<dyn FnMut()>;

/// A path's name, and how it is made ready.
type Named = (&'static str, fn() -> Ready);

const PATHS: [Named; 16] = [
    ("answers-43", answers),
    ("pack-15-seal", || seal(SHARE)),
    ("pack-15-read", || read(SHARE)),
    ("pack-1000-seal", || seal(MANY)),
    ("pack-1000-read", || read(MANY)),
    ("frame-200-encode", encode_frame),
    ("frame-200-decode", decode_frame),
    ("hub-accept", accept),
    ("hub-merge", hub_merge),
    ("merge-1-into-43", merge),
    ("snapshots-20", snapshots),
    ("show-60", show),
    ("grade-60", grade),
    ("digest-43", digest),
    ("list-50", list),
    ("compare-10000", compare),
];

/// What is counted is what runs in here.
#[inline(never)]
fn measured_path(work: &mut dyn FnMut()) {
    work();
}

fn main() {
    let named = std::env::args().nth(1);
    match named.as_deref() {
        Some("--list") => PATHS.iter().for_each(|(name, _)| println!("{name}")),
        Some(name) if !name.starts_with("--") => {
            let path = PATHS.iter().find(|(known, _)| *known == name);
            let (_, ready) = path.expect("a name that --list prints");
            measured_path(&mut *ready());
        }
        _ => {
            for (name, ready) in PATHS {
                measured_path(&mut *ready());
                println!("{name}: works");
            }
            println!("tests/benches/counts counts instructions");
        }
    }
}

fn tea() -> (Shape, Genesis) {
    let template = Template::parse(TEA).unwrap();
    (template.shape(), fleet::visit(template.id(), 1))
}

fn graded() -> AnswerInput {
    AnswerInput { value: None, ..fleet::answer("") }
}

/// So many answers of a phone, one change each, to one item after the other and then again.
fn typed(document: &mut Document, phone: u8, count: usize) -> Vec<RawChange> {
    let (device, incarnation) = (fleet::entry(phone).device, Incarnation([phone; 16]));
    let actor = Actor::derive(device, document.id(), incarnation);
    let items: Vec<String> = document.shape().answerable().cloned().collect();
    let mut one = |number: usize| {
        let answer = fleet::answer(&format!("đạt {number}"));
        let item = &items[number % items.len()];
        document.edit(actor, NOW, |editor| editor.answer(item, answer)).unwrap().1.unwrap()
    };
    (0..count).map(&mut one).collect()
}

/// Every item of an inspection answered, one after the other, each recorded before the next: all of an answer but
/// the disk and what seals it there.
fn answers() -> Ready {
    let phone = fleet::phone(1);
    let template = fleet::fill(&phone, TEA, 0..0);
    let (shape, genesis) = (tea().0, fleet::visit(template, 1));
    Box::new(move || {
        for item in shape.answerable() {
            let answer = fleet::answer("đạt");
            let edited = phone.edit(&genesis, NOW, |editor| editor.answer(item, answer)).unwrap();
            assert!(edited.recorded.is_some());
        }
    })
}

fn sealed(count: usize) -> (Vec<RawChange>, impl Fn(Vec<RawChange>) -> Vec<u8>) {
    let (shape, genesis) = tea();
    let changes = typed(&mut Document::create(&genesis, &shape), 1, count);
    let key = DeviceKey::from_seed(&fleet::phone_seed(1));
    let seal = move |changes| {
        let pack = Pack::seal(&key, genesis.clone(), Incarnation([1; 16]), None, changes);
        pack.unwrap().encode()
    };
    (changes, seal)
}

/// Signed and encoded.
fn seal(count: usize) -> Ready {
    let (changes, seal) = sealed(count);
    let mut changes = Some(changes);
    Box::new(move || drop(black_box(seal(changes.take().unwrap()))))
}

/// Decoded and its signature checked.
fn read(count: usize) -> Ready {
    let (changes, seal) = sealed(count);
    let bytes = seal(changes);
    Box::new(move || {
        let pack = Pack::decode(&bytes).unwrap();
        pack.verify().unwrap();
        assert_eq!(pack.changes().len(), count);
    })
}

/// What a phone pushes after a day.
fn push() -> Frame {
    let phone = fleet::phone(1);
    let _ = fleet::fill_answers(&phone, TEA, 0..PACKS, SHARE);
    let packs = phone.release(NOW).unwrap();
    assert_eq!(packs.len(), 200);
    Frame::Push { packs }
}

fn encode_frame() -> Ready {
    let frame = push();
    Box::new(move || drop(black_box(frame.encode().unwrap())))
}

fn decode_frame() -> Ready {
    let bytes = push().encode().unwrap();
    Box::new(move || drop(black_box(Frame::decode(&bytes).unwrap())))
}

/// A hub that has taken in one pack, and the pack of another document.
fn pushed() -> (Arc<bienban_core::replica::Hub>, Arc<Phone>, Vec<Vec<u8>>) {
    let (hub, _) = fleet::hub(TEA, 1);
    let phone = fleet::phone(1);
    let _ = fleet::fill_answers(&phone, TEA, 0..2, SHARE);
    let mut packs = phone.release(NOW).unwrap();
    let second = packs.split_off(1);
    hub.accept(phone.device(), &packs, NOW).unwrap();
    hub.merge_all(NOW).unwrap();
    (hub, phone, second)
}

fn accept() -> Ready {
    let (hub, phone, packs) = pushed();
    Box::new(move || {
        let accepted = hub.accept(phone.device(), &packs, NOW).unwrap();
        assert!(accepted.receipt.is_some());
    })
}

fn hub_merge() -> Ready {
    let (hub, phone, packs) = pushed();
    hub.accept(phone.device(), &packs, NOW).unwrap();
    Box::new(move || assert_eq!(hub.merge_all(NOW).unwrap(), 1))
}

/// One answer of another into an inspection that has all of its answers.
fn merge() -> Ready {
    let (shape, genesis) = tea();
    let foreign = typed(&mut Document::create(&genesis, &shape), 2, 1);
    let mut full = Document::create(&genesis, &shape);
    drop(typed(&mut full, 1, shape.answerable().count()));
    Box::new(move || assert_eq!(full.apply(&foreign).applied.len(), 1))
}

/// An empty phone takes in what a hub says to one: the hub's frames are kept from another exchange of the same phone.
fn snapshots() -> Ready {
    let (hub, _) = fleet::hub(TEA, 2);
    let writer = fleet::phone(1);
    let _ = fleet::fill_answers(&writer, TEA, 0..GIVEN, 43);
    fleet::exchange(&writer, &hub);
    hub.merge_all(NOW).unwrap();
    let mut frames = Vec::new();
    let mut hear = |way, frame: &Frame| {
        if way == Way::Down {
            frames.push(frame.encode().unwrap());
        }
    };
    drop(fleet::exchange_heard(&fleet::phone(2), &hub, NOW, &mut hear));
    let options = PhoneOptions { hub: hub.device(), live: false, asks: Vec::new() };
    let phone = fleet::phone(2);
    let runner = PhoneRunner::start(phone.clone(), options, Box::new(|| [7; 16]), NOW);
    let mut runner = runner.unwrap();
    Box::new(move || {
        let mut said = frames.iter();
        loop {
            while runner.poll_frame(NOW).unwrap().is_some() {}
            if runner.outcome().is_some() {
                break;
            }
            runner.handle(said.next().expect("the hub said enough")).unwrap();
        }
        assert_eq!(phone.replica().totals().unwrap().documents, u64::from(GIVEN));
    })
}

fn sixty() -> Vec<u8> {
    let text = |text: &str| json!({"vi": text, "en": text});
    let item = |number: usize| {
        json!({"key": format!("1.{number}"), "text": text("an item of a checklist"),
            "severities": ["minor", "major", "serious"]})
    };
    let items: Vec<_> = (1..=ITEMS).map(item).collect();
    let file = json!({"format": 1, "code": "HOT", "edition": "1", "title": text("hot"),
        "official": false, "effective_from": "2026-11-23", "source": "bench", "legal_basis": [],
        "order": ["na", "pass", "minor", "major", "serious"], "agencies": {"x": text("x")},
        "sections": [{"code": "1", "title": text("one"), "agency": "x", "items": items}]});
    serde_json::to_vec(&file).unwrap()
}

/// A phone with an inspection of 60 answers.
fn answered() -> (Arc<Phone>, Genesis, Arc<Template>) {
    let (phone, checklist) = (fleet::phone(1), sixty());
    let genesis = fleet::visit(fleet::fill(&phone, &checklist, 0..0), 1);
    let template = Template::parse(&checklist).unwrap();
    for item in template.shape().answerable() {
        let _ = phone.edit(&genesis, NOW, |editor| editor.answer(item, graded())).unwrap();
    }
    (phone, genesis, Arc::new(template))
}

/// An inspection is loaded and read.
fn show() -> Ready {
    let (phone, genesis, _) = answered();
    Box::new(move || {
        let view = phone.view(&genesis).unwrap().view().inspection().unwrap();
        assert_eq!(view.answers.len(), ITEMS);
    })
}

/// The grade of what was read, with its explanation: made anew, as a client does after an answer.
fn grade() -> Ready {
    let (phone, genesis, template) = answered();
    let view = phone.view(&genesis).unwrap().view().inspection().unwrap();
    Box::new(move || {
        let settings = Settings::new("2026-11-23".parse().unwrap());
        let mut grader = Grader::new(template.clone(), Answers::of_inspection(&view), settings);
        drop(black_box(grader.explain()));
    })
}

/// The canonical record and its digest.
fn digest() -> Ready {
    let (shape, genesis) = tea();
    let mut full = Document::create(&genesis, &shape);
    drop(typed(&mut full, 1, shape.answerable().count()));
    Box::new(move || {
        black_box(full.view().record().digest());
    })
}

fn list() -> Ready {
    let phone = fleet::phone(1);
    let _ = fleet::fill(&phone, TEA, 0..STORED);
    phone.replica().refresh(usize::MAX).unwrap();
    let query = ListQuery { limit: LISTED, ..ListQuery::default() };
    Box::new(move || {
        let newest = phone.replica().list(Kind::Inspection, &query).unwrap();
        assert_eq!(newest.len(), LISTED);
    })
}

/// Both sides' work.
fn compare() -> Ready {
    let item = |number: u32, seq: u64| Item {
        document: DocumentId(*blake3::hash(&number.to_le_bytes()).as_bytes()),
        actor: Actor([1; 16]),
        seq,
        hash: ChangeHash([7; 32]),
    };
    let (mut one, mut two) = (MemoryTree::default(), MemoryTree::default());
    for number in 0..COMPARED {
        one.put(item(number, 1));
        two.put(item(number, 1 + u64::from(number % (COMPARED / DIFFERENCES) == 0)));
    }
    Box::new(move || {
        let (mut here, mut there) = (Reconciler::default(), Reconciler::default());
        let (mut gains, mut gives) = (Differences::default(), Differences::default());
        let mut said = vec![Reconciler::open(&one).unwrap()];
        let mut theirs = true;
        while !said.is_empty() {
            let mut reply = Vec::new();
            for message in said {
                reply.extend(match theirs {
                    true => there.handle(message, &two, &mut gives).unwrap(),
                    false => here.handle(message, &one, &mut gains).unwrap(),
                });
            }
            said = reply;
            theirs = !theirs;
        }
        assert_eq!(gives.gives.len(), 10);
    })
}
