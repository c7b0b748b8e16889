use proptest::prelude::*;

use super::*;

fn item(name: u32, seq: u64, hash: u8) -> Item {
    let mut document = [0; 32];
    document[..4].copy_from_slice(&name.to_le_bytes());
    Item {
        document: DocumentId(document),
        actor: Actor([1; 16]),
        seq,
        hash: ChangeHash([hash; 32]),
    }
}

/// Runs a comparison to its end; returns what both found, the bytes and the flights.
fn run(one: &MemoryTree, two: &MemoryTree) -> (Differences, Differences, usize, usize) {
    let (mut found_one, mut found_two) = (Differences::default(), Differences::default());
    let (mut side_one, mut side_two) = (Reconciler::default(), Reconciler::default());
    let mut speech = vec![Reconciler::open(one).unwrap()];
    let (mut bytes, mut flights, mut turn_of_two) = (0, 0, true);
    while !speech.is_empty() {
        flights += 1;
        let mut reply = Vec::new();
        for message in speech {
            let encoded = postcard::to_stdvec(&message).unwrap();
            bytes += encoded.len();
            let message: ReconcileMessage = postcard::from_bytes(&encoded).unwrap();
            reply.extend(if turn_of_two {
                side_two.handle(message, two, &mut found_two).unwrap()
            } else {
                side_one.handle(message, one, &mut found_one).unwrap()
            });
        }
        speech = reply;
        turn_of_two = !turn_of_two;
    }
    assert!(side_one.is_finished() && side_two.is_finished());
    (found_one, found_two, bytes, flights)
}

/// Gives each side what the other has more of.
fn exchange(one: &mut MemoryTree, two: &mut MemoryTree) -> (Differences, Differences) {
    let (found_one, found_two, ..) = run(one, two);
    let (before_one, before_two) = (one.clone(), two.clone());
    for (from, to, gives) in
        [(before_one, two, &found_one.gives), (before_two, one, &found_two.gives)]
    {
        for want in gives {
            let held = from.item(want.document, want.actor).unwrap().unwrap();
            assert!(held.seq >= want.from_seq);
            to.put(held);
        }
    }
    (found_one, found_two)
}

#[test]
fn equal_replicas_stop_after_one_round_trip_of_a_hundred_bytes() {
    let mut tree = MemoryTree::default();
    (0..1_000).for_each(|name| tree.put(item(name, 1, 1)));
    let (found, _, bytes, flights) = run(&tree, &tree.clone());
    assert_eq!(found, Differences::default());
    assert!(bytes < 100, "{bytes} bytes");
    assert_eq!(flights, 2);
}

#[test]
fn cost_grows_with_the_difference_not_with_the_hundred_thousand_items() {
    let mut one = MemoryTree::default();
    (0..100_000).for_each(|name| one.put(item(name, 3, 1)));
    for (differences, bytes_max) in [(1_u32, 4_000), (10, 24_000), (1_000, 900_000)] {
        let mut two = one.clone();
        for name in 0..differences {
            two.put(item(name * 97, 4, 2));
        }
        let (found_one, found_two, bytes, flights) = run(&one, &two);
        assert_eq!(found_one.takes.len(), differences as usize);
        assert_eq!(found_two.gives, found_one.takes);
        println!("{differences} of 100,000 differ: {bytes} bytes, {flights} flights");
        assert!(bytes < bytes_max, "{bytes} bytes for {differences}");
        assert!(flights <= 7, "{flights} flights");
    }
}

#[test]
fn a_replica_that_holds_nothing_learns_everything() {
    let mut full = MemoryTree::default();
    (0..5_000).for_each(|name| full.put(item(name, 2, 1)));
    let mut empty = MemoryTree::default();
    exchange(&mut empty, &mut full);
    assert!(empty.all().eq(full.all()));
    let mut empty = MemoryTree::default();
    exchange(&mut full, &mut empty);
    assert!(empty.all().eq(full.all()));
}

#[test]
fn the_same_place_with_another_change_is_reported_on_both_sides() {
    let (mut one, mut two) = (MemoryTree::default(), MemoryTree::default());
    (0..50).for_each(|name| {
        one.put(item(name, 2, 1));
        two.put(item(name, 2, if name == 7 { 9 } else { 1 }));
    });
    let (found_one, found_two, ..) = run(&one, &two);
    assert_eq!(found_one.equivocations.len(), 1);
    assert_eq!(found_one.equivocations[0].mine, found_two.equivocations[0].theirs);
}

#[test]
fn a_message_that_contradicts_itself_is_refused() {
    let tree = MemoryTree::default();
    let prefix = Prefix::of(&item(1, 1, 1).key(), 4);
    let elsewhere = (2..).map(|name| item(name, 1, 1)).find(|other| !prefix.holds(&other.key()));
    let wrong = [
        Part::Children { prefix: Prefix::ROOT, present: 3, fingerprints: vec![] },
        Part::Children { prefix, present: 0, fingerprints: vec![] },
        Part::Items { prefix, items: elsewhere.into_iter().collect() },
    ];
    for part in wrong {
        let message = ReconcileMessage { parts: vec![part], last: true };
        let outcome = Reconciler::default().handle(message, &tree, &mut Differences::default());
        assert!(matches!(outcome, Err(ReconcileError::Malformed { .. })));
    }
}

#[test]
fn a_peer_that_never_stops_asking_is_refused() {
    let mut tree = MemoryTree::default();
    (0..100).for_each(|name| tree.put(item(name, 1, 1)));
    let mut side = Reconciler::default();
    let mut turns = 0;
    let refused = loop {
        // Always another fingerprint of the root: it never agrees, and every answer asks again.
        let fingerprint = Fingerprint([u8::try_from(turns).unwrap(); 16]);
        let parts = vec![Part::Node { prefix: Prefix::ROOT, fingerprint }];
        let message = ReconcileMessage { parts, last: true };
        match side.handle(message, &tree, &mut Differences::default()) {
            Ok(reply) => assert!(reply.iter().flat_map(|said| &said.parts).any(Part::asks)),
            Err(error) => break error,
        }
        turns += 1;
    };
    assert!(matches!(refused, ReconcileError::Malformed { .. }), "{refused}");
    assert_eq!(turns, COMPARE_TURNS_MAX.div_ceil(2), "each was answered with a turn of our own");
}

/// One item, with so many others beside it at every level above the leaves that no list is compared.
struct Crowded(Item);

impl ItemTree for Crowded {
    fn node(&self, prefix: &Prefix) -> Result<Node, TreeError> {
        let mut node = Node::default();
        if prefix.holds(&self.0.key()) {
            node.add(&self.0);
            node.count = if prefix.is_leaf() { 1 } else { LEAF_ITEMS_MAX as u64 + 1 };
        }
        Ok(node)
    }

    fn items(&self, prefix: &Prefix, _limit: usize) -> Result<Vec<Item>, TreeError> {
        Ok(if prefix.holds(&self.0.key()) { vec![self.0] } else { Vec::new() })
    }

    fn item(&self, document: DocumentId, actor: Actor) -> Result<Option<Item>, TreeError> {
        Ok(Some(self.0).filter(|item| (item.document, item.actor) == (document, actor)))
    }
}

#[test]
fn the_longest_honest_comparison_takes_all_the_turns_that_there_are() {
    let mut few = MemoryTree::default();
    few.put(item(0, 2, 2));
    let trees: [&dyn ItemTree; 2] = [&Crowded(item(0, 1, 1)), &few];
    let mut sides = [Reconciler::default(), Reconciler::default()];
    let mut found = [Differences::default(), Differences::default()];
    let mut speech = vec![Reconciler::open(trees[0]).unwrap()];
    let mut turns = 0;
    while !speech.is_empty() {
        turns += 1;
        let hears = turns % 2;
        let mut reply = Vec::new();
        for message in speech {
            reply.extend(sides[hears].handle(message, trees[hears], &mut found[hears]).unwrap());
        }
        speech = reply;
    }
    assert!(sides.iter().all(Reconciler::is_finished));
    assert_eq!((found[0].takes.len(), found[1].gives.len()), (1, 1));
    assert_eq!(turns, COMPARE_TURNS_MAX);
}

#[test]
fn a_turn_that_says_nothing_and_goes_on_is_refused() {
    let tree = MemoryTree::default();
    for parts in [vec![], vec![Part::Mine { items: vec![] }]] {
        let message = ReconcileMessage { parts, last: false };
        let outcome = Reconciler::default().handle(message, &tree, &mut Differences::default());
        assert!(matches!(outcome, Err(ReconcileError::Malformed { .. })));
    }
}

#[test]
fn a_node_forgets_what_is_taken_out() {
    let mut node = Node::default();
    node.add(&item(1, 1, 1));
    let one = node;
    node.add(&item(2, 5, 3));
    node.remove(&item(2, 5, 3));
    assert_eq!(node, one);
    assert_eq!(Node::decode(&node.encode()).unwrap(), one);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn two_random_sets_end_equal(
        one in prop::collection::vec((0_u32..400, 1_u8..4), 0..300),
        two in prop::collection::vec((0_u32..400, 1_u8..4), 0..300),
    ) {
        let (mut tree_one, mut tree_two) = (MemoryTree::default(), MemoryTree::default());
        // The same place always holds the same change: nobody equivocates here.
        one.iter().for_each(|(name, seq)| tree_one.put(item(*name, u64::from(*seq), *seq)));
        two.iter().for_each(|(name, seq)| tree_two.put(item(*name, u64::from(*seq), *seq)));
        let (found_one, found_two) = exchange(&mut tree_one, &mut tree_two);
        prop_assert!(tree_one.all().eq(tree_two.all()));
        prop_assert_eq!(
            tree_one.node(&Prefix::ROOT).unwrap(), tree_two.node(&Prefix::ROOT).unwrap());
        prop_assert_eq!(found_one.gives.len(), found_two.takes.len());
        prop_assert_eq!(found_one.takes.len(), found_two.gives.len());
    }
}
