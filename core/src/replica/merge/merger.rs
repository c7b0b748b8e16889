//! Merging as work that somebody else may do: what it needs, and what comes of it.
//!
//! A phone, a test and the simulation do it where they are ([`InProcess`]). A hub hands it to child
//! processes, because what it merges are foreign bytes and Automerge has no limits of its own. Whoever
//! does it, the outcome is checked here: lengths, names and hashes; of a document's content nothing is
//! taken on trust, for nothing here reads it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use super::holding::{SealJob, SealWork};
use super::work;
use crate::model::{
    Actor, ChangeHash, DOCUMENT_BYTES_MAX, Document, DocumentId, Genesis, RawChange, Shape, Summary,
};
use crate::replica::rows::VisitRow;
use crate::sync::Verdict;

/// The version of [`MergeJob::encode`] and [`MergeWork::encode`]. Both ends are the same program, so
/// another version is an accident that must be noticed and nothing to be read.
///
/// - 1: merges.
/// - 2: a request says what is wanted; seals are held against their records too.
pub const WORK_VERSION: u16 = 2;

/// The longest job in bytes: a document as large as may be with all that came on top of it once more,
/// and a batch. A job above it is refused before it is sent.
pub const JOB_BYTES_MAX: usize = 8 * DOCUMENT_BYTES_MAX;

/// The longest outcome in bytes: a saved document that holds four times what foreign ones may (own edits
/// may pass that), and rows.
pub const OUTCOME_BYTES_MAX: usize = 5 * DOCUMENT_BYTES_MAX;

/// The longest row for lists in an outcome.
const SUMMARY_BYTES_MAX: usize = 1 << 20;

/// Why a merge was not done. None of them says that a change is bad.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MergerError {
    /// Nobody can be found to do it. What was accepted waits.
    #[error("no merge worker can be started ({reason}); what was accepted waits until one can")]
    Unavailable {
        /// What stands in the way.
        reason: String,
    },
    /// Whoever did it ended in the middle: it crashed, or passed a limit on memory or time.
    #[error("the merge worker ended in the middle ({how})")]
    Died {
        /// How it ended.
        how: String,
    },
    /// The outcome is none.
    #[error("the merge worker answered with what is no outcome: {what}")]
    Garbled {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The saved form of the document does not open; it is only a cache of its sources.
    #[error("the saved form of the document does not open")]
    Base,
    /// There is more to merge than one job may hold.
    #[error("a job of {bytes} bytes is over the limit of {max}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// What is allowed.
        max: usize,
    },
}

impl MergerError {
    /// Returns whether whoever did it came to an end, or was led astray, over what it was given.
    pub(super) fn ended(&self) -> bool {
        matches!(self, Self::Died { .. } | Self::Garbled { .. })
    }
}

/// Does merges.
pub trait Merger: Send + Sync {
    /// Merges packs into a document and says what became of each. May be called by several threads.
    ///
    /// # Errors
    ///
    /// Returns [`MergerError`] when it was not done; trying again may help, or leaving out some packs.
    fn merge(&self, job: &MergeJob) -> Result<MergeWork, MergerError>;

    /// Holds sealed minutes against their record. May be called by several threads.
    ///
    /// # Errors
    ///
    /// As [`Merger::merge`].
    fn hold(&self, job: &SealJob) -> Result<SealWork, MergerError>;
}

/// One document and what is to be merged into it.
#[derive(Debug, Clone)]
pub struct MergeJob {
    pub(in crate::replica) genesis: Genesis,
    pub(in crate::replica) shape: Shape,
    /// The document as it was saved; none when it is made from its changes alone.
    pub(in crate::replica) base: Option<Vec<u8>>,
    /// Changes held before, on top of the base.
    pub(in crate::replica) held: Vec<RawChange>,
    /// What is to be merged: changes that enter together or not at all.
    pub(in crate::replica) packs: Vec<Vec<RawChange>>,
    /// Actors of a review whose word is a verdict.
    pub(in crate::replica) judges: BTreeSet<Actor>,
    /// Whether the document is to be saved.
    pub(in crate::replica) saves: bool,
}

/// What became of one pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::replica) enum Fate {
    /// It is in the document.
    Ready,
    /// It builds on what is not there.
    Parked,
    /// It can never be merged.
    Refused {
        /// The change of it that is at fault.
        culprit: ChangeHash,
        /// Why.
        verdict: Verdict,
    },
}

/// What a merge came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeWork {
    /// One for each pack, in their order.
    pub(in crate::replica) fates: Vec<Fate>,
    /// The last change of every actor.
    pub(in crate::replica) tips: Vec<(Vec<u8>, u64, ChangeHash)>,
    /// The row for lists, encoded.
    pub(in crate::replica) summary: Vec<u8>,
    /// Visits of facilities that a plan or inspection tells of.
    pub(in crate::replica) visits: Vec<(DocumentId, VisitRow)>,
    /// The saved document, if it was asked for.
    pub(in crate::replica) saved: Option<Vec<u8>>,
    /// All that was held before is in the document.
    pub(in crate::replica) whole: bool,
}

/// A job as it travels: changes are bytes, looked at again by whoever gets them.
#[derive(Serialize, Deserialize)]
struct Sent {
    genesis: Genesis,
    shape: Shape,
    base: Option<Vec<u8>>,
    held: Vec<Vec<u8>>,
    packs: Vec<Vec<Vec<u8>>>,
    judges: BTreeSet<Actor>,
    saves: bool,
}

impl MergeJob {
    /// Returns the document.
    #[must_use]
    pub fn document(&self) -> DocumentId {
        self.genesis.document()
    }

    /// Returns the job with only these lots of changes to merge.
    pub(super) fn with(&self, packs: Vec<Vec<RawChange>>) -> Self {
        Self { packs, ..self.clone() }
    }

    /// Returns the job for another process.
    ///
    /// # Errors
    ///
    /// Returns [`MergerError::TooLarge`] for one above [`JOB_BYTES_MAX`].
    pub fn encode(&self) -> Result<Vec<u8>, MergerError> {
        let raw = |changes: &[RawChange]| changes.iter().map(|c| c.bytes().to_vec()).collect();
        let sent = Sent {
            genesis: self.genesis.clone(),
            shape: self.shape.clone(),
            base: self.base.clone(),
            held: raw(&self.held),
            packs: self.packs.iter().map(|pack| raw(pack)).collect(),
            judges: self.judges.clone(),
            saves: self.saves,
        };
        let bytes = postcard::to_stdvec(&sent)
            .map_err(|_| MergerError::Garbled { what: "it does not encode" })?;
        if bytes.len() > JOB_BYTES_MAX {
            return Err(MergerError::TooLarge { bytes: bytes.len(), max: JOB_BYTES_MAX });
        }
        Ok(bytes)
    }

    /// Reads a job in the process that is to do it.
    ///
    /// # Errors
    ///
    /// Returns [`MergerError::Garbled`] for bytes that are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, MergerError> {
        let garbled = |what| MergerError::Garbled { what };
        let sent: Sent = postcard::from_bytes(bytes).map_err(|_| garbled("its form"))?;
        if sent.shape.kind() != sent.genesis.kind {
            return Err(garbled("the shape"));
        }
        let read = |changes: Vec<Vec<u8>>| {
            let read: Result<Vec<_>, _> = changes.into_iter().map(RawChange::inspect).collect();
            read.map_err(|_| garbled("a change"))
        };
        Ok(Self {
            genesis: sent.genesis,
            shape: sent.shape,
            base: sent.base,
            held: read(sent.held)?,
            packs: sent.packs.into_iter().map(read).collect::<Result<_, _>>()?,
            judges: sent.judges,
            saves: sent.saves,
        })
    }

    /// Does it here.
    ///
    /// # Errors
    ///
    /// Returns [`MergerError::Base`] when the saved document does not open.
    pub fn perform(&self) -> Result<MergeWork, MergerError> {
        work::perform(self)
    }
}

impl MergeWork {
    /// Returns the outcome for the process that asked.
    ///
    /// # Errors
    ///
    /// Returns [`MergerError::Garbled`] when it does not encode.
    pub fn encode(&self) -> Result<Vec<u8>, MergerError> {
        postcard::to_stdvec(self).map_err(|_| MergerError::Garbled { what: "it does not encode" })
    }

    /// Reads the outcome of a job that another process did. It is held against the job; that process has
    /// seen foreign bytes.
    ///
    /// # Errors
    ///
    /// Returns [`MergerError::Garbled`] for what does not fit the job.
    pub fn decode(bytes: &[u8], job: &MergeJob) -> Result<Self, MergerError> {
        let garbled = |what| MergerError::Garbled { what };
        let work: Self = postcard::from_bytes(bytes).map_err(|_| garbled("its form"))?;
        work.check(job).map_err(garbled)?;
        Ok(work)
    }

    fn check(&self, job: &MergeJob) -> Result<(), &'static str> {
        if self.fates.len() != job.packs.len() {
            return Err("the number of packs");
        }
        for (fate, pack) in self.fates.iter().zip(&job.packs) {
            if let Fate::Refused { culprit, .. } = fate
                && !pack.iter().any(|change| change.facts().hash == *culprit)
            {
                return Err("who is at fault");
            }
        }
        if self.summary.len() > SUMMARY_BYTES_MAX {
            return Err("the length of a row");
        }
        let summary = Summary::decode(&self.summary).map_err(|_| "a row")?;
        let named = (summary.document, summary.kind) == (job.document(), job.genesis.kind);
        if !named || summary.scope != job.genesis.scope {
            return Err("the name of the document");
        }
        match &self.saved {
            None if job.saves => Err("no saved document"),
            Some(saved) if Document::inspect_own(saved).is_err() => Err("the saved document"),
            _ => Ok(()),
        }
    }
}

/// Does merges where it is called.
#[derive(Debug, Clone, Copy, Default)]
pub struct InProcess;

impl Merger for InProcess {
    fn merge(&self, job: &MergeJob) -> Result<MergeWork, MergerError> {
        job.perform()
    }

    fn hold(&self, job: &SealJob) -> Result<SealWork, MergerError> {
        job.perform()
    }
}
