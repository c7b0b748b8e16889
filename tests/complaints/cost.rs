//! Complaints of slowness: long lists that are sent again, repeats that get slower, small phones, long
//! histories. Costs are counted, never timed.

use std::sync::Arc;

use bienban_core::checklist::Template;
use bienban_core::model::{DocumentId, Genesis, Kind, Origin};
use bienban_core::replica::{Hub, ListQuery, Phone, Projection};
use bienban_core::store::{DiskStore, Options, Store};
use bienban_core::sync::Ending;
use bienban_tests::fleet::{self, NOW, SHORT};
use bienban_tests::number;

use crate::heap;
use crate::line::{answer, settle};
use crate::weigh::{Reads, Weighed};

/// A checklist with a section that repeats.
const ROWS: &[u8] = include_bytes!("../../core/data/templates/tea-1.json");
/// Its section, and an item of it.
const SECTION: &str = "lots";
const IN_ROW: &str = "lot-code";

/// Rows of one record: twice what the longest section of a checklist takes.
const ROWS_ADDED: u16 = 200;

/// Memory that is asked for, and given back, for each row that a record has when one is added. A record is
/// opened anew for that.
const ROW_ASKS_MAX: i64 = 200 << 10;

/// What opening the app takes at most: the index's cache is 8 MiB.
const OPENING_MAX: i64 = 16 << 20;
/// What listing, opening a record and writing to it take at most besides.
const WORKING_MAX: i64 = 1 << 20;
/// What each further record may add to either. A set of their names would take more.
const EACH_MAX: i64 = 600;
/// What signing takes at most for each record that waits for it, all of them at once.
const SIGNING_EACH_MAX: i64 = 80 << 10;

/// Inspections on the list that is synced; `BIENBAN_LISTED` asks for another number.
const LISTED: u32 = 600;

/// What a phone that is behind by one answer may send and get, whatever else there is.
const ONE_ANSWER_BYTES_MAX: u64 = 1_500;
/// And with nothing to say.
const IDLE_BYTES_MAX: u64 = 1_000;

/// Changes in other records than the one that is looked at.
const ELSEWHERE: u32 = 10_000;

/// A page of a list.
const PAGE: usize = 50;

/// "With ten thousand cases the whole list is downloaded again every time."
#[test]
fn c15_a_long_list_is_not_sent_again() {
    let listed = number("BIENBAN_LISTED").map_or(LISTED, |count| u32::try_from(count).unwrap());
    let (hub, _) = fleet::hub(SHORT, 2);
    let (writer, reader) = (fleet::phone(1), fleet::phone(2));
    let template = fleet::fill(&writer, SHORT, 0..listed);
    while hub.status().unwrap().documents < u64::from(listed) {
        fleet::exchange(&writer, &hub);
        hub.merge_all(NOW).unwrap();
    }
    while reader.replica().totals().unwrap().documents < u64::from(listed) {
        fleet::exchange(&reader, &hub);
    }
    settle(&[&reader], &hub);
    answer(&writer, &fleet::visit(template, 7), "2.1", "một câu");
    fleet::exchange(&writer, &hub);
    let (outcome, progress) = fleet::exchange(&reader, &hub);
    assert_eq!((outcome.ending, progress.received), (Ending::Done, 1));
    let (sent, got) = (outcome.meter.bytes_out, outcome.meter.bytes_in);
    println!("{listed} inspections, one answer behind: {sent} bytes up, {got} down");
    assert!(sent + got < ONE_ANSWER_BYTES_MAX, "{sent} up, {got} down");
    assert_eq!(outcome.meter.round_trips, 1);
    // Reconnecting with nothing new.
    let (outcome, progress) = fleet::exchange(&reader, &hub);
    let (sent, got) = (outcome.meter.bytes_out, outcome.meter.bytes_in);
    println!("{listed} inspections, nothing new: {sent} bytes up, {got} down");
    assert_eq!((progress.received, progress.sent), (0, 0));
    assert!(sent + got < IDLE_BYTES_MAX, "{sent} up, {got} down");
}

fn row(number: u16) -> [u8; 16] {
    let mut id = [0; 16];
    id[..2].copy_from_slice(&number.to_be_bytes());
    // So that ids are not of the kind that compresses.
    let hash = blake3::hash(&id[..2]);
    id[2..].copy_from_slice(&hash.as_bytes()[..14]);
    id
}

fn add_row(phone: &Phone, visit: &Genesis, number: u16) {
    let done = phone.edit(visit, NOW, |editor| {
        editor.row_add(row(number), SECTION, "")?;
        editor.row_answer(row(number), IN_ROW, fleet::answer("L-0001"))
    });
    assert!(done.unwrap().recorded.is_some());
}

/// "With every repeat that I add the form gets slower, and at two hundred the app dies."
#[test]
fn c16_a_row_costs_no_more_on_disk_and_line_and_no_faster_growing_work() {
    if !heap::is_alone("cost::c16_a_row_costs_no_more_on_disk_and_line_and_no_faster_growing_work")
    {
        return;
    }
    let store = Weighed::new();
    let phone = fleet::phone_over(store.clone(), 1);
    let (hub, template) = fleet::hub(ROWS, 1);
    fleet::exchange(&phone, &hub);
    assert_eq!(template, Template::parse(ROWS).unwrap().id());
    let visit = fleet::visit(template, 1);
    let mut costs = Vec::new();
    for number in 0..ROWS_ADDED {
        let loaded = phone.replica().documents_loaded();
        let at = store.position();
        let (asked, (reads, ())) = heap::asked(|| store.of(|| add_row(&phone, &visit, number)));
        assert_eq!(store.position().0, at.0 + 1, "a row is one record of the journal");
        let loaded = phone.replica().documents_loaded() - loaded;
        let written = store.record(store.position()).unwrap().unwrap().payload.len();
        costs.push((written, reads.bytes, asked, loaded));
    }
    for number in [9, 49, 99, 199] {
        let (written, read, asked, loaded) = costs[number];
        println!(
            "row {}: {written} bytes written, {read} read, {asked} asked of memory, {loaded} records opened",
            number + 1
        );
    }
    let (first, half, last) = (costs[9], costs[99], costs[199]);
    // On the disk, and on the line, the two hundredth row costs what the tenth did.
    assert!(last.0 <= first.0 + 16, "{} bytes written instead of {}", last.0, first.0);
    assert!(costs[1..].iter().all(|cost| cost.3 == 1), "a row opens its record once");
    // Working it in costs more the more rows there are, because the record is opened for it: in proportion, and
    // never faster than that, which is what makes an app die.
    assert!(last.2 <= half.2 * 9 / 4, "{} asked of memory, {} at half the rows", last.2, half.2);
    let each = (last.2 - half.2) / 100;
    assert!(each < ROW_ASKS_MAX, "{each} bytes asked of memory for each row that is there");
    let few = one_more(&phone, &hub, &visit);
    println!("one more row: {few} bytes up");
    assert!(few < ONE_ANSWER_BYTES_MAX);
}

/// Brings all to the hub, then one more row; returns the bytes that this one takes upwards.
fn one_more(phone: &Arc<Phone>, hub: &Arc<Hub>, visit: &Genesis) -> u64 {
    settle(&[phone], hub);
    add_row(phone, visit, ROWS_ADDED);
    fleet::exchange(phone, hub).0.meter.bytes_out
}

/// "It needs a better phone than we have."
#[test]
fn c17_a_phone_needs_no_more_memory_for_more_records() {
    if !heap::is_alone("cost::c17_a_phone_needs_no_more_memory_for_more_records") {
        return;
    }
    let [few, many] = [200, 1_000].map(|count| {
        let folder = tempfile::tempdir().unwrap();
        let open = || {
            let options = Options::at(NOW.0);
            Arc::new(DiskStore::open(folder.path(), Arc::new(Projection), options).unwrap())
        };
        let filling = fleet::phone_over(open(), 1);
        let template = fleet::fill(&filling, SHORT, 0..count);
        filling.replica().refresh(usize::MAX).unwrap();
        drop(filling);
        // What an app does in a day: it starts, shows a list, opens a record, records something.
        let (opening, phone) = heap::most(|| fleet::phone_over(open(), 1));
        let (most, ()) = heap::most(|| {
            let query = ListQuery { limit: PAGE, ..ListQuery::default() };
            assert_eq!(phone.replica().list(Kind::Inspection, &query).unwrap().len(), PAGE);
            let visit = fleet::visit(template, 3);
            assert!(phone.view(&visit).unwrap().view().inspection().is_some());
            answer(&phone, &visit, "2.2", "một");
        });
        let (signing, packs) = heap::most(|| phone.release(NOW).unwrap().len());
        println!("{count} records: {opening} to open, {most} to work, {signing} to sign {packs}");
        (opening, most, signing)
    });
    let phone = fleet::phone(1);
    let _ = fleet::fill(&phone, SHORT, 0..1_000);
    let (signing, packs) = heap::most(|| phone.release(NOW).unwrap().len());
    println!("in memory: {signing} to sign {packs}");
    assert!(many.0 < OPENING_MAX && many.1 < WORKING_MAX, "{many:?}");
    assert!((many.0 - few.0) / 800 < EACH_MAX && (many.1 - few.1) / 800 < EACH_MAX);
    assert!(many.2 / 1_000 < SIGNING_EACH_MAX, "{}", many.2);
}

/// A phone with a record of its own beside as many changes of others.
fn among(changes: u32) -> (Arc<Weighed>, Arc<Phone>, Genesis) {
    let store = Weighed::new();
    let phone = fleet::phone_over(store.clone(), 1);
    let documents = changes / 4;
    let template = fleet::fill_answers(&phone, SHORT, 0..documents.max(1), 4);
    let visit = fleet::visit(template, documents + 7);
    answer(&phone, &visit, "1.1", "một");
    phone.replica().refresh(usize::MAX).unwrap();
    (store, phone, visit)
}

fn listing(phone: &Phone, store: &Weighed) -> Reads {
    let query = ListQuery { limit: PAGE, ..ListQuery::default() };
    let loaded = phone.replica().documents_loaded();
    let (reads, page) = store.of(|| phone.replica().list(Kind::Inspection, &query).unwrap());
    assert_eq!(page.len(), PAGE);
    assert_eq!(phone.replica().documents_loaded(), loaded, "no record is opened to list it");
    reads
}

fn editing(phone: &Phone, store: &Weighed, visit: &Genesis) -> Reads {
    let loaded = phone.replica().documents_loaded();
    let (reads, ()) = store.of(|| answer(phone, visit, "1.2", "hai"));
    assert_eq!(phone.replica().documents_loaded(), loaded + 1, "the record itself alone is opened");
    reads
}

/// "One patient with two hundred visits makes the phone crawl, whatever I open."
#[test]
fn c20_a_long_history_costs_nothing_where_it_is_not_looked_at() {
    let (few, few_phone, visit) = among(400);
    let edit = editing(&few_phone, &few, &visit);
    let list = listing(&few_phone, &few);
    let (many, many_phone, visit) = among(ELSEWHERE);
    assert!(many.position().0 > u64::from(ELSEWHERE));
    println!("an edit reads {edit:?}, a page {list:?}");
    assert_eq!(editing(&many_phone, &many, &visit), edit, "{ELSEWHERE} changes elsewhere");
    assert_eq!(listing(&many_phone, &many), list, "{ELSEWHERE} changes elsewhere");
    // One subject with two hundred visits: its history is listed from rows, and one visit opens one record.
    let subject = DocumentId([20; 32]);
    let of_subject = |visit: u32| Genesis {
        origin: Origin::Planned { plan: DocumentId([1; 32]), facility: subject, visit },
        ..fleet::visit(fleet::fill(&few_phone, SHORT, 0..0), 1)
    };
    let mut costs = Vec::new();
    for number in 1..=200 {
        let (reads, ()) = few.of(|| answer(&few_phone, &of_subject(number), "1.1", "một"));
        costs.push(reads);
    }
    assert_eq!(costs[10], costs[199], "the two hundredth visit costs what the tenth did");
    let loaded = few_phone.replica().documents_loaded();
    assert_eq!(few_phone.replica().visits_of(subject).unwrap().len(), 200);
    assert_eq!(few_phone.replica().documents_loaded(), loaded);
}
