//! One inspection as text: what a person reads in a terminal.

use bienban_core::client::{Corrections, Shown};
use bienban_core::model::Standing;

use super::course;
use super::grade;
use super::output::Page;
use super::rechecks;
use super::record::{
    self, AnswerData, ArrivalData, AuthorData, FindingData, InspectionData, ItemData, PinnedData,
    RepeatData, ReviewData, RowData,
};
use super::rows::unit_text;
use super::{time, words};
use crate::messages::Messages;

/// Digits of a random name that are shown: enough to tell a record's rows apart.
pub(super) const SHORT: usize = 8;

/// Writes the whole inspection.
pub(super) fn inspection(data: &InspectionData, shown: &Shown, m: &Messages) -> Page {
    let mut page = Page::new();
    heading(&mut page, data, m);
    if let (Some(sheet), Some(header)) = (&shown.header, &data.header) {
        record::header::text(&mut page, sheet, header, m);
    }
    for section in &data.sections {
        page.gap();
        let agency = if section.agency.is_empty() {
            String::new()
        } else {
            format!(" [{}]", section.agency)
        };
        page.line(format!("{} {}{agency}", section.code, section.title));
        for item in &section.items {
            item_text(&mut page, item, 2, m);
        }
        if let (Some(repeat), true) = (&section.repeat, section.rows.is_empty()) {
            page.line(format!("  {}", m.text("show.no_rows", &[("row", &repeat.row)])));
        }
        if let Some(repeat) = section.repeat.as_ref().filter(|repeat| repeat.state != "fits") {
            page.line(format!("  [!] {}", wrong_rows(repeat, m)));
        }
        for row in &section.rows {
            let name = section.repeat.as_ref().map(|repeat| repeat.row.as_str());
            row_text(&mut page, row, name.unwrap_or("?"), m);
        }
        for other in &section.by_others {
            let who = who(&other.author, m);
            let values = [("item", other.item.as_str()), ("who", who.as_str())];
            page.line(format!("  [!] {}", m.text("seal.by_other", &values)));
        }
    }
    if !data.findings.is_empty() {
        page.gap();
        page.line(m.text("show.findings", &[]));
        for finding in &data.findings {
            finding_text(&mut page, finding, m);
        }
    }
    course_text(&mut page, data, shown.corrections.as_ref(), m);
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
    if !data.conflicts.is_empty() {
        page.gap();
        page.line(m.text("conflicts.title", &[]));
        record::conflicts::text(&mut page, &data.conflicts, m);
    }
    grade_text(&mut page, data, m);
    page.gap();
    page.line(arrival_text(&data.arrival, m));
    page.line(m.text("show.digest", &[("digest", &data.digest)]));
    page
}

fn course_text(
    page: &mut Page,
    data: &InspectionData,
    corrections: Option<&Corrections>,
    m: &Messages,
) {
    let titled = |page: &mut Page, title: String| {
        page.gap();
        page.line(title);
    };
    if let Some(corrections) = corrections.filter(|found| !found.actions.is_empty()) {
        titled(page, m.text("show.actions", &[]));
        course::actions_text(page, corrections, m);
    }
    if let Some(rechecks) = data.rechecks.as_ref().filter(|found| !found.is_empty()) {
        titled(page, m.text("show.rechecks", &[]));
        rechecks::text(page, rechecks, m);
    }
    if !data.samples.is_empty() {
        titled(page, m.text("show.samples", &[]));
        course::samples_text(page, &data.samples, m);
    }
    if !data.difficulties.is_empty() {
        titled(page, m.text("show.difficulties", &[]));
        course::difficulties_text(page, &data.difficulties, m);
    }
    if let Some(life) = data.life.as_ref().filter(|life| !life.clocks.is_empty()) {
        titled(page, m.text("clock.title", &[("day", &life.as_of)]));
        course::clocks_text(page, life, m);
    }
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
    if let Some(minutes) = &data.minutes {
        record::minutes::all(page, minutes, m);
    }
    if let Some(since) = data.since_signed.as_ref().filter(|since| since.changed != Some(false)) {
        record::since::text(page, since, &m.text("since.signed", &[]), m);
    }
    let template =
        format!("{} {}: {}", data.template.code, data.template.edition, data.template.title);
    page.line(m.text("show.template", &[("template", &template)]));
    if data.template.pinned != data.template.id {
        let pinned = &data.template.pinned[..SHORT.min(data.template.pinned.len())];
        page.line(m.text("moving.moved_from", &[("template", pinned)]));
    }
    if let Some(lacks) = &data.template.lacks {
        page.line(m.text("moving.lacks", &[("template", &lacks[..SHORT.min(lacks.len())])]));
    }
    if !data.template.official {
        page.line(m.text("show.unofficial", &[]));
    }
    let heads: Vec<&str> = data.heads.iter().map(|head| &head[..SHORT]).collect();
    page.line(m.text("show.heads", &[("heads", &heads.join(","))]));
}

/// Returns that a section has too few or too many rows.
fn wrong_rows(repeat: &RepeatData, m: &Messages) -> String {
    let [rows, min, max] = [repeat.rows, repeat.min as usize, repeat.max as usize]
        .map(|number: usize| number.to_string());
    if repeat.state == "too_few" {
        return m.text("show.few_rows", &[("rows", &rows), ("min", &min)]);
    }
    m.text("show.many_rows", &[("rows", &rows), ("max", &max)])
}

/// Writes a row of a repeated section with its items.
fn row_text(page: &mut Page, row: &RowData, name: &str, m: &Messages) {
    let id = &row.id[..SHORT.min(row.id.len())];
    let removed = match (row.removed, row.excess) {
        (true, _) => m.text("show.row_removed", &[]),
        (false, true) => m.text("show.row_excess", &[]),
        (false, false) => String::new(),
    };
    let by = by(&row.author, &row.at, m);
    page.line(format!("  {id}  {name} {} {removed} {by}", row.number));
    for item in &row.items {
        item_text(page, item, 4, m);
    }
    if !row.note.is_empty() {
        page.line(format!("    {}", m.text("show.note", &[])));
        page.block(6, &row.note);
    }
    for parked in &row.parked {
        let edit = &parked.edit;
        let answer = serde_json::from_str(&edit.value).ok();
        let value = answer.as_ref().and_then(|value| raw_answer(value, m));
        let value = value.unwrap_or_else(|| edit.value.clone());
        let by = self::by(&edit.author, &edit.at, m);
        let values = [("field", parked.field.as_str()), ("value", &value), ("by", &by)];
        page.line(format!("    {}", m.text("show.row_parked", &values)));
    }
    for damaged in &row.damaged {
        for value in &damaged.values {
            let by = self::by(&value.author, &value.at, m);
            let values = [("key", damaged.key.as_str()), ("value", &value.value), ("by", &by)];
            page.line(format!("    {}", m.text("show.row_damaged", &values)));
        }
    }
}

/// Returns what a stored answer says; none when it is no answer.
pub(super) fn raw_answer(value: &serde_json::Value, m: &Messages) -> Option<String> {
    let grade = value.get("grade")?.as_str()?;
    let said = value.get("value").and_then(serde_json::Value::as_str);
    Some(match said {
        Some(said) if grade == "given" => said.to_owned(),
        Some(said) => format!("{} = {said}", words::grade_named(m, grade)),
        None => words::grade_named(m, grade),
    })
}

fn item_text(page: &mut Page, item: &ItemData, indent: usize, m: &Messages) {
    let mark = match item.state {
        "unanswered" => "[ ]".to_owned(),
        "conflict" => "[!]".to_owned(),
        _ => "[x]".to_owned(),
    };
    let at = " ".repeat(indent);
    page.line(format!("{at}{mark} {} {}", item.key, item.text));
    let at = " ".repeat(indent + 6);
    if item.state == "conflict" {
        let value = item.counts_text.clone().or_else(|| item.counts_value.clone());
        let counts = value.or_else(|| item.counts_as.map(|name| words::grade_named(m, name)));
        let said = match &counts {
            Some(grade) => m.text("show.conflict", &[("grade", grade)]),
            None => m.text("show.differ", &[]),
        };
        page.line(format!("{at}{said}"));
    }
    if item.state == "answered" && item.answers.len() > 1 {
        let count = item.answers.len().to_string();
        page.line(format!("{at}{}", m.text("show.agreed", &[("count", &count)])));
    }
    for answer in &item.answers {
        page.line(format!("{at}{}", answer_text(answer, m)));
    }
    if !item.note.is_empty() {
        page.line(format!("{at}{}", m.text("show.note", &[])));
        page.block(indent + 8, &item.note);
    }
    for note in &item.loose_notes {
        let by = by(&note.author, &note.at, m);
        let first = note.value.lines().next().unwrap_or_default();
        page.line(format!("{at}{}", m.text("show.loose", &[("text", first), ("by", &by)])));
    }
}

/// Returns an answer with who and when.
pub(super) fn answer_text(answer: &AnswerData, m: &Messages) -> String {
    let mut text = match (answer.grade, &answer.value, &answer.value_text) {
        ("given", _, Some(text)) | ("given", Some(text), None) => text.clone(),
        (grade, Some(value), _) => format!("{} = {value}", words::grade_named(m, grade)),
        (grade, None, _) => words::grade_named(m, grade),
    };
    if !answer.photos.is_empty() {
        let count = answer.photos.len().to_string();
        text.push_str(&m.text("show.photos", &[("count", &count)]));
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
    let who = who(author, m);
    m.text("show.by", &[("author", &who), ("time", &time::minute(at))])
}

/// Returns who.
pub(super) fn who(author: &AuthorData, m: &Messages) -> String {
    let mut who = match (author.name.as_str(), &author.device) {
        ("", None) => m.text("author.unknown", &[]),
        ("", Some(_)) if author.here => m.text("author.here", &[]),
        ("", Some(device)) => device.chars().take(SHORT).collect(),
        (name, _) => name.to_owned(),
    };
    if !author.agency.is_empty() {
        who = format!("{who} ({})", author.agency);
    }
    who
}

fn finding_text(page: &mut Page, finding: &FindingData, m: &Messages) {
    let mut parts = vec![words::grade_named(m, finding.severity)];
    parts.extend(finding.item.as_ref().map(|item| match &finding.row {
        Some(row) => format!("{}/{item}", row.chars().take(SHORT).collect::<String>()),
        None => item.clone(),
    }));
    parts.extend(finding.clause.clone());
    if !finding.severity_allowed {
        parts.push(m.text("show.severity_not_allowed", &[]));
    }
    if let Some(deadline) = finding.deadline.as_deref().map(time::day_of) {
        parts.push(m.text("show.deadline", &[("day", &deadline)]));
    }
    if let Some(day) = &finding.issued {
        parts.push(m.text("show.issued", &[("day", day)]));
    }
    if finding.unfixable {
        parts.push(m.text("show.unfixable", &[]));
    }
    if finding.fixed {
        parts.push(m.text("show.fixed", &[]));
    }
    if finding.deleted {
        parts.push(m.text("show.deleted", &[]));
    }
    let who = by(&finding.author, &finding.at, m);
    let id = &finding.id[..SHORT.min(finding.id.len())];
    page.line(format!("  {id}  {}  {who}", parts.join("; ")));
    page.block(4, &finding.text);
    if finding.deleted {
        let reason = finding.deleted_reason.join("; ");
        for deleted in &finding.deleted_by {
            let by = by(&deleted.author, &deleted.at, m);
            let values = [("by", by.as_str()), ("reason", reason.as_str())];
            page.line(format!("    {}", m.text("show.deleted_by", &values).trim_end()));
        }
    }
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
    if review.conflict {
        page.line(format!("  {}", m.text("show.verdicts_differ", &[])));
    }
    if let Some(since) = &review.since {
        record::since::text(page, since, &words::state(m, review.verdict), m);
    }
    for decision in &review.decisions {
        let by = by(&decision.said.author, &decision.said.at, m);
        let verdict = decision.verdict.map(|name| words::state(m, name)).unwrap_or_default();
        let standing = match decision.standing {
            Standing::Stands => String::new(),
            Standing::Replaced => m.text("show.replaced", &[]),
            Standing::NotBySupervisor => m.text("show.not_by_supervisor", &[]),
        };
        let line = format!("  {verdict}  {}  {by}  {standing}", decision.said.value);
        page.line(line.trim_end());
        if !decision.despite.is_empty() {
            let reason = decision.despite.as_str();
            page.line(format!("    {}", m.text("show.despite", &[("reason", reason)])));
        }
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
    let settled = if entry.counts { settled } else { m.text("show.not_by_supervisor", &[]) };
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
    if arrival.recorded == 0 {
        return m.text("arrival.none", &[]);
    }
    let mut line = m.text("arrival.counts", &counts);
    let mut add = |part: String| {
        line.push_str("; ");
        line.push_str(&part);
    };
    if let Some(at) = &arrival.stored_at {
        add(m.text("arrival.stored_at", &[("time", &time::minute(at))]));
    }
    if let Some(at) = &arrival.backed_up_at {
        let count = arrival.backed_up.to_string();
        let values = [("count", count.as_str()), ("time", &time::minute(at))];
        add(m.text("arrival.backed_up", &values));
    }
    line
}
