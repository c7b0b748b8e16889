//! Rows of repeat groups, answers that are no grades, and notes that nobody foresaw.

use automerge::transaction::Transactable;
use automerge::{ObjType, ScalarValue};
use proptest::prelude::*;

use super::hostile::raw_edit;
use super::*;

const ROW: [u8; 16] = [0xa1; 16];

fn id(row: [u8; 16]) -> String {
    hex::encode(row)
}

fn with_row() -> Document {
    let mut doc = inspection();
    edit(&mut doc, 1, |e| e.row_add(ROW, "lots", "lô 1\n"));
    doc
}

#[test]
fn a_row_holds_answers_of_its_own() {
    let mut doc = with_row();
    edit(&mut doc, 1, |e| e.row_answer(ROW, "l.1", given("12.5")));
    edit(&mut doc, 2, |e| e.row_add([0xa2; 16], "products", ""));
    edit(&mut doc, 2, |e| e.row_answer([0xa2; 16], "p.1", answer(Grade::Major)));
    let view = read(&doc);
    let row = &view.rows[&id(ROW)];
    assert_eq!((row.group(), row.note.as_str()), ("lots", "lô 1\n"));
    assert_eq!(row.answers.keys().collect::<Vec<_>>(), ["l.1", "l.2"], "unanswered ones too");
    let AnswerState::One(said) = &row.answers["l.1"] else { panic!("{row:?}") };
    assert_eq!((said.value.grade, said.value.value.as_deref()), (Grade::Given, Some("12.5")));
    assert!(row.is_live() && row.damaged.is_empty());
    let order: Vec<u64> = [ROW, [0xa2; 16]].map(|r| view.rows[&id(r)].made.value).to_vec();
    assert!(order[0] < order[1], "rows are ordered by their making");
    assert!(!view.answers.contains_key("l.1"), "an item of rows is not one that is answered once");
    let summary = doc.summary();
    assert_eq!((summary.answered, summary.items), (2, 3 + 2 + 1));
    edit(&mut doc, 1, |e| e.row_remove([0xa2; 16]));
    assert_eq!((doc.summary().answered, doc.summary().items), (1, 3 + 2));
}

#[test]
fn a_row_made_and_filled_in_one_change_is_whole() {
    let mut doc = inspection();
    edit(&mut doc, 1, |e| {
        e.row_add(ROW, "lots", "")?;
        e.row_answer(ROW, "l.1", given("1"))?;
        e.row_note(ROW, NoteEdit::Append("x".into()))?;
        assert_eq!(e.row_note_now(ROW).unwrap(), "x");
        Ok(())
    });
    let row = &read(&doc).rows[&id(ROW)];
    assert!(row.is_answered("l.1") && row.note == "x");
}

#[test]
fn what_a_row_cannot_take_is_named() {
    let mut doc = with_row();
    let mut wrong = |f: &dyn Fn(&mut Editor<'_>) -> Result<(), EditError>| {
        doc.edit(actor(1), Timestamp(1), f).unwrap_err().to_string()
    };
    assert_eq!(
        wrong(&|e| e.row_add([1; 16], "tools", "")),
        "the checklist has no rows in section tools; choose a section that is repeated"
    );
    assert!(wrong(&|e| e.row_add(ROW, "lots", "")).contains("there is already a row"));
    let unknown = wrong(&|e| e.row_answer([9; 16], "l.1", given("1")));
    assert!(unknown.contains("there is no row 0909"), "{unknown}");
    for item in ["p.1", "1.1", "zz"] {
        let text = wrong(&|e| e.row_answer(ROW, item, given("1")));
        assert_eq!(text, format!("the checklist has no item {item}; choose one of its items"));
    }
    assert_eq!(
        wrong(&|e| e.row_answer(ROW, "l.1", given(" "))),
        "answer must be a value or photos"
    );
    assert_eq!(
        wrong(&|e| e.answer("1.1", answer(Grade::Given))),
        "answer must be a value or photos"
    );
    let long = "x".repeat(VALUE_CHARS_MAX + 1);
    assert!(wrong(&|e| e.answer("1.1", given(&long))).contains("over the limit"));
}

#[test]
fn a_conflict_in_a_row_is_found_settled_and_remembered() {
    let (mut a, mut b) = (with_row(), with_row());
    b.apply(&all_changes(&a));
    edit(&mut a, 1, |e| e.row_answer(ROW, "l.1", given("1")));
    let from_b = edit(&mut b, 2, |e| e.row_answer(ROW, "l.1", given("2")));
    edit(&mut b, 2, |e| e.row_answer(ROW, "l.2", given("9")));
    edit(&mut a, 1, |e| e.row_answer(ROW, "l.2", given("9")));
    a.apply(&all_changes(&b));
    let open = a.view().conflicts();
    assert_eq!(open.len(), 1, "equal values are no conflict");
    let place = &open[0].place;
    let key = format!("{}/l.1", id(ROW));
    assert_eq!((place.container.as_str(), place.key.as_str()), ("rows", key.as_str()));
    assert_eq!(place.row_item(), Some((id(ROW).as_str(), "l.1")));
    assert_eq!(a.view().agreements().len(), 1);
    assert!(matches!(read(&a).rows[&id(ROW)].answers["l.2"], AnswerState::Agreed(_)));
    assert_eq!(a.summary().conflicts, 1);
    let done = a.edit(actor(1), Timestamp(9), |e| e.row_answer(ROW, "l.1", given("3")));
    let Err(EditError::Conflicted { item, values: 2 }) = done else { panic!("{done:?}") };
    assert_eq!(item, key);
    edit(&mut a, 1, |e| e.row_answer(ROW, "l.1", AnswerInput { resolves: true, ..given("2") }));
    assert!(a.view().conflicts().is_empty());
    let history = a.view().row_history(&id(ROW), "l.1");
    let values: Vec<_> = history.iter().map(|said| said.value.value.as_deref().unwrap()).collect();
    assert_eq!(values, ["1", "2", "2"], "nothing said is forgotten");
    assert_eq!(a.view().history_of(place).len(), 3);
    assert_eq!(history[1].change, from_b.facts().hash);
    // An answer is taken back as a grade is.
    edit(&mut a, 1, |e| e.row_answer(ROW, "l.1", answer(Grade::Unanswered)));
    assert_eq!(read(&a).rows[&id(ROW)].answers["l.1"], AnswerState::Unanswered);
}

#[test]
fn a_value_has_no_place_in_an_order_of_grades() {
    let mut doc = inspection();
    edit(&mut doc, 1, |e| e.answer("1.1", given("7")));
    let view = read(&doc);
    assert!(view.is_answered("1.1"));
    let order = [Grade::NotApplicable, Grade::Pass, Grade::Minor, Grade::Major, Grade::Serious];
    assert_eq!(view.answers["1.1"].worst(&order), None);
}

#[test]
fn an_edit_of_a_removed_row_is_parked_and_shown() {
    let a = with_row();
    let (mut a, mut b) = (a.clone(), a);
    edit(&mut a, 1, |e| e.row_remove(ROW));
    edit(&mut b, 2, |e| e.row_answer(ROW, "l.1", given("5")));
    edit(&mut b, 2, |e| e.row_note(ROW, NoteEdit::Append("hai chỗ".into())));
    a.apply(&all_changes(&b));
    let row = &read(&a).rows[&id(ROW)];
    assert!(!row.is_live() && row.is_answered("l.1"));
    let parked: Vec<(&str, &str, u8)> = row
        .parked
        .iter()
        .map(|p| (p.field.as_str(), p.edit.value.as_str(), p.edit.actor[0]))
        .collect();
    let written = "{\"claimed_at\":5,\"grade\":\"given\",\"value\":\"5\"}";
    assert_eq!(parked, [("answers/l.1", written, 2), ("note", "hai chỗ", 2)]);
    edit(&mut a, 3, |e| e.row_restore(ROW));
    let row = &read(&a).rows[&id(ROW)];
    assert!(row.is_live() && row.parked.is_empty());
    assert_eq!(row.note, "lô 1\nhai chỗ");
}

#[test]
fn a_conflict_in_a_removed_row_needs_nobody() {
    let a = with_row();
    let (mut a, mut b) = (a.clone(), a);
    edit(&mut a, 1, |e| e.row_answer(ROW, "l.1", given("1")));
    edit(&mut b, 2, |e| e.row_answer(ROW, "l.1", given("2")));
    a.apply(&all_changes(&b));
    edit(&mut a, 1, |e| e.row_remove(ROW));
    assert!(a.view().conflicts().is_empty());
    assert!(matches!(read(&a).rows[&id(ROW)].answers["l.1"], AnswerState::Conflict(_)));
    edit(&mut a, 1, |e| e.row_restore(ROW));
    assert_eq!(a.view().conflicts().len(), 1);
}

#[test]
fn loose_notes_stand_behind_the_shared_one_in_one_order() {
    let (mut a, mut b) = (inspection(), inspection());
    edit(&mut a, 1, |e| e.note("1.1", NoteEdit::Append("chung".into())));
    edit(&mut a, 1, |e| e.loose_note_add([1; 16], "1.1", "của a"));
    edit(&mut b, 2, |e| e.loose_note_add([2; 16], "1.1", "của b\n"));
    edit(&mut b, 2, |e| e.loose_note_add([3; 16], "chưa có", "mới"));
    let (from_a, from_b) = (all_changes(&a), all_changes(&b));
    a.apply(&from_b);
    b.apply(&from_a);
    let view = read(&a);
    assert_eq!(view.notes, read(&b).notes);
    assert_eq!(view.notes["chưa có"], "mới");
    let lines: Vec<&str> = view.notes["1.1"].lines().collect();
    assert_eq!((lines[0], lines.len()), ("chung", 3));
    assert_eq!(view.loose_notes[&id([2; 16])].made.actor, [2; 16]);
    edit(&mut a, 1, |e| {
        assert_eq!(e.shared_note("1.1").unwrap().as_deref(), Some("chung"));
        e.loose_note([2; 16], NoteEdit::Append("thêm".into()))
    });
    assert_eq!(read(&a).loose_notes[&id([2; 16])].text, "của b\nthêm");
    let done =
        a.edit(actor(1), Timestamp(1), |e| e.loose_note([8; 16], NoteEdit::Append("x".into())));
    assert!(matches!(done, Err(EditError::UnknownRow { .. })));
}

#[test]
fn hostile_content_of_rows_is_shown_as_damaged() {
    let mut doc = with_row();
    edit(&mut doc, 1, |e| e.row_answer(ROW, "l.1", given("1")));
    let hostile = raw_edit(&doc, 6, |tx, doc| {
        let rows = &doc.layout.rows["rows"];
        let parts = doc.view().row_parts().remove(&id(ROW)).unwrap();
        let answers = parts.answers.unwrap();
        tx.put(&answers, "l.2", 5_i64).unwrap();
        tx.put(&answers, "foreign", "{\"grade\":\"superb\"}").unwrap();
        tx.put_object(&answers, "nested", ObjType::Map).unwrap();
        tx.put(&parts.row, "colour", "\"red\"").unwrap();
        // Over the containers: a text where the map was, a map where the text was.
        tx.put_object(&parts.row, "answers", ObjType::Text).unwrap();
        tx.put(&parts.row, "note", ScalarValue::Bytes(vec![0, 159])).unwrap();
        tx.put(&parts.row, "removed", "perhaps").unwrap();
        tx.put(rows, "notarow", "1").unwrap();
        tx.put_object(rows, "alist", ObjType::List).unwrap();
        let odd = tx.put_object(rows, "odd", ObjType::Map).unwrap();
        tx.put_object(&odd, "note", ObjType::Map).unwrap();
        tx.put_object(&odd, "answers", ObjType::Text).unwrap();
        tx.put(&odd, "group", 7_i64).unwrap();
        let loose = &doc.layout.rows["loose_notes"];
        tx.put(loose, "x", true).unwrap();
        let row = tx.put_object(loose, "y", ObjType::Map).unwrap();
        tx.put(&row, "item", f64::NAN).unwrap();
        tx.put_object(&row, "text", ObjType::List).unwrap();
        tx.put(&doc.layout.registers["difficulties"], "d", "[]").unwrap();
    });
    assert_eq!(doc.apply(&[hostile]).applied.len(), 1);
    let view = read(&doc);
    let row = &view.rows[&id(ROW)];
    assert!(row.is_answered("l.1"), "writing over the way to the answers hides nothing");
    assert_eq!(row.note, "lô 1\n");
    assert!(row.is_live(), "a tombstone that cannot be read removes nothing");
    for item in ["l.2", "foreign"] {
        let AnswerState::One(said) = &row.answers[item] else { panic!("{item}") };
        assert_eq!(said.value.grade, Grade::Damaged, "{item}");
    }
    assert_eq!(row.damaged.keys().collect::<Vec<_>>(), ["colour", "note"]);
    assert_eq!(view.rows["notarow"].damaged["row"].shown().unwrap(), "1");
    assert_eq!(view.rows["odd"].group(), "7");
    assert!(view.rows["odd"].answers.is_empty());
    assert!(!view.rows.contains_key("alist"));
    assert_eq!(view.loose_notes["y"].text, "");
    drop((doc.view().conflicts(), doc.view().past(), doc.summary()));
    serde_json::to_string(&view).unwrap();
    let loaded = Document::load(&genesis(), &shape(), &doc.save()).unwrap();
    assert_eq!(loaded.view().record(), doc.view().record());
    assert_eq!(read(&loaded), view);
    // A person goes on.
    edit(&mut doc, 1, |e| {
        e.row_answer(ROW, "l.2", given("2"))?;
        e.row_note(ROW, NoteEdit::Append("!".into()))?;
        e.row_restore(ROW)
    });
    let row = &read(&doc).rows[&id(ROW)];
    assert!(row.is_answered("l.2") && row.note == "lô 1\n!");
    for foreign in ["odd", "notarow"] {
        assert!(read(&doc).rows.contains_key(foreign));
    }
}

/// One thing that somebody does to the rows.
#[derive(Debug, Clone)]
enum Act {
    Add(bool),
    Answer(u8, bool, u8),
    Grade(u8, bool),
    Note(u8, String),
    Remove(u8),
    Restore(u8),
    Loose(String),
    /// Takes in what another wrote.
    Hear(u8),
}

fn acts() -> impl Strategy<Value = Vec<(u8, Act)>> {
    let row = 0..4_u8;
    let text = "[a-zđ\n]{1,6}";
    let act = prop_oneof![
        3 => any::<bool>().prop_map(Act::Add),
        5 => (row.clone(), any::<bool>(), 0..3_u8).prop_map(|(r, first, v)| Act::Answer(r, first, v)),
        1 => (row.clone(), any::<bool>()).prop_map(|(row, first)| Act::Grade(row, first)),
        2 => (row.clone(), text).prop_map(|(row, text)| Act::Note(row, text)),
        1 => row.clone().prop_map(Act::Remove),
        1 => row.prop_map(Act::Restore),
        1 => text.prop_map(Act::Loose),
        2 => (0..3_u8).prop_map(Act::Hear),
    ];
    proptest::collection::vec((0..3_u8, act), 1..40)
}

/// Everything that was typed: answers by row, item and value, and texts.
type Typed = (Vec<([u8; 16], String, String)>, Vec<String>);

/// Lets three phones act; returns them and what they typed.
fn played(acts: &[(u8, Act)]) -> (Vec<Document>, Typed) {
    let mut phones = vec![inspection(), inspection(), inspection()];
    // Rows are random, so a row is known by who made it and its number there.
    let mut made: Vec<[u8; 16]> = Vec::new();
    let mut typed: Typed = Typed::default();
    for (step, (who, act)) in acts.iter().enumerate() {
        if let Act::Hear(from) = act {
            let changes = all_changes(&phones[usize::from(*from)]);
            phones[usize::from(*who)].apply(&changes);
            continue;
        }
        let pick = |row: u8| made.get(usize::from(row) % made.len().max(1)).copied();
        let step = u8::try_from(step).unwrap();
        let phone = &mut phones[usize::from(*who)];
        let groups: Vec<(String, String)> =
            read(phone).rows.iter().map(|(id, row)| (id.clone(), row.group().to_owned())).collect();
        let item = |row: [u8; 16], first: bool| {
            let found = groups.iter().find(|(key, _)| *key == id(row));
            match (found.map(|(_, group)| group.as_str()), first) {
                (Some("products"), _) => "p.1",
                (_, true) => "l.1",
                (_, false) => "l.2",
            }
        };
        let resolved = |input| AnswerInput { resolves: true, ..input };
        let done = phone.edit(actor(who + 1), Timestamp(i64::from(step)), |e| match act {
            Act::Add(lots) => {
                let row = [step.wrapping_add(100); 16];
                e.row_add(row, if *lots { "lots" } else { "products" }, "")?;
                Ok((Some(row), None, None))
            }
            Act::Answer(row, first, value) => {
                let row = pick(*row).unwrap_or([0; 16]);
                let (item, value) = (item(row, *first), format!("{value}{step}"));
                e.row_answer(row, item, resolved(given(&value)))?;
                Ok((None, Some((row, item.to_owned(), value)), None))
            }
            Act::Grade(row, first) => {
                let row = pick(*row).unwrap_or([0; 16]);
                let input = resolved(answer(Grade::NotApplicable));
                e.row_answer(row, item(row, *first), input).map(|()| (None, None, None))
            }
            Act::Note(row, text) => {
                e.row_note(pick(*row).unwrap_or([0; 16]), NoteEdit::Append(text.clone()))?;
                Ok((None, None, Some(text.clone())))
            }
            Act::Remove(row) => {
                e.row_remove(pick(*row).unwrap_or([0; 16])).map(|()| (None, None, None))
            }
            Act::Restore(row) => {
                e.row_restore(pick(*row).unwrap_or([0; 16])).map(|()| (None, None, None))
            }
            Act::Loose(text) => {
                e.loose_note_add([step; 16], "l.1", text)?;
                Ok((None, None, Some(text.clone())))
            }
            Act::Hear(_) => Ok((None, None, None)),
        });
        // What this phone has not heard of yet it cannot write to.
        let Ok(((row, said, text), _)) = done else { continue };
        made.extend(row);
        typed.0.extend(said);
        typed.1.extend(text);
    }
    (phones, typed)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_merge_order_of_rows_gives_one_record_and_loses_nothing(
        acts in acts(),
        seed in any::<u64>(),
    ) {
        let (phones, (answers, texts)) = played(&acts);
        let mut changes: Vec<RawChange> = phones.iter().flat_map(all_changes).collect();
        let mut one = inspection();
        prop_assert!(one.apply(&changes).waiting.is_empty());
        // Another replica hears everything one by one, in an order of its own, until it fits.
        changes.sort_by_cached_key(|change| {
            blake3::hash(&[&seed.to_le_bytes()[..], &change.facts().hash.0].concat()).to_hex()
        });
        let mut other = inspection();
        let mut open = changes;
        while !open.is_empty() {
            let before = open.len();
            open.retain(|change| {
                let done = other.apply(std::slice::from_ref(change));
                done.waiting.contains(&change.facts().hash)
            });
            prop_assert!(open.len() < before, "some change never fits");
        }
        prop_assert_eq!(one.heads(), other.heads());
        prop_assert_eq!(one.view().record().digest(), other.view().record().digest());
        prop_assert_eq!(read(&one), read(&other));
        prop_assert_eq!(one.view().conflicts(), other.view().conflicts());
        prop_assert_eq!(one.summary(), other.summary());
        hostile::expect_walk_as_lookups(&one);
        let loaded = Document::load(&genesis(), &shape(), &one.save()).unwrap();
        prop_assert_eq!(read(&loaded), read(&one));
        for (row, item, value) in answers {
            let said = one.view().row_history(&id(row), &item);
            prop_assert!(said.iter().any(|s| s.value.value.as_deref() == Some(value.as_str())));
        }
        let view = read(&one);
        let all: String = view.rows.values().map(|row| row.note.as_str())
            .chain(view.loose_notes.values().map(|note| note.text.as_str())).collect();
        let length: usize = texts.iter().map(|text| text.chars().count()).sum();
        prop_assert_eq!(all.chars().count(), length);
    }
}

#[test]
fn a_finding_may_be_about_one_row() {
    let mut doc = with_row();
    let about = |row: &str, item: Option<&str>| FindingInput {
        item: item.map(str::to_owned),
        row: Some(row.to_owned()),
        ..finding("nhãn sai")
    };
    let mut wrong = |input: FindingInput| {
        let add = |e: &mut Editor<'_>| e.finding_add([3; 16], input);
        doc.edit(actor(1), Timestamp(1), add).unwrap_err().to_string()
    };
    assert!(wrong(about(&id([9; 16]), Some("l.1"))).contains("there is no row 0909"));
    assert!(wrong(about("lô", Some("l.1"))).contains("there is no row lô"));
    assert!(wrong(about(&id(ROW), Some("p.1"))).contains("no item p.1"));
    assert!(wrong(about(&id(ROW), None)).contains("together with its item"));
    edit(&mut doc, 1, |e| e.finding_add([3; 16], about(&id(ROW), Some("l.1"))));
    let row = |doc: &Document| {
        let found = &read(doc).findings[&id([3; 16])];
        found.row.all().iter().map(|said| said.value.clone()).collect::<Vec<_>>()
    };
    assert_eq!(row(&doc), [Told::Valid(Some(id(ROW)))]);
    // Two point it elsewhere apart: both stand.
    let mut other = doc.clone();
    edit(&mut doc, 1, |e| e.row_add([0xa2; 16], "lots", ""));
    let moved = FindingPatch { row: Some(Some(id([0xa2; 16]))), ..FindingPatch::default() };
    let moved = FindingPatch { item: Some("l.1".to_owned()), ..moved };
    edit(&mut doc, 1, |e| e.finding_update([3; 16], moved));
    let taken = FindingPatch { row: Some(None), ..FindingPatch::default() };
    let taken = edit(&mut other, 2, |e| e.finding_update([3; 16], taken));
    doc.apply(&[taken]);
    assert_eq!(row(&doc).len(), 2);
    // Of another item the row says nothing.
    let item = FindingPatch { item: Some("1.1".to_owned()), ..FindingPatch::default() };
    edit(&mut doc, 1, |e| e.finding_update([3; 16], item));
    assert_eq!(row(&doc), [Told::Valid(None)]);
}
