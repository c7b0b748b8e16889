//! *Kết quả tạm tính*: what an inspection comes to so far, with an explanation for each point.
//!
//! The rule of TT 38/2018/TT-BNNPTNT as amended by TT 17/2024/TT-BNNPTNT, in force since 15 January
//! 2025: *Đạt*, *Chờ khắc phục*, *Không đạt*; no grades A, B, C. The same reading and time give the
//! same result and the same words on every replica. Decides nothing: a person signs.

use serde::Serialize;

use super::template::Template;
use crate::model::{AnswerState, FindingView, Grade, InspectionView, Severity, Timestamp};

/// The clause named in explanations.
const CLAUSE: &str = "TT 38/2018/TT-BNNPTNT, TT 17/2024/TT-BNNPTNT";
/// Characters of a finding's text quoted in an explanation.
const QUOTE_CHARS: usize = 80;

/// The result so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GradeResult {
    /// *Đạt*: nothing is open.
    Pass,
    /// *Chờ khắc phục*: something is open and its deadline has not passed.
    AwaitingCorrection,
    /// *Không đạt*: something cannot be corrected, or its deadline has passed.
    Fail,
}

/// A line of the explanation, in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The item it is about.
    pub item: Option<String>,
    /// Vietnamese.
    pub vi: String,
    /// English.
    pub en: String,
}

/// What the inspection comes to so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GradeSoFar {
    /// The result.
    pub result: GradeResult,
    /// Every item has an answer that counts; without it the result is only provisional.
    pub complete: bool,
    /// Items of the checklist.
    pub items: usize,
    /// Items with an answer that counts.
    pub answered: usize,
    /// Items that pass.
    pub pass: usize,
    /// Items with a minor deviation (Mi).
    pub minor: usize,
    /// Items with a major deviation (Ma).
    pub major: usize,
    /// Items with a serious deviation (Se).
    pub serious: usize,
    /// Items without an answer that counts.
    pub unanswered: Vec<String>,
    /// Items that do not apply (KAD).
    pub not_applicable: Vec<String>,
    /// Items with several answers; the worse counts.
    pub conflicted: Vec<String>,
    /// Deviations and findings that are not verified as corrected.
    pub open: usize,
    /// Findings that are verified as corrected.
    pub corrected: usize,
    /// Why, line by line.
    pub explanation: Vec<Line>,
}

/// Works out what an inspection comes to so far, as of a time.
///
/// Unanswered items leave the result provisional. Where answers conflict, the worse counts until a
/// person resolves them; an answer that the template's order does not know counts as none. A
/// deviation without a finding counts as open without a deadline.
#[must_use]
pub fn grade_so_far(template: &Template, view: &InspectionView, now: Timestamp) -> GradeSoFar {
    let mut grade = GradeSoFar {
        result: GradeResult::Pass,
        complete: false,
        items: 0,
        answered: 0,
        pass: 0,
        minor: 0,
        major: 0,
        serious: 0,
        unanswered: Vec::new(),
        not_applicable: Vec::new(),
        conflicted: Vec::new(),
        open: 0,
        corrected: 0,
        explanation: Vec::new(),
    };
    let mut fails = false;
    for (_, item) in template.each() {
        count_item(template, view, &item.key, &mut grade);
    }
    grade.complete = grade.unanswered.is_empty();
    for finding in view.findings.values().filter(|finding| finding.is_live()) {
        fails |= count_finding(finding, now, &mut grade);
    }
    grade.result = match (fails, grade.open) {
        (true, _) => GradeResult::Fail,
        (false, 0) => GradeResult::Pass,
        (false, _) => GradeResult::AwaitingCorrection,
    };
    let verdict = verdict(&grade);
    grade.explanation.insert(0, verdict);
    grade
}

fn count_item(template: &Template, view: &InspectionView, key: &str, grade: &mut GradeSoFar) {
    grade.items += 1;
    let state = view.answers.get(key).unwrap_or(&AnswerState::Unanswered);
    let conflict = matches!(state, AnswerState::Conflict(_));
    if conflict {
        grade.conflicted.push(key.to_owned());
    }
    let Some(worst) = state.worst(template.order()) else {
        grade.unanswered.push(key.to_owned());
        if conflict {
            grade.explanation.push(Line {
                item: Some(key.to_owned()),
                vi: format!(
                    "{key}: các câu trả lời khác nhau và không so sánh được, tính là chưa trả lời"
                ),
                en: format!(
                    "{key}: answers differ and cannot be compared, so it counts as unanswered"
                ),
            });
        }
        return;
    };
    grade.answered += 1;
    let (vi, en) = match worst {
        Grade::NotApplicable => {
            grade.not_applicable.push(key.to_owned());
            return;
        }
        Grade::Minor => {
            grade.minor += 1;
            severity(Severity::Minor)
        }
        Grade::Major => {
            grade.major += 1;
            severity(Severity::Major)
        }
        Grade::Serious => {
            grade.serious += 1;
            severity(Severity::Serious)
        }
        _ => {
            grade.pass += 1;
            if conflict {
                grade.explanation.push(conflict_line(key, state, "đạt", "pass"));
            }
            return;
        }
    };
    if conflict {
        grade.explanation.push(conflict_line(key, state, vi, en));
    }
    if covered(view, key) {
        return;
    }
    grade.open += 1;
    grade.explanation.push(Line {
        item: Some(key.to_owned()),
        vi: format!("{key}: lỗi {vi}, chưa lập điểm không phù hợp và hạn khắc phục"),
        en: format!("{key}: {en} deviation, no finding with a deadline yet"),
    });
}

/// Returns whether a live finding speaks for the item's deviation.
fn covered(view: &InspectionView, key: &str) -> bool {
    view.findings
        .values()
        .any(|finding| finding.is_live() && finding.item.all().iter().any(|said| said.value == key))
}

fn conflict_line(key: &str, state: &AnswerState, vi: &str, en: &str) -> Line {
    let count = state.all().len();
    Line {
        item: Some(key.to_owned()),
        vi: format!("{key}: có {count} câu trả lời khác nhau, tạm tính mức xấu hơn ({vi})"),
        en: format!("{key}: {count} answers stand, the worse counts until resolved ({en})"),
    }
}

/// Counts one finding; returns whether it alone makes the result a fail.
fn count_finding(finding: &FindingView, now: Timestamp, grade: &mut GradeSoFar) -> bool {
    let (level_vi, level_en) = severity(finding.worst());
    let item = finding.item.shown().cloned();
    let quote: String = finding.text.chars().take(QUOTE_CHARS).collect();
    let quote = quote.replace('\n', " ");
    let place = item.clone().unwrap_or_else(|| "–".to_owned());
    let (fails, vi, en) = if finding.is_fixed() {
        grade.corrected += 1;
        (false, "đã xác nhận khắc phục", "verified as corrected")
    } else {
        grade.open += 1;
        if finding.is_unfixable() {
            (true, "không thể khắc phục trong thời hạn", "cannot be corrected in time")
        } else if finding.earliest_deadline().is_some_and(|deadline| now > deadline) {
            (true, "quá hạn khắc phục", "the deadline has passed")
        } else if finding.earliest_deadline().is_some() {
            (false, "còn trong hạn khắc phục", "within its deadline")
        } else {
            (false, "chưa ấn định hạn khắc phục", "no deadline set yet")
        }
    };
    grade.explanation.push(Line {
        item,
        vi: format!("{place}: lỗi {level_vi}, {vi}: {quote}"),
        en: format!("{place}: {level_en} finding, {en}: {quote}"),
    });
    fails
}

fn severity(severity: Severity) -> (&'static str, &'static str) {
    match severity {
        Severity::Minor => ("nhẹ", "minor"),
        Severity::Major => ("nặng", "major"),
        Severity::Serious => ("nghiêm trọng", "serious"),
    }
}

fn verdict(grade: &GradeSoFar) -> Line {
    let (vi, en) = match grade.result {
        GradeResult::Pass if grade.corrected > 0 => {
            ("Đạt (sau khắc phục)", "Pass (after correction)")
        }
        // Nobody passes who was not looked at.
        GradeResult::Pass if !grade.complete => ("Chưa có lỗi", "No deviation found yet"),
        GradeResult::Pass => ("Đạt", "Pass"),
        GradeResult::AwaitingCorrection => ("Chờ khắc phục", "Awaiting correction"),
        GradeResult::Fail => ("Không đạt", "Fail"),
    };
    let (answered, items, open) = (grade.answered, grade.items, grade.open);
    let (so_far_vi, so_far_en) =
        if grade.complete { ("", "") } else { (" (tạm tính)", " (provisional)") };
    Line {
        item: None,
        vi: format!(
            "{vi}{so_far_vi}: đã trả lời {answered}/{items} chỉ tiêu, {open} lỗi chưa khắc phục ({CLAUSE})"
        ),
        en: format!(
            "{en}{so_far_en}: {answered} of {items} items answered, {open} deviations open ({CLAUSE})"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checklist::TEA;
    use crate::model::{
        Actor, AnswerInput, Document, DocumentId, EditError, Editor, FindingInput, FindingPatch,
        Genesis, Kind, Origin,
    };

    /// 1 June and 1 July 2026, in milliseconds.
    const JUNE: i64 = 1_780_272_000_000;
    const JULY: i64 = 1_782_864_000_000;
    const DAY: i64 = 86_400_000;

    fn tea() -> Template {
        Template::parse(TEA).unwrap()
    }

    fn inspection() -> Document {
        let template = tea();
        let genesis = Genesis {
            kind: Kind::Inspection,
            scope: "06325".parse().unwrap(),
            template: Some(template.id()),
            origin: Origin::Planned {
                plan: DocumentId([1; 32]),
                facility: DocumentId([2; 32]),
                visit: 1,
            },
        };
        Document::create(&genesis, &template.shape())
    }

    fn edit(
        document: &mut Document,
        who: u8,
        f: impl FnOnce(&mut Editor<'_>) -> Result<(), EditError>,
    ) -> Option<crate::model::RawChange> {
        document.edit(Actor([who; 16]), Timestamp(JUNE), f).unwrap().1
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

    fn finding(item: &str, unfixable: bool) -> FindingInput {
        FindingInput {
            item: Some(item.to_owned()),
            severity: Severity::Minor,
            text: "chưa ghi sổ".to_owned(),
            clause: None,
            deadline: Some(Timestamp(JULY)),
            unfixable,
        }
    }

    fn pass_all(document: &mut Document) {
        edit(document, 1, |e| {
            tea().items().iter().try_for_each(|item| e.answer(item, answer(Grade::Pass)))
        });
    }

    fn result(document: &Document, now: i64) -> GradeSoFar {
        grade_so_far(&tea(), &document.view().inspection().unwrap(), Timestamp(now))
    }

    #[test]
    fn nothing_found_passes_and_nothing_answered_is_provisional() {
        let mut document = inspection();
        let before = result(&document, JUNE);
        assert!(!before.complete && before.unanswered.len() == 43);
        assert!(before.explanation[0].vi.contains("tạm tính"));
        pass_all(&mut document);
        let after = result(&document, JUNE);
        assert_eq!((after.result, after.complete), (GradeResult::Pass, true));
    }

    #[test]
    fn three_minor_findings_wait_then_pass_when_all_are_verified() {
        let mut document = inspection();
        pass_all(&mut document);
        for (n, item) in (1..).zip(["6.1", "6.2", "6.4"]) {
            edit(&mut document, 1, |e| {
                e.answer(item, answer(Grade::Minor))?;
                e.finding_add([n; 16], finding(item, false))
            });
        }
        let waiting = result(&document, JUNE + 9 * DAY);
        assert_eq!((waiting.result, waiting.open), (GradeResult::AwaitingCorrection, 3));
        let fixed = |n| {
            move |e: &mut Editor<'_>| {
                e.finding_update([n; 16], FindingPatch { fixed: Some(true), ..Default::default() })
            }
        };
        edit(&mut document, 1, fixed(1));
        edit(&mut document, 1, fixed(2));
        assert_eq!(result(&document, JULY + DAY).result, GradeResult::Fail, "one is overdue");
        edit(&mut document, 1, fixed(3));
        let passed = result(&document, JULY + DAY);
        assert_eq!((passed.result, passed.corrected), (GradeResult::Pass, 3));
        assert!(passed.explanation[0].vi.starts_with("Đạt (sau khắc phục)"));
    }

    #[test]
    fn what_cannot_be_corrected_fails_at_once() {
        let mut document = inspection();
        pass_all(&mut document);
        edit(&mut document, 1, |e| e.finding_add([1; 16], finding("5.5", true)));
        assert_eq!(result(&document, JUNE).result, GradeResult::Fail);
        edit(&mut document, 1, |e| e.finding_delete([1; 16]));
        assert_eq!(result(&document, JUNE).result, GradeResult::Pass);
    }

    #[test]
    fn of_two_standing_answers_the_worse_counts() {
        let (mut a, mut b) = (inspection(), inspection());
        pass_all(&mut a);
        let from_b = edit(&mut b, 2, |e| e.answer("4.1", answer(Grade::Serious))).unwrap();
        a.apply(&[from_b]);
        let grade = result(&a, JUNE);
        assert_eq!((grade.serious, grade.pass), (1, 42));
        assert_eq!(grade.conflicted, ["4.1"]);
        assert_eq!(grade.result, GradeResult::AwaitingCorrection);
        assert!(grade.explanation.iter().any(|line| line.en.contains("the worse counts")));
    }

    #[test]
    fn an_answer_taken_back_counts_as_none() {
        let mut document = inspection();
        pass_all(&mut document);
        edit(&mut document, 1, |e| e.answer("1.1", answer(Grade::Unanswered)));
        let grade = result(&document, JUNE);
        assert_eq!(grade.unanswered, ["1.1"]);
        assert!(!grade.complete);
    }
}
