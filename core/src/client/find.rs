//! From what a person types to the thing meant: short names, and codes of facilities.
//!
//! Reads names and summary rows. Only where those cannot tell (a visit that nobody has begun) does it
//! open documents, a few at a time.

use std::fmt;

use super::{Client, ClientError, Visit};
use crate::model::{
    ChangeHash, Document, DocumentId, Genesis, Kind, Origin, Summary, TemplateId, Timestamp, clean,
};
use crate::replica::ListQuery;

/// Fewer digits than this name nothing: they would match by accident.
pub const DIGITS_MIN: usize = 4;

/// Names shown when several match.
const CANDIDATES_MAX: usize = 8;

/// Rows of one page when all of a kind are walked through.
const PAGE_ROWS: usize = 256;

/// Visits of one facility under one plan that are tried when nobody has begun one: a recheck of a
/// recheck is the most that the procedure knows.
const VISITS_TRIED_MAX: u32 = 4;

/// One of several things that a name fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its short name.
    pub id: String,
    /// Which plan it is, or belongs to.
    pub plan: Option<CandidatePlan>,
    /// Of an inspection: the number of the visit under the plan.
    pub visit: Option<u32>,
    /// Of a device: what tells it from others of its holder's name.
    pub device: Option<CandidateDevice>,
}

/// A device as it is told from others of its holder's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CandidateDevice {
    /// Its holder.
    pub name: String,
    /// *Cơ quan*.
    pub agency: String,
    /// When its last certificate was entered.
    pub since: Option<Timestamp>,
    /// When it, or its holder, was revoked for good.
    pub revoked: Option<Timestamp>,
}

/// A plan as it is told from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CandidatePlan {
    /// Its short name.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// Its first day.
    pub from: String,
    /// Its last day.
    pub until: String,
    /// It was cancelled.
    pub cancelled: bool,
}

impl Candidate {
    /// Names a thing that nothing but its name tells from others.
    #[must_use]
    pub fn bare(id: String) -> Self {
        Self { id, plan: None, visit: None, device: None }
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(CandidateDevice { name, agency, revoked, .. }) = &self.device {
            let revoked = if revoked.is_some() { ", revoked" } else { "" };
            return write!(f, "{} ({name}, {agency}{revoked})", self.id);
        }
        let Some(plan) = &self.plan else { return write!(f, "{}", self.id) };
        let CandidatePlan { id, title, from, until, cancelled } = plan;
        write!(f, "{} (plan {id} {title}, {from} to {until}", self.id)?;
        if let Some(visit) = self.visit {
            write!(f, ", visit {visit}")?;
        }
        write!(f, "{})", if *cancelled { ", cancelled" } else { "" })
    }
}

/// Returns candidates behind each other, in English.
pub(super) fn list(candidates: &[Candidate]) -> String {
    candidates.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl Client {
    /// Finds an inspection by the first digits of its name, or by the code or name of the facility
    /// if one inspection of it is here. A planned visit is found before anybody has begun it.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NotFound`] or [`ClientError::Ambiguous`].
    pub fn find_inspection(&self, name: &str) -> Result<Genesis, ClientError> {
        const WHAT: &str = "inspection";
        let mut found = self.by_digits(Kind::Inspection, name)?;
        if found.is_empty() && is_digits(name) {
            let planned = self.planned()?.into_iter();
            found.extend(
                planned
                    .filter(|visit| starts(&visit.document.to_string(), name))
                    .map(|visit| (visit.document, visit.genesis)),
            );
        }
        if found.is_empty() {
            let facility = match self.find_facility(name) {
                Err(ClientError::NotFound { .. }) => {
                    return Err(ClientError::NotFound { what: WHAT, name: name.to_owned() });
                }
                other => other?,
            };
            found = self.inspections_of(facility)?;
        }
        let tell =
            |(document, genesis): &(DocumentId, Genesis)| self.visit_told(*document, genesis);
        one(WHAT, name, found, tell).map(|(_, genesis)| genesis)
    }

    /// Finds a facility by the first digits of its name, its exact title, or its code in either
    /// case. Opens no document.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NotFound`] or [`ClientError::Ambiguous`].
    pub fn find_facility(&self, name: &str) -> Result<DocumentId, ClientError> {
        const WHAT: &str = "facility";
        let mut found: Vec<DocumentId> =
            self.by_digits(Kind::Facility, name)?.into_iter().map(|(id, _)| id).collect();
        if found.is_empty() {
            let rows = self.all(Kind::Facility)?;
            let title = typed(name);
            found.extend(
                rows.iter().filter(|row| is_called(&row.title, &title)).map(|row| row.document),
            );
            if found.is_empty() {
                found.extend(rows.iter().filter(|row| has_code(row, &title)).map(|r| r.document));
            }
        }
        one(WHAT, name, found, |id| Candidate::bare(id.short()))
    }

    /// Finds a plan by the first digits of its name or its exact title. A title that a cancelled plan
    /// and one that stands both have means the one that stands.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NotFound`] or [`ClientError::Ambiguous`].
    pub fn find_plan(&self, name: &str) -> Result<DocumentId, ClientError> {
        let mut found: Vec<DocumentId> =
            self.by_digits(Kind::Plan, name)?.into_iter().map(|(id, _)| id).collect();
        if found.is_empty() {
            let title = typed(name);
            let mut rows = self.all(Kind::Plan)?;
            rows.retain(|row| is_called(&row.title, &title));
            if rows.iter().any(|row| !row.is_cancelled()) {
                rows.retain(|row| !row.is_cancelled());
            }
            found.extend(rows.iter().map(|row| row.document));
        }
        one("plan", name, found, |id| Candidate {
            id: id.short(),
            plan: self.plan_told(*id),
            visit: None,
            device: None,
        })
    }

    /// Says what tells an inspection from others of its facility.
    fn visit_told(&self, document: DocumentId, genesis: &Genesis) -> Candidate {
        let (plan, visit) = match genesis.origin {
            Origin::Planned { plan, visit, .. } => (self.plan_told(plan), Some(visit)),
            _ => (None, None),
        };
        Candidate { id: document.short(), plan, visit, device: None }
    }

    /// Says which plan it is; nothing where its row is not here, for an error tells what it can.
    fn plan_told(&self, plan: DocumentId) -> Option<CandidatePlan> {
        let row = self.phone().replica().summary(plan).ok().flatten()?;
        let cancelled = row.is_cancelled();
        let Summary { title, day: from, until, .. } = row;
        Some(CandidatePlan { id: plan.short(), title, from, until, cancelled })
    }

    /// Finds a checklist by the first digits of its name, or by its code: of the editions here the
    /// one that took effect last by `today` (`YYYY-MM-DD`).
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NotFound`], or [`ClientError::Ambiguous`] also when two editions with
    /// the code took effect on the same day.
    pub fn find_template(&self, name: &str, today: &str) -> Result<TemplateId, ClientError> {
        const WHAT: &str = "checklist";
        let known = self.phone().replica().templates()?;
        let named = known.iter().filter(|id| is_digits(name) && starts(&id.to_string(), name));
        let found: Vec<TemplateId> = named.copied().collect();
        if !found.is_empty() {
            return one(WHAT, name, found, |id| Candidate::bare(id.short()));
        }
        let mut editions = Vec::new();
        for id in known {
            let template = self.phone().replica().template(id)?;
            let since = template.effective_from().to_owned();
            if template.code().eq_ignore_ascii_case(name.trim()) && since.as_str() <= today {
                editions.push((since, id));
            }
        }
        let latest = editions.iter().map(|(since, _)| since.clone()).max();
        editions.retain(|(since, _)| Some(since) == latest.as_ref());
        one(WHAT, name, editions, |(_, id)| Candidate::bare(id.short())).map(|(_, id)| id)
    }

    /// Finds past heads of a document from the first digits of changes.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NotFound`] or [`ClientError::Ambiguous`].
    pub fn find_heads(
        &self,
        document: &Document,
        names: &[String],
    ) -> Result<Vec<ChangeHash>, ClientError> {
        let past = document.view().past();
        let mut heads = Vec::new();
        for name in names {
            let found = past
                .iter()
                .map(|past| past.change)
                .filter(|change| is_digits(name) && starts(&change.to_string(), name))
                .collect();
            heads.push(one("change", name, found, |change| Candidate::bare(change.short()))?);
        }
        Ok(heads)
    }

    /// Returns the summaries of every document of a kind, the most recently changed first.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Store`] when reading fails.
    pub fn all(&self, kind: Kind) -> Result<Vec<Summary>, ClientError> {
        let mut rows: Vec<Summary> = Vec::new();
        loop {
            let after = rows.last().map(|row| (row.updated_at.0, row.document));
            let query = ListQuery { after, scope: None, limit: PAGE_ROWS };
            let page = self.phone().replica().list(kind, &query)?;
            let full = page.len() == PAGE_ROWS;
            rows.extend(page);
            if !full {
                return Ok(rows);
            }
        }
    }

    /// Returns the inspections of a facility that are here, else the visits planned to it.
    fn inspections_of(
        &self,
        facility: DocumentId,
    ) -> Result<Vec<(DocumentId, Genesis)>, ClientError> {
        let mut found = Vec::new();
        for row in self.all(Kind::Inspection)? {
            if row.facility == Some(facility) {
                found.push((row.document, self.phone().replica().genesis(row.document)?));
            }
        }
        // Visits that nobody has begun count too: a name that fits two must be refused, or an answer
        // goes into the wrong record.
        for plan in self.all(Kind::Plan)?.into_iter().filter(|plan| !plan.is_cancelled()) {
            for visit in self.visits(plan.document)? {
                let known = found.iter().any(|(document, _)| *document == visit.document);
                if visit.facility == facility && !visit.removed && !known {
                    found.push((visit.document, visit.genesis));
                }
            }
        }
        Ok(found)
    }

    /// Returns every visit that a plan foresees, and the repeat visits that may follow each.
    pub(super) fn planned(&self) -> Result<Vec<Visit>, ClientError> {
        let mut visits = Vec::new();
        for plan in self.all(Kind::Plan)? {
            for first in self.visits(plan.document)? {
                for number in 1..=VISITS_TRIED_MAX {
                    visits.push(first.clone().numbered(number));
                }
            }
        }
        Ok(visits)
    }

    fn by_digits(&self, kind: Kind, name: &str) -> Result<Vec<(DocumentId, Genesis)>, ClientError> {
        if !is_digits(name) {
            return Ok(Vec::new());
        }
        let mut found = self.phone().replica().named(name.trim(), usize::MAX)?;
        found.retain(|(_, genesis)| genesis.kind == kind);
        Ok(found)
    }
}

/// Codes are the same in either case, as the import takes them.
fn has_code(row: &Summary, code: &str) -> bool {
    let code = code.to_lowercase();
    !code.is_empty() && row.codes.iter().any(|own| own.to_lowercase() == code)
}

/// Returns a name as records hold it: some keyboards type letters and accents apart.
pub(super) fn typed(name: &str) -> String {
    clean(name.trim())
}

/// Returns whether a thing is called so. One without a name is not what somebody means who gives none.
pub(super) fn is_called(own: &str, typed: &str) -> bool {
    !typed.is_empty() && own == typed
}

pub(super) fn is_digits(name: &str) -> bool {
    let name = name.trim();
    name.len() >= DIGITS_MIN && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

pub(super) fn starts(full: &str, name: &str) -> bool {
    full.starts_with(&name.trim().to_ascii_lowercase())
}

/// Takes the only one, or says what is wrong with the name.
pub(super) fn one<T>(
    what: &'static str,
    name: &str,
    mut found: Vec<T>,
    tell: impl Fn(&T) -> Candidate,
) -> Result<T, ClientError> {
    if found.len() > 1 {
        let candidates = found.iter().take(CANDIDATES_MAX).map(tell).collect();
        return Err(ClientError::Ambiguous { what, name: name.to_owned(), candidates });
    }
    found.pop().ok_or_else(|| ClientError::NotFound { what, name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_only_match_or_an_error_that_says_which() {
        let show = |text: &&str| Candidate::bare((*text).to_owned());
        assert_eq!(one("device", "ab", vec!["ab01"], show).unwrap(), "ab01");
        let none = one("device", "ab", Vec::new(), show).unwrap_err();
        assert!(matches!(none, ClientError::NotFound { what: "device", .. }));
        let two = one("device", "ab", vec!["ab01", "ab02"], show).unwrap_err();
        assert!(two.to_string().contains("ab01; ab02"), "{two}");
    }

    #[test]
    fn what_several_plans_share_says_which_plan_each_is() {
        let plan = |title: &str, cancelled| CandidatePlan {
            id: "aaaa0000".to_owned(),
            title: title.to_owned(),
            from: "2026-11-01".to_owned(),
            until: "2026-11-30".to_owned(),
            cancelled,
        };
        let show = |(id, title, cancelled): &(&str, &str, bool)| Candidate {
            id: (*id).to_owned(),
            plan: Some(plan(title, *cancelled)),
            visit: Some(1),
            device: None,
        };
        let two = vec![("ab01", "Quý 4", false), ("ab02", "Tết", true)];
        let said = one("inspection", "BS-001", two, show).unwrap_err().to_string();
        assert!(
            said.contains("ab01 (plan aaaa0000 Quý 4, 2026-11-01 to 2026-11-30, visit 1)"),
            "{said}"
        );
        assert!(
            said.contains("ab02 (plan aaaa0000 Tết, 2026-11-01 to 2026-11-30, visit 1, cancelled)"),
            "{said}"
        );
    }

    #[test]
    fn a_name_with_accents_typed_apart_is_the_name_in_the_record() {
        assert_eq!(typed(" Che\u{300} Ba\u{306}\u{301}c Sơn "), "Chè Bắc Sơn");
    }

    #[test]
    fn what_has_no_name_is_not_called_by_none() {
        assert!(is_called("An", "An") && !is_called("An", "Ân"));
        assert!(!is_called("", &typed(" ")));
    }

    #[test]
    fn few_digits_and_words_are_no_short_names() {
        assert!(is_digits("12ab"));
        assert!(is_digits(" 12AB "));
        assert!(!is_digits("12a"));
        assert!(!is_digits("chè shan"));
    }
}
