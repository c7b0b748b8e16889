use std::sync::Arc;

use super::*;
use crate::replica::meeting::{Side, hub, side, sync, visit};
use crate::replica::{Hub, Projection, check_told};
use crate::store::{MemoryStore, Read, Store};

const NOW: Timestamp = Timestamp(1_795_000_000_000);

/// Answers that are each sent by themselves.
const ANSWERS: usize = 20;

fn work(one: &Side, hub: &Arc<Hub>, name: &str) {
    for count in 0..ANSWERS {
        one.answer(&visit("06325", 1), "1.1", &format!("{name} {count}"));
        sync(one, hub);
    }
}

fn condense(replica: &Replica) {
    while replica.condense_eagerly(NOW).unwrap().is_some() {}
}

/// Returns where all packs of the visit lie, and which records hold its own changes.
fn all_of(replica: &Replica) -> (Vec<PackPlace>, Vec<u64>) {
    let (places, changes) = replica.places_of(visit("06325", 1).document()).unwrap();
    let typed = |at: &u64| {
        let record = replica.store().record(Position(*at)).unwrap().unwrap();
        matches!(Fact::read(Position(*at), &record), Ok(Fact::Changed { .. } | Fact::Typed { .. }))
    };
    let own = (1..=replica.store().position().0).filter(typed);
    (places.into_iter().collect(), changes.into_iter().chain(own).collect())
}

#[test]
fn what_was_read_before_a_document_was_saved_again_is_not_taken_for_what_is_there_now() {
    let (one, hub) = (side(1), hub(&[1]));
    sync(&one, &hub);
    work(&one, &hub, "early");
    let (replica, store) = (one.phone.replica(), &*one.store);
    condense(replica);
    let (places, changes) = all_of(replica);
    // Both hold the document as it was saved first, and records as they were.
    let (mut packs, mut own) = (Records::default(), Records::default());
    for place in &places {
        packs.pack(store, *place).unwrap();
    }
    for at in &changes {
        own.change(store, *at).unwrap();
    }
    work(&one, &hub, "late");
    condense(replica);
    let (more, after) = all_of(replica);
    assert!(more.len() > places.len() && after.len() > changes.len());
    let mut fresh = Records::default();
    let mut husks = 0;
    for place in &more {
        let record = store.record(Position(place.at)).unwrap().unwrap();
        husks += usize::from(short::written_hash(&record).is_some());
        assert_eq!(packs.pack(store, *place).unwrap(), fresh.pack(store, *place).unwrap());
    }
    for at in &after {
        let (held, read) = (own.change(store, *at).unwrap(), fresh.change(store, *at).unwrap());
        assert_eq!(held.bytes(), read.bytes());
    }
    assert!(husks > places.len(), "{husks} records were shortened, later ones too");
}

#[test]
fn every_shortened_record_is_told_again_as_it_was_written_or_the_check_names_it() {
    let (one, hub) = (side(1), hub(&[1]));
    sync(&one, &hub);
    work(&one, &hub, "one");
    for (replica, store) in [
        (one.phone.replica(), &**one.phone.replica().store()),
        (hub.replica(), &**hub.replica().store()),
    ] {
        let before = check_told(store).unwrap();
        assert_eq!((before.told, before.problems), (0, vec![]), "nothing is shortened yet");
        condense(replica);
        let check = check_told(store).unwrap();
        assert!(check.told > ANSWERS as u64 / 2, "{check:?}");
        assert_eq!((check.gone, check.problems), (0, vec![]));
        // The document as somebody else might have saved it: what is told from it is not what was written.
        let other = side(2);
        sync(&other, &hub_of_two());
        other.answer(&visit("06325", 1), "1.1", "of somebody else");
        let document = visit("06325", 1).document();
        let saved = other.phone.replica().load(document).unwrap().save();
        let bytes = SavedForm::of(&saved).into_bytes();
        let fact = Fact::Saved { document, bytes, at: NOW };
        store.commit(vec![fact.record().unwrap()]).unwrap();
        let check = check_told(store).unwrap();
        assert_eq!((check.told, check.gone), (0, 0), "{check:?}");
        assert!(check.problems.iter().all(|problem| problem.contains(&document.short())));
        assert!(!check.problems.is_empty());
    }
}

fn hub_of_two() -> Arc<Hub> {
    hub(&[2])
}

/// A store that says it has a closed part, and has none.
struct Partless(MemoryStore);

impl Read for Partless {
    crate::store::pass_on!(0; get scan);
}

impl Store for Partless {
    crate::store::pass_on!(0; submit derive record position read verify reopen opened);

    fn segments(&self) -> Result<Vec<Segment>, StoreError> {
        let (number, first, last) = (1, Position(1), Position(1));
        Ok(vec![Segment { number, first, last, bytes: 10, shortened: false }])
    }
}

#[test]
fn a_part_that_stays_as_it_is_says_why() {
    let store = Partless(MemoryStore::new(Arc::new(Projection)));
    assert!(matches!(
        store.shorten(1, &mut |_, _| Ok(None)),
        Err(StoreError::NoSegment { segment: 1 })
    ));
    let replica = Replica::new(Arc::new(store));
    let done = replica.condense(NOW).unwrap().unwrap();
    assert_eq!(done.lengths.before, done.lengths.after);
    assert!(done.stayed.is_some_and(|why| why.contains("no closed segment 1")));
}
