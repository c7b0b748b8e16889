//! What the hub has signed for travels between phones, and is not offered to it again.

use super::super::super::meeting::once;
use super::*;

/// Packs that a phone would offer to a life of the hub's store.
fn offered(side: &Side, life: [u8; 16]) -> usize {
    side.phone.deliver(life, None, later(5)).unwrap().packs.len()
}

/// A team of three, in which the hub has the first answer of A, and A has written a second.
fn told() -> (Arc<Hub>, [Side; 3], Genesis) {
    let hub = hub(&[1, 2, 3]);
    let team = [1, 2, 3].map(side);
    for side in &team {
        sync_at(side, &hub, NOW);
    }
    let genesis = visit("06325", 1);
    team[0].answer(&genesis, "8.1", "first");
    sync_at(&team[0], &hub, later(1));
    team[0].answer(&genesis, "8.2", "second");
    (hub, team, genesis)
}

#[test]
fn what_the_hub_has_of_a_line_is_brought_to_a_colleague_and_not_sent_to_the_hub_again() {
    let (hub, [a, b, c], genesis) = told();
    let life = hub.head().unwrap().epoch;
    for all in [false, true] {
        let (b, c) = (b.cloned(), c.cloned());
        assert_eq!(import(&b, &try_export(&a, &[to(2)], all).unwrap()).unwrap().received, 2);
        assert_eq!(import(&c, &export(&b, &[to(3)])).unwrap().received, 2, "and to the next");
        for side in [&b, &c] {
            assert_eq!(side.values(&genesis, "8.1"), ["first"]);
            assert_eq!(side.values(&genesis, "8.2"), ["second"]);
            assert_eq!(side.phone.carried().unwrap(), [genesis.document()]);
            assert_eq!(side.phone.undelivered().unwrap(), 1);
            assert_eq!(offered(side, life), 1);
            assert_eq!(offered(side, [9; 16]), 2, "another life may have lost it");
        }
    }
    import(&b, &export(&a, &[to(2)])).unwrap();
    assert_eq!(once(&b, &hub, (later(6), 0), &[]).progress().sent, 1);
    assert_eq!(values(hub.replica(), &genesis, "8.2"), ["second"]);
    sync_at(&b, &hub, later(7));
    assert!(b.phone.carried().unwrap().is_empty());
}

#[test]
fn what_the_hub_lacks_against_the_word_of_who_gave_it_is_given_when_it_asks() {
    let (hub, a, b, genesis) = team();
    let life = hub.head().unwrap().epoch;
    a.answer(&genesis, "8.1", "first");
    let claimed = |file: &[u8], seq: u64| {
        let mut parts: Vec<Vec<u8>> =
            parts_of(file, 2).iter().map(|part| encode(part).unwrap()).collect();
        let place = parts.iter().position(|part| part[0] == tags::PACK).unwrap();
        let header = PackHeader::peek(&parts_of(file, 2).into_iter().find_map(packed).unwrap());
        let PackHeader { document, actor, .. } = header.unwrap();
        let stored = Stored { life, document, actor, seq };
        parts.insert(place, stored.encode().unwrap());
        let head = Head { maker: key(1).device(), receiver: key(2).device(), made_at: NOW };
        raw((&head, PARTS), &key(1), key(2).device(), &parts)
    };
    assert_eq!(import(&b, &claimed(&export(&a, &[to(2)]), 1)).unwrap().received, 1);
    assert_eq!(offered(&b, life), 0);
    a.answer(&genesis, "8.2", "second");
    assert_eq!(import(&b, &claimed(&export(&a, &[to(2)]), 1)).unwrap().received, 1);
    assert_eq!(offered(&b, life), 1);
    sync_at(&b, &hub, later(6));
    assert_eq!(values(hub.replica(), &genesis, "8.1"), ["first"]);
    assert_eq!(values(hub.replica(), &genesis, "8.2"), ["second"]);
}

#[test]
fn of_a_hub_that_was_set_back_nothing_is_said_before_all_was_compared() {
    let (hub, [a, b, _], _) = told();
    a.phone.met([9; 16]).unwrap();
    import(&b, &export(&a, &[to(2)])).unwrap();
    assert_eq!(offered(&b, hub.head().unwrap().epoch), 2);
}

#[test]
fn what_is_said_of_a_line_is_written_as_it_always_was() {
    let (document, actor) = (DocumentId([4; 32]), Actor([5; 16]));
    let stored = Stored { life: [8; 16], document, actor, seq: 300 };
    let bytes = stored.encode().unwrap();
    assert_eq!(bytes, [&[0x81][..], &[8; 16], &[4; 32], &[5; 16], &[0xac, 2]].concat());
    assert_eq!(Stored::decode(&bytes), Some(stored));
    // One that is cut, and a kind of a later program.
    assert_eq!(Stored::decode(&bytes[..30]), None);
    assert_eq!(Stored::decode(&[tags::PASSED_OVER, 1]), None);
}

fn packed(part: Part) -> Option<Vec<u8>> {
    match part {
        Part::Pack(pack) => Some(pack),
        _ => None,
    }
}
