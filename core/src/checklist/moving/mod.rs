//! *Chuyển bản nháp sang phiên bản phiếu mới*: moving a draft to another edition of its checklist.
//!
//! A plan says for everything that stands in a record what becomes of it, and is applied only when
//! nothing changed since somebody looked at it. It copies nothing: it says under which key the answers
//! to each item of the new edition stand (see [`Move`]). Decides nothing: a person confirms.

mod matching;
mod plan;
mod say;
#[cfg(test)]
mod trials;

use serde::Serialize;

use crate::model::{DocumentId, Edition, InspectionView, Move, Register, TemplateId, View};

use super::template::Template;

/// Fewest hexadecimal digits by which a plan is confirmed: nobody types eight by chance.
pub const DIGITS_MIN: usize = 8;

/// Why a draft cannot be moved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MoveError {
    /// The document is no inspection.
    #[error("only an inspection is filled by a checklist")]
    NotAnInspection,
    /// The edition is of another checklist.
    #[error(
        "the record is filled by checklist {code}, and {other} is another; choose an edition of {code}"
    )]
    OtherChecklist {
        /// The code of the record's checklist.
        code: String,
        /// The code of the one that was asked for.
        other: String,
    },
    /// The record is read by this edition already.
    #[error("the record is read by edition {edition} already")]
    Same {
        /// The edition.
        edition: String,
    },
    /// The record was never moved.
    #[error("the record was never moved, so there is nothing to turn back")]
    NeverMoved,
    /// The minutes are signed, or the inspection has ended.
    #[error("an inspection that is {state} keeps its edition of the checklist")]
    PastMinutes {
        /// The state it is in.
        state: &'static str,
    },
    /// An edition that the record was filled by is not here.
    #[error("checklist {} is not here, and the record was filled by it; sync first", template.short())]
    Missing {
        /// Its name.
        template: TemplateId,
    },
}

/// What becomes of something that stands in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fate {
    /// *Giữ nguyên*: the answer stays at the item of the same key.
    Kept,
    /// *Chuyển sang mục khác*: the answer goes with its item to another key.
    Moved,
    /// *Không còn phù hợp*: the item has an answer that the new edition does not allow. It is shown,
    /// not counted, and waits for another answer.
    NoLongerFits,
    /// *Cần trả lời*: the item has no answer.
    NeedsAnswer,
    /// *Không còn mục tương ứng*: the new edition has no item for it. It is kept and shown, never
    /// counted.
    NoNewHome,
}

impl Fate {
    /// Every fate, in the order of a preview.
    pub const ALL: [Self; 5] =
        [Self::Kept, Self::Moved, Self::NoLongerFits, Self::NeedsAnswer, Self::NoNewHome];

    /// Returns the name used in data and as part of message keys.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Moved => "moved",
            Self::NoLongerFits => "no_longer_fits",
            Self::NeedsAnswer => "needs_answer",
            Self::NoNewHome => "no_new_home",
        }
    }
}

/// One line of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MoveLine {
    /// What becomes of it.
    pub fate: Fate,
    /// The row of a repeat group; none for what is answered once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<String>,
    /// The item as the record is read now; none for an item that is new, and for a whole row.
    pub from: Option<String>,
    /// The item in the new edition; none where it has none.
    pub to: Option<String>,
    /// How many answers stand.
    pub answers: usize,
    /// Whether it has a note.
    pub note: bool,
    /// How many findings and photos are about it.
    pub about: usize,
    /// Why, in Vietnamese.
    pub vi: String,
    /// Why, in English.
    pub en: String,
}

/// What moving a draft would do: a preview, and what is written when it is confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovePlan {
    /// The record.
    pub document: DocumentId,
    /// The edition that it is read by now.
    pub from: TemplateId,
    /// The edition to read it by.
    pub to: TemplateId,
    /// What becomes of everything, in the order of the new edition; what has no home comes last.
    pub lines: Vec<MoveLine>,
    /// What is written when it is confirmed.
    pub told: Move,
    /// The record as it would be read.
    pub after: InspectionView,
    /// Names this plan: made of all that it rests on, so that a confirmed plan is one that somebody
    /// saw.
    pub digest: [u8; 32],
}

impl MovePlan {
    /// Returns the lines of one fate.
    pub fn of(&self, fate: Fate) -> impl Iterator<Item = &MoveLine> {
        self.lines.iter().filter(move |line| line.fate == fate)
    }

    /// Returns whether some digits confirm this plan.
    #[must_use]
    pub fn is_confirmed_by(&self, digits: &str) -> bool {
        let digits = digits.trim().to_ascii_lowercase();
        digits.len() >= DIGITS_MIN && hex::encode(self.digest).starts_with(&digits)
    }
}

/// Returns the editions that a plan must have at hand: the pinned one, those that the record was ever
/// moved to, and the one to move to.
#[must_use]
pub fn editions_needed(view: &View<'_>, to: TemplateId) -> Vec<TemplateId> {
    let mut needed: Vec<TemplateId> = view.edition().map(|own| own.pinned).into_iter().collect();
    needed.extend(view.moves().iter().map(|said| said.value.to));
    needed.push(to);
    needed.sort_unstable();
    needed.dedup();
    needed
}

/// Plans the move of a draft to another edition of its checklist. Equal records and checklists give
/// equal plans on every replica.
///
/// # Errors
///
/// Returns why it cannot be moved; [`MoveError::Missing`] when an edition that
/// [`editions_needed`] names is not among `known`.
pub fn plan_move(
    view: &View<'_>,
    to: TemplateId,
    known: &[Template],
) -> Result<MovePlan, MoveError> {
    let (Some(edition), Some(read)) = (view.edition(), view.inspection()) else {
        return Err(MoveError::NotAnInspection);
    };
    if let Some(state) = read.states().into_iter().find(|state| !state.is_before_minutes()) {
        return Err(MoveError::PastMinutes { state: state.name() });
    }
    let find = |id: TemplateId| {
        let found = known.iter().find(|template| template.id() == id);
        found.ok_or(MoveError::Missing { template: id })
    };
    let (pinned, target) = (find(edition.pinned)?, find(to)?);
    if pinned.code() != target.code() {
        let (code, other) = (pinned.code().to_owned(), target.code().to_owned());
        return Err(MoveError::OtherChecklist { code, other });
    }
    let open = edition.moved.is_conflict() && view.conflicts().iter().any(is_move);
    if edition.template == to && !open {
        return Err(MoveError::Same { edition: target.edition().to_owned() });
    }
    let shape = view.document().shape();
    let told = if to == edition.pinned {
        Move::back(edition.template, edition.pinned)
    } else {
        let mut sources = Vec::new();
        let current = (find(edition.template)?, edition.clone());
        let mut passed: Vec<(&Template, Edition)> = Vec::new();
        for said in view.moves().into_iter().rev() {
            let template = find(said.value.to)?;
            passed.extend(Edition::by(shape, edition.pinned, &said.value).map(|by| (template, by)));
        }
        // What the record was answered under this very edition before comes first, so that moving
        // back and forth gives back what stood.
        sources.extend(passed.iter().filter(|(template, _)| template.id() == to).cloned());
        sources.push(current);
        sources.extend(passed.into_iter().filter(|(template, _)| template.id() != to));
        let start = Move::back(to, edition.pinned);
        sources.extend(Edition::by(shape, edition.pinned, &start).map(|by| (pinned, by)));
        matching::mapping(&sources, edition, pinned, target)
    };
    plan::plan(view, &read, find(edition.template)?, target, told)
}

/// Returns where a move back leads: to the edition before the last move, or, while moves that differ
/// stand, to the pinned one.
///
/// # Errors
///
/// Returns [`MoveError::NeverMoved`] for a record that nobody moved.
pub fn way_back(view: &View<'_>) -> Result<TemplateId, MoveError> {
    let edition = view.edition().ok_or(MoveError::NotAnInspection)?;
    match &edition.moved {
        Register::Empty => Err(MoveError::NeverMoved),
        Register::One(said) => {
            let told = said.value.valid();
            Ok(told.map_or(edition.pinned, |told| told.from))
        }
        Register::Conflict(_) => Ok(edition.pinned),
    }
}

fn is_move(conflict: &crate::model::Conflict) -> bool {
    conflict.place.container == "lifecycle" && conflict.place.key == "template"
}
