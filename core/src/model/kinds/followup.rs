//! *Theo dõi khắc phục*: corrective actions after one inspection.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::facility::day;
use crate::model::edit::{EditError, Editor, field, needed};
use crate::model::ids::{Kind, Timestamp};
use crate::model::register::{Register, Told};
use crate::model::text::EVIDENCE_MAX;
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
    /// BLAKE3 hashes of photos that prove it, in hexadecimal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub photos: Vec<String>,
    /// What the person who verified, rejected or cancelled it says.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub remark: String,
    /// The day on which it came to this state, as YYYY-MM-DD; empty when nobody said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub day: String,
}

impl ActionState {
    /// Every state, the worst first: where people wrote apart, the worst counts.
    pub const ALL: [Self; 5] =
        [Self::Recheck, Self::Open, Self::Submitted, Self::Verified, Self::Cancelled];

    /// Returns the name used in records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Submitted => "submitted",
            Self::Verified => "verified",
            Self::Recheck => "recheck",
            Self::Cancelled => "cancelled",
        }
    }

    fn rank(self) -> usize {
        Self::ALL.iter().position(|state| *state == self).unwrap_or_default()
    }
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

impl FollowupView {
    /// Returns where an action stands: of several values the worst; content that cannot be read
    /// counts as open.
    #[must_use]
    pub fn state(&self, id: &str) -> ActionState {
        let said = self.progress.get(id).map(Register::all).unwrap_or_default();
        let states = said
            .iter()
            .map(|said| said.value.valid().map_or(ActionState::Open, |progress| progress.state));
        states.min_by_key(|state| state.rank()).unwrap_or(ActionState::Open)
    }

    /// Returns whether every standing value of an action brings proof: words or photos.
    #[must_use]
    pub fn has_proof(&self, id: &str) -> bool {
        self.progress.get(id).is_some_and(|register| {
            register.all().iter().all(|said| {
                said.value.valid().is_some_and(|progress| {
                    !progress.proof.trim().is_empty() || !progress.photos.is_empty()
                })
            })
        })
    }

    /// Returns the earliest standing deadline of an action.
    #[must_use]
    pub fn deadline(&self, id: &str) -> Option<Timestamp> {
        let said = self.actions.get(id).map(Register::all).unwrap_or_default();
        said.iter().filter_map(|said| said.value.valid()?.deadline).min()
    }

    /// Returns the earliest deadline of the actions that are not settled.
    #[must_use]
    pub fn earliest_deadline(&self) -> Option<Timestamp> {
        let open = self.actions.keys().filter(|id| !self.is_settled(id));
        open.filter_map(|id| self.deadline(id)).min()
    }

    /// Returns the ids of the actions about a finding: those in which any standing value names it.
    #[must_use]
    pub fn about(&self, finding: &str) -> Vec<&str> {
        let names = |register: &Register<Told<Action>>| {
            register.all().iter().any(|said| {
                said.value.valid().is_some_and(|row| row.finding.as_deref() == Some(finding))
            })
        };
        let about = self.actions.iter().filter(|(_, register)| names(register));
        about.map(|(id, _)| id.as_str()).collect()
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
        let action = checked(action)?;
        self.put_row("actions", &key, &action)
    }

    /// Overwrites a corrective action.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::UnknownRow`], or which text is missing or too long.
    pub fn action_put(&mut self, id: [u8; 16], action: &Action) -> Result<(), EditError> {
        self.require(Kind::Followup, "action")?;
        let key = hex::encode(id);
        self.known("actions", "action", &key)?;
        let action = checked(action)?;
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
        let progress = Progress {
            state,
            proof: proof.to_owned(),
            photos: Vec::new(),
            remark: String::new(),
            day: String::new(),
        };
        self.progress_put(id, &progress)
    }

    /// Writes where a corrective action stands.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::UnknownRow`], or what is malformed or too long.
    pub fn progress_put(&mut self, id: [u8; 16], progress: &Progress) -> Result<(), EditError> {
        self.require(Kind::Followup, "action")?;
        let key = hex::encode(id);
        self.known("actions", "action", &key)?;
        if progress.photos.len() > EVIDENCE_MAX {
            return Err(EditError::TooMany { what: "photos of one action", limit: EVIDENCE_MAX });
        }
        for hash in &progress.photos {
            super::inspection::evidence_hash(hash)?;
        }
        let progress = Progress {
            state: progress.state,
            proof: field("proof", &progress.proof)?,
            photos: progress.photos.clone(),
            remark: field("remark", &progress.remark)?,
            day: day("day", &progress.day)?,
        };
        self.put_row("progress", &key, &progress)
    }
}

fn checked(action: &Action) -> Result<Action, EditError> {
    let finding = action.finding.as_deref().map(|id| field("finding", id)).transpose()?;
    Ok(Action {
        finding,
        what: needed("what must be done", &action.what)?,
        owner: field("owner", &action.owner)?,
        deadline: action.deadline,
    })
}
