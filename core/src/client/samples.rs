//! Samples with their seals, handovers and results; opinions; difficulties.

use std::collections::BTreeMap;

use super::corrections::{said, within_unit};
use super::work::row_named;
use super::{Authors, Candidate, Client, ClientError, Named, Note};
use crate::clock;
use crate::model::{
    Difficulty, DocumentId, Editor, Genesis, InspectionView, Kind, NoteEdit, Register, Sample,
    SampleStep, Scope, Told,
};
use crate::replica::EditOutcome;

impl Client {
    /// Records a sample (*lấy mẫu*, Mẫu 15) and returns its id.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::SampleThere`] for a code that a sample has already, and the edit's error,
    /// which names the field that is missing or malformed.
    pub fn add_sample(
        &self,
        inspection: &Genesis,
        sample: &Sample,
    ) -> Result<([u8; 16], EditOutcome<()>), ClientError> {
        let code = sample.code.trim();
        if let Some(id) = self.samples_coded(inspection, code, true)?.into_iter().next() {
            let id = id.chars().take(8).collect();
            return Err(ClientError::SampleThere { code: code.to_owned(), id });
        }
        let id = clock::random::<16>()?;
        let edit = |editor: &mut Editor<'_>| editor.sample_put(id, sample);
        Ok((id, self.edit(inspection, edit)?))
    }

    /// Records what became of samples and returns the id of that: a seal (Mẫu 14), a handover
    /// (Mẫu 16), a laboratory's report. Samples are named by their full ids.
    ///
    /// # Errors
    ///
    /// As [`Client::add_sample`].
    pub fn sample_step(
        &self,
        inspection: &Genesis,
        step: &SampleStep,
    ) -> Result<([u8; 16], EditOutcome<()>), ClientError> {
        let id = clock::random::<16>()?;
        let edit = |editor: &mut Editor<'_>| editor.sample_step(id, step);
        Ok((id, self.edit_course(inspection, edit)?))
    }

    /// Takes a sample back that was written by mistake (*rút lại*), with the reason. It stays visible
    /// with all that became of it.
    ///
    /// # Errors
    ///
    /// As [`Client::find_sample`], and the edit's error when no reason is given.
    pub fn withdraw_sample(
        &self,
        inspection: &Genesis,
        name: &str,
        reason: &str,
    ) -> Result<EditOutcome<()>, ClientError> {
        said("reason", reason)?;
        let key = self.find_sample(inspection, name)?;
        let read = self.read_inspection(inspection)?;
        let (id, before) = standing("sample", name, &key, &read.samples)?;
        let removed_reason = reason.to_owned();
        let after = Sample { removed: true, removed_reason, ..before };
        let edit = |editor: &mut Editor<'_>| editor.sample_put(id, &after);
        self.edit(inspection, edit)
    }

    /// Takes a seal, handover or result back that was written by mistake, with the reason.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NotFound`] or [`ClientError::Ambiguous`] for its name, and the edit's
    /// error when no reason is given.
    pub fn withdraw_step(
        &self,
        inspection: &Genesis,
        name: &str,
        reason: &str,
    ) -> Result<EditOutcome<()>, ClientError> {
        const WHAT: &str = "seal, handover or result";
        said("reason", reason)?;
        let read = self.read_inspection(inspection)?;
        let key = row_named(WHAT, name, read.sample_steps.keys().cloned()).map(hex::encode)?;
        let (id, before) = standing(WHAT, name, &key, &read.sample_steps)?;
        let edit = |editor: &mut Editor<'_>| editor.sample_step(id, &before.withdrawn(reason));
        self.edit_course(inspection, edit)
    }

    /// Takes a difficulty back that was written by mistake, with the reason.
    ///
    /// # Errors
    ///
    /// As [`Client::withdraw_step`].
    pub fn withdraw_difficulty(
        &self,
        inspection: &Genesis,
        name: &str,
        reason: &str,
    ) -> Result<EditOutcome<()>, ClientError> {
        const WHAT: &str = "difficulty";
        said("reason", reason)?;
        let read = self.read_inspection(inspection)?;
        let key = row_named(WHAT, name, read.difficulties.keys().cloned()).map(hex::encode)?;
        let (id, before) = standing(WHAT, name, &key, &read.difficulties)?;
        let removed_reason = reason.to_owned();
        let after = Difficulty { removed: true, removed_reason, ..before };
        let edit = |editor: &mut Editor<'_>| editor.difficulty_put(id, &after);
        self.edit_course(inspection, edit)
    }

    /// Finds a sample by the first digits of its id, or by its code; returns its full id.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NotFound`] or [`ClientError::Ambiguous`].
    pub fn find_sample(&self, inspection: &Genesis, name: &str) -> Result<String, ClientError> {
        match self.samples_coded(inspection, name.trim(), false)?.as_slice() {
            [] => {}
            [only] => return Ok(only.clone()),
            several => {
                // Two phones gave one code to two samples: their ids tell them apart.
                let candidate = |id: &String| Candidate::bare(id.chars().take(8).collect());
                return Err(ClientError::Ambiguous {
                    what: "sample",
                    name: name.to_owned(),
                    candidates: several.iter().map(candidate).collect(),
                });
            }
        }
        let read = self.read_inspection(inspection)?;
        row_named("sample", name, read.samples.into_keys()).map(hex::encode)
    }

    /// Returns the ids of samples with a code, those taken back only where no other has it and they are
    /// wanted at all.
    fn samples_coded(
        &self,
        inspection: &Genesis,
        code: &str,
        only_live: bool,
    ) -> Result<Vec<String>, ClientError> {
        if code.is_empty() {
            return Ok(Vec::new());
        }
        let read = self.read_inspection(inspection)?;
        let coded = |live: bool| -> Vec<String> {
            let is_it = |row: &Register<Told<Sample>>| {
                let shown = row.shown().and_then(|told| told.valid());
                shown.is_some_and(|sample| sample.code == code && sample.removed != live)
            };
            let found = read.samples.iter().filter(|(_, row)| is_it(row));
            found.map(|(id, _)| id.clone()).collect()
        };
        let live = coded(true);
        Ok(if live.is_empty() && !only_live { coded(false) } else { live })
    }

    /// Returns the reading of an inspection.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Replica`] when it or its checklist is not here.
    pub fn read_inspection(&self, inspection: &Genesis) -> Result<InspectionView, ClientError> {
        let document = self.open_inspection(inspection)?;
        let read = self.reading(&document, None)?.view.inspection();
        read.ok_or_else(|| super::read::wrong_kind(inspection, Kind::Inspection))
    }

    /// Returns the reading of an inspection, and who wrote in it.
    ///
    /// # Errors
    ///
    /// As [`Client::read_inspection`].
    pub fn read_authored(
        &self,
        inspection: &Genesis,
    ) -> Result<(InspectionView, Authors), ClientError> {
        let document = self.open_inspection(inspection)?;
        let authors = self.authors(inspection.document(), &document)?;
        Ok((self.read_inspection(inspection)?, authors))
    }

    /// Writes an opinion (*ý kiến*): `facility_opinion`, `other_opinions` or `conclusion`.
    ///
    /// # Errors
    ///
    /// Returns the edit's error for another name or a text over its limit.
    pub fn opinion(
        &self,
        inspection: &Genesis,
        name: &str,
        note: Note,
    ) -> Result<EditOutcome<()>, ClientError> {
        let edit = |editor: &mut Editor<'_>| match note {
            Note::Replace(text) => editor.opinion(name, NoteEdit::Replace(text)),
            // Each line ends itself, so that lines that two people add apart stay lines.
            Note::Append(line) => {
                let text = format!("{}\n", line.trim_end());
                editor.opinion(name, NoteEdit::Append(text))
            }
        };
        self.edit(inspection, edit)
    }

    /// Records a difficulty that a facility or commune raises (*khó khăn, vướng mắc*) and returns its
    /// id.
    ///
    /// # Errors
    ///
    /// Returns the edit's error when nothing is said.
    pub fn add_difficulty(
        &self,
        inspection: &Genesis,
        difficulty: &Difficulty,
    ) -> Result<([u8; 16], EditOutcome<()>), ClientError> {
        let id = clock::random::<16>()?;
        let edit = |editor: &mut Editor<'_>| editor.difficulty_put(id, difficulty);
        Ok((id, self.edit_course(inspection, edit)?))
    }

    /// Returns the inspections in which difficulties were raised, with their facilities. Reads summary
    /// rows; opens no document.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Store`] when reading fails.
    pub fn with_difficulties(
        &self,
        scope: Option<&Scope>,
        plan: Option<DocumentId>,
    ) -> Result<Vec<(DocumentId, Option<Named>, Scope)>, ClientError> {
        let mut found = Vec::new();
        for row in self.all(Kind::Inspection)? {
            let wanted = scope.is_none_or(|scope| within_unit(&row.scope, scope))
                && plan.is_none_or(|plan| row.plan == Some(plan));
            if row.difficulties > 0 && wanted {
                let facility = row.facility.map(|facility| self.named(facility)).transpose()?;
                found.push((row.document, facility, row.scope));
            }
        }
        Ok(found)
    }
}

/// Returns the value of a row that is shown where there is room for one, to write it anew.
fn standing<T: Clone>(
    what: &'static str,
    name: &str,
    key: &str,
    rows: &BTreeMap<String, Register<Told<T>>>,
) -> Result<([u8; 16], T), ClientError> {
    let id = row_named(what, key, rows.keys().cloned())?;
    let found = rows.get(key).and_then(|row| row.shown()?.valid()).cloned();
    // What cannot be read cannot be written anew without losing what it says.
    let found = found.ok_or_else(|| ClientError::NotFound { what, name: name.to_owned() })?;
    Ok((id, found))
}
