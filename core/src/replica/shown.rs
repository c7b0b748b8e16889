//! Which of the rows that screens show were written: told to who shows them, so that nobody compares all records.

use std::collections::BTreeMap;

use super::rows::{ARRIVAL, COUNTERSIGNED, OBJECT, SEAL_REFUSED, SEALED, SEALS_OF, SUMMARY};
use crate::model::DocumentId;
use crate::store::{Since, Touched};

/// Where rows of these stand, the document (or the checklist) follows the table's byte.
const TABLES: &[u8] = &[SUMMARY, ARRIVAL, SEALED, SEALS_OF, SEAL_REFUSED, COUNTERSIGNED, OBJECT];

/// A table's byte and an id.
const NAME_BYTES: usize = 33;

/// Records whose rows were written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// Records, and whether what they say may be another now; if not, only where they have arrived.
    pub records: BTreeMap<DocumentId, bool>,
    /// A checklist came.
    pub checklists: bool,
}

/// Returns what watches the rows of a replica that screens show; for [`crate::store::Options::touched`].
#[must_use]
pub fn watch() -> Touched {
    Touched::new(TABLES, NAME_BYTES)
}

/// Reads what [`watch`] says.
#[must_use]
pub fn written(since: &Since) -> Written {
    let mut written = Written::default();
    for name in &since.names {
        let Some((table, id)) = name.split_first() else { continue };
        if *table == OBJECT {
            written.checklists = true;
        } else if let Ok(id) = id.try_into() {
            *written.records.entry(DocumentId(id)).or_default() |= *table != ARRIVAL;
        }
    }
    written
}
