//! Complaints of work on its way: sent twice, sent again from the start, said to be sent, refused because it
//! is there, held up by its neighbour, counted as whole when it is not.

use std::sync::Arc;

use bienban_core::model::{Editor, Genesis, NoteEdit};
use bienban_core::replica::{Hub, Phone, Projection};
use bienban_core::store::faults::{Failure, FaultyFiles};
use bienban_core::store::{DiskStore, MemoryStore, Options, Store};
use bienban_core::sync::Ending;
use bienban_tests::fleet::{self, NOW, SHORT};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::line::{
    answer, exchange_until, expect_same, restarted, settle, signed_for, store, values, verify,
};

/// Characters of a value that make a pack of some kilobytes.
const LONG: usize = 9_000;

/// Frames that get through before the line breaks, in the worst case tried: the greeting, one flight and its receipt.
const FEW_FRAMES: usize = 8;

/// Visits whose packs fill several frames.
const VISITS: u32 = 24;

/// Answers every item with text that does not compress well.
fn fill(phone: &Phone, visit: &Genesis, random: &mut SmallRng) {
    let mut noise = || (0..LONG).map(|_| char::from(random.random_range(b'!'..=b'~'))).collect();
    let values: Vec<String> = ["1.1", "1.2", "2.1", "2.2"].map(|_| noise()).into();
    let edit = |editor: &mut Editor<'_>| {
        let items = ["1.1", "1.2", "2.1", "2.2"].into_iter();
        items.zip(&values).try_for_each(|(item, value)| editor.answer(item, fleet::answer(value)))
    };
    phone.edit(visit, NOW, edit).unwrap();
}

/// A hub over this store that knows the phones 1 to 3 and the short checklist, and as many visits.
fn hub_on(store: Arc<dyn Store>, count: u32) -> (Arc<Hub>, Vec<Genesis>) {
    let hub = fleet::hub_over(store);
    let template = hub.publish(SHORT.to_vec()).unwrap();
    (1..=3).for_each(|number| hub.trust(fleet::entry(number)).unwrap());
    (hub, (1..=count).map(|number| fleet::visit(template, number)).collect())
}

fn hub(count: u32) -> (Arc<Hub>, Vec<Genesis>) {
    hub_on(store(), count)
}

/// "I pressed send again because the line was bad, and now everything is there twice."
#[test]
fn c01_a_retry_makes_no_duplicate() {
    let mut cut = 0;
    let mut feed = None;
    loop {
        // The first time nothing is cut, so that it is known what each may come to.
        let cut_at = if feed.is_none() { usize::MAX } else { cut };
        let (hub, visits) = hub(3);
        let phone = fleet::phone(1);
        fleet::exchange(&phone, &hub);
        for visit in &visits {
            answer(&phone, visit, "1.1", "một");
            answer(&phone, visit, "1.2", "hai");
        }
        let whole = exchange_until(&phone, &hub, cut_at).outcome.is_some();
        // The person tries again, twice.
        settle(&[&phone], &hub);
        hub.merge_all(NOW).unwrap();
        for visit in &visits {
            assert_eq!(values(hub.replica(), visit, "1.1"), ["một"], "cut after {cut} frames");
            assert_eq!(values(hub.replica(), visit, "1.2"), ["hai"], "cut after {cut} frames");
            expect_same(visit, &[hub.replica(), phone.replica()]);
        }
        let status = hub.status().unwrap();
        assert_eq!((status.documents, status.pending, status.quarantined), (3, 0, 0));
        assert_eq!(phone.only_here().unwrap(), []);
        match feed {
            None => feed = Some(status.head),
            Some(feed) => {
                assert_eq!(status.head, feed, "a pack is in the feed once, however often it came");
                if whole {
                    break;
                }
                cut += 1;
            }
        }
    }
    assert!(cut >= 4, "the line was cut at {cut} places");
    // The same flight, byte for byte, is answered exactly as the first time.
    let (hub, visits) = hub(1);
    let phone = fleet::phone(1);
    fleet::exchange(&phone, &hub);
    answer(&phone, &visits[0], "1.1", "một");
    let flight = phone.release(NOW).unwrap();
    let said = || hub.accept(phone.device(), &flight, NOW).unwrap().receipt.unwrap();
    let first = said();
    hub.merge_all(NOW).unwrap();
    assert_eq!([said(), said()], [first.clone(), first]);
}

/// "The upload broke off at ninety-nine per cent and began again from zero."
#[test]
fn c02_a_broken_upload_goes_on_where_it_was() {
    let mut random = SmallRng::seed_from_u64(2);
    let (hub, visits) = hub(VISITS);
    let disk = store();
    let phone = fleet::phone_over(disk.clone(), 1);
    fleet::exchange(&phone, &hub);
    visits.iter().for_each(|visit| fill(&phone, visit, &mut random));
    // From the same state, cut at every frame once, then whole.
    let (before, at_hub) = (disk.disk(), hub_disk(&hub));
    let mut cut = 0;
    let mut parts = 0;
    loop {
        let disk = again(&before.copy_unnoticed());
        let (phone, hub) = (restarted(&disk, 1), hub_again(&at_hub.copy_unnoticed()));
        let ended = exchange_until(&phone, &hub, cut).outcome.is_some();
        let stored = signed_for(&phone, &visits);
        parts += usize::from(!stored.is_empty() && stored.len() < visits.len());
        // The app is killed and the phone restarts before there is a line again.
        let phone = restarted(&disk, 1);
        assert_eq!(signed_for(&phone, &visits), stored, "what was signed for is remembered");
        let moved = exchange_until(&phone, &hub, usize::MAX);
        let twice = moved.sent.iter().filter(|document| stored.contains(document)).count();
        assert_eq!(twice, 0, "sent again although signed for, cut after {cut} frames");
        assert_eq!(moved.sent.len(), visits.len() - stored.len());
        assert_eq!(phone.only_here().unwrap(), []);
        if ended {
            break;
        }
        cut += 1;
    }
    assert!(parts >= 2, "only {parts} cuts fell inside the upload");
}

/// As above: a line that always breaks after a few frames still gets everything through.
#[test]
fn c02_a_line_that_always_breaks_soon_still_gets_everything_through() {
    let mut random = SmallRng::seed_from_u64(3);
    let (hub, visits) = hub(VISITS);
    let disk = store();
    let mut phone = fleet::phone_over(disk.clone(), 1);
    fleet::exchange(&phone, &hub);
    visits.iter().for_each(|visit| fill(&phone, visit, &mut random));
    let mut tries = 0;
    while !phone.only_here().unwrap().is_empty() {
        let before = signed_for(&phone, &visits).len();
        exchange_until(&phone, &hub, FEW_FRAMES);
        assert!(signed_for(&phone, &visits).len() > before, "no progress in try {tries}");
        phone = restarted(&disk, 1);
        tries += 1;
        assert!(tries <= visits.len());
    }
    assert!(tries >= 2, "the line did not break: {tries}");
    hub.merge_all(NOW).unwrap();
    assert_eq!(hub.status().unwrap().documents, visits.len() as u64);
}

fn hub_disk(hub: &Hub) -> bienban_core::store::MemoryDisk {
    // Its journal, record by record, in a store of its own: a hub's is behind a trait.
    let copied = store();
    for at in 1..=hub.replica().store().position().0 {
        let record = hub.replica().store().record(bienban_core::store::Position(at));
        copied.commit(vec![record.unwrap().unwrap()]).unwrap();
    }
    copied.disk()
}

fn again(disk: &bienban_core::store::MemoryDisk) -> Arc<MemoryStore> {
    Arc::new(MemoryStore::open(disk, Arc::new(Projection)).unwrap())
}

fn hub_again(disk: &bienban_core::store::MemoryDisk) -> Arc<Hub> {
    fleet::hub_over(again(disk))
}

/// "The app said sent, and the server had failed on it."
#[test]
fn c04_sent_means_that_the_hub_has_it() {
    // The power goes at the hub at every frame: what a phone was told then is there afterwards.
    let mut cut = 0;
    loop {
        let at_hub = store();
        let (hub, visits) = hub_on(at_hub.clone(), 4);
        let phone = fleet::phone(1);
        fleet::exchange(&phone, &hub);
        visits.iter().for_each(|visit| answer(&phone, visit, "1.1", "một"));
        let ended = exchange_until(&phone, &hub, cut).outcome.is_some();
        drop(hub);
        at_hub.power_cut(false).unwrap();
        let hub = fleet::hub_over(at_hub);
        hub.merge_all(NOW).unwrap();
        for visit in &visits {
            let arrival = phone.arrival(visit.document()).unwrap();
            assert_eq!(arrival.stored + arrival.only_here, 1);
            if arrival.stored == 1 {
                assert_eq!(values(hub.replica(), visit, "1.1"), ["một"], "cut after {cut}");
            }
        }
        if ended {
            break;
        }
        cut += 1;
    }
    assert!(cut >= 4);
    hub_that_cannot_write_says_so();
}

/// A hub whose disk is full, or broken, signs for nothing, and the phone says that it is only here.
fn hub_that_cannot_write_says_so() {
    for failure in [Failure::Full, Failure::Device] {
        let (folder, files) = (tempfile::tempdir().unwrap(), FaultyFiles::new());
        let options = Options { files: Arc::new(files.clone()), ..Options::at(NOW.0) };
        let disk = DiskStore::open(folder.path().join("hub"), Arc::new(Projection), options);
        let (hub, visits) = hub_on(Arc::new(disk.unwrap()), 2);
        let phone = fleet::phone(1);
        fleet::exchange(&phone, &hub);
        visits.iter().for_each(|visit| answer(&phone, visit, "1.1", "một"));
        files.fail_at(1, failure, true);
        let moved = exchange_until(&phone, &hub, usize::MAX);
        assert_eq!(moved.progress.stored, 0, "{failure:?}");
        assert!(moved.outcome.is_none_or(|outcome| outcome.ending != Ending::Done));
        for visit in &visits {
            let arrival = phone.arrival(visit.document()).unwrap();
            assert_eq!((arrival.stored, arrival.only_here), (0, 1), "{failure:?}");
        }
        files.heal();
        hub.replica().store().reopen().unwrap();
        settle(&[&phone], &hub);
        for visit in &visits {
            assert_eq!(phone.arrival(visit.document()).unwrap().only_here, 0);
            assert_eq!(values(hub.replica(), visit, "1.1"), ["một"]);
        }
        verify(&**hub.replica().store());
    }
}

/// "The server answered that it has this already, and the app took that for an error and stopped."
#[test]
fn c10_what_is_there_already_succeeds() {
    let (hub, visits) = hub(2);
    let phone = fleet::phone(1);
    fleet::exchange(&phone, &hub);
    answer(&phone, &visits[0], "1.1", "một");
    let flight = phone.release(NOW).unwrap();
    // It came by another way before the phone itself gets through.
    hub.accept(fleet::entry(2).device, &flight, NOW).unwrap();
    hub.merge_all(NOW).unwrap();
    answer(&phone, &visits[1], "1.1", "hai");
    let (outcome, progress) = fleet::exchange(&phone, &hub);
    assert_eq!(outcome.ending, Ending::Done);
    assert_eq!((progress.stored, progress.refused), (2, 0), "it is signed for like the new one");
    assert_eq!(phone.only_here().unwrap(), []);
    // The same checklist and the same device once more change nothing and are no error.
    let position = hub.replica().store().position();
    hub.publish(SHORT.to_vec()).unwrap();
    hub.trust(fleet::entry(1)).unwrap();
    assert_eq!(hub.replica().store().position(), position, "nothing was written again");
    fleet::exchange(&phone, &hub);
    assert_eq!(values(hub.replica(), &visits[0], "1.1"), ["một"]);
}

/// "Somebody typed one odd character, and since then nothing of that phone gets through."
#[test]
fn c11_one_odd_thing_stops_nothing_else() {
    let odd = [
        "a\0b",
        "\u{feff}đạt",
        "\u{202e}ngược",
        "\u{1F9FE}\u{200d}\u{1F469}",
        "e\u{301}\u{302}\u{303}",
        "\r\n\t\u{b}\u{85}",
        "\u{fffe}\u{ffff}",
        "'; DROP TABLE x; --",
        "</script>",
        "\u{10ffff}",
        "",
    ];
    let (hub, visits) = hub(u32::try_from(odd.len()).unwrap() + 3);
    let (phone, other) = (fleet::phone(1), fleet::phone(2));
    settle(&[&phone, &other], &hub);
    for (visit, text) in visits.iter().zip(odd) {
        answer(&phone, visit, "1.1", text);
        answer(&phone, visit, "1.2", "sau");
    }
    settle(&[&phone, &other], &hub);
    for visit in &visits[..odd.len()] {
        assert_eq!(values(hub.replica(), visit, "1.2"), ["sau"]);
        expect_same(visit, &[hub.replica(), phone.replica(), other.replica()]);
    }
    assert_eq!(phone.only_here().unwrap(), []);
    // A pack that cannot be read, between two that can: they go in, and only it stays out.
    let rest = &visits[odd.len()..];
    rest.iter().for_each(|visit| answer(&phone, visit, "1.1", "một"));
    let mut flight = phone.release(NOW).unwrap();
    assert_eq!(flight.len(), 3);
    let end = flight[1].len() - 1;
    flight[1][end] ^= 0x10;
    let accepted = hub.accept(phone.device(), &flight, NOW).unwrap();
    assert_eq!(accepted.receipt.map(|receipt| receipt.items.len()), Some(2));
    hub.merge_all(NOW).unwrap();
    assert_eq!(hub.status().unwrap().documents, visits.len() as u64 - 1);
    // The phone has it whole, and brings it.
    settle(&[&phone, &other], &hub);
    for visit in rest {
        expect_same(visit, &[hub.replica(), phone.replica(), other.replica()]);
    }
}

/// "It showed 100 % and a green tick, and half of the records had not arrived."
#[test]
fn c19_a_hundred_per_cent_is_a_hundred_per_cent() {
    let (hub, visits) = hub(12);
    let phones = [fleet::phone(1), fleet::phone(2), fleet::phone(3)];
    settle(&[&phones[0], &phones[1], &phones[2]], &hub);
    let mut random = SmallRng::seed_from_u64(19);
    let (mut done, mut broken) = (0, 0);
    for round in 0..60 {
        let at = random.random_range(0..phones.len());
        let visit = &visits[random.random_range(0..visits.len())];
        let note = NoteEdit::Append(format!("lần {round}"));
        phones[at].edit(visit, NOW, |editor| editor.note("2.1", note)).unwrap();
        let at = random.random_range(0..phones.len());
        let moved = exchange_until(&phones[at], &hub, random.random_range(1..16));
        let whole = moved.outcome.as_ref().is_some_and(|outcome| outcome.ending == Ending::Done);
        (done, broken) = (done + u32::from(whole), broken + u32::from(!whole));
        // Whatever it says has arrived has arrived, also where the line broke.
        let here = phones[at].replica();
        hub.merge_all(NOW).unwrap();
        for document in visits.iter().map(Genesis::document) {
            let arrival = phones[at].arrival(document).unwrap();
            assert_eq!(arrival.recorded, arrival.stored + arrival.only_here, "counts add up");
            let told = arrival.recorded > 0 && arrival.only_here == 0;
            if told || (whole && here.genesis(document).is_ok()) {
                let (ours, theirs) =
                    (here.load(document).unwrap(), hub.replica().load(document).unwrap());
                assert!(ours.heads().iter().all(|head| theirs.has(head)), "round {round}");
                // Caught up: what the hub has is here too.
                let whole = whole && !moved.progress.again;
                assert!(!whole || ours.heads() == theirs.heads(), "round {round}");
            }
        }
    }
    assert!(done > 10 && broken > 10, "{done} whole, {broken} broken");
}
