//! From what somebody wants a device to be, to the acts that make it so.

use std::collections::BTreeSet;

use super::{Deed, Device, Person};
use crate::model::{DeviceId, PersonId, Scope};
use crate::trust::Grant;
use crate::trust::access::Covers;

/// What a device and its holder are to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Naming {
    /// The device.
    pub device: DeviceId,
    /// Whose it is.
    pub person: PersonId,
    /// As shown to people.
    pub name: String,
    /// *Cơ quan*.
    pub agency: String,
    /// All that the holder may do from now on, on this device.
    pub grants: Vec<Grant>,
    /// Units whose logs are told of the device even where no grant is left there.
    pub told: Vec<Scope>,
}

/// Returns the deeds that are lacking, each with the unit of its log: a certificate where it is new or
/// says something else, grants that are new, and the end of those that are not wanted any more. What the holder
/// may do on other devices alone stays as it is.
#[must_use]
pub fn naming(
    device: &Device,
    person: &Person,
    wanted: &Naming,
    covers: &Covers,
) -> Vec<(Scope, Deed)> {
    let Naming { name, agency, .. } = wanted;
    let says = |certificate: &super::Certificate| {
        (certificate.person, &certificate.name, &certificate.agency)
            == (wanted.person, name, agency)
    };
    let renamed = !device.certificate.as_ref().is_some_and(says);
    let live: Vec<_> = person.grants.iter().filter(|(_, held)| held.withdrawn.is_none()).collect();
    let news: Vec<&Grant> = wanted
        .grants
        .iter()
        .filter(|grant| live.iter().all(|(_, held)| held.grant != **grant))
        .collect();
    let mut certified: BTreeSet<&Scope> = news.iter().map(|grant| &grant.scope).collect();
    let units = wanted.grants.iter().map(|grant| &grant.scope);
    certified.extend(units.filter(|unit| !device.units.contains(*unit)));
    if renamed {
        certified.extend(wanted.grants.iter().map(|grant| &grant.scope));
        certified.extend(&wanted.told);
    }
    let mut deeds = Vec::new();
    for scope in certified {
        let (device, person) = (wanted.device, wanted.person);
        let (name, agency) = (name.clone(), agency.clone());
        deeds.push((scope.clone(), Deed::Certify { device, person, name, agency }));
    }
    for grant in news {
        let deed = Deed::Grant { person: wanted.person, grant: grant.clone() };
        deeds.push((grant.scope.clone(), deed));
    }
    for (act, held) in live {
        let holds = device.is_certified_for(&held.grant.scope, covers);
        if holds && !wanted.grants.contains(&held.grant) {
            let deed = Deed::Withdraw { person: wanted.person, grant: *act };
            deeds.push((held.grant.scope.clone(), deed));
        }
    }
    deeds
}
