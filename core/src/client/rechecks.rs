//! *Tái kiểm*: somebody looks again at findings after their correction was due. What came of each
//! stands in the inspection's follow-up, beside the corrective actions that it judges.

use super::corrections::{followup_of, said};
use super::work::row_named;
use super::{Client, ClientError};
use crate::checklist::Day;
use crate::clock;
use crate::model::{
    ActionState, DocumentId, FollowupView, Genesis, Progress, Recheck, RecheckResult, RecheckRow,
    Register, Said, Told,
};
use crate::replica::EditOutcome;

/// One finding that was looked at again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// The finding, by the first digits of its id.
    pub finding: String,
    /// What was found.
    pub result: RecheckResult,
    /// What was seen.
    pub remark: String,
    /// BLAKE3 hashes of photos, in hexadecimal.
    pub photos: Vec<String>,
}

/// A re-check as a person gives it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecheckDraft {
    /// The day; today if nobody says.
    pub on: Option<Day>,
    /// Others who took part.
    pub with: String,
    /// The inspection of the visit, where it has answers of its own.
    pub visit: Option<DocumentId>,
    /// What was looked at.
    pub rows: Vec<Looked>,
}

impl Client {
    /// Records a re-check and returns its id. Each corrective action about a finding that was looked
    /// at is verified, or sent to another re-check, with it: in the same edit, so that the two never
    /// say different things.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NotFound`] or [`ClientError::Ambiguous`] for a finding's name, and the
    /// edit's error when a field is wrong, or when a finding that is not corrected says no reason.
    pub fn recheck(
        &self,
        inspection: &Genesis,
        draft: &RecheckDraft,
    ) -> Result<([u8; 16], EditOutcome<()>), ClientError> {
        self.check_rights(&followup_of(inspection))?;
        let mut rows = Vec::with_capacity(draft.rows.len());
        for looked in &draft.rows {
            if looked.result != RecheckResult::Corrected {
                said("what is not corrected", &looked.remark)?;
            }
            rows.push(RecheckRow {
                finding: hex::encode(self.find_finding(inspection, &looked.finding)?),
                result: looked.result,
                remark: looked.remark.clone(),
                photos: looked.photos.clone(),
            });
        }
        let day = draft.on.map_or_else(Self::today, Ok)?.to_string();
        let visit = draft.visit.map(|id| id.to_string());
        let (with, removed, removed_reason) = (draft.with.clone(), false, String::new());
        let recheck = Recheck { day, with, visit, rows, removed, removed_reason };
        let document = self.followup_document(inspection)?;
        let read = document.and_then(|document| document.view().followup());
        let judged = read.as_ref().map(|read| judged(read, &recheck)).unwrap_or_default();
        let id = clock::random::<16>()?;
        let outcome = self.follow_up(inspection, |editor| {
            editor.recheck_put(id, &recheck)?;
            judged.iter().try_for_each(|(action, to)| editor.progress_put(*action, to))
        })?;
        Ok((id, outcome))
    }

    /// Takes a re-check back that was written by mistake, with the reason. What it made of corrective
    /// actions stays: `admin action verify` says of each what holds.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NotFound`] or [`ClientError::Ambiguous`] for its name, and the edit's
    /// error when no reason is given.
    pub fn withdraw_recheck(
        &self,
        inspection: &Genesis,
        name: &str,
        reason: &str,
    ) -> Result<EditOutcome<()>, ClientError> {
        const WHAT: &str = "re-check";
        self.check_rights(&followup_of(inspection))?;
        said("reason", reason)?;
        let document = self.followup_document(inspection)?;
        let read = document.and_then(|document| document.view().followup());
        let rechecks = read.map(|read| read.rechecks).unwrap_or_default();
        let id = row_named(WHAT, name, rechecks.keys().cloned())?;
        let standing = rechecks.get(&hex::encode(id)).and_then(|row| row.shown()?.valid());
        let Some(before) = standing else {
            return Err(ClientError::NotFound { what: WHAT, name: name.to_owned() });
        };
        let after = Recheck { removed: true, removed_reason: reason.to_owned(), ..before.clone() };
        self.follow_up(inspection, |editor| editor.recheck_put(id, &after))
    }
}

/// Returns what a re-check makes of the corrective actions about what it looked at. An action that
/// nobody demands any more stays as it is.
fn judged(read: &FollowupView, recheck: &Recheck) -> Vec<([u8; 16], Progress)> {
    let mut found = Vec::new();
    for row in &recheck.rows {
        for action in read.about(&row.finding) {
            let mut id = [0; 16];
            let stands = read.state(action) != ActionState::Cancelled;
            if !stands || hex::decode_to_slice(action, &mut id).is_err() {
                continue;
            }
            let before = read.progress.get(action).and_then(|row| row.shown()?.valid());
            let state = match row.result {
                RecheckResult::Corrected => ActionState::Verified,
                RecheckResult::Partly | RecheckResult::NotCorrected => ActionState::Recheck,
            };
            let progress = Progress::judged(before, state, &row.remark, &recheck.day);
            found.push((id, progress));
        }
    }
    found
}

/// Returns re-checks in the order of their days.
pub(super) fn in_order(read: &FollowupView) -> Vec<(String, Vec<Said<Recheck>>)> {
    let valid = |said: &Said<Told<Recheck>>| {
        let value = said.value.valid()?.clone();
        Some(Said { value, actor: said.actor.clone(), change: said.change, at: said.at })
    };
    let each = |(id, row): (&String, &Register<Told<Recheck>>)| {
        (id.clone(), row.all().iter().filter_map(valid).collect::<Vec<_>>())
    };
    let mut found: Vec<_> = read.rechecks.iter().map(each).collect();
    found.retain(|(_, values)| !values.is_empty());
    found.sort_by(|a, b| {
        let day = |values: &[Said<Recheck>]| values.last().map(|said| said.value.day.clone());
        (day(&a.1), &a.0).cmp(&(day(&b.1), &b.0))
    });
    found
}
