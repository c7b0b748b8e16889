//! Random edits of several people, of every kind that a grade rests on, with a follow-up beside the
//! inspection: whatever the order of arrival, one grade and one explanation.

use std::sync::Arc;

use proptest::prelude::*;

use super::merged::{answer, born, mixed};
use super::{day, set_11, template};
use crate::checklist::grading::{Answers, Graded, Grader, Node, Settings};
use crate::checklist::lifecycle::apply_corrections;
use crate::checklist::{Item, TEA_1, Template, held_set, ocop_set};
use crate::model::{
    Action, ActionPatch, ActionState, Actor, AnswerInput, DeviceId, Document, EditError, Editor,
    FindingInput, FindingPatch, Genesis, Kind, Origin, Progress, RawChange, Recheck, RecheckResult,
    RecheckRow, Severity, Shape, Timestamp,
};

/// 1 June 2026 in Vietnam, in milliseconds.
const JUNE: i64 = 1_780_272_000_000;
const DAY_MS: i64 = 86_400_000;
const DAYS: [&str; 3] = ["2026-06-05", "2026-06-20", "2026-07-15"];
const ACTORS: usize = 3;
/// Few places, so that people meet at them.
const PLACES: usize = 4;

/// What one person does: who, what, where, and how.
type Step = (usize, u8, u8, u8);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec((0..ACTORS, any::<u8>(), any::<u8>(), any::<u8>()), 1..40)
}

/// An inspection and its follow-up, as one device holds them.
#[derive(Clone)]
struct Pair {
    inspection: Document,
    followup: Document,
}

/// A change, and whether it is of the inspection.
type Made = (bool, RawChange);

impl Pair {
    fn born(template: &Template) -> Self {
        let genesis = Genesis {
            kind: Kind::Followup,
            scope: "06325".parse().unwrap(),
            template: None,
            origin: Origin::Device { creator: DeviceId([3; 32]), nonce: [4; 16] },
        };
        let followup = Document::create(&genesis, &Shape::Followup);
        Self { inspection: born(template), followup }
    }

    /// Applies one change after the other, again and again until nothing waits for its causes.
    fn of(template: &Template, made: &[Made]) -> Self {
        let mut pair = Self::born(template);
        for _ in 0..=made.len() {
            let mut waits = false;
            for (of_inspection, change) in made {
                waits |= !pair.apply(*of_inspection, std::slice::from_ref(change));
            }
            if !waits {
                break;
            }
        }
        pair
    }

    fn apply(&mut self, of_inspection: bool, changes: &[RawChange]) -> bool {
        let document = if of_inspection { &mut self.inspection } else { &mut self.followup };
        document.apply(changes).waiting.is_empty()
    }

    fn explained(&self, template: &Arc<Template>, as_of: &str) -> (Graded, Node) {
        let followup = self.followup.view().followup().unwrap();
        let mut read = self.inspection.view().inspection().unwrap();
        apply_corrections(&mut read, &followup);
        let mut answers = Answers::of_inspection(&read);
        answers.note_followup(&followup);
        Grader::new(Arc::clone(template), answers, Settings::new(day(as_of))).explain()
    }
}

fn id(kind: u8, place: u8) -> [u8; 16] {
    let mut id = [kind; 16];
    id[15] = place % 4;
    id
}

fn finding_id(place: u8) -> String {
    hex::encode(id(1, place))
}

fn finding(item: &Item, how: u8) -> FindingInput {
    let severities = [Severity::Minor, Severity::Major, Severity::Serious];
    FindingInput {
        item: Some(item.key.clone()),
        row: None,
        severity: severities[usize::from(how) % 3],
        text: format!("lỗi {how}"),
        clause: None,
        deadline: how.is_multiple_of(2).then(|| Timestamp(JUNE + i64::from(how % 40) * DAY_MS)),
        unfixable: how.is_multiple_of(11),
    }
}

/// Answers, rows and findings.
fn inspect(e: &mut Editor<'_>, template: &Template, step: Step) -> Result<(), EditError> {
    let (_, what, place, how) = step;
    let once: Vec<&Item> = template
        .each()
        .filter(|(section, item)| section.repeat.is_none() && !item.is_calculated())
        .map(|(_, item)| item)
        .take(PLACES * 2)
        .collect();
    let item = once[usize::from(place) % once.len()];
    let groups: Vec<_> = template.groups().map(|(section, _)| section).collect();
    let row = (!groups.is_empty()).then(|| groups[usize::from(place) % groups.len()]);
    match what % 10 {
        0..3 => e.answer(&item.key, answer(item, how)),
        3 => e.resolve(&item.key, AnswerInput { resolves: true, ..answer(item, how) }),
        4 => e.finding_add(id(1, place), finding(item, how)),
        5 => {
            let patch = FindingPatch {
                fixed: how.is_multiple_of(2).then_some(how.is_multiple_of(4)),
                severity: how.is_multiple_of(3).then_some(Severity::Major),
                deadline: (how.is_multiple_of(5))
                    .then(|| Some(Timestamp(JUNE + i64::from(how) * DAY_MS))),
                item: how.is_multiple_of(7).then(|| item.key.clone()),
                ..FindingPatch::default()
            };
            e.finding_update(id(1, place), patch)
        }
        6 if how.is_multiple_of(2) => e.finding_delete(id(1, place)),
        6 => e.finding_restore(id(1, place)),
        _ => {
            let Some(section) = row else { return e.answer(&item.key, answer(item, how)) };
            let items: Vec<&Item> =
                section.items.iter().filter(|item| !item.is_calculated()).collect();
            let item = items[usize::from(how) % items.len()];
            match what % 4 {
                0 => e.row_add(id(2, place), &section.code, ""),
                1 if how.is_multiple_of(4) => e.row_remove(id(2, place)),
                1 => e.row_restore(id(2, place)),
                _ => e.row_answer(id(2, place), &item.key, answer(item, how)),
            }
        }
    }
}

/// Actions, what came of them, and re-checks.
fn follow(e: &mut Editor<'_>, step: Step) -> Result<(), EditError> {
    let (_, what, place, how) = step;
    let on = |how: u8| DAYS[usize::from(how) % DAYS.len()].to_owned();
    match what % 4 {
        0 => {
            let action = Action {
                finding: (how % 5 > 0).then(|| finding_id(how)),
                what: format!("sửa {how}"),
                owner: "Chủ cơ sở".to_owned(),
                deadline: (how % 3 > 0).then(|| Timestamp(JUNE + i64::from(how % 50) * DAY_MS)),
            };
            e.action_add(id(3, place), &action)
        }
        1 => {
            let patch = ActionPatch {
                finding: how.is_multiple_of(4).then(|| finding_id(how / 4)),
                deadline: (how.is_multiple_of(2))
                    .then(|| Timestamp(JUNE + i64::from(how % 30) * DAY_MS)),
                ..ActionPatch::default()
            };
            e.action_change(id(3, place), &patch)
        }
        2 => {
            let progress = Progress {
                state: ActionState::ALL[usize::from(how) % ActionState::ALL.len()],
                proof: "ảnh".to_owned(),
                photos: Vec::new(),
                remark: "đã xem".to_owned(),
                day: on(how / 5),
                proved_on: if how % 2 == 0 { on(how / 5) } else { String::new() },
            };
            e.progress_put(id(3, place), &progress)
        }
        _ => {
            let row = |finding: u8, how: u8| RecheckRow {
                finding: finding_id(finding),
                result: RecheckResult::ALL[usize::from(how) % RecheckResult::ALL.len()],
                remark: "đã xem".to_owned(),
                photos: Vec::new(),
            };
            let recheck = Recheck {
                day: on(how),
                with: String::new(),
                visit: None,
                rows: vec![row(how, how / 3), row(how.wrapping_add(1), how / 9)],
                removed: how % 8 == 7,
                removed_reason: if how % 8 == 7 { "nhầm".to_owned() } else { String::new() },
            };
            e.recheck_put(id(4, place), &recheck)
        }
    }
}

/// Lets several people write apart, with a meeting now and then; returns all changes in the order in
/// which they were made.
fn written(template: &Template, steps: &[Step]) -> Vec<Made> {
    let mut devices = vec![Pair::born(template); ACTORS];
    let mut held: Vec<Vec<Made>> = vec![Vec::new(); ACTORS];
    let mut all = Vec::new();
    for step @ &(who, what, place, _) in steps {
        if what.is_multiple_of(8) {
            let from = usize::from(place) % ACTORS;
            for made in held[from].clone() {
                devices[who].apply(made.0, std::slice::from_ref(&made.1));
                let hash = made.1.facts().hash;
                if !held[who].iter().any(|known| known.1.facts().hash == hash) {
                    held[who].push(made);
                }
            }
            continue;
        }
        let of_inspection = what % 8 < 5;
        let step = (step.0, step.1 / 8, step.2, step.3);
        let name = u8::try_from(who + 1).unwrap();
        // Two people's clocks agree, so that nothing but the changes themselves decides.
        let (actor, at) = (Actor([name; 16]), Timestamp(JUNE + i64::from(place % 2)));
        let pair = &mut devices[who];
        let edited = if of_inspection {
            pair.inspection.edit(actor, at, |e| inspect(e, template, step))
        } else {
            pair.followup.edit(actor, at, |e| follow(e, step))
        };
        // An edit that is refused, such as an answer over a conflict, is none.
        if let Ok((_, Some(change))) = edited {
            held[who].push((of_inspection, change.clone()));
            all.push((of_inspection, change));
        }
    }
    all
}

/// Merges the changes as they were made and in another order, and compares what is said of both.
fn one_grade(template: &Arc<Template>, steps: &[Step], order: &[u32]) -> Result<(), TestCaseError> {
    let made = written(template, steps);
    let mut keyed: Vec<_> = order.iter().cycle().zip(made.clone()).collect();
    keyed.sort_by_key(|(key, _)| **key);
    let shuffled: Vec<Made> = keyed.into_iter().map(|(_, made)| made).collect();
    let (a, b) = (Pair::of(template, &made), Pair::of(template, &shuffled));
    prop_assert_eq!(a.inspection.heads(), b.inspection.heads());
    prop_assert_eq!(a.followup.heads(), b.followup.heads());
    for as_of in ["2026-06-10", "2026-07-20"] {
        prop_assert_eq!(a.explained(template, as_of), b.explained(template, as_of));
    }
    Ok(())
}

fn order() -> impl Strategy<Value = Vec<u32>> {
    proptest::collection::vec(any::<u32>(), 40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_order_gives_one_grade_of_a_tea_checklist(steps in steps(), order in order()) {
        one_grade(&template(TEA_1), &steps, &order)?;
    }

    #[test]
    fn every_order_gives_one_grade_of_set_11(steps in steps(), order in order()) {
        one_grade(&set_11(), &steps, &order)?;
    }

    #[test]
    fn every_order_gives_one_grade_of_other_sets(steps in steps(), order in order()) {
        for name in ["OCOP-04", "OCOP-16", "OCOP-26"] {
            one_grade(&template(ocop_set(name).unwrap()), &steps, &order)?;
        }
    }

    #[test]
    fn every_order_gives_one_grade_of_a_recognised_product(steps in steps(), order in order()) {
        one_grade(&template(&held_set("HELD-11").unwrap()), &steps, &order)?;
    }

    #[test]
    fn every_order_gives_one_grade_of_values_and_rows(steps in steps(), order in order()) {
        one_grade(&mixed(false), &steps, &order)?;
        one_grade(&mixed(true), &steps, &order)?;
    }
}

#[test]
fn what_is_drawn_reaches_rows_findings_actions_and_re_checks() {
    let template = mixed(false);
    let mut made = Vec::new();
    for turn in 0..6_u8 {
        for what in 0..=u8::MAX {
            made.push((usize::from(what) % ACTORS, what, what.wrapping_mul(7), turn * 37));
        }
    }
    let pair = Pair::of(&template, &written(&template, &made));
    let (read, followup) =
        (pair.inspection.view().inspection().unwrap(), pair.followup.view().followup().unwrap());
    assert!(!read.rows.is_empty() && !read.findings.is_empty());
    assert!(!followup.actions.is_empty() && !followup.progress.is_empty());
    assert!(!followup.rechecks.is_empty());
}
