//! *Phiếu kiểm tra*: a checklist template, immutable and named by its hash.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::{Grade, Severity, Shape, TemplateId, canonical_bytes};

/// Largest template file: a hundred times the largest known form.
pub const TEMPLATE_BYTES_MAX: usize = 1024 * 1024;
/// Most items of a template. Each is a text in the first change of every inspection.
pub const ITEMS_MAX: usize = 500;
/// The form of template files that this program reads.
const FORMAT: u32 = 1;
/// Longest key of an item, in characters.
const KEY_CHARS_MAX: usize = 16;

/// Why a file is no template.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// The file is too large.
    #[error("the template has {bytes} bytes, over the limit of {TEMPLATE_BYTES_MAX}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// It is no JSON, a field is missing or unknown, or a value is of the wrong type.
    #[error("template line {line}, column {column}: {source}")]
    Json {
        /// Line of the file, from 1.
        line: usize,
        /// Column of the line.
        column: usize,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// The file is of a newer form.
    #[error("the template has format {found}, this program reads {FORMAT}; update the program")]
    Format {
        /// Its format.
        found: u32,
    },
    /// A date is not a day.
    #[error("the template's {field} must be a day as YYYY-MM-DD")]
    Day {
        /// Which field.
        field: &'static str,
    },
    /// Something must not be empty.
    #[error("the template's {field} is empty")]
    Empty {
        /// Which field.
        field: &'static str,
    },
    /// A section's code occurs twice.
    #[error("section {section}, number {position} in the file, has a code that is used before")]
    SectionTwice {
        /// Its code.
        section: String,
        /// Its place in the file, from 1.
        position: usize,
    },
    /// A section names an agency that the template does not define.
    #[error("section {section}, number {position} in the file, names the unknown agency {agency}")]
    Agency {
        /// The section.
        section: String,
        /// Its place in the file, from 1.
        position: usize,
        /// The agency.
        agency: String,
    },
    /// An item is wrong.
    #[error("section {section}, item {item}, number {position} in the section: {reason}")]
    Item {
        /// The section.
        section: String,
        /// The item's key.
        item: String,
        /// Its place in the section, from 1.
        position: usize,
        /// What is wrong and what to do.
        reason: &'static str,
    },
    /// There are too many items.
    #[error("the template has {items} items, over the limit of {ITEMS_MAX}")]
    TooMany {
        /// How many.
        items: usize,
    },
    /// There is no item at all.
    #[error("the template has no items")]
    NoItems,
    /// The order of grades is incomplete.
    #[error(
        "the template's order must name na, pass, minor, major and serious once each, best first"
    )]
    Order,
}

/// Why an answer does not fit the checklist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// The checklist has no such item.
    #[error("the checklist has no item {item}; choose one of its items")]
    UnknownItem {
        /// The key that was given.
        item: String,
    },
    /// The item does not allow the grade.
    #[error("item {item} does not allow {grade}; allowed are {allowed}")]
    NotAllowed {
        /// The item.
        item: String,
        /// The grade that was given.
        grade: &'static str,
        /// The grades that the item allows.
        allowed: String,
    },
}

/// A text in Vietnamese and English.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// Vietnamese: the official one.
    pub vi: String,
    /// English.
    pub en: String,
}

/// One item (*chỉ tiêu kiểm tra*).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Its key, unique in the template, for instance `1.1`.
    pub key: String,
    /// What is checked.
    pub text: Words,
    /// Severities (*mức lỗi*) that an answer may have, beside pass and not applicable.
    pub severities: Vec<Severity>,
}

/// A section (*nhóm chỉ tiêu*) and the agency that answers for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// Its code, unique in the template.
    pub code: String,
    /// Its title.
    pub title: Words,
    /// The agency that answers for it, one of the template's.
    pub agency: String,
    /// Its items, in order.
    pub items: Vec<Item>,
}

/// A checklist template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    id: TemplateId,
    file: File,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    code: String,
    edition: String,
    title: Words,
    official: bool,
    effective_from: String,
    #[serde(default)]
    effective_to: Option<String>,
    source: String,
    legal_basis: Vec<String>,
    order: Vec<Grade>,
    agencies: BTreeMap<String, Words>,
    sections: Vec<Section>,
}

impl Template {
    /// Reads a template file and checks it whole.
    ///
    /// # Errors
    ///
    /// Returns [`TemplateError`] naming line, section, item or position, and what to do.
    pub fn parse(bytes: &[u8]) -> Result<Self, TemplateError> {
        if bytes.len() > TEMPLATE_BYTES_MAX {
            return Err(TemplateError::TooLarge { bytes: bytes.len() });
        }
        let json = |source: serde_json::Error| TemplateError::Json {
            line: source.line(),
            column: source.column(),
            source,
        };
        let value: serde_json::Value = serde_json::from_slice(bytes).map_err(json)?;
        // A newer form may have other fields, so its number is looked at first.
        let found = value.get("format").and_then(serde_json::Value::as_u64);
        if let Some(found) = found
            && found != u64::from(FORMAT)
        {
            return Err(TemplateError::Format { found: u32::try_from(found).unwrap_or(u32::MAX) });
        }
        let file: File = serde_json::from_slice(bytes).map_err(json)?;
        check(&file)?;
        let hash = blake3::derive_key("bienban 2026-11 template", &canonical_bytes(&value));
        Ok(Self { id: TemplateId(hash), file })
    }

    /// Returns the template's name: the hash of its canonical JSON.
    #[must_use]
    pub fn id(&self) -> TemplateId {
        self.id
    }

    /// Returns the short code, for instance `CL-CHE`.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.file.code
    }

    /// Returns the edition.
    #[must_use]
    pub fn edition(&self) -> &str {
        &self.file.edition
    }

    /// Returns the title.
    #[must_use]
    pub fn title(&self) -> &Words {
        &self.file.title
    }

    /// Returns whether it is an official form; if not, levels are proposals.
    #[must_use]
    pub fn is_official(&self) -> bool {
        self.file.official
    }

    /// Returns the first day it may be used, as YYYY-MM-DD.
    #[must_use]
    pub fn effective_from(&self) -> &str {
        &self.file.effective_from
    }

    /// Returns the last day it may be used.
    #[must_use]
    pub fn effective_to(&self) -> Option<&str> {
        self.file.effective_to.as_deref()
    }

    /// Returns where it comes from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.file.source
    }

    /// Returns the legal texts it rests on.
    #[must_use]
    pub fn legal_basis(&self) -> &[String] {
        &self.file.legal_basis
    }

    /// Returns all grades from best to worst: where answers conflict, the worse counts.
    #[must_use]
    pub fn order(&self) -> &[Grade] {
        &self.file.order
    }

    /// Returns the agencies by code.
    #[must_use]
    pub fn agencies(&self) -> &BTreeMap<String, Words> {
        &self.file.agencies
    }

    /// Returns the sections in order.
    #[must_use]
    pub fn sections(&self) -> &[Section] {
        &self.file.sections
    }

    /// Returns every item's key, in order.
    #[must_use]
    pub fn items(&self) -> Vec<String> {
        self.each().map(|(_, item)| item.key.clone()).collect()
    }

    /// Returns every item with its section, in order.
    pub fn each(&self) -> impl Iterator<Item = (&Section, &Item)> {
        self.file
            .sections
            .iter()
            .flat_map(|section| section.items.iter().map(move |i| (section, i)))
    }

    /// Returns an item and its section.
    #[must_use]
    pub fn item(&self, key: &str) -> Option<(&Section, &Item)> {
        self.each().find(|(_, item)| item.key == key)
    }

    /// Returns the shape of an inspection filled by this checklist.
    #[must_use]
    pub fn shape(&self) -> Shape {
        Shape::Inspection { template: self.id, items: self.items() }
    }

    /// Checks that an item allows a grade.
    ///
    /// # Errors
    ///
    /// Returns [`AnswerError`] naming the item and the grades that it allows.
    pub fn check_answer(&self, item: &str, grade: Grade) -> Result<(), AnswerError> {
        let Some((_, found)) = self.item(item) else {
            let item = crate::model::clean(item).chars().take(64).collect();
            return Err(AnswerError::UnknownItem { item });
        };
        let allowed = match grade {
            Grade::Pass | Grade::NotApplicable | Grade::Unanswered => true,
            Grade::Minor => found.severities.contains(&Severity::Minor),
            Grade::Major => found.severities.contains(&Severity::Major),
            Grade::Serious => found.severities.contains(&Severity::Serious),
            _ => false,
        };
        if allowed {
            return Ok(());
        }
        let mut names = vec!["pass"];
        names.extend(found.severities.iter().map(|severity| match severity {
            Severity::Minor => "minor",
            Severity::Major => "major",
            Severity::Serious => "serious",
        }));
        names.push("na");
        let (item, allowed) = (found.key.clone(), names.join(", "));
        Err(AnswerError::NotAllowed { item, grade: grade.name(), allowed })
    }
}

fn check(file: &File) -> Result<(), TemplateError> {
    for (field, text) in [
        ("code", &file.code),
        ("edition", &file.edition),
        ("title", &file.title.vi),
        ("English title", &file.title.en),
        ("source", &file.source),
    ] {
        if text.trim().is_empty() {
            return Err(TemplateError::Empty { field });
        }
    }
    if !is_day(&file.effective_from) {
        return Err(TemplateError::Day { field: "effective_from" });
    }
    if file.effective_to.as_deref().is_some_and(|day| !is_day(day)) {
        return Err(TemplateError::Day { field: "effective_to" });
    }
    let mut order = file.order.clone();
    order.sort_unstable();
    let all = [Grade::NotApplicable, Grade::Pass, Grade::Minor, Grade::Major, Grade::Serious];
    if order != all {
        return Err(TemplateError::Order);
    }
    let items = file.sections.iter().map(|section| section.items.len()).sum();
    if items > ITEMS_MAX {
        return Err(TemplateError::TooMany { items });
    }
    if items == 0 {
        return Err(TemplateError::NoItems);
    }
    let mut sections = BTreeSet::new();
    let mut keys = BTreeSet::new();
    for (position, section) in (1..).zip(&file.sections) {
        if !sections.insert(section.code.as_str()) {
            return Err(TemplateError::SectionTwice { section: section.code.clone(), position });
        }
        if !file.agencies.contains_key(&section.agency) {
            return Err(TemplateError::Agency {
                section: section.code.clone(),
                position,
                agency: section.agency.clone(),
            });
        }
        for (position, item) in (1..).zip(&section.items) {
            check_item(item, &mut keys).map_err(|reason| TemplateError::Item {
                section: section.code.clone(),
                item: item.key.clone(),
                position,
                reason,
            })?;
        }
    }
    Ok(())
}

fn check_item<'a>(item: &'a Item, keys: &mut BTreeSet<&'a str>) -> Result<(), &'static str> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-');
    if item.key.is_empty() || item.key.len() > KEY_CHARS_MAX || !item.key.bytes().all(plain) {
        return Err("a key is 1 to 16 of a-z, 0-9, full stop and hyphen");
    }
    if !keys.insert(&item.key) {
        return Err("the key is used before");
    }
    if item.text.vi.trim().is_empty() || item.text.en.trim().is_empty() {
        return Err("the text is empty");
    }
    if item.severities.is_empty() {
        return Err("no severity is allowed; name at least one");
    }
    if !item.severities.windows(2).all(|pair| pair[0] < pair[1]) {
        return Err("severities must rise and not repeat");
    }
    Ok(())
}

pub(super) fn is_day(text: &str) -> bool {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| text.get(from..to).and_then(|part| part.parse().ok());
    bytes.len() == 10
        && bytes.iter().enumerate().all(|(at, b)| match at {
            4 | 7 => *b == b'-',
            _ => b.is_ascii_digit(),
        })
        && matches!(number(5, 7), Some(1..=12))
        && matches!(number(8, 10), Some(1..=31))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checklist::TEA;

    fn broken(from: &str, to: &str) -> String {
        let text = std::str::from_utf8(TEA).unwrap();
        assert!(text.contains(from), "the embedded template no longer contains {from}");
        let text = text.replacen(from, to, 1);
        Template::parse(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn the_tea_checklist_is_whole_and_keeps_its_name() {
        let tea = Template::parse(TEA).unwrap();
        assert_eq!(tea.items().len(), 43);
        assert!(!tea.is_official());
        assert_eq!(tea.sections().len(), 9);
        // Inspections pin this name: a change of the file is another template.
        assert_eq!(
            tea.id().to_string(),
            "e90dfe1d02511c32d9ed6392021a51b7b17bbbebd00abc65124739d7af33c09a"
        );
    }

    #[test]
    fn the_name_does_not_depend_on_how_the_file_is_laid_out() {
        let value: serde_json::Value = serde_json::from_slice(TEA).unwrap();
        let compact = serde_json::to_vec(&value).unwrap();
        assert_eq!(Template::parse(&compact).unwrap().id(), Template::parse(TEA).unwrap().id());
    }

    #[test]
    fn a_severity_that_the_item_does_not_allow_is_refused_with_the_allowed_ones() {
        let tea = Template::parse(TEA).unwrap();
        assert!(tea.check_answer("1.1", Grade::Major).is_ok());
        assert_eq!(
            tea.check_answer("1.1", Grade::Serious).unwrap_err().to_string(),
            "item 1.1 does not allow serious; allowed are pass, major, na"
        );
        assert!(matches!(
            tea.check_answer("99.1", Grade::Pass),
            Err(AnswerError::UnknownItem { .. })
        ));
    }

    #[test]
    fn a_wrong_file_is_refused_with_the_place_of_the_fault() {
        assert_eq!(
            broken("\"key\": \"2.2\"", "\"key\": \"2.1\""),
            "section 2, item 2.1, number 2 in the section: the key is used before"
        );
        assert_eq!(
            broken("\"agency\": \"environment\"", "\"agency\": \"police\""),
            "section 4, number 4 in the file, names the unknown agency police"
        );
        assert!(broken("\"official\": false", "\"official\": 1").starts_with("template line 9,"));
        assert!(broken("\"format\": 1", "\"format\": 2").contains("update the program"));
        assert!(broken("\"na\",", "").contains("order"));
        assert!(Template::parse(b"{").unwrap_err().to_string().starts_with("template line 1,"));
        assert!(Template::parse(b"\xff\x00").is_err());
    }
}
