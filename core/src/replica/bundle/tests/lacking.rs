//! A phone is given changes whose forerunners only the hub has told of.

use super::*;

#[test]
fn a_phone_that_has_not_synced_gets_what_the_maker_wrote_before() {
    let (hub, a, b, genesis) = team();
    a.answer(&genesis, "8.1", "first");
    sync_at(&a, &hub, later(1));
    assert_eq!(stored(&a.phone, &genesis), (1, 1, 0));
    a.answer(&genesis, "8.2", "second");
    let file = export(&a, &[to(2)]);
    let taken = import(&b, &file).unwrap();
    assert_eq!((taken.received, taken.conflicting, taken.lacking), (2, 0, 0));
    assert_eq!(b.values(&genesis, "8.1"), ["first"]);
    assert_eq!(b.values(&genesis, "8.2"), ["second"]);
    assert_eq!(import(&b, &file).unwrap().received, 0);
    // The hub has the first: it is given the second alone.
    assert_eq!(at_hub(&hub, &export(&a, &[to_hub()])).unwrap().0.packs, 1);
}

#[test]
fn what_lacks_its_forerunner_conflicts_with_nothing() {
    let hub = hub(&[1, 2, 3]);
    let (a, b, c) = (side(1), side(2), side(3));
    for side in [&a, &b, &c] {
        sync_at(side, &hub, NOW);
    }
    let genesis = visit("06325", 1);
    a.answer(&genesis, "8.1", "first");
    sync_at(&a, &hub, later(1));
    sync_at(&b, &hub, later(1));
    a.answer(&genesis, "8.2", "second");
    import(&b, &export(&a, &[to(2)])).unwrap();
    // B holds the first from the hub, and carries the second alone.
    let taken = import(&c, &export(&b, &[to(3)])).unwrap();
    assert_eq!((taken.received, taken.conflicting, taken.lacking), (0, 0, 1));
    let taken = import(&c, &try_export(&b, &[to(3)], true).unwrap()).unwrap();
    assert_eq!((taken.received, taken.conflicting, taken.lacking), (2, 0, 0));
    assert_eq!(c.values(&genesis, "8.2"), ["second"]);
}
