use super::*;

const ITEMS: [&str; 3] = ["1.1", "1.2", "2.1"];

fn shape() -> Shape {
    Shape::Inspection {
        template: TemplateId([7; 32]),
        items: ITEMS.iter().map(ToString::to_string).collect(),
    }
}

fn genesis() -> Genesis {
    Genesis {
        kind: Kind::Inspection,
        scope: "06325".parse().unwrap(),
        template: Some(TemplateId([7; 32])),
        origin: Origin::Planned {
            plan: DocumentId([1; 32]),
            facility: DocumentId([2; 32]),
            visit: 1,
        },
    }
}

fn actor(n: u8) -> Actor {
    Actor([n; 16])
}

fn answer(grade: Grade) -> AnswerInput {
    AnswerInput {
        grade,
        value: None,
        evidence: Vec::new(),
        claimed_at: Timestamp(5),
        resolves: false,
    }
}

fn edit(
    doc: &mut Document,
    who: u8,
    f: impl FnOnce(&mut Editor<'_>) -> Result<(), EditError>,
) -> RawChange {
    doc.edit(actor(who), Timestamp(1000 + i64::from(who)), f).unwrap().1.unwrap()
}

#[test]
fn an_answer_is_one_change_and_reads_back_from_saved_bytes() {
    let mut doc = Document::create(&genesis(), &shape());
    edit(&mut doc, 1, |e| e.answer("1.1", answer(Grade::Pass)));
    let read = Document::load(&genesis(), &shape(), &doc.save()).unwrap();
    assert_eq!(read.heads(), doc.heads());
    let view = read.view().inspection().unwrap();
    let AnswerState::One(said) = &view.answers["1.1"] else { panic!("{view:?}") };
    assert_eq!((said.value.grade, said.actor.as_slice()), (Grade::Pass, &[1; 16][..]));
    assert_eq!(said.at, Timestamp(1001));
    assert_eq!(read.tips().len(), 1);
    assert_eq!(read.changes_of(&[1; 16], 1).len(), 1);
}

#[test]
fn two_answers_given_apart_both_stand_until_a_person_resolves_them() {
    let mut a = Document::create(&genesis(), &shape());
    let mut b = Document::create(&genesis(), &shape());
    let from_a = edit(&mut a, 1, |e| e.answer("1.1", answer(Grade::Pass)));
    let from_b = edit(&mut b, 2, |e| e.answer("1.1", answer(Grade::Major)));
    assert_eq!(a.apply(&[from_b]).applied.len(), 1);
    assert_eq!(b.apply(&[from_a]).applied.len(), 1);
    assert_eq!(a.heads(), b.heads());
    assert_eq!(a.view().record(), b.view().record());
    let view = a.view().inspection().unwrap();
    let AnswerState::Conflict(values) = &view.answers["1.1"] else { panic!("{view:?}") };
    assert_eq!(values.len(), 2);
    assert_eq!(a.view().conflicts().len(), 1);
    let refused = a.edit(actor(1), Timestamp(2), |e| e.answer("1.1", answer(Grade::Pass)));
    assert!(matches!(refused, Err(EditError::Conflicted { values: 2, .. })));
    edit(&mut a, 1, |e| e.resolve("1.1", answer(Grade::Major)));
    let view = a.view().inspection().unwrap();
    let AnswerState::One(said) = &view.answers["1.1"] else { panic!("{view:?}") };
    assert_eq!(said.value.resolves.len(), 2);
    assert_eq!(a.view().history("1.1").len(), 3);
    assert!(a.view().conflicts().is_empty());
}

#[test]
fn an_unknown_item_is_named() {
    let mut doc = Document::create(&genesis(), &shape());
    let error =
        doc.edit(actor(1), Timestamp(1), |e| e.answer("9.9", answer(Grade::Pass))).unwrap_err();
    assert_eq!(error.to_string(), "the checklist has no item 9.9; choose one of its items");
    assert_eq!(doc.tips().len(), 0);
}
