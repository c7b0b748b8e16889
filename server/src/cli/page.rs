//! One inspection as text: what a person reads in a terminal.

use super::grade;
use super::output::Page;
use super::record::{
    AnswerData, ArrivalData, AuthorData, ConflictData, FindingData, InspectionData, ItemData,
    PinnedData, ReviewData,
};
use super::rows::unit_text;
use super::{time, words};
use crate::messages::Messages;

/// Digits of a random name that are shown: enough to tell a record's rows apart.
pub(super) const SHORT: usize = 8;

/// Writes the whole inspection.
pub(super) fn inspection(data: &InspectionData, m: &Messages) -> Page {
    let mut page = Page::new();
    heading(&mut page, data, m);
    for section in &data.sections {
        page.gap();
        let agency = if section.agency.is_empty() {
            String::new()
        } else {
            format!(" [{}]", section.agency)
        };
        page.line(format!("{} {}{agency}", section.code, section.title));
        for item in &section.items {
            item_text(&mut page, item, m);
        }
    }
    if !data.findings.is_empty() {
        page.gap();
        page.line(m.text("show.findings", &[]));
        for finding in &data.findings {
            finding_text(&mut page, finding, m);
        }
    }
    for (title, text) in [
        (m.text("show.facility_opinion", &[]), &data.facility_opinion),
        (m.text("show.other_opinions", &[]), &data.other_opinions),
        (m.text("show.conclusion", &[]), &data.conclusion),
    ] {
        if !text.is_empty() {
            page.gap();
            page.line(title);
            page.block(2, text);
        }
    }
    if let Some(review) = &data.review {
        review_text(&mut page, review, m);
    }
    grade_text(&mut page, data, m);
    page.gap();
    page.line(arrival_text(&data.arrival, m));
    page.line(m.text("show.digest", &[("digest", &data.digest)]));
    page
}

fn heading(page: &mut Page, data: &InspectionData, m: &Messages) {
    let title = data.facility.as_ref().map(|named| named.title.as_str()).unwrap_or_default();
    page.line(m.text("show.title", &[("facility", title), ("unit", &unit_text(&data.unit))]));
    page.line(m.text("show.id", &[("id", &data.inspection)]));
    if let (Some(plan), Some(visit)) = (&data.plan, data.visit) {
        let visit = visit.to_string();
        page.line(m.text("show.plan", &[("plan", &plan.title), ("visit", &visit)]));
    }
    page.line(m.text("show.state", &[("state", &words::state(m, &data.state.join("|")))]));
    let template =
        format!("{} {}: {}", data.template.code, data.template.edition, data.template.title);
    page.line(m.text("show.template", &[("template", &template)]));
    if !data.template.official {
        page.line(m.text("show.unofficial", &[]));
    }
    let heads: Vec<&str> = data.heads.iter().map(|head| &head[..SHORT]).collect();
    page.line(m.text("show.heads", &[("heads", &heads.join(","))]));
}

fn item_text(page: &mut Page, item: &ItemData, m: &Messages) {
    let mark = match item.state {
        "unanswered" => "[ ]".to_owned(),
        "conflict" => "[!]".to_owned(),
        _ => "[x]".to_owned(),
    };
    page.line(format!("  {mark} {} {}", item.key, item.text));
    if item.state == "conflict" {
        let counts = item.counts_as.map(|name| words::grade_named(m, name)).unwrap_or_default();
        page.line(format!("        {}", m.text("show.conflict", &[("grade", &counts)])));
    }
    if item.state == "answered" && item.answers.len() > 1 {
        let count = item.answers.len().to_string();
        page.line(format!("        {}", m.text("show.agreed", &[("count", &count)])));
    }
    for answer in &item.answers {
        page.line(format!("        {}", answer_text(answer, m)));
    }
    if !item.note.is_empty() {
        page.line(format!("        {}", m.text("show.note", &[])));
        page.block(10, &item.note);
    }
}

/// Returns an answer with who and when.
pub(super) fn answer_text(answer: &AnswerData, m: &Messages) -> String {
    let mut text = words::grade_named(m, answer.grade);
    if let Some(value) = &answer.value {
        text.push_str(&format!(" = {value}"));
    }
    let by = by(&answer.author, &answer.at, m);
    if answer.resolves > 0 {
        let count = answer.resolves.to_string();
        format!("{text}  {by}; {}", m.text("show.resolves", &[("count", &count)]))
    } else {
        format!("{text}  {by}")
    }
}

/// Returns who and when.
pub(super) fn by(author: &AuthorData, at: &str, m: &Messages) -> String {
    let mut who = match (author.name.as_str(), &author.device) {
        ("", None) => m.text("author.unknown", &[]),
        ("", Some(_)) if author.here => m.text("author.here", &[]),
        ("", Some(device)) => device.chars().take(SHORT).collect(),
        (name, _) => name.to_owned(),
    };
    if !author.agency.is_empty() {
        who = format!("{who} ({})", author.agency);
    }
    m.text("show.by", &[("author", &who), ("time", &time::minute(at))])
}

fn finding_text(page: &mut Page, finding: &FindingData, m: &Messages) {
    let mut parts = vec![words::grade_named(m, finding.severity)];
    parts.extend(finding.item.clone());
    parts.extend(finding.clause.clone());
    if let Some(deadline) = finding.deadline.as_deref().and_then(|at| at.get(..10)) {
        parts.push(m.text("show.deadline", &[("day", deadline)]));
    }
    if finding.fixed {
        parts.push(m.text("show.fixed", &[]));
    }
    if finding.deleted {
        parts.push(m.text("show.deleted", &[]));
    }
    page.line(format!("  {}  {}", &finding.id[..SHORT.min(finding.id.len())], parts.join("; ")));
    page.block(4, &finding.text);
    for parked in &finding.parked {
        let edit = &parked.edit;
        let by = by(&edit.author, &edit.at, m);
        let line =
            m.text("show.parked", &[("field", &parked.field), ("value", &edit.value), ("by", &by)]);
        page.line(format!("    {line}"));
    }
}

fn review_text(page: &mut Page, review: &ReviewData, m: &Messages) {
    page.gap();
    page.line(m.text("show.review", &[("verdict", &words::state(m, review.verdict))]));
    for decision in &review.decisions {
        let by = by(&decision.author, &decision.at, m);
        page.line(format!("  {}  {by}", decision.value));
    }
    for (name, entries) in [
        (m.text("show.request", &[]), &review.requests),
        (m.text("show.comment", &[]), &review.comments),
    ] {
        for entry in entries {
            pinned_text(page, &name, entry, m);
        }
    }
}

fn pinned_text(page: &mut Page, name: &str, entry: &PinnedData, m: &Messages) {
    let settled =
        if entry.settled { m.text("show.settled", &[]) } else { m.text("show.open", &[]) };
    let item = entry.item.as_deref().unwrap_or("–");
    let id: String = entry.id.chars().take(SHORT).collect();
    page.line(format!("  {id}  {name} [{item}] {settled}"));
    page.line(format!("    {}  {}", entry.said.value, by(&entry.said.author, &entry.said.at, m)));
    for reply in &entry.replies {
        page.line(format!("    > {}  {}", reply.value, by(&reply.author, &reply.at, m)));
    }
}

fn grade_text(page: &mut Page, data: &InspectionData, m: &Messages) {
    let result = &data.grade.graded.result;
    page.gap();
    page.line(m.text("show.grade", &[("result", words::local(m, result))]));
    if let Some(explanation) = &data.grade.explanation {
        grade::tree(page, explanation, m);
    }
}

/// Returns where this device's edits have arrived.
pub(super) fn arrival_text(arrival: &ArrivalData, m: &Messages) -> String {
    let [recorded, stored, merged, only_here] =
        [arrival.recorded, arrival.stored, arrival.merged, arrival.only_here]
            .map(|count| count.to_string());
    let counts = [
        ("recorded", recorded.as_str()),
        ("stored", &stored),
        ("merged", &merged),
        ("only_here", &only_here),
    ];
    match &arrival.stored_at {
        _ if arrival.recorded == 0 => m.text("arrival.none", &[]),
        Some(at) => {
            let line = m.text("arrival.counts", &counts);
            format!("{line}; {}", m.text("arrival.stored_at", &[("time", &time::minute(at))]))
        }
        None => m.text("arrival.counts", &counts),
    }
}

/// Writes conflicts, each value with who and when.
pub(super) fn conflicts(page: &mut Page, conflicts: &[ConflictData], m: &Messages) {
    for conflict in conflicts {
        let mut place = format!("{} {}", conflict.container, conflict.key);
        if let Some(field) = &conflict.field {
            place = format!("{place} {field}");
        }
        page.line(place);
        for value in &conflict.values {
            let shown = match value.value.get("grade").and_then(serde_json::Value::as_str) {
                Some(name) => words::grade_named(m, name),
                None => value.value.to_string(),
            };
            page.line(format!("    {shown}  {}", by(&value.author, &value.at, m)));
        }
    }
}
