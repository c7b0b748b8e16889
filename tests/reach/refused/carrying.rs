//! A refused change on phones that only carry it, and lines that a restored hub knows nothing of.

use bienban_core::model::Kind;
use bienban_core::replica::ListQuery;
use bienban_core::sync::{ClosedLine, Pack};

use super::*;

impl Place {
    /// Another phone's packs as they come over the air from a neighbour, in the keeping of a phone
    /// whose program does not see what is wrong with them.
    fn carry(&self, from: usize, to: usize) {
        self.phones[from].release(NOW).unwrap();
        let packs = self.phones[from].outbox().unwrap();
        let items = packs.into_iter().map(FeedItem::Pack).collect();
        let fact = Fact::Met { from: self.phones[from].device(), items, at: NOW };
        self.phones[to].replica().store().commit(vec![fact.record().unwrap()]).unwrap();
        self.phones[to].replica().refresh(usize::MAX).unwrap();
    }
}

#[test]
fn what_was_signed_for_and_then_refused_is_shown_no_longer_on_whoever_carries_it() {
    let place = Place::new();
    let refused = record_poison(&place.phones[0], &place.genesis, &place.items[1]);
    // On two phones; one of them delivers.
    place.carry(0, 1);
    place.carry(0, 2);
    for phone in [1, 2] {
        assert!(place.document(phone).has(&refused), "shown until the hub has judged it");
    }
    let (_, progress) = fleet::exchange(&place.phones[1], &place.hub);
    assert_eq!(progress.stored, 1, "signed for");
    fleet::exchange(&place.phones[2], &place.hub);
    for phone in [1, 2] {
        assert!(!place.document(phone).has(&refused));
        assert_eq!(place.phones[phone].carried().unwrap(), []);
        let want = bienban_core::sync::Want {
            document: place.genesis.document(),
            actor: actor(&place.phones[0], &place.genesis),
            from_seq: 2,
        };
        let given = place.phones[phone].replica().provide(&[want]).unwrap().packs;
        assert_eq!(given, Vec::<Vec<u8>>::new(), "nor handed on");
    }
    place.sync();
    place.check();
}

#[test]
fn a_visit_that_held_nothing_but_what_was_refused_leaves_the_lists() {
    let mut place = Place::new();
    let template = place.genesis.template.unwrap();
    place.genesis = fleet::visit(template, 2);
    record_poison_alone(&place);
    place.carry(0, 1);
    let listed = |phone: usize| {
        let query = ListQuery { limit: 9, ..ListQuery::default() };
        place.phones[phone].replica().list(Kind::Inspection, &query).unwrap().len()
    };
    assert_eq!(listed(1), 2);
    fleet::exchange(&place.phones[1], &place.hub);
    place.sync();
    for phone in 0..3 {
        assert_eq!(listed(phone), 1, "on phone {phone}");
        rebuilds(&**place.phones[phone].replica().store());
    }
    // Its author still finds what it wrote.
    assert_eq!(place.phones[0].rejected().unwrap().len(), 1);
    // And can write it once more.
    place.answer(0, 0, "again");
    place.sync();
    for phone in 0..3 {
        assert_eq!((listed(phone), &*place.values(phone)[0]), (2, "again"));
        rebuilds(&**place.phones[phone].replica().store());
    }
}

/// As [`record_poison`], as the first edit of a record.
fn record_poison_alone(place: &Place) -> ChangeHash {
    let phone = &place.phones[0];
    let shape = phone.replica().template(place.genesis.template.unwrap()).unwrap().shape();
    let here = Document::create(&place.genesis, &shape);
    poisoned(phone, &place.genesis, &place.items[1], &here)
}

/// A temporary cause, such as a full record, closed a line; the hub is set back to a time before,
/// and takes the change in from a phone that had not heard.
#[test]
fn a_line_closed_in_an_earlier_life_of_the_hub_opens_where_the_present_one_brings_more_of_it() {
    let disk = MemoryDisk::new();
    let mut place = Place::over(Arc::new(MemoryStore::new(Arc::new(Projection))), &disk);
    let backup = disk.copy();
    // Its first change here, so there is none before it that the line could end with.
    place.answer(1, 1, "no room then");
    place.hand(1, 2);
    let bytes = place.phones[1].outbox().unwrap().remove(0);
    let pack = Pack::decode(&bytes).unwrap();
    // The hub has no room in the record for it.
    let (document, culprit) = (place.genesis.document(), pack.tip_hash());
    let line = ClosedLine {
        document,
        actor: pack.actor(),
        from_seq: pack.first_seq(),
        culprit,
        verdict: Verdict::Full,
        before: None,
    };
    let fact = Fact::Closed {
        lines: vec![line],
        changes: vec![(culprit, culprit)],
        document,
        scope: place.genesis.scope.clone(),
        at: NOW,
    };
    place.hub.replica().store().commit(vec![fact.record().unwrap()]).unwrap();
    for phone in [1, 0] {
        fleet::exchange(&place.phones[phone], &place.hub);
        assert_eq!(place.values(phone)[1], "-");
    }
    assert_eq!(place.phones[1].rejected().unwrap().len(), 1);
    place.hub = hub_on(&backup, 2);
    place.sync();
    for phone in 0..3 {
        assert_eq!(place.values(phone)[1], "no room then", "on phone {phone}");
    }
    assert_eq!(place.phones[1].rejected().unwrap(), []);
    place.check();
    // A line that the hub closes in this life stays closed.
    let poison = record_poison(&place.phones[0], &place.genesis, &place.items[2]);
    place.sync();
    place.check();
    assert!(!place.document(0).has(&poison));
}
