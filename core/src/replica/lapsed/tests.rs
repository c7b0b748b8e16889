use std::sync::Arc;

use super::*;
use crate::model::PersonId;
use crate::replica::Hub;
use crate::replica::meeting::{entry, hub, key, visit};
use crate::sync::{PlainEntry, Role};
use crate::trust::Grant;

const NOW: Timestamp = Timestamp(1_795_000_000_000);
const UNIT: &str = "06325";
const LOST: u8 = 1;
const STAYS: u8 = 2;

fn operate(hub: &Hub, unit: &str, deed: Deed) {
    hub.operate(vec![(unit.parse().unwrap(), deed)]).unwrap();
}

fn revoke(hub: &Hub, whom: Whom) {
    operate(hub, UNIT, Deed::Revoke { whom, lost_since: Some(NOW) });
}

fn wrote(number: u8, unit: &str) -> WroteWhere {
    let genesis = Some(visit(unit, 1));
    WroteWhere { device: key(number).device(), scope: unit.parse().unwrap(), genesis }
}

fn one(hub: &Arc<Hub>, wrote: WroteWhere) -> Option<Lapsed> {
    hub.replica().lapsed(&[wrote]).unwrap()[0]
}

#[test]
fn a_right_that_stood_until_the_revocation_is_told_from_one_that_never_was() {
    let hub = hub(&[LOST, STAYS]);
    assert_eq!(one(&hub, wrote(LOST, UNIT)), None, "nothing has ended yet");
    revoke(&hub, Whom::Device(key(LOST).device()));
    let lapsed = one(&hub, wrote(LOST, UNIT)).expect("it might write until then");
    assert_eq!((lapsed.person, lapsed.end.lost_since), (false, Some(NOW)));
    assert_eq!(one(&hub, wrote(LOST, "06337")), None, "another unit was never its own");
    assert_eq!(one(&hub, wrote(STAYS, UNIT)), None, "this one stands");
    let unknown = |unit: &str| WroteWhere { genesis: None, ..wrote(LOST, unit) };
    assert!(one(&hub, unknown(UNIT)).is_some() && one(&hub, unknown("06337")).is_none());
}

#[test]
fn what_the_holder_is_given_after_the_revocation_was_no_right_of_the_lost_device() {
    let hub = hub(&[LOST]);
    revoke(&hub, Whom::Device(key(LOST).device()));
    let person = PersonId::of_device(key(LOST).device());
    let grant = Grant::always(Role::Inspector, "06337".parse().unwrap());
    operate(&hub, "06337", Deed::Grant { person, grant });
    assert_eq!(one(&hub, wrote(LOST, "06337")), None);
    assert!(one(&hub, wrote(LOST, UNIT)).is_some());
}

#[test]
fn a_role_that_was_taken_before_lapsed_by_no_revocation_and_a_person_takes_all_devices_along() {
    let hub = hub(&[LOST, STAYS]);
    let (role, unit) = (Role::Auditor, UNIT);
    hub.trust(PlainEntry { role, ..entry(STAYS, unit) }).unwrap();
    revoke(&hub, Whom::Device(key(STAYS).device()));
    assert_eq!(one(&hub, wrote(STAYS, UNIT)), None, "it only read by then");
    revoke(&hub, Whom::Person(PersonId::of_device(key(LOST).device())));
    assert!(one(&hub, wrote(LOST, UNIT)).is_some_and(|lapsed| lapsed.person));
}
