//! Shortened records, told again and compared with what was written: for whoever checks a hub's folder or a
//! backup of it.

use std::collections::BTreeMap;

use super::ReplicaError;
use super::facts::Fact;
use super::project::record_hash;
use super::records::Records;
use super::rows::{self, DOCUMENT, DocumentRow};
use super::short;
use crate::model::{DocumentId, Timestamp};
use crate::store::{Position, Record, Store, StoreError};

/// How many problems one check names.
const PROBLEMS_MAX: usize = 16;

/// Shortened records that were told again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToldCheck {
    /// Records that come out as they were written.
    pub told: u64,
    /// Records that cannot be told again, and of which that was noted: peers were asked for what they held.
    pub gone: u64,
    /// Records that do not come out as they were written, and of which nothing was noted.
    pub untold: u64,
    /// What does not come out as it was written, in English; empty when all is well.
    pub problems: Vec<String>,
}

/// What came of one record.
enum Outcome {
    Told,
    /// A later record replaces it, or it says nothing that was left out.
    Nothing,
    /// Documents of which something cannot be told.
    Untold(Vec<DocumentId>),
    /// It is another than it was.
    Other,
}

/// Tells every shortened record in a store again, from the saved documents, and compares it with the hash that
/// was kept of it as it was written. Holds one record in memory, and saved documents as `Records` does: one,
/// or a few small ones.
///
/// # Errors
///
/// Returns [`ReplicaError::Store`] when reading fails. What is damaged in the journal is for
/// [`Store::verify`] to say.
pub fn check_told(store: &dyn Store) -> Result<ToldCheck, ReplicaError> {
    let (mut check, mut records) = (ToldCheck::default(), Records::default());
    let noted = noted_losses(store)?;
    for at in 1..=store.position().0 {
        let Some(record) = readable(store, at)? else { continue };
        let Some(written) = short::written_hash(&record) else { continue };
        match tell(store, &mut records, (at, &record), written)? {
            Outcome::Told => check.told += 1,
            Outcome::Nothing => {}
            Outcome::Other => check.say(format!("record {at} is told again otherwise than it was")),
            Outcome::Untold(documents) => {
                let is_noted = |one| noted.get(one).is_some_and(|noted| *noted > at);
                match documents.iter().find(|one| !is_noted(*one)) {
                    None => check.gone += 1,
                    Some(document) => check.say(format!(
                        "record {at} cannot be told again from the saved document {}",
                        document.short()
                    )),
                }
            }
        }
    }
    Ok(check)
}

/// Returns a record; none where it is lost or damaged.
fn readable(store: &dyn Store, at: u64) -> Result<Option<Record>, StoreError> {
    match store.record(Position(at)) {
        Err(StoreError::Damaged { .. }) => Ok(None),
        read => read,
    }
}

/// Returns the documents of which a loss was noted, and where last.
fn noted_losses(store: &dyn Store) -> Result<BTreeMap<DocumentId, u64>, StoreError> {
    let (document, at) = (DocumentId([0; 32]), Timestamp(0));
    let (packs, changes, kept) = (Vec::new(), Vec::new(), Vec::new());
    let kind = Fact::Unsaved { document, packs, changes, kept, at }.kind();
    let mut noted = BTreeMap::new();
    for at in 1..=store.position().0 {
        if let Some(record) = readable(store, at)?.filter(|record| record.kind == kind)
            && let Ok(Fact::Unsaved { document, .. }) = Fact::read(Position(at), &record)
        {
            noted.insert(document, at);
        }
    }
    Ok(noted)
}

/// Makes a record again as it was written.
fn tell(
    store: &dyn Store,
    records: &mut Records,
    (at, record): (u64, &Record),
    written: [u8; 32],
) -> Result<Outcome, ReplicaError> {
    let Ok(mut fact) = Fact::read(Position(at), record) else { return Ok(Outcome::Other) };
    let mut untold = Vec::new();
    match &mut fact {
        Fact::Saved { .. } => return Ok(Outcome::Nothing),
        Fact::Typed { document, at: when, .. } => {
            let (document, when) = (*document, *when);
            let row: Option<DocumentRow> =
                rows::get(store, &rows::of_document(DOCUMENT, document))?;
            match (row, told(records.change(store, at))?) {
                (Some(row), Some(change)) => {
                    let (genesis, change) = (row.genesis, change.bytes().to_vec());
                    fact = Fact::Changed { genesis, change, at: when };
                }
                _ => untold.push(document),
            }
        }
        Fact::Changed { genesis, change, .. } if short::is_husk(change) => {
            match told(records.change(store, at))? {
                Some(whole) => *change = whole.bytes().to_vec(),
                None => untold.push(genesis.document()),
            }
        }
        _ => {}
    }
    let mut failed = None;
    short::each_pack(&mut fact, |bytes| {
        if failed.is_some() || !short::is_husk(bytes) {
            return;
        }
        match told(records.told(store, at, bytes)) {
            Ok(Some(pack)) => *bytes = pack,
            Ok(None) => untold.extend(short::document_of(bytes)),
            Err(error) => failed = Some(error),
        }
    });
    if let Some(error) = failed {
        return Err(error.into());
    }
    if !untold.is_empty() {
        return Ok(Outcome::Untold(untold));
    }
    let again = fact.record()?;
    let same = again.kind == record.kind && record_hash(&again) == written;
    Ok(if same { Outcome::Told } else { Outcome::Other })
}

/// Returns what could be told again.
fn told<T>(outcome: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match outcome {
        Ok(told) => Ok(Some(told)),
        Err(StoreError::Damaged { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

impl ToldCheck {
    fn say(&mut self, problem: String) {
        self.untold += 1;
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem);
        }
    }
}
