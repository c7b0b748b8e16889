//! From what a person types to the thing meant: short names, and codes of facilities.
//!
//! Reads names and summary rows. Only where those cannot tell (a visit that nobody has begun) does it
//! open documents, a few at a time.

use super::{Client, ClientError, Visit};
use crate::model::{
    ChangeHash, DeviceId, Document, DocumentId, Genesis, Kind, Summary, TemplateId, clean,
};
use crate::replica::ListQuery;
use crate::sync::DeviceEntry;

/// Fewer digits than this name nothing: they would match by accident.
const DIGITS_MIN: usize = 4;

/// Names shown when several match.
const CANDIDATES_MAX: usize = 8;

/// Rows of one page when all of a kind are walked through.
const PAGE_ROWS: usize = 256;

/// Visits of one facility under one plan that are tried when nobody has begun one: a recheck of a
/// recheck is the most that the procedure knows.
const VISITS_TRIED_MAX: u32 = 4;

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
        one(WHAT, name, found, |(document, _)| document.short()).map(|(_, genesis)| genesis)
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
            found.extend(rows.iter().filter(|row| row.title == title).map(|row| row.document));
            if found.is_empty() {
                found.extend(rows.iter().filter(|row| has_code(row, &title)).map(|r| r.document));
            }
        }
        one(WHAT, name, found, DocumentId::short)
    }

    /// Finds a plan by the first digits of its name or its exact title.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NotFound`] or [`ClientError::Ambiguous`].
    pub fn find_plan(&self, name: &str) -> Result<DocumentId, ClientError> {
        let mut found: Vec<DocumentId> =
            self.by_digits(Kind::Plan, name)?.into_iter().map(|(id, _)| id).collect();
        if found.is_empty() {
            let rows = self.all(Kind::Plan)?.into_iter();
            let title = typed(name);
            found.extend(rows.filter(|row| row.title == title).map(|row| row.document));
        }
        one("plan", name, found, DocumentId::short)
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
            return one(WHAT, name, found, TemplateId::short);
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
        one(WHAT, name, editions, |(_, id)| id.short()).map(|(_, id)| id)
    }

    /// Finds a device by the first digits of its name, or a person's exact name.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NotFound`] or [`ClientError::Ambiguous`].
    pub fn find_device(&self, name: &str) -> Result<DeviceEntry, ClientError> {
        let known = self.phone().replica().devices()?.into_iter();
        let person = typed(name);
        let matches = |device: &DeviceId, called: &str| {
            called == person || (is_digits(name) && starts(&device.to_string(), name))
        };
        let found = known.filter(|entry| matches(&entry.device, &entry.name)).collect();
        one("device", name, found, |entry: &DeviceEntry| entry.device.short())
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
            heads.push(one("change", name, found, ChangeHash::short)?);
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
        for plan in self.all(Kind::Plan)? {
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
    fn planned(&self) -> Result<Vec<Visit>, ClientError> {
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
fn typed(name: &str) -> String {
    clean(name.trim())
}

fn is_digits(name: &str) -> bool {
    let name = name.trim();
    name.len() >= DIGITS_MIN && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn starts(full: &str, name: &str) -> bool {
    full.starts_with(&name.trim().to_ascii_lowercase())
}

/// Takes the only one, or says what is wrong with the name.
fn one<T>(
    what: &'static str,
    name: &str,
    mut found: Vec<T>,
    short: impl Fn(&T) -> String,
) -> Result<T, ClientError> {
    if found.len() > 1 {
        let candidates = found.iter().take(CANDIDATES_MAX).map(short).collect();
        return Err(ClientError::Ambiguous { what, name: name.to_owned(), candidates });
    }
    found.pop().ok_or_else(|| ClientError::NotFound { what, name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_only_match_or_an_error_that_says_which() {
        let show = |text: &&str| (*text).to_owned();
        assert_eq!(one("device", "ab", vec!["ab01"], show).unwrap(), "ab01");
        let none = one("device", "ab", Vec::new(), show).unwrap_err();
        assert!(matches!(none, ClientError::NotFound { what: "device", .. }));
        let two = one("device", "ab", vec!["ab01", "ab02"], show).unwrap_err();
        assert!(two.to_string().contains("ab01, ab02"), "{two}");
    }

    #[test]
    fn a_name_with_accents_typed_apart_is_the_name_in_the_record() {
        assert_eq!(typed(" Che\u{300} Ba\u{306}\u{301}c Sơn "), "Chè Bắc Sơn");
    }

    #[test]
    fn few_digits_and_words_are_no_short_names() {
        assert!(is_digits("12ab"));
        assert!(is_digits(" 12AB "));
        assert!(!is_digits("12a"));
        assert!(!is_digits("chè shan"));
    }
}
