//! By which edition of its checklist an inspection is read, and moving it to another one.

use super::read::wrong_kind;
use super::{Client, ClientError};
use crate::checklist::{MoveError, MovePlan, Template, editions_needed, plan_move, way_back};
use crate::model::{
    ChangeHash, Document, EditError, Edition, Editor, Genesis, Kind, Register, ReviewView,
    TemplateId, Told, View,
};
use crate::replica::{EditOutcome, ReplicaError};

/// An inspection with the checklist that it is read by here.
#[derive(Debug)]
pub struct Reading<'d> {
    /// What stands, read by [`Reading::template`].
    pub view: View<'d>,
    /// The edition that it is read by here.
    pub template_id: TemplateId,
    /// The same.
    pub template: Template,
    /// The edition that it was moved to and that is not here: it is read by the pinned one until a
    /// sync brings it.
    pub lacks: Option<TemplateId>,
}

/// The editions of an inspection's checklist that are here.
#[derive(Debug)]
pub struct Editions {
    /// The editions of its checklist, by the day on which they take effect.
    pub here: Vec<Template>,
    /// Which one it pins, which it is read by, and where people moved it to.
    pub edition: Edition,
    /// The edition that it was moved to and that is not here.
    pub lacks: Option<TemplateId>,
}

/// What became of a move that was confirmed.
#[derive(Debug)]
pub enum Confirmed {
    /// It was made.
    Made(Box<MovePlan>, EditOutcome<()>),
    /// Something changed since the plan was shown, and nothing was written: this is the plan now.
    Changed(Box<MovePlan>),
}

impl Client {
    /// Reads an inspection, now or at past heads, by the edition that it was moved to, or by the
    /// pinned one while that is not here.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Replica`] when the heads are unknown or the pinned edition is not here.
    pub fn reading<'d>(
        &self,
        document: &'d Document,
        at: Option<&[ChangeHash]>,
    ) -> Result<Reading<'d>, ClientError> {
        let view = match at {
            None => document.view(),
            Some(heads) => document.view_at(heads).map_err(|source| ReplicaError::Document {
                document: document.id(),
                source: std::sync::Arc::new(source),
            })?,
        };
        let edition = view.edition();
        let edition = edition.ok_or_else(|| wrong_kind(document.genesis(), Kind::Inspection))?;
        let (pinned, wanted) = (edition.pinned, edition.template);
        match self.phone().replica().template(wanted) {
            Ok(template) => Ok(Reading { view, template_id: wanted, template, lacks: None }),
            Err(ReplicaError::UnknownTemplate { .. }) if wanted != pinned => {
                let template = self.phone().replica().template(pinned)?;
                let view = view.by_pinned();
                Ok(Reading { view, template_id: pinned, template, lacks: Some(wanted) })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Edits an inspection by the items of one edition: the one that the caller read it by.
    pub(super) fn edit_by<T>(
        &self,
        inspection: &Genesis,
        by: TemplateId,
        edit: impl FnOnce(&mut Editor<'_>) -> Result<T, EditError>,
    ) -> Result<EditOutcome<T>, ClientError> {
        let edit = |editor: &mut Editor<'_>| {
            editor.read_by(by)?;
            edit(editor)
        };
        self.edit(inspection, edit)
    }

    /// Returns which editions of an inspection's checklist are here.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Replica`] when the inspection or its checklist is not here.
    pub fn editions(&self, inspection: &Genesis) -> Result<Editions, ClientError> {
        let document = self.open_inspection(inspection)?;
        let reading = self.reading(&document, None)?;
        let edition = reading.view.edition().cloned();
        let edition = edition.ok_or_else(|| wrong_kind(inspection, Kind::Inspection))?;
        let mut here = Vec::new();
        for id in self.phone().replica().templates()? {
            // A checklist that does not read is told of where it is asked for.
            let Ok(template) = self.phone().replica().template(id) else { continue };
            if template.code() == reading.template.code() {
                here.push(template);
            }
        }
        here.sort_by(|a, b| {
            let key = |it: &Template| (it.effective_from().to_owned(), it.edition().to_owned());
            (key(a), a.id()).cmp(&(key(b), b.id()))
        });
        Ok(Editions { here, edition, lacks: reading.lacks })
    }

    /// Plans the move of an inspection to another edition of its checklist. Writes nothing.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Move`] when it cannot be moved there.
    pub fn plan_move(&self, inspection: &Genesis, to: TemplateId) -> Result<MovePlan, ClientError> {
        let document = self.open_inspection(inspection)?;
        self.planned_move(&document.view(), to)
    }

    fn planned_move(&self, view: &View<'_>, to: TemplateId) -> Result<MovePlan, ClientError> {
        let mut known = Vec::new();
        for id in editions_needed(view, to) {
            match self.phone().replica().template(id) {
                Ok(template) => known.push(template),
                Err(ReplicaError::UnknownTemplate { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(plan_move(view, to, &known)?)
    }

    /// Moves an inspection as a plan said, which is named by the first digits of its digest.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Move`] when it cannot be moved there, and [`ClientError::Replica`] when
    /// it could not be recorded.
    pub fn confirm_move(
        &self,
        inspection: &Genesis,
        to: TemplateId,
        digits: &str,
    ) -> Result<Confirmed, ClientError> {
        self.moved(inspection, to, |plan| plan.is_confirmed_by(digits))
    }

    /// Returns the edition before the last move, to plan and confirm the way back. Answers to items that
    /// only the newer edition has are kept, and come back when the inspection is moved there again.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Move`] when it was never moved.
    pub fn edition_before(&self, inspection: &Genesis) -> Result<TemplateId, ClientError> {
        let document = self.open_inspection(inspection)?;
        Ok(way_back(&document.view())?)
    }

    fn moved(
        &self,
        inspection: &Genesis,
        to: TemplateId,
        is_confirmed: impl Fn(&MovePlan) -> bool,
    ) -> Result<Confirmed, ClientError> {
        let mut failed = None;
        // Planned again inside the edit: nothing comes between.
        let edit = |editor: &mut Editor<'_>| {
            let plan = match self.planned_move(&editor.before().view(), to) {
                Ok(plan) => plan,
                Err(error) => {
                    failed = Some(error);
                    return Ok(None);
                }
            };
            if !is_confirmed(&plan) {
                return Ok(Some((plan, false)));
            }
            editor.move_edition(&plan.told)?;
            Ok(Some((plan, true)))
        };
        let EditOutcome { value, recorded } = self.edit(inspection, edit)?;
        match (value, failed) {
            (Some((plan, true)), _) => {
                Ok(Confirmed::Made(Box::new(plan), EditOutcome { value: (), recorded }))
            }
            (Some((plan, false)), _) => Ok(Confirmed::Changed(Box::new(plan))),
            (None, Some(error)) => Err(error),
            (None, None) => Err(MoveError::NotAnInspection.into()),
        }
    }
}

/// Returns a review whose comments and requests name the items of the edition that the inspection is
/// read by.
pub(super) fn named_by(mut review: ReviewView, edition: Option<&Edition>) -> ReviewView {
    let Some(edition) = edition else { return review };
    for register in review.comments.values_mut().chain(review.requests.values_mut()) {
        let told: Register<Told<crate::model::Pinned>> = std::mem::take(register);
        *register = told.map(|told| match told {
            Told::Valid(mut pinned) => {
                pinned.item = pinned.item.map(|item| edition.name_about(&item));
                Told::Valid(pinned)
            }
            damaged => damaged,
        });
    }
    review
}
