//! What is different here since somebody last looked: for screens that show lists and records. Reads summary
//! rows; opens no document.

use std::collections::BTreeMap;

use super::{Client, ClientError};
use crate::model::{DocumentId, Kind, Summary};
use crate::replica::{Arrival, SealState};

/// How a record looked.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mark {
    heads: [u8; 32],
    /// What rows say that no head shows: a verdict that counts no more, a seal that arrived.
    row: (String, u32, u32, u32, bool),
    arrival: Arrival,
    minutes: Option<(SealState, usize)>,
}

/// What somebody has seen.
#[derive(Debug, Default)]
pub struct Seen {
    rows: BTreeMap<DocumentId, Mark>,
    checklists: usize,
    own: Option<String>,
}

/// A record that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedRecord {
    /// The record.
    pub document: DocumentId,
    /// Its kind.
    pub kind: Kind,
    /// The inspection that a review or follow-up is about.
    pub inspection: Option<DocumentId>,
    /// Its content changed; not only where it has arrived.
    pub content: bool,
}

/// Everything that is not as it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changed {
    /// Records, new ones too.
    pub records: Vec<ChangedRecord>,
    /// Other checklists are here.
    pub checklists: bool,
    /// What this device may do is another, or it is known now.
    pub rights: bool,
}

impl Changed {
    /// Returns whether all is as it was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && !self.checklists && !self.rights
    }
}

impl Client {
    /// Compares what is here with what was seen, and notes that it is seen now.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Store`] when reading fails; what was compared until then counts as seen.
    pub fn look(&self, seen: &mut Seen) -> Result<Changed, ClientError> {
        let mut changed = Changed::default();
        for kind in Kind::ALL {
            for row in self.all(kind)? {
                let mark = self.mark(&row)?;
                let before = seen.rows.get(&row.document);
                if before == Some(&mark) {
                    continue;
                }
                let content = before.is_none_or(|before| {
                    (&before.heads, &before.row) != (&mark.heads, &mark.row)
                        || before.minutes != mark.minutes
                });
                let (document, inspection) = (row.document, row.inspection);
                changed.records.push(ChangedRecord { document, kind, inspection, content });
                drop(seen.rows.insert(document, mark));
            }
        }
        let checklists = self.phone().replica().templates()?.len();
        changed.checklists = checklists != seen.checklists;
        let own = self.own_entry()?.map(|own| format!("{own:?}"));
        changed.rights = own != seen.own;
        (seen.checklists, seen.own) = (checklists, own);
        Ok(changed)
    }

    fn mark(&self, row: &Summary) -> Result<Mark, ClientError> {
        let minutes = match row.kind {
            Kind::Inspection => self.phone().replica().minutes(row.document)?.standing,
            _ => None,
        };
        Ok(Mark {
            heads: row.heads_digest,
            row: (
                row.state.clone(),
                row.conflicts,
                row.open_requests,
                row.since_signed,
                row.sealed.is_some(),
            ),
            arrival: self.phone().arrival(row.document)?,
            minutes: minutes.map(|held| (held.state, held.countersigned.len())),
        })
    }
}
