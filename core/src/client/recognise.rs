//! *Sản phẩm đã công nhận*: what a product was recognised with, typed or imported into the check that
//! its criteria are still held (QĐ 26/2026/QĐ-TTg, article 9). Ordinary answers of the checklist.

use std::collections::BTreeMap;

use super::moving::Reading;
use super::work::Draft;
use super::{Client, ClientError};
use crate::checklist::{CriteriaHeld, Grading, Template};
use crate::clock;
use crate::model::{AnswerState, Editor, Genesis, Grade};
use crate::replica::EditOutcome;

/// What a product was recognised with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recognition {
    /// The stars it holds; none leaves what the record says.
    pub stars: Option<u32>,
    /// By criterion the key of the option recognised.
    pub options: BTreeMap<String, String>,
}

/// What a recognition was written as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recognised {
    /// How many answers it gave; those that stood already are not given again.
    pub given: usize,
    /// Criteria of the checklist that it says nothing of.
    pub lacks: Vec<String>,
    /// Criteria that the checklist does not have: not written.
    pub unknown: Vec<String>,
}

impl Client {
    /// Writes what a product was recognised with into the check that its criteria are still held, as
    /// one edit.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NoRecognition`] when the checklist asks for none, and
    /// [`ClientError::Answer`] for an option that the criterion does not have.
    pub fn recognise(
        &self,
        inspection: &Genesis,
        recognition: &Recognition,
    ) -> Result<(Recognised, EditOutcome<()>), ClientError> {
        let document = self.open_inspection(inspection)?;
        let Reading { view, template, template_id, .. } = self.reading(&document, None)?;
        let rule = rule(&template)?;
        let stands = view.inspection().map(|read| read.answers).unwrap_or_default();
        let said = |item: &str| match stands.get(item) {
            Some(AnswerState::One(said)) => said.value.value.clone(),
            _ => None,
        };
        let mut wanted = Vec::new();
        if let Some((item, stars)) = rule.stars.as_ref().zip(recognition.stars) {
            wanted.push((item.clone(), stars.to_string()));
        }
        let mut lacks = Vec::new();
        for (criterion, item) in &rule.recognised {
            match recognition.options.get(criterion) {
                Some(option) => wanted.push((item.clone(), option.clone())),
                None if said(item).is_none() => lacks.push(criterion.clone()),
                None => {}
            }
        }
        let now = clock::now();
        let mut answers = Vec::new();
        for (item, value) in wanted {
            if said(&item).as_ref() == Some(&value) {
                continue;
            }
            let draft = Draft { value: Some(value), ..Draft::graded(Grade::Given) };
            answers.push((item.clone(), draft.checked(&template, &item, false, now)?.0));
        }
        let known = |criterion: &&String| !rule.recognised.contains_key(*criterion);
        let unknown = recognition.options.keys().filter(known).cloned().collect();
        let recognised = Recognised { given: answers.len(), lacks, unknown };
        let edit = |editor: &mut Editor<'_>| {
            answers.into_iter().try_for_each(|(item, answer)| editor.answer(&item, answer))
        };
        Ok((recognised, self.edit_by(inspection, template_id, edit)?))
    }

    /// Returns what an earlier check says that its product was recognised with: where one answer
    /// stands.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NoRecognition`] when its checklist asks for none.
    pub fn recognition(&self, inspection: &Genesis) -> Result<Recognition, ClientError> {
        let document = self.open_inspection(inspection)?;
        let Reading { view, template, .. } = self.reading(&document, None)?;
        let rule = rule(&template)?;
        let answers = view.inspection().map(|read| read.answers).unwrap_or_default();
        let said = |item: &String| match answers.get(item)? {
            state @ (AnswerState::One(_) | AnswerState::Agreed(_)) => {
                state.all().first()?.value.value.clone()
            }
            _ => None,
        };
        let options = rule.recognised.iter();
        let options =
            options.filter_map(|(criterion, item)| Some((criterion.clone(), said(item)?)));
        Ok(Recognition {
            stars: rule.stars.as_ref().and_then(said).and_then(|stars| stars.parse().ok()),
            options: options.collect(),
        })
    }
}

fn rule(template: &Template) -> Result<&CriteriaHeld, ClientError> {
    match template.grading() {
        Grading::CriteriaHeld(rule) if rule.stars.is_some() => Ok(rule),
        _ => Err(ClientError::NoRecognition { code: template.code().to_owned() }),
    }
}
