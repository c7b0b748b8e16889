//! Documents as a whole: what several devices do to one record.

mod actions;
mod hostile;
mod kinds;
mod lines;
mod merging;
mod records;
mod rows;
mod schemas;
mod since;
mod whole;

use super::*;

const ITEMS: [&str; 3] = ["1.1", "1.2", "2.1"];

fn shape() -> Shape {
    Shape::Inspection {
        template: TemplateId([7; 32]),
        items: ITEMS.iter().map(ToString::to_string).collect(),
        calculated: Vec::new(),
        groups: vec![
            RowGroup { code: "lots".into(), items: vec!["l.1".into(), "l.2".into()] },
            RowGroup { code: "products".into(), items: vec!["p.1".into()] },
        ],
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

fn genesis_of(kind: Kind) -> Genesis {
    let origin = Origin::Device { creator: DeviceId([3; 32]), nonce: [4; 16] };
    Genesis { kind, scope: "06325".parse().unwrap(), template: None, origin }
}

fn inspection() -> Document {
    Document::create(&genesis(), &shape())
}

/// Device 1 writes as 1 and 9, device 2 as 2 and 8.
fn owners() -> Owners {
    [(1, 1), (9, 1), (2, 2), (8, 2)].map(|(name, of)| (actor(name), DeviceId([of; 32]))).into()
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

fn given(value: &str) -> AnswerInput {
    AnswerInput { value: Some(value.to_owned()), ..answer(Grade::Given) }
}

fn finding(text: &str) -> FindingInput {
    FindingInput {
        item: Some("1.1".to_owned()),
        row: None,
        severity: Severity::Minor,
        text: text.to_owned(),
        clause: None,
        deadline: None,
        unfixable: false,
    }
}

/// Makes one change at a time that tells its writer.
fn edit(
    doc: &mut Document,
    who: u8,
    f: impl FnOnce(&mut Editor<'_>) -> Result<(), EditError>,
) -> RawChange {
    doc.edit(actor(who), Timestamp(1000 + i64::from(who)), f).unwrap().1.unwrap()
}

fn read(doc: &Document) -> InspectionView {
    doc.view().inspection().unwrap()
}

/// Every change but the first, in an order that respects cause.
fn all_changes(doc: &Document) -> Vec<RawChange> {
    let hashes: Vec<ChangeHash> = doc.view().past().iter().map(|past| past.change).collect();
    let changes = doc.changes(&hashes);
    changes.iter().map(|c| RawChange::inspect(c.raw_bytes().to_vec()).unwrap()).collect()
}
