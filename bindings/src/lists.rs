//! Lists, in pages, from summary rows: no document is opened for them.

use bienban_core::client::parts;
use bienban_core::client::{Client, ClientError, InspectionRow};
use bienban_core::model::{DocumentId, Kind, Scope, Summary};

use crate::bienban::Bienban;
use crate::error::{BienbanError, Fault};
use crate::inspections::id;
use crate::records::{
    DocumentName, LocalText, Named, UnitName, count, state_named, unit_of, verdict_named, words,
};

/// Rows of a page where nobody says how many: more than a screen shows at once.
const ROWS: u32 = 50;

/// Most rows of a page: what crosses to another language in a few milliseconds.
const ROWS_MAX: u32 = 200;

/// Rows that one call looks through for those that fit a filter. With more the page may be short, and its
/// cursor goes on behind them: a call stays quick on any phone.
const LOOKED_MAX: usize = 2_000;

/// Which part of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, uniffi::Record)]
pub struct ListQuery {
    /// Goes on after this: the `next` of the page before.
    #[uniffi(default = None)]
    pub after: Option<String>,
    /// At most this many, up to 200; 0 for 50.
    #[uniffi(default = 0)]
    pub limit: u32,
    /// Only this administrative unit, by its code.
    #[uniffi(default = None)]
    pub unit: Option<String>,
    /// Only what has this in its title or code, in any case.
    #[uniffi(default = None)]
    pub text: Option<String>,
}

/// Which inspections; what is not set leaves none out.
#[derive(Debug, Clone, Default, PartialEq, Eq, uniffi::Record)]
pub struct InspectionFilter {
    /// Of this plan.
    #[uniffi(default = None)]
    pub plan: Option<String>,
    /// Of this facility.
    #[uniffi(default = None)]
    pub facility: Option<String>,
    /// In this state, by its key.
    #[uniffi(default = None)]
    pub state: Option<String>,
    /// With this verdict, by its key; `pending` takes those without a review too.
    #[uniffi(default = None)]
    pub verdict: Option<String>,
    /// Only with values that differ.
    #[uniffi(default = false)]
    pub conflicted: bool,
    /// Only with requests of a supervisor that wait for an answer.
    #[uniffi(default = false)]
    pub requested: bool,
    /// Only with edits that are nowhere but here.
    #[uniffi(default = false)]
    pub only_here: bool,
}

/// A facility in a list (*cơ sở*).
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct FacilityRow {
    /// Its id.
    pub id: String,
    /// *Mã cơ sở*; several where people wrote different ones.
    pub codes: Vec<String>,
    /// Its name.
    pub title: String,
    /// Its administrative unit.
    pub unit: UnitName,
    /// Places in which values that differ stand.
    pub conflicts: u32,
    /// The latest time that any writer claims, in milliseconds since 1970.
    pub updated_at_ms: i64,
}

/// A page of facilities.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct FacilityPage {
    /// The rows, the most recently changed first.
    pub rows: Vec<FacilityRow>,
    /// What the next page goes on after; none at the end.
    pub next: Option<String>,
}

/// A plan in a list (*kế hoạch kiểm tra*).
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct PlanRow {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// Its administrative unit.
    pub unit: UnitName,
    /// Its first day, as YYYY-MM-DD; empty where nobody said.
    pub first_day: String,
    /// Its last day.
    pub last_day: String,
    /// It was cancelled.
    pub cancelled: bool,
    /// The latest time that any writer claims, in milliseconds since 1970.
    pub updated_at_ms: i64,
}

/// A page of plans.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct PlanPage {
    /// The rows, the most recently changed first.
    pub rows: Vec<PlanRow>,
    /// What the next page goes on after; none at the end.
    pub next: Option<String>,
}

/// A visit that a plan foresees.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct VisitRow {
    /// The inspection's id, the same on every device; [`Bienban::open_visit`] opens it.
    pub inspection: String,
    /// The facility's id.
    pub facility: String,
    /// The facility's name when it was planned.
    pub name: String,
    /// 1 for the first visit under the plan.
    pub visit: u32,
    /// It was taken off the plan.
    pub removed: bool,
}

/// A checklist (*danh mục kiểm tra*).
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct ChecklistRow {
    /// Its id: the hash of all it says.
    pub id: String,
    /// Its code.
    pub code: String,
    /// Its edition.
    pub edition: String,
    /// Its title.
    pub title: LocalText,
    /// An authority issued it; if not, nobody may be judged by it.
    pub official: bool,
    /// The day from which it is in force, as YYYY-MM-DD.
    pub effective_from: String,
    /// How many items it has.
    pub items: u32,
}

/// An inspection in a list (*cuộc kiểm tra*).
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct InspectionListRow {
    /// Its id.
    pub id: String,
    /// The facility visited.
    pub facility: Option<DocumentName>,
    /// The plan.
    pub plan: Option<DocumentName>,
    /// Its administrative unit.
    pub unit: UnitName,
    /// Where it stands.
    pub state: Named,
    /// Items that have an answer.
    pub answered: u32,
    /// Answers that the checklist asks for.
    pub items: u32,
    /// Places in which values that differ stand.
    pub conflicts: u32,
    /// Findings that count.
    pub findings: u32,
    /// The verdict of its review, if one has begun.
    pub verdict: Option<Named>,
    /// It differs from what the verdict was given over.
    pub changed_since_verdict: bool,
    /// Requests of a supervisor that wait for an answer.
    pub open_requests: u32,
    /// *Số biên bản*, or the temporary code while the minutes are not registered.
    pub minutes: Option<String>,
    /// The minutes are registered.
    pub registered: bool,
    /// Items, fields and texts that were written to since the minutes were signed; not in the counts.
    pub since_signed: u32,
    /// Edits of this device that are nowhere but here.
    pub only_here: u64,
    /// The latest time that any writer claims, in milliseconds since 1970.
    pub updated_at_ms: i64,
}

/// A page of inspections.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct InspectionPage {
    /// The rows, the most recently changed first.
    pub rows: Vec<InspectionListRow>,
    /// What the next page goes on after; none at the end.
    pub next: Option<String>,
}

/// Where a page ended.
fn cursor_of(row: &Summary) -> String {
    format!("{}-{}", row.updated_at.0, row.document)
}

/// Reads what [`cursor_of`] wrote.
fn cursor(text: &str) -> Result<(i64, DocumentId), Fault> {
    let parts = text
        .rsplit_once('-')
        .and_then(|(updated, document)| Some((updated.parse().ok()?, document.parse().ok()?)));
    parts.ok_or(Fault::Invalid)
}

/// Walks rows of a kind until a page is full, and returns what was taken and where to go on.
fn walk<T>(
    client: &Client,
    kind: Kind,
    query: &ListQuery,
    mut take: impl FnMut(&Summary) -> Result<Option<T>, Fault>,
) -> Result<(Vec<T>, Option<String>), Fault> {
    let limit = if query.limit == 0 { ROWS } else { query.limit.min(ROWS_MAX) };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let scope = query.unit.as_deref().map(str::parse::<Scope>).transpose();
    let scope = scope.map_err(ClientError::from)?;
    let mut after = query.after.as_deref().map(cursor).transpose()?;
    let (mut taken, mut looked) = (Vec::new(), 0);
    loop {
        let asked = parts::ListQuery { after, scope: scope.clone(), limit };
        let rows = client.phone().replica().list(kind, &asked).map_err(ClientError::from)?;
        for row in &rows {
            looked += 1;
            taken.extend(take(row)?);
            if taken.len() == limit || looked == LOOKED_MAX {
                return Ok((taken, Some(cursor_of(row))));
            }
        }
        if rows.len() < limit {
            return Ok((taken, None));
        }
        after = rows.last().map(|row| (row.updated_at.0, row.document));
    }
}

/// Returns whether a text is in one of these, in any case.
fn has<'a>(wanted: Option<&String>, mut texts: impl Iterator<Item = &'a str>) -> bool {
    let Some(wanted) = wanted.map(|wanted| wanted.trim().to_lowercase()) else { return true };
    wanted.is_empty() || texts.any(|text| text.to_lowercase().contains(&wanted))
}

impl InspectionFilter {
    fn takes_row(&self, row: &Summary) -> Result<bool, Fault> {
        let plan = self.plan.as_deref().map(id).transpose()?;
        let facility = self.facility.as_deref().map(id).transpose()?;
        Ok((plan.is_none() || plan == row.plan) && (facility.is_none() || facility == row.facility))
    }

    fn takes(&self, row: &InspectionRow) -> bool {
        let verdict = row.review.as_ref().map_or("pending", |review| review.verdict.as_str());
        self.state.as_ref().is_none_or(|state| *state == row.state)
            && self.verdict.as_deref().is_none_or(|wanted| wanted == verdict)
            && (!self.conflicted || row.conflicts > 0)
            && (!self.requested || row.review.as_ref().is_some_and(|of| of.open_requests > 0))
            && (!self.only_here || row.only_here > 0)
    }
}

fn inspection_row(told: &InspectionRow) -> InspectionListRow {
    let row = &told.row;
    let review = told.review.as_ref();
    InspectionListRow {
        id: row.document.to_string(),
        facility: told.facility.as_ref().map(DocumentName::of),
        plan: told.plan.as_ref().map(DocumentName::of),
        unit: unit_of(&row.scope),
        state: state_named(&told.state),
        answered: row.answered,
        items: row.items,
        conflicts: told.conflicts,
        findings: row.findings,
        verdict: review.map(|review| verdict_named(&review.verdict)),
        changed_since_verdict: review.is_some_and(|review| review.changed == Some(true)),
        open_requests: review.map_or(0, |review| review.open_requests),
        minutes: told.minutes.clone(),
        registered: told.registered,
        since_signed: row.since_signed,
        only_here: told.only_here,
        updated_at_ms: row.updated_at.0,
    }
}

#[uniffi::export]
impl Bienban {
    /// Lists facilities.
    ///
    /// # Errors
    ///
    /// Returns [`BienbanError::Invalid`] for a cursor that no page gave.
    pub async fn facilities(&self, query: ListQuery) -> Result<FacilityPage, BienbanError> {
        let work = move |client: &Client| {
            let (rows, next) = walk(client, Kind::Facility, &query, |row| {
                let texts = row.codes.iter().map(String::as_str).chain([row.title.as_str()]);
                let fits = has(query.text.as_ref(), texts);
                Ok(fits.then(|| FacilityRow {
                    id: row.document.to_string(),
                    codes: row.codes.clone(),
                    title: row.title.clone(),
                    unit: unit_of(&row.scope),
                    conflicts: row.conflicts,
                    updated_at_ms: row.updated_at.0,
                }))
            })?;
            Ok(FacilityPage { rows, next })
        };
        self.engine.read("facilities", work).await
    }

    /// Lists plans.
    ///
    /// # Errors
    ///
    /// As [`Bienban::facilities`].
    pub async fn plans(&self, query: ListQuery) -> Result<PlanPage, BienbanError> {
        let work = move |client: &Client| {
            let (rows, next) = walk(client, Kind::Plan, &query, |row| {
                let fits = has(query.text.as_ref(), std::iter::once(row.title.as_str()));
                Ok(fits.then(|| PlanRow {
                    id: row.document.to_string(),
                    title: row.title.clone(),
                    unit: unit_of(&row.scope),
                    first_day: row.day.clone(),
                    last_day: row.until.clone(),
                    cancelled: row.is_cancelled(),
                    updated_at_ms: row.updated_at.0,
                }))
            })?;
            Ok(PlanPage { rows, next })
        };
        self.engine.read("plans", work).await
    }

    /// Lists the visits that a plan foresees, those taken off it too.
    ///
    /// # Errors
    ///
    /// Returns [`BienbanError::NotFound`] when the plan is not here.
    pub async fn visits(&self, plan: String) -> Result<Vec<VisitRow>, BienbanError> {
        let work = move |client: &Client| {
            let visits = client.visits(id(&plan)?)?.into_iter().map(|visit| VisitRow {
                inspection: visit.document.to_string(),
                facility: visit.facility.to_string(),
                name: visit.name,
                visit: visit.visit,
                removed: visit.removed,
            });
            Ok(visits.collect())
        };
        self.engine.read("visits", work).await
    }

    /// Lists the checklists that are here.
    ///
    /// # Errors
    ///
    /// Returns [`BienbanError::Damaged`] when one cannot be read.
    pub async fn checklists(&self) -> Result<Vec<ChecklistRow>, BienbanError> {
        let work = |client: &Client| {
            let replica = client.phone().replica();
            let mut rows = Vec::new();
            for id in replica.templates().map_err(ClientError::from)? {
                let template = replica.template(id).map_err(ClientError::from)?;
                rows.push(ChecklistRow {
                    id: id.to_string(),
                    code: template.code().to_owned(),
                    edition: template.edition().to_owned(),
                    title: words(template.title()),
                    official: template.is_official(),
                    effective_from: template.effective_from().to_owned(),
                    items: count(template.items().len()),
                });
            }
            Ok(rows)
        };
        self.engine.read("checklists", work).await
    }

    /// Lists inspections that somebody has begun. Visits that nobody has begun are in
    /// [`Bienban::visits`].
    ///
    /// # Errors
    ///
    /// As [`Bienban::facilities`].
    pub async fn inspections(
        &self,
        query: ListQuery,
        filter: InspectionFilter,
    ) -> Result<InspectionPage, BienbanError> {
        let work = move |client: &Client| {
            let (rows, next) = walk(client, Kind::Inspection, &query, |row| {
                if !filter.takes_row(row)? {
                    return Ok(None);
                }
                let told = client.inspection_row(row)?;
                let names = [&told.facility, &told.plan].into_iter().flatten();
                let fits = has(query.text.as_ref(), names.map(|named| named.title.as_str()));
                Ok((fits && filter.takes(&told)).then(|| inspection_row(&told)))
            })?;
            Ok(InspectionPage { rows, next })
        };
        self.engine.read("inspections", work).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_nonsense_is_invalid() {
        let document = DocumentId([0xab; 32]);
        assert_eq!(cursor(&format!("-5-{document}")).unwrap(), (-5, document));
        for wrong in ["", "5", "x-ab", &format!("{document}")] {
            assert!(matches!(cursor(wrong), Err(Fault::Invalid)), "{wrong}");
        }
    }

    #[test]
    fn a_text_is_found_in_any_case() {
        let wanted = "ĐỒNG".to_owned();
        assert!(has(Some(&wanted), ["Chè Đồng Hỷ"].into_iter()));
        assert!(!has(Some(&wanted), ["Chè"].into_iter()));
        assert!(has(None, std::iter::empty()));
    }
}
