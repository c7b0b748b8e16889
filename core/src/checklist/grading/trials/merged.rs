//! Two people fill one record apart. Merged, it is never graded better than the worse of the two, and
//! the same in every order of arrival.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;

use super::models::small;
use super::{day, set_11, template};
use crate::checklist::grading::{Answers, Graded, Grader, Node, Outcome, Passing, Settings};
use crate::checklist::{AnswerType, Item, TEA_1, Template, ocop_set};
use crate::model::{
    Actor, AnswerInput, Document, DocumentId, Editor, FindingInput, FindingPatch, Genesis, Grade,
    Kind, Origin, RawChange, Severity, Timestamp,
};

/// 1 June 2026 in Vietnam, in milliseconds.
const JUNE: i64 = 1_780_272_000_000;
const DAY: &str = "2026-06-10";
const ROWS: [[u8; 16]; 2] = [[1; 16], [2; 16]];
const FINDING: [u8; 16] = [9; 16];

/// What decides everything at random: two numbers for an item, one for each person.
type Dice = Vec<(u8, u8)>;

fn dice() -> impl Strategy<Value = Dice> {
    proptest::collection::vec(any::<(u8, u8)>(), 150)
}

/// A small checklist of every type whose grades, values and rows decide which others apply.
pub(super) fn mixed(counts: bool) -> Arc<Template> {
    let grading = if counts {
        let row = |code: &str, minor: u32, major: u32| {
            json!({"grade": {"code": code, "title": {"vi": code}}, "minor_max": minor,
                "major_max": major, "serious_max": 0, "sum_max": minor})
        };
        json!({"model": "counts_table", "table": [row("A", 1, 0), row("B", 4, 2)],
            "otherwise": {"code": "C", "title": {"vi": "C"}}})
    } else {
        json!({"model": "pass_fail", "deadline_days_max": 30})
    };
    let mut file = small(&grading).to_json();
    let graded = |key: &str, relevant: &str| {
        json!({"key": key, "text": {"vi": key, "en": key}, "relevant": relevant,
            "answer": {"type": "grade", "severities": ["minor", "major", "serious"]}})
    };
    let mut push = |section: usize, item| {
        file["sections"][section]["items"].as_array_mut().unwrap().push(item);
    };
    push(0, graded("g4", "${g1} = 'pass'"));
    push(0, graded("g5", "${wet} > 6"));
    push(0, graded("g6", "${sum} < 10 or ${g4} = 'minor'"));
    push(1, graded("row-h", "${row-wet} > 6"));
    push(1, graded("row-i", "${row-g} = 'pass' and ${pick} != 'a'"));
    template(&serde_json::to_vec(&file).unwrap())
}

pub(super) fn born(template: &Template) -> Document {
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

fn edit<'d>(
    document: &'d mut Document,
    who: u8,
    f: impl FnOnce(&mut Editor<'_>) -> Result<(), crate::model::EditError> + 'd,
) -> RawChange {
    document.edit(Actor([who; 16]), Timestamp(JUNE), f).unwrap().1.unwrap()
}

/// Returns an answer to an item: mostly one that is good, now and then any, one that fits no answer,
/// that it does not apply, or none.
pub(super) fn answer(item: &Item, dice: u8) -> AnswerInput {
    let said = |grade, value: Option<&str>| AnswerInput {
        grade,
        value: value.map(str::to_owned),
        evidence: Vec::new(),
        claimed_at: Timestamp(JUNE),
        resolves: false,
    };
    let (kind, which) = (dice % 16, usize::from(dice / 16));
    match kind {
        0 => return said(Grade::NotApplicable, None),
        1 => return said(Grade::Unanswered, None),
        2 => return said(Grade::Given, Some("có lẽ")),
        _ => {}
    }
    let of = |values: &[&str]| said(Grade::Given, Some(values[which % values.len()]));
    match &item.answer {
        AnswerType::Grade { .. } => {
            let grades = [Grade::Pass, Grade::Minor, Grade::Major, Grade::Serious];
            let grade = if kind < 8 { grades[which % 4] } else { Grade::Pass };
            said(grade, None)
        }
        AnswerType::Choice { options, or_none } => {
            let mut keys: Vec<&str> = options.iter().map(|option| option.key.as_str()).collect();
            let best = options.iter().max_by_key(|option| option.points);
            let best = best.filter(|_| item.max.is_some()).map_or("no", |best| best.key.as_str());
            if item.max.is_some() && *or_none {
                keys.push("none");
            }
            let good = kind >= 6 && keys.contains(&best);
            if good { said(Grade::Given, Some(best)) } else { of(&keys) }
        }
        AnswerType::Choices { .. } => of(&["a", "a b", "b c"]),
        AnswerType::Number { .. } => of(&["2", "7", "12", "200"]),
        AnswerType::Date {} => of(&["2026-05-01", "2026-06-01"]),
        AnswerType::Position {} => of(&["21.5,103.9"]),
        AnswerType::Photo { .. } | AnswerType::Signature {} => {
            let evidence = vec!["ab".repeat(32)];
            AnswerInput { evidence, ..said(Grade::Given, None) }
        }
        _ => of(&["x", "y"]),
    }
}

/// What is there before the two part: rows, and a finding.
fn base(template: &Template) -> (Document, RawChange) {
    let mut document = born(template);
    let groups: Vec<String> = template.groups().map(|(section, _)| section.code.clone()).collect();
    let change = edit(&mut document, 9, |e| {
        for (g, group) in (0..).zip(&groups) {
            for row in ROWS {
                e.row_add(named(row, g), group, "")?;
            }
        }
        e.finding_add(
            FINDING,
            FindingInput {
                item: None,
                row: None,
                severity: Severity::Minor,
                text: "chưa ghi sổ".to_owned(),
                clause: None,
                deadline: Some(Timestamp(JUNE + 30 * 86_400_000)),
                unfixable: false,
            },
        )
    });
    (document, change)
}

fn named(mut row: [u8; 16], group: u8) -> [u8; 16] {
    row[15] = 100 + group;
    row
}

/// Lets one person answer every item and say everything of the finding, in one change.
fn fill(document: &mut Document, template: &Template, who: u8, dice: &Dice) -> RawChange {
    let mut dice = dice.iter().map(|(a, b)| if who == 1 { *a } else { *b }).cycle();
    let mut next = move || dice.next().unwrap_or_default();
    let once: Vec<&Item> = template
        .each()
        .filter(|(section, item)| section.repeat.is_none() && !item.is_calculated())
        .map(|(_, item)| item)
        .collect();
    edit(document, who, |e| {
        for item in &once {
            e.answer(&item.key, answer(item, next()))?;
        }
        let mut places = vec![None];
        for (g, (section, _)) in (0..).zip(template.groups()) {
            for row in ROWS {
                for item in section.items.iter().filter(|item| !item.is_calculated()) {
                    e.row_answer(named(row, g), &item.key, answer(item, next()))?;
                    if !item.severities().is_empty() {
                        places.push(Some((item.key.clone(), hex::encode(named(row, g)))));
                    }
                }
            }
        }
        let severities = [Severity::Minor, Severity::Major, Severity::Serious];
        let (item, row) = match places[usize::from(next()) % places.len()].clone() {
            Some((item, row)) => (item, Some(row)),
            None => (once[usize::from(next()) % once.len()].key.clone(), None),
        };
        let patch = FindingPatch {
            item: Some(item),
            row: Some(row),
            severity: Some(severities[usize::from(next()) % 3]),
            fixed: Some(next() % 4 > 0),
            ..FindingPatch::default()
        };
        // What stands already is not written again, and this person says it all the same.
        for severity in severities {
            e.finding_update(
                FINDING,
                FindingPatch { severity: Some(severity), ..FindingPatch::default() },
            )?;
        }
        e.finding_update(FINDING, patch)
    })
}

fn explained(document: &Document, template: &Arc<Template>) -> (Graded, Node) {
    let answers = Answers::of_inspection(&document.view().inspection().unwrap());
    Grader::new(Arc::clone(template), answers, Settings::new(day(DAY))).explain()
}

/// How bad a grade is, one number for each thing that it says; a higher one is worse.
fn badness(graded: &Graded) -> Vec<(&'static str, i64)> {
    let number = |count: usize| i64::try_from(count).unwrap();
    match &graded.outcome {
        Outcome::PassFail(result) => {
            let passing = match result.result {
                Passing::Pass => 0,
                Passing::PassAfterCorrection => 1,
                Passing::AwaitingCorrection => 2,
                Passing::Fail => 3,
            };
            vec![("result", passing), ("open", number(result.open))]
        }
        Outcome::CountsTable(result) => {
            let counts = result.counts;
            vec![
                ("grade", i64::from(result.grade.as_bytes()[0])),
                ("serious", number(counts.serious)),
                ("serious and major", number(counts.serious + counts.major)),
                ("all", number(counts.serious + counts.major + counts.minor)),
            ]
        }
        Outcome::OcopPoints(result) => {
            let total = result.total.units() * 10_i64.pow(2 - result.total.scale());
            let holding = result.knockouts.iter().filter(|knockout| knockout.holds).count();
            vec![
                ("stars", -result.stars.map_or(-1, i64::from)),
                ("certificate", -i64::from(result.certificate)),
                ("total", -total),
                ("knock-outs", number(holding)),
                ("unmet", number(result.ranks.iter().map(|rank| rank.unmet.len()).sum())),
            ]
        }
        other => panic!("{other:?}"),
    }
}

fn never_better(template: &Arc<Template>, dice: &Dice) -> Result<(), TestCaseError> {
    let (base, begun) = base(template);
    let (mut a, mut b) = (base.clone(), base);
    let (by_a, by_b) = (fill(&mut a, template, 1, dice), fill(&mut b, template, 2, dice));
    let (grade_a, grade_b) = (explained(&a, template).0, explained(&b, template).0);
    a.apply(std::slice::from_ref(&by_b));
    let (merged, why) = explained(&a, template);
    for (found, (one, other)) in
        badness(&merged).iter().zip(badness(&grade_a).iter().zip(&badness(&grade_b)))
    {
        let worse = one.1.max(other.1);
        prop_assert!(
            found.1 >= worse,
            "{}: {} is better than {worse}:\n{:?}\n{:?}\n{:?}",
            found.0,
            found.1,
            grade_a.outcome,
            grade_b.outcome,
            merged.outcome
        );
    }
    prop_assert!(!merged.is_final || (grade_a.is_final && grade_b.is_final));
    // The explanation names every deviation that is open without a finding.
    if let Outcome::PassFail(result) = &merged.outcome {
        let told = why
            .flat()
            .iter()
            .filter(|(_, node)| node.kind == crate::checklist::grading::NodeKind::Deviation)
            .count();
        prop_assert_eq!(told, result.without_finding.count);
    }
    // In the other order, and one change after the other.
    let mut late = born(template);
    for change in [&by_b, &by_a, &begun, &by_b, &by_a] {
        late.apply(std::slice::from_ref(change));
    }
    prop_assert_eq!(late.heads(), a.heads());
    prop_assert_eq!(explained(&late, template), (merged, why));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_merged_tea_checklist_is_never_better_than_the_worse(dice in dice()) {
        never_better(&template(TEA_1), &dice)?;
    }

    #[test]
    fn a_merged_set_11_is_never_better_than_the_worse(dice in dice()) {
        never_better(&set_11(), &dice)?;
    }

    #[test]
    fn a_merged_set_16_is_never_better_than_the_worse(dice in dice()) {
        never_better(&template(ocop_set("OCOP-16").unwrap()), &dice)?;
    }

    #[test]
    fn a_merged_set_26_is_never_better_than_the_worse(dice in dice()) {
        never_better(&template(ocop_set("OCOP-26").unwrap()), &dice)?;
    }

    #[test]
    fn merged_grades_rows_and_values_are_never_better_than_the_worse(dice in dice()) {
        never_better(&mixed(false), &dice)?;
    }

    #[test]
    fn merged_counts_are_never_better_than_the_worse(dice in dice()) {
        never_better(&mixed(true), &dice)?;
    }
}
