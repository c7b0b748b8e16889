//! One Automerge change as bytes, with its facts.
//!
//! Reads the facts of a change and nothing of its content.

use super::ids::ChangeHash;

/// What a change says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeFacts {
    /// SHA-256 of the change, as Automerge computes it.
    pub hash: ChangeHash,
    /// Who Automerge says wrote it.
    pub actor: Vec<u8>,
    /// 1 for the actor's first change.
    pub seq: u64,
    /// Counter of the first operation.
    pub start_op: u64,
    /// When its writer claims it was made, in milliseconds since 1970.
    pub time: i64,
    /// Changes it depends on.
    pub deps: Vec<ChangeHash>,
    /// Number of operations.
    pub ops: u64,
}

/// The bytes of one change and its facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawChange {
    bytes: Vec<u8>,
    facts: ChangeFacts,
}

/// Why bytes are not a change.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// The bytes do not hold exactly one change.
    #[error("{len} bytes are not one change")]
    Malformed {
        /// Number of bytes; their content is never logged.
        len: usize,
    },
}

impl RawChange {
    /// Reads the facts of one change.
    ///
    /// # Errors
    ///
    /// Returns [`ChangeError::Malformed`] when the bytes are not exactly one change.
    pub fn inspect(bytes: Vec<u8>) -> Result<Self, ChangeError> {
        let len = bytes.len();
        let change = std::panic::catch_unwind(|| automerge::Change::from_bytes(bytes))
            .map_err(|_| ChangeError::Malformed { len })?
            .map_err(|_| ChangeError::Malformed { len })?;
        let facts = ChangeFacts {
            hash: ChangeHash(change.hash().0),
            actor: change.actor_id().to_bytes().to_vec(),
            seq: change.seq(),
            start_op: change.start_op().get(),
            time: change.timestamp(),
            deps: change.deps().iter().map(|hash| ChangeHash(hash.0)).collect(),
            ops: change.len() as u64,
        };
        Ok(Self { bytes: change.raw_bytes().to_vec(), facts })
    }

    /// Returns the bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the facts.
    #[must_use]
    pub fn facts(&self) -> &ChangeFacts {
        &self.facts
    }
}
