//! Asked again when rights come back: what the hub refused because it had lost the grant that allows it.
//! And official numbers that two lives of its store gave.

use super::ReplicaError;
use super::documents::Replica;
use super::facts::Fact;
use super::hub::Hub;
use super::phone::Phone;
use super::rows::{self, ACTING, ActingRow, SEAL_REFUSED, SealingRow};
use crate::model::{DocumentId, Scope};
use crate::store::StoreError;
use crate::sync::DoubleNumber;
use crate::trust::control::{ControlEntry, Deed, Folded, Sealed};

impl Phone {
    /// Notes that rights may have come back to the hub: what it refused of this device is asked once more.
    /// Without anything that was refused nothing is noted.
    pub(super) fn ask_again(&self) -> Result<(), ReplicaError> {
        if !self.has_refused()? {
            return Ok(());
        }
        match self.record(Fact::AskedAgain) {
            // It is noted when rights come back the next time.
            Err(ReplicaError::Store(StoreError::Full { .. })) => Ok(()),
            noted => noted.map(drop),
        }
    }

    fn has_refused(&self) -> Result<bool, StoreError> {
        let store = self.replica().store();
        for (key, value) in store.scan(&[SEAL_REFUSED], None, usize::MAX)? {
            if rows::decode::<SealingRow>(&key, &value)?.given_up.is_none() {
                return Ok(true);
            }
        }
        for (key, value) in store.scan(&[ACTING], None, usize::MAX)? {
            if rows::decode::<ActingRow>(&key, &value)?.refused {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Asks again where the hub sends entries about this device or its holder that are held here already: it
    /// had lost them, and somebody gave them back.
    pub(super) fn heed_returned(
        &self,
        entries: &[ControlEntry],
        folded: &[Folded],
    ) -> Result<(), ReplicaError> {
        let own = self.device();
        let person = self.replica().certified(own)?.certificate.map(|held| held.person);
        let concerns = |entry: &ControlEntry| match &entry.act.act.deed {
            Deed::Certify { device, .. } => *device == own,
            Deed::Grant { person: of, .. } => Some(*of) == person,
            _ => false,
        };
        let back = entries.iter().zip(folded).any(|(entry, folded)| {
            concerns(entry) && matches!(folded, Folded::Known | Folded::Counts)
        });
        if back { self.ask_again() } else { Ok(()) }
    }
}

impl Hub {
    /// Returns the official numbers that stand on the minutes of more than one document.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub fn double_numbers(&self) -> Result<Vec<DoubleNumber>, ReplicaError> {
        Ok(self.replica().double_numbers()?)
    }
}

impl Replica {
    fn double_numbers(&self) -> Result<Vec<DoubleNumber>, StoreError> {
        let noted: Option<Vec<(Scope, String, Vec<DocumentId>)>> =
            rows::get(&**self.store(), &rows::double_numbers())?;
        let mut doubles = Vec::new();
        for (scope, official, named) in noted.unwrap_or_default() {
            let mut documents = Vec::new();
            for document in named {
                let key = rows::of_document_in(rows::SEALED, document, &scope);
                let sealed: Option<Sealed> = rows::get(&**self.store(), &key)?;
                // Minutes that an earlier life had registered under another number have that.
                let stands = sealed.and_then(|sealed| sealed.official);
                documents.extend((stands.as_ref() == Some(&official)).then_some(document));
            }
            if documents.len() > 1 {
                doubles.push(DoubleNumber { scope, official, documents });
            }
        }
        Ok(doubles)
    }

    /// Returns how many rows the series of official numbers have, for tests.
    #[cfg(test)]
    fn numbered(&self) -> usize {
        self.store().scan(&[rows::SERIES], None, usize::MAX).map_or(0, |rows| rows.len())
    }
}

/// Returns a row that was refused as one that waits anew.
pub(super) fn anew(row: SealingRow) -> SealingRow {
    SealingRow { epoch: None, ..row }
}

#[cfg(test)]
mod tests;
