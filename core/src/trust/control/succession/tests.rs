use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::trust::DeviceKey;
use crate::trust::control::{Act, prove_successor};

fn key(number: u8) -> DeviceKey {
    DeviceKey::from_seed(&[number; 32])
}

fn id(number: u8) -> DeviceId {
    key(number).device()
}

fn link(from: u8, to: u8) -> Link {
    Link { from: id(from), to: id(to) }
}

fn announcement(from: u8, to: u8, proved_by: u8) -> SignedAct {
    let proof = prove_successor(id(from), &key(proved_by));
    let deed = Deed::Successor { key: id(to), proof };
    let scope = "00".parse().unwrap();
    let (hub, nonce, at) = (id(from), [1; 16], Timestamp(7));
    Act { hub, by: hub, scope, nonce, at, deed }.sign(&key(from)).unwrap()
}

#[test]
fn an_announcement_needs_the_signature_of_one_key_and_the_proof_of_the_other() {
    let good = announcement(1, 2, 2);
    assert_eq!(Link::of(&good), Some(link(1, 2)));
    assert_eq!(Link::of(&announcement(1, 2, 3)), None, "the next key did not prove it");
    assert_eq!(Link::of(&announcement(1, 1, 1)), None, "no key follows itself");
    let mut forged = good.clone();
    forged.act.by = id(3);
    forged.act.hub = id(3);
    assert_eq!(Link::of(&forged), None, "the present key did not sign it");
    let mut of_another = good;
    of_another.act.hub = id(4);
    assert_eq!(Link::of(&of_another), None);
}

#[test]
fn two_successors_are_told_and_neither_is_followed_and_a_cycle_ends() {
    let keys = HubKeys::of(id(1), &BTreeSet::from([link(1, 2), link(1, 3), link(0, 1)]));
    assert_eq!((keys.before, keys.after), (vec![id(0)], vec![]));
    assert_eq!(keys.split, Some(id(1)));
    // From the true successor the way back is one, whoever else the stolen key announced.
    let keys = HubKeys::of(id(2), &BTreeSet::from([link(1, 2), link(1, 3)]));
    assert_eq!((keys.before, keys.after, keys.split), (vec![id(1)], vec![], None));
    let keys = HubKeys::of(id(1), &BTreeSet::from([link(1, 2), link(2, 3), link(3, 1)]));
    assert_eq!(keys.all().len(), 3);
    assert_eq!(keys.split, None);
}

#[test]
fn what_nothing_leads_to_takes_no_room_and_what_leads_back_takes_none_of_what_leads_on() {
    let mut links = BTreeSet::from([link(1, 2)]);
    // Of keys that nothing leads to, and a long way back: as whoever held the key once may announce.
    links.extend((100..250).map(|from| link(from, from + 1)));
    links.extend((3..90).map(|from| link(from, from + 1)));
    links.insert(link(90, 1));
    let needed = HubKeys::needed(id(1), &links);
    assert!(needed.contains(&link(1, 2)));
    assert!(needed.len() <= 2 * HUB_KEYS_MAX + 4, "{}", needed.len());
    assert!(!needed.contains(&link(100, 101)));
    let keys = HubKeys::of(id(1), &links);
    assert_eq!((keys.before.len(), &keys.after), (HUB_KEYS_MAX, &vec![id(2)]));
    assert_eq!(keys.full, keys.before.last().copied(), "that a way leads on is said");
    assert_eq!(HubKeys::of(id(1), &needed), keys);
    // Ever so many ways from one key are as two.
    let links: BTreeSet<Link> = (2..200).map(|to| link(1, to)).collect();
    let needed = HubKeys::needed(id(1), &links);
    assert_eq!((needed.len(), HubKeys::of(id(1), &needed).split), (2, Some(id(1))));
}

#[test]
fn a_key_that_is_put_before_a_replaced_one_is_replaced_too() {
    let keys = HubKeys::of(id(2), &BTreeSet::from([link(1, 2), link(5, 1), link(2, 3)]));
    let retired = BTreeMap::from([(id(1), Timestamp(9))]);
    let since = |number| keys.retired(id(number), &retired);
    assert_eq!([5, 1, 2, 3].map(since), [Some(Timestamp(9)), Some(Timestamp(9)), None, None]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Kept one by one, in whatever order, once each hangs on what is kept: as all at once.
    #[test]
    fn what_is_kept_does_not_depend_on_the_order(
        honest in 1_u8..20,
        pinned in any::<prop::sample::Index>(),
        others in prop::collection::vec((60_u8..200, 60_u8..200), 0..200),
        order in any::<u64>(),
    ) {
        let mut links: Vec<Link> = (1..=honest).map(|from| link(from, from + 1)).collect();
        links.extend(others.iter().filter(|(from, to)| from != to).map(|(from, to)| link(*from, *to)));
        let pinned = id(u8::try_from(pinned.index(usize::from(honest) + 1)).unwrap() + 1);
        let all: BTreeSet<Link> = links.iter().copied().collect();
        let mut state = order | 1;
        for place in (1..links.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            links.swap(place, usize::try_from(state >> 33).unwrap() % (place + 1));
        }
        let mut kept = BTreeSet::new();
        // What does not hang on yet is not taken, and comes again.
        for _ in 0..=honest {
            for link in &links {
                kept.insert(*link);
                kept = HubKeys::needed(pinned, &kept);
            }
        }
        prop_assert_eq!(&kept, &HubKeys::needed(pinned, &all));
        prop_assert_eq!(HubKeys::of(pinned, &kept).all().len(), usize::from(honest) + 1);
    }

    /// From whichever key of a chain is pinned all are reached, whatever order the announcements came in.
    #[test]
    fn every_key_of_a_chain_leads_to_all_in_any_order(
        length in 1_u8..12,
        pinned in any::<prop::sample::Index>(),
        order in any::<u64>(),
    ) {
        let mut links: Vec<Link> = (1..length).map(|from| link(from, from + 1)).collect();
        let mut state = order | 1;
        for place in (1..links.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            links.swap(place, usize::try_from(state >> 33).unwrap() % (place + 1));
        }
        let mut found = BTreeSet::new();
        let pinned = u8::try_from(pinned.index(usize::from(length))).unwrap() + 1;
        for link in links {
            found.insert(link);
        }
        let keys = HubKeys::of(id(pinned), &found);
        prop_assert_eq!(keys.before, (1..pinned).rev().map(id).collect::<Vec<_>>());
        prop_assert_eq!(keys.after, (pinned + 1..=length).map(id).collect::<Vec<_>>());
        prop_assert_eq!(keys.split, None);
    }
}
