//! What a record holds beside grades given once: values, and rows of repeat groups.

use std::sync::Arc;

use super::{settings, template};
use crate::checklist::TEA_1;
use crate::checklist::grading::{Answers, Graded, Grader};
use crate::model::{
    Actor, AnswerInput, Document, DocumentId, EditError, Editor, Genesis, Grade, Kind, Origin,
    Timestamp,
};

const LOT: [u8; 16] = [1; 16];
const GONE: [u8; 16] = [2; 16];

fn edit(document: &mut Document, f: impl FnOnce(&mut Editor<'_>) -> Result<(), EditError>) {
    document.edit(Actor([7; 16]), Timestamp(0), f).unwrap();
}

fn given(value: &str) -> AnswerInput {
    AnswerInput {
        grade: Grade::Given,
        value: Some(value.to_owned()),
        evidence: Vec::new(),
        claimed_at: Timestamp(0),
        resolves: false,
    }
}

#[test]
fn rows_of_a_record_are_graded_and_removed_ones_are_not() {
    let template = template(TEA_1);
    let origin =
        Origin::Planned { plan: DocumentId([1; 32]), facility: DocumentId([2; 32]), visit: 1 };
    let genesis = Genesis {
        kind: Kind::Inspection,
        scope: "06325".parse().unwrap(),
        template: Some(template.id()),
        origin,
    };
    let mut document = Document::create(&genesis, &template.shape());
    let graded = |document: &Document| -> Graded {
        let answers = Answers::of_inspection(&document.view().inspection().unwrap());
        Grader::new(Arc::clone(&template), answers, settings()).grade().clone()
    };
    let before = graded(&document).tally;
    edit(&mut document, |e| e.row_add(LOT, "lots", ""));
    edit(&mut document, |e| e.row_add(GONE, "lots", ""));
    edit(&mut document, |e| e.row_remove(GONE));
    let empty = graded(&document);
    assert_eq!(empty.tally.items, before.items + 5);
    assert_eq!(empty.tally.answered, before.answered);
    edit(&mut document, |e| e.row_answer(LOT, "lot-code", given("L-07")));
    edit(&mut document, |e| e.row_answer(LOT, "lot-kg", given("12.5")));
    let filled = graded(&document);
    assert_eq!(filled.tally.answered, before.answered + 2);
    assert!(filled.missing.items.count < empty.missing.items.count, "they must be answered");
    // A value that the item does not take is kept and told, and does not count.
    edit(&mut document, |e| e.row_answer(LOT, "lot-kg", given("nặng")));
    let wrong = graded(&document);
    assert_eq!(wrong.tally.answered, before.answered + 1);
    assert_eq!(wrong.aside.len(), filled.aside.len() + 1);
}
