//! A settled sheet: what the grading models read.

use std::collections::{BTreeMap, BTreeSet};

use super::answers::{Answers, Response, Standing};
use super::cells::{Cell, Cells, Flag, Flags};
use super::grader::{Known, aside, part};
use super::result::{Aside, AsideReason, At, LISTED_MAX, Listed, Missing, Tally, WrongRows};
use super::settings::Settings;
use crate::checklist::expr::{Datum, Settled, Truth, Value};
use crate::checklist::template::{Choice, Item, NONE_KEY, Section, Template};

/// What counts of a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pick<'t> {
    /// An option.
    Option(&'t Choice),
    /// No option fits.
    None,
    /// Nobody answered, or nothing counts.
    Unanswered,
    /// Of what stands in conflict some gives no points, here or at what decides whether it applies.
    Disputed,
    /// Somebody said that it does not apply.
    NotApplicable,
    /// The checklist says that it does not apply.
    NotRelevant,
    /// What decides whether it applies is not answered or in conflict.
    Unsettled,
}

impl Pick<'_> {
    pub(super) fn points(self) -> u32 {
        match self {
            Self::Option(option) => option.points.unwrap_or(0),
            _ => 0,
        }
    }

    /// Returns the key that an answer has.
    pub(super) fn key(self) -> Option<String> {
        match self {
            Self::Option(option) => Some(option.key.clone()),
            Self::None => Some(NONE_KEY.to_owned()),
            _ => None,
        }
    }
}

/// A settled sheet.
#[derive(Clone, Copy)]
pub(super) struct Sheet<'a> {
    pub(super) template: &'a Template,
    pub(super) settings: &'a Settings,
    pub(super) answers: &'a Answers,
    pub(super) settled: Settled<'a>,
    pub(super) known: &'a [Known],
    pub(super) by_key: &'a BTreeMap<String, usize>,
    pub(super) cells: &'a Cells,
    pub(super) doubts: &'a BTreeSet<usize>,
    pub(super) strays: &'a BTreeMap<(Option<String>, Option<String>, String), AsideReason>,
}

impl<'a> Sheet<'a> {
    /// Returns an item by its place, with its section.
    pub(super) fn part(&self, place: usize) -> (&'a Section, &'a Item) {
        part(self.template, &self.known[place])
    }

    pub(super) fn at(&self, cell: &Cell) -> At {
        let (place, row) = cell;
        At {
            item: self.part(*place).1.key.clone(),
            row: row.as_ref().map(|row| row.as_str().to_owned()),
        }
    }

    pub(super) fn listed(&self, flag: Flag) -> Listed {
        self.list(self.cells.all(flag).iter())
    }

    /// Lists cells that are in the order of the checklist.
    fn list<'c>(&self, cells: impl ExactSizeIterator<Item = &'c Cell>) -> Listed {
        let count = cells.len();
        Listed { count, at: cells.take(LISTED_MAX).map(|cell| self.at(cell)).collect() }
    }

    /// Returns what stands at a cell.
    pub(super) fn standing(&self, cell: &Cell) -> Option<&'a Standing> {
        let (place, row) = cell;
        let (section, item) = self.part(*place);
        match row {
            None => self.answers.items.get(&item.key),
            Some(row) => self.answers.rows.get(&section.code)?.get(row.as_str())?.get(&item.key),
        }
    }

    /// Returns what holds of an item that is answered once.
    pub(super) fn flags(&self, item: &str) -> Flags {
        self.by_key.get(item).map(|place| self.cells.of(&(*place, None))).unwrap_or_default()
    }

    /// Returns what counts of a choice that is answered once.
    pub(super) fn pick(&self, item: &'a Item) -> Pick<'a> {
        let flags = self.flags(&item.key);
        if flags.has(Flag::NotRelevant) {
            return Pick::NotRelevant;
        }
        if flags.has(Flag::Partly) || self.is_doubtful(&item.key) {
            return Pick::Disputed;
        }
        if self.relevance(&item.key).is_some_and(|truth| !truth.holds) {
            return Pick::Unsettled;
        }
        let known = self.by_key.get(&item.key).and_then(|place| self.known.get(*place));
        let value = known.and_then(|known| self.settled.value(known.field, None));
        match value.map(|outcome| &outcome.datum) {
            Some(Datum::Value(Value::Text(key)))
                if &**key == NONE_KEY && item.option(key).is_none() =>
            {
                Pick::None
            }
            Some(Datum::Value(Value::Text(key))) => {
                item.option(key).map_or(Pick::Unanswered, Pick::Option)
            }
            Some(Datum::NotApplicable) => Pick::NotApplicable,
            _ => Pick::Unanswered,
        }
    }

    /// Returns whether an item that is answered once applies, and what that rests on.
    fn relevance(&self, key: &str) -> Option<Truth> {
        let field = self.known[*self.by_key.get(key)?].field;
        self.settled.relevance(field, None)
    }

    /// Returns whether it is not settled yet that an item that is answered once applies or does not.
    pub(super) fn is_unsettled(&self, key: &str) -> bool {
        self.relevance(key).is_some_and(|truth| !truth.marks.is_none())
    }

    fn is_doubtful(&self, item: &str) -> bool {
        self.by_key.get(item).is_some_and(|place| self.doubts.contains(place))
    }

    /// Returns whether the item of a knock-out says that it holds: the option `yes`, of several
    /// answers in any that stands, or a calculation that is true or may be by answers in conflict.
    pub(super) fn knocks(&self, key: &str) -> bool {
        let Some((_, item)) = self.template.item(key) else { return false };
        let Some(place) = self.by_key.get(key) else { return false };
        let field = self.known[*place].field;
        if item.is_calculated() {
            let says = self.settled.value(field, None).map(|says| &says.datum);
            return says == Some(&Datum::Value(Value::Bool(true))) || self.doubts.contains(place);
        }
        // While it is not settled whether it applies, it does.
        let applies =
            self.relevance(key).is_some_and(|truth| truth.holds || !truth.marks.is_none());
        let standing = self.standing(&(*place, None)).filter(|_| self.is_counted());
        applies
            && standing.is_some_and(|all| super::counting::stands(self.template, item, all, "yes"))
    }

    /// Returns the cases of the options that stand at a criterion.
    pub(super) fn cases(&self, item: &'a Item) -> BTreeSet<&'a str> {
        let applies = self.relevance(&item.key).is_none_or(|truth| truth.holds);
        if !applies || !self.is_counted() {
            return BTreeSet::new();
        }
        let place = self.by_key.get(&item.key).copied().unwrap_or_default();
        let responses = self.responses(&(place, None)).into_iter();
        let options = responses.filter_map(|response| match response {
            Response::Value(key) => item.option(key),
            _ => None,
        });
        options.filter_map(|option| option.case.as_deref()).collect()
    }

    /// Returns whether the answers were given to this checklist, as far as they say.
    fn is_counted(&self) -> bool {
        self.answers.filled_by.as_ref().is_none_or(|by| by.names(self.template))
    }

    pub(super) fn tally(&self) -> Tally {
        let count = |flag| self.cells.count(flag);
        Tally {
            items: count(Flag::Item),
            answered: count(Flag::Answered),
            unanswered: count(Flag::Missing) + count(Flag::Optional),
            missing: count(Flag::Missing),
            not_applicable: count(Flag::NotApplicable),
            not_relevant: count(Flag::NotRelevant),
            conflicted: count(Flag::Conflicted) + count(Flag::NoOrder),
            pass: count(Flag::Pass),
            minor: count(Flag::Minor),
            major: count(Flag::Major),
            serious: count(Flag::Serious),
            aside: self.cells.count(Flag::Misfit) + self.strays.len(),
        }
    }

    /// Returns the items without an answer that counts.
    pub(super) fn unanswered(&self) -> Listed {
        let (must, may) = (self.cells.all(Flag::Missing), self.cells.all(Flag::Optional));
        let cells: BTreeSet<&Cell> = must.union(may).collect();
        self.list(cells.into_iter())
    }

    pub(super) fn missing(&self) -> Missing {
        let (worse, none) = (self.cells.all(Flag::Conflicted), self.cells.all(Flag::NoOrder));
        let conflicts: BTreeSet<&Cell> = worse.union(none).collect();
        Missing {
            items: self.listed(Flag::Missing),
            rows: self.wrong_rows(),
            evidence: self.listed(Flag::EvidenceShort),
            violated: self.listed(Flag::Violated),
            conflicts: self.list(conflicts.into_iter()),
            unsettled: self.unsettled(),
            cases: Vec::new(),
        }
    }

    /// Returns what is not settled: items, and the items of repeat groups that may have to have rows.
    fn unsettled(&self) -> Listed {
        let mut list = self.listed(Flag::Unsettled);
        for (section, repeat) in self.template.groups() {
            let Some(group) = self.template.program().group(&section.code) else { continue };
            let relevance = self.settled.group_relevance(group);
            let rows = self.settled.rows(group).count();
            let fits = (repeat.min as usize..=repeat.max as usize).contains(&rows);
            if !fits && !relevance.holds && !relevance.marks.is_none() {
                let at = section.items.iter().map(|item| At { item: item.key.clone(), row: None });
                let at: Vec<At> = at.collect();
                list.join(Listed { count: at.len(), at });
            }
        }
        list
    }

    fn wrong_rows(&self) -> Vec<WrongRows> {
        let mut wrong = Vec::new();
        for (section, repeat) in self.template.groups() {
            let Some(group) = self.template.program().group(&section.code) else { continue };
            let rows = self.settled.rows(group).count();
            let (min, max) = (repeat.min, repeat.max);
            let fits = (min as usize..=max as usize).contains(&rows);
            if !fits && self.settled.group_relevance(group).holds {
                wrong.push(WrongRows { section: section.code.clone(), rows, min, max });
            }
        }
        wrong
    }

    /// Returns the answers that do not count, those without a place first.
    pub(super) fn aside(&self) -> Vec<Aside> {
        let none = Standing::default();
        let stray = |(at, reason): (&(Option<String>, Option<String>, String), &AsideReason)| {
            let (section, row, item) = at;
            let standing = match (section, row) {
                (Some(section), Some(row)) => {
                    self.answers.rows.get(section).and_then(|rows| rows.get(row)?.get(item))
                }
                _ => self.answers.items.get(item),
            };
            aside(at, *reason, standing.unwrap_or(&none))
        };
        let misfit = |cell: &Cell| {
            let (section, item) = self.part(cell.0);
            let row = cell.1.as_ref().map(|row| row.as_str().to_owned());
            let section = row.is_some().then(|| section.code.clone());
            let standing = self.standing(cell).unwrap_or(&none);
            let mut aside =
                aside(&(section, row, item.key.clone()), AsideReason::DoesNotFit, standing);
            let misfits = standing
                .responses()
                .into_iter()
                .filter(|response| !super::counting::fits(self.template, item, response));
            aside.said = misfits.map(super::grader::said).collect();
            aside
        };
        let strays = self.strays.iter().map(stray);
        strays.chain(self.cells.all(Flag::Misfit).iter().map(misfit)).take(LISTED_MAX).collect()
    }

    /// Returns the responses of a cell that differ, with the one that counts.
    pub(super) fn responses(&self, cell: &Cell) -> Vec<&'a Response> {
        self.standing(cell).map(|standing| standing.responses()).into_iter().flatten().collect()
    }
}
