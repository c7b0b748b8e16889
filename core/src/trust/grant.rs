//! What a person may do, where, and for how long.

use serde::{Deserialize, Serialize};

use crate::model::{DeviceId, Kind, PersonId, Scope, Timestamp};

/// What a person is in a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// *Quản trị viên*: enrols devices, publishes checklists, imports.
    Admin,
    /// *Trưởng đoàn kiểm tra*.
    Leader,
    /// *Thành viên đoàn kiểm tra*.
    Inspector,
    /// *Người giám sát*.
    Supervisor,
    /// *Người kiểm toán*: reads only.
    Auditor,
}

/// A role in a unit and all units below it, for a time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Grant {
    /// What the person is there.
    pub role: Role,
    /// The unit; a province holds its communes, `00` everything.
    pub scope: Scope,
    /// From when on, by the hub's clock; `None` is from the beginning.
    pub from: Option<Timestamp>,
    /// Until just before when; `None` is without end.
    pub until: Option<Timestamp>,
}

impl Grant {
    /// Returns a grant without limits of time.
    #[must_use]
    pub fn always(role: Role, scope: Scope) -> Self {
        Self { role, scope, from: None, until: None }
    }

    /// Returns whether the grant is in force at a time.
    #[must_use]
    pub fn is_in_force(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }
}

/// A device, its holder, and what the holder may do: what the control log says of both, or what a
/// hub was told before there was one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceEntry {
    /// The device.
    pub device: DeviceId,
    /// Its holder.
    pub person: PersonId,
    /// The holder's name, as shown to people.
    pub name: String,
    /// *Cơ quan*: the holder's agency.
    pub agency: String,
    /// What the holder may do; in order, each once.
    pub grants: Vec<Grant>,
    /// The device may exchange data: neither it nor its holder was revoked, nor its exchange stopped.
    pub active: bool,
}

impl DeviceEntry {
    /// Returns the entry with only those grants that are in force at a time. What may be done is asked
    /// of this.
    #[must_use]
    pub fn in_force(mut self, at: Timestamp) -> Self {
        self.grants.retain(|grant| grant.is_in_force(at));
        self
    }

    /// Returns whether the holder has a role anywhere.
    #[must_use]
    pub fn is(&self, role: Role) -> bool {
        self.grants.iter().any(|grant| grant.role == role)
    }

    /// Returns whether what the holder says in a review counts.
    #[must_use]
    pub fn may_review(&self, act: super::access::ReviewAct) -> bool {
        self.grants.iter().any(|grant| super::access::may_review(grant.role, act))
    }

    /// Returns whether the holder writes a kind of document anywhere.
    #[must_use]
    pub fn may_write(&self, kind: Kind) -> bool {
        self.grants.iter().any(|grant| super::access::may_write(grant.role, kind))
    }

    /// Returns the holder's roles, each once.
    #[must_use]
    pub fn roles(&self) -> Vec<Role> {
        let mut roles: Vec<Role> = self.grants.iter().map(|grant| grant.role).collect();
        roles.sort_unstable();
        roles.dedup();
        roles
    }

    /// Returns the units of the holder's grants, each once.
    #[must_use]
    pub fn scopes(&self) -> Vec<Scope> {
        let mut scopes: Vec<Scope> = self.grants.iter().map(|grant| grant.scope.clone()).collect();
        scopes.sort_unstable();
        scopes.dedup();
        scopes
    }
}

/// A device whose holder has one role in some units, without limits of time: what the hub's operator
/// names a device with, and what hubs and journals said before there was a control log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlainEntry {
    /// The device.
    pub device: DeviceId,
    /// Whose it is, as shown to people.
    pub name: String,
    /// *Cơ quan*: the holder's agency.
    pub agency: String,
    /// What the holder is.
    pub role: Role,
    /// Where the holder works; a province holds its communes.
    pub scopes: Vec<Scope>,
    /// The device may exchange data.
    pub active: bool,
}

impl From<PlainEntry> for DeviceEntry {
    fn from(plain: PlainEntry) -> Self {
        let PlainEntry { device, name, agency, role, scopes, active } = plain;
        let mut grants: Vec<Grant> =
            scopes.into_iter().map(|scope| Grant::always(role, scope)).collect();
        grants.sort_unstable();
        grants.dedup();
        Self { device, person: PersonId::of_device(device), name, agency, grants, active }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_holds_from_its_first_moment_to_just_before_its_end() {
        let scope: Scope = "06325".parse().unwrap();
        let bounded = Grant {
            from: Some(Timestamp(10)),
            until: Some(Timestamp(20)),
            ..Grant::always(Role::Leader, scope.clone())
        };
        let held = [9, 10, 19, 20].map(|at| bounded.is_in_force(Timestamp(at)));
        assert_eq!(held, [false, true, true, false]);
        assert!(Grant::always(Role::Leader, scope).is_in_force(Timestamp(i64::MIN)));
    }
}
