//! What a hostile or broken writer may send: nothing panics, nothing is hidden.

use automerge::legacy::{ElementId, Key, ObjectId, Op, OpId, OpType};
use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, Automerge, Change, ExpandedChange, ObjType, ROOT, ReadDoc, ScalarValue};
use proptest::prelude::*;

use super::document::{FOREIGN, Room, load_automerge};
use super::*;

/// Writes a change with Automerge alone, as a program that keeps none of our rules would.
pub(super) fn raw_edit(
    doc: &Document,
    who: u8,
    f: impl FnOnce(&mut automerge::transaction::Transaction<'_>, &Document),
) -> RawChange {
    let mut copy = doc.automerge.clone();
    copy.set_actor(ActorId::from([who; 16]));
    let mut tx = copy.transaction();
    f(&mut tx, doc);
    tx.commit_with(CommitOptions::default().with_time(3));
    RawChange::inspect(copy.get_last_local_change().unwrap().raw_bytes().to_vec()).unwrap()
}

/// Builds a change from parts that need not make sense.
fn forged(doc: &Document, who: u8, change: impl FnOnce(&mut ExpandedChange)) -> RawChange {
    let honest = raw_edit(doc, who, |tx, doc| {
        tx.put(&doc.layout.registers["header"], "place", "\"x\"").unwrap();
    });
    let mut expanded = Change::from_bytes(honest.bytes().to_vec()).unwrap().decode();
    change(&mut expanded);
    expanded.hash = None;
    RawChange::inspect(Change::from(expanded).raw_bytes().to_vec()).unwrap()
}

/// That one walk over a map reads what looking up each of its keys reads, whatever stands there.
pub(super) fn expect_walk_as_lookups(doc: &Document) {
    let view = doc.view();
    for map in doc.layout.registers.values() {
        let keys = doc.automerge.keys(map);
        let looked_up: std::collections::BTreeMap<_, _> = keys
            .map(|key| (key.to_string(), view.at_key(map, &key)))
            .filter(|(_, register)| *register != Register::Empty)
            .collect();
        assert_eq!(view.fields(map), looked_up);
    }
}

fn refusal(doc: &mut Document, change: &RawChange) -> Refusal {
    let before = doc.save();
    let applied = doc.apply(std::slice::from_ref(change));
    assert_eq!(applied.refused.len(), 1, "{applied:?}");
    assert_eq!(doc.save(), before, "a refused change leaves no trace");
    applied.refused[0].1.clone()
}

#[test]
fn changes_that_break_the_chain_are_refused() {
    let mut doc = inspection();
    edit(&mut doc, 1, |e| e.answer("1.1", answer(Grade::Pass)));
    let skipped = forged(&doc, 1, |c| c.seq = 3);
    assert_eq!(refusal(&mut doc, &skipped), Refusal::ChainBroken { previous: 2 });
    let first = doc.first();
    let aside = forged(&doc, 1, |c| {
        c.deps = vec![automerge::ChangeHash(first.0)];
    });
    assert_eq!(refusal(&mut doc, &aside), Refusal::ChainBroken { previous: 1 });
    let rootless = forged(&doc, 2, |c| c.deps.clear());
    assert_eq!(refusal(&mut doc, &rootless), Refusal::Rootless);
    let reserved = forged(&doc, 2, |c| c.actor_id = ActorId::from(FIRST_ACTOR));
    assert_eq!(refusal(&mut doc, &reserved), Refusal::ReservedActor);
    let ahead = forged(&doc, 2, |c| c.start_op = 4_000_000.try_into().unwrap());
    assert_eq!(refusal(&mut doc, &ahead), Refusal::Operations);
    let low = forged(&doc, 2, |c| c.start_op = 1.try_into().unwrap());
    assert_eq!(refusal(&mut doc, &low), Refusal::Operations);
}

/// Operations that refer to what does not exist.
fn poisons() -> Vec<Op> {
    let nowhere = OpId(5, ActorId::from([0x77_u8; 16]));
    let op = |obj, key, insert, pred: Vec<OpId>, action| Op {
        action,
        obj,
        key,
        pred: pred.into(),
        insert,
    };
    let put = || OpType::Put(ScalarValue::Int(1));
    let object = || ObjectId::Id(nowhere.clone());
    let named = || Key::Map("x".into());
    vec![
        op(object(), named(), false, vec![], put()),
        op(object(), Key::Seq(ElementId::Head), true, vec![], put()),
        op(ObjectId::Root, named(), false, vec![nowhere.clone()], put()),
        op(ObjectId::Root, named(), false, vec![nowhere.clone()], OpType::Delete),
        op(ObjectId::Root, named(), false, vec![], OpType::Delete),
        op(ObjectId::Root, Key::Seq(ElementId::Head), true, vec![], put()),
        op(ObjectId::Root, named(), false, vec![], OpType::Increment(1)),
        op(ObjectId::Root, named(), true, vec![], put()),
        op(object(), Key::Seq(ElementId::Id(nowhere.clone())), false, vec![], put()),
    ]
}

#[test]
fn poison_is_found_in_a_batch_and_honest_changes_go_through() {
    let mut refused = 0;
    for (n, poison) in poisons().into_iter().enumerate() {
        let mut doc = inspection();
        let bad = forged(&doc, 0x66, |change| change.operations = vec![poison]);
        let mut honest = inspection();
        let mut batch = vec![bad.clone()];
        batch.push(edit(&mut honest, 2, |e| e.answer("1.1", answer(Grade::Pass))));
        batch.push(edit(&mut honest, 2, |e| e.note("1.1", NoteEdit::Append("ok".into()))));
        batch.push(edit(&mut honest, 3, |e| e.answer("1.2", answer(Grade::Minor))));
        let applied = doc.apply(&batch);
        assert_eq!(applied.waiting, [], "poison {n}");
        for change in &batch[1..] {
            assert!(doc.has(&change.facts().hash), "poison {n} took an honest change with it");
        }
        let loaded = Document::load(&genesis(), &shape(), &doc.save()).unwrap();
        assert_eq!(loaded.heads(), doc.heads(), "poison {n}");
        assert_eq!(read(&loaded).notes["1.1"], "ok");
        refused += applied.refused.len();
    }
    assert!(refused > 0, "none of these changes is poison any more; find new ones");
}

#[test]
fn what_depends_on_poison_is_told_apart_from_what_is_poison() {
    let mut doc = inspection();
    let bad = poisons()
        .into_iter()
        .map(|op| forged(&doc, 0x66, |change| change.operations = vec![op]))
        .find(|bad| !inspection().apply(std::slice::from_ref(bad)).refused.is_empty())
        .unwrap();
    let (hash, facts) = (bad.facts().hash, bad.facts().clone());
    let child = forged(&doc, 2, |change| {
        change.deps = vec![automerge::ChangeHash(hash.0)];
        change.start_op = (facts.start_op + facts.ops).try_into().unwrap();
    });
    let applied = doc.apply(&[child.clone(), bad]);
    assert!(applied.refused.contains(&(hash, Refusal::Poisonous)), "{applied:?}");
    let on = Refusal::OnRefused { refused: hash };
    assert!(applied.refused.contains(&(child.facts().hash, on)), "{applied:?}");
}

#[test]
fn writing_over_the_way_to_a_container_hides_nothing() {
    let mut doc = inspection();
    edit(&mut doc, 1, |e| {
        e.answer("1.1", answer(Grade::Pass))?;
        e.note("1.1", NoteEdit::Append("giữ".into()))
    });
    let hostile = raw_edit(&doc, 6, |tx, _| {
        for key in ["answers", "notes", "findings", "header", "conclusion"] {
            tx.put_object(ROOT, key, ObjType::Map).unwrap();
        }
        tx.delete(ROOT, "kind").unwrap();
        tx.put(ROOT, "schema", 99).unwrap();
    });
    let before = read(&doc);
    assert_eq!(doc.apply(&[hostile]).applied.len(), 1);
    assert_eq!(read(&doc), before);
    let mut loaded = Document::load(&genesis(), &shape(), &doc.save()).unwrap();
    assert_eq!(read(&loaded), before);
    edit(&mut loaded, 1, |e| e.note("1.1", NoteEdit::Append("!".into())));
    assert_eq!(read(&loaded).notes["1.1"], "giữ!");
}

#[test]
fn content_that_means_nothing_is_shown_as_damaged() {
    let mut doc = inspection();
    edit(&mut doc, 1, |e| e.finding_add([9; 16], finding("x")));
    let hostile = raw_edit(&doc, 6, |tx, doc| {
        let registers = &doc.layout.registers;
        tx.put(&registers["answers"], "1.1", "{\"grade\":\"superb\"}").unwrap();
        tx.put(&registers["answers"], "1.2", 5_i64).unwrap();
        tx.put_object(&registers["answers"], "2.1", ObjType::List).unwrap();
        tx.put(&registers["answers"], "unknown", "{}").unwrap();
        tx.put(&registers["header"], "place", ScalarValue::Bytes(vec![0, 159, 1])).unwrap();
        tx.put(&registers["lifecycle"], "state", "\"flying\"").unwrap();
        tx.put(&registers["samples"], "s", "[]").unwrap();
        tx.put(&doc.layout.rows["findings"], "notarow", "1").unwrap();
        let row = tx.put_object(&doc.layout.rows["findings"], "odd", ObjType::Map).unwrap();
        tx.put(&row, "severity", "\"dire\"").unwrap();
        tx.put(&row, "text", f64::NAN).unwrap();
        tx.put(&row, "deleted", "maybe").unwrap();
    });
    assert_eq!(doc.apply(&[hostile]).applied.len(), 1);
    let view = read(&doc);
    for item in ["1.1", "1.2", "unknown"] {
        let AnswerState::One(said) = &view.answers[item] else { panic!("{item}") };
        assert_eq!(said.value.grade, Grade::Damaged, "{item}");
    }
    assert_eq!(view.answers["2.1"], AnswerState::Unanswered);
    assert_eq!(view.states(), [LifeCycle::Damaged]);
    assert!(matches!(view.samples["s"].shown(), Some(Told::Damaged(raw)) if raw == "[]"));
    let odd = &view.findings["odd"];
    assert!(odd.is_live(), "a tombstone that cannot be read deletes nothing");
    assert_eq!(odd.worst(), Severity::Serious);
    assert!(!view.is_answered("1.1"));
    let text = String::from_utf8(doc.view().record().bytes().to_vec()).unwrap();
    assert!(text.contains("\"damaged\":\"maybe\""), "{text}");
    assert_eq!(doc.summary().answered, 0);
    serde_json::to_string(&view).unwrap();
    // A person sets it right.
    edit(&mut doc, 1, |e| e.answer("1.1", answer(Grade::Pass)));
    edit(&mut doc, 1, |e| e.move_to(LifeCycle::InField, &Step::default()));
}

#[test]
fn a_foreign_document_is_looked_at_before_it_is_loaded() {
    let mut doc = inspection();
    for n in 0..60 {
        edit(&mut doc, 1, |e| e.note("1.1", NoteEdit::Append(format!("ghi chép số {n}. "))));
    }
    Document::inspect_foreign(&doc.save()).unwrap();
    let compressed = doc.automerge.save();
    let error = Document::inspect_foreign(&compressed).unwrap_err();
    assert_eq!(error.to_string(), "foreign document refused: a column is compressed");
    let change = all_changes(&doc).remove(0);
    assert!(Document::inspect_foreign(change.bytes()).is_err());
    let mut twice = doc.save();
    twice.extend_from_slice(change.bytes());
    assert!(Document::inspect_foreign(&twice).is_err());
    for cut in 0..doc.save().len() {
        assert!(Document::inspect_foreign(&doc.save()[..cut]).is_err(), "{cut}");
    }
}

fn lively() -> Document {
    let (mut a, mut b) = (inspection(), inspection());
    edit(&mut b, 2, |e| e.answer("1.1", answer(Grade::Major)));
    edit(&mut b, 2, |e| e.note("1.1", NoteEdit::Append("ghi chú".into())));
    edit(&mut a, 1, |e| e.answer("1.1", answer(Grade::Pass)));
    edit(&mut a, 1, |e| e.finding_add([9; 16], finding("nền nứt")));
    a.apply(&all_changes(&b));
    edit(&mut a, 1, |e| e.note("1.1", NoteEdit::Splice { at: 2, delete: 2, insert: "é".into() }));
    edit(&mut a, 3, |e| e.finding_delete([9; 16]));
    a
}

/// Puts the checksum right, so that a mutation gets past it.
fn repaired(mut bytes: Vec<u8>) -> Vec<u8> {
    use sha2::Digest;
    if bytes.len() > 9 {
        let hash = sha2::Sha256::digest(&bytes[8..]);
        bytes[4..8].copy_from_slice(&hash[..4]);
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn mutated_saved_documents_never_panic(
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = lively().save();
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(doc) = Document::load(&genesis(), &shape(), &repaired(bytes)) {
            drop((doc.view().record(), doc.view().conflicts(), doc.view().history("1.1")));
            drop(doc.summary());
            expect_walk_as_lookups(&doc);
        }
    }

    #[test]
    fn mutated_changes_never_panic_and_never_spoil_a_document(
        which in any::<prop::sample::Index>(),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let source = lively();
        let changes = all_changes(&source);
        let which = which.index(changes.len());
        let mut bytes = changes[which].bytes().to_vec();
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let Ok(odd) = RawChange::inspect(repaired(bytes)) else { return Ok(()) };
        let mut doc = inspection();
        let mut batch = changes.clone();
        batch[which] = odd;
        doc.apply(&batch);
        doc.apply(&changes);
        let loaded = Document::load(&genesis(), &shape(), &doc.save()).unwrap();
        prop_assert_eq!(loaded.heads(), doc.heads());
        prop_assert_eq!(loaded.view().record(), doc.view().record());
        expect_walk_as_lookups(&doc);
        prop_assert!(load_automerge(&doc.save()).is_ok());
    }
}

#[test]
fn automerge_itself_still_needs_containing() {
    // If this stops failing, Automerge has become stricter and `contain` can be reconsidered.
    let doc = inspection();
    let mut broken = 0;
    for op in poisons() {
        let bad = forged(&doc, 0x66, |change| change.operations = vec![op]);
        let taken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut copy: Automerge = doc.automerge.clone();
            let change = Change::from_bytes(bad.bytes().to_vec()).unwrap();
            copy.apply_changes([change]).ok().map(|()| copy.save())
        }));
        match taken {
            Err(_) => broken += 1,
            Ok(Some(bytes)) if Automerge::load(&bytes).is_err() => broken += 1,
            Ok(_) => {}
        }
    }
    assert!(broken > 0);
}

/// What many small changes make together is a snapshot elsewhere, which must be within its limits.
#[test]
fn changes_that_bring_a_document_past_a_limit_are_refused_and_what_stays_is_a_snapshot() {
    let rows = 40;
    let fill = |doc: &mut Document, who: u8, round: u64| {
        let change = raw_edit(doc, who, |tx, doc| {
            let header = &doc.layout.registers["header"];
            for number in 0..rows {
                tx.put(header, format!("{who}-{round}-{number}"), "\"x\"").unwrap();
            }
        });
        assert_eq!(doc.apply(std::slice::from_ref(&change)).applied.len(), 1);
        change
    };
    let (mut greedy, mut honest) = (inspection(), inspection());
    let flood: Vec<RawChange> = (0..12).map(|round| fill(&mut greedy, 1, round)).collect();
    let small = edit(&mut honest, 2, |e| e.answer("1.1", answer(Grade::Pass)));
    let born = inspection();
    let ops = born.known.values().map(|known| known.max_op).max().unwrap();
    // Room for some of the flood, and then for one answer.
    let room = Room { ops: ops + 5 * rows + rows - 1, ..FOREIGN };

    let mut doc = inspection();
    let applied = doc.apply_within(&flood, &room);
    assert_eq!(applied.applied.len(), 5, "{applied:?}");
    let first = flood[5].facts().hash;
    let why =
        |hash| applied.refused.iter().find(|(refused, _)| *refused == hash).unwrap().1.clone();
    assert_eq!(why(first), Refusal::DocumentFull { what: "operations" });
    assert!(matches!(why(flood[6].facts().hash), Refusal::OnRefused { .. }));
    let after = doc.apply_within(std::slice::from_ref(&small), &room);
    assert_eq!(after.applied, [small.facts().hash], "others still have what room there is");
    assert!(chunk::inspect_document(&doc.save(), &room).is_ok(), "an empty phone can take it");
    assert!(Document::inspect_foreign(&greedy.save()).is_ok(), "the program's limits are wider");
}
