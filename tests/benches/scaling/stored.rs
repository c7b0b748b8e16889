//! Inspections that are stored and not looked at: opening, memory, the list, and catching up.

use std::path::Path;
use std::sync::Arc;

use bienban_core::checklist::TEA;
use bienban_core::clock::Stopwatch;
use bienban_core::model::Kind;
use bienban_core::replica::ListQuery;
use bienban_tests::fleet::{self, NOW};
use bienban_tests::gauge::size;
use bienban_tests::stock::{self, ANSWERS, NEWEST, child, open_hub, open_phone};

use crate::stocks::{self, Stocks};
use crate::table::{Column, Table, count, ms};

/// What another phone has written when the phone with all inspections catches up.
const NEWS: u32 = 10;

const OPENING: [Column; 6] = [
    ("open ms", 1),
    ("resident MB", 1),
    ("over an empty store MB", 1),
    ("list 50 ms", 2),
    ("journal kB", 0),
    ("index kB", 0),
];

const CATCHING_UP: [Column; 6] = [
    ("hub's merge ms", 1),
    ("catch up ms", 1),
    ("bytes up", 0),
    ("bytes down", 0),
    ("loaded by the phone", 0),
    ("loaded by the hub", 0),
];

/// Prints the tables.
pub(crate) fn run(stocks: &mut Stocks) {
    let of = |whose| format!("stored: a {whose} is opened and lists the newest {NEWEST}");
    let mut opening = [
        ("phone", Table::new(of("phone"), "documents", &OPENING)),
        ("hub", Table::new(of("hub"), "documents", &OPENING)),
    ];
    let title = format!("stored: {NEWS} new inspections of another phone");
    let mut syncs = Table::new(title, "documents", &CATCHING_UP);
    let empty = stocks.of(0).to_owned();
    for stored in stocks::counts() {
        let root = stocks.of(stored).to_owned();
        for (whose, table) in &mut opening {
            let mut seen = numbers(&child(whose, &root));
            seen.insert(2, seen[1] - numbers(&child(whose, &empty))[1]);
            let disk = |part| count(size(&root.join(*whose).join(part))) / 1e3;
            seen.extend([disk("journal"), disk("index")]);
            table.row(stored, seen);
        }
        let stranger = stocks.stranger(stored);
        syncs.row(stored, numbers(&child(&format!("syncs {stranger}"), &root)));
    }
    opening.iter().for_each(|(_, table)| table.print());
    syncs.print();
}

fn numbers(told: &str) -> Vec<f64> {
    serde_json::from_str(told).unwrap()
}

/// Measures in a process of its own.
pub(crate) fn measure(what: &str, root: &Path) {
    let seen = match what.split_once(' ') {
        Some((_, stranger)) => syncs(root, stranger.parse().unwrap()),
        None if what == "phone" => opening(|| open_phone(root), |phone| phone.replica()),
        None => opening(|| open_hub(root), |hub| hub.replica()),
    };
    println!("{}", serde_json::to_string(&seen).unwrap());
}

fn opening<T>(
    open: impl FnOnce() -> T,
    inside: impl Fn(&T) -> &bienban_core::replica::Replica,
) -> Vec<f64> {
    let seen = stock::opening(open, inside);
    assert_eq!(seen.loaded, 0, "a list loads no document");
    assert!(!seen.state.moved && seen.state.rebuilt.is_none(), "{:?}", seen.state);
    vec![ms(seen.opened), count(seen.resident) / 1e6, ms(seen.listed)]
}

/// Both sides in one process, no network.
fn syncs(root: &Path, stranger: u8) -> Vec<f64> {
    let (phone, hub) = (open_phone(root), open_hub(root));
    let writer = fleet::phone(stranger);
    let before = phone.replica().totals().unwrap().documents;
    let first = u32::try_from(before).unwrap();
    let _ = fleet::fill_answers(&writer, TEA, first..first + NEWS, ANSWERS);
    hub.accept(writer.device(), &writer.release(NOW).unwrap(), NOW).unwrap();
    let watch = Stopwatch::start();
    hub.merge_all(NOW).unwrap();
    let merged = watch.elapsed();
    let loaded = || (phone.replica().documents_loaded(), hub.replica().documents_loaded());
    let old = loaded();
    let watch = Stopwatch::start();
    let (outcome, _) = fleet::exchange(&phone, &hub);
    let took = watch.elapsed();
    let new = loaded();
    assert_eq!(phone.replica().totals().unwrap().documents, before + u64::from(NEWS));
    let newest = ListQuery { limit: NEWEST, ..ListQuery::default() };
    phone.replica().refresh(usize::MAX).unwrap();
    assert!(phone.replica().list(Kind::Inspection, &newest).unwrap().len() >= NEWS as usize);
    assert_eq!(Arc::strong_count(&phone), 1, "nothing goes on beside this");
    vec![
        ms(merged),
        ms(took),
        count(outcome.meter.bytes_out),
        count(outcome.meter.bytes_in),
        count(new.0 - old.0),
        count(new.1 - old.1),
    ]
}
