//! Packs that reach the hub without what comes before them in their line: the phone that carried it
//! lost it, or the hub has set it aside.

use super::carrying::{as_said, carried_load, exchange, rebuilds_rows};
use super::*;
use crate::replica::facts::Fact;
use crate::replica::hub::stranded::STRANDED_PER_DEVICE_MAX;
use crate::replica::rows::LoadRow;
use crate::sync::{PackHeader, Verdict};

/// Three phones that know a hub. The first wrote twice in one visit; the second carries all of it,
/// the third only what came first.
struct Scene {
    hub: Arc<Hub>,
    one: Side,
    two: Side,
    three: Side,
    genesis: Genesis,
    actor: Actor,
}

fn scene() -> Scene {
    let hub = hub(&[1, 2, 3]);
    let (one, two, three, genesis) = (side(1), side(2), side(3), visit("06325", 1));
    for side in [&one, &two, &three] {
        sync(side, &hub);
    }
    one.answer(&genesis, "1.1", "first");
    meet(&one, &two);
    meet(&one, &three);
    one.answer(&genesis, "1.2", "later");
    meet(&one, &two);
    let actor = Actor::derive(key(1).device(), genesis.document(), Incarnation([1; 16]));
    Scene { hub, one, two, three, genesis, actor }
}

impl Scene {
    /// The second phone loses the pack that begins the line.
    fn lose_the_first(&self) {
        let packs = vec![(self.genesis.document(), self.actor, 1)];
        self.two.phone.record(Fact::Declined { packs, at: NOW }).unwrap();
    }

    /// The second phone offers what it has until the hub keeps it beyond the hole.
    fn strand(&self) {
        self.lose_the_first();
        // It is asked for what is missing, and has it not.
        let (ending, progress) = exchange(&self.two, &self.hub, NOW, as_said);
        assert_eq!((ending, progress.sent, progress.stored), (Ending::Done, 2, 0));
        assert_eq!(self.two.phone.carried().unwrap(), [self.genesis.document()]);
        assert_eq!(self.hub.status().unwrap().quarantined, 0, "its own device may yet bring both");
        let (ending, progress) = exchange(&self.two, &self.hub, NOW, as_said);
        assert_eq!((ending, progress.sent, progress.stored), (Ending::Done, 1, 0));
    }

    fn is_whole(&self) {
        for side in [&self.one, &self.two, &self.three] {
            sync(side, &self.hub);
            assert_eq!(side.values(&self.genesis, "1.1"), ["first"]);
            assert_eq!(side.values(&self.genesis, "1.2"), ["later"]);
            assert_eq!(side.digest(&self.genesis), digest(self.hub.replica(), &self.genesis));
            assert_eq!(side.phone.carried().unwrap(), []);
            assert_eq!(carried_load(side), LoadRow::default());
            rebuilds_rows(&*side.store);
        }
        let waiting = self.hub.waiting().unwrap();
        assert_eq!((waiting.causes, waiting.set_aside), (vec![], vec![]));
        assert_eq!(self.hub.status().unwrap().quarantined, 0);
        rebuilds_rows(&**self.hub.replica().store());
    }
}

#[test]
fn what_lacks_its_forerunner_is_kept_by_the_hub_and_offered_no_more() {
    let scene = scene();
    let document = scene.genesis.document();
    scene.strand();
    assert_eq!(scene.two.phone.carried().unwrap(), [], "the hub has it");
    let waiting = scene.hub.waiting().unwrap();
    assert_eq!((waiting.causes, waiting.set_aside), (vec![(document, 1)], vec![]));
    let (_, progress) = exchange(&scene.two, &scene.hub, NOW, as_said);
    assert_eq!(progress.sent, 0, "nothing is offered for ever");
    rebuilds_rows(&*scene.two.store);
    rebuilds_rows(&**scene.hub.replica().store());
    // Another brings what is missing, and nothing else.
    let (_, progress) = exchange(&scene.three, &scene.hub, NOW, as_said);
    assert_eq!((progress.sent, progress.stored), (1, 1));
    assert_eq!(values(scene.hub.replica(), &scene.genesis, "1.1"), ["first"]);
    assert_eq!(values(scene.hub.replica(), &scene.genesis, "1.2"), ["later"]);
    scene.is_whole();
}

#[test]
fn a_phone_that_can_fill_the_hole_is_asked_and_nothing_is_set_aside() {
    let scene = scene();
    sync(&scene.two, &scene.hub);
    assert_eq!(scene.hub.status().unwrap().quarantined, 0);
    scene.is_whole();
}

#[test]
fn its_author_is_told_that_it_waits_and_that_it_does_not_any_more() {
    let scene = scene();
    let document = scene.genesis.document();
    scene.strand();
    // The author comes over a line that loses the beginning.
    let without_first = |frame: Vec<u8>| {
        let Ok(Frame::Push { mut packs }) = Frame::decode(&frame) else { return frame };
        packs.retain(|pack| PackHeader::peek(pack).unwrap().first_seq > 1);
        Frame::Push { packs }.encode().unwrap()
    };
    exchange(&scene.one, &scene.hub, NOW, without_first);
    let told: Vec<Verdict> =
        scene.one.phone.notices().unwrap().into_iter().map(|notice| notice.verdict).collect();
    assert_eq!(told, [Verdict::Orphan]);
    let arrival = scene.one.phone.arrival(document).unwrap();
    assert_eq!((arrival.recorded, arrival.stored, arrival.merged), (2, 0, 0));
    assert_eq!(scene.one.phone.only_here().unwrap(), [document]);
    sync(&scene.one, &scene.hub);
    assert_eq!(scene.one.phone.notices().unwrap(), []);
    let arrival = scene.one.phone.arrival(document).unwrap();
    assert_eq!((arrival.stored, arrival.merged, arrival.only_here), (2, 2, 0));
    assert_eq!(scene.one.phone.only_here().unwrap(), []);
    scene.is_whole();
}

#[test]
fn another_life_of_the_hubs_store_is_offered_it_again() {
    let scene = scene();
    let store = MemoryStore::new(Arc::new(Projection));
    let before = store.disk().copy();
    drop(store);
    scene.strand();
    assert_eq!(scene.two.phone.carried().unwrap(), []);
    // The hub's store is lost; its key is not.
    let store = Arc::new(MemoryStore::open(&before, Arc::new(Projection)).unwrap());
    let options = HubOptions { fresh_epoch: [98; 16], now: NOW };
    let anew = Arc::new(Hub::open(store, key(99), options).unwrap());
    anew.publish(TEA.to_vec()).unwrap();
    for number in 1..=3 {
        anew.trust(entry(number, "06325")).unwrap();
    }
    told_of_another_life(&anew, &scene.two);
    let (_, progress) = exchange(&scene.two, &anew, NOW, as_said);
    assert_eq!(progress.sent, 2);
    assert_eq!(scene.two.phone.carried().unwrap(), [scene.genesis.document()], "it is not there");
    let (_, progress) = exchange(&scene.two, &anew, NOW, as_said);
    assert_eq!(progress.sent, 1);
    assert_eq!(scene.two.phone.carried().unwrap(), []);
    let scene = Scene { hub: anew, ..scene };
    scene.is_whole();
}

#[test]
fn a_hub_that_starts_again_takes_in_what_was_left_beyond_a_filled_hole() {
    let scene = scene();
    let store = Arc::new(MemoryStore::new(Arc::new(Projection)));
    let open = |life| {
        let options = HubOptions { fresh_epoch: [life; 16], now: NOW };
        Arc::new(Hub::open(store.clone(), key(99), options).unwrap())
    };
    let hub = open(97);
    hub.publish(TEA.to_vec()).unwrap();
    for number in 1..=3 {
        hub.trust(entry(number, "06325")).unwrap();
    }
    let scene = Scene { hub, ..scene };
    told_of_another_life(&scene.hub, &scene.two);
    scene.lose_the_first();
    for _ in 0..2 {
        exchange(&scene.two, &scene.hub, NOW, as_said);
    }
    assert_eq!(scene.hub.status().unwrap().quarantined, 1);
    // The power goes between taking in what was missing and taking in what waited for it.
    let missing = scene.three.replica().provide(&[Want {
        document: scene.genesis.document(),
        actor: scene.actor,
        from_seq: 1,
    }]);
    let accepted = Fact::Accepted {
        from: key(3).device(),
        packs: missing.unwrap().packs,
        quarantined: vec![],
        at: NOW,
    };
    store.commit(vec![accepted.record().unwrap()]).unwrap();
    let hub = open(96);
    assert_eq!(hub.status().unwrap().quarantined, 0);
    hub.merge_all(NOW).unwrap();
    assert_eq!(values(hub.replica(), &scene.genesis, "1.2"), ["later"]);
    let scene = Scene { hub, ..scene };
    scene.is_whole();
}

#[test]
fn a_signer_fills_no_more_than_its_part_beyond_holes() {
    let packs = usize::try_from(STRANDED_PER_DEVICE_MAX).unwrap() + 40;
    let scene = scene();
    for number in 0..packs {
        scene.one.answer(&scene.genesis, "2.1", &format!("{number}"));
        scene.one.phone.release(NOW).unwrap();
    }
    meet(&scene.one, &scene.two);
    scene.lose_the_first();
    for _ in 0..2 {
        let (ending, _) = exchange(&scene.two, &scene.hub, NOW, as_said);
        assert_eq!(ending, Ending::Done);
    }
    let document = scene.genesis.document();
    let waiting = scene.hub.waiting().unwrap();
    assert_eq!(waiting.causes, [(document, STRANDED_PER_DEVICE_MAX)]);
    // The rest stays where it is.
    assert_eq!(scene.two.phone.carried().unwrap(), [document]);
    // Others are not concerned, and the device's own lines are not where they continue.
    let elsewhere = visit("06325", 2);
    scene.one.answer(&elsewhere, "1.1", "elsewhere");
    sync(&scene.one, &scene.hub);
    assert_eq!(values(scene.hub.replica(), &elsewhere, "1.1"), ["elsewhere"]);
    assert_eq!(values(scene.hub.replica(), &scene.genesis, "2.1").len(), packs);
    scene.is_whole();
}

#[test]
fn what_continues_a_line_that_was_set_aside_is_set_aside_with_it() {
    let (hub, one, two) = (hub(&[1, 2]), side(1), side(2));
    let genesis = visit("06325", 1);
    sync(&one, &hub);
    sync(&two, &hub);
    // The clone writes under the same name, and another carries its line.
    let clone = one.cloned();
    clone.answer(&genesis, "1.1", "clone");
    clone.answer(&genesis, "1.2", "clone");
    meet(&clone, &two);
    clone.answer(&genesis, "2.1", "clone");
    meet(&clone, &two);
    one.answer(&genesis, "1.1", "one");
    sync(&one, &hub);
    // Its first pack shows that it is another line; what comes behind it begins beyond the hub's.
    let (ending, progress) = exchange(&two, &hub, NOW, as_said);
    assert_eq!((ending, progress.declined), (Ending::Done, 2));
    assert_eq!(two.phone.carried().unwrap(), []);
    assert_eq!(hub.status().unwrap().quarantined, 2);
    assert_eq!(hub.waiting().unwrap().causes, []);
    let (_, progress) = exchange(&two, &hub, NOW, as_said);
    assert_eq!(progress.sent, 0);
    // The clone makes its edits anew: nothing is lost by that.
    for side in [&clone, &one, &two, &clone, &one, &two] {
        sync(side, &hub);
    }
    assert_eq!(values(hub.replica(), &genesis, "1.1"), ["clone", "one"]);
    assert_eq!(values(hub.replica(), &genesis, "1.2"), ["clone"]);
    assert_eq!(values(hub.replica(), &genesis, "2.1"), ["clone"]);
    for side in [&clone, &one, &two] {
        assert_eq!(side.digest(&genesis), digest(hub.replica(), &genesis));
        assert_eq!(side.phone.only_here().unwrap(), []);
    }
}
