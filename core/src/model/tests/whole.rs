//! Texts replaced as a whole: apart from another replacement, or from an edit, both stand.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::model::view::read_string;

fn replace(text: &str) -> NoteEdit {
    NoteEdit::Replace(text.into())
}

fn append(text: &str) -> NoteEdit {
    NoteEdit::Append(text.into())
}

fn disputed(doc: &Document) -> Vec<(String, Vec<(String, u8)>)> {
    let conflicts = doc.view().conflicts().into_iter();
    conflicts
        .map(|open| {
            let values = open.values.iter();
            let values = values.map(|said| (read_string(&said.value), said.actor[0]));
            (place_name(&open.place), values.collect())
        })
        .collect()
}

fn texts(doc: &Document) -> BTreeSet<String> {
    let found = disputed(doc).into_iter().flat_map(|(_, values)| values);
    found.map(|(text, _)| text).collect()
}

#[test]
fn two_conclusions_replaced_apart_both_stand_with_their_authors_until_one_is_chosen() {
    let mut a = inspection();
    edit(&mut a, 1, |e| e.opinion("conclusion", append("Đạt.\n")));
    let mut b = a.clone();
    let from_a = edit(&mut a, 1, |e| e.opinion("conclusion", replace("Không đạt.")));
    let from_b = edit(&mut b, 2, |e| e.opinion("conclusion", replace("Đạt có điều kiện.")));
    a.apply(std::slice::from_ref(&from_b));
    b.apply(&[from_a]);
    assert_eq!(a.view().record(), b.view().record());
    let both = vec![("Không đạt.".to_owned(), 1), ("Đạt có điều kiện.".to_owned(), 2)];
    assert_eq!(disputed(&a), [("texts/conclusion".to_owned(), both)]);
    assert_eq!(a.summary().conflicts, 1);
    // Whoever reads the text sees both, and nobody writes over them.
    assert_eq!(read(&a).conclusion, "Không đạt.\nĐạt có điều kiện.");
    for again in [append("thêm"), replace("khác")] {
        let refused = a.edit(actor(1), Timestamp(9), |e| e.opinion("conclusion", again));
        assert!(matches!(refused, Err(EditError::Contested { values: 2, .. })), "{refused:?}");
    }
    let place = a.view().conflicts()[0].place.clone();
    edit(&mut a, 1, |e| e.choose(&place, from_b.facts().hash));
    assert!(disputed(&a).is_empty());
    assert_eq!(read(&a).conclusion, "Đạt có điều kiện.");
    assert!(matches!(a.view().contest(&place), Contest::Settled(_)));
    let told: Vec<(String, u8)> = a
        .view()
        .history_of(&place)
        .iter()
        .map(|said| (read_string(&said.value), said.actor[0]))
        .collect();
    let expected =
        [("Đạt.\n", 1), ("Không đạt.", 1), ("Đạt có điều kiện.", 2), ("Đạt có điều kiện.", 1)];
    assert_eq!(told, expected.map(|(text, who)| (text.to_owned(), who)), "nothing is forgotten");
    // From here on it is one text again, which two type into at once.
    b.apply(&all_changes(&a));
    let from_b = edit(&mut b, 2, |e| e.opinion("conclusion", append(" Hai.")));
    edit(&mut a, 1, |e| e.opinion("conclusion", append(" Một.")));
    a.apply(&[from_b]);
    assert!(disputed(&a).is_empty());
    let merged = read(&a).conclusion;
    assert!(merged.contains("Một.") && merged.contains("Hai."), "{merged}");
}

/// Each replacement is looked at once, and of thousands not all: no device makes reading slow by them.
#[test]
fn a_text_that_was_replaced_very_often_reads_as_it_stands() {
    let mut doc = inspection();
    for number in 0..20 {
        edit(&mut doc, 1, |e| e.opinion("conclusion", replace(&format!("lần {number}"))));
    }
    let mut apart = doc.clone();
    let added = edit(&mut apart, 2, |e| e.opinion("conclusion", append("thêm")));
    for number in 20..300 {
        edit(&mut doc, 1, |e| e.opinion("conclusion", replace(&format!("lần {number}"))));
    }
    assert_eq!((read(&doc).conclusion.as_str(), disputed(&doc)), ("lần 299", Vec::new()));
    let mut other = inspection();
    let all: Vec<_> = doc.view().past().iter().map(|past| past.change).collect();
    let raw = |change: &automerge::Change| RawChange::inspect(change.raw_bytes().to_vec()).unwrap();
    let mut all: Vec<RawChange> = doc.changes(&all).iter().map(raw).collect();
    all.push(added.clone());
    all.reverse();
    assert_eq!(other.apply(&all).applied.len(), all.len());
    doc.apply(&[added]);
    assert_eq!(other.view().record(), doc.view().record(), "whatever the order of arrival");
    assert!(read(&doc).conclusion.contains("lần 299"));
}

/// However often a text was replaced, two that replace it apart both stand: a hidden one could be signed
/// over, and people who only got it would never know.
#[test]
fn two_replacements_apart_both_stand_however_often_the_text_was_replaced() {
    let mut a = inspection();
    for number in 0..280 {
        edit(&mut a, 1, |e| e.opinion("conclusion", replace(&format!("lần {number}"))));
    }
    let mut b = a.clone();
    // Apart, and each again some dozen times.
    let mut from_b = Vec::new();
    for number in 0..30 {
        edit(&mut a, 1, |e| e.opinion("conclusion", replace(&format!("đạt {number}"))));
        let text = format!("không đạt {number}");
        from_b.push(edit(&mut b, 2, |e| e.opinion("conclusion", replace(&text))));
    }
    a.apply(&from_b);
    b.apply(&all_changes(&a));
    assert_eq!(a.view().record(), b.view().record());
    let expected = ["đạt 29", "không đạt 29"].map(str::to_owned);
    assert_eq!(texts(&a), BTreeSet::from(expected));
    let place = a.view().conflicts()[0].place.clone();
    edit(&mut a, 1, |e| e.choose(&place, from_b[29].facts().hash));
    assert!(disputed(&a).is_empty());
    let told = a.view().history_of(&place);
    let told: BTreeSet<String> = told.iter().map(|said| read_string(&said.value)).collect();
    assert!(told.contains("đạt 29") && told.contains("không đạt 29"), "{told:?}");
    // What one added without sight of the last dozen replacements is not lost among so many either.
    let mut c = a.clone();
    let added = edit(&mut c, 3, |e| e.opinion("conclusion", append(" thêm")));
    for number in 0..12 {
        edit(&mut a, 1, |e| e.opinion("conclusion", replace(&format!("cuối {number}"))));
    }
    a.apply(&[added]);
    let expected = ["cuối 11", "không đạt 29 thêm"].map(str::to_owned);
    assert_eq!(texts(&a), BTreeSet::from(expected));
}

#[test]
fn of_three_hundred_writers_who_replaced_a_text_apart_nobody_is_hidden() {
    let born = inspection();
    let change = |n: u16| {
        let mut name = [7; 16];
        name[..2].copy_from_slice(&n.to_be_bytes());
        let text = format!("lời {n}");
        let put = |e: &mut Editor<'_>| e.opinion("conclusion", replace(&text));
        born.clone().edit(Actor(name), Timestamp(1), put).unwrap().1.unwrap()
    };
    let mut changes: Vec<RawChange> = (0..300).map(change).collect();
    let (mut a, mut b) = (born.clone(), born.clone());
    a.apply(&changes);
    changes.reverse();
    changes.iter().for_each(|change| drop(b.apply(std::slice::from_ref(change))));
    assert_eq!(texts(&a).len(), 300);
    assert_eq!(disputed(&a), disputed(&b), "whatever the order of arrival");
    assert_eq!(a.view().record(), b.view().record());
}

/// One writer's texts do not stand beside one another, whatever a change says of what it replaces: by
/// thousands of them nobody's memory grows with their square, and nobody else's text is hidden.
#[test]
fn of_texts_that_one_writer_lets_stand_the_last_is_told() {
    let mut a = inspection();
    let mut doc = a.clone();
    let theirs = edit(&mut doc, 2, |e| e.opinion("conclusion", replace("của người khác")));
    let first = edit(&mut a, 1, |e| e.opinion("conclusion", replace("một")));
    let second = edit(&mut a.clone(), 1, |e| e.opinion("conclusion", replace("hai")));
    let change = automerge::Change::from_bytes(second.bytes().to_vec()).unwrap();
    let mut forged = change.decode();
    for op in &mut forged.operations {
        op.pred = Vec::new().into();
    }
    forged.hash = None;
    let forged = automerge::Change::from(forged).raw_bytes().to_vec();
    assert_eq!(a.apply(&[RawChange::inspect(forged).unwrap()]).applied.len(), 1);
    assert_ne!(first.bytes(), second.bytes());
    assert_eq!((read(&a).conclusion.as_str(), disputed(&a)), ("hai", Vec::new()));
    a.apply(&[theirs]);
    assert_eq!(texts(&a), BTreeSet::from(["hai", "của người khác"].map(str::to_owned)));
}

#[test]
fn a_line_added_apart_from_a_replacement_is_not_lost_and_not_glued_to_it() {
    for note in [true, false] {
        let write = |e: &mut Editor<'_>, edit: NoteEdit| match note {
            true => e.note("1.1", edit),
            false => e.opinion("other_opinions", edit),
        };
        let mut a = inspection();
        edit(&mut a, 1, |e| write(e, append("gõ trước\n")));
        let mut b = a.clone();
        edit(&mut a, 1, |e| write(e, replace("thay cả")));
        let added = edit(&mut b, 2, |e| write(e, append("gõ thêm\n")));
        a.apply(std::slice::from_ref(&added));
        b.apply(&all_changes(&a));
        assert_eq!(a.view().record(), b.view().record());
        let open = disputed(&a);
        assert_eq!(open.len(), 1);
        let values: Vec<(&str, u8)> = open[0].1.iter().map(|(t, who)| (t.as_str(), *who)).collect();
        assert_eq!(values, [("gõ trước\ngõ thêm\n", 2), ("thay cả", 1)]);
        let place = a.view().conflicts()[0].place.clone();
        edit(&mut a, 1, |e| e.choose(&place, added.facts().hash));
        assert!(disputed(&a).is_empty());
        assert_eq!(a.view().history_of(&place).len(), 4);
    }
}

#[test]
fn the_same_text_written_by_two_is_no_conflict_and_can_be_typed_into() {
    let (mut a, mut b) = (inspection(), inspection());
    edit(&mut a, 1, |e| e.note("1.1", replace("nền nứt")));
    let from_b = edit(&mut b, 2, |e| e.note("1.1", replace("nền nứt")));
    a.apply(&[from_b]);
    assert!(disputed(&a).is_empty());
    assert_eq!(read(&a).notes["1.1"], "nền nứt");
    edit(&mut a, 1, |e| e.note("1.1", append("; trần mốc")));
    assert_eq!(read(&a).notes["1.1"], "nền nứt; trần mốc");
    assert!(disputed(&a).is_empty());
}

#[test]
fn a_row_s_note_replaced_apart_is_a_conflict_of_the_row() {
    let mut a = inspection();
    edit(&mut a, 1, |e| e.row_add([5; 16], "lots", "lô 1"));
    let mut b = a.clone();
    edit(&mut a, 1, |e| e.row_note([5; 16], replace("lô một")));
    let from_b = edit(&mut b, 2, |e| e.row_note([5; 16], replace("lô I")));
    a.apply(&[from_b]);
    assert_eq!(disputed(&a)[0].0, "rows/05050505/note");
    let place = a.view().conflicts()[0].place.clone();
    let change = a.view().conflicts()[0].values[0].change;
    edit(&mut a, 1, |e| e.choose(&place, change));
    assert!(disputed(&a).is_empty());
}

#[test]
fn what_was_replaced_after_signing_is_told() {
    let mut a = inspection();
    edit(&mut a, 1, |e| e.opinion("conclusion", append("Đạt.")));
    edit(&mut a, 1, |e| e.note("1.2", append("ẩm")));
    let heads = a.heads();
    edit(&mut a, 2, |e| e.opinion("conclusion", replace("Không đạt.")));
    edit(&mut a, 2, |e| e.note("1.2", replace("khô")));
    let touched = a.touched_since(&heads).unwrap();
    let places: Vec<String> = touched.iter().map(|one| place_name(&one.place)).collect();
    assert_eq!(places, ["notes/1.2", "texts/conclusion"]);
}

#[derive(Debug, Clone)]
enum Doing {
    Append(usize),
    Replace(usize),
    Take(usize, usize),
}

fn doing() -> impl Strategy<Value = Doing> {
    prop_oneof![
        (0..3_usize).prop_map(Doing::Append),
        (0..3_usize).prop_map(Doing::Replace),
        (0..3_usize, 0..3_usize).prop_map(|(to, from)| Doing::Take(to, from)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever three phones do to one text: every word that nobody replaced who had seen it is in a
    /// text that stands, texts that differ are a conflict, and every replica reads the same.
    #[test]
    fn no_word_is_lost_that_nobody_saw(deeds in prop::collection::vec(doing(), 1..20)) {
        let mut phones = [inspection(), inspection(), inspection()];
        // Each word with its change, and each replacement.
        let (mut words, mut replaced) = (Vec::new(), Vec::new());
        for (turn, doing) in deeds.iter().enumerate() {
            let word = format!("<{turn}>");
            let (phone, text) = match doing {
                Doing::Append(phone) => (*phone, append(&word)),
                Doing::Replace(phone) => (*phone, replace(&word)),
                Doing::Take(to, from) => {
                    let changes = all_changes(&phones[*from]);
                    phones[*to].apply(&changes);
                    continue;
                }
            };
            let who = actor(u8::try_from(phone).unwrap() + 1);
            let done = phones[phone].edit(who, Timestamp(1), |e| e.opinion("conclusion", text));
            match done {
                Ok((_, change)) => {
                    let change = change.unwrap().facts().hash;
                    if matches!(doing, Doing::Replace(_)) {
                        replaced.push(change);
                    }
                    words.push((word, change));
                }
                Err(error) => prop_assert!(matches!(error, EditError::Contested { .. }), "{error}"),
            }
        }
        let changes: Vec<RawChange> = phones.iter().flat_map(all_changes).collect();
        let (mut merged, mut other) = (inspection(), inspection());
        merged.apply(&changes);
        for change in changes.iter().rev().chain(&changes).chain(&changes) {
            other.apply(std::slice::from_ref(change));
        }
        let backwards: Vec<RawChange> = changes.iter().rev().cloned().collect();
        other.apply(&backwards);
        prop_assert_eq!(merged.heads(), other.heads());
        prop_assert_eq!(merged.view().record(), other.view().record());
        prop_assert_eq!(merged.view().conflicts(), other.view().conflicts());
        hostile::expect_walk_as_lookups(&merged);
        let all = read(&merged).conclusion;
        for (word, change) in &words {
            let over = replaced.iter().any(|by| merged.seen_by(&[*by]).contains(change));
            prop_assert!(over || all.contains(word.as_str()), "{word} is gone from {all}");
        }
        // Two replacements of which neither saw the other are never one text.
        let apart: Vec<&(String, ChangeHash)> = words
            .iter()
            .filter(|(_, change)| {
                replaced.contains(change)
                    && !replaced.iter().any(|by| merged.seen_by(&[*by]).contains(change))
            })
            .collect();
        if apart.len() > 1 {
            prop_assert_eq!(texts(&merged).len().max(2), texts(&merged).len());
        }
        for open in merged.view().conflicts() {
            for said in &open.values {
                let mut settled = merged.clone();
                edit(&mut settled, 9, |e| e.choose(&open.place, said.change));
                prop_assert!(settled.view().conflicts().is_empty());
                prop_assert_eq!(read(&settled).conclusion, read_string(&said.value));
            }
        }
    }
}
