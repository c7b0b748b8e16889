//! Keys and values of the control log and of what follows from it.

use serde::{Deserialize, Serialize};

use super::{key, scope_part};
use crate::model::{Actor, ChangeHash, DeviceId, DocumentId, PersonId, Scope, TemplateId};
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
const CERTIFIED: u8 = b'K';
/// Inspection → who writes it.
pub(in crate::replica) const ASSIGNED: u8 = b'M';
/// Document → its registered minutes.
pub(in crate::replica) const SEALED: u8 = b'O';
/// Document, actor, seq, hash → what was decided of a line kept aside.
const JUDGED: u8 = b'U';
/// Scope, checklist → from when on it is in force.
const IN_FORCE: u8 = b'X';
/// Phone: act → the signed act: decided here, and not yet entered by the hub.
pub(in crate::replica) const ACTING: u8 = b'I';

/// All tables that are folded from the control log.
pub(in crate::replica) const TRUST_TABLES: [u8; 9] =
    [CONTROL, CONTROL_HEAD, ACT, PERSON, CERTIFIED, ASSIGNED, SEALED, JUDGED, IN_FORCE];

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

pub(in crate::replica) fn control_head(log: Log<'_>) -> Vec<u8> {
    key(CONTROL_HEAD, &[&scope_part(log.scope.as_str()), &log.life])
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

pub(in crate::replica) fn of_judged(
    document: DocumentId,
    actor: Actor,
    seq: u64,
    hash: ChangeHash,
) -> Vec<u8> {
    key(JUDGED, &[&document.0, &actor.0, &seq.to_be_bytes(), &hash.0])
}

pub(in crate::replica) fn of_in_force(scope: &Scope, template: TemplateId) -> Vec<u8> {
    key(IN_FORCE, &[&scope_part(scope.as_str()), &template.0])
}
