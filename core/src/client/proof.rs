//! The exported record of one document, with what the hub proves of it.

use super::{Client, ClientError};
use crate::clock;
use crate::driver::SyncOptions;
use crate::model::DocumentId;
use crate::replica::{Gathered, KeptHead};
use crate::sync::{AdminAnswer, AdminRequest, Failure, LogAnswer, LogProofs, LogRequest};
use crate::trust::log::TreeHead;
use crate::trust::proof::{PROOF_PAGES_MAX, WitnessHead};

/// Requests of one exchange: as many as may wait for an answer.
const ASKED_AT_ONCE: usize = 16;

/// An exported record, and what the hub had no part in.
#[derive(Debug)]
pub struct Exported {
    /// The file.
    pub bytes: Vec<u8>,
    /// Leaves of the hub's log that are proved in it; nothing where the hub was not asked or not reached.
    pub leaves: Option<usize>,
    /// Why the hub did not help, where it was asked.
    pub unhelped: Option<Unhelped>,
}

/// Why a hub did not help.
#[derive(Debug)]
pub enum Unhelped {
    /// It was not reached, or the exchange broke off.
    Cut(Box<ClientError>),
    /// It answered that it will not.
    Refused(Failure),
}

impl Client {
    /// Makes the exported record of a document. Unless `offline`, everything is exchanged with the hub first,
    /// and the hub proves that the record is in its log; where it is not reached the file says nothing of
    /// that. `witnesses` are heads that others were shown, for which the hub is to show that its log goes
    /// on from them.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Replica`] when the record cannot be made. That the hub did not help is no error.
    pub async fn export_record(
        &self,
        document: DocumentId,
        witnesses: &[WitnessHead],
        offline: bool,
    ) -> Result<Exported, ClientError> {
        let asked = match offline || self.hub().is_err() {
            true => Ok(None),
            false => self.gather(document, witnesses).await.map(Some),
        };
        let (gathered, unhelped) = match asked {
            Ok(gathered) => (gathered, None),
            Err(why) => (None, Some(why)),
        };
        let leaves = gathered
            .as_ref()
            .map(|gathered| gathered.pages.iter().map(|page| page.leaves.len()).sum());
        let bytes = self.phone().export(document, &gathered.unwrap_or_default(), clock::now())?;
        Ok(Exported { bytes, leaves, unhelped })
    }

    async fn gather(
        &self,
        document: DocumentId,
        witnesses: &[WitnessHead],
    ) -> Result<Gathered, Unhelped> {
        let cut = |error: ClientError| Unhelped::Cut(Box::new(error));
        // What is only here goes first, so that it is in the log when that is asked.
        self.sync(SyncOptions::default()).await.map_err(cut)?;
        let pages = self.proof_pages(document).await?;
        let newest = pages.last().map(|page| page.head);
        let mut heads: Vec<(TreeHead, bool)> = self
            .phone()
            .heads_kept()
            .map_err(|error| cut(error.into()))?
            .into_iter()
            .map(|head| (head, false))
            .collect();
        heads.extend(pages.iter().map(|page| (page.head, false)));
        heads.extend(witnesses.iter().map(|witness| (witness.head, true)));
        let mut kept = Vec::with_capacity(heads.len());
        if let Some(newest) = newest {
            for some in heads.chunks(ASKED_AT_ONCE) {
                let grown = |(head, _): &(TreeHead, bool)| LogRequest::Grown {
                    from: head.size,
                    to: newest.size,
                };
                let answers = self.ask_log(some.iter().map(grown).collect()).await?;
                for ((head, named), answer) in some.iter().zip(answers) {
                    let proof = match answer {
                        LogAnswer::Grown(proof) => proof,
                        _ => Vec::new(),
                    };
                    kept.push(KeptHead { head: *head, proof, named: *named });
                }
            }
        }
        Ok(Gathered { pages, heads: kept })
    }

    /// Asks for all leaves of a document: for one page, and then for many at once.
    async fn proof_pages(&self, document: DocumentId) -> Result<Vec<LogProofs>, Unhelped> {
        let step = crate::sync::LOG_PROOFS_MAX as u64;
        let mut pages: Vec<LogProofs> = Vec::new();
        let mut at_once = 1;
        while pages.len() < PROOF_PAGES_MAX && pages.last().is_none_or(|page| page.more) {
            let known = pages.len() as u64;
            let page = |place: u64| LogRequest::Proofs { document, after: (known + place) * step };
            for answer in self.ask_log((0..at_once).map(page).collect()).await? {
                // What was asked for behind the last page is empty.
                if let LogAnswer::Proofs(page) = answer
                    && pages.last().is_none_or(|last| last.more)
                {
                    pages.push(page);
                }
            }
            if pages.len() as u64 == known {
                break;
            }
            at_once = ASKED_AT_ONCE as u64;
        }
        Ok(pages)
    }

    async fn ask_log(&self, requests: Vec<LogRequest>) -> Result<Vec<LogAnswer>, Unhelped> {
        let asks = requests.into_iter().map(AdminRequest::Log).collect();
        let report = self.sync(SyncOptions { asks, ..SyncOptions::default() }).await;
        let report = report.map_err(|error| Unhelped::Cut(Box::new(error)))?;
        let mut answers = Vec::with_capacity(report.answers.len());
        for answer in report.answers {
            match answer {
                AdminAnswer::Log(answer) => answers.push(answer),
                AdminAnswer::Refused(failure) => return Err(Unhelped::Refused(failure)),
                _ => {}
            }
        }
        Ok(answers)
    }
}
