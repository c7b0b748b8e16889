//! Advice that only a particular error can give: which command lists what was looked for, which steps
//! there are, what else a thing is called.

use std::io;

use bienban_core::checklist::lifecycle::{self, Need};
use bienban_core::checklist::{AnswerError, ClocksError};
use bienban_core::client::{ClientError, DIGITS_MIN};
use bienban_core::model::{EditError, LifeCycle};
use bienban_core::replica::ReplicaError;
use bienban_core::trust::bundle::BundleError;

use super::folder::At;
use super::{words, wrong};
use crate::messages::Messages;

/// Returns advice that only an error of the client can give.
pub(super) fn of_client_error(error: &ClientError, at: At, m: &Messages) -> Option<String> {
    use ClientError as E;
    let key = match error {
        E::NotFound { what, name } => {
            let listed = not_found(what, at, m);
            if !is_too_short(name) {
                return listed;
            }
            let least = m.text("hint.digits", &[("least", &DIGITS_MIN.to_string())]);
            return Some(
                listed.map_or_else(|| least.clone(), |listed| format!("{least}; {listed}")),
            );
        }
        E::Bundle {
            source: ReplicaError::Bundle { source: BundleError::Io { action: "read", source } },
            ..
        } if source.kind() == io::ErrorKind::NotFound => "hint.no_file",
        E::NotPlanned if at == At::Field => "hint.not_planned",
        E::NoMinutes { .. } if at == At::Field => "hint.no_minutes",
        E::Answer(AnswerError::UnknownItem { item }) => return opinion(item, at, m),
        E::Replica(ReplicaError::Edit(error)) => return of_edit(error, at, m),
        E::Ambiguous { what: "invitation", .. } => "hint.which_invitation",
        E::Ambiguous { what, candidates, .. } => {
            let plan = candidates.iter().any(|one| one.plan.is_some());
            let devices: Vec<_> = candidates.iter().filter_map(|one| one.device.as_ref()).collect();
            if !devices.is_empty() {
                // Whose id it is to be is not guessed: they may be two persons'.
                return Some(match devices.iter().all(|device| device.revoked.is_some()) {
                    true => m.text("hint.all_revoked", &[]),
                    false => m.text("hint.which_device", &[]),
                });
            }
            let what = words::thing(m, what);
            return plan.then(|| m.text("hint.which_plan", &[("what", &what)]));
        }
        E::NotReady { missing, .. } if missing.iter().any(|one| one.need == Need::NothingOpen) => {
            "hint.take_back"
        }
        E::OtherKey { .. } => "hint.other_key",
        E::Replica(ReplicaError::KeyReplaced { .. }) => "hint.key_replaced",
        E::PlanCancelled { .. } if at == At::Desk => "hint.desk_plan_cancelled",
        E::PlanCancelled { .. } => "hint.plan_cancelled",
        E::VisitBegun { .. } => "hint.visit_begun",
        E::NeedsLeader { .. } => "hint.needs_leader",
        E::NotLeader { .. } => "hint.not_leader",
        E::Clocks(ClocksError::Unknown { .. }) => "hint.list_clocks",
        // Only who accepts a record may do so although values differ; nobody seals one so.
        E::Disputed { .. } if at == At::Desk => "hint.despite",
        // This device refused by itself, before anything was written.
        E::NotYours { .. } | E::NotReviewer { .. } | E::NotHere { .. } if at == At::Field => {
            "hint.not_recorded"
        }
        _ => return None,
    };
    Some(m.text(key, &[]))
}

/// Whether it could be the first digits of an id, and fewer than name one.
fn is_too_short(name: &str) -> bool {
    let name = name.trim();
    let digits = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits && name.len() < DIGITS_MIN
}

fn of_edit(error: &EditError, at: At, m: &Messages) -> Option<String> {
    match error {
        EditError::Transition { from, to } => Some(next_states(from, to, m)),
        EditError::UnknownItem { item } => opinion(item, at, m),
        _ => None,
    }
}

/// Says which command lists what was looked for, on such a device.
pub(super) fn not_found(what: &str, at: At, m: &Messages) -> Option<String> {
    if at == At::Desk {
        return not_found_at_desk(what, m);
    }
    Some(match what {
        "inspection" => m.text("hint.list_inspections", &[]),
        "facility" => m.text("hint.list_facilities", &[]),
        "plan" => m.text("hint.list_plans", &[]),
        "checklist" => m.text("hint.list_checklists", &[]),
        "device" => m.text("hint.list_devices", &[]),
        "finding" | "row" | "comment" | "action" | "sample" => m.text("hint.see_show", &[]),
        "change" => m.text("hint.see_history", &[]),
        _ => return None,
    })
}

fn not_found_at_desk(what: &str, m: &Messages) -> Option<String> {
    Some(match what {
        "inspection" => m.text("hint.desk_list_inspections", &[]),
        "facility" => m.text("hint.desk_list_facilities", &[]),
        "plan" => m.text("hint.desk_list_plans", &[]),
        "checklist" => m.text("hint.desk_list_checklists", &[]),
        "device" => m.text("hint.desk_list_devices", &[]),
        "invitation" => m.text("hint.desk_list_invitations", &[]),
        "finding" | "row" | "comment" | "action" | "sample" => m.text("hint.see_show", &[]),
        "change" => m.text("hint.desk_list_changes", &[]),
        _ => return None,
    })
}

/// Says what an opinion is called where it was named as an item.
fn opinion(item: &str, at: At, m: &Messages) -> Option<String> {
    let text = match item {
        "facility" | "facility_opinion" => "texts/facility_opinion",
        "other" | "other_opinions" => "texts/other_opinions",
        "conclusion" => "texts/conclusion",
        _ => return None,
    };
    Some(match at {
        At::Field => m.text("hint.opinion", &[("text", text)]),
        At::Desk => m.text("hint.desk_opinion", &[]),
    })
}

/// Says which states may follow, and which the state asked for follows.
pub(super) fn next_states(from: &str, to: &str, m: &Messages) -> String {
    let named = |name: &str| LifeCycle::ALL.into_iter().find(|state| state.name() == name);
    let next = named(from).map(LifeCycle::next).unwrap_or_default();
    let before = named(to).map(lifecycle::before).unwrap_or_default();
    let mut hint = if next.is_empty() {
        m.text("hint.last_state", &[])
    } else {
        m.text("hint.next_states", &[("states", &wrong::states(next, m))])
    };
    if !before.is_empty() {
        let states = wrong::states(&before, m);
        let why =
            m.text("hint.states_before", &[("to", &words::state(m, to)), ("states", &states)]);
        hint = format!("{hint}. {why}");
    }
    hint
}
