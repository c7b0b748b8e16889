//! What may not hold of a seal, each thing by its name.

use crate::model::{ChangeHash, DeviceId};

/// One thing that does not hold of a seal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum Breach {
    /// Only the minutes of an inspection are sealed.
    #[error("it is not of an inspection")]
    Kind,
    /// The name is not that of the genesis beside it.
    #[error("its document is not the one that its genesis names")]
    Document,
    /// The heads are none, too many, or not in order.
    #[error("its heads are not one to 64 in order")]
    Heads,
    /// The checklist is not one that the document is born with or was moved to.
    #[error("it names another checklist than the record is read by")]
    Checklist,
    /// The devices of the team are not in order, or too many.
    #[error("the devices of its team are not in order, or too many")]
    Members,
    /// A device was not heard, and nobody says why.
    #[error("device {device} was not heard, and no reason is given")]
    NoReason {
        /// The device.
        device: DeviceId,
    },
    /// A text is empty, too long, or not in the form that records have.
    #[error("{what} is empty or too long")]
    Text {
        /// Which.
        what: &'static str,
    },
    /// A drawn signature is none, or over a limit.
    #[error("the drawn signature of {whose} is none, or over a limit")]
    Drawing {
        /// Whose.
        whose: &'static str,
    },
    /// A refusal is confirmed by nobody.
    #[error("the refusal is confirmed by neither a commune representative nor a witness")]
    Unconfirmed,
    /// The leader's device did not sign it.
    #[error("device {leader} did not sign it")]
    Signature {
        /// The leader's device.
        leader: DeviceId,
    },
    /// A head is not in the record that it is compared with: it may not have arrived yet.
    #[error("change {head} of its heads is not in the record here")]
    HeadUnknown {
        /// The head.
        head: ChangeHash,
    },
    /// A head is the end of no line that it says was heard. A head of a record is the last change of
    /// whoever wrote it.
    #[error("change {head} of its heads ends no line that it names")]
    HeadUnheard {
        /// The head.
        head: ChangeHash,
    },
    /// The record cannot be read as it stood at the heads.
    #[error("the record cannot be read at its heads")]
    Unreadable,
    /// The record at the heads has another digest.
    #[error("the record at its heads has another content")]
    Content,
    /// The record's canonical form has a version that this program does not write.
    #[error("its canonical form has version {found}, and this program writes {known}")]
    Form {
        /// The version named.
        found: u32,
        /// The one known.
        known: u32,
    },
    /// Values that differ stand in the record at the heads.
    #[error("values that differ stand in {places} places of the record at its heads")]
    Conflicts {
        /// How many places.
        places: usize,
    },
    /// What it says of a device is not what stands at the heads.
    #[error("device {device} was heard up to another change than it says")]
    HeardElsewhere {
        /// The device.
        device: DeviceId,
    },
    /// Somebody wrote in the record who is not among the devices named.
    #[error("the record holds changes of an actor that it does not name ({actor})")]
    Unnamed {
        /// The actor, in hexadecimal.
        actor: String,
    },
}

impl Breach {
    /// Returns whether the record that it is compared with lacks something, so that it may hold once that
    /// has arrived.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        matches!(self, Self::HeadUnknown { .. })
    }
}
