//! *Khắc phục*: from a finding to a corrective action, its proof, its verification and its end.
//!
//! Corrective actions of an inspection stand in its one follow-up, born the same on every phone. The
//! follow-up alone decides whether a finding is corrected (`checklist::lifecycle::is_corrected`), so
//! that no second register can contradict it.

use super::planning::law;
use super::work::row_named;
use super::{Authors, Client, ClientError, Named};
use crate::checklist::Day;
use crate::checklist::lifecycle::{is_corrected, issued, latest_correction, settled_on};
use crate::clock;
use crate::model::{
    Action, ActionPatch, ActionState, ActionView, DocumentId, EditError, Editor, FollowupView,
    Genesis, Kind, LifeCycle, Origin, Place, Progress, Recheck, Said, Scope, Timestamp, Told,
};
use crate::replica::EditOutcome;

/// A corrective action as a person gives it; absent fields stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActionDraft {
    /// The finding, by the first digits of its id.
    pub finding: Option<String>,
    /// What must be done.
    pub what: Option<String>,
    /// Who is responsible.
    pub owner: Option<String>,
    /// The last moment.
    pub deadline: Option<Timestamp>,
}

/// Proof that a facility hands in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProofDraft {
    /// What was done.
    pub text: String,
    /// BLAKE3 hashes of photos, in hexadecimal.
    pub photos: Vec<String>,
    /// The day on which it was handed in; today if nobody says.
    pub on: Option<Day>,
}

/// A corrective action as a screen shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionShown {
    /// Its id.
    pub id: String,
    /// What it demands: every value of each field that stands.
    pub action: ActionView,
    /// Where it stands: of several values the worst.
    pub state: ActionState,
    /// Every word on where it stands; several when people wrote apart.
    pub progress: Vec<Said<Progress>>,
    /// Where values that differ stand; a person has to settle them.
    pub contested: Vec<Place>,
    /// The earliest deadline that stands.
    pub deadline: Option<Timestamp>,
    /// Nothing more is to be done.
    pub settled: bool,
    /// Not settled, and its deadline has passed.
    pub overdue: bool,
    /// The day on which it was settled, where that is after its deadline.
    pub late: Option<Day>,
}

/// The corrective actions of an inspection.
#[derive(Debug, Clone, Default)]
pub struct Corrections {
    /// The actions, by deadline.
    pub actions: Vec<ActionShown>,
    /// Ids of findings that count and are not corrected.
    pub open_findings: Vec<String>,
    /// Re-checks with their ids, the first one first; several values where people wrote apart.
    pub rechecks: Vec<(String, Vec<Said<Recheck>>)>,
    /// Who wrote in the follow-up.
    pub authors: Authors,
}

/// An inspection whose corrective actions are overdue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverdueRow {
    /// The inspection.
    pub inspection: DocumentId,
    /// The facility.
    pub facility: Option<Named>,
    /// The administrative unit.
    pub scope: Scope,
    /// The earliest deadline that has passed.
    pub deadline: Timestamp,
    /// Actions that are not settled, overdue or not.
    pub open: u32,
    /// The states of the inspection, with a bar between them.
    pub state: String,
}

impl Client {
    /// Adds a corrective action and returns its id. Without a deadline it gets that of its finding; where
    /// there is none, the last day that the law allows, counted from the day on which the finding was put in the minutes; where it is about
    /// none or there are no minutes yet, from the demand (*yêu cầu khắc phục*), else from today.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NotFound`] or [`ClientError::Ambiguous`] for the finding's name,
    /// [`ClientError::DeadlineTooLate`], and the edit's error when nothing is to be done.
    pub fn add_action(
        &self,
        inspection: &Genesis,
        draft: &ActionDraft,
    ) -> Result<([u8; 16], EditOutcome<()>), ClientError> {
        self.check_rights(&followup_of(inspection))?;
        let finding = self.finding_named(inspection, draft.finding.as_deref())?;
        let latest = self.latest_deadline(inspection, finding.as_deref())?;
        let of_finding = self.deadline_of_finding(inspection, finding.as_deref())?;
        // A finding's own deadline may lie behind what the law allows; the action's may not.
        let within_law = |at: &Timestamp| latest.is_none_or(|latest| *at <= latest.end());
        let default = of_finding.filter(within_law).or_else(|| latest.map(Day::end));
        let deadline = draft.deadline.or(default);
        let action = Action {
            finding,
            what: draft.what.clone().unwrap_or_default(),
            owner: draft.owner.clone().unwrap_or_default(),
            deadline: within(deadline, latest)?,
        };
        let id = clock::random::<16>()?;
        let outcome = self.follow_up(inspection, |editor| editor.action_add(id, &action))?;
        Ok((id, outcome))
    }

    /// Overwrites what the draft names of a corrective action.
    ///
    /// # Errors
    ///
    /// As [`Client::add_action`], also for the action's name.
    pub fn update_action(
        &self,
        inspection: &Genesis,
        action: &str,
        draft: &ActionDraft,
    ) -> Result<EditOutcome<()>, ClientError> {
        self.check_rights(&followup_of(inspection))?;
        let (id, read) = self.action_named(inspection, action)?;
        let named = self.finding_named(inspection, draft.finding.as_deref())?;
        if let Some(given) = draft.deadline {
            let standing = read.actions.get(&hex::encode(id)).map(|action| action.finding.all());
            let standing = standing.unwrap_or_default().iter();
            let about = standing.filter_map(|said| said.value.valid().cloned().flatten());
            let about: Vec<Option<String>> = match &named {
                Some(finding) => vec![Some(finding.clone())],
                None => about.map(Some).collect(),
            };
            // Of several findings that people named apart each must leave the time.
            let about = if about.is_empty() { vec![None] } else { about };
            for finding in about {
                within(Some(given), self.latest_deadline(inspection, finding.as_deref())?)?;
            }
        }
        let patch = ActionPatch {
            finding: named,
            what: draft.what.clone(),
            owner: draft.owner.clone(),
            deadline: draft.deadline,
        };
        self.follow_up(inspection, |editor| editor.action_change(id, &patch))
    }

    /// Records proof that a facility hands in (*báo cáo khắc phục*).
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NotFound`] or [`ClientError::Ambiguous`] for the action's name, and the
    /// edit's error when there is neither a text nor a photo.
    pub fn prove(
        &self,
        inspection: &Genesis,
        action: &str,
        proof: &ProofDraft,
    ) -> Result<EditOutcome<()>, ClientError> {
        if proof.text.trim().is_empty() && proof.photos.is_empty() {
            let error = EditError::Invalid { what: "proof", expected: "some text or a photo" };
            return Err(crate::replica::ReplicaError::from(error).into());
        }
        self.progress(inspection, action, proof.on, |_, day| Progress {
            state: ActionState::Submitted,
            proof: proof.text.clone(),
            photos: proof.photos.clone(),
            remark: String::new(),
            proved_on: day.clone(),
            day,
        })
    }

    /// Verifies a corrective action (*xác nhận khắc phục*), or rejects its proof, which asks for a
    /// re-check. The proof stays beside the verdict. Today counts where no day is told.
    ///
    /// # Errors
    ///
    /// As [`Client::prove`]; the edit's error when a rejection says no reason.
    pub fn verify_action(
        &self,
        inspection: &Genesis,
        action: &str,
        accept: bool,
        remark: &str,
        on: Option<Day>,
    ) -> Result<EditOutcome<()>, ClientError> {
        let state = if accept { ActionState::Verified } else { ActionState::Recheck };
        if !accept {
            said("reason for the rejection", remark)?;
        }
        self.judge(inspection, action, state, remark, on)
    }

    /// Takes a demand back (*thôi không yêu cầu*), with the reason.
    ///
    /// # Errors
    ///
    /// As [`Client::verify_action`].
    pub fn cancel_action(
        &self,
        inspection: &Genesis,
        action: &str,
        reason: &str,
    ) -> Result<EditOutcome<()>, ClientError> {
        said("reason for the cancellation", reason)?;
        self.judge(inspection, action, ActionState::Cancelled, reason, None)
    }

    fn judge(
        &self,
        inspection: &Genesis,
        action: &str,
        state: ActionState,
        remark: &str,
        on: Option<Day>,
    ) -> Result<EditOutcome<()>, ClientError> {
        self.progress(inspection, action, on, |before, day| {
            Progress::judged(before, state, remark, &day)
        })
    }

    fn progress(
        &self,
        inspection: &Genesis,
        action: &str,
        on: Option<Day>,
        after: impl FnOnce(Option<&Progress>, String) -> Progress,
    ) -> Result<EditOutcome<()>, ClientError> {
        self.check_rights(&followup_of(inspection))?;
        let (id, read) = self.action_named(inspection, action)?;
        let before = read.progress.get(&hex::encode(id)).and_then(|row| row.shown()?.valid());
        let after = after(before, on.map_or_else(Self::today, Ok)?.to_string());
        self.follow_up(inspection, |editor| editor.progress_put(id, &after))
    }

    /// Returns the corrective actions of an inspection, by deadline.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Replica`] when the inspection is not here.
    pub fn corrections(
        &self,
        inspection: &Genesis,
        as_of: Option<Day>,
    ) -> Result<Corrections, ClientError> {
        let as_of = as_of.map_or_else(Self::today, Ok)?;
        let document = self.followup_document(inspection)?;
        let read = document.as_ref().and_then(|document| document.view().followup());
        let authors = match &document {
            Some(document) => self.authors(document.id(), document)?,
            None => Authors::default(),
        };
        let held = self.open_inspection(inspection)?.view().inspection();
        let findings = held.map(|view| view.findings).unwrap_or_default();
        let open = findings
            .iter()
            .filter(|(id, row)| row.is_live() && !is_corrected(row, id, read.as_ref()));
        let open_findings = open.map(|(id, _)| id.clone()).collect();
        let mut actions: Vec<ActionShown> = read
            .as_ref()
            .map(|read| read.actions.keys().filter_map(|id| shown(read, id, as_of)))
            .into_iter()
            .flatten()
            .collect();
        actions.sort_by(|a, b| {
            let at = |row: &ActionShown| row.deadline.map_or(i64::MAX, |deadline| deadline.0);
            (at(a), &a.id).cmp(&(at(b), &b.id))
        });
        let rechecks = read.as_ref().map(super::rechecks::in_order).unwrap_or_default();
        Ok(Corrections { actions, open_findings, rechecks, authors })
    }

    /// Returns the inspections with an open corrective action whose deadline has passed, the longest
    /// overdue first. Reads summary rows; opens no document.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Store`] when reading fails.
    pub fn overdue(
        &self,
        as_of: Option<Day>,
        scope: Option<&Scope>,
    ) -> Result<Vec<OverdueRow>, ClientError> {
        let as_of = as_of.map_or_else(Self::today, Ok)?;
        let mut found = Vec::new();
        for row in self.all(Kind::Followup)? {
            let (Some(inspection), Some(deadline)) = (row.inspection, row.deadline) else {
                continue;
            };
            let passed = Day::of(deadline).is_some_and(|last| last < as_of);
            let wanted = scope.is_none_or(|scope| within_unit(&row.scope, scope));
            if !passed || !wanted || row.open_requests == 0 {
                continue;
            }
            let about = self.phone().replica().summary(inspection)?;
            let facility = about.as_ref().and_then(|about| about.facility);
            found.push(OverdueRow {
                inspection,
                facility: facility.map(|facility| self.named(facility)).transpose()?,
                scope: row.scope,
                deadline,
                open: row.open_requests,
                state: about.map(|about| about.state).unwrap_or_default(),
            });
        }
        found.sort_by_key(|row| (row.deadline, row.inspection));
        Ok(found)
    }

    /// Returns the last day that the law allows for a corrective action of an inspection.
    fn latest_deadline(
        &self,
        inspection: &Genesis,
        finding: Option<&str>,
    ) -> Result<Option<Day>, ClientError> {
        let held = self.open_inspection(inspection)?.view().inspection();
        let about = held.as_ref().zip(finding);
        let found = about.and_then(|(view, id)| issued(view.findings.get(id)?, view));
        if let Some(day) = found {
            return Ok(latest_correction(day, law()));
        }
        let steps = held.as_ref().map(|view| view.step(LifeCycle::CorrectiveIssued));
        let days = steps.iter().flatten().filter_map(|step| step.day.parse::<Day>().ok());
        let demanded = match days.min() {
            Some(day) => day,
            None => Self::today()?,
        };
        Ok(latest_correction(demanded, law()))
    }

    fn deadline_of_finding(
        &self,
        inspection: &Genesis,
        finding: Option<&str>,
    ) -> Result<Option<Timestamp>, ClientError> {
        let Some(id) = finding else { return Ok(None) };
        let held = self.open_inspection(inspection)?.view().inspection();
        Ok(held.and_then(|view| view.findings.get(id)?.earliest_deadline()))
    }

    /// Returns the earliest deadline among those of the findings that an action is about, the action by
    /// its full id.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Replica`] when the inspection is not here.
    pub fn deadline_asked(
        &self,
        inspection: &Genesis,
        action: &str,
    ) -> Result<Option<Timestamp>, ClientError> {
        let document = self.followup_document(inspection)?;
        let read = document.and_then(|document| document.view().followup());
        let (id, _) = match &read {
            Some(_) => self.action_named(inspection, action)?,
            None => return Ok(None),
        };
        let read = read.and_then(|mut read| read.actions.remove(&hex::encode(id)));
        let said = read.iter().flat_map(|action| action.finding.all());
        let mut found = Vec::new();
        for finding in said.filter_map(|said| said.value.valid()?.as_deref()) {
            found.extend(self.deadline_of_finding(inspection, Some(finding))?);
        }
        Ok(found.into_iter().min())
    }

    fn finding_named(
        &self,
        inspection: &Genesis,
        name: Option<&str>,
    ) -> Result<Option<String>, ClientError> {
        name.map(|name| self.find_finding(inspection, name).map(hex::encode)).transpose()
    }

    fn action_named(
        &self,
        inspection: &Genesis,
        name: &str,
    ) -> Result<([u8; 16], FollowupView), ClientError> {
        const WHAT: &str = "action";
        let document = self.followup_document(inspection)?;
        let read = document.and_then(|document| document.view().followup());
        let Some(read) = read else {
            return Err(ClientError::NotFound { what: WHAT, name: name.to_owned() });
        };
        let id = row_named(WHAT, name, read.actions.keys().cloned())?;
        Ok((id, read))
    }

    pub(super) fn follow_up<T>(
        &self,
        inspection: &Genesis,
        edit: impl FnOnce(&mut Editor<'_>) -> Result<T, EditError>,
    ) -> Result<EditOutcome<T>, ClientError> {
        self.edit(&followup_of(inspection), edit)
    }
}

/// Returns the one follow-up of an inspection: the same on every phone.
pub(super) fn followup_of(inspection: &Genesis) -> Genesis {
    Genesis {
        kind: Kind::Followup,
        scope: inspection.scope.clone(),
        template: None,
        origin: Origin::About { inspection: inspection.document() },
    }
}

fn shown(read: &FollowupView, id: &str, as_of: Day) -> Option<ActionShown> {
    let valid = |said: &Said<Told<Progress>>| {
        let value = said.value.valid()?.clone();
        Some(Said { value, actor: said.actor.clone(), change: said.change, at: said.at })
    };
    let progress = read.progress.get(id).map(|row| row.all().iter().filter_map(valid).collect());
    let deadline = read.deadline(id);
    let settled = read.is_settled(id);
    let passed = deadline.and_then(Day::of).is_some_and(|last| last < as_of);
    let of_it = |place: &&Place| {
        matches!(place.container.as_str(), "actions" | "progress") && place.key == id
    };
    Some(ActionShown {
        id: id.to_owned(),
        action: read.actions.get(id)?.clone(),
        state: read.state(id),
        progress: progress.unwrap_or_default(),
        contested: read.contested.iter().filter(of_it).cloned().collect(),
        deadline,
        settled,
        overdue: passed && !settled,
        late: settled_on(read, id)
            .zip(deadline.and_then(Day::of))
            .and_then(|(day, last)| (day > last).then_some(day)),
    })
}

pub(super) fn within(
    deadline: Option<Timestamp>,
    latest: Option<Day>,
) -> Result<Option<Timestamp>, ClientError> {
    match (deadline.and_then(Day::of), latest) {
        (Some(given), Some(latest)) if given > latest => Err(ClientError::DeadlineTooLate {
            given: given.to_string(),
            latest: latest.to_string(),
        }),
        _ => Ok(deadline),
    }
}

pub(super) fn said(what: &'static str, text: &str) -> Result<(), ClientError> {
    if text.trim().is_empty() {
        let error = EditError::Invalid { what, expected: "some text" };
        return Err(crate::replica::ReplicaError::from(error).into());
    }
    Ok(())
}

/// Returns whether a unit is the one asked for or lies in it.
pub(super) fn within_unit(unit: &Scope, asked: &Scope) -> bool {
    unit == asked || crate::replica::units().is_within(unit, asked)
}
