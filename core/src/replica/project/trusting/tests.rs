use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::replica::project::Projection;
use crate::store::MemoryStore;
use crate::trust::control::{Act, Deed, TrustState, Whom};
use crate::trust::{DeviceKey, Grant, Role};

const NOW: i64 = 1_795_000_000_000;

fn key(number: u8) -> DeviceKey {
    DeviceKey::from_seed(&[number; 32])
}

fn hub() -> DeviceKey {
    key(200)
}

fn person(number: u8) -> PersonId {
    PersonId([number; 16])
}

/// One life of a hub's store, from a state on that it remembers.
struct Life {
    life: [u8; 16],
    state: TrustState,
    entries: Vec<ControlEntry>,
}

impl Life {
    fn enter(&mut self, (by, unit): (u8, &str), nonce: u8, deed: Deed) {
        let scope: Scope = unit.parse().unwrap();
        let by = key(by);
        let (at, own) = (Timestamp(NOW), hub().device());
        let act =
            Act { hub: own, by: by.device(), scope: scope.clone(), nonce: [nonce; 16], at, deed };
        let Ok(latest) = self.state.latest();
        // A clock that stands still: entries of both lives have the same times.
        let at = Timestamp(latest.map_or(NOW, |latest| latest.at.0 + 1));
        let Ok(head) = self.state.head(Log { scope: &scope, life: self.life });
        let is_first = match &act.deed {
            Deed::Seal { document, .. } => self.state.sealed(&scope, *document).unwrap().is_none(),
            _ => false,
        };
        let official = is_first.then(|| "01/2026".to_owned());
        let act = act.sign(&by).unwrap();
        let entry =
            ControlEntry::sign(&hub(), (self.life, &head), (at, at), act, official).unwrap();
        let Ok(folded) = fold(&mut self.state, &entry, &covers);
        assert!(matches!(folded, Folded::Counts | Folded::Void(_)), "{folded:?}");
        self.entries.push(entry);
    }

    /// One decision, allowed or not.
    fn play(&mut self, nonce: u8, (by, unit, what, who): (u8, u8, u8, u8)) {
        let unit = ["00", "20", "06325", "06337"][usize::from(unit)];
        let by = if by == 0 { 200 } else { by };
        let device = key(who + 1).device();
        let deed = match what {
            0 => Deed::Certify {
                device,
                person: person(who + 1),
                name: "An".to_owned(),
                agency: "Y tế".to_owned(),
            },
            1 | 2 => {
                let role = if what == 1 { Role::Admin } else { Role::Leader };
                let grant = Grant::always(role, unit.parse().unwrap());
                Deed::Grant { person: person(who + 1), grant }
            }
            3 => Deed::Revoke { whom: Whom::Device(device), lost_since: None },
            4 => Deed::Revoke { whom: Whom::Person(person(who + 1)), lost_since: None },
            5 => Deed::Seal { document: DocumentId([1; 32]), seal: [who; 32] },
            _ => Deed::Assign { inspection: DocumentId([who; 32]), persons: vec![person(nonce)] },
        };
        self.enter((by, unit), nonce, deed);
    }
}

/// A hub that enters some decisions, is set back to the first of them, and enters others.
fn two_lives(steps: &[(u8, u8, u8, u8)], both: usize, first: usize) -> Vec<ControlEntry> {
    let (state, _) = TrustState::of(hub().device(), [], &covers).unwrap();
    let mut one = Life { life: [1; 16], state, entries: Vec::new() };
    one.play(250, (0, 1, 0, 0));
    one.play(251, (0, 1, 1, 0));
    let mut numbered = (0..).zip(steps.iter().copied());
    numbered.by_ref().take(both).for_each(|(nonce, step)| one.play(nonce, step));
    let mut two = Life { life: [2; 16], state: one.state.clone(), entries: Vec::new() };
    numbered.by_ref().take(first).for_each(|(nonce, step)| one.play(nonce, step));
    numbered.for_each(|(nonce, step)| two.play(nonce, step));
    one.entries.append(&mut two.entries);
    one.entries
}

/// Takes entries in, in this order and in pieces, until all are in; returns the rows.
fn rows_of(entries: &[ControlEntry], piece: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
    let store = MemoryStore::new(Arc::new(Projection));
    let mut draft = Drafting::new(&store);
    draft.with(|rows| rows.pin(hub().device())).unwrap();
    let mut waiting = entries.to_vec();
    while !waiting.is_empty() {
        let before = waiting.len();
        let mut left = Vec::new();
        for piece in waiting.chunks(piece) {
            let folded = draft.with(|rows| rows.fold_all(piece)).unwrap();
            let gaps = piece.iter().zip(folded).filter(|(_, folded)| *folded == Folded::Gap);
            left.extend(gaps.map(|(entry, _)| entry.clone()));
        }
        assert!(left.len() < before, "every log is whole");
        waiting = left;
    }
    let rows = draft.writes.0.into_iter();
    rows.filter_map(|(key, value)| Some((key, value?))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn two_lives_of_a_hub_give_the_same_rows_in_whatever_order_their_entries_come(
        steps in prop::collection::vec((0..5_u8, 0..4_u8, 0..7_u8, 0..4_u8), 0..24),
        (both, first) in (0..8_usize, 0..8_usize),
        piece in 1..9_usize,
        seed in any::<u64>(),
    ) {
        let entries = two_lives(&steps, both, first);
        let mut shuffled = entries.clone();
        let mut state = seed | 1;
        for place in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(place, usize::try_from(state >> 33).unwrap() % (place + 1));
        }
        let rows = rows_of(&shuffled, piece);
        prop_assert_eq!(&rows, &rows_of(&entries, entries.len()));
        let (whole, _) = TrustState::of(hub().device(), &entries, &covers).unwrap();
        let store = MemoryStore::new(Arc::new(Projection));
        let mut draft = Drafting::new(&store);
        draft.writes = Writes(rows.into_iter().map(|(key, value)| (key, Some(value))).collect());
        for number in 1..6 {
            let device = key(number).device();
            let said = draft.with(|rows| entry_of(rows, device, &covers)).unwrap();
            prop_assert_eq!(said, whole.entry(device, &covers));
        }
    }
}

/// Announcements as entries, each by the key that announces: the hub's own over its keys, and whatever others say.
fn announced(links: &[(u8, u8)]) -> Vec<ControlEntry> {
    let one = |(from, to): &(u8, u8)| {
        let (by, next) = (key(*from), key(*to));
        let proof = crate::trust::control::prove_successor(by.device(), &next);
        let (own, at) = (by.device(), Timestamp(NOW + i64::from(*from) * 256 + i64::from(*to)));
        let deed = Deed::Successor { key: next.device(), proof };
        let scope = "00".parse().unwrap();
        let act = Act { hub: own, by: own, scope, nonce: [*to; 16], at, deed }.sign(&by).unwrap();
        let mut life = [*from; 16];
        life[0] = *to;
        ControlEntry::sign(&by, (life, &ChainHead::default()), (at, at), act, None).unwrap()
    };
    links.iter().map(one).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn rows_and_memory_know_the_same_keys_whatever_else_is_announced_in_whatever_order(
        others in prop::collection::vec((1_u8..60, 1_u8..60), 70..90),
        piece in 1..9_usize,
        seed in any::<u64>(),
    ) {
        let mut links = vec![(199, 200), (200, 201), (201, 202)];
        links.extend(others.into_iter().filter(|(from, to)| from != to));
        let entries = announced(&links);
        let mut shuffled = entries.clone();
        let mut state = seed | 1;
        for place in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(place, usize::try_from(state >> 33).unwrap() % (place + 1));
        }
        let store = MemoryStore::new(Arc::new(Projection));
        let mut draft = Drafting::new(&store);
        draft.with(|rows| rows.pin(hub().device())).unwrap();
        // What does not hang on yet is not taken, and comes again.
        for _ in 0..4 {
            for piece in shuffled.chunks(piece) {
                draft.with(|rows| rows.fold_all(piece)).unwrap();
            }
        }
        let keys = draft.with(|rows| rows.hub_keys()).unwrap();
        let (whole, _) = TrustState::of(hub().device(), &entries, &covers).unwrap();
        let Ok(in_memory) = whole.hub_keys();
        prop_assert_eq!(&keys, &in_memory);
        let named = [200, 199, 201, 202].map(|number| key(number).device());
        prop_assert_eq!(keys, named.to_vec());
    }
}
