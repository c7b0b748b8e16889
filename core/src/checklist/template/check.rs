//! Whether what a file says makes sense: names, references, bounds, dates. Points are in `points`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use unicode_normalization::is_nfc;

use super::fault::{Fault, FaultKind, quoted};
use super::model::{
    AnswerType, Case, Choice, Clause, File, Item, NONE_KEY, Orders, Section, Words, Worse,
};
use super::read::Broken;
use super::{ITEMS_MAX, OPTIONS_MAX, PHOTOS_MAX, ROWS_MAX, TEXT_CHARS_MAX, is_day, points, strict};
use crate::model::Grade;

/// Longest key or code, in characters: it stands in a column of a screen and in every answer.
const KEY_CHARS_MAX: usize = 16;
/// What a key of an item or option may hold.
const KEY: &str = "a-z, 0-9, full stop and hyphen";
/// What a code of a section, group, part or case may hold.
const CODE: &str = "A-Z, a-z, 0-9, full stop and hyphen";
/// Most earlier keys of an item: more editions than any checklist had in a working life.
const WAS_MAX: usize = 20;
/// Most digits after the point of a number.
const DECIMALS_MAX: u32 = 9;

/// Adds a fault for every text that is not in NFC: two spellings of one name would be two names.
pub(super) fn nfc(value: &Value, faults: &mut Vec<Fault>) {
    fn walk(value: &Value, at: &mut String, faults: &mut Vec<Fault>) {
        let length = at.len();
        match value {
            Value::String(text) if !is_nfc(text) => {
                faults.push(Fault::new(at.as_str(), FaultKind::NotNfc));
            }
            Value::Array(entries) => {
                for (index, entry) in entries.iter().enumerate() {
                    at.push_str(&format!("/{index}"));
                    walk(entry, at, faults);
                    at.truncate(length);
                }
            }
            Value::Object(fields) => {
                for (name, entry) in fields {
                    *at = strict::field(at, name);
                    if !is_nfc(name) {
                        faults.push(Fault::new(at.as_str(), FaultKind::NotNfc));
                    }
                    walk(entry, at, faults);
                    at.truncate(length);
                }
            }
            _ => {}
        }
    }
    walk(value, &mut String::new(), faults);
}

/// Adds a fault for every field that says what holds without it, such as an empty list or null: a
/// checklist has one form, so that writing what was read gives the same name.
pub(super) fn one_form(read: &Value, written: &Value, faults: &mut Vec<Fault>) {
    fn walk(read: &Value, written: &Value, at: &mut String, faults: &mut Vec<Fault>) {
        let length = at.len();
        match (read, written) {
            (Value::Object(read), Value::Object(written)) => {
                for (name, entry) in read {
                    *at = strict::field(at, name);
                    match written.get(name) {
                        Some(written) => walk(entry, written, at, faults),
                        None => faults.push(Fault::new(at.as_str(), FaultKind::Needless)),
                    }
                    at.truncate(length);
                }
            }
            (Value::Array(read), Value::Array(written)) => {
                for (index, (entry, written)) in read.iter().zip(written).enumerate() {
                    at.push_str(&format!("/{index}"));
                    walk(entry, written, at, faults);
                    at.truncate(length);
                }
            }
            _ => {}
        }
    }
    walk(read, written, &mut String::new(), faults);
}

/// Adds every fault of a file. `broken` are pointers to what could not be read and was replaced.
pub(super) fn check(file: &File, faults: &mut Vec<Fault>, broken: &Broken) {
    let mut checker = Checker {
        known: faults.iter().map(|fault| fault.pointer.clone()).collect(),
        faults,
        broken,
    };
    checker.head(file);
    checker.orders(&file.orders);
    checker.sections(file);
    points::check(&mut checker, file);
}

/// Collects faults; a place that could not be read has its fault already.
pub(super) struct Checker<'f> {
    known: BTreeSet<String>,
    faults: &'f mut Vec<Fault>,
    broken: &'f Broken,
}

impl Checker<'_> {
    pub(super) fn fault(&mut self, at: impl Into<String>, kind: FaultKind) {
        let at = at.into();
        if !self.known.contains(&at) {
            self.faults.push(Fault::new(at, kind));
        }
    }

    /// Returns whether something in the piece could not be read.
    pub(super) fn is_broken(&self, at: &str) -> bool {
        self.broken.has(at)
    }

    /// Returns whether anything of the sections or the grading could not be read.
    pub(super) fn any_broken(&self) -> bool {
        self.is_broken("/sections") || self.is_broken("/grading")
    }

    fn text(&mut self, at: impl Into<String>, text: &str) {
        if text.trim().is_empty() {
            self.fault(at, FaultKind::Empty);
        }
    }

    pub(super) fn words(&mut self, at: &str, words: &Words) {
        self.text(format!("{at}/vi"), &words.vi);
        if let Some(en) = &words.en {
            self.text(format!("{at}/en"), en);
        }
    }

    fn day(&mut self, at: &str, day: &str) {
        if !is_day(day) {
            self.fault(at, FaultKind::Day);
        }
    }

    pub(super) fn unknown(&mut self, at: impl Into<String>, what: &'static str, name: &str) {
        let at = at.into();
        // The name may be that of what could not be read.
        let may_be_unread = match what {
            "agency" => self.is_broken("/agencies"),
            "legal basis" => self.is_broken("/legal_basis"),
            "group of the section" => self.is_broken(&format!("{}/groups", piece(&at, 2))),
            "case of the item" => self.is_broken(&format!("{}/cases", piece(&at, 4))),
            "item" | "section" => self.broken.has_names(),
            _ => self.any_broken(),
        };
        if !may_be_unread {
            self.fault(at, FaultKind::Unknown { what, name: quoted(name) });
        }
    }

    fn key(&mut self, at: &str, key: &str, allowed: &'static str) {
        let plain = |b: u8| {
            b.is_ascii_lowercase()
                || b.is_ascii_digit()
                || matches!(b, b'.' | b'-')
                || (allowed == CODE && b.is_ascii_uppercase())
        };
        if key.is_empty() || key.len() > KEY_CHARS_MAX || !key.bytes().all(plain) {
            self.fault(at, FaultKind::Key { allowed });
        }
    }

    /// Checks a key, and that it is used once.
    pub(super) fn code<'k>(
        &mut self,
        at: String,
        key: &'k str,
        allowed: &'static str,
        used: &mut BTreeMap<&'k str, String>,
    ) {
        self.key(&at, key, allowed);
        match used.get(key) {
            Some(first) => {
                let kind = FaultKind::Twice { name: quoted(key), first: first.clone() };
                self.fault(at, kind);
            }
            None => drop(used.insert(key, at)),
        }
    }

    fn head(&mut self, file: &File) {
        self.text("/code", &file.code);
        self.text("/edition", &file.edition);
        self.text("/source", &file.source);
        self.words("/title", &file.title);
        if file.title.en.is_none() {
            self.fault("/title", FaultKind::NoEnglish);
        }
        self.day("/effective_from", &file.effective_from);
        if let Some(to) = &file.effective_to {
            self.day("/effective_to", to);
            if is_day(to) && is_day(&file.effective_from) && *to < file.effective_from {
                self.fault("/effective_to", FaultKind::DaysReversed);
            }
        }
        if let Some(verified) = &file.verified {
            self.text("/verified/by", &verified.by);
            self.day("/verified/on", &verified.on);
        }
        for (n, words) in file.notes.iter().enumerate() {
            self.words(&format!("/notes/{n}"), words);
        }
        let mut used = BTreeMap::new();
        for (n, basis) in file.legal_basis.iter().enumerate() {
            self.code(format!("/legal_basis/{n}/id"), &basis.id, CODE, &mut used);
            self.words(&format!("/legal_basis/{n}/text"), &basis.text);
        }
        for (code, words) in &file.agencies {
            self.words(&strict::field("/agencies", code), words);
        }
        for (n, agency) in file.managed_by.iter().enumerate() {
            if !file.agencies.contains_key(agency) {
                self.unknown(format!("/managed_by/{n}"), "agency", agency);
            }
        }
        let mut used = BTreeMap::new();
        for (n, anomaly) in file.anomalies.iter().enumerate() {
            self.code(format!("/anomalies/{n}/id"), &anomaly.id, CODE, &mut used);
            self.text(format!("/anomalies/{n}/vi"), &anomaly.vi);
            for (p, place) in anomaly.place.iter().enumerate() {
                self.place(format!("/anomalies/{n}/place/{p}"), file, place);
            }
        }
        for (n, correction) in file.corrections.iter().enumerate() {
            self.text(format!("/corrections/{n}/vi"), &correction.vi);
            if !correction.place.is_empty() {
                self.place(format!("/corrections/{n}/place"), file, &correction.place);
            }
        }
    }

    /// Checks that a note on the data names a part, section, group or item that exists.
    fn place(&mut self, at: String, file: &File, place: &str) {
        let exists = points::parts(file).iter().any(|part| part.code == place)
            || file.sections.iter().any(|section| {
                section.code == place
                    || section.groups.iter().any(|group| group.code == place)
                    || section.items.iter().any(|item| item.key == place)
            });
        if !exists {
            self.unknown(at, "part, section, group or item", place);
        }
    }

    fn orders(&mut self, orders: &Orders) {
        if let Some(order) = &orders.grade {
            let mut sorted = order.clone();
            sorted.sort_unstable();
            let all =
                [Grade::NotApplicable, Grade::Pass, Grade::Minor, Grade::Major, Grade::Serious];
            if sorted != all {
                self.fault("/orders/grade", FaultKind::GradeOrder);
            }
        }
        let typed = [
            ("choice", orders.choice),
            ("choices", orders.choices),
            ("number", orders.number),
            ("date", orders.date),
        ];
        for (name, order) in typed {
            if let Some(order) = order
                && !suits(order, name)
            {
                let kind = FaultKind::Order { order: order_name(order), answer: name };
                self.fault(format!("/orders/{name}"), kind);
            }
        }
    }

    fn sections(&mut self, file: &File) {
        let items = file.sections.iter().map(|section| section.items.len()).sum();
        if items > ITEMS_MAX {
            self.fault("/sections", FaultKind::TooManyItems { items });
        }
        if items == 0 && !self.broken.has_names() {
            self.fault("/sections", FaultKind::NoItems);
        }
        let mut codes = BTreeMap::new();
        let mut keys = BTreeMap::new();
        // An answer has one new home, so no two items come from one.
        let mut earlier = BTreeMap::new();
        for (s, section) in file.sections.iter().enumerate() {
            let at = format!("/sections/{s}");
            self.code(format!("{at}/code"), &section.code, CODE, &mut codes);
            self.section(&at, section, file);
            for (i, item) in section.items.iter().enumerate() {
                let at = format!("{at}/items/{i}");
                self.code(format!("{at}/key"), &item.key, KEY, &mut keys);
                for (w, was) in item.was.iter().enumerate() {
                    self.code(format!("{at}/was/{w}"), was, KEY, &mut earlier);
                }
                if item.was.len() > WAS_MAX {
                    let (number, limit) = (item.was.len() as u64, WAS_MAX as u64);
                    self.fault(format!("{at}/was"), FaultKind::OverLimit { number, limit });
                }
                self.item(&at, section, item, file);
            }
        }
    }

    fn section(&mut self, at: &str, section: &Section, file: &File) {
        self.words(&format!("{at}/title"), &section.title);
        if !file.agencies.contains_key(&section.agency) {
            self.unknown(format!("{at}/agency"), "agency", &section.agency);
        }
        self.clause(&format!("{at}/clause"), section.clause.as_ref(), file);
        if section.items.is_empty() {
            self.fault(format!("{at}/items"), FaultKind::NoEntries);
        }
        if let Some(repeat) = &section.repeat {
            if repeat.max == 0 || repeat.max > ROWS_MAX || repeat.min > repeat.max {
                self.fault(format!("{at}/repeat"), FaultKind::Rows);
            }
            self.words(&format!("{at}/repeat/row"), &repeat.row);
        }
        let mut used = BTreeMap::new();
        for (g, group) in section.groups.iter().enumerate() {
            self.code(format!("{at}/groups/{g}/code"), &group.code, CODE, &mut used);
            self.words(&format!("{at}/groups/{g}/title"), &group.title);
        }
    }

    pub(super) fn clause(&mut self, at: &str, clause: Option<&Clause>, file: &File) {
        let Some(clause) = clause else { return };
        if !file.legal_basis.iter().any(|basis| basis.id == clause.basis) {
            self.unknown(format!("{at}/basis"), "legal basis", &clause.basis);
        }
        self.text(format!("{at}/clause"), &clause.clause);
    }

    fn item(&mut self, at: &str, section: &Section, item: &Item, file: &File) {
        self.words(&format!("{at}/text"), &item.text);
        if let Some(guidance) = &item.guidance {
            self.words(&format!("{at}/guidance"), guidance);
        }
        self.clause(&format!("{at}/clause"), item.clause.as_ref(), file);
        if let Some(evidence) = &item.evidence {
            self.text(format!("{at}/evidence/vi"), &evidence.vi);
            if evidence.photos_min > PHOTOS_MAX {
                self.limit(format!("{at}/evidence/photos_min"), evidence.photos_min, PHOTOS_MAX);
            }
        }
        if let Some(group) = &item.group
            && !section.groups.iter().any(|known| known.code == *group)
        {
            self.unknown(format!("{at}/group"), "group of the section", group);
        }
        if let Some(constraint) = &item.constraint {
            self.words(&format!("{at}/constraint/message"), &constraint.message);
        }
        let mut used = BTreeMap::new();
        for (c, case) in item.cases.iter().enumerate() {
            self.code(format!("{at}/cases/{c}/code"), &case.code, CODE, &mut used);
            self.words(&format!("{at}/cases/{c}/title"), &case.title);
        }
        self.answer(&format!("{at}/answer"), &item.answer, &item.cases);
        // What could not be read was replaced, and the replacement suits nothing.
        if !self.is_broken(&format!("{at}/answer")) {
            self.item_order(at, item, file);
        }
    }

    fn item_order(&mut self, at: &str, item: &Item, file: &File) {
        let name = item.answer.name();
        if let Some(order) = item.worse
            && !suits(order, name)
        {
            let kind = FaultKind::Order { order: order_name(order), answer: name };
            self.fault(format!("{at}/worse"), kind);
        }
        let order = match item.answer {
            AnswerType::Choice { .. } => item.worse.or(file.orders.choice),
            _ => None,
        };
        if order == Some(Worse::FewerPoints)
            && let Some(option) = item.answer.options().iter().find(|o| o.points.is_none())
        {
            let kind = FaultKind::NoPoints { option: quoted(&option.key) };
            self.fault(format!("{at}/answer/options"), kind);
        }
    }

    fn limit(&mut self, at: impl Into<String>, number: u32, limit: u32) {
        let (number, limit) = (u64::from(number), u64::from(limit));
        self.fault(at, FaultKind::OverLimit { number, limit });
    }

    fn answer(&mut self, at: &str, answer: &AnswerType, cases: &[Case]) {
        match answer {
            AnswerType::Grade { severities } => {
                if severities.is_empty() {
                    self.fault(format!("{at}/severities"), FaultKind::NoEntries);
                } else if !severities.windows(2).all(|pair| pair[0] < pair[1]) {
                    self.fault(format!("{at}/severities"), FaultKind::Severities);
                }
            }
            AnswerType::Number { unit, decimals, min, max } => {
                self.text(format!("{at}/unit"), unit);
                if *decimals > DECIMALS_MAX {
                    self.limit(format!("{at}/decimals"), *decimals, DECIMALS_MAX);
                }
                for (name, bound) in [("min", min), ("max", max)] {
                    if let Some(bound) = bound
                        && bound.scale() > *decimals
                    {
                        let (bound, decimals) = (bound.to_string(), *decimals);
                        let kind = FaultKind::BoundDigits { bound, decimals };
                        self.fault(format!("{at}/{name}"), kind);
                    }
                }
                if let (Some(min), Some(max)) = (min, max)
                    && min > max
                {
                    let kind = FaultKind::Bounds { min: min.to_string(), max: max.to_string() };
                    self.fault(at, kind);
                }
            }
            AnswerType::Choice { options, .. } | AnswerType::Choices { options } => {
                self.options(at, options, cases);
            }
            AnswerType::Text { chars_max } if *chars_max == 0 => {
                let kind = FaultKind::Bounds { min: "1".to_owned(), max: "0".to_owned() };
                self.fault(format!("{at}/chars_max"), kind);
            }
            AnswerType::Text { chars_max } if *chars_max > TEXT_CHARS_MAX => {
                self.limit(format!("{at}/chars_max"), *chars_max, TEXT_CHARS_MAX);
            }
            AnswerType::Photo { max, .. } if *max > PHOTOS_MAX => {
                self.limit(format!("{at}/max"), *max, PHOTOS_MAX);
            }
            AnswerType::Photo { min, max } if min > max || *max == 0 => {
                let kind = FaultKind::Bounds { min: min.to_string(), max: max.to_string() };
                self.fault(at, kind);
            }
            AnswerType::Calculation { expression, .. } => {
                self.text(format!("{at}/expression"), expression);
            }
            _ => {}
        }
    }

    fn options(&mut self, at: &str, options: &[Choice], cases: &[Case]) {
        if options.is_empty() {
            self.fault(format!("{at}/options"), FaultKind::NoEntries);
        }
        if options.len() > OPTIONS_MAX {
            let (number, limit) = (options.len() as u64, OPTIONS_MAX as u64);
            self.fault(format!("{at}/options"), FaultKind::OverLimit { number, limit });
        }
        // The word for no option is nobody's key.
        let mut used = BTreeMap::from([(NONE_KEY, "the word for no option".to_owned())]);
        for (o, option) in options.iter().enumerate() {
            let at = format!("{at}/options/{o}");
            self.code(format!("{at}/key"), &option.key, KEY, &mut used);
            self.words(&format!("{at}/text"), &option.text);
            match &option.case {
                Some(case) if !cases.iter().any(|known| known.code == *case) => {
                    self.unknown(format!("{at}/case"), "case of the item", case);
                }
                None if !cases.is_empty() => self.fault(format!("{at}/case"), FaultKind::Missing),
                _ => {}
            }
        }
    }
}

/// Returns the first parts of a pointer: two lead to a section, four to an item.
fn piece(pointer: &str, parts: usize) -> &str {
    let ends = pointer.match_indices('/').map(|(at, _)| at).chain([pointer.len()]);
    &pointer[..ends.skip(1).nth(parts - 1).unwrap_or(pointer.len())]
}

/// Returns whether an order can compare values of a type of answer.
fn suits(order: Worse, answer: &str) -> bool {
    match order {
        Worse::ListedWorstFirst | Worse::ListedBestFirst | Worse::FewerPoints => answer == "choice",
        Worse::LowerIsWorse | Worse::HigherIsWorse => answer == "number",
        Worse::EarlierIsWorse | Worse::LaterIsWorse => answer == "date",
        Worse::FewerIsWorse | Worse::MoreIsWorse => answer == "choices",
    }
}

fn order_name(order: Worse) -> String {
    match serde_json::to_value(order) {
        Ok(Value::String(name)) => name,
        _ => String::new(),
    }
}
