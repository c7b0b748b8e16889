//! What changed from one edition of a checklist to another, item by item.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Template;
use super::model::{Item, Required, Section};

/// One difference between two checklists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What changed.
    pub what: Changed,
    /// The item's key or the section's code; none for the checklist as a whole.
    pub place: Option<String>,
    /// The option's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub option: Option<String>,
    /// What was; none for what is new. Structures are JSON.
    pub before: Option<String>,
    /// What is; none for what is gone.
    pub after: Option<String>,
}

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Changed {
    /// The code, edition or title.
    Name,
    /// Whether it is official, or who compared it with the signed text.
    Standing,
    /// The days it is in force.
    Period,
    /// The source, notes or legal basis.
    Source,
    /// The agencies, or who manages the matter.
    Agencies,
    /// The worse order of answers.
    Orders,
    /// The grading model or its numbers.
    Grading,
    /// The anomalies or corrections.
    Anomalies,
    /// A section is new.
    SectionAdded,
    /// A section is gone.
    SectionRemoved,
    /// A section's title, agency, relevance, repetition, groups or maximum.
    Section,
    /// An item is new.
    ItemAdded,
    /// An item is gone.
    ItemRemoved,
    /// An item stands in another section, or elsewhere among the others.
    ItemMoved,
    /// What is checked.
    Text,
    /// How to check it.
    Guidance,
    /// The type of answer or its bounds.
    Answer,
    /// The severities that an answer may have.
    Severities,
    /// An option is new.
    OptionAdded,
    /// An option is gone.
    OptionRemoved,
    /// What an option says.
    OptionText,
    /// An option's points, or the most an item gives.
    Points,
    /// The stars that ask for an option.
    Gate,
    /// An expression: relevance, constraint, requirement.
    Expression,
    /// The clause, evidence, order, group or cases.
    Details,
}

impl Changed {
    /// Returns the name used in data and as part of message keys.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Standing => "standing",
            Self::Period => "period",
            Self::Source => "source",
            Self::Agencies => "agencies",
            Self::Orders => "orders",
            Self::Grading => "grading",
            Self::Anomalies => "anomalies",
            Self::SectionAdded => "section_added",
            Self::SectionRemoved => "section_removed",
            Self::Section => "section",
            Self::ItemAdded => "item_added",
            Self::ItemRemoved => "item_removed",
            Self::ItemMoved => "item_moved",
            Self::Text => "text",
            Self::Guidance => "guidance",
            Self::Answer => "answer",
            Self::Severities => "severities",
            Self::OptionAdded => "option_added",
            Self::OptionRemoved => "option_removed",
            Self::OptionText => "option_text",
            Self::Points => "points",
            Self::Gate => "gate",
            Self::Expression => "expression",
            Self::Details => "details",
        }
    }
}

/// Returns every difference from one checklist to another: the head first, then sections, then items
/// in the order of the newer one, and what is gone last. Items are matched by key.
#[must_use]
pub fn differences(before: &Template, after: &Template) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(&mut found, None, None, head(before), head(after));
    sections(before, after, &mut found);
    let moved = moved(before, after);
    for (section, item) in after.each() {
        let Some((old_section, old)) = before.item(&item.key) else {
            let what = Changed::ItemAdded;
            push(&mut found, what, &item.key, None, None, Some(item.text.vi.clone()));
            continue;
        };
        if moved.contains(item.key.as_str()) {
            let (from, to) = (old_section.code.clone(), section.code.clone());
            push(&mut found, Changed::ItemMoved, &item.key, None, Some(from), Some(to));
        }
        compare(&mut found, Some(&item.key), None, fields(old), fields(item));
        options(old, item, &mut found);
    }
    for (_, item) in before.each().filter(|(_, item)| after.item(&item.key).is_none()) {
        let what = Changed::ItemRemoved;
        push(&mut found, what, &item.key, None, Some(item.text.vi.clone()), None);
    }
    found
}

type Values = Vec<(Changed, Option<String>)>;

fn push(
    found: &mut Vec<Difference>,
    what: Changed,
    place: &str,
    option: Option<&str>,
    before: Option<String>,
    after: Option<String>,
) {
    let (place, option) = (Some(place.to_owned()), option.map(str::to_owned));
    found.push(Difference { what, place, option, before, after });
}

/// Adds a difference for each value that differs; both lists have the same values in one order.
fn compare(
    found: &mut Vec<Difference>,
    place: Option<&str>,
    option: Option<&str>,
    before: Values,
    after: Values,
) {
    for ((what, before), (_, after)) in before.into_iter().zip(after) {
        if before != after {
            let (place, option) = (place.map(str::to_owned), option.map(str::to_owned));
            found.push(Difference { what, place, option, before, after });
        }
    }
}

/// Returns a structure as JSON; none when it is empty or missing.
fn json<T: Serialize>(value: &T) -> Option<String> {
    let value = serde_json::to_value(value).ok()?;
    let empty = value.is_null()
        || value.as_array().is_some_and(Vec::is_empty)
        || value.as_object().is_some_and(serde_json::Map::is_empty);
    match value {
        _ if empty => None,
        serde_json::Value::String(text) => Some(text),
        value => Some(value.to_string()),
    }
}

fn head(template: &Template) -> Values {
    vec![
        (Changed::Name, Some(template.code().to_owned())),
        (Changed::Name, Some(template.edition().to_owned())),
        (Changed::Name, json(template.title())),
        (Changed::Standing, Some(template.is_official().to_string())),
        (Changed::Standing, json(&template.verified())),
        (Changed::Period, Some(template.effective_from().to_owned())),
        (Changed::Period, template.effective_to().map(str::to_owned)),
        (Changed::Source, Some(template.source().to_owned())),
        (Changed::Source, json(&template.notes())),
        (Changed::Source, json(&template.legal_basis())),
        (Changed::Source, json(&template.product_set())),
        (Changed::Agencies, json(template.agencies())),
        (Changed::Agencies, json(&template.managed_by())),
        (Changed::Orders, json(template.orders())),
        (Changed::Grading, json(template.grading())),
        (Changed::Anomalies, json(&template.anomalies())),
        (Changed::Anomalies, json(&template.corrections())),
    ]
}

fn sections(before: &Template, after: &Template, found: &mut Vec<Difference>) {
    let by_code = |template: &Template| -> BTreeMap<String, Section> {
        let sections = template.sections().iter();
        sections.map(|section| (section.code.clone(), section.clone())).collect()
    };
    let (old, new) = (by_code(before), by_code(after));
    let values = |section: &Section| -> Values {
        vec![
            (Changed::Section, json(&section.title)),
            (Changed::Section, Some(section.agency.clone())),
            (Changed::Section, json(&section.clause)),
            (Changed::Section, section.relevant.clone()),
            (Changed::Section, json(&section.repeat)),
            (Changed::Section, section.max.map(|max| max.to_string())),
            (Changed::Section, json(&section.groups)),
        ]
    };
    for section in after.sections() {
        match old.get(&section.code) {
            Some(known) => {
                compare(found, Some(&section.code), None, values(known), values(section));
            }
            None => {
                let title = Some(section.title.vi.clone());
                push(found, Changed::SectionAdded, &section.code, None, None, title);
            }
        }
    }
    for section in before.sections().iter().filter(|section| !new.contains_key(&section.code)) {
        let title = Some(section.title.vi.clone());
        push(found, Changed::SectionRemoved, &section.code, None, title, None);
    }
}

fn fields(item: &Item) -> Values {
    let required = match &item.required {
        None => None,
        Some(Required::Always(always)) => Some(always.to_string()),
        Some(Required::When(expression)) => Some(expression.clone()),
    };
    // Options and severities are compared one by one.
    let mut answer = serde_json::to_value(&item.answer).unwrap_or_default();
    if let Some(fields) = answer.as_object_mut() {
        fields.remove("options");
        fields.remove("severities");
    }
    vec![
        (Changed::Text, json(&item.text)),
        (Changed::Guidance, json(&item.guidance)),
        (Changed::Answer, json(&answer)),
        (Changed::Severities, json(&item.severities())),
        (Changed::Points, item.max.map(|max| max.to_string())),
        (Changed::Expression, item.relevant.clone()),
        (Changed::Expression, json(&item.constraint)),
        (Changed::Expression, required),
        (Changed::Details, json(&item.clause)),
        (Changed::Details, json(&item.evidence)),
        (Changed::Details, json(&item.worse)),
        (Changed::Details, item.group.clone()),
        (Changed::Details, json(&item.cases)),
        (Changed::Details, json(&item.was)),
        (Changed::Details, (!item.not_applicable).then(|| "not_applicable: false".to_owned())),
    ]
}

fn options(old: &Item, new: &Item, found: &mut Vec<Difference>) {
    let key = Some(new.key.as_str());
    for option in new.answer.options() {
        let Some(known) = old.option(&option.key) else {
            let (what, text) = (Changed::OptionAdded, Some(option.text.vi.clone()));
            push(found, what, &new.key, Some(&option.key), None, text);
            continue;
        };
        let values = |option: &super::model::Choice| -> Values {
            vec![
                (Changed::OptionText, json(&option.text)),
                (Changed::Points, option.points.map(|points| points.to_string())),
                (Changed::Gate, option.gate.map(|gate| gate.to_string())),
                (Changed::Details, option.case.clone()),
                (Changed::Details, Some(option.implied.to_string())),
            ]
        };
        compare(found, key, Some(&option.key), values(known), values(option));
    }
    for option in old.answer.options().iter().filter(|option| new.option(&option.key).is_none()) {
        let (what, text) = (Changed::OptionRemoved, Some(option.text.vi.clone()));
        push(found, what, &new.key, Some(&option.key), text, None);
    }
}

/// Returns the items that stand elsewhere: in another section, or not in the longest run of items
/// that kept their order.
fn moved(before: &Template, after: &Template) -> BTreeSet<String> {
    let old: BTreeMap<&str, (usize, &str)> = before
        .each()
        .enumerate()
        .map(|(place, (section, item))| (item.key.as_str(), (place, section.code.as_str())))
        .collect();
    let common: Vec<(&str, usize, bool)> = after
        .each()
        .filter_map(|(section, item)| {
            let (place, code) = old.get(item.key.as_str())?;
            Some((item.key.as_str(), *place, *code == section.code))
        })
        .collect();
    let stayed: Vec<usize> =
        common.iter().filter(|(_, _, same)| *same).map(|(_, place, _)| *place).collect();
    let kept = longest_rising(&stayed);
    common
        .into_iter()
        .filter(|(_, place, same)| !same || !kept.contains(place))
        .map(|(key, _, _)| key.to_owned())
        .collect()
}

/// Returns a longest rising selection of distinct numbers.
fn longest_rising(numbers: &[usize]) -> BTreeSet<usize> {
    // `ends[n]` is the place of the least number that a rising run of n + 1 can end with.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(numbers.len());
    for (at, number) in numbers.iter().enumerate() {
        let length = ends.partition_point(|end| numbers[*end] < *number);
        before.push(length.checked_sub(1).map(|shorter| ends[shorter]));
        match ends.get_mut(length) {
            Some(end) => *end = at,
            None => ends.push(at),
        }
    }
    let mut kept = BTreeSet::new();
    let mut at = ends.last().copied();
    while let Some(place) = at {
        kept.insert(numbers[place]);
        at = before[place];
    }
    kept
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::checklist::ocop_set;

    fn tea() -> Value {
        serde_json::from_slice(ocop_set("ocop-11").unwrap()).unwrap()
    }

    fn changed(edit: impl FnOnce(&mut Value)) -> Vec<(Changed, Option<String>)> {
        let before = Template::parse(ocop_set("OCOP-11").unwrap()).unwrap();
        let mut value = tea();
        edit(&mut value);
        let after = Template::parse(&serde_json::to_vec(&value).unwrap()).unwrap();
        let found = differences(&before, &after);
        found.into_iter().map(|found| (found.what, found.place)).collect()
    }

    fn at(place: &str) -> Option<String> {
        Some(place.to_owned())
    }

    #[test]
    fn a_checklist_does_not_differ_from_itself() {
        assert_eq!(changed(|_| {}), []);
    }

    #[test]
    fn texts_points_gates_and_options_are_told_apart() {
        let found = changed(|value| {
            let item = &mut value["sections"][1]["items"][0];
            assert_eq!(item["key"], "1.1");
            item["text"]["vi"] = "Nguyên liệu".into();
            item["answer"]["options"][0]["points"] = 0.into();
            item["answer"]["options"][1]["gate"] = 4.into();
            item["answer"]["options"][1]["text"]["vi"] = "Một nửa".into();
        });
        assert_eq!(
            found,
            [
                (Changed::Text, at("1.1")),
                (Changed::Points, at("1.1")),
                (Changed::OptionText, at("1.1")),
                (Changed::Gate, at("1.1")),
            ]
        );
    }

    #[test]
    fn an_item_that_moves_is_moved_and_no_other_is() {
        let found = changed(|value| {
            let items = value["sections"][1]["items"].as_array_mut().unwrap();
            let last = items.pop().unwrap();
            items.insert(0, last);
        });
        assert_eq!(found, [(Changed::ItemMoved, at("1.7"))]);
    }

    #[test]
    fn a_renamed_item_is_gone_and_new() {
        let found = changed(|value| {
            value["sections"][1]["items"][2]["key"] = "1.2x".into();
            let file = value.as_object_mut().unwrap();
            file.remove("anomalies");
            file.remove("corrections");
        });
        let items: Vec<_> = found.iter().filter(|(_, place)| place.is_some()).collect();
        assert_eq!(items, [&(Changed::ItemAdded, at("1.2x")), &(Changed::ItemRemoved, at("1.2")),]);
    }
}
