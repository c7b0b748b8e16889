//! Holding sealed minutes against their record: work of the same kind as merging, for it opens the document.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::bisect::twice;
use super::merger::{JOB_BYTES_MAX, MergeJob, MergerError};
use super::work;
use crate::model::DocumentId;
use crate::replica::ReplicaError;
use crate::replica::hub::Hub;
use crate::trust::seal::{Breach, Seal};

/// A document and a seal that is to be held against it.
#[derive(Debug, Clone)]
pub struct SealJob {
    /// The document, with nothing to merge into it.
    record: MergeJob,
    /// The seal, encoded.
    seal: Vec<u8>,
}

/// A job as it travels.
#[derive(Serialize, Deserialize)]
struct Sent {
    record: Vec<u8>,
    seal: Vec<u8>,
}

/// What a seal says of its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SealWork {
    /// All of it holds.
    Holds,
    /// What does not hold yet may hold once more of the record has arrived.
    Waits,
    /// It does not hold.
    Broken,
}

impl SealJob {
    /// Returns the document.
    #[must_use]
    pub fn document(&self) -> DocumentId {
        self.record.document()
    }

    /// Returns the job for another process.
    ///
    /// # Errors
    ///
    /// Returns [`MergerError::TooLarge`] for one above [`JOB_BYTES_MAX`].
    pub fn encode(&self) -> Result<Vec<u8>, MergerError> {
        let sent = Sent { record: self.record.encode()?, seal: self.seal.clone() };
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
        let sent: Sent =
            postcard::from_bytes(bytes).map_err(|_| MergerError::Garbled { what: "its form" })?;
        Ok(Self { record: MergeJob::decode(&sent.record)?, seal: sent.seal })
    }

    /// Does it here.
    ///
    /// # Errors
    ///
    /// Returns [`MergerError::Base`] when the saved document does not open, and [`MergerError::Garbled`] when
    /// the seal is none.
    pub fn perform(&self) -> Result<SealWork, MergerError> {
        let seal = Seal::decode(&self.seal).map_err(|_| MergerError::Garbled { what: "a seal" })?;
        let (content, _) = work::opened(&self.record)?;
        let breaches = seal.verify_record(&content);
        Ok(match () {
            () if breaches.is_empty() => SealWork::Holds,
            () if breaches.iter().all(Breach::is_waiting) => SealWork::Waits,
            () => SealWork::Broken,
        })
    }
}

impl SealWork {
    /// Returns the outcome for the process that asked.
    ///
    /// # Errors
    ///
    /// Returns [`MergerError::Garbled`] when it does not encode.
    pub fn encode(self) -> Result<Vec<u8>, MergerError> {
        postcard::to_stdvec(&self).map_err(|_| MergerError::Garbled { what: "it does not encode" })
    }

    /// Reads the outcome of a job that another process did.
    ///
    /// # Errors
    ///
    /// Returns [`MergerError::Garbled`] for what is none.
    pub fn decode(bytes: &[u8]) -> Result<Self, MergerError> {
        match postcard::take_from_bytes(bytes) {
            Ok((work, [])) => Ok(work),
            _ => Err(MergerError::Garbled { what: "its form" }),
        }
    }
}

impl Hub {
    /// Has a seal held against its record by whoever merges for this hub.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::UnknownDocument`] or [`ReplicaError::UnknownTemplate`] where the document or its
    /// checklist has not arrived, and [`ReplicaError::Merging`] when it was not done.
    pub(in crate::replica) fn hold(
        &self,
        document: DocumentId,
        seal: &[u8],
    ) -> Result<SealWork, ReplicaError> {
        let merger = self.merging.merger()?;
        let mut with_base = true;
        loop {
            let gathered = self.replica().gather(
                &mut self.replica().records_to_merge(),
                document,
                with_base,
            )?;
            let record = MergeJob {
                genesis: gathered.genesis,
                shape: gathered.shape,
                base: gathered.base,
                held: gathered.changes,
                packs: Vec::new(),
                judges: BTreeSet::new(),
                saves: false,
            };
            let job = SealJob { record, seal: seal.to_vec() };
            match twice(|| merger.hold(&job)) {
                // A saved form that does not load is only a cache: start from the sources.
                Err(MergerError::Base) if with_base => with_base = false,
                done => {
                    let failed =
                        |source| ReplicaError::Merging { document, source: Arc::new(source) };
                    return done.map_err(failed);
                }
            }
        }
    }
}
