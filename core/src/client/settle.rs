//! Settling what people wrote apart, wherever in an inspection it stands.

use super::corrections::followup_of;
use super::header::header_form;
use super::work::{Draft, row_named};
use super::{Candidate, Client, ClientError};
use crate::model::{
    ChangeHash, Contest, EditError, Editor, Genesis, Place, Said, View, clean, place_name,
    read_string,
};
use crate::replica::{EditOutcome, ReplicaError};

/// The containers whose conflicts are named as `CONTAINER/KEY` or `CONTAINER/ROW/FIELD`; answers are
/// named by their items alone.
pub const PLACES: [&str; 14] = [
    "header",
    "lifecycle",
    "findings",
    "samples",
    "handovers",
    "difficulties",
    "evidence",
    "rows",
    "loose_notes",
    "texts",
    "notes",
    "actions",
    "progress",
    "rechecks",
];

/// The containers of the follow-up, whose conflicts are those of its inspection too.
const OF_FOLLOWUP: [&str; 3] = ["actions", "progress", "rechecks"];

/// The field of a row that holds its note.
const NOTE: &str = "note";

/// Containers whose rows have fields.
const OF_FIELDS: [&str; 4] = ["findings", "rows", "loose_notes", "actions"];

/// What settling came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// The conflict is settled by this edit.
    Now,
    /// Somebody settled it before, in the same way. Nothing was written.
    Before,
}

/// A way to settle.
#[derive(Debug)]
enum Way {
    /// A new value of the header.
    Header(String),
    /// A new text.
    Text(String),
    /// One of the values that stand, or stood before it was settled.
    Chosen(ChangeHash),
}

impl Client {
    /// Returns the place of an answer, in a row or outside of rows.
    #[must_use]
    pub fn place_of(row: Option<&str>, item: &str) -> Place {
        match row {
            Some(row) => place("rows", &format!("{row}/{item}"), None),
            None => place("answers", item, None),
        }
    }

    /// Finds the place that a person names: `header/FIELD`, `lifecycle/KEY`, `findings/ID/FIELD` and
    /// so on, the id by its first digits; a field of the header by its name alone where the
    /// checklist has no such item. None for what names an item or `ROW/ITEM`.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NotFound`] or [`ClientError::Ambiguous`] for an id.
    pub fn find_place(
        &self,
        inspection: &Genesis,
        name: &str,
    ) -> Result<Option<Place>, ClientError> {
        let (_, template) = self.template_of(inspection)?;
        if template.item(name).is_some() {
            return Ok(None);
        }
        let Some((container, rest)) = name.split_once('/') else {
            let known = header_form().field(name).is_ok();
            return Ok(known.then(|| place("header", name, None)));
        };
        if !PLACES.contains(&container) {
            return Ok(None);
        }
        let document = self.open_inspection(inspection)?;
        let followup = self.followup_document(inspection)?;
        let view = match &followup {
            Some(followup) if OF_FOLLOWUP.contains(&container) => followup.view(),
            _ => self.reading(&document, None)?.view,
        };
        let ids = || match view.followup() {
            Some(read) if container == "rechecks" => read.rechecks.into_keys().collect(),
            _ => view.keys_of(container),
        };
        let ids = || ids().into_iter();
        if OF_FIELDS.contains(&container) {
            let Some((id, field)) = rest.split_once('/') else { return Ok(None) };
            let id = hex::encode(row_named("row", id, ids())?);
            // What people answered in a row stands in `rows` too.
            let in_row = container == "rows" && template.item(field).is_some();
            return Ok((!in_row).then(|| place(container, &id, Some(field))));
        }
        if matches!(container, "header" | "lifecycle" | "texts" | "notes") {
            return Ok(Some(place(container, rest, None)));
        }
        let found: Vec<String> = ids().filter(|id| id.starts_with(rest)).collect();
        match found.as_slice() {
            [id] => Ok(Some(place(container, id, None))),
            [] => Err(ClientError::NotFound { what: "row", name: rest.to_owned() }),
            several => Err(ClientError::Ambiguous {
                what: "row",
                name: rest.to_owned(),
                candidates: several
                    .iter()
                    .map(|id| Candidate::bare(id.chars().take(8).collect()))
                    .collect(),
            }),
        }
    }

    /// Settles an item in which several answers stand, by an answer that names them.
    ///
    /// # Errors
    ///
    /// As [`Client::answer`], and [`EditError::NotContested`] when there is nothing to settle.
    pub fn resolve(
        &self,
        inspection: &Genesis,
        item: &str,
        draft: Draft,
    ) -> Result<(Settled, EditOutcome<()>), ClientError> {
        let place = place("answers", item, None);
        if let Some(outcome) = self.settled_before(inspection, &place, &draft)? {
            return Ok((Settled::Before, outcome));
        }
        Ok((Settled::Now, self.give(inspection, item, draft, true)?))
    }

    /// Settles an item of a row in which several answers stand.
    ///
    /// # Errors
    ///
    /// As [`Client::row_answer`], and [`EditError::NotContested`] when there is nothing to settle.
    pub fn row_resolve(
        &self,
        inspection: &Genesis,
        row: &str,
        item: &str,
        draft: Draft,
    ) -> Result<(Settled, EditOutcome<()>), ClientError> {
        let (id, _) = self.find_row(inspection, row)?;
        let place = place("rows", &format!("{}/{item}", hex::encode(id)), None);
        if let Some(outcome) = self.settled_before(inspection, &place, &draft)? {
            return Ok((Settled::Before, outcome));
        }
        Ok((Settled::Now, self.give_in_row(inspection, row, item, draft, true)?))
    }

    /// Returns nothing where answers that differ stand; an empty outcome where they were settled by
    /// what the draft says.
    fn settled_before(
        &self,
        inspection: &Genesis,
        place: &Place,
        draft: &Draft,
    ) -> Result<Option<EditOutcome<()>>, ClientError> {
        self.check_rights(inspection)?;
        let document = self.open_inspection(inspection)?;
        let view = self.reading(&document, None)?.view;
        match view.contest(place) {
            Contest::Open(_) => Ok(None),
            Contest::Settled(standing) if standing.iter().all(|said| draft.says(&view, said)) => {
                Ok(Some(EditOutcome { value: (), recorded: None }))
            }
            _ => Err(not_contested(place)),
        }
    }

    /// Settles a field of the header in which values that differ stand.
    ///
    /// # Errors
    ///
    /// As [`Client::set_header`], and [`EditError::NotContested`] when there is nothing to settle.
    pub fn resolve_header(
        &self,
        inspection: &Genesis,
        name: &str,
        typed: &str,
    ) -> Result<(Settled, EditOutcome<()>), ClientError> {
        self.check_rights(inspection)?;
        let value = header_form().read(name, typed)?;
        let way = Way::Header(value);
        self.settle(inspection, &place("header", name, None), &way)
    }

    /// Settles a text that several replaced apart by a text that a person made of them.
    ///
    /// # Errors
    ///
    /// As [`Client::choose`], and the edit's error when the text is too long.
    pub fn resolve_text(
        &self,
        inspection: &Genesis,
        place: &Place,
        text: &str,
    ) -> Result<(Settled, EditOutcome<()>), ClientError> {
        self.check_rights(inspection)?;
        self.settle(inspection, place, &Way::Text(clean(text)))
    }

    /// Settles any place by one of the values that stand in it, named by the first digits of the
    /// change that wrote it.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NotStanding`] or [`ClientError::Ambiguous`] for the change,
    /// [`EditError::NotContested`] when there is nothing to settle, and [`ClientError::Replica`] when
    /// it could not be recorded.
    pub fn choose(
        &self,
        inspection: &Genesis,
        place: &Place,
        change: &str,
    ) -> Result<(Settled, EditOutcome<()>), ClientError> {
        if is_of_followup(place) {
            return self.choose_in_followup(inspection, place, change);
        }
        self.check_rights(inspection)?;
        let document = self.open_inspection(inspection)?;
        let view = self.reading(&document, None)?.view;
        let change = change_in(&view, place, change)?;
        self.settle(inspection, place, &Way::Chosen(change))
    }

    /// As [`Client::choose`], in the corrective actions of an inspection.
    fn choose_in_followup(
        &self,
        inspection: &Genesis,
        place: &Place,
        change: &str,
    ) -> Result<(Settled, EditOutcome<()>), ClientError> {
        self.check_rights(&followup_of(inspection))?;
        let Some(document) = self.followup_document(inspection)? else {
            return Err(not_contested(place));
        };
        let view = document.view();
        let change = change_in(&view, place, change)?;
        let way = Way::Chosen(change);
        let edit = |editor: &mut Editor<'_>| {
            let view = editor.reading();
            match view.contest(place) {
                Contest::Settled(standing)
                    if standing.iter().all(|said| way.says(&view, place, said)) =>
                {
                    Ok(Settled::Before)
                }
                Contest::Open(_) => {
                    editor.choose(place, change)?;
                    Ok(Settled::Now)
                }
                _ => Err(EditError::NotContested { place: place_name(place) }),
            }
        };
        let EditOutcome { value, recorded } = self.follow_up(inspection, edit)?;
        Ok((value, EditOutcome { value: (), recorded }))
    }

    fn settle(
        &self,
        inspection: &Genesis,
        place: &Place,
        way: &Way,
    ) -> Result<(Settled, EditOutcome<()>), ClientError> {
        let (by, _) = self.template_of(inspection)?;
        let around = self.around(inspection)?;
        let mut failed = None;
        // Looked at inside the edit: what comes between is seen.
        let mut edit = |editor: &mut Editor<'_>| {
            let view = editor.reading();
            match (view.contest(place), way) {
                (Contest::Settled(standing), way)
                    if standing.iter().all(|said| way.says(&view, place, said)) =>
                {
                    Ok(Settled::Before)
                }
                (Contest::Open(_), Way::Chosen(change)) => {
                    editor.choose(place, *change)?;
                    Ok(Settled::Now)
                }
                (Contest::Open(_), Way::Text(text)) => {
                    editor.resolve_text(place, text)?;
                    Ok(Settled::Now)
                }
                (Contest::Open(_), Way::Header(value)) => {
                    if let Some(read) = view.inspection()
                        && let Err(error) =
                            header_form().check_order(&place.key, value, around.sources(&read))
                    {
                        failed = Some(error);
                        // An error leaves the document as it was.
                        return Err(EditError::Internal);
                    }
                    editor.resolve_header(&place.key, value)?;
                    Ok(Settled::Now)
                }
                _ => Err(EditError::NotContested { place: place_name(place) }),
            }
        };
        // What the course of the inspection disputes is settled after its minutes too.
        let outcome = if place.container == "lifecycle" && place.key != "template" {
            self.edit_course(inspection, |editor| {
                editor.read_by(by)?;
                edit(editor)
            })
        } else {
            self.edit_by(inspection, by, edit)
        };
        if let Some(error) = failed {
            return Err(error.into());
        }
        let EditOutcome { value, recorded } = outcome?;
        Ok((value, EditOutcome { value: (), recorded }))
    }
}

impl Way {
    /// Returns whether a value says what this way would have written.
    fn says(&self, view: &View<'_>, place: &Place, said: &Said<String>) -> bool {
        match self {
            Self::Header(value) | Self::Text(value) => read_string(&said.value) == *value,
            Self::Chosen(change) => {
                let written = view.history_of(place).into_iter();
                let mut of = written.filter(|put| put.change == *change);
                of.any(|put| view.says_same(place, &put.value, &said.value))
            }
        }
    }
}

impl Draft {
    /// Returns whether a standing answer says the same.
    fn says(&self, view: &View<'_>, said: &Said<String>) -> bool {
        let answer = view.answer(&said.value);
        (answer.grade, &answer.value, &answer.evidence) == (self.grade, &self.value, &self.evidence)
    }
}

/// Returns whether a text stands in a place, which people settle by one of theirs or by another.
#[must_use]
pub fn is_of_text(place: &Place) -> bool {
    match place.container.as_str() {
        "texts" | "notes" => true,
        "rows" => place.field.as_deref() == Some(NOTE),
        _ => false,
    }
}

/// Returns what stands in a register as people read it: a text without the marks of its canonical form.
#[must_use]
pub fn register_text(raw: &str) -> String {
    read_string(raw)
}

/// Returns whether a place stands in the corrective actions of an inspection.
#[must_use]
pub fn is_of_followup(place: &Place) -> bool {
    OF_FOLLOWUP.contains(&place.container.as_str())
}

fn place(container: &str, key: &str, field: Option<&str>) -> Place {
    let (container, key) = (container.to_owned(), key.to_owned());
    Place { container, key, field: field.map(str::to_owned) }
}

fn not_contested(place: &Place) -> ClientError {
    ReplicaError::from(EditError::NotContested { place: place_name(place) }).into()
}

/// Finds the change that a person names among those that wrote the values of a dispute; of one that
/// was settled among all, to see whether it was settled so.
fn change_in(view: &View<'_>, place: &Place, digits: &str) -> Result<ChangeHash, ClientError> {
    match view.contest(place) {
        Contest::Open(values) => change_named(&values, digits)?.ok_or_else(|| {
            let before = change_named(&view.history_of(place), digits);
            ClientError::NotStanding {
                place: place_name(place),
                change: digits.to_owned(),
                before: !matches!(before, Ok(None)),
            }
        }),
        Contest::Settled(_) => {
            change_named(&view.history_of(place), digits)?.ok_or_else(|| not_contested(place))
        }
        Contest::Never => Err(not_contested(place)),
    }
}

fn change_named(written: &[Said<String>], digits: &str) -> Result<Option<ChangeHash>, ClientError> {
    let wanted = digits.trim().to_ascii_lowercase();
    let mut found: Vec<ChangeHash> = written.iter().map(|said| said.change).collect();
    found.retain(|change| !wanted.is_empty() && change.to_string().starts_with(&wanted));
    found.sort_unstable();
    found.dedup();
    match found.as_slice() {
        [] => Ok(None),
        [change] => Ok(Some(*change)),
        several => Err(ClientError::Ambiguous {
            what: "change",
            name: digits.to_owned(),
            candidates: several.iter().map(|change| Candidate::bare(change.short())).collect(),
        }),
    }
}
