//! *Theo dõi khắc phục*: corrective actions after one inspection.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::edit::{EditError, Editor, field, needed};
use crate::model::ids::{Kind, Timestamp};
use crate::model::register::{Register, Told};
use crate::model::view::View;

/// A corrective action (*yêu cầu khắc phục*).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// The finding's id; none for a general requirement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<String>,
    /// What must be done.
    pub what: String,
    /// *Người chịu trách nhiệm*.
    #[serde(default)]
    pub owner: String,
    /// *Hạn khắc phục*: the last moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
}

/// Where an action stands (*tình trạng khắc phục*).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ActionState {
    /// *Chưa khắc phục*.
    Open,
    /// *Đã báo cáo khắc phục*.
    Submitted,
    /// *Đã xác nhận*.
    Verified,
    /// *Không đạt, phải tái kiểm*.
    Recheck,
    /// *Thôi không yêu cầu*.
    Cancelled,
}

/// A step of an action, replaced whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Where the action stands.
    pub state: ActionState,
    /// *Minh chứng*: what proves it.
    #[serde(default)]
    pub proof: String,
}

/// Typed reading of a follow-up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FollowupView {
    /// Actions by id.
    pub actions: BTreeMap<String, Register<Told<Action>>>,
    /// Where each stands, by id; absent means open.
    pub progress: BTreeMap<String, Register<Told<Progress>>>,
    /// Free notes.
    pub notes: String,
}

impl FollowupView {
    pub(crate) fn of(view: &View<'_>) -> Self {
        Self {
            actions: view.told("actions"),
            progress: view.told("progress"),
            notes: view.text("notes"),
        }
    }

    /// Returns whether an action is settled: every standing value says verified or cancelled.
    #[must_use]
    pub fn is_settled(&self, id: &str) -> bool {
        self.progress.get(id).is_some_and(|register| {
            register.all().iter().all(|said| {
                said.value.valid().is_some_and(|progress| {
                    matches!(progress.state, ActionState::Verified | ActionState::Cancelled)
                })
            })
        })
    }
}

impl Editor<'_> {
    /// Adds a corrective action under a fresh random id.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::Exists`], or which text is missing or too long.
    pub fn action_add(&mut self, id: [u8; 16], action: &Action) -> Result<(), EditError> {
        self.require(Kind::Followup, "action")?;
        let key = hex::encode(id);
        self.fresh("actions", "action", &key)?;
        let finding = action.finding.as_deref().map(|id| field("finding", id)).transpose()?;
        let action = Action {
            finding,
            what: needed("what must be done", &action.what)?,
            owner: field("owner", &action.owner)?,
            deadline: action.deadline,
        };
        self.put_row("actions", &key, &action)
    }

    /// Moves a corrective action on.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::UnknownRow`], or [`EditError::TooLong`].
    pub fn action_update(
        &mut self,
        id: [u8; 16],
        state: ActionState,
        proof: &str,
    ) -> Result<(), EditError> {
        self.require(Kind::Followup, "action")?;
        let key = hex::encode(id);
        self.known("actions", "action", &key)?;
        let proof = field("proof", proof)?;
        self.put_row("progress", &key, &Progress { state, proof })
    }
}
