//! What a replica may trust: a pure function of the entries that it holds.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::act::{Act, ActId, COUNTRY, Deed, Judgement, SignedAct, Whom};
use super::entry::{ChainHead, ControlEntry};
use super::succession::{Link, change_key};
use crate::model::{
    Actor, ChangeHash, DeviceId, DocumentId, PersonId, Scope, TemplateId, Timestamp,
};
use crate::trust::access::{Covers, may_decide, operator_may_decide};
use crate::trust::{DeviceEntry, Grant};

/// Grants in one unit that one person may ever have had, withdrawn ones included: some each year of a
/// long service. Counted for each unit alone, so that nobody uses up a person's room elsewhere.
pub const GRANTS_PER_PERSON_AND_UNIT_MAX: usize = 64;

/// Devices that one person may ever have had.
const DEVICES_PER_PERSON_MAX: usize = 64;

/// Units in whose logs one device may ever be certified: a person serves in far fewer.
const UNITS_PER_DEVICE_MAX: usize = 64;

/// Rival seals of one document that are named.
const RIVALS_MAX: usize = 16;

/// What a supervisor decided of a line that was kept aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// What becomes of it.
    pub judgement: Judgement,
    /// The supervisor's device.
    pub by: DeviceId,
    /// When the hub entered it.
    pub at: Timestamp,
}

/// A grant as given, and when it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldGrant {
    /// What was given.
    pub grant: Grant,
    /// Which device gave it.
    pub by: DeviceId,
    /// When the hub entered its end, if it was withdrawn.
    pub withdrawn: Option<Timestamp>,
}

/// The end of a device's or person's rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Revocation {
    /// When the hub entered it.
    pub at: Timestamp,
    /// Since when the device was out of its holder's hands, as reported.
    pub lost_since: Option<Timestamp>,
    /// Which device said so.
    pub by: DeviceId,
}

/// What the log says of a person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The devices, revoked ones included.
    pub devices: BTreeSet<DeviceId>,
    /// By the act that gave each.
    pub grants: BTreeMap<ActId, HeldGrant>,
    /// When all of it ended.
    pub revoked: Option<Revocation>,
}

/// Whose a device is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The holder.
    pub person: PersonId,
    /// As shown to people.
    pub name: String,
    /// *Cơ quan*.
    pub agency: String,
    /// The device of the person who confirmed it; the hub's key where its operator did.
    pub by: DeviceId,
    /// When the hub entered it.
    pub at: Timestamp,
}

/// What the log says of a device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// The last certificate.
    pub certificate: Option<Certificate>,
    /// The units in whose logs it is certified to its holder. A grant holds on the device only where one
    /// of them contains the grant's unit: who answers for a unit has then said that it is the holder's.
    pub units: BTreeSet<Scope>,
    /// When its rights ended.
    pub revoked: Option<Revocation>,
}

impl Device {
    /// Returns whether a grant of a unit holds on the device: a log that covers the unit certifies it.
    #[must_use]
    pub fn is_certified_for(&self, unit: &Scope, covers: &Covers) -> bool {
        self.units.contains(unit) || self.units.iter().any(|above| covers(above, unit))
    }
}

/// Who writes one inspection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// The persons, in order.
    pub persons: Vec<PersonId>,
    /// The leader's device.
    pub by: DeviceId,
    /// When the hub entered it.
    pub at: Timestamp,
}

/// The registered minutes of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// BLAKE3 of the seal that counts: the first that the hub entered.
    pub seal: [u8; 32],
    /// *Số biên bản*, as the hub gave it.
    pub official: Option<String>,
    /// When the hub entered it.
    pub at: Timestamp,
    /// Later ones, which do not count and are shown.
    pub rivals: Vec<[u8; 32]>,
}

/// Why an entry of the log changes nothing. It stays in the log and can be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Void {
    /// Its act stands in the log already.
    Repeated,
    /// Its signer may not decide this there.
    NotAllowed,
    /// It ends a grant that nobody gave.
    NoSuchGrant,
    /// The person has as many grants or devices as one may have.
    TooMany,
    /// A later fact took its place before it came: an earlier seal, the same signature, a key named before.
    Surpassed,
}

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folded {
    /// It is the next of its log, and counts.
    Counts,
    /// It is the next of its log, and changes nothing.
    Void(Void),
    /// It is held already.
    Known,
    /// Entries before it are missing; it was not taken.
    Gap,
    /// The log held here goes on in another way; it was not taken. Its hub has broken its word.
    Fork,
    /// No key of this hub signed it; it was not taken.
    Stranger,
    /// The hub entered it before one that was folded already: all must be folded anew, in the hub's
    /// order. It was not taken.
    Early,
}

/// One chain of entries: a unit's log in one life of the hub's store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log<'l> {
    /// The unit.
    pub scope: &'l Scope,
    /// The life.
    pub life: [u8; 16],
}

impl ControlEntry {
    /// Returns the log it stands in.
    #[must_use]
    pub fn log(&self) -> Log<'_> {
        Log { scope: self.scope(), life: self.life }
    }
}

/// Where the state is kept: in memory, or in the rows of a store. Values only; no meaning. Each method
/// returns the store's error where reading or writing fails.
#[allow(clippy::missing_errors_doc, reason = "the trait says it once for all of them")]
pub trait TrustRows {
    /// Why reading failed.
    type Error;

    /// The head of a unit's log in a life of the hub's store.
    fn head(&self, log: Log<'_>) -> Result<ChainHead, Self::Error>;
    /// The hash of an entry that is held.
    fn link(&self, log: Log<'_>, number: u64) -> Result<Option<[u8; 32]>, Self::Error>;
    /// Keeps an entry as the last of its log.
    fn push(&mut self, entry: &ControlEntry, head: ChainHead) -> Result<(), Self::Error>;
    /// The place of the last entry that was folded; none before the first.
    fn latest(&self) -> Result<Option<Entered>, Self::Error>;
    /// The hub's keys: the one that was pinned, and those that announcements lead to from it ([`super::HubKeys`]).
    fn hub_keys(&self) -> Result<Vec<DeviceId>, Self::Error>;
    /// Keeps an announcement where it is one of those that say which keys are the hub's
    /// ([`super::HubKeys::needed`]).
    fn put_link(&mut self, link: Link, act: &SignedAct) -> Result<(), Self::Error>;
    /// Whether an announcement is kept.
    fn has_link(&self, link: Link) -> Result<bool, Self::Error>;
    /// Since when a key of the hub's counts no more, because the hub signs with the next, or with one after
    /// that ([`super::HubKeys::retired`]).
    fn retired(&self, key: DeviceId) -> Result<Option<Timestamp>, Self::Error>;
    /// Notes it.
    fn put_retired(&mut self, key: DeviceId, at: Timestamp) -> Result<(), Self::Error>;
    /// Whether an act was entered.
    fn has_act(&self, act: ActId) -> Result<bool, Self::Error>;
    /// Notes an act as entered.
    fn put_act(&mut self, act: ActId) -> Result<(), Self::Error>;
    /// What is known of a person.
    fn person(&self, person: PersonId) -> Result<Person, Self::Error>;
    /// Notes it.
    fn put_person(&mut self, person: PersonId, value: Person) -> Result<(), Self::Error>;
    /// What is known of a device.
    fn device(&self, device: DeviceId) -> Result<Device, Self::Error>;
    /// Notes it.
    fn put_device(&mut self, device: DeviceId, value: Device) -> Result<(), Self::Error>;
    /// Who writes an inspection, if that was said in the log of a unit. Readers name the unit that the
    /// document is of: what another unit's leader says of it counts for nothing.
    fn assignment(&self, scope: &Scope, of: DocumentId) -> Result<Option<Assignment>, Self::Error>;
    /// Notes it.
    fn put_assignment(
        &mut self,
        scope: &Scope,
        inspection: DocumentId,
        value: Assignment,
    ) -> Result<(), Self::Error>;
    /// The minutes of a document that were registered in the log of a unit.
    fn sealed(&self, scope: &Scope, of: DocumentId) -> Result<Option<Sealed>, Self::Error>;
    /// Notes it.
    fn put_sealed(
        &mut self,
        scope: &Scope,
        document: DocumentId,
        value: Sealed,
    ) -> Result<(), Self::Error>;
    /// When, as the log of a unit says, the holder of a device signed the minutes of a document too.
    fn countersigned(
        &self,
        scope: &Scope,
        of: (DocumentId, [u8; 32], DeviceId),
    ) -> Result<Option<Timestamp>, Self::Error>;
    /// Notes, as the log of a unit says, that the holder of a device signed the minutes of a document too.
    fn put_countersigned(
        &mut self,
        scope: &Scope,
        of: (DocumentId, [u8; 32], DeviceId),
        at: Timestamp,
    ) -> Result<(), Self::Error>;
    /// Notes what was decided, in the log of a unit, of a line that was kept aside.
    fn put_judgement(
        &mut self,
        scope: &Scope,
        line: (DocumentId, Actor, u64, ChangeHash),
        judged: Judged,
    ) -> Result<(), Self::Error>;
    /// Notes from when on a checklist is in force in a unit.
    fn put_template(
        &mut self,
        scope: &Scope,
        template: TemplateId,
        from: Timestamp,
    ) -> Result<(), Self::Error>;
}

/// Folds one entry into the state. Its signatures must have been checked ([`ControlEntry::verify`]).
///
/// # Errors
///
/// Returns what the rows return.
pub fn fold<R: TrustRows>(
    rows: &mut R,
    entry: &ControlEntry,
    covers: &Covers,
) -> Result<Folded, R::Error> {
    let Ok((head, act)) = entry.head().and_then(|head| Ok((head, entry.act.act.id()?))) else {
        return Ok(Folded::Stranger);
    };
    if let Some(link) = entry.announces() {
        rows.put_link(link, &entry.act)?;
    }
    let keys = rows.hub_keys()?;
    let replaced = rows.retired(entry.hub)?.is_some_and(|since| since <= entry.at);
    if !keys.contains(&entry.hub) || replaced {
        return Ok(Folded::Stranger);
    }
    let before = rows.head(entry.log())?;
    if entry.number <= before.number {
        let held = rows.link(entry.log(), entry.number)?;
        return Ok(if held == Some(head.hash) { Folded::Known } else { Folded::Fork });
    }
    if entry.number > before.number + 1 {
        return Ok(Folded::Gap);
    }
    if entry.previous != before.hash {
        return Ok(Folded::Fork);
    }
    if rows.latest()?.is_some_and(|latest| Entered::of(entry) < latest) {
        return Ok(Folded::Early);
    }
    let outcome = if rows.has_act(act)? {
        Some(Void::Repeated)
    } else if keys.contains(&entry.act.act.by) && entry.act.act.by != entry.hub {
        // The operator decides with the key that enters it: what somebody signs with another of them, one
        // that was replaced or one that is not in use yet, is nobody's decision.
        Some(Void::NotAllowed)
    } else if !may_act(rows, &entry.act.act, entry.clock, covers)? {
        Some(Void::NotAllowed)
    } else {
        do_deed(rows, entry, act)?
    };
    rows.put_act(act)?;
    rows.push(entry, head)?;
    Ok(outcome.map_or(Folded::Counts, Folded::Void))
}

/// Returns whether the signer of an act may decide it, entered at a time of the hub's: a grant lets the
/// signer decide this in the unit, and where it concerns a person, whoever decides it stands above all
/// that the person holds. An act for another hub is nobody's to decide here.
///
/// # Errors
///
/// Returns what the rows return.
pub fn may_act<R: TrustRows>(
    rows: &R,
    act: &Act,
    at: Timestamp,
    covers: &Covers,
) -> Result<bool, R::Error> {
    let keys = rows.hub_keys()?;
    if !keys.contains(&act.hub) {
        return Ok(false);
    }
    if keys.contains(&act.by) {
        return Ok(operator_may_decide(&act.deed) && subject_allows(rows, act, at, None)?);
    }
    let device = rows.device(act.by)?;
    let Some(certificate) = device.certificate.as_ref().filter(|_| device.revoked.is_none()) else {
        return Ok(false);
    };
    let person = rows.person(certificate.person)?;
    if person.revoked.is_some() {
        return Ok(false);
    }
    let fits = |held: &&HeldGrant| {
        held.withdrawn.is_none()
            && held.grant.is_in_force(at)
            && may_decide(held.grant.role, &act.deed)
            && device.is_certified_for(&held.grant.scope, covers)
    };
    let by: Vec<&Scope> =
        person.grants.values().filter(fits).map(|held| &held.grant.scope).collect();
    let over = |scope: &Scope| by.iter().any(|outer| covers(outer, scope));
    Ok(over(&act.scope) && subject_allows(rows, act, at, Some(&over))?)
}

/// Returns whether the person whom an act concerns is one of whom its signer may decide it. Rights of a
/// revoked person or device are for good at an end: nothing is certified or granted to them again.
fn subject_allows<R: TrustRows>(
    rows: &R,
    act: &Act,
    at: Timestamp,
    over: Option<&dyn Fn(&Scope) -> bool>,
) -> Result<bool, R::Error> {
    let stands_above =
        |person: &Person| over.is_none_or(|over| person.weight(at).into_iter().all(over));
    match &act.deed {
        Deed::Grant { person, .. } => Ok(rows.person(*person)?.revoked.is_none()),
        Deed::Certify { device, person, name, agency } => {
            let held = rows.device(*device)?;
            let says =
                held.certificate.as_ref().map(|held| (held.person, &held.name, &held.agency));
            // Somebody above has said so already; it is said in the log of this unit too.
            let said = says == Some((*person, name, agency)) && held.revoked.is_none();
            if said && rows.person(*person)?.revoked.is_none() {
                return Ok(true);
            }
            let mut concerned = vec![rows.person(*person)?];
            if let Some(former) = held.certificate.filter(|former| former.person != *person) {
                concerned.push(rows.person(former.person)?);
            }
            let free = held.revoked.is_none() && concerned.iter().all(|one| one.revoked.is_none());
            Ok(free && concerned.iter().all(stands_above))
        }
        Deed::Revoke { whom, .. } => {
            let person = match whom {
                Whom::Person(person) => Some(*person),
                Whom::Device(device) => rows.device(*device)?.certificate.map(|held| held.person),
            };
            // Nothing ends a revocation, so of whom no log has said anything only the operator decides it.
            let Some(person) = person else { return Ok(over.is_none()) };
            let person = rows.person(person)?;
            let named = !person.devices.is_empty() || !person.grants.is_empty();
            Ok(stands_above(&person) && (named || over.is_none()))
        }
        _ => Ok(true),
    }
}

impl Person {
    /// Returns the units of all that the person holds or will hold; of all that was ever held where
    /// nothing is. Who decides of the person must stand above each.
    fn weight(&self, at: Timestamp) -> Vec<&Scope> {
        let live = |held: &&HeldGrant| {
            held.withdrawn.is_none() && held.grant.until.is_none_or(|until| at < until)
        };
        let now: Vec<&Scope> =
            self.grants.values().filter(live).map(|held| &held.grant.scope).collect();
        if now.is_empty() {
            self.grants.values().map(|held| &held.grant.scope).collect()
        } else {
            now
        }
    }
}

/// Does what an act says; returns why it changes nothing, if it does not.
fn do_deed<R: TrustRows>(
    rows: &mut R,
    entry: &ControlEntry,
    id: ActId,
) -> Result<Option<Void>, R::Error> {
    let (at, act) = (entry.clock, &entry.act.act);
    let (by, scope) = (act.by, &act.scope);
    match &act.deed {
        Deed::Certify { device, person, name, agency } => {
            let (name, agency) = (name.clone(), agency.clone());
            let certificate = Certificate { person: *person, name, agency, by, at };
            return certify(rows, (*device, scope), certificate);
        }
        Deed::Grant { person, grant } => {
            let mut held = rows.person(*person)?;
            let here = held.grants.values().filter(|held| held.grant.scope == *scope);
            if here.count() >= GRANTS_PER_PERSON_AND_UNIT_MAX {
                return Ok(Some(Void::TooMany));
            }
            held.grants.insert(id, HeldGrant { grant: grant.clone(), by, withdrawn: None });
            rows.put_person(*person, held)?;
        }
        Deed::Withdraw { person, grant } => {
            let mut held = rows.person(*person)?;
            match held.grants.get_mut(grant) {
                Some(given) if given.grant.scope == act.scope && given.withdrawn.is_none() => {
                    given.withdrawn = Some(at);
                }
                _ => return Ok(Some(Void::NoSuchGrant)),
            }
            rows.put_person(*person, held)?;
        }
        Deed::Revoke { whom, lost_since } => {
            let revocation = Revocation { at, lost_since: *lost_since, by };
            return revoke(rows, *whom, revocation);
        }
        Deed::Assign { inspection, persons } => {
            let assignment = Assignment { persons: persons.clone(), by, at };
            rows.put_assignment(scope, *inspection, assignment)?;
        }
        Deed::Seal { document, seal } => {
            if let Some(mut first) = rows.sealed(scope, *document)? {
                if first.seal != *seal && first.rivals.len() < RIVALS_MAX {
                    first.rivals.push(*seal);
                    rows.put_sealed(scope, *document, first)?;
                }
                return Ok(Some(Void::Surpassed));
            }
            // A hub numbers the first alone. One without a number is a rival whose first is not here, and
            // must not count where somebody has left that out.
            if entry.official.is_none() {
                return Ok(Some(Void::Surpassed));
            }
            let official = entry.official.clone();
            let first = Sealed { seal: *seal, official, at, rivals: Vec::new() };
            rows.put_sealed(scope, *document, first)?;
        }
        Deed::Judge { document, actor, seq, hash, judgement } => {
            let judged = Judged { judgement: *judgement, by, at };
            rows.put_judgement(scope, (*document, *actor, *seq, *hash), judged)?;
        }
        Deed::Countersign { document, seal } => {
            let of = (*document, *seal, by);
            if rows.countersigned(scope, of)?.is_some() {
                return Ok(Some(Void::Surpassed));
            }
            rows.put_countersigned(scope, of, at)?;
        }
        Deed::Template { template, from } => rows.put_template(&act.scope, *template, *from)?,
        Deed::Successor { .. } | Deed::Switch { .. } => return change_key(rows, entry),
    }
    Ok(None)
}

fn certify<R: TrustRows>(
    rows: &mut R,
    (name, scope): (DeviceId, &Scope),
    certificate: Certificate,
) -> Result<Option<Void>, R::Error> {
    let mut device = rows.device(name)?;
    let mut person = rows.person(certificate.person)?;
    if person.devices.len() >= DEVICES_PER_PERSON_MAX && !person.devices.contains(&name) {
        return Ok(Some(Void::TooMany));
    }
    if device.units.len() >= UNITS_PER_DEVICE_MAX && !device.units.contains(scope) {
        return Ok(Some(Void::TooMany));
    }
    if let Some(before) = &device.certificate
        && before.person != certificate.person
    {
        // What others have said was of the former holder.
        device.units.clear();
        let mut former = rows.person(before.person)?;
        former.devices.remove(&name);
        rows.put_person(before.person, former)?;
    }
    person.devices.insert(name);
    device.units.insert(scope.clone());
    let holder = certificate.person;
    device.certificate = Some(certificate);
    rows.put_device(name, device)?;
    rows.put_person(holder, person)?;
    Ok(None)
}

fn revoke<R: TrustRows>(
    rows: &mut R,
    whom: Whom,
    revocation: Revocation,
) -> Result<Option<Void>, R::Error> {
    // The same is entered in the log of every unit that the person has a grant in; the first counts.
    match whom {
        Whom::Device(name) => {
            let mut device = rows.device(name)?;
            if device.revoked.is_some() {
                return Ok(Some(Void::Surpassed));
            }
            device.revoked = Some(revocation);
            rows.put_device(name, device)?;
        }
        Whom::Person(name) => {
            let mut person = rows.person(name)?;
            if person.revoked.is_some() {
                return Ok(Some(Void::Surpassed));
            }
            person.revoked = Some(revocation);
            rows.put_person(name, person)?;
        }
    }
    Ok(None)
}

/// Returns what the log says of a device and its holder, for those who ask what it may do: the grants of
/// the holder that hold on this device.
///
/// # Errors
///
/// Returns what the rows return.
pub fn entry_of<R: TrustRows>(
    rows: &R,
    device: DeviceId,
    covers: &Covers,
) -> Result<Option<DeviceEntry>, R::Error> {
    let held = rows.device(device)?;
    let Some(certificate) = held.certificate.clone() else { return Ok(None) };
    let person = rows.person(certificate.person)?;
    let live = person.grants.values().filter(|given| {
        given.withdrawn.is_none() && held.is_certified_for(&given.grant.scope, covers)
    });
    let mut grants: Vec<Grant> = live.map(|held| held.grant.clone()).collect();
    grants.sort_unstable();
    grants.dedup();
    let active = held.revoked.is_none() && person.revoked.is_none() && !grants.is_empty();
    let Certificate { person, name, agency, .. } = certificate;
    Ok(Some(DeviceEntry { device, person, name, agency, grants, active }))
}

/// The place of an entry in the order in which a hub entered all of them. Lives of a store that was set
/// back may have entries of one moment; the rest of the fields then decides, everywhere alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Entered {
    /// [`ControlEntry::at`].
    pub at: Timestamp,
    /// Not of the whole country.
    below: bool,
    scope: Scope,
    life: [u8; 16],
    number: u64,
}

impl Entered {
    /// Returns the place of an entry.
    #[must_use]
    pub fn of(entry: &ControlEntry) -> Self {
        let scope = entry.scope().clone();
        let below = scope.as_str() != COUNTRY;
        Self { at: entry.at, below, scope, life: entry.life, number: entry.number }
    }
}
