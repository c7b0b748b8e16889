//! What the hub has of a line travels between phones, and is offered to it until the hub itself says that it has it.

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
fn what_the_hub_has_of_a_line_is_brought_to_a_colleague_and_offered_until_the_hub_has_spoken() {
    let (hub, [a, b, c], genesis) = told();
    let life = hub.head().unwrap().epoch;
    for all in [false, true] {
        let (b, c) = (b.cloned(), c.cloned());
        let file = try_export(&a, &[to(2)], all).unwrap();
        assert_eq!(passed_over(&file, 2), 0, "nothing is said of the hub");
        assert_eq!(import(&b, &file).unwrap().received, 2);
        assert_eq!(import(&c, &export(&b, &[to(3)])).unwrap().received, 2, "and to the next");
        for side in [&b, &c] {
            assert_eq!(side.values(&genesis, "8.1"), ["first"]);
            assert_eq!(side.values(&genesis, "8.2"), ["second"]);
            assert_eq!(side.phone.carried().unwrap(), [genesis.document()]);
            assert_eq!(side.phone.undelivered().unwrap(), 2);
            assert_eq!(offered(side, life), 2);
        }
    }
    import(&b, &export(&a, &[to(2)])).unwrap();
    sync_at(&b, &hub, later(6));
    assert_eq!(values(hub.replica(), &genesis, "8.2"), ["second"]);
    sync_at(&b, &hub, later(7));
    assert!(b.phone.carried().unwrap().is_empty());
    assert_eq!((offered(&b, life), b.phone.undelivered().unwrap()), (0, 0));
}

#[test]
fn a_phone_s_word_that_the_hub_has_a_line_counts_for_nothing() {
    let (hub, a, b, genesis) = team();
    let life = hub.head().unwrap().epoch;
    a.answer(&genesis, "8.1", "first");
    let file = export(&a, &[to(2)]);
    assert_eq!(import(&b, &claimed(&file, life)).unwrap().received, 1);
    let counts = |b: &Side| (offered(b, life), b.phone.undelivered().unwrap());
    assert_eq!(counts(&b), (1, 1));
    // Its author hands over the same in person.
    import(&b, &file).unwrap();
    assert_eq!(counts(&b), (1, 1));
    // A's phone is lost: what B has is all that there is.
    let back = b.cloned();
    assert_eq!(at_hub(&hub, &export(&back, &[to_hub()])).unwrap().0.stored, 1);
    assert_eq!(values(hub.replica(), &genesis, "8.1"), ["first"]);
}

#[test]
fn a_wholly_claimed_line_reaches_the_hub_in_an_exchange() {
    let (hub, a, b, genesis) = team();
    a.answer(&genesis, "8.1", "first");
    let file = claimed(&export(&a, &[to(2)]), hub.head().unwrap().epoch);
    import(&b, &file).unwrap();
    sync_at(&b, &hub, later(6));
    assert_eq!(values(hub.replica(), &genesis, "8.1"), ["first"]);
}

/// A's letter to B, with what earlier programs said before a line: part 129, that this life of the hub's store
/// has it up to there.
fn claimed(file: &[u8], life: [u8; 16]) -> Vec<u8> {
    let parts = parts_of(file, 2);
    let mut encoded: Vec<Vec<u8>> = parts.iter().map(|part| encode(part).unwrap()).collect();
    let place = encoded.iter().position(|part| part[0] == tags::PACK).unwrap();
    let mut packs = parts.into_iter().filter_map(|part| match part {
        Part::Pack(pack) => Some(pack),
        _ => None,
    });
    let header = PackHeader::peek(&packs.next_back().unwrap()).unwrap();
    let upto = u8::try_from(header.last_seq).unwrap();
    let (document, actor) = (header.document.0, header.actor.0);
    encoded.insert(place, [&[129][..], &life, &document, &actor, &[upto]].concat());
    let head = Head { maker: key(1).device(), receiver: key(2).device(), made_at: NOW };
    raw((&head, PARTS), &key(1), key(2).device(), &encoded)
}

/// Returns how many parts of a letter are passed over.
fn passed_over(file: &[u8], number: u8) -> usize {
    let mut letter = LetterReader::find(file, &key(number)).unwrap();
    let parts = std::iter::from_fn(|| letter.next_part().unwrap());
    parts.filter(|part| part[0] >= tags::PASSED_OVER).count()
}
