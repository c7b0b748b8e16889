//! What was written to since some heads, and settling what was written apart.

use super::*;

fn names(touched: &[Touched]) -> Vec<String> {
    touched
        .iter()
        .map(|one| {
            let Place { container, key, field } = &one.place;
            let key: String = key.chars().take(12).collect();
            let field = field.as_ref().map(|field| format!("/{field}")).unwrap_or_default();
            format!("{container}/{key}{field}")
        })
        .collect()
}

fn step(day: &str) -> Step {
    Step { day: day.into(), reason: String::new(), ..Step::default() }
}

#[test]
fn everything_that_was_written_since_is_named_once_with_its_authors() {
    let mut doc = inspection();
    edit(&mut doc, 1, |e| e.answer("1.1", answer(Grade::Pass)));
    edit(&mut doc, 1, |e| e.finding_add([1; 16], finding("Nền nứt")));
    edit(&mut doc, 1, |e| e.row_add([0xa1; 16], "lots", ""));
    let then = doc.content_heads();
    assert_eq!(doc.touched_since(&then).unwrap(), []);
    edit(&mut doc, 1, |e| e.answer("1.1", answer(Grade::Major)));
    edit(&mut doc, 2, |e| e.answer("1.1", answer(Grade::Minor)));
    edit(&mut doc, 2, |e| e.set_header("place", "Bắc Sơn"));
    edit(&mut doc, 2, |e| e.note("1.2", NoteEdit::Append("mới".into())));
    edit(&mut doc, 3, |e| e.opinion("conclusion", NoteEdit::Append("Đạt".into())));
    edit(&mut doc, 3, |e| {
        let text = Some(NoteEdit::Append(" to".into()));
        e.finding_update([1; 16], FindingPatch { text, ..FindingPatch::default() })
    });
    edit(&mut doc, 3, |e| e.row_answer([0xa1; 16], "l.1", given("12")));
    edit(&mut doc, 3, |e| e.row_note([0xa1; 16], NoteEdit::Append("x".into())));
    edit(&mut doc, 3, |e| e.row_add([0xa2; 16], "lots", "lô 2"));
    let touched = doc.touched_since(&then).unwrap();
    let found = names(&touched);
    for wanted in [
        "answers/1.1",
        "header/place",
        "notes/1.2",
        "texts/conclusion",
        "findings/010101010101/text",
        "rows/a1a1a1a1a1a1",
        "rows/a1a1a1a1a1a1/note",
        "rows/a2a2a2a2a2a2",
    ] {
        assert_eq!(found.iter().filter(|name| *name == wanted).count(), 1, "{wanted}: {found:?}");
    }
    let answers = touched.iter().find(|one| one.place.container == "answers").unwrap();
    let authors: Vec<u8> = answers.by.iter().map(|said| said.actor[0]).collect();
    assert_eq!(authors, [1, 2], "in the order of writing");
    assert!(touched.iter().any(|one| one.place.row_item().is_some_and(|(_, item)| item == "l.1")));
}

#[test]
fn steps_of_the_life_cycle_change_no_content_and_what_comes_between_them_does() {
    let mut doc = inspection();
    edit(&mut doc, 1, |e| e.answer("1.1", answer(Grade::Pass)));
    let then = doc.content_heads();
    assert_eq!(then, doc.heads());
    edit(&mut doc, 1, |e| e.move_to(LifeCycle::Decided, &step("2026-11-01")));
    edit(&mut doc, 2, |e| e.extend("lũ", "2026-11-04"));
    assert_eq!(doc.content_heads(), then);
    assert_eq!(doc.touched_since(&then).unwrap(), []);
    assert_eq!(doc.summary().content_digest, {
        let mut before = inspection();
        edit(&mut before, 1, |e| e.answer("1.1", answer(Grade::Pass)));
        before.summary().content_digest
    });
    edit(&mut doc, 2, |e| e.answer("1.2", answer(Grade::Pass)));
    edit(&mut doc, 2, |e| e.move_to(LifeCycle::PlanApproved, &step("2026-11-02")));
    assert_ne!(doc.content_heads(), then);
    assert_eq!(names(&doc.touched_since(&then).unwrap()), ["answers/1.2"]);
    assert_eq!(doc.touched_since(&[ChangeHash([9; 32])]), None, "nobody can tell");
}

#[test]
fn what_comes_after_the_minutes_or_without_sight_of_them_is_counted() {
    let mut doc = inspection();
    for (state, day) in [(LifeCycle::Decided, "2026-11-01"), (LifeCycle::InField, "2026-11-02")] {
        edit(&mut doc, 1, |e| e.move_to(state, &step(day)));
    }
    edit(&mut doc, 1, |e| e.answer("1.1", answer(Grade::Pass)));
    assert_eq!((doc.summary().since_signed, doc.view().inspection().unwrap().signing()), (0, None));
    let mut apart = doc.clone();
    edit(&mut doc, 1, |e| e.move_to(LifeCycle::MinutesSigned, &step("2026-11-03")));
    edit(&mut doc, 1, |e| e.move_to(LifeCycle::Reported, &step("2026-11-04")));
    assert_eq!(doc.summary().since_signed, 0);
    let late = edit(&mut apart, 2, |e| e.answer("1.2", answer(Grade::Major)));
    doc.apply(&[late]);
    edit(&mut doc, 1, |e| e.set_header("place", "Bắc Sơn"));
    assert_eq!(doc.summary().since_signed, 2);
    let signing = doc.view().inspection().unwrap().signing().unwrap();
    assert_eq!(names(&doc.touched_since(&[signing]).unwrap()), ["answers/1.2", "header/place"]);
}

#[test]
fn a_verdict_says_what_it_was_given_over_and_one_of_an_earlier_program_does_not() {
    let mut doc = kinds::review();
    assert_eq!(doc.view().judged(|_| true).unwrap().over, None);
    let heads = [ChangeHash([7; 32]), ChangeHash([2; 32])];
    edit(&mut doc, 1, |e| e.decide_over(Verdict::Accepted, "", &heads));
    let judged = doc.view().judged(|_| true).unwrap();
    assert_eq!(judged.over, Some(vec![heads[1], heads[0]]));
    assert!(doc.summary().over_digest.is_some());
    // Nobody who may not decide says what a verdict was given over.
    edit(&mut doc, 2, |e| e.decide_over(Verdict::Accepted, "", &[ChangeHash([1; 32])]));
    let judged = doc.view().judged(|actor| actor[0] == 1).unwrap();
    assert_eq!(judged.over, Some(vec![heads[1], heads[0]]));
}

fn place(container: &str, key: &str, field: Option<&str>) -> Place {
    let (container, key) = (container.to_owned(), key.to_owned());
    Place { container, key, field: field.map(str::to_owned) }
}

/// Two phones that wrote apart to every kind of register.
fn apart() -> Document {
    let mut one = inspection();
    edit(&mut one, 1, |e| e.finding_add([1; 16], finding("Nền nứt")));
    edit(&mut one, 1, |e| e.row_add([0xa1; 16], "lots", ""));
    edit(&mut one, 1, |e| e.move_to(LifeCycle::Decided, &step("2026-11-01")));
    let mut other = one.clone();
    for (doc, who, grade, value, severity, day) in [
        (&mut one, 1, Grade::Pass, "1", Severity::Major, "2026-11-02"),
        (&mut other, 2, Grade::Major, "2", Severity::Serious, "2026-11-03"),
    ] {
        edit(doc, who, |e| e.answer("1.1", answer(grade)));
        edit(doc, who, |e| e.row_answer([0xa1; 16], "l.1", given(value)));
        edit(doc, who, |e| e.set_header("place", value));
        let severity = Some(severity);
        edit(doc, who, |e| {
            e.finding_update([1; 16], FindingPatch { severity, ..FindingPatch::default() })
        });
        let to = if who == 1 { LifeCycle::PlanApproved } else { LifeCycle::Stopped };
        edit(doc, who, |e| e.move_to(to, &step(day)));
    }
    one.apply(&all_changes(&other));
    one
}

#[test]
fn every_register_in_which_two_wrote_apart_is_settled_by_choosing_one_value() {
    let doc = apart();
    let conflicts = doc.view().conflicts();
    let places: Vec<String> = conflicts.iter().map(|c| c.place.container.clone()).collect();
    for wanted in ["answers", "rows", "header", "findings", "lifecycle"] {
        assert!(places.iter().any(|name| name == wanted), "{wanted}: {places:?}");
    }
    for conflict in conflicts {
        for chosen in &conflict.values {
            let mut doc = doc.clone();
            let count = doc.view().conflicts().len();
            edit(&mut doc, 3, |e| e.choose(&conflict.place, chosen.change));
            assert_eq!(doc.view().conflicts().len(), count - 1, "{:?}", conflict.place);
            let Contest::Settled(standing) = doc.view().contest(&conflict.place) else {
                panic!("{:?} is not settled", conflict.place)
            };
            let view = doc.view();
            assert!(view.says_same(&conflict.place, &standing[0].value, &chosen.value));
            // Everything that was said stays.
            let said = view.history_of(&conflict.place);
            assert!(conflict.values.iter().all(|v| said.iter().any(|s| s.change == v.change)));
        }
    }
}

#[test]
fn nothing_is_settled_where_nobody_wrote_apart() {
    let mut doc = inspection();
    let header = place("header", "place", None);
    assert_eq!(doc.view().contest(&header), Contest::Never);
    edit(&mut doc, 1, |e| e.set_header("place", "x"));
    edit(&mut doc, 1, |e| e.set_header("place", "y"));
    assert_eq!(doc.view().contest(&header), Contest::Never);
    // Nor where both said the same.
    let mut other = inspection();
    edit(&mut other, 2, |e| e.set_header("place", "y"));
    doc.apply(&all_changes(&other));
    assert_eq!(doc.view().contest(&header), Contest::Never);
    let wrong = doc.edit(actor(3), Timestamp(9), |e| e.choose(&header, ChangeHash([1; 32])));
    assert!(matches!(wrong, Err(EditError::UnknownRow { what: "change", .. })));
}

#[test]
fn a_contested_field_of_the_header_is_not_overwritten_by_accident() {
    let mut doc = apart();
    let wrong = doc.edit(actor(3), Timestamp(9), |e| e.set_header("place", "3"));
    assert!(matches!(wrong, Err(EditError::ContestedField { values: 2, .. })), "{wrong:?}");
    edit(&mut doc, 3, |e| e.resolve_header("place", "3"));
    assert_eq!(doc.view().inspection().unwrap().header["place"].all().len(), 1);
}

#[test]
fn a_day_set_right_after_signing_hides_nothing_that_was_written_since() {
    let mut doc = inspection();
    for (at, state) in [LifeCycle::Decided, LifeCycle::InField].into_iter().enumerate() {
        edit(&mut doc, 1, |e| e.move_to(state, &step(&format!("2026-11-0{}", at + 1))));
    }
    let signed = edit(&mut doc, 1, |e| e.move_to(LifeCycle::MinutesSigned, &step("2026-11-20")))
        .facts()
        .hash;
    edit(&mut doc, 2, |e| e.answer("1.1", answer(Grade::Major)));
    for day in ["2026-11-19", "2026-11-18"] {
        edit(&mut doc, 1, |e| e.correct_step(LifeCycle::MinutesSigned, &step(day)));
    }
    let read = doc.view().inspection().unwrap();
    assert_eq!(read.step(LifeCycle::MinutesSigned)[0].day, "2026-11-18");
    assert_eq!(read.signing(), Some(signed));
    assert_eq!(doc.summary().since_signed, 1);
    let place = Place { container: "lifecycle".into(), key: "minutes_signed".into(), field: None };
    assert_eq!(doc.view().history_of(&place).len(), 3, "the earlier days are kept");
    let other = doc
        .edit(actor(1), Timestamp(9), |e| e.correct_step(LifeCycle::InField, &step("2026-11-03")));
    assert!(matches!(other, Err(EditError::UnknownRow { .. })), "{other:?}");
}

/// Moves an inspection to the field, one day a step.
fn in_field() -> Document {
    let mut doc = inspection();
    for (at, state) in [LifeCycle::Decided, LifeCycle::InField].into_iter().enumerate() {
        edit(&mut doc, 1, |e| e.move_to(state, &step(&format!("2026-11-0{}", at + 1))));
    }
    doc
}

/// Applies a line of changes as it is made anew where another line holds its numbers.
fn made_anew(stays: &mut Document, line: &[RawChange]) -> Vec<ChangeHash> {
    edit(stays, 1, |e| e.set_header("place", "Bắc Sơn"));
    let owners = [1, 9].into_iter().map(|n| (actor(n), DeviceId([7; 32]))).collect();
    let made = stays.reauthor(line, &[], actor(9), &owners).unwrap().changes;
    assert_eq!(stays.apply(&made).applied.len(), line.len());
    made.iter().map(|change| change.facts().hash).collect()
}

#[test]
fn a_day_set_right_on_a_line_that_was_made_anew_hides_nothing_either() {
    let mut stays = in_field();
    let mut clone = stays.clone();
    let line = [
        edit(&mut clone, 1, |e| e.move_to(LifeCycle::MinutesSigned, &step("2026-11-20"))),
        edit(&mut clone, 1, |e| e.answer("1.1", answer(Grade::Major))),
        edit(&mut clone, 1, |e| e.correct_step(LifeCycle::MinutesSigned, &step("2026-11-19"))),
    ];
    let made = made_anew(&mut stays, &line);
    let read = stays.view().inspection().unwrap();
    assert_eq!(read.step(LifeCycle::MinutesSigned)[0].day, "2026-11-19");
    assert_eq!(read.signing(), Some(made[0]), "what was written after it counts as written since");
}

#[test]
fn the_end_of_a_suspension_on_a_line_that_was_made_anew_can_be_set_right_again() {
    let mut stays = in_field();
    edit(&mut stays, 1, |e| e.move_to(LifeCycle::Suspended, &step("2026-11-05")));
    let mut clone = stays.clone();
    let line = [
        edit(&mut clone, 1, |e| e.move_to(LifeCycle::InField, &step("2026-11-08"))),
        edit(&mut clone, 1, |e| e.correct_step(LifeCycle::InField, &step("2026-11-07"))),
    ];
    made_anew(&mut stays, &line);
    edit(&mut stays, 9, |e| e.correct_step(LifeCycle::InField, &step("2026-11-06")));
    let read = stays.view().inspection().unwrap();
    assert_eq!(read.step(LifeCycle::InField)[0].day, "2026-11-02", "the first day stays");
    let pauses: Vec<&str> = read.pauses.iter().map(|pause| pause.until.as_str()).collect();
    assert_eq!(pauses, ["2026-11-06"]);
}

#[test]
fn of_two_signings_apart_the_earlier_counts_although_its_day_was_set_right_later() {
    let mut a = in_field();
    let mut b = a.clone();
    let sign = |doc: &mut Document, who: u8, at: i64, day: &str| {
        let sign = |e: &mut Editor<'_>| e.move_to(LifeCycle::MinutesSigned, &step(day));
        doc.edit(actor(who), Timestamp(at), sign).unwrap().1.unwrap()
    };
    let first = sign(&mut a, 1, 10_000, "2026-11-20").facts().hash;
    let later = sign(&mut b, 2, 11_000, "2026-11-21");
    let right = |e: &mut Editor<'_>| e.correct_step(LifeCycle::MinutesSigned, &step("2026-11-19"));
    a.edit(actor(1), Timestamp(12_000), right).unwrap();
    a.apply(&[later]);
    assert_eq!(a.view().inspection().unwrap().signing(), Some(first));
}
