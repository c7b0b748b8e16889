//! A phone that holds many inspections: what they take on disk, before and after compaction, and what opening and
//! listing them takes and leaves in memory.

use std::path::Path;
use std::sync::Arc;

use bienban_core::checklist::TEA;
use bienban_core::client::{Client, Settings};
use bienban_core::clock::Stopwatch;
use bienban_core::model::{DocumentId, Kind};
use bienban_core::replica::{Hub, ListQuery, Projection};
use bienban_core::store::MemoryStore;
use bienban_core::sync::PlainEntry;
use bienban_tests::fleet::{self, NOW, resident_bytes};
use serde_json::{Value, json};

use crate::meter::{alone, grouped, size};
use crate::{key, open as open_folder};

/// Answers of one inspection, of the tea checklist's 43: a visit that has begun.
const ANSWERS: usize = 3;
/// Inspections made before they are synced, so that one exchange takes the edits.
const MADE_AT_ONCE: u32 = 1_000;
const NEWEST: usize = 50;
const PAGE: usize = 500;
/// One of so many records is compared before and after compaction.
const COMPARED: usize = 50;

/// Makes the inspections and prints what they cost.
pub(crate) fn report(count: u32) {
    let root = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let folder = root.path().join("phone");
    let watch = Stopwatch::start();
    make(&folder, count);
    println!(
        "\n## {} inspections\n\nOf the tea checklist with {ANSWERS} answers each, on the hub too; made in {:.0?}.\n",
        grouped(count.into()),
        watch.elapsed()
    );
    // Once before, so that the files are in memory whatever the machine did meanwhile.
    let first = alone("open", root.path());
    let opened = alone("open", root.path());
    assert_eq!(opened["listed"], count);
    assert_eq!(first["listed"], opened["listed"]);
    print_opened(&opened);
    println!("\n| bytes of an inspection | journal | index |\n|---|---|---|");
    print_sizes("as recorded and merged", &folder, count);
    let condensed = alone("condense", root.path());
    print_sizes("after compaction", &folder, count);
    println!("\n{}", condensed["said"].as_str().unwrap());
    assert_eq!(alone("open", root.path())["listed"], count);
}

/// Prints a row for what a phone's folder takes.
pub(crate) fn print_sizes(what: &str, folder: &Path, count: u32) {
    let each = |part: &str| grouped(size(&folder.join("store").join(part)) / u64::from(count));
    println!("| {what} | {} | {} |", each("journal"), each("index"));
}

fn print_opened(opened: &Value) {
    let ms = |name: &str| opened[name].as_f64().unwrap() / 1000.0;
    let mb = |name: &str| opened[name].as_f64().unwrap() / 1e6;
    println!("| a fresh process, files in the cache | |\n|---|---|");
    println!("| open the sealed folder | {:.1} ms |", ms("open"));
    println!("| list the newest {NEWEST} | {:.2} ms |", ms("newest"));
    println!("| list all {} | {:.1} ms |", opened["listed"], ms("all"));
    println!("| open one inspection and show it | {:.1} ms |", ms("shown"));
    println!("| documents loaded by opening and listing | {} |", opened["loaded"]);
    println!("| resident before opening | {:.1} MB |", mb("rss_before"));
    println!("| resident when opened | {:.1} MB |", mb("rss_open"));
    println!("| resident with one inspection open | {:.1} MB |", mb("rss_shown"));
    println!("| resident when all were listed | {:.1} MB |", mb("rss_listed"));
}

/// A phone that made the inspections, brought them to a hub, and heard that they were merged.
fn make(folder: &Path, count: u32) {
    let _device = Client::init_sealed(folder, &Settings { hub: None }, &key(0)).unwrap();
    let client = open_folder(folder, 0);
    let hub = fleet::hub_over(Arc::new(MemoryStore::new(Arc::new(Projection))));
    hub.publish(TEA.to_vec()).unwrap();
    hub.trust(PlainEntry { device: client.device(), ..fleet::entry(1) }).unwrap();
    exchange(&client, &hub);
    let mut next = 0;
    while next < count {
        let until = count.min(next + MADE_AT_ONCE);
        let _ = fleet::fill_answers(client.phone(), TEA, next..until, ANSWERS);
        client.phone().replica().refresh(usize::MAX).unwrap();
        exchange(&client, &hub);
        hub.merge_all(NOW).unwrap();
        next = until;
    }
    exchange(&client, &hub);
    assert_eq!(client.phone().outbox().unwrap().len(), 0, "everything is on the hub");
    assert_eq!(hub.replica().totals().unwrap().documents, u64::from(count));
}

fn exchange(client: &Client, hub: &Arc<Hub>) {
    drop(fleet::exchange(client.phone(), hub));
}

/// Opens, shows one, lists all.
pub(crate) fn open(folder: &Path) -> Value {
    let micros = |watch: Stopwatch| u64::try_from(watch.elapsed().as_micros()).unwrap();
    let before = resident_bytes();
    let watch = Stopwatch::start();
    let client = open_folder(folder, 0);
    let (opened, resident) = (micros(watch), resident_bytes());
    let replica = client.phone().replica();
    let query = ListQuery { limit: NEWEST, ..ListQuery::default() };
    let watch = Stopwatch::start();
    let newest = replica.list(Kind::Inspection, &query).unwrap();
    let newest_took = micros(watch);
    assert!(!newest.is_empty());
    let loaded = replica.documents_loaded();
    let genesis = replica.genesis(newest[0].document).unwrap();
    let watch = Stopwatch::start();
    let shown = client.show(&genesis, None).unwrap();
    let (shown_took, with_one) = (micros(watch), resident_bytes());
    let answered = shown.view.answers.values().filter(|answer| !answer.all().is_empty());
    assert_eq!(answered.count(), ANSWERS);
    let loaded_by_showing = replica.documents_loaded();
    let watch = Stopwatch::start();
    let all = list_all(&client);
    let all_took = micros(watch);
    let loaded = loaded + replica.documents_loaded() - loaded_by_showing;
    json!({
        "open": opened, "newest": newest_took, "all": all_took, "shown": shown_took,
        "listed": all.len(), "loaded": loaded,
        "rss_before": before, "rss_open": resident, "rss_shown": with_one, "rss_listed": resident_bytes(),
    })
}

/// Page after page, as a screen does that is scrolled to its end.
fn list_all(client: &Client) -> Vec<DocumentId> {
    let mut query = ListQuery { limit: PAGE, ..ListQuery::default() };
    let mut all = Vec::new();
    loop {
        let page = client.phone().replica().list(Kind::Inspection, &query).unwrap();
        let Some(last) = page.last() else { return all };
        query.after = Some((last.updated_at.0, last.document));
        all.extend(page.iter().map(|row| row.document));
    }
}

/// Writes the closed parts of a journal shorter, and checks that the records read as before.
pub(crate) fn condense(folder: &Path) -> Value {
    let client = open_folder(folder, 0);
    let records: Vec<DocumentId> = list_all(&client).into_iter().step_by(COMPARED).collect();
    let digests = || -> Vec<[u8; 32]> {
        let digest =
            |id: &DocumentId| client.phone().replica().load(*id).unwrap().view().record().digest();
        records.iter().map(digest).collect()
    };
    let before = digests();
    let watch = Stopwatch::start();
    let (mut parts, mut saved, mut lengths) = (0, 0, (0, 0));
    while let Some(done) = client.condense().unwrap() {
        assert_eq!(done.stayed, None);
        parts += 1;
        saved += done.saved;
        lengths = (lengths.0 + done.lengths.before, lengths.1 + done.lengths.after);
    }
    let took = watch.elapsed();
    assert_eq!(before, digests(), "a record reads otherwise after compaction");
    let said = format!(
        "Compaction looked at {parts} closed parts of the journal ({} B, {} B afterwards), saved {saved} documents and \
         took {took:.1?}; {} records read as before.",
        grouped(lengths.0),
        grouped(lengths.1),
        records.len()
    );
    json!({ "said": said })
}
