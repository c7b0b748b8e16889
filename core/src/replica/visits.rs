//! Which visits of a facility are known, begun or only planned. Loads no document.
//!
//! Rows under the facility's id are written with each summary of a plan or inspection, so that a
//! planner's question (was it inspected this year?) costs a short scan.

use super::documents::{Replica, each_row};
use super::rows::{self, VISIT, VisitRow};
use crate::model::{Document, DocumentId, Kind, Origin, ROWS_MAX, Summary, TemplateId};
use crate::store::StoreError;

/// A visit of a facility, from summary rows alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownVisit {
    /// The inspection, once somebody has begun it.
    pub inspection: Option<DocumentId>,
    /// The plan, for a planned visit.
    pub plan: Option<DocumentId>,
    /// The number of the visit under its plan.
    pub visit: u32,
    /// The checklist.
    pub template: Option<TemplateId>,
    /// The day of the visit, else the first day of its plan, as YYYY-MM-DD; empty when unknown.
    pub day: String,
    /// The last day of its plan.
    pub until: String,
    /// Names of the states that stand, with a bar between them; empty before it has begun.
    pub state: String,
    /// What its plan is called.
    pub title: String,
    /// It was taken off its plan, or its plan was cancelled, before it had begun.
    pub removed: bool,
    /// It is no visit of its own: a supplementary record to the minutes of one.
    pub supplement: bool,
}

/// Returns the rows that a plan or inspection has under the facilities that it visits.
pub(super) fn told_by(document: &Document, summary: &Summary) -> Vec<(DocumentId, VisitRow)> {
    let heads_digest = summary.heads_digest;
    let mut told = Vec::new();
    match document.genesis().kind {
        Kind::Plan => {
            let Some(plan) = document.view().plan() else { return told };
            for (facility, register) in plan.facilities.iter().take(ROWS_MAX) {
                let (Ok(facility), Some(shown)) = (
                    facility.parse::<DocumentId>(),
                    register.shown().and_then(|told| told.valid()),
                ) else {
                    continue;
                };
                // Where one took it off and another kept it, it stays.
                let removed = register
                    .all()
                    .iter()
                    .all(|said| said.value.valid().is_some_and(|visit| visit.removed));
                let (template, visit) = (Some(shown.template), shown.visit);
                let row = VisitRow { template, visit, removed, heads_digest };
                told.push((facility, row));
            }
        }
        Kind::Inspection => {
            if let Origin::Planned { facility, visit, .. } = document.genesis().origin {
                let template = document.genesis().template;
                let row = VisitRow { template, visit, removed: false, heads_digest };
                told.push((facility, row));
            }
        }
        _ => {}
    }
    told
}

impl Replica {
    /// Returns the visits of a facility that are known here, each once: those that have begun, and
    /// those that a plan foresees and nobody has begun. Loads no document.
    ///
    /// # Errors
    ///
    /// As [`Replica::owner`].
    pub fn visits_of(&self, facility: DocumentId) -> Result<Vec<KnownVisit>, StoreError> {
        let mut read: Vec<(VisitRow, Summary)> = Vec::new();
        let mut keys: Vec<(DocumentId, VisitRow)> = Vec::new();
        each_row(&**self.store(), &rows::of_document(VISIT, facility), None, |key, value| {
            if let Some(by) = key.get(33..65).and_then(|id| id.try_into().ok()) {
                keys.push((DocumentId(by), rows::decode(key, value)?));
            }
            Ok(())
        })?;
        for (by, row) in keys {
            if let Some(summary) = self.summary(by)?
                && summary.heads_digest == row.heads_digest
            {
                read.push((row, summary));
            }
        }
        let mut found = Vec::new();
        for (row, summary) in read.iter().filter(|(_, summary)| summary.kind == Kind::Inspection) {
            let plan = summary.plan.map(|plan| self.summary(plan)).transpose()?.flatten();
            let (from, until, title) =
                plan.map(|plan| (plan.day, plan.until, plan.title)).unwrap_or_default();
            found.push(KnownVisit {
                inspection: Some(summary.document),
                plan: summary.plan,
                visit: row.visit,
                template: row.template,
                day: if summary.day.is_empty() { from } else { summary.day.clone() },
                until,
                state: summary.state.clone(),
                title,
                removed: false,
                supplement: summary.supplements.is_some(),
            });
        }
        for (row, plan) in read.iter().filter(|(_, summary)| summary.kind == Kind::Plan) {
            let begun = found.iter().any(|visit| visit.plan == Some(plan.document));
            if !begun {
                found.push(KnownVisit {
                    inspection: None,
                    plan: Some(plan.document),
                    visit: row.visit,
                    template: row.template,
                    day: plan.day.clone(),
                    until: plan.until.clone(),
                    state: String::new(),
                    title: plan.title.clone(),
                    removed: row.removed || plan.is_cancelled(),
                    supplement: false,
                });
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{DeviceId, Genesis, Incarnation, PlanInput, PlannedVisit, Timestamp};
    use crate::replica::{Phone, Projection};
    use crate::store::MemoryStore;
    use crate::trust::DeviceKey;

    const NOW: Timestamp = Timestamp(1_795_000_000_000);
    const FACILITY: DocumentId = DocumentId([2; 32]);

    fn plan(nonce: u8) -> Genesis {
        let origin = Origin::Device { creator: DeviceId([3; 32]), nonce: [nonce; 16] };
        Genesis { kind: Kind::Plan, scope: "06325".parse().unwrap(), template: None, origin }
    }

    fn visiting(title: &str, from: &str, removed: bool) -> PlanInput {
        let visit = PlannedVisit {
            template: TemplateId([7; 32]),
            visit: 1,
            name: "HTX".to_owned(),
            removed,
            reason: None,
        };
        PlanInput {
            title: title.to_owned(),
            from: from.to_owned(),
            facilities: vec![(FACILITY, visit)],
            ..PlanInput::default()
        }
    }

    #[test]
    fn a_facility_is_asked_for_its_visits_without_loading_a_document() {
        let store = Arc::new(MemoryStore::new(Arc::new(Projection)));
        let life = Incarnation([1; 16]);
        let phone = Phone::open(store, DeviceKey::from_seed(&[1; 32]), life, NOW).unwrap();
        for (nonce, input) in
            [(1, visiting("Một", "2026-03-01", false)), (2, visiting("Hai", "2026-11-01", true))]
        {
            phone.edit(&plan(nonce), NOW, |editor| editor.plan(&input)).unwrap();
        }
        phone
            .edit(&plan(3), NOW, |editor| editor.plan(&visiting("Ba", "2026-12-01", false)))
            .unwrap();
        phone.edit(&plan(3), NOW, |editor| editor.cancel_plan("Trùng kế hoạch", "")).unwrap();
        let before = phone.replica().documents_loaded();
        let mut found = phone.replica().visits_of(FACILITY).unwrap();
        assert_eq!(phone.replica().documents_loaded(), before);
        found.sort_by(|a, b| a.day.cmp(&b.day));
        let told: Vec<(&str, &str, bool)> = found
            .iter()
            .map(|visit| (visit.title.as_str(), visit.day.as_str(), visit.removed))
            .collect();
        assert_eq!(
            told,
            [("Một", "2026-03-01", false), ("Hai", "2026-11-01", true), ("Ba", "2026-12-01", true),]
        );
        assert!(phone.replica().visits_of(DocumentId([9; 32])).unwrap().is_empty());
    }
}
