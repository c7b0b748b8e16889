//! Moves of drafts between the editions of a test checklist.

mod apart;
mod random;

use std::collections::BTreeMap;

use super::*;
use crate::checklist::grading::{Answers, Grader, Settings};
use crate::model::{
    Actor, AnswerInput, Document, EditError, Editor, Evidence, FindingInput, Genesis, Grade, Kind,
    LifeCycle, NoteEdit, Origin, RawChange, Severity, Step, Timestamp,
};

const EDITIONS: [&[u8]; 4] = [
    include_bytes!("../../../../fixtures/moving/edition-1.json"),
    include_bytes!("../../../../fixtures/moving/edition-2.json"),
    include_bytes!("../../../../fixtures/moving/edition-3.json"),
    include_bytes!("../../../../fixtures/moving/edition-4.json"),
];

fn editions() -> Vec<Template> {
    EDITIONS.iter().map(|bytes| Template::parse(bytes).unwrap()).collect()
}

fn begun_by(template: &Template) -> Document {
    let genesis = Genesis {
        kind: Kind::Inspection,
        scope: "06325".parse().unwrap(),
        template: Some(template.id()),
        origin: Origin::Device { creator: crate::model::DeviceId([3; 32]), nonce: [4; 16] },
    };
    Document::create(&genesis, &template.shape())
}

fn edit(
    document: &mut Document,
    who: u8,
    f: impl FnOnce(&mut Editor<'_>) -> Result<(), EditError>,
) -> Option<RawChange> {
    document.edit(Actor([who; 16]), Timestamp(1_000 + i64::from(who)), f).unwrap().1
}

fn said(grade: Grade, value: Option<&str>) -> AnswerInput {
    AnswerInput {
        grade,
        value: value.map(str::to_owned),
        evidence: Vec::new(),
        claimed_at: Timestamp(5),
        resolves: false,
    }
}

fn given(value: &str) -> AnswerInput {
    said(Grade::Given, Some(value))
}

fn move_to(document: &mut Document, who: u8, to: usize) -> MovePlan {
    let known = editions();
    let plan = plan_move(&document.view(), known[to - 1].id(), &known).unwrap();
    edit(document, who, |editor| editor.move_edition(&plan.told));
    plan
}

fn read(document: &Document) -> InspectionView {
    document.view().inspection().unwrap()
}

/// A record under edition 1 with an answer of every kind.
fn filled() -> Document {
    let mut document = begun_by(&editions()[0]);
    edit(&mut document, 1, |e| {
        e.answer("1", said(Grade::Serious, None))?;
        e.answer("2", given("9.5"))?;
        e.answer("3", given("well"))?;
        e.answer("4", said(Grade::Minor, None))?;
        e.answer("5", said(Grade::Pass, None))?;
        e.note("4", NoteEdit::Append("Sổ để ở nhà.\n".into()))?;
        e.note("5", NoteEdit::Append("Kho mới.\n".into()))?;
        e.finding_add([7; 16], finding("4"))?;
        e.finding_add([8; 16], finding("5"))?;
        let photo =
            Evidence { media: "image/jpeg".into(), item: Some("5".into()), ..Evidence::default() };
        e.evidence_put([9; 32], &photo)?;
        e.row_add([1; 16], "lots", "lô đầu")?;
        e.row_answer([1; 16], "l-code", given("L01"))?;
        e.row_answer([1; 16], "l-wet", given("6"))?;
        e.row_answer([1; 16], "l-ok", given("yes"))?;
        e.row_add([2; 16], "products", "")?;
        e.row_answer([2; 16], "p-name", given("Chè xanh"))
    });
    document
}

fn finding(item: &str) -> FindingInput {
    FindingInput {
        item: Some(item.to_owned()),
        row: None,
        severity: Severity::Minor,
        text: "chưa đạt".to_owned(),
        clause: None,
        deadline: None,
        unfixable: false,
    }
}

fn told(plan: &MovePlan, fate: Fate) -> Vec<(Option<&str>, Option<&str>)> {
    plan.of(fate).map(|line| (line.from.as_deref(), line.to.as_deref())).collect()
}

/// Every answer that stands in a reading, by what it says, wherever it stands.
fn standing(view: &InspectionView) -> BTreeMap<String, usize> {
    let rows = view.rows.values().flat_map(|row| row.answers.iter());
    let mut all = BTreeMap::new();
    let (asked, left): (Vec<_>, Vec<_>) =
        view.answers.iter().chain(rows).partition(|(name, _)| !name.contains('@'));
    for said in asked.into_iter().flat_map(|(_, state)| state.all()) {
        *all.entry(format!("{:?} {}", said.value, said.change)).or_default() += 1;
    }
    // One answer to an item that stood under two keys is left over under both where nothing asks it.
    for said in left.into_iter().flat_map(|(_, state)| state.all()) {
        all.entry(format!("{:?} {}", said.value, said.change)).or_insert(1);
    }
    all
}

#[test]
fn the_preview_says_what_becomes_of_everything() {
    let document = filled();
    let known = editions();
    let plan = plan_move(&document.view(), known[1].id(), &known).unwrap();
    let some = |from, to| (Some(from), Some(to));
    assert_eq!(told(&plan, Fate::Kept), [some("l-code", "l-code")]);
    assert_eq!(
        told(&plan, Fate::Moved),
        [some("2", "2.1"), some("5", "6"), some("l-wet", "l-water")]
    );
    // Serious is no longer a level of 1, and a well no option of 3.
    assert_eq!(told(&plan, Fate::NoLongerFits), [some("1", "1"), some("3", "3")]);
    assert_eq!(
        told(&plan, Fate::NeedsAnswer),
        [(None, Some("4")), (None, Some("7")), (None, Some("l-seal"))]
    );
    // The key 4 asks something else in edition 2; the products have no group.
    assert_eq!(
        told(&plan, Fate::NoNewHome),
        [(Some("l-ok"), None), (None, None), (Some("4"), None)]
    );
    let lost = plan.of(Fate::NoNewHome).last().unwrap();
    assert_eq!((lost.answers, lost.note, lost.about), (1, true, 1));
    let moved = plan.of(Fate::Moved).find(|line| line.to.as_deref() == Some("6")).unwrap();
    assert_eq!((moved.answers, moved.note, moved.about), (1, true, 2));
    for line in &plan.lines {
        assert!(!line.vi.is_empty() && !line.en.is_empty());
    }
    assert!(moved.vi.contains("chuyển từ mục 5 sang mục 6"));
    assert!(plan.of(Fate::Moved).next().unwrap().en.contains("says it is the same item"));
    assert_eq!(document.heads(), filled().heads(), "a preview writes nothing");
}

#[test]
fn a_moved_draft_reads_as_the_new_edition_and_keeps_what_has_no_home() {
    let mut document = filled();
    let before = standing(&read(&document));
    let plan = move_to(&mut document, 1, 2);
    let view = read(&document);
    assert_eq!(view.answers, plan.after.answers, "the preview is what happens");
    assert_eq!(standing(&view), before, "no answer is lost and none is doubled");
    assert!(view.is_answered("2.1") && view.is_answered("6") && !view.is_answered("4"));
    let pinned = &editions()[0].id().short();
    assert!(view.is_answered(&format!("4@{pinned}")), "the old 4 is shown under a name of its own");
    assert_eq!(view.notes["6"], "Kho mới.\n");
    assert_eq!(view.notes[&format!("4@{pinned}")], "Sổ để ở nhà.\n");
    let items: Vec<_> = view.findings.values().map(|row| row.item.shown().unwrap()).collect();
    assert_eq!(items, [&format!("4@{pinned}"), "6"]);
    let lot = &view.rows[&hex::encode([1; 16])];
    assert!(lot.is_answered("l-water") && lot.is_answered("l-ok") && !lot.is_answered("l-seal"));
    // The summary counts by the new edition without having it.
    let summary = document.summary();
    assert_eq!((summary.items, summary.answered), (6 + 3, 4 + 2));
    assert_eq!(summary.template, Some(editions()[1].id()));
}

#[test]
fn who_has_not_heard_of_the_move_answers_into_the_same_register() {
    let (mut here, mut there) = (filled(), filled());
    let moved = document_change(&mut here, |document| drop(move_to(document, 1, 2)));
    let answered = edit(&mut there, 2, |e| {
        e.answer("2", given("11"))?;
        e.row_answer([1; 16], "l-wet", given("8"))
    });
    here.apply(&[answered.unwrap()]);
    there.apply(&moved);
    assert_eq!(read(&here), read(&there));
    assert_eq!(here.view().record(), there.view().record());
    let value = |view: &InspectionView| view.answers["2.1"].all()[0].value.value.clone();
    assert_eq!(value(&read(&here)).as_deref(), Some("11"));
    assert_eq!(here.view().history("2.1").len(), 2, "the history is the item's, whole");
    assert_eq!(here.view().row_history(&hex::encode([1; 16]), "l-water").len(), 2);
}

fn document_change(document: &mut Document, f: impl FnOnce(&mut Document)) -> Vec<RawChange> {
    let before: Vec<_> = document.view().past().iter().map(|past| past.change).collect();
    f(document);
    let after = document.view().past().into_iter().map(|past| past.change);
    let new: Vec<_> = after.filter(|change| !before.contains(change)).collect();
    let changes = document.changes(&new).into_iter();
    changes.map(|change| RawChange::inspect(change.raw_bytes().to_vec()).unwrap()).collect()
}

#[test]
fn turning_back_gives_what_was_and_what_was_written_meanwhile() {
    let mut document = filled();
    let before = read(&document);
    move_to(&mut document, 1, 2);
    edit(&mut document, 1, |e| {
        e.answer("6", said(Grade::Major, None))?;
        e.answer("7", said(Grade::Pass, None))?;
        e.loose_note_add([5; 16], "7", "Có xà phòng.\n")?;
        e.finding_add([6; 16], finding("7"))
    });
    let under_2 = read(&document);
    assert_eq!(way_back(&document.view()), Ok(editions()[0].id()));
    move_to(&mut document, 1, 1);
    let after = read(&document);
    let mut expected = before.answers.clone();
    expected.insert("5".into(), under_2.answers["6"].clone());
    let fresh = after.answers.keys().find(|key| key.starts_with("7@")).unwrap().clone();
    expected.insert(fresh.clone(), under_2.answers["7"].clone());
    assert_eq!(after.answers, expected);
    assert_eq!(after.rows, before.rows);
    assert_eq!(after.notes[&fresh], "Có xà phòng.\n");
    assert_eq!(after.findings[&hex::encode([6; 16])].item.shown(), Some(&fresh));
    // And moving there again brings it all back.
    let again = move_to(&mut document, 1, 2);
    assert_eq!(read(&document).answers, under_2.answers);
    assert_eq!(read(&document).notes, under_2.notes);
    assert!(again.of(Fate::Moved).any(|line| line.to.as_deref() == Some("7")));
}

#[test]
fn a_third_edition_finds_what_the_second_and_the_first_hold() {
    let mut document = filled();
    move_to(&mut document, 1, 2);
    edit(&mut document, 1, |e| {
        e.answer("4", said(Grade::Major, None))?;
        e.answer("7", said(Grade::Pass, None))
    });
    let plan = move_to(&mut document, 1, 3);
    let view = read(&document);
    let grade = |item: &str| view.answers[item].all()[0].value.grade;
    assert_eq!((grade("4"), grade("7"), grade("8")), (Grade::Major, Grade::Pass, Grade::Pass));
    assert_eq!(grade("5"), Grade::Minor, "the records of edition 1 have a home again");
    assert!(view.rows[&hex::encode([2; 16])].is_answered("p-name"));
    assert!(view.rows[&hex::encode([1; 16])].is_answered("l-ok"));
    let lost: Vec<_> = told(&plan, Fate::NoNewHome);
    assert_eq!(lost, [(Some("3"), None)]);
}

#[test]
fn two_who_move_to_one_edition_agree_and_to_two_editions_a_person_decides() {
    let (mut a, mut b, mut c) = (filled(), filled(), filled());
    let first = document_change(&mut a, |document| drop(move_to(document, 1, 2)));
    let second = document_change(&mut b, |document| drop(move_to(document, 2, 2)));
    let third = document_change(&mut c, |document| drop(move_to(document, 3, 3)));
    a.apply(&second);
    assert!(a.view().conflicts().is_empty() && a.view().agreements().len() == 1);
    assert_eq!(read(&a).template, Some(editions()[1].id()));
    a.apply(&third);
    let open = a.view().conflicts();
    assert_eq!((open.len(), open[0].place.key.as_str()), (1, "template"));
    assert_eq!(read(&a).template, Some(editions()[0].id()), "until then by the pinned edition");
    assert_eq!(read(&a).answers, read(&filled()).answers);
    assert_eq!(way_back(&a.view()), Ok(editions()[0].id()));
    move_to(&mut a, 1, 3);
    assert!(a.view().conflicts().is_empty());
    assert_eq!(read(&a).template, Some(editions()[2].id()));
    c.apply(&first);
    c.apply(&second);
    let settled = document_change(&mut c, |document| drop(move_to(document, 4, 1)));
    assert_eq!(settled.len(), 1, "staying with the pinned edition settles it too");
    assert!(c.view().conflicts().is_empty());
}

#[test]
fn the_signed_minutes_stay_read_by_the_edition_that_their_signers_saw() {
    let (mut here, mut there) = (filled(), filled());
    let moved = document_change(&mut there, |document| drop(move_to(document, 2, 2)));
    for state in [LifeCycle::Decided, LifeCycle::InField, LifeCycle::MinutesSigned] {
        edit(&mut here, 1, |e| e.move_to(state, &step()));
    }
    let signed = read(&here);
    here.apply(&moved);
    assert_eq!(read(&here).answers, signed.answers);
    let edition = read(&here).edition.unwrap();
    assert_eq!((edition.template, edition.late.len()), (editions()[0].id(), 1));
    // Later steps do not make it count.
    edit(&mut here, 1, |e| e.move_to(LifeCycle::Reported, &step()));
    assert_eq!(read(&here).answers, signed.answers);
    let known = editions();
    let refused = plan_move(&here.view(), known[1].id(), &known).unwrap_err();
    assert_eq!(refused, MoveError::PastMinutes { state: "reported" });
    let plan = plan_move(&filled().view(), known[1].id(), &known).unwrap();
    let refused = here.edit(Actor([1; 16]), Timestamp(9), |e| e.move_edition(&plan.told));
    assert!(matches!(refused, Err(EditError::PastMinutes { .. })));
}

#[test]
fn conflicts_are_told_and_settled_under_the_names_of_the_edition() {
    let (mut a, mut b) = (filled(), filled());
    move_to(&mut a, 1, 2);
    edit(&mut a, 1, |e| e.answer("6", said(Grade::Minor, None)));
    let other = edit(&mut b, 2, |e| {
        e.answer("5", said(Grade::Major, None))?;
        e.answer("4", said(Grade::Major, None))
    });
    edit(&mut a, 1, |e| e.answer("7", said(Grade::Pass, None)));
    a.apply(&[other.unwrap()]);
    let open = a.view().conflicts();
    assert_eq!(open.iter().map(|c| c.place.key.as_str()).collect::<Vec<_>>(), ["6"]);
    assert_eq!(a.view().history_of(&open[0].place).len(), 3);
    edit(&mut a, 1, |e| e.resolve("6", said(Grade::Major, None)));
    assert!(a.view().conflicts().is_empty());
}

#[test]
fn without_the_newer_edition_the_record_is_read_and_edited_by_the_pinned_one() {
    let mut document = filled();
    move_to(&mut document, 1, 2);
    let by_pinned = document.view().by_pinned().inspection().unwrap();
    assert_eq!(by_pinned.answers, read(&filled()).answers);
    assert_eq!(by_pinned.edition.as_ref().map(|edition| edition.moved.all().len()), Some(1));
    edit(&mut document, 2, |e| {
        e.by_pinned();
        e.answer("5", said(Grade::Minor, None))
    });
    assert_eq!(read(&document).answers["6"].all()[0].value.grade, Grade::Minor);
    let error = document.edit(Actor([2; 16]), Timestamp(9), |e| e.read_by(editions()[2].id()));
    assert!(matches!(error, Err(EditError::OtherEdition { .. })));
    let missing = plan_move(&document.view(), editions()[2].id(), &editions()[..1]).unwrap_err();
    assert!(matches!(missing, MoveError::Missing { .. }));
}

#[test]
fn a_plan_is_confirmed_only_while_nothing_changed() {
    let mut document = filled();
    let known = editions();
    let plan = |document: &Document| plan_move(&document.view(), known[1].id(), &known).unwrap();
    let seen = plan(&document);
    let digits = hex::encode(seen.digest);
    assert!(plan(&document).is_confirmed_by(&digits[..8]));
    assert!(!seen.is_confirmed_by(&digits[..7]) && !seen.is_confirmed_by(""));
    edit(&mut document, 2, |e| e.answer("5", said(Grade::Minor, None)));
    assert!(!plan(&document).is_confirmed_by(&digits));
}

#[test]
fn moves_that_make_no_sense_are_shown_as_damaged_and_not_followed() {
    let mut document = filled();
    let to = editions()[1].id();
    let two = |keys: [(&str, &str); 2]| {
        let keys = keys.map(|(item, storage)| (item.to_owned(), storage.to_owned())).into();
        Move { keys, ..Move::back(editions()[0].id(), to) }
    };
    let error = document
        .edit(Actor([1; 16]), Timestamp(1), |e| e.move_edition(&two([("a", "1"), ("b", "1")])));
    assert!(matches!(error, Err(EditError::Invalid { .. })));
    let read_back = serde_json::from_str::<Move>(
        &serde_json::to_string(&two([("a", "x"), ("b", "y")])).unwrap(),
    );
    assert_eq!(read_back.unwrap(), two([("a", "x"), ("b", "y")]));
    assert!(editions()[0].code() == editions()[1].code());
    let other = Template::parse(crate::checklist::TEA_1).unwrap();
    let known = [editions(), vec![other.clone()]].concat();
    let refused = plan_move(&document.view(), other.id(), &known).unwrap_err();
    assert!(matches!(refused, MoveError::OtherChecklist { .. }));
    let same = plan_move(&document.view(), editions()[0].id(), &known).unwrap_err();
    assert!(matches!(same, MoveError::Same { .. }));
    assert_eq!(way_back(&document.view()), Err(MoveError::NeverMoved));
}

fn step() -> Step {
    Step { day: "2026-12-03".into(), reason: String::new(), ..Step::default() }
}

/// What a grade rests on, without what has no item.
fn counted(template: &Template, view: &InspectionView) -> crate::checklist::grading::Graded {
    let mut view = view.clone();
    view.answers.retain(|item, _| template.item(item).is_some());
    view.rows.retain(|_, row| {
        row.answers.retain(|item, _| template.item(item).is_some());
        template.groups().any(|(section, _)| section.code == row.group())
    });
    let answers = Answers::of_inspection(&view);
    let day = "2026-12-01".parse().unwrap();
    Grader::new(std::sync::Arc::new(template.clone()), answers, Settings::new(day)).explain().0
}

#[test]
fn a_moved_draft_is_graded_as_if_it_had_been_begun_by_the_new_edition() {
    let mut moved = filled();
    move_to(&mut moved, 1, 2);
    let new = &editions()[1];
    let mut begun = begun_by(new);
    edit(&mut begun, 1, |e| {
        e.answer("1", said(Grade::Serious, None))?;
        e.answer("2.1", given("9.5"))?;
        e.answer("3", given("well"))?;
        e.answer("6", said(Grade::Pass, None))?;
        e.finding_add([8; 16], finding("6"))?;
        e.row_add([1; 16], "lots", "")?;
        e.row_answer([1; 16], "l-code", given("L01"))?;
        e.row_answer([1; 16], "l-water", given("6"))
    });
    let mut view = read(&moved);
    // A finding about the item that is gone is a finding still; the other record has none such.
    view.findings.remove(&hex::encode([7; 16]));
    view.evidence.clear();
    assert_eq!(counted(new, &view), counted(new, &read(&begun)));
}
