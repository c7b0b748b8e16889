//! One document that grows long: every change stays in it, so what one more costs grows with it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bienban_core::checklist::{TEA, Template};
use bienban_core::clock::Stopwatch;
use bienban_core::model::Genesis;
use bienban_core::replica::{Hub, Phone};
use bienban_core::sync::Meter;
use bienban_tests::fleet::{self, NOW};
use bienban_tests::gauge::size;
use bienban_tests::stock;

use crate::table::{Column, Table, count, median, ms};
use crate::{folder, sizes};

/// How often each is done; the middle one is told.
const TIMES: usize = 5;

/// Exchanges in which a long document must have arrived.
const EXCHANGES_MAX: usize = 20;

/// The number of the visit that is written so long.
const VISIT: u32 = 1;

const WRITER: u8 = 1;
const READER: u8 = 2;

const COSTS: [Column; 6] = [
    ("load ms", 1),
    ("edit ms", 1),
    ("hub's merge of one ms", 1),
    ("one more: bytes up", 0),
    ("bytes down to the writer", 0),
    ("bytes down to another phone", 0),
];

const SIZES: [Column; 6] = [
    ("writer's journal kB", 0),
    ("writer's index kB", 0),
    ("hub's journal kB", 0),
    ("hub's index kB", 0),
    ("to an empty phone: bytes down", 0),
    ("time s", 2),
];

/// Prints the tables.
pub(crate) fn run() {
    let mut costs = Table::new("long: one more change in a document", "changes", &COSTS);
    let mut held = Table::new("long: the document as a whole", "changes", &SIZES);
    for changes in sizes("BIENBAN_SCALING_CHANGES", "100,1000,10000") {
        let root = folder();
        let (whole, one) = Story::written(root.path(), changes).measure();
        costs.row(changes, one);
        held.row(changes, whole);
    }
    costs.print();
    held.print();
}

struct Story<'a> {
    root: &'a Path,
    writer: Arc<Phone>,
    hub: Arc<Hub>,
    visit: Genesis,
    items: Vec<String>,
    written: u32,
}

impl<'a> Story<'a> {
    /// A phone that made so many changes, one after another, and a hub that has merged them.
    fn written(root: &'a Path, changes: u32) -> Self {
        let (writer, hub) = (stock::open_phone(root), stock::open_hub(root));
        let template = hub.publish(TEA.to_vec()).unwrap();
        (WRITER..=READER).for_each(|number| hub.trust(fleet::entry(number)).unwrap());
        fleet::exchange(&writer, &hub);
        let say = |_, at: usize| format!("lần {at}");
        let answers = changes as usize;
        let _ = fleet::fill_saying(&writer, TEA, VISIT..VISIT + 1, answers, &say);
        writer.replica().refresh(usize::MAX).unwrap();
        settle(&writer, &hub);
        let items = Template::parse(TEA).unwrap().shape().items().to_vec();
        Self { root, writer, hub, visit: fleet::visit(template, VISIT), items, written: changes }
    }

    /// Returns what the whole costs, and one more change.
    fn measure(mut self) -> (Vec<f64>, Vec<f64>) {
        let disk = |whose: &str, part| count(size(&self.root.join(whose).join(part))) / 1e3;
        let mut whole = vec![
            disk("phone", "journal"),
            disk("phone", "index"),
            disk("hub", "journal"),
            disk("hub", "index"),
        ];
        let reader = fleet::phone_over(stock::open(&self.root.join("reader")), READER);
        let (took, meter) = settle(&reader, &self.hub);
        self.expect_same(&reader);
        whole.extend([count(meter.bytes_in), took.as_secs_f64()]);
        let document = self.visit.document();
        let (mut loads, mut edits, mut merges) = (Vec::new(), Vec::new(), Vec::new());
        let (mut up, mut down) = (Vec::new(), Vec::new());
        for _ in 0..TIMES {
            loads.push(timed(|| drop(self.writer.replica().load(document).unwrap())));
            let writer = self.writer.clone();
            edits.push(self.edit(&writer));
            up.push(settle(&writer, &self.hub).1);
            down.push(settle(&reader, &self.hub).1);
            self.edit(&reader);
            let packs = reader.release(NOW).unwrap();
            self.hub.accept(reader.device(), &packs, NOW).unwrap();
            merges.push(timed(|| assert_eq!(self.hub.merge_all(NOW).unwrap(), 1)));
            settle(&reader, &self.hub);
            settle(&writer, &self.hub);
        }
        self.expect_same(&reader);
        let middle = |times: &[Duration]| ms(median(times, Duration::as_secs_f64));
        let bytes = |meters: &[Meter], of: fn(&Meter) -> u64| {
            median(&meters.iter().map(|meter| count(of(meter))).collect::<Vec<_>>(), |bytes| *bytes)
        };
        let one = vec![
            middle(&loads),
            middle(&edits),
            middle(&merges),
            bytes(&up, |meter| meter.bytes_out),
            bytes(&up, |meter| meter.bytes_in),
            bytes(&down, |meter| meter.bytes_in),
        ];
        (whole, one)
    }

    /// One answer, durable.
    fn edit(&mut self, phone: &Phone) -> Duration {
        self.written += 1;
        let item = &self.items[self.written as usize % self.items.len()];
        let answer = fleet::answer(&format!("lần {}", self.written));
        timed(|| {
            let done = phone.edit(&self.visit, NOW, |editor| editor.answer(item, answer)).unwrap();
            assert!(done.recorded.is_some());
        })
    }

    fn expect_same(&self, reader: &Phone) {
        let document = self.visit.document();
        let held = [self.writer.replica(), self.hub.replica(), reader.replica()]
            .map(|replica| replica.load(document).unwrap());
        let digest = held[0].view().record().digest();
        for one in &held {
            assert_eq!(one.heads(), held[0].heads(), "all hold the same changes");
            assert_eq!(one.view().record().digest(), digest, "all read the same");
        }
    }
}

/// Exchanges until all is delivered and merged. Returns how long that took, and its bytes in all.
fn settle(phone: &Arc<Phone>, hub: &Arc<Hub>) -> (Duration, Meter) {
    let (watch, mut sum) = (Stopwatch::start(), Meter::default());
    for _ in 0..EXCHANGES_MAX {
        let (outcome, progress) = fleet::exchange(phone, hub);
        sum.bytes_in += outcome.meter.bytes_in;
        sum.bytes_out += outcome.meter.bytes_out;
        hub.merge_all(NOW).unwrap();
        let all = phone.outbox().unwrap().is_empty() && phone.only_here().unwrap().is_empty();
        if all && !progress.again && !progress.more {
            return (watch.elapsed(), sum);
        }
    }
    panic!("a document did not arrive in {EXCHANGES_MAX} exchanges");
}

fn timed(work: impl FnOnce()) -> Duration {
    let watch = Stopwatch::start();
    work();
    watch.elapsed()
}
