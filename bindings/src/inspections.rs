//! Opening an inspection and writing to it. Every call is one edit, durable when it returns.

use bienban_core::client::parts::Day;
use bienban_core::client::{Client, ClientError, Draft, Note, StepToTake};
use bienban_core::model::{DocumentId, FindingInput, Genesis, LifeCycle, Timestamp};

use crate::bienban::Bienban;
use crate::error::{BienbanError, Fault};
use crate::records::{
    ExplanationLine, Grade, GradeView, InspectionScreen, Severity, explanation, grade, screen,
};

/// An answer as a person gives it.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct AnswerDraft {
    /// The item's key.
    pub item: String,
    /// The row's id, of an item that is answered in rows.
    #[uniffi(default = None)]
    pub row: Option<String>,
    /// The grade; [`Grade::Given`] where the value or the photos are the answer, [`Grade::Unanswered`] to
    /// take an answer back.
    pub grade: Grade,
    /// A measured or written value, as a person types it: `12,5` or `12.5`, `01/12/2026`, an option's key.
    #[uniffi(default = None)]
    pub value: Option<String>,
    /// BLAKE3 hashes of photos, in hexadecimal. The photos are the app's to keep.
    #[uniffi(default = [])]
    pub photos: Vec<String>,
    /// A line to add to the item's note.
    #[uniffi(default = None)]
    pub note: Option<String>,
}

/// What to do with a text.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum TextEdit {
    /// Adds a line at the end.
    Append {
        /// The line.
        line: String,
    },
    /// Makes the text this one; what others typed elsewhere in it meanwhile survives.
    Replace {
        /// The text.
        text: String,
    },
}

impl TextEdit {
    fn into_note(self) -> Note {
        match self {
            Self::Append { line } => Note::Append(line),
            Self::Replace { text } => Note::Replace(text),
        }
    }
}

/// A finding to write (*nội dung không phù hợp*).
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct FindingDraft {
    /// The item that it is about; none for what no item covers.
    #[uniffi(default = None)]
    pub item: Option<String>,
    /// The row that it is about, of an item that is answered in rows.
    #[uniffi(default = None)]
    pub row: Option<String>,
    /// How bad it is.
    pub severity: Severity,
    /// What was found.
    pub text: String,
    /// *Điều, khoản*: the clause that it breaks.
    #[uniffi(default = None)]
    pub clause: Option<String>,
    /// *Hạn khắc phục*: the last moment to correct it, in milliseconds since 1970.
    #[uniffi(default = None)]
    pub deadline_ms: Option<i64>,
    /// It cannot be corrected in the required time.
    #[uniffi(default = false)]
    pub unfixable: bool,
}

/// A step of the life cycle to take.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct StepDraft {
    /// The state to move to, by its key: `in_field`, `minutes_signed` and so on.
    pub to: String,
    /// The day on which it happened, as YYYY-MM-DD; none for today.
    #[uniffi(default = None)]
    pub on: Option<String>,
    /// *Lý do*; empty where none is asked for.
    #[uniffi(default = "")]
    pub reason: String,
}

/// The opinions of an inspection (*ý kiến*).
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum Opinion {
    /// *Ý kiến của cơ sở*.
    Facility,
    /// *Ý kiến khác*.
    Others,
    /// *Nhận xét, kết luận của đoàn*.
    Conclusion,
}

impl Opinion {
    fn name(self) -> &'static str {
        match self {
            Self::Facility => "facility_opinion",
            Self::Others => "other_opinions",
            Self::Conclusion => "conclusion",
        }
    }
}

/// What an edit came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Record)]
pub struct Edited {
    /// Something was recorded; not so where all said so already.
    pub recorded: bool,
}

/// Finds an inspection by its id.
pub(crate) fn found(client: &Client, inspection: &str) -> Result<Genesis, Fault> {
    Ok(client.find_inspection(inspection)?)
}

/// Reads a document's id.
pub(crate) fn id(text: &str) -> Result<DocumentId, Fault> {
    Ok(text.parse::<DocumentId>().map_err(ClientError::from)?)
}

/// Reads a day.
pub(crate) fn day(text: Option<&String>) -> Result<Option<Day>, Fault> {
    text.map(|text| text.parse::<Day>().map_err(|_| Fault::Invalid)).transpose()
}

/// Turns a draft into the core's: a value that is the answer in the one text that the checklist asks for.
pub(crate) fn draft(
    client: &Client,
    inspection: &Genesis,
    given: AnswerDraft,
) -> Result<Draft, Fault> {
    let (_, template) = client.template_of(inspection)?;
    let value = match (given.grade, given.value) {
        (Grade::Given, Some(typed)) => {
            Some(template.read_value(&given.item, &typed).map_err(ClientError::from)?)
        }
        (_, value) => value,
    };
    let grade = given.grade.to_core();
    Ok(Draft { grade, value, evidence: given.photos, note: given.note })
}

#[uniffi::export]
impl Bienban {
    /// Opens a planned visit and returns the inspection's id, the same on every device. Nothing is recorded
    /// before the first edit. Works offline.
    ///
    /// # Errors
    ///
    /// Returns [`BienbanError::NotFound`] when the plan does not visit the facility or was cancelled, and
    /// [`BienbanError::NotReady`] when the checklist has not arrived.
    pub async fn open_visit(
        &self,
        plan: String,
        facility: String,
        visit: Option<u32>,
    ) -> Result<String, BienbanError> {
        let work = move |client: &Client| {
            let visit = client.open_visit(id(&plan)?, id(&facility)?, visit)?;
            Ok(visit.document.to_string())
        };
        self.engine.read("open_visit", work).await
    }

    /// Returns an inspection as a screen shows it, whole.
    ///
    /// # Errors
    ///
    /// Returns [`BienbanError::NotFound`] when it is not here, and [`BienbanError::NotReady`] when its
    /// checklist has not arrived.
    pub async fn inspection(&self, id: String) -> Result<InspectionScreen, BienbanError> {
        let work = move |client: &Client| {
            let shown = client.show(&found(client, &id)?, None)?;
            Ok(screen(&shown))
        };
        self.engine.read("inspection", work).await
    }

    /// Returns the digest of an inspection's record, 32 bytes in hexadecimal: equal on every device that
    /// holds the same. Once minutes are sealed it is that of the record as it was sealed.
    ///
    /// # Errors
    ///
    /// As [`Bienban::inspection`].
    pub async fn digest(&self, id: String) -> Result<String, BienbanError> {
        let work = move |client: &Client| {
            let shown = client.show(&found(client, &id)?, None)?;
            Ok(hex::encode(shown.digest))
        };
        self.engine.read("digest", work).await
    }

    /// Returns what an inspection amounts to so far.
    ///
    /// # Errors
    ///
    /// As [`Bienban::inspection`].
    pub async fn grade(&self, id: String) -> Result<GradeView, BienbanError> {
        let work = move |client: &Client| {
            let shown = client.show(&found(client, &id)?, None)?;
            Ok(grade(&shown.grade))
        };
        self.engine.read("grade", work).await
    }

    /// Returns why an inspection amounts to what it does, from the result down to each answer and clause.
    ///
    /// # Errors
    ///
    /// As [`Bienban::inspection`].
    pub async fn explain(&self, id: String) -> Result<Vec<ExplanationLine>, BienbanError> {
        let work = move |client: &Client| {
            let shown = client.show(&found(client, &id)?, None)?;
            Ok(explanation(&shown.explanation))
        };
        self.engine.read("explain", work).await
    }

    /// Answers an item. An earlier answer that this device has seen is replaced; it stays in the history.
    ///
    /// # Errors
    ///
    /// Returns [`BienbanError::Invalid`] when the checklist does not have the item or takes something else,
    /// [`BienbanError::Conflict`] while several answers stand (see [`Bienban::resolve_answer`]),
    /// [`BienbanError::NotAllowed`] when this device may not, and [`BienbanError::Final`] once the
    /// minutes are sealed.
    pub async fn answer(
        &self,
        inspection: String,
        answer: AnswerDraft,
    ) -> Result<Edited, BienbanError> {
        let work = move |client: &Client| {
            let inspection = found(client, &inspection)?;
            let (item, row) = (answer.item.clone(), answer.row.clone());
            let draft = draft(client, &inspection, answer)?;
            let outcome = match row {
                Some(row) => client.row_answer(&inspection, &row, &item, draft)?,
                None => client.answer(&inspection, &item, draft)?,
            };
            Ok(Edited { recorded: outcome.recorded.is_some() })
        };
        self.engine.write("answer", work).await
    }

    /// Edits the note of an item.
    ///
    /// # Errors
    ///
    /// As [`Bienban::answer`].
    pub async fn note(
        &self,
        inspection: String,
        item: String,
        edit: TextEdit,
    ) -> Result<Edited, BienbanError> {
        let work = move |client: &Client| {
            let outcome = client.note(&found(client, &inspection)?, &item, edit.into_note())?;
            Ok(Edited { recorded: outcome.recorded.is_some() })
        };
        self.engine.write("note", work).await
    }

    /// Adds a row to a repeated section, by the section's code, and returns its id.
    ///
    /// # Errors
    ///
    /// As [`Bienban::answer`]; [`BienbanError::Invalid`] too when the section has all its rows.
    pub async fn add_row(
        &self,
        inspection: String,
        section: String,
        note: Option<String>,
    ) -> Result<String, BienbanError> {
        let work = move |client: &Client| {
            let inspection = found(client, &inspection)?;
            let (id, _) = client.row_add(&inspection, &section, note.as_deref())?;
            Ok(hex::encode(id))
        };
        self.engine.write("add_row", work).await
    }

    /// Edits the note of a row.
    ///
    /// # Errors
    ///
    /// As [`Bienban::answer`].
    pub async fn row_note(
        &self,
        inspection: String,
        row: String,
        edit: TextEdit,
    ) -> Result<Edited, BienbanError> {
        let work = move |client: &Client| {
            let outcome = client.row_note(&found(client, &inspection)?, &row, edit.into_note())?;
            Ok(Edited { recorded: outcome.recorded.is_some() })
        };
        self.engine.write("row_note", work).await
    }

    /// Removes a row, or brings a removed one back. It stays visible.
    ///
    /// # Errors
    ///
    /// As [`Bienban::answer`].
    pub async fn remove_row(
        &self,
        inspection: String,
        row: String,
        removed: bool,
    ) -> Result<Edited, BienbanError> {
        let work = move |client: &Client| {
            let inspection = found(client, &inspection)?;
            let outcome = match removed {
                true => client.row_remove(&inspection, &row)?,
                false => client.row_restore(&inspection, &row)?,
            };
            Ok(Edited { recorded: outcome.recorded.is_some() })
        };
        self.engine.write("remove_row", work).await
    }

    /// Adds a finding and returns its id.
    ///
    /// # Errors
    ///
    /// As [`Bienban::answer`]; [`BienbanError::Invalid`] too for a deadline that is too late.
    pub async fn add_finding(
        &self,
        inspection: String,
        finding: FindingDraft,
    ) -> Result<String, BienbanError> {
        let input = FindingInput {
            item: finding.item,
            row: finding.row,
            severity: finding.severity.to_core(),
            text: finding.text,
            clause: finding.clause,
            deadline: finding.deadline_ms.map(Timestamp),
            unfixable: finding.unfixable,
        };
        let work = move |client: &Client| {
            let (id, _) = client.finding(&found(client, &inspection)?, input, None)?;
            Ok(hex::encode(id))
        };
        self.engine.write("add_finding", work).await
    }

    /// Deletes a finding. It stays visible with who and why, and so does what others write to it meanwhile.
    ///
    /// # Errors
    ///
    /// Returns [`BienbanError::NotAllowed`] when another wrote it and no reason is given.
    pub async fn delete_finding(
        &self,
        inspection: String,
        finding: String,
        reason: String,
    ) -> Result<Edited, BienbanError> {
        let work = move |client: &Client| {
            let inspection = found(client, &inspection)?;
            let (_, outcome) = client.delete_finding(&inspection, &finding, &reason)?;
            Ok(Edited { recorded: outcome.recorded.is_some() })
        };
        self.engine.write("delete_finding", work).await
    }

    /// Brings a deleted finding back.
    ///
    /// # Errors
    ///
    /// As [`Bienban::answer`].
    pub async fn restore_finding(
        &self,
        inspection: String,
        finding: String,
    ) -> Result<Edited, BienbanError> {
        let work = move |client: &Client| {
            let outcome = client.restore_finding(&found(client, &inspection)?, &finding)?;
            Ok(Edited { recorded: outcome.recorded.is_some() })
        };
        self.engine.write("restore_finding", work).await
    }

    /// Writes an opinion: of the facility, of others, or the conclusion of the team.
    ///
    /// # Errors
    ///
    /// As [`Bienban::answer`].
    pub async fn opinion(
        &self,
        inspection: String,
        opinion: Opinion,
        edit: TextEdit,
    ) -> Result<Edited, BienbanError> {
        let work = move |client: &Client| {
            let inspection = found(client, &inspection)?;
            let outcome = client.opinion(&inspection, opinion.name(), edit.into_note())?;
            Ok(Edited { recorded: outcome.recorded.is_some() })
        };
        self.engine.write("opinion", work).await
    }

    /// Writes a field of the minutes' header, as a person types it; an empty text takes it back.
    ///
    /// # Errors
    ///
    /// Returns [`BienbanError::Invalid`] for a field that there is not and a value that does not fit, and
    /// [`BienbanError::Conflict`] while values that differ stand in it.
    pub async fn set_header(
        &self,
        inspection: String,
        field: String,
        value: String,
    ) -> Result<Edited, BienbanError> {
        let work = move |client: &Client| {
            let outcome = client.set_header(&found(client, &inspection)?, &field, &value)?;
            Ok(Edited { recorded: outcome.recorded.is_some() })
        };
        self.engine.write("set_header", work).await
    }

    /// Moves an inspection on in its life cycle (*vòng đời cuộc kiểm tra*), one step.
    ///
    /// # Errors
    ///
    /// Returns [`BienbanError::NotReady`] with everything that the step lacks, or where no standing state
    /// leads there.
    pub async fn take_step(
        &self,
        inspection: String,
        step: StepDraft,
    ) -> Result<Edited, BienbanError> {
        let work = move |client: &Client| {
            let to = LifeCycle::ALL.into_iter().find(|state| state.name() == step.to);
            let to = to.ok_or(Fault::Invalid)?;
            let step = StepToTake { to, on: day(step.on.as_ref())?, reason: step.reason };
            let outcome = client.move_on(&found(client, &inspection)?, &step)?;
            Ok(Edited { recorded: outcome.recorded.is_some() })
        };
        self.engine.write("take_step", work).await
    }
}
