//! Rights in the units that this program knows. The table itself is `core/src/trust/access.rs`.

use std::sync::OnceLock;

use crate::checklist::{UNITS, Units};
use crate::model::{Kind, Scope};
use crate::sync::DeviceEntry;
use crate::trust::access::{may_see_aside, reads_by, writes_by};

/// Returns the administrative units that this program knows.
#[must_use]
pub fn units() -> &'static Units {
    static KNOWN: OnceLock<Units> = OnceLock::new();
    KNOWN.get_or_init(|| {
        Units::parse(UNITS).expect("the embedded units are read by a test of the checklist module")
    })
}

/// The unit that contains every other, whether or not the other is known here.
pub(super) const COUNTRY: &str = "00";

/// Returns whether one of a device's grants is for the whole country.
#[must_use]
pub(super) fn is_everywhere(entry: &DeviceEntry) -> bool {
    entry.active && entry.grants.iter().any(|grant| grant.scope.as_str() == COUNTRY)
}

/// Returns whether `outer` is `inner` or contains it.
#[must_use]
pub fn covers(outer: &Scope, inner: &Scope) -> bool {
    outer.as_str() == COUNTRY || outer == inner || units().is_within(inner, outer)
}

/// Returns every known unit that a device may read, each once.
#[must_use]
pub(super) fn readable(entry: &DeviceEntry) -> Vec<Scope> {
    let mut scopes = entry.scopes();
    let below: Vec<Scope> = scopes.iter().flat_map(|own| units().within(own)).collect();
    scopes.extend(below);
    scopes.sort();
    scopes.dedup();
    scopes
}

/// Returns every unit whose control log a device is told of: those it may read, and those above them,
/// where the rights of others there may stand.
#[must_use]
pub(super) fn governing(entry: &DeviceEntry) -> Vec<Scope> {
    let mut scopes = readable(entry);
    let above: Vec<Scope> = entry.scopes().iter().flat_map(|own| units().containing(own)).collect();
    scopes.extend(above);
    scopes.sort();
    scopes.dedup();
    scopes
}

/// Returns whether a device may read what belongs to a unit, so that it reaches the device.
#[must_use]
pub fn reads(entry: &DeviceEntry, scope: &Scope) -> bool {
    reads_by(entry, scope, &covers).is_some()
}

/// Returns whether a device is shown what is kept aside of a unit; of what does not say its unit, whoever
/// is shown that of the whole country.
#[must_use]
pub(super) fn sees_aside(entry: &DeviceEntry, scope: Option<&Scope>) -> bool {
    let over = |own: &Scope| match scope {
        Some(scope) => covers(own, scope),
        None => own.as_str() == COUNTRY,
    };
    let mut grants = entry.grants.iter();
    entry.active && grants.any(|grant| may_see_aside(grant.role) && over(&grant.scope))
}

/// Returns whether two entries of one device let it do the same; its name may differ.
#[must_use]
pub(super) fn same_rights(one: &DeviceEntry, two: &DeviceEntry) -> bool {
    (one.active, &one.grants, one.person) == (two.active, &two.grants, two.person)
}

/// Returns whether a device may write a kind of document of a unit.
#[must_use]
pub fn admits(entry: &DeviceEntry, kind: Kind, scope: &Scope) -> bool {
    writes_by(entry, kind, scope, &covers).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::{PlainEntry, Role};

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
        let entry = |scopes: &[&str]| {
            DeviceEntry::from(PlainEntry {
                device: crate::model::DeviceId([1; 32]),
                name: "N".to_owned(),
                agency: "A".to_owned(),
                role: Role::Inspector,
                scopes: scopes.iter().map(|code| scope(code)).collect(),
                active: true,
            })
        };
        assert_eq!(readable(&entry(&["20", "06325"])).len(), 66);
        assert_eq!(readable(&entry(&["06325"])), [scope("06325")]);
        // A unit that nobody knows is still a device's own.
        assert_eq!(readable(&entry(&["99999"])), [scope("99999")]);
        assert_eq!(readable(&entry(&["00"])).len(), 1 + 34 + 3321);
    }
}
