//! What compaction saves on a phone and on a hub, by how many edits travel together, and what it costs.
//! A plain program that prints a table. `BIENBAN_COMPACTION=300` says how many inspections.
#![allow(clippy::print_stdout, reason = "a report is what this program is for")]
#![allow(clippy::unwrap_used, reason = "a broken bench must stop")]

use std::path::Path;
use std::sync::Arc;

use bienban_core::checklist::{TEA, Template};
use bienban_core::clock::Stopwatch;
use bienban_core::replica::{Phone, Projection, Replica};
use bienban_core::store::{DiskStore, Options};
use bienban_tests::fleet::{self, NOW};

/// How many inspections, unless told otherwise.
const COUNT: u32 = 300;
const COUNT_NAME: &str = "BIENBAN_COMPACTION";
/// Edits of one inspection that travel together: live, a few, a visit.
const TOGETHER: [usize; 3] = [1, 8, 43];
/// Short, so that all but the last mebibyte is closed.
const SEGMENT_BYTES: u64 = 1 << 20;

fn open(folder: &Path) -> Arc<DiskStore> {
    let options = Options { segment_bytes: SEGMENT_BYTES, ..Options::at(NOW.0) };
    Arc::new(DiskStore::open(folder, Arc::new(Projection), options).unwrap())
}

fn main() {
    let count = std::env::var(COUNT_NAME).map_or(COUNT, |count| count.parse().unwrap());
    println!("{count} inspections of the tea checklist, every item answered once");
    for together in TOGETHER {
        let root = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let (phone_at, hub_at) = (root.path().join("phone"), root.path().join("hub"));
        let phone = fleet::phone_over(open(&phone_at), 1);
        let hub = fleet::hub_over(open(&hub_at));
        hub.publish(TEA.to_vec()).unwrap();
        hub.trust(fleet::entry(1)).unwrap();
        fleet::exchange(&phone, &hub);
        let answers = type_all(&phone, count, together);
        let mut exchanges = 0;
        while fleet::exchange(&phone, &hub).1.again || exchanges == 0 {
            exchanges += 1;
        }
        hub.merge_all(NOW).unwrap();
        fleet::exchange(&phone, &hub);
        println!("{together} edits in a pack, {answers} in all");
        report("phone", &phone_at, phone.replica(), answers);
        report("hub", &hub_at, hub.replica(), answers);
        drop((phone, hub));
        for (what, at) in [("phone", &phone_at), ("hub", &hub_at)] {
            let closed = size(&at.join("index"));
            std::fs::remove_dir_all(at.join("index")).unwrap();
            let watch = Stopwatch::start();
            drop(open(at));
            let (took, made) = (watch.elapsed(), size(&at.join("index")));
            println!("  {what}: index when closed {closed} B, made anew {made} B in {took:.1?}");
        }
    }
}

/// Answers everything; signs for travel after so many edits of an inspection.
fn type_all(phone: &Phone, count: u32, together: usize) -> u64 {
    let template = Template::parse(TEA).unwrap();
    let (id, shape) = (template.id(), template.shape());
    let items: Vec<&String> = shape.answerable().collect();
    let mut answers = 0;
    for run in items.chunks(together) {
        for number in 0..count {
            let genesis = fleet::visit(id, number);
            for item in run {
                let edited =
                    phone.edit(&genesis, NOW, |editor| editor.answer(item, fleet::answer("đạt")));
                edited.unwrap();
                answers += 1;
            }
        }
        phone.release(NOW).unwrap();
    }
    answers
}

fn report(what: &str, folder: &Path, replica: &Replica, answers: u64) {
    let sizes = || (size(&folder.join("journal")), size(&folder.join("index")));
    let before = sizes();
    let (watch, position) = (Stopwatch::start(), replica.store().position().0);
    let (mut parts, mut documents) = (0, 0);
    while let Some(done) = replica.condense(NOW).unwrap() {
        parts += 1;
        documents += done.saved;
    }
    let (took, after) = (watch.elapsed(), sizes());
    let each = |bytes: u64| bytes / answers;
    println!(
        "  {what}: journal {} -> {} B ({} -> {} B an edit), {parts} parts, {documents} documents \
         saved, {took:.1?} for {position} records; index {} -> {} B",
        before.0,
        after.0,
        each(before.0),
        each(after.0),
        before.1,
        after.1
    );
}

fn size(folder: &Path) -> u64 {
    let items = std::fs::read_dir(folder).unwrap();
    items.map(|item| item.unwrap().metadata().unwrap().len()).sum()
}
