use automerge::transaction::Transactable;
use automerge::{ActorId, AutoCommit, ROOT};
use proptest::prelude::*;

use super::*;
use crate::model::{Kind, Origin};

pub(crate) const INCARNATION: Incarnation = Incarnation([7; 16]);

pub(crate) fn key(seed: u8) -> DeviceKey {
    DeviceKey::from_seed(&[seed; 32])
}

pub(crate) fn genesis(nonce: u8) -> Genesis {
    Genesis {
        kind: Kind::Inspection,
        scope: "06325".parse().unwrap(),
        template: None,
        origin: Origin::Device { creator: key(1).device(), nonce: [nonce; 16] },
    }
}

/// The changes of one device that puts these values, one change each, and merges another's change
/// where the value is empty.
pub(crate) fn changes(seed: u8, genesis: &Genesis, values: &[String]) -> Vec<RawChange> {
    let actor = Actor::derive(key(seed).device(), genesis.document(), INCARNATION);
    let mut doc = AutoCommit::new().with_actor(ActorId::from(actor.0.to_vec()));
    let mut other = AutoCommit::new().with_actor(ActorId::from(vec![3; 16]));
    for (index, value) in values.iter().enumerate() {
        if value.is_empty() {
            other.put(ROOT, "other", index as i64).unwrap();
            other.commit();
            doc.merge(&mut other).unwrap();
        }
        doc.put(ROOT, format!("{}.{}", index % 5, index % 3), value.as_str()).unwrap();
        doc.commit_with(
            automerge::transaction::CommitOptions::default()
                .with_time(1_700_000_000 + index as i64),
        );
    }
    doc.get_changes(&[])
        .iter()
        .filter(|change| change.actor_id().to_bytes() == actor.0)
        .map(|change| RawChange::inspect(change.raw_bytes().to_vec()).unwrap())
        .collect()
}

fn values(count: usize) -> Vec<String> {
    (0..count)
        .map(|index| match index % 7 {
            6 => String::new(),
            _ => format!(
                "{{\"grade\":\"pass\",\"claimed_at\":{}}}",
                1_700_000_000_000_u64 + index as u64 * 977
            ),
        })
        .collect()
}

pub(crate) fn sealed(count: usize) -> Pack {
    sealed_by(1, count)
}

pub(crate) fn sealed_by(seed: u8, count: usize) -> Pack {
    let genesis = genesis(1);
    let changes = changes(seed, &genesis, &values(count));
    Pack::seal(&key(seed), genesis, INCARNATION, None, changes).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn decode_gives_back_what_was_encoded(
        values in prop::collection::vec(prop_oneof![Just(String::new()), ".{0,60}"], 1..30),
        split in any::<prop::sample::Index>(),
    ) {
        let genesis = genesis(1);
        let mut changes = changes(1, &genesis, &values);
        let tail = changes.split_off(split.index(changes.len()));
        let previous = changes.iter().fold(None, |tip: Option<Tip>, change| {
            Some(Tip::after(tip.as_ref(), change.facts().hash))
        });
        let pack = Pack::seal(&key(1), genesis, INCARNATION, previous, tail).unwrap();
        let bytes = pack.encode();
        let read = Pack::decode(&bytes).unwrap();
        prop_assert_eq!(&read, &pack);
        read.verify().unwrap();
        let header = PackHeader::peek(&bytes).unwrap();
        prop_assert_eq!(header.document, pack.document());
        prop_assert_eq!(header.actor, pack.actor());
        prop_assert_eq!((header.first_seq, header.last_seq), (pack.first_seq(), pack.last_seq()));
    }

    #[test]
    fn mutated_packs_never_panic_nor_verify_as_another(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
        count in 1_usize..12,
    ) {
        let pack = sealed(count);
        let mut bytes = pack.encode();
        for (at, value) in &flips {
            let at = at.index(bytes.len());
            bytes[at] = *value;
        }
        if let Ok(read) = Pack::decode(&bytes) {
            prop_assert!(read.verify().is_err() || read == pack);
        }
        bytes.truncate(cut.index(bytes.len()));
        prop_assert!(Pack::decode(&bytes).is_err());
    }

    #[test]
    fn random_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        drop(Pack::decode(&bytes));
        if bytes.len() > 2 {
            bytes[0] = PACK_VERSION;
            bytes[1] %= 2;
            drop(Pack::decode(&bytes));
        }
    }
}

#[test]
fn every_byte_of_a_pack_counts() {
    let pack = sealed(3);
    let bytes = pack.encode();
    for at in 0..bytes.len() {
        let mut wrong = bytes.clone();
        wrong[at] ^= 1;
        let accepted = Pack::decode(&wrong).is_ok_and(|read| read.verify().is_ok());
        assert!(!accepted, "byte {at} can change unseen");
    }
}

#[test]
fn a_swapped_earlier_change_is_found_even_where_none_builds_on_it() {
    let pack = sealed(14);
    // Another first change by the same actor, as a stranger who relays the pack could make it.
    let forged = changes(1, pack.genesis(), &["forged".to_owned()]);
    let mut swapped = pack.changes().to_vec();
    swapped[0] = forged[0].clone();
    let refused = Pack::assemble(pack.genesis().clone(), &pack.attestation(), None, swapped);
    assert!(matches!(refused, Err(PackError::NotAttested { .. })));
}

#[test]
fn a_pack_signed_by_another_or_of_another_actor_is_refused() {
    let genesis = genesis(1);
    let theirs = changes(2, &genesis, &values(2));
    let refused = Pack::seal(&key(1), genesis, INCARNATION, None, theirs);
    assert!(matches!(refused, Err(PackError::Actor { .. })));
    let mut pack = sealed(2);
    pack.signature = sealed(3).signature;
    assert!(matches!(pack.verify(), Err(PackError::Signature { .. })));
}

#[test]
fn gaps_and_empty_runs_are_refused() {
    let genesis = genesis(1);
    let mut run = changes(1, &genesis, &values(3));
    run.remove(1);
    let refused = Pack::seal(&key(1), genesis.clone(), INCARNATION, None, run);
    assert_eq!(refused, Err(PackError::Sequence { found: 3, expected: 2 }));
    assert_eq!(Pack::seal(&key(1), genesis, INCARNATION, None, vec![]), Err(PackError::Empty));
}

#[test]
fn a_newer_version_is_named_as_such() {
    let mut bytes = sealed(1).encode();
    bytes[0] = PACK_VERSION_LONG + 1;
    let refused = PackError::Version { found: PACK_VERSION_LONG + 1, known: PACK_VERSION_LONG };
    assert_eq!(Pack::decode(&bytes), Err(refused));
}

/// Changes as the model writes them: at the time that their answer claims.
fn answers(count: u64) -> Vec<RawChange> {
    let actor = Actor::derive(key(1).device(), genesis(1).document(), INCARNATION);
    let mut doc = AutoCommit::new().with_actor(ActorId::from(actor.0.to_vec()));
    for index in 0..count {
        // Nobody answers at even steps.
        let noise: [u8; 2] = blake3::hash(&index.to_le_bytes()).as_bytes()[..2].try_into().unwrap();
        let at = 1_700_000_000_000 + index * 90_000 + u64::from(u16::from_le_bytes(noise));
        let answer = format!("{{\"claimed_at\":{at},\"grade\":\"pass\"}}");
        doc.put(ROOT, format!("1.{index}"), answer).unwrap();
        let time = i64::try_from(at).unwrap();
        doc.commit_with(automerge::transaction::CommitOptions::default().with_time(time));
    }
    let changes = doc.get_changes(&[]);
    changes.iter().map(|it| RawChange::inspect(it.raw_bytes().to_vec()).unwrap()).collect()
}

#[test]
fn a_time_that_an_answer_claims_is_told_once() {
    let pack = Pack::seal(&key(1), genesis(1), INCARNATION, None, answers(200)).unwrap();
    let (earlier, now) = (pack.encode_earlier(), pack.encode());
    assert_eq!(Pack::decode(&earlier).as_ref(), Ok(&pack));
    assert_eq!(Pack::decode(&now).as_ref(), Ok(&pack));
    // The time between two answers is two bytes of noise: they are not told again.
    assert!(now.len() + 200 < earlier.len(), "{} bytes, before {}", now.len(), earlier.len());
}

#[test]
fn what_only_looks_like_a_claimed_time_is_sent_all_the_same() {
    let digits = |count: usize| format!("\"claimed_at\":{}", "9".repeat(count));
    let said = ["\"claimed_at\":".to_owned(), digits(18), digits(19), digits(400)];
    let run = changes(1, &genesis(1), &said);
    let pack = Pack::seal(&key(1), genesis(1), INCARNATION, None, run).unwrap();
    assert_eq!(Pack::decode(&pack.encode()), Ok(pack));
}

#[test]
fn a_long_run_is_split_into_packs_that_follow_each_other() {
    let genesis = genesis(1);
    let run = changes(1, &genesis, &values(2_500));
    let packs = seal_all(&key(1), &genesis, INCARNATION, None, run.clone()).unwrap();
    assert!(packs.len() >= 3);
    for pair in packs.windows(2) {
        assert_eq!(pair[1].previous(), Some(&pair[0].tip()));
    }
    let all: Vec<_> = packs.into_iter().flat_map(Pack::into_changes).collect();
    assert_eq!(all, run);
}

/// All changes of a line under the attestation of its end, as a snapshot leaves them.
pub(crate) fn long(count: usize) -> Pack {
    let genesis = genesis(1);
    let run = changes(1, &genesis, &values(count));
    let packs = seal_all(&key(1), &genesis, INCARNATION, None, run.clone()).unwrap();
    let end = packs.last().unwrap().attestation();
    Pack::assemble(genesis, &end, None, run).unwrap()
}

#[test]
fn a_long_line_under_one_attestation_is_one_long_pack() {
    let pack = long(2_500);
    let bytes = pack.encode();
    assert_eq!(bytes[0], PACK_VERSION_LONG);
    let read = Pack::decode(&bytes).unwrap();
    assert_eq!(read, pack);
    assert_eq!(read.verify(), Ok(()));
    assert_eq!(PackHeader::peek(&bytes).unwrap().last_seq, 2_500);
    let (device, genesis) = (key(1), genesis(1));
    let refused = Pack::seal(&device, genesis, INCARNATION, None, pack.changes().to_vec());
    assert!(
        matches!(refused, Err(PackError::Changes { .. } | PackError::TooLarge { .. })),
        "a device signs more often: {refused:?}"
    );
}

#[test]
fn a_pack_has_one_version() {
    let mut short = sealed(2).encode();
    short[0] = PACK_VERSION_LONG;
    assert_eq!(Pack::decode(&short), Err(PackError::Malformed { what: "version" }));
    let mut bytes = long(2_500).encode();
    bytes[0] = PACK_VERSION;
    assert!(matches!(Pack::decode(&bytes), Err(PackError::Changes { .. })));
}

#[test]
fn a_changed_part_of_a_long_pack_is_found() {
    let pack = long(2_500);
    let mut changed = changes(1, pack.genesis(), &values(2_500));
    let mut said = values(2_500);
    said[1_199] = "another".to_owned();
    changed[1_199] = changes(1, pack.genesis(), &said)[1_199].clone();
    let refused = Pack::assemble(pack.genesis().clone(), &pack.attestation(), None, changed);
    assert!(matches!(refused, Err(PackError::NotAttested { .. })), "{refused:?}");
}

#[test]
fn one_change_of_the_largest_size_has_a_pack_alone() {
    let genesis = genesis(1);
    let noise: String = (0..900_000_u32)
        .map(|n| char::from(b'a' + (n.wrapping_mul(2_654_435_761) >> 27) as u8 % 26))
        .collect();
    let run = changes(1, &genesis, &["small".to_owned(), noise, "small".to_owned()]);
    let packs = seal_all(&key(1), &genesis, INCARNATION, None, run).unwrap();
    assert_eq!(packs.len(), 3);
    for pack in packs {
        assert_eq!(Pack::decode(&pack.encode()).unwrap(), pack);
    }
}

#[test]
fn a_day_of_answers_packs_to_a_small_part_of_its_changes() {
    let genesis = genesis(1);
    let run = changes(1, &genesis, &values(1_000));
    let plain: usize = run.iter().map(|change| change.bytes().len()).sum();
    let packs = seal_all(&key(1), &genesis, INCARNATION, None, run).unwrap();
    let packed: usize = packs.iter().map(|pack| pack.encode().len()).sum();
    assert!(packed * 8 < plain, "{packed} bytes of {plain}");
}

#[test]
#[ignore = "prints figures for docs/adr/0004-pack-encoding.md"]
fn measure_packs_of_a_day() {
    let genesis = genesis(1);
    let day: Vec<_> = (0..12_000)
        .map(|index| {
            format!("{{\"grade\":\"pass\",\"claimed_at\":{}}}", 1_700_000_000_000_u64 + index * 977)
        })
        .collect();
    for (name, count) in [("one", 1), ("ten", 10), ("a day of 12,000", 12_000)] {
        let run = changes(1, &genesis, &day[..count]);
        let plain: Vec<u8> = run.iter().flat_map(|change| change.bytes().to_vec()).collect();
        let zstd = zstd::bulk::compress(&plain, 9).unwrap().len();
        let packs = seal_all(&key(1), &genesis, INCARNATION, None, run).unwrap();
        let packed: usize = packs.iter().map(|pack| pack.encode().len()).sum();
        println!("{name}: plain {}, zstd {zstd}, packs {packed} in {}", plain.len(), packs.len());
    }
}
