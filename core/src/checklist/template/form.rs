//! From a checklist to the form whose expressions are compiled, and from the compiler's faults back
//! to places in the file.

use std::collections::BTreeSet;

use super::fault::{Fault, FaultKind};
use super::model::{AnswerType, File, Item, NONE_KEY, Required, ResultType, Section};
use super::read::Broken;
use crate::checklist::expr::{
    self, ExprFault, FieldKind, FieldSpec, FormSpec, GroupSpec, Part, Program,
};
use crate::model::Severity;

/// Compiles the expressions of a file, or adds their faults. `broken` are pointers to pieces that
/// could not be read: nothing is said of expressions that name them.
pub(super) fn compile(file: &File, faults: &mut Vec<Fault>, broken: &Broken) -> Option<Program> {
    let found = match Program::compile(&form(file)) {
        Ok(program) => return Some(program),
        Err(found) => found,
    };
    let known: BTreeSet<String> = faults.iter().map(|fault| fault.pointer.clone()).collect();
    let is_unread = |at: &str| broken.has(&format!("{at}/answer"));
    let items = pieces(file)
        .filter(|(at, _)| is_unread(at) || broken.has(&format!("{}/repeat", section_of(at))))
        .map(|(_, item)| &item.key);
    let groups = file.sections.iter().enumerate();
    let groups = groups
        .filter(|(s, _)| broken.has(&format!("/sections/{s}/repeat")))
        .map(|(_, section)| &section.code);
    let unread: Vec<String> = items.chain(groups).map(|name| format!("${{{name}}}")).collect();
    let names_unread = broken.has_names();
    for fault in found {
        if told_before(&fault, faults) {
            continue;
        }
        let place = Place::of(&fault, file);
        let named = |text: &str| unread.iter().any(|reference| text.contains(reference));
        let names_unread =
            names_unread && matches!(fault.kind, expr::FaultKind::UnknownName { .. });
        let of_unread = names_unread
            || place.item.as_deref().is_some_and(is_unread)
            || place.text.is_some_and(named);
        if !of_unread && !known.contains(&place.pointer) {
            faults.push(Fault {
                pointer: place.pointer,
                section: None,
                item: None,
                position: fault.position.and_then(|position| usize::try_from(position).ok()),
                kind: FaultKind::Expression { kind: fault.kind },
            });
        }
    }
    None
}

/// Returns whether the fault is a key used twice that is among the faults of keys already.
fn told_before(fault: &ExprFault, faults: &[Fault]) -> bool {
    let expr::FaultKind::Twice { name: again } = &fault.kind else { return false };
    let told =
        |fault: &Fault| matches!(&fault.kind, FaultKind::Twice { name, .. } if name == again);
    faults.iter().any(told)
}

/// Returns the pointer to the section of an item's.
fn section_of(item: &str) -> &str {
    item.split_once("/items/").map_or(item, |(section, _)| section)
}

fn pieces(file: &File) -> impl Iterator<Item = (String, &Item)> {
    file.sections.iter().enumerate().flat_map(|(s, section)| {
        let at = move |(i, item)| (format!("/sections/{s}/items/{i}"), item);
        section.items.iter().enumerate().map(at)
    })
}

/// Returns the form: sections are groups, items are fields.
pub(super) fn form(file: &File) -> FormSpec {
    let group = |section: &Section| GroupSpec {
        name: section.code.clone(),
        repeats: section.repeat.is_some(),
        relevant: section.relevant.clone(),
    };
    let fields = file
        .sections
        .iter()
        .enumerate()
        .flat_map(|(place, section)| section.items.iter().map(move |item| field(item, place)));
    FormSpec { groups: file.sections.iter().map(group).collect(), fields: fields.collect() }
}

fn field(item: &Item, group: usize) -> FieldSpec {
    FieldSpec {
        group: Some(group),
        relevant: item.relevant.clone(),
        constraint: item.constraint.as_ref().map(|constraint| constraint.test.clone()),
        required: match &item.required {
            Some(Required::When(expression)) => Some(expression.clone()),
            Some(Required::Always(true)) => Some("true()".to_owned()),
            Some(Required::Always(false)) | None => None,
        },
        calculation: match &item.answer {
            AnswerType::Calculation { expression, .. } => Some(expression.clone()),
            _ => None,
        },
        ..FieldSpec::new(&item.key, kind(item))
    }
}

fn kind(item: &Item) -> FieldKind {
    let keys = || item.answer.options().iter().map(|option| option.key.clone());
    match &item.answer {
        AnswerType::Grade { severities } => {
            let name = |severity: &Severity| match severity {
                Severity::Minor => "minor",
                Severity::Major => "major",
                Severity::Serious => "serious",
            };
            // An item that does not apply has no value: applicable() asks for it.
            let names = ["pass"].into_iter().chain(severities.iter().map(name));
            FieldKind::Choice(names.map(str::to_owned).collect())
        }
        AnswerType::Number { .. } => FieldKind::Number,
        AnswerType::Choice { or_none, .. } => {
            let none = or_none.then(|| NONE_KEY.to_owned());
            FieldKind::Choice(keys().chain(none).collect())
        }
        AnswerType::Choices { .. } => FieldKind::Choices(keys().collect()),
        AnswerType::Text { .. } => FieldKind::Text,
        AnswerType::Date {} => FieldKind::Date,
        AnswerType::Photo { .. } | AnswerType::Position {} | AnswerType::Signature {} => {
            FieldKind::Opaque
        }
        AnswerType::Calculation { result, .. } => match result {
            ResultType::Number => FieldKind::Number,
            ResultType::Text => FieldKind::Text,
            ResultType::Bool => FieldKind::Bool,
            ResultType::Date => FieldKind::Date,
        },
    }
}

/// Where in the file a fault of the compiler is.
struct Place<'f> {
    pointer: String,
    /// The pointer to the item.
    item: Option<String>,
    /// The expression.
    text: Option<&'f str>,
}

impl<'f> Place<'f> {
    fn of(fault: &ExprFault, file: &'f File) -> Self {
        let nowhere = Self { pointer: String::new(), item: None, text: None };
        if let Some(key) = &fault.field {
            let Some((at, item)) = pieces(file).find(|(_, item)| item.key == *key) else {
                return nowhere;
            };
            let (end, text) = match fault.part {
                Some(Part::Relevance) => ("relevant", item.relevant.as_deref()),
                Some(Part::Constraint) => {
                    ("constraint/test", item.constraint.as_ref().map(|c| c.test.as_str()))
                }
                Some(Part::Requirement) => match &item.required {
                    Some(Required::When(expression)) => ("required", Some(expression.as_str())),
                    _ => ("required", None),
                },
                Some(Part::Calculation) => match &item.answer {
                    AnswerType::Calculation { expression, .. } => {
                        ("answer/expression", Some(expression.as_str()))
                    }
                    _ => ("answer", None),
                },
                None => ("key", None),
            };
            return Self { pointer: format!("{at}/{end}"), item: Some(at), text };
        }
        let Some(code) = &fault.group else { return nowhere };
        let Some(s) = file.sections.iter().position(|section| section.code == *code) else {
            return nowhere;
        };
        match fault.part {
            Some(_) => Self {
                pointer: format!("/sections/{s}/relevant"),
                item: None,
                text: file.sections[s].relevant.as_deref(),
            },
            None => Self { pointer: format!("/sections/{s}/code"), item: None, text: None },
        }
    }
}
