//! One sheet of answers, graded anew after each change without starting over.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::answers::{Answers, Finding, Response, Standing};
use super::cells::{Cell, Cells, Flag, Flags};
use super::counting::{self, Counted};
use super::result::{Aside, AsideReason};
use super::settings::Settings;
use super::sheet::Sheet;
use crate::checklist::day::Day;
use crate::checklist::expr::{self, Datum, Evaluation, Field, Given, Place, RowId, Truth, Value};
use crate::checklist::template::{AnswerType, Grading, Item, Required, Section, Template};
use crate::model::Grade;

/// An item of the checklist, as a grade sees it.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) field: Field,
    section: usize,
    item: usize,
    /// The grade rests on it: without a word of the checklist it must be answered.
    pub(super) rests: bool,
}

/// How much a regrade looked at, for proof and measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Regraded {
    /// Nodes of expressions that were evaluated.
    pub nodes: u64,
    /// Items, of rows in each row, that were read anew.
    pub cells: u64,
}

/// Where an answer stands that the checklist has no place for: section, row, item.
type Stray = (Option<String>, Option<String>, String);

/// A sheet of answers and what follows from it.
///
/// A changed answer re-evaluates the expressions that depend on it and reads the items anew that
/// these concern. What it comes to is a function of checklist, answers and settings: neither the
/// order nor the history of changes shows.
#[derive(Debug, Clone)]
pub struct Grader {
    pub(super) template: Arc<Template>,
    settings: Settings,
    answers: Answers,
    pub(super) evaluation: Evaluation,
    pub(super) known: Vec<Known>,
    by_key: BTreeMap<String, usize>,
    by_field: BTreeMap<Field, usize>,
    pub(super) cells: Cells,
    strays: BTreeMap<Stray, AsideReason>,
    /// Criteria that give points, and calculated knock-outs that do not hold, only for some of the
    /// answers that stand in conflict.
    doubts: BTreeSet<usize>,
    /// Cells whose answers changed since the last time.
    touched: Vec<Cell>,
    regraded: Regraded,
}

impl Grader {
    /// Begins with what stands.
    #[must_use]
    pub fn new(template: Arc<Template>, answers: Answers, settings: Settings) -> Self {
        let program = Arc::clone(template.program());
        let mut fields = program.fields();
        let mut known = Vec::new();
        let mut by_key = BTreeMap::new();
        let mut by_field = BTreeMap::new();
        for (s, section) in template.sections().iter().enumerate() {
            for (i, item) in section.items.iter().enumerate() {
                // A field for each item, in the order of the checklist.
                let Some(field) = fields.next() else { continue };
                by_key.insert(item.key.clone(), known.len());
                by_field.insert(field, known.len());
                let rests = rests_on(template.grading(), item);
                known.push(Known { field, section: s, item: i, rests });
            }
        }
        let evaluation = Evaluation::new(program, settings.as_of);
        let mut grader = Self {
            template,
            settings,
            answers: Answers { findings: answers.findings, ..Answers::default() },
            evaluation,
            known,
            by_key,
            by_field,
            cells: Cells::default(),
            strays: BTreeMap::new(),
            doubts: BTreeSet::new(),
            touched: Vec::new(),
            regraded: Regraded::default(),
        };
        grader.answers.filled_by = answers.filled_by;
        grader.touched.extend(grader.once());
        for (item, standing) in answers.items {
            grader.set(&item, standing);
        }
        for (section, rows) in answers.rows {
            for (row, answers) in rows {
                grader.add_row(&section, &row);
                for (item, standing) in answers {
                    grader.set_in_row(&section, &row, &item, standing);
                }
            }
        }
        grader
    }

    fn once(&self) -> Vec<Cell> {
        let is_once = |(_, known): &(usize, &Known)| self.part(known).0.repeat.is_none();
        self.known.iter().enumerate().filter(is_once).map(|(n, _)| (n, None)).collect()
    }

    /// Returns the checklist.
    #[must_use]
    pub fn template(&self) -> &Arc<Template> {
        &self.template
    }

    /// Returns what stands.
    #[must_use]
    pub fn answers(&self) -> &Answers {
        &self.answers
    }

    /// Returns what was asked.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Replaces what stands at an item that is answered once.
    pub fn set(&mut self, item: &str, standing: Standing) {
        let stray = self.stray_of(None, None, item);
        if let (None, Some(place)) = (stray, self.by_key.get(item)) {
            self.feed(*place, None, &standing);
        }
        self.note_stray((None, None, item.to_owned()), stray.filter(|_| says(&standing)));
        self.answers.items.insert(item.to_owned(), standing);
    }

    /// Replaces what stands at an item of a row. A row that is not there is added.
    pub fn set_in_row(&mut self, section: &str, row: &str, item: &str, standing: Standing) {
        if !self.answers.rows.get(section).is_some_and(|rows| rows.contains_key(row)) {
            self.add_row(section, row);
        }
        let stray = self.stray_of(Some(section), Some(row), item);
        if let (None, Some(place)) = (stray, self.by_key.get(item)) {
            self.feed(*place, Some(&RowId::new(row)), &standing);
        }
        let at = (Some(section.to_owned()), Some(row.to_owned()), item.to_owned());
        self.note_stray(at, stray.filter(|_| says(&standing)));
        let rows = self.answers.rows.entry(section.to_owned()).or_default();
        rows.entry(row.to_owned()).or_default().insert(item.to_owned(), standing);
    }

    /// Adds a row without answers to a repeat group. One that is there stays as it is; one that the
    /// checklist has no place for is kept, and its answers do not count.
    pub fn add_row(&mut self, section: &str, row: &str) {
        let rows = self.answers.rows.entry(section.to_owned()).or_default();
        if rows.contains_key(row) {
            return;
        }
        rows.insert(row.to_owned(), BTreeMap::new());
        let id = RowId::new(row);
        let group = self.evaluation.program().group(section);
        let added = group.is_some_and(|group| self.evaluation.add_row(group, &id).is_ok());
        if added && self.is_counted() {
            let places = self.places_in(section);
            self.touched.extend(places.into_iter().map(|place| (place, Some(id.clone()))));
        }
    }

    /// Removes a row with its answers.
    pub fn remove_row(&mut self, section: &str, row: &str) {
        if let Some(rows) = self.answers.rows.get_mut(section) {
            rows.remove(row);
        }
        let id = RowId::new(row);
        if let Some(group) = self.evaluation.program().group(section) {
            // A row that was set aside was never there.
            drop(self.evaluation.remove_row(group, &id));
        }
        for place in self.places_in(section) {
            self.cells.remove(&(place, Some(id.clone())));
        }
        self.strays.retain(|(of, in_row, _), _| {
            (of.as_deref(), in_row.as_deref()) != (Some(section), Some(row))
        });
    }

    /// Replaces a finding, or takes it away.
    pub fn set_finding(&mut self, name: &str, finding: Option<Finding>) {
        match finding {
            Some(finding) => drop(self.answers.findings.insert(name.to_owned(), finding)),
            None => drop(self.answers.findings.remove(name)),
        }
    }

    /// Sets the day as of which everything is worked out.
    pub fn set_as_of(&mut self, as_of: Day) {
        self.settings.as_of = as_of;
        self.evaluation.set_as_of(as_of);
    }

    /// Returns how much the last regrade looked at.
    #[must_use]
    pub fn regraded(&self) -> Regraded {
        self.regraded
    }

    /// Brings everything up to date and lets it be read.
    pub(super) fn sheet(&mut self) -> Sheet<'_> {
        self.settle();
        Sheet {
            template: &self.template,
            settings: &self.settings,
            answers: &self.answers,
            settled: self.evaluation.last(),
            known: &self.known,
            by_key: &self.by_key,
            cells: &self.cells,
            doubts: &self.doubts,
            strays: &self.strays,
        }
    }

    fn settle(&mut self) {
        let settled = self.evaluation.settle();
        let changed = settled.changes().iter().filter_map(|change| match &change.place {
            Place::Field(field, row) => Some((*self.by_field.get(field)?, row.clone())),
            Place::Group(_) => None,
        });
        let mut cells: Vec<Cell> = std::mem::take(&mut self.touched);
        cells.extend(changed);
        cells.sort();
        cells.dedup();
        self.regraded = Regraded {
            nodes: settled.effort().nodes,
            cells: u64::try_from(cells.len()).unwrap_or(u64::MAX),
        };
        for cell in cells {
            if let Some(flags) = self.flags(&cell) {
                self.cells.put(cell, flags);
            }
        }
        self.doubts = self.doubtful();
    }

    /// Returns what holds of a cell; none for a row that is gone.
    fn flags(&self, cell: &Cell) -> Option<Flags> {
        let (place, row) = cell;
        let known = self.known.get(*place)?;
        let (section, item) = self.part(known);
        let settled = self.evaluation.last();
        let relevance = settled.relevance(known.field, row.as_ref())?;
        let value = &settled.value(known.field, row.as_ref())?.datum;
        let mut flags = Flags::default();
        if matches!(item.answer, AnswerType::Calculation { .. }) {
            let marks = settled.value(known.field, row.as_ref())?.marks;
            let open = known.rests && !marks.is_none();
            flags.put(Flag::Unsettled, open || matches!(value, Datum::Invalid(_)));
            let said = self.standing(section, item, row.as_ref()).is_some_and(says);
            flags.put(Flag::Misfit, said && self.is_counted());
            return Some(flags);
        }
        let none = Standing::default();
        let standing = match self.is_counted() {
            true => self.standing(section, item, row.as_ref()).unwrap_or(&none),
            false => &none,
        };
        let reading = counting::read(&self.template, item, standing);
        flags.put(Flag::Misfit, reading.misfits);
        let required = self.required(known, item, row.as_ref());
        let in_doubt = !relevance.marks.is_none();
        flags.put(Flag::Unsettled, in_doubt && (required.holds || !required.marks.is_none()));
        if !relevance.holds {
            // While it is not settled whether it applies, the worse is that it does: what was found
            // stays found. And nobody can say yet that it does not apply.
            if in_doubt {
                put_grade(&mut flags, &reading.counted, true);
            }
            flags.put(Flag::NotRelevant, !in_doubt);
            return Some(flags);
        }
        flags.put(Flag::Item, true);
        flags.put(Flag::Conflicted, reading.conflict && reading.counted != Counted::NoOrder);
        flags.put(Flag::NoOrder, reading.conflict && reading.counted == Counted::NoOrder);
        flags.put(Flag::Partly, reading.partly);
        let answered = matches!(reading.counted, Counted::Answer(_) | Counted::NotApplicable);
        flags.put(Flag::Answered, answered);
        flags.put(Flag::NotApplicable, reading.counted == Counted::NotApplicable);
        put_grade(&mut flags, &reading.counted, false);
        if matches!(reading.counted, Counted::Answer(_)) {
            let photos = photos_min(item);
            flags.put(Flag::EvidenceShort, standing.photos < photos);
            let constraint = settled.constraint(known.field, row.as_ref());
            flags.put(Flag::Violated, constraint.is_some_and(|truth| !truth.holds));
        }
        flags.put(Flag::Missing, !answered && required.holds);
        flags.put(Flag::Optional, !answered && !required.holds);
        let may_be_missing = !answered && !required.holds && !required.marks.is_none();
        flags.put(Flag::Unsettled, may_be_missing);
        Some(flags)
    }

    /// Returns whether an item must be answered where it applies.
    fn required(&self, known: &Known, item: &Item, row: Option<&RowId>) -> Truth {
        let always = |always: bool| if always { Truth::YES } else { Truth::NO };
        match &item.required {
            None => always(known.rests),
            Some(Required::Always(required)) => always(*required),
            Some(Required::When(_)) => {
                let settled = self.evaluation.last();
                settled.requirement(known.field, row).unwrap_or(Truth::NO)
            }
        }
    }

    pub(super) fn standing(
        &self,
        section: &Section,
        item: &Item,
        row: Option<&RowId>,
    ) -> Option<&Standing> {
        match row {
            None => self.answers.items.get(&item.key),
            Some(row) => self.answers.rows.get(&section.code)?.get(row.as_str())?.get(&item.key),
        }
    }

    /// Tells the expressions what counts of an item.
    fn feed(&mut self, place: usize, row: Option<&RowId>, standing: &Standing) {
        self.touched.push((place, row.cloned()));
        let Some(known) = self.known.get(place) else { return };
        let (_, item) = self.part(known);
        if matches!(item.answer, AnswerType::Calculation { .. }) {
            return;
        }
        let field = known.field;
        let given = self.read(field, item, standing);
        // What fits the item is of its type, its row was added before, and its text is shorter than
        // the limit of texts, which is that of records.
        let taken = self.evaluation.set(field, row, given);
        debug_assert!(taken.is_ok(), "an answer that fits its item is not taken: {taken:?}");
    }

    pub(super) fn read(&self, field: Field, item: &Item, standing: &Standing) -> Given {
        let reading = counting::read(&self.template, item, standing);
        let given = match &reading.counted {
            Counted::NotApplicable => Given::not_applicable(),
            Counted::Answer(response) => self.given(field, item, response),
            Counted::Nothing | Counted::NoOrder | Counted::Misfit => Given::unanswered(),
        };
        if reading.conflict { given.conflicted() } else { given }
    }

    fn given(&self, field: Field, item: &Item, response: &Response) -> Given {
        let text = match (response, &item.answer) {
            (Response::Grade(grade), _) => grade.name(),
            // Only whether they are there can be asked of photos and signatures.
            (_, AnswerType::Photo { .. } | AnswerType::Signature {}) => "1",
            (Response::Value(text), _) => text,
            _ => return Given::unanswered(),
        };
        let value: Result<Value, expr::ReadError> = self.template.program().read(field, text);
        value.map_or_else(|_| Given::unanswered(), Given::value)
    }

    /// Returns why the checklist has no place for an answer; none where it has.
    fn stray_of(
        &self,
        section: Option<&str>,
        row: Option<&str>,
        item: &str,
    ) -> Option<AsideReason> {
        if !self.is_counted() {
            return Some(AsideReason::OtherEdition);
        }
        let group =
            section.map(|code| self.template.groups().find(|(group, _)| group.code == code));
        if group == Some(None) {
            return Some(AsideReason::UnknownSection);
        }
        let Some((found, _)) = self.template.item(item) else {
            return Some(AsideReason::UnknownItem);
        };
        let of = found.repeat.as_ref().map(|_| found.code.as_str());
        if of != section {
            return Some(AsideReason::WrongPlace);
        }
        let known = self.by_key.get(item).and_then(|place| self.known.get(*place))?;
        let row = row.map(RowId::new);
        match self.evaluation.has(known.field, row.as_ref()) {
            true => None,
            false => Some(AsideReason::Row),
        }
    }

    fn note_stray(&mut self, at: Stray, reason: Option<AsideReason>) {
        match reason {
            Some(reason) => drop(self.strays.insert(at, reason)),
            None => drop(self.strays.remove(&at)),
        }
    }

    /// Returns whether the answers were given to this checklist, as far as they say.
    fn is_counted(&self) -> bool {
        self.answers.filled_by.as_ref().is_none_or(|by| by.names(&self.template))
    }

    fn places_in(&self, section: &str) -> Vec<usize> {
        let of = |(_, known): &(usize, &Known)| self.part(known).0.code == section;
        self.known.iter().enumerate().filter(of).map(|(place, _)| place).collect()
    }

    pub(super) fn part(&self, known: &Known) -> (&Section, &Item) {
        part(&self.template, known)
    }
}

/// Says what a grade that counts is; of an item of which it is not known whether it applies only a
/// deviation.
fn put_grade(flags: &mut Flags, counted: &Counted, only_deviations: bool) {
    let Counted::Answer(Response::Grade(grade)) = counted else { return };
    let flag = match grade {
        Grade::Pass if !only_deviations => Flag::Pass,
        Grade::Minor => Flag::Minor,
        Grade::Major => Flag::Major,
        Grade::Serious => Flag::Serious,
        _ => return,
    };
    flags.put(flag, true);
}

/// Returns an item with its section.
pub(super) fn part<'t>(template: &'t Template, known: &Known) -> (&'t Section, &'t Item) {
    let section = &template.sections()[known.section];
    (section, &section.items[known.item])
}

/// Returns whether an answer that says anything stands.
fn says(standing: &Standing) -> bool {
    standing.photos > 0
        || standing.entries.iter().any(|entry| entry.response != Response::Withdrawn)
}

/// Returns the fewest photos that an answer needs.
pub(super) fn photos_min(item: &Item) -> u32 {
    let own = match item.answer {
        AnswerType::Photo { min, .. } => min,
        _ => 0,
    };
    own.max(item.evidence.as_ref().map_or(0, |evidence| evidence.photos_min))
}

fn rests_on(grading: &Grading, item: &Item) -> bool {
    match grading {
        Grading::PassFail(_) | Grading::CountsTable(_) => {
            matches!(item.answer, AnswerType::Grade { .. })
        }
        Grading::OcopPoints(ocop) => {
            let is_knockout = ocop.knockouts.iter().any(|knockout| knockout.item == item.key);
            item.max.is_some() || is_knockout
        }
        Grading::CriteriaHeld(_) => item.max.is_some(),
        Grading::None(_) => false,
    }
}

/// Returns what a response says, as people write it.
pub(super) fn said(response: &Response) -> String {
    match response {
        Response::Grade(grade) => grade.name().to_owned(),
        Response::NotApplicable => Grade::NotApplicable.name().to_owned(),
        Response::Withdrawn => Grade::Unanswered.name().to_owned(),
        Response::Value(text) | Response::Unreadable(text) => text.clone(),
    }
}

/// Returns an answer that does not count as it is shown.
pub(super) fn aside(at: &Stray, reason: AsideReason, standing: &Standing) -> Aside {
    let (section, row, item) = at.clone();
    let said = standing.responses().into_iter().map(said).collect();
    Aside { section, row, item, reason, said }
}
