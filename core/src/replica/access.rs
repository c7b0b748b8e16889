//! Who may write what, and which unit lies in which. One table, one place.
//!
//! Rights here rest on the devices that the hub was told of. Signed grants, assignments and
//! revocation come with the control log.

use std::sync::OnceLock;

use crate::checklist::{UNITS, Units};
use crate::model::{Kind, Scope};
use crate::sync::{DeviceEntry, Role};

/// Returns the administrative units that this program knows.
#[must_use]
pub fn units() -> &'static Units {
    static KNOWN: OnceLock<Units> = OnceLock::new();
    KNOWN.get_or_init(|| {
        Units::parse(UNITS).expect("the embedded units are read by a test of the checklist module")
    })
}

/// The unit that contains every other, whether or not the other is known here.
const COUNTRY: &str = "00";

/// Returns whether one of the units is the whole country.
#[must_use]
pub(super) fn is_everywhere(scopes: &[Scope]) -> bool {
    scopes.iter().any(|scope| scope.as_str() == COUNTRY)
}

/// Returns whether `outer` is `inner` or contains it.
fn covers(outer: &Scope, inner: &Scope) -> bool {
    outer.as_str() == COUNTRY || outer == inner || units().is_within(inner, outer)
}

/// Returns every known unit that a device may read, each once.
#[must_use]
pub(super) fn readable(entry: &DeviceEntry) -> Vec<Scope> {
    let mut scopes: Vec<Scope> = entry.scopes.clone();
    scopes.extend(entry.scopes.iter().flat_map(|own| units().within(own)));
    scopes.sort();
    scopes.dedup();
    scopes
}

/// Returns whether a device may read what belongs to a unit, so that it reaches the device.
#[must_use]
pub fn reads(entry: &DeviceEntry, scope: &Scope) -> bool {
    entry.active && entry.scopes.iter().any(|own| covers(own, scope))
}

/// Returns whether two entries of one device let it do the same; its name may differ.
#[must_use]
pub(super) fn same_rights(one: &DeviceEntry, two: &DeviceEntry) -> bool {
    (one.active, one.role, &one.scopes) == (two.active, two.role, &two.scopes)
}

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

/// Returns whether a device may write a kind of document of a unit.
#[must_use]
pub fn admits(entry: &DeviceEntry, kind: Kind, scope: &Scope) -> bool {
    entry.active && may_write(entry.role, kind) && entry.scopes.iter().any(|own| covers(own, scope))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(code: &str) -> Scope {
        code.parse().unwrap()
    }

    #[test]
    fn the_six_communes_lie_in_lang_son() {
        for code in ["06325", "06337", "06349", "06364", "06367", "06376"] {
            assert!(covers(&scope("20"), &scope(code)), "{code}");
            assert!(covers(&scope("00"), &scope(code)), "{code}");
        }
        assert!(!covers(&scope("06325"), &scope("06337")));
        assert!(!covers(&scope("06325"), &scope("20")));
        assert!(!covers(&scope("19"), &scope("06325")));
    }

    #[test]
    fn a_province_is_read_with_all_its_communes_each_named_once() {
        let entry = |scopes: &[&str]| DeviceEntry {
            device: crate::model::DeviceId([1; 32]),
            name: "N".to_owned(),
            agency: "A".to_owned(),
            role: Role::Inspector,
            scopes: scopes.iter().map(|code| scope(code)).collect(),
            active: true,
        };
        assert_eq!(readable(&entry(&["20", "06325"])).len(), 66);
        assert_eq!(readable(&entry(&["06325"])), [scope("06325")]);
        // A unit that nobody knows is still a device's own.
        assert_eq!(readable(&entry(&["99999"])), [scope("99999")]);
        assert_eq!(readable(&entry(&["00"])).len(), 1 + 34 + 3321);
    }

    #[test]
    fn only_a_supervisor_judges_and_the_team_replies() {
        let who = |act| {
            let all = [Role::Admin, Role::Leader, Role::Inspector, Role::Supervisor, Role::Auditor];
            all.into_iter().filter(|role| may_review(*role, act)).collect::<Vec<_>>()
        };
        assert_eq!(who(ReviewAct::Judge), [Role::Supervisor]);
        assert_eq!(who(ReviewAct::Reply), [Role::Leader, Role::Inspector, Role::Supervisor]);
    }

    #[test]
    fn an_auditor_writes_nothing() {
        for kind in Kind::ALL {
            assert!(!may_write(Role::Auditor, kind), "{kind:?}");
        }
    }
}
