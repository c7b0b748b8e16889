//! Explains results by findings, and grades by counts.

use super::super::cells::Flag;
use super::super::counts::CountsResult;
use super::super::pass_fail::{FindingStanding, FindingState, PassFailResult};
use super::super::result::At;
use super::super::sheet::Sheet;
use super::say::{Line, quote};
use super::{Node, NodeKind, named, rule, say};
use crate::checklist::day::Day;

/// Explains *đạt / không đạt*.
pub(super) fn pass_fail(result: &PassFailResult, sheet: &Sheet<'_>) -> Vec<Node> {
    let days = result.deadline_days_max;
    let line = Line::new(
        format!(
            "Đạt khi không có lỗi hoặc mọi lỗi đã xác nhận khắc phục; chờ khắc phục khi còn trong hạn (không quá {days} ngày); không đạt khi có lỗi quá hạn hoặc không thể khắc phục trong thời hạn"
        ),
        format!(
            "Pass without deviations or when all are verified as corrected; awaiting correction within the deadline (at most {days} days); fail when one is overdue or cannot be corrected in time"
        ),
    );
    let findings = result.findings.iter().map(|found| finding(found, result, sheet));
    let lacks = Line::new(
        ", chưa lập điểm không phù hợp đủ mức và hạn khắc phục",
        ", no finding as bad with a deadline yet",
    );
    let alone = result.without_finding.at.iter().map(|at| deviation(at, sheet, &lacks));
    let mut children: Vec<Node> = findings.chain(alone).collect();
    if children.is_empty() {
        let none = Line::new("Không có điểm không phù hợp nào", "There are no findings");
        children.push(Node::new(NodeKind::Finding, none));
    }
    vec![rule(sheet, line).with(children)]
}

fn finding(found: &FindingStanding, result: &PassFailResult, sheet: &Sheet<'_>) -> Node {
    let told = |day: Option<Day>| day.map(|day| day.to_string()).unwrap_or_default();
    let (deadline, latest) = (told(found.deadline), told(found.latest));
    let state = match found.state {
        FindingState::Corrected => Line::new("đã xác nhận khắc phục", "verified as corrected"),
        FindingState::Unfixable => {
            Line::new("không thể khắc phục trong thời hạn", "cannot be corrected in time")
        }
        FindingState::Overdue if found.deadline.is_none() => Line::new(
            format!("chưa ấn định hạn khắc phục, đã quá thời hạn dài nhất {latest}"),
            format!("no deadline set, and the longest time that there is ended on {latest}"),
        ),
        FindingState::Overdue => Line::new(
            format!("quá hạn khắc phục {deadline}"),
            format!("its deadline {deadline} has passed"),
        ),
        FindingState::WithinDeadline => Line::new(
            format!("còn trong hạn khắc phục đến {deadline}"),
            format!("within its deadline {deadline}"),
        ),
        FindingState::NoDeadline => Line::new(
            format!("chưa ấn định hạn khắc phục, dài nhất đến {latest}"),
            format!("no deadline set yet, at most until {latest}"),
        ),
    };
    let severity = say::severity(found.severity);
    let place = place(&found.items, &found.rows);
    let text = quote(&found.text);
    let mut line = Line::new(
        format!("{place}: {}, {}: {text}", severity.vi, state.vi),
        format!("{place}: {} finding, {}: {text}", severity.en, state.en),
    );
    if let Some(day) = found.rechecked {
        let looked =
            Line::new(format!("đã tái kiểm ngày {day}"), format!("looked at again on {day}"));
        line = line.then("; ", &looked);
    }
    if let Some(clause) = &found.clause {
        let clause = quote(clause);
        line = line.then(" ", &Line::new(format!("({clause})"), format!("({clause})")));
    }
    let mut node = Node::new(NodeKind::Finding, line);
    let item = found.items.first().and_then(|key| sheet.template.item(key));
    if let Some((section, item)) = item {
        node = node.of_section(&section.code).of_item(&item.key);
        node = node.with_clause(sheet.template, item.clause.as_ref().or(section.clause.as_ref()));
    }
    if found.deadline_too_long {
        let (days, issued) =
            (result.deadline_days_max, found.issued.map(|day| day.to_string()).unwrap_or_default());
        let notice = Line::new(
            format!(
                "Hạn khắc phục dài hơn {days} ngày kể từ {issued}: người có thẩm quyền phải xem lại; vẫn tính theo hạn đã ấn định"
            ),
            format!(
                "The deadline is more than {days} days after {issued}: a person in office must look at it; the deadline that was set is used"
            ),
        );
        node.children.push(Node::new(NodeKind::Notice, notice));
    }
    node
}

/// Returns what a finding is about: items, and rows in brackets.
fn place(items: &[String], rows: &[String]) -> String {
    let items = if items.is_empty() { "–".to_owned() } else { items.join(", ") };
    let named: Vec<&str> = rows.iter().map(|row| if row.is_empty() { "–" } else { row }).collect();
    let rows = if named.is_empty() { String::new() } else { format!(" [{}]", named.join(", ")) };
    quote(&format!("{items}{rows}"))
}

/// Returns a deviation; `more` is said behind it.
fn deviation(at: &At, sheet: &Sheet<'_>, more: &Line) -> Node {
    let row = at.row.as_ref().map(|row| format!(" [{row}]")).unwrap_or_default();
    let flags = super::rest::flags(at, sheet);
    let severity = match flags {
        flags if flags.has(Flag::Serious) => say::severity(crate::model::Severity::Serious),
        flags if flags.has(Flag::Major) => say::severity(crate::model::Severity::Major),
        _ => say::severity(crate::model::Severity::Minor),
    };
    let name = sheet.template.item(&at.item).map(|(_, item)| named(item));
    let name = name.unwrap_or_else(|| Line::new(&at.item, &at.item));
    let line = Line::new(
        format!("{}{row}: {}", name.vi, severity.vi),
        format!("{}{row}: {} deviation", name.en, severity.en),
    );
    let mut line = line.then("", more);
    if flags.has(Flag::Unsettled) {
        let doubt = Line::new(
            "; chưa rõ có thuộc diện áp dụng không, vẫn tính cho đến khi rõ",
            "; whether the item applies is not settled, it counts until it is",
        );
        line = line.then("", &doubt);
    }
    let mut node = Node::new(NodeKind::Deviation, line).of_item(&at.item);
    if let Some((section, item)) = sheet.template.item(&at.item) {
        node = node.of_section(&section.code);
        node = node.with_clause(sheet.template, item.clause.as_ref().or(section.clause.as_ref()));
    }
    node.row.clone_from(&at.row);
    node
}

/// Explains a grade by counts.
pub(super) fn table(result: &CountsResult, sheet: &Sheet<'_>) -> Node {
    let counts = result.counts;
    let (mi, ma, se) = (counts.minor, counts.major, counts.serious);
    let line = Line::new(
        format!(
            "Xếp loại theo số lỗi, dòng đầu tiên thỏa mãn của bảng; mỗi lỗi tính một lần theo mức nặng nhất: nhẹ {mi}, nặng {ma}, nghiêm trọng {se}"
        ),
        format!(
            "By counts, the first row of the table that holds; each deviation counts once, at its worst: minor {mi}, major {ma}, serious {se}"
        ),
    );
    let mut children = Vec::new();
    for row in &result.rows {
        let sum = row.sum_max.map_or(String::new(), |most| format!(", Mi+Ma ≤ {most}"));
        let limits = format!(
            "{}: Mi ≤ {}, Ma ≤ {}, Se ≤ {}{sum}",
            row.grade, row.minor_max, row.major_max, row.serious_max
        );
        let (vi, en) = if row.holds {
            ("thỏa mãn", "holds")
        } else {
            ("không thỏa mãn", "does not hold")
        };
        let line = Line::new(format!("{limits}: {vi}"), format!("{limits}: {en}"));
        children.push(Node::new(NodeKind::TableRow, line));
    }
    if let (Some(months), Some(day)) = (result.next_check_months, result.next_check) {
        let line = Line::new(
            format!("Kiểm tra lần sau: trong {months} tháng, đến {day}"),
            format!("Next check: within {months} months, by {day}"),
        );
        children.push(Node::new(NodeKind::Rule, line));
    }
    children.extend(deviations(sheet));
    rule(sheet, line).with(children)
}

/// Returns what was counted: items with a deviation, and findings.
fn deviations(sheet: &Sheet<'_>) -> Vec<Node> {
    let flags = [Flag::Serious, Flag::Major, Flag::Minor];
    let cells = flags.into_iter().flat_map(|flag| sheet.cells.all(flag));
    let mut nodes: Vec<Node> = cells
        .take(super::super::result::LISTED_MAX)
        .map(|cell| deviation(&sheet.at(cell), sheet, &Line::new("", "")))
        .collect();
    for finding in sheet.answers.findings.values() {
        let severity = say::severity(finding.severity);
        let items: Vec<String> = finding.items.iter().cloned().collect();
        let rows: Vec<String> = finding.rows.iter().cloned().collect();
        let (items, text) = (place(&items, &rows), quote(&finding.text));
        let line = Line::new(
            format!("{items}: {}: {text}", severity.vi),
            format!("{items}: {} finding: {text}", severity.en),
        );
        nodes.push(Node::new(NodeKind::Finding, line));
    }
    nodes
}
