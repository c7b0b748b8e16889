//! Keys and values of sealed minutes.

use serde::{Deserialize, Serialize};

use super::{key, scope_part};
use crate::model::{DeviceId, DocumentId, Genesis, Scope, Timestamp};
use crate::trust::control::ActId;
use crate::trust::seal::SealId;

/// Seal → its bytes.
const SEAL: u8 = b'+';
/// Document, seal → (): the seals of a document that are held.
pub(in crate::replica) const SEALS_OF: u8 = b'-';
/// Act → [`SealingRow`]: a seal that is not registered yet.
pub(in crate::replica) const SEALING: u8 = b'=';
/// Document, device that signed, act → [`SealingRow`]: a seal that will not be registered.
pub(in crate::replica) const SEAL_REFUSED: u8 = b'%';
/// Hub: act → the key of its row of [`SEAL_UNSEEN`], there or not: minutes that waited here when the rights of
/// who signed them were ended for good. They are kept.
const SEAL_ENDED: u8 = b'$';
/// Hub: when they were ended, the latest first, act → the key of its row of [`SEAL_REFUSED`]: such minutes, until an
/// administrator says that they were seen.
pub(in crate::replica) const SEAL_UNSEEN: u8 = b'*';
/// Document, unit, seal, device → when the hub entered, in the unit's log, that its holder signed too.
pub(in crate::replica) const COUNTERSIGNED: u8 = b'&';
/// Unit, year → the last official number that was given there.
pub(in crate::replica) const SERIES: u8 = b'#';

/// A seal that is not registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::replica) struct SealingRow {
    /// The encoded act that registers it.
    pub(in crate::replica) act: Vec<u8>,
    /// The seal.
    pub(in crate::replica) seal: SealId,
    /// Of what.
    pub(in crate::replica) document: DocumentId,
    /// It was signed on this device.
    pub(in crate::replica) here: bool,
    /// Phone: the life of the hub's store that holds it.
    pub(in crate::replica) epoch: Option<[u8; 16]>,
    /// Hub: since when it waits, or is refused.
    pub(in crate::replica) since: Option<Timestamp>,
    /// Phone: a person gave it up, why and when.
    pub(in crate::replica) given_up: Option<(String, Timestamp)>,
}

impl SealingRow {
    /// Whether a life of the hub's store keeps it.
    pub(in crate::replica) fn is_kept(&self, life: Option<[u8; 16]>) -> bool {
        self.epoch.is_some() && self.epoch == life
    }
}

pub(in crate::replica) fn of_seal(seal: SealId) -> Vec<u8> {
    key(SEAL, &[&seal.0])
}

pub(in crate::replica) fn seals_of(document: DocumentId) -> Vec<u8> {
    key(SEALS_OF, &[&document.0])
}

pub(in crate::replica) fn of_document_seal(document: DocumentId, seal: SealId) -> Vec<u8> {
    key(SEALS_OF, &[&document.0, &seal.0])
}

/// Reads the seal of a key made by [`of_document_seal`].
pub(in crate::replica) fn seal_in(key: &[u8]) -> Option<SealId> {
    Some(SealId(key.get(33..65)?.try_into().ok()?))
}

pub(in crate::replica) fn of_sealing(act: ActId) -> Vec<u8> {
    key(SEALING, &[&act.0])
}

pub(in crate::replica) fn of_seal_refused(
    document: DocumentId,
    by: DeviceId,
    act: ActId,
) -> Vec<u8> {
    key(SEAL_REFUSED, &[&document.0, &by.0, &act.0])
}

pub(in crate::replica) fn of_seal_ended(act: ActId) -> Vec<u8> {
    key(SEAL_ENDED, &[&act.0])
}

pub(in crate::replica) fn of_seal_unseen(at: Timestamp, act: ActId) -> Vec<u8> {
    let back = u64::MAX - u64::try_from(at.0).unwrap_or_default();
    key(SEAL_UNSEEN, &[&back.to_be_bytes(), &act.0])
}

/// Reads the act of a key made by [`of_seal_unseen`].
pub(in crate::replica) fn unseen_in(key: &[u8]) -> Option<ActId> {
    Some(ActId(key.get(9..41)?.try_into().ok()?))
}

/// Before the refused seals of one document.
pub(in crate::replica) fn seals_refused(document: DocumentId) -> Vec<u8> {
    key(SEAL_REFUSED, &[&document.0])
}

/// Before the refused seals of one document that one device signed.
pub(in crate::replica) fn seals_refused_by(document: DocumentId, by: DeviceId) -> Vec<u8> {
    key(SEAL_REFUSED, &[&document.0, &by.0])
}

/// Returns whether a key made by [`of_seal_refused`] is that of an act.
pub(in crate::replica) fn is_of_refused(key: &[u8], act: ActId) -> bool {
    key.ends_with(&act.0)
}

pub(in crate::replica) fn of_countersigned(
    (scope, document): (&Scope, DocumentId),
    seal: SealId,
    device: DeviceId,
) -> Vec<u8> {
    let unit = scope_part(scope.as_str());
    key(COUNTERSIGNED, &[&document.0, &unit, &seal.0, &device.0])
}

pub(in crate::replica) fn countersigned(genesis: &Genesis, seal: SealId) -> Vec<u8> {
    let unit = scope_part(genesis.scope.as_str());
    key(COUNTERSIGNED, &[&genesis.document().0, &unit, &seal.0])
}

/// Reads the device of a key made by [`of_countersigned`].
pub(in crate::replica) fn countersigner_in(key: &[u8]) -> Option<DeviceId> {
    let device = key.len().checked_sub(32)?;
    Some(DeviceId(key.get(device..)?.try_into().ok()?))
}

pub(in crate::replica) fn of_series(scope: &Scope, year: i32) -> Vec<u8> {
    key(SERIES, &[&scope_part(scope.as_str()), &year.to_be_bytes()])
}

/// The row that says which document got an official number of a unit and year first.
pub(in crate::replica) fn of_numbered(scope: &Scope, year: i32, number: u64) -> Vec<u8> {
    let part = scope_part(scope.as_str());
    key(SERIES, &[&part, &year.to_be_bytes(), &number.to_be_bytes()])
}

/// The row with the official numbers that stand on minutes of several documents; no unit has such a code.
pub(in crate::replica) fn double_numbers() -> Vec<u8> {
    key(SERIES, &[b"~"])
}
