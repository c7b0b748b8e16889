//! Decisions on rights: who holds a device, what a person may do, who writes an inspection.

use super::{Client, ClientError};
use crate::clock;
use crate::model::{DeviceId, DocumentId, Genesis, PersonId, Role as TeamRole, Scope, Timestamp};
use crate::replica::{ReplicaError, covers};
use crate::sync::{AdminRequest, DeviceEntry};
use crate::trust::control::{Act, ActId, Assignment, Deed, Naming, SignedAct, Whom, naming};
use crate::trust::{Grant, Role};

/// What a device and its holder are to be, as an administrator says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedDevice {
    /// The device.
    pub device: DeviceId,
    /// Its holder, where it is known who that is. Otherwise the person that it has, if that one has the same
    /// name, and else a person of its own: a device that passes into other hands takes neither the rights nor
    /// the inspections of its former holder along, and gives none to that one's other devices.
    pub person: Option<PersonId>,
    /// The holder's name, as shown to people.
    pub name: String,
    /// *Cơ quan*: the holder's agency.
    pub agency: String,
    /// All that the holder may do from now on; in place of what the holder might on this device.
    pub grants: Vec<Grant>,
    /// Units whose logs are told of the device even where no grant is left there.
    pub told: Vec<Scope>,
}

impl Client {
    /// Signs the decisions that make a device and its holder what they are to be; empty where nothing
    /// changes. They are asked of the hub with [`Client::to_enter`].
    ///
    /// # Errors
    ///
    /// Returns [`ClientError`] when a name is empty or too long, or reading fails.
    pub fn name_device(&self, named: NamedDevice) -> Result<Vec<SignedAct>, ClientError> {
        let replica = self.phone().replica();
        let known = replica.certified(named.device).map_err(ReplicaError::from)?;
        let person = match (named.person, &known.certificate) {
            (Some(person), _) => person,
            // Nobody hands over the device that signs it.
            (None, Some(held)) if held.name == named.name || named.device == self.device() => {
                held.person
            }
            (None, Some(_)) => PersonId(clock::random()?),
            (None, None) => PersonId::of_device(named.device),
        };
        let held = replica.person(person).map_err(ReplicaError::from)?;
        let NamedDevice { device, name, agency, mut grants, told, .. } = named;
        grants.sort_unstable();
        grants.dedup();
        let wanted = Naming { device, person, name, agency, grants, told };
        self.sign_all(naming(&known, &held, &wanted, &covers))
    }

    /// Signs the end of a device's or a person's rights, for good; the hub carries it into the log of
    /// every unit where the person has or had a grant. `lost_since` is since when the device was out of
    /// its holder's hands. The hub takes it from one who is administrator above all that the person
    /// holds.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NotAdministrator`] when this device's holder is administrator of no unit
    /// that the person has or had a grant in, and other [`ClientError`]s when reading fails.
    pub fn revoke(
        &self,
        whom: Whom,
        lost_since: Option<Timestamp>,
    ) -> Result<Vec<SignedAct>, ClientError> {
        let replica = self.phone().replica();
        let person = match whom {
            Whom::Person(person) => Some(person),
            Whom::Device(device) => {
                let held = replica.certified(device).map_err(ReplicaError::from)?;
                held.certificate.map(|held| held.person)
            }
        };
        let held = person.map(|person| replica.person(person)).transpose();
        let held = held.map_err(ReplicaError::from)?.unwrap_or_default();
        let mut scopes: Vec<Scope> =
            held.grants.into_values().map(|held| held.grant.scope).collect();
        scopes.sort();
        scopes.dedup();
        let own = self.own_entry()?;
        let mut administered = own.iter().flat_map(|own| &own.grants);
        let units = administered.clone().filter(|grant| grant.role == Role::Admin);
        let above = |scope: &&Scope| {
            administered.any(|grant| grant.role == Role::Admin && covers(&grant.scope, scope))
        };
        let first = match scopes.iter().find(above) {
            Some(scope) => Some(scope.clone()),
            // Nobody knows of a right of the person: it stands in an own log.
            None if scopes.is_empty() => units.map(|grant| grant.scope.clone()).next(),
            None => None,
        };
        let scope = first.ok_or(ClientError::NotAdministrator)?;
        self.sign_all(vec![(scope, Deed::Revoke { whom, lost_since })])
    }

    /// *Phân công*: signs, as the leader, who writes one inspection, and keeps that until the hub has
    /// entered it. Works without a network.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError`] when the inspection is not here or too many persons are named.
    pub fn assign(
        &self,
        inspection: DocumentId,
        mut persons: Vec<PersonId>,
    ) -> Result<ActId, ClientError> {
        let genesis = self.phone().replica().genesis(inspection)?;
        persons.sort_unstable();
        persons.dedup();
        let deed = Deed::Assign { inspection, persons };
        let act = self.sign_act(genesis.scope, deed)?;
        Ok(self.phone().act(&act)?)
    }

    /// Returns the leaders, as the plan of an inspection names them, who would write it no more once `persons`
    /// are assigned. Whoever assigns need not lead the plan: control logs do not hold who does.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError`] when reading fails.
    pub fn leaders_left_out(
        &self,
        inspection: &Genesis,
        persons: &[PersonId],
    ) -> Result<Vec<String>, ClientError> {
        let Some(plan) = self.around(inspection)?.plan else { return Ok(Vec::new()) };
        let mut names = Vec::new();
        for (id, member) in plan.members() {
            let person = match id.parse() {
                Ok(device) => self.person_of(device)?,
                // A member is named by a device or a person.
                Err(_) => match id.parse() {
                    Ok(person) => person,
                    Err(_) => continue,
                },
            };
            if member.role == TeamRole::Leader && !persons.contains(&person) {
                names.push(member.name.clone());
            }
        }
        Ok(names)
    }

    /// Returns who writes an inspection by the word of a leader, where the holder of this device does not.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError`] when reading fails.
    pub fn assigned_to_others(
        &self,
        document: DocumentId,
    ) -> Result<Option<Assignment>, ClientError> {
        let replica = self.phone().replica();
        let genesis = match replica.genesis(document) {
            Err(ReplicaError::UnknownDocument { .. }) => return Ok(None),
            genesis => genesis?,
        };
        let own = self.person_of(self.device())?;
        let assigned = replica.assignment(&genesis).map_err(ReplicaError::from)?;
        Ok(assigned.filter(|assigned| !assigned.persons.contains(&own)))
    }

    /// Returns the holder of a device; of one that nobody has told of, who it will be taken for.
    fn person_of(&self, device: DeviceId) -> Result<PersonId, ClientError> {
        let known = self.phone().replica().device(device)?;
        Ok(known.map_or_else(|| PersonId::of_device(device), |entry| entry.person))
    }

    /// Returns the request that asks the hub to enter decisions.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError`] when one is over its limit.
    pub fn to_enter(acts: &[SignedAct]) -> Result<AdminRequest, ClientError> {
        let encoded = acts.iter().map(SignedAct::encode).collect::<Result<_, _>>();
        Ok(AdminRequest::Enter { acts: encoded.map_err(ReplicaError::from)? })
    }

    /// Returns what the hub told of this device, with the grants that are in force now.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError`] when reading fails.
    pub fn own_entry(&self) -> Result<Option<DeviceEntry>, ClientError> {
        let own = self.phone().replica().device(self.device())?;
        Ok(own.map(|own| own.in_force(clock::now())))
    }

    fn sign_all(&self, deeds: Vec<(Scope, Deed)>) -> Result<Vec<SignedAct>, ClientError> {
        deeds.into_iter().map(|(scope, deed)| self.sign_act(scope, deed)).collect()
    }

    pub(super) fn sign_act(&self, scope: Scope, deed: Deed) -> Result<SignedAct, ClientError> {
        let hub = self.hub()?.key();
        let (by, nonce, at) = (self.device(), clock::random()?, clock::now());
        let act = Act { hub, by, scope, nonce, at, deed };
        Ok(self.phone().sign_act(act)?)
    }
}
