//! Texts of the explanation, each in both languages.

use super::super::grade::words;
use super::super::held::Holding;
use super::super::pass_fail::Passing;
use super::super::points::PointsResult;
use super::super::result::{Outcome, Tally};
use super::answered;
use crate::checklist::template::{Decimal, Effect, Words};
use crate::model::{Grade, Severity};

/// Characters of a text that are quoted: a line of a terminal.
const QUOTE_CHARS: usize = 80;

/// A statement in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) vi: String,
    pub(super) en: String,
}

impl Line {
    pub(super) fn new(vi: impl Into<String>, en: impl Into<String>) -> Self {
        Self { vi: vi.into(), en: en.into() }
    }

    /// Puts another statement behind this one.
    pub(super) fn then(mut self, between: &str, other: &Self) -> Self {
        self.vi = format!("{}{between}{}", self.vi, other.vi);
        self.en = format!("{}{between}{}", self.en, other.en);
        self
    }
}

/// Returns the beginning of a text, on one line.
pub(super) fn quote(text: &str) -> String {
    let mut quote: String =
        text.chars().take(QUOTE_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(QUOTE_CHARS).is_some() {
        quote.push('…');
    }
    quote
}

/// Returns the result of a grade in a few words.
pub(in super::super) fn headline(outcome: &Outcome, is_final: bool, tally: &Tally) -> Words {
    let line = match outcome {
        Outcome::PassFail(result) => {
            let open = result.open;
            let left = Line::new(
                format!("{open} lỗi chưa khắc phục"),
                format!("{} open", counted(open, "deviation")),
            );
            let counts = answered(tally).then(", ", &left);
            let mut line = passing(result.result, is_final);
            if let Some(day) = result.rechecked {
                let looked =
                    Line::new(format!("tái kiểm ngày {day}"), format!("re-checked on {day}"));
                line = line.then(", ", &looked);
            }
            line.then(": ", &counts)
        }
        Outcome::CountsTable(result) => {
            let counts = result.counts;
            let (mi, ma, se) = (counts.minor, counts.major, counts.serious);
            Line::new(
                format!("{}: {mi} lỗi nhẹ, {ma} lỗi nặng, {se} lỗi nghiêm trọng", result.title.vi),
                format!(
                    "{}: {mi} minor, {ma} major, {se} serious deviations",
                    result.title.en_or_vi()
                ),
            )
        }
        Outcome::OcopPoints(result) => stars(result),
        Outcome::CriteriaHeld(result) => holding(result.result),
        Outcome::None => no_grade().then(": ", &answered(tally)),
    };
    let (vi, en) = if is_final { ("", "") } else { ("Tạm tính: ", "Provisional: ") };
    words(format!("{vi}{}", line.vi), format!("{en}{}", line.en))
}

/// Writes points as Vietnamese texts write numbers: with a comma. Data keep the point.
pub(super) fn in_vietnamese(points: Decimal) -> String {
    points.to_string().replace('.', ",")
}

pub(super) fn no_grade() -> Line {
    Line::new("Phiếu này không xếp loại", "This checklist gives no grade")
}

fn passing(result: Passing, is_final: bool) -> Line {
    match result {
        Passing::PassAfterCorrection => Line::new("Đạt (sau khắc phục)", "Pass (after correction)"),
        // Nobody passes who was not looked at.
        Passing::Pass if !is_final => Line::new("Chưa có lỗi", "No deviation found yet"),
        Passing::Pass => Line::new("Đạt", "Pass"),
        Passing::AwaitingCorrection => Line::new("Chờ khắc phục", "Awaiting correction"),
        Passing::Fail => Line::new("Không đạt", "Fail"),
    }
}

/// Returns a number with what it counts, in English.
pub(super) fn counted(number: impl std::fmt::Display, one: &str) -> String {
    let number = number.to_string();
    let end = if number == "1" { "" } else { "s" };
    format!("{number} {one}{end}")
}

fn stars(result: &PointsResult) -> Line {
    let total = result.total;
    let comma = in_vietnamese(total);
    match (result.knocked_out, result.stars) {
        (Some(effect), _) => knocked_out(effect),
        (None, Some(stars)) if result.certificate => Line::new(
            format!("{stars} sao ({comma} điểm)"),
            format!("{} ({})", counted(stars, "star"), counted(total, "point")),
        ),
        (None, stars) => {
            let stars = stars.unwrap_or_default();
            Line::new(
                format!("Không được cấp giấy chứng nhận ({comma} điểm, {stars} sao)"),
                format!("No certificate ({}, {})", counted(total, "point"), counted(stars, "star")),
            )
        }
    }
}

pub(super) fn knocked_out(effect: Effect) -> Line {
    match effect {
        Effect::Reject => Line::new("Hồ sơ bị loại", "The dossier is rejected"),
        Effect::Stop => Line::new(
            "Dừng, không đánh giá các bước tiếp theo",
            "Stopped, later steps are not evaluated",
        ),
        Effect::Exclude => {
            Line::new("Sản phẩm không thuộc diện đánh giá", "The product is not one to evaluate")
        }
    }
}

pub(super) fn holding(result: Holding) -> Line {
    match result {
        Holding::Held => Line::new("Còn duy trì các tiêu chí", "The criteria are held"),
        Holding::ScoreDrop => Line::new(
            "Còn đủ điều kiện của hạng, có tiêu chí giảm điểm",
            "The rank is still deserved, some criteria lost points",
        ),
        Holding::NotHeld => Line::new(
            "Không còn duy trì các tiêu chí của hạng đã công nhận",
            "The criteria of the recognised rank are no longer held",
        ),
        Holding::NotObserved => Line::new(
            "Chưa xem đủ các tiêu chí, chưa kết luận được",
            "Not every criterion was observed, nothing can be said yet",
        ),
        Holding::GatesMet => Line::new(
            "Còn đạt mọi dấu sao của hạng; không biết đủ phương án đã công nhận nên không so được điểm",
            "Every gate of the rank is met; not every recognised option is known, so points cannot be compared",
        ),
        Holding::NoRecognition => Line::new(
            "Chưa có kết quả công nhận để so sánh",
            "No recognition was given to compare with",
        ),
    }
}

pub(super) fn severity(severity: Severity) -> Line {
    match severity {
        Severity::Minor => Line::new("lỗi nhẹ", "minor"),
        Severity::Major => Line::new("lỗi nặng", "major"),
        Severity::Serious => Line::new("lỗi nghiêm trọng", "serious"),
    }
}

pub(super) fn grade(grade: Grade) -> Line {
    match grade {
        Grade::Pass => Line::new("đạt", "pass"),
        Grade::Minor => severity(Severity::Minor),
        Grade::Major => severity(Severity::Major),
        Grade::Serious => severity(Severity::Serious),
        Grade::NotApplicable => Line::new("không áp dụng", "not applicable"),
        Grade::Unanswered => Line::new("rút lại", "taken back"),
        _ => Line::new("không đọc được", "unreadable"),
    }
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn one_is_counted_as_one() {
        assert_eq!([counted(1, "star"), counted(2, "star")], ["1 star", "2 stars"]);
        assert_eq!(counted(0, "point"), "0 points");
    }
}
