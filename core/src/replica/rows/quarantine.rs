//! Values of what a hub keeps aside.

use serde::{Deserialize, Serialize};

use crate::model::{Actor, ChangeHash, DeviceId, DocumentId, Scope, Timestamp};
use crate::replica::facts::PackPlace;
use crate::sync::{AsideEntry, AsideName, Verdict};

/// Where the bytes of a pack lie that is kept aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::replica) enum Evidence {
    /// Among what was kept aside when it came.
    Aside(PackPlace),
    /// Among what was taken in; it was refused when it was merged.
    Taken(PackPlace),
}

/// A pack in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::replica) struct QuarantineRow {
    pub(in crate::replica) verdict: Verdict,
    /// Who signed it.
    pub(in crate::replica) device: DeviceId,
    /// Who brought it, where that is known.
    pub(in crate::replica) from: Option<DeviceId>,
    pub(in crate::replica) evidence: Evidence,
    /// The unit of its document; none where its bytes do not even say that.
    pub(in crate::replica) scope: Option<Scope>,
    /// When it was kept aside, by the hub's clock.
    pub(in crate::replica) at: Timestamp,
}

impl QuarantineRow {
    /// Returns whether a decision of this unit's supervisors can bring it into the record.
    pub(in crate::replica) fn may_enter_by(&self, scope: &Scope) -> bool {
        self.verdict.may_be_admitted()
            && matches!(self.evidence, Evidence::Aside(_))
            && self.scope.as_ref() == Some(scope)
    }

    /// Returns what the hub says of it to those who may look at it.
    pub(in crate::replica) fn entry(self, name: AsideName) -> AsideEntry {
        let Self { verdict, device, from, scope, at, .. } = self;
        AsideEntry { name, verdict, device, from, scope, at }
    }
}

/// Reads the name of the pack in a key of [`QUARANTINE`](super::QUARANTINE).
pub(in crate::replica) fn aside_in(key: &[u8]) -> Option<AsideName> {
    let document = DocumentId(key.get(1..33)?.try_into().ok()?);
    let actor = Actor(key.get(33..49)?.try_into().ok()?);
    let seq = u64::from_be_bytes(key.get(49..57)?.try_into().ok()?);
    let hash = ChangeHash(key.get(57..)?.try_into().ok()?);
    Some(AsideName { document, actor, seq, hash })
}
