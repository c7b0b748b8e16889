//! Row 17 of the scorecard: whatever is written after a seal or without sight of it, merged in any order,
//! leaves the sealed record as it was on every replica, and is listed as late.

use std::collections::BTreeSet;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

use super::*;
use crate::model::{
    ChangeHash, EditError, Editor, FindingInput, FindingPatch, LifeCycle, NoteEdit, RawChange,
    RowGroup, Severity, Step,
};

/// Late changes of one run: the scorecard's figure for CI; `BIENBAN_LATE` asks for more.
const LATE: usize = 1_000;

/// Orders in which all of them are merged anew.
const ORDERS: usize = 3;

/// Changes merged at once.
const BATCH: usize = 211;

/// The writers; the last two had not seen the seal's last edits.
const WRITERS: u8 = 5;

fn born() -> Document {
    let shape = Shape::Inspection {
        template: TemplateId([7; 32]),
        items: ["1.1", "1.2", "2.1", "2.2"].map(str::to_owned).into(),
        calculated: Vec::new(),
        groups: vec![RowGroup { code: "lots".to_owned(), items: vec!["l.1".to_owned()] }],
    };
    Document::create(&genesis(), &shape)
}

fn given(rng: &mut StdRng) -> AnswerInput {
    let grades = [Grade::Pass, Grade::Minor, Grade::Major, Grade::Serious, Grade::Unanswered];
    AnswerInput {
        grade: grades[rng.random_range(0..grades.len())],
        value: Some(format!("late {}", rng.random::<u16>())),
        evidence: Vec::new(),
        claimed_at: Timestamp(9),
        // Whoever was to settle a conflict may do so late as well.
        resolves: true,
    }
}

/// The kind of edit that is a step of the inspection's course.
const STEP: u8 = 12;

/// One edit of a kind. What cannot be done at the moment is not done.
fn edit(editor: &mut Editor<'_>, kind: u8, rng: &mut StdRng) -> Result<(), EditError> {
    let item = ["1.1", "1.2", "2.1", "2.2"][rng.random_range(0..4)];
    let id = [rng.random_range(0..12); 16];
    match kind {
        0..4 => editor.resolve(item, given(rng)),
        4 => editor.note(item, NoteEdit::Append(format!("{}\n", rng.random::<u32>()))),
        5 => editor.finding_add(
            rng.random(),
            FindingInput {
                item: Some(item.to_owned()),
                row: None,
                severity: Severity::Major,
                text: "Muộn".to_owned(),
                clause: None,
                deadline: None,
                unfixable: false,
            },
        ),
        6 => editor.finding_update(
            [1; 16],
            FindingPatch { severity: Some(Severity::Minor), ..FindingPatch::default() },
        ),
        7 => editor.finding_strike([1; 16], "không đúng"),
        8 => editor.finding_restore([1; 16]),
        9 => editor.opinion("conclusion", NoteEdit::Append("Thêm.\n".to_owned())),
        10 => editor.set_header("witness", &format!("Ông {}", rng.random::<u8>())),
        11 => editor.row_add(id, "lots", "").or_else(|_| editor.row_remove(id)),
        _ => {
            let step = Step { day: "2026-11-06".to_owned(), ..Step::default() };
            editor.move_to(LifeCycle::Decided, &step)
        }
    }
}

/// Makes one edit and says whether it is a step of the course.
fn write(doc: &mut Document, who: u8, rng: &mut StdRng) -> Option<(RawChange, bool)> {
    let at = Timestamp(2_000 + rng.random_range(0..1_000));
    let kind = rng.random_range(0..=STEP);
    let done = doc.edit(actor(who), at, |editor| edit(editor, kind, rng));
    done.ok().and_then(|(_, change)| change).map(|change| (change, kind == STEP))
}

/// Merges all changes into a document in an order of its own, each batch as far as its causes are there.
fn merged(mut doc: Document, changes: &[RawChange], rng: &mut StdRng) -> Document {
    let mut left: Vec<RawChange> = changes.to_vec();
    left.shuffle(rng);
    while !left.is_empty() {
        let before = left.len();
        let mut waiting = Vec::new();
        for batch in left.chunks(BATCH) {
            let outcome = doc.apply(batch);
            assert_eq!(outcome.refused, []);
            let later = |change: &&RawChange| outcome.waiting.contains(&change.facts().hash);
            waiting.extend(batch.iter().filter(later).cloned());
        }
        assert!(waiting.len() < before, "nothing moves");
        left = waiting;
    }
    doc
}

/// A record that three people filled and one sealed, what two others held then, and all changes.
fn begun(rng: &mut StdRng) -> (Document, Document, Vec<RawChange>) {
    let mut doc = born();
    let mut changes = Vec::new();
    let finding = FindingInput {
        item: Some("1.1".to_owned()),
        row: None,
        severity: Severity::Serious,
        text: "Chuồng lợn".to_owned(),
        clause: None,
        deadline: None,
        unfixable: false,
    };
    let made = doc.edit(actor(1), Timestamp(1_000), |editor| editor.finding_add([1; 16], finding));
    changes.extend(made.unwrap().1);
    let mut early = doc.clone();
    for turn in 0..40 {
        changes.extend(write(&mut doc, 1 + turn % 3, rng).map(|(change, _)| change));
        if turn == 20 {
            early = doc.clone();
        }
    }
    (doc, early, changes)
}

fn run(seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let (sealed_doc, early, mut changes) = begun(&mut rng);
    let writers: Vec<MemberHeard> = (1..4).map(|who| line(&sealed_doc, who)).collect();
    let signing = signing(writers, Ending::Signed(owner()));
    let statement = SealStatement::of(&sealed_doc, key(1).device(), signing).unwrap();
    let seal = statement.sign(&key(1)).unwrap();
    let (bytes, id) = (seal.encode().unwrap(), seal.id().unwrap());
    let heads = seal.statement.heads.clone();
    let record = sealed_doc.view_at(&heads).unwrap().record();
    assert_eq!(record.digest(), seal.statement.content);

    let mut replicas: Vec<Document> =
        (1..=WRITERS).map(|who| if who > 3 { early.clone() } else { sealed_doc.clone() }).collect();
    let (mut late, mut course) = (BTreeSet::new(), BTreeSet::new());
    let wanted = std::env::var("BIENBAN_LATE").ok().and_then(|count| count.parse().ok());
    while late.len() < wanted.unwrap_or(LATE) {
        let who = rng.random_range(1..=WRITERS);
        let place = usize::from(who) - 1;
        if let Some((change, is_step)) = write(&mut replicas[place], who, &mut rng) {
            late.insert(change.facts().hash);
            if is_step {
                course.insert(change.facts().hash);
            }
            changes.push(change);
        }
        // Now and then one hears from another, as far as that one has come.
        if rng.random_range(0..50) == 0 {
            let other = replicas[rng.random_range(0..replicas.len())].clone();
            let heard: Vec<RawChange> = other
                .tips()
                .into_iter()
                .flat_map(|(actor, _, _)| other.changes_of(&actor, 1))
                .filter(|change| !replicas[place].has(&change.facts().hash))
                .collect();
            replicas[place] = merged(replicas[place].clone(), &heard, &mut rng);
        }
    }
    let mut addenda = None;
    for _ in 0..ORDERS {
        let doc = merged(born(), &changes, &mut rng);
        assert_eq!(seal.verify_record(&doc), []);
        let here = doc.view_at(&heads).unwrap().record();
        assert_eq!(here.bytes(), record.bytes());
        assert_eq!((seal.encode().unwrap(), seal.id().unwrap()), (bytes.clone(), id));
        let touched = doc.touched_since(&heads).unwrap();
        let named: BTreeSet<ChangeHash> =
            touched.iter().flat_map(|one| one.by.iter().map(|said| said.change)).collect();
        // Steps of its course are no addenda; everything else is named, and nothing that was sealed.
        assert!(named.is_subset(&late));
        let listed: BTreeSet<ChangeHash> = named.union(&course).copied().collect();
        assert_eq!(listed, late, "every late change is listed, steps aside");
        assert_eq!(*addenda.get_or_insert_with(|| touched.clone()), touched);
    }
}

#[test]
fn a_thousand_late_changes_in_any_order_leave_the_sealed_record_as_it_was() {
    let given = std::env::var("BIENBAN_SEED").ok().and_then(|text| text.parse().ok());
    let seed = given.unwrap_or(17);
    println!("replay with BIENBAN_SEED={seed} cargo test -p bienban-core a_thousand_late");
    run(seed);
}
