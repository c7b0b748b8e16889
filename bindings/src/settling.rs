//! Conflicts, what settles them, and histories.

use bienban_core::client::parts::EditOutcome;
use bienban_core::client::{self, Client, Settled as Outcome};
use bienban_core::model::{Genesis, Place};

use crate::bienban::Bienban;
use crate::error::{BienbanError, Fault};
use crate::inspections::{AnswerDraft, draft, found};
use crate::records::{AnswerGiven, Author, ConflictView, answers_given, conflicts};

/// What settling came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum Settled {
    /// The conflict is settled by this edit.
    Now,
    /// Somebody settled it before, in the same way. Nothing was written.
    Before,
}

impl Settled {
    fn of((outcome, _): (Outcome, EditOutcome<()>)) -> Self {
        match outcome {
            Outcome::Now => Self::Now,
            Outcome::Before => Self::Before,
        }
    }
}

/// A value that was written to a place.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct HistoryLine {
    /// What was written, for a person.
    pub text: String,
    /// The canonical text of the record.
    pub raw: String,
    /// Who wrote it.
    pub author: Author,
    /// When, in milliseconds since 1970, by the writer's clock.
    pub at_ms: i64,
    /// The change that holds it, in hexadecimal.
    pub change: String,
}

/// Finds the place that a conflict names: an item, `ROW/ITEM`, or what [`Client::find_place`] knows.
fn place(client: &Client, inspection: &Genesis, name: &str) -> Result<Place, Fault> {
    if let Some(found) = client.find_place(inspection, name)? {
        return Ok(found);
    }
    let Some((row, item)) = name.split_once('/') else { return Ok(Client::place_of(None, name)) };
    let (id, _) = client.find_row(inspection, row)?;
    Ok(Client::place_of(Some(&hex::encode(id)), item))
}

#[uniffi::export]
impl Bienban {
    /// Returns the places of an inspection and of its corrective actions in which values that differ stand.
    ///
    /// # Errors
    ///
    /// As [`Bienban::inspection`].
    pub async fn conflicts(&self, inspection: String) -> Result<Vec<ConflictView>, BienbanError> {
        let work = move |client: &Client| {
            let shown = client.show(&found(client, &inspection)?, None)?;
            Ok(conflicts(&shown.conflicts, &shown.authors, &shown.template, &shown.view))
        };
        self.engine.read("conflicts", work).await
    }

    /// Settles an item in which several answers stand, by an answer that names them. All that was written
    /// stays in the history.
    ///
    /// # Errors
    ///
    /// As [`Bienban::answer`], and [`BienbanError::Conflict`] when there is nothing to settle.
    pub async fn resolve_answer(
        &self,
        inspection: String,
        answer: AnswerDraft,
    ) -> Result<Settled, BienbanError> {
        let work = move |client: &Client| {
            let inspection = found(client, &inspection)?;
            let (item, row) = (answer.item.clone(), answer.row.clone());
            let draft = draft(client, &inspection, answer)?;
            Ok(Settled::of(match row {
                Some(row) => client.row_resolve(&inspection, &row, &item, draft)?,
                None => client.resolve(&inspection, &item, draft)?,
            }))
        };
        self.engine.write("resolve_answer", work).await
    }

    /// Settles any place by one of the values that stand in it, named by the change that wrote it.
    ///
    /// # Errors
    ///
    /// Returns [`BienbanError::Conflict`] when the value does not stand there any more or nothing is to be
    /// settled.
    pub async fn choose(
        &self,
        inspection: String,
        place: String,
        change: String,
    ) -> Result<Settled, BienbanError> {
        let work = move |client: &Client| {
            let inspection = found(client, &inspection)?;
            let place = self::place(client, &inspection, &place)?;
            Ok(Settled::of(client.choose(&inspection, &place, &change)?))
        };
        self.engine.write("choose", work).await
    }

    /// Settles a text that several replaced apart by a text that a person made of them.
    ///
    /// # Errors
    ///
    /// As [`Bienban::choose`], and [`BienbanError::Invalid`] where no text stands or it is too long.
    pub async fn resolve_text(
        &self,
        inspection: String,
        place: String,
        text: String,
    ) -> Result<Settled, BienbanError> {
        let work = move |client: &Client| {
            let inspection = found(client, &inspection)?;
            let place = self::place(client, &inspection, &place)?;
            if !client::is_of_text(&place) {
                return Err(Fault::Invalid);
            }
            Ok(Settled::of(client.resolve_text(&inspection, &place, &text)?))
        };
        self.engine.write("resolve_text", work).await
    }

    /// Settles a field of the header by a value that a person types.
    ///
    /// # Errors
    ///
    /// As [`Bienban::set_header`], and [`BienbanError::Conflict`] when there is nothing to settle.
    pub async fn resolve_header(
        &self,
        inspection: String,
        field: String,
        value: String,
    ) -> Result<Settled, BienbanError> {
        let work = move |client: &Client| {
            let inspection = found(client, &inspection)?;
            Ok(Settled::of(client.resolve_header(&inspection, &field, &value)?))
        };
        self.engine.write("resolve_header", work).await
    }

    /// Returns every answer ever given to an item, oldest first.
    ///
    /// # Errors
    ///
    /// Returns [`BienbanError::Invalid`] for an item that the checklist does not have, and without a row
    /// for one that is answered in rows.
    pub async fn answer_history(
        &self,
        inspection: String,
        item: String,
        row: Option<String>,
    ) -> Result<Vec<AnswerGiven>, BienbanError> {
        let work = move |client: &Client| {
            let inspection = found(client, &inspection)?;
            let (said, authors) = match row {
                Some(row) => client.row_history(&inspection, &row, &item)?,
                None => client.history(&inspection, &item)?,
            };
            Ok(answers_given(&said, &authors))
        };
        self.engine.read("answer_history", work).await
    }

    /// Returns every value ever written to a place, oldest first; of a text what each change made of it.
    ///
    /// # Errors
    ///
    /// As [`Bienban::inspection`].
    pub async fn place_history(
        &self,
        inspection: String,
        place: String,
    ) -> Result<Vec<HistoryLine>, BienbanError> {
        let work = move |client: &Client| {
            let inspection = found(client, &inspection)?;
            let place = self::place(client, &inspection, &place)?;
            let (said, authors) = client.place_history(&inspection, &place)?;
            let line = |said: &bienban_core::model::Said<String>| HistoryLine {
                text: client::register_text(&said.value),
                raw: said.value.clone(),
                author: Author::said(said, &authors),
                at_ms: said.at.0,
                change: said.change.to_string(),
            };
            Ok(said.iter().map(line).collect())
        };
        self.engine.read("place_history", work).await
    }
}
