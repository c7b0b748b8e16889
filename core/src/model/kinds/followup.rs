//! *Theo dõi khắc phục*: corrective actions after one inspection.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::action::{self, ActionView};
use super::facility::day;
use crate::model::edit::{EditError, Editor, field, needed};
use crate::model::ids::{Kind, Timestamp};
use crate::model::register::{Register, Told};
use crate::model::text::EVIDENCE_MAX;
use crate::model::view::{Place, View};

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
    /// The day on which the proof was handed in, as YYYY-MM-DD; empty where there is none, and in what
    /// earlier programs wrote.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub proved_on: String,
}

impl Progress {
    /// Returns the step that a verdict makes of the one before: what was proved stays beside it. A proof
    /// that did not hold has no day: the correction was not made by then.
    #[must_use]
    pub fn judged(before: Option<&Self>, state: ActionState, remark: &str, day: &str) -> Self {
        let before = before.cloned().unwrap_or(Self {
            state,
            proof: String::new(),
            photos: Vec::new(),
            remark: String::new(),
            day: String::new(),
            proved_on: String::new(),
        });
        let proved_on =
            if state == ActionState::Recheck { String::new() } else { before.proved_on };
        Self { state, remark: remark.to_owned(), day: day.to_owned(), proved_on, ..before }
    }
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

/// What a re-check found of one finding (*kết quả tái kiểm*).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RecheckResult {
    /// *Chưa khắc phục*.
    NotCorrected,
    /// *Khắc phục một phần*: not corrected yet.
    Partly,
    /// *Đã khắc phục*.
    Corrected,
}

impl RecheckResult {
    /// Every result, the worst first.
    pub const ALL: [Self; 3] = [Self::NotCorrected, Self::Partly, Self::Corrected];

    /// Returns the name used in records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NotCorrected => "not_corrected",
            Self::Partly => "partly",
            Self::Corrected => "corrected",
        }
    }
}

/// A finding that a re-check looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecheckRow {
    /// The finding's id.
    pub finding: String,
    /// What was found.
    pub result: RecheckResult,
    /// What was seen.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub remark: String,
    /// BLAKE3 hashes of photos, in hexadecimal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub photos: Vec<String>,
}

/// A re-check (*tái kiểm*): which findings somebody looked at again, and what came of each. Who did
/// follows from who wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recheck {
    /// The day, as YYYY-MM-DD.
    pub day: String,
    /// Others who took part, as the minutes name them.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub with: String,
    /// The inspection of the visit, where it has a record of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visit: Option<String>,
    /// What was looked at.
    pub rows: Vec<RecheckRow>,
    /// Written by mistake; kept and shown as such.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
    /// *Lý do rút*: why it was taken back.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub removed_reason: String,
}

/// What the keys of re-checks begin with, in the registers of a follow-up: programs that know none
/// leave them as they are.
const RECHECK: &str = "recheck-";
/// Most findings of one re-check: as many as an inspection may have rows.
const RECHECK_ROWS_MAX: usize = crate::model::edit::ROWS_MAX;

/// Typed reading of a follow-up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FollowupView {
    /// Actions by id.
    pub actions: BTreeMap<String, ActionView>,
    /// Where each stands, by id; absent means open.
    pub progress: BTreeMap<String, Register<Told<Progress>>>,
    /// Re-checks by id, those taken back too.
    pub rechecks: BTreeMap<String, Register<Told<Recheck>>>,
    /// Free notes.
    pub notes: String,
    /// Where values that differ stand; a person has to settle them.
    pub contested: Vec<Place>,
}

/// Returns whether a place is one that a person can settle: a row under a well-formed id. What a newer
/// or broken program wrote elsewhere is listed with the conflicts, and stands in nobody's way.
fn named(place: &Place) -> bool {
    let is_id = |key: &str| hex::decode(key).is_ok_and(|id| id.len() == 16);
    ["actions", "progress", "rechecks"].contains(&place.container.as_str()) && is_id(&place.key)
}

impl FollowupView {
    pub(crate) fn of(view: &View<'_>) -> Self {
        Self {
            actions: actions(view),
            progress: view.told("progress"),
            rechecks: rechecks(view),
            notes: view.text("notes"),
            contested: view.conflicts().into_iter().map(|open| open.place).filter(named).collect(),
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
    /// Returns what the last re-check of a finding came to, and its day: of several on one day the
    /// worst. None where nobody looked at it again. What one of two people took back apart still
    /// stands by the other's word.
    #[must_use]
    pub fn rechecked(&self, finding: &str) -> Option<(&str, RecheckResult)> {
        let said = self.rechecks.values().flat_map(Register::all);
        let kept = said.filter_map(|said| said.value.valid()).filter(|recheck| !recheck.removed);
        let of = kept.flat_map(|recheck| {
            let rows = recheck.rows.iter().filter(|row| row.finding == finding);
            rows.map(|row| (recheck.day.as_str(), row.result))
        });
        // Days in this form order as texts; of one day the worst result comes last.
        of.max_by_key(|(day, result)| (*day, std::cmp::Reverse(*result)))
    }

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

    /// Returns the day on which the proof of an action was handed in, as YYYY-MM-DD: of several the
    /// latest. None where nobody said.
    #[must_use]
    pub fn proved_on(&self, id: &str) -> Option<&str> {
        let said = self.progress.get(id).map(Register::all).unwrap_or_default();
        let days = said.iter().filter_map(|said| Some(said.value.valid()?.proved_on.as_str()));
        days.filter(|day| !day.is_empty()).max()
    }

    /// Returns the earliest deadline of the actions that nobody took back, settled or not.
    #[must_use]
    pub fn first_deadline(&self) -> Option<Timestamp> {
        let kept = self.actions.keys().filter(|id| self.state(id) != ActionState::Cancelled);
        kept.filter_map(|id| self.deadline(id)).min()
    }

    /// Returns the earliest standing deadline of an action.
    #[must_use]
    pub fn deadline(&self, id: &str) -> Option<Timestamp> {
        self.actions.get(id)?.earliest_deadline()
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
        let names = |action: &ActionView| {
            let mut said = action.finding.all().iter().filter_map(|said| said.value.valid());
            said.any(|named| named.as_deref() == Some(finding))
        };
        let about = self.actions.iter().filter(|(_, action)| names(action));
        about.map(|(id, _)| id.as_str()).collect()
    }
}

impl Editor<'_> {
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
            proved_on: String::new(),
        };
        self.progress_put(id, &progress)
    }

    /// Writes where a corrective action stands.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::UnknownRow`], [`EditError::Contested`] while words that differ stand, or
    /// what is malformed or too long.
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
            proved_on: day("day of the proof", &progress.proved_on)?,
        };
        let standing = self.values(&self.map("progress")?, &key)?;
        if standing.windows(2).any(|pair| pair[0] != pair[1]) {
            let place = Place { container: "progress".to_owned(), key, field: None };
            return Err(EditError::Contested { place, values: standing.len() });
        }
        self.put_row("progress", &key, &progress)
    }
}

impl Editor<'_> {
    /// Writes a re-check, or writes it anew.
    ///
    /// # Errors
    ///
    /// Returns which field is missing, malformed or too long.
    pub fn recheck_put(&mut self, id: [u8; 16], recheck: &Recheck) -> Result<(), EditError> {
        self.require(Kind::Followup, "re-check")?;
        if recheck.rows.is_empty() {
            return Err(EditError::Invalid { what: "findings", expected: "at least one" });
        }
        if recheck.rows.len() > RECHECK_ROWS_MAX {
            return Err(EditError::TooMany { what: "findings", limit: RECHECK_ROWS_MAX });
        }
        let mut rows = Vec::with_capacity(recheck.rows.len());
        for row in &recheck.rows {
            if row.photos.len() > EVIDENCE_MAX {
                let what = "photos of one finding";
                return Err(EditError::TooMany { what, limit: EVIDENCE_MAX });
            }
            for hash in &row.photos {
                super::inspection::evidence_hash(hash)?;
            }
            rows.push(RecheckRow {
                finding: needed("finding", &row.finding)?,
                remark: field("remark", &row.remark)?,
                ..row.clone()
            });
        }
        needed("day of the re-check", &recheck.day)?;
        let recheck = Recheck {
            day: day("day of the re-check", &recheck.day)?,
            with: field("who took part", &recheck.with)?,
            visit: recheck.visit.as_deref().map(|id| field("visit", id)).transpose()?,
            rows,
            removed: recheck.removed,
            removed_reason: field("reason", &recheck.removed_reason)?,
        };
        let (id, key) = (hex::encode(id), recheck_key(&hex::encode(id)));
        let standing = self.values(&self.map("fields")?, &key)?;
        if standing.windows(2).any(|pair| pair[0] != pair[1]) {
            let place = Place { container: "rechecks".to_owned(), key: id, field: None };
            return Err(EditError::Contested { place, values: standing.len() });
        }
        self.put_row("fields", &key, &recheck)
    }
}

fn actions(view: &View<'_>) -> BTreeMap<String, ActionView> {
    let ids = view.keys_of("actions").into_iter();
    ids.map(|id| {
        let read = ActionView::of(view, &id);
        (id, read)
    })
    .collect()
}

/// Returns the key of a re-check in `fields` by its id.
pub(crate) fn recheck_key(id: &str) -> String {
    format!("{RECHECK}{id}")
}

/// Returns where a register of a follow-up's map is told to stand: each changed field of an action is
/// told as that action's, and re-checks are told as rows of their own; none where it is told elsewhere.
pub(crate) fn told_at(container: &str, key: String) -> Option<Place> {
    let place =
        |container: &str, key: String| Place { container: container.to_owned(), key, field: None };
    match (container, key.strip_prefix(RECHECK)) {
        ("actions", _) => None,
        ("fields", Some(id)) => Some(place("rechecks", id.to_owned())),
        ("fields", None) if action::is_changed(&key) => None,
        _ => Some(place(container, key)),
    }
}

fn rechecks(view: &View<'_>) -> BTreeMap<String, Register<Told<Recheck>>> {
    let all = view.told::<Recheck>("fields").into_iter();
    all.filter_map(|(key, register)| Some((key.strip_prefix(RECHECK)?.to_owned(), register)))
        .collect()
}
