//! Lists: facilities, plans, inspections, checklists. Read from summary rows; no document is loaded.

use bienban_core::client::{Client, ClientError, Named};
use bienban_core::model::{DocumentId, Kind, Summary, Timestamp};
use bienban_core::replica::{ListQuery, units};
use clap::Args;
use serde::Serialize;

use super::error::CliError;
use super::output::{Answer, Output, Page};
use super::wrong::Wrong;
use super::{time, words, wrong};
use crate::messages::Messages;

/// Rows of a list when nobody says how many: what a terminal shows at once.
const LIMIT: usize = 50;

/// Which part of a list.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// At most this many.
    #[arg(long, default_value_t = LIMIT, value_name = "COUNT", value_parser = wrong::count)]
    limit: usize,

    /// Go on after this: the `next` of the page before.
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,

    /// Only this administrative unit, by its code.
    #[arg(long, value_name = "CODE")]
    commune: Option<String>,
}

/// A document named in a row.
#[derive(Debug, Serialize)]
pub(super) struct NamedData {
    pub(super) id: String,
    pub(super) title: String,
}

/// An administrative unit.
#[derive(Debug, Serialize)]
pub(super) struct UnitData {
    pub(super) code: String,
    pub(super) name: String,
}

/// A facility or plan in a list.
#[derive(Debug, Serialize)]
struct RowData {
    id: String,
    /// Of a facility; several with a bar between them where people wrote different ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    title: String,
    unit: UnitData,
    /// Of a plan: that it was cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    cancelled: Option<bool>,
    /// Of a plan: its days.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    conflicts: u32,
    updated_at: String,
}

/// An inspection in a list.
#[derive(Debug, Serialize)]
struct InspectionRow {
    id: String,
    facility: Option<NamedData>,
    plan: Option<NamedData>,
    unit: UnitData,
    state: String,
    answered: u32,
    items: u32,
    conflicts: u32,
    findings: u32,
    review: Option<ReviewRow>,
    /// Items, fields and texts that were written to since the minutes were sealed or signed. Those of sealed ones
    /// are not among what is counted here.
    since_signed: u32,
    /// `answered`, `items`, `findings` and `conflicts` are those of the sealed minutes.
    as_sealed: bool,
    /// Its sealed minutes: their number, or the temporary code while they are not registered.
    minutes: Option<String>,
    /// Edits of this device that no hub has signed for.
    only_here: u64,
    updated_at: String,
}

/// A review beside its inspection.
#[derive(Debug, Serialize)]
struct ReviewRow {
    verdict: String,
    /// Whether the inspection differs from what the verdict was given over; none while nothing is
    /// decided, and where the verdict does not say.
    changed: Option<bool>,
    open_requests: u32,
}

#[derive(Debug, Serialize)]
struct PageData<T> {
    rows: Vec<T>,
    /// What `--after` takes for the next page; none at the end.
    next: Option<String>,
}

/// A checklist in a list.
#[derive(Debug, Serialize)]
struct TemplateRow {
    id: String,
    code: String,
    title: String,
    edition: String,
    official: bool,
    effective_from: String,
    items: usize,
    /// Where administrators have put it in force, and from when on.
    in_force: Vec<InForceData>,
}

#[derive(Debug, Serialize)]
struct InForceData {
    unit: UnitData,
    from: String,
}

/// Returns a unit with its name.
pub(super) fn unit(scope: &bienban_core::model::Scope) -> UnitData {
    let name = units().unit(scope).map(|unit| unit.name).unwrap_or_default();
    UnitData { code: scope.to_string(), name }
}

/// Returns a unit for a person.
pub(super) fn unit_text(unit: &UnitData) -> String {
    if unit.name.is_empty() { unit.code.clone() } else { format!("{} {}", unit.code, unit.name) }
}

/// Lists facilities or plans.
pub(super) fn documents(
    client: &Client,
    kind: Kind,
    arguments: &ListArgs,
    output: &Output,
) -> Result<Answer, CliError> {
    let m = output.messages();
    let (summaries, next) = page(client, kind, arguments)?;
    let rows: Vec<RowData> = summaries
        .iter()
        .map(|row| RowData {
            id: row.document.to_string(),
            code: (kind == Kind::Facility).then(|| row.codes.join("|")),
            title: row.title.clone(),
            unit: unit(&row.scope),
            cancelled: (kind == Kind::Plan).then(|| row.is_cancelled()),
            from: (kind == Kind::Plan).then(|| row.day.clone()),
            to: (kind == Kind::Plan).then(|| row.until.clone()),
            conflicts: row.conflicts,
            updated_at: time::rfc3339(row.updated_at),
        })
        .collect();
    let mut text = Page::new();
    for row in &rows {
        let code = row.code.as_ref().map(|code| format!("{code}  ")).unwrap_or_default();
        let unit = unit_text(&row.unit);
        let mut line = format!("{}  {code}{}  [{unit}]", &row.id[..8], row.title);
        if let (Some(from), Some(to)) = (&row.from, &row.to) {
            line = format!("{line}  {}", m.text("plan.days", &[("from", from), ("to", to)]));
        }
        if row.cancelled == Some(true) {
            line = format!("{line}  {}", m.text("plan.cancelled_mark", &[]));
        }
        text.line(line);
    }
    close(&mut text, rows.is_empty(), next.as_deref(), m);
    Answer::new(&PageData { rows, next }, text)
}

/// Lists inspections.
pub(super) fn inspections(
    client: &Client,
    arguments: &ListArgs,
    output: &Output,
) -> Result<Answer, CliError> {
    let m = output.messages();
    let (summaries, next) = page(client, Kind::Inspection, arguments)?;
    let rows = summaries
        .iter()
        .map(|row| inspection(client, row))
        .collect::<Result<Vec<_>, ClientError>>()?;
    let mut text = Page::new();
    for row in &rows {
        inspection_text(&mut text, row, m);
    }
    close(&mut text, rows.is_empty(), next.as_deref(), m);
    Answer::new(&PageData { rows, next }, text)
}

fn inspection(client: &Client, row: &Summary) -> Result<InspectionRow, ClientError> {
    let shown = client.inspection_row(row)?;
    let named = |named: Named| NamedData { id: named.document.to_string(), title: named.title };
    Ok(InspectionRow {
        id: shown.row.document.to_string(),
        facility: shown.facility.map(named),
        plan: shown.plan.map(named),
        unit: unit(&shown.row.scope),
        state: shown.state,
        answered: shown.row.answered,
        items: shown.row.items,
        conflicts: shown.conflicts,
        findings: shown.row.findings,
        review: shown.review.map(|review| ReviewRow {
            verdict: review.verdict,
            changed: review.changed,
            open_requests: review.open_requests,
        }),
        since_signed: shown.row.since_signed,
        as_sealed: shown.as_sealed,
        minutes: shown.minutes,
        only_here: shown.only_here,
        updated_at: time::rfc3339(shown.row.updated_at),
    })
}

fn inspection_text(text: &mut Page, row: &InspectionRow, m: &Messages) {
    let title = row.facility.as_ref().map(|named| named.title.as_str()).unwrap_or_default();
    text.line(format!("{}  {}  [{}]", &row.id[..8], title, unit_text(&row.unit)));
    let mut parts = vec![
        words::state(m, &row.state),
        m.text(
            "list.answered",
            &[("answered", &row.answered.to_string()), ("items", &row.items.to_string())],
        ),
    ];
    if row.conflicts > 0 {
        parts.push(m.text("list.conflicts", &[("count", &row.conflicts.to_string())]));
    }
    if row.findings > 0 {
        parts.push(m.text("list.findings", &[("count", &row.findings.to_string())]));
    }
    if let Some(review) = &row.review {
        let verdict = words::state(m, &review.verdict);
        parts.push(match review.changed {
            Some(true) => m.text("list.changed", &[("verdict", &verdict)]),
            _ => verdict,
        });
        if review.open_requests > 0 {
            let count = review.open_requests.to_string();
            parts.push(m.text("list.requests", &[("count", &count)]));
        }
    }
    if row.since_signed > 0 {
        let count = row.since_signed.to_string();
        let key = if row.as_sealed { "list.late" } else { "list.since_signed" };
        parts.push(m.text(key, &[("count", &count)]));
    }
    if let Some(minutes) = &row.minutes {
        parts.push(m.text("list.minutes", &[("name", minutes)]));
    }
    if row.only_here > 0 {
        parts.push(m.text("list.only_here", &[("count", &row.only_here.to_string())]));
    }
    text.line(format!("          {}", parts.join("; ")));
}

/// Lists the checklists here.
pub(super) fn templates(client: &Client, output: &Output) -> Result<Answer, CliError> {
    let m = output.messages();
    let replica = client.phone().replica();
    let mut rows = Vec::new();
    let decided = replica.checklists_in_force().map_err(ClientError::from)?;
    for id in replica.templates().map_err(ClientError::from)? {
        let template = replica.template(id).map_err(ClientError::from)?;
        rows.push(TemplateRow {
            id: id.to_string(),
            code: template.code().to_owned(),
            title: words::local(m, template.title()).to_owned(),
            edition: template.edition().to_owned(),
            official: template.is_official(),
            effective_from: template.effective_from().to_owned(),
            items: template.items().len(),
            in_force: decided
                .iter()
                .filter(|one| one.template == id)
                .map(|one| InForceData { unit: unit(&one.scope), from: time::rfc3339(one.from) })
                .collect(),
        });
    }
    let mut text = Page::new();
    for row in &rows {
        let official = if row.official { String::new() } else { m.text("list.unofficial", &[]) };
        text.line(format!(
            "{}  {} {}: {} {official}",
            &row.id[..8],
            row.code,
            row.edition,
            row.title
        ));
        for one in &row.in_force {
            let (unit, from) = (unit_text(&one.unit), time::day_of(&one.from));
            let values = [("unit", unit.as_str()), ("from", from.as_str())];
            text.line(format!("          {}", m.text("list.in_force", &values)));
        }
    }
    close(&mut text, rows.is_empty(), None, m);
    Answer::new(&PageData { rows, next: None }, text)
}

/// Returns a document with its title.
pub(super) fn named(client: &Client, id: DocumentId) -> Result<NamedData, ClientError> {
    let named = client.named(id)?;
    Ok(NamedData { id: named.document.to_string(), title: named.title })
}

fn close(text: &mut Page, empty: bool, next: Option<&str>, m: &Messages) {
    if empty {
        text.line(m.text("list.empty", &[]));
    }
    if let Some(next) = next {
        text.line(m.text("list.next", &[("cursor", next)]));
    }
}

fn page(
    client: &Client,
    kind: Kind,
    arguments: &ListArgs,
) -> Result<(Vec<Summary>, Option<String>), CliError> {
    let scope = arguments.commune.as_deref().map(str::parse).transpose();
    let query = ListQuery {
        after: arguments.after.as_deref().map(cursor).transpose()?,
        scope: scope.map_err(ClientError::from)?,
        limit: arguments.limit,
    };
    let rows = client.phone().replica().list(kind, &query).map_err(ClientError::from)?;
    let last = rows.last().filter(|_| rows.len() == arguments.limit);
    let next = last.map(|row| format!("{}-{}", row.updated_at.0, row.document));
    Ok((rows, next))
}

/// Reads what [`page`] gave as `next`.
fn cursor(text: &str) -> Result<(i64, DocumentId), CliError> {
    let parts = text.rsplit_once('-').and_then(|(updated, document)| {
        Some((Timestamp(updated.parse().ok()?).0, document.parse().ok()?))
    });
    parts.ok_or_else(|| Wrong::Cursor { given: text.to_owned() }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_nonsense_is_wrong_usage() {
        let document = DocumentId([0xab; 32]);
        assert_eq!(cursor(&format!("-5-{document}")).unwrap(), (-5, document));
        for wrong in ["", "5", "x-ab", &format!("{document}")] {
            assert!(matches!(cursor(wrong), Err(CliError::Wrong(Wrong::Cursor { .. }))), "{wrong}");
        }
    }
}
