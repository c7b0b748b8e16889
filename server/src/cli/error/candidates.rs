//! What a name fits, where it fits several: as data.

use bienban_core::client::Candidate;
use serde::Serialize;

use crate::cli::time;

/// One of several things that a name fits, as `--json` shows it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CandidateData {
    id: String,
    plan: Option<CandidatePlanData>,
    visit: Option<u32>,
    device: Option<CandidateDeviceData>,
}

#[derive(Debug, Clone, Serialize)]
struct CandidatePlanData {
    id: String,
    title: String,
    from: String,
    to: String,
    cancelled: bool,
}

#[derive(Debug, Clone, Serialize)]
struct CandidateDeviceData {
    name: String,
    agency: String,
    /// When its last certificate was entered.
    since: Option<String>,
    /// When it, or its holder, was revoked for good.
    revoked_at: Option<String>,
}

impl CandidateData {
    pub(super) fn of(one: &Candidate) -> Self {
        let plan = one.plan.as_ref().map(|plan| CandidatePlanData {
            id: plan.id.clone(),
            title: plan.title.clone(),
            from: plan.from.clone(),
            to: plan.until.clone(),
            cancelled: plan.cancelled,
        });
        let device = one.device.as_ref().map(|device| CandidateDeviceData {
            name: device.name.clone(),
            agency: device.agency.clone(),
            since: device.since.map(time::rfc3339),
            revoked_at: device.revoked.map(time::rfc3339),
        });
        Self { id: one.id.clone(), plan, visit: one.visit, device }
    }
}
