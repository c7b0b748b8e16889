//! Keys and values of the control log and of what follows from it.

use serde::{Deserialize, Serialize};

use super::{key, scope_part};
use crate::model::{
    Actor, ChangeHash, DeviceId, DocumentId, PersonId, Scope, TemplateId, Timestamp,
};
use crate::trust::control::{ActId, Log};
use crate::trust::enrolment::InvitationId;

/// Hub: scope, feed number → (): an entry of that unit's control log.
pub(in crate::replica) const CONTROL_FEED: u8 = b'0';
/// Scope, life, number → [`ControlRow`].
pub(in crate::replica) const CONTROL: u8 = b'8';
/// Scope, life → head of that control log.
pub(in crate::replica) const CONTROL_HEAD: u8 = b'9';
/// Act → (): it was entered.
const ACT: u8 = b'A';
/// Person → what the log says of it.
const PERSON: u8 = b'J';
/// Device → what the log says of it.
pub(in crate::replica) const CERTIFIED: u8 = b'K';
/// Inspection, unit → who writes it, as the log of that unit says.
pub(in crate::replica) const ASSIGNED: u8 = b'M';
/// Document, unit → its minutes, registered in the log of that unit.
pub(in crate::replica) const SEALED: u8 = b'O';
/// Document, actor, seq, hash, unit → [`crate::trust::control::Judged`]: what was decided of a line kept
/// aside.
pub(in crate::replica) const JUDGED: u8 = b'U';
/// Scope, checklist, moment → that moment, from which on it is in force. A later day takes away no earlier one.
pub(in crate::replica) const IN_FORCE: u8 = b'X';
/// Phone: act → [`ActingRow`]: decided here, and not yet entered by the hub.
pub(in crate::replica) const ACTING: u8 = b'I';

/// All tables that are folded from the control log.
pub(in crate::replica) const TRUST_TABLES: [u8; 12] = [
    CONTROL,
    CONTROL_HEAD,
    ACT,
    PERSON,
    CERTIFIED,
    ASSIGNED,
    SEALED,
    JUDGED,
    super::OWED,
    IN_FORCE,
    super::COUNTERSIGNED,
    super::SERIES,
];

/// A decision of this device that no hub has entered yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::replica) struct ActingRow {
    /// The record that keeps it: decisions go out in the order in which they were made.
    pub(in crate::replica) at: u64,
    /// The hub has refused it.
    pub(in crate::replica) refused: bool,
    /// The signed act.
    pub(in crate::replica) bytes: Vec<u8>,
}

/// An entry of a control log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::replica) struct ControlRow {
    /// What the next entry names.
    pub(in crate::replica) hash: [u8; 32],
    /// The encoded entry.
    pub(in crate::replica) bytes: Vec<u8>,
}

pub(in crate::replica) fn of_control_feed(scope: &Scope, number: u64) -> Vec<u8> {
    key(CONTROL_FEED, &[&scope_part(scope.as_str()), &number.to_be_bytes()])
}

pub(in crate::replica) fn control_feed(scope: &Scope) -> Vec<u8> {
    key(CONTROL_FEED, &[&scope_part(scope.as_str())])
}

pub(in crate::replica) fn of_control(log: Log<'_>, number: u64) -> Vec<u8> {
    key(CONTROL, &[&scope_part(log.scope.as_str()), &log.life, &number.to_be_bytes()])
}

/// All entries of the logs of a unit.
pub(in crate::replica) fn control_of(scope: &Scope) -> Vec<u8> {
    key(CONTROL, &[&scope_part(scope.as_str())])
}

pub(in crate::replica) fn control_head(log: Log<'_>) -> Vec<u8> {
    key(CONTROL_HEAD, &[&scope_part(log.scope.as_str()), &log.life])
}

/// Returns the life of the hub's store in which entries are made from one start of it on: half of its
/// epoch, by which phones tell what another epoch entered, and half of its own.
pub(in crate::replica) fn life(epoch: [u8; 16], start: [u8; 8]) -> [u8; 16] {
    let mut life = epoch;
    life[8..].copy_from_slice(&start);
    life
}

/// Returns whether a life belongs to an epoch.
pub(in crate::replica) fn is_of(life: [u8; 16], epoch: [u8; 16]) -> bool {
    life[..8] == epoch[..8]
}

/// Returns the device that a key of [`CERTIFIED`] names.
pub(in crate::replica) fn device_in(key: &[u8]) -> Option<DeviceId> {
    key.get(1..)?.try_into().ok().map(DeviceId)
}

/// Returns the life that a key of [`CONTROL`] or [`CONTROL_HEAD`] names.
pub(in crate::replica) fn life_in(key: &[u8]) -> Option<[u8; 16]> {
    key.get(6..22)?.try_into().ok()
}

pub(in crate::replica) fn of_invitation(id: InvitationId) -> Vec<u8> {
    key(super::INVITATION, &[&id.0])
}

pub(in crate::replica) fn of_act(act: ActId) -> Vec<u8> {
    key(ACT, &[&act.0])
}

pub(in crate::replica) fn of_acting(act: ActId) -> Vec<u8> {
    key(ACTING, &[&act.0])
}

pub(in crate::replica) fn of_person(person: PersonId) -> Vec<u8> {
    key(PERSON, &[&person.0])
}

pub(in crate::replica) fn of_certified(device: DeviceId) -> Vec<u8> {
    key(CERTIFIED, &[&device.0])
}

pub(in crate::replica) fn of_document_in(table: u8, of: DocumentId, scope: &Scope) -> Vec<u8> {
    key(table, &[&of.0, &scope_part(scope.as_str())])
}

pub(in crate::replica) fn of_judged(
    scope: &Scope,
    (document, actor, seq, hash): (DocumentId, Actor, u64, ChangeHash),
) -> Vec<u8> {
    let parts = (seq.to_be_bytes(), scope_part(scope.as_str()));
    key(JUDGED, &[&document.0, &actor.0, &parts.0, &hash.0, &parts.1])
}

pub(in crate::replica) fn of_in_force(
    scope: &Scope,
    template: TemplateId,
    from: Timestamp,
) -> Vec<u8> {
    key(IN_FORCE, &[&scope_part(scope.as_str()), &template.0, &from.0.to_be_bytes()])
}

/// Reads the unit and the checklist of a key made by [`of_in_force`].
pub(in crate::replica) fn in_force_in(key: &[u8]) -> Option<(Scope, TemplateId)> {
    let scope = std::str::from_utf8(key.get(1..6)?).ok()?.trim_end().parse().ok()?;
    Some((scope, TemplateId(key.get(6..38)?.try_into().ok()?)))
}

/// Returns the change that a key of [`JUDGED`] names, in whichever unit it was decided of.
pub(in crate::replica) fn judged_change(key: &[u8]) -> Option<ChangeHash> {
    Some(ChangeHash(key.get(57..89)?.try_into().ok()?))
}

/// Returns the change that a key of [`JUDGED`] names: its place and hash; none where it was decided in the
/// log of another unit.
pub(in crate::replica) fn judged_in(key: &[u8], scope: &Scope) -> Option<(u64, ChangeHash)> {
    let (seq, hash) = (key.get(49..57)?.try_into().ok()?, key.get(57..89)?.try_into().ok()?);
    let here = key.get(89..)? == scope_part(scope.as_str());
    here.then_some((u64::from_be_bytes(seq), ChangeHash(hash)))
}
