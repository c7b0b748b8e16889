//! Catching up costs one round trip whatever the number of documents, and next to nothing when there
//! is nothing to catch up with.

use std::sync::Arc;

use bienban_core::replica::{Hub, Phone};
use bienban_core::sync::{Ending, Outcome};
use bienban_tests::fleet::{self, NOW, SHORT};

/// What a phone with nothing to do may send, and get.
const IDLE_BYTES_MAX: u64 = 1_000;

/// A hub, a phone that writes, and one that has synced once and is now behind by `documents`.
fn behind_by(documents: u32) -> (Arc<Hub>, Arc<Phone>, Arc<Phone>) {
    let (hub, _) = fleet::hub(SHORT, 2);
    let (writer, reader) = (fleet::phone(1), fleet::phone(2));
    let _ = fleet::fill(&writer, SHORT, 0..1);
    fleet::exchange(&writer, &hub);
    fleet::exchange(&reader, &hub);
    assert_eq!(reader.replica().totals().unwrap().documents, 1);
    let _ = fleet::fill(&writer, SHORT, 1..1 + documents);
    fleet::exchange(&writer, &hub);
    (hub, writer, reader)
}

fn idle(phone: &Arc<Phone>, hub: &Arc<Hub>) -> Outcome {
    let (outcome, progress) = fleet::exchange(phone, hub);
    assert_eq!(outcome.ending, Ending::Done);
    assert_eq!((progress.received, progress.sent), (0, 0));
    assert_eq!(outcome.meter.round_trips, 1);
    assert!(outcome.meter.bytes_out < IDLE_BYTES_MAX, "sent {}", outcome.meter.bytes_out);
    assert!(outcome.meter.bytes_in < IDLE_BYTES_MAX, "got {}", outcome.meter.bytes_in);
    outcome
}

#[test]
fn catching_up_costs_one_round_trip_whatever_the_number_of_documents() {
    for documents in [1, 100, 2_000] {
        let (hub, _, reader) = behind_by(documents);
        // Its own work travels in the same first flight.
        let genesis = fleet::visit(hub.replica().templates().unwrap()[0], 0);
        let answer = fleet::answer("offline");
        reader.edit(&genesis, NOW, |editor| editor.answer("2.2", answer)).unwrap();
        let (outcome, progress) = fleet::exchange(&reader, &hub);
        assert_eq!(outcome.ending, Ending::Done);
        assert_eq!(outcome.meter.round_trips, 1, "{documents} documents");
        assert_eq!((progress.sent, progress.stored), (1, 1));
        let totals = reader.replica().totals().unwrap();
        assert_eq!(totals.documents, u64::from(documents) + 1);
        assert_eq!(reader.fingerprint().unwrap(), hub_fingerprint(&hub));
        println!("{documents} documents: {:?}", outcome.meter);
        let idle = idle(&reader, &hub);
        println!("nothing new: {:?}", idle.meter);
    }
}

#[test]
fn an_empty_phone_gets_everything_in_one_round_trip() {
    let (hub, _, _) = behind_by(500);
    let empty = fleet::phone(2);
    let (outcome, _) = fleet::exchange(&empty, &hub);
    assert_eq!(outcome.meter.round_trips, 1);
    assert_eq!(empty.replica().totals().unwrap().documents, 501);
    println!("empty phone, 501 documents: {:?}", outcome.meter);
    idle(&empty, &hub);
}

fn hub_fingerprint(hub: &Hub) -> bienban_core::sync::Fingerprint {
    use bienban_core::replica::StoredTree;
    use bienban_core::sync::{ItemTree, Prefix};
    let store = hub.replica().store();
    StoredTree::new(&**store).node(&Prefix::ROOT).unwrap().fingerprint()
}
