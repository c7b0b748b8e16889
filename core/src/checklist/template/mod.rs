//! *Phiếu kiểm tra*: a checklist template, immutable and named by its hash.
//!
//! A file of format 1 or 2 becomes one [`Template`], or every fault in it is told at once with its
//! place. The rules of grading are not here; the numbers that they use are.

mod answer;
mod check;
mod decimal;
mod diff;
mod fault;
mod form;
mod grading;
mod held;
mod model;
mod ocop;
mod periods;
mod points;
mod read;
pub(super) mod strict;
mod typed;
mod v1;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

pub use self::answer::{AnswerError, Wanted};
pub use self::decimal::{DECIMAL_DIGITS_MAX, Decimal, DecimalError};
pub use self::diff::{Changed, Difference, differences};
pub use self::fault::{Fault, FaultKind, TemplateError};
pub use self::grading::{
    CountsGrade, CountsRow, CountsTable, CriteriaHeld, Effect, Fallback, Gates, Grading, Knockout,
    KnockoutLevel, NoGrade, OcopPoints, Part, PassFail, Rank,
};
pub use self::held::{held_codes, held_set};
use self::model::File;
pub use self::model::{
    Anomaly, AnswerType, Basis, Case, Choice, Clause, Constraint, Correction, Evidence, Group,
    Item, NONE_KEY, Orders, ProductSet, Repeat, Required, ResultType, Section, Verified, Words,
    Worse,
};
pub use self::ocop::{Embedded, ocop_set, ocop_sets};
pub use self::periods::{Overlap, in_force, overlaps};
pub(in crate::checklist) use self::typed::day as typed_day;
use super::day::Day;
use super::expr::Program;
use crate::model::{Grade, RowGroup, Shape, TemplateId, canonical_bytes};

/// Largest template file: twenty times the largest known form, and 2,000 items of 500 bytes.
pub const TEMPLATE_BYTES_MAX: usize = 1024 * 1024;
/// Most items of a template. Each is one operation and one key in the first change of every
/// inspection, so this many are a tenth of the operations that a change may have.
pub const ITEMS_MAX: usize = 2_000;
/// Most rows of a repeat group: more than the lots that anybody inspects in a day, and few enough
/// that a screen still shows them at once.
pub const ROWS_MAX: u32 = 500;
/// Most options of a choice: more than a person reads.
pub const OPTIONS_MAX: usize = 100;
/// Longest answer in free text, in characters: two pages.
pub const TEXT_CHARS_MAX: u32 = 10_000;
/// Most photos of one item.
pub const PHOTOS_MAX: u32 = 20;
/// The newest form of template files that this program reads.
pub const FORMAT: u32 = 2;

/// A checklist template.
#[derive(Clone)]
pub struct Template {
    id: TemplateId,
    file: File,
    /// Section and place in it, by item.
    places: BTreeMap<String, (usize, usize)>,
    program: Arc<Program>,
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Template({} {} {})", self.file.code, self.file.edition, self.id)
    }
}

/// Templates of one name are equal: the name is the hash of everything they say.
impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Template {}

impl Template {
    /// Reads a template file and checks it whole.
    ///
    /// # Errors
    ///
    /// Returns [`TemplateError::Faults`] with everything that is wrong, each with its place, and
    /// the other variants when the file cannot be read at all.
    pub fn parse(bytes: &[u8]) -> Result<Self, TemplateError> {
        if bytes.len() > TEMPLATE_BYTES_MAX {
            return Err(TemplateError::TooLarge { bytes: bytes.len() });
        }
        let (value, mut faults) = strict::read(bytes).map_err(json)?;
        // A newer form may have other fields, so its number is looked at first.
        let (file, broken) = match value.get("format").and_then(Value::as_u64) {
            Some(1) => {
                let file: v1::FileV1 = serde_json::from_slice(bytes).map_err(json)?;
                faults.extend(file.faults());
                (file.into_file(), read::Broken::default())
            }
            Some(newer) if newer != u64::from(FORMAT) => {
                return Err(TemplateError::Format { found: newer });
            }
            _ => {
                let read::Outcome { file, faults: unread, broken } = read::read(&value);
                faults.extend(unread);
                check::nfc(&value, &mut faults);
                (file, broken)
            }
        };
        check::check(&file, &mut faults, &broken);
        let program = form::compile(&file, &mut faults, &broken);
        // Files of format 1 are pinned as they are.
        if faults.is_empty() && file.format == FORMAT {
            check::one_form(&value, &written(&file), &mut faults);
        }
        match program {
            Some(program) if faults.is_empty() => {
                let name = blake3::derive_key("bienban 2026-11 template", &canonical_bytes(&value));
                let places = places(&file);
                Ok(Self { id: TemplateId(name), file, places, program: Arc::new(program) })
            }
            _ => {
                let faults = faults.into_iter().map(|fault| fault.named(&value)).collect();
                Err(TemplateError::Faults { faults })
            }
        }
    }

    /// Returns the file as JSON: reading it again gives the same template with the same name.
    #[must_use]
    pub fn to_json(&self) -> Value {
        written(&self.file)
    }

    /// Returns the template's name: the hash of its canonical JSON.
    #[must_use]
    pub fn id(&self) -> TemplateId {
        self.id
    }

    /// Returns the form of its file, 1 or 2.
    #[must_use]
    pub fn format(&self) -> u32 {
        self.file.format
    }

    /// Returns the short code, for instance `CL-CHE`. Editions of one checklist share it.
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

    /// Returns who compared the data with the signed text; none when nobody has.
    #[must_use]
    pub fn verified(&self) -> Option<&Verified> {
        self.file.verified.as_ref()
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

    /// Returns what a reader should know about the source.
    #[must_use]
    pub fn notes(&self) -> &[Words] {
        &self.file.notes
    }

    /// Returns where an OCOP product set stands in the annexes.
    #[must_use]
    pub fn product_set(&self) -> Option<&ProductSet> {
        self.file.product_set.as_ref()
    }

    /// Returns the legal texts it rests on.
    #[must_use]
    pub fn legal_basis(&self) -> &[Basis] {
        &self.file.legal_basis
    }

    /// Returns the legal text that clauses cite by a short name.
    #[must_use]
    pub fn basis(&self, id: &str) -> Option<&Basis> {
        self.file.legal_basis.iter().find(|basis| basis.id == id)
    }

    /// Returns the worse order of each type of answer.
    #[must_use]
    pub fn orders(&self) -> &Orders {
        &self.file.orders
    }

    /// Returns all grades from best to worst: where answers conflict, the worse counts. Without an
    /// order it is empty, and no grade in conflict counts.
    #[must_use]
    pub fn order(&self) -> &[Grade] {
        self.file.orders.grade.as_deref().unwrap_or_default()
    }

    /// Returns the worse order of an item's values; none when a conflict counts as unanswered, and
    /// for grades, whose order is [`Template::order`].
    #[must_use]
    pub fn worse(&self, item: &Item) -> Option<Worse> {
        let orders = &self.file.orders;
        item.worse.or(match item.answer {
            AnswerType::Number { .. } => orders.number,
            AnswerType::Choice { .. } => orders.choice,
            AnswerType::Choices { .. } => orders.choices,
            AnswerType::Date {} => orders.date,
            _ => None,
        })
    }

    /// Returns the agencies by code.
    #[must_use]
    pub fn agencies(&self) -> &BTreeMap<String, Words> {
        &self.file.agencies
    }

    /// Returns the codes of the agencies that manage the matter (*cơ quan chủ trì quản lý*).
    #[must_use]
    pub fn managed_by(&self) -> &[String] {
        &self.file.managed_by
    }

    /// Returns the sections in order.
    #[must_use]
    pub fn sections(&self) -> &[Section] {
        &self.file.sections
    }

    /// Returns the grading model and its numbers.
    #[must_use]
    pub fn grading(&self) -> &Grading {
        &self.file.grading
    }

    /// Returns the compiled expressions: a field for each item, a group for each section.
    #[must_use]
    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }

    /// Returns what is odd in the official text.
    #[must_use]
    pub fn anomalies(&self) -> &[Anomaly] {
        &self.file.anomalies
    }

    /// Returns the slips of the transcript that were put right.
    #[must_use]
    pub fn corrections(&self) -> &[Correction] {
        &self.file.corrections
    }

    /// Returns every item's key, in order, those of repeat groups too.
    #[must_use]
    pub fn items(&self) -> Vec<String> {
        self.each().map(|(_, item)| item.key.clone()).collect()
    }

    /// Returns every item with its section, in order, those of repeat groups too.
    pub fn each(&self) -> impl Iterator<Item = (&Section, &Item)> {
        self.file
            .sections
            .iter()
            .flat_map(|section| section.items.iter().map(move |i| (section, i)))
    }

    /// Returns an item and its section.
    #[must_use]
    pub fn item(&self, key: &str) -> Option<(&Section, &Item)> {
        let (section, item) = self.places.get(key)?;
        let section = self.file.sections.get(*section)?;
        Some((section, section.items.get(*item)?))
    }

    /// Returns the sections whose items are answered once per row.
    pub fn groups(&self) -> impl Iterator<Item = (&Section, &Repeat)> {
        self.file
            .sections
            .iter()
            .filter_map(|section| section.repeat.as_ref().map(|repeat| (section, repeat)))
    }

    /// Returns the shape of an inspection filled by this checklist: its items that are answered
    /// once, and the groups whose items are answered once per row.
    #[must_use]
    pub fn shape(&self) -> Shape {
        let keys = |section: &Section, wanted: fn(&Item) -> bool| -> Vec<String> {
            let items = section.items.iter().filter(|item| wanted(item));
            items.map(|item| item.key.clone()).collect()
        };
        let once = || self.sections().iter().filter(|section| section.repeat.is_none());
        let groups = self.groups().map(|(section, _)| RowGroup {
            code: section.code.clone(),
            items: keys(section, |item| !item.is_calculated()),
        });
        Shape::Inspection {
            template: self.id,
            items: once().flat_map(|section| keys(section, |_| true)).collect(),
            calculated: once().flat_map(|section| keys(section, Item::is_calculated)).collect(),
            groups: groups.collect(),
        }
    }
}

/// Returns a file as JSON.
fn written(file: &File) -> Value {
    let value = if file.format == 1 {
        serde_json::to_value(v1::FileV1::of(file))
    } else {
        serde_json::to_value(file)
    };
    value.expect("the types of a template have text keys and integer numbers, so they are JSON")
}

/// Returns whether a text is a day of the calendar, as YYYY-MM-DD.
pub(super) fn is_day(text: &str) -> bool {
    text.parse::<Day>().is_ok()
}

fn json(source: serde_json::Error) -> TemplateError {
    TemplateError::Json { line: source.line(), column: source.column(), source }
}

fn places(file: &File) -> BTreeMap<String, (usize, usize)> {
    let mut places = BTreeMap::new();
    for (s, section) in file.sections.iter().enumerate() {
        for (i, item) in section.items.iter().enumerate() {
            places.insert(item.key.clone(), (s, i));
        }
    }
    places
}

#[cfg(test)]
mod tests;
