//! Two lines of one actor, chains, and what may not be applied.

use automerge::ActorId;
use automerge::transaction::{CommitOptions, Transactable};

use super::*;

#[test]
fn a_change_whose_dependencies_are_missing_waits_outside() {
    let (mut a, mut b) = (inspection(), inspection());
    let first = edit(&mut a, 1, |e| e.answer("1.1", answer(Grade::Pass)));
    let second = edit(&mut a, 1, |e| e.answer("1.2", answer(Grade::Pass)));
    let before = b.save();
    let applied = b.apply(std::slice::from_ref(&second));
    assert_eq!(applied, Applied { waiting: vec![second.facts().hash], ..Applied::default() });
    assert_eq!(b.save(), before, "nothing is queued inside");
    let applied = b.apply(&[second.clone(), first.clone()]);
    assert_eq!(applied.applied, [first.facts().hash, second.facts().hash]);
    assert_eq!(b.apply(&[second, first]), Applied::default(), "a repeat is no error and no news");
    assert_eq!(b.heads(), a.heads());
}

#[test]
fn the_second_change_under_one_number_is_refused_and_the_first_stays() {
    let (mut a, mut clone) = (inspection(), inspection());
    let first = edit(&mut a, 1, |e| e.answer("1.1", answer(Grade::Pass)));
    let rival = edit(&mut clone, 1, |e| e.answer("1.1", answer(Grade::Major)));
    let child = edit(&mut clone, 1, |e| e.answer("1.2", answer(Grade::Major)));
    let held = first.facts().hash;
    let applied = a.apply(&[child.clone(), rival.clone()]);
    assert!(applied.applied.is_empty());
    assert!(
        applied.refused.contains(&(rival.facts().hash, Refusal::Equivocation { seq: 1, held }))
    );
    assert!(
        applied
            .refused
            .contains(&(child.facts().hash, Refusal::OnRefused { refused: rival.facts().hash }))
    );
    assert_eq!(a.heads(), [held]);
    // Whoever gets both at once keeps the same one in any order.
    let outcomes: Vec<Vec<ChangeHash>> = [[&first, &rival], [&rival, &first]]
        .map(|pair| inspection().apply(&pair.map(Clone::clone)).applied)
        .to_vec();
    assert_eq!(outcomes[0], outcomes[1]);
}

#[test]
fn a_diverged_line_is_renamed_and_nothing_is_lost() {
    let mut common = inspection();
    edit(&mut common, 1, |e| {
        e.answer("2.1", answer(Grade::Pass))?;
        e.finding_add([5; 16], finding("chung"))
    });
    let (mut stays, mut clone) = (common.clone(), common.clone());
    edit(&mut stays, 1, |e| e.answer("1.1", answer(Grade::Pass)));
    let mut line = vec![edit(&mut clone, 1, |e| {
        e.answer("1.1", answer(Grade::Major))?;
        e.finding_add([6; 16], finding("của bản sao"))?;
        e.note("1.2", NoteEdit::Append("ghi".into()))
    })];
    line.push(edit(&mut clone, 1, |e| {
        e.finding_update(
            [6; 16],
            FindingPatch { text: Some(NoteEdit::Append("!".into())), ..FindingPatch::default() },
        )?;
        e.note("1.2", NoteEdit::Splice { at: 1, delete: 1, insert: "H".into() })?;
        e.finding_delete([5; 16])
    }));
    // Somebody else built on the clone's line before it was told apart.
    let theirs = edit(&mut clone, 2, |e| e.note("1.2", NoteEdit::Append(" thêm".into())));

    let renamed = stays.reauthor(&line, &[], actor(9), &owners()).unwrap().changes;
    assert_eq!(renamed.len(), 2);
    assert_eq!(renamed[0].facts().ops, line[0].facts().ops);
    assert_eq!(renamed[0].facts().start_op, line[0].facts().start_op);
    let applied = stays.apply(&renamed);
    assert_eq!((applied.applied.len(), applied.refused.len()), (2, 0), "{applied:?}");
    let theirs = stays.reauthor(&[theirs], &[], actor(8), &owners()).unwrap().changes;
    assert_eq!(stays.apply(&theirs).applied.len(), 1);

    let view = read(&stays);
    let AnswerState::Conflict(values) = &view.answers["1.1"] else { panic!("{view:?}") };
    let said: Vec<(Grade, u8)> = values.iter().map(|v| (v.value.grade, v.actor[0])).collect();
    assert_eq!(said, [(Grade::Pass, 1), (Grade::Major, 9)]);
    assert_eq!(view.findings[&hex::encode([6; 16])].text, "của bản sao!");
    assert!(!view.findings[&hex::encode([5; 16])].is_live());
    assert_eq!(view.notes["1.2"], read(&clone).notes["1.2"]);
    let loaded = Document::load(&genesis(), &shape(), &stays.save()).unwrap();
    assert_eq!(loaded.view().record(), stays.view().record());
}

/// A change says of itself that it is another device's made anew: the other is made anew all the same.
#[test]
fn only_the_device_that_wrote_a_change_says_that_it_made_it_anew() {
    let common = inspection();
    let (mut stays, mut victim) = (common.clone(), common);
    let lost = edit(&mut victim, 1, |e| e.note("1.2", NoteEdit::Append("thật".into())));
    let claim = format!("{RENAMED} {} {}", actor(1), lost.facts().hash);
    let mut forged = stays.automerge.clone().with_actor(ActorId::from([2; 16]));
    let mut tx = forged.transaction();
    tx.put(automerge::ROOT, "x", 1).unwrap();
    tx.commit_with(CommitOptions::default().with_message(claim));
    let forged = forged.get_last_local_change().unwrap().raw_bytes().to_vec();
    assert_eq!(stays.apply(&[RawChange::inspect(forged).unwrap()]).applied.len(), 1);
    assert!(stays.renamed_originals(&owners()).is_empty());
    let unknown = Owners::new();
    assert!(stays.renamed_originals(&unknown).is_empty(), "nobody's word for nobody");

    let made = stays.reauthor(std::slice::from_ref(&lost), &[], actor(9), &owners()).unwrap();
    assert_eq!(stays.apply(&made.changes).applied.len(), 1);
    assert_eq!(read(&stays).notes["1.2"], "thật");
    assert_eq!(stays.renamed_originals(&owners()), [lost.facts().hash]);
}

#[test]
fn an_actor_with_changes_goes_on_behind_them() {
    let mut stays = inspection();
    let mut clone = stays.clone();
    edit(&mut stays, 9, |e| e.answer("1.1", answer(Grade::Pass)));
    let line = [edit(&mut clone, 1, |e| e.answer("1.2", answer(Grade::Pass)))];
    let made = stays.reauthor(&line, &[], actor(9), &owners()).unwrap().changes;
    assert_eq!((made.len(), made[0].facts().seq), (1, 2));
    assert_eq!(stays.apply(&made).applied.len(), 1);
}

/// What was typed on a change that is gone stands without it; only what lies inside what it made has
/// no place.
#[test]
fn edits_are_made_anew_without_a_change_that_is_gone() {
    let mut stays = inspection();
    edit(&mut stays, 3, |e| {
        e.answer("1.2", answer(Grade::Pass))?;
        e.note("1.2", NoteEdit::Append("ab".into()))
    });
    let mut phone = stays.clone();
    let gone = edit(&mut phone, 1, |e| {
        e.answer("1.2", answer(Grade::Minor))?;
        e.note("1.2", NoteEdit::Append("XY".into()))?;
        e.finding_add([6; 16], finding("tồi"))
    });
    let after = [
        edit(&mut phone, 1, |e| {
            e.answer("1.2", answer(Grade::Major))?;
            e.note("1.2", NoteEdit::Append("cd".into()))
        }),
        edit(&mut phone, 1, |e| {
            let text = Some(NoteEdit::Append("!!".into()));
            e.finding_update([6; 16], FindingPatch { text, ..FindingPatch::default() })
        }),
        edit(&mut phone, 1, |e| {
            e.note("1.2", NoteEdit::Splice { at: 2, delete: 2, insert: "-".into() })
        }),
    ];
    let remade = stays.reauthor(&after, &[gone], actor(9), &owners()).unwrap();
    assert_eq!(remade.changes.len(), 2);
    assert_eq!(remade.lost, [(after[1].facts().hash, vec![0, 1])]);
    let applied = stays.apply(&remade.changes);
    assert_eq!((applied.applied.len(), applied.refused.len()), (2, 0), "{applied:?}");
    let view = read(&stays);
    let AnswerState::One(said) = &view.answers["1.2"] else { panic!("{view:?}") };
    assert_eq!(said.value.grade, Grade::Major);
    assert_eq!(view.notes["1.2"], "ab-cd");
    assert!(view.findings.is_empty());
    // What builds on the remade changes under their old names finds them by what they say.
    let later = edit(&mut phone, 2, |e| {
        e.answer("1.2", answer(Grade::Serious))?;
        e.note("1.2", NoteEdit::Splice { at: 3, delete: 1, insert: "C".into() })
    });
    let made = stays.reauthor(&[later], &after[1..2], actor(8), &owners()).unwrap();
    assert_eq!((made.changes.len(), made.lost), (1, Vec::new()));
    assert_eq!(stays.apply(&made.changes).applied.len(), 1);
    let view = read(&stays);
    let AnswerState::One(said) = &view.answers["1.2"] else { panic!("{view:?}") };
    assert_eq!((said.value.grade, view.notes["1.2"].as_str()), (Grade::Serious, "ab-Cd"));
}

#[test]
fn another_documents_bytes_are_refused() {
    let review = Document::create(&genesis_of(Kind::Review), &Shape::Review);
    let error = Document::load(&genesis(), &shape(), &review.save()).unwrap_err();
    assert!(matches!(error, DocumentError::OtherFirstChange { .. }), "{error}");
    let error = Document::load(&genesis(), &Shape::Review, &review.save()).unwrap_err();
    assert!(matches!(error, DocumentError::WrongShape { .. }), "{error}");
}
