use automerge::transaction::Transactable;
use automerge::{ActorId, AutoCommit, Change, ObjType, ROOT, ReadDoc};
use proptest::prelude::*;

use super::*;

/// One step of a random editing session of two people.
#[derive(Debug, Clone)]
enum Step {
    Put(u8, String),
    Count(i64),
    Splice(usize, String),
    Delete(u8),
    List(i64),
    Commit,
    Swap,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0_u8..6, ".{0,20}").prop_map(|(key, value)| Step::Put(key, value)),
        any::<i64>().prop_map(Step::Count),
        (0_usize..10, ".{0,20}").prop_map(|(at, text)| Step::Splice(at, text)),
        (0_u8..6).prop_map(Step::Delete),
        any::<i64>().prop_map(Step::List),
        Just(Step::Commit),
        Just(Step::Swap),
    ]
}

/// Plays the steps on two replicas that merge at each swap, and returns all changes.
fn play(steps: &[Step]) -> Vec<Change> {
    let mut one = AutoCommit::new().with_actor(ActorId::from(vec![1; 16]));
    let text = one.put_object(ROOT, "text", ObjType::Text).unwrap();
    let list = one.put_object(ROOT, "list", ObjType::List).unwrap();
    one.commit();
    let mut two = one.fork().with_actor(ActorId::from(vec![2; 16]));
    for step in steps {
        match step {
            Step::Put(key, value) => one.put(ROOT, format!("k{key}"), value.as_str()).unwrap(),
            Step::Count(value) => one.put(ROOT, "count", *value).unwrap(),
            Step::Splice(at, added) => {
                let length = one.length(&text);
                one.splice_text(&text, (*at).min(length), 0, added).unwrap();
            }
            Step::Delete(key) => drop(one.delete(ROOT, format!("k{key}"))),
            Step::List(value) => one.insert(&list, 0, *value).unwrap(),
            Step::Commit => drop(one.commit()),
            Step::Swap => {
                one.merge(&mut two).unwrap();
                std::mem::swap(&mut one, &mut two);
            }
        }
    }
    one.merge(&mut two).unwrap();
    one.get_changes(&[])
}

/// Puts the checksum right, as a hostile writer would.
fn resealed(mut bytes: Vec<u8>) -> Vec<u8> {
    if let Ok((_, body)) = open_frame(&bytes) {
        let hash = hash_body(body);
        bytes[4..8].copy_from_slice(&hash.0[..4]);
    }
    bytes
}

fn parts_of_one_put() -> Vec<u8> {
    play(&[Step::Put(1, "some words".into())]).last().unwrap().raw_bytes().to_vec()
}

fn with_columns(columns: Vec<(u32, &[u8])>) -> Vec<u8> {
    ChangeParts {
        deps: vec![],
        actor: &[1; 16],
        seq: 1,
        start_op: 1,
        time: 0,
        message: b"",
        other_actors: vec![],
        columns,
    }
    .assemble()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn facts_of_real_changes_are_those_automerge_states(steps in prop::collection::vec(step(), 0..40)) {
        for change in play(&steps) {
            let raw = RawChange::inspect(change.raw_bytes().to_vec()).unwrap();
            let facts = raw.facts();
            prop_assert_eq!(facts.hash.0, change.hash().0);
            prop_assert_eq!(facts.actor.as_slice(), change.actor_id().to_bytes());
            prop_assert_eq!(facts.seq, change.seq());
            prop_assert_eq!(facts.start_op, change.start_op().get());
            prop_assert_eq!(facts.time, change.timestamp());
            prop_assert_eq!(facts.ops, change.len() as u64);
            let deps: Vec<_> = change.deps().iter().map(|dep| ChangeHash(dep.0)).collect();
            prop_assert_eq!(&facts.deps, &deps);
            prop_assert_eq!(raw.parts().assemble(), raw.bytes());
        }
    }

    #[test]
    fn mutated_changes_never_panic(
        steps in prop::collection::vec(step(), 1..12),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        for change in play(&steps) {
            let mut bytes = change.raw_bytes().to_vec();
            for (at, value) in &flips {
                let at = at.index(bytes.len());
                bytes[at] = *value;
            }
            drop(RawChange::inspect(bytes.clone()));
            if let Ok(raw) = RawChange::inspect(resealed(bytes.clone())) {
                prop_assert_eq!(raw.parts().assemble(), raw.bytes());
            }
            bytes.truncate(cut.index(bytes.len()));
            drop(RawChange::inspect(resealed(bytes)));
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        drop(RawChange::inspect(bytes));
    }
}

#[test]
fn a_run_of_20_001_operations_is_refused_without_expanding_it() {
    let run = |count: i64| {
        let mut action = Vec::new();
        put_sleb(&mut action, count);
        action.push(1);
        action
    };
    let limit = i64::try_from(CHANGE_OPS_MAX).unwrap();
    let allowed = RawChange::inspect(with_columns(vec![(66, &run(limit))])).unwrap();
    assert_eq!(allowed.facts().ops, CHANGE_OPS_MAX);
    for count in [limit + 1, i64::MAX] {
        let refused = RawChange::inspect(with_columns(vec![(66, &run(count))]));
        assert_eq!(refused, Err(ChangeError::Ops { limit: CHANGE_OPS_MAX }));
    }
}

#[test]
fn a_run_of_nulls_near_the_largest_number_is_refused() {
    let mut nulls = vec![0];
    put_uleb(&mut nulls, u64::MAX);
    let refused = RawChange::inspect(with_columns(vec![(1, &nulls), (66, &[2, 1])]));
    assert_eq!(refused, Err(ChangeError::Ops { limit: CHANGE_OPS_MAX }));
}

#[test]
fn a_column_shorter_or_longer_than_the_operations_is_refused() {
    let refused = RawChange::inspect(with_columns(vec![(21, &[3, 1, b'a']), (66, &[2, 1])]));
    assert_eq!(refused, Err(ChangeError::Malformed { what: "key" }));
}

#[test]
fn a_deflated_column_is_refused() {
    let refused = RawChange::inspect(with_columns(vec![(66 | 8, &[2, 1])]));
    assert_eq!(refused, Err(ChangeError::Deflated { column: 74 }));
}

#[test]
fn an_unknown_column_is_refused() {
    let refused = RawChange::inspect(with_columns(vec![(66, &[2, 1]), (1000 << 4, &[])]));
    assert_eq!(refused, Err(ChangeError::UnknownColumn { column: 16_000 }));
}

#[test]
fn a_compressed_chunk_and_a_document_are_refused() {
    let long = play(&[Step::Put(1, "x".repeat(2_000))]);
    let compressed = long.last().unwrap().clone().bytes().to_vec();
    assert_eq!(RawChange::inspect(compressed), Err(ChangeError::NotAChange { chunk: 2 }));
    let document = AutoCommit::new().save();
    assert_eq!(RawChange::inspect(document), Err(ChangeError::NotAChange { chunk: 0 }));
}

#[test]
fn trailing_bytes_are_refused_after_and_inside_the_chunk() {
    let mut after = parts_of_one_put();
    after.push(0);
    assert_eq!(RawChange::inspect(after), Err(ChangeError::Trailing { bytes: 1 }));

    let whole = parts_of_one_put();
    let (_, body) = open_frame(&whole).unwrap();
    let mut body = body.to_vec();
    body.push(7);
    let mut inside = whole[..9].to_vec();
    put_prefixed(&mut inside, &body);
    assert_eq!(RawChange::inspect(resealed(inside)), Err(ChangeError::Trailing { bytes: 1 }));
}

#[test]
fn a_flipped_byte_breaks_the_checksum() {
    let mut bytes = parts_of_one_put();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    assert_eq!(RawChange::inspect(bytes), Err(ChangeError::Checksum));
}

#[test]
fn unsorted_dependencies_and_too_many_are_refused() {
    let with_deps = |deps| {
        ChangeParts {
            deps,
            actor: &[1; 16],
            seq: 1,
            start_op: 1,
            time: 0,
            message: b"",
            other_actors: vec![],
            columns: vec![],
        }
        .assemble()
    };
    let unsorted = with_deps(vec![ChangeHash([2; 32]), ChangeHash([1; 32])]);
    assert_eq!(
        RawChange::inspect(unsorted),
        Err(ChangeError::Malformed { what: "order of dependencies" })
    );
    let many = (0..=64).map(|byte| ChangeHash([byte; 32])).collect();
    assert_eq!(
        RawChange::inspect(with_deps(many)),
        Err(ChangeError::Deps { limit: CHANGE_DEPS_MAX })
    );
}

#[test]
fn a_change_over_the_byte_limit_is_refused_before_it_is_hashed() {
    let bytes = vec![0; CHANGE_BYTES_MAX + 1];
    assert!(matches!(RawChange::inspect(bytes), Err(ChangeError::TooLarge { .. })));
}
