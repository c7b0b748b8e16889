//! What is different here since somebody last looked: for screens that show lists and records. Its cost follows
//! what was written since, not what is stored; it opens no document.

use super::{Client, ClientError};
use crate::model::{DocumentId, Kind};
use crate::replica::written_rows;

/// What somebody has seen. A new one has seen nothing of what was written since the folder was opened.
#[derive(Debug, Default)]
pub struct Seen {
    /// Writes up to this turn.
    turn: u64,
    own: Option<String>,
    /// The server's store is known to hold what it signed for.
    confirmed: Option<bool>,
}

/// A record that was written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedRecord {
    /// The record.
    pub document: DocumentId,
    /// Its kind.
    pub kind: Kind,
    /// The inspection that a review or follow-up is about.
    pub inspection: Option<DocumentId>,
    /// Its content may be another; if not, only where it has arrived.
    pub content: bool,
}

/// Everything that is not as it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changed {
    /// Records, new ones too.
    pub records: Vec<ChangedRecord>,
    /// Any other record may have changed too: more was written than is remembered, or where everything has arrived
    /// is to be read anew.
    pub more: bool,
    /// Other checklists are here.
    pub checklists: bool,
    /// What this device may do is another, or it is known now.
    pub rights: bool,
}

impl Changed {
    /// Returns whether all is as it was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && !self.more && !self.checklists && !self.rights
    }
}

impl Client {
    /// Returns what was written since `seen`, and notes that it is seen now.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Store`] when reading fails; nothing counts as seen then.
    pub fn look(&self, seen: &mut Seen) -> Result<Changed, ClientError> {
        let since = self.touched.since(seen.turn);
        let written = written_rows(&since);
        let confirmed = self.phone().is_confirmed()?;
        let mut changed = Changed {
            more: since.more || seen.confirmed.is_some_and(|before| before != confirmed),
            checklists: written.checklists || since.more,
            ..Changed::default()
        };
        for (document, content) in written.records {
            // Without a row in a list it is shown nowhere; when it gets one, that is a write too.
            let Some(row) = self.phone().replica().summary(document)? else { continue };
            let (kind, inspection) = (row.kind, row.inspection);
            changed.records.push(ChangedRecord { document, kind, inspection, content });
        }
        let own = self.own_entry()?.map(|own| format!("{own:?}"));
        changed.rights = own != seen.own;
        *seen = Seen { turn: since.turn, own, confirmed: Some(confirmed) };
        Ok(changed)
    }
}
