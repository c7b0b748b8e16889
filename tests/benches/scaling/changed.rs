//! An exchange of few changed documents among many: what it costs must follow the few.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use bienban_core::checklist::{TEA, Template};
use bienban_core::clock::Stopwatch;
use bienban_core::model::DocumentId;
use bienban_core::replica::{Hub, Phone};
use bienban_tests::fleet::{self, NOW};
use bienban_tests::stock::{open_hub, open_phone};

use crate::sizes;
use crate::stocks::{self, Stocks};
use crate::table::{Column, Table, count, figure, median, ms};

/// Documents that changed, among more and more.
const CHANGED: u32 = 50;

/// Exchanges of each; the middle one is told.
const TIMES: usize = 3;

const COLUMNS: [Column; 6] = [
    ("time ms", 1),
    ("bytes up", 0),
    ("bytes down", 0),
    ("round trips", 0),
    ("loaded by the phone", 0),
    ("loaded by the hub", 0),
];

/// Who changed the documents.
#[derive(Clone, Copy, PartialEq)]
enum Whose {
    /// The phone that exchanges; the hub merges.
    Own,
    /// Another, and the hub has merged it.
    Foreign,
}

const BOTH: [(Whose, &str); 2] =
    [(Whose::Own, "changed on the phone"), (Whose::Foreign, "changed by another phone")];

/// Prints the tables.
pub(crate) fn run(stocks: &mut Stocks) {
    let counts = stocks::counts();
    for (whose, what) in BOTH {
        let title = format!("changed: {CHANGED} documents of all, {what}");
        let mut table = Table::new(title, "documents", &COLUMNS);
        for stored in &counts {
            let seen = measure(stocks, *stored, CHANGED.min(*stored), whose);
            table.row(*stored, seen);
        }
        table.print();
    }
    let stored = *counts.last().unwrap();
    for (whose, what) in BOTH {
        let title = format!("changed: of {} documents, {what}", figure(f64::from(stored), 0));
        let mut table = Table::new(title, "changed", &COLUMNS);
        for changed in sizes("BIENBAN_SCALING_CHANGED", "5,50,500") {
            let seen = measure(stocks, stored, changed.min(stored), whose);
            table.row(changed, seen);
        }
        table.print();
    }
}

fn measure(stocks: &mut Stocks, stored: u32, changed: u32, whose: Whose) -> Vec<f64> {
    let strangers: Vec<u8> = (0..TIMES).map(|_| stocks.stranger(stored)).collect();
    let root: &Path = stocks.of(stored);
    let (phone, hub) = (open_phone(root), open_hub(root));
    fleet::exchange(&phone, &hub);
    let seen: Vec<Vec<f64>> = strangers
        .into_iter()
        .map(|stranger| {
            // Spread over all, and others each time as far as there are others.
            let offset = u32::from(stranger);
            let step = (stored / changed).max(1);
            let numbers: BTreeSet<u32> =
                (0..changed).map(|at| (at * step + offset) % stored).collect();
            let documents = match whose {
                Whose::Own => edit(&phone, stranger, &numbers),
                Whose::Foreign => bring(&hub, stranger, &numbers),
            };
            assert_eq!(documents.len(), changed as usize);
            once(&phone, &hub, &documents)
        })
        .collect();
    median(&seen, |row| row[0])
}

/// One answer in each, on the phone itself.
fn edit(phone: &Phone, said: u8, numbers: &BTreeSet<u32>) -> Vec<DocumentId> {
    let template = Template::parse(TEA).unwrap();
    let item = template.shape().items()[usize::from(said) % template.shape().items().len()].clone();
    let one = |number: &u32| {
        let genesis = fleet::visit(template.id(), *number);
        let answer = fleet::answer(&format!("{said}"));
        let done = phone.edit(&genesis, NOW, |editor| editor.answer(&item, answer)).unwrap();
        assert!(done.recorded.is_some());
        genesis.document()
    };
    numbers.iter().map(one).collect()
}

/// One answer in each, by another phone; merged.
fn bring(hub: &Hub, stranger: u8, numbers: &BTreeSet<u32>) -> Vec<DocumentId> {
    let writer = fleet::phone(stranger);
    for number in numbers {
        let _ = fleet::fill(&writer, TEA, *number..*number + 1);
    }
    let template = Template::parse(TEA).unwrap().id();
    hub.accept(writer.device(), &writer.release(NOW).unwrap(), NOW).unwrap();
    hub.merge_all(NOW).unwrap();
    numbers.iter().map(|number| fleet::visit(template, *number).document()).collect()
}

/// Both sides in one process, no network; the hub merges in it.
fn once(phone: &Arc<Phone>, hub: &Arc<Hub>, documents: &[DocumentId]) -> Vec<f64> {
    let loaded = || (phone.replica().documents_loaded(), hub.replica().documents_loaded());
    let before = loaded();
    let watch = Stopwatch::start();
    let (outcome, _) = fleet::exchange(phone, hub);
    hub.merge_all(NOW).unwrap();
    let took = watch.elapsed();
    let after = loaded();
    // What was merged after the exchange had ended is told in the next.
    fleet::exchange(phone, hub);
    assert_eq!(phone.outbox().unwrap().len(), 0, "everything is on the hub");
    for document in documents {
        let heads =
            |replica: &bienban_core::replica::Replica| replica.load(*document).unwrap().heads();
        assert_eq!(heads(phone.replica()), heads(hub.replica()), "both hold the same");
    }
    vec![
        ms(took),
        count(outcome.meter.bytes_out),
        count(outcome.meter.bytes_in),
        f64::from(outcome.meter.round_trips),
        count(after.0 - before.0),
        count(after.1 - before.1),
    ]
}
