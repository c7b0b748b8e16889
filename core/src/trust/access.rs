//! The one table of rights: which role writes which kind of document, and decides what.
//!
//! A right holds in the unit of its grant and in all units below; which unit lies in which is data
//! (`core/data/units`), so it comes in as an argument.

use super::control::Deed;
use super::grant::{DeviceEntry, Grant, Role};
use crate::model::{Kind, Scope};

/// Returns whether `outer` is `inner` or contains it. A pure function of the units in force.
pub type Covers = dyn Fn(&Scope, &Scope) -> bool;

/// Returns whether a role may write a kind of document (design §4).
#[must_use]
pub fn may_write(role: Role, kind: Kind) -> bool {
    match kind {
        Kind::Facility => matches!(role, Role::Inspector | Role::Admin),
        Kind::Plan => matches!(role, Role::Leader | Role::Admin),
        Kind::Inspection => matches!(role, Role::Inspector | Role::Leader),
        // The team replies in it; what else is said there counts by `may_review`.
        Kind::Review => matches!(role, Role::Supervisor | Role::Leader | Role::Inspector),
        Kind::Followup => matches!(role, Role::Inspector | Role::Leader | Role::Supervisor),
    }
}

/// What is said in a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReviewAct {
    /// Deciding, commenting, asking the team to go back: a supervisor's.
    Judge,
    /// Replying, and saying that a request is answered: the team's too.
    Reply,
}

/// Returns whether what a role says in a review counts
/// ([why not at the hub](../../../docs/adr/0014-who-decides-a-review.md)).
#[must_use]
pub fn may_review(role: Role, act: ReviewAct) -> bool {
    match act {
        ReviewAct::Judge => role == Role::Supervisor,
        ReviewAct::Reply => may_write(role, Kind::Review),
    }
}

/// Returns whether a role may decide this in a unit of its grant.
#[must_use]
pub fn may_decide(role: Role, deed: &Deed) -> bool {
    match deed {
        Deed::Certify { .. }
        | Deed::Grant { .. }
        | Deed::Withdraw { .. }
        | Deed::Revoke { .. }
        | Deed::Template { .. } => role == Role::Admin,
        Deed::Assign { .. } | Deed::Seal { .. } => role == Role::Leader,
        Deed::Countersign { .. } => matches!(role, Role::Inspector | Role::Leader),
        Deed::Judge { .. } => role == Role::Supervisor,
        Deed::Successor { .. } | Deed::Switch { .. } => false,
    }
}

/// Returns whether a role is shown what is kept aside in a unit of its grant: who decides of it, who gives
/// and ends the rights that it lacked, and who checks both.
#[must_use]
pub fn may_see_aside(role: Role) -> bool {
    matches!(role, Role::Supervisor | Role::Admin | Role::Auditor)
}

/// Returns whether the hub's operator may decide this without a person: what begins a hub, and what ends
/// rights. Never what speaks for a team or for a supervisor.
#[must_use]
pub fn operator_may_decide(deed: &Deed) -> bool {
    match deed {
        Deed::Certify { .. }
        | Deed::Grant { .. }
        | Deed::Withdraw { .. }
        | Deed::Revoke { .. }
        | Deed::Template { .. }
        | Deed::Successor { .. }
        | Deed::Switch { .. } => true,
        Deed::Assign { .. } | Deed::Seal { .. } | Deed::Countersign { .. } | Deed::Judge { .. } => {
            false
        }
    }
}

/// Returns the grant by which a device may write a kind of document of a unit; none when it may not.
#[must_use]
pub fn writes_by<'e>(
    entry: &'e DeviceEntry,
    kind: Kind,
    scope: &Scope,
    covers: &Covers,
) -> Option<&'e Grant> {
    let fits = |grant: &&Grant| may_write(grant.role, kind) && covers(&grant.scope, scope);
    entry.grants.iter().filter(|_| entry.active).find(fits)
}

/// Returns the grant by which a device may read what belongs to a unit; none when it may not.
#[must_use]
pub fn reads_by<'e>(entry: &'e DeviceEntry, scope: &Scope, covers: &Covers) -> Option<&'e Grant> {
    entry.grants.iter().filter(|_| entry.active).find(|grant| covers(&grant.scope, scope))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLES: [Role; 5] =
        [Role::Admin, Role::Leader, Role::Inspector, Role::Supervisor, Role::Auditor];

    #[test]
    fn only_a_supervisor_judges_and_the_team_replies() {
        let who = |act| ROLES.into_iter().filter(|role| may_review(*role, act)).collect::<Vec<_>>();
        assert_eq!(who(ReviewAct::Judge), [Role::Supervisor]);
        assert_eq!(who(ReviewAct::Reply), [Role::Leader, Role::Inspector, Role::Supervisor]);
    }

    #[test]
    fn what_is_kept_aside_is_for_those_who_decide_of_it_or_check_it() {
        let seeing = ROLES.into_iter().filter(|role| may_see_aside(*role)).collect::<Vec<_>>();
        assert_eq!(seeing, [Role::Admin, Role::Supervisor, Role::Auditor]);
    }

    #[test]
    fn an_auditor_writes_and_decides_nothing() {
        for kind in Kind::ALL {
            assert!(!may_write(Role::Auditor, kind), "{kind:?}");
        }
        let assign =
            Deed::Assign { inspection: crate::model::DocumentId([1; 32]), persons: Vec::new() };
        assert!(!may_decide(Role::Auditor, &assign));
        assert!(may_decide(Role::Leader, &assign) && !operator_may_decide(&assign));
    }
}
