//! Merging: any order, any partition, and what two people do to the same thing.

use super::*;

#[test]
fn every_replica_computes_the_same_first_change() {
    let shapes = [Shape::Facility, Shape::Plan, shape(), Shape::Review, Shape::Followup];
    let born: Vec<String> = shapes
        .into_iter()
        .map(|shape| {
            let document = Document::create(&genesis_of(shape.kind()), &shape);
            assert_eq!(document.heads(), [document.first()]);
            assert!(document.tips().is_empty(), "the first change is nobody's");
            format!("{} {}", shape.kind().name(), document.first())
        })
        .collect();
    // A different first change would split every document that exists.
    assert_eq!(born.join("\n"), include_str!("../../../fixtures/first-changes.txt").trim_end());
}

#[test]
fn an_answer_is_one_change_and_reads_back_from_saved_bytes() {
    let mut doc = inspection();
    edit(&mut doc, 1, |e| e.answer("1.1", answer(Grade::Pass)));
    let loaded = Document::load(&genesis(), &shape(), &doc.save()).unwrap();
    assert_eq!(loaded.heads(), doc.heads());
    let view = read(&loaded);
    let AnswerState::One(said) = &view.answers["1.1"] else { panic!("{view:?}") };
    assert_eq!((said.value.grade, said.actor.as_slice()), (Grade::Pass, &[1; 16][..]));
    assert_eq!(said.at, Timestamp(1001));
    assert_eq!(loaded.tips().len(), 1);
    assert_eq!(loaded.changes_of(&[1; 16], 1).len(), 1);
    assert_eq!(loaded.changes_of(&[1; 16], 2).len(), 0);
}

#[test]
fn two_answers_given_apart_both_stand_until_a_person_resolves_them() {
    let (mut a, mut b) = (inspection(), inspection());
    let from_a = edit(&mut a, 1, |e| e.answer("1.1", answer(Grade::Pass)));
    let from_b = edit(&mut b, 2, |e| e.answer("1.1", answer(Grade::Major)));
    assert_eq!(a.apply(std::slice::from_ref(&from_b)).applied, [from_b.facts().hash]);
    assert_eq!(b.apply(std::slice::from_ref(&from_a)).applied, [from_a.facts().hash]);
    assert_eq!(a.heads(), b.heads());
    assert_eq!(a.view().record(), b.view().record());
    let view = read(&a);
    let AnswerState::Conflict(values) = &view.answers["1.1"] else { panic!("{view:?}") };
    assert_eq!(values.len(), 2);
    assert_eq!(values.iter().map(|v| v.actor[0]).collect::<Vec<_>>(), [1, 2]);
    let open = a.view().conflicts();
    assert_eq!(open.len(), 1);
    assert_eq!((open[0].place.container.as_str(), open[0].place.key.as_str()), ("answers", "1.1"));
    assert!(a.view().agreements().is_empty());

    let refused = a.edit(actor(1), Timestamp(2), |e| e.answer("1.1", answer(Grade::Pass)));
    assert!(matches!(refused, Err(EditError::Conflicted { values: 2, .. })), "{refused:?}");
    assert_eq!(a.heads(), b.heads(), "a refused edit leaves no trace");

    edit(&mut a, 1, |e| e.resolve("1.1", answer(Grade::Major)));
    let view = read(&a);
    let AnswerState::One(said) = &view.answers["1.1"] else { panic!("{view:?}") };
    let mut settled = vec![from_a.facts().hash.to_string(), from_b.facts().hash.to_string()];
    settled.sort_unstable();
    assert_eq!(said.value.resolves, settled);
    assert!(a.view().conflicts().is_empty());
    let grades: Vec<Grade> = a.view().history("1.1").iter().map(|s| s.value.grade).collect();
    assert_eq!(grades, [Grade::Pass, Grade::Major, Grade::Major], "nothing said is forgotten");
}

#[test]
fn equal_answers_given_apart_are_one_answer_by_both_authors() {
    let (mut a, mut b) = (inspection(), inspection());
    // Each observed it at a time of its own: that is no difference in what is said.
    let observed = |at| AnswerInput { claimed_at: Timestamp(at), ..answer(Grade::Major) };
    let from_a = edit(&mut a, 1, |e| e.answer("1.1", observed(5)));
    let from_b = edit(&mut b, 2, |e| e.answer("1.1", observed(6)));
    a.apply(&[from_b]);
    b.apply(&[from_a]);
    let view = read(&a);
    let AnswerState::Agreed(values) = &view.answers["1.1"] else { panic!("{view:?}") };
    assert_eq!(values.iter().map(|v| v.actor[0]).collect::<Vec<_>>(), [1, 2]);
    assert!(view.is_answered("1.1"));
    let order = [Grade::NotApplicable, Grade::Pass, Grade::Minor, Grade::Major, Grade::Serious];
    assert_eq!(view.answers["1.1"].worst(&order), Some(Grade::Major));
    assert!(a.view().conflicts().is_empty());
    assert_eq!((a.summary().conflicts, a.summary().answered), (0, 1));
    assert_eq!(a.view().agreements()[0].place.key, "1.1");
    // Both authors stay in the record, the same on both replicas.
    assert_eq!(a.view().record(), b.view().record());
    let record: serde_json::Value = serde_json::from_slice(a.view().record().bytes()).unwrap();
    assert_eq!(record["answers"]["1.1"].as_array().unwrap().len(), 2);
    // Nothing has to be settled before somebody answers anew.
    edit(&mut a, 1, |e| e.answer("1.1", answer(Grade::Minor)));
    assert!(matches!(read(&a).answers["1.1"], AnswerState::One(_)));
}

#[test]
fn answers_that_differ_in_grade_value_or_photos_do_not_agree() {
    let base = answer(Grade::Major);
    let others = [
        answer(Grade::Minor),
        AnswerInput { value: Some("3 mg".into()), ..base.clone() },
        AnswerInput { evidence: vec!["ab".repeat(32)], ..base.clone() },
    ];
    for other in others {
        let (mut a, mut b) = (inspection(), inspection());
        edit(&mut a, 1, |e| e.answer("1.1", base.clone()));
        let from_b = edit(&mut b, 2, |e| e.answer("1.1", other.clone()));
        a.apply(&[from_b]);
        assert!(matches!(read(&a).answers["1.1"], AnswerState::Conflict(_)), "{other:?}");
        assert_eq!(a.summary().conflicts, 1);
        assert!(a.view().agreements().is_empty());
    }
}

#[test]
fn an_answer_that_several_took_back_is_unanswered() {
    let mut a = inspection();
    edit(&mut a, 1, |e| e.answer("1.1", answer(Grade::Pass)));
    let mut b = a.clone();
    edit(&mut a, 1, |e| e.answer("1.1", answer(Grade::Unanswered)));
    let from_b = edit(&mut b, 2, |e| e.answer("1.1", answer(Grade::Unanswered)));
    a.apply(&[from_b]);
    assert_eq!(read(&a).answers["1.1"], AnswerState::Unanswered);
    assert!(a.view().conflicts().is_empty());
}

#[test]
fn the_history_is_told_by_cause_and_then_by_time() {
    let at = |doc: &mut Document, who: u8, time: i64, grade| {
        let (_, change) =
            doc.edit(actor(who), Timestamp(time), |e| e.answer("1.1", answer(grade))).unwrap();
        change.unwrap()
    };
    let (mut a, mut b) = (inspection(), inspection());
    // The first phone writes much before its answer, so its operation counter is high.
    edit(&mut a, 1, |e| e.note("1.2", NoteEdit::Append("x".repeat(50))));
    let early = at(&mut a, 1, 100, Grade::Pass);
    let late = at(&mut b, 2, 200, Grade::Minor);
    a.apply(std::slice::from_ref(&late));
    b.apply(&all_changes(&a));
    // A clock that runs behind does not put a settlement before what it settles.
    let (_, settled) =
        a.edit(actor(1), Timestamp(50), |e| e.resolve("1.1", answer(Grade::Major))).unwrap();
    b.apply(&[settled.unwrap()]);
    let grades = |doc: &Document| -> Vec<Grade> {
        doc.view().history("1.1").iter().map(|said| said.value.grade).collect()
    };
    assert_eq!(grades(&a), [Grade::Pass, Grade::Minor, Grade::Major]);
    assert_eq!(grades(&b), grades(&a));
    assert!(early.facts().start_op > late.facts().start_op, "the counters say the opposite");
}

#[test]
fn an_answer_concurrent_with_a_resolution_is_a_conflict_again() {
    let (mut a, mut b, mut c) = (inspection(), inspection(), inspection());
    let from_a = edit(&mut a, 1, |e| e.answer("1.1", answer(Grade::Pass)));
    let from_b = edit(&mut b, 2, |e| e.answer("1.1", answer(Grade::Major)));
    a.apply(&[from_b]);
    let from_c = edit(&mut c, 3, |e| e.answer("1.1", answer(Grade::Minor)));
    edit(&mut a, 1, |e| e.resolve("1.1", answer(Grade::Major)));
    a.apply(&[from_a, from_c]);
    let AnswerState::Conflict(values) = &read(&a).answers["1.1"] else { panic!() };
    assert_eq!(values.len(), 2);
    let order = [Grade::NotApplicable, Grade::Pass, Grade::Minor, Grade::Major, Grade::Serious];
    assert_eq!(read(&a).answers["1.1"].worst(&order), Some(Grade::Major));
    assert_eq!(read(&a).answers["1.1"].worst(&order[..3]), None, "no order, no grade");
}

#[test]
fn an_unknown_item_is_named() {
    let mut doc = inspection();
    let error =
        doc.edit(actor(1), Timestamp(1), |e| e.answer("9.9", answer(Grade::Pass))).unwrap_err();
    assert_eq!(error.to_string(), "the checklist has no item 9.9; choose one of its items");
    assert_eq!(doc.tips().len(), 0);
    for wrong in [
        doc.edit(actor(1), Timestamp(1), |e| e.note("9.9", NoteEdit::Append("x".into()))),
        doc.edit(actor(1), Timestamp(1), |e| {
            e.finding_add([1; 16], FindingInput { item: Some("9.9".into()), ..finding("x") })
        }),
    ] {
        assert!(matches!(wrong, Err(EditError::UnknownItem { .. })), "{wrong:?}");
    }
}

#[test]
fn an_edit_that_fails_half_way_changes_nothing() {
    let mut doc = inspection();
    let before = doc.save();
    let done = doc.edit(actor(1), Timestamp(1), |e| {
        e.answer("1.1", answer(Grade::Pass))?;
        e.answer("nowhere", answer(Grade::Pass))
    });
    assert!(done.is_err());
    assert_eq!(doc.save(), before);
    let done = doc.edit(actor(1), Timestamp(1), |_| -> Result<(), EditError> { panic!("screen") });
    assert!(matches!(done, Err(EditError::Internal)));
    assert_eq!(doc.save(), before);
}

#[test]
fn an_edit_that_changes_nothing_makes_no_change() {
    let mut doc = inspection();
    edit(&mut doc, 1, |e| e.set_header("place", "Bắc Sơn"));
    let heads = doc.heads();
    let (_, change) =
        doc.edit(actor(2), Timestamp(9), |e| e.set_header("place", "Bắc Sơn")).unwrap();
    assert!(change.is_none());
    assert_eq!(doc.heads(), heads);
    assert_eq!(doc.tips().len(), 1);
}

#[test]
fn one_note_typed_by_two_people_holds_what_both_typed() {
    let (mut a, mut b) = (inspection(), inspection());
    let from_a = edit(&mut a, 1, |e| e.note("1.1", NoteEdit::Append("nền nứt".into())));
    b.apply(&[from_a]);
    let from_b = edit(&mut b, 2, |e| e.note("1.1", NoteEdit::Append("; trần mốc".into())));
    let from_a = edit(&mut a, 1, |e| {
        e.note("1.1", NoteEdit::Splice { at: 0, delete: 0, insert: "Khu sao: ".into() })
    });
    a.apply(&[from_b]);
    b.apply(&[from_a]);
    assert_eq!(read(&a).notes["1.1"], "Khu sao: nền nứt; trần mốc");
    assert_eq!(read(&b).notes, read(&a).notes);
    edit(&mut a, 1, |e| e.note("1.1", NoteEdit::Replace("Khu sao: nền nứt; trần ẩm".into())));
    assert_eq!(read(&a).notes["1.1"], "Khu sao: nền nứt; trần ẩm");
}

#[test]
fn two_first_notes_typed_apart_both_survive() {
    // The text exists from the first change, so neither phone makes its own.
    let (mut a, mut b) = (inspection(), inspection());
    let from_b = edit(&mut b, 2, |e| e.note("2.1", NoteEdit::Append("b".into())));
    edit(&mut a, 1, |e| e.note("2.1", NoteEdit::Append("a".into())));
    a.apply(&[from_b]);
    let note = &read(&a).notes["2.1"];
    assert!(note.contains('a') && note.contains('b'), "{note}");
}

#[test]
fn a_text_is_edited_within_its_limits() {
    let mut doc = inspection();
    edit(&mut doc, 1, |e| e.note("1.1", NoteEdit::Append("chè\0\r\n".into())));
    assert_eq!(read(&doc).notes["1.1"], "chè\u{FFFD}\n");
    let outside = NoteEdit::Splice { at: 5, delete: 1, insert: String::new() };
    let done = doc.edit(actor(1), Timestamp(1), |e| e.note("1.1", outside));
    assert!(matches!(done, Err(EditError::OutOfText { at: 5, delete: 1, len: 5 })), "{done:?}");
    let long = "a".repeat(TEXT_CHARS_MAX);
    let done = doc.edit(actor(1), Timestamp(1), |e| e.note("1.1", NoteEdit::Append(long.clone())));
    assert!(matches!(done, Err(EditError::TooLong { .. })), "{done:?}");
    // The whole text at the limit, replaced by another, still fits one change.
    edit(&mut doc, 1, |e| e.note("1.2", NoteEdit::Replace(long)));
    edit(&mut doc, 1, |e| e.note("1.2", NoteEdit::Replace("b".repeat(TEXT_CHARS_MAX))));
    assert_eq!(read(&doc).notes["1.2"].len(), TEXT_CHARS_MAX);
}

#[test]
fn an_edit_of_a_deleted_finding_is_parked_and_shown() {
    let (mut a, mut b) = (inspection(), inspection());
    let added = edit(&mut a, 1, |e| e.finding_add([9; 16], finding("nền nứt")));
    b.apply(&[added]);
    let deleted = edit(&mut a, 1, |e| e.finding_delete([9; 16]));
    let patch = FindingPatch {
        text: Some(NoteEdit::Append(" hai chỗ".into())),
        severity: Some(Severity::Major),
        ..FindingPatch::default()
    };
    let edited = edit(&mut b, 2, |e| e.finding_update([9; 16], patch));
    a.apply(&[edited]);
    b.apply(&[deleted]);
    assert_eq!(a.view().record(), b.view().record());
    let row = &read(&a).findings[&hex::encode([9; 16])];
    assert!(!row.is_live());
    assert_eq!(row.text, "nền nứt hai chỗ");
    let parked: Vec<(&str, &str, u8)> = row
        .parked
        .iter()
        .map(|p| (p.field.as_str(), p.edit.value.as_str(), p.edit.actor[0]))
        .collect();
    assert_eq!(parked, [("severity", "\"major\"", 2), ("text", " hai chỗ", 2)]);
    // Whoever still has the form open loses nothing either.
    let patch = FindingPatch { clause: Some("điều 5".into()), ..FindingPatch::default() };
    edit(&mut a, 1, |e| e.finding_update([9; 16], patch));
    assert_eq!(read(&a).findings[&hex::encode([9; 16])].parked.len(), 3);
    edit(&mut a, 1, |e| e.finding_restore([9; 16]));
    let row = &read(&a).findings[&hex::encode([9; 16])];
    assert!(row.is_live() && row.parked.is_empty());
}

#[test]
fn a_finding_deleted_by_one_and_restored_by_another_stays() {
    let (mut a, mut b) = (inspection(), inspection());
    let added = edit(&mut a, 1, |e| {
        e.finding_add([9; 16], finding("x"))?;
        e.finding_delete([9; 16])
    });
    b.apply(&[added]);
    let restored = edit(&mut a, 1, |e| e.finding_restore([9; 16]));
    edit(&mut b, 2, |e| {
        e.finding_restore([9; 16])?;
        e.finding_delete([9; 16])
    });
    b.apply(&[restored]);
    let row = &read(&b).findings[&hex::encode([9; 16])];
    assert!(row.deleted.is_conflict() && row.is_live());
    assert_eq!(b.view().conflicts()[0].place.field.as_deref(), Some("deleted"));
}

#[test]
fn the_past_can_be_read_at_any_heads() {
    let mut doc = inspection();
    edit(&mut doc, 1, |e| e.answer("1.1", answer(Grade::Pass)));
    let (then, saved) = (doc.heads(), doc.view().record());
    edit(&mut doc, 2, |e| e.answer("1.1", answer(Grade::Serious)));
    edit(&mut doc, 2, |e| e.note("1.1", NoteEdit::Append("mới".into())));
    let past = doc.view_at(&then).unwrap();
    assert_eq!(past.record(), saved);
    assert_ne!(doc.view().record(), saved);
    let birth = doc.view_at(&[]).unwrap().inspection().unwrap();
    assert_eq!(birth.answers["1.1"], AnswerState::Unanswered);
    let unknown = doc.view_at(&[ChangeHash([9; 32])]);
    assert!(matches!(unknown, Err(DocumentError::UnknownHeads { .. })));
}

#[test]
fn an_edit_on_more_heads_than_a_change_may_name_still_works() {
    let mut all = inspection();
    let phones: Vec<RawChange> = (1..=80)
        .map(|who| edit(&mut inspection(), who, |e| e.note("1.1", NoteEdit::Append("x".into()))))
        .collect();
    assert_eq!(all.apply(&phones).applied.len(), 80);
    for _ in 0..3 {
        let change = edit(&mut all, 1, |e| e.note("1.2", NoteEdit::Append("y".into())));
        assert!(change.facts().deps.len() <= CHANGE_DEPS_MAX);
        assert!(all.has(&change.facts().hash));
    }
    assert_eq!(all.heads().len(), 1, "each edit draws some of the heads together");
    assert_eq!(read(&all).notes["1.2"], "yyy");
    assert_eq!(read(&all).notes["1.1"].len(), 80);
}
