//! Template files of format 1: the first form, kept readable because inspections pin such files.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::fault::{Fault, FaultKind};
use super::grading::{Grading, PassFail};
use super::model::{AnswerType, Basis, File, Item, Orders, Section, Words};
use crate::model::{Grade, Severity};

/// The longest time to correct, in days, that format 1 left to the program (TT 17/2024).
const DEADLINE_DAYS_MAX: u32 = 30;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileV1 {
    format: u32,
    code: String,
    edition: String,
    title: Words,
    official: bool,
    effective_from: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    effective_to: Option<String>,
    source: String,
    legal_basis: Vec<String>,
    order: Vec<Grade>,
    agencies: BTreeMap<String, Words>,
    sections: Vec<SectionV1>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SectionV1 {
    code: String,
    title: Words,
    agency: String,
    items: Vec<ItemV1>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ItemV1 {
    key: String,
    text: Words,
    severities: Vec<Severity>,
}

impl FileV1 {
    /// Returns the faults that only format 1 has: English may not be missing, nor the order.
    pub(super) fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut english = |at: String, words: &Words| {
            if words.en.is_none() {
                faults.push(Fault::new(at, FaultKind::NoEnglish));
            }
        };
        english("/title".to_owned(), &self.title);
        for (code, words) in &self.agencies {
            english(super::strict::field("/agencies", code), words);
        }
        for (s, section) in self.sections.iter().enumerate() {
            english(format!("/sections/{s}/title"), &section.title);
            for (i, item) in section.items.iter().enumerate() {
                english(format!("/sections/{s}/items/{i}/text"), &item.text);
            }
        }
        faults
    }

    /// Returns the file in the one form that the program works with.
    pub(super) fn into_file(self) -> File {
        let basis = |(number, text): (usize, String)| Basis {
            id: number.to_string(),
            text: Words { vi: text, en: None },
        };
        File {
            format: self.format,
            code: self.code,
            edition: self.edition,
            title: self.title,
            official: self.official,
            verified: None,
            effective_from: self.effective_from,
            effective_to: self.effective_to,
            source: self.source,
            notes: Vec::new(),
            product_set: None,
            legal_basis: (1..).zip(self.legal_basis).map(basis).collect(),
            agencies: self.agencies,
            managed_by: Vec::new(),
            orders: Orders { grade: Some(self.order), ..Orders::default() },
            sections: self.sections.into_iter().map(SectionV1::into_section).collect(),
            grading: Grading::PassFail(PassFail {
                deadline_days_max: DEADLINE_DAYS_MAX,
                clause: None,
            }),
            anomalies: Vec::new(),
            corrections: Vec::new(),
        }
    }

    /// Returns the form that a file of format 1 was read from.
    pub(super) fn of(file: &File) -> Self {
        Self {
            format: file.format,
            code: file.code.clone(),
            edition: file.edition.clone(),
            title: file.title.clone(),
            official: file.official,
            effective_from: file.effective_from.clone(),
            effective_to: file.effective_to.clone(),
            source: file.source.clone(),
            legal_basis: file.legal_basis.iter().map(|basis| basis.text.vi.clone()).collect(),
            order: file.orders.grade.clone().unwrap_or_default(),
            agencies: file.agencies.clone(),
            sections: file.sections.iter().map(SectionV1::of).collect(),
        }
    }
}

impl SectionV1 {
    fn into_section(self) -> Section {
        let item = |item: ItemV1| Item {
            key: item.key,
            text: item.text,
            answer: AnswerType::Grade { severities: item.severities },
            guidance: None,
            clause: None,
            evidence: None,
            worse: None,
            relevant: None,
            constraint: None,
            required: None,
            not_applicable: true,
            max: None,
            group: None,
            cases: Vec::new(),
            was: Vec::new(),
        };
        Section {
            code: self.code,
            title: self.title,
            agency: self.agency,
            clause: None,
            relevant: None,
            repeat: None,
            max: None,
            groups: Vec::new(),
            items: self.items.into_iter().map(item).collect(),
        }
    }

    fn of(section: &Section) -> Self {
        let item = |item: &Item| ItemV1 {
            key: item.key.clone(),
            text: item.text.clone(),
            severities: item.severities().to_vec(),
        };
        Self {
            code: section.code.clone(),
            title: section.title.clone(),
            agency: section.agency.clone(),
            items: section.items.iter().map(item).collect(),
        }
    }
}
