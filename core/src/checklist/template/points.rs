//! Whether the numbers of a grading model add up and what it names exists.

use std::collections::BTreeMap;

use super::check::Checker;
use super::fault::{FaultKind, quoted};
use super::grading::{
    CountsTable, CriteriaHeld, Grading, Knockout, KnockoutLevel, OcopPoints, Part,
};
use super::model::{AnswerType, File, Item, ResultType, Section};
use super::strict;

/// What all parts sum to.
const POINTS_MAX: u64 = 100;
/// The option of a knock-out that says that it holds.
const YES: &str = "yes";

/// Returns the parts of an OCOP sheet; none under another model.
pub(super) fn parts(file: &File) -> &[Part] {
    match &file.grading {
        Grading::OcopPoints(ocop) => &ocop.parts,
        _ => &[],
    }
}

/// Adds every fault of the grading and of points, gates and maxima.
pub(super) fn check(checker: &mut Checker<'_>, file: &File) {
    checker.clause("/grading/clause", file.grading.clause(), file);
    match &file.grading {
        Grading::OcopPoints(ocop) => ocop_points(checker, file, ocop),
        Grading::CountsTable(counts) => counts_table(checker, counts),
        Grading::CriteriaHeld(held) if held.of.trim().is_empty() => {
            checker.fault("/grading/of", FaultKind::Empty);
        }
        Grading::CriteriaHeld(held) => criteria_held(checker, file, held),
        Grading::PassFail(rule) if rule.deadline_days_max == 0 => {
            let kind = FaultKind::Bounds { min: "1".to_owned(), max: "0".to_owned() };
            checker.fault("/grading/deadline_days_max", kind);
        }
        Grading::PassFail(_) | Grading::None(_) => {}
    }
    let counts_points = matches!(file.grading, Grading::OcopPoints(_) | Grading::CriteriaHeld(_));
    if !counts_points && !checker.is_broken("/grading") {
        without_points(checker, file);
    }
}

fn without_points(checker: &mut Checker<'_>, file: &File) {
    let model = file.grading.name();
    let mut meaningless = |at: String, field, there: bool| {
        if there {
            checker.fault(at, FaultKind::NoMeaning { field, model });
        }
    };
    for (s, section) in file.sections.iter().enumerate() {
        let at = format!("/sections/{s}");
        meaningless(format!("{at}/max"), "max", section.max.is_some());
        for (i, item) in section.items.iter().enumerate() {
            let at = format!("{at}/items/{i}");
            meaningless(format!("{at}/max"), "max", item.max.is_some());
            for (o, option) in item.answer.options().iter().enumerate() {
                let at = format!("{at}/answer/options/{o}");
                meaningless(format!("{at}/points"), "points", option.points.is_some());
                meaningless(format!("{at}/gate"), "gate", option.gate.is_some());
            }
        }
    }
}

fn counts_table(checker: &mut Checker<'_>, counts: &CountsTable) {
    if counts.table.is_empty() {
        checker.fault("/grading/table", FaultKind::NoEntries);
    }
    let mut used = BTreeMap::new();
    for (n, row) in counts.table.iter().enumerate() {
        let at = format!("/grading/table/{n}/grade");
        checker.code(format!("{at}/code"), &row.grade.code, CODE, &mut used);
        checker.words(&format!("{at}/title"), &row.grade.title);
    }
    checker.code("/grading/otherwise/code".to_owned(), &counts.otherwise.code, CODE, &mut used);
    checker.words("/grading/otherwise/title", &counts.otherwise.title);
    for (n, pair) in counts.table.windows(2).enumerate() {
        let limits = |row: &super::CountsRow| (row.minor_max, row.major_max, row.serious_max);
        let (a, b) = (limits(&pair[0]), limits(&pair[1]));
        let sum = |row: &super::CountsRow| row.sum_max.unwrap_or(u32::MAX);
        let falls = a.0 > b.0 || a.1 > b.1 || a.2 > b.2 || sum(&pair[0]) > sum(&pair[1]);
        if falls {
            checker.fault(format!("/grading/table/{}", n + 1), FaultKind::CountsFall);
        }
    }
}

/// What a code of the grading may hold.
const CODE: &str = "A-Z, a-z, 0-9, full stop and hyphen";

/// Checks that a check of a recognised product asks for all that it compares, or for nothing of it.
fn criteria_held(checker: &mut Checker<'_>, file: &File, held: &CriteriaHeld) {
    let Some(stars) = &held.stars else {
        for (field, there) in [
            ("ranks", !held.ranks.is_empty()),
            ("gates", held.gates.is_some()),
            ("recognised", !held.recognised.is_empty()),
        ] {
            if there {
                checker.fault(format!("/grading/{field}"), FaultKind::NeedsStars { field });
            }
        }
        return;
    };
    let once = |key: &str| find(file, key).filter(|(section, _)| section.repeat.is_none());
    let numbered = |item: &Item| {
        let options = item.answer.options();
        let choice = matches!(item.answer, AnswerType::Choice { .. });
        choice && options.iter().all(|option| option.key.parse::<u32>().is_ok())
    };
    if !once(stars).is_some_and(|(_, item)| numbered(item)) {
        checker.unknown("/grading/stars".to_owned(), "choice of numbers of stars", stars);
    }
    for (field, there) in [("ranks", !held.ranks.is_empty()), ("gates", held.gates.is_some())] {
        if !there {
            checker.fault(format!("/grading/{field}"), FaultKind::Missing);
        }
    }
    if !held.ranks.windows(2).all(|p| p[0].stars > p[1].stars && p[0].from > p[1].from) {
        checker.fault("/grading/ranks", FaultKind::Ranks);
    }
    for (criterion, item) in &held.recognised {
        let at = strict::field("/grading/recognised", criterion);
        match once(criterion) {
            Some((_, found)) if found.max.is_some() => {}
            _ => checker.unknown(at.clone(), "criterion with a maximum", criterion),
        }
        match once(item) {
            Some((_, found)) if matches!(found.answer, AnswerType::Choice { .. }) => {}
            _ => checker.unknown(at, "choice", item),
        }
    }
    let criteria = file.sections.iter().flat_map(|section| &section.items);
    for item in criteria.filter(|item| item.max.is_some()) {
        if !held.recognised.contains_key(&item.key) && !checker.any_broken() {
            let at = strict::field("/grading/recognised", &item.key);
            checker.fault(at, FaultKind::Missing);
        }
    }
}

fn ocop_points(checker: &mut Checker<'_>, file: &File, ocop: &OcopPoints) {
    ranks(checker, ocop);
    check_parts(checker, file, ocop);
    for (s, section) in file.sections.iter().enumerate() {
        let at = format!("/sections/{s}");
        section_sums(checker, &at, section);
        for (i, item) in section.items.iter().enumerate() {
            item_points(checker, &format!("{at}/items/{i}"), item, ocop);
        }
    }
    for (n, knockout) in ocop.knockouts.iter().enumerate() {
        check_knockout(checker, &format!("/grading/knockouts/{n}"), knockout, file);
    }
    let mut used = BTreeMap::new();
    for (n, knockout) in ocop.knockouts.iter().enumerate() {
        let at = format!("/grading/knockouts/{n}/item");
        match used.get(knockout.item.as_str()) {
            Some(first) => {
                let name = quoted(&knockout.item);
                checker.fault(at, FaultKind::Twice { name, first: String::clone(first) });
            }
            None => drop(used.insert(knockout.item.as_str(), at)),
        }
    }
    for (n, items) in ocop.same_case.iter().enumerate() {
        for (k, key) in items.iter().enumerate() {
            let at = format!("/grading/same_case/{n}/{k}");
            match find(file, key) {
                Some((_, item)) if !item.cases.is_empty() => {}
                _ => checker.unknown(at, "item with cases", key),
            }
        }
    }
}

fn ranks(checker: &mut Checker<'_>, ocop: &OcopPoints) {
    let falls = ocop.ranks.windows(2).all(|p| p[0].stars > p[1].stars && p[0].from > p[1].from);
    let first = ocop.ranks.first().is_some_and(|rank| u64::from(rank.from) <= POINTS_MAX);
    let last = ocop.ranks.last().is_some_and(|rank| rank.from == 0);
    if !falls || !first || !last {
        checker.fault("/grading/ranks", FaultKind::Ranks);
    }
    if !ocop.ranks.iter().any(|rank| rank.stars == ocop.certificate_from_stars) {
        let stars = ocop.certificate_from_stars;
        checker.fault("/grading/certificate_from_stars", FaultKind::Stars { stars });
    }
}

fn check_parts(checker: &mut Checker<'_>, file: &File, ocop: &OcopPoints) {
    let total: u64 = ocop.parts.iter().map(|part| u64::from(part.max)).sum();
    sum(checker, "/grading/parts".to_owned(), "the parts", total, POINTS_MAX);
    let mut used = BTreeMap::new();
    for (p, part) in ocop.parts.iter().enumerate() {
        let at = format!("/grading/parts/{p}");
        checker.code(format!("{at}/code"), &part.code, CODE, &mut used);
        checker.words(&format!("{at}/title"), &part.title);
        let mut total = 0;
        let mut whole = true;
        for (n, code) in part.sections.iter().enumerate() {
            match file.sections.iter().find(|section| section.code == *code) {
                Some(section) => total += u64::from(section.max.unwrap_or(0)),
                None => {
                    whole = false;
                    checker.unknown(format!("{at}/sections/{n}"), "section", code);
                }
            }
        }
        let is_unread = |s| {
            let at = format!("/sections/{s}");
            checker.is_broken(&format!("{at}/code")) || checker.is_broken(&format!("{at}/max"))
        };
        if whole && !checker.is_broken("/grading") && !(0..file.sections.len()).any(is_unread) {
            sum(checker, format!("{at}/max"), "its sections", total, part.max.into());
        }
    }
    for (s, section) in file.sections.iter().enumerate() {
        let named = ocop.parts.iter().flat_map(|part| &part.sections);
        let parts = named.filter(|code| **code == section.code).count();
        let at = format!("/sections/{s}");
        let is_unread = checker.is_broken(&format!("{at}/code"))
            || checker.is_broken(&format!("{at}/max"))
            || checker.is_broken("/grading");
        if parts != usize::from(section.max.is_some()) && !is_unread {
            let kind = FaultKind::Parts { section: quoted(&section.code), parts };
            checker.fault(format!("{at}/code"), kind);
        }
        if section.max.is_some() && section.repeat.is_some() {
            let kind = FaultKind::InRepeat { item: quoted(&section.code) };
            checker.fault(format!("{at}/repeat"), kind);
        }
    }
}

fn sum(checker: &mut Checker<'_>, at: String, what: &'static str, found: u64, expected: u64) {
    if found != expected {
        checker.fault(at, FaultKind::Sum { what, found, expected });
    }
}

fn section_sums(checker: &mut Checker<'_>, at: &str, section: &Section) {
    // A sum over what could not be read says nothing.
    let mut pieces = vec![format!("{at}/max"), format!("{at}/groups")];
    for i in 0..section.items.len() {
        pieces.extend(["max", "group"].map(|field| format!("{at}/items/{i}/{field}")));
    }
    let is_unread = section.items.is_empty() || pieces.iter().any(|piece| checker.is_broken(piece));
    if is_unread {
        return;
    }
    let total = |group: Option<&str>| -> u64 {
        let members = section
            .items
            .iter()
            .filter(|item| group.is_none_or(|group| item.group.as_deref() == Some(group)));
        members.map(|item| u64::from(item.max.unwrap_or(0))).sum()
    };
    let stated = u64::from(section.max.unwrap_or(0));
    sum(checker, format!("{at}/max"), "its criteria", total(None), stated);
    for (g, group) in section.groups.iter().enumerate() {
        if let Some(max) = group.max {
            let at = format!("{at}/groups/{g}/max");
            sum(checker, at, "its criteria", total(Some(&group.code)), max.into());
        }
    }
}

fn item_points(checker: &mut Checker<'_>, at: &str, item: &Item, ocop: &OcopPoints) {
    let options = item.answer.options();
    let with_points = options.iter().any(|option| option.points.is_some());
    let unread =
        ["answer", "cases", "max"].map(|field| checker.is_broken(&format!("{at}/{field}")));
    let [answer_unread, cases_unread, max_unread] = unread;
    // What could not be read was replaced by an answer without options.
    let choice = answer_unread || matches!(item.answer, AnswerType::Choice { .. });
    match item.max {
        None if with_points => checker.fault(format!("{at}/max"), FaultKind::Missing),
        Some(_) if !choice => {
            let kind = FaultKind::NoMeaning { field: "max", model: "ocop_points" };
            checker.fault(format!("{at}/max"), kind);
        }
        Some(_) if answer_unread || cases_unread || max_unread => {}
        Some(expected) => best_option(checker, at, item, expected),
        None => {}
    }
    let certified = || {
        let ranks = ocop.ranks.iter().filter(|rank| rank.stars >= ocop.certificate_from_stars);
        ranks.map(|rank| rank.stars)
    };
    let gates = || options.iter().filter_map(|option| Some((option.gate?, option.points?)));
    for (o, option) in options.iter().enumerate() {
        let at = format!("{at}/answer/options/{o}");
        if item.max.is_some() && option.points.is_none() {
            checker.fault(format!("{at}/points"), FaultKind::Missing);
        }
        let Some(gate) = option.gate else { continue };
        if !certified().any(|stars| stars == gate) {
            let ranks: Vec<_> = certified().map(|stars| stars.to_string()).collect();
            checker.fault(format!("{at}/gate"), FaultKind::Gate { gate, ranks: ranks.join(", ") });
            continue;
        }
        let Some(points) = option.points else { continue };
        if gates().any(|(lower, asked)| lower < gate && asked > points) {
            checker.fault(format!("{at}/gate"), FaultKind::GateOrder { gate, points });
        }
    }
}

/// Checks that the best option, of each case, is worth the maximum.
fn best_option(checker: &mut Checker<'_>, at: &str, item: &Item, expected: u32) {
    let options = item.answer.options();
    let best = |case: Option<&str>| {
        let members = options.iter().filter(|option| option.case.as_deref() == case);
        members.filter_map(|option| option.points).max().unwrap_or(0)
    };
    let cases: Vec<Option<&str>> = match &item.cases[..] {
        [] => vec![None],
        cases => cases.iter().map(|case| Some(case.code.as_str())).collect(),
    };
    for case in cases {
        let found = best(case);
        if found != expected {
            checker.fault(format!("{at}/max"), FaultKind::Best { found, expected });
        }
    }
}

fn find<'f>(file: &'f File, key: &str) -> Option<(&'f Section, &'f Item)> {
    file.sections
        .iter()
        .find_map(|section| Some((section, section.items.iter().find(|item| item.key == key)?)))
}

fn check_knockout(checker: &mut Checker<'_>, at: &str, knockout: &Knockout, file: &File) {
    let place = format!("{at}/item");
    match find(file, &knockout.item) {
        None => checker.unknown(place, "item", &knockout.item),
        Some((section, _)) if section.repeat.is_some() => {
            checker.fault(place, FaultKind::InRepeat { item: quoted(&knockout.item) });
        }
        Some((_, item)) => {
            let says_yes = match &item.answer {
                AnswerType::Choice { .. } => item.option(YES).is_some(),
                AnswerType::Calculation { result, .. } => *result == ResultType::Bool,
                _ => false,
            };
            if !says_yes && !checker.any_broken() {
                checker.fault(place, FaultKind::Knockout);
            }
        }
    }
    let place = format!("{at}/of");
    let (what, exists) = match (knockout.level, &knockout.of) {
        (KnockoutLevel::Dossier, None) => return,
        (KnockoutLevel::Dossier, Some(_)) => {
            let kind = FaultKind::NoMeaning { field: "of", model: "ocop_points" };
            return checker.fault(place, kind);
        }
        (_, None) => return checker.fault(place, FaultKind::Missing),
        (KnockoutLevel::Section, Some(of)) => {
            ("section", file.sections.iter().any(|section| section.code == *of))
        }
        (KnockoutLevel::Criterion, Some(of)) => ("item", find(file, of).is_some()),
    };
    if !exists {
        checker.unknown(place, what, knockout.of.as_deref().unwrap_or_default());
    }
}
