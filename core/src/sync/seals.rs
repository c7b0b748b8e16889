//! What is said of sealed minutes that wait at a hub.

use serde::{Deserialize, Serialize};

use crate::model::{ChangeHash, DeviceId, DocumentId, Scope, TemplateId, Timestamp};
use crate::trust::seal::SealId;

/// Sealed minutes that wait at a hub: the first, by when they came, and then the latest of those that never will be
/// registered and that nobody has said to have seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealsWaiting {
    /// Those that are named.
    pub seals: Vec<WaitingSeal>,
    /// There are more than are named.
    pub more: bool,
}

/// Sealed minutes that are not registered yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingSeal {
    /// The seal.
    pub seal: SealId,
    /// Of what.
    pub document: DocumentId,
    /// The unit in whose series of numbers they are to be registered.
    pub scope: Scope,
    /// The device that signed them.
    pub leader: DeviceId,
    /// When the hub got them, by its clock.
    pub since: Option<Timestamp>,
    /// What they wait for.
    pub wait: SealWait,
}

/// What sealed minutes wait for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SealWait {
    /// Changes over which they were signed and that are not in the hub's record.
    Changes {
        /// The ends of lines that are lacking, in the order of the seal.
        lacking: Vec<LackingLine>,
        /// There are more than are named.
        more: bool,
    },
    /// A checklist that nobody has published at the hub.
    Checklist(TemplateId),
    /// To be held against their record.
    Check {
        /// How often that could not be done since the hub started; it is tried again.
        failed: u32,
    },
    /// Their signer may not seal in the unit any more: the hub lets go of them, or keeps them unregistered where
    /// the signer's rights were ended for good.
    Rights,
    /// For ever: the hub's store has lost them.
    Lost,
}

/// A line of a device that was heard up to a change which is not in the hub's record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LackingLine {
    /// Whose.
    pub device: DeviceId,
    /// Place of the change.
    pub seq: u64,
    /// The change.
    pub hash: ChangeHash,
    /// Where it is.
    pub place: LinePlace,
}

/// Where a change is that is not in the hub's record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinePlace {
    /// Not at the hub: nobody has brought it.
    Absent,
    /// Among what the hub keeps aside, or before a change of its line that is.
    Aside,
    /// At the hub, which merges it when what it waits for comes.
    Unmerged,
}
