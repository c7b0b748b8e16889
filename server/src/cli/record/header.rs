//! The header of the minutes: as data, and as text for a terminal.

use bienban_core::checklist::header::{
    Elsewhere, FromElsewhere, HeaderForm, HeaderRow, HeaderSheet, HeaderType, HeaderValue,
    moment_text,
};
use bienban_core::client::{Authors, header_form};
use bienban_core::model::{LifeCycle, SUPPLEMENTS};
use serde::Serialize;

use super::{SaidData, said};
use crate::cli::output::Page;
use crate::cli::{causes, page, words};
use crate::messages::Messages;

/// The states for which the minutes are made.
const MINUTES: [LifeCycle; 2] = [LifeCycle::MinutesSigned, LifeCycle::MinutesRefused];

/// The header of an inspection.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct HeaderData {
    form: FormData,
    /// The fields of the form in its order, then those that it does not have.
    fields: Vec<FieldData>,
    missing: MissingFields,
    /// Fields in which something does not fit.
    unfit: Vec<String>,
}

/// Which form it is read by.
#[derive(Debug, Serialize)]
struct FormData {
    edition: String,
    effective_from: String,
    official: bool,
    source: String,
}

/// The fields that each kind of minutes still needs.
#[derive(Debug, Serialize)]
struct MissingFields {
    minutes_signed: Vec<String>,
    minutes_refused: Vec<String>,
}

#[derive(Debug, Serialize)]
struct FieldData {
    field: String,
    /// Empty where the form does not have the field.
    title: String,
    /// One of text, person, date, `date_time`, phone, number, choice; none where it is not known.
    #[serde(rename = "type")]
    holds: Option<&'static str>,
    /// What it takes, in the language of the person.
    takes: Option<String>,
    /// The states that need it.
    required: Vec<&'static str>,
    /// One of missing, elsewhere, set, conflict.
    state: &'static str,
    values: Vec<ValueData>,
    /// What counts while nobody fills it.
    elsewhere: Option<ElsewhereData>,
    clause: Option<String>,
}

#[derive(Debug, Serialize)]
struct ValueData {
    #[serde(flatten)]
    said: SaidData<String>,
    /// The value as people read it.
    text: String,
    /// Why it does not fit; none when it does.
    problem: Option<String>,
}

#[derive(Debug, Serialize)]
struct ElsewhereData {
    /// One of plan, `plan_visit`, team, facility, step, unit.
    from: &'static str,
    value: String,
}

impl HeaderData {
    /// Turns a header into data, texts in the language of `m`.
    pub(in crate::cli) fn of(sheet: &HeaderSheet, authors: &Authors, m: &Messages) -> Self {
        let form = header_form();
        let owned = |keys: Vec<&str>| keys.into_iter().map(str::to_owned).collect::<Vec<String>>();
        let [minutes_signed, minutes_refused] = MINUTES.map(|state| owned(sheet.missing(state)));
        Self {
            form: FormData {
                edition: form.edition().to_owned(),
                effective_from: form.effective_from().to_string(),
                official: form.is_official(),
                source: form.source().to_owned(),
            },
            fields: sheet.rows.iter().map(|row| field(form, row, authors, m)).collect(),
            missing: MissingFields { minutes_signed, minutes_refused },
            unfit: owned(sheet.wrong()),
        }
    }
}

fn field(form: &HeaderForm, row: &HeaderRow, authors: &Authors, m: &Messages) -> FieldData {
    let known = row.field.as_ref();
    let value = |value: &HeaderValue| ValueData {
        said: said(&value.said, authors, Clone::clone),
        text: text_of(row, &value.said.value, m),
        problem: value.problem.as_ref().map(|problem| causes::of_header(problem, m)),
    };
    FieldData {
        field: row.key.clone(),
        title: known.map(|field| words::local(m, &field.title)).unwrap_or_default().to_owned(),
        holds: known.map(|field| field.holds.name()),
        takes: known.map(|field| words::header_wanted(m, &form.wanted(field))),
        required: known
            .map(|field| field.required.iter().map(|state| state.name()).collect())
            .unwrap_or_default(),
        state: row.state.name(),
        values: row.values.iter().map(value).collect(),
        elsewhere: row
            .elsewhere
            .as_ref()
            .map(|found| ElsewhereData { from: from(&found.place), value: found.text.clone() }),
        clause: known.map(|field| field.clause.clone()),
    }
}

fn from(place: &Elsewhere) -> &'static str {
    match place {
        Elsewhere::Plan(_) => "plan",
        Elsewhere::PlanVisit(_) => "plan_visit",
        Elsewhere::Team(_) => "team",
        Elsewhere::Facility(_) => "facility",
        Elsewhere::Step(_) => "step",
        _ => "unit",
    }
}

fn from_text(place: &Elsewhere, m: &Messages) -> String {
    match place {
        Elsewhere::Plan(_) | Elsewhere::PlanVisit(_) => m.text("header.from_plan", &[]),
        Elsewhere::Team(_) => m.text("header.from_team", &[]),
        Elsewhere::Facility(_) => m.text("header.from_facility", &[]),
        Elsewhere::Step(_) => m.text("header.from_step", &[]),
        _ => m.text("header.from_unit", &[]),
    }
}

/// Returns a value as people read it: a moment in Vietnam, an option by its title.
fn text_of(row: &HeaderRow, value: &str, m: &Messages) -> String {
    let shown = row.field.as_ref().and_then(|field| match &field.holds {
        HeaderType::DateTime => moment_text(value),
        HeaderType::Choice { options } => {
            let option = options.iter().find(|option| option.key == value)?;
            Some(words::local(m, &option.title).to_owned())
        }
        _ => None,
    });
    shown.unwrap_or_else(|| value.to_owned())
}

/// Writes the header as `show` has it: what is filled, then what is missing in a few lines.
pub(in crate::cli) fn text(page: &mut Page, sheet: &HeaderSheet, data: &HeaderData, m: &Messages) {
    page.gap();
    page.line(m.text("header.title", &[]));
    let mut empty = Vec::new();
    for (row, data) in sheet.rows.iter().zip(&data.fields) {
        if data.state == "missing" && !row.is_wrong() {
            empty.push(row.key.clone());
            continue;
        }
        field_text(page, row, data, m);
    }
    needed_text(page, data, m);
    if !empty.is_empty() {
        page.line(format!("  {}", m.text("header.empty", &[("fields", &empty.join(", "))])));
    }
    unofficial(page, data, m);
}

/// Writes every field with what it takes.
pub(in crate::cli) fn whole(page: &mut Page, sheet: &HeaderSheet, data: &HeaderData, m: &Messages) {
    page.line(m.text("header.title", &[]));
    for (row, data) in sheet.rows.iter().zip(&data.fields) {
        field_text(page, row, data, m);
        if let (Some(takes), "missing" | "elsewhere") = (&data.takes, data.state) {
            page.line(format!("      {}", m.text("header.takes", &[("takes", takes)])));
        }
    }
    page.gap();
    needed_text(page, data, m);
    unofficial(page, data, m);
}

fn unofficial(page: &mut Page, data: &HeaderData, m: &Messages) {
    if !data.form.official {
        let edition = [("edition", data.form.edition.as_str())];
        page.line(format!("  {}", m.text("header.unofficial", &edition)));
    }
}

fn needed_text(page: &mut Page, data: &HeaderData, m: &Messages) {
    let (signed, refused) = (&data.missing.minutes_signed, &data.missing.minutes_refused);
    if !signed.is_empty() {
        page.line(format!("  {}", m.text("header.needed", &[("fields", &signed.join(", "))])));
    }
    let more: Vec<&str> =
        refused.iter().filter(|key| !signed.contains(key)).map(String::as_str).collect();
    if !more.is_empty() {
        let fields = more.join(", ");
        page.line(format!("  {}", m.text("header.needed_refused", &[("fields", &fields)])));
    }
}

fn field_text(page: &mut Page, row: &HeaderRow, data: &FieldData, m: &Messages) {
    let name = match &row.field {
        Some(field) => format!("{} ({})", words::local(m, &field.title), row.key),
        None if row.key == SUPPLEMENTS => {
            format!("{} ({})", m.text("header.supplements", &[]), row.key)
        }
        None => m.text("header.unknown", &[("field", &row.key)]),
    };
    let says = data.values.iter().filter(|value| !value.text.trim().is_empty());
    let says: Vec<&ValueData> = says.collect();
    match (says.as_slice(), &row.elsewhere) {
        ([], Some(FromElsewhere { place, text })) => {
            let from = from_text(place, m);
            page.line(format!("  {name}: {}  [{from}]", text_of(row, text, m)));
        }
        ([], None) => page.line(format!("  {name}: –")),
        ([value], _) => page.line(format!("  {name}: {}", value_text(value, m))),
        (several, _) => {
            page.line(format!("  {name}:"));
            if data.state == "conflict" {
                page.line(format!("      {}", m.text("show.differ", &[])));
            }
            for value in several {
                page.line(format!("      {}", value_text(value, m)));
            }
        }
    }
    for problem in says.iter().filter_map(|value| value.problem.as_ref()) {
        // A name that the form does not have is said with its name already.
        if row.field.is_some() {
            page.line(format!("      {}", m.text("header.unfit", &[("why", problem)])));
        }
    }
}

fn value_text(value: &ValueData, m: &Messages) -> String {
    let by = page::by(&value.said.author, &value.said.at, m);
    let lines: Vec<&str> = value.text.lines().collect();
    format!("{}  {by}", lines.join(" / "))
}
