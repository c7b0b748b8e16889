//! Values of what a hub keeps aside.

use serde::{Deserialize, Serialize};

use crate::model::{DeviceId, Scope, Timestamp};
use crate::replica::facts::PackPlace;
use crate::sync::Verdict;

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
