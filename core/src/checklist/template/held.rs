//! *Phiếu kiểm tra duy trì tiêu chí*: the check of a recognised product (QĐ 26/2026/QĐ-TTg, art. 9),
//! one checklist for each product set.
//!
//! The criteria, points and gates are those of the set; what the check adds (who holds it, the
//! recognised product, the use of the mark) is the frame `core/data/held.json`. Putting the
//! two together is all that happens here, so that a corrected set corrects its check too. What comes
//! of it is an ordinary template file: published, pinned and hashed like any other.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::grading::{CriteriaHeld, Grading, OcopPoints};
use super::model::{
    Anomaly, AnswerType, Choice, Clause, File, Item, Required, Section, Verified, Words, Worse,
};
use super::ocop::{ocop_set, ocop_sets};

/// What the check adds to a set.
const FRAME: &[u8] = include_bytes!("../../../data/held.json");
/// The form of the frame that this program reads.
const FRAME_FORMAT: u32 = 1;
/// Where a text takes in that of the set.
const HOLE: &str = "{}";
/// How codes of sets begin.
const SET: &str = "OCOP-";

/// The frame.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Frame {
    format: u32,
    /// What the codes of checks begin with.
    code: String,
    edition: String,
    official: bool,
    verified: Option<Verified>,
    effective_from: String,
    source: String,
    note: Words,
    title: Words,
    agency: String,
    agencies: BTreeMap<String, Words>,
    clause: Clause,
    /// The item that says which stars the product holds.
    stars: String,
    recognised: Recognised,
    before: Section,
    behind: Section,
}

/// The item beside each criterion that says what was recognised.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Recognised {
    suffix: String,
    text: Words,
    guidance: Words,
}

/// Returns the codes of the checks of recognised products, such as `HELD-11`, in the order of the
/// sets.
#[must_use]
pub fn held_codes() -> Vec<String> {
    let Some(frame) = frame() else { return Vec::new() };
    let numbers = ocop_sets().iter().filter_map(|(code, _)| code.strip_prefix(SET));
    numbers.map(|number| format!("{}-{number}", frame.code)).collect()
}

/// Returns the file of the check of a recognised product by its code, such as `HELD-11`, in capitals
/// or not; `HELD-11` checks what set `OCOP-11` recognised.
#[must_use]
pub fn held_set(code: &str) -> Option<Vec<u8>> {
    let frame = frame()?;
    let (prefix, number) = code.rsplit_once('-')?;
    if !prefix.eq_ignore_ascii_case(&frame.code) {
        return None;
    }
    let set: File = serde_json::from_slice(ocop_set(&format!("{SET}{number}"))?).ok()?;
    let mut bytes = serde_json::to_vec_pretty(&check(frame, set)?).ok()?;
    bytes.push(b'\n');
    Some(bytes)
}

fn frame() -> Option<Frame> {
    let frame: Frame = serde_json::from_slice(FRAME).ok()?;
    (frame.format == FRAME_FORMAT).then_some(frame)
}

/// Puts frame and set together; none where the set has no points.
fn check(frame: Frame, set: File) -> Option<File> {
    let Grading::OcopPoints(ocop) = &set.grading else { return None };
    let mut recognised = BTreeMap::new();
    let criteria = set.sections.iter().map(|section| {
        let items = section.items.iter().filter(|item| item.max.is_some());
        let items = items.flat_map(|item| {
            let before = recognised_item(&frame.recognised, item);
            recognised.insert(item.key.clone(), before.key.clone());
            [before, item.clone()]
        });
        Section { agency: frame.agency.clone(), items: items.collect(), ..section.clone() }
    });
    let criteria: Vec<Section> = criteria.filter(|section| !section.items.is_empty()).collect();
    let places: BTreeSet<String> = criteria.iter().flat_map(places).collect();
    let grading = grading(&frame, &set.code, ocop, recognised);
    let mut agencies = frame.agencies;
    agencies.extend(set.agencies.into_iter().filter(|(code, _)| set.managed_by.contains(code)));
    let number = set.code.strip_prefix(SET)?;
    let mut notes = vec![filled(&frame.note, &Words { vi: set.code.clone(), en: None })];
    notes.extend(set.notes);
    Some(File {
        format: set.format,
        code: format!("{}-{number}", frame.code),
        // Both halves may change, so both are told.
        edition: format!("{}.{}", frame.edition, set.edition),
        title: filled(&frame.title, &set.title),
        official: frame.official,
        verified: frame.verified,
        effective_from: frame.effective_from.max(set.effective_from),
        effective_to: set.effective_to,
        source: format!("{}. {}", frame.source, set.source),
        notes,
        product_set: set.product_set,
        legal_basis: set.legal_basis,
        agencies,
        managed_by: set.managed_by,
        orders: set.orders,
        sections: [vec![frame.before], criteria, vec![frame.behind]].concat(),
        grading,
        anomalies: set.anomalies.into_iter().filter_map(|one| anomaly(one, &places)).collect(),
        corrections: {
            let kept = set.corrections.into_iter();
            kept.filter(|one| one.place.is_empty() || places.contains(&one.place)).collect()
        },
    })
}

fn grading(
    frame: &Frame,
    of: &str,
    ocop: &OcopPoints,
    recognised: BTreeMap<String, String>,
) -> Grading {
    Grading::CriteriaHeld(CriteriaHeld {
        of: of.to_owned(),
        stars: Some(frame.stars.clone()),
        ranks: ocop.ranks.clone(),
        gates: Some(ocop.gates),
        recognised,
        clause: Some(frame.clause.clone()),
    })
}

/// Returns the item that says which option of a criterion was recognised: the same options, worth
/// nothing themselves.
fn recognised_item(words: &Recognised, item: &Item) -> Item {
    let mut options: Vec<Choice> = item
        .answer
        .options()
        .iter()
        .map(|option| Choice { points: None, gate: None, ..option.clone() })
        .collect();
    // Of two statements the one that leaves more to lose counts, and forms list points rising.
    options.reverse();
    Item {
        key: format!("{}{}", item.key, words.suffix),
        text: filled(&words.text, &item.text),
        answer: AnswerType::Choice { options, or_none: true },
        guidance: Some(words.guidance.clone()),
        clause: item.clause.clone(),
        evidence: None,
        worse: Some(Worse::ListedWorstFirst),
        relevant: None,
        constraint: None,
        required: Some(Required::Always(true)),
        not_applicable: item.not_applicable,
        max: None,
        group: item.group.clone(),
        cases: item.cases.clone(),
        was: Vec::new(),
    }
}

fn places(section: &Section) -> Vec<String> {
    let groups = section.groups.iter().map(|group| group.code.clone());
    let items = section.items.iter().map(|item| item.key.clone());
    std::iter::once(section.code.clone()).chain(groups).chain(items).collect()
}

/// Keeps an anomaly at the places that the check has too; what concerns only places that it has not,
/// such as parts of the score sheet, stays with the set.
fn anomaly(mut anomaly: Anomaly, places: &BTreeSet<String>) -> Option<Anomaly> {
    let whole = anomaly.place.is_empty();
    anomaly.place.retain(|place| places.contains(place));
    (whole || !anomaly.place.is_empty()).then_some(anomaly)
}

/// Puts a text into the hole of another, in both languages where both have two.
fn filled(frame: &Words, text: &Words) -> Words {
    Words {
        vi: frame.vi.replace(HOLE, &text.vi),
        en: frame.en.as_ref().map(|en| en.replace(HOLE, text.en_or_vi())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checklist::Template;

    #[test]
    fn every_set_has_a_check_with_each_criterion_and_what_was_recognised_of_it() {
        let codes = held_codes();
        assert_eq!(codes.len(), 26);
        for ((of, bytes), code) in ocop_sets().iter().zip(&codes) {
            let set = Template::parse(bytes).unwrap();
            let check = Template::parse(&held_set(code).unwrap()).unwrap();
            assert_eq!((check.code(), check.is_official()), (code.as_str(), false));
            let Grading::CriteriaHeld(rule) = check.grading() else { panic!("{code}") };
            let Grading::OcopPoints(ocop) = set.grading() else { panic!("{of}") };
            assert_eq!((rule.of.as_str(), &rule.ranks), (*of, &ocop.ranks));
            let criteria: Vec<_> = set.each().filter(|(_, item)| item.max.is_some()).collect();
            assert_eq!(rule.recognised.len(), criteria.len(), "{code}");
            for (_, item) in criteria {
                let (_, observed) = check.item(&item.key).unwrap();
                assert_eq!(observed, item, "{code} {}", item.key);
                let (_, recognised) = check.item(&rule.recognised[&item.key]).unwrap();
                let keys = |item: &Item| -> BTreeSet<String> {
                    item.answer.options().iter().map(|option| option.key.clone()).collect()
                };
                assert_eq!(keys(recognised), keys(item));
                assert!(recognised.answer.options().iter().all(|o| o.points.is_none()));
            }
            assert!(!check.items().iter().any(|key| key.starts_with("ko") || key.ends_with("-ko")));
        }
    }

    #[test]
    fn a_check_is_found_by_its_code_in_either_case_and_nothing_else_is() {
        assert_eq!(held_set("held-11"), held_set("HELD-11"));
        for wrong in ["HELD", "HELD-", "HELD-27", "OCOP-11", "HELD-OCOP-11", ""] {
            assert_eq!(held_set(wrong), None, "{wrong}");
        }
    }
}
