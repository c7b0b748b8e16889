//! Enrolment: an administrator's device invites, a phone claims, and a person confirms.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::notes::{ENROLMENT, FILE_VERSION, INVITATIONS};
use super::{Client, ClientError, NamedDevice};
use crate::clock;
use crate::driver::{self, DriverError};
use crate::model::{DeviceId, PersonId, Scope, Timestamp};
use crate::net::{EnrolUri, EnrolUriError, HubAddress, NetError, PhoneEndpoint};
use crate::sync::AdminRequest;
use crate::trust::Grant;
use crate::trust::control::SignedAct;
use crate::trust::enrolment::{
    CLAIM_KEPT_MS, CheckDigits, Claim, Code, EnrolAnswer, EnrolRefusal, Invitation, InvitationId,
};

/// How long a phone waits before it connects again while its claim waits for a person.
const AGAIN_AFTER: Duration = Duration::from_secs(2);

/// Who is to be enrolled, and with which rights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitee {
    /// The person, where that one has a device already: a second or replacement phone.
    pub person: Option<PersonId>,
    /// The holder's name, as shown to people.
    pub name: String,
    /// *Cơ quan*: the holder's agency.
    pub agency: String,
    /// What the holder may do.
    pub grants: Vec<Grant>,
}

/// An invitation that is being made: the hub is asked, then it is kept.
#[derive(Debug)]
pub struct Prepared {
    code: Code,
    request: AdminRequest,
}

impl Prepared {
    /// Returns what the hub is to be asked; it answers until when the invitation is open.
    #[must_use]
    pub fn request(&self) -> AdminRequest {
        self.request.clone()
    }
}

/// An invitation of this device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invited {
    /// Its name, which the hub knows.
    pub id: InvitationId,
    /// For whom.
    pub invitee: Invitee,
    /// What the phone is shown. It holds the code.
    pub uri: EnrolUri,
}

impl Invited {
    /// Returns the digits that this device and the phone show, where the claim is by the holder of the
    /// code; none where the hub, or somebody between, changed it.
    #[must_use]
    pub fn judge(&self, claim: &Claim) -> Option<CheckDigits> {
        let (code, hub) = (self.uri.code(), self.uri.key());
        let honest = claim.is_well_formed() && claim.is_by_holder_of(code, hub);
        honest.then(|| CheckDigits::of(code, hub, claim.device))
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct StoredInvitations {
    version: u32,
    invitations: Vec<StoredInvitation>,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredInvitation {
    invitee: Invitee,
    uri: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredEnrolment {
    version: u32,
    uri: String,
    label: String,
}

/// What this device is taking up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// The invitation.
    pub uri: EnrolUri,
    /// How the user named phone or person.
    pub label: String,
}

impl Client {
    /// Makes a one-time code and the ask to the hub, for an invitation in a unit.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NoHub`] without a hub, and [`ClientError::Entropy`] without randomness.
    pub fn prepare_invitation(&self, scope: Scope) -> Result<Prepared, ClientError> {
        let code = Code::new(clock::random()?);
        let (by, hub, id, at) = (self.device(), self.hub()?.key(), code.id(), clock::now());
        let signed = Invitation { by, hub, id, scope, at };
        let request = AdminRequest::Invite(self.phone().sign_invitation(signed));
        Ok(Prepared { code, request })
    }

    /// Keeps an invitation that the hub has opened, until its claim is confirmed or it has ended. `more`
    /// are other addresses of the hub, tried after the one that this device uses.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Invitation`] for too many addresses, and [`ClientError::File`] when it
    /// cannot be kept.
    pub fn keep_invitation(
        &self,
        prepared: Prepared,
        invitee: Invitee,
        until: Timestamp,
        more: Vec<HubAddress>,
    ) -> Result<Invited, ClientError> {
        let hubs = std::iter::once(self.hub()?).chain(more).collect();
        let id = prepared.code.id();
        let uri = EnrolUri::new(hubs, prepared.code, until)?;
        let invited = Invited { id, invitee, uri };
        let mut held = self.invitations()?;
        held.push(invited.clone());
        self.write_invitations(&held)?;
        Ok(invited)
    }

    /// Returns the invitations of this device that may still be confirmed, oldest first.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::File`] or [`ClientError::Settings`] when the file does not read.
    pub fn invitations(&self) -> Result<Vec<Invited>, ClientError> {
        let stored: Option<StoredInvitations> = self.read_note(INVITATIONS)?;
        let now = clock::now();
        let mut invitations = Vec::new();
        for StoredInvitation { invitee, uri } in stored.unwrap_or_default().invitations {
            let uri: EnrolUri = uri.parse()?;
            if now.0 < uri.until().0.saturating_add(CLAIM_KEPT_MS) {
                invitations.push(Invited { id: uri.code().id(), invitee, uri });
            }
        }
        Ok(invitations)
    }

    /// Finds an invitation by the first digits of its name; the only one there is without any.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NotFound`] or [`ClientError::Ambiguous`].
    pub fn find_invitation(&self, name: Option<&str>) -> Result<Invited, ClientError> {
        let typed = name.unwrap_or_default().trim().to_lowercase();
        let held = self.invitations()?.into_iter();
        let found = held.filter(|one| one.id.to_string().starts_with(&typed)).collect();
        let named = |one: &Invited| super::Candidate::bare(one.id.short());
        super::find::one("invitation", &typed, found, named)
    }

    /// Returns the grants that the person had when the invitation was made, and that were withdrawn since.
    /// The device does not get them.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Store`] when reading fails.
    pub fn withdrawn_since(&self, invited: &Invited) -> Result<Vec<Grant>, ClientError> {
        let Some(person) = invited.invitee.person else { return Ok(Vec::new()) };
        let live = self.live_grants(person)?;
        let then = invited.invitee.grants.iter();
        Ok(then.filter(|grant| !live.contains(grant)).cloned().collect())
    }

    /// Returns what a person may do now, as far as this device knows; nothing of one whose rights were
    /// ended for good.
    fn live_grants(&self, person: PersonId) -> Result<Vec<Grant>, ClientError> {
        let held = self.phone().replica().person(person)?;
        if held.revoked.is_some() {
            return Ok(Vec::new());
        }
        let live = held.grants.into_values().filter(|held| held.withdrawn.is_none());
        Ok(live.map(|held| held.grant).collect())
    }

    /// Signs what makes the claiming device the invited person's. They are asked of the hub with
    /// [`Client::to_enter`]. Who had another device when the invitation was made has with this one what the
    /// person has now: an invitation gives nothing back that was withdrawn since.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NoRightsLeft`] when all that the person had was withdrawn since, and other
    /// [`ClientError`]s when a name is too long or reading fails.
    pub fn confirm(
        &self,
        invited: &Invited,
        device: DeviceId,
    ) -> Result<Vec<SignedAct>, ClientError> {
        let Invitee { person, name, agency, mut grants } = invited.invitee.clone();
        if let Some(person) = person {
            grants = self.live_grants(person)?;
            if grants.is_empty() {
                return Err(ClientError::NoRightsLeft { name });
            }
        }
        let told = grants.iter().map(|grant| grant.scope.clone()).collect();
        self.name_device(NamedDevice { device, person, name, agency, grants, told })
    }

    /// Forgets an invitation of this device: its code is of no use any more.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::File`] when the file cannot be written.
    pub fn forget_invitation(&self, id: InvitationId) -> Result<(), ClientError> {
        let mut held = self.invitations()?;
        held.retain(|one| one.id != id);
        self.write_invitations(&held)
    }

    fn write_invitations(&self, held: &[Invited]) -> Result<(), ClientError> {
        if held.is_empty() {
            return self.remove_note(INVITATIONS);
        }
        let stored = held.iter().map(|one| StoredInvitation {
            invitee: one.invitee.clone(),
            uri: one.uri.reveal().to_string(),
        });
        let stored = StoredInvitations { version: FILE_VERSION, invitations: stored.collect() };
        self.write_note(INVITATIONS, &stored)
    }

    /// Notes that this device takes up an invitation, so that it can go on after a break.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::File`] when it cannot be noted.
    pub fn begin_enrolment(&self, uri: &EnrolUri, label: &str) -> Result<(), ClientError> {
        let uri = uri.reveal().to_string();
        let stored = StoredEnrolment { version: FILE_VERSION, uri, label: label.to_owned() };
        self.write_note(ENROLMENT, &stored)
    }

    /// Returns the invitation that this device has begun to take up.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::File`] or [`ClientError::Settings`] when the note does not read.
    pub fn enrolment(&self) -> Result<Option<Enrolment>, ClientError> {
        let stored: Option<StoredEnrolment> = self.read_note(ENROLMENT)?;
        stored.map(|held| Ok(Enrolment { uri: held.uri.parse()?, label: held.label })).transpose()
    }

    /// Claims the invitation that was begun, and waits for the administrator's word for at most `wait`;
    /// `told` hears every word on the way, with the digits that a person is to compare. Once the hub knows
    /// this device it is pinned. A last answer of [`EnrolAnswer::Waiting`] says that nobody has decided
    /// yet: the next call goes on.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NoEnrolment`] when none was begun, and [`ClientError::Driver`] when no address
    /// of the hub answers or it is another one.
    pub async fn enrol(
        &mut self,
        wait: Duration,
        told: impl FnMut(EnrolAnswer, CheckDigits),
    ) -> Result<EnrolAnswer, ClientError> {
        let (answer, hub) = self.claim(wait, told).await?;
        match hub {
            Some(hub) => self.admit(hub)?,
            None if matches!(answer, EnrolAnswer::Refused(_)) => self.forget_enrolment()?,
            None => {}
        }
        Ok(answer)
    }

    /// As [`Client::enrol`], and notes nothing: for who uses the client meanwhile. Returns the hub that is to be
    /// pinned by [`Client::admit`], where it knows this device now; an invitation that is refused is to be
    /// forgotten by [`Client::forget_enrolment`].
    ///
    /// # Errors
    ///
    /// As [`Client::enrol`].
    pub async fn claim(
        &self,
        wait: Duration,
        mut told: impl FnMut(EnrolAnswer, CheckDigits),
    ) -> Result<(EnrolAnswer, Option<HubAddress>), ClientError> {
        let Enrolment { uri, label } = self.enrolment()?.ok_or(ClientError::NoEnrolment)?;
        let device = self.device();
        let claim = Claim::make(uri.code(), uri.key(), device, &label);
        let digits = CheckDigits::of(uri.code(), uri.key(), device);
        let watch = clock::Stopwatch::start();
        let endpoint = PhoneEndpoint::bind(&self.seed)?;
        let mut heard = None;
        loop {
            let rest = wait.saturating_sub(watch.elapsed());
            let attempt =
                claim_at_one_of(&endpoint, uri.hubs(), &claim, rest, |answer| told(answer, digits));
            // The first attempt is made whole, however short the wait.
            let outcome = match heard {
                None => Some(attempt.await),
                Some(_) => tokio::time::timeout(rest, attempt).await.ok(),
            };
            match outcome {
                Some(Ok((hub, EnrolAnswer::Admitted))) => {
                    endpoint.wait_idle(Duration::from_millis(200)).await;
                    return Ok((EnrolAnswer::Admitted, Some(hub)));
                }
                Some(Ok((_, refused @ EnrolAnswer::Refused(_)))) => return Ok((refused, None)),
                Some(Ok((_, waiting))) => heard = Some(waiting),
                // A claim that is kept stays so: a line that breaks is only waited out.
                Some(Err(error)) if heard.is_none() => return Err(error),
                Some(Err(_)) | None => {}
            }
            if let Some(waiting) = heard
                && watch.elapsed() + AGAIN_AFTER >= wait
            {
                return Ok((waiting, None));
            }
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }

    /// Pins the hub that knows this device now, and forgets the invitation.
    ///
    /// # Errors
    ///
    /// As [`Client::set_hub`].
    pub fn admit(&mut self, hub: HubAddress) -> Result<(), ClientError> {
        self.set_hub(hub, true)?;
        self.forget_enrolment()
    }

    /// Forgets the invitation that was begun; one that the hub keeps a claim of stays confirmable there.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::File`] when the note cannot be removed.
    pub fn forget_enrolment(&self) -> Result<(), ClientError> {
        self.remove_note(ENROLMENT)
    }

    /// Returns the digits of the invitation that was begun, which a person compares with the administrator's.
    ///
    /// # Errors
    ///
    /// As [`Client::enrolment`].
    pub fn enrolment_digits(&self) -> Result<Option<CheckDigits>, ClientError> {
        let begun = self.enrolment()?;
        Ok(begun.map(|held| CheckDigits::of(held.uri.code(), held.uri.key(), self.device())))
    }
}

/// Tries the addresses in order until one answers.
async fn claim_at_one_of(
    endpoint: &PhoneEndpoint,
    hubs: &[HubAddress],
    claim: &Claim,
    wait: Duration,
    mut told: impl FnMut(EnrolAnswer),
) -> Result<(HubAddress, EnrolAnswer), ClientError> {
    let mut failed = None;
    for hub in hubs {
        match driver::enrol(endpoint, hub, claim, wait, &mut told).await {
            Ok(answer) => return Ok((hub.clone(), answer)),
            // It awaits nobody: the invitation has ended, or was never there.
            Err(DriverError::Net(error)) if matches!(*error, NetError::DeviceUnknown { .. }) => {
                return Ok((hub.clone(), EnrolAnswer::Refused(EnrolRefusal::Unknown)));
            }
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    Err(failed.map_or(ClientError::NoHub, ClientError::from))
}

impl From<EnrolUriError> for ClientError {
    fn from(source: EnrolUriError) -> Self {
        Self::Invitation { source }
    }
}
