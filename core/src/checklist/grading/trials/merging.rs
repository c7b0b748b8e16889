//! Records that merge: whatever the order in which changes arrive, one grade and one explanation.

use proptest::prelude::*;

use super::{day, tea};
use crate::checklist::grading::{Answers, Graded, Grader, Node, Outcome, Passing, Settings};
use crate::model::{
    Actor, AnswerInput, Document, DocumentId, EditError, Editor, FindingInput, FindingPatch,
    Genesis, Grade, Kind, Origin, RawChange, Severity, Timestamp,
};

/// 1 June and 1 July 2026 in Vietnam, in milliseconds.
const JUNE: i64 = 1_780_272_000_000;
const JULY: i64 = 1_782_864_000_000;
const ITEMS: [&str; 6] = ["1.1", "1.2", "4.1", "6.1", "6.2", "9.4"];
const ACTORS: u8 = 4;

fn inspection() -> Document {
    let template = tea();
    let origin =
        Origin::Planned { plan: DocumentId([1; 32]), facility: DocumentId([2; 32]), visit: 1 };
    let genesis = Genesis {
        kind: Kind::Inspection,
        scope: "06325".parse().unwrap(),
        template: Some(template.id()),
        origin,
    };
    Document::create(&genesis, &template.shape())
}

fn edit(
    document: &mut Document,
    who: u8,
    f: impl FnOnce(&mut Editor<'_>) -> Result<(), EditError>,
) -> Option<RawChange> {
    // An edit that is refused, such as an answer over a conflict, is none.
    document.edit(Actor([who; 16]), Timestamp(JUNE + i64::from(who)), f).ok()?.1
}

fn answer(grade: Grade) -> AnswerInput {
    AnswerInput {
        grade,
        value: None,
        evidence: Vec::new(),
        claimed_at: Timestamp(JUNE),
        resolves: false,
    }
}

fn finding(item: &str) -> FindingInput {
    FindingInput {
        item: Some(item.to_owned()),
        row: None,
        severity: Severity::Minor,
        text: "chưa ghi sổ".to_owned(),
        clause: None,
        deadline: Some(Timestamp(JULY)),
        unfixable: false,
    }
}

fn explained(document: &Document, as_of: &str) -> (Graded, Node) {
    let answers = Answers::of_inspection(&document.view().inspection().unwrap());
    Grader::new(tea(), answers, Settings::new(day(as_of))).explain()
}

fn passing(document: &Document, as_of: &str) -> Passing {
    match explained(document, as_of).0.outcome {
        Outcome::PassFail(result) => result.result,
        other => panic!("{other:?}"),
    }
}

fn pass_all(document: &mut Document) {
    edit(document, 1, |e| {
        tea().items().iter().try_for_each(|item| e.answer(item, answer(Grade::Pass)))
    });
}

#[test]
fn an_inspection_waits_for_its_findings_and_passes_when_all_are_verified() {
    let mut document = inspection();
    let (before, _) = explained(&document, "2026-06-01");
    assert_eq!((before.is_final, before.missing.items.count), (false, 43));
    assert!(before.result.vi.starts_with("Tạm tính: Chưa có lỗi"), "{:?}", before.result);
    pass_all(&mut document);
    assert_eq!(passing(&document, "2026-06-01"), Passing::Pass);
    for (n, item) in (1..).zip(["6.1", "6.2"]) {
        edit(&mut document, 1, |e| {
            e.answer(item, answer(Grade::Minor))?;
            e.finding_add([n; 16], finding(item))
        });
    }
    assert_eq!(passing(&document, "2026-06-10"), Passing::AwaitingCorrection);
    assert_eq!(passing(&document, "2026-07-02"), Passing::Fail);
    for n in [1, 2] {
        let fixed = FindingPatch { fixed: Some(true), ..Default::default() };
        edit(&mut document, 1, |e| e.finding_update([n; 16], fixed));
    }
    assert_eq!(passing(&document, "2026-07-02"), Passing::PassAfterCorrection);
    edit(&mut document, 1, |e| {
        e.finding_add([3; 16], FindingInput { unfixable: true, ..finding("5.5") })
    });
    assert_eq!(passing(&document, "2026-06-01"), Passing::Fail);
    edit(&mut document, 1, |e| e.finding_delete([3; 16]));
    assert_eq!(passing(&document, "2026-06-01"), Passing::PassAfterCorrection);
}

#[test]
fn of_two_standing_answers_the_worse_counts_until_it_is_resolved() {
    let (mut a, mut b) = (inspection(), inspection());
    pass_all(&mut a);
    let from_b = edit(&mut b, 2, |e| e.answer("4.1", answer(Grade::Serious))).unwrap();
    a.apply(&[from_b]);
    let (graded, _) = explained(&a, "2026-06-01");
    assert_eq!((graded.tally.serious, graded.tally.pass, graded.is_final), (1, 42, false));
    assert_eq!(graded.missing.conflicts.at[0].item, "4.1");
    edit(&mut a, 1, |e| e.resolve("4.1", answer(Grade::Pass)));
    let (graded, _) = explained(&a, "2026-06-01");
    assert_eq!((graded.tally.pass, graded.is_final), (43, true));
    edit(&mut a, 1, |e| e.answer("1.1", answer(Grade::Unanswered)));
    assert_eq!(explained(&a, "2026-06-01").0.missing.items.at[0].item, "1.1");
}

#[test]
fn photos_belong_to_the_item_they_are_attached_to() {
    let mut document = inspection();
    let photo = "ab".repeat(32);
    edit(&mut document, 1, |e| {
        e.answer("1.1", AnswerInput { evidence: vec![photo.clone()], ..answer(Grade::Pass) })?;
        let evidence = |item: &str| crate::model::Evidence {
            media: "image/jpeg".to_owned(),
            bytes: 1,
            item: Some(item.to_owned()),
            ..Default::default()
        };
        // The same photo again, and another one.
        e.evidence_put([0xab; 32], &evidence("1.1"))?;
        e.evidence_put([0xcd; 32], &evidence("1.1"))
    });
    let answers = Answers::of_inspection(&document.view().inspection().unwrap());
    assert_eq!(answers.items["1.1"].photos, 2);
}

#[derive(Debug, Clone)]
enum Step {
    Answer(u8, usize, Grade),
    Resolve(u8, usize, Grade),
    Finding(u8, u8, usize),
    Fix(u8, u8, bool),
    Delete(u8, u8),
    Meet(u8, u8),
}

fn grade() -> impl Strategy<Value = Grade> {
    (0..Grade::ALL.len()).prop_map(|n| Grade::ALL[n])
}

fn step() -> impl Strategy<Value = Step> {
    let (who, item) = (0..ACTORS, 0..ITEMS.len());
    prop_oneof![
        4 => (who.clone(), item.clone(), grade()).prop_map(|(w, i, g)| Step::Answer(w, i, g)),
        1 => (who.clone(), item.clone(), grade()).prop_map(|(w, i, g)| Step::Resolve(w, i, g)),
        1 => (who.clone(), any::<u8>(), item).prop_map(|(w, n, i)| Step::Finding(w, n, i)),
        1 => (who.clone(), any::<u8>(), any::<bool>()).prop_map(|(w, n, f)| Step::Fix(w, n, f)),
        1 => (who.clone(), any::<u8>()).prop_map(|(w, n)| Step::Delete(w, n)),
        1 => (who.clone(), who).prop_map(|(a, b)| Step::Meet(a, b)),
    ]
}

/// Lets several people write apart, with a meeting now and then; returns all changes in the order
/// in which they were made.
fn written(steps: &[Step]) -> Vec<RawChange> {
    let mut devices: Vec<Document> = (0..ACTORS).map(|_| inspection()).collect();
    let mut held: Vec<Vec<RawChange>> = vec![Vec::new(); usize::from(ACTORS)];
    let mut all: Vec<RawChange> = Vec::new();
    let mut findings: Vec<[u8; 16]> = Vec::new();
    for step in steps {
        let (who, change) = match step {
            Step::Answer(who, item, grade) => {
                let edited = edit(&mut devices[usize::from(*who)], *who, |e| {
                    e.answer(ITEMS[*item], answer(*grade))
                });
                (*who, edited)
            }
            Step::Resolve(who, item, grade) => {
                let edited = edit(&mut devices[usize::from(*who)], *who, |e| {
                    e.resolve(ITEMS[*item], answer(*grade))
                });
                (*who, edited)
            }
            Step::Finding(who, n, item) => {
                let mut id = [*n; 16];
                id[0] = *who;
                findings.push(id);
                let edited = edit(&mut devices[usize::from(*who)], *who, |e| {
                    e.finding_add(id, finding(ITEMS[*item]))
                });
                (*who, edited)
            }
            Step::Fix(who, n, fixed) => {
                let Some(id) = findings.get(usize::from(*n) % findings.len().max(1)) else {
                    continue;
                };
                let patch = FindingPatch { fixed: Some(*fixed), ..Default::default() };
                let edited =
                    edit(&mut devices[usize::from(*who)], *who, |e| e.finding_update(*id, patch));
                (*who, edited)
            }
            Step::Delete(who, n) => {
                let Some(id) = findings.get(usize::from(*n) % findings.len().max(1)) else {
                    continue;
                };
                let edited = edit(&mut devices[usize::from(*who)], *who, |e| e.finding_delete(*id));
                (*who, edited)
            }
            Step::Meet(a, b) => {
                let (from, to) = (usize::from(*a), usize::from(*b));
                let changes = held[from].clone();
                devices[to].apply(&changes);
                for change in changes {
                    if !held[to].iter().any(|known| known.facts().hash == change.facts().hash) {
                        held[to].push(change);
                    }
                }
                continue;
            }
        };
        if let Some(change) = change {
            held[usize::from(who)].push(change.clone());
            all.push(change);
        }
    }
    all
}

/// Applies changes in an order, those whose causes are not there yet again later.
fn merged(changes: &[RawChange]) -> Document {
    let mut document = inspection();
    for _ in 0..=changes.len() {
        let applied = document.apply(changes);
        if applied.waiting.is_empty() {
            break;
        }
    }
    document
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_merge_order_gives_one_grade_and_one_explanation(
        (changes, shuffled) in proptest::collection::vec(step(), 1..40).prop_flat_map(|steps| {
            let changes = written(&steps);
            (Just(changes.clone()), Just(changes).prop_shuffle())
        }),
    ) {
        let (a, mut b) = (merged(&changes), inspection());
        // One after another, in the shuffled order, until all have arrived.
        for _ in 0..=shuffled.len() {
            for change in &shuffled {
                b.apply(std::slice::from_ref(change));
            }
        }
        prop_assert_eq!(a.heads(), b.heads());
        for as_of in ["2026-06-10", "2026-07-02"] {
            prop_assert_eq!(explained(&a, as_of), explained(&b, as_of));
        }
    }
}
