//! *Ký, niêm phong biên bản*: sealing an inspection's minutes, reading them at their seal, and
//! supplementing them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::life::StepToTake;
use super::moving::Reading;
use super::read::wrong_kind;
use super::work::role_names;
use super::{Author, Client, ClientError, Since};
use crate::checklist::Day;
use crate::checklist::grading::{Answers, Grader, Listed, Settings};
use crate::clock;
use crate::model::{
    ChangeHash, Conflict, DeviceId, Document, Editor, Genesis, Kind, LifeCycle, Origin,
    SUPPLEMENTS, Scope, Timestamp, place_name,
};
use crate::replica::{EditOutcome, HeldSeal, Minutes, ReplicaError, SealState, covers};
use crate::sync::{DeviceEntry, Role};
use crate::trust::Grant;
use crate::trust::access::may_decide;
use crate::trust::control::{ActId, Deed};
use crate::trust::seal::{
    Drawn, Ending, HeardLine, Hearing, MemberHeard, SealId, SealStatement, Signing,
};

/// A device of the team, and what was heard of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberCheck {
    /// The device, and whose it is.
    pub author: Author,
    /// The device.
    pub device: DeviceId,
    /// *Đã nhận đến*: the ends of its lines in the record here; none where it wrote nothing that has arrived.
    pub heard: Vec<HeardLine>,
    /// It is this device, which may sign as the leader's: it needs no hearing.
    pub signs: bool,
}

impl MemberCheck {
    /// Returns whether it was not heard, so that a reason has to be given.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.heard.is_empty() && !self.signs
    }
}

/// What stands between an inspection and its seal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealCheck {
    /// The heads that would be sealed.
    pub heads: Vec<ChangeHash>,
    /// The digest of the record at them, before the step that says that the minutes are signed.
    pub digest: [u8; 32],
    /// Every device of the team, and every one that wrote.
    pub members: Vec<MemberCheck>,
    /// Values that differ: each blocks the seal until somebody settles it.
    pub conflicts: Vec<Conflict>,
    /// Lines of changes whose author is not proven here yet: a sync brings the proof.
    pub unproven: usize,
    /// Where the inspection stands.
    pub states: Vec<LifeCycle>,
    /// The names of that, as [`crate::model::InspectionView::state_names`].
    pub state_names: Vec<&'static str>,
    /// The seal takes no step of the life cycle with it, and needs nothing of what one does.
    pub without_step: bool,
    /// The seal that these minutes supplement.
    pub supplements: Option<SealId>,
    /// The minutes that are sealed already.
    pub minutes: Minutes,
    /// The roles of this device, where none of them is a leader's in the inspection's unit, so that it may
    /// not seal; none where it may.
    pub not_leader: Option<String>,
    /// The items of the checklist that have no answer that counts, and how many apply in all. They do not
    /// hinder the seal.
    pub unanswered: (Listed, usize),
}

/// What the leader gives when the minutes are signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealInput {
    /// How it ended for the facility.
    pub ending: Ending,
    /// The leader's drawn signature.
    pub leader_drawn: Option<Drawn>,
    /// Why each device that was not heard was not; it enters the minutes.
    pub unheard: BTreeMap<DeviceId, String>,
    /// The day of the minutes; today if nobody says.
    pub on: Option<Day>,
}

/// What a screen shows of sealed minutes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MinutesShown {
    /// The seals that are held, and which one counts.
    pub minutes: Minutes,
    /// The record is shown as it was sealed. Not so while some of it has not arrived here, or where it
    /// does not hold: then it is shown as it stands, and `broken` says why.
    pub as_sealed: bool,
    /// What does not hold of the seal, in words for a log.
    pub broken: Vec<String>,
    /// *Thay đổi sau khi ký*: what was written later or without sight of the seal. Kept in the document, and
    /// not in the record.
    pub late: Since,
}

impl Client {
    /// Returns what stands between an inspection and its seal. Writes nothing.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Replica`] when the inspection or its checklist is not here.
    pub fn seal_check(&self, inspection: &Genesis) -> Result<SealCheck, ClientError> {
        let document = self.open_inspection(inspection)?;
        let view = document.view();
        let read = view.inspection().ok_or_else(|| wrong_kind(inspection, Kind::Inspection))?;
        let replica = self.phone().replica();
        let (mut heard, unproven) = replica.heard(&document)?;
        let mut devices = self.team_devices(inspection)?;
        devices.extend(heard.keys().copied());
        let not_leader = self.not_leader(inspection)?;
        let mut members = Vec::new();
        for device in devices {
            let lines = heard.remove(&device).unwrap_or_default();
            let signs = device == self.device() && not_leader.is_none();
            members.push(MemberCheck { author: self.person(device)?, device, heard: lines, signs });
        }
        let conflicts = view.conflicts().into_iter().filter(Conflict::is_of_content);
        let Reading { view: by_edition, template, .. } = self.reading(&document, None)?;
        let answers = by_edition.inspection().as_ref().map(Answers::of_inspection);
        let settings = Settings::new(Day::nearest(clock::now()));
        let mut grader = Grader::new(Arc::new(template), answers.unwrap_or_default(), settings);
        Ok(SealCheck {
            not_leader,
            unanswered: grader.unanswered(),
            heads: document.heads(),
            digest: view.record().digest(),
            members,
            conflicts: conflicts.collect(),
            unproven,
            states: read.states(),
            state_names: read.state_names(replica.is_sealed(document.id())?),
            without_step: read.seals_without_step(),
            supplements: supplemented(&document),
            minutes: replica.minutes(document.id())?,
        })
    }

    /// Returns the devices of an inspection's team: those that its plan names, and those of the persons
    /// whom the leader assigned. Devices whose rights ended are left out.
    fn team_devices(&self, inspection: &Genesis) -> Result<BTreeSet<DeviceId>, ClientError> {
        let replica = self.phone().replica();
        let mut devices = BTreeSet::new();
        let mut persons = BTreeSet::new();
        if let Some(plan) = self.around(inspection)?.plan {
            for (id, _) in plan.members() {
                if let Ok(device) = id.parse::<DeviceId>() {
                    devices.insert(device);
                } else if let Ok(person) = id.parse() {
                    persons.insert(person);
                }
            }
        }
        let assigned = replica.assignment(inspection)?;
        persons.extend(assigned.into_iter().flat_map(|assigned| assigned.persons));
        for person in persons {
            devices.extend(replica.person(person)?.devices);
        }
        let mut active = BTreeSet::new();
        for device in devices {
            if replica.device(device)?.is_none_or(|entry| entry.active) {
                active.insert(device);
            }
        }
        Ok(active)
    }

    /// *Ký biên bản*: takes the step to signed minutes, if it is not taken yet, and seals the record as it
    /// stands then, with this device's key as the leader's. Works without a network; it is durable when
    /// it returns, and registered once a hub has entered it.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NotLeader`] when this device may not seal there,
    /// [`ClientError::AlreadySealed`] when the minutes are sealed, [`ClientError::Disputed`] while values
    /// that differ stand, [`ClientError::Unheard`] for devices that were not heard without a reason,
    /// [`ClientError::NotReady`] with everything that the step lacks, and [`ClientError::Replica`] when
    /// the seal cannot be made or recorded. Where what hinders came while it was being sealed, the step is
    /// taken and nothing is sealed.
    pub fn seal(&self, inspection: &Genesis, input: SealInput) -> Result<SealId, ClientError> {
        self.check_leads(inspection)?;
        let check = self.seal_check(inspection)?;
        self.check_sealable(&check, &input)?;
        let to = match &input.ending {
            Ending::Signed(_) => LifeCycle::MinutesSigned,
            Ending::Refused(_) => LifeCycle::MinutesRefused,
        };
        // Whether it can be made is looked at before anything is written.
        self.statement(inspection, &check, &input)?.sign_able()?;
        let taken = check.states == [to];
        if !taken && !check.without_step {
            let reason = match &input.ending {
                Ending::Signed(_) => String::new(),
                Ending::Refused(refusal) => refusal.reason.clone(),
            };
            self.move_on(inspection, &StepToTake { to, on: input.on, reason })?;
        }
        self.seal_now(inspection, &input)
    }

    /// Seals the record as it stands. It is looked at once more, in one step with being kept: since the first
    /// look an exchange may have brought what hinders, or minutes may have been sealed by another call.
    fn seal_now(&self, inspection: &Genesis, input: &SealInput) -> Result<SealId, ClientError> {
        self.phone().seal_as_it_stands(|| {
            let check = self.seal_check(inspection)?;
            self.check_sealable(&check, input)?;
            let statement = self.statement(inspection, &check, input)?.0;
            let seal = self.phone().sign_seal(statement)?;
            let id = seal.id().map_err(ReplicaError::from)?;
            let deed = Deed::Seal { document: inspection.document(), seal: id.0 };
            Ok((self.sign_act(inspection.scope.clone(), deed)?, seal))
        })
    }

    fn check_leads(&self, inspection: &Genesis) -> Result<(), ClientError> {
        if inspection.kind != Kind::Inspection {
            return Err(wrong_kind(inspection, Kind::Inspection));
        }
        let role = self.not_leader(inspection)?;
        role.map_or(Ok(()), |role| Err(ClientError::NotLeader { role }))
    }

    /// Returns the roles of this device where none of them lets it seal. What the hub has told nothing of may
    /// try.
    fn not_leader(&self, inspection: &Genesis) -> Result<Option<String>, ClientError> {
        let Some(own) = self.own_entry()? else { return Ok(None) };
        Ok((!leads(&own, &inspection.scope)).then(|| role_names(&own)))
    }

    fn check_sealable(&self, check: &SealCheck, input: &SealInput) -> Result<(), ClientError> {
        if let Some(standing) = &check.minutes.standing {
            return Err(sealed(standing));
        }
        if let Some(id) = check.minutes.missing.first() {
            return Err(ClientError::AlreadySealed { seal: id.short(), official: None });
        }
        if !check.conflicts.is_empty() {
            let places = check.conflicts.iter().map(|open| place_name(&open.place)).collect();
            return Err(ClientError::Disputed { places });
        }
        if check.unproven > 0 {
            return Err(ClientError::Unproven { lines: check.unproven });
        }
        let silent = check.members.iter().filter(|member| {
            let reason = input.unheard.get(&member.device);
            member.is_silent() && reason.is_none_or(|reason| reason.trim().is_empty())
        });
        let devices: Vec<Author> = silent.map(|member| member.author.clone()).collect();
        if devices.is_empty() { Ok(()) } else { Err(ClientError::Unheard { devices }) }
    }

    fn statement(
        &self,
        inspection: &Genesis,
        check: &SealCheck,
        input: &SealInput,
    ) -> Result<Stated, ClientError> {
        let document = self.open_inspection(inspection)?;
        let Reading { template_id, template, lacks, .. } = self.reading(&document, None)?;
        if let Some(template) = lacks {
            return Err(ReplicaError::UnknownTemplate { template }.into());
        }
        let members = check.members.iter().map(|member| {
            let hearing = match input.unheard.get(&member.device) {
                Some(reason) if member.heard.is_empty() => {
                    Hearing::NotHeard { reason: crate::model::clean(reason.trim()) }
                }
                _ => Hearing::UpTo(member.heard.clone()),
            };
            MemberHeard { device: member.device, hearing }
        });
        let name = format!("{} {}", template.code(), template.edition());
        let signing = Signing {
            checklist: (template_id, name, template.is_official()),
            supplements: check.supplements,
            members: members.collect(),
            ending: input.ending.clone(),
            leader_drawn: input.leader_drawn.clone(),
            at: clock::now(),
        };
        let statement = SealStatement::of(&document, self.device(), signing);
        Ok(Stated(statement.map_err(ReplicaError::from)?))
    }

    /// *Thành viên đoàn ký*: signs sealed minutes too, as a member of the team; the next exchange brings
    /// that to the hub. Nothing depends on it.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NoMinutes`] when there are no sealed minutes here,
    /// [`ClientError::SignedAlready`] when the holder of this device has signed them, and
    /// [`ClientError::NotOfTeam`] when the holder is no member who may, as far as the hub has told. Nothing is
    /// recorded then.
    pub fn countersign(&self, inspection: &Genesis) -> Result<(SealId, ActId), ClientError> {
        let held = self.standing(inspection)?;
        let deed = Deed::Countersign { document: inspection.document(), seal: held.id.0 };
        if let Some(at) = self.signed_too(&held, &deed)? {
            return Err(ClientError::SignedAlready { seal: held.id.short(), at });
        }
        if !self.may_sign_too(&held, &deed)? {
            return Err(ClientError::NotOfTeam { document: inspection.document().short() });
        }
        let act = self.sign_act(inspection.scope.clone(), deed)?;
        Ok((held.id, self.phone().act(&act)?))
    }

    /// Returns when the holder of this device signed these minutes too; of what waits here for the hub, when by this
    /// device's clock.
    fn signed_too(&self, held: &HeldSeal, deed: &Deed) -> Result<Option<Timestamp>, ClientError> {
        let replica = self.phone().replica();
        let own = replica.holder_of(self.device())?;
        for (device, at) in &held.countersigned {
            if replica.holder_of(*device)? == own {
                return Ok(Some(*at));
            }
        }
        let mut waiting = self.phone().acting()?.into_iter().filter(|acting| !acting.refused);
        Ok(waiting.find(|acting| acting.act.act.deed == *deed).map(|acting| acting.act.act.at))
    }

    /// Returns whether the holder of this device may sign too. Whom the hub has told nothing of may try.
    fn may_sign_too(&self, held: &HeldSeal, deed: &Deed) -> Result<bool, ClientError> {
        let Some(own) = self.own_entry()? else { return Ok(true) };
        let scope = &held.seal.statement.genesis.scope;
        let fits = |grant: &Grant| may_decide(grant.role, deed) && covers(&grant.scope, scope);
        let allowed = own.active && own.grants.iter().any(fits);
        Ok(allowed && self.phone().replica().is_of_team(&held.seal, self.device())?)
    }

    fn standing(&self, inspection: &Genesis) -> Result<HeldSeal, ClientError> {
        let minutes = self.phone().replica().minutes(inspection.document())?;
        minutes
            .standing
            .ok_or_else(|| ClientError::NoMinutes { document: inspection.document().short() })
    }

    /// *Lập biên bản bổ sung*: begins an inspection of its own that supplements sealed minutes: the same
    /// facility, plan and checklist, and the seal's name in its header. It gets a seal of its own.
    /// Nothing unseals; what a supervisor sends back after the seal is recorded there.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NoMinutes`] when there are no sealed minutes here.
    pub fn supplement(
        &self,
        inspection: &Genesis,
    ) -> Result<(Genesis, EditOutcome<()>), ClientError> {
        let held = self.standing(inspection)?;
        let origin = match inspection.origin {
            Origin::Planned { plan, facility, .. } => {
                let known = self.phone().replica().visits_of(facility)?;
                let visits = known.iter().filter(|other| other.plan == Some(plan));
                let last = visits.map(|other| other.visit).max().unwrap_or(1);
                Origin::Planned { plan, facility, visit: last.saturating_add(1) }
            }
            _ => Origin::Device { creator: self.device(), nonce: clock::random()? },
        };
        let template = held.seal.statement.checklist;
        let genesis = Genesis { origin, template: Some(template), ..inspection.clone() };
        self.phone().replica().template(template)?;
        let edit = |editor: &mut Editor<'_>| editor.set_header(SUPPLEMENTS, &held.id.to_string());
        let outcome = self.edit(&genesis, edit)?;
        Ok((genesis, outcome))
    }

    /// Returns what is sealed of an inspection, and what was written to it since; none where nothing is.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Replica`] when reading fails.
    pub fn minutes(
        &self,
        inspection: &Genesis,
        document: &Document,
    ) -> Result<Option<MinutesShown>, ClientError> {
        let minutes = self.phone().replica().minutes(inspection.document())?;
        if minutes.standing.is_none() && minutes.others.is_empty() && minutes.missing.is_empty() {
            return Ok(None);
        }
        let Some(standing) = &minutes.standing else {
            let (as_sealed, broken, late) = (false, Vec::new(), Since::NotHere);
            return Ok(Some(MinutesShown { minutes, as_sealed, broken, late }));
        };
        let heads = &standing.seal.statement.heads;
        // Checked at each reading: what is shown as sealed is what was sealed.
        let broken = standing.seal.verify_record(document);
        let late = document.touched_since(heads).map_or(Since::NotHere, |mut touched| {
            touched.retain(|touched| !touched.is_after_minutes());
            Since::Written(touched)
        });
        let as_sealed = broken.is_empty();
        let broken = broken.iter().map(ToString::to_string).collect();
        Ok(Some(MinutesShown { minutes, as_sealed, broken, late }))
    }

    /// Refuses to edit an inspection whose minutes are sealed. Other kinds go on.
    pub(super) fn check_unsealed(&self, genesis: &Genesis) -> Result<(), ClientError> {
        if genesis.kind != Kind::Inspection {
            return Ok(());
        }
        let replica = self.phone().replica();
        let document = genesis.document();
        if !replica.is_sealed(document)? {
            return Ok(());
        }
        let minutes = replica.minutes(document)?;
        // What another signed and no hub has registered keeps nobody from writing where it does not hold.
        if let Some(standing) = &minutes.standing
            && (standing.state, standing.here) == (SealState::Waiting, false)
            && replica.contradicts(&standing.seal)?
        {
            return Ok(());
        }
        Err(match (&minutes.standing, minutes.missing.first()) {
            (Some(standing), _) => sealed(standing),
            (None, Some(id)) => ClientError::AlreadySealed { seal: id.short(), official: None },
            (None, None) => return Ok(()),
        })
    }
}

/// Returns whether a device holds a leader's role in a unit, without which it seals nothing there.
pub(super) fn leads(entry: &DeviceEntry, unit: &Scope) -> bool {
    let of_unit = |grant: &Grant| grant.role == Role::Leader && covers(&grant.scope, unit);
    entry.grants.iter().any(of_unit)
}

/// A statement that can be signed.
struct Stated(SealStatement);

impl Stated {
    /// Fails where the whole would be too large.
    fn sign_able(&self) -> Result<(), ClientError> {
        let bytes = postcard::to_stdvec(&self.0)
            .map_err(|source| ReplicaError::Encode { what: "seal", source })?
            .len();
        // Room for the step that is yet to come, and the signature.
        const MORE_BYTES: usize = 512;
        let bytes = bytes + MORE_BYTES;
        if bytes > crate::trust::seal::SEAL_BYTES_MAX {
            let source = crate::trust::seal::SealError::TooLarge { bytes };
            return Err(ReplicaError::from(source).into());
        }
        Ok(())
    }
}

fn sealed(held: &HeldSeal) -> ClientError {
    let official = match held.state {
        SealState::Registered => held.official.clone(),
        _ => None,
    };
    ClientError::AlreadySealed { seal: held.id.short(), official }
}

/// Returns the seal that an inspection supplements.
pub(super) fn supplemented(document: &Document) -> Option<SealId> {
    document.view().inspection()?.supplements().map(SealId)
}

#[cfg(test)]
mod tests;
